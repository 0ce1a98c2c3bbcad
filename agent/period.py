"""The reading period: one reading per equipment and day, week or month."""

from __future__ import annotations

from datetime import date
from typing import Literal

Every = Literal["day", "week", "month"]


def period_key(every: Every, local_date: date) -> str:
    """The name of the period that the customer's local date lies in: "2026-11-23", "2026-W48" or "2026-11".

    Weeks are those of ISO 8601, so the last days of December may belong to week 1 of the next year.
    """
    if every == "day":
        return local_date.isoformat()[:10]
    if every == "week":
        year, week, _ = local_date.isocalendar()
        return f"{year:04d}-W{week:02d}"
    return f"{local_date.year:04d}-{local_date.month:02d}"

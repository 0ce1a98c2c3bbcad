"""Moments as the contract writes them: RFC 3339, UTC, whole seconds, sortable as text."""

from __future__ import annotations

import datetime as dt


def stamp(moment: dt.datetime) -> str:
    """The moment as text; anything below a second is cut off."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text: object) -> dt.datetime:
    """The moment behind a text, in UTC; raises `ValueError` for no date with time and zone between 1970 and 9998."""
    if not isinstance(text, str) or len(text) < len("2026-01-01T00:00Z"):
        raise ValueError(text)
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None or not 1970 <= moment.year <= 9998:
        raise ValueError(text)
    return moment.astimezone(dt.UTC)

"""What was saved of damaged databases, for those who ask."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Row, select

from agent.migrations.rows import moment_shown
from agent.migrations.tables import salvages
from agent.store import Store
from agent.texts import Message, message

SHOWN_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Salvage:
    """A database that was made anew: when, where the damaged file is, rows saved in all, and rows lost by table.

    `kept` is `None` of one that is only older than it was.
    """

    at: datetime
    kept: Path | None
    saved: int
    lost: Mapping[str, int]

    def told(self) -> Message:
        """What happened, and what to do with the damaged file."""
        if not self.kept:
            return message(
                "The database is older than it was ({at}): at least {count} entries of the ledger are missing, as after"
                " going back to a copy. What was sent since then is not known any more.",
                at=_when(self.at),
                count=sum(self.lost.values()),
            )
        if not self.lost:
            return message(
                "The database was damaged and has been made anew ({at}). All {saved} rows were saved. The damaged file"
                " is {file}; delete it when your service partner does not want it.",
                at=_when(self.at),
                saved=self.saved,
                file=str(self.kept),
            )
        return message(
            "The database was damaged and has been made anew ({at}). {saved} rows were saved, {lost} could not be read"
            " ({tables}). The damaged file is {file}; keep it for your service partner, then delete it.",
            at=_when(self.at),
            saved=self.saved,
            lost=sum(self.lost.values()),
            tables=", ".join(f"{table}: {count}" for table, count in self.lost.items()),
            file=str(self.kept),
        )


class SqlSalvages:
    """The account of every salvage. Raises `StoreError` and its subclasses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> Sequence[Salvage]:
        """The oldest first."""
        with self._store.connect() as connection:
            return [self._salvage(row) for row in connection.execute(select(salvages).order_by(salvages.c.id))]

    def matters(self, now: datetime) -> Sequence[Salvage]:
        """Those whose damaged file is still there, or of the last month."""
        return [one for one in self.all() if (one.kept.exists() if one.kept else now - one.at < SHOWN_FOR)]

    def _salvage(self, row: Row[tuple[object, ...]]) -> Salvage:
        try:
            lost = {str(table): int(count) for table, count in json.loads(row.lost).items()}
        except (ValueError, TypeError, AttributeError):
            lost = {}
        kept = self._store.path.with_name(row.kept) if row.kept else None
        return Salvage(moment_shown(row.at), kept, row.saved, lost)


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"

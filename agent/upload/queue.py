"""What may be sent next: as it was stored, past what waits for its time, in the same time however much waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from itertools import islice

from sqlalchemy import Connection, func, select

from agent.migrations.rows import entry_of, is_damaged, microseconds
from agent.migrations.tables import POSTPONED, envelopes
from agent.upload.envelope import Entry
from agent.upload.next_step import LONGEST_WAIT

AHEAD = 5_000  # rows that are looked at one behind the other, before each equipment is asked by itself


class Queue:
    """The waiting envelopes in one view of the database, at one time."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._blocked = self._postponed(now)

    def due(self, limit: int) -> list[Entry]:
        """At most `limit` that may be sent now, in the order in which they were stored."""
        found: list[Entry] = []
        free = self._free()
        while numbers := list(islice(free, limit - len(found))):
            statement = select(envelopes).where(envelopes.c.id.in_(numbers)).order_by(envelopes.c.id)
            entries = map(entry_of, self._connection.execute(statement))
            found += [entry for entry in entries if not is_damaged(entry)]
        return found

    def _postponed(self, now: datetime) -> dict[tuple[str, str], int]:
        """By equipment and kind the oldest that waits for its time: whatever is younger waits as well."""
        columns = (envelopes.c.equipment_number, envelopes.c.kind, func.min(envelopes.c.id).label("oldest"))
        at, latest = microseconds(now), microseconds(now + LONGEST_WAIT)
        statement = (
            select(*columns)
            .where(POSTPONED, envelopes.c.not_before > at, envelopes.c.not_before <= latest)
            .group_by(envelopes.c.equipment_number, envelopes.c.kind)
        )
        return {(row.equipment_number, row.kind): row.oldest for row in self._connection.execute(statement)}

    def _is_free(self, number: int, equipment_number: str, kind: str) -> bool:
        return number < self._blocked.get((equipment_number, kind), number + 1)

    def _free(self) -> Iterator[int]:
        """The rows that may be sent. Nearly always the first ones that wait are among them."""
        columns = (envelopes.c.id, envelopes.c.equipment_number, envelopes.c.kind)
        statement = select(*columns).where(envelopes.c.state == "waiting").order_by(envelopes.c.id).limit(AHEAD)
        seen = last = 0
        for row in self._connection.execute(statement):
            seen, last = seen + 1, row.id
            if self._is_free(row.id, row.equipment_number, row.kind):
                yield row.id
        if seen == AHEAD:
            yield from merge(*(self._of_one(number, last) for number in self._equipments()))

    def _equipments(self) -> Iterator[str]:
        """All equipment numbers, from one to the next by the index."""
        number: str | None = ""
        while number is not None:
            if number:
                yield number
            following = select(func.min(envelopes.c.equipment_number)).where(envelopes.c.equipment_number > number)
            number = self._connection.execute(following).scalar()

    def _of_one(self, equipment_number: str, after: int) -> Iterator[int]:
        """The rows of one equipment behind `after` that may be sent. `coalesce` keeps databases from going through
        all that waits."""
        statement = (
            select(envelopes.c.id, envelopes.c.kind)
            .where(envelopes.c.equipment_number == equipment_number, envelopes.c.id > after)
            .where(func.coalesce(envelopes.c.state, "") == "waiting")
            .order_by(envelopes.c.id)
        )
        rows = self._connection.execute(statement).all()
        return (row.id for row in rows if self._is_free(row.id, equipment_number, row.kind))

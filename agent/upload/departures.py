"""What may have left the house without an answer: noted before the first byte of it leaves, until the verdict is known.

An agent that is killed while it sends leaves this behind: from it the next one, and whoever would take a decision back,
knows what the portal may have.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from agent.migrations.rows import key_of, microseconds, portions, reference_of, shown_at
from agent.migrations.tables import departures


def depart(connection: Connection, references: Sequence[str], by: str, now: datetime) -> frozenset[str]:
    """Notes all of them; those that may have left before."""
    before = departed(connection, references)
    at = microseconds(now)
    fresh = [{"reference": key_of(one), "at": at, "by": by} for one in references if one not in before]
    if fresh:
        connection.execute(insert(departures), fresh)
    return before


def departed(connection: Connection, references: Sequence[str]) -> frozenset[str]:
    """Those of these that the portal may have without our knowing."""
    found: set[str] = set()
    for some in portions(references):
        mine = departures.c.reference.in_(map(key_of, some))
        found.update(map(reference_of, connection.execute(select(departures.c.reference).where(mine)).scalars()))
    return frozenset(found)


def came_back(connection: Connection, references: Sequence[str]) -> None:
    """The portal has answered for these, or has surely not looked at them."""
    for some in portions(references):
        connection.execute(delete(departures).where(departures.c.reference.in_(map(key_of, some))))


def departed_at(connection: Connection, reference: str) -> datetime | None:
    """Since when the portal may have it; `None` where it has surely not left, or its verdict is known."""
    at = connection.execute(select(departures.c.at).where(departures.c.reference == key_of(reference))).scalar()
    return None if at is None else shown_at(at)

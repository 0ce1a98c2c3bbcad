"""What was parked is tried again after a day, however much it is, and however often that comes to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, or_, select, update

from agent.migrations.rows import microseconds, note_json, portions
from agent.migrations.tables import envelopes, history
from agent.texts import message
from agent.upload.next_step import PARKED_FOR

AGAIN = message("Tried again after a day.")
_DAY = PARKED_FOR // timedelta(microseconds=1)


def is_any_ripe(connection: Connection, now: datetime) -> bool:
    """Whether anything was parked a day ago or earlier."""
    return connection.execute(select(envelopes.c.id).where(*_ripe(now)).limit(1)).first() is not None


def wake(connection: Connection, now: datetime) -> int:
    """Lets what was parked a day ago or earlier wait for the portal again; how many there were."""
    at, note = microseconds(now), note_json(AGAIN)
    numbers = connection.execute(select(envelopes.c.id).where(*_ripe(now)).order_by(envelopes.c.id)).scalars().all()
    for some in portions(numbers):
        for spent in portions(list(_spent(connection, some, note))):
            connection.execute(delete(history).where(history.c.id.in_(spent)))
        changes = {"state": "waiting", "not_before": None, "reasons": None, "settled_at": None}
        connection.execute(update(envelopes).where(envelopes.c.id.in_(some)).values(changes))
        lines = [{"envelope": number, "at": at, "state": "waiting", "note": note} for number in some]
        connection.execute(insert(history), lines)
    return len(numbers)


def _ripe(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    at = microseconds(now)
    # One that was parked in the future was parked before the clock was set back.
    return envelopes.c.state == "parked", or_(envelopes.c.settled_at <= at - _DAY, envelopes.c.settled_at > at)


def _spent(connection: Connection, numbers: Sequence[int], note: str) -> Iterator[int]:
    """The lines of a try that has changed nothing: a right that is missing for a year would fill the disk with them.

    That it was parked first, and the last try, stay; how many there were is told by the attempts.
    """
    statement = select(history).where(history.c.envelope.in_(numbers)).order_by(history.c.envelope, history.c.id)
    lines: list[Row[Any]] = []
    for line in connection.execute(statement):
        lines = [*lines[-2:], line] if lines and lines[-1].envelope == line.envelope else [line]
        if len(lines) == 3 and lines[1].note == note and _said(lines[0]) == _said(lines[2]):
            yield from (lines[1].id, lines[2].id)
            lines = lines[:1]


def _said(line: Row[Any]) -> tuple[str, str | None]:
    return line.state, line.note

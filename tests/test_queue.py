"""What is due is found in the same time however much waits, and never past what waits for its time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from agent.meters import Finding
from agent.ports import Parcel
from agent.store import Store
from agent.texts import message
from agent.upload.outbox import SqlOutbox
from agent.upload.queue import AHEAD
from tests.crash_writer import START, reading

BUSY = Finding("portal_unavailable", message("The portal does not answer."))
NOW = START + timedelta(days=30)
LATER = NOW + timedelta(minutes=10)
STEPS = 50  # instructions of SQLite's machine between two ticks of `Work`


class Work:
    """How much SQLite works, in ticks: the same on every computer."""

    def __init__(self) -> None:
        self.ticks = 0

    def tick(self) -> int:
        self.ticks += 1
        return 0

    def of(self, outbox: SqlOutbox) -> int:
        before = self.ticks
        outbox.due(NOW, 100)
        return self.ticks - before


@pytest.fixture
def work() -> Iterator[Work]:
    counted = Work()

    def connected(connection: sqlite3.Connection, record: object) -> None:
        connection.set_progress_handler(counted.tick, STEPS)

    event.listen(Engine, "connect", connected)
    yield counted
    event.remove(Engine, "connect", connected)


def stored(outbox: SqlOutbox, equipments: int, first: int, count: int) -> list[str]:
    """Readings of so many equipments in turn; their references."""
    made = [reading(f"E{number % equipments}", number) for number in range(first, first + count)]
    outbox.put_all([Parcel(envelope) for envelope in made])
    return [envelope.reference for envelope in made]


def test_ten_times_as_much_is_no_more_work(tmp_path: Path, work: Work) -> None:
    """With nothing postponed, and with the oldest of some printers postponed."""
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        outbox = SqlOutbox(store)
        oldest = stored(outbox, 50, 0, 500)[:20]
        few = work.of(outbox)
        outbox.postpone(oldest, LATER, BUSY)
        few_of_many = work.of(outbox)
        outbox.postpone(oldest, NOW, BUSY)
        stored(outbox, 50, 500, 4500)
        assert work.of(outbox) <= few * 1.2
        outbox.postpone(oldest, LATER, BUSY)
        assert work.of(outbox) <= few_of_many * 1.2
        assert few > 10


def test_behind_all_that_waits_for_its_time(tmp_path: Path) -> None:
    """However much of some printers has to wait, what may go of others is found; nothing of them is overtaken."""
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        outbox = SqlOutbox(store)
        blocked = stored(outbox, 2, 0, AHEAD + 100)
        outbox.postpone(blocked[:2], LATER, BUSY)
        assert outbox.due(NOW, 100) == []
        others = [reading(f"F{number % 2}", AHEAD + 200 + number) for number in range(4)]
        outbox.put_all([Parcel(envelope) for envelope in others])
        assert [entry.envelope for entry in outbox.due(NOW, 3)] == others[:3]
        assert [entry.envelope for entry in outbox.due(NOW, 100)] == others
        assert [entry.envelope.reference for entry in outbox.due(LATER, 100)] == blocked[:100]
        outbox.postpone([blocked[0]], LATER + timedelta(minutes=1), BUSY)
        due = [entry.envelope.reference for entry in outbox.due(LATER, 100)]
        assert due == blocked[1:201:2], "the other printer's, in their order"


def test_a_clock_that_was_set_back(tmp_path: Path) -> None:
    """Readings of one printer go as they were stored, whatever the clock said meanwhile."""
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        outbox = SqlOutbox(store)
        first, second = reading("E1", 500), reading("E1", 7)
        outbox.put_all([Parcel(first), Parcel(second)])
        assert [entry.envelope for entry in outbox.due(NOW, 10)] == [first, second]

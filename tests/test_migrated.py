"""A database of the version before is brought to this one with all that it had."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import zlib
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine

from agent.ledger import verify
from agent.memory import SqlMemory
from agent.meters import Finding
from agent.migrations.rows import instant
from agent.store import Store
from agent.texts import message
from agent.upload.envelope import Accepted, Envelope, Kept
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import HELD
from tests.crash_writer import START, migrate, reading
from tests.earlier import STORED, config_of, with_readings
from tests.test_store import started
from tests.year import YearlyPrinter

LATER = START + timedelta(days=2)
SETTLED = '{"template": "{who} discarded it.", "values": {"who": "anna"}}'


def old(file: Path, count: int) -> list[Envelope]:
    """A database of version 0009 with so many readings of five printers."""
    sealed = [reading(f"E{number % 5}", number, value=1000 + number) for number in range(count)]
    with_readings(file, "0009", sealed)
    return sealed


def change(file: Path, statement: str, values: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        assert connection.execute(statement, values).rowcount == 1


def test_everything_is_there(tmp_path: Path) -> None:
    """Bytes, order, history, values with their places, proofs and the ledger are as they were; it goes on with them."""
    file = tmp_path / "a.sqlite"
    sealed = old(file, 1203)
    with Store.open(file, exclusive=True) as store:
        outbox, memory = SqlOutbox(store), SqlMemory(store)
        assert [entry.envelope for entry in outbox.due(LATER, 2000)] == sealed
        assert [entry.envelope for entry in memory.entries(limit=2000)] == sealed[::-1]
        (event,) = memory.history(sealed[7].reference)
        assert (event.at, event.state, event.note) == (sealed[7].created_at, "waiting", message("Stored."))
        proof = memory.proof(sealed[7].reference)
        assert proof is not None
        assert (proof.evidence, proof.profile, proof.identity.serial_number) == (
            {"1.3.6": "65|1000"},
            "hp/1",
            "VNB12345",
        )
        assert (proof.read_at, proof.values) == (sealed[7].created_at, (("total", 1007, "1.3.6"),))
        last = memory.last_reported(["E2"])["E2"]["total"]
        assert (last.value, last.origin) == (2202, "1.3.6")
        found = verify(store)
        assert (found.links, found.why) == (1203, None)
        assert not outbox.put(reading("E0", 1300, key="E0/0"), None), "slots are kept"
        outbox.settle(sealed[0].reference, Accepted(("1",)), LATER)
        assert outbox.put(reading("E9", 2000), None)
        assert verify(store).why is None
        with store.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_every_state_is_kept(tmp_path: Path) -> None:
    """What was held, discarded, postponed or booked is so still, with its reasons, receipts and history."""
    file = tmp_path / "a.sqlite"
    held, discarded, postponed, booked = (one.reference for one in old(file, 4))
    settled = instant(LATER - timedelta(days=1))
    reasons = '[{"code": "below_last", "message": {"template": "Below.", "values": {}}}]'
    change(
        file,
        "UPDATE envelopes SET state = 'quarantined', slot_key = slot_key || ?, slot = slot || ?, reasons = ?"
        " WHERE reference = ?",
        (HELD, HELD, reasons, held),
    )
    note = STORED.replace("Stored", "Below")
    change(file, "UPDATE history SET state = 'quarantined', note = ? WHERE reference = ?", (note, held))
    gone = "UPDATE envelopes SET state = 'discarded', slot = NULL, settled_at = ? WHERE reference = ?"
    change(file, gone, (settled, discarded))
    line = "INSERT INTO history (reference, at, state, note) VALUES (?, ?, 'discarded', ?)"
    change(file, line, (discarded, settled, SETTLED))
    later = instant(LATER + timedelta(hours=1))
    change(file, "UPDATE envelopes SET not_before = ?, attempts = 3 WHERE reference = ?", (later, postponed))
    change(file, "UPDATE envelopes SET state = 'accepted', receipts = '[\"4711\"]' WHERE reference = ?", (booked,))
    with Store.open(file, exclusive=True) as store:
        outbox, memory = SqlOutbox(store), SqlMemory(store)
        entries = {entry.envelope.reference: entry for entry in memory.entries()}
        assert [entries[one].state for one in (held, discarded, postponed, booked)] == [
            "quarantined",
            "discarded",
            "waiting",
            "accepted",
        ]
        assert [reason.code for reason in entries[held].reasons] == ["below_last"]
        assert [event.state for event in memory.history(held)] == ["quarantined"]
        assert [event.state for event in memory.history(discarded)] == ["waiting", "discarded"]
        assert entries[discarded].settled_at == START + timedelta(days=1)
        assert (entries[postponed].attempts, entries[booked].receipts) == (3, ("4711",))
        assert outbox.due(LATER, 10) == []
        assert [one.envelope.reference for one in outbox.due(LATER + timedelta(hours=2), 10)] == [postponed]
        assert outbox.taken("reading", "E1/1") is None
        outbox.release(held, counter_replaced=False, by="anna", now=LATER)
        assert outbox.taken("reading", "E0/0") is not None


@pytest.mark.parametrize(
    "damage",
    [
        "body = replace(CAST(body AS TEXT), '1000', '1001')",
        "body = 0",
        "digest = 'x'",
        "created_at = '2026-11-23T08:01:0x'",
    ],
)
def test_what_was_damaged_stays_damaged(tmp_path: Path, damage: str) -> None:
    """A damaged row is moved as it is: still shown as damaged, never sent, and in nobody's way."""
    file = tmp_path / "a.sqlite"
    first, second = old(file, 2)
    change(file, f"UPDATE envelopes SET {damage} WHERE reference = ?", (first.reference,))  # noqa: S608  our own
    with Store.open(file, exclusive=True) as store:
        assert [entry.envelope for entry in SqlOutbox(store).due(LATER, 10)] == [second]
        entry = SqlMemory(store).entry(first.reference)
        assert entry is not None
        assert [reason.code for reason in entry.reasons] == ["row_damaged"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_statement(tmp_path: Path) -> None:
    """An upgrade that is killed at any of its statements leaves the old database, which the next start upgrades."""
    template = tmp_path / "old.sqlite"
    sealed = old(template, 3)
    for fatal in range(1, 200):
        file = tmp_path / f"{fatal}.sqlite"
        file.write_bytes(template.read_bytes())
        killed = started(lambda file=file, fatal=fatal: migrate(file, fatal))  # type: ignore[misc]
        with Store.open(file, exclusive=True) as store:
            assert [entry.envelope for entry in SqlOutbox(store).due(LATER, 10)] == sealed
            assert verify(store).why is None
        if not killed:
            assert fatal > 30, "an upgrade has more statements than that"
            return
    raise AssertionError("the last kill must come after the last statement")


def test_there_and_back(tmp_path: Path) -> None:
    """An older agent gets every reading, value, place, proof, state and line of the history, and so does this one after
    it: proofs that were differences are whole then, which the ledger knows."""
    file = tmp_path / "a.sqlite"
    printer = YearlyPrinter(3)
    number = printer.equipment.equipment_number
    with Store.open(file, exclusive=True) as store:
        outbox, memory = SqlOutbox(store), SqlMemory(store)
        for day in range(4):
            before = memory.last_reported([number])[number]
            outbox.put_all([printer.parcel(day, START + timedelta(days=day), before)])
        outbox.put(reading("E1", 9, held=HELD), None, held=[Finding("below_last", message("Below."))])
        booked, parked, *_ = (entry.envelope.reference for entry in outbox.due(LATER, 10))
        outbox.settle(booked, Accepted(("4711",)), LATER)
        outbox.settle(parked, Kept("right-missing", "no"), LATER)
        told = all_of(store)
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        command.downgrade(config_of(connection), "0009")
    engine.dispose()
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(
            "SELECT e.body, e.digest, p.packed FROM envelopes e LEFT JOIN proofs p USING (reference)"
        )
        for body, known, packed in rows:
            assert hashlib.sha256(body).hexdigest() == known
            assert packed is None or json.loads(zlib.decompress(packed))["identity"]
        values = connection.execute("SELECT count(*), count(DISTINCT reference), count(origin) FROM reading_values")
        assert values.fetchone() == (17, 5, 16)
        lines = connection.execute("SELECT count(*) FROM history WHERE state = 'waiting'").fetchone()
        assert lines == (4,)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    with Store.open(file, exclusive=True) as store:
        assert all_of(store) == told
        assert verify(store).why is None


def all_of(store: Store) -> dict[str, object]:
    """Everything that is told of every envelope, but for their links."""
    memory = SqlMemory(store)
    references = [entry.envelope.reference for entry in memory.entries()]
    told = (memory.entry, memory.history, memory.proof, memory.origins)
    return {one: [tell(one) for tell in told] for one in references}

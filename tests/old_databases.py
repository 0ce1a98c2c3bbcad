"""Databases as each released version wrote them: a filled outbox in the tables that it had then.

What was written is history and never changes, so it stands here in words of its own. A column or table that a version
did not have is left out. Versions after the last one known here get what it wrote, brought on by the migrations.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from agent.decisions import SqlDecisions
from agent.ledger import verify
from agent.memory import HistoryEvent, SqlMemory
from agent.meters import LastReading
from agent.migrations import upgrade
from agent.migrations.rows import instant
from agent.store import Store
from agent.upload.envelope import Entry
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import HELD
from tests.crash_writer import START, reading
from tests.test_outbox import order

LAST_WRITTEN = "0009"  # the newest version whose rows stand here
MANY = 30
STATES = ("waiting", "accepted", "rejected", "parked", "quarantined", "discarded")
REASON = [{"code": "below_last", "message": {"template": "{code} fell", "values": {"code": "total"}}}]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).parent))
    return config


def versions() -> list[str]:
    """Every version there ever was, the oldest first."""
    return [step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def bring(file: Path, revision: str, *, down: bool = False) -> None:
    """Brings an empty or older database to a version, as the agent of that version did, or a newer one back to it."""
    file.touch()
    config, engine = _config(), create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        if down:
            upgrade.bring_down(connection, revision)
        else:
            command.upgrade(config, revision)
    engine.dispose()


def last_one_way() -> str:
    """The newest step that cannot be undone, or the first version."""
    steps = ScriptDirectory.from_config(_config()).walk_revisions()
    return next((step.revision for step in steps if not hasattr(step.module, "downgrade")), versions()[0])


def write(file: Path, revision: str) -> None:
    """A database of this version with readings and orders in every state."""
    bring(file, min(revision, LAST_WRITTEN))
    insert(file, columns_of(file), range(MANY))
    bring(file, revision)


def columns_of(file: Path) -> dict[str, list[str]]:
    """By table the columns that a version has."""
    connection = sqlite3.connect(file)
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")] for name in names}
    connection.close()
    return found


def insert(file: Path, columns: Mapping[str, Sequence[str]], numbers: Sequence[int]) -> None:
    """Rows of envelopes with these numbers, as an agent writes them that knows only these columns."""
    connection = sqlite3.connect(file)
    with connection:
        for table, rows in _tables(numbers).items():
            for row in rows if table in columns else ():
                there = {name: value for name, value in row.items() if name in columns[table]}
                connection.execute(
                    f"INSERT INTO {table} ({', '.join(there)}) VALUES ({', '.join('?' * len(there))})",  # noqa: S608
                    [*there.values()],
                )
    connection.close()


def _tables(numbers: Sequence[int]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """All rows of all tables, with the columns of every version."""
    made = [_envelope(number) for number in numbers]
    told = [one for one in made if one["kind"] == "reading"]
    return {
        "envelopes": made,
        "readings": [{**_of(one), "equipment_number": one["equipment_number"], "read_at": _at(one)} for one in told],
        "reading_values": [_value(one, code) for one in told for code in ("total", "color")],
        "proofs": [_proof(one) for one in told],
        "history": [line for one in made for line in _lines(one)],
        "ledger": _links(made),
    }


def _envelope(number: int) -> dict[str, Any]:
    state, is_order = STATES[number % len(STATES)], number % 10 == 7
    made = order(number) if is_order else reading(f"E{number % 4}", number, value=1000 + number)
    key = f"E1/T{number}" if is_order else made.slot_key + (HELD if state == "quarantined" else "")
    settled = state not in ("waiting", "quarantined")
    return {
        "reference": made.reference,
        "kind": made.kind,
        "equipment_number": made.equipment_number,
        "slot_key": key,
        "slot": None if state == "discarded" else key,
        "created_at": instant(made.created_at),
        "body": made.body,
        "digest": made.digest,
        "state": state,
        "attempts": number % 3,
        "not_before": instant(START) if number == 0 else None,
        "receipts": json.dumps([f"47{number}"] if state == "accepted" else []),
        "reasons": json.dumps(REASON if state in ("quarantined", "rejected", "parked") else []),
        "settled_at": instant(START) if settled else None,
    }


def _of(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"reference": row["reference"]}


def _at(row: Mapping[str, Any]) -> str:
    return str(row["created_at"])


def _value(row: Mapping[str, Any], code: str) -> dict[str, Any]:
    value = json.loads(row["body"])["readings"][0]["value"]
    return {**_of(row), "measuring_point": "1", "meter_code": code, "value": value, "origin": f"1.3.6.{len(code)}"}


def _proof(row: Mapping[str, Any]) -> dict[str, Any]:
    evidence = json.dumps({"1.3.6.1.2.1.43.10.2.1.4.1.1": f"65|{row['created_at']}"})
    identity = '{"model": "P-1", "serial_number": "VNB12345", "mac_addresses": []}'
    endpoint = '{"address": "192.0.2.7", "port": 161}'
    said = f'{{"evidence":{evidence},"identity":{identity},"endpoint":{endpoint}}}'
    return {
        **_of(row),
        "read_at": _at(row),
        "profile": "hp/1",
        "evidence": evidence,
        "identity": identity,
        "endpoint": endpoint,
        "packed": zlib.compress(said.encode()),
    }


def _lines(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    note = json.dumps({"template": "Stored.", "values": {}})
    first = "quarantined" if row["state"] == "quarantined" else "waiting"
    states = [first] if row["state"] == first else [first, row["state"]]
    return [{**_of(row), "at": _at(row), "state": state, "note": note} for state in states]


def _links(made: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    head, links = bytes(32), []
    for position, row in enumerate(made, 1):
        proof = hashlib.sha256(_proof(row)["packed"]).digest() if row["kind"] == "reading" else None
        parts = [position, "sealed", row["reference"], row["digest"], proof.hex() if proof else None, _at(row)]
        head = hashlib.sha256(head + json.dumps(parts, separators=(",", ":")).encode()).digest()
        link = {"position": position, "kind": "sealed", "body": bytes.fromhex(row["digest"]), "proof": proof}
        links.append({**_of(row), **link, "at": _at(row), "hash": head})
    return links


@dataclass(frozen=True, slots=True)
class Content:
    """All that a database must keep, as the agent itself tells it."""

    entries: Mapping[str, Entry]
    history: Mapping[str, Sequence[HistoryEvent]]
    evidence: Mapping[str, object]
    last: Mapping[str, Mapping[str, LastReading]]
    due: Sequence[str]
    holders: Mapping[str, str]
    links: int
    broken: str
    decided: Sequence[object]


def content_of(file: Path, now: datetime) -> Content:
    """Opens the database, which brings it to the newest version, and reads everything."""
    with Store.open(file, exclusive=True) as store:
        memory, outbox, ledger = SqlMemory(store), SqlOutbox(store), verify(store)
        entries = {entry.envelope.reference: entry for entry in memory.entries(limit=10_000)}
        equipments = sorted({entry.envelope.equipment_number for entry in entries.values()})
        proofs = {each: memory.proof(each) for each in entries}
        slots = [entry.envelope.slot_key for entry in entries.values()]
        holders = outbox.holders("reading", slots) | outbox.holders("order", slots)
        return Content(
            entries=entries,
            history={each: memory.history(each) for each in entries},
            evidence={
                each: proof and (proof.evidence, proof.identity, proof.endpoint, [row[:2] for row in proof.values])
                for each, proof in proofs.items()
            },
            last={
                number: {code: LastReading(one.value, one.read_at) for code, one in values.items()}
                for number, values in memory.last_reported(equipments).items()
            },
            due=[entry.envelope.reference for entry in outbox.due(now, 10_000)],
            holders={slot: entry.envelope.reference for slot, entry in holders.items()},
            links=ledger.links,
            broken=str(ledger.why or ""),
            decided=[SqlDecisions(store).of_equipment(number) for number in equipments],
        )

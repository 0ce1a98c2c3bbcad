"""Databases as earlier versions wrote them."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine

from agent.migrations import upgrade
from agent.migrations.rows import instant, moment_of
from agent.upload.envelope import Envelope
from agent.upload.links import Chain, Item, digest

STORED = '{"template": "Stored.", "values": {}}'
PACKED = zlib.compress(
    b'{"evidence":{"1.3.6":"65|1000"},"identity":{"serial_number":"VNB12345"},"endpoint":{"address":"192.0.2.7"}}'
)


def at_version(file: Path, revision: str) -> None:
    """Brings an empty database to an earlier version."""
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        command.upgrade(config_of(connection), revision)
    engine.dispose()


def config_of(connection: Connection) -> Config:
    """What Alembic needs to work on this connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(upgrade.__file__).parent))
    config.attributes["connection"] = connection
    return config


def with_readings(file: Path, revision: str, sealed: Sequence[Envelope]) -> None:
    """A database of version 0008 or 0009 in which these readings wait, each with its proof, history and (0009) link."""
    at_version(file, revision)
    chain = Chain()
    with closing(sqlite3.connect(file)) as old, old:
        for one in sealed:
            at, read_at = instant(one.created_at), instant(moment_of(one.content["read_at"]))
            row = (one.reference, one.kind, one.equipment_number, one.slot_key, one.slot_key, at, one.body, one.digest)
            old.execute(
                "INSERT INTO envelopes (reference, kind, equipment_number, slot_key, slot, created_at, body, digest,"
                " state, attempts, receipts, reasons) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0, '[]', '[]')",
                row,
            )
            old.execute("INSERT INTO readings VALUES (?, ?, ?)", (one.reference, one.equipment_number, read_at))
            for value in one.content["readings"]:
                values = (one.reference, value["measuring_point"], value["meter_code"], value["value"], "1.3.6")
                old.execute("INSERT INTO reading_values VALUES (?, ?, ?, ?, ?)", values)
            old.execute("INSERT INTO proofs VALUES (?, ?, 'hp/1', ?)", (one.reference, read_at, PACKED))
            old.execute(
                "INSERT INTO history (reference, at, state, note) VALUES (?, ?, 'waiting', ?)",
                (one.reference, at, STORED),
            )
            if revision >= "0009":
                link = chain.added(Item("sealed", one.reference, digest(one.body), digest(PACKED), at))
                parts = (link.position, "sealed", one.reference, digest(one.body), digest(PACKED), at, link.hash)
                old.execute("INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?)", parts)

"""The portal's database: equipment, measurement documents and orders, in one SQLite file that survives being killed."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.portal.areas import SCOPES
from sandbox.portal.moments import stamp
from sandbox.portal.rules import Neighbour
from sandbox.portal.seed import EquipmentSeed, Seed

SCHEMA = """
CREATE TABLE IF NOT EXISTS equipments (
  equipment_number TEXT PRIMARY KEY, content TEXT NOT NULL, version INTEGER NOT NULL,
  modified_at TEXT NOT NULL DEFAULT '2020-01-01T00:00:00Z');
CREATE TABLE IF NOT EXISTS points (
  measuring_point TEXT PRIMARY KEY, equipment_number TEXT NOT NULL, meter_code TEXT NOT NULL, content TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS points_by_equipment ON points (equipment_number);
CREATE TABLE IF NOT EXISTS documents (
  number INTEGER PRIMARY KEY AUTOINCREMENT, measuring_point TEXT NOT NULL, equipment_number TEXT NOT NULL,
  meter_code TEXT NOT NULL, value INTEGER NOT NULL, read_at TEXT NOT NULL, booked_at TEXT NOT NULL,
  estimated INTEGER NOT NULL, reversed INTEGER NOT NULL DEFAULT 0, client_reference TEXT);
CREATE INDEX IF NOT EXISTS documents_by_point ON documents (measuring_point, read_at);
CREATE TABLE IF NOT EXISTS submissions (
  agent_id TEXT NOT NULL, client_reference TEXT NOT NULL, digest TEXT NOT NULL, result TEXT NOT NULL,
  content TEXT NOT NULL DEFAULT '{}', PRIMARY KEY (agent_id, client_reference));
CREATE TABLE IF NOT EXISTS bom_items (
  equipment_number TEXT NOT NULL, bom_item_number TEXT NOT NULL, material TEXT NOT NULL, content TEXT NOT NULL,
  PRIMARY KEY (equipment_number, bom_item_number));
CREATE TABLE IF NOT EXISTS orders (
  number INTEGER PRIMARY KEY AUTOINCREMENT, agent_id TEXT NOT NULL, client_reference TEXT NOT NULL UNIQUE,
  equipment_number TEXT NOT NULL, digest TEXT NOT NULL, content TEXT NOT NULL, status TEXT NOT NULL,
  created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS open_materials (
  equipment_number TEXT NOT NULL, material TEXT NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (equipment_number, material));
CREATE TABLE IF NOT EXISTS idempotency_keys (
  agent_id TEXT NOT NULL, key TEXT NOT NULL, digest TEXT NOT NULL, number INTEGER NOT NULL,
  PRIMARY KEY (agent_id, key));
CREATE TABLE IF NOT EXISTS notifications (
  number INTEGER PRIMARY KEY AUTOINCREMENT, agent_id TEXT NOT NULL, client_reference TEXT NOT NULL,
  equipment_number TEXT NOT NULL, digest TEXT NOT NULL, content TEXT NOT NULL, created_at TEXT NOT NULL,
  UNIQUE (agent_id, client_reference));
CREATE TABLE IF NOT EXISTS scopes (agent_id TEXT NOT NULL, scope TEXT NOT NULL, PRIMARY KEY (agent_id, scope));
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
ADDED_COLUMNS = (
    ("equipments", "modified_at", "TEXT NOT NULL DEFAULT '2020-01-01T00:00:00Z'"),
    ("submissions", "content", "TEXT NOT NULL DEFAULT '{}'"),
)
CLOSED = ("delivered", "cancelled", "rejected")
OPEN_MATERIALS = """
INSERT OR IGNORE INTO open_materials
SELECT o.equipment_number, json_extract(i.value, '$.component_material_number'), o.number
FROM orders o, json_each(o.content, '$.items') i WHERE o.status NOT IN (?, ?, ?)"""
CUSTOMER = """
INSERT OR IGNORE INTO facts
SELECT 'customer_number', json_extract(content, '$.customer_number') FROM equipments
ORDER BY equipment_number LIMIT 1"""
DOCUMENT_BASE = 5_000_000_000
ORDER_BASE = 4_500_000_000
BOOKED = "SELECT * FROM documents WHERE measuring_point=? AND reversed=0"
NEWEST_FIRST = "ORDER BY read_at DESC, number DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Record:
    """An equipment's master record with its version and when that began."""

    content: dict[str, Any]
    version: int
    modified_at: str


class Ledger:
    """One connection; the portal works on it from one event loop, so transactions never interleave."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        mode = self.db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        self.db.execute("PRAGMA synchronous=FULL")
        if (mode, self.db.execute("PRAGMA synchronous").fetchone()[0]) != ("wal", 2):
            raise OSError(f"{path} cannot be kept safely: SQLite refuses WAL with synchronous=FULL here.")
        self.db.executescript(SCHEMA)
        self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        """Adds what a database of the portal's first version lacks; changes nothing in a newer one."""
        for table, column, kind in ADDED_COLUMNS:
            if not any(row["name"] == column for row in self.db.execute(f"PRAGMA table_info({table})")):
                self.db.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
        self.db.execute(OPEN_MATERIALS, CLOSED)
        self.db.execute(CUSTOMER)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is on the disk when it ends, or none of it."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def seed(self, content: Seed, now: dt.datetime) -> None:
        """Equipment as SAP delivers it; what is there already keeps its readings, orders and changes."""
        with self.transaction() as db:
            db.execute("INSERT OR IGNORE INTO facts VALUES ('customer_number', ?)", (content.customer_number,))
            for equipment in content.equipments:
                if self.equipment(equipment.equipment_number) is None:
                    self._add(equipment, content.customer_number, now)

    def _add(self, equipment: EquipmentSeed, customer: str, now: dt.datetime) -> None:
        number = equipment.equipment_number
        master = (number, json.dumps(equipment.master_record(customer)), stamp(now))
        self.db.execute(
            "INSERT INTO equipments (equipment_number, content, version, modified_at) VALUES (?, ?, 1, ?)", master
        )
        for point in equipment.measuring_points:
            content = point.model_dump(mode="json", exclude={"last_reading"})
            row = (point.measuring_point, number, point.meter_code, json.dumps(content))
            self.db.execute("INSERT INTO points VALUES (?, ?, ?, ?)", row)
            if point.last_reading:
                last = point.last_reading
                self.book(
                    content | {"equipment_number": number}, last.value, last.read_at, now, estimated=last.estimated
                )
        for item in equipment.bill_of_material:
            row = (number, item.bom_item_number, item.component_material_number, item.model_dump_json())
            self.db.execute("INSERT INTO bom_items VALUES (?, ?, ?, ?)", row)

    def book(
        self,
        point: dict[str, Any],
        value: int,
        read_at: dt.datetime,
        now: dt.datetime,
        *,
        estimated: bool = False,
        reference: str | None = None,
    ) -> str:
        """A new measurement document; returns its number. To be called inside a transaction."""
        cursor = self.db.execute(
            "INSERT INTO documents (measuring_point, equipment_number, meter_code, value, read_at, booked_at,"
            " estimated, client_reference) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                point["measuring_point"],
                point["equipment_number"],
                point["meter_code"],
                value,
                stamp(read_at),
                stamp(now),
                int(estimated),
                reference,
            ),
        )
        return document_number(int(cursor.lastrowid or 0))

    def neighbours(self, point: str, read_at: dt.datetime) -> tuple[Neighbour | None, Neighbour | None]:
        """The last reading up to this time and the first one after it."""
        before = self.db.execute(f"{BOOKED} AND read_at<=? {NEWEST_FIRST}", (point, stamp(read_at))).fetchone()
        after = self.db.execute(
            f"{BOOKED} AND read_at>? ORDER BY read_at, number LIMIT 1", (point, stamp(read_at))
        ).fetchone()
        return _neighbour(before), _neighbour(after)

    def points(self, equipment: str) -> list[dict[str, Any]]:
        """The measuring points of an equipment with their newest readings."""
        rows = self.db.execute("SELECT * FROM points WHERE equipment_number=? ORDER BY measuring_point", (equipment,))
        return [{**json.loads(row["content"]), "last_reading": self._newest(row["measuring_point"])} for row in rows]

    def _newest(self, point: str) -> dict[str, Any] | None:
        last = _neighbour(self.db.execute(f"{BOOKED} {NEWEST_FIRST}", (point,)).fetchone())
        return last.shown() if last else None

    def equipment(self, number: str) -> Record | None:
        """An equipment's master record."""
        row = self.db.execute("SELECT * FROM equipments WHERE equipment_number=?", (number,)).fetchone()
        return Record(json.loads(row["content"]), row["version"], row["modified_at"]) if row else None

    def records(self, after: str = "") -> list[Record]:
        """The customer's own equipment, by number, behind the number `after`."""
        query = "SELECT * FROM equipments WHERE equipment_number > ? ORDER BY equipment_number"
        rows = self.db.execute(query, (after,)).fetchall()
        found = [Record(json.loads(row["content"]), row["version"], row["modified_at"]) for row in rows]
        return [record for record in found if record.content["customer_number"] == self.customer]

    @property
    def customer(self) -> str:
        """The customer whose agent this portal serves."""
        row = self.db.execute("SELECT value FROM facts WHERE name='customer_number'").fetchone()
        return str(row["value"]) if row else "0000000000"

    def scopes(self, agent: str) -> list[str]:
        """The areas that the key user has unlocked for an agent."""
        rows = self.db.execute("SELECT scope FROM scopes WHERE agent_id=? ORDER BY scope", (agent,))
        return [row["scope"] for row in rows]

    def unlock_at_first(self, agent: str) -> None:
        """Unlocks everything for an agent that the portal meets for the first time; later only a key user does."""
        with self.transaction() as db:
            row = (f"unlocked {agent}", "yes")
            if db.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", row).rowcount and not self.scopes(agent):
                self.set_scopes(agent, SCOPES)

    def set_scopes(self, agent: str, scopes: Sequence[str]) -> None:
        """Unlocks exactly these areas. To be called inside a transaction."""
        self.db.execute("DELETE FROM scopes WHERE agent_id=?", (agent,))
        self.db.executemany("INSERT INTO scopes VALUES (?, ?)", [(agent, scope) for scope in sorted(set(scopes))])


def document_number(number: int) -> str:
    """A measurement document's number in SAP's 20 digits."""
    return f"{DOCUMENT_BASE + number:020d}"


def order_number(number: int) -> str:
    """A sales order's number in SAP's 10 digits."""
    return f"{ORDER_BASE + number:010d}"


def row_number(text: str, base: int) -> int:
    """The row behind a number of ours; 0, which is no row, for anything else."""
    valid = text.isascii() and text.isdigit() and len(text) <= 20
    return max(min(int(text), 2**53) - base, 0) if valid else 0


def _neighbour(row: sqlite3.Row | None) -> Neighbour | None:
    if row is None:
        return None
    read_at = dt.datetime.fromisoformat(row["read_at"])
    return Neighbour(row["value"], read_at, bool(row["estimated"]), document_number(row["number"]))

"""The portal's database: equipment, measurement documents and orders, in one SQLite file that survives being killed."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.portal.rules import Neighbour

SCHEMA = """
CREATE TABLE IF NOT EXISTS equipments (
  equipment_number TEXT PRIMARY KEY, content TEXT NOT NULL, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS points (
  measuring_point TEXT PRIMARY KEY, equipment_number TEXT NOT NULL, meter_code TEXT NOT NULL, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
  number INTEGER PRIMARY KEY AUTOINCREMENT, measuring_point TEXT NOT NULL, equipment_number TEXT NOT NULL,
  meter_code TEXT NOT NULL, value INTEGER NOT NULL, read_at TEXT NOT NULL, booked_at TEXT NOT NULL,
  estimated INTEGER NOT NULL, reversed INTEGER NOT NULL DEFAULT 0, client_reference TEXT);
CREATE INDEX IF NOT EXISTS documents_by_point ON documents (measuring_point, read_at);
CREATE TABLE IF NOT EXISTS submissions (
  agent_id TEXT NOT NULL, client_reference TEXT NOT NULL, digest TEXT NOT NULL, result TEXT NOT NULL,
  PRIMARY KEY (agent_id, client_reference));
CREATE TABLE IF NOT EXISTS bom_items (
  equipment_number TEXT NOT NULL, bom_item_number TEXT NOT NULL, material TEXT NOT NULL, content TEXT NOT NULL,
  PRIMARY KEY (equipment_number, bom_item_number));
CREATE TABLE IF NOT EXISTS orders (
  number INTEGER PRIMARY KEY AUTOINCREMENT, agent_id TEXT NOT NULL, client_reference TEXT NOT NULL UNIQUE,
  equipment_number TEXT NOT NULL, digest TEXT NOT NULL, content TEXT NOT NULL, status TEXT NOT NULL,
  created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS scopes (agent_id TEXT NOT NULL, scope TEXT NOT NULL, PRIMARY KEY (agent_id, scope));
"""
CLOSED = ("delivered", "cancelled", "rejected")
DOCUMENT_BASE = 5_000_000_000
ORDER_BASE = 4_500_000_000


class Ledger:
    """One connection; the portal works on it from one event loop, so transactions never interleave."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.executescript(SCHEMA)

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

    def seed(self, content: dict[str, Any]) -> None:
        """Equipment as SAP delivers it; what is there already keeps its readings and orders."""
        with self.transaction() as db:
            for equipment in content["equipments"]:
                number = equipment["equipment_number"]
                known = db.execute("SELECT 1 FROM equipments WHERE equipment_number=?", (number,)).fetchone()
                if known is None:
                    self._add(db, {"customer_number": content["customer_number"], **equipment})

    def _add(self, db: sqlite3.Connection, equipment: dict[str, Any]) -> None:
        number = equipment["equipment_number"]
        points = equipment.pop("measuring_points", [])
        items = equipment.pop("bill_of_material", [])
        db.execute("INSERT INTO equipments VALUES (?, ?, 1)", (number, json.dumps(equipment)))
        for point in points:
            last = point.pop("last_reading", None)
            code = point["meter_code"]
            row = (point["measuring_point"], number, code, json.dumps(point))
            db.execute("INSERT INTO points VALUES (?, ?, ?, ?)", row)
            if last:
                self.book(db, point["measuring_point"], number, code, last["value"], _moment(last["read_at"]), last)
        for item in items:
            row = (number, item["bom_item_number"], item["component_material_number"], json.dumps(item))
            db.execute("INSERT INTO bom_items VALUES (?, ?, ?, ?)", row)

    def book(
        self,
        db: sqlite3.Connection,
        point: str,
        equipment: str,
        code: str,
        value: int,
        read_at: dt.datetime,
        origin: dict[str, Any],
    ) -> str:
        """A new measurement document; returns its number (20 digits, as SAP has it)."""
        cursor = db.execute(
            "INSERT INTO documents (measuring_point, equipment_number, meter_code, value, read_at, booked_at,"
            " estimated, client_reference) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                point,
                equipment,
                code,
                value,
                stamp(read_at),
                stamp(dt.datetime.now(dt.UTC)),
                int(bool(origin.get("estimated"))),
                origin.get("client_reference"),
            ),
        )
        return document_number(int(cursor.lastrowid or 0))

    def neighbours(self, point: str, read_at: dt.datetime) -> tuple[Neighbour | None, Neighbour | None]:
        """The last reading up to this time and the first one after it."""
        text = stamp(read_at)
        query = "SELECT * FROM documents WHERE measuring_point=? AND reversed=0 AND read_at"
        last = f"{query}<=? ORDER BY read_at DESC, number DESC LIMIT 1"
        after = f"{query}>? ORDER BY read_at, number LIMIT 1"
        found = (self.db.execute(sql, (point, text)).fetchone() for sql in (last, after))
        before, later = (_neighbour(row) for row in found)
        return before, later

    def newest(self, point: str) -> dict[str, Any] | None:
        """The newest reading of a measuring point, in the contract's form."""
        row = self.db.execute(
            "SELECT * FROM documents WHERE measuring_point=? AND reversed=0 ORDER BY read_at DESC, number DESC LIMIT 1",
            (point,),
        ).fetchone()
        if row is None:
            return None
        return {
            "measurement_document": document_number(row["number"]),
            "value": row["value"],
            "read_at": row["read_at"],
            "estimated": bool(row["estimated"]),
        }

    def points(self, equipment: str) -> list[dict[str, Any]]:
        """The measuring points of an equipment with their newest readings."""
        rows = self.db.execute("SELECT * FROM points WHERE equipment_number=? ORDER BY measuring_point", (equipment,))
        return [{**json.loads(row["content"]), "last_reading": self.newest(row["measuring_point"])} for row in rows]

    def equipment(self, number: str) -> tuple[dict[str, Any], int] | None:
        """An equipment's master record and its version."""
        row = self.db.execute("SELECT * FROM equipments WHERE equipment_number=?", (number,)).fetchone()
        return (json.loads(row["content"]), row["version"]) if row else None

    def open_order(self, equipment: str, material: str) -> str | None:
        """The number of the open order of a material for an equipment."""
        marks = ",".join("?" for _ in CLOSED)
        rows = self.db.execute(
            f"SELECT number, content FROM orders WHERE equipment_number=? AND status NOT IN ({marks})",  # noqa: S608  marks only
            (equipment, *CLOSED),
        )
        for row in rows:
            if any(item["component_material_number"] == material for item in json.loads(row["content"])["items"]):
                return order_number(row["number"])
        return None

    def scopes(self, agent: str) -> list[str]:
        """The areas that the key user has unlocked for an agent."""
        rows = self.db.execute("SELECT scope FROM scopes WHERE agent_id=? ORDER BY scope", (agent,))
        return [row["scope"] for row in rows]


def document_number(number: int) -> str:
    """A measurement document's number in SAP's 20 digits."""
    return f"{DOCUMENT_BASE + number:020d}"


def order_number(number: int) -> str:
    """A sales order's number in SAP's 10 digits."""
    return f"{ORDER_BASE + number:010d}"


def stamp(moment: dt.datetime) -> str:
    """UTC, RFC 3339, sortable."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _neighbour(row: sqlite3.Row | None) -> Neighbour | None:
    if row is None:
        return None
    document = document_number(row["number"])
    return Neighbour(row["value"], _moment(row["read_at"]), bool(row["estimated"]), document)

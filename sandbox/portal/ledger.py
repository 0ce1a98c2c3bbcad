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

from sandbox.portal.moments import stamp
from sandbox.portal.rules import Neighbour, Neighbours
from sandbox.portal.schema import bring_up_to_date
from sandbox.portal.seed import EquipmentSeed, Seed

DOCUMENT_BASE = 5_000_000_000
ORDER_BASE = 4_500_000_000
BOOKED = "SELECT * FROM documents WHERE measuring_point=? AND reversed=0"
NEWEST_FIRST = "ORDER BY read_at DESC, number DESC LIMIT 1"
OLDEST_FIRST = "ORDER BY read_at, number LIMIT 1"


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
        bring_up_to_date(self.db)

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
        agent_id: str | None = None,
        findings: Sequence[dict[str, Any]] = (),
    ) -> str:
        """A new measurement document; returns its number. To be called inside a transaction."""
        cursor = self.db.execute(
            "INSERT INTO documents (measuring_point, equipment_number, meter_code, value, read_at, booked_at,"
            " estimated, client_reference, agent_id, findings) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                point["measuring_point"],
                point["equipment_number"],
                point["meter_code"],
                value,
                stamp(read_at),
                stamp(now),
                int(estimated),
                reference,
                agent_id,
                json.dumps(list(findings)),
            ),
        )
        return document_number(int(cursor.lastrowid or 0))

    def neighbours(self, point: str, read_at: dt.datetime) -> Neighbours:
        """The last readings up to this time and the first ones after it, at large and without estimates."""
        until, later = f"{BOOKED} AND read_at<=?", f"{BOOKED} AND read_at>?"
        key = (point, stamp(read_at))
        return Neighbours(
            before=self._one(f"{until} {NEWEST_FIRST}", key),
            read_before=self._one(f"{until} AND estimated=0 {NEWEST_FIRST}", key),
            after=self._one(f"{later} {OLDEST_FIRST}", key),
            read_after=self._one(f"{later} AND estimated=0 {OLDEST_FIRST}", key),
        )

    def _one(self, query: str, key: tuple[str, ...]) -> Neighbour | None:
        return _neighbour(self.db.execute(query, key).fetchone())

    def reverse(self, condition: str, parameters: Sequence[object], reason: str, now: dt.datetime) -> int:
        """Reverses the documents under a condition of the portal's own; how many. To be called inside a transaction."""
        update = "UPDATE documents SET reversed=1, reversed_at=?, reversal_reason=? WHERE reversed=0"
        query = f"{update} AND {condition}"
        return self.db.execute(query, (stamp(now), reason, *parameters)).rowcount

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

    def records(self, condition: str, parameters: Sequence[object]) -> list[Record]:
        """Equipment under a condition of the portal's own, by number."""
        query = f"SELECT * FROM equipments WHERE {condition} ORDER BY equipment_number"  # noqa: S608  a constant's text
        rows = self.db.execute(query, parameters).fetchall()
        return [Record(json.loads(row["content"]), row["version"], row["modified_at"]) for row in rows]

    @property
    def customer(self) -> str:
        """The customer whose agent this portal serves."""
        row = self.db.execute("SELECT value FROM facts WHERE name='customer_number'").fetchone()
        return str(row["value"]) if row else "0000000000"


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

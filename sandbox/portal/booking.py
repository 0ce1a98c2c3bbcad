"""Booking readings: an item is one equipment at one time, and it is booked whole or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sqlite3
from typing import Any

from sandbox.portal.ledger import Ledger
from sandbox.portal.problems import Refusal
from sandbox.portal.rules import New, Point, judge

FUTURE_TOLERANCE = dt.timedelta(minutes=5)


def book_item(ledger: Ledger, agent: str, item: object) -> dict[str, Any]:
    """The result of one item; a refusal is a result too. Booking and reference are one transaction."""
    reference = item.get("client_reference") if isinstance(item, dict) else None
    try:
        checked = _checked(item)
        with ledger.transaction() as db:
            return _once(ledger, db, agent, checked["client_reference"], checked)
    except Refusal as refusal:
        return {
            "client_reference": reference if isinstance(reference, str) else "",
            "status": refusal.status,
            "measurement_documents": [],
            "duplicate": False,
            "findings": [],
            "problem": refusal.document(),
        }


def _checked(item: object) -> dict[str, Any]:
    reference = item.get("client_reference") if isinstance(item, dict) else None
    if not isinstance(item, dict) or not isinstance(reference, str) or not 1 <= len(reference) <= 64:
        raise Refusal("malformed-request", "client_reference is missing or no text of 1 to 64 characters.")
    return item


def _once(ledger: Ledger, db: sqlite3.Connection, agent: str, reference: str, item: dict[str, Any]) -> dict[str, Any]:
    """A reference is booked once for ever; the same content again gives the first result."""
    digest = hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()
    known = db.execute(
        "SELECT digest, result FROM submissions WHERE agent_id=? AND client_reference=?", (agent, reference)
    ).fetchone()
    if known is not None:
        if known["digest"] != digest:
            raise Refusal("client-reference-reused", "This reference was used for another reading.")
        first: dict[str, Any] = json.loads(known["result"])
        return {**first, "status": 200, "duplicate": True}
    result = _booked(ledger, db, reference, item)
    row = (agent, reference, digest, json.dumps(result))
    db.execute("INSERT INTO submissions VALUES (?, ?, ?, ?)", row)
    return result


def _booked(ledger: Ledger, db: sqlite3.Connection, reference: str, item: dict[str, Any]) -> dict[str, Any]:
    equipment = equipment_of(ledger, item)
    read_at = _read_at(item)
    points = {point["measuring_point"]: point for point in ledger.points(equipment)}
    readings = item.get("readings")
    if not isinstance(readings, list) or not readings or not all(isinstance(one, dict) for one in readings):
        raise Refusal("malformed-request", "readings is missing or no list of readings.")
    documents, findings, given = [], [], set()
    for reading in readings:
        point = _point(points, reading)
        given.add(point["measuring_point"])
        findings += _judged(ledger, point, reading, read_at)
        number = ledger.book(
            db,
            point["measuring_point"],
            equipment,
            point["meter_code"],
            reading["value"],
            read_at,
            {"client_reference": reference},
        )
        booked = {"measuring_point": point["measuring_point"], "value": reading["value"]}
        documents.append({"measurement_document": number, **booked})
    missing = [code for code, point in points.items() if point.get("mandatory") and code not in given]
    if missing:
        raise Refusal("mandatory-counter-missing", f"Mandatory measuring points are missing: {', '.join(missing)}.")
    return {
        "client_reference": reference,
        "status": 201,
        "measurement_documents": documents,
        "duplicate": False,
        "findings": findings,
        "problem": None,
    }


def equipment_of(ledger: Ledger, item: dict[str, Any]) -> str:
    """The equipment an item names: by number, or by maker and serial number. Raises `Refusal`."""
    number = item.get("equipment_number")
    if number is None:
        number = _by_serial(ledger, item.get("manufacturer"), item.get("manufacturer_serial_number"))
    found = ledger.equipment(str(number))
    if found is None:
        raise Refusal("equipment-unknown", "There is no such equipment.")
    content, _ = found
    if content.get("status", "active") != "active":
        raise Refusal("equipment-decommissioned", "The equipment is no longer in service.")
    if not (content.get("contract") or {"active": True}).get("active", True):
        raise Refusal("contract-inactive", "The equipment has no active contract.")
    return str(number)


def _by_serial(ledger: Ledger, maker: object, serial: object) -> str | None:
    rows = ledger.db.execute("SELECT equipment_number, content FROM equipments").fetchall()
    fits = [
        row["equipment_number"]
        for row in rows
        if serial
        and json.loads(row["content"]).get("manufacturer_serial_number") == serial
        and json.loads(row["content"]).get("manufacturer") == maker
    ]
    return fits[0] if len(fits) == 1 else None


def _read_at(item: dict[str, Any]) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(str(item.get("read_at")))
    except ValueError:
        raise Refusal("malformed-request", "read_at is no RFC 3339 time.") from None
    if moment.tzinfo is None:
        raise Refusal("malformed-request", "read_at has no time zone.")
    now = dt.datetime.now(dt.UTC)
    if moment > now + FUTURE_TOLERANCE:
        stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        raise Refusal("read-at-in-future", "The reading is from the future.", server_time=stamp)
    return moment


def _point(points: dict[str, dict[str, Any]], reading: dict[str, Any]) -> dict[str, Any]:
    by_number = points.get(str(reading.get("measuring_point")))
    by_code = [point for point in points.values() if point["meter_code"] == reading.get("meter_code")]
    if "measuring_point" in reading and by_number and reading.get("meter_code") in (None, by_number["meter_code"]):
        return by_number
    if "measuring_point" not in reading and len(by_code) == 1:
        return by_code[0]
    raise Refusal("measuring-point-unknown", "The equipment has no such measuring point.")


def _judged(
    ledger: Ledger, point: dict[str, Any], reading: dict[str, Any], read_at: dt.datetime
) -> list[dict[str, Any]]:
    before, after = ledger.neighbours(point["measuring_point"], read_at)
    replaced = reading.get("counter_replaced") is True
    return judge(
        Point(
            point["measuring_point"],
            point.get("unit", "PAGE"),
            point.get("counter_overflow_value"),
            point.get("annual_estimate"),
        ),
        New(reading.get("value"), str(reading.get("unit", "PAGE")), read_at, replaced),
        before,
        after,
    )

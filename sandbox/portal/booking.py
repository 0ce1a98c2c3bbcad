"""Booking readings: an item is one equipment at one time, and it is booked whole or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

from sandbox.portal.ledger import Ledger
from sandbox.portal.moments import moment_of, stamp
from sandbox.portal.problems import Refusal
from sandbox.portal.rules import New, Point, judge

LONGEST_REFERENCE = 64


def book_item(ledger: Ledger, agent: str, item: object, now: dt.datetime, tolerance: int) -> dict[str, Any]:
    """The result of one item; a refusal is a result too. Booking and reference are one transaction.

    `now` is the portal's time, `tolerance` how many seconds a reading may be ahead of it.
    """
    reference = item.get("client_reference") if isinstance(item, dict) else None
    try:
        checked = _referenced(item, reference)
        with ledger.transaction():
            return _once(ledger, agent, checked["client_reference"], checked, now, tolerance)
    except Refusal as refusal:
        problem = {**refusal.document(), "client_reference": reference if isinstance(reference, str) else None}
        return _result(problem["client_reference"], refusal.status, problem=problem)


def _referenced(item: object, reference: object) -> dict[str, Any]:
    if not isinstance(item, dict) or not isinstance(reference, str) or not 1 <= len(reference) <= LONGEST_REFERENCE:
        raise Refusal("malformed-request", f"client_reference is no text of 1 to {LONGEST_REFERENCE} characters.")
    return item


def _once(
    ledger: Ledger, agent: str, reference: str, item: dict[str, Any], now: dt.datetime, tolerance: int
) -> dict[str, Any]:
    """A reference is booked once for ever; the same content again gives the first result."""
    digest = digest_of(item)
    known = ledger.db.execute(
        "SELECT digest, result FROM submissions WHERE agent_id=? AND client_reference=?", (agent, reference)
    ).fetchone()
    if known is not None:
        if known["digest"] != digest:
            raise Refusal("client-reference-reused", "This reference was used for another reading.")
        first: dict[str, Any] = json.loads(known["result"])
        return {**first, "status": 200, "duplicate": True}
    result = _booked(ledger, reference, item, now, tolerance)
    row = (agent, reference, digest, json.dumps(result), json.dumps(item))
    ledger.db.execute(
        "INSERT INTO submissions (agent_id, client_reference, digest, result, content) VALUES (?, ?, ?, ?, ?)", row
    )
    return result


def _booked(ledger: Ledger, reference: str, item: dict[str, Any], now: dt.datetime, tolerance: int) -> dict[str, Any]:
    equipment = equipment_of(ledger, item)
    read_at = _read_at(item, now, tolerance)
    points = {point["measuring_point"]: point for point in ledger.points(equipment)}
    documents: dict[str, dict[str, Any]] = {}
    findings: list[dict[str, Any]] = []
    for reading in _readings(item):
        point = _point(points, reading)
        code = point["measuring_point"]
        if code in documents:
            raise Refusal("malformed-request", f"The measuring point {code} is named twice.")
        findings += _judged(ledger, point, reading, read_at, item)
        number = ledger.book(
            {**point, "equipment_number": equipment}, reading["value"], read_at, now, reference=reference
        )
        documents[code] = {"measurement_document": number, "measuring_point": code, "value": reading["value"]}
    missing = [code for code, point in points.items() if point.get("mandatory") and code not in documents]
    if missing:
        raise Refusal("mandatory-counter-missing", f"Mandatory measuring points are missing: {', '.join(missing)}.")
    return _result(reference, 201, documents=list(documents.values()), findings=findings)


def _result(
    reference: str | None,
    status: int,
    *,
    documents: list[dict[str, Any]] | None = None,
    findings: list[dict[str, Any]] | None = None,
    problem: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "client_reference": reference,
        "status": status,
        "measurement_documents": documents or [],
        "duplicate": False,
        "findings": findings or [],
        "problem": problem,
    }


def equipment_of(ledger: Ledger, item: dict[str, Any]) -> str:
    """The equipment an item names: by number, or by maker and serial number, or both ways. Raises `Refusal`."""
    serial = item.get("manufacturer_serial_number")
    number = item.get("equipment_number")
    if number is None:
        number = _by_serial(ledger, item.get("manufacturer"), serial)
    found = ledger.equipment(number) if isinstance(number, str) else None
    if not isinstance(number, str) or found is None:
        raise Refusal("equipment-unknown", "There is no such equipment.")
    if found.content["customer_number"] != ledger.customer:
        raise Refusal("equipment-not-assigned", "The equipment belongs to another customer.")
    if serial is not None and serial != found.content.get("manufacturer_serial_number"):
        raise Refusal("serial-mismatch", "The equipment has another serial number.")
    if found.content.get("status", "active") != "active":
        raise Refusal("equipment-decommissioned", "The equipment is no longer in service.")
    if not (found.content.get("contract") or {}).get("active", True):
        raise Refusal("contract-inactive", "The equipment has no active contract.")
    return number


def _by_serial(ledger: Ledger, maker: object, serial: object) -> str | None:
    fits: list[str] = [
        record.content["equipment_number"]
        for record in ledger.records()
        if serial
        and record.content.get("manufacturer_serial_number") == serial
        and record.content.get("manufacturer") == maker
    ]
    return fits[0] if len(fits) == 1 else None


def _read_at(item: dict[str, Any], now: dt.datetime, tolerance: int) -> dt.datetime:
    try:
        moment = moment_of(item.get("read_at"))
    except ValueError:
        raise Refusal("malformed-request", "read_at is no RFC 3339 time with its zone.") from None
    if moment > now + dt.timedelta(seconds=tolerance):
        raise Refusal("read-at-in-future", "The reading is from the future.", server_time=stamp(now))
    return moment


def _readings(item: dict[str, Any]) -> list[dict[str, Any]]:
    readings = item.get("readings")
    if not isinstance(readings, list) or not readings or not all(isinstance(one, dict) for one in readings):
        raise Refusal("malformed-request", "readings is missing or no list of readings.")
    return readings


def _point(points: dict[str, dict[str, Any]], reading: dict[str, Any]) -> dict[str, Any]:
    """The measuring point a reading names; where it says number and meter code, both have to fit."""
    number, code = reading.get("measuring_point"), reading.get("meter_code")
    fits = [
        point
        for point in points.values()
        if number in (None, point["measuring_point"]) and code in (None, point["meter_code"])
    ]
    if len(fits) != 1 or (number is None and code is None):
        raise Refusal("measuring-point-unknown", "The equipment has no such measuring point.")
    return fits[0]


def _judged(
    ledger: Ledger, point: dict[str, Any], reading: dict[str, Any], read_at: dt.datetime, item: dict[str, Any]
) -> list[dict[str, Any]]:
    before, after = ledger.neighbours(point["measuring_point"], read_at)
    new = New(
        value=reading.get("value"),
        unit=reading.get("unit", "PAGE"),
        read_at=read_at,
        replaced=reading.get("counter_replaced") is True,
        acknowledged=item.get("acknowledge_deviation") is True,
    )
    rules = (point.get("unit", "PAGE"), point.get("counter_overflow_value"), point.get("annual_estimate"))
    return judge(Point(point["measuring_point"], *rules), new, before, after)


def digest_of(content: object) -> str:
    """What makes two contents the same: their JSON values, whatever the order of keys and the blanks."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

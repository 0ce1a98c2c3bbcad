"""Booking readings: an item is one equipment at one time, and it is booked whole or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sandbox.portal.agents import Agent, Agents
from sandbox.portal.ledger import Ledger
from sandbox.portal.moments import moment_of, stamp
from sandbox.portal.problems import Refusal, error_at, malformed
from sandbox.portal.rules import Neighbours, New, Point, judge
from sandbox.portal.sent import SentItem, check

LONGEST_REFERENCE = 64
NOT_ASSIGNED = "The equipment belongs to another customer, or the key user has not opened it to this agent."


@dataclass(frozen=True, slots=True)
class Clerk:
    """Who books for whom and when: `now` is the portal's time, `tolerance` the seconds a reading may be ahead of it."""

    agents: Agents
    agent: Agent
    now: dt.datetime
    tolerance: int = 0

    @property
    def ledger(self) -> Ledger:
        """The ledger in which is booked."""
        return self.agents.ledger


def book_item(clerk: Clerk, item: object) -> dict[str, Any]:
    """The result of one item; a refusal is a result too. Booking and reference are one transaction."""
    reference = item.get("client_reference") if isinstance(item, dict) else None
    try:
        checked = _referenced(item, reference)
        with clerk.ledger.transaction():
            return _once(clerk, checked["client_reference"], checked)
    except Refusal as refusal:
        return refused_item(reference, refusal)


def refused_item(reference: object, refusal: Refusal) -> dict[str, Any]:
    """The result of an item that is not booked."""
    told = reference if isinstance(reference, str) else None
    return _result(told, refusal.status, problem={**refusal.document(), "client_reference": told})


def _referenced(item: object, reference: object) -> dict[str, Any]:
    if not isinstance(item, dict) or not isinstance(reference, str) or not 1 <= len(reference) <= LONGEST_REFERENCE:
        detail = f"client_reference is no text of 1 to {LONGEST_REFERENCE} characters."
        raise malformed(detail, "/client_reference" if isinstance(item, dict) else "")
    return item


def _once(clerk: Clerk, reference: str, item: dict[str, Any]) -> dict[str, Any]:
    """A reference is booked once for ever; the same content again gives the first result."""
    digest, db, agent_id = digest_of(item), clerk.ledger.db, clerk.agent.agent_id
    known = db.execute(
        "SELECT digest, result FROM submissions WHERE agent_id=? AND client_reference=?", (agent_id, reference)
    ).fetchone()
    if known is not None:
        if known["digest"] != digest:
            raise Refusal("client-reference-reused", "This reference was used for another reading.")
        first: dict[str, Any] = json.loads(known["result"])
        return {**first, "status": 200, "duplicate": True}
    result = _booked(clerk, reference, item)
    row = (agent_id, reference, digest, json.dumps(result), json.dumps(item))
    db.execute(
        "INSERT INTO submissions (agent_id, client_reference, digest, result, content) VALUES (?, ?, ?, ?, ?)", row
    )
    return result


def _booked(clerk: Clerk, reference: str, item: dict[str, Any]) -> dict[str, Any]:
    ledger = clerk.ledger
    equipment = equipment_of(clerk, item)
    read_at = _read_at(item, clerk)
    readings = _readings(item)
    check(SentItem, item)
    points = {point["measuring_point"]: point for point in ledger.points(equipment)}
    documents: dict[str, dict[str, Any]] = {}
    findings: list[dict[str, Any]] = []
    for place, reading in enumerate(readings):
        point = _point(points, reading, place)
        code = point["measuring_point"]
        if code in documents:
            raise malformed(f"The measuring point {code} is named twice.", f"/readings/{place}")
        found = _judged(clerk, point, reading, read_at, item, place)
        number = ledger.book(
            {**point, "equipment_number": equipment},
            reading["value"],
            read_at,
            clerk.now,
            reference=reference,
            agent_id=clerk.agent.agent_id,
            findings=found,
        )
        findings += found
        documents[code] = {"measurement_document": number, "measuring_point": code, "value": reading["value"]}
    missing = [code for code, point in points.items() if point.get("mandatory") and code not in documents]
    if missing:
        detail = f"Mandatory measuring points are missing: {', '.join(missing)}."
        errors = [error_at("/readings", "mandatory-counter-missing")]
        raise Refusal("mandatory-counter-missing", detail, measuring_points=missing, errors=errors)
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


def equipment_of(clerk: Clerk, item: dict[str, Any]) -> str:
    """The equipment an item names: by number, or by maker and serial number, or both ways. Raises `Refusal`."""
    serial = item.get("manufacturer_serial_number")
    number = item.get("equipment_number")
    if number is None:
        number = _by_serial(clerk, item.get("manufacturer"), serial)
    found = clerk.ledger.equipment(number) if isinstance(number, str) else None
    if not isinstance(number, str) or found is None:
        raise Refusal("equipment-unknown", "There is no such equipment.")
    if not clerk.agents.may_see(clerk.agent, found):
        raise Refusal("equipment-not-assigned", NOT_ASSIGNED)
    if serial is not None and serial != found.content.get("manufacturer_serial_number"):
        raise Refusal("serial-mismatch", "The equipment has another serial number.")
    if found.content.get("status", "active") != "active":
        raise Refusal("equipment-decommissioned", "The equipment is no longer in service.")
    if not (found.content.get("contract") or {}).get("active", True):
        raise Refusal("contract-inactive", "The equipment has no active contract.")
    return number


def _by_serial(clerk: Clerk, maker: object, serial: object) -> str | None:
    fits: list[str] = [
        record.content["equipment_number"]
        for record in clerk.agents.records(clerk.agent)
        if serial
        and record.content.get("manufacturer_serial_number") == serial
        and record.content.get("manufacturer") == maker
    ]
    return fits[0] if len(fits) == 1 else None


def _read_at(item: dict[str, Any], clerk: Clerk) -> dt.datetime:
    try:
        moment = moment_of(item.get("read_at"))
    except ValueError:
        raise malformed("read_at is no RFC 3339 time with its zone.", "/read_at") from None
    if moment > clerk.now + dt.timedelta(seconds=clerk.tolerance):
        errors = [error_at("/read_at", "read-at-in-future")]
        text = "The reading is from the future."
        raise Refusal("read-at-in-future", text, server_time=stamp(clerk.now), errors=errors)
    return moment


def _readings(item: dict[str, Any]) -> list[dict[str, Any]]:
    readings = item.get("readings")
    if not isinstance(readings, list) or not readings or not all(isinstance(one, dict) for one in readings):
        raise malformed("readings is missing or no list of readings.", "/readings")
    return readings


def _point(points: dict[str, dict[str, Any]], reading: dict[str, Any], place: int) -> dict[str, Any]:
    """The measuring point a reading names; where it says number and meter code, both have to fit."""
    number, code = reading.get("measuring_point"), reading.get("meter_code")
    fits = [
        point
        for point in points.values()
        if number in (None, point["measuring_point"]) and code in (None, point["meter_code"])
    ]
    if len(fits) != 1 or (number is None and code is None):
        errors = [error_at(f"/readings/{place}", "measuring-point-unknown")]
        raise Refusal("measuring-point-unknown", "The equipment has no such measuring point.", errors=errors)
    return fits[0]


def _judged(
    clerk: Clerk,
    point: dict[str, Any],
    reading: dict[str, Any],
    read_at: dt.datetime,
    item: dict[str, Any],
    place: int,
) -> list[dict[str, Any]]:
    """The findings of one value; estimates that it replaces are reversed."""
    code = point["measuring_point"]
    near = clerk.ledger.neighbours(code, read_at)
    new = New(
        value=reading.get("value"),
        unit=reading.get("unit", "PAGE"),
        read_at=read_at,
        replaced=reading.get("counter_replaced") is True,
        acknowledged=item.get("acknowledge_deviation") is True,
    )
    rules = (
        point.get("unit", "PAGE"),
        point.get("counter_overflow_value"),
        point.get("annual_estimate"),
        point.get("is_counter", True),
    )
    try:
        findings = judge(Point(code, *rules), new, near)
    except Refusal as refusal:
        refusal.extensions["measuring_point"] = code
        refusal.extensions["errors"] = [error_at(f"/readings/{place}/value", refusal.slug)]
        raise
    if any(finding["code"] == "estimate-replaced" for finding in findings):
        _replace_estimates(clerk, code, reading["value"], read_at, near)
    return findings


def _replace_estimates(clerk: Clerk, point: str, value: int, read_at: dt.datetime, near: Neighbours) -> None:
    """Reverses the estimates around a reading that it shows to be wrong, as far as the next readings on both sides."""
    start = stamp(near.read_before.read_at) if near.read_before else ""
    end = stamp(near.read_after.read_at) if near.read_after else "9999"
    moment = stamp(read_at)
    clerk.ledger.reverse(
        "measuring_point=? AND estimated=1 AND ((read_at BETWEEN ? AND ? AND value > ?)"
        " OR (read_at > ? AND read_at <= ? AND value < ?))",
        (point, start, moment, value, moment, end, value),
        "estimate-replaced",
        clerk.now,
    )


def digest_of(content: object) -> str:
    """What makes two contents the same: their JSON values, whatever the order of keys and the blanks."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

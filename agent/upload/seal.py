"""Readings, orders and service notifications into envelopes: the exact bytes that will leave, made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from agent.meters import Reading, protocol_of
from agent.supplies.policy import Decision, told_percent
from agent.upload.envelope import Envelope, canonical, new_reference

Withheld = Literal[
    "findings",
    "findings.detail",
    "source",
    "source.agent_id",
    "source.agent_version",
    "source.protocol",
    "trigger",
    "long_text",
]  # what the contract lets be left out of readings, orders and service notifications
HELD = "/held"  # a quarantined reading leaves its period free for a sound one


@dataclass(frozen=True, slots=True)
class Source:
    """Who sends: the agent's id at the portal, its version, and which fields stay in the house (`WITHHOLDABLE`)."""

    agent_id: str
    agent_version: str
    withhold: tuple[Withheld, ...] = ()


def seal_reading(reading: Reading, source: Source, period: str, *, held: bool, now: datetime) -> Envelope:
    """The envelope of a reading, the only one of its equipment in `period` (such as `2026-11-23`)."""
    reference = new_reference()
    body = {
        "client_reference": reference,
        "equipment_number": reading.equipment_number,
        "read_at": timestamp(reading.read_at),
        "readings": [
            {
                # A list without measuring points is enough: the portal finds them by their meter codes.
                **({"measuring_point": value.measuring_point} if value.measuring_point else {}),
                "meter_code": value.meter_code,
                "value": value.value,
                "unit": value.unit,
            }
            for value in reading.values
        ],
        "findings": [{"code": finding.code, "detail": str(finding.message)} for finding in reading.findings],
        "source": {
            "agent_id": source.agent_id,
            "agent_version": source.agent_version,
            "protocol": "ipp" if any(protocol_of(value.source) == "ipp" for value in reading.values) else "snmp",
        },
    }
    key = reading_key(reading.equipment_number, period) + (HELD if held else "")
    return Envelope(reference, "reading", reading.equipment_number, key, now, canonical(without(body, source.withhold)))


def seal_order(
    equipment_number: str, decisions: Sequence[Decision], now: datetime, withhold: Sequence[Withheld] = ()
) -> Envelope:
    """The envelope of an order, one piece of each. Raises `ValueError` when a decision is not to order.

    The first decision tells what triggered it; the others come along.
    """
    reference, first = new_reference(), decisions[0]
    told = first.wish.forecast
    body = {
        "client_reference": reference,
        "equipment_number": equipment_number,
        "items": [_piece(decision) for decision in decisions],
        "ship_to": None,
        "trigger": {
            "level_percent": told_percent(first.supply),
            "days_left": told.likely if told else None,
            "rule": first.reason.code,
        },
    }
    key = f"{equipment_number}/{reference}"
    return Envelope(reference, "order", equipment_number, key, now, canonical(without(body, withhold)))


def _piece(decision: Decision) -> dict[str, Any]:
    item = decision.item
    if item is None or not decision.order:
        raise ValueError("this decision orders nothing")
    return {
        "bom_item_number": item.bom_item_number,
        "component_material_number": item.component_material_number,
        "quantity": 1,
        "unit": "ST",
    }


def seal_notification(
    equipment_number: str, cause: str, texts: tuple[str, str], now: datetime, withhold: Sequence[Withheld] = ()
) -> Envelope:
    """The envelope of a service notification; `texts` are the short one and the long one."""
    reference = new_reference()
    body = {
        "client_reference": reference,
        "equipment_number": equipment_number,
        "cause": cause,
        "short_text": texts[0],
        "long_text": texts[1],
        "priority": "normal",
    }
    key = notification_key(equipment_number, cause)
    return Envelope(reference, "notification", equipment_number, key, now, canonical(without(body, withhold)))


def without(body: Mapping[str, Any], withhold: Sequence[Withheld]) -> dict[str, Any]:
    """The body without these fields; `a.b` is the field b of a, or of every item of a list a."""
    left = dict(body)
    for name in withhold:
        outer, is_nested, inner = name.partition(".")
        if not is_nested:
            left.pop(outer, None)
        elif isinstance(left.get(outer), list):
            left[outer] = [{key: value for key, value in item.items() if key != inner} for item in left[outer]]
        elif isinstance(left.get(outer), dict):
            left[outer] = {key: value for key, value in left[outer].items() if key != inner}
    return left


def reading_key(equipment_number: str, period: str) -> str:
    """What may exist once: the reading of an equipment in a reporting period."""
    return f"{equipment_number}/{period}"


def reading_slots(equipment_number: str, period: str, *, held: bool) -> tuple[str, ...]:
    """The slots of which any, once taken, stands in the way of another reading in this period."""
    key = reading_key(equipment_number, period)
    return (key, key + HELD) if held else (key,)


def notification_key(equipment_number: str, cause: str) -> str:
    """What may exist once: the open service notification of a cause for an equipment."""
    return f"{equipment_number}/{cause}"


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, whole seconds, of a moment in any time zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

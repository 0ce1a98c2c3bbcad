"""Envelopes as a person's decision changes them: the same reference, other bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agent.meters import MeterValue
from agent.texts import message
from agent.upload.envelope import Entry, Envelope, canonical
from agent.upload.seal import timestamp
from agent.validation import CLOCK_CORRECTED, OFFSET_APPLIED, offset_applied

BELOW_LAST = "below_last"  # the finding of `agent.validation`; its value `code` names the meter


@dataclass(frozen=True, slots=True)
class Addition:
    """What is added to one value: `more` to the one that was sealed, `offset` in all to what the printer counts."""

    more: int
    offset: int


NOTHING_ADDED: Mapping[str, Addition] = {}


def with_counter_replaced(entry: Entry) -> Envelope:
    """With the portal's word that the counter was replaced, at the values that fell; at all, where none did."""
    content = entry.envelope.content
    fell = {reason.message.values.get("code") for reason in entry.reasons if reason.code == BELOW_LAST}
    content["readings"] = [
        {**value, "counter_replaced": True} if not fell or value["meter_code"] in fell else value
        for value in content.get("readings", ())
    ]
    return _resealed(entry.envelope, content)


def with_time(envelope: Envelope, offset: int) -> Envelope:
    """With the time of reading by the portal's clock, which was `offset` seconds ahead, and a finding that says so."""
    content = envelope.content
    by_ours = content["read_at"]
    content["read_at"] = timestamp(datetime.fromisoformat(by_ours) + timedelta(seconds=offset))
    if "findings" in content:
        said = message(
            "This computer's clock said {time}, {seconds} s beside the portal's.", time=by_ours, seconds=offset
        )
        content["findings"] = [*content["findings"], {"code": CLOCK_CORRECTED, "detail": str(said)}]
    return _resealed(envelope, content)


def with_offsets(entry: Entry, added: Mapping[str, Addition]) -> Envelope:
    """With values raised by meter code, and a finding for each that says so, unless findings are withheld."""
    content = entry.envelope.content
    values, said = [], []
    for value in content.get("readings", ()):
        addition = added.get(value["meter_code"])
        raised = {**value, "value": value["value"] + addition.more} if addition else value
        values.append(raised)
        if addition and addition.offset:
            said.append(_finding(raised, addition.offset))
    content["readings"] = values
    if "findings" in content:
        kept = [finding for finding in content["findings"] if finding["code"] != OFFSET_APPLIED]
        content["findings"] = [*kept, *said]
    return _resealed(entry.envelope, content)


def _finding(value: Mapping[str, Any], offset: int) -> dict[str, str]:
    point, unit = value["measuring_point"], value.get("unit", "")
    told = offset_applied(MeterValue(point, value["meter_code"], value["value"], unit, "", offset=offset))
    return {"code": told.code, "detail": str(told.message)}


def _resealed(old: Envelope, content: dict[str, Any]) -> Envelope:
    return Envelope(old.reference, old.kind, old.equipment_number, old.slot_key, old.created_at, canonical(content))

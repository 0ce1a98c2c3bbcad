"""The newest value of each meter that was reported, and where in the printer it stood: what the next one is judged by.

Numbers come from bodies that are what was sealed, never from a damaged row.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from agent.meters import LastReading, protocol_of
from agent.migrations.rows import entry_of, is_damaged, moment_of, portions
from agent.migrations.tables import envelopes, proofs
from agent.upload.envelope import Entry

COUNTING = ("accepted", "waiting")  # states whose values later readings are compared with
LATELY = 3 * 86_400  # seconds before the newest envelope: there is nearly always what is looked for
# Envelopes, with the places of their values where only the keyframe of their proof has them.
_keyed = envelopes.alias()
PLACED = (
    select(envelopes, _keyed.c.origins.label("keyframe_origins"))
    .join(proofs, proofs.c.envelope == envelopes.c.id, isouter=True)
    .join(_keyed, _keyed.c.id == proofs.c.keyframe, isouter=True)
)
_COUNTING = PLACED.where(
    envelopes.c.kind == "reading", envelopes.c.state.in_(bindparam("states", expanding=True))
).order_by(envelopes.c.read_at.desc(), envelopes.c.created_at.desc())
LATEST = _COUNTING.where(
    envelopes.c.equipment_number.in_(bindparam("numbers", expanding=True)), envelopes.c.read_at >= bindparam("since")
)
EARLIER = _COUNTING.where(envelopes.c.equipment_number == bindparam("number"), envelopes.c.read_at < bindparam("since"))


def last_values(
    connection: Connection,
    equipment_numbers: Sequence[str],
    states: Sequence[str],
    codes: Mapping[str, Collection[str]] | None,
) -> dict[str, dict[str, LastReading]]:
    """By equipment and meter code the newest value in a reading in one of these states.

    `codes` by equipment are those that are wanted; all without it, which costs going through all readings.
    """
    found: dict[str, dict[str, LastReading]] = {number: {} for number in equipment_numbers}
    wanted = {number: set(codes.get(number, ())) for number in found} if codes is not None else {}

    def is_complete(number: str) -> bool:
        return number in wanted and wanted[number] <= found[number].keys()

    newest = connection.execute(select(envelopes.c.created_at).order_by(envelopes.c.id.desc()).limit(1))
    since = _whole(newest.scalar()) // 1_000_000 - LATELY
    for numbers in portions(equipment_numbers):
        for row in connection.execute(LATEST, {"states": states, "numbers": numbers, "since": since}):
            if not is_complete(row.equipment_number):
                _complete(found[row.equipment_number], row)
    for number in found:
        if is_complete(number):
            continue
        for row in connection.execute(EARLIER, {"states": states, "number": number, "since": since}):
            _complete(found[number], row)
            if is_complete(number):
                break
    return found


def values_of(entry: Entry) -> dict[str, LastReading]:
    """The values of a reading by meter code; none when its row is damaged."""
    if is_damaged(entry):
        return {}
    content = entry.envelope.content
    read_at = moment_of(content["read_at"])
    source = content.get("source", {})
    return {
        value["meter_code"]: LastReading(
            value["value"], read_at, protocol=source.get("protocol"), captured_by=source.get("captured_by")
        )
        for value in content["readings"]
    }


def _complete(known: dict[str, LastReading], row: Row[Any]) -> None:
    """Adds what a reading says of meters of which no newer one says anything. A damaged one says nothing."""
    values = values_of(entry_of(row))
    if values.keys() - known.keys():
        origins = origins_of(row)
        known |= {code: _placed(values[code], origins.get(code)) for code in values if code not in known}


def origins_of(row: Row[Any]) -> dict[str, str]:
    """By meter code where in the device the values of a reading stood."""
    try:
        told = json.loads(row.origins or row.keyframe_origins or "{}")
        return {code: origin for code, origin in told.items() if isinstance(origin, str)}
    except (ValueError, TypeError, AttributeError):
        return {}


def _placed(last: LastReading, origin: str | None) -> LastReading:
    """The value with the place that it came from; the protocol may have been kept out of what was sent."""
    protocol = last.protocol or (protocol_of(origin) if origin else None)
    return replace(last, origin=origin, protocol=protocol)


def _whole(stored: object) -> int:
    """A stored time, or the beginning of 1970 when it can no longer be read."""
    return stored if isinstance(stored, int) else 0

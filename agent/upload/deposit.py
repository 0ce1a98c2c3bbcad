"""Parcels into rows: envelope, proof and, where it is held, the first line of the history; many in few statements."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select

from agent.grounds import Grounds
from agent.ledger import append
from agent.migrations.packing import packed, text_of, unpacked
from agent.migrations.rows import (
    findings_json,
    instant,
    key_of,
    microseconds,
    moment_of,
    note_json,
    portions,
    sealed_in,
    seconds,
    slot_of,
)
from agent.migrations.tables import envelopes, history, proofs
from agent.ports import Parcel
from agent.readout import Readout
from agent.upload.links import Item, digest

KEYFRAME_LASTS = timedelta(days=32)  # so few proofs, of one printer, can be lost with a keyframe
WORTH_IT = 2  # a difference is at most this part of its keyframe
_WRITE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Keyframe:
    """The newest whole proof of a printer: its row, its text, how many octets it takes, and the origins in its row."""

    envelope: int
    text: bytes
    size: int
    origins: str | None


def deposit(connection: Connection, parcels: Sequence[Parcel]) -> None:
    """Writes parcels whose slots are free, in the caller's transaction."""
    if not parcels:
        return
    first = (connection.execute(select(func.max(envelopes.c.id))).scalar() or 0) + 1
    known = _keyframes(connection, parcels)
    sealed: list[dict[str, Any]] = []
    proved: list[dict[str, Any]] = []
    items: list[Item] = []
    for number, parcel in enumerate(parcels, first):
        envelope, origins = parcel.envelope, _WRITE(dict(parcel.origins)) if parcel.origins else None
        keyframe = known.get(envelope.equipment_number)
        proof = _proof(parcel.proof, parcel.grounds, keyframe) if parcel.proof is not None else None
        if proof is not None:
            proved.append({"envelope": number, **proof})
            if keyframe is not None and proof["keyframe"] and keyframe.origins == origins:
                origins = None  # as those of its keyframe
        sealed.append({**_envelope(parcel), "id": number, "origins": origins})
        told = digest(proof["packed"]) if proof is not None else None
        items.append(Item("sealed", envelope.reference, digest(envelope.body), told, instant(envelope.created_at)))
    connection.execute(insert(envelopes), sealed)
    if proved:
        connection.execute(insert(proofs), proved)
    held = [_first_line(parcel, number) for number, parcel in enumerate(parcels, first) if parcel.held]
    if held:
        connection.execute(insert(history), held)
    append(connection, items)


def _keyframes(connection: Connection, parcels: Sequence[Parcel]) -> dict[str, Keyframe]:
    """By equipment the keyframe that its next proof may be told by; none where it is too old or damaged."""
    moments = {one.envelope.equipment_number: one.proof.read_at for one in parcels if one.proof is not None}
    found: dict[str, Keyframe] = {}
    for numbers in portions(list(moments)):
        since = min(moments[number] for number in numbers) - KEYFRAME_LASTS
        newest = (
            select(func.max(envelopes.c.id))
            .join(proofs, proofs.c.envelope == envelopes.c.id)
            .where(envelopes.c.equipment_number.in_(numbers), envelopes.c.read_at > seconds(since))
            .where(proofs.c.keyframe.is_(None))
            .group_by(envelopes.c.equipment_number)
        )
        columns = (envelopes.c.id, envelopes.c.equipment_number, envelopes.c.origins, proofs.c.packed)
        rows = select(*columns).join(proofs, proofs.c.envelope == envelopes.c.id).where(envelopes.c.id.in_(newest))
        for row in connection.execute(rows):
            try:
                text = unpacked(row.packed)
            except ValueError:
                continue  # a damaged one costs no further proof
            found[row.equipment_number] = Keyframe(row.id, text, len(row.packed), row.origins)
    return found


def _envelope(parcel: Parcel) -> dict[str, Any]:
    envelope, read_at = parcel.envelope, _read_at(parcel)
    at = seconds(read_at) if read_at is not None else None
    return {
        "reference": key_of(envelope.reference),
        "kind": envelope.kind,
        "equipment_number": envelope.equipment_number,
        "slot": slot_of(envelope.kind, envelope.slot_key),
        "created_at": microseconds(envelope.created_at),
        "read_at": at,
        "state": parcel.state,
        "attempts": 0,
        "sealed": sealed_in(envelope, at),
        "receipts": None,
        "reasons": findings_json(parcel.held),
    }


def _read_at(parcel: Parcel) -> datetime | None:
    """When a reading was read; None for what is none."""
    if parcel.envelope.kind != "reading":
        return None
    if parcel.proof is not None:
        return parcel.proof.read_at
    content: Mapping[str, Any] = parcel.envelope.content
    return moment_of(content["read_at"]) if "read_at" in content else parcel.envelope.created_at


def _proof(readout: Readout, grounds: Grounds, keyframe: Keyframe | None) -> dict[str, Any]:
    text = text_of(readout, grounds)
    if keyframe is not None:
        told = packed(text, keyframe.text)
        if len(told) * WORTH_IT <= keyframe.size:
            return {"keyframe": keyframe.envelope, "packed": told}
    return {"keyframe": None, "packed": packed(text)}


def _first_line(parcel: Parcel, number: int) -> dict[str, Any]:
    at = microseconds(parcel.envelope.created_at)
    return {"envelope": number, "at": at, "state": parcel.state, "note": note_json(parcel.held[0].message)}

"""Parcels into rows: envelope, values, proof and the first line of the history, many parcels in few statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert

from agent.ledger import append
from agent.migrations.packing import packed
from agent.migrations.rows import findings_json, instant, moment_of, note_json
from agent.migrations.tables import envelopes, history, proofs, reading_values, readings
from agent.ports import Parcel
from agent.readout import Readout
from agent.texts import message
from agent.upload.envelope import Envelope
from agent.upload.links import Item, digest

STORED = message("Stored.")


def deposit(connection: Connection, parcels: Sequence[Parcel]) -> None:
    """Writes parcels whose slots are free, in the caller's transaction."""
    made = [(parcel, parcel.envelope.content) for parcel in parcels if parcel.envelope.kind == "reading"]
    rows = {
        envelopes: [_envelope(parcel) for parcel in parcels],
        readings: [_reading(parcel.envelope, content) for parcel, content in made],
        reading_values: [row for parcel, content in made for row in _values(parcel, content)],
        proofs: [_proof(one, one.proof) for one in parcels if one.proof is not None],
        history: [_first_line(parcel) for parcel in parcels],
    }
    for table, content in rows.items():
        if content:
            connection.execute(insert(table), content)
    append(connection, _items(rows[envelopes], rows[proofs]))


def _items(sealed: Sequence[Mapping[str, Any]], proved: Sequence[Mapping[str, Any]]) -> list[Item]:
    """Every envelope is a link of the ledger, with the digests of its body and of its proof."""
    packs = {row["reference"]: digest(row["packed"]) for row in proved}
    return [
        Item("sealed", row["reference"], bytes.fromhex(row["digest"]), packs.get(row["reference"]), row["created_at"])
        for row in sealed
    ]


def _envelope(parcel: Parcel) -> dict[str, Any]:
    envelope = parcel.envelope
    return {
        "reference": envelope.reference,
        "kind": envelope.kind,
        "equipment_number": envelope.equipment_number,
        "slot_key": envelope.slot_key,
        "slot": envelope.slot_key,
        "created_at": instant(envelope.created_at),
        "body": envelope.body,
        "digest": envelope.digest,
        "state": parcel.state,
        "attempts": 0,
        "receipts": "[]",
        "reasons": findings_json(parcel.held),
    }


def _reading(envelope: Envelope, content: Mapping[str, Any]) -> dict[str, str]:
    read_at = moment_of(content["read_at"]) if "read_at" in content else envelope.created_at
    return {
        "reference": envelope.reference,
        "equipment_number": envelope.equipment_number,
        "read_at": instant(read_at),
    }


def _values(parcel: Parcel, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    reference = parcel.envelope.reference
    return [
        {
            "reference": reference,
            "measuring_point": value.get("measuring_point", ""),
            "meter_code": value["meter_code"],
            "value": value["value"],
            "origin": parcel.origins.get(value["meter_code"]),
        }
        for value in content.get("readings", ())
    ]


def _proof(parcel: Parcel, proof: Readout) -> dict[str, Any]:
    return {
        "reference": parcel.envelope.reference,
        "read_at": instant(proof.read_at),
        "profile": proof.profile,
        "packed": packed(proof, parcel.grounds),
    }


def _first_line(parcel: Parcel) -> dict[str, str]:
    note = parcel.held[0].message if parcel.held else STORED
    at = instant(parcel.envelope.created_at)
    return {"reference": parcel.envelope.reference, "at": at, "state": parcel.state, "note": note_json(note)}

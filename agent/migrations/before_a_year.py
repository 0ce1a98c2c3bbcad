"""The way back from version 0010 of the database: the tables of 0009, with all that there is."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from agent.migrations.packing import is_difference, said, unpacked
from agent.migrations.rows import STORED, booked, entry_of, note_json, opened_in, reference_of
from agent.upload.links import Chain, Item, digest

AT_ONCE = 500  # envelopes that are moved together
DAMAGED = b"\0"  # before a body that was damaged when it came to 0010
_START = datetime(1970, 1, 1, tzinfo=UTC)
Columns = Mapping[str, Any]


def make_tables() -> None:
    """Beside those that are there."""
    op.create_table(
        "envelopes_next",
        sa.Column("reference", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("equipment_number", sa.String(64), nullable=False),
        sa.Column("slot_key", sa.Text, nullable=False),
        sa.Column("slot", sa.Text),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("not_before", sa.String(32)),
        sa.Column("receipts", sa.Text, nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("settled_at", sa.String(32)),
        sa.UniqueConstraint("kind", "slot", name="envelopes_slot"),
    )
    _make_what_refers()
    op.create_table(
        "ledger_next",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reference", sa.String(32), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("proof", sa.LargeBinary),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )


def _make_what_refers() -> None:
    op.create_table(
        "readings_next",
        sa.Column("reference", sa.String(32), sa.ForeignKey("envelopes_next.reference"), primary_key=True),
        sa.Column("equipment_number", sa.String(64), nullable=False),
        sa.Column("read_at", sa.String(32), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reading_values_next",
        sa.Column("reference", sa.String(32), sa.ForeignKey("readings_next.reference"), primary_key=True),
        sa.Column("measuring_point", sa.String(64), primary_key=True),
        sa.Column("meter_code", sa.String(64), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.Column("origin", sa.Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "proofs_next",
        sa.Column("reference", sa.String(32), sa.ForeignKey("envelopes_next.reference"), primary_key=True),
        sa.Column("read_at", sa.String(32), nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "history_next",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("reference", sa.String(32), sa.ForeignKey("envelopes_next.reference"), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("note", sa.Text),
    )


def fill_ledger(connection: sa.Connection) -> None:
    """The same links: their hashes are of the same words."""
    rows = connection.execute(sa.text("SELECT * FROM ledger ORDER BY position"))
    put = sa.text("INSERT INTO ledger_next VALUES (:position, :kind, :reference, :body, :proof, :at, :hash)")
    while some := rows.fetchmany(AT_ONCE):
        connection.execute(put, [_link(row) for row in some])


def fill(connection: sa.Connection) -> None:
    """Everything else, a portion at a time. What was a difference is a whole proof, and has a link for that."""
    numbers = connection.execute(sa.text("SELECT id FROM envelopes ORDER BY id")).scalars()
    while some := numbers.fetchmany(AT_ONCE):
        _move(connection, some)


def _move(connection: sa.Connection, numbers: Sequence[int]) -> None:
    query = sa.text(
        "SELECT e.*, k.origins AS keyframe_origins, p.packed, p.profile, q.packed AS keyframe FROM envelopes e"
        " LEFT JOIN proofs p ON p.envelope = e.id LEFT JOIN proofs q ON q.envelope = p.keyframe"
        " LEFT JOIN envelopes k ON k.id = p.keyframe WHERE e.id IN :some ORDER BY e.id"
    ).bindparams(sa.bindparam("some", expanding=True))
    rows = connection.execute(query, {"some": list(numbers)}).all()
    proofs = {row.id: _proof(row) for row in rows if row.packed is not None}
    put: dict[str, list[Columns]] = {
        "envelopes_next": [_envelope(row) for row in rows],
        "readings_next": [_reading(row) for row in rows if row.kind == "reading"],
        "reading_values_next": [value for row in rows for value in _values(row)],
        "proofs_next": list(proofs.values()),
        "history_next": list(_history(connection, rows)),
    }
    for table, content in put.items():
        if content:
            names, values = ", ".join(content[0]), ", ".join(f":{name}" for name in content[0])
            connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({values})"), content)  # noqa: S608  ours
    _link_whole_proofs(connection, [(row, proofs[row.id]) for row in rows if is_difference(row.packed)])


def _envelope(row: sa.Row[Any]) -> Columns:
    try:
        slot_key, body = opened_in(row)
        known = hashlib.sha256(body).hexdigest()
    except ValueError:
        slot_key, body, known = "", row.sealed if isinstance(row.sealed, bytes) else b"", ""
    return {
        "reference": reference_of(row.reference),
        "kind": row.kind,
        "equipment_number": row.equipment_number,
        "slot_key": slot_key,
        # Nobody knows which slot a damaged row holds; it goes on holding one.
        "slot": None if row.slot is None else slot_key or f"damaged {row.id}",
        "created_at": _text(row.created_at),
        "body": body if known else body.removeprefix(DAMAGED),
        "digest": known,
        "state": row.state,
        "attempts": row.attempts,
        "not_before": _text(row.not_before),
        "receipts": row.receipts or "[]",
        "reasons": row.reasons or "[]",
        "settled_at": _text(row.settled_at),
    }


def _reading(row: sa.Row[Any]) -> Columns:
    return {
        "reference": reference_of(row.reference),
        "equipment_number": row.equipment_number,
        "read_at": _read_at(row),
    }


def _read_at(row: sa.Row[Any]) -> object:
    return _text(row.read_at * 1_000_000 if isinstance(row.read_at, int) else row.created_at)


def _values(row: sa.Row[Any]) -> Iterator[Columns]:
    try:
        told = json.loads(opened_in(row)[1]).get("readings", ()) if row.kind == "reading" else ()
        origins = json.loads(row.origins or row.keyframe_origins or "{}")
    except (ValueError, AttributeError):
        return
    for one in told:
        yield {
            "reference": reference_of(row.reference),
            "measuring_point": one.get("measuring_point", ""),
            "meter_code": one["meter_code"],
            "value": one["value"],
            "origin": origins.get(one["meter_code"]),
        }


def _proof(row: sa.Row[Any]) -> Columns:
    packed, profile = row.packed, row.profile
    try:
        text = unpacked(packed, unpacked(row.keyframe) if is_difference(packed) else None)
        packed = zlib.compress(text) if is_difference(packed) else packed
        profile = profile or said(text).profile
    except ValueError:
        profile = profile or ""  # damaged; it stays so
    return {
        "reference": reference_of(row.reference),
        "read_at": _read_at(row),
        "profile": profile,
        "packed": packed,
    }


def _history(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> Iterator[Columns]:
    """All lines, with those that envelopes told by themselves."""
    query = sa.text("SELECT * FROM history WHERE envelope IN :some ORDER BY id")
    chosen = query.bindparams(sa.bindparam("some", expanding=True))
    found: dict[int, list[sa.Row[Any]]] = {}
    for one in connection.execute(chosen, {"some": [row.id for row in rows]}):
        found.setdefault(one.envelope, []).append(one)
    for row in rows:
        reference, mine = reference_of(row.reference), found.get(row.id, [])
        if not mine or (mine[0].at, mine[0].state) != (row.created_at, "quarantined"):
            at = _text(row.created_at)
            yield {"reference": reference, "at": at, "state": "waiting", "note": note_json(STORED)}
        for one in mine:
            note = one.note
            if note is None and one.state == "accepted":
                note = note_json(booked(entry_of(row).receipts))
            yield {"reference": reference, "at": _text(one.at), "state": one.state, "note": note}


def _link(row: sa.Row[Any]) -> Columns:
    is_number = row.kind == "decision" and isinstance(row.reference, bytes)
    reference = row.reference.decode(errors="replace") if is_number else reference_of(row.reference)
    return {**row._mapping, "reference": reference, "at": _text(row.at)}


def _link_whole_proofs(connection: sa.Connection, changed: Sequence[tuple[sa.Row[Any], Columns]]) -> None:
    newest = sa.text("SELECT position, hash FROM ledger_next ORDER BY position DESC LIMIT 1")
    last = connection.execute(newest).one_or_none()
    chain = Chain(last.position, last.hash) if last else Chain()
    put = sa.text("INSERT INTO ledger_next VALUES (:position, 'resealed', :reference, :body, :proof, :at, :hash)")
    for row, proof in changed:
        try:
            body = digest(opened_in(row)[1])
        except ValueError:
            continue  # damaged; its link of before says so
        item = Item("resealed", proof["reference"], body, digest(proof["packed"]), str(_text(row.created_at)))
        link = chain.added(item)
        told = {"position": link.position, "reference": item.reference, "body": body, "proof": item.proof}
        connection.execute(put, {**told, "at": item.at, "hash": link.hash})


def _text(stored: object) -> object:
    """A time as text; a damaged one as it is."""
    if not isinstance(stored, int):
        return stored
    return (_START + timedelta(microseconds=stored)).isoformat(timespec="microseconds")

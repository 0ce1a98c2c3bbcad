"""A reading takes a sixth of the space: deflated, with numbers for times and keys, and with nothing twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

from agent.migrations.before_a_year import AT_ONCE, DAMAGED, fill, fill_ledger, make_tables
from agent.migrations.rows import slot_of
from agent.migrations.sealing import sealed

revision = "0010"
down_revision = "0009"

NAMES = (
    "id, reference, kind, equipment_number, slot, created_at, read_at, state, attempts, not_before, settled_at, sealed,"
    " receipts, reasons, origins"
)
_START = datetime(1970, 1, 1, tzinfo=UTC)
Columns = Mapping[str, Any]


def upgrade() -> None:
    """Makes four tables anew with what they hold, a portion at a time, and two no more."""
    _make()
    connection = op.get_bind()
    number = 1
    for references in _portions(connection):
        _move(connection, references, number)
        number += len(references)
    _ledger(connection)
    for table in ("reading_values", "readings", "proofs", "history", "envelopes"):
        op.drop_table(table)
    for table in ("envelopes", "proofs", "history"):
        op.rename_table(f"{table}_next", table)
    _indexes()


def downgrade() -> None:
    """Makes the tables of before with what these hold."""
    make_tables()
    connection = op.get_bind()
    fill_ledger(connection)
    fill(connection)
    _replace_ledger()
    for table in ("proofs", "history", "envelopes"):
        op.drop_table(table)
    for table in ("envelopes", "readings", "reading_values", "proofs", "history"):
        op.rename_table(f"{table}_next", table)
    op.create_index("envelopes_due", "envelopes", ["state", "created_at"])
    op.create_index("envelopes_created", "envelopes", ["kind", "created_at"])
    op.create_index("readings_newest", "readings", ["equipment_number", "read_at"])
    op.create_index("ix_history_reference", "history", ["reference"])


def _make() -> None:
    op.create_table(
        "envelopes_next",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("reference", sa.LargeBinary(16), nullable=False, unique=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("equipment_number", sa.String(64), nullable=False),
        sa.Column("slot", sa.LargeBinary(12), unique=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("read_at", sa.Integer),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("not_before", sa.BigInteger),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("receipts", sa.Text),
        sa.Column("reasons", sa.Text),
        sa.Column("origins", sa.Text),
    )
    op.create_table(
        "proofs_next",
        sa.Column("envelope", sa.Integer, sa.ForeignKey("envelopes_next.id"), primary_key=True),
        sa.Column("keyframe", sa.Integer, sa.ForeignKey("proofs_next.envelope")),
        sa.Column("profile", sa.Text),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "history_next",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("envelope", sa.Integer, sa.ForeignKey("envelopes_next.id"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("note", sa.Text),
    )


def _indexes() -> None:
    op.create_index("envelopes_state", "envelopes", ["state"])
    op.create_index("envelopes_equipment", "envelopes", ["equipment_number", "read_at"])
    postponed, no_reading = sa.text("not_before IS NOT NULL"), sa.text("kind <> 'reading'")
    op.create_index(
        "envelopes_postponed", "envelopes", ["not_before"], sqlite_where=postponed, postgresql_where=postponed
    )
    op.create_index(
        "envelopes_others", "envelopes", ["kind", "created_at"], sqlite_where=no_reading, postgresql_where=no_reading
    )
    op.create_index("ix_history_envelope", "history", ["envelope"])


def _portions(connection: sa.Connection) -> Iterator[Sequence[str]]:
    """The references in the order of time, which is from now on that of their numbers."""
    rows = connection.execute(sa.text("SELECT reference FROM envelopes ORDER BY created_at, reference")).scalars()
    while some := rows.fetchmany(AT_ONCE):
        yield some


def _move(connection: sa.Connection, references: Sequence[str], first: int) -> None:
    """So many envelopes with their proofs and history; their numbers begin with `first`."""

    def of(query: str) -> Sequence[sa.Row[Any]]:
        chosen = sa.text(query).bindparams(sa.bindparam("some", expanding=True))
        return connection.execute(chosen, {"some": list(references)}).all()

    read = {
        row.reference: row.read_at for row in of("SELECT reference, read_at FROM readings WHERE reference IN :some")
    }
    proofs = {row.reference: row for row in of("SELECT * FROM proofs WHERE reference IN :some")}
    read |= {reference: proof.read_at for reference, proof in proofs.items() if _number(proof.read_at) is not None}
    origins: dict[str, dict[str, str]] = {}
    values = "SELECT reference, meter_code, origin FROM reading_values WHERE origin IS NOT NULL AND reference IN :some"
    for row in of(values):
        origins.setdefault(row.reference, {})[row.meter_code] = row.origin
    found = {row.reference: row for row in of("SELECT * FROM envelopes WHERE reference IN :some")}
    numbers = {reference: first + place for place, reference in enumerate(references)}
    envelopes = [_envelope(numbers[one], found[one], _seconds(read.get(one)), origins.get(one)) for one in references]
    put = sa.text(f"INSERT INTO envelopes_next ({NAMES}) VALUES (:{NAMES.replace(', ', ', :')})")  # noqa: S608 constants
    connection.execute(put, envelopes)
    packs = [
        {"envelope": numbers[one], "profile": proof.profile, "packed": proof.packed} for one, proof in proofs.items()
    ]
    if packs:
        put = sa.text("INSERT INTO proofs_next (envelope, profile, packed) VALUES (:envelope, :profile, :packed)")
        connection.execute(put, packs)
    events = of("SELECT * FROM history WHERE reference IN :some ORDER BY id")
    lines = list(_lines(events, numbers, {one: found[one].created_at for one in references}))
    if lines:
        put = sa.text("INSERT INTO history_next VALUES (:id, :envelope, :at, :state, :note)")
        connection.execute(put, lines)


def _envelope(number: int, row: sa.Row[Any], read_at: int | None, origins: dict[str, str] | None) -> Columns:
    """A row as it is now; what was damaged stays as it is, and is no row that can be opened."""
    body = row.body if isinstance(row.body, bytes) else str(row.body).encode(errors="replace")
    try:
        sound = hashlib.sha256(body).hexdigest() == row.digest and len(bytes.fromhex(row.reference)) == 16
        packed = sealed(row.reference, row.equipment_number, read_at, row.slot_key, body) if sound else DAMAGED + body
    except (ValueError, TypeError, AttributeError):
        packed = DAMAGED + body
    return {
        "id": number,
        "reference": _key(row.reference),
        "kind": row.kind,
        "equipment_number": row.equipment_number,
        "slot": None if row.slot is None else slot_of(row.kind, row.slot),
        "created_at": _at(row.created_at),
        "read_at": read_at,
        "state": row.state,
        "attempts": row.attempts,
        "not_before": _at(row.not_before) if row.state == "waiting" else None,
        "settled_at": _at(row.settled_at),
        "sealed": packed,
        "receipts": None if row.receipts == "[]" else row.receipts,
        "reasons": None if row.reasons == "[]" else row.reasons,
        "origins": json.dumps(origins, ensure_ascii=False) if origins else None,
    }


def _lines(events: Sequence[sa.Row[Any]], numbers: Mapping[str, int], created: Mapping[str, str]) -> Iterator[Columns]:
    """The history without the lines that only say that something was stored: the envelope says so itself."""
    begun = set[str]()
    for one in events:
        is_first = one.reference not in begun
        begun.add(one.reference)
        if is_first and (one.state, one.at) == ("waiting", created[one.reference]) and _is_stored(one.note):
            continue
        yield {
            "id": one.id,
            "envelope": numbers[one.reference],
            "at": _at(one.at),
            "state": one.state,
            "note": one.note,
        }


def _is_stored(note: object) -> bool:
    try:
        told = json.loads(note) if isinstance(note, str) else None
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("template") == "Stored."


def _ledger(connection: sa.Connection) -> None:
    """The same links in less space: their hashes are of the same words as before."""
    op.create_table(
        "ledger_next",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reference", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("proof", sa.LargeBinary),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    rows = connection.execute(sa.text("SELECT * FROM ledger ORDER BY position"))
    put = sa.text("INSERT INTO ledger_next VALUES (:position, :kind, :reference, :body, :proof, :at, :hash)")
    while some := rows.fetchmany(AT_ONCE):
        connection.execute(put, [_link(row) for row in some])
    _replace_ledger()


def _replace_ledger() -> None:
    op.drop_table("ledger")
    op.rename_table("ledger_next", "ledger")
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER ledger_no_{act.lower()} BEFORE {act} ON ledger"
            " BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END"
        )


def _link(row: sa.Row[Any]) -> Columns:
    reference = str(row.reference).encode(errors="replace") if row.kind == "decision" else _key(row.reference)
    return {**row._mapping, "reference": reference, "at": _at(row.at)}


def _key(reference: object) -> bytes:
    """The octets of a reference; of a damaged one what stands there."""
    try:
        return bytes.fromhex(str(reference))
    except ValueError:
        return str(reference).encode(errors="replace")


def _number(stored: object) -> int | None:
    """Microseconds since 1970; None for what is no time as it was written."""
    try:
        moment = datetime.fromisoformat(str(stored))
        whole = (moment - _START) // timedelta(microseconds=1)
    except (ValueError, TypeError):
        return None
    return whole if (_START + timedelta(microseconds=whole)).isoformat(timespec="microseconds") == stored else None


def _seconds(stored: object) -> int | None:
    number = _number(stored)
    return None if number is None else number // 1_000_000


def _at(stored: object) -> object:
    """A time as a number; a damaged one as it is, so that it is still found out."""
    number = _number(stored)
    return stored if number is None else number

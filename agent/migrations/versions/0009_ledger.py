"""The ledger, in which every envelope is a link of a chain of hashes, and people's decisions."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

from agent.errors import StoreError
from agent.migrations.present import has_table
from agent.texts import message

revision = "0009"
down_revision = "0008"
AT_ONCE = 500


def upgrade() -> None:
    """Makes both tables; what is there already becomes the beginning of the chain.

    Where an older agent has worked in between, the chain goes on with what came, and what was changed, meanwhile.
    """
    if not has_table("ledger"):
        _tables()
    _adopt()


def downgrade() -> None:
    """Leaves both: an older agent does not look at them. It would not add offsets either, so none may hold."""
    newest = "SELECT max(id) FROM decisions GROUP BY equipment_number"
    rows = op.get_bind().execute(sa.text(f"SELECT equipment_number, after FROM decisions WHERE id IN ({newest})"))  # noqa: S608
    numbers = [row.equipment_number.lstrip("0") for row in rows if _has_offsets(row.after)]
    if numbers:
        raise StoreError(
            message(
                "Offsets hold for equipment {numbers}; an older agent would not add them.", numbers=", ".join(numbers)
            ),
            message("End them first: meter-agent offsets end {number}", number=numbers[0]),
        )


def _has_offsets(after: object) -> bool:
    """Whether a decision leaves an offset, or can no longer be read."""
    try:
        return bool(json.loads(str(after))["offsets"])
    except (ValueError, TypeError, KeyError):
        return True


def _tables() -> None:
    op.create_table(
        "ledger",
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reference", sa.String(32), nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("proof", sa.LargeBinary),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("equipment_number", sa.String(64), nullable=False),
        sa.Column("reference", sa.String(32)),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
    )
    op.create_index("decisions_equipment", "decisions", ["equipment_number", "id"])
    _append_only("ledger")
    _append_only("decisions")


def _append_only(table: str) -> None:
    """Written once: not even this program can change or delete a row by mistake."""
    for act in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def _adopt() -> None:
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT e.reference, e.digest, e.created_at, p.packed FROM envelopes e"
            " LEFT JOIN proofs p ON p.reference = e.reference ORDER BY e.created_at, e.reference"
        )
    )
    put = sa.text("INSERT INTO ledger VALUES (:position, :kind, :reference, :body, :proof, :at, :hash)")
    known = _known(connection)
    last = connection.execute(sa.text("SELECT position, hash FROM ledger ORDER BY position DESC LIMIT 1")).one_or_none()
    position, head = (last.position, last.hash) if last else (0, bytes(32))
    while some := rows.fetchmany(AT_ONCE):
        links = []
        for row in some:
            body = bytes.fromhex(row.digest) if _is_hex(row.digest) else bytes(32)
            if known.get(row.reference) == body:
                continue
            position += 1
            link, head = _link(position, head, row, body, "resealed" if row.reference in known else "adopted")
            links.append(link)
        if links:
            connection.execute(put, links)


def _known(connection: sa.Connection) -> dict[str, bytes]:
    """By reference the digest of the body in the newest link about it."""
    kinds = "('adopted', 'sealed', 'resealed')"
    rows = connection.execute(
        sa.text(f"SELECT reference, body FROM ledger WHERE kind IN {kinds} ORDER BY position")  # noqa: S608  a constant
    )
    return {row.reference: row.body for row in rows}


def _link(
    position: int, head: bytes, row: sa.Row[tuple[str, str, str, bytes]], body: bytes, kind: str
) -> tuple[dict[str, object], bytes]:
    proof = hashlib.sha256(row.packed).digest() if isinstance(row.packed, bytes) else None
    parts = [position, kind, row.reference, body.hex(), proof.hex() if proof else None, row.created_at]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    found = hashlib.sha256(head + text.encode(errors="replace")).digest()
    link = {"position": position, "kind": kind, "reference": row.reference, "body": body, "proof": proof}
    return {**link, "at": row.created_at, "hash": found}, found


def _is_hex(digest: object) -> bool:
    try:
        return isinstance(digest, str) and len(bytes.fromhex(digest)) == 32
    except ValueError:
        return False

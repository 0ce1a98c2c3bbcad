"""The ledger, in which every envelope is a link of a chain of hashes, and people's decisions."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
AT_ONCE = 500


def upgrade() -> None:
    """Makes both tables; what is there already becomes the beginning of the chain."""
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
    _adopt()


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
    put = sa.text("INSERT INTO ledger VALUES (:position, 'adopted', :reference, :body, :proof, :at, :hash)")
    position, head = 0, bytes(32)
    while some := rows.fetchmany(AT_ONCE):
        links = []
        for row in some:
            position += 1
            link, head = _link(position, head, row)
            links.append(link)
        connection.execute(put, links)


def _link(position: int, head: bytes, row: sa.Row[tuple[str, str, str, bytes]]) -> tuple[dict[str, object], bytes]:
    body = bytes.fromhex(row.digest) if _is_hex(row.digest) else bytes(32)
    proof = hashlib.sha256(row.packed).digest() if isinstance(row.packed, bytes) else None
    parts = [position, "adopted", row.reference, body.hex(), proof.hex() if proof else None, row.created_at]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    found = hashlib.sha256(head + text.encode(errors="replace")).digest()
    link = {"position": position, "reference": row.reference, "body": body, "proof": proof, "at": row.created_at}
    return {**link, "hash": found}, found


def _is_hex(digest: object) -> bool:
    try:
        return isinstance(digest, str) and len(bytes.fromhex(digest)) == 32
    except ValueError:
        return False

"""What may have left the house without an answer, and links for what the portal has decided."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from agent.migrations.present import has_table
from agent.migrations.rows import instant, moment_at, reference_of

revision = "0011"
down_revision = "0010"
AT_ONCE = 500


def upgrade() -> None:
    """Makes the table. What was decided before becomes a link now; what waits may have left, as far as is known."""
    if not has_table("departures"):
        op.create_table(
            "departures",
            sa.Column("reference", sa.LargeBinary(16), primary_key=True),
            sa.Column("at", sa.BigInteger, nullable=False),
            sa.Column("by", sa.String(64), nullable=False),
            sqlite_with_rowid=False,
        )
    # An older agent that has worked in between took no notice of the table.
    op.execute(
        "DELETE FROM departures WHERE reference NOT IN (SELECT reference FROM envelopes WHERE state = 'waiting')"
    )
    op.execute(
        "INSERT INTO departures (reference, at, by) SELECT reference, created_at, '' FROM envelopes"
        " WHERE kind <> 'reading' AND state = 'waiting' AND reference NOT IN (SELECT reference FROM departures)"
    )
    _adopt_verdicts()


def downgrade() -> None:
    """Leaves the table, and the links: an older agent does not look at them."""


def _adopt_verdicts() -> None:
    """A link for each verdict that has none: those of before, and of an older agent that has worked in between."""
    connection = op.get_bind()
    last = connection.execute(sa.text("SELECT position, hash FROM ledger ORDER BY position DESC LIMIT 1")).one_or_none()
    position, head = (last.position, last.hash) if last else (0, bytes(32))
    known = {
        (row.reference, row.kind, row.body)
        for row in connection.execute(
            sa.text("SELECT reference, kind, body FROM ledger WHERE kind IN ('accepted', 'rejected')")
        )
    }
    rows = connection.execute(
        sa.text(
            "SELECT reference, state, receipts, reasons, settled_at FROM envelopes"
            " WHERE state IN ('accepted', 'rejected') ORDER BY settled_at, id"
        )
    )
    put = sa.text("INSERT INTO ledger VALUES (:position, :kind, :reference, :body, NULL, :at, :hash)")
    while some := rows.fetchmany(AT_ONCE):
        links = []
        for row in some:
            body = _digest(row)
            if (row.reference, row.state, body) not in known:
                position += 1
                link = _link(position, head, row, body)
                head = link["hash"]
                links.append(link)
        if links:
            connection.execute(put, links)


def _digest(row: sa.Row[Any]) -> bytes:
    told = [_json(row.receipts), _json(row.reasons)]
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).digest()


def _json(stored: object) -> object:
    try:
        return json.loads(str(stored or "[]"))
    except ValueError:
        return str(stored)


def _link(position: int, head: bytes, row: sa.Row[Any], body: bytes) -> dict[str, Any]:
    at = row.settled_at if isinstance(row.settled_at, int) else 0
    parts = [position, row.state, reference_of(row.reference), body.hex(), None, instant(moment_at(at))]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    found = hashlib.sha256(head + text.encode(errors="replace")).digest()
    return {"position": position, "kind": row.state, "reference": row.reference, "body": body, "at": at, "hash": found}

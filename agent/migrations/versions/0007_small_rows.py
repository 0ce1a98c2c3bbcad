"""Proofs are kept packed, and small rows that are found by their key alone stand in it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from agent.migrations.present import has_column

revision = "0007"
down_revision = "0006"

AT_ONCE = 500  # proofs that are packed together


def upgrade() -> None:
    """Makes the three tables anew with what they hold; the order is that of their foreign keys."""
    _readings()
    _proofs()


def downgrade() -> None:
    """Unpacks what older agents look at; the pack stays beside it, with all that they do not know."""
    op.create_table(
        "proofs_next",
        sa.Column("reference", sa.String(32), sa.ForeignKey("envelopes.reference"), primary_key=True),
        sa.Column("read_at", sa.String(32), nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("packed", sa.LargeBinary),
    )
    connection = op.get_bind()
    put = sa.text(
        "INSERT INTO proofs_next VALUES (:reference, :read_at, :evidence, :identity, :endpoint, :profile, :packed)"
    )
    for rows in _portions(connection, "reference, read_at, profile, packed"):
        connection.execute(put, [_unpacked(row) for row in rows])
    op.drop_table("proofs")
    op.rename_table("proofs_next", "proofs")


def _unpacked(row: sa.Row[tuple[str, str, str, bytes]]) -> dict[str, object]:
    try:
        said = json.loads(zlib.decompress(row.packed))
        parts = {name: json.dumps(said[name], ensure_ascii=False) for name in ("evidence", "identity", "endpoint")}
    except (ValueError, TypeError, KeyError, zlib.error):
        parts = {"evidence": "damaged", "identity": "damaged", "endpoint": "damaged"}  # as it will be in the pack
    return {"reference": row.reference, "read_at": row.read_at, "profile": row.profile, "packed": row.packed, **parts}


def _readings() -> None:
    op.create_table(
        "readings_next",
        sa.Column("reference", sa.String(32), sa.ForeignKey("envelopes.reference"), primary_key=True),
        sa.Column("equipment_number", sa.String(64), nullable=False),
        sa.Column("read_at", sa.String(32), nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO readings_next SELECT reference, equipment_number, read_at FROM readings")
    op.create_table(
        "reading_values_next",
        sa.Column("reference", sa.String(32), sa.ForeignKey("readings_next.reference"), primary_key=True),
        sa.Column("measuring_point", sa.String(64), primary_key=True),
        sa.Column("meter_code", sa.String(64), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.Column("origin", sa.Text),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO reading_values_next"
        " SELECT reference, measuring_point, meter_code, value, origin FROM reading_values"
    )
    op.drop_table("reading_values")
    op.drop_table("readings")
    op.rename_table("readings_next", "readings")
    op.rename_table("reading_values_next", "reading_values")
    op.create_index("readings_newest", "readings", ["equipment_number", "read_at"])


def _proofs() -> None:
    op.create_table(
        "proofs_next",
        sa.Column("reference", sa.String(32), sa.ForeignKey("envelopes.reference"), primary_key=True),
        sa.Column("read_at", sa.String(32), nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
    )
    connection = op.get_bind()
    put = sa.text("INSERT INTO proofs_next VALUES (:reference, :read_at, :profile, :packed)")
    packs = ", packed" if has_column("proofs", "packed") else ", NULL AS packed"
    for rows in _portions(connection, "reference, read_at, profile, evidence, identity, endpoint" + packs):
        connection.execute(put, [_packed(row) for row in rows])
    op.drop_table("proofs")
    op.rename_table("proofs_next", "proofs")


def _portions(connection: sa.Connection, columns: str) -> Iterator[list[sa.Row[tuple[Any, ...]]]]:
    """All proofs in portions, so that a year of them does not fill the memory."""
    last = ""
    some = sa.text(
        f"SELECT {columns} FROM proofs WHERE reference > :last ORDER BY reference LIMIT :most"  # noqa: S608  constants
    )
    while rows := list(connection.execute(some, {"last": last, "most": AT_ONCE})):
        yield rows
        last = rows[-1].reference


def _packed(row: sa.Row[tuple[Any, ...]]) -> dict[str, object]:
    said = f'{{"evidence":{row.evidence},"identity":{row.identity},"endpoint":{row.endpoint}}}'
    packed = row.packed or zlib.compress(said.encode(errors="replace"))
    return {"reference": row.reference, "read_at": row.read_at, "profile": row.profile, "packed": packed}

"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes envelopes with their history and proofs, and what the agent remembers of its cycles."""
    _envelopes()
    _readings()
    _cycles()


def _envelopes() -> None:
    op.create_table(
        "envelopes",
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
    op.create_index("envelopes_due", "envelopes", ["state", "created_at"])
    op.create_index("envelopes_created", "envelopes", ["kind", "created_at"])
    op.create_table(
        "history",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("reference", sa.String(32), sa.ForeignKey("envelopes.reference"), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("note", sa.Text),
    )
    op.create_index("ix_history_reference", "history", ["reference"])


def _readings() -> None:
    op.create_table(
        "readings",
        sa.Column("reference", sa.String(32), sa.ForeignKey("envelopes.reference"), primary_key=True),
        sa.Column("equipment_number", sa.String(64), nullable=False),
        sa.Column("read_at", sa.String(32), nullable=False),
    )
    op.create_index("readings_newest", "readings", ["equipment_number", "read_at"])
    op.create_table(
        "reading_values",
        sa.Column("reference", sa.String(32), sa.ForeignKey("readings.reference"), primary_key=True),
        sa.Column("measuring_point", sa.String(64), primary_key=True),
        sa.Column("meter_code", sa.String(64), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "proofs",
        sa.Column("reference", sa.String(32), sa.ForeignKey("envelopes.reference"), primary_key=True),
        sa.Column("read_at", sa.String(32), nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("profile", sa.Text, nullable=False),
    )


def _cycles() -> None:
    op.create_table(
        "identities",
        sa.Column("equipment_number", sa.String(64), primary_key=True),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
    )
    op.create_table(
        "equipments",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "outcomes",
        sa.Column("equipment_number", sa.String(64), primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
    )
    op.create_table(
        "low_supplies",
        sa.Column("equipment_number", sa.String(64), primary_key=True),
        sa.Column("slot", sa.String(64), primary_key=True),
        sa.Column("since", sa.String(32), nullable=False),
    )

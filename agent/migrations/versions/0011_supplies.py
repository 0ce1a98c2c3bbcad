"""What was seen of supplies and counters over time, and the life of every order."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from agent.migrations.sealing import opened

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Makes the tables; orders that hold their slot become open ones, so that nothing is ordered again."""
    _looks()
    op.create_table(
        "ordered_items",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("reference", sa.String(32), nullable=False),
        sa.Column("equipment_number", sa.String(64), nullable=False),
        sa.Column("slot", sa.String(64), nullable=False),
        sa.Column("material_number", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("open_key", sa.Text, unique=True),
        sa.Column("ordered_at", sa.String(32), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("changed_at", sa.String(32), nullable=False),
        sa.Column("asked_at", sa.String(32)),
    )
    op.create_index("ix_ordered_items_reference", "ordered_items", ["reference"])
    op.create_index("ordered_items_equipment", "ordered_items", ["equipment_number", "slot"])
    op.create_table(
        "order_instructions",
        sa.Column("equipment_number", sa.String(64), primary_key=True),
        sa.Column("slot", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    _adopt()
    op.drop_table("low_supplies")


def _looks() -> None:
    op.create_table(
        "supply_looks",
        sa.Column("equipment_number", sa.String(64), primary_key=True),
        sa.Column("slot", sa.String(64), primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True),
        sa.Column("pages", sa.BigInteger),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("percent", sa.Float),
        sa.Column("low", sa.Float),
        sa.Column("high", sa.Float),
        sa.Column("serial_number", sa.String(255)),
        sa.Column("part_number", sa.String(255)),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "supply_slots",
        sa.Column("equipment_number", sa.String(64), primary_key=True),
        sa.Column("slot", sa.String(64), primary_key=True),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("wished_since", sa.String(32)),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "page_days",
        sa.Column("equipment_number", sa.String(64), primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("total", sa.BigInteger),
        sa.Column("color", sa.BigInteger),
        sqlite_with_rowid=False,
    )


def _adopt() -> None:
    """The orders made so far. Their bodies name the materials; one that can no longer be read keeps none."""
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT reference, equipment_number, slot, created_at, sealed FROM envelopes WHERE kind='order'"
            " AND state <> 'discarded' ORDER BY id"
        )
    ).all()
    for row in rows:
        reference = row.reference.hex()
        at = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row.created_at)).isoformat("T", "microseconds")
        for material in _materials(row.sealed, reference, row.equipment_number):
            is_open = row.slot is not None
            connection.execute(
                sa.text(
                    "INSERT INTO ordered_items (reference, equipment_number, slot, material_number, content, open_key,"
                    " ordered_at, status, changed_at) VALUES (:reference, :number, '', :material, '{}', :key, :at,"
                    " 'wanted', :at)"
                ),
                {
                    "reference": reference,
                    "number": row.equipment_number,
                    "material": material,
                    "key": f"{row.equipment_number}/{material}" if is_open else None,
                    "at": at,
                },
            )


def _materials(stored: bytes, reference: str, number: str) -> list[str]:
    """The materials of an order; of a damaged one none: the portal itself sees to it that nothing is ordered twice."""
    try:
        body = json.loads(opened(stored, reference, number, None)[1])
        return list(dict.fromkeys(str(item["component_material_number"]) for item in body["items"]))
    except (ValueError, KeyError, TypeError):
        return []


def downgrade() -> None:
    """Back to what was low; the history of supplies is gone with its tables."""
    for table in ("order_instructions", "ordered_items", "page_days", "supply_slots", "supply_looks"):
        op.drop_table(table)
    op.create_table(
        "low_supplies",
        sa.Column("equipment_number", sa.String(64), primary_key=True),
        sa.Column("slot", sa.String(64), primary_key=True),
        sa.Column("since", sa.String(32), nullable=False),
    )

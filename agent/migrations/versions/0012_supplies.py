"""What was seen of supplies and counters over time, and the life of every order."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from agent.migrations.present import has_table
from agent.migrations.rows import instant, key_of, moment_at, reference_of, slot_of
from agent.migrations.sealing import opened

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Makes the tables; orders that hold their slot become open ones, so that nothing is ordered again."""
    if not has_table("supply_looks"):
        _looks()
        _orders()
    _adopt()
    op.drop_table("low_supplies")


def _orders() -> None:
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
    """The orders that are not known yet: those of before, and of an older agent that has worked in between."""
    connection = op.get_bind()
    known = set(connection.execute(sa.text("SELECT reference FROM ordered_items")).scalars())
    rows = connection.execute(
        sa.text(
            "SELECT reference, equipment_number, slot, created_at, sealed FROM envelopes WHERE kind='order'"
            " AND state <> 'discarded' ORDER BY id"
        )
    ).all()
    # A damaged row may repeat a key, and the way must be free for it: the portal itself refuses a second order.
    put = sa.text(
        "INSERT OR IGNORE INTO ordered_items (reference, equipment_number, slot, material_number, content, open_key,"
        " ordered_at, status, changed_at) VALUES (:reference, :number, '', :material, '{}', :key, :at, 'wanted', :at)"
    )
    for row in rows:
        reference = reference_of(row.reference)
        for material in [] if reference in known else _materials(row.sealed, reference, row.equipment_number):
            key = f"{row.equipment_number}/{material}" if row.slot is not None else None
            told = {"reference": reference, "number": row.equipment_number, "material": material, "key": key}
            connection.execute(put, {**told, "at": instant(moment_at(row.created_at))})


def _materials(stored: bytes, reference: str, number: str) -> list[str]:
    """The materials of an order; of a damaged one none: the portal itself sees to it that nothing is ordered twice."""
    try:
        body = json.loads(opened(stored, reference, number, None)[1])
        return list(dict.fromkeys(str(item["component_material_number"]) for item in body["items"]))
    except (ValueError, KeyError, TypeError):
        return []


def downgrade() -> None:
    """Leaves the tables, which an older agent does not look at; open orders hold their slot as it knows it."""
    op.create_table(
        "low_supplies",
        sa.Column("equipment_number", sa.String(64), primary_key=True),
        sa.Column("slot", sa.String(64), primary_key=True),
        sa.Column("since", sa.String(32), nullable=False),
    )
    connection = op.get_bind()
    items = connection.execute(sa.text("SELECT reference, open_key FROM ordered_items WHERE open_key IS NOT NULL"))
    hold = sa.text("UPDATE OR IGNORE envelopes SET slot = :slot WHERE reference = :reference")
    for item in items.all():
        connection.execute(hold, {"slot": slot_of("order", item.open_key), "reference": key_of(item.reference)})

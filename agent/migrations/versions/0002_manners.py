"""How each printer wants to be asked, and which ones once spoke SNMPv3."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from agent.migrations.present import has_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the tables of what is learnt about asking printers."""
    if has_table("manners"):
        return
    op.create_table(
        "manners",
        sa.Column("address", sa.String(64), primary_key=True),
        sa.Column("port", sa.Integer, primary_key=True),
        sa.Column("access", sa.String(64), nullable=False),
        sa.Column("version", sa.String(8), nullable=False),
        sa.Column("ways", sa.Text, nullable=False),
        sa.Column("climbed_at", sa.String(32), nullable=False),
        sa.Column("answered_at", sa.String(32), nullable=False),
        sa.Column("no_bulk", sa.Integer, nullable=False),
        sa.Column("serial_number", sa.String(255)),
        sa.Column("equipment_number", sa.String(64)),
        sa.Column("read_at", sa.String(32)),
    )
    op.create_table(
        "secured_printers",
        sa.Column("serial_number", sa.String(255), primary_key=True),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Leaves everything: an older agent does not look at it, and a newer one goes on with it."""

"""Which printer a person said an equipment is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from agent.migrations.present import has_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes the table of confirmations."""
    if has_table("confirmations"):
        return
    op.create_table(
        "confirmations",
        sa.Column("equipment_number", sa.String(64), primary_key=True),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("port", sa.Integer, nullable=False),
        sa.Column("serial_number", sa.String(255)),
        sa.Column("mac_addresses", sa.Text, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("by", sa.String(255), nullable=False),
    )


def downgrade() -> None:
    """Leaves everything: an older agent does not look at it, and a newer one goes on with it."""

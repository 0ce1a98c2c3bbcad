"""Where a search stands, and what was searched for last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from agent.migrations.present import has_table

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Makes both tables."""
    if has_table("searches"):
        return
    op.create_table(
        "searches",
        sa.Column("scope", sa.String(64), primary_key=True),
        sa.Column("begun_at", sa.String(32), nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("heard", sa.Text, nullable=False),
    )
    op.create_table(
        "searched_for",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("equipments", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Leaves everything: an older agent does not look at it, and a newer one goes on with it."""

"""How printers may be asked again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from agent.migrations.present import has_table

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Makes the table of read plans and the columns that point to it."""
    if has_table("read_plans"):
        return
    op.create_table(
        "read_plans",
        sa.Column("plan", sa.String(64), primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.add_column("manners", sa.Column("plan", sa.String(64)))
    op.add_column("manners", sa.Column("learned_at", sa.String(32)))
    op.add_column("manners", sa.Column("learned_of", sa.String(64)))
    op.add_column("manners", sa.Column("learned_uptime", sa.BigInteger))


def downgrade() -> None:
    """Leaves everything: an older agent does not look at it, and a newer one goes on with it."""

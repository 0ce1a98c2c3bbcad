"""The way of each equipment in the last cycle, step by step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from agent.migrations.present import has_column

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds the column; of earlier cycles the way is not known."""
    if not has_column("outcomes", "steps"):
        op.add_column("outcomes", sa.Column("steps", sa.Text))


def downgrade() -> None:
    """Leaves everything: an older agent does not look at it, and a newer one goes on with it."""

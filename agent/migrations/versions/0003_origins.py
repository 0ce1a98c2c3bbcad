"""Where in the device each reported value stood, so that a changed place is noticed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from agent.migrations.present import has_column

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column; of earlier values the place is not known."""
    if not has_column("reading_values", "origin"):
        op.add_column("reading_values", sa.Column("origin", sa.Text))


def downgrade() -> None:
    """Leaves everything: an older agent does not look at it, and a newer one goes on with it."""

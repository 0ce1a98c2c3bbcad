"""Where in the device each reported value stood, so that a changed place is noticed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the column; of earlier values the place is not known."""
    op.add_column("reading_values", sa.Column("origin", sa.Text))

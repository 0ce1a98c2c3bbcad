"""The way of each equipment in the last cycle, step by step."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Adds the column; of earlier cycles the way is not known."""
    op.add_column("outcomes", sa.Column("steps", sa.Text))

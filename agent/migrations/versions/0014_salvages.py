"""What was saved of a damaged database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "salvages",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("kept", sa.Text, nullable=False),
        sa.Column("saved", sa.Integer, nullable=False),
        sa.Column("lost", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Forgets them; the damaged files stay where they are."""
    op.drop_table("salvages")

"""What is known of faults and their service notifications."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "fault_cases",
        sa.Column("equipment_number", sa.String(64), primary_key=True),
        sa.Column("cause", sa.String(64), primary_key=True),
        sa.Column("opened_at", sa.String(32)),
        sa.Column("is_open", sa.Integer, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Forgets the cases; what was sealed for them stays in the outbox."""
    op.drop_table("fault_cases")

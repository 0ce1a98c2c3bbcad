"""What a database has already: a downgrade leaves tables and columns that an older agent does not look at."""

from __future__ import annotations

from alembic import op
from sqlalchemy import inspect


def has_table(table: str) -> bool:
    """Whether there is such a table."""
    return inspect(op.get_bind()).has_table(table)


def has_column(table: str, column: str) -> bool:
    """Whether the table, which is there, has such a column."""
    return any(one["name"] == column for one in inspect(op.get_bind()).get_columns(table))

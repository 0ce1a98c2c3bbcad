"""Runs the migrations on the connection, and inside the transaction, that the store hands over."""

from __future__ import annotations

from alembic import context

# `transactional_ddl` is stated because Alembic takes SQLite for a database without it; the store begins by itself.
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()

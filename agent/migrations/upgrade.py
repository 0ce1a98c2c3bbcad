"""Brings a database to the newest version, in the transaction of the caller."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from agent.errors import StoreDamaged, StoreError
from agent.texts import message

HEAD = "0010"  # the newest step in versions/
_VERSION_TABLE = "alembic_version"


def revision_of(connection: Connection) -> str | None:
    """The version of this database, `None` when it is empty. Raises `StoreDamaged` when it is somebody else's."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if _VERSION_TABLE not in tables:
        raise StoreDamaged(
            message("This is a database, but not one of meter-agent."),
            message("Correct [storage] database in the config file, or move the file away."),
        )
    return connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608 a constant


def bring_to_head(connection: Connection) -> None:
    """All missing steps, or none: the caller's transaction holds them together.

    Raises `StoreError` for a database of a newer version, which this version would misunderstand.
    """
    # Alembic is loaded here because most starts find nothing to do, and it costs as much as all the rest.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    revision = revision_of(connection)
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreError(
            message("The database was written by a newer meter-agent (its version is {revision}).", revision=revision),
            message("Install the newer meter-agent again; the database was not touched."),
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

"""Brings a database to the newest version or back to an earlier one, in the transaction of the caller."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from agent.errors import StoreDamaged, StoreError
from agent.texts import message

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script

HEAD = "0014"  # the newest step in versions/
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


def bring_to_head(connection: Connection, target: str = "head") -> None:
    """All missing steps, to the newest version or to `target`, or none: the caller's transaction holds them together.

    Raises `StoreError` for a database of a newer version, which this version would misunderstand.
    """
    from alembic import command

    config = _config()
    revision = revision_of(connection)
    if revision is not None and revision not in _steps(config):
        raise StoreError(
            message("The database was written by a newer meter-agent (its version is {revision}).", revision=revision),
            message(
                "Install the newer meter-agent again; the database was not touched. It makes it fit for this one with:"
                " meter-agent database downgrade {head}",
                head=HEAD,
            ),
        )
    config.attributes["connection"] = connection
    command.upgrade(config, target)


def is_version(revision: object) -> bool:
    """Whether this is a version that this agent knows."""
    return isinstance(revision, str) and revision in _steps(_config())


def bring_down(connection: Connection, revision: str) -> None:
    """Makes a database one of an earlier version, or changes nothing.

    Everything is kept, for the agent of that version or out of its sight until a newer one comes back. Raises
    `StoreError` for a version that there never was, and where that is not possible.
    """
    from alembic import command

    config = _config()
    steps = _steps(config)
    if revision not in steps:
        raise StoreError(
            message("There is no version {revision} of the database.", revision=revision),
            message("There are: {revisions}", revisions=", ".join(sorted(steps))),
        )
    undone = sorted((step for step in steps if revision < step <= (revision_of(connection) or "")), reverse=True)
    for step in undone:
        if not hasattr(steps[step].module, "downgrade"):
            raise StoreError(
                message("The step {step} of the database cannot be undone.", step=step),
                message("Go on with this meter-agent, or ask your service partner."),
            )
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


def _config() -> Config:
    # Alembic is loaded here because most starts find nothing to do, and it costs as much as all the rest.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def _steps(config: Config) -> dict[str, Script]:
    from alembic.script import ScriptDirectory

    return {step.revision: step for step in ScriptDirectory.from_config(config).walk_revisions()}

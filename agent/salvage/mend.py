"""A sound database in the place of a damaged one, with every row that can be read; the damaged file stays beside it.

What cannot be read is counted and never invented: an item that is gone says so in the ledger, offsets that are not
sure are none, and nothing is ordered until a person has looked, because an order may be forgotten.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from sqlalchemy import Connection

from agent import chain_end
from agent.errors import StoreDamaged
from agent.migrations.upgrade import HEAD, bring_to_head, is_version
from agent.salvage.image import PAGE, Image
from agent.salvage.loss import gave_account
from agent.salvage.records import Row, Value
from agent.salvage.shapes import Shape, shapes_of
from agent.salvage.trees import Forest
from agent.store import Store, engine_of
from agent.store_errors import translate
from agent.texts import message

MOVE = message("It was left as it is. Move it away, keep it for your service partner, and start the agent again.")
UNKNOWN = "?"  # of which table a row was
FILES = ("", "-wal", "-shm")  # what SQLite has of one database


@dataclass(slots=True)
class Toll:
    """Rows by table that were saved, and that were seen to be there and could not be read."""

    saved: Counter[str]
    lost: Counter[str]


def mend(path: Path) -> None:
    """Sets the damaged file aside and puts what can be read of it in its place; a kill at any point loses nothing.

    Nobody else may use the database meanwhile. Raises `StoreDamaged` where nothing of the agent can be read, and
    `StoreError` where there is no room; then everything is as it was.
    """
    new = path.with_name(path.name + ".mended")
    try:
        _clear(new)
        kept = _name(path)
        lost = _rebuild(path, new, kept.name)
        for source, target in zip(_files(path)[:2], _files(kept)[:2], strict=True):
            if source.exists():
                _copied(source, target)
        _replace(path, new)
        if lost:
            chain_end.forget(path)  # its last links may be among what is lost, and that is told
    except OSError as error:
        raise translate(error, path) from error
    finally:
        with suppress(OSError):
            _clear(new)


def _name(path: Path) -> Path:
    """A name for the damaged file that no other one has."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")  # the store knows no clock, and nothing is judged by this one
    name, number = path.with_name(f"{path.name}.damaged-{stamp}"), 1
    while name.exists():
        number += 1
        name = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    return name


def _clear(new: Path) -> None:
    """Nothing is left of an earlier attempt."""
    for file in (*_files(new), new.with_name(new.name + ".lock")):
        file.unlink(missing_ok=True)
    chain_end.forget(new)


def _rebuild(path: Path, new: Path, kept: str) -> int:
    """The new database, whole and on the disk; how many rows are lost."""
    with Image(path) as image:
        toll = _saved(image, path, new)
    with Store.open(new, exclusive=True) as store, store.begin() as connection:
        gave_account(connection, kept, toll.saved.total(), toll.lost)
    return toll.lost.total()


def _saved(image: Image, path: Path, new: Path) -> Toll:
    forest = Forest(image)
    roots = forest.roots()
    if "envelopes" not in roots and not any(name in roots for name in ("ledger", "history", "identities")):
        raise StoreDamaged(
            message("The database {file} is damaged, and nothing of meter-agent can be read of it.", file=str(path)),
            MOVE,
        )
    engine = engine_of(new)
    try:
        with engine.begin() as connection:
            bring_to_head(connection, _version(forest, roots, path))
            return _copied_rows(connection, forest, roots)
    finally:
        engine.dispose()


def _version(forest: Forest, roots: dict[str, int], path: Path) -> str:
    """The version of the damaged database; this one's where that cannot be read."""
    rows = forest.rows(roots.get("alembic_version", 0), with_rowids=True)
    told = next((row.values[0] for row in rows if row is not None and row.values), None)
    if is_version(told):
        return str(told)
    if isinstance(told, str) and told.isdigit() and told > HEAD:
        what = message("The database {file} is damaged, and of a newer version: {told}.", file=str(path), told=told)
        raise StoreDamaged(what, message("Install the newer meter-agent again: it saves what can be read."))
    return HEAD


def _copied_rows(connection: Connection, forest: Forest, roots: dict[str, int]) -> Toll:
    toll = Toll(Counter(), Counter())
    shapes = shapes_of(connection)
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")  # a row may stand before what it is about
    for shape in shapes:
        if shape.name in roots:
            _insert(connection, shape, forest.rows(roots[shape.name], with_rowids=shape.with_rowids), toll)
    for shape, lost in _by_looks(forest.lost(), shapes, toll).items():
        _insert(connection, shape, lost, toll)
    _drop_orphans(connection, toll)
    return toll


def _by_looks(rows: Iterable[Row], shapes: Sequence[Shape], toll: Toll) -> dict[Shape, list[Row | None]]:
    """Rows to which no tree leads, where they can be of one table alone."""
    found: dict[Shape, list[Row | None]] = {}
    for row in rows:
        fitting = [shape for shape in shapes if shape.looks_like(row)]
        if len(fitting) == 1:
            found.setdefault(fitting[0], []).append(row)
        else:
            toll.lost[UNKNOWN] += 1
    return found


def _insert(connection: Connection, shape: Shape, rows: Iterable[Row | None], toll: Toll) -> None:
    """Inserts what fits with what is there already."""
    seen = 0

    def values() -> Iterator[tuple[Value, ...]]:
        nonlocal seen
        for row in rows:
            seen += 1
            told = shape.values(row) if row is not None else None
            if told is not None:
                yield told

    driver = cast(sqlite3.Connection, connection.connection.driver_connection)
    saved = max(driver.executemany(shape.insertion, values()).rowcount, 0)
    toll.saved[shape.name] += saved
    toll.lost[shape.name] += seen - saved


def _drop_orphans(connection: Connection, toll: Toll) -> None:
    """What is about a row that is gone says nothing any more."""
    while orphans := connection.exec_driver_sql("PRAGMA foreign_key_check").all():
        for table, rowid in {(orphan[0], orphan[1]) for orphan in orphans}:
            connection.exec_driver_sql(f'DELETE FROM "{table}" WHERE rowid = ?', (rowid,))  # noqa: S608  names of our own tables
            toll.saved[table] -= 1
            toll.lost[table] += 1


def _replace(path: Path, new: Path) -> None:
    """The new file in the place of the old one. Until the last step the old one is there whole, with its log: what the
    log has is first written into the file, which changes nothing, and only then does the log go."""
    whole = path.with_name(path.name + ".whole")
    if any(file.exists() for file in _files(path)[1:]):
        with Image(path) as image, whole.open("wb") as file:
            for number in range(1, image.pages + 1):
                file.write(image.page(number))
            file.flush()
            os.fsync(file.fileno())
        whole.chmod(path.stat().st_mode & 0o777)
        whole.replace(path)
        for left in _files(path)[1:]:
            left.unlink(missing_ok=True)
    new.chmod(path.stat().st_mode & 0o777)
    new.replace(path)
    _sync_folder(path.parent)


def _files(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in FILES]


def _copied(source: Path, target: Path) -> None:
    """A copy for its owner alone, on the disk; sectors that cannot be read are left out of it."""
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    with source.open("rb") as old, os.fdopen(descriptor, "wb") as new:
        for at in range(0, source.stat().st_size, PAGE):
            with suppress(OSError):
                old.seek(at)
                content = old.read(PAGE)
                new.seek(at)
                new.write(content)
        new.truncate(source.stat().st_size)
        new.flush()
        os.fsync(new.fileno())


def _sync_folder(folder: Path) -> None:
    """So that the new name survives a power cut, where a folder can be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

"""The one database file: opened with durable settings, checked, kept to one agent, its errors put into words.

Memory and outbox work in its transactions, so that a reading and its envelope are on the disk together or not at all.
What `begin` returned from is on the disk: write-ahead log with a sync at every commit (WAL, synchronous=FULL).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from agent import chain_end
from agent.errors import StoreBusy, StoreDamaged, StoreError
from agent.migrations.tables import metadata
from agent.migrations.upgrade import HEAD, bring_down, bring_to_head, revision_of
from agent.process_lock import ProcessLock
from agent.store_errors import damaged, not_writable, translate
from agent.texts import message

BUSY_MILLISECONDS = 5000
# What each connection is set to, and what it must say when asked afterwards.
PRAGMAS = {"busy_timeout": BUSY_MILLISECONDS, "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
# Their locks and shared memory do not do what SQLite needs of them (sqlite.org/useovernet.html).
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "fuse.sshfs", "ceph", "fuse.glusterfs"}
)
# KiB of pages in memory while the file is inspected: for every row it looks into each index, and 100,000 have 10 MB.
# With the usual 2 MB it reads the file a dozen times over.
INSPECTING, USUAL = 16_384, 2_000
READ_AT_ONCE = 1024 * 1024  # bytes
CHAIN_END = "chain_end"  # where `agent.ledger` leaves the last link of a transaction: noted once it is on the disk
Mend = Callable[[Path], None]
Look = Callable[["Store"], None]
_MOUNTS = Path("/proc/self/mountinfo")


class Store:
    """The open database. Use it as a context manager; `begin` writes, `connect` only reads."""

    def __init__(self, path: Path, lock: ProcessLock | None, mend: Mend | None) -> None:
        self.path = path
        self._lock = lock
        self._mend = mend
        self._look: Look | None = None
        self._doubtful = True
        self._engine = engine_of(path)
        self._joint: Connection | None = None
        self._inspection: Future[None] | None = None
        self._inspecting: sqlite3.Connection | None = None
        self._given_up = False
        self._file: int | None = None

    @classmethod
    def open(
        cls, path: Path, *, exclusive: bool, at_once: bool = False, mend: Mend | None = None, look: Look | None = None
    ) -> Store:
        """Opens or makes the database and brings it to this version; only one process may have it `exclusive`.

        Without `exclusive` it works beside the process that has it so. Raises `StoreBusy`, `StoreDamaged`,
        `StoreFull` or `StoreError`; then nothing is open and nothing was changed. With `at_once` it returns while the
        whole file is still being read for damage: the first use waits for that, and raises what this would have.
        `mend` is what makes a damaged file sound again, if anything does; it is only called while nobody else has it.
        `look` is called once before the first use, when everything is sound.
        """
        path = path.absolute()
        _refuse_network(path)
        _prepare(path)
        lock = ProcessLock(path) if exclusive else None
        if lock:
            lock.take()
        store = cls(path, lock, mend)
        try:
            if at_once and store._looks_newest():
                store._inspect_beside()
            else:
                store._verify()
                store._migrate()
            store._look = look
        except BaseException:
            store.close()
            raise
        return store

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes everything; may be called again."""
        if self._inspection is not None:
            self._give_up_inspection(self._inspection)
        self._let_go()
        if self._lock:
            self._lock.release()

    def _let_go(self) -> None:
        self._engine.dispose()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def downgrade(self, revision: str) -> None:
        """Makes this a database of an earlier version, for the agent of that version; then only `close` is left to do.

        Raises `StoreError` where that is not possible; then nothing was changed.
        """
        with self.begin() as connection:
            bring_down(connection, revision)

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction for everything that is read and written inside; nothing inside may wait for anything."""
        with self.begin() as connection:
            self._joint = connection
            try:
                yield
            finally:
                self._joint = None

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A writing transaction: committed to the disk when the block ends, undone when it raises."""
        with self._translated():
            if self._joint is not None:
                yield self._joint
                return
            self._verify()
            with self._engine.begin() as connection:
                info = connection.info
                info.pop(CHAIN_END, None)
                yield connection
            if CHAIN_END in info:
                chain_end.note(self.path, *info.pop(CHAIN_END))

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A reading transaction: one unchanging view, beside any writer."""
        with self._translated():
            if self._joint is not None:
                yield self._joint
                return
            self._verify()
            with self._reading() as connection:
                yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._engine.connect() as connection:
            yield connection.execution_options(reading=True)

    def _verify(self) -> None:
        """At the first use, and again after an error of the disk: then nothing in memory may be trusted."""
        try:
            if self._inspection is not None:
                inspection, self._inspection = self._inspection, None
                inspection.result()
            if self._doubtful:
                self._inspect()
        except StoreDamaged:
            if self._mend is None or self._lock is None:
                raise
            self._let_go()
            self._mend(self.path)
            self._inspect()
        if self._look is not None:
            look, self._look = self._look, None
            look(self)

    def _inspect(self) -> None:
        """Looks at the whole file. Whoever is alone also makes the indexes anew when one does not fit its rows: an
        envelope that it lost would wait for ever."""
        self._read_ahead()
        with self._translated():
            with self._reading() as connection, _much_memory(connection):
                self._inspecting = cast(sqlite3.Connection, connection.connection.driver_connection)
                found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
                if found != "ok":
                    raise damaged(self.path, str(found))
                if not self._is_writable():
                    raise damaged(self.path, "its head names another format")
                self._tables_fit(connection)
                fits = not self._lock or self._indexes_fit(connection)
            if not fits:
                with self._engine.begin() as connection:
                    connection.exec_driver_sql("REINDEX")
        self._inspecting, self._doubtful = None, False

    def _tables_fit(self, connection: Connection) -> None:
        """Raises `StoreDamaged` where a table of this version is not found by its name and columns."""
        if revision_of(connection) != HEAD:
            return
        for table in metadata.sorted_tables:
            try:
                connection.execute(select(table).limit(0))
            except OperationalError as error:
                raise damaged(self.path, str(error.orig)) from error

    def _read_ahead(self) -> None:
        """The file from front to back, into the system's memory: SQLite jumps about in it, which takes a disk several
        times as long. It stays open until the end: closing it would undo the locks that SQLite has on it."""
        with suppress(OSError):  # what cannot be read is said by the inspection
            if self._file is None:
                self._file = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            os.lseek(self._file, 0, os.SEEK_SET)
            while not self._given_up and os.read(self._file, READ_AT_ONCE):
                pass

    def _is_writable(self) -> bool:
        """Whether the head of the file lets SQLite write: format 2 is with a write-ahead log, what is above only read
        (sqlite.org/fileformat2.html, section 1.3.3)."""
        if self._file is None:
            return True
        os.lseek(self._file, 0, os.SEEK_SET)
        return os.read(self._file, 20)[18:] in (b"", b"\2\2")

    @staticmethod
    def _indexes_fit(connection: Connection) -> bool:
        if not inspect(connection).has_table("envelopes"):
            return True  # a new database
        return connection.exec_driver_sql("PRAGMA integrity_check(envelopes)").scalar() == "ok"

    def _inspect_beside(self) -> None:
        """In a thread of its own: SQLite reads while this one goes on."""
        self._inspection = ThreadPoolExecutor(1).submit(self._inspect)

    def _give_up_inspection(self, inspection: Future[None]) -> None:
        """Nobody waits for what it finds."""
        self._given_up = True
        if self._inspecting is not None:
            self._inspecting.interrupt()
        inspection.exception()

    def _looks_newest(self) -> bool:
        """Not where the file is damaged: that is the inspection's to say."""
        try:
            return self._is_newest()
        except StoreDamaged:
            return False

    def _is_newest(self) -> bool:
        with self._translated(), self._reading() as connection:
            return revision_of(connection) == HEAD

    def _migrate(self) -> None:
        if self._is_newest():
            return
        # Whoever migrates must be alone, also when it was opened to be used beside others.
        with nullcontext() if self._lock else ProcessLock(self.path), self.begin() as connection:
            bring_to_head(connection)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        # The driver fails with UnicodeDecodeError when it quotes a damaged schema.
        except (SQLAlchemyError, sqlite3.Error, UnicodeDecodeError) as error:
            translated = translate(error, self.path)
            if not isinstance(translated, StoreBusy):
                # A failed sync must not be repeated on the same file handle: the kernel has forgotten the pages.
                self._engine.dispose()
                self._doubtful = True
            raise translated from error


@contextmanager
def _much_memory(connection: Connection) -> Iterator[None]:
    connection.exec_driver_sql(f"PRAGMA cache_size = -{INSPECTING}")
    yield
    connection.exec_driver_sql(f"PRAGMA cache_size = -{USUAL}")
    connection.exec_driver_sql("PRAGMA shrink_memory")


def engine_of(path: Path) -> Engine:
    """Connections to this file with the durable settings; each raises `StoreError` where it does not take them."""
    # No isolation level: the driver begins no transaction by itself, so that DDL is inside one as well.
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"isolation_level": None})

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, record: object) -> None:
        connection.text_factory = _text
        for name, wanted in PRAGMAS.items():
            connection.execute(f"PRAGMA {name} = {wanted}")
            (got,) = connection.execute(f"PRAGMA {name}").fetchone()
            if got != wanted:
                raise StoreError(
                    message("{file} cannot be kept durable: {name} is {got}.", file=str(path), name=name, got=str(got)),
                    message("Put the database on a local disk: [storage] database in the config file."),
                )

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # IMMEDIATE takes the right to write at once, so that no transaction fails half-way because of another one.
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _text(stored: bytes) -> str:
    """Damaged text is shown as far as it can be; its row is found out by its digest."""
    return stored.decode("utf-8", errors="replace")


def _prepare(path: Path) -> None:
    """Makes directory and file, readable by their owner only: SQLite gives its other files the same mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise not_writable(path, error) from error
    with suppress(OSError):  # another owner's file keeps its mode; whether it can be written shows itself
        path.chmod(0o600)


def _refuse_network(path: Path) -> None:
    kind = None
    if str(path).startswith(("\\\\", "//")):
        kind = "network share"
    elif _MOUNTS.exists():
        kind = file_system_of(path.resolve(), _MOUNTS.read_text(encoding="utf-8", errors="replace"))
    if kind == "network share" or kind in NETWORK_FILE_SYSTEMS:
        raise StoreError(
            message("{file} is on a network file system ({kind}), which may lose readings.", file=str(path), kind=kind),
            message("Put the database on a local disk: [storage] database in the config file."),
        )


def file_system_of(path: Path, mountinfo: str) -> str | None:
    """The type of the file system that `path` is on, by the text of /proc/self/mountinfo (proc(5)); `None` unknown."""
    best, kind = -1, None
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 5:
            continue
        # Blanks and backslashes in a mount point are written in octal.
        point = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        if path.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), after.split(" ")[0]
    return kind

"""The database survives what happens to computers: kill, full disk, damage, a second agent, an upgrade cut short."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from agent.errors import StoreBusy, StoreDamaged, StoreError, StoreFull
from agent.memory import SqlMemory
from agent.migrations.tables import metadata
from agent.store import Store, file_system_of
from agent.upload.outbox import SqlOutbox
from tests.crash_writer import migrate, reading, write
from tests.earlier import at_version

WRITER = Path(__file__).with_name("crash_writer.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(WRITER.parent.parent)}
KILLS = 200 if os.environ.get("CI") == "true" else 40


def test_durable_settings(tmp_path: Path) -> None:
    """A new database is durable, private, in a folder that was made for it, and says so when asked."""
    file = tmp_path / "new" / "agent.sqlite"
    with Store.open(file, exclusive=True) as store, store.begin() as connection:
        settings = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        got = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in settings]
        files = list(file.parent.glob("agent.sqlite*"))
        assert got == ["wal", 2, 1, 5000]
        assert len(files) == 4  # database, log, shared memory, lock
        assert {other.stat().st_mode & 0o777 for other in files} == {0o600}


def test_network_share(tmp_path: Path) -> None:
    """A database on a network share is refused before anything is made there: its locks do not do what they promise."""
    with pytest.raises(StoreError, match="network"):
        Store.open(Path(f"/{tmp_path}") / "a.sqlite", exclusive=True)  # two slashes name another computer
    assert list(tmp_path.iterdir()) == []


def test_migrations_make_the_tables(tmp_path: Path) -> None:
    """What the migrations make is what the statements are written for."""
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store, store.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


OLD_PROOF = {
    "reference": "a" * 32,
    "read_at": "2026-11-23T12:00:00.000000+00:00",
    "evidence": '{"1.3.6.1.2.1.43.10.2.1.4.1.1": "65|1000"}',
    "identity": '{"model": "P-1", "serial_number": "VNB12345", "mac_addresses": []}',
    "endpoint": '{"address": "192.0.2.7", "port": 161}',
    "profile": "hp/1",
}


def test_old_rows_are_kept(tmp_path: Path) -> None:
    """Readings of before rows were made small have their values and can be proved; what was damaged stays a finding."""
    file = tmp_path / "a.sqlite"
    file.touch()
    at_version(file, "0006")
    with sqlite3.connect(file) as old:
        for reference, evidence in (("a" * 32, OLD_PROOF["evidence"]), ("b" * 32, "{damaged")):
            row = (reference, "reading", "1", reference, NOON, b"{}", "", "accepted", 0, "[]", "[]")
            old.execute(
                "INSERT INTO envelopes (reference, kind, equipment_number, slot_key, created_at, body, digest, state,"
                " attempts, receipts, reasons) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            old.execute("INSERT INTO readings VALUES (?, '1', ?)", (reference, NOON))
            old.execute("INSERT INTO reading_values VALUES (?, 'P', 'total', 1000, 'o')", (reference,))
            proof = {**OLD_PROOF, "reference": reference, "evidence": evidence}
            old.execute(
                "INSERT INTO proofs (reference, read_at, evidence, identity, endpoint, profile)"
                " VALUES (:reference, :read_at, :evidence, :identity, :endpoint, :profile)",
                proof,
            )
    with Store.open(file, exclusive=True) as store:
        memory = SqlMemory(store)
        proof = memory.proof("a" * 32)
        assert proof is not None
        assert proof.evidence == {"1.3.6.1.2.1.43.10.2.1.4.1.1": "65|1000"}
        assert (proof.identity.serial_number, proof.endpoint.address, proof.profile) == (
            "VNB12345",
            "192.0.2.7",
            "hp/1",
        )
        assert memory.proof("b" * 32) is None
        assert [memory.origins(one * 32) for one in "ab"] == [{"total": "o"}] * 2
        with store.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


NOON = "2026-11-23T12:00:00.000000+00:00"


def test_rolled_back(tmp_path: Path) -> None:
    """A transaction that fails half-way leaves nothing, neither rows nor tables."""
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        with pytest.raises(KeyError), store.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE half (a INTEGER)")
            raise KeyError
        with store.connect() as connection:
            assert connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'half'").all() == []


def test_kill(tmp_path: Path) -> None:
    """However often the writing process is killed, everything it had confirmed is there, whole, and once."""
    file = tmp_path / "a.sqlite"
    stored: dict[str, str] = {}
    accepted: set[str] = set()
    chance = random.Random(7)
    for _ in range(KILLS):
        _write_and_kill(file, chance.uniform(0.0, 0.12), stored, accepted)
    assert stored
    with Store.open(file, exclusive=True) as store:
        entries = {entry.envelope.reference: entry for entry in SqlMemory(store).entries(limit=1_000_000)}
    assert set(stored) - set(entries) == set()
    assert all(entries[reference].envelope.digest == digest for reference, digest in stored.items())
    assert all(entries[reference].state == "accepted" for reference in accepted)
    assert not any(entry.reasons for entry in entries.values())
    assert len(entries) <= len(stored) + KILLS  # at most the one in flight was stored without being confirmed


def _write_and_kill(file: Path, seconds: float, stored: dict[str, str], accepted: set[str]) -> None:
    end, start = os.pipe()
    writer = _process(lambda: write(file), output=start)
    os.close(start)
    with os.fdopen(end) as output:
        lines = [output.readline()]  # it writes now
        time.sleep(seconds)
        os.kill(writer, signal.SIGKILL)
        lines += output.readlines()
    os.waitpid(writer, 0)
    assert lines[0], "the writer could not open the database after a kill"
    for line in lines:
        if not line.endswith("\n"):
            continue
        what, reference, *digest = line.split()
        if what == "put":
            stored[reference] = digest[0]
        else:
            accepted.add(reference)


def _process(work: Callable[[], None], output: int | None = None) -> int:
    """A process of its own, forked because hundreds of interpreters would take minutes to start."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        if output is not None:
            sys.stdout = os.fdopen(output, "w")
        work()
        code = 0
    finally:
        os._exit(code)


def started(work: Callable[[], None]) -> bool:
    """Whether a process of its own was killed at this work; it has to end well otherwise."""
    _, status = os.waitpid(_process(work), 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def test_migration_killed(tmp_path: Path) -> None:
    """A first start killed at any of its statements leaves a database that the next start completes."""
    for fatal in range(1, 200):
        file = tmp_path / f"{fatal}.sqlite"
        killed = started(lambda file=file, fatal=fatal: migrate(file, fatal))  # type: ignore[misc]
        with Store.open(file, exclusive=True) as store:
            assert SqlOutbox(store).put(reading("E1", 1), None)
        if not killed:
            assert fatal > 20, "a first start has more statements than that"
            return
    raise AssertionError("the last kill must come after the last statement")


def test_second_agent(tmp_path: Path) -> None:
    """A second agent is refused at once, `status` reads and a person's decision writes beside the first."""
    file = tmp_path / "a.sqlite"
    with Store.open(file, exclusive=True) as first:
        done = subprocess.run(
            [sys.executable, str(WRITER), str(file)],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "StoreBusy" in done.stderr
        with pytest.raises(StoreBusy, match="Another meter-agent"):
            Store.open(file, exclusive=True)
        with Store.open(file, exclusive=False) as beside:
            SqlOutbox(first).put(reading("E1", 1), None)
            assert SqlMemory(beside).counts() == {"waiting": 1}
            SqlOutbox(beside).put(reading("E1", 2), None)
            assert SqlMemory(first).counts() == {"waiting": 2}
    with Store.open(file, exclusive=True) as after:
        assert SqlMemory(after).counts() == {"waiting": 2}


def test_another_writes(tmp_path: Path) -> None:
    """When another program holds the database for long, that is said, and it works again afterwards."""
    file = tmp_path / "a.sqlite"
    with Store.open(file, exclusive=True) as store:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            SqlOutbox(store).put(reading("E1", 1), None)
        assert SqlMemory(store).counts() == {}  # reading is not held up
        other.execute("ROLLBACK")
        other.close()
        assert SqlOutbox(store).put(reading("E1", 1), None)


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 1 MiB, or nothing where this user may not mount one."""
    folder.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or mount is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run([unmount or "umount", "-l", str(folder)], check=True)


def test_disk_full(tmp_path: Path) -> None:
    """On a full disk nothing is confirmed that is not stored; with space again, the same open store goes on."""
    with _small_disk(tmp_path / "disk") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(300_000))
        with Store.open(disk / "a.sqlite", exclusive=True) as store:
            outbox, memory = SqlOutbox(store), SqlMemory(store)
            confirmed = _fill(outbox)
            assert confirmed
            for _ in range(3):
                with pytest.raises(StoreFull, match="no space"):
                    outbox.put(reading("big", 0, key="x" * 200_000), None)
            ballast.unlink()
            assert {entry.envelope.reference for entry in memory.entries(limit=100_000)} == confirmed
            assert outbox.put(reading("E2", 1), None)
        with Store.open(disk / "a.sqlite", exclusive=True) as store:
            assert len(SqlMemory(store).entries(limit=100_000)) == len(confirmed) + 1


def _fill(outbox: SqlOutbox) -> set[str]:
    confirmed: set[str] = set()
    for number in range(10_000):
        envelope = reading("E1", number)
        try:
            assert outbox.put(envelope, None)
        except StoreFull:
            return confirmed
        confirmed.add(envelope.reference)
    raise AssertionError("the disk never became full")


def test_file_limit(tmp_path: Path) -> None:
    """When the system refuses to let the file grow, no reading is confirmed falsely and none is lost."""
    file = tmp_path / "a.sqlite"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Store.open(file, exclusive=True) as store:
        outbox = SqlOutbox(store)
        confirmed = set()
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, before[1]))
        try:
            with pytest.raises(StoreError):
                for number in range(10_000):
                    envelope = reading("E1", number)
                    outbox.put(envelope, None)
                    confirmed.add(envelope.reference)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert outbox.put(reading("E2", 1), None)
        entries = SqlMemory(store).entries(limit=100_000)
        assert confirmed <= {entry.envelope.reference for entry in entries}
        assert len(entries) == len(confirmed) + 1


@pytest.mark.parametrize("at_once", [False, True])
def test_damaged_page(tmp_path: Path, at_once: bool) -> None:
    """A database with a destroyed page is refused with a remedy, at the latest at its first use, and not changed."""
    file = tmp_path / "a.sqlite"
    with Store.open(file, exclusive=True) as store:
        for number in range(100):
            SqlOutbox(store).put(reading("E1", number), None)
    content = bytearray(file.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = b"\xa5" * 200
    file.write_bytes(content)
    with (
        pytest.raises(StoreDamaged, match="damaged") as raised,
        Store.open(file, exclusive=True, at_once=at_once) as store,
    ):
        SqlOutbox(store).put(reading("E1", 200), None)
    assert raised.value.remedy is not None
    assert file.read_bytes() == content


BESIDE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from agent.store import Store
from agent.upload.outbox import SqlOutbox
from tests.crash_writer import reading

with Store.open(Path(sys.argv[1]), exclusive=False) as store:
    assert SqlOutbox(store).put(reading("E2", int(sys.argv[2])), None)
"""


@pytest.mark.parametrize("at_once", [False, True])
def test_two_processes_keep_what_the_other_has_written(tmp_path: Path, at_once: bool) -> None:
    """Commands come and go beside the service: whoever closes last, everything of both is on the disk."""
    file = tmp_path / "a.sqlite"
    Store.open(file, exclusive=True).close()
    with Store.open(file, exclusive=True, at_once=at_once) as store:
        for number in range(3):
            assert SqlOutbox(store).put(reading("E1", number), None)
            subprocess.run([sys.executable, "-c", BESIDE, file, str(number)], check=True, timeout=60)
        assert len(SqlMemory(store).entries()) == 6
        shutil.copy(file, tmp_path / "b.sqlite")
        shutil.copy(file.with_name("a.sqlite-wal"), tmp_path / "b.sqlite-wal")
    for each in (file, tmp_path / "b.sqlite"):
        with Store.open(each, exclusive=True) as store:
            assert len(SqlMemory(store).entries()) == 6


def test_used_while_inspected(tmp_path: Path) -> None:
    """A store that is inspected beside its work works like any other, again and again, also closed at once."""
    file = tmp_path / "a.sqlite"
    for number in range(20):
        with Store.open(file, exclusive=True, at_once=True) as store:
            if number % 2 == 0:
                assert SqlOutbox(store).put(reading("E1", number), None)
    with Store.open(file, exclusive=True) as store:
        assert len(SqlMemory(store).entries()) == 10


def test_damaged_schema(tmp_path: Path) -> None:
    """A flipped bit in the description of a table is a damaged database, whatever the driver makes of it."""
    file = tmp_path / "a.sqlite"
    Store.open(file, exclusive=True).close()
    file.write_bytes(file.read_bytes().replace(b"CREATE TABLE page_days", b"CREATE\xa0TABLE page_days"))
    with pytest.raises(StoreDamaged, match="damaged"):
        Store.open(file, exclusive=True)


@pytest.mark.parametrize("content", [b"[portal]\nurl = 'https://x'\n" * 100, b"SQLite format 3\0" + b"\xff" * 4080])
def test_not_a_database(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is refused and left as it is."""
    file = tmp_path / "a.sqlite"
    file.write_bytes(content)
    with pytest.raises(StoreDamaged):
        Store.open(file, exclusive=True)
    assert file.read_bytes() == content


def test_foreign_database(tmp_path: Path) -> None:
    """Another program's database is not used, even though it is sound."""
    file = tmp_path / "a.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE envelopes (a INTEGER)")
    connection.close()
    with pytest.raises(StoreDamaged, match="not one of meter-agent"):
        Store.open(file, exclusive=True)


def test_newer_version(tmp_path: Path) -> None:
    """The database of a newer agent is refused with a remedy and keeps its content for that agent."""
    file = tmp_path / "a.sqlite"
    with Store.open(file, exclusive=True) as store:
        SqlOutbox(store).put(reading("E1", 1), None)
        with store.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    for exclusive in (True, False):
        with pytest.raises(StoreError, match=r"newer meter-agent .*9999"):
            Store.open(file, exclusive=exclusive)
    with sqlite3.connect(file) as connection_:
        assert connection_.execute("SELECT count(*) FROM envelopes").fetchone() == (1,)
    connection_.close()


def test_no_place(tmp_path: Path) -> None:
    """A folder that cannot be made is named, with what to do."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"cannot be written.*Give the user of the agent write access"):
        Store.open(tmp_path / "file" / "a.sqlite", exclusive=True)


def test_read_only(tmp_path: Path) -> None:
    """When the database may not be written, that is said, and it goes on with a new connection afterwards."""
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        with pytest.raises(StoreError, match="cannot be written"), store.begin() as connection:
            connection.exec_driver_sql("PRAGMA query_only = ON")
            connection.exec_driver_sql("DELETE FROM envelopes")
        assert SqlOutbox(store).put(reading("E1", 1), None)


MOUNTS = """\
22 1 253:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 22 0:35 / /srv rw - nfs4 filer:/srv rw
41 40 8:1 / /srv/local\\040disk rw - xfs /dev/sda1 rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/var/lib/a", "ext4"), ("/srv/a", "nfs4"), ("/srv/local disk/a", "xfs"), ("/srvx/a", "ext4")],
)
def test_file_system(path: str, kind: str) -> None:
    """The file system that counts is the innermost one that the database is on."""
    assert file_system_of(Path(path), MOUNTS) == kind

"""Upgrades and downgrades: whatever version wrote the database, and wherever it is cut off, the outbox is kept whole.

`MIGRATION_KILLS` is at how many statements of each upgrade the process is killed, at most; `MIGRATION_CUTS` how many
of the disks are opened that a power cut in it may leave.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent.errors import StoreError
from agent.memory import SqlMemory
from agent.store import Store
from tests.crash_states import State, states
from tests.crash_writer import START, migrate
from tests.mounted import ENVIRONMENT, mounted, needs_fuse
from tests.old_databases import (
    LAST_WRITTEN,
    MANY,
    STATES,
    Content,
    bring,
    columns_of,
    content_of,
    insert,
    last_one_way,
    versions,
    write,
)
from tests.test_power_cut import MEMORY
from tests.test_store import WRITER, _process

KILLS = int(os.environ.get("MIGRATION_KILLS", "6"))
CUTS = int(os.environ.get("MIGRATION_CUTS", "6"))
VERSIONS = versions()
ONE_WAY = last_one_way()
NOW = START + timedelta(hours=2)


@pytest.fixture(scope="module", params=VERSIONS)
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of one version."""
    file: Path = tmp_path_factory.mktemp(request.param) / "a.sqlite"
    write(file, request.param)
    return file


def copied(old: Path, folder: Path) -> Path:
    file = folder / "a.sqlite"
    for leftover in folder.iterdir():
        leftover.unlink()
    shutil.copy(old, file)
    return file


def check(content: Content) -> None:
    """Nothing of what was written is missing, and the chain is whole."""
    assert len(content.entries) == MANY
    assert {entry.state for entry in content.entries.values()} == set(STATES)
    assert not any("row_damaged" in {reason.code for reason in one.reasons} for one in content.entries.values())
    assert all(lines and lines[-1].state == content.entries[each].state for each, lines in content.history.items())
    kept = [each for each, entry in content.entries.items() if entry.envelope.kind == "reading"]
    assert all(content.evidence[each] for each in kept)
    assert (content.links >= MANY, content.broken) == (True, "")


def test_upgrade(old: Path, tmp_path: Path) -> None:
    """Bodies byte for byte, states, receipts, history, values, proofs: as the old version had written them."""
    content = content_of(copied(old, tmp_path), NOW)
    check(content)
    for reference, entry in content.entries.items():
        number = int((entry.envelope.created_at - START) / timedelta(minutes=1))
        assert entry.state == STATES[number % len(STATES)]
        assert entry.attempts == number % 3
        assert entry.receipts == ((f"47{number}",) if entry.state == "accepted" else ())
        if entry.envelope.kind == "reading":
            assert entry.envelope.content["readings"][0]["value"] == 1000 + number
        assert entry.envelope.content["client_reference"] == reference
    waiting = {each for each, entry in content.entries.items() if entry.state == "waiting"}
    assert waiting <= set(content.due)
    assert content_of(tmp_path / "a.sqlite", NOW).entries.keys() == content.entries.keys()


def test_killed_upgrade(old: Path, record_property: Callable[[str, object], None]) -> None:
    """Killed at a statement of the upgrade, the next start completes it, and nothing is missing or different."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        wanted = content_of(copied(old, Path(folder)), NOW)
        statements = _statements(copied(old, Path(folder)))
        kills = sorted({1 + step * statements // KILLS for step in range(KILLS)} & set(range(1, statements + 1)))
        for fatal in kills:
            file = copied(old, Path(folder))
            _, status = os.waitpid(_process(lambda file=file, fatal=fatal: migrate(file, fatal)), 0)  # type: ignore[misc]
            assert os.WIFSIGNALED(status)
            assert content_of(file, NOW) == wanted
    record_property(f"kills in the upgrade from {old.parent.name[:4]}", len(kills))


def _statements(file: Path) -> int:
    """How many statements opening this database takes."""
    end, start = os.pipe()
    child = _process(lambda: print(migrate(file, 0), flush=True), output=start)  # noqa: T201  what is read here
    os.close(start)
    with os.fdopen(end) as output:
        said = output.read()
    os.waitpid(child, 0)
    return int(said)


@needs_fuse
def test_power_cut_in_an_upgrade(old: Path, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """The power cut at any write or sync of an upgrade: the next start completes it from whatever the disk then has."""
    trace = tmp_path / "trace"
    with mounted(tmp_path, "record", trace) as mount:
        file = mount / "a.sqlite"
        file.write_bytes(old.read_bytes())
        with file.open("rb+") as opened:
            os.fsync(opened.fileno())
        (mount / "said").write_text("begun\n")
        subprocess.run([sys.executable, WRITER, file, "migrate", "0"], env=ENVIRONMENT, check=True, timeout=300)
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        wanted = content_of(copied(old, Path(folder)), NOW)
        disks = {fingerprint(disk): disk for disk in states(trace, 1, 3) if disk.said}
        chosen = [*disks.values()][:: max(len(disks) // CUTS, 1)]
        for disk in chosen:
            for leftover in Path(folder).iterdir():
                leftover.unlink()
            disk.lay(Path(folder))
            assert content_of(Path(folder) / "a.sqlite", NOW) == wanted
    record_property(f"power cuts in the upgrade from {old.parent.name[:4]}", len(chosen))


if ONE_WAY != "0001":  # else every step can be undone

    def test_downgrade_is_refused_where_a_step_cannot_be_undone(tmp_path: Path) -> None:
        """It is said which step, and nothing is changed."""
        file = tmp_path / "a.sqlite"
        write(file, VERSIONS[-1])
        before = content_of(file, NOW)
        with (
            Store.open(file, exclusive=True) as store,
            pytest.raises(StoreError, match=f"The step {ONE_WAY} of the database cannot be undone"),
        ):
            store.downgrade(VERSIONS[VERSIONS.index(ONE_WAY) - 1])
        assert content_of(file, NOW) == before


@pytest.mark.parametrize("target", VERSIONS[:-1])
def test_downgrade(target: str, tmp_path: Path) -> None:
    """An older agent gets its tables back, works with them, and the newer one finds all that both have written."""
    file, fresh = tmp_path / "a.sqlite", tmp_path / "fresh.sqlite"
    write(file, VERSIONS[-1] if target >= ONE_WAY else VERSIONS[VERSIONS.index(ONE_WAY) - 1])
    shutil.copy(file, tmp_path / "kept.sqlite")
    before = content_of(tmp_path / "kept.sqlite", NOW)
    bring(file, target, down=True)
    assert version_of(file) == target
    bring(fresh, target)
    columns = columns_of(fresh)
    assert all(set(names) <= set(columns_of(file)[table]) for table, names in columns.items())
    came = 0 if target > LAST_WRITTEN else 6  # what an agent of that version writes, as far as that stands here
    if came:
        known = {table: names for table, names in columns.items() if table != "ledger"}
        insert(file, known, range(MANY, MANY + came))
    after = content_of(file, NOW)
    assert version_of(file) == VERSIONS[-1]
    # An agent of 0009 writes links; rows without one are found out.
    assert after.broken == "" if target != "0009" else "has no link" in after.broken
    assert len(after.entries) == MANY + came
    for reference, entry in before.entries.items():
        assert after.entries[reference] == entry
        assert after.history[reference] == before.history[reference]
        assert after.evidence[reference] == before.evidence[reference]
    assert set(before.due) <= set(after.due)


def test_downgrade_with_an_offset(tmp_path: Path) -> None:
    """An older agent would not add what a person has decided to add: first the offset is ended."""
    file = tmp_path / "a.sqlite"
    write(file, "0009")
    connection = sqlite3.connect(file)
    with connection:
        decided = (
            1,
            "",
            "anna",
            "offset",
            "E1",
            None,
            "",
            "{}",
            '{"state": null, "values": {}, "offsets": {"total": 5}}',
        )
        connection.execute(f"INSERT INTO decisions VALUES ({', '.join('?' * 9)})", decided)  # noqa: S608
    connection.close()
    with pytest.raises(StoreError, match=r"Offsets hold for equipment E1.*offsets end E1"):
        bring(file, "0008", down=True)
    assert version_of(file) == "0009"


@pytest.mark.parametrize("target", ["0000", "9999", "x"])
def test_downgrade_to_nothing(tmp_path: Path, target: str) -> None:
    """A version that there never was is refused, with those that there were."""
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        with pytest.raises(StoreError, match=f"no version {target}.*0001, 0002"):
            store.downgrade(target)
        assert SqlMemory(store).counts() == {}


def version_of(file: Path) -> str:
    """What the database says of itself."""
    connection = sqlite3.connect(file)
    ((version,),) = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    connection.close()
    return str(version)


def fingerprint(disk: State) -> bytes:
    """Equal for disks that hold the same."""
    return hashlib.sha256(repr(sorted(disk.files.items())).encode()).digest()

"""A disk that is full or broken for a moment, at any operation: no false "stored", no corruption, and on by itself."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import StoreError
from agent.memory import SqlMemory
from agent.store import Store
from agent.upload.envelope import Accepted
from agent.upload.outbox import SqlOutbox
from tests.crash_writer import START, reading
from tests.mounted import CI, mounted, needs_fuse

pytestmark = needs_fuse
STRIDE = 7 if CI else 23  # every so many-th operation fails; each sync does
MOST = 1000  # operations of one run; a run that has more would never be swept to its end


class Disk:
    """A mounted file system that fails on order."""

    def __init__(self, mount: Path) -> None:
        self.mount = mount

    def order(self, kind: str, first: int, error: int, times: int) -> None:
        """Lets the `first` operation of this kind from now on fail, and the next ones, `times` in all."""
        with (self.mount / "orders").open("w") as orders:
            orders.write(f"{kind} {first} {error} {times}")

    def counted(self) -> int:
        """How many operations of the kind ordered last came since then."""
        return int((self.mount / "counted").read_text())

    def fresh(self, template: Path, name: str) -> Path:
        """A copy of a new database under this name."""
        return Path(shutil.copy(template, self.mount / f"{name}.sqlite"))


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """One for all tests of this file."""
    with mounted(tmp_path_factory.mktemp("disk"), "fail") as mount:
        yield Disk(mount)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database, closed."""
    file = tmp_path_factory.mktemp("template") / "new.sqlite"
    Store.open(file, exclusive=True).close()
    return file


def work(disk: Disk, file: Path, stored: dict[str, str]) -> list[StoreError]:
    """What an agent does in one cycle; `stored` hears what it may rely on. Every error of the disk is one of ours, and
    the next thing is done all the same, with the same store: nobody restarts anything."""
    errors: list[StoreError] = []
    store = None
    while store is None:
        try:
            store = Store.open(file, exclusive=True)
        except StoreError as error:
            errors.append(error)
            assert len(errors) < 20, "it never opens"
    with store:
        outbox = SqlOutbox(store)
        for number in range(6):
            envelopes = [reading(f"E{number}", 10 * number + place) for place in range(number % 3 + 1)]
            try:
                with outbox.together():
                    for envelope in envelopes:
                        assert outbox.put(envelope, None)
                stored |= {envelope.reference: "waiting" for envelope in envelopes}
                outbox.settle(envelopes[0].reference, Accepted(("1",)), START)
                stored[envelopes[0].reference] = "accepted"
            except StoreError as error:
                errors.append(error)
        disk.order("none", 0, 0, 0)
        assert outbox.put(reading("last", 99), None), "it works again once the disk does"
    return errors


def proven(file: Path, stored: dict[str, str]) -> None:
    """Whole, with everything that was confirmed, and opened without any doing."""
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with Store.open(file, exclusive=True) as store:
        entries = {entry.envelope.reference: entry for entry in SqlMemory(store).entries(limit=100)}
    assert stored.keys() <= entries.keys()
    assert all(state == "waiting" or entries[reference].state == state for reference, state in stored.items())
    assert not any(entry.reasons for entry in entries.values())


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC], ids=["broken", "full"])
@pytest.mark.parametrize(("kind", "times"), [("write", 1), ("fsync", 1), ("fsync", 3), ("any", 12)])
def test_every_operation_may_fail(
    disk: Disk, template: Path, kind: str, times: int, error: int, record_property: Callable[[str, object], None]
) -> None:
    """Writes and syncs of a cycle fail, once or many in a row, beginning with each of them in turn."""
    noticed, stride = 0, 1 if kind == "fsync" else STRIDE
    for first in range(1, MOST, stride):
        file = disk.fresh(template, f"{kind}-{times}-{error}-{first}")
        disk.order(kind, first, error, times)
        stored: dict[str, str] = {}
        noticed += bool(work(disk, file, stored))
        reached = disk.counted() >= first
        proven(file, stored)
        for old in disk.mount.glob(f"{file.name}*"):
            old.unlink()
        if not reached:
            break
    else:
        raise AssertionError("the sweep does not end")
    assert noticed, "the disk failed and nobody noticed"
    record_property(f"faults of {kind} × {times} ({errno.errorcode[error]}), each survived", first)

"""Power cuts: whatever a disk may hold afterwards, every envelope that the store had confirmed is there."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent.memory import SqlMemory
from agent.migrations.sealing import opened
from agent.store import Store
from agent.upload.outbox import SqlOutbox
from tests.crash_states import State, states
from tests.crash_worker import LATER
from tests.mounted import CI, ENVIRONMENT, mounted, needs_fuse

WORKER = Path(__file__).with_name("crash_worker.py")
SEEDS = (1, 2, 3, 4) if CI else (1,)  # as many traces
AT_EACH = int(os.environ.get("POWER_CUTS", "4" if CI else "2"))  # possible disks after each step of a trace
LEAST = 5_000 if CI else 1_000  # states of one trace
OPENED = 100  # every so many-th disk is also opened by the store, which costs more
MEMORY = Path("/dev/shm")  # noqa: S108  the rebuilt disks need no durability
pytestmark = needs_fuse
Record = Callable[[str, object], None]


def traced(folder: Path, seed: int, *more: str) -> Path:
    """The trace of a worker's whole work."""
    trace = folder / "trace"
    with mounted(folder, "record", trace) as mount:
        subprocess.run([sys.executable, WORKER, mount, str(seed), *more], env=ENVIRONMENT, check=True, timeout=300)
    return trace


@pytest.fixture
def bench() -> Iterator[Path]:
    """A folder in memory."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


def fault_of(state: State, folder: Path, *, opened: bool) -> str | None:
    """What is wrong with this disk; `opened` looks at it through the agent's own store as well."""
    for old in folder.iterdir():
        old.unlink()
    state.lay(folder)
    known: dict[str, str] = {}
    groups: list[dict[str, str]] = []
    for line in (line for line in state.said if line.endswith("\n")):
        said = json.loads(line)
        known |= said.get("known", {})
        groups += [said["together"]] if "together" in said else []
    file = folder / "agent.sqlite"
    fault = _fault_of_rows(file, known, groups) if file.exists() else "the database is gone" if known else None
    if fault is None and opened and known:
        with Store.open(file, exclusive=True) as store:
            due = {entry.envelope.reference for entry in SqlOutbox(store).due(LATER, 1000)}
            states = {entry.envelope.reference: entry.state for entry in SqlMemory(store).entries(limit=1000)}
        waiting = {reference for reference, state in states.items() if state == "waiting"}
        fault = None if known.keys() <= states.keys() and waiting == due else "not due again"
    return fault


def _fault_of_rows(file: Path, known: dict[str, str], groups: list[dict[str, str]]) -> str | None:
    connection = sqlite3.connect(file)
    try:
        if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
            return "damaged"
        made = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'envelopes'").fetchone() == (1,)
        connection.row_factory = sqlite3.Row
        found = connection.execute("SELECT * FROM envelopes").fetchall() if made else []
        rows = {row["reference"].hex(): (_digest_of(row), row["state"]) for row in found}
    except sqlite3.DatabaseError as error:
        return str(error)
    finally:
        connection.close()
    for reference, state in known.items():
        if reference not in rows:
            return "an envelope is lost"
        if state != "waiting" and rows[reference][1] != state:
            return "a verdict is lost"
    for group in groups:
        there = [reference for reference in group if reference in rows]
        if len(there) not in (0, len(group)):
            return "a transaction is torn"
        if any(rows[reference][0] != group[reference] for reference in there):
            return "an envelope has changed"
    return None


def _digest_of(row: sqlite3.Row) -> str:
    try:
        _, body = opened(row["sealed"], row["reference"].hex(), row["equipment_number"], row["read_at"])
    except ValueError:
        return "damaged"
    return hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_confirmed_is_lost_by_a_power_cut(
    tmp_path: Path, bench: Path, seed: int, record_property: Record
) -> None:
    """Cut after any step, with what was not synced lost, kept, or kept sector by sector: all that the store returned
    from is there, every transaction is whole, and the store opens."""
    trace = traced(tmp_path, seed)
    count, faults = 0, []
    for count, state in enumerate(states(trace, seed, AT_EACH), 1):
        fault = fault_of(state, bench, opened=count % OPENED == 0)
        faults += [(count, fault)] if fault else []
    assert faults == []
    assert count >= LEAST
    record_property("disks that a power cut may leave", count)
    record_property("of these with something lost or torn", len(faults))


def test_the_power_cuts_find_a_store_that_does_not_sync(tmp_path: Path, bench: Path, record_property: Record) -> None:
    """The same search finds lost envelopes where commits are not synced: so it would find them in ours."""
    trace = traced(tmp_path, 1, "weak")
    faults = (fault_of(state, bench, opened=False) for state in states(trace, 1, AT_EACH))
    found = next(((count, fault) for count, fault in enumerate(faults, 1) if fault), (0, None))
    assert found[1] in ("an envelope is lost", "a verdict is lost")
    record_property("with synchronous=NORMAL the first loss is found on disk", found[0])

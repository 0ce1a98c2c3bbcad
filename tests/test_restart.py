"""A restart on a full database: the service is ready soon, and everything that waits is due again.

`ROWS` says how many readings the database has. How long it takes is written down here, and judged by
`make reliability`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.config_template import first_config
from agent.memory import SqlMemory
from agent.secrets import Secrets
from agent.store import Store
from benchmarks.reliability import READY, READY_COLD
from tests.full_database import fill

ROWS = int(os.environ.get("ROWS", "1000"))
TRIES = 5 if ROWS > 1000 else 1  # the fastest counts: what else the machine has to do is not measured
PATIENCE = 120  # seconds, after which the service hangs
pytestmark = pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="systemd, and emptying a cache, are Linux's")


def config_of(folder: Path) -> Path:
    """The config file of an agent whose portal nobody answers for, and that has no printer to ask."""
    config = folder / "meter-agent.toml"
    entries = {
        "portal.url": "https://127.0.0.1:9",
        "portal.client_id": "agent-1",
        "storage.database": str(folder / "agent.sqlite"),
        "discovery.ranges": ["127.33.9.0/30"],
    }
    config.write_text(first_config("en", entries), encoding="utf-8")
    Secrets(folder / "secrets").set("portal", "secret")
    return config


@contextmanager
def serving(config: Path, stderr: int = subprocess.DEVNULL) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """The service of this config, and where it tells systemd how it is; stopped at the end."""
    name = str(config.parent / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name)
        receiver.settimeout(PATIENCE)
        service = subprocess.Popen(
            [sys.executable, "-m", "agent", "run", "--config", str(config)],
            env={**os.environ, "NOTIFY_SOCKET": name},
            stderr=stderr,
            text=True,
        )
        try:
            yield service, receiver
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(PATIENCE)
            Path(name).unlink()


def seconds_until_ready(config: Path, forgotten: Path | None = None) -> float:
    """From the start of the process to what systemd waits for, with the file `forgotten` out of the memory."""
    if forgotten is not None:
        forget(forgotten)
    started = time.perf_counter()
    with serving(config) as (_, heard):
        assert heard.recv(4096) == b"READY=1"
        return time.perf_counter() - started


def forget(file: Path) -> None:
    """The system keeps nothing of this file in memory, as after a start of the computer."""
    descriptor = os.open(file, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def test_ready_soon(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """The service starts on a full database, also when nothing of it is in memory, and nothing of it has changed."""
    config, file = config_of(tmp_path), tmp_path / "agent.sqlite"
    fill(file, ROWS)
    with Store.open(file, exclusive=True) as store:
        before = SqlMemory(store).counts()
    assert sum(before.values()) == ROWS
    times = [seconds_until_ready(config) for _ in range(TRIES)]
    cold = [seconds_until_ready(config, forgotten=file) for _ in range(TRIES)]
    begun = time.perf_counter()
    with Store.open(file, exclusive=True) as store:
        opened = time.perf_counter() - begun
        after = SqlMemory(store).counts()
    assert after == before
    record_property("readings in the database", ROWS)
    record_property("size of the database in MB", round(file.stat().st_size / 1e6))
    record_property(READY, round(min(times), 2))
    record_property(READY_COLD, round(min(cold), 2))
    record_property("seconds for inspecting the whole database, done beside the first requests", round(opened, 2))


AT_READY = """
import asyncio, sys
from pathlib import Path
from agent.cli.service import agent_of

async def until_ready():
    stop = asyncio.Event()
    def ready():
        print(*sys.modules)
        stop.set()
    await agent_of(Path(sys.argv[1])).run(stop, ready)

asyncio.run(until_ready())
"""


def test_ready_before_what_is_needed_later(tmp_path: Path) -> None:
    """A service is ready without what only questions to portal and printers need, or a person at a terminal."""
    config = config_of(tmp_path)
    fill(tmp_path / "agent.sqlite", 1)
    command = [sys.executable, "-c", AT_READY, str(config)]
    loaded = set(subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout.split())
    assert {"agent.cycle", "agent.store"} <= loaded, "but with all that its work is made of"
    later = {"httpx", "rich", "cryptography", "zeroconf", "alembic", "holidays", "sqlalchemy.dialects.postgresql"}
    assert not later & loaded


def test_damage_is_found_before_use(tmp_path: Path) -> None:
    """A database that was damaged meanwhile: the service is there, says so, saves what can be read, and keeps the file.

    What is sent then was sealed before.
    """
    config, file = config_of(tmp_path), tmp_path / "agent.sqlite"
    fill(file, 1000)
    content = bytearray(file.read_bytes())
    for page in range(len(content) // 8192, len(content) // 4096):
        content[page * 4096 : page * 4096 + 200] = b"\xa5" * 200
    file.write_bytes(content)
    with serving(config, stderr=subprocess.PIPE) as (service, heard):
        assert heard.recv(4096) == b"READY=1"
        assert service.stderr
        said = json.loads(service.stderr.readline())
        deadline = time.monotonic() + PATIENCE
        while not list(tmp_path.glob("agent.sqlite.damaged-*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert service.poll() is None
    assert said["level"] == "error"
    assert "damaged" in said["text"]
    [kept] = tmp_path.glob("agent.sqlite.damaged-*")
    assert kept.read_bytes() == content
    with Store.open(file, exclusive=True) as store:
        assert sum(SqlMemory(store).counts().values()) > 400
        codes = {reason.code for entry in SqlMemory(store).entries() for reason in entry.reasons}
    assert "row_damaged" not in codes

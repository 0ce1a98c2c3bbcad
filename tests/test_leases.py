"""One request in flight per printer, also among processes: a service, and a person who reads the same printer."""

from __future__ import annotations

import asyncio
import os
import selectors
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.config_template import first_config
from agent.leases import PATIENCE, FileLeases
from agent.printers import Endpoint
from agent.snmp.turns import Turns
from agent.store import Store
from tests.fleet_process import FleetProcess, printer

HERE, THERE = Endpoint("127.38.0.1"), Endpoint("127.38.0.2")
HOLDER = """
import asyncio, sys
from pathlib import Path
from agent.leases import FileLeases
from agent.printers import Endpoint
leases = FileLeases(Path(sys.argv[1]), float(sys.argv[2]))
asyncio.run(leases.take(Endpoint("127.38.0.1")))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(file: Path, patience: float = PATIENCE) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that talks with the printer and does not end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file), str(patience)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


def test_another_process_waits_and_only_for_this_printer(tmp_path: Path) -> None:
    """While one process talks with a printer another waits; other printers are free; killed, it lets go at once."""
    file = tmp_path / "asking"
    with holder(file) as process:

        async def both() -> None:
            leases = FileLeases(file)
            await leases.take(THERE)
            waiting = asyncio.create_task(leases.take(HERE))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            process.kill()
            await waiting
            leases.give_back(HERE)
            leases.give_back(THERE)

        asyncio.run(both())


def test_who_is_stopped_holds_nobody_up_for_ever(tmp_path: Path) -> None:
    """A process that holds on longer than any exchange lasts has nothing in flight: the wait ends, and is not repeated
    with every question."""
    file = tmp_path / "asking"
    with holder(file):

        async def insist() -> None:
            leases = FileLeases(file, patience=0.2)
            for _ in range(200):  # with a wait each it would take the time of the test
                await leases.take(HERE)
                leases.give_back(HERE)

        asyncio.run(asyncio.wait_for(insist(), 30))


def test_given_back_another_process_has_it(tmp_path: Path) -> None:
    """The lease is free again after each exchange, not only at the end of the process."""
    leases = FileLeases(tmp_path / "asking")

    async def once() -> None:
        await leases.take(HERE)
        leases.give_back(HERE)

    asyncio.run(once())

    async def waits() -> bool:
        waiting = asyncio.create_task(leases.take(HERE))
        await asyncio.sleep(0.3)
        waiting.cancel()
        return not waiting.done()

    with holder(tmp_path / "asking", patience=0.0):  # who has to wait goes on without it
        assert asyncio.run(waits())


def test_a_wait_that_is_given_up_leaves_the_turn_free(tmp_path: Path) -> None:
    """Cancelled while another process talks, nobody of this one waits for who has gone."""
    file = tmp_path / "asking"
    with holder(file) as process:

        async def give_up() -> None:
            turns = Turns(FileLeases(file))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), turns.of(HERE):
                    raise AssertionError("held by another process")
            process.kill()
            async with turns.of(HERE):
                pass

        asyncio.run(give_up())


def test_where_nothing_can_be_written_it_is_asked_all_the_same(tmp_path: Path) -> None:
    """A lease is a courtesy to the printer; reading does not depend on it."""
    leases = FileLeases(tmp_path / "nowhere" / "asking")
    asyncio.run(leases.take(HERE))
    leases.give_back(HERE)


class Relay:
    """Stands in front of a printer and sees how many processes have a question under way at one moment."""

    def __init__(self, printer_at: tuple[str, int]) -> None:
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind(("127.0.0.1", 0))
        self.port: int = self._front.getsockname()[1]
        self._printer = printer_at
        self._waiting: Counter[tuple[str, int]] = Counter()
        self._ended = threading.Event()
        self.most = self.askers = 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Relay:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._front.close()

    def _run(self) -> None:
        behind: dict[tuple[str, int], socket.socket] = {}
        with selectors.DefaultSelector() as selector:
            selector.register(self._front, selectors.EVENT_READ)
            while not self._ended.is_set():
                for key, _ in selector.select(0.1):
                    if key.fileobj is self._front:
                        octets, asker = self._front.recvfrom(65536)
                        if asker not in behind:
                            behind[asker] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                            selector.register(behind[asker], selectors.EVENT_READ, asker)
                        self._waiting[asker] += 1
                        behind[asker].sendto(octets, self._printer)
                    else:
                        octets = key.fileobj.recv(65536)
                        self._waiting[key.data] -= 1
                        self._front.sendto(octets, key.data)
                    self.most = max(self.most, sum(count > 0 for count in self._waiting.values()))
            self.askers = len(behind)
        for one in behind.values():
            one.close()


def test_two_commands_never_ask_one_printer_at_the_same_time(tmp_path: Path) -> None:
    """Three processes read one slow printer again and again: at no moment have two of them a question under way."""
    fault = {"faults": {"slow": 30}}
    with FleetProcess(tmp_path, [printer("slow", "127.38.0.1", **fault)]) as fleet:
        config = tmp_path / "meter-agent.toml"
        config.write_text(first_config("en", {"snmp.timeout_seconds": 5}), "utf-8")
        with Relay(("127.38.0.1", fleet.ports["slow"])) as relay:
            target = f"127.0.0.1:{relay.port}"
            Store.open(tmp_path / "meter-agent.sqlite", exclusive=True).close()  # made by one, used by all
            command = [sys.executable, "-m", "agent", "read", *[target] * 8, "--json", "--config", str(config)]
            readers = [
                subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"}) for _ in range(3)
            ]
            told = [reader.communicate()[0] for reader in readers]
        assert [reader.returncode for reader in readers] == [0, 0, 0]
        assert all(text.count(b'"status": "ok"') == 8 for text in told), told
        assert (relay.most, relay.askers >= 3) == (1, True)

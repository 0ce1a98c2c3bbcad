"""One exchange at a time with each printer among all processes of one state folder, such as service and `read`.

A lease is one locked byte of one file, at a place that the printer's address gives. The system takes it back when its
holder ends, however it ends, so a killed process keeps nobody waiting.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from agent.printers import Endpoint
from agent.state_file import opened

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

PLACES = 1 << 30  # bytes that may be locked; the file stays empty. Two printers at one place only wait more
PATIENCE = 60.0  # seconds; no exchange lasts so long, so who holds on longer is stopped and has nothing in flight
FIRST_LOOK, LAST_LOOK = 0.01, 0.2  # seconds between two looks


class FileLeases:
    """The `Leases` of `agent.snmp.turns`. Who may not write `file` asks without.

    Within one process it keeps nobody apart: turns do that.
    """

    def __init__(self, file: Path, patience: float = PATIENCE) -> None:
        self._file = file
        self._patience = patience
        self._held: dict[Endpoint, int] = {}
        self._overdue: set[Endpoint] = set()
        self._descriptor: int | None = None
        self._opened = False

    async def take(self, endpoint: Endpoint) -> None:
        """Waits until no other process asks this printer; after `patience` seconds, once, it goes on all the same."""
        descriptor = self._open()
        if descriptor is None:
            return
        place, clock = _place(endpoint), asyncio.get_running_loop()
        until, pause = clock.time() + self._patience, FIRST_LOOK
        while not _locked(descriptor, place):
            if endpoint in self._overdue or clock.time() >= until:
                self._overdue.add(endpoint)
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LAST_LOOK)
        self._overdue.discard(endpoint)
        self._held[endpoint] = place

    def give_back(self, endpoint: Endpoint) -> None:
        """The exchange is over."""
        place = self._held.pop(endpoint, None)
        if place is not None and self._descriptor is not None:
            _unlock(self._descriptor, place)

    def _open(self) -> int | None:
        # Opened once and kept: closing any descriptor of the file would give back all that this process holds.
        if not self._opened:
            self._opened = True
            with suppress(OSError):
                self._descriptor = opened(self._file)
        return self._descriptor

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def _place(endpoint: Endpoint) -> int:
    return int.from_bytes(blake2b(str(endpoint).encode(), digest_size=8).digest()) % PLACES


def _locked(descriptor: int, place: int) -> bool:
    """Whether the byte is ours now."""
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, place, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except OSError:
        return False
    return True


def _unlock(descriptor: int, place: int) -> None:
    if sys.platform == "win32":
        os.lseek(descriptor, place, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, place)

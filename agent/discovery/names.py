"""Addresses of host names, by the system's own resolver: its hosts file, name servers and neighbours' answers."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from threading import Thread

AT_ONCE = 16  # lookups under way; each holds a thread as long as the system's resolver takes
PATIENCE = 5.0  # seconds for one name; a resolver that asks three silent servers takes half a minute

Resolve = Callable[[str], Awaitable[tuple[str, ...]]]


class Names:
    """The system's resolver without its patience: a name that takes too long is a name without an address.

    Threads that still wait for the system do not keep the process from ending. Belongs to one event loop.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._places = asyncio.Semaphore(AT_ONCE)
        self._settled_at = 0.0

    async def addresses(self, name: str) -> tuple[str, ...]:
        """The addresses of a name in the resolver's order, a literal address as it is; empty when there are none."""
        with suppress(ValueError):
            return (str(ipaddress.ip_address(name)),)
        if not await self._has_place():
            return ()
        found: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()
        Thread(target=self._look_up, args=(name, found), daemon=True).start()
        try:
            return await asyncio.wait_for(found, self._patience)
        except TimeoutError:
            return ()

    async def _has_place(self) -> bool:
        """Whether there is a thread to spare, now or soon: not when all of them wait for a system that says nothing."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            try:
                return await asyncio.wait_for(self._places.acquire(), self._patience)
            except TimeoutError:
                if loop.time() - max(begun, self._settled_at) >= self._patience:
                    return False

    def _look_up(self, name: str, found: asyncio.Future[tuple[str, ...]]) -> None:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            answers = []
        addresses = tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            found.get_loop().call_soon_threadsafe(self._settle, found, addresses)

    def _settle(self, found: asyncio.Future[tuple[str, ...]], addresses: tuple[str, ...]) -> None:
        self._places.release()
        self._settled_at = found.get_loop().time()
        if not found.done():
            found.set_result(addresses)

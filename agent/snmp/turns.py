"""One exchange at a time with each printer, whoever wants to talk to it."""

from __future__ import annotations

import asyncio
from typing import Protocol

from agent.printers import Endpoint


class Leases(Protocol):
    """Keeps the processes of one computer apart. Owes: no exception, and an end of waiting when a holder is gone."""

    async def take(self, endpoint: Endpoint) -> None:
        """Waits until no other process talks with this printer, a bounded time."""

    def give_back(self, endpoint: Endpoint) -> None:
        """The exchange is over."""


class Alone:
    """The `Leases` of a process that knows of no other."""

    async def take(self, endpoint: Endpoint) -> None:
        """Nobody to wait for."""

    def give_back(self, endpoint: Endpoint) -> None:
        """Nobody waits."""


class Turns:
    """Who talks with which printer now: one in this process, and with `leases` one of all processes."""

    def __init__(self, leases: Leases | None = None) -> None:
        # Whose exchange is under way; a future that is done when it is, as soon as anybody waits for that.
        self._busy: dict[Endpoint, asyncio.Future[None] | None] = {}
        self._leases = leases or Alone()

    def of(self, endpoint: Endpoint) -> Turn:
        """For `async with`: waits until nobody else talks with this printer, and keeps others waiting meanwhile."""
        return Turn(self._busy, self._leases, endpoint)


class Turn:
    """One exchange's turn with one printer."""

    __slots__ = ("_busy", "_endpoint", "_leases")

    def __init__(self, busy: dict[Endpoint, asyncio.Future[None] | None], leases: Leases, endpoint: Endpoint) -> None:
        self._busy = busy
        self._leases = leases
        self._endpoint = endpoint

    async def __aenter__(self) -> None:
        while self._endpoint in self._busy:
            before = self._busy[self._endpoint]
            if before is None:
                before = self._busy[self._endpoint] = asyncio.get_running_loop().create_future()
            await asyncio.wait((before,))
        self._busy[self._endpoint] = None
        try:
            await self._leases.take(self._endpoint)
        except BaseException:  # given up while waiting
            self._over()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leases.give_back(self._endpoint)
        self._over()

    def _over(self) -> None:
        done = self._busy.pop(self._endpoint)
        if done is not None:
            done.set_result(None)

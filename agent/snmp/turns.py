"""One exchange at a time with each printer, whoever wants to talk to it."""

from __future__ import annotations

import asyncio

from agent.printers import Endpoint


class Turns:
    """Who talks with which printer now."""

    def __init__(self) -> None:
        # Whose exchange is under way; a future that is done when it is, as soon as anybody waits for that.
        self._busy: dict[Endpoint, asyncio.Future[None] | None] = {}

    def of(self, endpoint: Endpoint) -> Turn:
        """For `async with`: waits until nobody else talks with this printer, and keeps others waiting meanwhile."""
        return Turn(self._busy, endpoint)


class Turn:
    """One exchange's turn with one printer."""

    __slots__ = ("_busy", "_endpoint")

    def __init__(self, busy: dict[Endpoint, asyncio.Future[None] | None], endpoint: Endpoint) -> None:
        self._busy = busy
        self._endpoint = endpoint

    async def __aenter__(self) -> None:
        while self._endpoint in self._busy:
            before = self._busy[self._endpoint]
            if before is None:
                before = self._busy[self._endpoint] = asyncio.get_running_loop().create_future()
            await asyncio.wait((before,))
        self._busy[self._endpoint] = None

    async def __aexit__(self, *_: object) -> None:
        done = self._busy.pop(self._endpoint)
        if done is not None:
            done.set_result(None)

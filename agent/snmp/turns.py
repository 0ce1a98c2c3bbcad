"""One exchange at a time with each printer, whoever wants to talk to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.printers import Endpoint


class Turns:
    """Who talks with which printer now."""

    def __init__(self) -> None:
        self._busy: dict[Endpoint, asyncio.Future[None]] = {}  # done when that exchange is

    @asynccontextmanager
    async def of(self, endpoint: Endpoint) -> AsyncIterator[None]:
        """Waits until nobody else talks with this printer, and keeps others waiting meanwhile."""
        while (before := self._busy.get(endpoint)) is not None:
            await asyncio.wait((before,))
        done = self._busy[endpoint] = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            del self._busy[endpoint]
            done.set_result(None)

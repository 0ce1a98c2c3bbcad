"""How fast packets leave: an even rate for the whole process, whatever wants to send."""

from __future__ import annotations

import asyncio


class Pacer:
    """Gives turns at most `per_second` times a second (1..10,000), evenly spaced, in order of asking."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1.0 / per_second
        self._next = 0.0

    async def turn(self) -> None:
        """Returns when a packet may leave."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        # A turn that nobody took is not saved up for a burst; a late one may catch up a hundredth of a second.
        self._next = max(self._next + self._gap, now - 0.01)
        if self._next > now:
            await asyncio.sleep(self._next - now)

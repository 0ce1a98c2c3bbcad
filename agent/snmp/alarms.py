"""One timer of the event loop for everybody who waits: a timer for each datagram would cost more than the datagram."""

from __future__ import annotations

import asyncio
from typing import Protocol

TICK = 0.02  # seconds between two looks; a network's patience is no finer


class Sleeper(Protocol):
    """Somebody who waits until `due`, on the clock of the event loop; `due` may move at any time."""

    due: float

    def ring(self, now: float) -> None:
        """The moment has come. Must not raise."""


class Alarms:
    """Rings for everybody whose moment has come, up to `TICK` late, and again at every look until it is moved."""

    def __init__(self) -> None:
        self._sleepers: dict[Sleeper, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, sleeper: Sleeper) -> None:
        """From now on it is rung for."""
        self._sleepers[sleeper] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK, self._look)

    def remove(self, sleeper: Sleeper) -> None:
        """It is not rung for any more. Nothing is left in the event loop when nobody waits."""
        self._sleepers.pop(sleeper, None)
        if not self._sleepers and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(TICK, self._look)
        now = loop.time()
        for sleeper in [sleeper for sleeper in self._sleepers if sleeper.due <= now]:
            if sleeper in self._sleepers:  # nobody before it has made it needless
                sleeper.ring(now)

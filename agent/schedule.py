"""When things happen: cycles and deliveries by the clock, never two at once, ended by one event.

Every agent has a phase of its own within the interval, made of its identification: many agents never beat together,
and after an outage they come back as evenly as they always come. The wall clock says only where in the interval we
are; how long to wait is measured by the event loop's monotonic clock and is never longer than one and a half
intervals, so that a clock that is set a year back or forth delays nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

Job = Callable[[], Awaitable[None]]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Minutes between two cycles and between two deliveries (>= 1), and by how many seconds starts are scattered.

    `agent_id` gives the phase. `wall` is the seconds since 1970, `chance` 0 to 1.
    """

    cycle_minutes: float
    courier_minutes: float
    jitter_seconds: float
    agent_id: str = ""
    wall: Callable[[], float] = time.time
    chance: Callable[[], float] = field(default=random.SystemRandom().random)

    def pause(self, minutes: float) -> float:
        """Seconds until the next beat of this interval."""
        interval = 60.0 * minutes
        scatter = self.chance() * min(self.jitter_seconds, interval / 2)
        return wait_for(self.wall(), interval, phase_of(self.agent_id, interval)) + scatter


def phase_of(agent_id: str, interval: float) -> float:
    """Where in every interval this agent beats, in seconds: always and everywhere the same, agents evenly spread."""
    number = int.from_bytes(hashlib.sha256(agent_id.encode()).digest()[:8])
    return interval * (number / 2**64)


def wait_for(now: float, interval: float, phase: float) -> float:
    """Seconds from `now` to a moment with this phase: at least half an interval, at most one and a half."""
    wait = (phase - now) % interval
    return wait if wait >= interval / 2 else wait + interval


async def keep_running(cycle: Job, courier: Job, rhythm: Rhythm, stop: asyncio.Event) -> None:
    """Runs both jobs by the clock, the cycle at once, until `stop` is set; then ends what is under way.

    Ending a job half-way is safe: everything it has promised is already committed.
    """
    turn = asyncio.Lock()

    async def beat(job: Job, minutes: float) -> None:
        while True:
            try:
                async with turn:
                    await job()
            except Exception:
                log.exception("a job failed in a way that nobody foresaw; it runs again at its next time")
            await asyncio.sleep(rhythm.pause(minutes))

    async def later(job: Job, minutes: float) -> None:
        await asyncio.sleep(rhythm.pause(minutes))
        await beat(job, minutes)

    beats = (
        asyncio.create_task(beat(cycle, rhythm.cycle_minutes)),
        asyncio.create_task(later(courier, rhythm.courier_minutes)),
    )
    try:
        await stop.wait()
    finally:
        for task in beats:
            task.cancel()
        await asyncio.gather(*beats, return_exceptions=True)


class Daily:
    """Does its work at the first call, and then not again before a day has passed, or the clock was set back."""

    def __init__(self, work: Callable[[datetime], None]) -> None:
        self._work = work
        self._last: datetime | None = None

    def __call__(self, now: datetime) -> None:
        """The work, if it is due."""
        if self._last is not None and timedelta() <= now - self._last < timedelta(days=1):
            return
        self._last = now
        self._work(now)

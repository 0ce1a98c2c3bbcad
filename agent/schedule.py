"""When things happen: cycles and deliveries by the clock, never two at once, ended by one event."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

Job = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Minutes between two cycles and between two deliveries (>= 1), and by how many seconds starts are scattered."""

    cycle_minutes: int
    courier_minutes: int
    jitter_seconds: int


async def keep_running(cycle: Job, courier: Job, rhythm: Rhythm, stop: asyncio.Event) -> None:
    """Runs both jobs by the clock, the cycle at once, until `stop` is set; then ends what is under way.

    Ending a job half-way is safe: everything it has promised is already committed.
    """
    turn = asyncio.Lock()
    running: set[asyncio.Task[None]] = set()

    async def in_turn(job: Job) -> None:
        task = asyncio.current_task()
        if task is not None:
            running.add(task)
            task.add_done_callback(running.discard)
        async with turn:
            await job()

    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
    )
    for name, job, minutes in (("cycle", cycle, rhythm.cycle_minutes), ("courier", courier, rhythm.courier_minutes)):
        trigger = IntervalTrigger(minutes=minutes, jitter=rhythm.jitter_seconds or None, timezone=UTC)
        first = {"next_run_time": datetime.now(UTC)} if name == "cycle" else {}
        scheduler.add_job(in_turn, trigger, args=[job], id=name, **first)
    scheduler.start()
    try:
        await stop.wait()
    finally:
        scheduler.shutdown(wait=False)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

"""Cycles and deliveries by the clock: evenly over agents, one at a time, and whatever becomes of the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.schedule import Rhythm, keep_running, phase_of, wait_for


def test_phases() -> None:
    """A thousand agents spread evenly over the interval, and one has always the same place in it."""
    phases = [phase_of(f"agent-{n}", 300.0) for n in range(1000)]
    tenths = [sum(1 for phase in phases if int(phase // 30) == tenth) for tenth in range(10)]
    assert min(tenths) > 70
    assert max(tenths) < 130
    assert phase_of("agent-7", 300.0) == phases[7]


MOMENTS = st.floats(-1e9, 1e10)


@given(MOMENTS, st.sampled_from([60.0, 300.0, 3600.0, 86_400.0]), st.text(max_size=20))
def test_wait(now: float, interval: float, agent_id: str) -> None:
    """From any moment the next beat is between half an interval and one and a half away, and has the agent's phase."""
    phase = phase_of(agent_id, interval)
    wait = wait_for(now, interval, phase)
    assert interval / 2 <= wait <= interval * 1.5
    off = (now + wait - phase) % interval
    assert min(off, interval - off) < 1e-3


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(-4e7, 4e7)), max_size=4))
def test_jumps(jumps: list[tuple[int, float]]) -> None:
    """However the clock is set, by a year or by seconds, no beat is later than one and a half intervals."""
    wall, elapsed, beats = 1.8e9, 0.0, [0.0]
    for beat in range(25):
        wall += sum(by for at, by in jumps if at == beat)
        wait = wait_for(wall, 300.0, 17.0)
        wall, elapsed = wall + wait, elapsed + wait
        beats.append(elapsed)
    assert all(150 <= later - earlier <= 450 for earlier, later in pairwise(beats))


@given(st.floats(0, 1), st.sampled_from([0.0, 60.0, 3600.0]))
def test_scatter(chance: float, jitter: float) -> None:
    """A start is later by a part of the jitter that is left to chance, and by no more than half an interval."""
    rhythm = Rhythm(60, 5, jitter, "agent-7", lambda: 1.8e9, lambda: chance)
    even = wait_for(1.8e9, 300.0, phase_of("agent-7", 300.0))
    assert rhythm.pause(5) == pytest.approx(even + chance * min(jitter, 150.0))


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_daylight_saving(day: str) -> None:
    """The night in which the hour changes has as many beats as any other: what counts is UTC."""
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC).timestamp()
    now, beats = begin, 0
    while now < begin + 6 * 3600:
        now += wait_for(now, 3600.0, 1000.0)
        beats += 1
    assert beats in (6, 7)


def stopped_after(seconds: float, cycle: Callable[[], Awaitable[None]], courier: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, stop.set)
        rhythm = Rhythm(0.0005, 0.0005, 0.0, "a", time.time)  # an interval of 30 ms
        await keep_running(cycle, courier, rhythm, stop)

    asyncio.run(run())


def test_never_two_at_once() -> None:
    """Cycle and delivery take turns, both run again and again, the cycle at once; a stop ends what is under way."""
    said: list[str] = []

    def job(name: str) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            said.append(f"{name} begins")
            try:
                await asyncio.sleep(0.01)
            finally:
                said.append(f"{name} ends")

        return work

    stopped_after(1.0, job("cycle"), job("courier"))
    assert said[0] == "cycle begins"
    assert all(later == earlier.replace("begins", "ends") for earlier, later in zip(said[::2], said[1::2], strict=True))
    assert min(said.count("cycle begins"), said.count("courier begins")) >= 2


def test_a_bug_is_not_the_end() -> None:
    """A job that fails in a way that nobody foresaw runs again at its next time, and the other goes on."""
    runs = {"cycle": 0, "courier": 0}

    async def cycle() -> None:
        runs["cycle"] += 1
        raise ZeroDivisionError

    async def courier() -> None:
        runs["courier"] += 1

    stopped_after(1.0, cycle, courier)
    assert min(runs.values()) >= 2

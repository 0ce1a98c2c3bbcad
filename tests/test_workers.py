"""Many printers at once: results in order, never more at once than allowed, and an end that is one."""

from __future__ import annotations

import asyncio

import pytest

from agent.survey import bounded


class Watching:
    """Progress that counts its steps."""

    def __init__(self) -> None:
        self.steps = 0

    def stage(self, name: object, total: int | None) -> None: ...

    def step(self, count: int = 1) -> None:
        self.steps += 1


def test_results_stand_in_the_order_of_the_items_and_no_more_are_under_way_than_allowed() -> None:
    """The later items are done first; five at once are five at once."""
    flying, most = 0, 0

    async def work(item: int) -> int:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.001 * (20 - item))
        flying -= 1
        return item * item

    progress = Watching()
    assert asyncio.run(bounded(work, range(20), 5, progress)) == [item * item for item in range(20)]
    assert (most, progress.steps) == (5, 20)


@pytest.mark.parametrize("cancelled", [False, True], ids=["an exception", "a cancellation from outside"])
def test_the_first_exception_ends_everything_before_it_is_told(cancelled: bool) -> None:
    """No worker begins another item or still tidies up when the caller hears of it."""
    said: list[str] = []

    async def work(item: int) -> None:
        said.append(f"begun {item}")
        try:
            await asyncio.sleep(0)
            if item == 1 and not cancelled:
                raise LookupError
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)  # closing what was open takes a moment
            said.append(f"ended {item}")

    async def caller() -> list[str]:
        task = asyncio.create_task(bounded(work, range(9), 3, Watching()))
        await asyncio.sleep(0.01)
        if cancelled:
            task.cancel()
        with pytest.raises(asyncio.CancelledError if cancelled else LookupError):
            await task
        told = list(said)
        await asyncio.sleep(0.05)
        assert said == told
        return told

    told = asyncio.run(caller())
    assert sorted(told) == sorted(f"{what} {item}" for what in ("begun", "ended") for item in range(3))

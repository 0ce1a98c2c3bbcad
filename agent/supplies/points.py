"""How much of a supply is used up in a day where no counter tells pages: the points by which its level falls.

A point is one percent of a whole. In points a full supply is a hundred, whatever is printed on a page, so that nothing
has to be learnt of its yield; what pages differ by is in how much the days differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from agent.supplies.lives import Life, Look, followed_from, is_bounded
from agent.supplies.usage import Usage, UsageMeter, Working, is_weekday
from agent.supplies.wear import TELLING, Wear

HUNDRED = Wear(math.log(100.0), TELLING**2, between=0.0)
FINE = 34.0  # points between the bounds of a level at most: percents, tens and thirds
GONE = 20.0  # points that must have gone before the past counts: two steps of ten
STEPS = 2  # in which they went: one fall may be a cartridge that was taken out


class PointsMeter:
    """Learns from the lives in a slot as they go on, in the order of time.

    A day counts with its last look, when misreadings are over. A new cartridge begins anew, as a counter that fell.
    """

    def __init__(self, is_working: Working = is_weekday) -> None:
        self._meter = UsageMeter(is_working)
        self._today: tuple[date, float] | None = None
        self._used: float | None = None
        self._gone, self._steps = 0.0, 0

    def note(self, life: Life, day: date) -> None:
        """The life after one more look, on this day."""
        level = life.last.level
        if life.raised is not None or not is_bounded(level) or (level.high or 0.0) - (level.low or 0.0) > FINE:
            return
        if self._today is not None and self._today[0] != day:
            self._count(*self._today)
        self._today = day, 100 - ((level.low or 0.0) + (level.high or 0.0)) / 2

    def _count(self, day: date, used: float) -> None:
        if self._used is not None and used > self._used:
            self._gone += used - self._used
            self._steps += 1
        self._used = used
        self._meter.add(day, used)

    def usage(self) -> Usage | None:
        """Points in a working day; `None` until enough has gone."""
        if self._gone < GONE or self._steps < STEPS:
            return None
        usage = self._meter.usage()
        return None if usage is None or not usage.per_day else replace(usage, unit="points")


def usage_in_points(looks: Iterable[tuple[date, Look]], is_working: Working = is_weekday) -> Usage | None:
    """What is used up, from the looks at a slot with their days, in the order of time."""
    meter, life = PointsMeter(is_working), None
    for day, look in looks:
        life = followed_from(life, look)
        meter.note(life, day)
    return meter.usage()


def by_level_alone(life: Life) -> Life:
    """The same cartridge, of which no pages are known."""
    return replace(life, last=replace(life.last, pages=None))

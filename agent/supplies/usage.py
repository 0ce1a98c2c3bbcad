"""How much is used up in a day, learnt from what only rises: working days, weekends, holidays, quiet and busy weeks.

That is a page counter, or where there is none the level of a supply (`agent.supplies.points`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

SATURDAY = 5  # date.weekday()
SLOW, FAST = 60.0, 14.0  # days after which a day counts half, for the level that lasts and for the weeks just gone
RESTING = 90.0  # the same for what weekends are worth
SPREAD, WEEK = 180.0, 7  # days: how long busy weeks are remembered, and over how many they are told
RESTING_SHARE = 0.1  # of a working day, until weekends have told
RESTING_DAYS = 4.0  # as much as this many days of rest speak for it
DRIFT = 0.12  # relative standard deviation of next month's mean, however well the past is known
FIRST_GUESS = 0.6  # the same where only an annual estimate is known
MOST = 250_000  # pages in a day: 170 in every minute
LONGEST = 400  # days without a look, of which something is learnt
ENOUGH = 5.0  # working days' worth of looks before the past alone counts

Working = Callable[[date], bool]
Unit = Literal["pages", "points"]  # points: percent of a whole supply


def is_weekday(day: date) -> bool:
    """Monday to Friday: the calendar of a site whose holidays are not known."""
    return day.weekday() < SATURDAY


@dataclass(frozen=True, slots=True)
class Usage:
    """What may be printed: `per_day` pages in a working day, `resting` the share of that on any other day.

    `scatter` is the variance of a working day's pages, `doubt` the relative standard deviation of `per_day` itself.
    Where `unit` is points, all of this is told in them.
    """

    per_day: float
    scatter: float
    doubt: float
    resting: float
    unit: Unit = "pages"

    def expected(self, days: float) -> tuple[float, float]:
        """Mean and variance of the pages in so many working days' worth of time."""
        mean = self.per_day * days
        return mean, self.scatter * days + (self.doubt * mean) ** 2

    def worth(self, first: date, days: int, is_working: Working) -> float:
        """How many working days the days from `first` on are worth."""
        return sum(self.weights(first, days, is_working))

    def weights(self, first: date, days: int, is_working: Working) -> Iterator[float]:
        """The worth of each of these days."""
        for ahead in range(days):
            yield 1.0 if is_working(first + timedelta(days=ahead)) else self.resting


@dataclass(slots=True)
class _Mean:
    """Pages and days' worth, of which older ones count less."""

    half: float
    pages: float = 0.0
    worth: float = 0.0

    def add(self, pages: float, worth: float, days: int) -> None:
        """What was printed in so many days."""
        faded = 0.5 ** (days / self.half)
        self.pages = self.pages * faded + pages
        self.worth = self.worth * faded + worth

    @property
    def per_day(self) -> float:
        """Pages in a working day."""
        return self.pages / self.worth if self.worth else 0.0


class UsageMeter:
    """Learns from the counter at the end of days, in the order of time; days without a look may be missing."""

    def __init__(self, is_working: Working = is_weekday) -> None:
        self._is_working = is_working
        self._last: tuple[date, float] | None = None
        self._slow, self._fast = _Mean(SLOW), _Mean(FAST)
        self._rest = _Mean(RESTING, 0.0, 0.0)
        self._spread = _Mean(SPREAD)
        self._week = (0.0, 0.0, 0)
        self.looks = 0

    def add(self, day: date, pages: float) -> None:
        """The counter on this day, at about the same hour every day; of several on one day the first counts.

        Nothing is learnt from a counter that fell (it began anew), from a clock that was set back or far ahead, nor
        from more pages than a machine can make (a misread counter).
        """
        if self._last is None or day < self._last[0]:
            self._last = day, pages
            return
        days, made = (day - self._last[0]).days, pages - self._last[1]
        if not days:
            return
        if days <= LONGEST and 0 <= made <= MOST * days:
            self._learn(self._last[0] + timedelta(days=1), days, made)
        self._last = day, pages

    def _learn(self, first: date, days: int, pages: float) -> None:
        working = sum(self._is_working(first + timedelta(days=ahead)) for ahead in range(days))
        if not working and self._slow.per_day:
            self._rest.add(pages / self._slow.per_day, days, days)
        worth = max(working + (days - working) * self.resting, 0.01)
        if self._slow.worth > ENOUGH:
            self._surprise(pages - self._slow.per_day * worth, worth, days)
        self._slow.add(pages, worth, days)
        self._fast.add(pages, worth, days)
        self.looks += 1

    def _surprise(self, pages: float, worth: float, days: int) -> None:
        """Learns how far a whole week differs from the mean: busy days come in rows, which single days would hide."""
        self._week = self._week[0] + pages, self._week[1] + worth, self._week[2] + days
        wrong, worked, passed = self._week
        if passed >= WEEK:
            self._spread.add(wrong * wrong / worked, 1.0, passed)
            self._week = (0.0, 0.0, 0)

    @property
    def resting(self) -> float:
        """What a weekend's day or a holiday is worth, in working days."""
        share = (self._rest.pages + RESTING_SHARE * RESTING_DAYS) / (self._rest.worth + RESTING_DAYS)
        return min(max(share, 0.01), 1.5)

    def usage(self, annual_estimate: int | None = None) -> Usage | None:
        """What is known; with fewer than a week's looks only with the portal's annual estimate, else `None`.

        Weeks that were quieter than usual may end any day, so that they lower nothing and only raise the doubt; busier
        ones count half.
        """
        slow, fast = self._slow.per_day, self._fast.per_day
        if self._slow.worth < ENOUGH:
            if not annual_estimate:
                return None
            guess = annual_estimate / (52 * (5 + 2 * self.resting))
            return Usage(guess, guess * guess, FIRST_GUESS, self.resting)
        per_day = max(slow, (slow + fast) / 2)
        scatter = (self._spread.pages / self._spread.worth) if self._spread.worth else per_day * per_day
        if not per_day:
            return Usage(0.0, scatter, DRIFT, self.resting)
        known = scatter / (per_day * per_day * self._slow.worth)
        change = abs(fast - slow) / per_day / 4
        return Usage(per_day, scatter, math.sqrt(DRIFT**2 + known + change**2), self.resting)


def usage_of(
    counts: Iterable[tuple[date, int]], annual_estimate: int | None = None, is_working: Working = is_weekday
) -> Usage | None:
    """What is printed, from the counter at the ends of days in the order of time."""
    meter = UsageMeter(is_working)
    for day, pages in counts:
        meter.add(day, pages)
    return meter.usage(annual_estimate)

"""When a supply runs dry: an interval with its confidence, and the chance that it does before a day.

Pages that are left and pages that will be printed are both taken as lognormal; a level that is known as an interval is
taken as even in it. No random numbers: the same looks give the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from agent.supplies.lives import Life, is_bounded
from agent.supplies.usage import Usage, Working, is_weekday
from agent.supplies.wear import Wear

CONFIDENCE = 0.8  # of the interval that people see
FARTHEST = 730  # days ahead; later is *not within two years*
WHOLE = 0.5  # percent: what a printer names may be rounded by so much
# Three points of the standard normal with their weights (Gauss-Hermite), and of the even distribution (Gauss-Legendre).
NORMAL = ((-math.sqrt(3), 1 / 6), (0.0, 2 / 3), (math.sqrt(3), 1 / 6))
EVEN = ((0.1127, 5 / 18), (0.5, 4 / 9), (0.8873, 5 / 18))


@dataclass(frozen=True, slots=True)
class Left:
    """What is left: pages as (`ln` of pages, variance) for equally weighed states, each with its weight."""

    states: tuple[tuple[float, float, float], ...]

    def chance(self, mean: float, variance: float) -> float:
        """That printing so many pages, with this variance, empties it: 0..1."""
        if mean <= 0:
            return 0.0
        spread = math.log1p(variance / (mean * mean))
        middle = math.log(mean) - spread / 2
        return sum(
            weight * _normal((middle - ln) / math.sqrt(spread + doubt)) for ln, doubt, weight in self.states
        ) / sum(weight for _, _, weight in self.states)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Days from `today` until it is dry: with `CONFIDENCE` between `earliest` and `latest`, `None` beyond two years.

    `percent_low` and `percent_high` are what is believed to be left, 0..100; `pages` the median of pages left.
    """

    today: date
    earliest: int | None
    likely: int | None
    latest: int | None
    percent_low: float
    percent_high: float
    pages: float


def left_in(life: Life, wear: Wear) -> Left | None:
    """What is left in a cartridge; `None` when neither its level nor its pages tell."""
    interval = fraction_left(life, wear)
    if interval is not None:
        low, high = interval
        states = []
        for point, weight in EVEN:
            fraction = max(low + point * (high - low), 0.0005)
            states.append((wear.ln + math.log(fraction), wear.variance, weight))
        return Left(tuple(states))
    return _dead_reckoning(life, wear)


def fraction_left(life: Life, wear: Wear) -> tuple[float, float] | None:
    """Between which parts of a whole the level lies, 0..1, by the newest level and the pages since it was entered.

    A level of steps is known best where it changes: between two looks the truth has crossed the step's edge.
    """
    if life.level is None or life.entered is None or not is_bounded(life.level.level):
        return None
    least, most = life.level.level.low or 0.0, life.level.level.high or 0.0
    blur = WHOLE if most - least < 2 * WHOLE else 0.0
    low, high = max(least - blur, 0.0) / 100, min(most + blur, 100.0) / 100
    now, fewest, many = life.last.pages, *wear.bounds(1.0)
    if now is None or life.entered.pages is None:
        return low, high
    since = max(now - life.entered.pages, 0)
    top = high - since / many
    floor = low
    before = life.before
    if before is not None and before.pages is not None and before.level.low is not None:
        floor = max(low, before.level.low / 100 - blur / 100 - max(now - before.pages, 0) / fewest)
    if life.level is not life.last and life.level.pages is not None:
        floor = max(min(floor, low - (now - life.level.pages) / fewest), 0.0)
        low = 0.0
    return (floor, top) if top > floor else (low, max(min(high, top), low))


def _dead_reckoning(life: Life, wear: Wear) -> Left | None:
    """What is left of a new cartridge by its pages alone: a yield that those pages have not used up yet."""
    if life.changed_by is None or life.pages is None or life.last.level.kind in ("unknown", "no_limit"):
        return None
    made, deviation = float(life.pages), math.sqrt(wear.variance)
    states = []
    for step in range(9):
        quantile = (step - 4) * 0.5
        left = math.exp(wear.ln + quantile * deviation) - made
        weight = math.exp(-quantile * quantile / 2)
        if left > 0:
            states.append((math.log(left), 0.05**2, weight))
    if not states:
        longest = math.exp(wear.ln + 2.0 * deviation)
        return Left(((math.log(max(longest * 0.02, 1.0)), 0.25, 1.0),))
    return Left(tuple(states))


def chance_within(left: Left, usage: Usage, worth: float) -> float:
    """The chance, 0..1, that it runs dry in so many working days' worth of time."""
    return left.chance(*usage.expected(worth))


def forecast(life: Life, wear: Wear, usage: Usage, today: date, is_working: Working = is_weekday) -> Forecast | None:
    """When it runs dry, as an interval; `None` when nothing can be said."""
    left = left_in(life, wear)
    if left is None:
        return None
    days = _days(left, usage, today, is_working)
    tail = (1 - CONFIDENCE) / 2
    whole = sum(weight for _, _, weight in left.states)
    ln = sum(state * weight for state, _, weight in left.states) / whole
    low, high = fraction_left(life, wear) or _parts(left, wear)
    return Forecast(
        today, days(tail), days(0.5), days(1 - tail), round(100 * low, 1), round(100 * high, 1), math.exp(ln)
    )


def _parts(left: Left, wear: Wear) -> tuple[float, float]:
    pages = [math.exp(ln) for ln, _, _ in left.states]
    return min(pages) / wear.pages, min(max(pages) / wear.pages, 1.0)


def _days(left: Left, usage: Usage, today: date, is_working: Working) -> Callable[[float], int | None]:
    """Days until it is dry with a given chance."""
    worths: list[float] = [0.0]
    for worth in usage.weights(today + timedelta(days=1), FARTHEST, is_working):
        worths.append(worths[-1] + worth)

    def until(chance: float) -> int | None:
        below, above = 0, FARTHEST
        if chance_within(left, usage, worths[above]) < chance:
            return None
        while above - below > 1:
            middle = (below + above) // 2
            if chance_within(left, usage, worths[middle]) < chance:
                below = middle
            else:
                above = middle
        return above

    return until


def _normal(deviations: float) -> float:
    return 0.5 * math.erfc(-deviations / math.sqrt(2))

"""When a supply runs dry: an interval with its confidence, and the chance that it does before a day.

Pages that are left and pages that will be printed are both taken as lognormal; a level that is known as an interval is
taken as even in it. No random numbers: the same looks give the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from agent.supplies.lives import Life, is_bounded, says_low
from agent.supplies.usage import Usage, Working, is_weekday
from agent.supplies.wear import BETWEEN_PAGES, Part, Wear, bounds_of, entered_with, least_used

CONFIDENCE = 0.8  # of the interval that people see
FARTHEST = 730  # days ahead; later is *not within two years*
# Points of a yield's distribution in standard deviations, and within a level's interval, with their weights
# (Gauss-Legendre for what is even).
DEVIATIONS = tuple((step / 2, math.exp(-step * step / 8)) for step in range(-4, 5))
EVEN = ((0.1127, 5 / 18), (0.5, 4 / 9), (0.8873, 5 / 18))
BETWEEN_POINTS = 0.25 / 12  # variance within the half of a standard deviation that each point stands for
NOTHING = 0.001  # pages
LEAST = 0.0005  # of a whole: what is left at least while it prints
SLACK = 0.02  # of a whole, by which a told level and a computed one may differ and still agree
MISSED = 1.8  # standard deviations of a yield
EVEN_WIDTH = math.sqrt(3)  # standard deviations to either side, between which what is even lies
LOW_AT_MOST = 0.2  # of a whole, when a printer that names no level says *low*


@dataclass(frozen=True, slots=True)
class State:
    """One way things may be: the part of a whole that is left, `ln` of its pages, their variance, and its weight."""

    part: float
    ln: float
    variance: float
    weight: float


@dataclass(frozen=True, slots=True)
class Left:
    """What is left: all the states that agree with what was seen; their weights sum up to one."""

    states: tuple[State, ...]
    bounds: tuple[float, float]  # parts of a whole, 0..1, between which it lies for all that is known

    def chance(self, mean: float, variance: float) -> float:
        """That printing so many pages, with this variance, empties it: 0..1."""
        if mean < NOTHING:
            return 0.0
        spread = math.log1p(variance / (mean * mean))
        middle = math.log(mean) - spread / 2
        return sum(one.weight * below((middle - one.ln) / math.sqrt(spread + one.variance)) for one in self.states)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Days from `today` until it is dry: with `CONFIDENCE` between `earliest` and `latest`, `None` beyond two years.

    `percent_low` and `percent_high` are what is believed to be left, 0..100; `pages` the median of what is left in
    the unit of usage.
    """

    today: date
    earliest: int | None
    likely: int | None
    latest: int | None
    percent_low: float
    percent_high: float
    pages: float


def left_in(life: Life, wear: Wear) -> Left | None:
    """What is left in a cartridge; `None` when neither its level nor its pages tell, or while another may be there."""
    if life.raised is not None and not is_bounded(life.last.level):
        return None
    if life.level is None or life.entered is None:
        return _dead_reckoning(life, wear)
    now, then = life.last.pages, life.entered.pages
    told = bounds_of(life.level)
    if now is None or then is None:
        return _agreeing(wear, told, 0, told)
    since = max(now - then, 0)
    if life.level != life.last and life.level.pages is not None and now > life.level.pages:
        told = 0.0, told[1]  # the level is older than the pages, which may have emptied it
    return _agreeing(wear, entered_with(life, wear), since, told)


def fraction_left(life: Life, wear: Wear) -> tuple[float, float] | None:
    """Between which parts of a whole the level lies, 0..1, by the newest bounded level and the pages since it began."""
    if life.level is None or life.entered is None:
        return None
    left = left_in(life, wear)
    return left.bounds if left else None


def _dead_reckoning(life: Life, wear: Wear) -> Left | None:
    """What is left of a cartridge by its pages alone, and by the printer's word that it is low.

    `None` after more pages than a cartridge can make: a change was missed.
    """
    if life.changed_by is None or life.pages is None:
        return None
    if life.last.level.kind in ("unknown", "no_limit") or least_used(life, wear, MISSED) >= 1:
        return None
    whole = 1 - life.made_before / wear.pages
    blur = EVEN_WIDTH * life.made_deviation / wear.pages
    then = max(whole - blur, 0.0), min(whole + blur, 1.0)
    return _agreeing(wear, then, life.pages, (0.0, LOW_AT_MOST if says_low(life.last.level) else 1.0))


def _agreeing(wear: Wear, then: Part, since: int, now: Part) -> Left:
    """The states with so much left `then`, `since` pages ago, of which so much is left now.

    A yield by which it would be empty already, or not as low as it says, is none. Where none is left over, the bound
    that was crossed is what is left.
    """
    deviation = math.sqrt(wear.variance)
    states: list[State] = []
    beyond: list[State] = []
    edges: list[float] = []
    for deviations, weight in DEVIATIONS:
        pages = math.exp(wear.ln + deviations * deviation)
        for point, share in EVEN:
            part = then[0] + point * (then[1] - then[0]) - since / pages
            inside = max(min(part, now[1]), now[0], LEAST)
            blur = BETWEEN_POINTS * wear.variance + wear.between / max(inside * pages, BETWEEN_PAGES)
            state = State(inside, math.log(inside * pages), blur, weight * share)
            agrees = now[0] <= part + SLACK and 0 < part <= now[1] + SLACK
            (states if agrees else beyond).append(state)
            if agrees:
                edges += [min(max(edge - since / pages, now[0], LEAST), now[1]) for edge in then]
    held = states or beyond
    whole = sum(one.weight for one in held)
    bounds = edges or [one.part for one in held]
    shares = tuple(State(one.part, one.ln, one.variance, one.weight / whole) for one in held)
    return Left(shares, (min(bounds), max(bounds)))


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
    low, high = left.bounds
    pages = math.exp(sum(one.ln * one.weight for one in left.states))
    shown = round(100 * low, 1), round(100 * high, 1)
    return Forecast(today, days(tail), days(0.5), days(1 - tail), *shown, pages)


def _days(left: Left, usage: Usage, today: date, is_working: Working) -> Callable[[float], int | None]:
    """Days until it is dry with a given chance."""
    weights = usage.weights(today + timedelta(days=1), FARTHEST, is_working)
    worths: list[float] = [0.0]

    def is_reached(days: int, chance: float) -> bool:
        while len(worths) <= days:
            worths.append(worths[-1] + next(weights))
        return chance_within(left, usage, worths[days]) >= chance

    def until(chance: float) -> int | None:
        below, above = 0, 8
        while not is_reached(above, chance):
            if above == FARTHEST:
                return None
            below, above = above, min(2 * above, FARTHEST)
        while above - below > 1:
            middle = (below + above) // 2
            below, above = (below, middle) if is_reached(middle, chance) else (middle, above)
        return above

    return until


def below(deviations: float) -> float:
    """The chance, 0..1, of less than so many standard deviations: Student's distribution with seven degrees of freedom,
    because the deviations themselves are learnt from few weeks and few cartridges."""
    angle = math.atan(deviations / math.sqrt(7))
    square = math.cos(angle) ** 2
    bend = math.sin(angle) * math.cos(angle) * (1 + square * (2 / 3 + 8 / 15 * square))
    return 0.5 + (angle + bend) / math.pi

"""A generated fleet: printers whose use, supplies and levels are like those of offices, to try order rules on.

The same seed makes the same fleet. Truth (what is really in a cartridge) and what the printer tells of it are apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Literal

from agent.supplies.levels import EMPTY, SAID_EMPTY, SAID_LOW, SOME_LEFT, UNKNOWN, Level
from agent.supplies.usage import Working, is_weekday

Telling = Literal["percent", "tens", "thirds", "low_and_empty", "empty_only"]

# How many of a hundred slots tell their level how; what the recordings of real printers show is about this.
TELLINGS: tuple[tuple[Telling, int], ...] = (
    ("percent", 62),
    ("tens", 16),
    ("thirds", 6),
    ("low_and_empty", 11),
    ("empty_only", 5),
)
COLORED = 0.55  # of printers
FAILED = 0.03  # of days nobody answers
AWAY = 0.004  # of days begin a week or two switched off for the agent (moved, network), printing on
SHAKES = 0.2  # of lives are shaken when they are nearly empty
USED_BEFORE = 0.01  # of cartridges come half used from another printer
MISREAD = 0.0008  # of days begin with a look that shows a level that is not there


@dataclass(frozen=True, slots=True)
class Slot:
    """One supply slot: what the maker promises, what this customer's pages really cost, how the printer tells it."""

    colorant: str
    yield_pages: int  # as the maker says
    real_pages: float  # as it is here, on average
    telling: Telling
    serials: bool
    low_at: float  # part of a whole at which the printer says *low*
    eager: bool  # whether somebody changes cartridges as soon as *low* appears and a spare is there


@dataclass(frozen=True, slots=True)
class Workplace:
    """One printer over the whole time: pages per day (all, and colored), days on which it was heard."""

    name: str
    pages: tuple[int, ...]
    color_pages: tuple[int, ...]
    heard: tuple[bool, ...]
    slots: tuple[Slot, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class Horizon:
    """From when, how many days, and which are working days."""

    first: date
    days: int
    is_working: Working = is_weekday

    def day(self, number: int) -> date:
        """The date of a day, counted from 0."""
        return self.first + timedelta(days=number)


def fleet(seed: int, printers: int, horizon: Horizon, first: int = 0) -> Iterator[Workplace]:
    """So many printers, from the numbered one on: parts of a fleet are the same as the whole."""
    chance = Random(f"fleet {seed}")  # noqa: S311  repeatable on purpose
    seeds = [chance.randrange(2**31) for _ in range(first + printers)]
    for number in range(first, first + printers):
        yield _workplace(f"P{number:04}", seeds[number], horizon)


def _workplace(name: str, seed: int, horizon: Horizon) -> Workplace:
    chance = Random(seed)  # noqa: S311
    colored = chance.random() < COLORED
    mean = min(max(chance.lognormvariate(math.log(70), 1.0), 4), 900)
    pages = tuple(_daily(chance, mean, horizon))
    share = chance.uniform(0.15, 0.75) if colored else 0.0
    color = tuple(min(count, round(count * min(max(chance.gauss(share, 0.12), 0), 1))) for count in pages)
    return Workplace(name, pages, color, tuple(_heard(chance, horizon.days)), _slots(chance, mean, colored), seed)


def _daily(chance: Random, mean: float, horizon: Horizon) -> Iterator[int]:
    """Pages of each day: weekdays, season, holidays taken, busy weeks, a trend, and days that differ."""
    shape = [chance.uniform(0.8, 1.2) for _ in range(5)] + [chance.choice((0.0, 0.02, 0.15)), chance.choice((0, 0.05))]
    trend, vacation, scatter = chance.gauss(0, 0.2), chance.randint(190, 235), chance.uniform(0.25, 0.8)
    busy = 0
    for number in range(horizon.days):
        day = horizon.day(number)
        level = mean * math.exp(trend * number / 365) * shape[day.weekday()] * _season(day, vacation)
        if not horizon.is_working(day) and day.weekday() < 5:
            level *= 0.03
        busy = busy - 1 if busy else (chance.randint(3, 15) if chance.random() < 0.006 else 0)
        level *= chance.uniform(2, 4) if busy else 1
        yield round(level * chance.lognormvariate(-scatter * scatter / 2, scatter)) if level else 0


def _season(day: date, vacation: int) -> float:
    """Of the usual use: between the years hardly anything, in the summer vacation half."""
    turn = (day.month, day.day)
    if turn >= (12, 23) or turn <= (1, 2):
        return 0.1
    return 0.45 if vacation <= day.timetuple().tm_yday < vacation + 21 else 1.0


def _heard(chance: Random, days: int) -> Iterator[bool]:
    away = 0
    for _ in range(days):
        away = away - 1 if away else (chance.randint(5, 14) if chance.random() < AWAY else 0)
        yield not away and chance.random() >= FAILED


def _slots(chance: Random, mean: float, colored: bool) -> tuple[Slot, ...]:
    """The slots of one printer tell alike; who prints much has the larger cartridges."""
    telling = chance.choices([name for name, _ in TELLINGS], [share for _, share in TELLINGS])[0]
    serials, eager, low_at = chance.random() < 0.4, chance.random() < 0.15, chance.choice((0.05, 0.1, 0.15, 0.2))
    size = min(max(mean * 21 * chance.uniform(2, 10), 1500), 80_000)
    customer = chance.lognormvariate(-0.15, 0.35)  # most pages are fuller than the maker's
    slots = []
    for colorant in ("black", "cyan", "magenta", "yellow") if colored else ("black",):
        promised = round(size * (1 if colorant == "black" else 0.6), -2)
        real = promised * customer * chance.lognormvariate(0, 0.2)
        slots.append(Slot(colorant, int(promised), real, telling, serials, low_at, eager))
    return tuple(slots)


@dataclass(slots=True)
class Cartridge:
    """One cartridge, with the truth: `left` is the part of a whole, `shaken` what a shake adds to it for a while."""

    serial: str
    left: float
    real_pages: float
    shaken: float = 0.0
    was_shaken: bool = False

    def use(self, pages: int, chance: Random) -> int:
        """Prints; gives back the pages for which it sufficed."""
        if pages <= 0 or self.left <= 0:
            return 0
        coverage = chance.lognormvariate(0, min(0.6 * math.sqrt(20 / pages), 0.6))
        cost = coverage / self.real_pages
        made = min(pages, math.ceil(self.left / cost))
        self.left = max(self.left - made * cost, 0.0)
        self.shaken = max(self.shaken - made * cost * 2, 0.0)
        return made


def new_cartridge(slot: Slot, number: int, chance: Random) -> Cartridge:
    """The next one from the box; some come half used."""
    left = chance.uniform(0.3, 0.8) if chance.random() < USED_BEFORE else 1.0
    real = slot.real_pages * chance.lognormvariate(0, 0.1)
    return Cartridge(f"{slot.colorant[0].upper()}{number:05}", left, real)


def shake(cartridge: Cartridge, chance: Random) -> None:
    """Somebody takes it out and shakes it when it is nearly empty: for some pages it shows more than there is."""
    if not cartridge.was_shaken and 0 < cartridge.left < 0.08:
        cartridge.was_shaken = True
        if chance.random() < SHAKES:
            cartridge.shaken = chance.uniform(0.03, 0.14)


def told(slot: Slot, cartridge: Cartridge, chance: Random, *, again: bool = False) -> Level:
    """What the printer says of it; what it says `again` a moment later is no misreading."""
    if not again and chance.random() < MISREAD:
        return chance.choice((EMPTY, UNKNOWN))
    shown = min(cartridge.left + cartridge.shaken, 1.0) if cartridge.left > 0 else 0.0
    if slot.telling == "percent":
        percent = float(math.ceil(shown * 100))
        return Level("exact", percent, percent, percent)
    if slot.telling == "tens":
        return _stepped(shown, (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100))
    if slot.telling == "thirds":
        return _stepped(shown, (0, 33, 67, 100))
    if shown <= 0:
        return SAID_EMPTY
    return SAID_LOW if slot.telling == "low_and_empty" and shown <= slot.low_at else SOME_LEFT


def _stepped(shown: float, steps: Sequence[int]) -> Level:
    """A level rounded up to its step."""
    upper = next(number for number, step in enumerate(steps) if step >= shown * 100)
    if upper == 0:
        return EMPTY
    return Level("exact", float(steps[upper]), float(steps[upper - 1]), float(steps[upper]))

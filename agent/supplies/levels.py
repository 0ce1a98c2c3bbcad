"""How much of a supply is left, as an interval that says no more than the device did (RFC 3805 section 2.2.13)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["exact", "at_least", "at_most", "some_left", "unknown", "no_limit", "empty"]
SupplyClass = Literal["consumed", "receptacle", "other"]
Rounding = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Level:
    """A level in percent of the capacity: the truth lies in [low, high], 0..100; `None` where nothing is known.

    `percent` is set only where the device named one; then `kind` is `exact`, and low and high say how finely the
    device tells it. `at_most` without a bound is a device that says *low* and not below which level. For a receptacle
    (waste box) it is the *space left*, as RFC 3805 prtMarkerSuppliesLevel has it, so that 0 always means that
    somebody has to come.
    """

    kind: Kind
    percent: float | None = None
    low: float | None = None
    high: float | None = None


UNKNOWN = Level("unknown")
NO_LIMIT = Level("no_limit")
SOME_LEFT = Level("some_left", low=0.0, high=100.0)
EMPTY = Level("empty", percent=0.0, low=0.0, high=0.0)
SAID_LOW = Level("at_most", low=0.0)
SAID_EMPTY = Level("empty", low=0.0, high=0.0)


@dataclass(frozen=True, slots=True)
class Supply:
    """One row of prtMarkerSuppliesTable (or of a vendor's table), with its colorant joined in.

    `slot` is `hrDeviceIndex.prtMarkerSuppliesIndex`, of a vendor's own table `prefix.row`; `type` is the keyword of
    PrtMarkerSuppliesTypeTC (`toner`, `wasteToner`, `opc`, …) in snake_case. `source` is where the level came from.
    """

    slot: str
    type: str
    supply_class: SupplyClass
    colorant: str | None
    description: str | None
    level: Level
    part_number: str | None = None
    serial_number: str | None = None
    capacity: int | None = None
    unit: str | None = None
    source: str = ""


@lru_cache(maxsize=5000)  # levels are few: most are percentages of a few capacities
def level_of(level: int | None, capacity: int | None, unit: str | None) -> Level:
    """The level in prtMarkerSuppliesLevel as an interval; `unit` is the keyword of prtMarkerSuppliesSupplyUnit.

    RFC 3805: -1 no restriction, -2 unknown, -3 some left, else in units of the capacity; capacity -2 unknown.
    A level above its capacity, or without a known one, says nothing, except where the unit is percent. Percent of
    another capacity than 100 is a percentage or a part of the capacity, and nobody can tell which.
    """
    if level is None or level == -2 or level < -3:
        return UNKNOWN
    if level == -1:
        return NO_LIMIT
    if level == -3:
        return SOME_LEFT
    if may_mean_two_things(level, capacity, unit):
        return UNKNOWN
    whole = capacity if capacity and capacity > 0 and level <= capacity else None
    if whole is None and unit == "percent" and level <= 100:
        whole = 100
    if whole is None:
        return UNKNOWN
    return percent_level(100 * level / whole)


def may_mean_two_things(level: int, capacity: int | None, unit: str | None) -> bool:
    """Whether a level in percent may be meant of the capacity, or of a hundred: 50 of 15000 percent, 3 of 4."""
    return unit == "percent" and capacity not in (None, 0, 100) and 0 < level <= min(capacity or 0, 100)


def percent_level(percent: float) -> Level:
    """A percentage that a device named, rounded to tenths; outside 0..100 it says nothing."""
    if not 0 <= percent <= 100:
        return UNKNOWN
    shown = round(percent, 1)
    return Level("exact", shown, shown, shown)


def in_steps(level: Level, step: float, rounding: Rounding | None = None) -> Level:
    """What a named percentage means where levels move in steps of `step` percent (0..100).

    A level that was rounded up lies below the named one, one rounded down above it; of an unknown rounding both may be.
    """
    if level.kind != "exact" or level.percent is None:
        return level
    low = level.percent if rounding == "down" else max(level.percent - step, 0.0)
    high = level.percent if rounding == "up" else min(level.percent + step, 100.0)
    return Level("exact", level.percent, round(low, 1), round(high, 1))


def inverted(level: Level) -> Level:
    """The space left in a receptacle whose device tells how full it is; only a named percentage can be turned round."""
    if level.kind not in ("exact", "empty") or level.percent is None or level.low is None or level.high is None:
        return level
    return Level("exact", round(100 - level.percent, 1), round(100 - level.high, 1), round(100 - level.low, 1))


STEPS = (50.0, 33.0, 25.0, 20.0, 10.0)
CHANCE = 1000  # finer levels would look like these steps once in so many devices


def common_step(percents: Iterable[float]) -> float | None:
    """The step in which a device's levels move, if they prove one: 10, 20, 25, 33 or 50 percent, else None.

    Full and empty prove nothing, and equal levels (drums turn together) prove it once; of whole percents one in
    `step` is a multiple of it, so enough different ones are no chance.
    """
    inside = {percent for percent in percents if 0 < percent < 100}
    for step in STEPS:
        if inside and all(_is_multiple(percent, step) for percent in inside) and step ** len(inside) >= CHANCE:
            return step
    return None


def _is_multiple(percent: float, step: float) -> bool:
    """Whether a percentage is on a step; thirds are told as 33 or 34, 66 or 67."""
    if step == 33.0:
        return round(percent) in (33, 34, 66, 67)
    return percent % step == 0


def knows_more(one: Level, other: Level) -> bool:
    """Whether `one` says more than `other`: empty or a percentage, then low, then that some is left."""
    return RANK[one.kind] > RANK[other.kind]


RANK: dict[Kind, int] = {
    "unknown": 0,
    "some_left": 1,
    "no_limit": 2,
    "at_least": 3,
    "at_most": 4,
    "exact": 5,
    "empty": 5,
}


def disagree(one: Level, other: Level) -> bool:
    """Whether two told levels exclude each other: both have bounds, and the intervals lie well apart."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return max(one.low, other.low) - min(one.high, other.high) > SLACK


SLACK = 3.0  # percent; makers count pages in one place and turns in another

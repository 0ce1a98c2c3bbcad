"""How much of a supply is left, as an interval that says no more than the device did (RFC 3805 section 2.2.13)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["exact", "at_least", "at_most", "some_left", "unknown", "no_limit", "empty"]
SupplyClass = Literal["consumed", "receptacle", "other"]


@dataclass(frozen=True, slots=True)
class Level:
    """A level in percent of the capacity: the truth lies in [low, high], 0..100; `None` where nothing is known.

    `percent` is set only where the device named one. For a receptacle (waste box) it is the *space left*,
    as RFC 3805 prtMarkerSuppliesLevel has it, so that 0 always means that somebody has to come.
    """

    kind: Kind
    percent: float | None = None
    low: float | None = None
    high: float | None = None


UNKNOWN = Level("unknown")
NO_LIMIT = Level("no_limit")
SOME_LEFT = Level("some_left", low=0.0, high=100.0)
EMPTY = Level("empty", percent=0.0, low=0.0, high=0.0)


@dataclass(frozen=True, slots=True)
class Supply:
    """One row of prtMarkerSuppliesTable (or of a vendor's table), with its colorant joined in.

    `slot` is `hrDeviceIndex.prtMarkerSuppliesIndex`; `type` is the keyword of PrtMarkerSuppliesTypeTC
    (`toner`, `wasteToner`, `opc`, …) in snake_case.
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


def level_of(level: int | None, capacity: int | None, unit: str | None) -> Level:
    """The level in prtMarkerSuppliesLevel as an interval; `unit` is the keyword of prtMarkerSuppliesSupplyUnit.

    RFC 3805: -1 no restriction, -2 unknown, -3 some left, else in units of the capacity; capacity -2 unknown.
    A level above its capacity, or without a known one, says nothing, except where the unit is percent.
    """
    if level is None or level == -2 or level < -3:
        return UNKNOWN
    if level == -1:
        return NO_LIMIT
    if level == -3:
        return SOME_LEFT
    whole = capacity if capacity and capacity > 0 and level <= capacity else None
    if whole is None and unit == "percent" and level <= 100:
        whole = 100
    if whole is None:
        return UNKNOWN
    percent = round(100 * level / whole, 1)
    return Level("exact", percent=percent, low=percent, high=percent)

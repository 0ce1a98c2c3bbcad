"""Supplies from the Printer-MIB's table (RFC 3805 section 2.2.13), with what the maker's own tables and alerts add."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

from agent.meters import Finding
from agent.snmp.colorants import LONGEST, colorant_of
from agent.snmp.profile import Profile
from agent.snmp.supply_alerts import with_alerts
from agent.snmp.supply_profile import LevelRule, SupplyName, compiled
from agent.snmp.varbinds import Oid, dotted
from agent.snmp.vendor_supplies import vendor_supplies, with_vendor
from agent.snmp.witness import Witness
from agent.supplies.levels import (
    EMPTY,
    UNKNOWN,
    Level,
    Supply,
    SupplyClass,
    common_step,
    in_steps,
    inverted,
    knows_more,
    level_of,
    may_mean_two_things,
)
from agent.texts import message

RECEPTACLES = frozenset({"waste_toner", "waste_ink", "waste_wax", "waste_water", "waste_paper"})
COLORED = frozenset({"toner", "toner_cartridge", "ink", "ink_cartridge", "ink_ribbon", "solid_wax", "ribbon_wax"})
PROCESS_COLORS = ("cyan", "magenta", "yellow")
VAGUE = frozenset({"unknown", "other"})
UNTOLD_COLORANT = frozenset({"fuser", "transfer_unit", "staples"}) | RECEPTACLES
MOST = 100  # rows; presses have about 40, and rows are compared with one another


@dataclass(slots=True)
class Row:
    """One row of prtMarkerSuppliesTable as it was told; `model` is whose.

    `lost` says that this row has no type although others have one: the description does not stand in for it.
    """

    index: Oid
    level: int | None
    capacity: int | None
    supply_class: int
    kind: int
    unit: int
    description: str | None
    colorant: str | None
    model: str | None
    lost: bool

    @property
    def slot(self) -> str:
        """`hrDeviceIndex.prtMarkerSuppliesIndex`."""
        return dotted(self.index)


def read_supplies(profile: Profile, witness: Witness, model: str | None) -> tuple[list[Supply], list[Finding]]:
    """Every supply that has a level or a name, from the best source of each part, and what is odd about them."""
    supplies: list[Supply] = []
    findings: list[Finding] = []
    rows = list(_rows(witness, model))
    if len(rows) == MOST:
        said = message("The printer lists {count} supplies or more; no more are looked at.", count=MOST)
        findings.append(Finding("many_supplies", said))
    for row in rows:
        supply, odd = _supply(profile, row, witness)
        supplies.append(supply)
        findings += odd
    supplies = _only_colorant(_in_proven_steps(profile, supplies, model), witness)
    supplies = _listed_once(supplies, profile.supplies.detail)
    supplies, differing = with_vendor(supplies, vendor_supplies(profile, witness, model))
    supplies, alerted = with_alerts(profile, supplies, witness)
    return supplies, [*findings, *differing, *alerted]


def _rows(witness: Witness, model: str | None) -> Iterable[Row]:
    levels, capacities, colorant_rows, classes, kinds, units = (
        witness.numbers(f"prtMarkerSupplies{name}")
        for name in ("Level", "MaxCapacity", "ColorantIndex", "Class", "Type", "SupplyUnit")
    )
    descriptions = witness.texts("prtMarkerSuppliesDescription")
    colorants = witness.texts("prtMarkerColorantValue")
    for index in sorted({*levels, *descriptions})[:MOST]:
        number = colorant_rows.get(index)
        # The colorant's row has the same hrDeviceIndex; some devices leave out the last part of the index.
        colorant = colorants.get((index[0], number)) if number and index else None
        yield Row(
            index,
            levels.get(index),
            capacities.get(index),
            classes.get(index, 0),
            kinds.get(index, 0),
            units.get(index, 0),
            descriptions.get(index),
            colorant,
            model,
            lost=bool(kinds) and index not in kinds,
        )


def _supply(profile: Profile, row: Row, witness: Witness) -> tuple[Supply, list[Finding]]:
    words, kind = profile.words, _type(profile, row)
    unit = words.supply_unit.get(row.unit)
    untold = "other" if kind in VAGUE else "consumed"
    told = "receptacle" if kind in RECEPTACLES else words.supply_class.get(row.supply_class, untold)
    colorant, contradiction = (
        (None, False)
        if kind in UNTOLD_COLORANT
        else colorant_of(row.colorant, row.description, profile.colorants, profile.supplies.colorant)
    )
    supply = Supply(
        slot=row.slot,
        type=kind,
        supply_class=cast("SupplyClass", told),
        colorant=colorant,
        description=row.description,
        level=_level(profile, kind, row, unit),
        part_number=_in_description(_short(row.description), profile.supplies.part_number),
        serial_number=_in_description(_short(row.description), profile.supplies.serial_number),
        capacity=row.capacity if (row.capacity or 0) > 0 else None,
        unit=unit,
        source=witness.oid_text("prtMarkerSuppliesLevel", row.index),
    )
    odd = _oddities(supply, row.level, row.capacity)
    if contradiction:
        said = message("Supply {slot} has two colors: {one} and {other}.", slot=supply.slot, one=row.colorant,
                       other=row.description)  # fmt: skip
        odd.append(Finding("colorant_contradicts", said))
    return supply, odd


def _type(profile: Profile, row: Row) -> str:
    """The type as it is told; where the device tells none, what the description says beyond doubt.

    A toner or ink that is described as something else is neither: staples or a waste box must not be ordered as toner.
    """
    told = profile.words.supply_type.get(row.kind, "unknown")
    if row.description is None or (told != "unknown" and told not in COLORED):
        return told
    named = profile.supply_names.named_in(row.description)
    if told != "unknown":
        return told if named is None or named in COLORED else "unknown"
    if row.lost:
        return told
    names = (one.type for one in profile.supplies.types if one.about(row.model) and _names(one, row.description))
    named = named or next(names, told)
    # A box for toner is no toner, whatever it is called.
    receptacle = profile.words.supply_class.get(row.supply_class) == "receptacle"
    return told if receptacle and named in COLORED else named


def _names(name: SupplyName, description: str) -> bool:
    return compiled(name.named).search(description[:LONGEST]) is not None


def _level(profile: Profile, kind: str, row: Row, unit: str | None) -> Level:
    rule = _rule(profile.supplies.levels, kind, row.model)
    if rule is None:
        return level_of(row.level, row.capacity, unit)
    if kind == "unknown" and rule.types and rule.counts == "used":
        return UNKNOWN  # left or used: only the type could tell
    if row.level in rule.empty:
        return EMPTY
    level = level_of(row.level, row.capacity, unit)
    level = in_steps(level, rule.step, rule.rounding) if rule.step else level
    return inverted(level) if rule.counts == "used" else level


def _rule(rules: Iterable[LevelRule], kind: str, model: str | None) -> LevelRule | None:
    """The first rule that fits; of a supply whose type is not told it may be any."""
    for rule in rules:
        if (not rule.types or kind in rule.types or kind == "unknown") and rule.about(model):
            return rule
    return None


def _short(description: str | None) -> str | None:
    return description and description[:LONGEST]


@lru_cache(maxsize=1000)  # printers share their texts
def _in_description(description: str | None, patterns: tuple[str, ...]) -> str | None:
    for pattern in patterns:
        found = compiled(pattern).search(description or "")
        if found and found[1]:
            return found[1].strip() or None
    return None


def _in_proven_steps(profile: Profile, supplies: list[Supply], model: str | None) -> list[Supply]:
    """The coarseness that the levels themselves prove, where the profile says nothing about it."""
    family = {supply.slot for supply in supplies if supply.type in COLORED and not _has_step(profile, supply, model)}
    told = [supply.level.percent for supply in supplies if supply.slot in family]
    step = common_step(percent for percent in told if percent is not None)
    if step is None:
        return supplies
    return [replace(one, level=in_steps(one.level, step)) if one.slot in family else one for one in supplies]


def _has_step(profile: Profile, supply: Supply, model: str | None) -> bool:
    rule = _rule(profile.supplies.levels, supply.type, model)
    return rule is not None and rule.step is not None


def _only_colorant(supplies: list[Supply], witness: Witness) -> list[Supply]:
    """The one toner or ink of a marker with a single process colorant is black (RFC 3805 prtMarkerProcessColorants).

    Some list cyan, magenta and yellow all the same, and point their black toner at the first of them.
    """
    process = list(witness.numbers("prtMarkerProcessColorants").values())
    colored = [supply for supply in supplies if supply.type in COLORED]
    if process != [1] or len(colored) != 1:
        return supplies
    told = colored[0].colorant
    if told not in (None, *PROCESS_COLORS) or (told is None and colored[0].description is None):
        return supplies  # what has no name may be the only one of several that is left of an answer
    return [replace(one, colorant=None if told else "black") if one is colored[0] else one for one in supplies]


def _listed_once(supplies: list[Supply], details: tuple[str, ...]) -> list[Supply]:
    """One supply in two rows ("Toner bottle", "Toner bottle detail"): the row that knows more stays, else the first.

    Rows of equal words are different things (two staplers).
    """
    if not details:
        return supplies
    kept: dict[tuple[str, str | None, str], Supply] = {}
    others: list[Supply] = []
    for supply in supplies:
        key = (supply.type, supply.colorant, _plain(supply, details))
        twin = kept.setdefault(key, supply)
        if twin is not supply and twin.description == supply.description:
            others.append(supply)
        elif knows_more(supply.level, twin.level):
            kept[key] = supply
    chosen = {id(one) for one in (*kept.values(), *others)}
    return [supply for supply in supplies if id(supply) in chosen]


def _plain(supply: Supply, details: Iterable[str]) -> str:
    name = (supply.description or "")[:LONGEST]
    for detail in details:
        name = compiled(detail).sub("", name)
    return "".join(name.split())


def _oddities(supply: Supply, level: int | None, capacity: int | None) -> list[Finding]:
    if supply.level.kind != "unknown" or level is None or level < 0:
        return []
    if may_mean_two_things(level, capacity, supply.unit):
        said = message(
            "Supply {slot} reports {level} percent of {capacity}: that may mean two things, so it counts as unknown.",
            slot=supply.slot,
            level=level,
            capacity=capacity,
        )
        return [Finding("level_unclear", said)]
    if capacity is not None and 0 < capacity < level:
        said = message(
            "Supply {slot} reports {level} of {capacity}: more than fits, so its level counts as unknown.",
            slot=supply.slot,
            level=level,
            capacity=capacity,
        )
        return [Finding("level_above_capacity", said)]
    said = message(
        "Supply {slot} reports {level} of an unknown capacity, so its level counts as unknown.",
        slot=supply.slot,
        level=level,
    )
    return [Finding("capacity_unknown", said)]

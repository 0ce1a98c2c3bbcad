"""Supplies in a maker's own tables and blobs, and how they complete the standard's rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agent.meters import Finding
from agent.snmp.colorants import LONGEST
from agent.snmp.octets import sized_records
from agent.snmp.profile import Profile
from agent.snmp.supply_profile import SupplyRecord, SupplyTable, compiled
from agent.snmp.varbinds import Oid, as_octets
from agent.snmp.witness import Witness
from agent.supplies.levels import (
    SAID_EMPTY,
    SAID_LOW,
    SOME_LEFT,
    UNKNOWN,
    Level,
    Supply,
    disagree,
    in_steps,
    knows_more,
    level_of,
    percent_level,
)
from agent.texts import message

FAMILIES = {"toner_cartridge": "toner", "ink_cartridge": "ink"}
VAGUE = frozenset({"unknown", "other"})
INKS = frozenset({"toner", "ink"})
MOST = 100  # rows of one table
SAID = {"some_left": SOME_LEFT, "low": SAID_LOW, "empty": SAID_EMPTY}


@dataclass(frozen=True, slots=True)
class VendorSupply:
    """A supply as the maker's own object tells it, whose level counts, and how the standard may describe it."""

    supply: Supply
    decides: Literal["vendor", "standard"]
    by_words: bool = False
    named: str | None = None


def vendor_supplies(profile: Profile, witness: Witness, model: str | None) -> list[VendorSupply]:
    """All supplies of the profile's tables and records that this device has."""
    found = [
        one for table in profile.supplies.tables if table.about(model) for one in _of_table(profile, table, witness)
    ]
    slots: set[str] = set()
    for record in profile.supplies.records:
        one = _of_record(record, witness) if record.about(model) else None
        if one and one.supply.slot not in slots:
            slots.add(one.supply.slot)
            found.append(one)
    return found


def _of_table(profile: Profile, table: SupplyTable, witness: Witness) -> Iterable[VendorSupply]:
    levels = witness.numbers(table.level)
    texts = {
        part: witness.texts(name) if name else {}
        for part, name in (
            ("description", table.description),
            ("part", table.part_number),
            ("serial", table.serial_number),
        )
    }
    capacities = witness.numbers(table.capacity) if table.capacity else {}
    states = witness.numbers(table.status) if table.status else {}
    kinds = witness.numbers(table.type) if table.types else {}
    colorants = _colorants(profile, table, witness)
    for index, raw in list(levels.items())[:MOST]:
        level = level_of(raw, capacities.get(index) if table.capacity else 100, None)
        said = SAID.get(table.states.get(states.get(index, -1), ""))
        where = witness.oid_text(table.level, index)
        kind = table.types.get(kinds.get(index, -1), "unknown") if table.types else table.type
        supply = Supply(
            slot=".".join((table.prefix, *map(str, index))),
            type=kind,
            supply_class="receptacle" if kind.startswith("waste_") else "consumed",
            colorant=colorants.get(index),
            description=texts["description"].get(index),
            level=said if said and knows_more(said, level) else level,
            part_number=texts["part"].get(index),
            serial_number=texts["serial"].get(index),
            source=where,
        )
        yield VendorSupply(supply, table.decides, by_words=supply.description is not None)


def _colorants(profile: Profile, table: SupplyTable, witness: Witness) -> dict[Oid, str]:
    """The colours of the table's rows: numbers by the profile's words, texts as the device says them."""
    if table.colorant is None:
        return {}
    if table.colorants:
        numbers = witness.numbers(table.colorant)
        return {index: table.colorants[number] for index, number in numbers.items() if number in table.colorants}
    named = {index: profile.colorants.named_in(text) for index, text in witness.texts(table.colorant).items()}
    return {index: color for index, color in named.items() if color}


def _of_record(record: SupplyRecord, witness: Witness) -> VendorSupply | None:
    """The supply behind a record of a blob; None where the blob has nothing about its level."""
    for term, level in _told_levels(record, witness):
        if level.kind != "unknown":
            name, _, number = term.partition("#")
            supply = Supply(
                slot=f"{record.prefix}.{(record.level or term).partition('#')[2]}",
                type=record.type,
                supply_class="receptacle" if record.type.startswith("waste_") else "consumed",
                colorant=record.colorant,
                description=record.description,
                level=level,
                capacity=_whole(record, witness),
                unit=record.unit,
                source=f"{witness.oid_text(name)}#{number}",
            )
            return VendorSupply(supply, record.decides, named=record.named)
    return None


def _told_levels(record: SupplyRecord, witness: Witness) -> Iterable[tuple[str, Level]]:
    """What the record says of its level, the finest first."""
    if record.level and (value := _value(record.level, witness)) is not None:
        if record.fraction:
            yield record.level, level_of(value[0], value[-1], None) if len(value) == 2 else UNKNOWN
        elif record.per_percent <= 256 ** len(value) // 100:  # a record too short for 100 percent is a mere status
            yield record.level, percent_level(int.from_bytes(value, "big") / record.per_percent)
    if record.left and (whole := _whole(record, witness)):
        yield record.left, level_of(_number(record.left, witness), whole, None)
    if record.coarse and (value := _value(record.coarse, witness)) is not None:
        yield record.coarse, in_steps(percent_level(int.from_bytes(value, "big")), record.step, record.rounding)
    if record.status and (value := _value(record.status, witness)) is not None:
        yield record.status, SAID.get(record.states.get(int.from_bytes(value, "big"), ""), UNKNOWN)


def _whole(record: SupplyRecord, witness: Witness) -> int | None:
    """The capacity where the device tells both what is left of it and what is used."""
    if not (record.left and record.used):
        return None
    left, used = _number(record.left, witness), _number(record.used, witness)
    return None if left is None or used is None else left + used or None


def _number(term: str, witness: Witness) -> int | None:
    value = _value(term, witness)
    return None if value is None else int.from_bytes(value, "big")


def _value(term: str, witness: Witness) -> bytes | None:
    name, _, record = term.partition("#")
    octets = as_octets(witness.value(name))
    return sized_records(octets).get(int(record, 16)) if octets else None


def with_vendor(standard: Sequence[Supply], vendor: Iterable[VendorSupply]) -> tuple[list[Supply], list[Finding]]:
    """The standard's supplies completed by the maker's; one that the standard has not is added at the end."""
    supplies = list(standard)
    findings: list[Finding] = []
    for one in vendor:
        place = _partner(supplies, one, len(standard))
        if place is None:
            if one.supply.level.kind != "unknown":
                supplies.append(one.supply)
            continue
        supplies[place], odd = _completed(supplies[place], one)
        findings += odd
    return supplies, findings


def _partner(supplies: Sequence[Supply], one: VendorSupply, count: int) -> int | None:
    """The place of the standard's row that is the same supply: of the same words, else the only one of its kind."""
    own = one.supply
    known = [at for at in range(count) if None in (own.colorant, supplies[at].colorant)
             or own.colorant == supplies[at].colorant]  # fmt: skip
    # Two of which nobody knows what they are need not be the same, nor two toners of which nobody knows the colour.
    sure = family(own) not in VAGUE and (own.colorant is not None or family(own) not in INKS)
    ways = (
        [at for at in known if one.by_words and supplies[at].description == own.description],
        [at for at in known if sure and family(supplies[at]) == family(own) and supplies[at].colorant == own.colorant],
        [at for at in known if one.named and compiled(one.named).search((supplies[at].description or "")[:LONGEST])],
    )
    return next((way[0] for way in ways if len(way) == 1), None)


def family(supply: Supply) -> str:
    """The type without regard to whether the maker counts the cartridge or what is in it."""
    return FAMILIES.get(supply.type, supply.type)


def _completed(standard: Supply, one: VendorSupply) -> tuple[Supply, list[Finding]]:
    """The standard's row with the maker's names and, where it decides or knows more, the maker's level."""
    own = one.supply
    named = replace(
        standard,
        colorant=standard.colorant or own.colorant,
        part_number=own.part_number or standard.part_number,
        serial_number=own.serial_number or standard.serial_number,
    )
    if standard.capacity is None and own.capacity is not None:
        named = replace(named, capacity=own.capacity, unit=own.unit or standard.unit)
    counts = knows_more(own.level, standard.level) or (
        one.decides == "vendor" and not knows_more(standard.level, own.level)
    )
    counts = counts and own.level != standard.level
    shown = replace(named, level=own.level, source=own.source) if counts else named
    if not disagree(own.level, standard.level):
        return shown, []
    said = message(
        "Supply {slot}: the standard table says {standard} percent, the maker's own {vendor} percent; {source} counts.",
        slot=standard.slot,
        standard=_shown(standard.level),
        vendor=_shown(own.level),
        source=shown.source,
    )
    return shown, [Finding("supply_differs", said)]


def _shown(level: Level) -> str:
    return f"{level.percent:g}" if level.percent is not None else f"{level.low:g}–{level.high:g}"

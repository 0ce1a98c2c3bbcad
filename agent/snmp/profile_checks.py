"""Mistakes in a profile that concern several of its places: unknown names, objects nobody asks for, words of no list.

A profile with one of them would load and then read nothing, or fail in the middle of a reading.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

from agent.snmp.counter_profile import UNITS, CounterPart
from agent.snmp.profile import AskPart, IdentityPart, Profile, VendorFile, objects_of
from agent.snmp.proofs import is_color
from agent.snmp.supply_profile import SupplyRecord, SupplyTable
from agent.snmp.varbinds import Oid, oid_of
from agent.texts import Message, message

Path = tuple[str | int, ...]

# The names of meters as docs/words.md explains them: service, size, sides, colour class.
METER = re.compile(
    r"(?:(?:print|copy|fax|scan)_)?(?:(?:large|small)_)?(?:duplex_)?"
    r"(?:total|sheets|monochrome|full_color|highlight_color|two_color)(?:_equivalent)?|total_sheets"
)
RECORD = re.compile(r"[0-9a-fA-F]{1,2}")


class Mistake(NamedTuple):
    """What is wrong at a place of a profile, and what to do about it."""

    path: Path
    what: Message
    remedy: Message


class Use(NamedTuple):
    """An object's name at a place of a profile; `asked` says that it must be fetched for that, `record` which of the
    records in its blob is meant."""

    path: Path
    name: str
    asked: bool = True
    record: str | None = None


def mistakes(vendor: VendorFile, base: Profile, meters: Collection[str]) -> list[Mistake]:
    """Everything that is wrong with this file on top of `base`; `meters` are names known besides the usual ones."""
    return [
        *_redefined(vendor, base),
        *_misused(vendor, base),
        *_unknown_meters(vendor, meters),
        *_unknown_makers(vendor, base),
        *_unknown_words(vendor, base),
        *_unprovable(vendor, base),
    ]


def _unprovable(vendor: VendorFile, base: Profile) -> Iterator[Mistake]:
    """Counters of one source alone that nothing could prove: they would never be read."""
    provable = {part for check in (*vendor.checks, *base.checks) for part in check.parts}
    for at, counter in enumerate(vendor.counters):
        if counter.confidence == "C" and not is_color(counter.meter) and counter.meter not in provable:
            yield Mistake(
                ("counters", at, "confidence"),
                message("Nothing can prove this counter: it is no color of the whole machine and part of no check."),
                message('Write confidence = "B" if it is documented, or a [[checks]] with it among the parts.'),
            )


def _redefined(vendor: VendorFile, base: Profile) -> Iterator[Mistake]:
    for name, oid in vendor.objects.items():
        if base.objects.get(name, oid).removeprefix(".") != oid.removeprefix("."):
            yield Mistake(
                ("objects", name),
                message("{name} is another object already: {oid}.", name=name, oid=base.objects[name]),
                message("Choose another name for yours."),
            )


def _misused(vendor: VendorFile, base: Profile) -> Iterator[Mistake]:
    """Names that are nowhere explained, that nobody asks the printer for, or whose record makes no sense."""
    objects = base.objects | vendor.objects
    fetched = _fetched(objects, (base.identify, base.ask, vendor.ask))
    for use in _uses(vendor):
        if use.name not in objects:
            yield Mistake(use.path, *_no_such_name(use, objects))
        elif use.record is not None and not RECORD.fullmatch(use.record):
            yield Mistake(
                use.path,
                message("#{record} is no record of a blob.", record=use.record),
                message("Write the number of the record in hexadecimal: {name}#1f", name=use.name),
            )
        elif use.asked and not _covered(oid_of(objects[use.name]), fetched):
            yield Mistake(
                use.path,
                message("{name} is never asked for, so it would never be read.", name=use.name),
                message('Add "{name}" to [ask]: to objects, or to the columns of a table.', name=use.name),
            )


def _no_such_name(use: Use, objects: Collection[str]) -> tuple[Message, Message]:
    if use.path[-1] == "unit":
        return (
            message("{name} is no unit.", name=use.name),
            message('Write "impressions" (sides) or "sheets", or the name of the column that tells it.'),
        )
    what = message("There is no {name} in [objects].", name=use.name)
    if near := get_close_matches(use.name, objects, n=1, cutoff=0.8):
        return what, message('Did you mean "{near}"?', near=near[0])
    return what, message('Add a line below [objects]: {name} = "1.3.6.1.4.1.…"', name=use.name)


def _fetched(objects: dict[str, str], asks: Iterable[AskPart]) -> tuple[set[Oid], set[Oid]]:
    """The single objects that are asked for, and the columns."""
    single: set[Oid] = set()
    columns: set[Oid] = set()
    for ask in asks:
        single |= {oid_of(objects[name]) for name in ask.objects if name in objects}
        columns |= {oid_of(objects[name]) for table in ask.tables for name in table.columns if name in objects}
    return single, columns


def _covered(oid: Oid, fetched: tuple[set[Oid], set[Oid]]) -> bool:
    """Whether an object is asked for, or stands in a column that is, or has parts that are."""
    single, columns = fetched
    within = any(oid[: len(column)] == column for column in columns)
    return within or oid in single or any(asked[: len(oid)] == oid for asked in (*single, *columns))


def _uses(vendor: VendorFile) -> Iterator[Use]:
    yield from _uses_in_questions(vendor)
    for part in IdentityPart.model_fields:
        for place, text in enumerate(getattr(vendor.identity, part)):
            for named in objects_of(text):
                yield Use(("identity", part, place), named)
    for number, counter in enumerate(vendor.counters):
        yield from _uses_of_counter(("counters", number), counter)
    for number, supplies in enumerate(vendor.supplies.tables):
        yield from _uses_of_table(("supplies", "tables", number), supplies)
    for number, record in enumerate(vendor.supplies.records):
        yield from _uses_of_record(("supplies", "records", number), record)


def _uses_in_questions(vendor: VendorFile) -> Iterator[Use]:
    for place, name in enumerate(vendor.ask.objects):
        yield Use(("ask", "objects", place), name, asked=False)
    for place, name in enumerate(vendor.ask.changing):
        yield Use(("ask", "changing", place), name)
    for number, table in enumerate(vendor.ask.tables):
        for place, name in enumerate(table.columns):
            yield Use(("ask", "tables", number, "columns", place), name, asked=False)
    for number, match in enumerate(vendor.match):
        for place, name in enumerate(match.answers):
            yield Use(("match", number, "answers", place), name, asked=False)


def _term(path: Path, term: str) -> Use:
    name, sign, record = term.partition("#")
    return Use(path, name, record=record if sign else None)


def _uses_of_counter(path: Path, counter: CounterPart) -> Iterator[Use]:
    for key, terms in (("first", counter.first), ("sum", counter.sum), ("minus", counter.minus)):
        for place, term in enumerate(terms):
            yield _term((*path, key, place), term)
    if counter.column:
        yield Use((*path, "column"), counter.column)
    for name in counter.where:
        yield Use((*path, "where", name), name)
    if counter.unit not in UNITS:
        yield Use((*path, "unit"), counter.unit)


def _uses_of_table(path: Path, table: SupplyTable) -> Iterator[Use]:
    keys = ("level", "capacity", "description", "colorant", "part_number", "serial_number", "status")
    for key in (*keys, "type") if table.types else keys:
        if name := getattr(table, key):
            yield Use((*path, key), name)


def _uses_of_record(path: Path, record: SupplyRecord) -> Iterator[Use]:
    for key in ("level", "coarse", "status"):
        if term := getattr(record, key):
            yield _term((*path, key), term)


def _unknown_meters(vendor: VendorFile, known: Collection[str]) -> Iterator[Mistake]:
    told: list[tuple[Path, str]] = [(("counters", n, "meter"), one.meter) for n, one in enumerate(vendor.counters)]
    for number, counter in enumerate(vendor.counters):
        told += [(("counters", number, "of", place), part) for place, part in enumerate(counter.of)]
        told += [(("counters", number, "beside"), counter.beside)] if counter.beside else []
    for number, check in enumerate(vendor.checks):
        told.append((("checks", number, "whole"), check.whole))
        told += [(("checks", number, "parts", place), part) for place, part in enumerate(check.parts)]
    for path, meter in told:
        if meter not in known and not METER.fullmatch(meter):
            yield Mistake(path, message("{meter} is no meter.", meter=meter), _choice(meter, known))


def _unknown_makers(vendor: VendorFile, base: Profile) -> Iterator[Mistake]:
    """A maker that is nearly one of the known ones; an unknown one may be what the device calls itself."""
    makers = {maker.name for maker in base.manufacturers}
    for number, match in enumerate(vendor.match):
        if match.manufacturer and match.manufacturer not in makers:
            folded = {maker.casefold(): maker for maker in makers}
            near = get_close_matches(match.manufacturer.casefold(), folded, n=1, cutoff=0.75)
            if near:
                what = message("{name} is no manufacturer as the program writes them.", name=match.manufacturer)
                remedy = message('Did you mean "{near}"?', near=folded[near[0]])
                yield Mistake(("match", number, "manufacturer"), what, remedy)


def _unknown_words(vendor: VendorFile, base: Profile) -> Iterator[Mistake]:
    types, colors = set(base.words.supply_type.values()), set(base.words.colorant)
    codes = set(base.words.alert_code.values())
    for path, word, known in _words(vendor, types, colors, codes):
        if word not in known:
            yield Mistake(path, message("{word} is not one of the words for that.", word=word), _choice(word, known))


def _words(
    vendor: VendorFile, types: Collection[str], colors: Collection[str], codes: Collection[str]
) -> Iterator[tuple[Path, str, Collection[str]]]:
    supplies = vendor.supplies
    for number, rule in enumerate(supplies.levels):
        yield from ((("supplies", "levels", number, "types"), word, types) for word in rule.types)
    for number, alert in enumerate(supplies.alerts):
        yield ("supplies", "alerts", number, "code"), alert.code, codes
        yield from ((("supplies", "alerts", number, "types"), word, types) for word in alert.types)
    for number, table in enumerate(supplies.tables):
        place: Path = ("supplies", "tables", number)
        yield from (((*place, "types"), word, types) for word in table.types.values())
        yield from (((*place, "colorants"), word, colors) for word in table.colorants.values())
        if not table.types:
            yield (*place, "type"), table.type, types
    for number, record in enumerate(supplies.records):
        yield ("supplies", "records", number, "type"), record.type, types
        if record.colorant:
            yield ("supplies", "records", number, "colorant"), record.colorant, colors


def _choice(word: str, known: Collection[str]) -> Message:
    if near := get_close_matches(word, known, n=1, cutoff=0.6):
        return message('Did you mean "{near}"?', near=near[0])
    return message("Choose from: {choices}", choices=", ".join(sorted(known)))

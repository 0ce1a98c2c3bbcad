"""What a device's objects say it is, read plainly: for planning a world, not for billing anybody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.printers import description, recording
from sandbox.printers.ber import Oid
from sandbox.printers.description import HOST, PRINTER, SUPPLY_TYPES, SYSTEM, Truth
from sandbox.printers.mib import Value

ENTERPRISES: Oid = (1, 3, 6, 1, 4, 1)
LEVEL_COLUMN: Oid = (*PRINTER, 11, 1, 1, 9)
NO_PRINTER = re.compile(r"switch|router|scan server", re.IGNORECASE)
HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,20}")
MAKERS = {  # words in a device's own texts, the more particular ones first
    r"fuji ?xerox|fujifilm": "Fujifilm",
    r"konica|bizhub|accurio|generic 28c": "Konica Minolta",
    r"develop|ineo": "Develop",
    r"copystar|\bCS \d{4}ci": "Copystar",
    r"kyocera|taskalfa|ecosys": "Kyocera",
    r"canon": "Canon",
    r"xerox": "Xerox",
    r"dell": "Dell",
    r"lexmark": "Lexmark",
    r"gestetner|lanier|ricoh": "Ricoh",
    r"sharp": "Sharp",
    r"toshiba": "Toshiba",
    r"\boki": "OKI",
    r"epson": "Epson",
    r"samsung": "Samsung",
    r"brother": "Brother",
    r"zebra": "Zebra",
    r"\bTTP": "TSC",
    r"\bHP\b|hewlett|laserjet": "HP",
}
NUMBERS = {  # private enterprise numbers (IANA), asked when no text names the maker
    18334: "Konica Minolta",
    1347: "Kyocera",
    1602: "Canon",
    253: "Xerox",
    641: "Lexmark",
    367: "Ricoh",
    2385: "Sharp",
    2435: "Brother",
    1248: "Epson",
    236: "Samsung",
    2001: "OKI",
    11: "HP",
}
SERIALS: tuple[Oid, ...] = (  # where makers keep the serial number beside or instead of prtGeneralSerialNumber
    (*ENTERPRISES, 1347, 43, 5, 1, 1, 28, 1),
    (*ENTERPRISES, 1602, 1, 2, 1, 4, 0),
    (*ENTERPRISES, 367, 3, 2, 1, 2, 1, 4, 0),
    (*ENTERPRISES, 2435, 2, 3, 9, 4, 2, 1, 5, 5, 1, 0),
    (*ENTERPRISES, 253, 8, 53, 3, 2, 1, 3, 1),
    (*ENTERPRISES, 641, 6, 2, 3, 1, 5, 1),
)
TYPE_NAMES = {number: name for name, number in SUPPLY_TYPES.items()}
COLORANTS = {
    "black": r"black|schwarz|nero|\bK\b|noir",
    "cyan": r"cyan|ciano",
    "magenta": "magenta",
    "yellow": "yellow|gelb|giallo",
}


@dataclass(frozen=True, slots=True)
class Consumable:
    """One row of prtMarkerSuppliesTable: `level` and `capacity` raw, `oid` is the level's own identifier."""

    type: str
    colorant: str | None
    description: str
    unit: int | None
    capacity: int | None
    level: int | None
    oid: Oid

    @property
    def percent(self) -> float | None:
        """The level in percent where the device names one."""
        if self.level is None or self.capacity is None or not 0 <= self.level <= self.capacity or not self.capacity:
            return None
        return 100 * self.level / self.capacity


@dataclass(frozen=True, slots=True)
class Portrait:
    """A device as somebody would enter it into the equipment master. Absent is `None`."""

    source: Path
    manufacturer: str | None
    model: str | None
    serial: str | None
    host_name: str | None
    life_count: int | None
    supplies: tuple[Consumable, ...]
    is_printer: bool
    truth: Truth
    v1_only: bool

    @property
    def name(self) -> str:
        """The source's name."""
        return self.source.stem

    @property
    def color(self) -> bool:
        """Whether it prints in colour, as far as its supplies tell."""
        return any(each.colorant == "cyan" for each in self.supplies)


def of(source: Path) -> Portrait:
    """The portrait of a recording or device description; raises `OSError` or `ValueError` like loading it."""
    truth, v1_only = Truth(), False
    maker: str | None = None
    if source.suffix == ".toml":
        described = description.load(source)
        values, truth, v1_only = description.objects(described), described.truth, described.faults.v1_only
        maker = described.manufacturer
    else:
        values = recording.load(source).values
    told = _Told(values)
    described_as = told.text((*SYSTEM, 1, 0)) or ""
    model = told.first((*HOST, 3, 2, 1, 3)) or told.first((*PRINTER, 5, 1, 1, 16)) or ""
    if not model or model.startswith("Generic"):
        model = described_as
    serial = _serial(told)
    return Portrait(
        source=source,
        manufacturer=maker or _maker(f"{model} {described_as}", values),
        model=_shortened(model, serial),
        serial=serial,
        host_name=_host_name(told.text((*SYSTEM, 5, 0))),
        life_count=told.number((*PRINTER, 10, 2, 1, 4)),
        supplies=_supplies(told),
        is_printer=not NO_PRINTER.search(described_as),
        truth=truth,
        v1_only=v1_only,
    )


class _Told:
    """The objects with plain questions."""

    def __init__(self, values: Mapping[Oid, Value]) -> None:
        self._values = values

    def text(self, arcs: Oid) -> str | None:
        content = self._values[arcs].content if arcs in self._values else None
        return content.decode("utf-8", "replace").strip() or None if isinstance(content, bytes) else None

    def column(self, entry: Oid) -> dict[Oid, Value]:
        size = len(entry)
        return {arcs[size:]: value for arcs, value in self._values.items() if arcs[:size] == entry}

    def first(self, entry: Oid) -> str | None:
        return next((said for index in sorted(self.column(entry)) if (said := self.text((*entry, *index)))), None)

    def number(self, entry: Oid) -> int | None:
        found = [value.content for _, value in sorted(self.column(entry).items())]
        return next((content for content in found if isinstance(content, int)), None)


def _maker(texts: str, values: Mapping[Oid, Value]) -> str | None:
    for words, maker in MAKERS.items():
        if re.search(words, texts, re.IGNORECASE):
            return maker
    size = len(ENTERPRISES)
    private = {arcs[size] for arcs in values if arcs[:size] == ENTERPRISES and len(arcs) > size}
    return next((maker for number, maker in NUMBERS.items() if number in private), None)


def _serial(told: _Told) -> str | None:
    said = [told.first((*PRINTER, 5, 1, 1, 17)), *map(told.text, SERIALS)]
    return next((serial for serial in said if serial and serial.strip("0") and serial.isprintable()), None)


def _shortened(model: str, serial: str | None) -> str | None:
    """The model without serial number, firmware and the like, as somebody would type it."""
    bare = model.partition(serial)[0] if serial else model
    return re.split(r"[;,/]| version | series", bare, flags=re.IGNORECASE)[0].strip()[:40].strip() or None


def _host_name(said: str | None) -> str | None:
    return said if said and HOST_NAME.fullmatch(said) else None


def _supplies(told: _Told) -> tuple[Consumable, ...]:
    table = {column: told.column((*PRINTER, 11, 1, 1, column)) for column in (3, 5, 6, 7, 8, 9)}
    colorants = told.column((*PRINTER, 12, 1, 1, 4))

    def number(column: int, index: Oid) -> int | None:
        content = table[column][index].content if index in table[column] else None
        return content if isinstance(content, int) else None

    found = []
    for index in sorted(table[9]):
        named = told.text((*PRINTER, 11, 1, 1, 6, *index)) or ""
        joined = colorants.get((index[0], number(3, index) or 0))
        said = joined.content.decode("utf-8", "replace") if joined and isinstance(joined.content, bytes) else ""
        found.append(
            Consumable(
                type=TYPE_NAMES.get(number(5, index) or 0) or _type(named),
                colorant=_colorant(said) or _colorant(named),
                description=named,
                unit=number(7, index),
                capacity=number(8, index),
                level=number(9, index),
                oid=(*LEVEL_COLUMN, *index),
            )
        )
    return tuple(found)


def _type(named: str) -> str:
    """The type by its name, for the recordings that lack the column."""
    if re.search(r"waste", named, re.IGNORECASE):
        return "waste_toner"
    return "toner" if re.search(r"toner|cartridge", named, re.IGNORECASE) and _colorant(named) else "other"


def _colorant(said: str) -> str | None:
    return next((name for name, words in COLORANTS.items() if re.search(words, said, re.IGNORECASE)), None)

"""The only thing that crosses the SNMP seam: object identifiers with the typed raw values a device gave.

A recording is `Varbinds` on disk; tests, replay and production read the same type.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

Oid = tuple[int, ...]


class Tag(IntEnum):
    """BER identifier octets of SNMP values (RFC 2578, RFC 3416); the same numbers stand in snmprec files."""

    INTEGER = 0x02
    OCTET_STRING = 0x04
    NULL = 0x05
    OBJECT_IDENTIFIER = 0x06
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    GAUGE32 = 0x42
    TIME_TICKS = 0x43
    OPAQUE = 0x44
    COUNTER64 = 0x46
    NO_SUCH_OBJECT = 0x80
    NO_SUCH_INSTANCE = 0x81
    END_OF_MIB_VIEW = 0x82


ABSENT = frozenset({Tag.NULL, Tag.NO_SUCH_OBJECT, Tag.NO_SUCH_INSTANCE, Tag.END_OF_MIB_VIEW})
NUMERIC = frozenset({Tag.INTEGER, Tag.COUNTER32, Tag.GAUGE32, Tag.TIME_TICKS, Tag.COUNTER64})


class Value(NamedTuple):
    """One raw value: `content` is int for numbers, bytes for strings and addresses, Oid for identifiers, else None."""

    tag: int
    content: int | bytes | Oid | None


class Varbind(NamedTuple):
    """One answer of a device: which object, what value."""

    oid: Oid
    value: Value


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """What to fetch from one printer: single objects, and tables column by column. Each is only equal to itself.

    The columns of one `Table` advance together (one GETBULK carries them all); `rows` is how many rows are
    usual, so that an ordinary printer's table fits one answer. Rows of the `changing` columns come and go all the time.
    `packets` are rows and objects that a printer is known to have (`agent.snmp.read_plan`).
    """

    objects: tuple[Oid, ...] = ()
    tables: tuple[Table, ...] = ()
    bulk: bool = True  # False: never by GETBULK
    changing: frozenset[Oid] = frozenset()
    packets: tuple[Packet, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with a common index, and how many rows an ordinary device has (1..64).

    With `most` the walk ends after that many rows, whatever follows: for a look instead of a reading.
    """

    columns: tuple[Oid, ...]
    rows: int = 4
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Packet:
    """Values that a printer had before, for one request: each by GETNEXT of what stood before it then.

    `names` are asked, what lies `within` the column or object at the same place is taken: `expected` for the first
    names, nothing for the others, which are the last rows of their tables.
    """

    names: tuple[Oid, ...]
    within: tuple[Oid, ...]
    expected: tuple[Oid, ...]

    def without(self, place: int) -> Packet:
        """The packet without one of its names."""

        def rest(oids: tuple[Oid, ...]) -> tuple[Oid, ...]:
            return oids[:place] + oids[place + 1 :]

        return Packet(rest(self.names), rest(self.within), rest(self.expected))


BEYOND = (1 << 64,)  # greater than every arc (RFC 2578 section 3.5)


class Varbinds(Mapping[Oid, Value]):
    """What a device answered: real values only, exceptions (noSuchObject …) and nulls are left out."""

    __slots__ = ("_order", "_values")

    def __init__(self, answers: Mapping[Oid, Value] | Iterable[tuple[Oid, Value]] = ()) -> None:
        self._values: dict[Oid, Value] = dict(answers)
        for oid in [oid for oid, value in self._values.items() if value[1] is None]:
            del self._values[oid]
        self._order: list[Oid] = []

    def __getitem__(self, oid: Oid) -> Value:
        return self._values[oid]

    def __iter__(self) -> Iterator[Oid]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, oid: object) -> bool:
        return oid in self._values

    def items(self) -> ItemsView[Oid, Value]:
        """Identifiers with their values."""
        return self._values.items()

    def plain(self) -> dict[Oid, Value]:
        """The same as a dict, for looking up often. Never to be changed."""
        return self._values

    def number(self, oid: Oid) -> int | None:
        """The value as an integer, `None` when it is absent or of another type."""
        return as_number(self._values.get(oid))

    def text(self, oid: Oid) -> bytes | None:
        """The value's octets, `None` when it is absent or not an OCTET STRING."""
        return as_octets(self._values.get(oid))

    def below(self, prefix: Oid) -> list[tuple[Oid, Value]]:
        """All values below `prefix` with their whole identifiers, in ascending order."""
        values = self._values
        return [(oid, values[oid]) for oid in self.identifiers_below(prefix)]

    def identifiers_below(self, prefix: Oid) -> list[Oid]:
        """The identifiers of all values below `prefix`, in ascending order."""
        order = self._sorted()
        begin = bisect_right(order, prefix)
        if begin == len(order) or order[begin][: len(prefix)] != prefix:
            return []
        return order[begin : bisect_left(order, prefix + BEYOND, begin)]

    def has_below(self, prefix: Oid) -> bool:
        """Whether there is any value below `prefix`."""
        order = self._sorted()
        at = bisect_right(order, prefix)
        return at < len(order) and order[at][: len(prefix)] == prefix

    def _sorted(self) -> list[Oid]:
        if len(self._order) != len(self._values):
            self._order = sorted(self._values)
        return self._order

    def column(self, prefix: Oid) -> dict[Oid, Value]:
        """All values below `prefix` by the rest of their identifier (the table index), in ascending order."""
        size = len(prefix)
        return {oid[size:]: value for oid, value in self.below(prefix)}

    def merged(self, other: Varbinds) -> Varbinds:
        """Both answers together; where both have an object, `other` (the later one) counts."""
        both = Varbinds()
        both._values.update(self._values)
        both._values.update(other._values)
        return both


def as_number(value: Value | None) -> int | None:
    """The integer of a numeric value, else `None`."""
    return value.content if value and value.tag in NUMERIC and isinstance(value.content, int) else None


def as_octets(value: Value | None) -> bytes | None:
    """The octets of an OCTET STRING, else `None`."""
    return value.content if value and value.tag == Tag.OCTET_STRING and isinstance(value.content, bytes) else None


USUAL_ARCS = 24  # longer identifiers are not kept, else a device that makes them up could fill the memory


def dotted(oid: Oid) -> str:
    """`(1, 3, 6)` as `1.3.6`; printers share most of their identifiers."""
    return _kept_dotted(oid) if len(oid) <= USUAL_ARCS else _dotted(oid)


def _dotted(oid: Oid) -> str:
    return ".".join(map(str, oid))


_kept_dotted = lru_cache(maxsize=8000)(_dotted)


def oid_of(text: str) -> Oid:
    """`1.3.6` (a leading dot is allowed) as a tuple; raises `ValueError` for anything else."""
    return tuple(int(arc) for arc in text.removeprefix(".").split("."))


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one `Ask`.

    `complete` is False when a budget ran out or a table could not be finished, `missing` names the columns that
    were cut short (an absent object is no failure and not named); of those `refused` are the ones that the device
    answered with an error. `datagrams` counts requests, repetitions included.
    `version` is what the device spoke ("v1", "v2c", "v3"); `notes` are short words for what was odd
    (`late_reply`, `wrong_request_id`, `looping_walk`, `gen_err`, `too_big`, …).
    """

    varbinds: Varbinds
    version: str
    datagrams: int
    complete: bool = True
    missing: tuple[Oid, ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[Oid, ...] = ()

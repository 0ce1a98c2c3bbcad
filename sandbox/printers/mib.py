"""What one device can tell: its objects in order, encoded once so that answering is only copying."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from sandbox.printers import ber
from sandbox.printers.ber import Oid


class Value(NamedTuple):
    """A typed raw value: `content` is int for numbers, octets for strings and addresses, arcs for identifiers."""

    tag: int
    content: int | bytes | Oid | None


class Row(NamedTuple):
    """One object, encoded: the content of its identifier, the whole variable binding, whether it is a Counter64."""

    name: bytes
    binding: bytes
    wide: bool


def row(arcs: Oid, value: Value) -> Row:
    """The object as it travels; raises `ValueError` where identifier and value make no variable binding."""
    name = ber.oid(arcs)
    binding = ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, name) + encoded(value))
    return Row(name, binding, value.tag == ber.COUNTER64)


def encoded(value: Value) -> bytes:
    """The value as a BER element; raises `ValueError` where type and content do not belong together."""
    match value.content:
        case int() as number if value.tag in ber.NUMBERS:
            return ber.tlv(value.tag, ber.integer(number))
        case bytes() as octets if value.tag in ber.STRINGS:
            return ber.tlv(value.tag, octets)
        case tuple() as arcs if value.tag == ber.OBJECT_IDENTIFIER:
            return ber.tlv(value.tag, ber.oid(arcs))
        case None if value.tag == ber.NULL:
            return ber.tlv(ber.NULL, b"")
    raise ValueError(f"a value of type {value.tag} cannot be {value.content!r}")


class Mib:
    """The objects of one device, sorted. `values` keeps them readable, for planning and for faults."""

    def __init__(self, values: Mapping[Oid, Value]) -> None:
        self.values = dict(sorted(values.items()))
        self.oids: list[Oid] = list(self.values)
        self.rows: list[Row] = [row(arcs, value) for arcs, value in self.values.items()]
        self._places = {each.name: place for place, each in enumerate(self.rows)}

    def place(self, name: bytes) -> int | None:
        """Where the object with this encoded identifier stands, `None` when the device has no such object."""
        return self._places.get(name)

    def get(self, name: bytes) -> Row | None:
        """The object itself."""
        place = self._places.get(name)
        return None if place is None else self.rows[place]

    def place_after(self, name: bytes) -> int:
        """Where the first object behind this identifier stands (`len(rows)` at the end); raises `ber.Malformed`."""
        place = self._places.get(name)
        return bisect_right(self.oids, ber.arcs(name)) if place is None else place + 1

    def after(self, name: bytes) -> Row | None:
        """The first object behind this identifier, `None` at the end; raises `ber.Malformed`."""
        place = self.place_after(name)
        return self.rows[place] if place < len(self.rows) else None

    @cached_property
    def columns(self) -> frozenset[Oid]:
        """Identifiers without their last arc: which groups of objects there are."""
        return frozenset(arcs[:-1] for arcs in self.oids)

    def offers(self, name: bytes) -> bool:
        """Whether the device knows this kind of object, if only other instances of it (noSuchInstance)."""
        return ber.arcs(name)[:-1] in self.columns

"""Varbinds read by name, which remember every value that was used, so that a reading carries its proof."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain

from agent.snmp.octets import SHORT, text_of
from agent.snmp.varbinds import NUMERIC, Oid, Tag, Value, Varbinds, as_number, as_octets, dotted

TAGS: dict[int, str] = {tag: str(int(tag)) for tag in Tag}  # as a snmprec file writes them


class Witness:
    """One device's answers by object name, and which of them were used."""

    def __init__(self, varbinds: Varbinds, oids: dict[str, Oid]) -> None:
        self._varbinds = varbinds
        self._values = varbinds.plain()
        self._oids = oids
        self._columns: dict[str, dict[Oid, Value]] = {}
        self._numbers: dict[str, dict[Oid, int]] = {}
        self._said: dict[str, str | None] = {}
        self._single: dict[Oid, None] = {}
        self._below: list[list[Oid]] = []
        sets = self.column("prtLocalizationCharacterSet").values() if "prtLocalizationCharacterSet" in oids else ()
        self.charset = next((number for number in map(as_number, sets) if number), None)

    def value(self, name: str) -> Value | None:
        """The single object of this name."""
        oid = self._oids[name]
        value = self._values.get(oid)
        if value is not None:
            self._single[oid] = None
        return value

    def text(self, name: str) -> str | None:
        """The single object as text; `None` when absent or blank."""
        octets = as_octets(self.value(name))
        return text_of(octets, self.charset) if octets else None

    def said(self, name: str) -> str | None:
        """The single object as text, else the first text of the column; `None` where there is neither."""
        if name not in self._said:
            self._said[name] = self.text(name) or next(iter(self.texts(name).values()), None)
        return self._said[name]

    def column(self, name: str) -> dict[Oid, Value]:
        """The table column of this name by index."""
        column = self._columns.get(name)
        if column is None:
            prefix, values = self._oids[name], self._values
            below = self._varbinds.identifiers_below(prefix)
            column = {}
            if below:
                self._below.append(below)
                size = len(prefix)
                column = {oid[size:]: values[oid] for oid in below}
            self._columns[name] = column
        return column

    def texts(self, name: str) -> dict[Oid, str]:
        """The texts of a column by index; blank ones are left out."""
        found = {}
        for index, value in self.column(name).items():
            octets = as_octets(value)
            text = text_of(octets, self.charset) if octets else None
            if text:
                found[index] = text
        return found

    def aside(self, name: str) -> dict[Oid, int]:
        """As `numbers`, of a column that no reading rests on: it is no part of the proof."""
        prefix, values = self._oids[name], self._values
        size = len(prefix)
        below = ((oid[size:], values[oid]) for oid in self._varbinds.identifiers_below(prefix))
        return {
            index: value.content for index, value in below if value.tag in NUMERIC and isinstance(value.content, int)
        }

    def numbers(self, name: str) -> dict[Oid, int]:
        """The numbers of a column by index; other types are left out."""
        numbers = self._numbers.get(name)
        if numbers is None:
            column = self.column(name)
            numbers = {i: v.content for i, v in column.items() if v.tag in NUMERIC and isinstance(v.content, int)}
            self._numbers[name] = numbers
        return numbers

    def evidence(self) -> dict[str, str]:
        """Everything that was used, in its raw form: dotted OID -> `tag|value`."""
        values = self._values
        return {dotted(oid): raw(values[oid]) for oid in chain(self._single, *self._below)}

    def has_below(self, prefix: Oid) -> bool:
        """Whether the device answered anything below this identifier."""
        return self._varbinds.has_below(prefix)

    def oid_text(self, name: str, index: Oid = ()) -> str:
        """The dotted identifier behind a name, of a column in the row with this index."""
        return dotted(self._oids[name] + index if index else self._oids[name])

    def identifier(self, name: str) -> str | None:
        """The single object as a dotted object identifier."""
        value = self.value(name)
        if value is None or value.tag != Tag.OBJECT_IDENTIFIER or not isinstance(value.content, tuple):
            return None
        return dotted(value.content)


def raw(value: Value) -> str:
    """A value as it stands in a snmprec file: `tag|value`, octets that are no plain text in hexadecimal under `4x`."""
    content = value.content
    # Printers share most of their values; long ones are not kept, else a device that makes them up fills the memory.
    short = isinstance(content, int) or content is None or len(content) <= SHORT
    return _kept_raw(value) if short else _raw(value)


def _raw(value: Value) -> str:
    tag, content = TAGS.get(value.tag, str(value.tag)), value.content
    if isinstance(content, bytes):
        text = content.decode() if value.tag == Tag.OCTET_STRING and content.isascii() else "\n"
        return f"{tag}|{text}" if text.isprintable() else f"{tag}x|{content.hex()}"
    if isinstance(content, tuple):
        return f"{tag}|{dotted(content)}"
    return f"{tag}|{'' if content is None else content}"


_kept_raw = lru_cache(maxsize=4000)(_raw)

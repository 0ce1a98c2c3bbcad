"""Varbinds read by name, which remember every value that was used, so that a reading carries its proof."""

from __future__ import annotations

from agent.snmp.octets import text_of
from agent.snmp.varbinds import Oid, Tag, Value, Varbinds, as_number, as_octets, dotted


class Witness:
    """One device's answers by object name. What was asked of it is in `evidence` (dotted OID -> `tag|value`)."""

    def __init__(self, varbinds: Varbinds, oids: dict[str, Oid]) -> None:
        self._varbinds = varbinds
        self._oids = oids
        self._columns: dict[str, dict[Oid, Value]] = {}
        self.evidence: dict[str, str] = {}
        sets = self.column("prtLocalizationCharacterSet").values() if "prtLocalizationCharacterSet" in oids else ()
        self.charset = next((number for number in map(as_number, sets) if number), None)

    def value(self, name: str) -> Value | None:
        """The single object of this name."""
        oid = self._oids[name]
        value = self._varbinds.get(oid)
        if value is not None:
            self.evidence[dotted(oid)] = raw(value)
        return value

    def text(self, name: str) -> str | None:
        """The single object as text; `None` when absent or blank."""
        octets = as_octets(self.value(name))
        return text_of(octets, self.charset) if octets else None

    def column(self, name: str) -> dict[Oid, Value]:
        """The table column of this name by index."""
        if name not in self._columns:
            prefix = self._oids[name]
            self._columns[name] = column = self._varbinds.column(prefix)
            for index, value in column.items():
                self.evidence[dotted(prefix + index)] = raw(value)
        return self._columns[name]

    def texts(self, name: str) -> dict[Oid, str]:
        """The texts of a column by index; blank ones are left out."""
        decoded = {index: as_octets(value) for index, value in self.column(name).items()}
        shown = {index: text_of(octets, self.charset) for index, octets in decoded.items() if octets}
        return {index: text for index, text in shown.items() if text}

    def numbers(self, name: str) -> dict[Oid, int]:
        """The numbers of a column by index; other types are left out."""
        numbers = {index: as_number(value) for index, value in self.column(name).items()}
        return {index: number for index, number in numbers.items() if number is not None}

    def has_below(self, prefix: Oid) -> bool:
        """Whether the device answered anything below this identifier."""
        return any(oid[: len(prefix)] == prefix for oid in self._varbinds)

    def oid_text(self, name: str) -> str:
        """The dotted identifier behind a name."""
        return dotted(self._oids[name])

    def identifier(self, name: str) -> str | None:
        """The single object as a dotted object identifier."""
        value = self.value(name)
        if value is None or value.tag != Tag.OBJECT_IDENTIFIER or not isinstance(value.content, tuple):
            return None
        return dotted(value.content)


def raw(value: Value) -> str:
    """A value as it stands in a snmprec file: `tag|value`, octets in hexadecimal under `4x` and the like."""
    if isinstance(value.content, bytes):
        return f"{int(value.tag)}x|{value.content.hex()}"
    if isinstance(value.content, tuple):
        return f"{int(value.tag)}|{dotted(value.content)}"
    return f"{int(value.tag)}|{'' if value.content is None else value.content}"

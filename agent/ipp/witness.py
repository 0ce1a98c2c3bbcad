"""Attributes read by name, which remember every value that was used, so that a reading carries its proof."""

from __future__ import annotations

from collections.abc import Mapping

from agent.ipp.attributes import Attributes, Value, number, shown, texts

MOST_VALUES = 256  # no printer has so many supplies or alerts; a hostile one shall not make anybody compare thousands


class Witness:
    """One printer's attributes. What was asked of it is in `evidence` (attribute, `attribute[n]` -> `tag|content`)."""

    def __init__(self, attributes: Attributes) -> None:
        self._attributes = attributes
        self.evidence: dict[str, str] = {}

    def values(self, name: str) -> tuple[Value, ...]:
        """The values of an attribute, at most `MOST_VALUES`; none where the printer does not have it."""
        values = self._attributes.get(name, ())[:MOST_VALUES]
        for place, value in enumerate(values):
            self.evidence[name if len(values) == 1 else f"{name}[{place}]"] = shown(value)
        return values

    def has(self, name: str) -> bool:
        """Whether the printer sent the attribute at all."""
        return name in self._attributes

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of an attribute in their places, blank where there is none."""
        return texts(self.values(name))

    def text(self, name: str) -> str | None:
        """The first text of an attribute that is not blank."""
        return next(filter(None, self.texts(name)), None)

    def numbers(self, name: str) -> tuple[int | None, ...]:
        """The integers of an attribute in their places."""
        return tuple(map(number, self.values(name)))

    def number(self, name: str) -> int | None:
        """The integer of an attribute; None for an out-of-band value."""
        return next(iter(self.numbers(name)), None)

    def members(self, name: str) -> dict[str, int]:
        """The integers in a collection by member name; other types are left out."""
        found: dict[str, int] = {}
        for value in self.values(name)[:1]:
            if isinstance(value.content, Mapping):
                for member, inner in value.content.items():
                    told = number(inner[0]) if inner else None
                    if told is not None:
                        found[member] = told
        return found

"""Which equipment belongs to which group of [[orders.groups]], and what a person should know about that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from agent.order_settings import OrderGroup
from agent.printers import Equipment
from agent.texts import Message, message

MOST_NAMED = 5  # numbers in one sentence


@dataclass(frozen=True, slots=True)
class Patterns:
    """What an equipment may be called in one respect: exact words, and those with `*` for any signs."""

    exact: frozenset[str]
    wild: tuple[str, ...]

    @staticmethod
    def of(texts: Iterable[str], *, number: bool = False) -> Patterns:
        """Spelling does not count: neither case and blanks, nor, of a `number`, leading zeros."""
        plain = [_plain(text, number=number) for text in texts]
        # A bracket or a question mark in a room's name is itself.
        wild = (text.replace("[", "[[]").replace("?", "[?]") for text in plain if "*" in text)
        return Patterns(frozenset(text for text in plain if "*" not in text), tuple(wild))

    def fit(self, *texts: str | None, number: bool = False) -> bool:
        """Whether one of these does; what is not known fits nothing."""
        said = [_plain(text, number=number) for text in texts if text]
        return any(text in self.exact or any(fnmatchcase(text, one) for one in self.wild) for text in said)

    def __bool__(self) -> bool:
        return bool(self.exact or self.wild)


def _plain(text: str, *, number: bool = False) -> str:
    said = " ".join(text.casefold().split())
    return said.lstrip("0") or said if number else said


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the config file. Every list that is there has to fit, and one pattern of each does."""

    settings: OrderGroup
    numbers: Patterns
    respects: tuple[tuple[str, Patterns], ...]

    @staticmethod
    def of(settings: OrderGroup) -> Group:
        """Ready for asking of thousands."""
        respects = (
            ("name", Patterns.of(settings.names)),
            ("model", Patterns.of(settings.models)),
            ("building", Patterns.of(settings.buildings)),
            ("floor", Patterns.of(settings.floors)),
            ("room", Patterns.of(settings.rooms)),
        )
        numbers = Patterns.of(settings.equipments, number=True)
        return Group(settings, numbers, tuple((name, patterns) for name, patterns in respects if patterns))

    def has(self, equipment: Equipment) -> bool:
        """Whether this equipment belongs to it."""
        if self.numbers and not self.numbers.fit(equipment.equipment_number, number=True):
            return False
        return all(patterns.fit(*_called(equipment, name)) for name, patterns in self.respects)


def _called(equipment: Equipment, respect: str) -> tuple[str | None, ...]:
    if respect == "name":
        return (equipment.technical_identification_number,)
    if respect == "model":
        return equipment.model, " ".join(filter(None, (equipment.manufacturer, equipment.model)))
    place: str = getattr(equipment.location, respect)
    return (place,)


@dataclass(slots=True)
class Members:
    """The equipment that a group has, those that fit it and belong to an earlier group, and unknown numbers."""

    group: Group
    own: list[Equipment] = field(default_factory=list)
    earlier: list[Equipment] = field(default_factory=list)
    unknown: Sequence[str] = ()

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to wonder about."""
        return bool(self.own) and not self.earlier and not self.unknown

    def told(self) -> Iterator[Message]:
        """What a person should look at, if anything."""
        name = self.group.settings.name
        if not self.own and not self.earlier:
            yield message("No equipment fits the group {name}; compare its lists with the portal.", name=name)
        if self.earlier:
            yield message(
                "What fits the group {name} as well belongs to an earlier one, which counts: {numbers} ({count}).",
                count=len(self.earlier),
                name=name,
                numbers=_some([one.equipment_number.lstrip("0") for one in self.earlier]),
            )
        if self.unknown:
            yield message(
                "The portal has no equipment {numbers}, which the group {name} names.",
                numbers=_some(self.unknown),
                name=name,
            )


def _some(numbers: Sequence[str]) -> str:
    return ", ".join(numbers[:MOST_NAMED]) + (", …" if len(numbers) > MOST_NAMED else "")


def members_of(groups: Sequence[Group], equipments: Sequence[Equipment]) -> list[Members]:
    """Every group with its equipment, by the rule that the first one counts."""
    found = [Members(group) for group in groups]
    known = {_plain(one.equipment_number, number=True) for one in equipments}
    for equipment in equipments:
        fitting = [one for one in found if one.group.has(equipment)]
        for place, one in enumerate(fitting):
            (one.earlier if place else one.own).append(equipment)
    for one in found:
        one.unknown = sorted(one.group.numbers.exact - known)
    return found

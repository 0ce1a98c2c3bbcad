"""When the ranges are searched: for equipment that no name leads to, and not again and again for the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from agent.matching import Matching
from agent.printers import Equipment
from agent.survey import Found

REST = timedelta(hours=12)  # a printer that was searched for in vain is most likely off, not moved


class Diary(Protocol):
    """Owes: what was noted is there after a restart."""

    def last(self) -> tuple[datetime, frozenset[str]] | None:
        """When a search ended last, and for which equipment it was."""

    def note(self, at: datetime, equipments: frozenset[str]) -> None:
        """A search for this equipment has ended."""


class Searches:
    """Remembers what was searched for. `rest` is the pause for the same equipment; without a `diary` it remembers as
    long as the process lives, and one that was interrupted is due again."""

    def __init__(self, rest: timedelta = REST, diary: Diary | None = None) -> None:
        self._rest = rest
        self._diary = diary
        self._unread = diary is not None
        self._at: datetime | None = None
        self._for: frozenset[str] = frozenset()

    def is_due(self, missing: frozenset[str], now: datetime) -> bool:
        """Whether to search for these equipment numbers now; asking counts as searching. Raises `StoreError`."""
        self._remember()
        rested = self._at is None or now - self._at >= self._rest
        due = bool(missing) and (rested or not missing <= self._for)
        if due:
            self._at, self._for = now, missing
        return due

    def _remember(self) -> None:
        """What the diary has, when it is needed first: until then the database need not have been looked through."""
        if self._diary is not None and self._unread and (before := self._diary.last()):
            self._at, self._for = before
        self._unread = False

    def ended(self) -> None:
        """The search that was due is over. Raises `StoreError` of the diary."""
        if self._diary is not None and self._at is not None:
            self._diary.note(self._at, self._for)


def missing(matching: Matching, found: Found) -> frozenset[str]:
    """The equipment that a search may find: no printer answers to it, and it is not known to sleep where it was."""
    absent = found.absent
    asleep = {at.address for at, readout in absent.items() if readout.status == "asleep"}
    return frozenset(
        refused.equipment.equipment_number
        for refused in matching.refused
        if refused.code == "not_found" and not asleep & places_of(refused.equipment, found)
    )


def places_of(equipment: Equipment, found: Found) -> set[str]:
    """The addresses that an equipment's number leads to."""
    lookup = found.lookups.get(equipment.technical_identification_number or "")
    return {sighting.endpoint.address for sighting in lookup.sightings} if lookup else set()


def numbers_of(equipments: Sequence[Equipment]) -> list[str]:
    """The technical identification numbers worth looking up: of what is in service."""
    return [
        one.technical_identification_number for one in equipments if one.active and one.technical_identification_number
    ]

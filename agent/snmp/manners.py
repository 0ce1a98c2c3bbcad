"""How each printer wants to be asked: learnt from its answers, kept across restarts, never weaker than it once was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from agent.printers import Endpoint
from agent.serials import same_serial
from agent.snmp.caller import Learned
from agent.snmp.read_plan import ReadPlan

FRESH = timedelta(days=1)  # so long the way that worked is the only one; then all ways are tried again, once
SLEEPS = timedelta(hours=72)  # a weekend with a margin: silence after that is no sleep any more
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # when a printer answered that was met but never read as it must be


@dataclass(frozen=True, slots=True)
class Manner:
    """The way in which one printer answered: `access` is the user's name or the community's place, never a secret.

    `version` is "v3", "v2c" or "v1"; `no_bulk` that it fails at GETBULK; `serial_number` is normalised. `ways` are the
    accesses that were configured then and `climbed_at` when all of them were tried last. `read_at` is the last whole
    reading, `equipment_number` whose printer it is, if anybody's. `learned` is how it may be asked again.
    """

    endpoint: Endpoint
    access: str
    version: str
    ways: str
    climbed_at: datetime
    answered_at: datetime
    no_bulk: bool = False
    serial_number: str | None = None
    equipment_number: str | None = None
    read_at: datetime | None = None
    learned: Learned | None = None

    def is_fresh(self, ways: str, now: datetime) -> bool:
        """Whether this way alone is worth asking: the configuration is the same, and all ways were tried lately."""
        return self.ways == ways and now - self.climbed_at < FRESH

    def sleeps(self, now: datetime) -> bool:
        """Whether silence now is most likely sleep: it answered within a weekend's time."""
        return now - self.answered_at < SLEEPS


@dataclass(frozen=True, slots=True)
class Secured:
    """A printer that once spoke SNMPv3, wherever it is: `endpoint` is where it was met last."""

    serial_number: str
    endpoint: Endpoint


class Keeper(Protocol):
    """Where manners outlive the process. Owes: what `keep` returned from is on the disk, all of it or nothing."""

    def recall(self) -> tuple[Sequence[Manner], Sequence[Secured]]:
        """Everything that is kept."""

    def keep(self, changed: Sequence[Manner], new: Sequence[Manner], secured: Sequence[Secured]) -> None:
        """Keeps these; `changed` ones that a person had forgotten meanwhile stay forgotten."""

    def drop(self, endpoints: Sequence[Endpoint]) -> None:
        """Drops the manners at these endpoints: their printers are elsewhere now."""


class Manners:
    """All manners of this process, and through a `Keeper` of those before it: known `at_once`, or from `refresh` on."""

    def __init__(self, keeper: Keeper | None = None, *, at_once: bool = True) -> None:
        self._keeper = keeper
        self._manners: dict[Endpoint, Manner] = {}
        self._claims: dict[str, Endpoint] = {}
        self._secured: dict[str, Endpoint] = {}
        self._kept: set[Endpoint] = set()
        self._changed: set[Endpoint] = set()
        self._moved: set[Endpoint] = set()
        self._new_secured: set[str] = set()
        self._plans: dict[str, ReadPlan] = {}
        if at_once:
            self.refresh()

    def refresh(self) -> None:
        """Takes what is kept, with what a person made it forget."""
        if self._keeper is None:
            return
        manners, secured = self._keeper.recall()
        self._manners = {manner.endpoint: manner for manner in manners}
        plans = (manner.learned.plan for manner in manners if manner.learned and manner.learned.plan)
        self._plans = {plan.text: plan for plan in plans}
        self._claims = {one.equipment_number: one.endpoint for one in manners if one.equipment_number}
        self._kept = set(self._manners)
        self._secured = {one.serial_number: one.endpoint for one in secured}

    def of(self, endpoint: Endpoint) -> Manner | None:
        """How the printer at this endpoint answered last; `None` before the first time."""
        return self._manners.get(endpoint)

    def places(self) -> frozenset[Endpoint]:
        """Where anybody ever answered."""
        return frozenset(self._manners)

    def place_of(self, equipment_number: str) -> Endpoint | None:
        """Where this equipment's printer answered last."""
        return self._claims.get(equipment_number)

    def is_secured(self, serial_number: str | None) -> bool:
        """Whether the printer with this serial number ever spoke SNMPv3."""
        return serial_number is not None and serial_number in self._secured

    def heard(self, met: Manner) -> None:
        """A printer answered so. Another serial number at the same endpoint is another printer, and nothing is
        carried over from the one before."""
        before = self._manners.get(met.endpoint)
        if before is not None and not _changed_device(before, met):
            met = replace(
                met,
                no_bulk=met.no_bulk or (before.no_bulk and before.version == met.version),
                serial_number=met.serial_number or before.serial_number,
                equipment_number=before.equipment_number,
                read_at=before.read_at,
                learned=before.learned,
            )
        self._set(met)
        if met.serial_number and met.version == "v3":
            self._secure(met.serial_number, met.endpoint)

    def change(self, endpoint: Endpoint, changed: Callable[[Manner], Manner]) -> None:
        """Notes something about a known printer; nothing about an unknown one."""
        manner = self._manners.get(endpoint)
        if manner is not None:
            self._set(changed(manner))

    def shared(self, plan: ReadPlan) -> ReadPlan:
        """The one object for all plans that say the same: thousands of printers have few."""
        return self._plans.setdefault(plan.text, plan)

    def leave(self, endpoint: Endpoint) -> None:
        """What answered here is no printer: it is asked no more until a name or a search leads to it again. One that
        was a printer before may be starting up and is kept."""
        manner = self._manners.get(endpoint)
        if manner is None or manner.serial_number or manner.equipment_number or manner.read_at:
            return
        del self._manners[endpoint]
        self._changed.discard(endpoint)
        if endpoint in self._kept:
            self._moved.add(endpoint)

    def claim(self, endpoint: Endpoint, equipment_number: str) -> None:
        """The printer at this endpoint is this equipment's, and no other one is."""
        before = self._claims.get(equipment_number)
        if before is not None and before != endpoint:
            self.change(before, lambda manner: replace(manner, equipment_number=None))
        self._claims[equipment_number] = endpoint
        self.change(endpoint, lambda manner: replace(manner, equipment_number=equipment_number))

    def met_weaker(self, met: Manner) -> None:
        """A secured printer answered here in a weaker version: this endpoint is held to SNMPv3 from now on, too, and is
        the one that a person names to allow it."""
        self._set(replace(met, version="v3", access="", answered_at=NEVER))
        serial_number, endpoint = met.serial_number or "", met.endpoint
        self._secured[serial_number] = endpoint
        self._new_secured.add(serial_number)

    def flush(self) -> None:
        """Keeps what is new. Raises `StoreError` of the keeper."""
        if self._keeper is None or not (self._changed or self._moved or self._new_secured):
            return
        if self._moved:
            self._keeper.drop(sorted(self._moved))
        here = [self._manners[endpoint] for endpoint in sorted(self._changed) if endpoint in self._manners]
        self._keeper.keep(
            changed=[one for one in here if one.endpoint in self._kept],
            new=[one for one in here if one.endpoint not in self._kept],
            secured=[Secured(serial, self._secured[serial]) for serial in sorted(self._new_secured)],
        )
        self._kept = self._kept - self._moved | {one.endpoint for one in here}
        self._changed, self._moved, self._new_secured = set(), set(), set()

    def _set(self, manner: Manner) -> None:
        if self._manners.get(manner.endpoint) != manner:
            self._manners[manner.endpoint] = manner
            self._changed.add(manner.endpoint)

    def _secure(self, serial_number: str, endpoint: Endpoint) -> None:
        """It moved: what the old address held to SNMPv3 was this printer, not whoever answers there now."""
        if self._secured.get(serial_number) == endpoint:
            return
        self._secured[serial_number] = endpoint
        self._new_secured.add(serial_number)
        old = [one.endpoint for one in self._manners.values() if one.serial_number == serial_number]
        for other in old:
            if other != endpoint:
                del self._manners[other]
                self._moved.add(other)


def _changed_device(before: Manner, now: Manner) -> bool:
    """Whether another printer answers than before: both say a serial number, and not the same."""
    if before.serial_number is None or now.serial_number is None:
        return False
    return not same_serial(before.serial_number, now.serial_number)


def ways_of(accesses: Iterable[str]) -> str:
    """The configured accesses in one text, to notice that they were changed."""
    return " ".join(accesses)

"""Order rules on generated fleets: who runs dry, who throws pages away, who orders twice, whose boxes stand about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Protocol

from agent.meters import Finding
from agent.simulation.generated import Cartridge, Horizon, Slot, Workplace, new_cartridge, shake, told
from agent.simulation.replay import Verdict
from agent.supplies.lives import Look

LEADS = (2, 3, 3, 3, 4, 4, 5, 6)  # working days from order to delivery
LATE = 0.02  # of orders take twice as long
READ_AT = time(18)
AGAIN = timedelta(minutes=30)


class Rule(Protocol):
    """Decides about one slot from what an agent can see."""

    @property
    def why(self) -> Finding | None:
        """The reason of the newest wish to order, if the rule gives one."""

    def wants(self, look: Look, again: Look, under_way: bool) -> bool:
        """Whether to order now; `again` is the look half an hour later, `under_way` what the portal says of orders."""

    def ordered(self, at: datetime) -> None:
        """An order was placed, by the rule or by a person who stood before an empty printer."""


class Keeper(Protocol):
    """Makes the rules of one printer's slots, and hears its counters."""

    def rule(self, slot: Slot) -> Rule:
        """For one slot."""

    def counted(self, day: date, total: int, color: int) -> None:
        """The counters at the end of a day."""


@dataclass(slots=True)
class Tally:
    """What came of it. `lives` are cartridges that ended, `dry` those that ran empty without a spare at hand.

    Of these `late` had an order of the rule on its way. `orders` are the rule's and those of people before an empty
    printer, `shelf_days` whole days of all new cartridges together, `wasted` and `pages` pages.
    """

    lives: int = 0
    dry: int = 0
    dry_days: int = 0
    wasted: float = 0.0
    pages: int = 0
    doubles: int = 0
    shelf_days: int = 0
    orders: int = 0
    late: int = 0

    def add(self, other: Tally) -> None:
        """Sums."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(slots=True)
class Placement:
    """One order, by days counted from 0: placed on `day`, there on `due`.

    `why` is the rule's reason, `None` for a person's order or a rule that gives none; `repeated` says that the same
    cartridge had had one before. The cartridge it was ordered for ran dry on `ran_dry` and was replaced on `changed`.
    """

    slot: Slot
    day: int
    due: int
    by_person: bool
    repeated: bool
    why: Finding | None
    ran_dry: int | None = None
    changed: int | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether it came before the cartridge ran dry."""
        if self.ran_dry is not None:
            return "too_late"
        return "not_changed_yet" if self.changed is None else "in_time"


@dataclass(slots=True)
class Stand:
    """One slot with what is in it, on its way and on the shelf."""

    slot: Slot
    rule: Rule
    cartridge: Cartridge
    chance: Random
    number: int = 0
    coming: list[int] = field(default_factory=list)
    shelf: list[int] = field(default_factory=list)
    dry: bool = False
    tally: Tally = field(default_factory=Tally)
    placed: list[Placement] = field(default_factory=list)
    of_this: list[Placement] = field(default_factory=list)

    def receive(self, day: int) -> None:
        """What arrives today; an empty printer gets it at once."""
        self.shelf += [day for due in self.coming if due <= day]
        self.coming = [due for due in self.coming if due > day]
        if self.cartridge.left <= 0 and self.shelf:
            self.install(day)

    def install(self, day: int) -> None:
        """Takes the oldest from the shelf."""
        self.tally.shelf_days += day - self.shelf.pop(0)
        self.tally.lives += 1
        self.tally.wasted += self.cartridge.left * self.cartridge.real_pages
        self.number += 1
        self.cartridge = new_cartridge(self.slot, self.number, self.chance)
        for one in self.of_this:
            one.changed = day
        self.of_this = []
        self.dry = False

    def order(self, day: int, horizon: Horizon, *, by_person: bool = False) -> None:
        """One more on its way; double when this cartridge has had its successor ordered."""
        repeated = bool(self.of_this)
        self.tally.orders += 1
        self.tally.doubles += repeated
        lead = self.chance.choice(LEADS) * (2 if self.chance.random() < LATE else 1)
        due = arrival(day, lead, horizon)
        self.coming.append(due)
        why = None if by_person else self.rule.why
        one = Placement(self.slot, day, due, by_person, repeated, why, day if by_person else None)
        self.placed.append(one)
        self.of_this.append(one)
        self.rule.ordered(moment(horizon.day(day)))

    def live(self, pages: int, day: int, horizon: Horizon) -> None:
        """One day of printing, and of the people around."""
        self.tally.pages += self.cartridge.use(pages, self.chance)
        shake(self.cartridge, self.chance)
        if self.shelf and (self.cartridge.left <= 0 or (self.slot.eager and self.cartridge.left <= self.slot.low_at)):
            self.install(day)
        if self.cartridge.left > 0:
            return
        self.tally.dry_days += 1
        if not self.dry:
            self._run_dry(day)
        if not self.coming:
            self.order(day, horizon, by_person=True)

    def _run_dry(self, day: int) -> None:
        self.dry = True
        self.tally.dry += 1
        self.tally.late += bool(self.of_this)
        for one in self.of_this:
            one.ran_dry = day

    def look(self, at: datetime, pages: int, *, again: bool = False) -> Look:
        """What the printer says now."""
        serial = self.cartridge.serial if self.slot.serials else None
        return Look(at, pages, told(self.slot, self.cartridge, self.chance, again=again), serial)


def moment(day: date) -> datetime:
    """When the agent reads on this day."""
    return datetime.combine(day, READ_AT, UTC)


def arrival(day: int, lead: int, horizon: Horizon) -> int:
    """The day on which an order of this day comes, so many working days later."""
    while lead:
        day += 1
        lead -= horizon.is_working(horizon.day(day))
    return day


def run(place: Workplace, horizon: Horizon, keeper: Keeper) -> Tally:
    """What came of one printer over the whole time under one rule."""
    return followed(place, horizon, keeper)[0]


def followed(place: Workplace, horizon: Horizon, keeper: Keeper) -> tuple[Tally, list[Placement]]:
    """The same, with every order in the order of time."""
    stands = []
    for number, slot in enumerate(place.slots):
        chance = Random(place.seed + 7 * number)  # noqa: S311  repeatable on purpose
        cartridge = new_cartridge(slot, 0, chance)
        cartridge.left *= chance.uniform(0.1, 1.0)
        stands.append(Stand(slot, keeper.rule(slot), cartridge, chance))
    counters = [0, 0]
    for day in range(horizon.days):
        _day(stands, place, day, horizon, counters)
        if place.heard[day]:
            keeper.counted(horizon.day(day), *counters)
            for stand in stands:
                _read(stand, counters[stand.slot.colorant != "black"], day, horizon)
    whole = Tally()
    for stand in stands:
        whole.add(stand.tally)
    placed = [one for stand in stands for one in stand.placed]
    return whole, sorted(placed, key=lambda one: one.day)


def _day(stands: Sequence[Stand], place: Workplace, day: int, horizon: Horizon, counters: list[int]) -> None:
    """A printer with an empty cartridge prints nothing."""
    for stand in stands:
        stand.receive(day)
    prints = all(stand.cartridge.left > 0 for stand in stands)
    made = (place.pages[day], place.color_pages[day]) if prints else (0, 0)
    counters[0] += made[0]
    counters[1] += made[1]
    for stand in stands:
        stand.live(made[stand.slot.colorant != "black"], day, horizon)


def _read(stand: Stand, pages: int, day: int, horizon: Horizon) -> None:
    at = moment(horizon.day(day))
    if stand.rule.wants(stand.look(at, pages), stand.look(at + AGAIN, pages, again=True), bool(stand.coming)):
        stand.order(day, horizon)


def under(make: Callable[[Workplace], Keeper], places: Sequence[Workplace], horizon: Horizon) -> Tally:
    """A whole fleet under one rule."""
    tally = Tally()
    for place in places:
        tally.add(run(place, horizon, make(place)))
    return tally

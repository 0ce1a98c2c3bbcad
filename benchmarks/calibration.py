"""Whether forecasts keep what they say: of a hundred intervals of 80 % eighty hold the day, and chances come true.

The same generated printers with a spare always at hand, so that every cartridge runs to its end and the day is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from random import Random

from agent.simulation.contenders import Ours, OurSlot
from agent.simulation.generated import Cartridge, Horizon, Slot, Telling, Workplace, new_cartridge, shake, told
from agent.simulation.trial import AGAIN, moment
from agent.supplies.forecast import FARTHEST, chance_within
from agent.supplies.lives import Look
from agent.supplies.policy import OrderRules, SlotView, days_until

EVERY = 7  # days between two forecasts that are held to the truth
SETTLED = 60  # days of learning before the first
NEAR = 30  # days: forecasts that may ask for an order
BINS = (0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.01)


@dataclass(frozen=True, slots=True)
class Claim:
    """What was forecast on one day (days from then), the chance of running dry before an order would come, and the
    truth."""

    telling: Telling
    earliest: int | None
    likely: int | None
    latest: int | None
    chance: float
    horizon: int
    truth: int

    @property
    def side(self) -> int:
        """0 when the interval holds the day; -1 when it ended before, 1 when after it."""
        if self.truth < (FARTHEST if self.earliest is None else self.earliest):
            return -1
        return 1 if self.latest is not None and self.truth > self.latest else 0

    @property
    def is_near(self) -> bool:
        """Whether it was forecast to end soon."""
        return self.likely is not None and self.likely <= NEAR


@dataclass(slots=True)
class _Stand:
    """One slot whose cartridges all run to their end."""

    slot: Slot
    rule: OurSlot
    cartridge: Cartridge
    chance: Random
    number: int = 0
    open: list[tuple[int, Claim]] = field(default_factory=list)

    def live(self, pages: int, day: int) -> Iterator[Claim]:
        """One day of printing; the claims that have come to their truth."""
        self.cartridge.use(pages, self.chance)
        shake(self.cartridge, self.chance)
        if self.cartridge.left > 0:
            return
        for made_on, claim in self.open:
            yield replace(claim, truth=day - made_on)
        self.open.clear()

    def renew(self) -> None:
        """A new cartridge in the morning after."""
        if self.cartridge.left <= 0:
            self.number += 1
            self.cartridge = new_cartridge(self.slot, self.number, self.chance)


def claims(place: Workplace, horizon: Horizon, rules: OrderRules) -> Iterator[Claim]:
    """What is forecast for one printer over the whole time; the last cartridges of all are left out."""
    keeper = Ours(horizon, rules)
    stands = []
    for number, slot in enumerate(place.slots):
        chance = Random(place.seed + 7 * number)  # noqa: S311  repeatable on purpose
        cartridge = new_cartridge(slot, 0, chance)
        cartridge.left *= chance.uniform(0.1, 1.0)
        stands.append(_Stand(slot, keeper.rule(slot), cartridge, chance))
    counters = [0, 0]
    for day in range(horizon.days):
        counters[0] += place.pages[day]
        counters[1] += place.color_pages[day]
        for stand in stands:
            stand.renew()
            yield from stand.live((place.pages, place.color_pages)[stand.slot.colorant != "black"][day], day)
        if place.heard[day]:
            keeper.counted(horizon.day(day), *counters)
            for stand in stands:
                _look(stand, counters[stand.slot.colorant != "black"], day, horizon, rules)


def _look(stand: _Stand, pages: int, day: int, horizon: Horizon, rules: OrderRules) -> None:
    serial = stand.cartridge.serial if stand.slot.serials else None
    for wait in (timedelta(0), AGAIN):
        view = stand.rule.view(
            Look(
                moment(horizon.day(day)) + wait,
                pages,
                told(stand.slot, stand.cartridge, stand.chance, again=bool(wait)),
                serial,
            )
        )
    if day < SETTLED or day % EVERY or stand.cartridge.left <= 0:
        return
    made = _claim(view, stand.slot.telling, rules)
    if made is not None:
        stand.open.append((day, made))


def _claim(view: SlotView, telling: Telling, rules: OrderRules) -> Claim | None:
    left = view.left if view.usage else None
    if left is None or view.usage is None:
        return None
    says = view.forecast
    days = days_until(rules, view.today, view.is_working)
    worth = view.usage.worth(view.today, days, view.is_working)
    chance = chance_within(left, view.usage, worth)
    if says is None:
        return None
    return Claim(telling, says.earliest, says.likely, says.latest, chance, days, 0)


@dataclass(frozen=True, slots=True)
class Held:
    """How many of the intervals held the day (parts of a whole), and how many ended before and after it."""

    claims: int
    held: float
    sooner: float
    later: float


def held(made: Iterable[Claim]) -> Held:
    """Of these claims."""
    sides = [claim.side for claim in made]
    count = max(len(sides), 1)
    return Held(len(sides), sides.count(0) / count, sides.count(-1) / count, sides.count(1) / count)


def reliability(made: Sequence[Claim]) -> list[tuple[float, float, int, float, float]]:
    """By bins of the chance: from, to, how many, the mean chance that was said, and how often it came true."""
    rows = []
    for low, high in pairwise(BINS):
        those = [claim for claim in made if low <= claim.chance < high]
        if those:
            said = sum(claim.chance for claim in those) / len(those)
            true = sum(claim.truth <= claim.horizon for claim in those) / len(those)
            rows.append((low, high, len(those), said, true))
    return rows

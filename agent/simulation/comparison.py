"""Order rules side by side on one invented fleet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from agent.simulation.contenders import Ours, Threshold
from agent.simulation.generated import Horizon, fleet
from agent.simulation.trial import Keeper, Placement, Tally, followed
from agent.supplies.policy import OrderRules
from agent.supplies.usage import Working, is_weekday

FIRST = date(2024, 1, 1)  # the same on every day, so that the same number makes the same fleet
USUAL_PERCENT = (10, 20)  # thresholds that other systems have


@dataclass(frozen=True, slots=True)
class Invented:
    """A fleet that never was: 1 or more printers over 1 or more days. The same `seed` makes the same one again."""

    printers: int
    days: int
    seed: int
    is_working: Working = is_weekday

    @property
    def horizon(self) -> Horizon:
        """Its days."""
        return Horizon(FIRST, self.days, self.is_working)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Order rules and whose they are: those of a group, or of the whole site where `group` is `None`."""

    group: str | None
    rules: OrderRules


@dataclass(slots=True)
class Outcome:
    """What came of one set of rules, or of a fixed threshold in percent; `placed` are its orders, by printer."""

    of: RuleSet | int
    tally: Tally = field(default_factory=Tally)
    placed: list[tuple[str, Placement]] = field(default_factory=list)


def compared(invented: Invented, sets: Sequence[RuleSet]) -> Iterator[list[Outcome]]:
    """The outcome of every set as if it were armed, then of the usual thresholds: after each printer, and growing."""
    horizon = invented.horizon
    contenders: list[tuple[Outcome, Callable[[], Keeper]]] = [
        *((Outcome(one), partial(Ours, horizon, replace(one.rules, armed=True))) for one in sets),
        *((Outcome(percent), partial(Threshold, float(percent))) for percent in USUAL_PERCENT),
    ]
    for place in fleet(invented.seed, invented.printers, horizon):
        for outcome, make in contenders:
            tally, placed = followed(place, horizon, make())
            outcome.tally.add(tally)
            outcome.placed += [(place.name, one) for one in placed]
        yield [outcome for outcome, _make in contenders]

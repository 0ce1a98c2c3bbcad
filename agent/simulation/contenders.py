"""The agent's order rules, and the fixed threshold that is usual, as they see a slot of a generated printer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from agent.meters import Finding
from agent.simulation.generated import Horizon, Slot
from agent.supplies.levels import Level, Supply
from agent.supplies.lives import Life, Look, begun, followed
from agent.supplies.orders import BomItem
from agent.supplies.points import PointsMeter
from agent.supplies.policy import OrderRules, Situation, SlotView, decide, wish
from agent.supplies.unseen import unseen_change
from agent.supplies.usage import Usage, UsageMeter
from agent.supplies.wear import expected_wear, learnt

LOW_MEANS = 5.0  # percent that the field takes a printer's *low* for


@dataclass(slots=True)
class FixedThreshold:
    """Orders when the level falls to so many percent, and not again until it was above that.

    `some_left` is what a level of *some left* (-3) is taken for, if anything.
    """

    percent: float
    some_left: float | None = None
    silent: bool = False
    why: Finding | None = None

    def wants(self, look: Look, again: Look, under_way: bool) -> bool:
        """Once per breach; *some left* after *low* ends one."""
        named = named_percent(look.level, self.some_left)
        if named is None:
            self.silent = self.silent and look.level.kind != "some_left"
            return False
        if named > self.percent:
            self.silent = False
        return named <= self.percent and not self.silent

    def ordered(self, at: datetime) -> None:
        """Silent until the breach is over."""
        self.silent = True


def named_percent(level: Level, some_left: float | None) -> float | None:
    """One number for a level, as the field has it."""
    if level.kind == "some_left":
        return some_left
    if level.kind == "at_most":
        return LOW_MEANS
    return 0.0 if level.kind == "empty" else level.percent


@dataclass(frozen=True, slots=True)
class Threshold:
    """A fixed threshold for every slot of a printer."""

    percent: float
    some_left: float | None = None

    def rule(self, slot: Slot) -> FixedThreshold:
        """A fresh one."""
        return FixedThreshold(self.percent, self.some_left)

    def counted(self, day: date, total: int, color: int) -> None:
        """Pages do not matter to it."""


class Ours:
    """The agent's policy, with what it would have in its memory.

    To see what each part is worth: `counts` says whether it knows page counters, `learns` whether earlier cartridges
    teach it how long one lasts.
    """

    def __init__(self, horizon: Horizon, rules: OrderRules, *, counts: bool = True, learns: bool = True) -> None:
        self.horizon = horizon
        self.rules = rules
        self.counts = counts
        self.learns = learns
        self._meters = UsageMeter(horizon.is_working), UsageMeter(horizon.is_working)
        self._usages: tuple[Usage | None, Usage | None] = (None, None)

    def rule(self, slot: Slot) -> OurSlot:
        """One slot."""
        return OurSlot(self, slot)

    def counted(self, day: date, total: int, color: int) -> None:
        """Learns from the counters."""
        if not self.counts:
            return
        for meter, pages in zip(self._meters, (total, color), strict=True):
            meter.add(day, pages)
        self._usages = self._meters[0].usage(), self._meters[1].usage()

    def usage(self, slot: Slot) -> Usage | None:
        """What is printed with this slot's supply."""
        return self._usages[slot.colorant != "black"]


class OurSlot:
    """Looks kept as the agent keeps them; an order stands in the way until the cartridge has changed after it."""

    def __init__(self, site: Ours, slot: Slot) -> None:
        self._site = site
        self._slot = slot
        self._life: Life | None = None
        self._points = PointsMeter(site.horizon.is_working)
        self._before = expected_wear("toner", slot.yield_pages)
        self._ordered_at: datetime | None = None
        self._wanted_since: datetime | None = None
        self.why: Finding | None = None
        self._item = BomItem("10", "M", "Toner", "toner", slot.colorant, True, None, 1, None)

    def wants(self, look: Look, again: Look, under_way: bool) -> bool:
        """When two looks as far apart as the rules say ask for it, and nothing refuses."""
        asks = wish(self.view(look), self._site.rules)
        life = self._see(again)
        if not self._site.counts:
            self._points.note(life, look.at.date())
        if asks is None or self._is_open(life):
            self._wanted_since = None
            return False
        situation = Situation(False, self._wanted_since or look.at, None, 0, 0, again.at)
        item = replace(self._item, open_order_number="1") if under_way else self._item
        decision = decide(self._view(again, life), (item,), situation, self._site.rules)
        self._wanted_since = (self._wanted_since or look.at) if decision else None
        self.why = decision.reason if decision else None
        return decision is not None and decision.order

    def ordered(self, at: datetime) -> None:
        """Remembers when."""
        self._ordered_at = at

    def view(self, look: Look) -> SlotView:
        """What the policy sees after one look more."""
        return self._view(look, self._see(look))

    def _see(self, look: Look) -> Life:
        if not self._site.counts:
            look = replace(look, pages=None)
        if self._life is None:
            self._life = begun(look, None)
            return self._life
        *ended, self._life = followed(self._life, look)
        for life in ended if self._site.learns else ():
            self._before = learnt(self._before, life)
        successor = unseen_change(self._life, self._before, self._slot.yield_pages)
        if successor is not None:
            self._life = successor
        return self._life

    def _view(self, look: Look, life: Life) -> SlotView:
        supply = Supply("1.1", "toner", "consumed", self._slot.colorant, None, look.level)
        usage = self._site.usage(self._slot) if self._site.counts else self._points.usage()
        is_working = self._site.horizon.is_working
        return SlotView(supply, life, self._before, usage, look.at.date(), is_working)

    def _is_open(self, life: Life) -> bool:
        return self._ordered_at is not None and life.first.at <= self._ordered_at

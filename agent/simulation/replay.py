"""What the order rules would have done with what was really seen: which orders, when, why, and whether in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from agent.supplies.levels import Supply
from agent.supplies.lives import Look
from agent.supplies.orders import BomItem
from agent.supplies.points import PointsMeter
from agent.supplies.policy import COMPONENT_OF_TYPE, Decision, OrderRules, Situation, SlotView, days_until, decide
from agent.supplies.slots import SlotState, after
from agent.supplies.usage import UsageMeter, Working, is_weekday

COUNTED = timedelta(days=1)  # the caps count what was ordered in this time
Verdict = Literal["in_time", "too_late", "not_changed_yet"]


@dataclass(frozen=True, slots=True)
class SlotHistory:
    """What was seen of one slot; `days` are the counter that wears it at the first look of a day, the oldest first."""

    equipment_number: str
    supply: Supply
    looks: Sequence[Look]
    days: Sequence[tuple[date, int]]
    yield_pages: int | None = None


@dataclass(frozen=True, slots=True)
class WouldBe:
    """An order that would have been placed at `at`.

    `arrives` is when it would have been there by the rules' lead time; `changed` when another cartridge was seen in
    the printer, None while there is none. `repeated` says that the same cartridge had had one before.
    """

    equipment_number: str
    supply: Supply
    at: datetime
    decision: Decision
    arrives: date
    changed: datetime | None
    repeated: bool

    @property
    def verdict(self) -> Verdict:
        """Whether it would have come before the cartridge was changed."""
        if self.changed is None:
            return "not_changed_yet"
        return "too_late" if self.changed.date() < self.arrives else "in_time"


def replay(
    history: SlotHistory, rules: OrderRules, since: datetime, is_working: Working = is_weekday
) -> tuple[WouldBe, ...]:
    """The orders of this slot from `since` on; what was seen before is learnt from."""
    flight = _Flight(history, rules, since, is_working)
    for look in history.looks:
        flight.see(look)
    return tuple(flight.orders())


class _Flight:
    """One slot, look by look: what is known at each is what was known then."""

    def __init__(self, history: SlotHistory, rules: OrderRules, since: datetime, is_working: Working) -> None:
        self._history = history
        self._rules = rules
        self._since = since
        self._is_working = is_working
        self._meter = UsageMeter(is_working)
        self._points = PointsMeter(is_working)
        self._days: Iterator[tuple[date, int]] = iter(history.days)
        self._next = next(self._days, None)
        self._state: SlotState | None = None
        self._wanted: datetime | None = None
        self._placed: list[tuple[datetime, Decision]] = []
        self._changes: list[datetime] = []

    def see(self, look: Look) -> None:
        """Learns, and decides as the agent would have."""
        self._count(look.at.astimezone().date())
        before = self._state.life.first.at if self._state else None
        state = replace(after(self._state, self._history.supply, look), yield_pages=self._history.yield_pages)
        self._state = state
        self._points.note(state.life, look.at.astimezone().date())
        if before is not None and state.life.first.at != before and state.life.changed_by:
            self._changes.append(state.life.first.at)
        if look.at >= self._since:
            self._decide(look)

    def _count(self, day: date) -> None:
        while self._next is not None and self._next[0] <= day:
            self._meter.add(self._next[0] - timedelta(days=1), self._next[1])
            self._next = next(self._days, None)

    def _decide(self, look: Look) -> None:
        if self._state is None:
            return
        told = self._history.supply
        supply = Supply(told.slot, told.type, told.supply_class, told.colorant, told.description, look.level)
        day = look.at.astimezone().date()
        usage = self._meter.usage() if self._history.days else self._points.usage()
        view = SlotView(supply, self._state.life, self._state.before, usage, day, self._is_working)
        ordered = self._placed[-1][0].isoformat() if self._is_open() else None
        situation = Situation(False, self._wanted, ordered, 0, 0, look.at)
        component = COMPONENT_OF_TYPE.get(told.type, "")
        item = BomItem("", "", "", component, told.colorant, True, None, 1, None, self._history.yield_pages)
        decision = decide(view, (item,), situation, self._rules)
        self._wanted = (self._wanted or look.at) if decision else None
        if decision and (decision.order or decision.reason.code == "dry_run"):
            self._placed.append((look.at, decision))

    def _is_open(self) -> bool:
        return bool(self._placed) and self._state is not None and self._state.life.first.at <= self._placed[-1][0]

    def orders(self) -> Iterator[WouldBe]:
        """With what happened afterwards."""
        previous: datetime | None = None
        for at, decision in self._placed:
            day = at.astimezone().date()
            ahead = days_until(self._rules, day, self._is_working, -self._rules.safety_days)
            repeated = previous is not None and not any(previous < change <= at for change in self._changes)
            changed = next((change for change in self._changes if change > at), None)
            arrives = day + timedelta(days=ahead)
            number, supply = self._history.equipment_number, self._history.supply
            yield WouldBe(number, supply, at, decision, arrives, changed, repeated)
            previous = at


def sums(orders: Sequence[WouldBe]) -> Mapping[str, int]:
    """How many in all, twice for the same cartridge, too late."""
    return {
        "orders": len(orders),
        "twice": sum(one.repeated for one in orders),
        "too_late": sum(one.verdict == "too_late" for one in orders),
    }


def beyond_caps(orders: Sequence[WouldBe], of_equipment: int, in_all: int) -> int:
    """How many of these, in the order of time, the caps would have kept waiting for a person or the next day."""
    recent: list[WouldBe] = []
    waiting = 0
    for one in orders:
        recent = [other for other in recent if one.at - other.at < COUNTED]
        mine = sum(other.equipment_number == one.equipment_number for other in recent)
        if len(recent) >= in_all or mine >= of_equipment:
            waiting += 1
        else:
            recent.append(one)
    return waiting

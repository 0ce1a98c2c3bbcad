"""What supplies say, cycle by cycle: kept where it is new, cut into the lives of cartridges, and ready for deciding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from agent.ports import SlotMemory, Supplies
from agent.printers import Equipment
from agent.readout import Readout
from agent.supplies.levels import Supply
from agent.supplies.lives import Life, Look
from agent.supplies.orders import OrderedItem
from agent.supplies.points import usage_in_points
from agent.supplies.policy import OrderRules, SlotView, is_mostly_used, wish
from agent.supplies.slots import SlotState, after, counter_of, in_short, pages_of
from agent.supplies.usage import Usage, Working, is_weekday, usage_of

REMEMBERED = timedelta(days=400)  # of counters: a year, and the weeks around it
REMEMBERED_LEVELS = timedelta(days=200)  # of looks: three times the days after which one counts half
METER_OF_COUNTER = {"total": "total", "color": "full_color"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One supply as it is now, with what is known of its slot; `look` is None when it says nothing new.

    `usage` is what is printed with it, once somebody has asked (`Stockroom.counted`).
    """

    supply: Supply
    short: str
    state: SlotState
    look: Look | None
    wished_since: datetime | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Stockroom:
    """Notes what readouts say of supplies. `is_working` knows the site's weekends and holidays.

    `withdraw` gives up the order with this reference at a time, if the portal surely does not have it; whether it did.
    """

    supplies: Supplies
    is_working: Working = field(default=is_weekday)
    withdraw: Callable[[str, datetime], bool] = lambda reference, now: False

    def note(
        self,
        readouts: Mapping[str, Readout],
        rules: Mapping[str, OrderRules],
        known: Mapping[str, Mapping[str, SlotMemory]],
    ) -> dict[str, tuple[Supply, ...]]:
        """Keeps what is new, by equipment number, and gives back the supplies of which one may ask for an order: all of
        the equipment, as others may come along; none where none asks.

        Raises `StoreError`.
        """
        concerned = {}
        for number, readout in readouts.items():
            seen = self.seen(readout, known.get(number, {}))
            self._keep(number, readout, seen, known.get(number, {}))
            asks = any(one.wished_since for one in seen) or self._may_ask(number, seen, readout.read_at, rules[number])
            concerned[number] = readout.supplies if asks else ()
        return concerned

    def seen(self, readout: Readout, known: Mapping[str, SlotMemory]) -> list[Seen]:
        """Every supply with what follows from all its looks and this one."""
        day = local_day(readout.read_at)
        pages = counters_of(readout)
        found = []
        for supply in readout.supplies:
            short, memory = in_short(supply, day.toordinal()), known.get(supply.slot)
            state = memory.state() if memory else None
            since = memory.wished_since if memory else None
            if memory is not None and state is not None and memory.seen == short:
                found.append(Seen(supply, short, state, None, since))
                continue
            counter, count = pages_of(state, supply, pages)
            look = Look(readout.read_at, count, supply.level, supply.serial_number, supply.part_number)
            now = after(state, supply, look)
            found.append(Seen(supply, short, replace(now, counter=counter or now.counter), look, since))
        return found

    def _keep(self, number: str, readout: Readout, seen: Sequence[Seen], known: Mapping[str, SlotMemory]) -> None:
        new = {one.supply.slot: (one.short, one.look, one.state) for one in seen if one.look is not None}
        if not new:
            return
        day = local_day(readout.read_at)
        is_first_today = not any(memory.seen.startswith(f"{day.toordinal()}|") for memory in known.values())
        self.supplies.remember(number, new, counters_of(readout) if is_first_today else {}, day)
        for one in seen:
            self._installed(number, one, readout.read_at)

    def _installed(self, number: str, one: Seen, now: datetime) -> None:
        """Orders of a cartridge that is in the printer now are over. One that has not left yet would bring another
        for nothing; what was to come along with it is decided anew."""
        if one.look is None or one.state.life.changed_by is None:
            return
        for item in self.supplies.open_items(number):
            if item.slot == one.supply.slot and is_installed(item, one.state.life):
                self.supplies.follow(item, "installed", now)
                if self.withdraw(item.reference, now):
                    self._set_free(number, item.reference, now)

    def _set_free(self, number: str, reference: str, now: datetime) -> None:
        for item in self.supplies.open_items(number):
            if item.reference == reference:
                self.supplies.follow(item, "not_placed", now)

    def _may_ask(self, number: str, seen: Sequence[Seen], now: datetime, rules: OrderRules) -> bool:
        used = [one for one in seen if is_mostly_used(self.view(one, now), rules)]
        return any(wish(self.view(one, now), rules) for one in self.counted(number, used, now))

    def view(self, one: Seen, now: datetime) -> SlotView:
        """What the policy looks at."""
        return SlotView(one.supply, one.state.life, one.state.before, one.usage, local_day(now), self.is_working)

    def counted(
        self, number: str, seen: Sequence[Seen], now: datetime, equipment: Equipment | None = None
    ) -> list[Seen]:
        """The same with what is printed: a year of days is learnt from once for each counter, not for each supply."""
        usages: dict[str, Usage | None] = {}
        for one in seen:
            if (name := counter_of(one.supply)) not in usages:
                estimate = annual_estimate_of(equipment, one.supply) if equipment else None
                usages[name] = self.usage(number, one.supply, now, estimate)
        return [replace(one, usage=usages[counter_of(one.supply)]) for one in seen]

    def usage(self, number: str, supply: Supply, now: datetime, annual_estimate: int | None = None) -> Usage | None:
        """How much is printed with this supply, or used up of it where no counter is known.

        A day's first look tells the counter at the end of the day before.
        """
        days = self.supplies.days(number, local_day(now - REMEMBERED))
        colored = counter_of(supply) == "color" and any(color is not None for _, _, color in days)
        counts = ((day - timedelta(days=1), color if colored else total) for day, total, color in days)
        told = [(day, count) for day, count in counts if count is not None]
        by_levels = None if told else self._usage_in_points(number, supply.slot, now)
        return by_levels or usage_of(told, annual_estimate, self.is_working)

    def _usage_in_points(self, number: str, slot: str, now: datetime) -> Usage | None:
        looks = self.supplies.looks(number, slot, now - REMEMBERED_LEVELS)
        return usage_in_points(((local_day(look.at), look) for look in looks), self.is_working)


def is_installed(item: OrderedItem, life: Life) -> bool:
    """Whether the cartridge in the slot came after the order: only then another one may be ordered.

    By which look it began, not by when that was: a clock that was wrong at the order, or is wrong now, makes neither
    another cartridge of the same one nor the same one of another. An order of an earlier version knows its time alone.
    """
    if life.changed_by is None:
        return False
    return life.first.at not in item.began if item.began else life.first.at > item.ordered_at


def beginnings(life: Life) -> tuple[datetime, ...]:
    """The looks seen so far at which the cartridge in the slot began, or may turn out to have begun."""
    return (life.first.at,) if life.raised is None else (life.first.at, life.raised.at)


def counters_of(readout: Readout) -> dict[str, int]:
    """The counters that wear supplies, as the printer tells them."""
    values = {counter.meter: counter.value for counter in readout.counters}
    return {name: values[meter] for name, meter in METER_OF_COUNTER.items() if meter in values}


def local_day(moment: datetime) -> date:
    """The day of a moment where the agent runs."""
    return moment.astimezone().date()


def annual_estimate_of(equipment: Equipment, supply: Supply) -> int | None:
    """The portal's estimate of pages per year for what wears this supply."""
    code = "color" if counter_of(supply) == "color" else "total"
    points = [point for point in equipment.measuring_points if point.meter_code == code]
    return points[0].annual_estimate if points else None

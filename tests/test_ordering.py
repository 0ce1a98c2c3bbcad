"""From a low supply to an order: once, not again while it is on its way, and again for the next cartridge."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.cycle import Cycle
from agent.discovery.allowed import Allowed
from agent.discovery.finder import NetworkFinder
from agent.discovery.ranges import AddressRanges
from agent.errors import PortalUnreachable
from agent.memory import SqlMemory
from agent.meters import Counter, Finding, MeasuringPoint
from agent.ordering import Replenishment
from agent.ports import Account
from agent.printers import Endpoint, Equipment, Identity
from agent.readout import Readout
from agent.snmp.catalogue import shipped
from agent.snmp.client import SnmpClient
from agent.snmp.conversation import CommunityAccess
from agent.stockroom import beginnings, is_installed
from agent.store import Store
from agent.supplies.levels import Supply, percent_level
from agent.supplies.lives import Look, begun, followed
from agent.supplies.orders import BomItem, Instruction, OrderedItem, OrderProgress, PlacedOrder
from agent.supplies.policy import OrderRules
from agent.supply_memory import SqlSupplies
from agent.survey import Survey
from agent.texts import message
from agent.upload.courier import Courier
from agent.upload.envelope import Accepted, Kept, Rejected
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import Source
from tests.fleet_process import FleetProcess, printer

LEVEL = "1.3.6.1.2.1.43.11.1.1.9.1.1"
LIFE_COUNT = "1.3.6.1.2.1.43.10.2.1.4.1.1"
COUNTERS = "1.3.6.1.4.1.18334.1.1.1.5.7.2"
SLOT = "1.1"
TOTALS = (f"{COUNTERS}.1.1.0", LIFE_COUNT)
TONER = BomItem("0010", "A1", "Toner", "toner", "cyan", True, None, 2, None, 5000)


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


class Office:
    """An honest portal in memory: books everything, keeps the orders, has no rights missing."""

    def __init__(self, *, answers: bool = True, rejects: bool = False) -> None:
        self.orders: list[str] = []
        self.answers = answers
        self.rejects = rejects
        self.has_bill = True
        self.first = 0
        self.of_others: list[PlacedOrder] = []
        self.progress = OrderProgress("received")
        self.asked: list[str] = []

    async def account(self) -> Account:
        raise NotImplementedError

    async def equipments(self):
        point = MeasuringPoint("47", "total", mandatory=True)
        return [Equipment("1", technical_identification_number="KMBT5A17C2", measuring_points=(point,))]

    async def bill_of_material(self, equipment_number):
        if not self.has_bill:
            raise PortalUnreachable(message("Nobody there."))
        return [TONER]

    async def orders_of(self, equipment_number):
        return self.of_others

    async def order_progress(self, order_number):
        self.asked.append(order_number)
        return self.progress

    async def submit_readings(self, envelopes):
        return [Accepted((f"D{envelope.reference[:6]}",)) for envelope in envelopes]

    async def submit_order(self, envelope, *, first_try):
        if not self.answers:
            return Kept("scope-not-unlocked", "orders are not unlocked", "orders:write")
        if self.rejects:
            return Rejected("material-not-orderable", "Not any more.")
        self.orders.append(envelope.reference)
        return Accepted((f"O{self.first + len(self.orders)}",))


class Nobody:
    """Progress that nobody watches."""

    def stage(self, name, total) -> None:
        pass

    def step(self, count: int = 1) -> None:
        pass


COLOR_PRINTS = f"{COUNTERS}.2.1.5.2.2"


@contextmanager
def printer_with(tmp_path, level: int, printed: int = 0):
    """One virtual printer whose first toner has this level, so many colored pages later."""
    folder = tmp_path / f"fleet-{level}-{printed}"
    folder.mkdir(exist_ok=True)
    counts = {**dict.fromkeys(TOTALS, f"2|{128431 + printed}"), COLOR_PRINTS: f"2|{42110 + printed}"}
    one = printer("konica", "127.34.0.1", faults={}, set={LEVEL: f"2|{level}", **counts})
    with FleetProcess(folder, [one]) as process:
        yield process.ports["konica"]


def stage(store: Store, office: Office, clock: Clock, **rules: object) -> Replenishment:
    """The ordering stage on this database."""
    outbox, memory, supplies = SqlOutbox(store), SqlMemory(store), SqlSupplies(store)
    mine = OrderRules(**{"armed": True, "at_first_sight": True, **rules})
    source = Source("agent", "0")
    return Replenishment(office, outbox, supplies, clock, lambda equipment: mine, source, memory.standings)


def run(
    tmp_path, clock: Clock, office: Office, level: int, printed: int = 0, **rules: object
) -> list[tuple[bool, str]]:
    """One cycle with this toner level; what was decided: ordered or not, and why."""
    with printer_with(tmp_path, level, printed) as port, Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        outbox, memory = SqlOutbox(store), SqlMemory(store)
        finder = NetworkFinder(Allowed(AddressRanges.parse(["127.34.0.1"])), (), port)
        survey = Survey(finder, SnmpClient((CommunityAccess("v2c", "public"),)), shipped(), clock)
        courier = Courier(outbox, office, clock, asyncio.sleep)
        ordering = stage(store, office, clock, **rules)
        cycle = Cycle(
            survey,
            office,
            outbox,
            memory,
            ordering,
            courier,
            clock,
            ordering.source,
            lambda moment: moment.isoformat(),
        )
        report = asyncio.run(cycle.run(Nobody()))
    orderings = [one for line in report.lines for one in line.orderings]
    return [(one.decision.order, one.decision.reason.code) for one in orderings if one.decision.supply.slot == SLOT]


def test_the_life_of_one_cartridge(tmp_path):
    """Seen low: not yet. Low half an hour later: ordered. Low for days: not again. Replaced and low anew: ordered."""
    clock, office = Clock(), Office()
    assert run(tmp_path, clock, office, 8) == [(False, "first_sight")]
    clock.moment += timedelta(minutes=31)
    assert run(tmp_path, clock, office, 8) == [(True, "level_below_threshold")]
    clock.moment += timedelta(days=3)
    assert run(tmp_path, clock, office, 5, 100) == [(False, "order_open")]
    clock.moment += timedelta(days=1)
    assert run(tmp_path, clock, office, 100, 200) == []
    clock.moment += timedelta(days=60)
    assert run(tmp_path, clock, office, 9, 5000) == [(False, "first_sight")]
    clock.moment += timedelta(hours=1)
    assert [order for order, _ in run(tmp_path, clock, office, 9, 5000)] == [True]
    assert len(office.orders) == 2


def test_an_order_that_waits_for_a_right_is_not_made_twice(tmp_path):
    """The portal does not take it yet: the order is kept, and the next cycle makes no second one."""
    clock, office = Clock(), Office(answers=False)
    run(tmp_path, clock, office, 8)
    clock.moment += timedelta(hours=1)
    assert run(tmp_path, clock, office, 8) == [(True, "level_below_threshold")]
    clock.moment += timedelta(hours=1)
    assert run(tmp_path, clock, office, 8) == [(False, "order_open")]


def test_low_when_first_seen_is_not_ordered_before_an_order_of_somebody_else_would_have_come(tmp_path):
    """Nobody knows whether it was ordered by hand; after lead time and safety it would be there, so then it is."""
    clock, office = Clock(), Office()
    assert run(tmp_path, clock, office, 8, at_first_sight=False) == [(False, "low_at_first_sight")]
    clock.moment += timedelta(days=5)
    assert run(tmp_path, clock, office, 7, 300, at_first_sight=False) == [(False, "low_at_first_sight")]
    clock.moment += timedelta(days=15)
    assert [order for order, _ in run(tmp_path, clock, office, 6, 900, at_first_sight=False)] == [True]


# The stage alone, with readouts as the reading stage makes them: weeks in a moment.

EQUIPMENT = Equipment("1", technical_identification_number="KMBT5A17C2")


def read(clock: Clock, pages: int, *supplies: Supply) -> Readout:
    """What was read now."""
    counters = tuple(
        Counter(meter, "system", "any", "any", "impressions", pages, "1.2.3", "generic 1") for meter in METERS
    )
    return Readout(Endpoint("127.0.0.1", 161), "ok", clock.moment, Identity(), counters, supplies)


METERS = ("total", "full_color")


def toner(percent: float, colorant: str = "cyan", slot: str = "1.1", serial: str | None = None) -> Supply:
    """A toner that names its level."""
    return Supply(slot, "toner", "consumed", colorant, colorant.title(), percent_level(percent), serial_number=serial)


class Week:
    """Reads one printer once an hour at the most, on a clock of its own, and lets the stage decide."""

    def __init__(self, store: Store, office: Office, **rules: object) -> None:
        self.clock, self.pages = Clock(), 1000
        self.clock.moment = datetime(2026, 1, 5, 12, tzinfo=UTC)
        self.store, self.office = store, office
        self.stage = stage(store, office, self.clock, **{"at_first_sight": False, **rules})
        self.ordered: list[tuple[datetime, list[str]]] = []
        self.said: list[str] = []

    def day(self, pages: int, *supplies: Supply, looks: int = 2) -> list[tuple[bool, str]]:
        """One day's pages, then reading at noon and an hour later; what was decided at last."""
        self.clock.moment += timedelta(days=1)
        self.pages += pages
        decided: list[tuple[bool, str]] = []
        for look in range(looks):
            self.clock.moment += timedelta(hours=look)
            readout = read(self.clock, self.pages, *supplies)
            with self.stage.outbox.together():
                concerned = self.stage.note([(EQUIPMENT, readout)])
            orderings = asyncio.run(self.stage.order(EQUIPMENT, replace(readout, supplies=concerned["1"])))
            decided = [(one.decision.order, one.decision.reason.code) for one in orderings]
            self.said = [str(one.decision.reason.message) for one in orderings]
            placed = [one.decision.supply.slot for one in orderings if one.entry]
            if placed:
                self.ordered.append((self.clock.moment, placed))
        self.clock.moment -= timedelta(hours=sum(range(looks)))
        return decided


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as opened:
        yield opened


def used_up(week: Week, a_day: int, per_page: float, start: float = 100.0, days: int = 400) -> float:
    """Prints every day until something was ordered; the level then."""
    level = start
    for _ in range(days):
        level = max(level - a_day * per_page, 0.0)
        week.day(a_day, toner(round(level)))
        if week.ordered:
            return level
    raise AssertionError("nothing was ordered")


def test_who_prints_much_is_supplied_earlier_than_who_prints_little(tmp_path):
    """The same cartridge of 5,000 pages: with 200 pages a day ordered when much is left, with 20 when little is."""
    levels = []
    for a_day in (200, 20):
        with Store.open(tmp_path / f"{a_day}.sqlite", exclusive=True) as opened:
            levels.append(used_up(Week(opened, Office()), a_day, 100 / 5000))
    assert levels[0] > 25 > levels[1] > 3


def test_every_order_explains_itself(store):
    """Reason, chance, days until it is empty and what was left: all of it is kept with the order."""
    week = Week(store, Office())
    level = used_up(week, 100, 100 / 5000)
    [item] = SqlSupplies(store).items()
    assert (item.status, item.slot, item.material_number, item.why.code) == ("wanted", "1.1", "A1", "runs_dry")
    assert item.chance is not None
    assert item.chance > 0.02
    earliest, likely, latest = item.days
    assert earliest <= likely <= latest
    assert likely == pytest.approx(level / (100 * 100 / 5000), rel=0.4)
    assert item.percent[0] - 1 <= level <= item.percent[1] + 1


def test_why_it_is_ordered_stays_in_the_house_where_it_is_withheld(store):
    """The order itself leaves; its reasons are withheld, and are still kept here."""
    week = Week(store, Office())
    week.stage = replace(week.stage, source=Source("agent", "0", ("trigger",)))
    used_up(week, 100, 100 / 5000)
    [entry] = SqlMemory(store).entries()
    assert entry.envelope.content.keys() == {"client_reference", "equipment_number", "items", "ship_to"}
    assert SqlSupplies(store).items()[0].why.code == "runs_dry"


def test_an_order_ends_when_another_cartridge_is_in_the_printer(store):
    """Not when it was delivered, and not when the old one was shaken: only a new one frees the way for the next."""
    week, supplies = Week(store, Office()), SqlSupplies(store)
    level = used_up(week, 100, 100 / 5000)
    for risen in (level + 12, level + 8, level - 2):
        week.day(100, toner(round(risen)))
    assert len(week.ordered) == 1
    assert [item.status for item in supplies.open_items()] == ["wanted"]
    week.day(100, toner(100))
    assert supplies.open_items() == []
    assert [item.status for item in supplies.items()] == ["installed"]


def test_a_person_holds_an_order_back(store):
    """Held: nothing is ordered, with their words; released: it is."""
    week, supplies = Week(store, Office()), SqlSupplies(store)
    supplies.instruct(Instruction("1", "", "held", week.clock.moment, "Ada", "the machine goes back"))
    with pytest.raises(AssertionError, match="nothing was ordered"):
        used_up(week, 100, 100 / 5000, days=60)
    assert week.day(100, toner(0)) == [(False, "held")]
    supplies.withdraw("1", "")
    assert week.day(100, toner(0))[0][0] or week.ordered


def test_a_person_confirms_what_the_caps_hold_back(store):
    """Beyond the cap nothing is ordered until somebody says so, and that counts once."""
    week, supplies = Week(store, Office(), max_per_equipment_per_day=1), SqlSupplies(store)
    supplies.order([replace(ITEM, ordered_at=week.clock.moment + timedelta(days=365))])
    with pytest.raises(AssertionError, match="nothing was ordered"):
        used_up(week, 100, 100 / 5000, days=48)
    assert week.day(50, toner(3)) == [(False, "equipment_cap")]
    supplies.instruct(Instruction("1", "1.1", "confirmed", week.clock.moment, "Ada", ""))
    assert week.day(0, toner(3), looks=1) == [(True, "runs_dry")]
    assert supplies.instructions("1") == []


ITEM = OrderedItem(
    "r" * 32, "1", "1.9", "B2", "0020", "Drum", datetime(2026, 1, 1, tzinfo=UTC), Finding("said_low", message("Low."))
)


def test_the_portal_is_asked_what_became_of_an_order(store):
    """In process, then delivered, with the tracking number; asked about once an hour, and no more when it has come."""
    week, supplies = Week(store, Office()), SqlSupplies(store)
    used_up(week, 100, 100 / 5000)
    courier = Courier(week.stage.outbox, week.office, week.clock, asyncio.sleep)
    asyncio.run(courier.deliver())
    for told in (OrderProgress("in_process"), OrderProgress("delivered", (("0010", 1),), "JJD0001")):
        week.office.progress = told
        week.clock.moment += timedelta(hours=1)
        asyncio.run(week.stage.follow())
        asyncio.run(week.stage.follow())
        [item] = supplies.open_items()
        assert (item.status, item.tracking) == (told.status, told.tracking)
    assert week.office.asked == ["O1", "O1"]
    week.clock.moment += timedelta(hours=1)
    asyncio.run(week.stage.follow())
    week.day(100, toner(100))
    asyncio.run(week.stage.follow())
    assert [item.status for item in supplies.items()] == ["installed"]
    assert week.office.asked == ["O1", "O1"]


def test_what_the_portal_rejects_is_not_ordered_again_and_again(store):
    """A rejected order stands in the way until the cartridge is changed or a person frees the way."""
    week, supplies = Week(store, Office(rejects=True)), SqlSupplies(store)
    used_up(week, 100, 100 / 5000)
    asyncio.run(Courier(week.stage.outbox, week.office, week.clock, asyncio.sleep).deliver())
    asyncio.run(week.stage.follow())
    assert [item.status for item in supplies.open_items()] == ["rejected"]
    assert week.day(100, toner(5)) == [(False, "order_rejected")]


def test_a_failing_bill_of_material_decides_nothing(store):
    """Without it nothing is ordered, and nothing is forgotten."""
    office = Office()
    week = Week(store, office)
    office.has_bill = False
    with pytest.raises(AssertionError, match="nothing was ordered"):
        used_up(week, 100, 100 / 5000, days=50)
    office.has_bill = True
    week.day(100, toner(2))
    assert len(week.ordered) == 1


def test_an_order_keeps_by_whose_rules_it_was_made(store):
    """The group's name then, whatever the config file says later; the site's where no group has the equipment."""
    for number, group in enumerate(("Plant 2", "")):
        week = Week(store, Office())
        week.stage = replace(week.stage, group_of=lambda equipment, name=group: name)
        used_up(week, 100, 0.02, days=60)
        item = SqlSupplies(store).items()[-1]
        assert item.group == group, number
        SqlSupplies(store).follow(item, "closed", week.clock.moment)


@pytest.mark.parametrize("wrong", [timedelta(days=365), timedelta(days=-365)], ids=["ahead", "behind"])
def test_an_order_under_a_wrong_clock_ends_with_its_cartridge(store, wrong):
    """Ordered under a clock that was a year off: the same cartridge gets no second order when the clock is set, and the
    next one frees the way."""
    week, supplies = Week(store, Office()), SqlSupplies(store)
    week.day(100, toner(60))
    week.day(100, toner(100))
    week.clock.moment += wrong
    used_up(week, 100, 100 / 5000)
    week.clock.moment -= wrong
    for percent in (8, 6, 4):
        week.day(100, toner(percent))
    assert [item.status for item in supplies.items()] == ["wanted"]
    week.day(100, toner(100))
    assert [item.status for item in supplies.items()] == ["installed"]
    week.ordered.clear()
    used_up(week, 100, 100 / 5000)
    assert [item.status for item in supplies.items()] == ["installed", "wanted"]


def test_a_cartridge_that_was_shaken_before_the_order_frees_nothing():
    """It had risen when it was ordered for; that it proves to be another one makes it no newer than the order."""
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    first = Look(noon, 1000, percent_level(4))
    risen = Look(noon + timedelta(hours=1), 1100, percent_level(25))
    [life] = followed(begun(first, "level"), risen)
    assert life.raised == risen
    item = replace(ITEM, began=beginnings(life))
    later = begun(risen, "level")
    assert not is_installed(item, later)
    assert is_installed(item, begun(Look(noon - timedelta(days=365), 1200, percent_level(100)), "level"))

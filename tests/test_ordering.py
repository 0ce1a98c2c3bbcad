"""From a low supply to an order: once, not again while it is on its way, and again for the next cartridge."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agent.cycle import Cycle
from agent.discovery.allowed import Allowed
from agent.discovery.finder import NetworkFinder
from agent.discovery.ranges import AddressRanges
from agent.memory import SqlMemory
from agent.meters import MeasuringPoint
from agent.ordering import Replenishment
from agent.ports import Account
from agent.printers import Equipment
from agent.snmp.catalogue import shipped
from agent.snmp.client import SnmpClient
from agent.snmp.conversation import CommunityAccess
from agent.store import Store
from agent.supplies.orders import BomItem
from agent.supplies.policy import OrderRules
from agent.survey import Survey
from agent.upload.courier import Courier
from agent.upload.envelope import Accepted, Kept
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import Source
from tests.fleet_process import FleetProcess, printer

LEVEL = "1.3.6.1.2.1.43.11.1.1.9.1.1"
TONER = BomItem("0010", "A1", "Toner", "toner", "cyan", True, None, 2, None)


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


class Office:
    """An honest portal in memory: books everything, keeps the orders, has no rights missing."""

    def __init__(self, *, answers: bool = True) -> None:
        self.orders: list[str] = []
        self.answers = answers

    async def account(self) -> Account:
        raise NotImplementedError

    async def equipments(self):
        point = MeasuringPoint("47", "total", mandatory=True)
        return [Equipment("1", technical_identification_number="KMBT5A17C2", measuring_points=(point,))]

    async def bill_of_material(self, equipment_number):
        return [replace(TONER, colorant=colorant) for colorant in ("cyan",)]

    async def submit_readings(self, envelopes):
        return [Accepted((f"D{envelope.reference[:6]}",)) for envelope in envelopes]

    async def submit_order(self, envelope, *, first_try):
        if not self.answers:
            return Kept("scope-not-unlocked", "orders are not unlocked", "orders:write")
        self.orders.append(envelope.reference)
        return Accepted((f"O{len(self.orders)}",))


class Nobody:
    """Progress that nobody watches."""

    def stage(self, name, total) -> None:
        pass

    def step(self, count: int = 1) -> None:
        pass


@contextmanager
def printer_with(tmp_path, level: int):
    """One virtual printer whose first toner has this level."""
    folder = tmp_path / f"fleet-{level}"
    folder.mkdir(exist_ok=True)
    one = printer("konica", "127.34.0.1", faults={}, set={LEVEL: f"2|{level}"})
    with FleetProcess(folder, [one]) as process:
        yield process.ports["konica"]


def run(tmp_path, clock: Clock, office: Office, level: int, **rules: object) -> list[tuple[bool, str]]:
    """One cycle with this toner level; what was decided: ordered or not, and why."""
    usual = {
        "armed": True,
        "threshold_percent": 10,
        "between_low_readings": timedelta(minutes=30),
        "max_per_equipment_per_day": 2,
        "max_per_day": 20,
    }
    with printer_with(tmp_path, level) as port, Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        outbox, memory = SqlOutbox(store), SqlMemory(store)
        finder = NetworkFinder(Allowed(AddressRanges.parse(["127.34.0.1"])), (), port)
        survey = Survey(finder, SnmpClient((CommunityAccess("v2c", "public"),)), shipped(), clock)
        courier = Courier(outbox, office, clock, asyncio.sleep)
        source = Source("agent", "0")
        ordering = Replenishment(office, outbox, memory, clock, OrderRules(**{**usual, **rules}), source)
        cycle = Cycle(
            survey, office, outbox, memory, ordering, courier, clock, source, lambda moment: moment.isoformat()
        )
        report = asyncio.run(cycle.run(Nobody()))
    return [(one.decision.order, one.decision.reason.code) for line in report.lines for one in line.orderings]


def test_the_life_of_one_cartridge(tmp_path):
    """Seen low: not yet. Low half an hour later: ordered. Low for days: not again. Replaced and low anew: ordered."""
    clock, office = Clock(), Office()
    assert run(tmp_path, clock, office, 8) == [(False, "first_sight")]
    clock.moment += timedelta(minutes=31)
    assert run(tmp_path, clock, office, 8) == [(True, "level_below_threshold")]
    clock.moment += timedelta(days=3)
    assert run(tmp_path, clock, office, 5) == [(False, "order_open")]
    clock.moment += timedelta(days=1)
    assert run(tmp_path, clock, office, 100) == []
    clock.moment += timedelta(days=60)
    assert run(tmp_path, clock, office, 9) == [(False, "first_sight")]
    clock.moment += timedelta(hours=1)
    assert run(tmp_path, clock, office, 9) == [(True, "level_below_threshold")]
    assert len(office.orders) == 2


def test_an_order_that_waits_for_a_right_is_not_made_twice(tmp_path):
    """The portal does not take it yet: the order is kept, and the next cycle makes no second one."""
    clock, office = Clock(), Office(answers=False)
    run(tmp_path, clock, office, 8)
    clock.moment += timedelta(hours=1)
    assert run(tmp_path, clock, office, 8) == [(True, "level_below_threshold")]
    clock.moment += timedelta(hours=1)
    assert run(tmp_path, clock, office, 8) == [(False, "order_open")]
    clock.moment += timedelta(days=1)
    assert run(tmp_path, clock, office, 100) == []
    clock.moment += timedelta(days=60)
    run(tmp_path, clock, office, 9)
    clock.moment += timedelta(hours=1)
    assert run(tmp_path, clock, office, 9) == [(False, "order_open")]


def test_a_shaken_cartridge_is_no_new_one(tmp_path):
    """Ordered, then shaken: the level rises above the limit and falls again, and nothing is ordered a second time."""
    clock, office = Clock(), Office()
    for level in (8, 8, 14, 12, 7, 5, 3):
        run(tmp_path, clock, office, level)
        clock.moment += timedelta(hours=5)
    assert len(office.orders) == 1

"""However often the agent is killed while it orders, and the portal fails: one order for each cartridge, none lost."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.clock import SystemClock
from agent.memory import SqlMemory
from agent.meters import Counter as Count
from agent.ordering import Replenishment
from agent.printers import Endpoint, Equipment, Identity
from agent.readout import Readout
from agent.store import Store
from agent.supplies.levels import Supply, percent_level
from agent.supplies.policy import OrderRules
from agent.supply_memory import SqlSupplies
from agent.upload.courier import Courier
from agent.upload.outbox import SqlOutbox
from agent.upload.portal import PortalClient
from agent.upload.seal import Source
from tests.killed import killed_after, needs_fork
from tests.portal_process import PortalProcess
from tests.portal_seed import equipment, number_of, seed_file
from tests.test_courier import HandClock, Record, bad_day
from tests.test_portal_client import connect

CI = os.environ.get("CI") == "true"
KILLS = int(os.environ.get("ORDER_KILLS", "40" if CI else "20"))
MANY = 120  # printers with one toner that is low for good
RULES = OrderRules(
    armed=True,
    between_low_readings=timedelta(),
    at_first_sight=True,
    max_per_equipment_per_day=1000,
    max_per_day=1_000_000,
)


def low(pages: int) -> Readout:
    """A printer whose toner is at three percent."""
    counter = Count("total", "system", "any", "any", "impressions", pages, "1.2.3", "generic 1")
    toner = Supply("1.1", "toner", "consumed", None, "Toner", percent_level(3))
    place = Endpoint("127.0.0.1", 161)
    return Readout(place, "ok", datetime.now(UTC), Identity(), (counter,), (toner,))


async def one_round(store: Store, portal: Any, number: str, pages: int) -> list[str]:
    """One printer is read, decided about, and everything is brought to the portal; the references of what was made."""
    client = PortalClient(connect(portal, timeout=5.0))
    outbox, memory, clock = SqlOutbox(store), SqlMemory(store), SystemClock()
    source, mine = Source("a", "0"), Equipment(number)
    stage = Replenishment(
        client, outbox, SqlSupplies(store), clock, lambda one: RULES, source, memory.standings
    )  # fmt: skip
    try:
        readout = low(pages)
        with outbox.together():
            stage.note([(mine, readout)])
        made = await stage.order(mine, readout)
        await Courier(outbox, client, clock, asyncio.sleep, chance=lambda: 0.02, desk=client).deliver()
        await stage.follow(timedelta())
    finally:
        await client.close()
    return [one.entry.reference for one in made if one.entry]


def work(file: Path, portal: PortalProcess) -> None:
    """An agent that reads one printer after the other for ever, and says what it has ordered."""
    with Store.open(file, exclusive=True) as store:
        while True:
            which = random.randrange(MANY)
            for reference in asyncio.run(one_round(store, portal, number_of(which + 1), 1000)) or ["nothing"]:
                print(reference, flush=True)  # noqa: T201  what the test listens to


@needs_fork
def test_one_order_for_each_cartridge(tmp_path: Path, record_property: Record) -> None:
    """120 printers with a low toner, an agent that is killed at any step, a portal that fails: ordered once each."""
    file, chance = tmp_path / "a.sqlite", random.Random(7)
    seed = seed_file(tmp_path / "portal" / "equipment.json", *(equipment(n + 1) for n in range(MANY)))
    with PortalProcess(tmp_path / "portal", "--seed", str(seed)) as portal:
        slow = {"kind": "latency-after", "path": "/v1/", "method": "POST", "seconds": 0.05, "chance": 0.5}
        bad_day(portal, 0.15, slow)
        for _ in range(KILLS):
            killed_after(lambda: work(file, portal), chance.randint(1, 6), chance.uniform(0.0, 0.08))
        portal.faults()
        duplicates = asyncio.run(the_rest(file, portal))
        booked = portal.ledger()["orders"]
    with Store.open(file, exclusive=True) as store:
        made = [entry for entry in SqlMemory(store).entries(limit=1_000_000) if entry.envelope.kind == "order"]
        items = SqlSupplies(store).items()
    assert {entry.state for entry in made} == {"accepted"}
    assert Counter(item.equipment_number for item in items) == Counter(number_of(n + 1) for n in range(MANY))
    assert Counter(one["client_reference"] for one in booked) == Counter(item.reference for item in items)
    assert duplicates > 0, "no kill and no fault fell after a booking"
    record_property("kills while ordering", KILLS)
    record_property("cartridges, each ordered once", len(items))
    record_property("of these asked for again", duplicates)


async def the_rest(file: Path, portal: PortalProcess) -> int:
    """Every printer once more by an agent whom nobody kills; how many orders the portal had booked before."""
    with Store.open(file, exclusive=True) as store:
        for which in range(MANY):
            await one_round(store, portal, number_of(which + 1), 1000)
        client, clock = PortalClient(connect(portal)), HandClock(datetime.now(UTC) + timedelta(hours=2))
        try:
            assert (await Courier(SqlOutbox(store), client, clock, clock.sleep, desk=client).deliver()).trouble is None
        finally:
            await client.close()
        memory = SqlMemory(store)
        notes = [str(memory.history(one.envelope.reference)[-1].note) for one in memory.entries(limit=1_000_000)]
    return sum("had booked it already" in note for note in notes)

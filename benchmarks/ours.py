"""The agent reads the printers of a job: its SNMP part alone, its interpretation alone, or the whole cycle.

Run as `python -m benchmarks.ours PART` with the job as JSON on standard input; prints what it cost as JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.acquaintances import SqlKeeper
from agent.app import Unwatched
from agent.clock import SystemClock
from agent.cycle import Cycle
from agent.errors import PrinterSilent
from agent.loop import run
from agent.memory import SqlMemory
from agent.meters import MeasuringPoint
from agent.order_book import OrderBook
from agent.ordering import Replenishment
from agent.ports import Account, Snmp
from agent.printers import Endpoint, Equipment
from agent.readout import Readout
from agent.schedule import Rhythm, keep_running
from agent.settings import Settings
from agent.snmp.access import UserAccess
from agent.snmp.catalogue import shipped
from agent.snmp.client import SnmpClient
from agent.snmp.interpretation import identify, interpret
from agent.snmp.manners import Manners
from agent.snmp.pacing import Pace
from agent.snmp.v3_client import UserClient
from agent.snmp.varbinds import Answer, Ask, Varbinds
from agent.store import Store
from agent.supplies.orders import BomItem
from agent.supply_memory import SqlSupplies
from agent.surveying import survey_of
from agent.upload.courier import Courier, Delivery
from agent.upload.envelope import Accepted, Envelope, Outcome
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import Source
from benchmarks.plan import ACCESS, LIFE_COUNT, SERIAL, observed
from benchmarks.search import PUBLIC, settings_of
from benchmarks.usage import Usage

Job = dict[str, Any]
IDLE = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Desk:
    """The portal in the same process: cheap, so that the agent's own share is measured."""

    equipment: Sequence[Equipment]

    async def account(self) -> Account:
        """An agent with every right."""
        return Account("benchmark", "1", frozenset(), datetime.now(UTC))

    async def equipments(self) -> Sequence[Equipment]:
        """One equipment per printer."""
        return self.equipment

    async def bill_of_material(self, equipment_number: str) -> Sequence[BomItem]:
        """Nothing can be ordered."""
        return ()

    async def submit_readings(self, envelopes: Sequence[Envelope]) -> Sequence[Outcome]:
        """Everything is booked."""
        return [Accepted((envelope.reference[:10],)) for envelope in envelopes]

    async def submit_order(self, envelope: Envelope, *, first_try: bool) -> Outcome:
        """Everything is booked."""
        return Accepted((envelope.reference[:10],))


def endpoints_of(job: Job) -> list[Endpoint]:
    """The printers of the job."""
    return [Endpoint(address, job["port"]) for address in job["addresses"]]


def client_of(job: Job) -> SnmpClient:
    """The agent's client, without a pace: it is measured how fast it could be."""
    return SnmpClient([ACCESS], pace_of(job))


def pace_of(job: Job) -> Pace:
    """The patience of the job."""
    return Pace(timeout=job["timeout"], retries=job["retries"])


async def ask_all(job: Job, asks: Sequence[Ask], endpoints: Sequence[Endpoint], client: Snmp) -> tuple[int, int]:
    """Both questions to every printer; how many answered rightly, and the datagrams sent."""
    gate = asyncio.Semaphore(job["at_once"])

    async def one(endpoint: Endpoint, life: int, serial: str) -> tuple[bool, int]:
        async with gate:
            try:
                answers = [await client.ask(endpoint, ask) for ask in asks]
            except PrinterSilent:
                return False, 0
        read = answers[-1].varbinds
        right = read.number(LIFE_COUNT) == life and read.text(SERIAL) == serial.encode()
        whole = [len(answer.varbinds) for answer in answers] == job["told"]
        return right and whole, sum(answer.datagrams for answer in answers)

    results = await asyncio.gather(*map(one, endpoints, job["lives"], job["serials"]))
    return sum(right for right, _ in results), sum(sent for _, sent in results)


async def snmp(job: Job) -> str:
    """Asking and decoding to `Varbinds`, nothing more."""
    client = client_of(job)
    return await asked(job, endpoints_of(job), client, client)


async def v3(job: Job) -> str:
    """The same in SNMPv3, with a new session for every address: who warms up is another client."""
    user = UserAccess(**job["user"])
    return await asked(job, endpoints_of(job), UserClient(user, pace_of(job)), UserClient(user, pace_of(job)))


async def asked(job: Job, endpoints: Sequence[Endpoint], before: Snmp, client: Snmp) -> str:
    """What both questions to every printer cost `client`, after `before` has asked some for warming up."""
    asks = (await observed(endpoints[0])).asks
    await ask_all(job, asks, endpoints[: job["warm"]], before)
    usage = Usage.begin()
    read, sent = await ask_all(job, asks, endpoints, client)
    return usage.report(read=read, datagrams=sent)


async def interpretation(job: Job) -> str:
    """The meaning of one printer's answers, as often as there are printers, without any network."""
    plan, catalogue = await observed(endpoints_of(job)[0]), shipped()
    client = client_of(job)
    endpoint = endpoints_of(job)[0]
    first, answer = [await client.ask(endpoint, ask) for ask in plan.asks]

    def understood() -> Readout:
        # New objects each time: nothing that one printer's answers keep may help the next.
        said, more = Varbinds(first.varbinds.items()), Varbinds(answer.varbinds.items())
        identity, _ = identify(catalogue.generic, said)
        profile = catalogue.choose(identity, said)
        return interpret(profile, endpoint, said, Answer(more, "v2c", 4), datetime.now(UTC))

    for _ in range(job["warm"]):
        understood()
    usage = Usage.begin()
    read = sum(understood().status == "ok" for _ in endpoints_of(job))
    return usage.report(read=read)


def equipment_of(number: int, endpoint: Endpoint) -> Equipment:
    """What the portal wants of this printer: three counters."""
    codes = ("total", "black", "color")
    points = tuple(MeasuringPoint(f"{number:08d}{place}", code) for place, code in enumerate(codes))
    return Equipment(
        equipment_number=f"{number:018d}",
        technical_identification_number=endpoint.address,
        measuring_points=points,
    )


async def pipeline(job: Job) -> str:
    """From finding to what is on the disk; nothing is delivered."""
    return await cycle(job, booking=False)


async def later(job: Job) -> str:
    """The same on the next day: every printer is known, and has its read plan."""
    return await cycle(job, booking=False, before=1)


async def cycle(job: Job, *, booking: bool = True, before: int = 0) -> str:
    """A whole cycle: find, match, read, validate, commit, deliver, write the receipts. The database is new but for so
    many cycles `before`, each of a day of its own."""
    endpoints = endpoints_of(job)
    with tempfile.TemporaryDirectory() as folder:
        with prepared(Path(folder) / "warm.db") as store:
            await composed(job, endpoints[: job["warm"]], store, booking=booking).run(Unwatched())
        # A service has made its tables, read its profiles and got its equipment long ago.
        with prepared(Path(folder) / "agent.db") as store:
            whole = composed(job, endpoints, store, booking=booking)
            for day in range(before):
                await replace(whole, period=lambda _, day=day: f"day {day}").run(Unwatched())
            usage = Usage.begin()
            report = await whole.run(Unwatched())
            state = "accepted" if booking else "waiting"
            read = sum(1 for line in report.lines if line.entry and line.entry.state == state)
            return usage.report(read=read)


async def idle(job: Job) -> str:
    """The service after its first cycle, doing nothing until the next: what that costs in `IDLE` seconds."""
    endpoints, done = endpoints_of(job), asyncio.Event()
    with tempfile.TemporaryDirectory() as folder, prepared(Path(folder) / "agent.db") as store:
        whole = composed(job, endpoints, store, booking=True)

        async def cycled() -> None:
            await whole.run(Unwatched())
            done.set()

        async def delivered() -> None:
            await whole.courier.deliver()

        stop = asyncio.Event()
        service = asyncio.create_task(keep_running(cycled, delivered, Rhythm(60, 5, 60), stop))
        await done.wait()
        usage = Usage.begin()
        await asyncio.sleep(IDLE)
        report = usage.report(read=len(endpoints))
        stop.set()
        await service
        return report


def prepared(path: Path) -> Store:
    """A new database whose tables another process has made: of that nothing is in this one's memory."""
    script = "import sys, pathlib, agent.store as s; s.Store.open(pathlib.Path(sys.argv[1]), exclusive=True).close()"
    subprocess.run([sys.executable, "-c", script, path], check=True)
    return Store.open(path, exclusive=True)


class Resting(Courier):
    """A courier that leaves everything in the outbox: the way to the portal is not measured."""

    async def deliver(self) -> Delivery:
        """Sends nothing."""
        return Delivery()


def composed(job: Job, endpoints: Sequence[Endpoint], store: Store, *, booking: bool) -> Cycle:
    """A cycle over these printers, composed as `agent.app` does it, with a portal in the same process."""
    clock = SystemClock()
    desk = Desk([equipment_of(number, endpoint) for number, endpoint in enumerate(endpoints, 1)])
    hosts = [endpoint.address for endpoint in endpoints]
    outbox, memory, source = SqlOutbox(store), SqlMemory(store), Source("benchmark", "0")
    return Cycle(
        survey=survey_of(settings_of(job, {"hosts": hosts}), PUBLIC, clock, None, Manners(SqlKeeper(store))),
        portal=desk,
        outbox=outbox,
        memory=memory,
        ordering=Replenishment(
            desk, outbox, SqlSupplies(store), clock, OrderBook(Settings().orders).rules, source, memory.standings
        ),
        courier=(Courier if booking else Resting)(outbox, desk, clock, asyncio.sleep),
        clock=clock,
        source=source,
        period=lambda moment: moment.date().isoformat(),
    )


PARTS = {
    "snmp": snmp,
    "v3": v3,
    "interpretation": interpretation,
    "pipeline": pipeline,
    "later": later,
    "cycle": cycle,
    "idle": idle,
}


def main() -> None:
    """Does the part that is named."""
    print(run(PARTS[sys.argv[1]](json.load(sys.stdin))))


if __name__ == "__main__":
    main()

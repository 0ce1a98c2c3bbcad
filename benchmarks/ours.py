"""The agent reads the printers of a job: its SNMP part alone, its interpretation alone, or the whole cycle.

Run as `python -m benchmarks.ours PART` with the job as JSON on standard input; prints what it cost as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.clock import SystemClock
from agent.cycle import Cycle
from agent.errors import PrinterSilent
from agent.loop import run
from agent.memory import SqlMemory
from agent.meters import MeasuringPoint
from agent.ports import Account
from agent.printers import Endpoint, Equipment, Printer, Sighting
from agent.readout import Readout
from agent.snmp.catalogue import shipped
from agent.snmp.client import SnmpClient
from agent.snmp.conversation import Pace
from agent.snmp.interpretation import identify, interpret
from agent.snmp.pacing import Pacer
from agent.snmp.varbinds import Answer, Ask, Varbinds
from agent.store import Store
from agent.supplies.orders import BomItem
from agent.supplies.policy import OrderRules
from agent.survey import Limits, Survey, bounded
from agent.texts import Message
from agent.upload.courier import Courier
from agent.upload.envelope import Accepted, Envelope, Outcome
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import Source, seal_reading
from agent.validation import validate
from benchmarks.plan import ACCESS, LIFE_COUNT, SERIAL, observed, serial_of
from benchmarks.usage import Usage

Job = dict[str, Any]
SOURCE = Source("benchmark", "0")
NO_ORDERS = OrderRules(
    armed=False,
    threshold_percent=10,
    between_low_readings=timedelta(minutes=30),
    max_per_equipment_per_day=2,
    max_per_day=20,
)


class Unwatched:
    """Progress that nobody looks at."""

    def stage(self, name: Message, total: int | None) -> None:
        """Nothing to show."""

    def step(self) -> None:
        """Nothing to show."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The `Finder` of the job's addresses."""

    endpoints: Sequence[Endpoint]

    async def candidates(self) -> AsyncIterator[Sighting]:
        """Every one of them."""
        for endpoint in self.endpoints:
            yield Sighting(endpoint, "configured")


@dataclass(frozen=True, slots=True)
class Desk:
    """The portal in the same process: it costs what a list lookup costs, so that the agent's own share is measured."""

    equipment: Sequence[Equipment]

    async def account(self) -> Account:
        """An agent with every right."""
        return Account("benchmark", "1", frozenset(), datetime.now(UTC), 100)

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
    return SnmpClient([ACCESS], Pace(timeout=job["timeout"], retries=job["retries"]))


async def ask_all(job: Job, asks: Sequence[Ask], endpoints: Sequence[Endpoint], client: SnmpClient) -> tuple[int, int]:
    """Both questions to every printer; how many answered rightly, and the datagrams sent."""
    gate = asyncio.Semaphore(job["at_once"])

    async def one(endpoint: Endpoint) -> tuple[bool, int]:
        async with gate:
            try:
                answers = [await client.ask(endpoint, ask) for ask in asks]
            except PrinterSilent:
                return False, 0
        told: dict[Any, Any] = {}
        for answer in answers:
            told.update((oid, answer.varbinds.get(oid)) for oid in (LIFE_COUNT, SERIAL) if oid in answer.varbinds)
        right = told[LIFE_COUNT].content == job["life"] and told[SERIAL].content == serial_of(endpoint.address)
        whole = len({oid for answer in answers for oid in answer.varbinds}) >= job["objects"]
        return right and whole, sum(answer.datagrams for answer in answers)

    results = await asyncio.gather(*map(one, endpoints))
    return sum(right for right, _ in results), sum(sent for _, sent in results)


async def snmp(job: Job) -> str:
    """Asking and decoding to `Varbinds`, nothing more."""
    endpoints, client = endpoints_of(job), client_of(job)
    asks = (await observed(endpoints[0])).asks
    await ask_all(job, asks, endpoints[: job["warm"]], client)
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


async def read_over(job: Job, endpoints: Sequence[Endpoint], folder: Path) -> tuple[int, int]:
    """Find, read, interpret, validate, seal, commit, as the cycle does it; how many were stored, and datagrams."""
    clock, period = SystemClock(), "2026-11-23"
    survey = survey_of(job, endpoints)
    found = await survey.find(Unwatched())

    async def read(printer: Printer) -> Readout:
        return await survey.read(printer.endpoint, found.first[printer.endpoint])

    readouts = await bounded(read, found.printers, survey.limits.reads, Unwatched())
    stored = 0
    with Store.open(folder / "agent.db", exclusive=True) as store:
        outbox, memory = SqlOutbox(store), SqlMemory(store)
        for number, readout in enumerate(readouts, 1):
            equipment = equipment_of(number, readout.endpoint)
            verdict = validate(equipment, readout, memory.last_reported(equipment.equipment_number))
            if verdict.reading is not None:
                envelope = seal_reading(verdict.reading, SOURCE, period, held=False, now=clock.now())
                stored += outbox.put(envelope, readout)
    return stored, sum(readout.datagrams for readout in readouts)


async def pipeline(job: Job) -> str:
    """From asking to what is on the disk, without matching and without a portal."""
    endpoints = endpoints_of(job)
    with tempfile.TemporaryDirectory() as warm, tempfile.TemporaryDirectory() as folder:
        await read_over(job, endpoints[: job["warm"]], Path(warm))
        usage = Usage.begin()
        stored, sent = await read_over(job, endpoints, Path(folder))
        return usage.report(read=stored, datagrams=sent)


async def cycle(job: Job) -> str:
    """A whole cycle with a new database: find, match, read, validate, commit, deliver, write the receipts."""
    endpoints, clock = endpoints_of(job), SystemClock()
    desk = Desk([equipment_of(number, endpoint) for number, endpoint in enumerate(endpoints, 1)])
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "agent.db", exclusive=True) as store:
        outbox, memory = SqlOutbox(store), SqlMemory(store)
        whole = Cycle(
            survey=survey_of(job, endpoints),
            portal=desk,
            outbox=outbox,
            memory=memory,
            supplies=memory,
            courier=Courier(outbox, desk, clock, asyncio.sleep),
            clock=clock,
            rules=NO_ORDERS,
            source=SOURCE,
            period=lambda moment: moment.date().isoformat(),
        )
        usage = Usage.begin()
        report = await whole.run(Unwatched())
    read = sum(1 for line in report.lines if line.entry and line.entry.state == "accepted")
    return usage.report(read=read)


async def sweep(job: Job) -> str:
    """The first half of a cycle over many addresses of which few answer."""
    client = SnmpClient([ACCESS], Pace(timeout=job["timeout"], retries=job["retries"]), Pacer(job["per_second"]))
    survey = Survey(Listed(endpoints_of(job)), client, shipped(), SystemClock())
    usage = Usage.begin()
    found = await survey.find(Unwatched())
    return usage.report(read=len(found.printers), silent=found.silent)


def survey_of(job: Job, endpoints: Sequence[Endpoint]) -> Survey:
    """Finding and reading exactly these printers."""
    return Survey(Listed(endpoints), client_of(job), shipped(), SystemClock(), Limits(reads=job["at_once"]))


PARTS = {"snmp": snmp, "interpretation": interpretation, "pipeline": pipeline, "cycle": cycle, "sweep": sweep}


def main() -> None:
    """Does the part that is named."""
    print(run(PARTS[sys.argv[1]](json.load(sys.stdin))))


if __name__ == "__main__":
    main()

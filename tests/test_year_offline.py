"""A year without the portal: nothing is dropped, it stays small, and everything has left soon after."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.clock import SystemClock
from agent.ledger import verify
from agent.memory import SqlMemory
from agent.store import Store
from agent.upload.courier import Courier, Delivery
from agent.upload.outbox import SqlOutbox
from agent.upload.portal import PortalClient
from tests.portal_process import PortalProcess
from tests.portal_seed import seed_file
from tests.test_portal_client import connect
from tests.year import YearlyPrinter, portal_equipment

PRINTERS = int(os.environ.get("YEAR_PRINTERS", "12"))
DAYS = int(os.environ.get("YEAR_DAYS", "128"))
TOGETHER = 100  # readings in a commit, and in a request
PROMISED = 128 * 2**20 / (500 * 365)  # octets of the database per reading
Record = Callable[[str, object], None]


def write_year(file: Path, begin: datetime) -> list[str]:
    """One reading per printer and day, each judged by those before it; their references in that order."""
    references = []
    printers = [YearlyPrinter(number) for number in range(PRINTERS)]
    with Store.open(file, exclusive=True) as store:
        outbox, memory = SqlOutbox(store), SqlMemory(store)
        for day in range(DAYS):
            for first in range(0, PRINTERS, TOGETHER):
                some = printers[first : first + TOGETHER]
                codes = {one.equipment.equipment_number: one.codes for one in some}
                with outbox.together():
                    before = memory.last_reported(list(codes), codes=codes)
                    parcels = [
                        one.parcel(
                            day,
                            begin + timedelta(days=day, milliseconds=37 * one.number),
                            before[one.equipment.equipment_number],
                        )
                        for one in some
                    ]
                    outbox.put_all(parcels)
                references += [parcel.envelope.reference for parcel in parcels]
                assert {parcel.state for parcel in parcels} == {"waiting"}
    return references


def seconds_of(action: Callable[[], object], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        action()
    return (time.perf_counter() - begin) / times


async def drained(outbox: SqlOutbox, portal: PortalProcess) -> Delivery:
    client = PortalClient(connect(portal, timeout=60.0))
    try:
        return await Courier(outbox, client, SystemClock(), asyncio.sleep, batch=TOGETHER).deliver()
    finally:
        await client.close()


@contextmanager
def portal_of_all(folder: Path) -> Iterator[PortalProcess]:
    """A portal that has the equipment of all printers. It keeps no exchanges, which would take longer than booking."""
    seed = seed_file(folder / "seed.json", *(portal_equipment(YearlyPrinter(number)) for number in range(PRINTERS)))
    portal = PortalProcess(folder / "portal", "--seed", str(seed), "--record", os.devnull)
    try:
        yield portal
    finally:
        portal.kill()


def booked(portal: PortalProcess) -> dict[str, list[str]]:
    """By equipment the references of what the portal has booked, in the order of booking; each meter once."""
    found: dict[str, dict[str, None]] = {}
    seen = set[tuple[str, str]]()
    with closing(sqlite3.connect(portal.data_dir / "portal.sqlite")) as ledger:
        for equipment, reference, code in ledger.execute(
            "SELECT equipment_number, client_reference, meter_code FROM documents"
            " WHERE client_reference IS NOT NULL ORDER BY number"
        ):
            assert (reference, code) not in seen, "booked twice"
            seen.add((reference, code))
            found.setdefault(equipment, {})[reference] = None
    return {equipment: list(some) for equipment, some in found.items()}


def test_a_year_without_the_portal(tmp_path: Path, record_property: Record) -> None:
    """Every reading of the year is there, in little space, and arrives once and in order when the portal is back."""
    file = tmp_path / "agent.sqlite"
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=DAYS + 1)
    started = time.perf_counter()
    references = write_year(file, begin)
    record_property("readings", len(references))
    record_property("seconds to read and store them", round(time.perf_counter() - started, 1))
    Store.open(tmp_path / "empty.sqlite", exclusive=True).close()
    size, empty = file.stat().st_size, (tmp_path / "empty.sqlite").stat().st_size
    each = (size - empty) / len(references)
    record_property("MiB of the database", round(size / 2**20, 1))
    record_property("octets of the database per reading", round(each))
    assert each <= PROMISED
    with Store.open(file, exclusive=True) as store:
        outbox, memory = SqlOutbox(store), SqlMemory(store)
        assert memory.counts() == {"waiting": len(references)}
        looked_up = seconds_of(lambda: outbox.due(datetime.now(UTC), TOGETHER), 20)
        record_property("seconds to look up 100 that are due", round(looked_up, 4))
        with portal_of_all(tmp_path) as portal:
            started, used = time.perf_counter(), time.process_time()
            delivery = asyncio.run(drained(outbox, portal))
            record_property("seconds until all is booked", round(time.perf_counter() - started, 1))
            record_property("of these the agent's own, of CPU", round(time.process_time() - used, 1))
            there = booked(portal)
        assert (delivery.trouble, delivery.accepted, delivery.duplicates) == (None, len(references), 0)
        assert memory.counts() == {"accepted": len(references)}
        assert verify(store).why is None
    record_property("MiB of the database when all is booked", round(file.stat().st_size / 2**20, 1))
    assert sorted(reference for some in there.values() for reference in some) == sorted(references)
    place = {reference: at for at, reference in enumerate(references)}
    assert all(some == sorted(some, key=place.__getitem__) for some in there.values())

"""A year without the portal: nothing is dropped, it stays small, and everything has left soon after."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.clock import SystemClock
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
DAYS = int(os.environ.get("YEAR_DAYS", "40"))
TOGETHER = 100  # readings in a commit, and in a request
PROMISED = 128 * 2**20 / (500 * 365)  # octets of the database per reading
EMPTY = 200_000  # octets of a database without readings, which weigh the more the fewer readings there are
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


def booked(portal: PortalProcess) -> dict[str, list[tuple[str, str]]]:
    """By equipment what the portal has booked, in the order of booking: reference and time of reading."""
    found: dict[str, dict[tuple[str, str], int]] = {}
    with closing(sqlite3.connect(portal.data_dir / "portal.sqlite")) as ledger:
        rows = ledger.execute(
            "SELECT equipment_number, client_reference, read_at, meter_code FROM documents"
            " WHERE client_reference IS NOT NULL ORDER BY number"
        )
        seen = set()
        for equipment, reference, read_at, code in rows:
            assert (reference, code) not in seen, "booked twice"
            seen.add((reference, code))
            found.setdefault(equipment, {})[reference, read_at] = 1
    return {equipment: list(some) for equipment, some in found.items()}


def test_a_year_without_the_portal(tmp_path: Path, record_property: Record) -> None:
    """Every reading of the year is there, in little space, and arrives once and in order when the portal is back."""
    file = tmp_path / "agent.sqlite"
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(days=DAYS + 1)
    started = time.perf_counter()
    references = write_year(file, begin)
    record_property("readings", len(references))
    record_property("seconds to read and store them", round(time.perf_counter() - started, 1))
    size = file.stat().st_size
    each = (size - EMPTY) / len(references)
    record_property("MiB of the database", round(size / 2**20, 1))
    record_property("octets of the database per reading", round(each))
    assert each <= PROMISED
    seed = seed_file(tmp_path / "seed.json", *(portal_equipment(YearlyPrinter(n)) for n in range(PRINTERS)))
    with Store.open(file, exclusive=True) as store, PortalProcess(tmp_path / "portal", "--seed", str(seed)) as portal:
        outbox, memory = SqlOutbox(store), SqlMemory(store)
        assert memory.counts() == {"waiting": len(references)}
        record_property(
            "seconds to look up what is due", round(seconds_of(lambda: outbox.due(datetime.now(UTC), TOGETHER), 20), 4)
        )
        started, used = time.perf_counter(), time.process_time()
        delivery = asyncio.run(drained(outbox, portal))
        record_property("seconds to drain", round(time.perf_counter() - started, 1))
        record_property("of these the agent's own (CPU)", round(time.process_time() - used, 1))
        assert (delivery.trouble, delivery.accepted, delivery.duplicates) == (None, len(references), 0)
        assert memory.counts() == {"accepted": len(references)}
        there = booked(portal)
        portal.kill() if DAYS * PRINTERS > 10_000 else None
    record_property("MiB of the database when all is booked", round(file.stat().st_size / 2**20, 1))
    assert sorted(reference for some in there.values() for reference, _ in some) == sorted(references)
    place = {reference: at for at, reference in enumerate(references)}
    for some in there.values():
        assert [place[reference] for reference, _ in some] == sorted(place[reference] for reference, _ in some)

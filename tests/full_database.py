"""A database as after years of work: readings with their proofs and verdicts, made through the outbox itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

from agent.evidence import Evidence
from agent.grounds import Grounds
from agent.meters import Counter, Finding, LastReading, MeterValue, Reading
from agent.ports import Parcel
from agent.printers import Endpoint, Identity
from agent.readout import Readout
from agent.store import Store
from agent.texts import message
from agent.upload.envelope import Accepted, Kept, Outcome, Rejected
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import Source, seal_reading
from tests.crash_writer import START

PRINTERS = 500
AT_ONCE = 500
METERS = {"total": ("total", "1"), "black": ("monochrome", "2"), "color": ("full_color", "3")}
SOURCE = Source("agent-1", "1.0.0")
HELD = Finding("below_last", message("{code} is {now}, below {before}.", code="total", now=5, before=9))


def parcel(number: int, chance: Random) -> Parcel:
    """The reading of one of 500 printers, `number` minutes after the start: three counters and what proves them."""
    at, printer = START + timedelta(minutes=number), number % PRINTERS
    equipment = f"{10_000_001 + printer:018d}"
    count = 1000 * printer + number // PRINTERS
    held = [HELD] if number % 200 == 17 else []
    values = tuple(MeterValue(f"{printer}{n}", code, count, "PAGE", oid(n)) for code, (_, n) in METERS.items())
    counters = tuple(
        Counter(meter, "total", "any", "any", "impressions", count, oid(n), "hp/1") for meter, n in METERS.values()
    )
    told = {oid(str(n)): f"2|{chance.randrange(10**6)}" for n in range(4, 70)}
    readout = Readout(
        Endpoint(f"10.0.{printer // 250}.{printer % 250 + 1}"),
        "ok",
        at,
        Identity(manufacturer="HP", model="Color LaserJet Flow E57540", serial_number=f"CNB{printer:08d}"),
        counters,
        evidence=told | {one.source: f"65|{one.value}" for one in counters},
        profile="hp/1",
        uptime=chance.randrange(10**8),
    )
    last = {code: LastReading(count - 1, at - timedelta(days=1), origin=oid(n)) for code, (_, n) in METERS.items()}
    grounds = Grounds((Evidence("technical_identification_number", f"NPI{printer}", f"npi{printer}"),), {}, last, 0)
    reading = Reading(equipment, at, values, tuple(held))
    envelope = seal_reading(reading, SOURCE, str(number), held=bool(held), now=at)
    return Parcel(envelope, readout, held, {one.meter_code: one.source for one in values}, grounds)


def oid(number: str) -> str:
    """An object of the printer."""
    return f"1.3.6.1.4.1.11.2.3.9.4.2.1.4.1.2.{number}.0"


def fill(file: Path, count: int) -> None:
    """Makes a database with so many readings: of a hundred nine in ten are booked, some refused or parked."""
    chance = Random(1)
    with Store.open(file, exclusive=True) as store:
        outbox = SqlOutbox(store)
        for first in range(0, count, AT_ONCE):
            made = [parcel(number, chance) for number in range(first, min(first + AT_ONCE, count))]
            outbox.put_all(made)
            verdicts: dict[str, Outcome] = {}
            for number, one in enumerate(made):
                if number % 10:
                    verdicts[one.envelope.reference] = Accepted((f"{4_700_000_000 + first + number}",))
                elif number % 100 == 10:
                    verdicts[one.envelope.reference] = Rejected("reading-below-last", "It is below the last one.")
                elif number % 100 == 20:
                    verdicts[one.envelope.reference] = Kept("scope-not-unlocked", "Locked.", "readings:write")
            outbox.settle_all(verdicts, START + timedelta(minutes=first + AT_ONCE))

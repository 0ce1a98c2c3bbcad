"""A year of readings: printers whose counters move each day, interpreted, judged and sealed as a cycle does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from agent.evidence import Evidence
from agent.grounds import Grounds
from agent.meters import METER_OF_CODE, LastReading, MeasuringPoint
from agent.ports import Parcel
from agent.printers import Endpoint, Equipment
from agent.readout import Readout
from agent.snmp.interpretation import interpret
from agent.snmp.varbinds import Answer, Oid, Value, Varbinds
from agent.upload.seal import Source, seal_reading
from agent.validation import newest, validate
from sandbox.printers import description
from tests.damage import Whole, whole
from tests.portal_seed import measuring_point

FIRST_DAY = datetime(2025, 11, 23, 6, tzinfo=UTC)
UPTIME: Oid = (1, 3, 6, 1, 2, 1, 1, 3, 0)
LEVEL: Oid = (1, 3, 6, 1, 2, 1, 43, 11, 1, 1, 9)
CAPACITY: Oid = (1, 3, 6, 1, 2, 1, 43, 11, 1, 1, 8)
TICKS = 8_640_000  # of sysUpTime in a day (RFC 3418)
POINTS = 4  # measuring points of an equipment, where its printer tells so many
SOURCE = Source("agent-sandbox", "0.1.0")


@cache
def models() -> tuple[Whole, ...]:
    """The printers among the sandbox's own devices."""
    return tuple(one for one in map(whole, description.shipped()) if one.readout.status == "ok")


@dataclass(frozen=True)
class YearlyPrinter:
    """One printer, by its number from 0 on: a device of the sandbox with names of its own, at an address of its own."""

    number: int

    @property
    def model(self) -> Whole:
        return models()[self.number % len(models())]

    @property
    def codes(self) -> list[str]:
        """The meters that the portal wants of it."""
        told = {counter.meter for counter in self.model.readout.counters}
        return [code for code, meter in METER_OF_CODE.items() if meter in told][:POINTS]

    @property
    def equipment(self) -> Equipment:
        """What the portal has of it."""
        first = 47_110_000 + self.number * 37
        points = tuple(MeasuringPoint(f"{first:08d}{place:04d}", code) for place, code in enumerate(self.codes, 1))
        return Equipment(f"{10_004_711 + self.number:018d}", measuring_points=points)

    def answer(self, day: int) -> Varbinds:
        """What it tells on a day: all its counters in one proportion, so that what is a sum remains one."""
        times = 8 + self.number % 40 + day
        told = dict(self.model.varbinds.items())
        for oid in _counting(self.model):
            told[oid] = _many(self.model, told[oid], times)
        for oid in [oid for oid in told if oid[: len(LEVEL)] == LEVEL]:
            told[oid] = _left(told[oid], told.get((*CAPACITY, *oid[len(LEVEL) :])), day)
        told[UPTIME] = Value(67, (TICKS * (day + 30) + self.number * 7919 + day * 31) % 2**32)
        return Varbinds((oid, self._named(value)) for oid, value in told.items())

    def _named(self, value: Value) -> Value:
        """Its own serial number and network card instead of the model's."""
        content = value.content
        if isinstance(content, bytes):
            serial = (self.model.readout.identity.serial_number_raw or "").encode()
            own = b"%05d" % self.number
            if len(serial) > 5:
                content = content.replace(serial, serial[:-5] + own)
            for card in self.model.readout.identity.mac_addresses:
                octets = bytes.fromhex(card.replace(":", ""))
                content = content.replace(octets, octets[:-2] + self.number.to_bytes(2, "big"))
        return Value(value.tag, content)

    def readout(self, day: int, at: datetime) -> Readout:
        """What the agent understands of it."""
        place = Endpoint(f"10.{self.number // 65536}.{self.number // 256 % 256}.{self.number % 256}")
        return interpret(self.model.profile, place, Varbinds(), Answer(self.answer(day), "v2c", 4), at)

    def parcel(self, day: int, at: datetime, before: Mapping[str, LastReading]) -> Parcel:
        """The sealed reading of a day, with all that a cycle keeps of it."""
        readout, equipment = self.readout(day, at), self.equipment
        verdict = validate(equipment, readout, newest(equipment, before))
        assert verdict.reading is not None
        held = verdict.reasons if verdict.outcome == "quarantined" else ()
        envelope = seal_reading(verdict.reading, SOURCE, at.date().isoformat(), held=bool(held), now=at)
        name = f"PRN-{self.number:04d}"
        values = verdict.reading.values
        grounds = Grounds(
            matched_by=(Evidence("host_name", name, name.lower()),),
            last={value.meter_code: value.last for value in values if value.last},
            clock_offset=-1,
        )
        return Parcel(envelope, readout, held, {value.meter_code: value.origin for value in values}, grounds)


@cache
def _counting(model: Whole) -> tuple[Oid, ...]:
    """The objects that its counters come from, and the life count."""
    named = "+".join(counter.source for counter in model.readout.counters).replace("-", "").split("+")
    found = {tuple(map(int, one.partition("#")[0].split("."))) for one in named}
    life = {oid for oid in model.varbinds if oid[:11] == (1, 3, 6, 1, 2, 1, 43, 10, 2, 1, 4)}
    return tuple(sorted(oid for oid in found | life if oid in model.varbinds))


def _many(model: Whole, value: Value, times: int) -> Value:
    if isinstance(value.content, int):
        return Value(value.tag, value.content * times)
    content = value.content
    assert isinstance(content, bytes)
    for counter in model.readout.counters:
        if "#" in counter.source and counter.value:
            content = content.replace(counter.value.to_bytes(4, "big"), (counter.value * times).to_bytes(4, "big"))
    return Value(value.tag, content)


def _left(level: Value, capacity: Value | None, day: int) -> Value:
    whole_ = capacity.content if capacity else None
    if not isinstance(level.content, int) or not isinstance(whole_, int) or level.content < 0 or whole_ <= 0:
        return level
    return Value(level.tag, whole_ - (whole_ - level.content + day * max(whole_ // 90, 1)) % (whole_ + 1))


def portal_equipment(printer: YearlyPrinter) -> dict[str, object]:
    """The printer's equipment as a portal has it that knows nothing of earlier readings."""
    equipment = printer.equipment
    points = [
        measuring_point(0, code=point.meter_code, measuring_point=point.measuring_point)
        | {"last_reading": None, "annual_estimate": None, "mandatory": False}
        for point in equipment.measuring_points
    ]
    return {
        "equipment_number": equipment.equipment_number,
        "technical_identification_number": f"PRN-{printer.number:04d}",
        "measuring_points": points,
        "bill_of_material": [],
    }

"""Page counters, the portal's measuring points, and readings made of both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agent.texts import Message

Unit = Literal["impressions", "sheets", "unknown"]

# Portal characteristic (meter_code of a measuring point) -> our meter. The portal speaks of black and
# colour, the field of monochrome and full_color (PWG Imaging Counter MIB); this is the one place where they meet.
METER_OF_CODE: dict[str, str] = {
    "total": "total",
    "black": "monochrome",
    "color": "full_color",
    "single_color": "highlight_color",
    "two_color": "two_color",
    "large_total": "large_total",
    "large_black": "large_monochrome",
    "large_color": "large_full_color",
    "copy_total": "copy_total",
    "copy_black": "copy_monochrome",
    "copy_color": "copy_full_color",
    "print_total": "print_total",
    "print_black": "print_monochrome",
    "print_color": "print_full_color",
    "duplex": "duplex_total",
    "scan": "scan_total",
    "fax": "fax_total",
}


@dataclass(frozen=True, slots=True)
class Counter:
    """One lifetime counter as the device told it, in the device's unit (RFC 3805 prtMarkerCounterUnit).

    `meter` is the name in the stable JSON (`total`, `monochrome`, `copy_full_color`, …); the key below it
    is service x colour x size. `value` >= 0. `source` is the OID (or the sum of OIDs) or `ipp:` attribute it came from,
    `profile` the profile and version that says so. `place` says for a row of a table by which meaning it was found,
    `rows` how many rows were added up where nobody but the printer knows how many there are, else 0.
    """

    meter: str
    service: str
    color: str
    size: str
    unit: Unit
    value: int
    source: str
    profile: str
    place: str = ""
    rows: int = 0

    @property
    def origin(self) -> str:
        """What must stay for two values to be compared: `place` where rows may move, and how many, else `source`."""
        return f"{self.place or self.source}{ROWS}{self.rows}" if self.rows else self.place or self.source


ROWS = " x"  # between the place of a sum and the number of its rows


def same_origin(now: str, before: str) -> bool:
    """Whether a value stood where one stood before; of a sum of rows, in no fewer rows than were known then.

    A row comes when something is counted for the first time; none goes as long as the printer tells everything.
    """
    place, _, rows = now.partition(ROWS)
    known, _, least = before.partition(ROWS)
    return place == known and int(rows or 0) >= int(least or 0)


def protocol_of(source: str) -> str:
    """By which protocol a counter with this source was read: `ipp` for an attribute, `snmp` for an OID."""
    return "ipp" if source.startswith("ipp:") else "snmp"


@dataclass(frozen=True, slots=True)
class Finding:
    """A named observation that travels with a reading; `code` is stable, `message` is for people."""

    code: str
    message: Message


@dataclass(frozen=True, slots=True)
class LastReading:
    """The value a meter was last reported with (SAP measurement document).

    `protocol` is how this agent read it, `snmp` or `ipp`; `origin` where in the device it stood (`Counter.origin`);
    None where only the portal knows the value. `captured_by` is the person who entered another value than was read.
    """

    value: int
    read_at: datetime
    estimated: bool = False
    measurement_document: str | None = None
    protocol: str | None = None
    origin: str | None = None
    captured_by: str | None = None


@dataclass(frozen=True, slots=True)
class MeasuringPoint:
    """What the portal wants reported for an equipment: one counter (SAP measuring point).

    `annual_estimate` is pages per year or `None`; `counter_overflow_value` is the value at which the
    counter starts again at 0, or `None` when it never does.
    """

    measuring_point: str
    meter_code: str
    unit: str = "PAGE"
    mandatory: bool = False
    counter_overflow_value: int | None = None
    annual_estimate: int | None = None
    last_reading: LastReading | None = None


@dataclass(frozen=True, slots=True)
class MeterValue:
    """One counter of a reading, addressed to its measuring point; `value` in pages, >= 0.

    `offset` is what a person has added: the printer itself counts `value` - `offset`. `last` is what it was judged by.
    """

    measuring_point: str
    meter_code: str
    value: int
    unit: str
    source: str
    origin: str = ""
    offset: int = 0
    last: LastReading | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters of one equipment at one time, all from one exchange with the printer."""

    equipment_number: str
    read_at: datetime
    values: tuple[MeterValue, ...]
    findings: tuple[Finding, ...] = ()

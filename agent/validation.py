"""Whether a reading can be trusted: now against what was last reported, every rule a named predicate.

Three outcomes. `accepted` goes out. `suspect` goes out too and carries its notice: the portal shows it and lets it
through. `quarantined` stays here with its reason until a person decides. Nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from agent.meters import (
    METER_OF_CODE,
    Counter,
    Finding,
    LastReading,
    MeasuringPoint,
    MeterValue,
    Reading,
    protocol_of,
    same_origin,
)
from agent.printers import Equipment
from agent.readout import Readout
from agent.texts import Message, message

DEVIATION_FACTOR = 5  # times the yearly estimate, as the portal judges it
DEVIATION_PAGES = 10_000  # a smaller jump is no clear deviation, whatever the estimate
OFFSET_APPLIED = "offset_applied"
CLOCK_WRONG = "clock_wrong"
CLOCK_CORRECTED = "clock_corrected"
MOST_CLOCK_OFFSET = 3600  # seconds; by more than this a reading may stand in another day, month and invoice
NO_OFFSETS: Mapping[str, int] = {}
Outcome = Literal["accepted", "suspect", "quarantined", "unreadable"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a readout. `reading` is None when `unreadable`, because there was nothing to report, and after it
    was committed."""

    outcome: Outcome
    reading: Reading | None
    reasons: tuple[Finding, ...] = ()


OFFSETS_UNKNOWN = Verdict(
    "unreadable",
    None,
    (
        Finding(
            "decision_damaged",
            message(
                "What a person decided to add to the counters can no longer be read; decide again:"
                " meter-agent offsets end"
            ),
        ),
    ),
)


def clock_is_wrong(offset: int | None) -> bool:
    """Whether this computer's clock is known to differ strongly from the portal's (`offset`: the portal's less ours,
    in seconds, None unknown): an invoice goes by the portal's."""
    return offset is not None and abs(offset) > MOST_CLOCK_OFFSET


def wrong_clock(offset: int) -> Finding:
    """What is said then, and what to do."""
    return Finding(
        CLOCK_WRONG,
        message(
            "This computer's clock differs from the portal's by {seconds} s, so it is not certain when this was read."
            " Set the clock: then the printer is read anew.",
            seconds=offset,
        ),
    )


def held_for_the_clock(verdict: Verdict, offset: int | None) -> Verdict:
    """The verdict on a reading whose time is not certain: held for a person."""
    if offset is None or not clock_is_wrong(offset) or verdict.reading is None:
        return verdict
    return Verdict("quarantined", verdict.reading, (wrong_clock(offset), *verdict.reasons))


def validate(
    equipment: Equipment, readout: Readout, before: Mapping[str, LastReading], offsets: Mapping[str, int] = NO_OFFSETS
) -> Verdict:
    """Judges one readout for one equipment; `before` has the newest reported value by meter code.

    `offsets` by meter code are what a person has added since a counter began anew; what is judged and reported is the
    sum. All measuring points stand or fall together, because an invoice takes them together.
    """
    chosen = {point.meter_code: _counter_for(point, readout, offsets) for point in equipment.measuring_points}
    missing = [point for point in equipment.measuring_points if point.mandatory and not chosen[point.meter_code]]
    if missing or not any(chosen.values()):
        return Verdict("unreadable", None, tuple(_missing(point) for point in missing) or (_nothing(),))
    values: list[MeterValue] = []
    holds: list[Finding] = []
    notices: list[Finding] = list(part_above_total(readout.counters))
    for point in equipment.measuring_points:
        counter = chosen[point.meter_code]
        if counter is None:
            continue
        last = before.get(point.meter_code)
        values.append(_value(point, counter, offsets.get(point.meter_code, 0), last))
        hold, notice = _judge(point, counter, last, readout.read_at)
        holds += hold + _unconfirmed(point, counter, last, readout)
        notices += notice
    added_to = [offset_applied(value) for value in values if value.offset]
    findings = (*holds, *notices, *added_to, *(finding for finding in readout.findings if finding.code in TRAVELLING))
    reading = Reading(equipment.equipment_number, readout.read_at, tuple(values), findings)
    if holds:
        return Verdict("quarantined", reading, tuple(holds))
    return Verdict("suspect" if notices else "accepted", reading, tuple(notices))


# What casts doubt on the first value that this agent reads of a meter: a person compares it with the panel once.
DOUBTS = {
    "sum_mismatch": ("monochrome", "full_color", "highlight_color", "two_color"),
    "life_count_far": ("total",),
    "other_count_as_total": ("total",),
}


def _unconfirmed(point: MeasuringPoint, counter: Counter, last: LastReading | None, readout: Readout) -> list[Finding]:
    """Why a first value waits for a person's consent; a later one is compared with the one that was accepted."""
    if last is not None and last.origin is not None:
        return []
    doubts = [one for one in readout.findings if counter.meter in DOUBTS.get(one.code, ())]
    said = message(
        "The counter {code} is {now}, and other counters contradict it. Accept it if the printer's panel shows it.",
        code=point.meter_code,
        now=counter.value,
    )
    return [Finding("unconfirmed", said)] if doubts else []


# Cross-checks and doubts of the readout that stay with the numbers they are about.
TRAVELLING = frozenset(
    {
        "counter_cut",
        "incomplete",
        "ipp_count_as_total",
        "ipp_differs",
        "ipp_identity_differs",
        "life_count_as_total",
        "life_count_differs",
        "life_count_far",
        "negative_counter",
        "odd_answers",
        "other_count_as_total",
        "parts_mismatch",
        "sum_mismatch",
        "unit_unknown",
        "unproven_counter",
    }
)


def _counter_for(point: MeasuringPoint, readout: Readout, offsets: Mapping[str, int]) -> Counter | None:
    """The counter that this point wants, with what a person has added to it."""
    meter = METER_OF_CODE.get(point.meter_code)
    counter = next((counter for counter in readout.counters if counter.meter == meter), None)
    added = offsets.get(point.meter_code, 0)
    return replace(counter, value=counter.value + added) if counter and added else counter


def _value(point: MeasuringPoint, counter: Counter, added: int, last: LastReading | None) -> MeterValue:
    where = (counter.source, counter.origin)
    return MeterValue(point.measuring_point, point.meter_code, counter.value, point.unit, *where, added, last)


def offset_applied(value: MeterValue) -> Finding:
    """What stays with every value that a person has added something to, so that nobody wonders."""
    said = message(
        "The printer counts {raw} for {code}; {offset} were added, as a person decided.",
        raw=value.value - value.offset,
        code=value.meter_code,
        offset=value.offset,
    )
    return Finding(OFFSET_APPLIED, said)


def _judge(
    point: MeasuringPoint, counter: Counter, last: LastReading | None, read_at: datetime
) -> tuple[list[Finding], list[Finding]]:
    """What holds this value back, and what is only worth a notice."""
    holds: list[Finding] = []
    if counts_other_than_pages(counter):
        said = message(
            "The counter {code} counts {unit}, the portal wants pages.", code=point.meter_code, unit=counter.unit
        )
        holds.append(Finding("unit_mismatch", said))
    if ipp_unconfirmed(counter, last) or voice_changed(counter, last):
        holds.append(Finding("source_changed", _other_voice(point, counter, last)))
    elif last is not None and origin_changed(counter, last):
        said = message(
            "The counter {code} is {now}, from another place in the printer than the last reported {before}. "
            "Accept it if it fits.",
            code=point.meter_code,
            now=counter.value,
            before=last.value,
        )
        holds.append(Finding("source_changed", said))
    if last is None:
        return holds, []
    facts: dict[str, str | int] = {"code": point.meter_code, "now": counter.value, "before": last.value}
    if went_backwards(counter.value, last):
        if overflowed(counter.value, last, point, read_at):
            said = message("The counter {code} has started again at 0: {now} after {before}.", **facts)
            return holds, [Finding("counter_overflow", said)]
        said = message("The counter {code} is {now}, below the last reported {before}.", **facts)
        if last.captured_by is not None:
            said = message(
                "The counter {code} is {now}, below {before}, which {who} captured by hand.",
                **facts,
                who=last.captured_by,
            )
        return [*holds, Finding("below_last", said)], []
    if below_estimate(counter.value, last):
        said = message("The counter {code} is {now}; the last reported {before} was an estimate.", **facts)
        return holds, [Finding("estimate_replaced", said)]
    if deviates_clearly(counter.value, last, point, read_at):
        said = message("The counter {code} rose from {before} to {now}, far more than usual.", **facts)
        return holds, [Finding("deviation", said)]
    return holds, []


def ipp_unconfirmed(counter: Counter, last: LastReading | None) -> bool:
    """The first value over IPP: it may lack copies and need not outlive a restart, so a person looks at it once."""
    return protocol_of(counter.source) == "ipp" and (last is None or last.protocol != "ipp")


def voice_changed(counter: Counter, last: LastReading | None) -> bool:
    """Read over SNMP again after IPP: the two need not count the same."""
    return last is not None and last.protocol == "ipp" and protocol_of(counter.source) != "ipp"


def origin_changed(counter: Counter, last: LastReading) -> bool:
    """Another object of the same printer: a life count instead of the billing counter, say, need not count the same.
    So need a sum of fewer rows than there were."""
    return last.origin is not None and not same_origin(counter.origin, last.origin)


def _other_voice(point: MeasuringPoint, counter: Counter, last: LastReading | None) -> Message:
    return message(
        "The counter {code} is {now}, over {protocol} for the first time, after {before}. Accept it if it fits.",
        code=point.meter_code,
        now=counter.value,
        protocol=protocol_of(counter.source).upper(),
        before=last.value if last else None,
    )


def went_backwards(now: int, last: LastReading) -> bool:
    """A lifetime counter below a measured earlier value: another device, a new board, or a misreading."""
    return now < last.value and not last.estimated


def below_estimate(now: int, last: LastReading) -> bool:
    """Below an estimated value: the estimate was too high, and the measured value replaces it."""
    return now < last.value and last.estimated


def overflowed(now: int, last: LastReading, point: MeasuringPoint, read_at: datetime) -> bool:
    """The counter passed the portal's overflow value, and the pages since then are a plausible number."""
    if point.counter_overflow_value is None or last.value > point.counter_overflow_value:
        return False
    pages = point.counter_overflow_value - last.value + now
    return pages <= most_expected(last, point, read_at)


def deviates_clearly(now: int, last: LastReading, point: MeasuringPoint, read_at: datetime) -> bool:
    """A rise above five times the yearly estimate for the days between, and above 10,000 pages."""
    return point.annual_estimate is not None and now - last.value > most_expected(last, point, read_at)


def most_expected(last: LastReading, point: MeasuringPoint, read_at: datetime) -> float:
    """The largest number of pages since the last reading that is no clear deviation."""
    days = max((read_at - last.read_at).total_seconds() / 86_400, 0.0)
    return max(DEVIATION_FACTOR * (point.annual_estimate or 0) / 365 * days, float(DEVIATION_PAGES))


def counts_other_than_pages(counter: Counter) -> bool:
    """The device says that this counter counts sheets: a sheet may be two pages, so it is no page count."""
    return counter.unit == "sheets"


def part_above_total(counters: tuple[Counter, ...]) -> list[Finding]:
    """A part of the total that is larger than the total: one of the two is not what it seems."""
    total = next((counter.value for counter in counters if counter.meter == "total"), None)
    if total is None:
        return []
    parts = [counter for counter in counters if counter.meter in PARTS_OF_TOTAL and counter.value > total]
    return [Finding("part_above_total", _above(counter, total)) for counter in parts]


PARTS_OF_TOTAL = ("monochrome", "full_color", "highlight_color", "two_color")


def _above(counter: Counter, total: int) -> Message:
    facts: dict[str, str | int] = {"meter": counter.meter, "part": counter.value, "total": total}
    return message("The counter {meter} is {part}, more than the total of {total}.", **facts)


def _missing(point: MeasuringPoint) -> Finding:
    said = message("The portal wants the counter {code}, and the printer does not tell it.", code=point.meter_code)
    return Finding("mandatory_counter_missing", said)


def _nothing() -> Finding:
    return Finding("nothing_to_report", message("The printer tells none of the counters that the portal wants."))


def told_codes(equipment: Equipment, readout: Readout) -> Collection[str]:
    """The meter codes that the portal wants of an equipment and its printer told: what is compared with before."""
    told = {counter.meter for counter in readout.counters}
    return [one.meter_code for one in equipment.measuring_points if METER_OF_CODE.get(one.meter_code) in told]


def newest(equipment: Equipment, reported: Mapping[str, LastReading]) -> dict[str, LastReading]:
    """By meter code the newest of what the portal has and what waits here for it."""
    before = {point.meter_code: point.last_reading for point in equipment.measuring_points if point.last_reading}
    for code, last in reported.items():
        if code not in before or is_newer(last, before[code]):
            before[code] = last
    return before


def is_newer(mine: LastReading, portal: LastReading) -> bool:
    """Whether what was reported here is what counts: later than the portal's, or the same, whose origin we know."""
    return mine.read_at > portal.read_at or (mine.read_at, mine.value) == (portal.read_at, portal.value)

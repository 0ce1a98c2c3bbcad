"""Whether a reading can be trusted: the rule table, and the laws behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.meters import Counter, Finding, LastReading, MeasuringPoint
from agent.printers import Endpoint, Equipment
from agent.readout import Readout
from agent.texts import message
from agent.validation import validate

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def counter(value: int, meter: str = "total", unit: str = "impressions") -> Counter:
    return Counter(meter, "total", "any", "any", unit, value, "1.3.6.1.2.1.43.10.2.1.4.1.1", "generic/1")


def readout(*counters: Counter) -> Readout:
    return Readout(Endpoint("10.0.0.1"), "ok", NOW, counters=counters)


def point(code: str = "total", **facts: object) -> MeasuringPoint:
    return MeasuringPoint("4711", code, mandatory=code == "total", **facts)


def last(value: int, *, days: int = 30, estimated: bool = False) -> LastReading:
    return LastReading(value, NOW - timedelta(days=days), estimated)


TABLE = [
    ("never reported before", 100, None, {}, "accepted", []),
    ("equal to the last reported", 100, last(100), {}, "accepted", []),
    ("a little more", 120, last(100), {}, "accepted", []),
    ("one page less", 99, last(100), {}, "quarantined", ["below_last"]),
    ("less than an estimate", 99, last(100, estimated=True), {}, "suspect", ["estimate_replaced"]),
    ("a clear jump", 90_000, last(1_000), {"annual_estimate": 6_000}, "suspect", ["deviation"]),
    ("a large but usual rise", 60_000, last(1_000), {"annual_estimate": 400_000}, "accepted", []),
    ("no estimate, no deviation", 900_000, last(1_000), {}, "accepted", []),
    ("started again at 0", 500, last(999_900), {"counter_overflow_value": 1_000_000}, "suspect", ["counter_overflow"]),
    ("at the overflow value, and on from 0", 500, last(1_000_000), {"counter_overflow_value": 1_000_000}, "suspect",
     ["counter_overflow"]),
    ("too far below for an overflow", 500_000, last(999_900), {"counter_overflow_value": 1_000_000}, "quarantined",
     ["below_last"]),
    ("above the overflow value before, which no counter can be", 500, last(1_500_000),
     {"counter_overflow_value": 1_000_000}, "quarantined", ["below_last"]),
]  # fmt: skip


LIFE_COUNT = "1.3.6.1.2.1.43.10.2.1.4.1.1"
BILLED = "1.3.6.1.4.1.641.6.4.2.1.1.4?1.3.6.1.4.1.641.6.4.2.1.1.2=2"


def billed(value: int, row: int) -> Counter:
    source = f"1.3.6.1.4.1.641.6.4.2.1.1.4.1.{row}"
    return Counter("total", "total", "any", "any", "impressions", value, source, "lexmark/1", BILLED)


@pytest.mark.parametrize(
    ("says", "counter", "before", "codes"),
    [
        ("the billing counter before, the life count now", counter(2501), BILLED, ["source_changed"]),
        ("the life count before, the billing counter now", billed(2463, 22), LIFE_COUNT, ["source_changed"]),
        ("the same counter in another row of its table", billed(2463, 25), BILLED, []),
        ("the same object", counter(2501), LIFE_COUNT, []),
        ("nobody knows where the value before stood", billed(2463, 22), None, []),
        ("a sum of as many rows", replace(billed(2463, 22), rows=2), f"{BILLED} x2", []),
        ("a sum of more rows", replace(billed(2463, 22), rows=10), f"{BILLED} x2", []),
        ("a sum of fewer rows", replace(billed(2463, 22), rows=1), f"{BILLED} x2", ["source_changed"]),
        ("nobody counted the rows before", replace(billed(2463, 22), rows=2), BILLED, []),
    ],
)
def test_a_counter_keeps_its_place(says, counter, before, codes):
    """A value from another place in the printer waits for a person, even where it is plausible."""
    known = LastReading(2400, NOW - timedelta(days=30), origin=before)
    verdict = validate(Equipment("1", measuring_points=(point(),)), readout(counter), {"total": known})
    assert [reason.code for reason in verdict.reasons] == codes, says
    assert verdict.outcome == ("quarantined" if codes else "accepted")
    assert verdict.reading.values[0].origin == counter.origin


@pytest.mark.parametrize(("says", "value", "before", "facts", "outcome", "codes"), TABLE, ids=[row[0] for row in TABLE])
def test_the_rule_table(says, value, before, facts, outcome, codes):
    """Every row of the table, asserted whole."""
    verdict = validate(
        Equipment("1", measuring_points=(point(**facts),)), readout(counter(value)), {"total": before} if before else {}
    )
    assert (verdict.outcome, [reason.code for reason in verdict.reasons]) == (outcome, codes)
    assert verdict.reading is not None
    assert [one.value for one in verdict.reading.values] == [value]


@pytest.mark.parametrize(("says", "value", "before", "facts", "outcome", "codes"), TABLE, ids=[row[0] for row in TABLE])
def test_a_hold_is_never_lost_behind_another_rule(says, value, before, facts, outcome, codes):
    """Sheets for pages stay held, and are said to be, whatever else is to be said of the value."""
    equipment = Equipment("1", measuring_points=(point(**facts),))
    verdict = validate(equipment, readout(counter(value, unit="sheets")), {"total": before} if before else {})
    assert verdict.outcome == "quarantined"
    assert [reason.code for reason in verdict.reasons] == [
        "unit_mismatch",
        *(one for one in codes if one == "below_last"),
    ]
    assert [finding.code for finding in verdict.reading.findings] == ["unit_mismatch", *codes]


PORTAL_WORDS = {
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


def test_every_counter_goes_to_its_own_measuring_point():
    """Seventeen counters of different values: each word of the portal gets the one that it means."""
    points = tuple(MeasuringPoint(f"point of {code}", code) for code in PORTAL_WORDS)
    told = readout(*(counter(9000 - at, meter) for at, meter in enumerate(PORTAL_WORDS.values())))
    verdict = validate(Equipment("1", measuring_points=points), told, {})
    sent = [(value.measuring_point, value.meter_code, value.value) for value in verdict.reading.values]
    assert sent == [(f"point of {code}", code, 9000 - at) for at, code in enumerate(PORTAL_WORDS)]


def test_one_fallen_counter_holds_the_whole_reading():
    """The total fell, black and color rose after it: nothing of the reading goes out."""
    equipment = Equipment("1", measuring_points=(point(), point("black"), point("color")))
    told = readout(counter(90), counter(60, "monochrome"), counter(30, "full_color"))
    verdict = validate(equipment, told, {"total": last(100), "black": last(50), "color": last(20)})
    assert (verdict.outcome, [reason.code for reason in verdict.reasons]) == ("quarantined", ["below_last"])


def test_a_value_over_snmp_after_one_over_ipp_waits_for_a_person():
    """The two need not count the same, so the way back is looked at like the way there."""
    before = LastReading(90, NOW - timedelta(days=30), protocol="ipp")
    verdict = validate(Equipment("1", measuring_points=(point(),)), readout(counter(100)), {"total": before})
    assert (verdict.outcome, [reason.code for reason in verdict.reasons]) == ("quarantined", ["source_changed"])


def test_sheets_are_no_pages():
    """A counter of sheets is held for a person: a sheet may be two pages."""
    verdict = validate(Equipment("1", measuring_points=(point(),)), readout(counter(7, unit="sheets")), {})
    assert (verdict.outcome, verdict.reasons[0].code) == ("quarantined", "unit_mismatch")


def test_without_the_mandatory_counter_nothing_is_reported():
    """A reading that lacks what the portal wants is no reading; what was read is not made up."""
    equipment = Equipment("1", measuring_points=(point(), point("color")))
    verdict = validate(equipment, readout(counter(5, "full_color")), {})
    assert (verdict.outcome, verdict.reading) == ("unreadable", None)
    assert [reason.code for reason in verdict.reasons] == ["mandatory_counter_missing"]


def test_an_optional_counter_that_is_absent_is_absent():
    """Not told is not zero: only what the printer tells is in the reading."""
    equipment = Equipment("1", measuring_points=(point(), point("color")))
    verdict = validate(equipment, readout(counter(5)), {})
    assert verdict.reading is not None
    assert [value.meter_code for value in verdict.reading.values] == ["total"]


@pytest.mark.parametrize("part", ["monochrome", "full_color", "highlight_color", "two_color"])
def test_a_part_above_the_total_is_noticed(part):
    """Color pages above all pages: the notice travels with the reading."""
    equipment = Equipment("1", measuring_points=(point(),))
    verdict = validate(equipment, readout(counter(5), counter(6, part)), {})
    assert [reason.code for reason in verdict.reasons] == ["part_above_total"]


@given(st.integers(0, 2**32), st.integers(0, 2**32), st.integers(0, 4000), st.none() | st.integers(0, 10**7))
def test_a_fall_is_never_sent_and_a_rise_never_held(now, before, days, estimate):
    """Below a measured value: held. Equal or above: goes out, whatever the deviation."""
    equipment = Equipment("1", measuring_points=(point(annual_estimate=estimate),))
    verdict = validate(equipment, readout(counter(now)), {"total": last(before, days=days)})
    assert (verdict.outcome == "quarantined") == (now < before)
    assert verdict.reading is not None


def test_cross_checks_travel_with_the_reading():
    """Black and color that do not make the total: the doubt is in the reading that goes out, and does not hold it."""
    doubt = Finding("sum_mismatch", message("Black and color make {sum}, the total is {total}.", sum=7, total=9))
    told = Readout(Endpoint("10.0.0.1"), "ok", NOW, counters=(counter(9),), findings=(doubt,))
    verdict = validate(Equipment("1", measuring_points=(point(),)), told, {})
    assert verdict.outcome == "accepted"
    assert verdict.reading is not None
    assert verdict.reading.findings == (doubt,)


DOUBT = message("Two counters of the printer contradict each other.")


@pytest.mark.parametrize(
    ("says", "code", "meter", "before", "held"),
    [
        ("black and color do not make the total", "sum_mismatch", "black", None, True),
        ("the total itself is not in doubt then", "sum_mismatch", "total", None, False),
        ("the total is far from the life count", "life_count_far", "total", None, True),
        ("another counter stands for the total", "other_count_as_total", "total", None, True),
        ("only the portal knows a value", "sum_mismatch", "black", LastReading(900, NOW), True),
        ("a value of the same place was accepted", "sum_mismatch", "black", LastReading(900, NOW, origin="o"), False),
        ("an ordinary difference", "life_count_differs", "total", None, False),
    ],
)
def test_a_contradicted_first_value_waits_for_a_person(says, code, meter, before, held):
    """Whether it is right the panel shows; from then on values are compared with it."""
    name = {"black": "monochrome"}.get(meter, meter)
    value = Counter(name, "total", "any", "any", "impressions", 1000, "o", "xerox/1")
    told = replace(readout(value), findings=(Finding(code, DOUBT),))
    equipment = Equipment("1", measuring_points=(replace(point(), meter_code=meter),))
    verdict = validate(equipment, told, {meter: before} if before else {})
    assert (verdict.outcome == "quarantined", "unconfirmed" in [one.code for one in verdict.reasons]) == (held, held), (
        says
    )

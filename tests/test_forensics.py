"""What happened to a counter that fell: the scenarios as text, and the laws of every proposal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.forensics import Case, Told, diagnose
from agent.meters import LastReading, MeasuringPoint
from agent.printers import Identity

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
CARD, OTHER_CARD = "00:17:c8:00:00:01", "00:17:c8:99:99:99"

# given: what the device told then and tells now, `name=value`, numbers being counters; `portal` and `owner` are serial
# numbers in the portal; `up` are days since it was switched on; `place` is where the total stands; `per_year` the
# estimate. expect: the causes in their order with how sure, and what the first one proposes.
SCENARIOS = """
# a new main board: same serial number, another card, all counters from anew
then: serial=SN471101 card=1 total=424405 monochrome=300000 full_color=124405
now:  serial=SN471101 card=2 total=120 monochrome=100 full_color=20 up=1
=>    board_swapped likely, unexplained possible / offset total=424405

# a board that lost its memory: even the card is the same
then: serial=SN471101 card=1 total=424405 monochrome=300000
now:  serial=SN471101 card=1 total=120 monochrome=100
=>    board_swapped likely, unexplained possible / offset total=424405

# a board that does not know the serial number any more
then: serial=SN471101 card=1 total=5000
now:  card=1 total=12
=>    board_swapped possible, unexplained possible / offset total=5000

# a small counter restarts with the others although it did not fall
then: serial=SN471101 card=1 total=5000 full_color=3
now:  serial=SN471101 card=2 total=60 full_color=5
=>    board_swapped likely, unexplained possible / offset total=5000

# a new machine, and the portal knows it
then: serial=SN471101 card=1 total=424405
now:  serial=SN998877 card=2 total=12 portal=SN998877
=>    device_swapped certain, unexplained possible / replaced

# a new machine that nobody entered: exchanged, or another one behind the name
then: serial=SN471101 card=1 total=424405
now:  serial=SN998877 card=2 total=12
=>    device_swapped likely, wrong_device possible, unexplained possible / replaced

# another machine of the same customer behind the name
then: serial=SN471101 card=1 total=424405
now:  serial=SN998877 card=2 total=200000 owner=SN998877
=>    wrong_device certain, unexplained possible / discard

# leading zeros come and go, and are no other machine
then: serial=00SN471101 card=1 total=5000 copy_total=900
now:  serial=SN471101 card=1 total=4000 copy_total=950
=>    misread possible, unexplained possible / discard

# a signed counter of 32 bits is full
then: serial=SN471101 total=2147483000 monochrome=1500000000
now:  serial=SN471101 total=352 monochrome=1500000200
=>    wrapped likely, misread possible, unexplained possible / offset total=2147483648

# a Counter32 is full, after an earlier offset of 1000
then: serial=SN471101 total=4294967000
now:  serial=SN471101 total=10 offset=1000
=>    wrapped likely, board_swapped likely, unexplained possible / offset total=4294968296

# far from the end, a wrap is no explanation
then: serial=SN471101 total=2000000000 monochrome=1500000000
now:  serial=SN471101 total=352 monochrome=1500000200
=>    misread possible, unexplained possible / discard

# new firmware counts in hundreds
then: serial=SN471101 total=424405 monochrome=300000 scan_total=7
now:  serial=SN471101 total=4244 monochrome=3000 scan_total=8
=>    format_changed likely, board_swapped likely, unexplained possible / discard

# the life count instead of the billing counter, 2 percent lower
then: serial=SN471101 total=432951 monochrome=300000 place=billing
now:  serial=SN471101 total=424405 monochrome=300000 place=life
=>    format_changed likely, misread possible, unexplained possible / offset total=8546

# another place, and higher: only the source is in doubt
then: serial=SN471101 total=424405 place=life
now:  serial=SN471101 total=432951 place=billing
=>    format_changed likely, unexplained possible / accept

# the last value was SAP's estimate
then: serial=SN471101 total=5000 estimated=1
now:  serial=SN471101 total=4800
=>    estimated_last certain, board_swapped likely, unexplained possible / accept

# nobody read the last value here: only what the portal says
now:  serial=SN471101 total=4800 last=5000
=>    board_swapped possible, unexplained possible / offset total=5000
"""


def scenarios() -> list[tuple[str, str, str, str]]:
    found = []
    for block in SCENARIOS.strip().split("\n\n"):
        lines = {line.split(" ", 1)[0].rstrip(":"): line.split(" ", 1)[1].strip() for line in block.split("\n")}
        found.append((lines["#"], lines.get("then", ""), lines["now"], lines["=>"]))
    return found


def words(text: str) -> dict[str, str]:
    return dict(word.split("=") for word in text.split())


def told(said: dict[str, str], days: int) -> Told:
    counters = {name: int(value) for name, value in said.items() if "_" in name or name in ("total", "monochrome")}
    cards = {"1": (CARD,), "2": (OTHER_CARD,)}
    identity = Identity(serial_number=said.get("serial"), mac_addresses=cards.get(said.get("card", ""), ()))
    origins = {"total": said["place"]} if "place" in said else {}
    uptime = int(said["up"]) * 8_640_000 if "up" in said else None
    return Told(NOW - timedelta(days=days), identity, counters, origins, uptime)


def case_of(then: str, now: str) -> Case:
    before, after = words(then), words(now)
    offset, last = int(after.get("offset", 0)), int(after.get("last", before.get("total", 0)))
    known = LastReading(
        last + offset, NOW - timedelta(days=30), estimated="estimated" in before, origin=before.get("place")
    )
    return Case(
        now=told(after, 0),
        values={"total": int(after["total"])},
        last={"total": known},
        before=told(before, 30) if then else None,
        offsets={"total": offset} if offset else {},
        serial_in_portal=after.get("portal"),
        owner=after.get("owner"),
    )


@pytest.mark.parametrize(("says", "then", "now", "expected"), scenarios(), ids=[each[0] for each in scenarios()])
def test_the_scenarios(says: str, then: str, now: str, expected: str) -> None:
    """Every explanation that fits, the surest first, and the decision that the first one leads to."""
    found = diagnose(case_of(then, now))
    causes = ", ".join(f"{one.cause} {one.likelihood}" for one in found)
    offsets = "".join(f" {code}={offset}" for code, offset in found[0].offsets.items())
    assert f"{causes} / {found[0].proposal}{offsets}" == expected, says
    assert all(one.evidence for one in found[:-1]), "an explanation without a reason is none"


def test_all_counters_of_a_new_board_get_their_offset() -> None:
    """Black and color began again with the total, also the one that is above its last value by now."""
    point, at = MeasuringPoint("1", "total"), NOW - timedelta(days=30)
    case = Case(
        now=Told(NOW, Identity(serial_number="SN471101"), {"total": 60, "monochrome": 55, "full_color": 5}),
        values={"total": 60, "black": 55, "color": 5},
        last={"total": LastReading(5000, at), "black": LastReading(4997, at), "color": LastReading(3, at)},
        points={"total": point},
    )
    found = {one.cause: one.offsets for one in diagnose(case)}
    assert found["board_swapped"] == {"total": 5000, "black": 4997, "color": 3}


counts = st.integers(0, 2**33)
codes = st.sampled_from(["total", "black", "color", "scan"])
meters = st.sampled_from(["total", "monochrome", "full_color", "scan_total", "copy_total"])
identities = st.builds(
    Identity,
    serial_number=st.sampled_from([None, "SN471101", "SN998877"]),
    mac_addresses=st.sampled_from([(), (CARD,), (OTHER_CARD,)]),
)
tellings = st.builds(
    Told,
    read_at=st.just(NOW),
    identity=identities,
    counters=st.dictionaries(meters, counts),
    origins=st.dictionaries(meters, st.sampled_from(["a", "b"])),
    uptime=st.none() | st.integers(0, 2**32),
)
lasts = st.builds(
    LastReading,
    counts,
    st.just(NOW - timedelta(days=30)),
    estimated=st.booleans(),
    origin=st.sampled_from([None, "a", "b"]),
)
cases = st.builds(
    Case,
    now=tellings,
    values=st.dictionaries(codes, counts, min_size=1),
    last=st.dictionaries(codes, lasts),
    before=st.none() | tellings,
    offsets=st.dictionaries(codes, counts),
    serial_in_portal=st.sampled_from([None, "SN471101", "SN998877"]),
    owner=st.sampled_from([None, "47"]),
)


@given(cases, st.integers(0, 2**40))
def test_no_proposed_offset_makes_a_later_reading_smaller_than_the_last(case: Case, more: int) -> None:
    """However the printer counts on, with a proposed offset the value is never below what was reported before."""
    for one in diagnose(case):
        for code, offset in one.offsets.items():
            assert offset >= 0
            assert case.values[code] + more + offset >= case.last[code].value
        assert (one.proposal == "offset") == bool(one.offsets), one


@given(cases)
def test_another_machine_is_never_given_an_offset(case: Case) -> None:
    """Two serial numbers are two machines: nothing is added to the one because of the other."""
    before = case.before.identity.serial_number if case.before else None
    now = case.now.identity.serial_number
    if before and now and before != now:
        assert all(not one.offsets for one in diagnose(case))

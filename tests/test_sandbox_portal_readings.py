"""The sandbox portal books readings by the portal's rules: each once, whole or not at all, and never a wrong one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.portal.problems import Refusal
from sandbox.portal.rules import Neighbour, Neighbours, New, Point, judge
from tests.portal_contract import Contract
from tests.portal_process import PortalProcess
from tests.portal_seed import ago, equipment, item, measuring_point, number_of, point_of, seed_file, stamp

# A reading is VALUE@AGE, the age in days or minutes (d, m; with a minus: ahead of the portal's clock). In the history
# `e` marks an estimate; in what is sent `r` is counter_replaced, `k` acknowledge_deviation. `year` is the annual
# estimate, `wraps` the counter's overflow value. Expected: the item's status, then its finding or problem, then the
# greatest value that would have been no deviation.
RULES = """
case                               | wraps  | year  | history           | sent         | expect
equal to the last                  | -      | 36500 | 1000@30d          | 1000@0d      | 201
plausibly above the last           | -      | 36500 | 1000@30d          | 3000@0d      | 201
the first one ever                 | -      | 36500 | -                 | 900000@0d    | 201
as much as five times the estimate | -      | 36500 | 1000@30d          | 16000@0d     | 201
more than five times the estimate  | -      | 36500 | 1000@30d          | 16001@0d     | 201 deviation 16000
absurdly more is still no refusal  | -      | 36500 | 1000@30d          | 900000000@0d | 201 deviation 16000
more, and a person has seen it     | -      | 36500 | 1000@30d          | 16001@0d k   | 201
much for a small machine           | -      | 365   | 1000@30d          | 11000@0d     | 201
too much for a small machine       | -      | 365   | 1000@30d          | 11001@0d     | 201 deviation 11000
nobody knows what is usual         | -      | -     | 1000@30d          | 900000@0d    | 201
the counter ran over               | 100000 | 36500 | 99000@30d         | 500@0d       | 201 counter-overflow
it cannot have run over            | 100000 | 36500 | 50000@30d         | 500@0d       | 422 reading-below-last
it has no end to run over          | -      | 36500 | 99000@30d         | 500@0d       | 422 reading-below-last
below an estimate                  | -      | 36500 | 1000@30d e        | 900@0d       | 201 estimate-replaced
below the last                     | -      | 36500 | 1000@30d          | 999@0d       | 422 reading-below-last
below, the counter was replaced    | -      | 36500 | 1000@30d          | 3@0d r       | 201 counter-replaced
older, between its neighbours      | -      | 36500 | 1000@30d 2000@10d | 1500@20d     | 201
older, equal to the one before     | -      | 36500 | 1000@30d 2000@10d | 1000@20d     | 201
older, equal to the one after      | -      | 36500 | 1000@30d 2000@10d | 2000@20d     | 201
older, above the one after         | -      | 36500 | 1000@30d 2000@10d | 2001@20d     | 422 reading-above-subsequent
older, below the one before        | -      | 36500 | 1000@30d 2000@10d | 999@20d      | 422 reading-below-last
older than all                     | -      | 36500 | 1000@30d          | 900@40d      | 201
older than all, above the first    | -      | 36500 | 1000@30d          | 1001@40d     | 422 reading-above-subsequent
older, before the counter ran over | 100000 | 36500 | 99000@30d 500@10d | 99900@20d    | 201
older, above an estimate           | -      | 36500 | 1000@30d e        | 1001@40d     | 201 estimate-replaced
an estimate hides no reading       | -      | 36500 | 2000@10d e 1000@40d | 999@0d     | 422 reading-below-last
between a reading and its estimate | -      | 36500 | 2000@10d e 1000@40d | 1500@0d    | 201 estimate-replaced
an estimate hides no later reading | -      | 36500 | 1000@20d e 1250@10d | 1500@30d   | 422 reading-above-subsequent
at the same moment, equal          | -      | 36500 | 1000@30d          | 1000@30d     | 201
a little ahead of the portal       | -      | 36500 | 1000@30d          | 1000@-4m     | 201
in the future                      | -      | 36500 | 1000@30d          | 1000@-1d     | 422 read-at-in-future
as large as the counter's end      | 100000 | 36500 | 1000@30d          | 100000@0d    | 422 reading-exceeds-overflow
"""

NOW = datetime.now(UTC).replace(microsecond=0)
CONTRACT = Contract()


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table."""

    number: int
    name: str
    wraps: int | None
    year: int | None
    history: list[str]
    sent: str
    expect: list[str]

    @property
    def seed(self) -> dict[str, Any]:
        """The row's own equipment, with the first reading of its history."""
        last = None
        if self.history:
            value, read_at, marks = reading(self.history[0])
            last = {"value": value, "read_at": read_at, "estimated": "e" in marks}
        rules: dict[str, Any] = {
            "counter_overflow_value": self.wraps,
            "annual_estimate": self.year,
            "last_reading": last,
        }
        return equipment(self.number, measuring_points=[measuring_point(self.number, **rules)])


def reading(text: str) -> tuple[int, str, str]:
    value, _, rest = text.partition("@")
    age, marks = rest.rstrip("erk"), rest[len(rest.rstrip("erk")) :]
    unit = {"d": "days", "m": "minutes"}[age[-1]]
    return int(value), stamp(NOW - timedelta(**{unit: int(age[:-1])})), marks


def cases() -> list[Case]:
    rows = [[cell.strip() for cell in line.split("|")] for line in RULES.strip().splitlines()[1:]]
    found = []
    for number, (name, wraps, year, history, sent, expect) in enumerate(rows, 1):
        past = [] if history == "-" else history.replace(" e", "e").split()
        wrap, usual = (None if cell == "-" else int(cell) for cell in (wraps, year))
        found.append(Case(number, name, wrap, usual, past, sent.replace(" ", ""), expect.split()))
    return found


def estimated(number: int) -> dict[str, Any]:
    last = {"value": 1000, "read_at": ago(days=30), "estimated": True}
    return measuring_point(number, last_reading=last)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    folder = tmp_path_factory.mktemp("portal")
    codes = ("total", "black", "color")
    several = [measuring_point(900, place, code) for place, code in enumerate(codes, 1)]
    more = (
        equipment(900, measuring_points=several),
        equipment(901, status="decommissioned"),
        equipment(902, contract={"active": False}),
        equipment(903, customer_number="0000999999"),
        equipment(928, measuring_points=[estimated(928)]),
        equipment(929, measuring_points=[measuring_point(929, is_counter=False)]),
        *(equipment(number) for number in range(910, 928)),
    )
    seed = seed_file(folder / "seed.json", *(case.seed for case in cases()), *more)
    with PortalProcess(folder / "data", "--seed", str(seed)) as process:
        yield process


@pytest.fixture
def agent(portal: PortalProcess) -> Iterator[httpx.Client]:
    with portal.client(event_hooks={"response": [CONTRACT.check]}) as client:
        yield client


def send(agent: httpx.Client, *items: object) -> list[dict[str, Any]]:
    """The results of a batch."""
    answer = agent.post("/measurement-document-batches", json={"items": items})
    assert answer.status_code == 207, answer.text
    results: list[dict[str, Any]] = answer.json()["items"]
    return results


def booked(agent: httpx.Client, reference: str) -> list[dict[str, Any]]:
    """The measurement documents of a reference."""
    found: list[dict[str, Any]] = agent.get("/measurement-documents", params={"client_reference": reference}).json()[
        "items"
    ]
    return found


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_reading_rules(agent: httpx.Client, case: Case) -> None:
    """Given a history, the next reading gets the answer in the table, and is booked once or not at all."""
    for place, earlier in enumerate(case.history[1:]):
        value, read_at, _ = reading(earlier)
        assert send(agent, item(case.number, f"{case.number}-h{place}", value, read_at=read_at))[0]["status"] == 201
    value, read_at, marks = reading(case.sent)
    reference = f"rule-{case.number}"
    sent = item(case.number, reference, value, read_at=read_at)
    sent["readings"][0]["counter_replaced"] = "r" in marks
    sent["acknowledge_deviation"] = "k" in marks
    (result,) = send(agent, sent)
    said = [finding["code"] for finding in result["findings"]] or [result["problem"] and result["problem"]["code"]]
    limits = [finding["expected_max"] for finding in result["findings"]]
    actual = [str(one) for one in (result["status"], *said, *limits) if one is not None]
    assert actual == case.expect
    documents = booked(agent, reference)
    if case.expect[0] == "201":
        assert [(one["value"], one["read_at"], one["reversed"]) for one in documents] == [(value, read_at, False)]
        assert documents[0]["measurement_document"] == result["measurement_documents"][0]["measurement_document"]
    else:
        assert documents == []
        assert result["measurement_documents"] == []


def test_refusal_says_the_last_reading(agent: httpx.Client) -> None:
    """Who reports too little is told what the portal has; who reports the future is told the portal's time."""
    (low,) = send(agent, item(910, "low", 999))
    known = agent.get(f"/equipments/{number_of(910)}/measuring-points").json()["items"][0]["last_reading"]
    assert low["problem"]["last_reading"] == known
    assert known["value"] == 1000
    (early,) = send(agent, item(910, "early", 1000, read_at=ago(hours=-1)))
    assert abs(datetime.fromisoformat(early["problem"]["server_time"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_estimate_gives_way(agent: httpx.Client) -> None:
    """An estimate that a reading undercuts is reversed, with the reason; what was read never is."""
    assert send(agent, item(928, "read", 800, read_at=ago(days=50)))[0]["status"] == 201
    assert send(agent, item(928, "lower", 900))[0]["findings"][0]["code"] == "estimate-replaced"
    documents = agent.get("/measurement-documents", params={"equipment_number": number_of(928)}).json()["items"]
    told = [(one["value"], one["estimated"], one["reversed"], one["reversal_reason"]) for one in documents]
    assert told == [(1000, True, True, "estimate-replaced"), (800, False, False, None), (900, False, False, None)]
    assert documents[0]["reversed_at"]
    assert [one["code"] for one in documents[2]["findings"]] == ["estimate-replaced"]


def test_a_gauge_may_fall(agent: httpx.Client) -> None:
    """A measuring point that is no counter is booked as it is, up or down."""
    assert [result["status"] for result in send(agent, item(929, "g1", 900), item(929, "g2", 20))] == [201, 201]


def test_where_it_is_wrong(agent: httpx.Client) -> None:
    """A refused item says in which field and at which measuring point."""
    readings = [{"meter_code": "total", "value": 2000}, {"meter_code": "black", "value": 1}]
    (result,) = send(agent, item(900, "where", 0, readings=readings))
    assert result["problem"]["measuring_point"] == point_of(900, 2)
    assert result["problem"]["errors"] == [{"pointer": "/readings/1/value", "code": "reading-below-last"}]
    (result,) = send(agent, item(900, "where", 0, readings=[{"meter_code": "black", "value": 1500}]))
    assert result["problem"]["measuring_points"] == [point_of(900)]
    for change, pointer in (
        ({"read_at": "yesterday"}, "/read_at"),
        ({"source": {"agent_id": 7}}, "/source/agent_id"),
        ({"acknowledge_deviation": "yes"}, "/acknowledge_deviation"),
        ({"readings": [{"meter_code": "total", "value": 2000, "counter_replaced": 1}]}, "/readings/0/counter_replaced"),
    ):
        (result,) = send(agent, {**item(900, "where", 0, readings=[{"meter_code": "total", "value": 2000}]), **change})
        assert [one["pointer"] for one in result["problem"]["errors"]] == [pointer]


def test_asking_for_documents(agent: httpx.Client) -> None:
    """Measurement documents are found by number, by measuring point and by the time of booking."""
    before = ago(seconds=2)
    send(agent, item(927, "ask", 3000))
    found = agent.get("/measurement-documents", params={"measuring_point": point_of(927), "booked_after": before})
    mine = [one for one in found.json()["items"] if one["client_reference"] == "ask"]
    assert [(one["measuring_point"], one["agent_id"]) for one in mine] == [(point_of(927), "agent-sandbox")]
    assert agent.get(f"/measurement-documents/{mine[0]['measurement_document']}").json() == mine[0]
    assert agent.get("/measurement-documents/00000000005999999999").json()["code"] == "not-found"
    late = agent.get("/measurement-documents", params={"booked_after": ago(minutes=-5)}).json()["items"]
    assert late == []
    assert agent.get("/measurement-documents", params={"booked_after": "today"}).status_code == 400


def test_the_same_again(portal: PortalProcess, agent: httpx.Client) -> None:
    """The same reference with the same content is booked once and answered with the first number for ever."""
    sent = item(911, "again", 1200)
    (first,) = send(agent, sent)
    (second,) = send(agent, sent)
    assert send(agent, item(911, "newer", 5000))[0]["status"] == 201
    one = agent.post("/measurement-documents", json=dict(reversed(sent.items())))
    assert [first["status"], second["status"], one.status_code] == [201, 200, 200]
    assert [first["duplicate"], second["duplicate"], one.json()["duplicate"]] == [False, True, True]
    assert first["measurement_documents"] == second["measurement_documents"] == one.json()["measurement_documents"]
    assert [each["value"] for each in portal.ledger()["measurement_documents"]].count(1200) == 1


def test_the_same_reference_for_something_else(agent: httpx.Client) -> None:
    """A reference is unique for ever: other content under it is refused, and the first stays."""
    send(agent, item(912, "mine", 1200))
    for other in (item(912, "mine", 1201), item(913, "mine", 1200)):
        (result,) = send(agent, other)
        assert (result["status"], result["problem"]["code"]) == (409, "client-reference-reused")
        assert result["problem"]["client_reference"] == "mine"
    assert [one["value"] for one in booked(agent, "mine")] == [1200]


def test_twice_in_one_batch(agent: httpx.Client) -> None:
    """An item that stands twice in a batch is booked once."""
    sent = item(914, "twin", 1300)
    assert [result["status"] for result in send(agent, sent, sent)] == [201, 200]
    assert len(booked(agent, "twin")) == 1


def test_a_refused_item_holds_nothing_back(agent: httpx.Client) -> None:
    """Good and bad items in one batch get their own answers, in order, and the good ones are booked."""
    sent = [item(915, "a", 2000), item(915, "b", 5), "nonsense", item(77, "c", 1), item(916, "d", 2000)]
    results = send(agent, *sent)
    assert [result["client_reference"] for result in results] == ["a", "b", None, "c", "d"]
    assert [result["status"] for result in results] == [201, 422, 400, 404, 201]
    assert [len(booked(agent, reference)) for reference in "abcd"] == [1, 0, 0, 1]


def test_refused_once_is_not_refused_for_ever(agent: httpx.Client) -> None:
    """A refused item has used up nothing: when what stood against it is gone, the same bytes are booked."""
    send(agent, item(917, "high", 9000))
    later = item(917, "next", 8000)
    assert send(agent, later)[0]["problem"]["code"] == "reading-below-last"
    number = booked(agent, "high")[0]["measurement_document"]
    first, second = (agent.post(f"/measurement-documents/{number}/reversals") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["reversed"] is second.json()["reversed"] is True
    assert send(agent, later)[0]["status"] == 201
    assert agent.post("/measurement-documents/00000000005999999999/reversals").status_code == 404


def test_an_item_is_atomic(agent: httpx.Client) -> None:
    """When one counter of an item is refused, none of them is booked."""
    readings = [{"meter_code": "total", "value": 2000}, {"meter_code": "black", "value": 1}]
    (result,) = send(agent, item(900, "atom", 0, readings=readings))
    assert result["problem"]["code"] == "reading-below-last"
    assert booked(agent, "atom") == []
    readings[1]["value"] = 1500
    (result,) = send(agent, item(900, "atom", 0, readings=readings))
    assert [one["measuring_point"] for one in result["measurement_documents"]] == [point_of(900), point_of(900, 2)]


def test_what_an_item_must_say(agent: httpx.Client) -> None:
    """Whatever is missing, unknown or contradictory in an item is named by its own problem."""
    point = {"measuring_point": point_of(920), "value": 1000}
    wrong: list[tuple[dict[str, Any], int, str]] = [
        ({"readings": []}, 400, "malformed-request"),
        ({"readings": [point, point]}, 400, "malformed-request"),
        ({"readings": [{"value": 1000}]}, 422, "measuring-point-unknown"),
        ({"readings": [{**point, "measuring_point": point_of(921)}]}, 422, "measuring-point-unknown"),
        ({"readings": [{**point, "meter_code": "black"}]}, 422, "measuring-point-unknown"),
        ({"readings": [{**point, "unit": "SHEET"}]}, 422, "unit-mismatch"),
        ({"readings": [{**point, "value": "1000"}]}, 422, "reading-not-integer"),
        ({"readings": [{**point, "value": 1000.0}]}, 422, "reading-not-integer"),
        ({"readings": [{**point, "value": -2}]}, 422, "reading-not-integer"),
        ({"readings": [{**point, "value": True}]}, 422, "reading-not-integer"),
        ({"readings": [{**point, "value": None}]}, 422, "reading-not-integer"),
        ({"readings": [{**point, "value": 2**53}]}, 422, "reading-exceeds-overflow"),
        ({"readings": [{**point, "value": 2**70}]}, 422, "reading-exceeds-overflow"),
        ({"read_at": None}, 400, "malformed-request"),
        ({"read_at": "2026-11-23"}, 400, "malformed-request"),
        ({"read_at": "2026-11-23T10:00:00"}, 400, "malformed-request"),
        ({"read_at": "0001-01-01T00:00:00+14:00"}, 400, "malformed-request"),
        ({"client_reference": ""}, 400, "malformed-request"),
        ({"client_reference": "x" * 65}, 400, "malformed-request"),
        ({"equipment_number": number_of(77)}, 404, "equipment-unknown"),
        ({"equipment_number": 920}, 404, "equipment-unknown"),
        ({"equipment_number": number_of(901)}, 410, "equipment-decommissioned"),
        ({"equipment_number": number_of(902)}, 403, "contract-inactive"),
        ({"equipment_number": number_of(903)}, 403, "equipment-not-assigned"),
        ({"manufacturer_serial_number": "AA2M999999999"}, 422, "serial-mismatch"),
    ]
    for place, (change, status, code) in enumerate(wrong):
        (result,) = send(agent, {**item(920, f"wrong-{place}", 1000), **change})
        assert (result["status"], result["problem"]["code"]) == (status, code), change
    only_black = [{"meter_code": "black", "value": 1500}]
    (result,) = send(agent, item(900, "black", 0, readings=only_black))
    assert result["problem"]["code"] == "mandatory-counter-missing"


def test_equipment_by_its_serial_number(agent: httpx.Client) -> None:
    """An item may name its equipment by maker and serial number, and only an exact pair counts."""
    sent = item(922, "serial", 1400)
    del sent["equipment_number"]
    named = {**sent, "manufacturer": "Konica Minolta", "manufacturer_serial_number": "AA2M000000922"}
    assert send(agent, {**named, "manufacturer": "Ricoh"})[0]["problem"]["code"] == "equipment-unknown"
    assert send(agent, sent)[0]["problem"]["code"] == "equipment-unknown"
    assert send(agent, named)[0]["status"] == 201
    assert booked(agent, "serial")[0]["equipment_number"] == number_of(922)


def test_one_reading_alone(agent: httpx.Client) -> None:
    """A single reading is 201, and a refused one is a problem of the whole request."""
    assert agent.post("/measurement-documents", json=item(923, "alone", 1100)).status_code == 201
    refused = agent.post("/measurement-documents", json=item(923, "less", 1))
    assert (refused.status_code, refused.json()["code"]) == (422, "reading-below-last")


def test_too_many_at_once(portal: PortalProcess, agent: httpx.Client) -> None:
    """A batch above the published limit is refused as a whole; the limit can be made smaller."""
    portal.faults(batch_max_items=2)
    try:
        assert agent.get("/agents/me").json()["limits"]["batch_max_items"] == 2
        items = [item(924, f"many-{place}", 1000) for place in range(3)]
        refused = agent.post("/measurement-document-batches", json={"items": items})
        assert (refused.status_code, refused.json()["code"]) == (413, "batch-too-large")
        assert booked(agent, "many-0") == []
        assert [result["status"] for result in send(agent, *items[:2])] == [201, 201]
    finally:
        portal.faults(batch_max_items=100)


def test_documents_page_by_page(agent: httpx.Client) -> None:
    """Booked readings come in pages, the oldest first, for comparing with what was sent."""
    for place in range(7):
        send(agent, item(925, f"page-{place}", 1000 + place))
    seen, cursor = [], None
    for _ in range(20):
        query = {"equipment_number": number_of(925), "limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = agent.get("/measurement-documents", params=query).json()
        seen += [one["client_reference"] for one in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == [None, *(f"page-{place}" for place in range(7))]


def test_proof_is_kept(portal: PortalProcess, agent: httpx.Client) -> None:
    """What the agent gives as proof is kept with the reading as it came, fields of the future too."""
    proof = {"varbinds": [["1.3.6.1.2.1.1.5.0", 4, "PRN"]], "nested": {"ü": None}}
    sent = item(926, "proof", 1000, proof=proof, findings=[{"code": "x", "detail": "y"}], field_of_the_future=1)
    assert send(agent, sent)[0]["status"] == 201
    assert [one for one in portal.ledger()["submissions"] if one["client_reference"] == "proof"] == [sent]


def test_settings_of_the_clock(portal: PortalProcess, agent: httpx.Client) -> None:
    """A portal whose clock is wrong shows it, and judges the future by it; the tolerance can be widened."""
    portal.faults(clock_skew_seconds=-3600)
    try:
        told = datetime.fromisoformat(agent.get("/agents/me").json()["server_time"])
        assert timedelta(minutes=59) < datetime.now(UTC) - told < timedelta(minutes=61)
        assert send(agent, item(926, "clock", 1000))[0]["problem"]["code"] == "read-at-in-future"
        portal.faults(clock_skew_seconds=-3600, future_tolerance_seconds=86_400)
        assert send(agent, item(926, "clock", 1000))[0]["status"] == 201
    finally:
        portal.faults(clock_skew_seconds=0, future_tolerance_seconds=300)


DAYS = st.integers(min_value=1, max_value=400)
VALUES = st.integers(min_value=0, max_value=200_000)


@given(st.lists(st.tuples(DAYS, VALUES), min_size=1, max_size=12, unique_by=lambda one: one[0]))
def test_booked_counters_never_go_back(readings: list[tuple[int, int]]) -> None:
    """In whatever order readings of a plain counter arrive, those that are booked never fall in the order of time."""
    point = Point("1", "PAGE", None, 36_500)
    kept: list[Neighbour] = []
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for day, value in readings:
        read_at = start + timedelta(days=day)
        before = max((one for one in kept if one.read_at <= read_at), key=lambda one: one.read_at, default=None)
        after = min((one for one in kept if one.read_at > read_at), key=lambda one: one.read_at, default=None)
        fits = (before is None or before.value <= value) and (after is None or value <= after.value)
        try:
            judge(point, New(value, "PAGE", read_at), Neighbours(before, before, after, after))
        except Refusal:
            assert not fits
        else:
            assert fits
            kept.append(Neighbour(value, read_at, False, str(len(kept))))
    in_time = sorted(kept, key=lambda one: one.read_at)
    assert all(one.value <= other.value for one, other in itertools.pairwise(in_time))

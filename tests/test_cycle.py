"""One cycle over many printers: stored while others are still read, each with its own numbers, never another's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.cycle import COMMITTED_TOGETHER, Cycle, same_device
from agent.discovery.directory import Named
from agent.errors import PortalUnavailable, StoreError
from agent.memory import SqlMemory
from agent.meters import LastReading, MeasuringPoint
from agent.ordering import Replenishment
from agent.printers import Endpoint, Equipment, Identity, Printer, Sighting
from agent.readout import Readout
from agent.report import CycleReport
from agent.snmp.catalogue import shipped
from agent.snmp.recording import parse_recording
from agent.snmp.varbinds import Answer, Ask
from agent.store import Store
from agent.supplies.policy import OrderRules
from agent.supply_memory import SqlSupplies
from agent.survey import Survey
from agent.texts import message
from agent.upload.courier import Courier
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import Source
from agent.validation import NO_OFFSETS
from tests.test_ordering import Clock, Nobody, Office

CATALOGUE = shipped()
RULES = OrderRules(
    armed=False, threshold_percent=10, between_low_readings=timedelta(), max_per_equipment_per_day=1, max_per_day=1
)
PATIENCE = 30.0


ARMED = OrderRules(armed=True, at_first_sight=True, between_low_readings=timedelta())
EMPTY_TONER = tuple(
    f"1.3.6.1.2.1.43.11.1.1.{column}.1.1|{said}"
    for column, said in (("2", "2|1"), ("3", "2|1"), ("4", "2|3"), ("5", "2|3"), ("6", "4|Cyan"), ("7", "2|19"),
                         ("8", "2|100"), ("9", "2|0"))
)  # fmt: skip


def told_by(number: int, serial: str, total: int, more: Iterable[str] = ()) -> Answer:
    """Everything that a simple printer tells, whatever it is asked."""
    lines = (
        "1.3.6.1.2.1.1.1.0|4|Acme Laser 9",
        f"1.3.6.1.2.1.1.5.0|4|prn-{number}",
        "1.3.6.1.2.1.25.3.2.1.2.1|6|1.3.6.1.2.1.25.3.1.5",
        "1.3.6.1.2.1.25.3.2.1.3.1|4|Acme Laser 9",
        f"1.3.6.1.2.1.43.5.1.1.17.1|4|{serial}",
        "1.3.6.1.2.1.43.10.2.1.3.1.1|2|7",
        f"1.3.6.1.2.1.43.10.2.1.4.1.1|65|{total}",
        *more,
    )
    return Answer(parse_recording("\n".join(lines) + "\n").varbinds, "v2c", 1)


class Printers:
    """`Finder` and `Snmp` over so many printers; `before` is waited for before a printer's counters are told."""

    def __init__(
        self,
        count: int,
        *,
        serial: str = "SN4711{number}",
        read_serial: str = "SN4711{number}",
        told: Iterable[str] = (),
    ) -> None:
        self.count = count
        self.told = told
        self.serial = serial
        self.read_serial = read_serial
        self.before: Callable[[int], None] | None = None
        self.pages = 1000

    reach = 0

    def listening(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def named(self, numbers: Iterable[str]) -> Named:
        places = [Endpoint(f"10.0.{number // 250}.{number % 250 + 1}") for number in range(self.count)]
        return Named(tuple(Sighting(place, "configured") for place in places))

    scope = "none"

    def searched(self, start: int = 0, stop: int | None = None) -> Iterable[Endpoint]:
        return ()

    def is_searched(self, endpoint: Endpoint) -> bool:
        return False

    def allows(self, address: str) -> bool:
        return True

    async def ask(self, endpoint: Endpoint, ask: Ask) -> Answer:
        left, right = map(int, endpoint.address.split(".")[2:])
        number = left * 250 + right - 1
        identifying = ask in (CATALOGUE.generic.identify_ask, CATALOGUE.generic.doubt_ask)
        for _ in range(1000):
            if identifying or self.before is None or self.before(number):
                break
            await asyncio.sleep(PATIENCE / 1000)
        serial = self.serial if identifying else self.read_serial
        return told_by(number, serial.format(number=number), self.pages + number, self.told)


class Firm(Office):
    """A portal with an equipment for every printer, each last reported as `last` says."""

    def __init__(self, count: int, last: LastReading | None = None) -> None:
        super().__init__()
        self.count = count
        self.last = last
        self.silent = False

    async def equipments(self):
        if self.silent:
            raise PortalUnavailable(message("The portal does not answer."))
        points = (MeasuringPoint("47", "total", mandatory=True, last_reading=self.last),)
        return [
            Equipment(str(number), technical_identification_number=f"prn-{number}", measuring_points=points)
            for number in range(self.count)
        ]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as opened:
        yield opened


def cycle(
    store: Store,
    printers: Printers,
    firm: Firm,
    *,
    period: str | None = "today",
    later: int = 0,
    rules: OrderRules = RULES,
    offsets: Mapping[str, int] | None = NO_OFFSETS,
) -> CycleReport:
    outbox, memory, clock = SqlOutbox(store), SqlMemory(store), Clock()
    clock.moment += timedelta(hours=later)
    survey = Survey(printers, printers, CATALOGUE, clock)
    courier = Courier(outbox, firm, clock, asyncio.sleep)
    source = Source("agent", "0")
    ordering = Replenishment(firm, outbox, SqlSupplies(store), clock, lambda one: rules, source, memory.standings)
    whole = Cycle(
        *(survey, firm, outbox, memory, ordering, courier, clock, source, lambda now: period),
        offsets=lambda numbers: dict.fromkeys(numbers, offsets),
    )
    return asyncio.run(whole.run(Nobody()))


def totals(store: Store) -> dict[str, list[int]]:
    """By equipment the totals of its envelopes."""
    found: dict[str, list[int]] = {}
    for entry in SqlMemory(store).entries():
        envelope = entry.envelope
        found.setdefault(envelope.equipment_number, []).extend(one["value"] for one in envelope.content["readings"])
    return found


def test_what_was_read_is_stored_a_hundred_at_a_time_while_others_are_still_being_read(store: Store) -> None:
    """One printer answers only when the hundred before it are in the database: nothing waits for the slowest."""
    printers, memory = Printers(COMMITTED_TOGETHER + 51), SqlMemory(store)
    stored_before: list[int] = []

    def last_is_slow(number: int) -> bool:
        if number < COMMITTED_TOGETHER + 50:
            return True
        stored_before.append(len(memory.entries()))
        return stored_before[-1] > 0

    printers.before = last_is_slow
    cycle(store, printers, Firm(printers.count))
    assert stored_before[-1] == COMMITTED_TOGETHER
    assert totals(store) == {str(number): [1000 + number] for number in range(printers.count)}


def test_a_store_that_fails_ends_the_cycle_and_nothing_half_is_stored(tmp_path: Path, store: Store) -> None:
    """The database refuses the second hundred: the first is there whole, and of the second nothing."""
    printers, memory = Printers(2 * COMMITTED_TOGETHER), SqlMemory(store)

    class Refusing(SqlOutbox):
        """An outbox whose disk is full after the first hundred, in the middle of the next."""

        def put_all(self, parcels) -> None:
            super().put_all(parcels)
            if len(memory.entries()) > COMMITTED_TOGETHER:
                raise StoreError(message("There is no space left."))

    outbox, clock, firm = Refusing(store), Clock(), Firm(printers.count)
    courier = Courier(outbox, firm, clock, asyncio.sleep)
    survey = Survey(printers, printers, CATALOGUE, clock)
    source = Source("agent", "0")
    ordering = Replenishment(firm, outbox, SqlSupplies(store), clock, lambda one: RULES, source, memory.standings)
    whole = Cycle(survey, firm, outbox, memory, ordering, courier, clock, source, lambda now: "today")
    with pytest.raises(StoreError):
        asyncio.run(whole.run(Nobody()))
    assert len(memory.entries()) == COMMITTED_TOGETHER


def test_another_device_than_the_one_identified_is_not_reported(store: Store) -> None:
    """The address changed hands between two packets: no number of the stranger goes to this equipment."""
    report = cycle(store, Printers(1, read_serial="XY0815{number}"), Firm(1))
    assert [(line.readout.status, line.verdict, line.entry) for line in report.lines] == [("refused", None, None)]
    assert totals(store) == {}


def test_one_period_has_one_reading(store: Store) -> None:
    """The second cycle of a period stores and sends nothing; the next period does."""
    printers, firm = Printers(3), Firm(3)
    cycle(store, printers, firm)
    printers.pages += 10
    assert all(line.repeated for line in cycle(store, printers, firm).lines)
    assert totals(store) == {"0": [1000], "1": [1001], "2": [1002]}
    cycle(store, printers, firm, period="tomorrow")
    assert {number: sorted(values) for number, values in totals(store).items()} == {
        "0": [1000, 1010], "1": [1001, 1011], "2": [1002, 1012],
    }  # fmt: skip


def test_outside_of_a_period_nothing_is_stored(store: Store) -> None:
    """Read and judged, but not due."""
    (line,) = cycle(store, Printers(1), Firm(1), period=None).lines
    assert (line.verdict.outcome, line.entry) == ("accepted", None)
    assert totals(store) == {}


@pytest.mark.parametrize(
    ("says", "days", "value", "state"),
    [
        (
            "the portal's value is newer and higher: somebody reported a new board by hand, or more pages",
            1,
            5000,
            "held",
        ),
        ("the portal's value is newer and lower: a replaced board was booked there", 1, 100, "sent"),
        ("the portal's value is older than what was reported here", -9, 5000, "sent"),
    ],
)
def test_the_newest_value_is_what_a_reading_is_judged_by(
    store: Store, says: str, days: int, value: int, state: str
) -> None:
    """Of what the portal has and what was reported here the later one counts, whichever is higher."""
    printers, firm = Printers(1), Firm(1)
    printers.pages = 2000
    cycle(store, printers, firm)
    firm.last = LastReading(value, Clock().now() + timedelta(days=days))
    printers.pages = 2100
    if state == "sent" and days > 0:
        printers.pages = 150  # the new board's
    (line,) = cycle(store, printers, firm, period="tomorrow").lines
    assert line.verdict.outcome == {"held": "quarantined", "sent": "accepted"}[state], says
    assert line.entry.state == {"held": "quarantined", "sent": "accepted"}[state]


def test_a_held_reading_leaves_its_period_to_a_sound_one_and_is_not_learnt_from(store: Store) -> None:
    """Held once, not again in the period; when the printer counts right again, that reading goes out."""
    printers, firm = Printers(1), Firm(1, LastReading(1500, Clock().now() - timedelta(days=30)))
    (held,) = cycle(store, printers, firm).lines
    assert (held.entry.state, SqlMemory(store).known_endpoints()) == ("quarantined", frozenset())
    (again,) = cycle(store, printers, firm).lines
    assert again.repeated
    printers.pages = 1600
    (sound,) = cycle(store, printers, firm).lines
    assert (sound.entry.state, sound.repeated) == ("accepted", False)
    assert sorted(totals(store)["0"]) == [1000, 1600]


def test_an_offset_that_nobody_can_read_any_more_reports_nothing(store: Store) -> None:
    """What a person has decided to add is damaged: without it every number would be wrong, so none leaves until it is
    decided again."""
    printers, firm = Printers(1), Firm(1)
    (line,) = cycle(store, printers, firm, offsets=None).lines
    assert (line.entry, SqlMemory(store).entries()) == (None, [])
    assert "decide again" in str(SqlMemory(store).outcomes()["0"].finding.message)
    (line,) = cycle(store, printers, firm, offsets={"total": 500}).lines
    assert line.entry.state == "accepted"
    assert totals(store)["0"] == [1500]


def test_a_held_reading_orders_nothing(store: Store) -> None:
    """Whose counter fell may be another device: its levels order nothing and are not remembered, until it is right."""
    printers, firm = Printers(1, told=EMPTY_TONER), Firm(1, LastReading(1500, Clock().now() - timedelta(days=30)))
    (held,) = cycle(store, printers, firm, rules=ARMED).lines
    assert (held.entry.state, held.orderings, firm.orders) == ("quarantined", (), [])
    assert SqlSupplies(store).slots(["0"]) == {}
    printers.pages = 1600
    (sound,) = cycle(store, printers, firm, rules=ARMED).lines
    assert [one.decision.order for one in sound.orderings] == [True]
    assert len(firm.orders) == 1


def test_where_a_value_stood_is_remembered_from_cycle_to_cycle(store: Store) -> None:
    """The total came from the life count; told by another object the next time, it waits for a person."""
    printers, firm = Printers(1), Firm(1)
    cycle(store, printers, firm)
    (last,) = SqlMemory(store).last_reported(["0"])["0"].values()
    assert (last.value, last.origin) == (1000, "1.3.6.1.2.1.43.10.2.1.4.1.1")


def test_without_the_portal_the_last_list_serves(store: Store) -> None:
    """The portal is away: what it wanted last time is read and kept for it; before a first list nothing is."""
    firm = Firm(1)
    firm.silent = True
    report = cycle(store, Printers(1), firm)
    assert (report.lines, report.trouble is not None) == ((), True)
    firm.silent = False
    cycle(store, Printers(1), firm)
    firm.silent = True
    printers = Printers(1)
    printers.pages = 1200
    (line,) = cycle(store, printers, firm, period="tomorrow").lines
    assert line.entry is not None
    assert sorted(totals(store)["0"]) == [1000, 1200]


@pytest.mark.parametrize(
    ("says", "before", "now", "same"),
    [
        ("nothing is known", Identity(), Identity(), True),
        ("the serial number tells", Identity(serial_number="AB12345"), Identity(serial_number="AB12346"), False),
        ("zeros before it are none", Identity(serial_number="0012345"), Identity(serial_number="12345"), True),
        ("another kind of device", Identity(sys_object_id="1.3.6.1.4.1.367.1.1"),
         Identity(sys_object_id="1.3.6.1.4.1.1347.41"), False),
        ("another network card", Identity(mac_addresses=("00:26:73:00:00:01",)),
         Identity(mac_addresses=("00:26:73:00:00:02",)), False),
        ("one card more", Identity(mac_addresses=("00:26:73:00:00:01",)),
         Identity(mac_addresses=("00:26:73:00:00:01", "00:26:73:00:00:02")), True),
    ],
)  # fmt: skip
def test_another_device_than_a_moment_before_is_noticed(says, before, now, same):
    """An address that changes hands between two packets: what was read is not of the printer that was identified."""
    printer = Printer(Endpoint("127.0.0.1"), before)
    assert (
        same_device(printer, Readout(Endpoint("127.0.0.1"), "ok", datetime(2026, 11, 23, tzinfo=UTC), now)) is same
    ), says


def test_the_age_of_the_list_is_told_when_it_is_more_than_a_day(store: Store) -> None:
    """While the portal is silent its last list counts, and how old that is is known."""
    memory, printers, firm = SqlMemory(store), Printers(1), Firm(1)
    first = cycle(store, printers, firm)
    assert (first.findings, memory.listed_at()) == ((), first.ended_at)
    firm.silent = True
    soon = cycle(store, printers, firm, later=23)
    assert (soon.findings, memory.listed_at(), memory.last_cycle()) == ((), first.ended_at, soon.ended_at)
    late = cycle(store, printers, firm, later=26)
    assert [str(finding.message) for finding in late.findings] == [
        "The portal's equipment list is 26 hours old; the portal has not given a newer one."
    ]
    firm.silent = False
    assert cycle(store, printers, firm, later=27).findings == ()

"""The courier brings everything to the portal once, in order, whatever the portal, the clock and the computer do."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.errors import (
    AgentError,
    AgentTooOld,
    BatchTooLarge,
    CredentialsRejected,
    PortalError,
    PortalUnavailable,
    PortalUnreachable,
    PortalUntrusted,
    RateLimited,
    RequestRefused,
    RightMissing,
)
from agent.memory import SqlMemory
from agent.ports import Account, BomItem
from agent.printers import Equipment
from agent.store import Store
from agent.texts import message
from agent.upload.courier import FIRST_WAIT, LONGEST_WAIT, PATIENCE, TRIES, Courier, Delivery
from agent.upload.envelope import Accepted, Envelope, Kept, Kind, Outcome, Rejected, canonical, new_reference
from agent.upload.outbox import SqlOutbox
from agent.upload.portal import PortalClient
from agent.upload.refusals import IN_A_MOMENT
from agent.upload.restraint import OPENS_AFTER
from tests.killed import killed_after, needs_fork
from tests.portal_process import PortalProcess
from tests.test_portal_client import connect, start

CI = os.environ.get("CI") == "true"
KILLS = int(os.environ.get("KILLS", "120" if CI else "60"))
SUBMISSIONS = int(os.environ.get("SUBMISSIONS", "600" if CI else "250"))
START = datetime(2026, 11, 23, 8, tzinfo=UTC)


def number(which: int) -> str:
    """The equipment numbers of the sandbox portal's seed."""
    return f"{10_000_001 + which:018d}"


def reading(equipment: str, at: datetime, value: int) -> Envelope:
    reference = new_reference()
    point = f"{int(equipment) - 10_000_001:012d}" if equipment.isdigit() else "1"
    body = {
        "client_reference": reference,
        "equipment_number": equipment,
        "read_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "readings": [{"measuring_point": point, "meter_code": "total", "value": value, "unit": "PAGE"}],
    }
    return Envelope(reference, "reading", equipment, reference, at, canonical(body))


def order(equipment: str, at: datetime, position: int = 1) -> Envelope:
    reference = new_reference()
    item = {
        "bom_item_number": f"00{position}0",
        "component_material_number": f"TN{position}",
        "quantity": 1,
        "unit": "ST",
    }
    body: dict[str, object] = {"client_reference": reference, "equipment_number": equipment, "items": [item]}
    return Envelope(reference, "order", equipment, f"{equipment}/TN{position}", at, canonical(body))


@dataclass(slots=True)
class HandClock:
    """A clock that is moved by hand; sleeping moves it too and is written down."""

    at: datetime = START
    set_by: timedelta = timedelta()
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def ticks(self) -> float:
        """Monotonic seconds: what passes, and not where somebody sets the clock to."""
        return self.at.timestamp() - self.set_by.total_seconds()

    def jump(self, by: timedelta) -> None:
        """Somebody sets the clock."""
        self.at += by
        self.set_by += by

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


class Killed(BaseException):
    """The agent is killed while it waits for an answer: nothing behind that is done."""


@dataclass(slots=True)
class LedgerPortal:
    """A portal in memory that books every reference once, and fails as it is told to."""

    limit: int = 1000
    failing: list[PortalError] = field(default_factory=list)
    always: PortalError | None = None
    locked: dict[Kind, str] = field(default_factory=dict)
    verdicts: dict[str, Outcome] = field(default_factory=dict)
    poison: set[str] = field(default_factory=set)
    senseless: set[str] = field(default_factory=set)
    booked: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    killing: bool = False

    def _asked(self, kind: Kind, what: str) -> None:
        self.asked.append(what)
        if self.killing:
            self.killing = False
            raise Killed
        if self.failing:
            raise self.failing.pop(0)
        if self.always:
            raise self.always
        if kind in self.locked:
            raise RightMissing(message("Locked."), area=self.locked[kind])

    def _book(self, envelope: Envelope) -> Outcome:
        if envelope.reference in self.verdicts:
            return self.verdicts[envelope.reference]
        known = envelope.reference in self.booked
        if not known:
            self.booked.append(envelope.reference)
        return Accepted((str(self.booked.index(envelope.reference)),), duplicate=known)

    async def submit_readings(self, envelopes: Sequence[Envelope]) -> Sequence[Outcome]:
        self._asked("reading", f"{len(envelopes)} readings")
        if len(envelopes) > self.limit:
            raise BatchTooLarge(message("Too many."))
        if any(envelope.reference in self.poison for envelope in envelopes):
            raise unavailable()
        if any(envelope.reference in self.senseless for envelope in envelopes):
            raise RequestRefused(message("No sense."), code="malformed-request")
        return [self._book(envelope) for envelope in envelopes]

    async def submit_order(self, envelope: Envelope, *, first_try: bool) -> Outcome:
        self._asked("order", "order at once" if first_try else "order after asking")
        return self._book(envelope)

    async def account(self) -> Account:
        raise NotImplementedError

    async def equipments(self) -> Sequence[Equipment]:
        raise NotImplementedError

    async def bill_of_material(self, equipment_number: str) -> Sequence[BomItem]:
        raise NotImplementedError


@dataclass(slots=True)
class World:
    """An outbox on a real disk, a portal in memory, a clock moved by hand, and a courier between them."""

    outbox: SqlOutbox
    memory: SqlMemory
    portal: LedgerPortal
    clock: HandClock
    courier: Courier

    def put(self, *envelopes: Envelope) -> list[str]:
        assert all(self.outbox.put(envelope, None) for envelope in envelopes)
        return [envelope.reference for envelope in envelopes]

    def readings(self, count: int, equipment: str = "") -> list[str]:
        """One reading each of so many printers, or so many of one."""
        made = [
            reading(equipment or f"E{n}", self.clock.at + timedelta(milliseconds=n), 1000 + n) for n in range(count)
        ]
        return self.put(*made)

    def deliver(self) -> Delivery:
        return asyncio.run(self.courier.deliver())

    def earn(self, repeats: int) -> None:
        """So many requests that went well that this many may be repeated."""
        for n in range(10 * repeats):
            self.readings(1, f"earned{n}")
            self.clock.at += timedelta(seconds=2)
            self.deliver()
        self.portal.asked.clear()
        self.portal.booked.clear()

    def restart(self) -> None:
        """Another courier on the same outbox, as after a start of the agent."""
        clock = self.clock
        self.courier = Courier(
            self.outbox,
            self.portal,
            clock,
            clock.sleep,
            chance=lambda: 0.5,
            ticks=clock.ticks,
            batch=self.courier.batch,
        )

    def states(self, references: Sequence[str]) -> list[str]:
        return [entry.state for entry in map(self.memory.entry, references) if entry]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock, portal = HandClock(), LedgerPortal()
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        outbox = SqlOutbox(store)
        courier = Courier(outbox, portal, clock, clock.sleep, chance=lambda: 0.5, ticks=clock.ticks)
        yield World(outbox, SqlMemory(store), portal, clock, courier)


def unavailable(retry_after: float | None = None) -> PortalUnavailable:
    return PortalUnavailable(message("Not now."), retry_after=retry_after)


def test_everything(world: World) -> None:
    """Everything that waits goes out, readings together and orders one by one, the oldest first."""
    readings = world.readings(150)
    orders = world.put(*(order(f"E{n}", world.clock.at + timedelta(seconds=1)) for n in range(2)))
    world.clock.at += timedelta(minutes=1)
    delivery = world.deliver()
    assert (delivery.accepted, delivery.duplicates, delivery.trouble) == (152, 0, None)
    assert world.portal.booked[:150] == readings
    assert sorted(world.portal.booked[150:]) == sorted(orders)
    assert world.portal.asked == ["100 readings", "50 readings", "order at once", "order at once"]
    assert world.deliver() == Delivery()
    assert len(world.portal.asked) == 4


def test_one_printer_in_order(world: World) -> None:
    """The readings of one printer arrive as they were read."""
    references = world.readings(250, "E1")
    world.clock.at += timedelta(minutes=1)
    world.deliver()
    assert world.portal.booked == references


def test_fewer_at_once(world: World) -> None:
    """When the portal takes fewer at once the batch is halved until it fits, and stays so."""
    world.portal.limit = 3
    references = world.readings(8)
    world.clock.at += timedelta(minutes=1)
    assert world.deliver().accepted == 8
    assert world.portal.asked == ["8 readings", "4 readings", *["2 readings"] * 4]
    assert world.portal.booked == references
    world.readings(2, "later")
    world.clock.at += timedelta(minutes=1)
    world.deliver()
    assert world.portal.asked[6:] == ["2 readings"]


def test_never_small_enough(world: World) -> None:
    """An item that is too large alone is shown as rejected, and holds nobody up, an order neither."""
    world.portal.limit = 0
    first, second = world.readings(2)
    (ordered,) = world.put(order("E1", world.clock.at + timedelta(seconds=1)))
    world.clock.at += timedelta(minutes=1)
    delivery = world.deliver()
    assert (delivery.rejected, delivery.accepted) == (2, 1)
    assert world.states([first, second, ordered]) == ["rejected", "rejected", "accepted"]


@pytest.mark.parametrize(("kind", "area"), [("reading", "readings:write"), ("order", "orders:write")])
def test_right_missing(world: World, kind: Kind, area: str) -> None:
    """Without the right for one kind, that kind is parked with the area's name after one question; the other goes."""
    world.portal.locked = {kind: area}
    things = {"reading": world.readings(250), "order": world.put(*(order(f"E{n}", world.clock.at) for n in range(3)))}
    world.clock.at += timedelta(minutes=1)
    delivery = world.deliver()
    other = things["order" if kind == "reading" else "reading"]
    assert set(world.states(things[kind])) == {"parked"}
    assert set(world.states(other)) == {"accepted"}
    assert (delivery.parked, delivery.accepted) == (len(things[kind]), len(other))
    entry = world.memory.entry(things[kind][-1])
    assert entry is not None
    assert area in str(entry.reasons[0].message)
    assert isinstance(delivery.trouble, RightMissing)
    refused = [what for what in world.portal.asked if ("order" in what) == (kind == "order")]
    assert len(refused) == 1


def test_parked_again(world: World) -> None:
    """What was parked is tried again a day later by itself, and not before."""
    world.portal.locked = {"reading": "readings:write"}
    references = world.readings(2)
    world.clock.at += timedelta(minutes=1)
    world.deliver()
    world.portal.locked = {}
    world.clock.at += timedelta(hours=23)
    assert world.deliver().accepted == 0
    world.clock.at += timedelta(hours=1)
    assert world.deliver().accepted == 2
    assert world.states(references) == ["accepted", "accepted"]


def test_a_moment(world: World) -> None:
    """A portal that fails for a moment is asked again at once, with growing pauses, and nobody notices."""
    world.earn(2)
    world.portal.failing = [unavailable(), unavailable()]
    references = world.readings(2)
    world.clock.at += timedelta(minutes=1)
    delivery = world.deliver()
    assert (delivery.accepted, delivery.postponed, delivery.trouble) == (2, 0, None)
    assert world.clock.slept == [1.0, 2.0]  # half of 2 and of 4 seconds, as the chance is one half
    assert world.portal.booked == references


def test_down(world: World) -> None:
    """A portal that stays away is left alone after a few tries; everything is kept, and tried again later."""
    world.earn(2)
    world.portal.always = unavailable()
    references = world.readings(3)
    world.clock.at += timedelta(minutes=1)
    delivery = world.deliver()
    assert (delivery.accepted, delivery.postponed, delivery.trouble) == (0, 3, world.portal.always)
    assert len(world.portal.asked) == TRIES
    assert world.states(references) == ["waiting"] * 3
    assert world.deliver() == Delivery()
    assert len(world.portal.asked) == TRIES
    world.portal.always = None
    world.clock.at += timedelta(seconds=FIRST_WAIT)
    assert world.deliver().accepted == 3


def test_longer_and_longer(world: World) -> None:
    """The longer the portal is away, the rarer it is asked, but at least every quarter of an hour."""
    world.portal.always = unavailable(PATIENCE + 1)
    world.portal.always.retry_after = None
    (reference,) = world.readings(1)
    world.clock.at += timedelta(minutes=1)
    waits = []
    for _ in range(14):
        world.deliver()
        entry = world.memory.entry(reference)
        assert entry is not None
        assert entry.not_before is not None
        waits.append((entry.not_before - world.clock.at).total_seconds())
        world.clock.at = entry.not_before
    assert waits == [min(FIRST_WAIT * 2**n, LONGEST_WAIT) / 2 for n in range(14)]


@pytest.mark.parametrize(("told", "slept"), [(7.0, [7.0]), (PATIENCE, [PATIENCE]), (PATIENCE + 1, []), (86_400.0, [])])
def test_told_when(world: World, told: float, slept: list[float]) -> None:
    """A portal that says when is believed to the second: a short time is waited for, a long one put off."""
    world.earn(1)
    world.portal.failing = [unavailable(told)]
    (reference,) = world.readings(1)
    world.clock.at += timedelta(minutes=1)
    world.deliver()
    assert world.clock.slept == slept
    entry = world.memory.entry(reference)
    assert entry is not None
    if slept:
        assert entry.state == "accepted"
        return
    assert entry.not_before == world.clock.at + timedelta(seconds=told)
    world.clock.at = entry.not_before - timedelta(seconds=1)
    assert world.deliver().accepted == 0
    world.clock.at = entry.not_before
    assert world.deliver().accepted == 1


STOPS: dict[str, Callable[[], PortalError]] = {
    "credentials": lambda: CredentialsRejected(message("No.")),
    "untrusted": lambda: PortalUntrusted(message("No.")),
    "too old": lambda: AgentTooOld(message("No.")),
    "a proxy's word": lambda: PortalError(message("No.")),
}


@pytest.mark.parametrize("case", sorted(STOPS))
def test_a_person_must_act(world: World, case: str) -> None:
    """Where only a person can help, the round ends after one question, and nothing in the outbox has changed."""
    world.portal.always = STOPS[case]()
    references = world.readings(2)
    world.clock.at += timedelta(minutes=1)
    before = [world.memory.entry(reference) for reference in references]
    assert world.deliver() == Delivery(trouble=world.portal.always)
    assert [world.memory.entry(reference) for reference in references] == before
    assert len(world.portal.asked) == 1


def test_verdicts(world: World) -> None:
    """Every reading of a batch gets its own verdict; one without holds back its own printer only."""
    first, second, third, fourth = world.readings(4)
    world.portal.verdicts = {
        first: Rejected("reading-below-last", "900 < 1000"),
        second: Kept("equipment-unknown", "no such equipment"),
        third: Kept(IN_A_MOMENT, "maintenance"),
    }
    world.clock.at += timedelta(minutes=1)
    delivery = world.deliver()
    counted = (delivery.accepted, delivery.rejected, delivery.parked, delivery.postponed)
    assert counted == (1, 1, 1, 1)
    assert world.states([first, second, third, fourth]) == ["rejected", "parked", "waiting", "accepted"]
    world.portal.verdicts = {}
    world.clock.at += timedelta(seconds=FIRST_WAIT)
    assert world.deliver().accepted == 1


def test_order_unknown_outcome(world: World) -> None:
    """An order without an answer is asked for before it is sent again, at once and in a later round."""
    world.earn(2)
    world.portal.failing = [unavailable() for _ in range(TRIES)]
    world.put(order("E1", world.clock.at))
    world.deliver()
    assert world.portal.asked == ["order at once", *["order after asking"] * (TRIES - 1)]
    world.clock.at += timedelta(seconds=FIRST_WAIT)
    world.deliver()
    assert world.portal.asked[TRIES:] == ["order after asking"]


@pytest.mark.parametrize("jump", [timedelta(), timedelta(days=-365), timedelta(days=365)])
def test_order_of_a_killed_agent(world: World, jump: timedelta) -> None:
    """An order from before this start may have been sent by an agent that was killed: the portal is asked first, by
    whatever clock the order was made."""
    world.put(order("E1", world.clock.at + jump))
    world.clock.at = max(world.clock.at, world.clock.at + jump)
    world.portal.killing = True
    with pytest.raises(Killed):
        world.deliver()
    world.portal.asked.clear()
    world.restart()
    world.deliver()
    assert world.portal.asked == ["order after asking"]


@pytest.mark.parametrize("jump", [timedelta(days=365), timedelta(days=-365), timedelta(hours=-1), timedelta(hours=1)])
def test_clock_jumps(world: World, jump: timedelta) -> None:
    """Whichever way the clock is set, what waits and what is parked goes out about a day later, and once."""
    parked = world.readings(1, "parked")
    world.portal.verdicts = {parked[0]: Kept("equipment-unknown", "no")}
    world.clock.at += timedelta(minutes=1)
    world.deliver()
    world.portal.failing = [unavailable(PATIENCE + 1)]
    waiting = world.readings(2)
    world.clock.at += timedelta(seconds=1)
    world.deliver()
    assert world.states([*waiting, *parked]) == ["waiting", "waiting", "parked"]
    world.portal.verdicts = {}
    world.clock.jump(jump)
    for _ in range(26):
        world.clock.at += timedelta(hours=1)
        world.deliver()
    assert world.states([*waiting, *parked]) == ["accepted"] * 3
    assert sorted(world.portal.booked) == sorted([*waiting, *parked])


def unreachable() -> PortalUnreachable:
    return PortalUnreachable(message("Nobody there."))


def test_few_repeats(world: World) -> None:
    """A courier that has sent little repeats nothing at once: what failed goes with the next delivery."""
    world.portal.failing = [unavailable()]
    world.readings(1)
    world.clock.at += timedelta(minutes=1)
    assert (world.deliver().postponed, len(world.portal.asked), world.clock.slept) == (1, 1, [])
    world.clock.at += timedelta(seconds=FIRST_WAIT)
    assert world.deliver().accepted == 1


def test_probe(world: World) -> None:
    """After five failures in a row a delivery begins with one item; when that arrives, the rest follows."""
    world.portal.always = unreachable()
    references = world.readings(30)
    for _ in range(8):
        world.clock.at += timedelta(minutes=5)
        world.deliver()
    assert world.portal.asked == [*["30 readings"] * OPENS_AFTER, *["1 readings"] * 3]
    world.portal.always = None
    world.clock.at += timedelta(minutes=5)
    assert world.deliver().accepted == 30
    assert world.portal.asked[8:] == ["1 readings", "29 readings"]
    assert world.portal.booked == references


def test_limits_open_no_breaker(world: World) -> None:
    """A portal that says *too many* is there: however often it does, what follows goes in whole batches."""
    world.portal.failing = [RateLimited(message("Later."), retry_after=60.0) for _ in range(OPENS_AFTER)]
    world.readings(30)
    for _ in range(OPENS_AFTER + 1):
        world.clock.at += timedelta(minutes=5)
        world.deliver()
    assert world.portal.asked == ["30 readings"] * (OPENS_AFTER + 1)


def test_absence_is_no_fault(world: World) -> None:
    """A portal that is away for days costs the readings nothing: the first delivery after it takes them all."""
    world.portal.always = unreachable()
    (reference, *_) = world.readings(3)
    for _ in range(500):
        world.clock.at += timedelta(minutes=5)
        world.deliver()
    entry = world.memory.entry(reference)
    assert entry is not None
    assert (entry.attempts, [str(reason.message) for reason in entry.reasons]) == (0, ["Nobody there."])
    world.portal.always = None
    world.clock.at += timedelta(minutes=5)
    assert world.deliver().accepted == 3


@pytest.mark.parametrize("limited", [RateLimited, PortalUnreachable])
def test_nothing_before_its_time(world: World, limited: type[PortalUnavailable]) -> None:
    """A time that the portal names (429, 503) holds for everything, also for what it was not told about; a clock that
    is set changes nothing, and it was no try."""
    world.portal.failing = [limited(message("Later."), retry_after=3600.0)]
    (first,) = world.readings(1)
    world.clock.at += timedelta(minutes=1)
    world.deliver()
    world.readings(1, "another")
    world.clock.jump(timedelta(days=365))
    world.clock.at += timedelta(seconds=3599)
    assert isinstance(world.deliver().trouble, limited)
    assert len(world.portal.asked) == 1
    entry = world.memory.entry(first)
    assert entry is not None
    assert entry.attempts == 0
    world.clock.at += timedelta(seconds=1)
    assert world.deliver().accepted == 2


def test_limited_order(world: World) -> None:
    """An order that the portal had no time for is placed without a question; one without an answer never."""
    world.portal.failing = [RateLimited(message("Later."), retry_after=60.0), unavailable()]
    world.put(order("E1", world.clock.at))
    for _ in range(3):
        world.deliver()
        world.clock.at += timedelta(minutes=5)
    assert world.portal.asked == ["order at once", "order at once", "order after asking"]


def test_pause(world: World) -> None:
    """Credentials that are not taken pause everything: the portal is asked once an hour, and each delivery says why."""
    world.portal.always = CredentialsRejected(message("No."))
    world.readings(1)
    for _ in range(36):
        world.clock.at += timedelta(minutes=5)
        assert isinstance(world.deliver().trouble, CredentialsRejected)
    assert len(world.portal.asked) == 3
    world.portal.always = None
    world.clock.at += timedelta(hours=1)
    assert world.deliver().accepted == 1


def test_more_at_once(world: World) -> None:
    """A batch that was halved grows again, an eighth after ten full ones, never beyond the first size."""
    world.portal.limit = 8
    world.courier.batch = 16
    world.restart()
    world.readings(16)
    world.clock.at += timedelta(minutes=1)
    world.deliver()
    world.portal.limit, world.portal.asked = 16, []
    world.readings(1500, "later")
    world.clock.at += timedelta(minutes=1)
    assert world.deliver().accepted == 1500
    sizes = [int(asked.split()[0]) for asked in world.portal.asked[:-1]]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (8, 16)
    assert all(later - earlier <= max(earlier // 8, 1) for earlier, later in pairwise(sizes))


def test_poison(world: World) -> None:
    """A reading at which the portal fails every time is put apart step by step: it holds up nobody for ever."""
    references = world.readings(100)
    world.portal.poison = {references[77]}
    for _ in range(120):
        world.clock.at += timedelta(minutes=5)
        world.deliver()
    states = world.states(references)
    assert (states.count("accepted"), states[77]) == (99, "waiting")


def test_senseless(world: World) -> None:
    """A reading that the portal finds malformed is found among a hundred, rejected with the portal's words and
    an alarm, and the others arrive."""
    references = world.readings(100)
    world.portal.senseless = {references[77]}
    world.clock.at += timedelta(minutes=1)
    delivery = world.deliver()
    assert (delivery.accepted, delivery.rejected) == (99, 1)
    assert isinstance(delivery.trouble, RequestRefused)
    assert world.states(references)[77] == "rejected"
    assert len(world.portal.asked) < 16


def test_everything_senseless(world: World) -> None:
    """A portal that refuses everything is a matter for a person: one reading a delivery is put aside, no more."""
    references = world.readings(10)
    world.portal.senseless = set(references)
    world.clock.at += timedelta(minutes=1)
    assert world.deliver().rejected == 1
    assert world.states(references).count("waiting") == 9


def test_senseless_for_a_moment(world: World) -> None:
    """A batch that is refused once, and whose parts are taken, was not to blame: what follows goes in whole ones."""
    world.portal.failing = [RequestRefused(message("No sense."), code="malformed-request")]
    world.readings(500)
    world.clock.at += timedelta(minutes=1)
    delivery = world.deliver()
    assert (delivery.accepted, delivery.rejected) == (500, 0)
    assert world.portal.asked == ["100 readings", "50 readings", "50 readings", *["100 readings"] * 4]


@pytest.mark.parametrize("said", ["senseless", "locked", "too many"])
def test_refusal_is_an_answer(world: World, said: str) -> None:
    """A portal that comes back with a refusal is there again: nothing more is sent piece by piece."""
    world.portal.always = unreachable()
    first, *_ = world.readings(30)
    for _ in range(OPENS_AFTER):
        world.clock.at += timedelta(minutes=5)
        world.deliver()
    world.portal.always = None
    errors: dict[str, PortalError] = {
        "senseless": RequestRefused(message("No sense."), code="malformed-request"),
        "locked": RightMissing(message("Locked."), area="readings:write"),
        "too many": BatchTooLarge(message("Too many.")),
    }
    world.portal.failing = [errors[said]]
    world.portal.asked.clear()
    world.clock.at += timedelta(minutes=5)
    delivery = world.deliver()
    assert world.portal.asked[0] == "1 readings"
    assert world.portal.asked[1:] == ([] if said == "locked" else ["29 readings"])
    assert delivery.parked == (30 if said == "locked" else 0)
    world.readings(20, "later")
    world.clock.at += timedelta(minutes=5)
    world.deliver()
    assert world.portal.asked[-1] == "20 readings"
    assert first not in world.portal.booked


def counted(portal: PortalProcess) -> tuple[dict[str, int], dict[str, int]]:
    """How often each reference was booked and ordered, by the portal's own ledger."""
    ledger = portal.ledger()
    readings, orders = dict[str, int](), dict[str, int]()
    for one in ledger["measurement_documents"]:
        if one["client_reference"]:
            readings[one["client_reference"]] = readings.get(one["client_reference"], 0) + 1
    for one in ledger["orders"]:
        orders[one["client_reference"]] = orders.get(one["client_reference"], 0) + 1
    return readings, orders


BAD_DAY = ("error-before", "error-after", "cut-before", "cut-after", "truncated", "wrong-json")


def bad_day(portal: PortalProcess, chance: float, *more: dict[str, object]) -> None:
    """Faults of every kind, so that about this part of all requests fails, and `more`."""
    each = 1 - (1 - chance) ** (1 / len(BAD_DAY))
    switches = [{"kind": kind, "path": "/v1/", "chance": each, "status": 503} for kind in BAD_DAY]
    portal.faults(*switches, *more, seed=11)


Record = Callable[[str, object], None]


def test_bad_day(tmp_path: Path, record_property: Record) -> None:
    """With three of ten requests failing before, after and during the answer, everything is booked exactly once."""
    with start(tmp_path / "portal") as portal, Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        outbox, memory, clock = SqlOutbox(store), SqlMemory(store), HandClock(datetime.now(UTC) - timedelta(days=1))
        expected: list[str] = []
        orders: list[str] = []
        for n in range(SUBMISSIONS):
            at = clock.at + timedelta(milliseconds=n)
            envelope = (
                order(number(n // 50), at, n % 50 % 7 + 1) if n % 50 < 5 else reading(number(n % 9), at, 2000 + n)
            )
            assert outbox.put(envelope, None)
            (orders if envelope.kind == "order" else expected).append(envelope.reference)
        clock.at += timedelta(minutes=1)
        bad_day(portal, 0.3)

        async def until_empty() -> int:
            client = PortalClient(connect(portal, timeout=5.0))
            chance = random.Random(5)
            courier = Courier(outbox, client, clock, clock.sleep, chance=chance.random, ticks=clock.ticks, batch=5)
            try:
                for rounds in range(1, 400 + SUBMISSIONS):
                    await courier.deliver()
                    if memory.counts() == {"accepted": SUBMISSIONS}:
                        return rounds
                    clock.at += timedelta(minutes=2)
            finally:
                await client.close()
            raise AssertionError(f"still not empty: {memory.counts()}")

        assert asyncio.run(until_empty()) > 1, "no delivery was cut short, so nothing was tested"
        assert counted(portal) == (dict.fromkeys(expected, 1), dict.fromkeys(orders, 1))
        struck = sum(one["struck"] for one in portal.admin("GET", "/admin/faults")["switches"])
        record_property("submissions, each booked once", SUBMISSIONS)
        record_property("orders among them, each placed once", len(orders))
        record_property("requests that failed", struck)


def work(file: Path, portal: PortalProcess) -> None:
    """An agent that seals and delivers for ever, and says what it has stored."""

    async def for_ever() -> None:
        with Store.open(file, exclusive=True) as store:
            outbox, clock = SqlOutbox(store), SystemClock()
            client = PortalClient(connect(portal, timeout=5.0))
            courier = Courier(outbox, client, clock, asyncio.sleep, chance=lambda: 0.02)
            for n in range(1_000_000):
                now = clock.now()
                value = int((now - START).total_seconds() * 1000) + 10**9
                batch = [reading(number(which), now, value) for which in range(3)]
                if n == 0:
                    batch.append(order(number(time.time_ns() // 1000 % 240 + 10), now, time.time_ns() // 1000 % 8 + 1))
                for envelope in batch:
                    if outbox.put(envelope, None):
                        print(envelope.reference, flush=True)  # noqa: T201  what the test listens to
                await courier.deliver()

    asyncio.run(for_ever())


@needs_fork
def test_kill(tmp_path: Path, record_property: Record) -> None:
    """However often the agent is killed at work, and the portal fails, all it had stored is booked exactly once."""
    file = tmp_path / "a.sqlite"
    chance = random.Random(3)
    stored: list[str] = []
    with start(tmp_path / "portal") as portal:
        # Booked, and the answer on its way for a while: a kill must be able to fall in between.
        bad_day(
            portal, 0.15, {"kind": "latency-after", "path": "/v1/", "method": "POST", "seconds": 0.05, "chance": 0.5}
        )
        for _ in range(KILLS):
            stored += killed_after(lambda: work(file, portal), chance.randint(1, 30), chance.uniform(0.0, 0.06))
        portal.faults()
        entries = delivered(file, portal)
        readings, orders = counted(portal)
    assert {(kind, state) for kind, state, _ in entries.values()} == {("reading", "accepted"), ("order", "accepted")}
    assert set(stored) <= set(entries)
    assert readings == dict.fromkeys((each for each, (kind, *_) in entries.items() if kind == "reading"), 1)
    assert orders == dict.fromkeys((each for each, (kind, *_) in entries.items() if kind == "order"), 1)
    assert len(stored) > KILLS * 10
    twice = sum(again for _, _, again in entries.values())
    assert twice > KILLS / 3, "no kill and no fault fell after a booking"
    record_property("kills", KILLS)
    record_property("envelopes stored, each booked once", len(entries))
    record_property("of these sent more than once", twice)


def delivered(file: Path, portal: PortalProcess) -> dict[str, tuple[str, str, bool]]:
    """Kind, state and whether it was sent twice of everything, after an agent whom nobody kills has sent the rest."""

    async def all_that_waits(outbox: SqlOutbox) -> AgentError | None:
        clock = HandClock(datetime.now(UTC) + timedelta(hours=1))
        client = PortalClient(connect(portal))
        try:
            return (await Courier(outbox, client, clock, clock.sleep).deliver()).trouble
        finally:
            await client.close()

    with Store.open(file, exclusive=True) as store:
        assert asyncio.run(all_that_waits(SqlOutbox(store))) is None
        memory = SqlMemory(store)
        found = {entry.envelope.reference: entry for entry in memory.entries(limit=1_000_000)}
        notes = {reference: str(memory.history(reference)[-1].note) for reference in found}
    return {
        reference: (entry.envelope.kind, entry.state, "had booked it already" in notes[reference])
        for reference, entry in found.items()
    }


def test_portal_killed(tmp_path: Path) -> None:
    """A portal that is killed and comes back has every reading once, and the agent has its receipt."""
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        outbox, memory, clock = SqlOutbox(store), SqlMemory(store), HandClock(datetime.now(UTC) - timedelta(days=1))
        references = []
        for n in range(30):
            envelope = reading(number(n % 3), clock.at + timedelta(milliseconds=n), 2000 + n)
            assert outbox.put(envelope, None)
            references.append(envelope.reference)
        clock.at += timedelta(minutes=1)
        portal = start(tmp_path / "portal")
        portal.faults({"kind": "cut-after", "path": "/v1/measurement", "every": 2})

        async def round_(running: PortalProcess) -> Delivery:
            client = PortalClient(connect(running, timeout=5.0))
            try:
                return await Courier(outbox, client, clock, clock.sleep, ticks=clock.ticks, batch=7).deliver()
            finally:
                await client.close()

        asyncio.run(round_(portal))
        portal.kill()
        assert isinstance(asyncio.run(round_(portal)).trouble, PortalUnavailable | None)
        with start(tmp_path / "portal") as again:
            clock.at += timedelta(hours=1)
            asyncio.run(round_(again))
            assert memory.counts() == {"accepted": 30}
            assert counted(again)[0] == dict.fromkeys(references, 1)
            receipts = {one["measurement_document"] for one in again.ledger()["measurement_documents"]}
        for reference in references:
            entry = memory.entry(reference)
            assert entry is not None
            assert set(entry.receipts) <= receipts

"""Whatever happens in whatever order: each printer's readings in order, booked once, and a bad one blocks nobody.

The real courier on the real outbox against a portal that fails in every way, by a model that knows what was sealed.
`MODEL_RUNS` and `MODEL_STEPS` say how long it looks.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from agent.errors import CredentialsRejected, PortalError, PortalUnavailable, PortalUnreachable, RateLimited
from agent.memory import SqlMemory
from agent.store import Store
from agent.texts import message
from agent.upload.courier import Courier
from agent.upload.envelope import Accepted, Envelope, Kept, Outcome, Rejected
from agent.upload.outbox import SqlOutbox
from agent.upload.refusals import IN_A_MOMENT
from tests.test_courier import CI, HandClock, LedgerPortal, order, reading

RUNS = int(os.environ.get("MODEL_RUNS", "100" if CI else "40"))
STEPS = int(os.environ.get("MODEL_STEPS", "40"))
FAULTS = ("lost before", "lost after", "unreachable", "limited", "unavailable later", "credentials")
EQUIPMENTS = st.sampled_from(["E1", "E2", "E3"])
VERDICTS: dict[str, Outcome] = {
    "rejected": Rejected("reading-below-last", "no"),
    "parked": Kept("equipment-unknown", "no"),
    "in a moment": Kept(IN_A_MOMENT, "no"),
}


class FailingPortal(LedgerPortal):
    """Books like `LedgerPortal`; `faults` strike one request each, after the booking where they say so."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.asked_first: set[str] = set()
        self.posted: set[str] = set()

    def _before(self) -> bool:
        """Raises what strikes before the booking; whether the answer is lost after it."""
        fault = self.faults.pop(0) if self.faults else ""
        errors: dict[str, PortalError] = {
            "lost before": PortalUnavailable(message("Cut.")),
            "unreachable": PortalUnreachable(message("Nobody there.")),
            "limited": RateLimited(message("Too many."), retry_after=600.0),
            "unavailable later": PortalUnreachable(message("Closed."), retry_after=1800.0),
            "credentials": CredentialsRejected(message("No.")),
        }
        if fault in errors:
            raise errors[fault]
        return fault == "lost after"

    async def submit_readings(self, envelopes):
        lost = self._before()
        outcomes = await super().submit_readings(envelopes)
        if lost:
            raise PortalUnavailable(message("Cut."))
        return outcomes

    async def submit_order(self, envelope: Envelope, *, first_try: bool) -> Outcome:
        assert not first_try or envelope.reference not in self.posted, "posted again without a question"
        if not first_try and envelope.reference in self.booked:
            return Accepted((envelope.reference,), duplicate=True)
        fault = self.faults[0] if self.faults else ""
        if fault in ("lost before", "lost after", "unreachable"):
            self.posted.add(envelope.reference)
        lost = self._before()
        outcome = await super().submit_order(envelope, first_try=first_try)
        if lost:
            raise PortalUnavailable(message("Cut."))
        return outcome


class Couriers(RuleBasedStateMachine):
    """Steps of an agent's life."""

    template: Path

    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108  only a test's
        self.file = Path(self.folder.name) / "a.sqlite"
        shutil.copy(self.template, self.file)
        self.clock, self.portal = HandClock(), FailingPortal()
        self.sealed: dict[str, list[str]] = {}
        self.orders: list[str] = []
        self.touched: set[str] = set()
        self.open()

    def open(self) -> None:
        self.store = Store.open(self.file, exclusive=True)
        self.outbox = SqlOutbox(self.store)
        clock = self.clock
        self.courier = Courier(
            self.outbox, self.portal, clock, clock.sleep, chance=lambda: 1.0, ticks=clock.ticks, batch=2
        )

    @rule(equipment=EQUIPMENTS, count=st.integers(1, 6), verdict=st.sampled_from(["", "", "", *VERDICTS]))
    def read(self, equipment: str, count: int, verdict: str) -> None:
        """Readings are sealed; the portal will say `verdict` of the first."""
        for n in range(count):
            self.clock.at += timedelta(seconds=1)
            envelope = reading(equipment, self.clock.at, 1000 + n)
            assert self.outbox.put(envelope, None)
            self.sealed.setdefault(equipment, []).append(envelope.reference)
            if n == 0 and verdict:
                self.portal.verdicts[envelope.reference] = VERDICTS[verdict]
                self.touched.add(envelope.reference)

    @rule(equipment=EQUIPMENTS, position=st.integers(1, 8))
    def buy(self, equipment: str, position: int) -> None:
        """An order is sealed, unless that material is on its way."""
        self.clock.at += timedelta(seconds=1)
        envelope = order(equipment, self.clock.at, position)
        if self.outbox.put(envelope, None):
            self.orders.append(envelope.reference)

    @rule(faults=st.lists(st.sampled_from(FAULTS), max_size=3), limit=st.sampled_from([1, 2, 100, 100]))
    def deliver(self, faults: list[str], limit: int) -> None:
        """A delivery in which these requests fail, and another one at once, as after a cycle."""
        self.portal.faults, self.portal.limit = list(faults), limit
        for _ in range(2):
            asyncio.run(self.courier.deliver())
        self.portal.faults, self.portal.limit = [], 100

    @rule(minutes=st.sampled_from([1, 5, 60, 1500]))
    def wait(self, minutes: int) -> None:
        """Time passes."""
        self.clock.at += timedelta(minutes=minutes)

    @rule(seconds=st.sampled_from([-40_000_000, -3600, -1, 1, 3600, 40_000_000]))
    def set_clock(self, seconds: int) -> None:
        """Somebody sets the clock, forth only where the order of what is sealed later would change with it."""
        self.clock.jump(timedelta(seconds=abs(seconds) if self.sealed or self.orders else seconds))

    @rule()
    def restart(self) -> None:
        """The agent is killed and started again."""
        self.store.close()
        self.open()

    @precondition(lambda self: self.portal.verdicts)
    @rule()
    def repair(self) -> None:
        """What the portal did not take it takes from now on."""
        self.portal.verdicts.clear()

    def teardown(self) -> None:
        """In the end everything has arrived once and in order, but for what the portal refused for good."""
        if not hasattr(self, "store"):
            return
        try:
            self.portal.verdicts = {
                one: said for one, said in self.portal.verdicts.items() if isinstance(said, Rejected)
            }
            for _ in range(40):
                self.clock.at += timedelta(hours=2)
                asyncio.run(self.courier.deliver())
            self.judge()
        finally:
            self.store.close()
            self.folder.cleanup()

    def judge(self) -> None:
        memory, booked = SqlMemory(self.store), self.portal.booked
        assert len(booked) == len(set(booked))
        everything = [*self.orders, *(one for some in self.sealed.values() for one in some)]
        states = {one: entry.state for one in everything if (entry := memory.entry(one))}
        assert states.keys() == set(everything), "an envelope is gone"
        assert set(states.values()) <= {"accepted", "rejected"}
        assert {one for one, state in states.items() if state == "rejected"} <= self.touched
        assert {one for one, state in states.items() if state == "accepted"} == set(booked)
        for references in self.sealed.values():
            untouched = [one for one in references if one not in self.touched]
            assert [one for one in booked if one in set(untouched)] == untouched


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of the newest version, to copy instead of making it."""
    file = tmp_path_factory.mktemp("template") / "a.sqlite"
    Store.open(file, exclusive=True).close()
    return file


def test_couriers(template: Path, record_property) -> None:
    """The laws hold in every life."""
    Couriers.template = template
    checks = settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(Couriers, settings=checks)
    record_property("lives", RUNS)
    record_property("steps of each, at most", STEPS)

"""What may be at the portal without our knowing: noted before it leaves, so that nothing of it is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Engine, event

from agent.capture import SqlCapture
from agent.cli.explain import Page
from agent.errors import AgentError, PortalError, PortalUnavailable, PortalUnreachable, RateLimited
from agent.ledger import verify
from agent.resolving import Choice, SqlDesk
from agent.secrets import Secret
from agent.snmp.catalogue import shipped
from agent.store import Store
from agent.texts import message
from agent.upload.courier import Courier
from agent.upload.credentials import ClientSecret
from agent.upload.envelope import Kept
from agent.upload.https import Connection
from agent.upload.outbox import SqlOutbox
from agent.upload.portal import PortalClient
from agent.upload.refusals import IN_A_MOMENT
from agent.upload.route import Route, Trust
from agent.upload.seal import Source
from tests.test_courier import HandClock, Killed, LedgerPortal, order, reading
from tests.test_resolving import Office


class Life:
    """An office whose decisions a courier carries out, on one database that outlives both."""

    def __init__(self, file: Path) -> None:
        self.file, self.portal, self.clock = file, LedgerPortal(), HandClock()
        self.store = Store.open(file, exclusive=True)
        self.start()

    def start(self) -> None:
        self.office = Office(self.store)
        self.outbox, self.desk = SqlOutbox(self.store), SqlDesk(self.store)
        clock = self.clock
        self.courier = Courier(self.outbox, self.portal, clock, clock.sleep, ticks=clock.ticks, name="agent-1")

    def killed_while_sending(self) -> None:
        self.portal.killing = True
        with pytest.raises(Killed):
            asyncio.run(self.courier.deliver())
        self.store.close()
        self.store = Store.open(self.file, exclusive=True)
        self.start()

    def deliver(self) -> None:
        asyncio.run(self.courier.deliver())

    def accepted_by_a_person(self) -> str:
        """A reading that fell, and that a person has accepted with an offset: it waits."""
        self.office.read(5000)
        held = self.office.read(12)
        return self.office.decide(held, Choice("accept", {"total": 5000})).envelope.reference

    def take_back(self, reference: str) -> None:
        self.desk.decide(reference, Choice("take_back"), "anna", self.clock.now())


class Meddling(HandClock):
    """A clock at whose second look, when what is due was looked up and has not left, a person is faster."""

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self.looks, self.act = 0, act

    def now(self) -> datetime:
        self.looks += 1
        if self.looks == 2:
            self.act()
        return self.at


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    made = Life(tmp_path / "a.sqlite")
    yield made
    made.store.close()


def test_what_a_person_takes_back_at_the_last_moment_stays(life: Life) -> None:
    """Between looking up what is due and its departure a decision is taken back: it does not leave, the others do."""
    reference = life.accepted_by_a_person()
    clock = Meddling(lambda: life.take_back(reference))
    life.courier = Courier(life.outbox, life.portal, clock, clock.sleep, ticks=clock.ticks, name="agent-1")
    life.deliver()
    assert life.office.entry(reference).state == "quarantined"
    assert reference not in life.portal.booked
    assert len(life.portal.booked) == 1


def test_no_taking_back_of_what_was_sent_by_a_killed_agent(life: Life) -> None:
    """Killed after the reading had left, before any answer was written: it is not held again, its decision stays, and
    the next delivery reconciles it."""
    reference = life.accepted_by_a_person()
    life.killed_while_sending()
    assert life.outbox.departed_at(reference) == life.clock.now()
    entry = life.office.entry(reference)
    page = StringIO()
    Page(Console(file=page, width=300), life.store, shipped(None)).show(entry, life.clock.now())
    assert "It may be at the portal already" in page.getvalue()
    with pytest.raises(AgentError, match=r"may be at the portal already.*Wait for the next delivery"):
        life.take_back(reference)
    assert life.office.decisions.all_offsets() != {}
    life.deliver()
    assert reference in life.portal.booked
    assert life.outbox.departed_at(reference) is None
    with pytest.raises(AgentError, match="on its way or at the portal"):
        life.take_back(reference)
    assert verify(life.store).why is None


@pytest.mark.parametrize(
    ("error", "may_have_left"),
    [
        (RateLimited(message("Later.")), False),
        (PortalUnreachable(message("A gateway says that nobody is there.")), True),
        (PortalUnavailable(message("Cut.")), True),
        (PortalError(message("No sense.")), True),
    ],
)
def test_what_was_surely_not_looked_at_can_be_taken_back(life: Life, error: PortalError, may_have_left: bool) -> None:
    """An answer that says that nothing was booked leaves the decision to the person."""
    reference = life.accepted_by_a_person()
    life.portal.always = error
    life.deliver()
    assert (life.outbox.departed_at(reference) is not None) is may_have_left


def test_once_left_is_left(life: Life) -> None:
    """A request without an answer, and then one that was surely not looked at: the first may have been booked."""
    reference = life.accepted_by_a_person()
    life.portal.failing = [PortalUnavailable(message("Cut."))]
    life.deliver()
    life.portal.always = RateLimited(message("Later."))
    life.clock.at = life.clock.at.replace(year=2027)
    life.deliver()
    assert life.outbox.departed_at(reference) is not None


def test_a_right_that_goes_missing_says_nothing_of_what_was_sent_before(life: Life) -> None:
    """Its answer was lost, then a right was taken away: it is parked, and may have been booked all the same. Whoever
    captures by hand is told to look first; when the right is back, it is booked once."""
    reference = life.accepted_by_a_person()
    life.killed_while_sending()
    fresh = reading("E2", life.clock.at, 7)
    life.outbox.put(fresh, None)
    life.portal.locked = {"reading": "readings:write"}
    life.deliver()
    dues, _ = SqlCapture(life.store, Source("agent-1", "1")).due(("parked",), every=True)
    doubtful = {due.entry.envelope.reference: due.is_doubtful for due in dues}
    assert (doubtful[reference], doubtful[fresh.reference]) == (True, False)
    life.portal.locked = {}
    life.clock.at += timedelta(days=1)
    life.deliver()
    assert life.office.entry(reference).state == "accepted"
    assert life.outbox.departed_at(reference) is None


def test_discarded_before_anybody_knew(life: Life) -> None:
    """Whoever gives up what may be booked, and then wants it back, is sent to look: no delivery will tell any more."""
    reference = life.accepted_by_a_person()
    life.killed_while_sending()
    life.portal.locked = {"reading": "readings:write"}
    life.deliver()
    life.desk.decide(reference, Choice("discard"), "anna", life.clock.now())
    with pytest.raises(AgentError, match=r"may be at the portal already.*look it up in the portal"):
        life.take_back(reference)
    assert life.office.entry(reference).state == "discarded"


def test_an_order_of_which_nobody_may_ask_is_asked_for_first_later(life: Life) -> None:
    """The right to order is taken away while an order's answer is lost: a day later the portal is still asked first."""
    life.outbox.put(order("E1", life.clock.at), None)
    life.killed_while_sending()
    life.portal.locked = {"order": "orders:write"}
    life.deliver()
    life.portal.locked = {}
    life.portal.asked.clear()
    life.clock.at += timedelta(days=1)
    life.deliver()
    assert life.portal.asked == ["order after asking"]


def test_in_a_moment(life: Life) -> None:
    """*In a moment* is no verdict: the portal may be at work on it."""
    reference = life.accepted_by_a_person()
    life.portal.verdicts[reference] = Kept(IN_A_MOMENT, "no")
    life.deliver()
    assert life.outbox.departed_at(reference) is not None


def test_one_commit_before_a_batch(life: Life) -> None:
    """A hundred readings cost one commit before they leave and one for their verdicts, not one each."""
    for number in range(100):
        life.outbox.put(reading(f"E{number}", life.clock.at, number), None)
    commits: list[str] = []

    def written(connection, cursor, statement, *_: object) -> None:  # type: ignore[no-untyped-def]
        if statement == "BEGIN IMMEDIATE":
            commits.append(statement)

    event.listen(Engine, "after_cursor_execute", written)
    try:
        life.deliver()
    finally:
        event.remove(Engine, "after_cursor_execute", written)
    assert (life.portal.asked, len(commits)) == (["100 readings"], 2)


def test_an_order_of_a_killed_agent_is_asked_for_first(life: Life) -> None:
    """And one that never left is placed at once, also after a start."""
    life.outbox.put(order("E1", life.clock.at), None)
    life.killed_while_sending()
    life.outbox.put(order("E2", life.clock.at + timedelta(seconds=1)), None)
    life.portal.asked.clear()
    life.deliver()
    assert life.portal.asked == ["order after asking", "order at once"]


def test_a_connection_that_was_never_made(life: Life) -> None:
    """Where nobody answers at the portal's address not one byte has left, and the decision can be taken back."""
    reference = life.accepted_by_a_person()
    route = Route("https://127.0.0.1:9", Trust(None, frozenset()), None, 2.0)

    async def deliver() -> None:
        connection = Connection(route, ClientSecret("agent-1", lambda: Secret("secret")), "1")
        life.courier.portal = PortalClient(connection)
        await life.courier.deliver()
        await connection.close()

    asyncio.run(deliver())
    assert life.outbox.departed_at(reference) is None
    life.take_back(reference)
    assert life.office.entry(reference).state == "quarantined"

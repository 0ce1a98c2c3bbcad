"""The outbox keeps its laws: nothing lost, nothing twice, nothing overtaking, every verdict once."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rich.console import Console

from agent.cli.explain import Page
from agent.errors import AgentError, StoreDamaged
from agent.memory import SqlMemory
from agent.meters import Finding
from agent.ports import Parcel
from agent.resolving import Choice, SqlDesk
from agent.snmp.catalogue import shipped
from agent.store import Store
from agent.texts import message
from agent.upload.envelope import Accepted, Envelope, Kept, Rejected, canonical, new_reference
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import HELD
from tests.crash_writer import START, reading

LATER = START + timedelta(days=2)
FEW = "ALL_BITS" not in os.environ  # one bit of each octet, or all eight
BUSY = Finding("portal_unavailable", message("The portal does not answer."))
BACKWARDS = Finding("went_backwards", message("The counter went back from {before}.", before=5))
BOOKED = Accepted(("4711",))


def order(number: int = 0) -> Envelope:
    reference = new_reference()
    body = canonical({"client_reference": reference, "equipment_number": "E1"})
    return Envelope(reference, "order", "E1", "E1/TONER", START + timedelta(minutes=number), body)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as opened:
        yield opened


@pytest.fixture
def outbox(store: Store) -> SqlOutbox:
    return SqlOutbox(store)


@pytest.fixture
def memory(store: Store) -> SqlMemory:
    return SqlMemory(store)


def put(outbox: SqlOutbox, envelope: Envelope, *held: Finding) -> str:
    assert outbox.put(envelope, None, held=held)
    return envelope.reference


def states(memory: SqlMemory, reference: str) -> list[str]:
    return [event.state for event in memory.history(reference)]


def test_bytes(outbox: SqlOutbox) -> None:
    """What is due is byte for byte what was sealed."""
    envelope = reading("E1", 1)
    put(outbox, envelope)
    (entry,) = outbox.due(LATER, 10)
    assert entry.envelope == envelope
    assert (entry.state, entry.attempts, entry.reasons) == ("waiting", 0, ())


def test_slot(outbox: SqlOutbox) -> None:
    """A second reading for the same period is refused and the first one is shown instead."""
    first = put(outbox, reading("E1", 1, key="E1/2026-11-23"))
    assert not outbox.put(reading("E1", 2, key="E1/2026-11-23"), None)
    holder = outbox.taken("reading", "E1/2026-11-23")
    assert holder is not None
    assert holder.envelope.reference == first
    assert outbox.taken("order", "E1/2026-11-23") is None


def test_many_at_once_or_none(outbox: SqlOutbox, memory: SqlMemory) -> None:
    """Where one slot among many is taken, or wanted twice, nothing of all of them is stored."""
    taken = put(outbox, reading("E1", 1, key="E1/2026-11-23"))
    for second in (reading("E1", 2, key="E1/2026-11-23"), reading("E3", 4, key="E3/2026-11-23")):
        with pytest.raises(ValueError, match="one envelope only"):
            outbox.put_all([Parcel(reading("E3", 3, key="E3/2026-11-23")), Parcel(second)])
    assert [entry.envelope.reference for entry in memory.entries()] == [taken]


def test_what_has_a_verdict_waits_for_nothing(outbox: SqlOutbox, memory: SqlMemory) -> None:
    """A request that failed while somebody else settled an item of it: the verdict stays as it is."""
    reference = put(outbox, reading("E1", 1))
    outbox.settle(reference, BOOKED, LATER)
    before = memory.entry(reference)
    outbox.postpone([reference], LATER + timedelta(hours=1), BUSY)
    assert memory.entry(reference) == before


def test_order_slot(outbox: SqlOutbox, memory: SqlMemory) -> None:
    """An accepted order stands in the way of the next one for the same material until it is closed."""
    first = put(outbox, order())
    outbox.settle(first, BOOKED, LATER)
    assert not outbox.put(order(1), None)
    outbox.close(first, LATER)
    assert outbox.taken("order", "E1/TONER") is None
    put(outbox, order(2))
    assert states(memory, first) == ["waiting", "accepted", "accepted"]


@pytest.mark.parametrize(
    ("outcome", "state", "receipts", "code"),
    [
        (Accepted(("4711", "4712")), "accepted", ("4711", "4712"), None),
        (Accepted(("4711",), duplicate=True, findings=(BACKWARDS,)), "accepted", ("4711",), "went_backwards"),
        (Rejected("value-too-low", "100 < 200"), "rejected", (), "value-too-low"),
        (Kept("right-missing", "not unlocked", area="orders:write"), "parked", (), "right-missing"),
        (Kept("equipment-unknown", "no E1"), "parked", (), "equipment-unknown"),
    ],
)
def test_verdict(
    outbox: SqlOutbox,
    memory: SqlMemory,
    outcome: Accepted | Rejected | Kept,
    state: str,
    receipts: tuple[str, ...],
    code: str | None,
) -> None:
    """Every verdict ends in its state with receipt and reason, once, and a later verdict changes nothing."""
    reference = put(outbox, reading("E1", 1))
    outbox.settle(reference, outcome, LATER)
    entry = memory.entry(reference)
    assert entry is not None
    assert (entry.state, entry.receipts, entry.attempts, entry.settled_at) == (state, receipts, 1, LATER)
    assert [reason.code for reason in entry.reasons] == ([code] if code else [])
    for later in (BOOKED, Rejected("no", "no"), Kept("no", "no")):
        outbox.settle(reference, later, LATER + timedelta(days=1))
    assert memory.entry(reference) == entry
    assert states(memory, reference) == ["waiting", state]
    assert outbox.due(LATER, 10) == []


def test_order_of_sending(outbox: SqlOutbox) -> None:
    """A postponed reading holds back the younger ones of its printer, and only those."""
    first, second = put(outbox, reading("E1", 1)), put(outbox, reading("E1", 2))
    other, ordered = put(outbox, reading("E2", 3)), put(outbox, order(4))
    outbox.postpone([first], LATER, BUSY)
    due = [entry.envelope.reference for entry in outbox.due(LATER - timedelta(seconds=1), 10)]
    assert due == [other, ordered]
    due = [entry.envelope.reference for entry in outbox.due(LATER, 10)]
    assert due == [first, second, other, ordered]
    assert [entry.envelope.reference for entry in outbox.due(LATER, 2)] == [first, second]
    assert outbox.due(LATER, 1)[0].attempts == 1
    assert outbox.due(LATER, 1)[0].reasons == (BUSY,)


@pytest.mark.parametrize("outcome", [Rejected("no", "no"), Kept("no", "no")])
def test_never_blocks(outbox: SqlOutbox, outcome: Rejected | Kept) -> None:
    """A rejected, parked or quarantined reading does not block the next one."""
    put(outbox, reading("E1", 0, held=HELD), BACKWARDS)
    first, second = put(outbox, reading("E1", 1)), put(outbox, reading("E1", 2))
    outbox.settle(first, outcome, LATER)
    assert [entry.envelope.reference for entry in outbox.due(LATER, 10)] == [second]


def test_parked_returns(outbox: SqlOutbox, memory: SqlMemory) -> None:
    """What the portal could not take yet is tried again after a day, not before."""
    reference = put(outbox, reading("E1", 1))
    outbox.settle(reference, Kept("right-missing", "no", area="readings:write"), LATER)
    assert outbox.wake_parked(LATER + timedelta(hours=23)) == 0
    assert outbox.wake_parked(LATER + timedelta(hours=24)) == 1
    assert [entry.attempts for entry in outbox.due(LATER, 10)] == [1]
    outbox.settle(reference, BOOKED, LATER)
    assert states(memory, reference) == ["waiting", "parked", "waiting", "accepted"]


def test_parked_for_a_year(outbox: SqlOutbox, memory: SqlMemory) -> None:
    """A right that is missing for long is told by when it was noticed and when it was tried last: the history does not
    grow with every day. Another reason, or a person who has it tried, is a line that stays."""
    reference, other = put(outbox, reading("E1", 1)), put(outbox, reading("E2", 2))
    missing = Kept("scope-not-unlocked", "no", area="readings:write")
    now = LATER
    for day in range(20):
        said = Kept("contract-inactive", "over") if day == 5 else missing
        outbox.settle_all({reference: said, other: missing}, now)
        now += timedelta(days=1)
        if day == 9:
            outbox.retry(reference, "anna", now)
        assert outbox.wake_parked(now) == (1 if day == 9 else 2)
    outbox.settle_all({reference: BOOKED, other: BOOKED}, now)
    assert states(memory, other) == ["waiting", "parked", "waiting", "accepted"]
    assert [event.at for event in memory.history(other)][1:] == [LATER, now, now]
    notes = [str(event.note) for event in memory.history(reference)]
    assert notes.count("The portal cannot take it yet: over") == 1
    assert notes.count("anna has it tried again.") == 1
    assert len(notes) <= 12
    entry = memory.entry(reference)
    assert entry is not None
    assert entry.attempts == 21


@pytest.mark.parametrize("days", [-400, -2, 2, 400])
def test_clock_set(outbox: SqlOutbox, days: int) -> None:
    """A clock that was set, forward or back, leaves nothing postponed or parked for longer than a day."""
    postponed, parked = put(outbox, reading("E1", 1)), put(outbox, reading("E2", 2))
    outbox.postpone([postponed], LATER + timedelta(hours=1), BUSY)
    outbox.settle(parked, Kept("equipment-unknown", "no"), LATER)
    now = LATER + timedelta(days=days)
    assert [entry.envelope.reference for entry in outbox.due(now, 10)] == [postponed, parked]


def test_retry(outbox: SqlOutbox, memory: SqlMemory) -> None:
    """A rejected item goes out again, unchanged, when a person says so, and the history says who."""
    envelope = reading("E1", 1)
    reference = put(outbox, envelope)
    outbox.settle(reference, Rejected("no", "no"), LATER)
    outbox.retry(reference, "anna", LATER)
    (entry,) = outbox.due(LATER, 10)
    assert (entry.envelope, entry.attempts, entry.reasons) == (envelope, 1, ())
    assert str(memory.history(reference)[-1].note) == "anna has it tried again."


def test_booked_is_booked(outbox: SqlOutbox) -> None:
    """What the portal has booked is never sent, released or discarded again by a person."""
    reference = put(outbox, reading("E1", 1))
    outbox.settle(reference, BOOKED, LATER)
    actions: tuple[Callable[[], None], ...] = (
        lambda: outbox.retry(reference, "anna", LATER),
        lambda: outbox.release(reference, counter_replaced=False, by="anna", now=LATER),
        lambda: outbox.discard(reference, "anna", LATER),
    )
    for action in actions:
        with pytest.raises(AgentError, match=r"is accepted; this is only possible when"):
            action()
    assert outbox.due(LATER, 10) == []


@pytest.mark.parametrize("counter_replaced", [True, False])
def test_release(outbox: SqlOutbox, memory: SqlMemory, counter_replaced: bool) -> None:
    """A released reading goes out with the reference it always had, and says when the counter was replaced."""
    envelope = reading("E1", 1, held=HELD)
    reference = put(outbox, envelope, BACKWARDS)
    assert outbox.due(LATER, 10) == []
    assert memory.last_reported(["E1"])["E1"] == {}
    outbox.release(reference, counter_replaced=counter_replaced, by="anna", now=LATER)
    (entry,) = outbox.due(LATER, 10)
    values = entry.envelope.content["readings"]
    assert entry.envelope.reference == entry.envelope.content["client_reference"] == reference
    assert [value.get("counter_replaced", False) for value in values] == [counter_replaced]
    assert (entry.envelope.body == envelope.body) is not counter_replaced
    assert outbox.taken("reading", "E1/1") == entry
    assert memory.last_reported(["E1"])["E1"]["total"].value == 1000
    assert states(memory, reference) == ["quarantined", "waiting"]
    assert "anna" in str(memory.history(reference)[-1].note)


def test_release_one_meter(outbox: SqlOutbox) -> None:
    """Only the counter that fell is said to be replaced; the one beside it goes out as it was read."""
    values = [
        {"measuring_point": str(n), "meter_code": code, "value": 5, "unit": "PAGE"}
        for n, code in enumerate(["total", "color"])
    ]
    reference = new_reference()
    body = {"client_reference": reference, "equipment_number": "E1", "readings": values}
    held = Finding("below_last", message("{code} is {now}, below {before}.", code="total", now=5, before=9))
    put(outbox, Envelope(reference, "reading", "E1", "E1/1" + HELD, START, canonical(body)), held)
    outbox.release(reference, counter_replaced=True, by="anna", now=LATER)
    (entry,) = outbox.due(LATER, 10)
    assert entry.envelope.content["readings"] == [values[0] | {"counter_replaced": True}, values[1]]


def test_release_too_late(outbox: SqlOutbox, memory: SqlMemory) -> None:
    """A held reading is not released beside a sound one of the same period; it can still be discarded."""
    held = put(outbox, reading("E1", 1, held=HELD), BACKWARDS)
    put(outbox, reading("E1", 2, key="E1/1"))
    with pytest.raises(AgentError, match=f"already stored.*resolve {held} --discard"):
        outbox.release(held, counter_replaced=False, by="anna", now=LATER)
    outbox.discard(held, "anna", LATER)
    assert memory.counts() == {"discarded": 1, "waiting": 1}


def test_discard(outbox: SqlOutbox, memory: SqlMemory) -> None:
    """A discarded reading is never sent, stays on record and frees its slot."""
    reference = put(outbox, reading("E1", 1, held=HELD), BACKWARDS)
    outbox.discard(reference, "anna", LATER)
    assert outbox.due(LATER, 10) == []
    assert outbox.put(reading("E1", 1, held=HELD), None, held=[BACKWARDS])
    entry = memory.entry(reference)
    assert entry is not None
    assert (entry.state, entry.reasons) == ("discarded", (BACKWARDS,))


def test_wrong_state(outbox: SqlOutbox) -> None:
    """What a person may not do now is refused with the state, the needed state and a command to look it up."""
    reference = put(outbox, reading("E1", 1))
    actions: tuple[Callable[[str], None], ...] = (
        lambda which: outbox.release(which, counter_replaced=True, by="anna", now=LATER),
        lambda which: outbox.discard(which, "anna", LATER),
        lambda which: outbox.retry(which, "anna", LATER),
        lambda which: outbox.close(which, LATER),
    )
    for action in actions:
        with pytest.raises(AgentError, match=r"is waiting; this is only possible when .*outbox list"):
            action(reference)
        with pytest.raises(AgentError, match="no item with the reference"):
            action("0" * 32)


DAMAGES = {
    "body": "UPDATE envelopes SET sealed = CAST(substr(sealed, 1, 15) || 'x' || substr(sealed, 17) AS BLOB)"
    " WHERE reference = ?",
    "body as text": "UPDATE envelopes SET sealed = CAST(sealed AS TEXT) WHERE reference = ?",
    "no body": "UPDATE envelopes SET sealed = 0 WHERE reference = ?",
    "half a body": "UPDATE envelopes SET sealed = substr(sealed, 1, 20) WHERE reference = ?",
    "equipment": "UPDATE envelopes SET equipment_number = 'E3' WHERE reference = ?",
    "read_at": "UPDATE envelopes SET read_at = read_at + 1024 WHERE reference = ?",
    "no read_at": "UPDATE envelopes SET read_at = 'x' WHERE reference = ?",
    "created_at": "UPDATE envelopes SET created_at = '2026-11-23T08:01:0x' WHERE reference = ?",
    "reasons": "UPDATE envelopes SET reasons = '[{' WHERE reference = ?",
    "receipts": "UPDATE envelopes SET receipts = CAST(x'ff5b5d' AS TEXT) WHERE reference = ?",
}


@pytest.mark.parametrize("column", sorted(DAMAGES))
def test_damaged_row(outbox: SqlOutbox, memory: SqlMemory, store: Store, column: str) -> None:
    """A damaged row is shown as such and not sent; all others go on, also those of the same printer."""
    first, second = put(outbox, reading("E1", 1)), put(outbox, reading("E1", 2, value=2000))
    _damage(store.path, DAMAGES[column], first)
    assert [entry.envelope.reference for entry in outbox.due(LATER, 1)] == [second]
    damaged = memory.entry(first)
    assert damaged is not None
    assert [reason.code for reason in damaged.reasons] == ["row_damaged"]
    assert len(memory.entries()) == 2
    assert memory.last_reported(["E1"])["E1"]["total"].value == 2000
    outbox.settle(first, Rejected("no", "no"), LATER)
    if column not in ("reasons", "receipts"):  # a new verdict has replaced these
        with pytest.raises(StoreDamaged, match="--discard"):
            outbox.retry(first, "anna", LATER)
    outbox.discard(first, "anna", LATER)


def test_damaged_waiting(outbox: SqlOutbox, memory: SqlMemory, store: Store) -> None:
    """A damaged row that waits would wait for ever: a person discards it, as its page says, and the slot is free."""
    reference = put(outbox, reading("E1", 1))
    _damage(store.path, DAMAGES["no body"], reference)
    entry = memory.entry(reference)
    assert entry is not None
    page = StringIO()
    Page(Console(file=page, width=300), store, shipped(None)).show(entry, LATER)
    assert f"meter-agent resolve {reference} --discard" in page.getvalue()
    SqlDesk(store).decide(reference, Choice("discard"), "anna", LATER)
    assert memory.counts() == {"discarded": 1}
    assert outbox.put(reading("E1", 1), None)


def test_damaged_number(outbox: SqlOutbox, memory: SqlMemory, store: Store) -> None:
    """A damaged newest value is not taken for the last one reported; the one before it is."""
    put(outbox, reading("E1", 1))
    newest = put(outbox, reading("E1", 2, value=10009))
    _damage(store.path, DAMAGES["body"], newest)
    assert memory.last_reported(["E1"])["E1"]["total"].value == 1000


def _damage(file: Path, statement: str, reference: str) -> None:
    connection = sqlite3.connect(file)
    with connection:
        assert connection.execute(statement, (bytes.fromhex(reference),)).rowcount == 1
    connection.close()


def test_flipped_bits(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """One flipped bit in the stored bytes of a reading on the disk is noticed, wherever it is."""
    file = tmp_path / "a.sqlite"
    envelope = reading("E1", 1)
    with Store.open(file, exclusive=True) as store:
        put(SqlOutbox(store), envelope)
    with closing(sqlite3.connect(file)) as connection:
        ((stored,),) = connection.execute("SELECT sealed FROM envelopes").fetchall()
    sound = file.read_bytes()
    begin = sound.index(stored)
    flips = [(at, bit) for at in range(begin, begin + len(stored)) for bit in ([at % 8] if FEW else range(8))]
    for at, bit in flips:
        content = bytearray(sound)
        content[at] ^= 1 << bit
        file.write_bytes(content)
        with Store.open(file, exclusive=True) as store:
            assert SqlOutbox(store).due(LATER, 10) == []
            (entry,) = SqlMemory(store).entries()
            assert [reason.code for reason in entry.reasons] == ["row_damaged"]
    record_property("bits flipped in what was sealed, each noticed", len(flips))


@pytest.mark.parametrize("at_once", [False, True])
def test_damaged_index(tmp_path: Path, at_once: bool) -> None:
    """A flipped bit in an index hides no envelope: the index is made anew from the rows at the next start."""
    file = tmp_path / "a.sqlite"
    with Store.open(file, exclusive=True) as store:
        references = {put(SqlOutbox(store), reading("E1", number)) for number in range(20)}
    content = bytearray(file.read_bytes())
    for at in _all(bytes(content), b"\x03\x1b\x01waiting\x07"):  # as only the index has it: the state, and row 7
        content[at + 3] ^= 2
    file.write_bytes(content)
    with Store.open(file, exclusive=True, at_once=at_once) as store:
        assert {entry.envelope.reference for entry in SqlOutbox(store).due(LATER, 100)} == references


def _all(content: bytes, part: bytes) -> list[int]:
    found = [match.start() for match in re.finditer(re.escape(part), content)]
    assert found
    return found


class Laws(RuleBasedStateMachine):
    """Any order of events, closing and opening included, against a model of a few dictionaries."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.now = START
        self.number = 0
        self.envelopes: dict[str, Envelope] = {}
        self.state: dict[str, str] = {}
        self.not_before: dict[str, datetime] = {}
        self.held_slots: dict[str, str] = {}
        self.parked_at: dict[str, datetime] = {}
        self._open()

    def _open(self) -> None:
        self.store = Store.open(self.folder / "a.sqlite", exclusive=True)
        self.outbox, self.memory = SqlOutbox(self.store), SqlMemory(self.store)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self._open()

    @rule(equipment=st.sampled_from(["E1", "E2"]), slot=st.integers(0, 6), held=st.booleans())
    def put(self, equipment: str, slot: int, held: bool) -> None:
        self.number += 1
        envelope = reading(equipment, self.number, key=f"{equipment}/{slot}", held=HELD if held else "")
        stored = self.outbox.put(envelope, None, held=[BACKWARDS] if held else [])
        assert stored == (envelope.slot_key not in self.held_slots.values())
        if stored:
            self.envelopes[envelope.reference] = envelope
            self.state[envelope.reference] = "quarantined" if held else "waiting"
            self.held_slots[envelope.reference] = envelope.slot_key

    def _some(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.state, key=lambda each: self.envelopes[each].created_at)))

    @precondition(lambda self: self.state)
    @rule(data=st.data(), outcome=st.sampled_from([BOOKED, Rejected("no", "no"), Kept("no", "no")]))
    def settle(self, data: st.DataObject, outcome: Accepted | Rejected | Kept) -> None:
        reference = self._some(data)
        self.outbox.settle(reference, outcome, self.now)
        if self.state[reference] == "waiting":
            names = {Accepted: "accepted", Rejected: "rejected", Kept: "parked"}
            self.state[reference] = names[type(outcome)]
            self.not_before.pop(reference, None)
            self.parked_at[reference] = self.now

    @precondition(lambda self: self.state)
    @rule(data=st.data(), minutes=st.integers(1, 60))
    def postpone(self, data: st.DataObject, minutes: int) -> None:
        reference = self._some(data)
        self.outbox.postpone([reference], self.now + timedelta(minutes=minutes), BUSY)
        if self.state[reference] == "waiting":
            self.not_before[reference] = self.now + timedelta(minutes=minutes)

    @precondition(lambda self: self.state)
    @rule(data=st.data(), action=st.sampled_from(["retry", "discard"]))
    def decide(self, data: st.DataObject, action: str) -> None:
        reference = self._some(data)
        allowed = {"rejected", "parked"} | ({"quarantined"} if action == "discard" else set())
        try:
            (self.outbox.retry if action == "retry" else self.outbox.discard)(reference, "anna", self.now)
        except AgentError:
            assert self.state[reference] not in allowed
            return
        assert self.state[reference] in allowed
        self.state[reference] = "waiting" if action == "retry" else "discarded"
        if action == "discard":
            del self.held_slots[reference]

    @rule(minutes=st.integers(-180, 600))
    def wait(self, minutes: int) -> None:
        """Time goes by, or the clock is set back; asking what is due wakes what was parked a day ago."""
        self.now += timedelta(minutes=minutes)
        self.outbox.due(self.now, 1)
        for reference, state in self.state.items():
            since = self.now - self.parked_at.get(reference, self.now)
            if state == "parked" and not timedelta() <= since < timedelta(days=1):
                self.state[reference] = "waiting"

    @invariant()
    def nothing_lost(self) -> None:
        if not hasattr(self, "store"):
            return
        entries = {entry.envelope.reference: entry for entry in self.memory.entries()}
        assert {reference: entry.state for reference, entry in entries.items()} == self.state
        for reference, entry in entries.items():
            assert entry.envelope == self.envelopes[reference]
            assert self.memory.history(reference)[-1].state == self.state[reference]

    @invariant()
    def first_in_first_out(self) -> None:
        if not hasattr(self, "store"):
            return
        expected: list[str] = []
        blocked: set[str] = set()
        for reference in sorted(self.state, key=lambda each: self.envelopes[each].created_at):
            equipment = self.envelopes[reference].equipment_number
            if self.state[reference] != "waiting":
                continue
            if self.now < self.not_before.get(reference, self.now) <= self.now + timedelta(days=1):
                blocked.add(equipment)
            if equipment not in blocked:
                expected.append(reference)
        assert [entry.envelope.reference for entry in self.outbox.due(self.now, 1000)] == expected
        assert [entry.envelope.reference for entry in self.outbox.due(self.now, 2)] == expected[:2]

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=30, stateful_step_count=30)

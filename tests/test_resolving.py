"""What a person decides about a held reading: carried out whole, on record for ever, and taken back by a later word."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.decisions import SqlDecisions
from agent.errors import AgentError, ConfigError, StoreDamaged
from agent.forensics import Case
from agent.grounds import Grounds
from agent.ledger import verify
from agent.memory import SqlMemory
from agent.meters import Counter, MeasuringPoint
from agent.ports import Parcel
from agent.printers import Endpoint, Equipment, Identity
from agent.readout import Readout
from agent.resolving import Choice, Held, SqlDesk
from agent.store import Store
from agent.texts import message
from agent.upload.envelope import Accepted, Entry, Kept
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import Source, Withheld, seal_reading
from agent.validation import held_for_the_clock, validate
from tests.crash_writer import START

E = "000000000000004711"
EQUIPMENT = Equipment(E, measuring_points=(MeasuringPoint("1", "total", mandatory=True), MeasuringPoint("2", "color")))
LIFE = "1.3.6.1.2.1.43.10.2.1.4.1.1"


class Office:
    """One printer that is read day by day into a real database, and the desk of the person who decides."""

    def __init__(self, store: Store, withhold: tuple[Withheld, ...] = ()) -> None:
        self.store = store
        self.source = Source("agent", "0", withhold)
        self.outbox, self.memory = SqlOutbox(store), SqlMemory(store)
        self.desk, self.decisions = SqlDesk(store), SqlDecisions(store)
        self.memory.remember_cycle([EQUIPMENT], [], START)
        self.day = 0

    def read(self, total: int, color: int | None = None, serial: str = "SN471101") -> Entry:
        """One reading as the cycle judges and seals it."""
        self.day += 1
        at = START + timedelta(days=self.day)
        told = {"total": total} | ({"full_color": color} if color is not None else {})
        counters = tuple(
            Counter(meter, "total", "any", "any", "impressions", value, LIFE, "generic/1")
            for meter, value in told.items()
        )
        readout = Readout(Endpoint("10.0.0.1"), "ok", at, Identity(serial_number=serial), counters)
        offsets = self.decisions.offsets([E]).get(E, {})
        assert offsets is not None
        verdict = validate(EQUIPMENT, readout, self.memory.last_reported([E])[E], offsets)
        assert verdict.reading is not None
        held = verdict.reasons if verdict.outcome == "quarantined" else ()
        envelope = seal_reading(verdict.reading, self.source, f"{self.day}", held=bool(held), now=at)
        origins = {one.meter_code: one.origin for one in verdict.reading.values}
        added = {one.meter_code: one.offset for one in verdict.reading.values if one.offset}
        self.outbox.put_all([Parcel(envelope, readout, held, origins, Grounds(offsets=added))])
        return self.entry(envelope.reference)

    def entry(self, reference: str) -> Entry:
        found = self.memory.entry(reference)
        assert found is not None
        return found

    def decide(self, entry: Entry, choice: Choice) -> Entry:
        at = START + timedelta(days=self.day, hours=1)
        self.desk.decide(entry.envelope.reference, choice, "anna", at)
        return self.entry(entry.envelope.reference)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        yield Office(store)


def values(entry: Entry) -> dict[str, int]:
    return {one["meter_code"]: one["value"] for one in entry.envelope.content["readings"]}


def codes(entry: Entry) -> list[str]:
    return [finding["code"] for finding in entry.envelope.content["findings"]]


def test_an_offset_is_added_to_this_and_every_later_reading(office: Office) -> None:
    """A new board: what is reported goes on from the old value, the printer's own count stays in the proof."""
    office.read(5000, 300)
    held = office.read(12, 2)
    assert held.state == "quarantined"
    sent = office.decide(held, Choice("accept", {"total": 5000, "color": 300}, "new board"))
    assert (sent.state, values(sent)) == ("waiting", {"total": 5012, "color": 302})
    assert codes(sent) == ["below_last", "below_last", "offset_applied", "offset_applied"]
    later = office.read(20, 2)
    assert (later.state, values(later)) == ("waiting", {"total": 5020, "color": 302})
    assert codes(later) == ["offset_applied", "offset_applied"]
    proof = office.memory.proof(later.envelope.reference)
    assert proof is not None
    assert {one.meter: one.value for one in proof.counters} == {"total": 20, "full_color": 2}
    assert verify(office.store).why is None


def test_the_page_of_a_new_board(office: Office) -> None:
    """The case knows what was read before, and proposes the old values as offsets."""
    office.read(5000, 300)
    page: Held = office.desk.held(office.read(12, 2))
    assert (page.diagnoses[0].cause, page.diagnoses[0].offsets) == ("board_swapped", {"total": 5000, "color": 300})
    assert page.case.before is not None
    assert page.case.before.counters == {"total": 5000, "full_color": 300}


def test_a_second_board(office: Office) -> None:
    """The offsets add up: the second new board goes on from what was reported with the first."""
    office.read(5000)
    office.decide(office.read(12), Choice("accept", {"total": 5000}))
    office.read(100)
    held = office.read(3)
    assert office.desk.held(held).diagnoses[0].offsets == {"total": 5100}
    assert values(office.decide(held, Choice("accept", {"total": 5100}))) == {"total": 5103}
    assert values(office.read(4)) == {"total": 5104}


def test_replaced_ends_the_offset(office: Office) -> None:
    """A whole new machine counts for itself, and the portal is told so."""
    office.read(5000)
    office.decide(office.read(12), Choice("accept", {"total": 5000}))
    sent = office.decide(office.read(7, serial="SN998877"), Choice("replaced"))
    assert values(sent) == {"total": 7}
    assert [one.get("counter_replaced") for one in sent.envelope.content["readings"]] == [True]
    assert "offset_applied" not in codes(sent)
    assert office.decisions.all_offsets() == {}


@pytest.mark.parametrize(
    ("choice", "error", "says"),
    [
        (Choice("accept"), ConfigError, "below the last reported 5000"),
        (Choice("accept", {"total": 4987}), ConfigError, "would be 4999, below"),
        (Choice("accept", {"total": -1}), ConfigError, "negative"),
        (Choice("accept", {"black": 5}), ConfigError, "no counter black"),
        (Choice("take_back"), AgentError, "Nobody has decided"),
    ],
)
def test_what_cannot_be_decided_changes_nothing(
    office: Office, choice: Choice, error: type[AgentError], says: str
) -> None:
    """A refused decision leaves reading, offsets, record and ledger as they were."""
    office.read(5000)
    held = office.read(12)
    before = verify(office.store)
    with pytest.raises(error, match=says):
        office.decide(held, choice)
    assert office.entry(held.envelope.reference) == held
    assert office.decisions.of_equipment(E) == []
    assert verify(office.store) == before


def test_what_is_settled_is_settled(office: Office) -> None:
    """An accepted reading, and a reference that nobody knows."""
    sound = office.read(5000)
    office.outbox.settle(sound.envelope.reference, Accepted(("1",)), START)
    for act in ("accept", "replaced", "discard"):
        with pytest.raises(AgentError, match="only possible"):
            office.decide(sound, Choice(act))  # type: ignore[arg-type]
    with pytest.raises(AgentError, match="no reading"):
        office.desk.decide("f" * 32, Choice("discard"), "anna", START)


def test_a_decision_is_taken_back_by_a_later_one(office: Office) -> None:
    """The reading is held again, byte for byte as it was, its offset is over, and both decisions stay on record."""
    office.read(5000)
    held = office.read(12)
    office.decide(held, Choice("accept", {"total": 5000}))
    again = office.decide(held, Choice("take_back", note="it was the neighbour's"))
    assert again == replace(held, envelope=again.envelope)
    assert again.envelope.body == held.envelope.body
    assert office.decisions.all_offsets() == {}
    discarded = office.decide(held, Choice("discard"))
    assert discarded.state == "discarded"
    assert office.decide(held, Choice("take_back")).state == "quarantined"
    made = office.decisions.about(held.envelope.reference)
    assert [one.kind for one in made] == ["offset", "taken_back", "discarded", "taken_back"]
    assert [one.note for one in made] == ["", "it was the neighbour's", "", ""]
    assert made[0].before.body == held.envelope.body.decode()
    assert verify(office.store).why is None


def test_what_is_held_again_says_why(office: Office) -> None:
    """Whatever was said about it since the decision: the reasons for which it was held are those it is held for."""
    office.read(5000)
    held = office.read(12)
    reference = held.envelope.reference
    office.decide(held, Choice("replaced"))
    office.outbox.settle(reference, Kept("equipment-unknown", "no"), START)
    office.outbox.retry(reference, "anna", START)
    office.outbox.overtake(reference, message("Anna captured a later one."), START)
    again = office.decide(held, Choice("take_back"))
    assert (again.state, again.reasons) == ("quarantined", held.reasons)
    assert office.desk.held(again).case.fallen == office.desk.held(held).case.fallen


def test_what_may_have_been_sent_is_not_taken_back(office: Office) -> None:
    """Once it was tried, or a later reading rests on it, the portal may have it: then it is reversed there."""
    office.read(5000)
    held = office.read(12)
    office.decide(held, Choice("accept", {"total": 5000}))
    office.read(13)
    with pytest.raises(AgentError, match="later reading rests"):
        office.decide(held, Choice("take_back"))
    office.outbox.settle(held.envelope.reference, Accepted(("1",)), START)
    with pytest.raises(AgentError, match="on its way"):
        office.decide(held, Choice("take_back"))


def test_an_ended_offset(office: Office) -> None:
    """Without it the next reading falls, and waits for a person; one that does not exist cannot be ended."""
    office.read(5000)
    office.decide(office.read(12), Choice("accept", {"total": 5000}))
    with pytest.raises(AgentError, match="no such offset"):
        office.desk.end_offsets(E, "color", "anna", "", START)
    office.desk.end_offsets(E, "total", "anna", "over", START)
    assert office.decisions.all_offsets() == {}
    assert office.read(20).state == "quarantined"
    with pytest.raises(AgentError, match="no such offset"):
        office.desk.end_offsets(E, None, "anna", "", START)


def test_a_damaged_decision_costs_its_equipment_alone(office: Office) -> None:
    """What is to be added is not known any more: nothing is decided on it, and it can be ended."""
    office.read(5000)
    held = office.read(12)
    office.decide(held, Choice("accept", {"total": 5000}))
    with office.store.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER decisions_no_update")
        connection.exec_driver_sql('UPDATE decisions SET after = \'{"offsets": {"total": -5}}\'')
    assert office.decisions.offsets([E, "other"]) == {E: None}
    with pytest.raises(StoreDamaged, match="damaged"):
        office.desk.held(held)
    found = verify(office.store)
    assert "decision 1 was changed" in str(found.why)
    office.desk.end_offsets(E, None, "anna", "", START)
    assert office.decisions.offsets([E]) == {E: {}}


def test_withheld_fields_never_leave(tmp_path: Path) -> None:
    """Fields that stay in the house are not in the bytes, not even after a decision; the values are."""
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        office = Office(store, ("findings", "source.agent_version", "source.protocol"))
        office.read(5000)
        sent = office.decide(office.read(12), Choice("accept", {"total": 5000}))
        assert set(sent.envelope.content) == {"client_reference", "equipment_number", "read_at", "readings", "source"}
        assert sent.envelope.content["source"] == {"agent_id": "agent"}
        assert values(sent) == {"total": 5012}


acts = st.lists(
    st.tuples(st.sampled_from(["accept", "replaced", "discard", "take_back"]), st.integers(-1, 300)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100), acts), min_size=1, max_size=4))
def test_no_decision_is_ever_lost(days: Sequence[tuple[int, list[tuple[str, int]]]]) -> None:
    """Whatever a person says in whatever order: each that was carried out is on record with its before and after, what
    counts never falls without the portal being told, and the chain is whole."""
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "a.sqlite", exclusive=True) as store:
        office, done = Office(store), []
        office.read(100)
        for count, wishes in days:
            entry = office.read(count)
            for act, offset in wishes:
                choice = Choice(act, {"total": offset} if act == "accept" else {})  # type: ignore[arg-type]
                try:
                    office.decide(entry, choice)
                except AgentError:
                    continue
                done.append(office.entry(entry.envelope.reference).state)
        made = office.decisions.of_equipment(E)
        assert [one.after.state for one in made] == done
        assert [one.number for one in made] == list(range(1, len(made) + 1))
        for one, following in itertools.pairwise(made):
            assert one.after.offsets == following.before.offsets
        assert verify(store).why is None
        last = 0
        for entry in reversed(office.memory.entries()):
            if entry.state == "waiting":
                (value,) = entry.envelope.content["readings"]
                assert value["value"] >= last or value.get("counter_replaced")
                last = value["value"]


def test_a_case_without_a_proof(office: Office) -> None:
    """A reading whose proof is gone can still be decided about: what is known is what was sealed."""
    office.read(5000)
    held = office.read(12)
    with office.store.begin() as connection:
        connection.exec_driver_sql("DELETE FROM proofs")
    case: Case = office.desk.held(held).case
    assert (case.values, case.fallen, case.before) == ({"total": 12}, ("total",), None)
    assert json.loads(office.decide(held, Choice("discard")).envelope.body)["readings"][0]["value"] == 12


def read_under(office: Office, total: int, offset: int) -> Entry:
    """A reading of a cycle in which the portal's clock was so many seconds ahead."""
    office.day += 1
    at = START + timedelta(days=office.day)
    counter = Counter("total", "total", "any", "any", "impressions", total, LIFE, "generic/1")
    readout = Readout(Endpoint("10.0.0.1"), "ok", at, Identity(serial_number="SN471101"), (counter,))
    verdict = validate(EQUIPMENT, readout, office.memory.last_reported([E])[E])
    verdict = held_for_the_clock(verdict, offset)
    assert verdict.reading is not None
    held = verdict.reasons if verdict.outcome == "quarantined" else ()
    envelope = seal_reading(verdict.reading, office.source, f"{office.day}", held=bool(held), now=at)
    office.outbox.put_all([Parcel(envelope, readout, held, {}, Grounds(clock_offset=offset))])
    return office.entry(envelope.reference)


@pytest.mark.parametrize("offset", [-40_000_000, -3601, 3601, 40_000_000])
def test_a_reading_under_a_wrong_clock(office: Office, offset: int) -> None:
    """It is held. When a person accepts it, it is sent with the time of the portal's clock, which an invoice goes by;
    taken back, it is as it was."""
    held = read_under(office, 5000, offset)
    assert (held.state, held.reasons[0].code) == ("quarantined", "clock_wrong")
    by_ours = datetime.fromisoformat(held.envelope.content["read_at"])
    sent = office.decide(held, Choice("accept", note="ours was wrong"))
    assert datetime.fromisoformat(sent.envelope.content["read_at"]) == by_ours + timedelta(seconds=offset)
    assert values(sent) == {"total": 5000}
    assert codes(sent)[-1] == "clock_corrected"
    assert office.memory.last_reported([E])[E]["total"].read_at == by_ours + timedelta(seconds=offset)
    assert office.decide(held, Choice("take_back")).envelope.body == held.envelope.body
    assert office.decide(held, Choice("discard")).state == "discarded"
    assert verify(office.store).why is None


@pytest.mark.parametrize("offset", [-3600, -40, 0, 40, 3600])
def test_a_clock_that_differs_a_little(office: Office, offset: int) -> None:
    """Up to an hour holds nothing and changes nothing."""
    entry = read_under(office, 5000, offset)
    assert (entry.state, codes(entry)) == ("waiting", [])

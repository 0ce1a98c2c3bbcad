"""The agent remembers across restarts what validation, ordering, `status` and `explain` need."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.memory import CycleOutcome, KnownPrinter, SqlMemory
from agent.meters import Finding, LastReading, MeasuringPoint, MeterValue, Reading
from agent.ports import Fate, Parcel
from agent.printers import Endpoint, Equipment, Identity
from agent.readout import Readout
from agent.store import Store
from agent.texts import message
from agent.upload.envelope import Accepted, Rejected
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import Source, seal_reading
from tests.crash_writer import START, reading

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PRINTER = Identity(manufacturer="Kyocera", model="TASKalfa", serial_number="A1", mac_addresses=("00:17:c8:00:00:01",))
HERE = Endpoint("127.0.0.1", 1161)
EQUIPMENT = Equipment(
    "000000000010012345",
    "Flur 2",
    technical_identification_number="drucker-ä",
    automatic_supply=True,
    measuring_points=(
        MeasuringPoint("1", "total", mandatory=True, last_reading=LastReading(5, NOON, measurement_document="9")),
        MeasuringPoint("2", "color", counter_overflow_value=1_000_000),
    ),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as opened:
        yield opened


def test_last_reported(store: Store) -> None:
    """The last value is the newest one that was accepted or still waits; rejected and held ones do not count."""
    outbox, memory = SqlOutbox(store), SqlMemory(store)
    first, second, third = (reading("E1", number, value=number * 100) for number in (1, 2, 3))
    for envelope in (third, first, second, reading("E2", 9, value=7)):
        assert outbox.put(envelope, None)
    outbox.put(reading("E1", 4, value=4), None, held=[Finding("went_backwards", message("Went back."))])
    assert memory.last_reported(["E1"])["E1"] == {"total": LastReading(300, START + timedelta(minutes=3))}
    outbox.settle(second.reference, Accepted(("1",)), NOON)
    outbox.settle(third.reference, Rejected("no", "no"), NOON)
    assert memory.last_reported(["E1"])["E1"]["total"].value == 200
    assert memory.last_reported(["E3"])["E3"] == {}


def test_entries(store: Store) -> None:
    """Items are listed newest first, by state, and found by the beginning of their reference."""
    outbox, memory = SqlOutbox(store), SqlMemory(store)
    envelopes = [reading("E1", number) for number in range(4)]
    for envelope in envelopes:
        outbox.put(envelope, None)
    outbox.settle(envelopes[2].reference, Accepted(("1",)), NOON)
    assert [entry.envelope for entry in memory.entries()] == envelopes[::-1]
    assert [entry.envelope for entry in memory.entries("accepted")] == [envelopes[2]]
    assert [entry.envelope for entry in memory.entries(limit=1)] == [envelopes[3]]
    assert [entry.envelope for entry in memory.find(envelopes[1].reference[:12].upper())] == [envelopes[1]]
    assert memory.find("%") == []
    assert memory.counts() == {"waiting": 3, "accepted": 1}
    assert memory.entry("nothing") is None


def test_history(store: Store) -> None:
    """The history says what happened when, and why, in sentences that can be shown in any language."""
    outbox, memory = SqlOutbox(store), SqlMemory(store)
    envelope = reading("E1", 1)
    outbox.put(envelope, None)
    outbox.settle(envelope.reference, Rejected("value-too-low", "100 < 200"), NOON)
    stored, rejected = memory.history(envelope.reference)
    assert (stored.at, stored.state, str(stored.note)) == (envelope.created_at, "waiting", "Stored.")
    assert (rejected.at, rejected.state) == (NOON, "rejected")
    assert rejected.note == message("The portal rejects it: {detail}", detail="100 < 200")


def test_damaged_history(store: Store) -> None:
    """A line of the history that was damaged on the disk is shown as far as it can be read."""
    envelope = reading("E1", 1)
    SqlOutbox(store).put(envelope, None)
    SqlOutbox(store).settle(envelope.reference, Accepted(("1",)), NOON)
    with store.begin() as connection:
        connection.exec_driver_sql("UPDATE history SET at = '2026-1q-23T08:01:00', note = '[1'")
    stored, event = SqlMemory(store).history(envelope.reference)
    assert (stored.at, stored.state) == (envelope.created_at, "waiting")
    assert (event.at.year, event.state, event.note) == (1970, "accepted", None)


def test_proof(store: Store) -> None:
    """Years later a reading can be proved by what the printer said, word by word."""
    outbox, memory = SqlOutbox(store), SqlMemory(store)
    envelope, bare = reading("E1", 1), reading("E1", 2)
    evidence = {"1.3.6.1.2.1.43.10.2.1.4.1.1": "65|1000", "1.3.6.1.2.1.1.1.0": "4x|c3a4"}
    outbox.put(envelope, Readout(HERE, "ok", NOON, PRINTER, evidence=evidence, profile="kyocera 3"))
    outbox.put(bare, None)
    proof = memory.proof(envelope.reference)
    assert proof is not None
    assert (proof.evidence, proof.identity, proof.endpoint) == (evidence, PRINTER, HERE)
    assert (proof.profile, proof.read_at) == ("kyocera 3", NOON)
    assert memory.proof(bare.reference) is None


def test_cycle(tmp_path: Path) -> None:
    """The portal's list and the last outcomes survive a restart, whole, and a cycle without the portal."""
    file = tmp_path / "a.sqlite"
    fine, gone = Finding("accepted", message("Fine.")), Finding("silent", message("{host} is silent.", host="ä"))
    steps = (message("Looked up."), message("{host} answers.", host="ä"))
    with Store.open(file, exclusive=True) as store:
        memory = SqlMemory(store)
        assert (memory.known_equipments(), memory.last_cycle(), memory.outcomes()) == ((), None, {})
        fates = {EQUIPMENT.equipment_number: Fate(fine, steps), "2": Fate(gone)}
        memory.remember_cycle([EQUIPMENT, Equipment("2")], fates.items(), NOON)
    with Store.open(file, exclusive=True) as store:
        memory = SqlMemory(store)
        assert memory.known_equipments() == (EQUIPMENT, Equipment("2"))
        later = NOON + timedelta(hours=1)
        memory.remember_cycle([], [("2", Fate(fine))], later)
        assert memory.known_equipments() == (EQUIPMENT, Equipment("2"))
        assert (memory.last_cycle(), memory.listed_at()) == (later, NOON)
        assert memory.outcomes() == {
            EQUIPMENT.equipment_number: CycleOutcome(NOON, fine, steps),
            "2": CycleOutcome(later, fine),
        }
        memory.remember_cycle([Equipment("2")], [("2", Fate(gone))], later)
        assert memory.outcome("2") == CycleOutcome(later, gone)
        assert memory.outcome(EQUIPMENT.equipment_number) is None
        with store.begin() as connection:
            connection.exec_driver_sql("UPDATE outcomes SET steps = '[{'")
        assert memory.outcome("2") == CycleOutcome(later, gone)


def test_damaged_list(store: Store) -> None:
    """A damaged equipment list is as good as none; the portal's next answer replaces it."""
    memory = SqlMemory(store)
    memory.remember_cycle([EQUIPMENT], (), NOON)
    with store.begin() as connection:
        connection.exec_driver_sql("UPDATE equipments SET content = substr(content, 3)")
    assert memory.known_equipments() == ()
    memory.remember_cycle([EQUIPMENT], (), NOON)
    assert memory.known_equipments() == (EQUIPMENT,)


def test_identity(store: Store) -> None:
    """The printer an equipment was matched with is the last one noted."""
    memory = SqlMemory(store)
    assert memory.identity("E1") is None
    memory.remember_identities({"E1": (Identity(), Endpoint("::1"))}, NOON - timedelta(days=1))
    memory.remember_identities({"E1": (PRINTER, HERE)}, NOON)
    assert memory.identity("E1") == KnownPrinter(PRINTER, HERE, NOON)


def test_known_endpoints(store: Store) -> None:
    """Where printers were read; a damaged row costs only itself."""
    memory = SqlMemory(store)
    assert memory.known_endpoints() == frozenset()
    memory.remember_identities({"E1": (PRINTER, HERE)}, NOON)
    memory.remember_identities({"E2": (PRINTER, Endpoint("10.0.0.7"))}, NOON)
    with store.begin() as connection:
        connection.exec_driver_sql("UPDATE identities SET endpoint = 'x' WHERE equipment_number = 'E1'")
    assert memory.known_endpoints() == {Endpoint("10.0.0.7")}


def test_how_a_value_was_read(store: Store) -> None:
    """The last value says by which protocol it was read, so that a change is noticed."""
    outbox, memory = SqlOutbox(store), SqlMemory(store)
    values = (MeterValue("1", "total", 700, "PAGE", "ipp:printer-impressions-completed"),)
    sealed = seal_reading(Reading("E1", NOON, values), Source("a", "0"), "2026-11-23", held=False, now=NOON)
    assert outbox.put(sealed, None)
    assert memory.last_reported(["E1"])["E1"] == {"total": LastReading(700, NOON, protocol="ipp")}


def test_time_without_zone(store: Store) -> None:
    """A time that does not say its zone is a programming error and never stored."""
    with pytest.raises(ValueError, match="time zone"):
        SqlMemory(store).remember_cycle([], [], datetime(2026, 11, 23))  # noqa: DTZ001  the very thing
    assert SqlMemory(store).last_cycle() is None


def test_where_a_value_stood_is_remembered(store: Store) -> None:
    """The place in the device comes back with the value; of values stored without it nothing is made up."""
    outbox, memory = SqlOutbox(store), SqlMemory(store)
    outbox.put_all(
        [Parcel(reading("E1", 1, value=100), origins={"total": "1.3.6?2=4"}), Parcel(reading("E2", 2, value=200))]
    )
    told = memory.last_reported(["E1", "E2", "E3"])
    assert {number: {code: last.origin for code, last in values.items()} for number, values in told.items()} == {
        "E1": {"total": "1.3.6?2=4"},
        "E2": {"total": None},
        "E3": {},
    }


def test_parcels_are_stored_all_or_none(store: Store) -> None:
    """One taken slot among many: nothing of them is stored, and the caller is told."""
    outbox, memory = SqlOutbox(store), SqlMemory(store)
    outbox.put(reading("E1", 1, key="E1/today"), None)
    with pytest.raises(ValueError, match="slot"):
        outbox.put_all([Parcel(reading("E2", 2)), Parcel(reading("E1", 3, key="E1/today"))])
    with pytest.raises(ValueError, match="slot"):
        outbox.put_all([Parcel(reading("E3", 4, key="E3/x")), Parcel(reading("E3", 5, key="E3/x"))])
    assert len(memory.entries()) == 1


def test_together_is_one_transaction(store: Store) -> None:
    """What failed half-way is not there, and what was read inside saw what was written inside."""
    outbox, memory = SqlOutbox(store), SqlMemory(store)
    with pytest.raises(RuntimeError), outbox.together():
        outbox.put(reading("E1", 1), None)
        assert len(memory.entries()) == 1
        raise RuntimeError
    assert memory.entries() == []
    with outbox.together():
        outbox.put(reading("E1", 1), None)
        memory.remember_identities({"E1": (PRINTER, HERE)}, NOON)
    assert len(memory.entries()) == 1
    assert memory.known_endpoints() == {HERE}

"""What is stored small is read back octet by octet, and damage is noticed and costs what it hits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.ledger import verify
from agent.memory import SqlMemory
from agent.migrations.difference import applied, difference
from agent.migrations.packing import packed, said, text_of, unpacked
from agent.migrations.sealing import opened, sealed
from agent.store import Store
from agent.upload.outbox import SqlOutbox
from tests.crash_writer import START
from tests.year import YearlyPrinter

DAYS = 40
parts = st.one_of(
    st.integers(0, 10**20).map(lambda number: b"%d" % number),
    st.sampled_from([b'"a":"2|', b'"', b"}]", b"007", b"00", b"\x00", b"a", b":", b"", b"9", b"10", b"-3", b'5"}']),
)
texts = st.lists(st.one_of(parts, st.sampled_from([b",", b"\n"])), max_size=30).map(b"".join)
references = st.binary(min_size=16, max_size=16).map(bytes.hex)


@given(texts, texts)
def test_a_text_is_told_by_any_other(text: bytes, base: bytes) -> None:
    """However much or little two texts are alike, one is made of the other octet by octet."""
    assert applied(difference(text, base), base) == text


@given(texts, st.integers(0, 2**64), st.data())
def test_a_difference_that_is_none(base: bytes, number: int, data: st.DataObject) -> None:
    """Damaged differences are refused or make another text, and never take the reader down."""
    octets = bytearray(difference(base + b',"b":%d' % number, base))
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(ValueError):
        applied(bytes(octets), base)


@given(references, st.text(max_size=20), st.none() | st.integers(0, 2**33), st.text(max_size=20), st.binary())
def test_what_is_sealed_is_opened(
    reference: str, equipment: str, read_at: int | None, slot_key: str, body: bytes
) -> None:
    """Any body comes back exactly, and only with the columns that it was sealed with."""
    stored = sealed(reference, equipment, read_at, slot_key, body)
    assert opened(stored, reference, equipment, read_at) == (slot_key, body)


@given(references, st.integers(0, 2**33), st.data())
def test_a_flipped_bit_in_what_is_sealed_is_noticed(reference: str, read_at: int, data: st.DataObject) -> None:
    """Wherever it is."""
    stored = bytearray(sealed(reference, "E1", read_at, "E1/1", b'{"client_reference":"%s"}' % reference.encode()))
    stored[data.draw(st.integers(0, len(stored) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValueError, match=r".*"):
        opened(bytes(stored), reference, "E1", read_at)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The readings of two printers on some days."""
    file = tmp_path_factory.mktemp("packing") / "a.sqlite"
    printers = [YearlyPrinter(1), YearlyPrinter(2)]
    codes = {one.equipment.equipment_number: one.codes for one in printers}
    with Store.open(file, exclusive=True) as store:
        for day in range(DAYS):
            before = SqlMemory(store).last_reported(list(codes), codes=codes)
            at = START + timedelta(days=day)
            SqlOutbox(store).put_all([one.parcel(day, at, before[one.equipment.equipment_number]) for one in printers])
    return file


@pytest.fixture
def copy(file: Path, tmp_path: Path) -> Iterator[Path]:
    """The same database, to be damaged."""
    other = tmp_path / "b.sqlite"
    other.write_bytes(file.read_bytes())
    yield other


def test_every_proof_is_read_as_it_was(file: Path) -> None:
    """Whole or as a difference: raw values, counters, findings and grounds of each day."""
    with Store.open(file, exclusive=False) as store:
        memory = SqlMemory(store)
        entries = memory.entries()
        assert len(entries) == 2 * DAYS
        for entry in entries:
            day = (entry.envelope.created_at - START).days
            number = int(entry.envelope.equipment_number) - 10_004_711
            readout = YearlyPrinter(number).readout(day, entry.envelope.created_at)
            proof = memory.proof(entry.envelope.reference)
            assert proof is not None
            assert (proof.evidence, proof.identity, proof.profile) == (
                readout.evidence,
                readout.identity,
                readout.profile,
            )
            assert said(unpacked(packed(text_of(readout)))).counters == proof.counters
            assert (proof.read_at, proof.uptime, proof.findings) == (readout.read_at, readout.uptime, readout.findings)
            assert [value for _, value, _ in proof.values] == [
                one["value"] for one in sorted(entry.envelope.content["readings"], key=lambda one: one["meter_code"])
            ]
            assert set(proof.grounds.last) == (set(dict.fromkeys(code for code, *_ in proof.values)) if day else set())
            origins = {one.meter: one.origin for one in readout.counters}
            assert all(origin in origins.values() for _, _, origin in proof.values)


def test_a_damaged_keyframe_costs_its_month_of_proofs_and_no_reading(copy: Path) -> None:
    """Proofs that need it are gone, the ledger says that it was changed, and every reading is sent all the same."""
    with closing(sqlite3.connect(copy)) as connection, connection:
        (keyframe, followers) = connection.execute(
            "SELECT keyframe, count(*) FROM proofs WHERE keyframe IS NOT NULL GROUP BY keyframe ORDER BY 1"
        ).fetchone()
        damaged = "UPDATE proofs SET packed = CAST(substr(packed, 1, 90) || 'x' || substr(packed, 92) AS BLOB)"
        connection.execute(f"{damaged} WHERE envelope = ?", (keyframe,))
    assert 20 < followers < 33
    with Store.open(copy, exclusive=True) as store:
        memory, outbox = SqlMemory(store), SqlOutbox(store)
        assert len(outbox.due(START + timedelta(days=400), 1000)) == 2 * DAYS
        lost = [one for one in memory.entries() if memory.proof(one.envelope.reference) is None]
        assert len(lost) == followers + 1
        assert {one.envelope.equipment_number for one in lost} == {lost[0].envelope.equipment_number}
        last = memory.last_reported([lost[0].envelope.equipment_number])
        assert all(value.origin for value in last[lost[0].envelope.equipment_number].values())
        why = verify(store).why
        assert why is not None
        assert "The proof of the item" in str(why)


def test_a_damaged_difference_costs_itself(copy: Path) -> None:
    """A flipped bit in one of them is noticed; all other proofs are read."""
    with closing(sqlite3.connect(copy)) as connection:
        number, stored = connection.execute(
            "SELECT envelope, packed FROM proofs WHERE keyframe IS NOT NULL ORDER BY 1 DESC"
        ).fetchone()
    for at in range(len(stored)):
        octets = bytearray(stored)
        octets[at] ^= 1 << at % 8
        with closing(sqlite3.connect(copy)) as connection, connection:
            connection.execute("UPDATE proofs SET packed = ? WHERE envelope = ?", (bytes(octets), number))
        if at % 10:
            continue
        with Store.open(copy, exclusive=True) as store:
            memory = SqlMemory(store)
            proofs = [memory.proof(entry.envelope.reference) for entry in memory.entries()]
        assert proofs.count(None) == 1

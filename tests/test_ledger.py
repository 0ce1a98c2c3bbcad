"""The ledger: every envelope and every decision is a link, and nothing about them can be changed unseen."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from agent.decisions import Decision, Facts, SqlDecisions
from agent.errors import StoreError
from agent.ledger import Verified, append, place_of, verify
from agent.migrations.rows import key_of
from agent.migrations.tables import envelopes, history, proofs
from agent.ports import Parcel
from agent.printers import Endpoint
from agent.readout import Readout
from agent.store import Store
from agent.texts import message
from agent.upload.envelope import Accepted, Rejected
from agent.upload.links import Chain, Item, Link
from agent.upload.outbox import SqlOutbox
from tests.crash_writer import START, reading
from tests.earlier import with_readings
from tests.test_store import ENVIRONMENT, WRITER

octets = st.binary(min_size=32, max_size=32)
items = st.builds(
    Item,
    st.sampled_from(["sealed", "resealed", "decision", "pruned"]),
    st.text(max_size=8),
    octets,
    st.none() | octets,
    st.text(max_size=8),
)


def follows(links: list[Link]) -> bool:
    chain = Chain()
    return all(chain.follows(link) for link in links)


@given(st.lists(items, min_size=1, max_size=8), st.data())
def test_a_chain_shows_every_flipped_bit_removal_and_swap(made: list[Item], data: st.DataObject) -> None:
    """Whatever is done to a link, the chain no longer follows; left alone, it does."""
    chain = Chain()
    links = [chain.added(item) for item in made]
    assert follows(links)
    at = data.draw(st.integers(0, len(links) - 1))
    flipped = bytearray(links[at].hash)
    flipped[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
    assert not follows([*links[:at], Link(at + 1, links[at].item, bytes(flipped)), *links[at + 1 :]])
    changed = data.draw(items.filter(lambda item: item != links[at].item))
    assert not follows([*links[:at], Link(at + 1, changed, links[at].hash), *links[at + 1 :]])
    if at < len(links) - 1:
        assert not follows([*links[:at], *links[at + 1 :]])
        assert not follows([*links[:at], links[at + 1], links[at], *links[at + 2 :]])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.sqlite"


@pytest.fixture
def references(file: Path) -> Iterator[list[str]]:
    """Five readings with proofs and one decision, stored; and the database closed again."""
    made = [reading("E1", number) for number in range(5)]
    with Store.open(file, exclusive=True) as store:
        proof = Readout(Endpoint("10.0.0.1"), "ok", START, evidence={"1.3.6": "2|5"})
        SqlOutbox(store).put_all([Parcel(envelope, proof) for envelope in made[:4]])
        SqlDecisions(store).record(Decision(START, "anna", "offset_ended", "E1", None, "why", Facts(), Facts()))
        SqlOutbox(store).put(made[4], None)
    yield [envelope.reference for envelope in made]


def verified(file: Path) -> Verified:
    with Store.open(file, exclusive=False) as store:
        return verify(store)


def meddle(file: Path, *statements: str) -> None:
    """What somebody with the file and time can do: the triggers are no lock."""
    with sqlite3.connect(file) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_a_whole_ledger(file: Path, references: list[str]) -> None:
    """Five readings and a decision are six links, and everything is as it was written."""
    found = verified(file)
    assert (found.links, found.broken, found.why) == (6, None, None)
    with Store.open(file, exclusive=False) as store:
        assert [link.position for link in place_of(store, references[4])] == [6]


@pytest.mark.parametrize(
    ("statement", "broken", "says"),
    [
        ("UPDATE envelopes SET sealed = x'00' WHERE reference = x'{2}'", 3, "What leaves of the"),
        ("UPDATE envelopes SET sealed = (SELECT sealed FROM envelopes WHERE id = 1), equipment_number = 'E1'"
         " WHERE reference = x'{2}'", 3, "What leaves of the item"),
        ("UPDATE proofs SET packed = x'00' WHERE envelope = 2", 2, "The proof of the item"),
        ("DELETE FROM proofs WHERE envelope = 2", 2, "The proof of the item"),
        ("DELETE FROM envelopes WHERE reference = x'{0}'", 1, "is gone"),
        ("DELETE FROM ledger WHERE position = 2", 3, "The link 3"),
        ("DELETE FROM ledger WHERE position = 6", 6, "ends at 5, and once had 6"),
        ("UPDATE ledger SET position = 9 WHERE position = 6", 9, "The link 9"),
        ("UPDATE ledger SET at = 'x' WHERE position = 4", 4, "The link 4"),
        ("UPDATE decisions SET by = 'otto'", 5, "The decision 1 was changed"),
        ("UPDATE decisions SET note = ''", 5, "The decision 1 was changed"),
        ("DELETE FROM decisions", 5, "The decision 1 is gone"),
        ("INSERT INTO decisions SELECT 2, at, by, kind, equipment_number, NULL, note, before, after FROM decisions",
         7, "The decision 2 has no link"),
    ],
)  # fmt: skip
def test_the_first_broken_link_is_named(
    file: Path, references: list[str], statement: str, broken: int, says: str
) -> None:
    """Who changes, removes or adds something is found out, at the place where it was done."""
    meddle(file, "PRAGMA foreign_keys = 0", statement.format(*references))
    found = verified(file)
    assert found.broken == broken
    assert found.why is not None
    assert re.search(says, str(found.why))


@pytest.mark.parametrize(
    ("statement", "broken", "says"),
    [
        ("UPDATE envelopes SET state = 'waiting' WHERE reference = x'{3}'", 7, "The answer about .* was changed"),
        ("UPDATE envelopes SET state = 'discarded' WHERE reference = x'{3}'", 7, "The answer about .* was changed"),
        ("UPDATE envelopes SET state = 'accepted' WHERE reference = x'{4}'", 9, "The answer about .* has no link"),
        ("UPDATE envelopes SET state = 'accepted' WHERE reference = x'{2}'", 8, "The answer about .* was changed"),
        ("UPDATE envelopes SET receipts = '[\"4712\"]' WHERE reference = x'{3}'", 7, "The answer about .* was changed"),
        ("UPDATE envelopes SET reasons = '[1]' WHERE reference = x'{3}'", 7, "The answer about .* was changed"),
        ("UPDATE envelopes SET reasons = '[]' WHERE reference = x'{2}'", 8, "The answer about .* was changed"),
        ("DELETE FROM ledger WHERE position = 7", 8, "The link 8"),
    ],
)
def test_what_was_answered_cannot_be_changed(
    file: Path, references: list[str], statement: str, broken: int, says: str
) -> None:
    """What is booked, with which document, and what was rejected, and why, are links as well."""
    with Store.open(file, exclusive=True) as store:
        outbox = SqlOutbox(store)
        outbox.settle(references[3], Accepted(("4711",)), START)
        outbox.settle(references[2], Rejected("reading-below-last", "It is below the last one."), START)
    assert (verified(file).links, verified(file).why) == (8, None)
    meddle(file, statement.format(*references))
    found = verified(file)
    assert found.broken == broken
    assert re.search(says, str(found.why))


def test_a_rejected_item_goes_its_way(file: Path, references: list[str]) -> None:
    """Tried again by a person and booked then, captured by hand, or given up: the chain stays whole."""
    with Store.open(file, exclusive=True) as store:
        outbox = SqlOutbox(store)
        for reference in references[:3]:
            outbox.settle(reference, Rejected("no", "no"), START)
        outbox.retry(references[0], "anna", START)
        outbox.settle(references[0], Accepted(("4711",), duplicate=True), START)
        outbox.discard(references[1], "anna", START)
        outbox.capture(references[2], ("4712",), message("anna captured it."), START)
        assert [link.item.kind for link in place_of(store, references[0])] == ["sealed", "rejected", "accepted"]
    assert verified(file).why is None


CUT = (
    "DELETE FROM envelopes WHERE reference = x'{4}'",
    "DELETE FROM ledger WHERE position = 6",
)


def test_a_missing_end_is_noticed(file: Path, references: list[str]) -> None:
    """The last link taken away together with all that it is about, or another one in its place: the end was noted
    beside the database. Where nothing readable is noted, nothing is claimed."""
    meddle(file, "PRAGMA foreign_keys = 0", *(one.format(*references) for one in CUT))
    found = verified(file)
    assert (found.broken, str(found.why)) == (6, "The ledger ends at 5, and once had 6 links.")
    noted = file.with_name(file.name + ".end")
    line = noted.read_text()
    noted.write_text(line.replace("6 ", "5 ", 1))
    assert str(verified(file).why) == "The link 5 is another than was noted."
    for unreadable in ("", "x" * len(line), line[:-1], line.upper()):
        noted.write_text(unreadable)
        assert verified(file).why is None


def test_an_older_copy_is_noticed(file: Path, references: list[str]) -> None:
    """A copy of before, put back in place of the database, lacks what was there."""
    with Store.open(file, exclusive=True) as store:
        before = sqlite3.connect(file.with_name("backup"))
        with sqlite3.connect(file) as now:
            now.backup(before)
        before.close()
        SqlOutbox(store).put(reading("E1", 9), None)
    assert verified(file).why is None
    for name in ("a.sqlite-wal", "a.sqlite-shm"):
        file.with_name(name).unlink(missing_ok=True)
    file.with_name("backup").replace(file)
    assert str(verified(file).why) == "The ledger ends at 6, and once had 7 links."


def test_a_pruned_item_leaves_its_link(file: Path, references: list[str]) -> None:
    """Retention may take a row away when it says so in a link of its own: the chain stays whole."""
    with Store.open(file, exclusive=True) as store, store.begin() as connection:
        mine = select(envelopes.c.id).where(envelopes.c.reference == key_of(references[1])).scalar_subquery()
        for column in (history.c.envelope, proofs.c.envelope, envelopes.c.id):
            connection.execute(delete(column.table).where(column == mine))
        append(connection, [Item("pruned", references[1], bytes(32), None, "2026-11-23T12:00:00.000000+00:00")])
    assert verified(file).why is None


@pytest.mark.parametrize("table", ["ledger", "decisions"])
@pytest.mark.parametrize("act", ["UPDATE {} SET at = ''", "DELETE FROM {}"])
def test_what_is_written_stays(file: Path, references: list[str], table: str, act: str) -> None:
    """The database itself refuses to change or delete a link or a decision."""
    with (
        Store.open(file, exclusive=True) as store,
        pytest.raises(StoreError, match="append-only"),
        store.begin() as connection,
    ):
        connection.exec_driver_sql(act.format(table))


def test_two_stores_write_one_chain(file: Path, references: list[str]) -> None:
    """The service and a command beside it: their links stand one behind the other."""
    with Store.open(file, exclusive=True) as first, Store.open(file, exclusive=False) as second:
        stores: list[Callable[[int], bool]] = [
            lambda number, store=store: SqlOutbox(store).put(reading("E1", number), None)  # type: ignore[misc]
            for store in (first, second)
        ]
        assert all(stores[number % 2](number + 10) for number in range(20))
    found = verified(file)
    assert (found.links, found.why) == (26, None)


def test_what_was_there_before_is_adopted(file: Path) -> None:
    """A database of before the ledger begins its chain with all that it has, in the order of time."""
    made = [reading("E1", number) for number in range(5)]
    with_readings(file, "0008", made[::-1])
    found = verified(file)
    assert (found.links, found.why) == (5, None)
    with Store.open(file, exclusive=False) as store:
        assert [place_of(store, each.reference)[0].position for each in made] == [1, 2, 3, 4, 5]


def test_killed_at_any_moment_the_chain_is_whole(file: Path) -> None:
    """A writer that is killed leaves either an envelope with its link or neither."""
    for count in (1, 7, 30):
        with subprocess.Popen(
            [sys.executable, str(WRITER), str(file)], stdout=subprocess.PIPE, env=ENVIRONMENT
        ) as made:
            assert made.stdout is not None
            for _ in range(count):
                made.stdout.readline()
            made.kill()
        found = verified(file)
        assert found.why is None
        assert found.links >= count // 2

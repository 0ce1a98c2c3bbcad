"""A damaged database costs what was damaged: everything else is saved by itself, and what is gone is named.

`BIT_FLIPS` is how many bits, drawn by lot, are flipped one at a time anywhere in the file.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from agent.decisions import SqlDecisions
from agent.errors import StoreDamaged, StoreError
from agent.ledger import place_of, verify
from agent.memory import SqlMemory
from agent.resolving import Choice
from agent.salvage.account import Salvage, SqlSalvages
from agent.salvage.loss import compare_end
from agent.salvage.mend import mend
from agent.store import Store
from agent.supply_memory import SqlSupplies
from agent.upload.envelope import Accepted, Entry, Kept, Rejected
from agent.upload.outbox import SqlOutbox
from tests.crash_states import states
from tests.crash_writer import START
from tests.mounted import CI, ENVIRONMENT, mounted, needs_fuse
from tests.old_databases import MANY, write
from tests.test_order_commands import EQUIPMENT, Command
from tests.test_order_commands import agent as agent
from tests.test_ordering import Office as Portal
from tests.test_ordering import Week, toner
from tests.test_power_cut import MEMORY
from tests.test_resolving import Office
from tests.test_store import WRITER
from tests.test_versions import fingerprint

FLIPS = int(os.environ.get("BIT_FLIPS", "300" if CI else "60"))
PAGE = 4096
LATER = START + timedelta(days=400)
VERDICTS = (Accepted(("4711",)), Rejected("no", "no"), Kept("equipment-unknown", "no"))


@dataclass(frozen=True, slots=True)
class Content:
    """What a database says that matters."""

    entries: dict[str, Entry]
    due: dict[str, bytes]
    orders: dict[str, str]
    looks: int
    salvages: tuple[Salvage, ...]
    links: dict[str, list[str]]
    broken: bool

    @property
    def lost(self) -> Counter[str]:
        return sum((Counter(one.lost) for one in self.salvages), Counter())


def content_of(file: Path) -> Content:
    """Opened as the service opens it: alone, and made sound if need be."""
    with Store.open(file, exclusive=True, mend=mend) as store:
        memory, supplies = SqlMemory(store), SqlSupplies(store)
        entries = {one.envelope.reference: one for one in memory.entries(limit=100_000)}
        orders = {item.reference: item.status for item in supplies.items()}
        with store.connect() as connection:
            looks = connection.exec_driver_sql("SELECT count(*) FROM supply_looks").scalar_one()
        return Content(
            entries,
            {one.envelope.reference: one.envelope.body for one in SqlOutbox(store).due(LATER, 1000)},
            orders,
            looks,
            tuple(SqlSalvages(store).all()),
            {reference: [link.item.kind for link in place_of(store, reference)] for reference in entries},
            verify(store).why is not None,
        )


def payload(entry: Entry) -> tuple[object, ...]:
    """What is sent, and what was said of it."""
    sealed = entry.envelope
    return sealed.reference, sealed.kind, sealed.equipment_number, sealed.body, entry.state, entry.receipts


def lived_in(file: Path) -> None:
    """Readings in every state with their proofs and decisions, orders, supplies: some dozen pages."""
    with Store.open(file, exclusive=True) as store:
        office = Office(store)
        for number in range(90):
            entry = office.read(1000 + 10 * number, 500 + number)
            if number % 2:
                office.outbox.settle(entry.envelope.reference, VERDICTS[number // 2 % 3], START)
            if number % 30 == 29:
                office.decide(office.read(5), Choice("discard", note="somebody else's"))
        office.decide(office.read(7, 3), Choice("accept", {"total": 2000, "color": 700}, "new board"))
        week, level = Week(store, Portal()), 100.0
        for _ in range(70):
            level = level - 2 if level > 2 else 100.0
            week.day(100, toner(level))
        SqlMemory(store).remember_cycle([EQUIPMENT], [], datetime.now(UTC))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that has seen some life, closed."""
    file = tmp_path_factory.mktemp("sound") / "a.sqlite"
    lived_in(file)
    return file


class Bench:
    """Damages copies of a sound database, in memory."""

    def __init__(self, sound: Path, folder: Path) -> None:
        self.sound, self.file = sound, folder / "a.sqlite"
        self.octets = sound.read_bytes()
        shutil.copy(sound, self.file)
        self.wanted = content_of(self.file)
        shutil.copy(sound, self.file)

    def damaged(self, change: Callable[[bytearray], None]) -> Content:
        """What the agent finds in a file that was changed so."""
        for old in self.file.parent.iterdir():
            old.unlink()
        content = bytearray(self.octets)
        change(content)
        self.file.write_bytes(content)
        shutil.copy(self.sound.with_name("a.sqlite.end"), self.file.with_name("a.sqlite.end"))
        found = content_of(self.file)
        if found.salvages:
            assert found.salvages[0].kept.read_bytes() == content
        return found

    def costs(self, found: Content) -> int:
        """How many envelopes it has cost. Nothing is wrong without being named, nothing is sent that was not sealed."""
        gone = 0
        for reference, wanted in self.wanted.entries.items():
            entry = found.entries.get(reference)
            if entry is None:
                assert found.lost or found.broken, "an envelope is gone and nobody says so"
                gone += 1
            elif "row_damaged" in {reason.code for reason in entry.reasons}:
                gone += 1
            else:
                assert payload(entry) == payload(wanted)
        for reference in found.entries.keys() - self.wanted.entries.keys():
            assert "row_damaged" in {reason.code for reason in found.entries[reference].reasons}
            assert found.broken
        assert found.due.items() <= self.wanted.due.items()
        assert len(self.wanted.due) - len(found.due) <= gone
        if found.orders != self.wanted.orders:
            assert found.lost or gone or found.orders.keys() == self.wanted.orders.keys()
        return gone


@pytest.fixture
def bench(sound: Path) -> Bench:
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Bench(sound, Path(folder))


def test_flipped_bits(bench: Bench, record_property: Callable[[str, object], None]) -> None:
    """The agent starts after every one of them; what left the house is what was sealed; an index costs nothing."""
    chance = Random(4)
    cost: Counter[str] = Counter()
    for _ in range(FLIPS):
        bit = chance.randrange(8 * len(bench.octets))

        def flip(content: bytearray, bit: int = bit) -> None:
            content[bit // 8] ^= 1 << bit % 8

        found = bench.damaged(flip)
        cost["starts without anybody's help"] += 1
        cost["databases made anew"] += bool(found.salvages)
        cost["envelopes lost, and named"] += bench.costs(found)
    assert cost["envelopes lost, and named"] <= FLIPS // 4
    record_property("flipped bits", FLIPS)
    for what, count in cost.items():
        record_property(what, count)


def test_flipped_header(bench: Bench) -> None:
    """The head of the file says nothing that the agent would not know by itself: no bit of it costs anything."""
    for at in range(100):

        def flip(content: bytearray, at: int = at) -> None:
            content[at] ^= 1 << at % 8

        found = bench.damaged(flip)
        assert (bench.costs(found), found.entries.keys()) == (0, bench.wanted.entries.keys())


@pytest.mark.parametrize("noise", [b"\0", b"\xa5", b"\r\0\0\0"])
def test_lost_page(bench: Bench, noise: bytes) -> None:
    """Any page but the first may be overwritten: it costs what stood on it, and what it led to is found."""
    for page in range(1, len(bench.octets) // PAGE):

        def overwrite(content: bytearray, page: int = page) -> None:
            content[page * PAGE : (page + 1) * PAGE] = (noise * PAGE)[:PAGE]

        found = bench.damaged(overwrite)
        assert bench.costs(found) <= 40, "more envelopes than a page has"
        assert found.orders.keys() <= bench.wanted.orders.keys()


def test_lost_schema(bench: Bench) -> None:
    """Without the first page nobody knows what the others are: the file is left as it is, and a person is told."""
    content = bytes(PAGE) + bench.octets[PAGE:]
    bench.file.write_bytes(content)
    with pytest.raises(StoreDamaged, match="nothing of meter-agent can be read") as raised:
        content_of(bench.file)
    assert raised.value.remedy is not None
    assert bench.file.read_bytes() == content
    assert [one.name for one in bench.file.parent.glob("*.damaged*")] == []


def test_what_stands_in_the_log_is_saved(tmp_path: Path) -> None:
    """What was committed and not yet written into the file itself is there as well."""
    file, copy = tmp_path / "a.sqlite", tmp_path / "copy" / "a.sqlite"
    copy.parent.mkdir()
    with Store.open(file, exclusive=True) as store:
        office = Office(store)
        references = {office.read(1000 + number).envelope.reference for number in range(50)}
        for suffix in ("", "-wal"):
            shutil.copy(file.with_name(file.name + suffix), copy.with_name(copy.name + suffix))
    with sqlite3.connect(f"file:{copy}?mode=ro&immutable=1", uri=True) as alone:
        assert alone.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] < 10, "it is all in the file"
    mend(copy)
    found = content_of(copy)
    assert (found.entries.keys(), found.lost) == (references, Counter())
    assert len(found.due) == 50


def test_a_later_damage_is_saved_as_well(bench: Bench) -> None:
    """The account of each stays."""
    for _ in range(2):
        content = bytearray(bench.file.read_bytes())
        content[36:40] = b"\0\1\0\0"  # free pages that there are not
        bench.file.write_bytes(content)
        found = content_of(bench.file)
    assert len(found.salvages) == 2
    assert len({one.kept for one in found.salvages}) == 2
    assert (found.entries.keys(), found.lost) == (bench.wanted.entries.keys(), Counter())


def test_while_it_runs(bench: Bench) -> None:
    """A store that finds damage in the midst of its work makes the database anew and goes on."""
    with Store.open(bench.file, exclusive=True, at_once=True, mend=mend) as store:
        assert len(SqlMemory(store).entries(limit=1000)) == len(bench.wanted.entries)
    content = bytearray(bench.octets)
    content[36:40] = b"\0\1\0\0"
    bench.file.write_bytes(content)
    with Store.open(bench.file, exclusive=True, at_once=True, mend=mend) as store:
        office = Office(store)
        office.day = 1000
        assert office.read(9000, 9000).state == "waiting"
        assert len(SqlSalvages(store).all()) == 1


def test_who_is_not_alone_does_not_mend(bench: Bench) -> None:
    """A command beside the service says what is wrong and changes nothing."""
    content = bytearray(bench.octets)
    content[36:40] = b"\0\1\0\0"
    bench.file.write_bytes(content)
    with pytest.raises(StoreDamaged), Store.open(bench.file, exclusive=False, mend=mend):
        pass
    assert bench.file.read_bytes() == content


@pytest.mark.parametrize("version", ["0001", "0009", "0013"])
def test_older_version(version: str, tmp_path: Path) -> None:
    """Damage that shows when a newer agent is started for the first time: saved, and brought to its version."""
    file = tmp_path / "a.sqlite"
    write(file, version)
    content = bytearray(file.read_bytes())
    content[36:40] = b"\0\1\0\0"
    file.write_bytes(content)
    found = content_of(file)
    assert (len(found.entries), len(found.salvages), found.lost) == (MANY, 1, Counter())
    assert not found.broken


def test_newer_version(bench: Bench) -> None:
    """The damaged database of a newer agent is left to that one."""
    with sqlite3.connect(bench.file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    content = bytearray(bench.file.read_bytes())
    content[36:40] = b"\0\1\0\0"
    bench.file.write_bytes(content)
    with pytest.raises(StoreDamaged, match="9999"):
        content_of(bench.file)
    assert bench.file.read_bytes() == content


def _without(file: Path, table: str, where: str) -> None:
    """A damaged file whose only loss are these rows."""
    connection = sqlite3.connect(file)
    with connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(f"DELETE FROM {table} WHERE {where}").rowcount  # noqa: S608  the test's own words
        for _, sql in triggers:
            connection.execute(sql)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = bytearray(file.read_bytes())
    content[36:40] = b"\0\1\0\0"
    file.write_bytes(content)


def test_a_lost_reading_is_named(bench: Bench) -> None:
    """The ledger says that it was lost, so that it is whole again; its proof and its history go with it."""
    lost = [reference for reference, body in bench.wanted.due.items() if b'"readings"' in body][-1]
    _without(bench.file, "envelopes", f"reference = x'{lost}'")
    with Store.open(bench.file, exclusive=True, mend=mend) as store:
        assert [link.item.kind for link in place_of(store, lost)][-1:] == ["lost"]
        assert verify(store).why is None
        [account] = SqlSalvages(store).all()
    assert account.lost == {"history": 2, "proofs": 1}


def test_offsets_are_doubted_when_a_decision_is_lost(bench: Bench) -> None:
    """A later decision may have ended them: the next reading waits for a person instead of being too high."""
    _without(bench.file, "decisions", "id = 2")
    with Store.open(bench.file, exclusive=True, mend=mend) as store:
        [(number, offsets)] = SqlDecisions(store).all_offsets().items()
        assert offsets is None
        Office(store).desk.end_offsets(number, None, "anna", "asked the customer", LATER)
        assert SqlDecisions(store).all_offsets() == {}


def test_nothing_is_ordered_until_a_person_has_looked(bench: Bench, tmp_path: Path, agent: Command) -> None:
    """An order may be forgotten: the rules refuse, status and list say why, and a person ends it."""
    _without(bench.file, "history", "id = 1")
    content = bytearray(bench.file.read_bytes())
    at = content.rindex(b"new board")  # in a row of decisions: its head no longer fits
    content[at - 200 : at] = bytes(200)
    bench.file.write_bytes(content)
    with Store.open(bench.file, exclusive=True, mend=mend) as store:
        [account] = SqlSalvages(store).all()
        assert account.lost
        week = Week(store, Portal())
        week.clock.moment = datetime(2026, 6, 1, 12, tzinfo=UTC)
        assert week.day(100, toner(1.0), looks=3)[-1:] == [(False, "unsure")]
    for one in bench.file.parent.iterdir():
        shutil.copy(one, tmp_path / one.name)
    said = " ".join(agent("status").stdout.split())
    assert f"{sum(account.lost.values())} could not be read" in said
    assert account.kept.name in said
    assert "held back after" in agent("orders", "list").stdout
    assert agent("orders", "release", "all").returncode == 0
    (tmp_path / account.kept.name).unlink()
    assert "could not be read" not in agent("status").stdout
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        week = Week(store, Portal())
        week.clock.moment = datetime(2026, 6, 2, 12, tzinfo=UTC)
        assert "unsure" not in {code for _, code in week.day(100, toner(1.0), looks=3)}


def test_an_older_copy_is_noticed(bench: Bench) -> None:
    """Going back to a copy forgets what was ordered and decided since: said once, offsets are doubted, orders wait."""
    copy = bench.file.read_bytes()
    with Store.open(bench.file, exclusive=True, look=compare_end) as store:
        office = Office(store)
        office.day = 1000
        office.read(9000, 9000)
        assert SqlSalvages(store).all() == []
    bench.file.write_bytes(copy)
    for _ in range(2):
        with Store.open(bench.file, exclusive=True, at_once=True, look=compare_end) as store:
            [account] = SqlSalvages(store).all()
            assert (account.kept, account.lost) == (None, {"ledger": 1})
            assert "older than it was" in str(account.told())
            assert list(SqlDecisions(store).all_offsets().values()) == [None]
            assert [one.kind for one in SqlSupplies(store).instructions("1")] == ["unsure"]
            assert SqlSalvages(store).matters(account.at + timedelta(days=29)) == [account]
            assert SqlSalvages(store).matters(account.at + timedelta(days=31)) == []


def test_a_loss_is_told_once(bench: Bench) -> None:
    """A database made anew with its last links lost is not told of a second time as an older copy."""
    _without(bench.file, "ledger", "position > 100")
    for _ in range(2):
        with Store.open(bench.file, exclusive=True, mend=mend, look=compare_end) as store:
            assert len(SqlSalvages(store).all()) == 1


def test_no_room(bench: Bench, tmp_path: Path) -> None:
    """Where the new file cannot be made the old one stays, and the error says what to do."""
    content = bytearray(bench.octets)
    content[36:40] = b"\0\1\0\0"
    bench.file.write_bytes(content)
    bench.file.with_name("a.sqlite.mended").mkdir()
    with pytest.raises(StoreError) as raised:
        content_of(bench.file)
    assert raised.value.remedy is not None
    assert bench.file.read_bytes() == content


@needs_fuse
def test_power_cut(sound: Path, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """The power cut at any write, sync or new name of it: the next start has everything."""
    trace = tmp_path / "trace"
    with mounted(tmp_path, "record", trace) as mount:
        file = mount / "a.sqlite"
        content = bytearray(sound.read_bytes())
        content[36:40] = b"\0\1\0\0"
        file.write_bytes(content)
        with file.open("rb+") as opened:
            os.fsync(opened.fileno())
        (mount / "said").write_text("begun\n")
        subprocess.run([sys.executable, WRITER, file, "mend"], env=ENVIRONMENT, check=True, timeout=300)
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        copy = Path(folder) / "a.sqlite"
        shutil.copy(sound, copy)
        wanted = content_of(copy)
        disks = {fingerprint(disk): disk for disk in states(trace, 1, 3) if disk.said}
        chosen = [*disks.values()][:: max(len(disks) // (120 if CI else 30), 1)]
        for disk in chosen:
            for leftover in Path(folder).iterdir():
                leftover.unlink()
            disk.lay(Path(folder))
            found = content_of(copy)
            assert (found.entries, found.due, found.lost) == (wanted.entries, wanted.due, Counter())
    record_property("power cuts while a database is made anew", len(chosen))


def test_account_in_the_log(bench: Bench, tmp_path: Path, agent: Command) -> None:
    """The service's own start says what it did, and `check` goes on saying it."""
    content = bytearray(bench.octets)
    content[36:40] = b"\0\1\0\0"
    (tmp_path / "a.sqlite").write_bytes(content)
    assert agent("status").returncode == 1
    started = agent("database", "mend")
    assert started.returncode == 0, started.stderr
    assert "rows were saved" in " ".join(started.stdout.split())
    assert "rows were saved" in " ".join(agent("check").stdout.split())
    assert json.loads(agent("status", "--json").stdout.splitlines()[0])["salvages"][0]["lost"] == {}

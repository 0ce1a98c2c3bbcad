"""Reading again by what was learnt: fewer datagrams, the same readout, and nothing that changed stays unseen."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.acquaintances import SqlKeeper
from agent.app import Unwatched
from agent.migrations.tables import manners as manners_table
from agent.printers import Endpoint
from agent.readout import Readout
from agent.settings import Settings
from agent.snmp.manners import Manners
from agent.snmp.read_plan import ask_by, learnt, plan_of
from agent.snmp.varbinds import Ask, Oid, Table, Tag, Value, oid_of
from agent.store import Store
from agent.surveying import Accesses, survey_of
from tests.fleet_process import FleetProcess, printer
from tests.test_inquiry import Device, talk

linux = pytest.mark.skipif(sys.platform != "linux", reason="addresses of their own need Linux")
START = datetime(2026, 11, 23, 10, tzinfo=UTC)
UPTIME = "1.3.6.1.2.1.1.3.0"
LEVEL_OF_A_SIXTH = "1.3.6.1.2.1.43.11.1.1.9.1.6"
NAME_OF_A_SIXTH = "1.3.6.1.2.1.43.11.1.1.6.1.6"
DESCRIPTION = "1.3.6.1.2.1.1.1.0"
ALERT = {
    "1.3.6.1.2.1.43.18.1.1.2.1.77": "2|3",
    "1.3.6.1.2.1.43.18.1.1.4.1.77": "2|8",
    "1.3.6.1.2.1.43.18.1.1.5.1.77": "2|1",
    "1.3.6.1.2.1.43.18.1.1.7.1.77": "2|807",
    "1.3.6.1.2.1.43.18.1.1.8.1.77": "4|Add paper",
}

# Tables of (1, 3, table, column), rows 1..9; (1, 3, 9) comes and goes; objects of (1, 3, 20, n, 0).
COLUMNS = [(1, 3, table, column) for table in (1, 2, 9) for column in (1, 2, 3)]
QUESTION = Ask(
    tuple((1, 3, 20, number, 0) for number in range(4)),
    tuple(Table(tuple(COLUMNS[at : at + 3]), 2) for at in (0, 3, 6)),
    changing=frozenset(COLUMNS[6:]),
)
cells = st.one_of(
    st.builds(Value, st.just(Tag.COUNTER32), st.integers(0, 2**32 - 1)),
    st.builds(Value, st.just(Tag.OCTET_STRING), st.binary(max_size=200)),
)
rows = st.sets(st.integers(1, 9), max_size=7)


@st.composite
def mibs(draw: st.DrawFn) -> dict[Oid, Value]:
    """A device with whole tables and some objects, and something behind the last of them."""
    found: dict[Oid, Value] = {(1, 3, 30, 0): Value(Tag.INTEGER, 1)}
    for table in (1, 2, 9):
        for row in draw(rows):
            found |= {(1, 3, table, column, row): draw(cells) for column in (1, 2, 3)}
    return found | {oid: draw(cells) for oid in QUESTION.objects if draw(st.booleans())}


def asked(values: Mapping[Oid, Value]) -> dict[Oid, Value]:
    """What a device with these values has to tell to the question."""
    return {oid: value for oid, value in values.items() if oid[:4] in COLUMNS or oid in QUESTION.objects}


@given(mibs(), st.sampled_from(["v1", "v2c"]), st.booleans(), st.data())
@settings(max_examples=200)
def test_a_plan_tells_what_a_walk_tells(values: dict[Oid, Value], version: str, no_bulk: bool, data: st.DataObject):
    """However values change and rows come and go in a table that had some: a plan that holds has read everything, and
    one that has not does not hold."""
    device = Device(values, version, no_bulk=no_bulk)
    first, _ = talk(device, QUESTION, version)
    plan = learnt(QUESTION, first)
    fixed = [oid for oid in asked(values) if oid[2] != 9]
    assert (plan is not None) == bool(fixed)
    if plan is None:
        return
    plan = plan_of(plan.text)

    again, _ = talk(device, ask_by(plan, QUESTION), version)
    assert plan.holds(again, QUESTION)
    assert dict(again.varbinds) == asked(values)

    changed = dict(values)
    for table in (1, 2, 9):
        had = {oid[4] for oid in fixed if oid[2] == table}
        now = data.draw(rows) if table == 9 or had else set()
        for column in (1, 2, 3):
            for row in range(1, 10):
                changed.pop((1, 3, table, column, row), None)
                if row in now:
                    changed[(1, 3, table, column, row)] = data.draw(cells)
    later, _ = talk(Device(changed, version, no_bulk=no_bulk), ask_by(plan, QUESTION), version)
    same_rows = {oid for oid in asked(values) if oid[2] != 9} == {oid for oid in asked(changed) if oid[2] != 9}
    assert plan.holds(later, QUESTION) == same_rows
    if same_rows:
        assert dict(later.varbinds) == asked(changed)


@given(mibs(), st.integers(1, 12))
@settings(max_examples=100)
def test_a_device_that_takes_no_long_requests_is_asked_no_more(values: dict[Oid, Value], limit: int):
    """tooBig to a packet of the plan ends the exchange; the plan does not hold, and nothing is told as absent."""
    plan = learnt(QUESTION, talk(Device(values), QUESTION)[0])
    if plan is None:
        return
    question = ask_by(plan, QUESTION)
    answer, _ = talk(Device(values, limit=limit), replace(question, bulk=False))
    too_long = [packet for packet in question.packets if len(packet.names) > limit]
    if too_long:
        assert "plan_refused" in answer.notes
        assert (answer.complete, plan.holds(answer, question)) == (False, False)


class Clock:
    """An hour that a test can move."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


class Reader:
    """One printer at one place, read by one agent after the other; what they learn is in a database."""

    def __init__(self, folder: Path, device: str) -> None:
        self.folder, self.device = folder, device
        self.clock = Clock()
        self.store = Store.open(folder / "agent.db", exclusive=True)
        self.port = 0

    def read(self, uptime: int, faults: Mapping[str, int] | None = None, **changes: str) -> Readout:
        """Finds and reads it: up for so many seconds, with these objects changed, by a process of its own."""
        told = {UPTIME: f"67|{uptime * 100}", **{name.removeprefix("_"): said for name, said in changes.items()}}
        member: dict[str, Any] = printer("one", "127.44.0.1", self.device, set=told, faults=dict(faults or {}))
        if self.port:
            member["port"] = self.port
        with FleetProcess(self.folder, [member]) as fleet:
            self.port = fleet.ports["one"]
            return asyncio.run(self._read(Endpoint("127.44.0.1", self.port)))

    async def _read(self, endpoint: Endpoint) -> Readout:
        snmp = {"versions": ["v2c"], "timeout_seconds": 0.2, "retries": 1}
        chosen = {"discovery": {"hosts": [str(endpoint)]}, "snmp": snmp}
        manners = Manners(SqlKeeper(self.store))
        survey = survey_of(
            Settings.model_validate(chosen),
            Accesses(("public",)),
            self.clock,
            manners=manners,  # type: ignore[arg-type]  # only `now` is used
        )
        found = await survey.find(Unwatched())
        readout = await survey.read(endpoint, found.first[endpoint])
        manners.flush()
        return readout


def told(readout: Readout) -> tuple[object, ...]:
    """Everything that a readout says of the printer, whenever and however it was asked."""
    return (
        readout.status,
        readout.identity,
        readout.counters,
        readout.supplies,
        readout.alerts,
        readout.findings,
        {oid: value for oid, value in readout.evidence.items() if oid != UPTIME},
    )


DEVICES = ["konica_bizhub_c301i", "kyocera_taskalfa_3555ci", "lexmark_cx735", "xerox_altalink_c8155", "ricoh_im_c3010"]


@linux
@pytest.mark.parametrize("device", DEVICES)
def test_a_printer_is_read_again_in_fewer_datagrams(tmp_path: Path, device: str) -> None:
    """After a restart of the agent too: the same readout, its proof included, by at most three datagrams, which with
    the one that asks who it is makes four."""
    reader = Reader(tmp_path, device)
    first = reader.read(1000)
    reader.clock.at += timedelta(hours=1)
    second = reader.read(4600)
    assert told(second) == told(first)
    assert second.datagrams <= min(3, first.datagrams)


@linux
def test_what_has_changed_is_seen_by_the_next_reading(tmp_path: Path) -> None:
    """A counter, a new row of a table, an alert: the readout is that of a printer which is read for the first time."""
    reader = Reader(tmp_path, "konica_bizhub_c301i")
    before = reader.read(1000)
    for changes in (
        {LEVEL_OF_A_SIXTH: "2|50", NAME_OF_A_SIXTH: "4|Another supply"},
        ALERT,
        {"1.3.6.1.2.1.43.10.2.1.4.1.1": "65|9999999"},
        {},
    ):
        reader.clock.at += timedelta(hours=1)
        uptime = 1000 + int((reader.clock.at - START).total_seconds())
        (tmp_path / str(uptime)).mkdir()
        newcomer = Reader(tmp_path / str(uptime), reader.device)
        later = reader.read(uptime, **changes)
        expected = newcomer.read(uptime, **changes)
        assert told(replace(later, endpoint=expected.endpoint)) == told(expected)
        assert (told(later) == told(before)) == (not changes)


@linux
@pytest.mark.parametrize(
    ("why", "after", "uptime", "changes"),
    [
        ("it restarted", timedelta(hours=2), 600, {}),
        ("another firmware answers", timedelta(hours=1), 4600, {DESCRIPTION: "4|KONICA MINOLTA bizhub C301i v2"}),
        ("the plan is a week old", timedelta(days=7), 7 * 86_400 + 1000, {}),
        ("the clock was put back", timedelta(days=-1), 4600, {}),
    ],
)
def test_a_printer_is_asked_in_full_again(
    tmp_path: Path, why: str, after: timedelta, uptime: int, changes: dict[str, str]
) -> None:
    """What a printer never told would stay unseen: so now and then, and whenever it may have changed, all is asked."""
    reader = Reader(tmp_path, "kyocera_taskalfa_3555ci")
    first = reader.read(1000)
    reader.clock.at += timedelta(minutes=5)
    assert reader.read(1300).datagrams < first.datagrams
    reader.clock.at = START + after
    assert reader.read(uptime, **changes).datagrams == first.datagrams, why


@linux
def test_a_printer_that_takes_no_plan_loses_nothing(tmp_path: Path) -> None:
    """One that is silent to long requests is read in full in the same visit, and is spared the plan for a day."""
    reader = Reader(tmp_path, "konica_bizhub_c301i")
    first = reader.read(1000, faults={"most_names": 40})
    reader.clock.at += timedelta(hours=1)
    second = reader.read(4600, faults={"most_names": 40})
    reader.clock.at += timedelta(hours=1)
    third = reader.read(8200, faults={"most_names": 40})
    assert told(second) == told(first) == told(third)
    assert third.datagrams == first.datagrams


@linux
def test_a_damaged_plan_is_no_plan(tmp_path: Path) -> None:
    """A plan in the database that is not what was written, or points nowhere, costs a full reading and nothing else."""
    reader = Reader(tmp_path, "kyocera_taskalfa_3555ci")
    first = reader.read(1000)
    for damage in ("UPDATE read_plans SET content = content || ' 1.3'", "DELETE FROM read_plans"):
        with reader.store.begin() as connection:
            connection.exec_driver_sql(damage)
            assert connection.execute(manners_table.select()).one().plan is not None
        reader.clock.at += timedelta(hours=1)
        uptime = 1000 + int((reader.clock.at - START).total_seconds())
        again = reader.read(uptime)
        assert (told(again), again.datagrams) == (told(first), first.datagrams)
        reader.clock.at += timedelta(minutes=1)
        assert reader.read(uptime + 60).datagrams < first.datagrams


def test_plans_that_say_the_same_are_one() -> None:
    """Printers of one model share their plan in memory."""
    values = {(*COLUMNS[0], 1): Value(Tag.COUNTER32, 7), oid_of("1.3.20.1.0"): Value(Tag.COUNTER32, 8)}
    plans = [learnt(QUESTION, talk(Device(values), QUESTION)[0]) for _ in range(2)]
    manners = Manners()
    assert plans[0] is not None and plans[1] is not None
    assert manners.shared(plans[0]) is manners.shared(plans[1])

"""What a person captured by hand goes into the database: once, all or nothing, and history stays whole."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.capture import SqlCapture, Taken
from agent.capturing import Clerk, Style, capture_rows
from agent.errors import SheetError
from agent.headings import is_heading
from agent.memory import SqlMemory
from agent.meters import Finding, LastReading, MeasuringPoint, MeterValue, Reading
from agent.ports import Fate, Parcel
from agent.printers import Equipment
from agent.spreadsheet import SEPARATORS, understood, written
from agent.store import Store
from agent.texts import message
from agent.upload.envelope import BY_HAND, NO_VERDICT, Accepted, Kept, Rejected
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import Source, seal_reading

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SOURCE = Source("agent-1", "1.0")
PLAIN = Style()
ONE, TWO = "000000000000000001", "000000000000000002"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as opened:
        yield opened


def put(store: Store, number: str, day: int, total: int, color: int | None = None, name: str = "PRN-1") -> str:
    """A sealed reading of 10:00 UTC on that day of November, the equipment known."""
    values = [MeterValue("1", "total", total, "PAGE", "1.3.6", "1.3.6")]
    if color is not None:
        values.append(MeterValue("2", "color", color, "PAGE", "1.3.7", "1.3.7"))
    at = datetime(2026, 11, day, 10, 0, tzinfo=UTC)
    sealed = seal_reading(Reading(number, at, tuple(values)), SOURCE, f"2026-11-{day:02d}", held=False, now=at)
    SqlOutbox(store).put_all([Parcel(sealed, origins={"total": "1.3.6", "color": "1.3.7"})])
    known = {one.equipment_number: one for one in SqlMemory(store).known_equipments()}
    points = (MeasuringPoint("1", "total"), MeasuringPoint("2", "color"))
    known[number] = Equipment(number, technical_identification_number=name, measuring_points=points)
    outcomes: list[tuple[str, Fate]] = []
    SqlMemory(store).remember_cycle(list(known.values()), outcomes, at)
    return sealed.reference


def exported(store: Store, style: Style = PLAIN, *, every: bool = False) -> list[list[str]]:
    """The rows of the sheet, read back from its bytes."""
    dues, _ = SqlCapture(store, SOURCE).due(("waiting", "parked"), every=every)
    sheet = understood(written(capture_rows(dues, style), ";"), is_heading)
    return [list(sheet.headings), *(list(row.cells) for row in sheet.rows)]


def imported(store: Store, rows: list[list[str]], separator: str = ";", **options: bool) -> Taken:
    """What an import of these rows did."""
    sheet = understood(written(rows, separator), is_heading)
    answers = Clerk.of(sheet, all_captured=options.pop("all_captured", False)).read()
    assert not answers.problems
    return SqlCapture(store, SOURCE).take(answers.sound(), "anna", NOW, **options)


def filled(rows: list[list[str]], **cells: str) -> list[list[str]]:
    """The rows with these cells, `Captured_on` for the column Captured on, in every row."""
    heads = rows[0]
    changes = {heads.index(name.replace("_", " ")): text for name, text in cells.items()}
    return [heads, *([changes.get(at, cell) for at, cell in enumerate(row)] for row in rows[1:])]


def told(taken: Taken) -> list[str]:
    return [str(problem) for problem in taken.problems]


@pytest.mark.parametrize("layout", ["equipment", "counter"])
def test_what_is_marked_is_settled_and_never_due(store, layout):
    """A receipt "captured by hand" with who and when; the courier has nothing to send; importing again does nothing."""
    reference = put(store, ONE, 23, 1000, 200)
    other = put(store, TWO, 23, 5)
    rows = exported(store, Style(layout))
    marked = [
        rows[0],
        *(filled([rows[0], row], Captured_on="24.11.2026")[1] if row[1] == "1" else row for row in rows[1:]),
    ]
    taken = imported(store, marked)
    assert (taken.captured, taken.unmarked, taken.differences) == (1, 1, [])
    entry = SqlMemory(store).entry(reference)
    assert entry is not None
    assert (entry.state, entry.receipts) == ("accepted", (BY_HAND,))
    assert [one.envelope.reference for one in SqlOutbox(store).due(NOW, 10)] == [other]
    note = SqlMemory(store).history(reference)[-1].note
    assert str(note) == "anna captured it by hand in the portal (2026-11-24)."
    again = imported(store, marked)
    assert (again.captured, again.known) == (0, 1)
    assert len(SqlMemory(store).history(reference)) == 2
    assert [row[1] for row in exported(store)[1:]] == ["2"]


def test_another_value_is_on_record_and_counts_from_now_on(store):
    """Ours stays as it was read; the person's is the last reported one, with the name, of the same counter."""
    reference = put(store, ONE, 23, 1000, 200)
    rows = filled(exported(store), Total="1010", Captured_on="2026-11-24", Captured_by="Müller", Receipt="5000000123")
    (difference,) = imported(store, rows).differences
    assert (difference.meter_code, difference.ours, difference.captured) == ("total", 1000, 1010)
    last = SqlMemory(store).last_reported([ONE])[ONE]
    assert (last["total"].value, last["total"].captured_by, last["total"].origin) == (1010, "Müller", "1.3.6")
    assert (last["color"].value, last["color"].captured_by, last["color"].origin) == (200, None, "1.3.7")
    entry = SqlMemory(store).entry(reference)
    assert entry is not None
    assert entry.envelope.content["readings"][0]["value"] == 1000
    assert entry.receipts == (BY_HAND, "5000000123")
    assert "total 1000 → 1010" in str(SqlMemory(store).history(reference)[-1].note)
    assert imported(store, rows).known == 1
    assert "captured before, with 1010" in told(imported(store, filled(rows, Total="1020")))[0]
    assert SqlOutbox(store).due(NOW, 10) == []


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A computer in a zone that is an hour ahead of UTC in November."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="needs tzset")
@pytest.mark.usefixtures("berlin")
def test_what_is_captured_on_a_day_holds_from_the_end_of_that_day(store):
    """The day ends where the person is; on record stands the same moment, an hour earlier by UTC."""
    put(store, ONE, 22, 1000)
    imported(store, filled(exported(store), Total="1010", Captured_on="23.11.2026"))
    assert SqlMemory(store).last_reported([ONE])[ONE]["total"].read_at == datetime(2026, 11, 23, 22, 59, 59, tzinfo=UTC)


def test_only_the_newest_is_exported_and_older_ones_are_overtaken(store):
    """A person captures once what was read every day; what is older stays on record and is never sent."""
    old, new = put(store, ONE, 20, 900), put(store, ONE, 23, 1000)
    assert [row[0].replace("-", "") for row in exported(store, every=True)[1:]] == [old, new]
    rows = exported(store)
    assert [row[0].replace("-", "") for row in rows[1:]] == [new]
    assert imported(store, filled(rows, Captured_on="x")).overtaken == 1
    memory = SqlMemory(store)
    entry = memory.entry(old)
    assert entry is not None
    assert entry.state == "discarded"
    assert new in str(memory.history(old)[-1].note)
    assert exported(store) == [exported(store)[0]]


def test_what_was_read_after_the_capture_is_due_next(store):
    """Captured on the 23rd, read again on the 24th: the later one stays."""
    put(store, ONE, 23, 1000)
    rows = filled(exported(store), Captured_on="23.11.2026", Total="1005")
    later = put(store, ONE, 24, 1050)
    assert imported(store, rows).overtaken == 0
    assert [row[0].replace("-", "") for row in exported(store)[1:]] == [later]
    last = SqlMemory(store).last_reported([ONE], ("accepted",))[ONE]["total"]
    assert (last.value, last.read_at.date()) == (1005, date(2026, 11, 23))


def test_one_bad_row_and_nothing_is_taken(store):
    """All or none; with sound rows only, the bad ones are left out and told."""
    put(store, ONE, 23, 1000)
    put(store, TWO, 23, 50)
    rows = filled(exported(store), Captured_on="24.11.2026")
    rows[2][rows[0].index("Total")] = "fifty"
    taken = imported(store, rows)
    assert told(taken) == [
        'row 3, column Total: "fifty" is no whole number. Write it in digits alone, without dots, commas or decimals.'
    ]
    assert taken.captured == 0
    assert len(SqlOutbox(store).due(NOW, 10)) == 2
    assert imported(store, rows, sound_only=True).captured == 1
    assert len(SqlOutbox(store).due(NOW, 10)) == 1


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ({"Reference": "0" * 32}, "row 2: There is no reading with the reference"),
        ({"Equipment_number": "4711"}, "row 2: There is no equipment 4711."),
        ({"Equipment_number": "2"}, "row 2: The reading is of equipment 1, the row says 2."),
        ({"Captured_on": "2026-11-25"}, "row 2: The day 2026-11-25 is in the future."),
        ({"Captured_on": "2026-11-22"}, "row 2: It cannot have been captured on 2026-11-22"),
        ({"Total": ""}, 'row 2, column Total: "" is no whole number.'),
        ({"Total": "899"}, "row 2, column Total: 899 is below the last reported 900."),
        ({"Captured_on": "", "Total": "1001"}, "row 2, column Total: The value was changed, but the row is not marked"),
    ],
)
def test_a_row_that_cannot_be_right_is_a_sentence(store, cells, says):
    """Unknown reference or equipment, rows sorted apart, impossible days, values that are missing or below the last."""
    put(store, TWO, 23, 50)
    first = put(store, ONE, 20, 900)
    SqlOutbox(store).settle(first, Accepted(("5",)), NOW)
    put(store, ONE, 23, 1000)
    rows = exported(store)[:2]
    assert rows[1][1] == "1"
    problem = told(imported(store, filled(rows, **{"Captured_on": "24.11.2026", **cells})))
    assert len(problem) == 1
    assert problem[0].startswith(says)


def test_what_the_portal_booked_itself_is_told(store):
    """A reading that went through the API meanwhile and was captured by hand as well: a person has to know."""
    reference = put(store, ONE, 23, 1000)
    rows = filled(exported(store), Captured_on="x")
    SqlOutbox(store).settle(reference, Accepted(("5000000001",)), NOW)
    assert "booked this reading through its API: 5000000001" in told(imported(store, rows))[0]


@pytest.mark.parametrize("outcome", [Kept("scope-not-unlocked", "no right", "readings:write"), Rejected("x", "no")])
def test_parked_and_rejected_readings_can_be_captured(store, outcome):
    """Without a right, or refused: captured by hand they are done, also after a day and after the right is there."""
    reference = put(store, ONE, 23, 1000)
    rows = filled(exported(store), Captured_on="x")
    SqlOutbox(store).settle(reference, outcome, NOW)
    assert imported(store, rows).captured == 1
    assert SqlOutbox(store).due(NOW + timedelta(days=30), 10) == []


def test_an_estimate_may_be_undercut_and_the_list_counts_as_reported(store):
    """The equipment list's last reading is what values are compared with."""
    put(store, ONE, 23, 1000)
    (known,) = SqlMemory(store).known_equipments()
    for estimated, problems in ((False, 1), (True, 0)):
        last = LastReading(995, datetime(2026, 11, 1, tzinfo=UTC), estimated=estimated)
        points = (replace(known.measuring_points[0], last_reading=last),)
        SqlMemory(store).remember_cycle([replace(known, measuring_points=points)], [], NOW)
        taken = imported(store, filled(exported(store), Captured_on="x", Total="990"))
        assert len(taken.problems) == problems


def test_half_of_a_reading_is_no_reading(store):
    """One row per counter: its rows are marked alike."""
    put(store, ONE, 23, 1000, 200)
    rows = exported(store, Style("counter"))
    rows[1][rows[0].index("Captured on")] = "x"
    sheet = understood(written(rows, ";"), is_heading)
    answers = Clerk.of(sheet, all_captured=False).read()
    assert [str(problem.key) for problem in answers.problems] == ["row 3, column Reference"]
    assert answers.sound() == []


def own_rows(*rows: str, head: str = "Equipment;Gelesen am;Gesamt;Farbe;Erfasst am") -> list[list[str]]:
    """A sheet that a person wrote, without references."""
    return [line.split(";") for line in (head, *rows)]


def test_a_row_without_reference_is_known_by_equipment_day_and_values(store):
    """Typed from the printed list: the one reading that has all of it is settled, with its own reference, once."""
    put(store, ONE, 22, 1000, 200)
    reference = put(store, ONE, 23, 1000, 201)
    rows = own_rows("1;23.11.2026;1000;201;24.11.2026")
    assert imported(store, rows).captured == 1
    entry = SqlMemory(store).entry(reference)
    assert entry is not None
    assert (entry.state, entry.receipts) == ("accepted", (BY_HAND,))
    again = imported(store, rows)
    assert (again.captured, again.known, again.problems) == (0, 1, [])


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("1;23.11.2026;1001;200;x", "no reading of equipment 1 fits"),  # another value: a reference says of which one
        ("1;22.11.2026;1000;200;x", "no reading of equipment 1 fits"),
        ("1;23.11.2026;1000;;x", "no reading of equipment 1 fits"),
        ("1;23.11.2026;;;x", "no reading of equipment 1 fits"),
        ("2;23.11.2026;1000;200;x", "no reading of equipment 2 fits"),
        ("3;23.11.2026;7;;x", "several readings fit it"),  # read twice on that day
    ],
)
def test_a_row_without_reference_is_never_guessed(store, row, why):
    """Another value, day or equipment, a value missing, two that fit: nothing is taken, and the row is named."""
    put(store, ONE, 23, 1000, 200)
    for slot in ("a", "b"):
        at = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
        twice = Reading("000000000000000003", at, (MeterValue("1", "total", 7, "PAGE", "1.3.6", "1.3.6"),))
        SqlOutbox(store).put_all([Parcel(seal_reading(twice, SOURCE, slot, held=False, now=at))])
    taken = imported(store, own_rows(row))
    assert taken.captured == 0
    assert [str(problem.key) for problem in taken.problems] == ["row 2"]
    assert why in told(taken)[0]
    assert len(SqlOutbox(store).due(NOW, 10)) == 3


def test_without_reference_equipment_or_day_nobody_knows_what_is_meant(store):
    """The sheet's own headings are asked for, and of a row what is missing in it."""
    put(store, ONE, 23, 1000)
    with pytest.raises(SheetError, match="Reference / Referenz"):
        sheet = understood(written(own_rows("1;1000;x", head="Equipment;Gesamt;Erfasst am"), ";"), is_heading)
        Clerk.of(sheet, all_captured=False)
    for row in ("1;;1000;;x", ";23.11.2026;1000;;x", "1;11/23/2026;1000;;x"):
        sheet = understood(written(own_rows(row), ";"), is_heading)
        answers = Clerk.of(sheet, all_captured=False).read()
        assert (answers.problems != [], answers.sound()) == (True, []), row


def test_a_day_beside_a_reference_may_be_written_as_excel_likes(store):
    """The reference says which reading it is; what a spreadsheet made of the other cells does not matter."""
    put(store, ONE, 23, 1000)
    assert imported(store, filled(exported(store), Read_on="11/23/2026", Captured_on="x")).captured == 1


@pytest.mark.parametrize("layout", ["equipment", "counter"])
def test_what_was_sent_and_not_answered_is_marked(store, layout):
    """The portal may have booked it: the person looks there first. Without any such reading there is no such column."""
    put(store, ONE, 23, 1000)
    sent, throttled = put(store, TWO, 23, 50), put(store, "000000000000000003", 23, 70)
    style = Style(layout, look_first="look")
    assert "Look first" not in exported(store, style)[0]
    outbox = SqlOutbox(store)
    outbox.postpone([sent], NOW, Finding(NO_VERDICT, message("The connection broke.")))
    outbox.postpone([throttled], NOW, Finding(NO_VERDICT, message("The gateway answers.")), counts=False)
    killed = put(store, "000000000000000004", 23, 90)
    outbox.depart([killed], "agent-1", NOW)
    rows = exported(store, style)
    column = rows[0].index("Look first")
    assert {row[1]: row[column] for row in rows[1:]} == {"1": "", "2": "look", "3": "look", "4": "look"}
    assert imported(store, filled(rows, Captured_on="x")).captured == 4


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Co", "Cn", "Zl", "Zp"]), min_size=1, max_size=20)


@settings(max_examples=25)
@given(
    name=NAMES,
    total=st.integers(0, 2**53 - 1),
    german=st.booleans(),
    layout=st.sampled_from(["equipment", "counter"]),
    separator=st.sampled_from(SEPARATORS),
)
def test_every_sheet_comes_back(tmp_path_factory, name, total, german, layout, separator):
    """Any name, number, language, layout and separator: exported, marked, imported, settled with our value."""
    with Store.open(tmp_path_factory.mktemp("store") / "a.sqlite", exclusive=True) as store:
        reference = put(store, ONE, 23, total, name=name)
        rows = exported(store, Style(layout, german))
        mark = "Erfasst am" if german else "Captured on"
        taken = imported(store, filled(rows, **{mark: "ja"}), separator)
        assert (taken.captured, taken.differences) == (1, [])
        assert SqlMemory(store).last_reported([ONE])[ONE]["total"].value == total
        entry = SqlMemory(store).entry(reference)
        assert entry is not None
        assert entry.state == "accepted"

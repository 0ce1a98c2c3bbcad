"""Capturing by hand, without the database: the sheet of what is due, and what a filled-in sheet says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from agent.cells import end_of, is_mark, moment_of
from agent.display import printable
from agent.errors import Problem
from agent.headings import heading_of, located, meter_code_of, position_of
from agent.meters import METER_OF_CODE, LastReading
from agent.printers import Equipment
from agent.sheet_reader import SheetReader
from agent.spreadsheet import Cell, Row, Safe, Sheet
from agent.texts import Message, message
from agent.upload.envelope import NO_VERDICT, Entry

Layout = Literal["equipment", "counter"]
DEVICE = (
    "equipment_number",
    "technical_identification_number",
    "manufacturer_serial_number",
    "manufacturer",
    "model",
)
MARKING = ("captured_on", "captured_by", "receipt")  # last, so that a file that was cut off lacks them, not digits


@dataclass(frozen=True, slots=True)
class DueReading:
    """A reading that waits, with what is known of its equipment and what was reported of it last.

    `departed`: it was sent, and what became of that is not known (`agent.upload.departures`).
    """

    entry: Entry
    equipment: Equipment
    last: Mapping[str, LastReading]
    departed: bool = False

    @property
    def is_doubtful(self) -> bool:
        """Whether it was sent and has no verdict: the portal may have booked it, and its answer was lost.

        One that was parked afterwards, because a right is missing, was not looked at.
        """
        asked = self.entry.attempts > 0 or any(reason.code == NO_VERDICT for reason in self.entry.reasons)
        return self.departed or (self.entry.state == "waiting" and asked)


@dataclass(frozen=True, slots=True)
class Style:
    """How the sheet is written: one row per equipment or per counter, in which language, dates how.

    `look_first` is what stands beside a reading that may be booked already.
    """

    layout: Layout = "equipment"
    german: bool = False
    iso_dates: bool = True
    look_first: str = ""


@dataclass(frozen=True, slots=True)
class Captured:
    """What the person says of one reading: `cells` by meter code, `on` the day or the moment, `marked` that it is done.

    A cell counts only where the reading has that counter: people add columns of their own. `reference` is empty in a
    row that a person wrote; `read_at` is what such a row is known by, with its equipment and its values.
    """

    row: Row
    reference: str
    equipment_number: str
    cells: Mapping[str, tuple[str, Message]]
    marked: bool
    on: date | datetime | None = None
    by: str | None = None
    receipts: tuple[str, ...] = ()
    read_at: date | datetime | None = None


@dataclass(slots=True)
class Answers:
    """A filled-in sheet: what it says reading by reading, and what in it cannot be understood.

    A reading is known by its reference, or by the equipment and the day that stand in a row without one.
    """

    captured: dict[str, Captured] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    spoilt: set[str] = field(default_factory=set)  # readings with a problem

    def sound(self) -> list[Captured]:
        """What is said of the readings in whose rows everything can be understood."""
        return [answer for reference, answer in self.captured.items() if reference not in self.spoilt]


def capture_rows(dues: Sequence[DueReading], style: Style) -> list[list[Cell]]:
    """The sheet to be captured by hand, with its headings; one more column where any reading may be booked already."""
    doubtful = any(due.is_doubtful for due in dues)
    marking = ("look_first", *MARKING) if doubtful else MARKING
    write = _per_counter if style.layout == "counter" else _per_equipment
    return write(dues, style, marking)


def _marks(due: DueReading, style: Style, marking: Sequence[str]) -> list[Cell]:
    """The cells that a person fills in, and the word that warns of what may be booked already."""
    return [style.look_first if column == "look_first" and due.is_doubtful else "" for column in marking]


def reference_shown(reference: str) -> str:
    """With the hyphens of a UUID: 32 digits alone may look like a number, which a spreadsheet would round."""
    parts = (reference[:8], reference[8:12], reference[12:16], reference[16:20], reference[20:])
    return "-".join(part for part in parts if part)


def reference_of(text: str) -> str:
    """A reference as it is stored, however it was written."""
    return text.strip().strip("{}").replace("-", "").lower()


def _per_equipment(dues: Sequence[DueReading], style: Style, marking: Sequence[str]) -> list[list[Cell]]:
    told = {code for due in dues for code in _values(due.entry)}
    codes = [code for code in METER_OF_CODE if code in told]
    codes += sorted(told - set(codes))
    columns = ("reference", *DEVICE, "read_at", *codes, *marking)
    rows: list[list[Cell]] = [[heading_of(column, german=style.german) for column in columns]]
    for due in dues:
        values = _values(due.entry)
        rows.append([*_device(due, style), *(values.get(code, "") for code in codes), *_marks(due, style, marking)])
    return rows


def _per_counter(dues: Sequence[DueReading], style: Style, marking: Sequence[str]) -> list[list[Cell]]:
    columns = ("reference", *DEVICE, "read_at", "measuring_point", "counter", "last_value", "value", *marking)
    rows: list[list[Cell]] = [[heading_of(column, german=style.german) for column in columns]]
    for due in dues:
        for told in _told(due.entry):
            last = due.last.get(told["meter_code"])
            counter = heading_of(told["meter_code"], german=style.german)
            counts: list[Cell] = [last.value if last else "", told["value"]]
            point = printable(told.get("measuring_point", ""))
            rows.append([*_device(due, style), point, printable(counter), *counts, *_marks(due, style, marking)])
    return rows


def _device(due: DueReading, style: Style) -> list[Cell]:
    equipment = due.equipment
    read_at = datetime.fromisoformat(due.entry.envelope.content["read_at"]).astimezone()
    texts = (
        reference_shown(due.entry.envelope.reference),
        equipment.equipment_number.lstrip("0") or equipment.equipment_number,
        equipment.technical_identification_number or "",
        equipment.manufacturer_serial_number or "",
        equipment.manufacturer or "",
        equipment.model or "",
    )
    day = Safe(read_at.strftime("%Y-%m-%d %H:%M" if style.iso_dates else "%d.%m.%Y %H:%M"))
    return [*(printable(text) for text in texts), day]


def _told(entry: Entry) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = entry.envelope.content["readings"]
    return told


def _values(entry: Entry) -> dict[str, int]:
    return {printable(told["meter_code"]): told["value"] for told in _told(entry)}


def columns_of(sheet: Sheet) -> dict[str, int]:
    """Where the columns are. A sheet of a person's own may have equipment and day instead of the reference.

    Raises `SheetError` for one that is missing.
    """
    found = located(sheet, ("captured_on",))
    own = {"equipment_number", "read_at"} <= found.keys()
    return found if own else located(sheet, ("reference",))


@dataclass(slots=True)
class Clerk:
    """Reads a filled-in sheet row by row. With `all_captured` every row counts as captured."""

    reader: SheetReader
    all_captured: bool

    @staticmethod
    def of(sheet: Sheet, *, all_captured: bool) -> Clerk:
        """Somebody who reads this sheet. Raises `SheetError` where a column is missing."""
        return Clerk(SheetReader(sheet, columns_of(sheet)), all_captured)

    def read(self) -> Answers:
        """Everything that the sheet says; rows of one reading (one per counter) become one answer."""
        captured: dict[str, Captured] = {}
        rows = self.reader.sheet.rows
        for row in rows:
            answer = self._answer(row)
            if answer is None:
                continue
            key = self._key(row)
            known = captured.get(key)
            captured[key] = answer if known is None else self._joined(known, answer)
        spoilt = {self._key(row) for row in rows if row.number in self.reader.spoilt}
        return Answers(captured, self.reader.problems, spoilt)

    def _answer(self, row: Row) -> Captured | None:
        reference = reference_of(self.reader.text(row, "reference"))
        # Beside a reference a spreadsheet may write the day as it likes.
        read_at = None if reference else self.reader.read(row, "read_at", moment_of)
        if not reference and (read_at is None or not self.reader.text(row, "equipment_number")):
            what = message("The reference is missing, and so is the equipment or the day it was read on.")
            remedy = message("Enter one or the other, or export the readings anew and use that file.")
            self.reader.refuse(row, "reference", what, remedy)
            return None
        marked, on = self._mark(row)
        receipt = self.reader.text(row, "receipt")
        return Captured(
            row,
            reference,
            self.reader.text(row, "equipment_number"),
            self._cells(row),
            marked or self.all_captured,
            on,
            printable(self.reader.text(row, "captured_by")) or None,
            (printable(receipt),) if receipt else (),
            read_at,
        )

    def _key(self, row: Row) -> str:
        """Which reading a row is about; without a reference, by what is written in the cells."""
        known_by = (self.reader.cell(row, "equipment_number").lstrip("0"), self.reader.cell(row, "read_at"))
        return reference_of(self.reader.cell(row, "reference")) or " ".join(known_by)

    def _mark(self, row: Row) -> tuple[bool, date | datetime | None]:
        text = self.reader.text(row, "captured_on")
        if not text or is_mark(text):
            return bool(text), None
        return True, self.reader.read(row, "captured_on", moment_of)

    def _cells(self, row: Row) -> dict[str, tuple[str, Message]]:
        """The values of a row as they are written: that of its counter, or those in every column that is not ours."""
        places, headings = self.reader.places, self.reader.sheet.headings
        if "value" in places and "counter" in places:
            named = {places["value"]: self.reader.text(row, "counter")}
        else:
            ours = set(places.values())
            named = {place: heading for place, heading in enumerate(headings) if place not in ours}
        return {
            meter_code_of(name): (row.cells[place].strip(), position_of(row, headings[place]))
            for place, name in named.items()
        }

    def _joined(self, known: Captured, more: Captured) -> Captured:
        """Two rows of one reading: its counters are captured together or not at all, and each once."""
        if known.marked != more.marked or set(known.cells) & set(more.cells):
            what = message("Row {other} is of the same reading and says something else.", other=known.row.number)
            remedy = message("A reading is captured with all its counters or not at all: mark all its rows alike.")
            self.reader.refuse(more.row, "reference", what, remedy)
        latest = max((on for on in (known.on, more.on) if on is not None), key=end_of, default=None)
        return Captured(
            known.row,
            known.reference,
            known.equipment_number,
            {**known.cells, **more.cells},
            known.marked,
            latest,
            known.by or more.by,
            tuple(dict.fromkeys((*known.receipts, *more.receipts))),
            known.read_at,
        )

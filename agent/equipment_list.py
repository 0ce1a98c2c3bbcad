"""The equipment list as a CSV file, in place of a portal's answer: one row per equipment, or per counter of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from agent.cells import Unreadable, count_of, is_mark, moment_of, start_of
from agent.errors import SheetError
from agent.headings import heading_of, is_heading, is_meter, located, meter_code_of, position_of
from agent.meters import LastReading, MeasuringPoint
from agent.printers import Equipment, Printer
from agent.serials import same_serial
from agent.sheet_reader import SheetReader
from agent.spreadsheet import Cell, Row, Safe, understood
from agent.texts import Message, message

MOST_SHOWN = 20
EQUNR = 18  # characters of an equipment number
TOTAL = "total"  # the counter of an equipment for which none is named
OUT = (
    "equipment_number",
    "technical_identification_number",
    "manufacturer_serial_number",
    "manufacturer",
    "model",
    "description",
    "counter",
    "measuring_point",
    "last_value",
    "last_read_at",
    "annual_estimate",
)


def equipments_of(octets: bytes) -> tuple[Equipment, ...]:
    """The equipment in this file, rows of one number together. Raises `SheetError` with everything that is wrong."""
    sheet = understood(octets, is_heading)
    reader = SheetReader(sheet, located(sheet, ("equipment_number",)))
    found: dict[str, Equipment] = {}
    for row in sheet.rows:
        number = stored_number(reader.text(row, "equipment_number"))
        if not number:
            remedy = message("Enter the number that the portal shows, or delete the row.")
            reader.refuse(row, "equipment_number", _NO_NUMBER, remedy)
            continue
        read = _equipment(reader, row, number)
        known = found.get(number)
        found[number] = read if known is None else _joined(reader, row, known, read)
    if reader.problems:
        raise SheetError(_problem_count(len(reader.problems)), None, reader.problems[:MOST_SHOWN])
    if not found:
        raise SheetError(
            message("The equipment list is empty."), message("Enter one row for each printer of your contract.")
        )
    return tuple(found.values())


def stored_number(text: str) -> str:
    """The number as SAP and the portal's API write it (conversion ALPHA of EQUNR): digits filled up to 18, else as is.

    A later change to the API finds the same equipment.
    """
    number = text.strip()
    return number.zfill(EQUNR) if number.isascii() and number.isdigit() else number


_NO_NUMBER = message("The equipment number is missing.")


def _problem_count(count: int) -> Message:
    return message("The equipment list has {count} mistakes.", count=count)


def _equipment(reader: SheetReader, row: Row, number: str) -> Equipment:
    return Equipment(
        equipment_number=number,
        description=reader.text(row, "description"),
        manufacturer=reader.text(row, "manufacturer") or None,
        model=reader.text(row, "model") or None,
        manufacturer_serial_number=reader.text(row, "manufacturer_serial_number") or None,
        technical_identification_number=reader.text(row, "technical_identification_number") or None,
        measuring_points=tuple(_points(reader, row)),
    )


def _points(reader: SheetReader, row: Row) -> Iterable[MeasuringPoint]:
    """The counters of a row: those in the column for counters, those with a column of their own, else the total."""
    point = reader.text(row, "measuring_point")
    estimate = reader.read(row, "annual_estimate", count_of)
    named = [meter_code_of(name) for name in _listed(reader.text(row, "counter"))]
    last = _last(reader, row, "last_value", reader.read(row, "last_value", count_of))
    if len(named) > 1 and last:
        what = message("One last reading cannot be that of several counters.")
        reader.refuse(row, "last_value", what, message("Give each counter a row of its own."))
    own = dict(_own_columns(reader, row))
    if not named and not own:
        named = [TOTAL]
    for code in dict.fromkeys(named):
        yield MeasuringPoint(point, code, mandatory=code == TOTAL, annual_estimate=estimate, last_reading=last)
    for code, reading in own.items():
        if code not in named:
            yield MeasuringPoint("", code, mandatory=code == TOTAL, annual_estimate=None, last_reading=reading)


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.replace(";", ",").replace("+", ",").split(",") if name.strip()]


def _own_columns(reader: SheetReader, row: Row) -> Iterable[tuple[str, LastReading | None]]:
    """Columns named like a counter: a number is its last reading, an x says that the equipment has it."""
    for place, heading in enumerate(reader.sheet.headings):
        text = row.cells[place].strip()
        if place in reader.places.values() or not is_meter(heading) or not text:
            continue
        try:
            value = None if is_mark(text) else count_of(text)
        except Unreadable as error:
            reader.refuse_at(row, position_of(row, heading), error.what, error.remedy)
            continue
        yield meter_code_of(heading), _last(reader, row, heading, value)


def _last(reader: SheetReader, row: Row, column: str, value: int | None) -> LastReading | None:
    """The last reading; without its day it cannot be compared with ours."""
    when = reader.read(row, "last_read_at", moment_of)
    if value is None:
        return None
    if when is None:
        what = message("A last reading needs the day it was read on.")
        remedy = message(
            "Add the column {column}.", column=heading_of("last_read_at", german=False) + " / Zuletzt gelesen am"
        )
        if not reader.text(row, "last_read_at"):
            reader.refuse(row, column, what, remedy)
        return None
    return LastReading(value, start_of(when))


def _joined(reader: SheetReader, row: Row, known: Equipment, more: Equipment) -> Equipment:
    """Two rows of one equipment: what both say of it must be the same, and each counter is there once."""
    for column in ("technical_identification_number", "manufacturer_serial_number", "manufacturer", "model"):
        one, other = getattr(known, column), getattr(more, column)
        if one and other and one != other and not (column == "manufacturer_serial_number" and same_serial(one, other)):
            what = message("An earlier row of this equipment says {other}.", other=one)
            reader.refuse(row, column, what, message("Make both the same, or leave one empty."))
    codes = {point.meter_code for point in known.measuring_points}
    for point in more.measuring_points:
        if point.meter_code in codes:
            what = message("This equipment has the counter {code} in an earlier row.", code=point.meter_code)
            column = "counter" if "counter" in reader.places else "equipment_number"
            reader.refuse(row, column, what, message("Name each counter of an equipment once."))
    return replace(
        known,
        description=known.description or more.description,
        manufacturer=known.manufacturer or more.manufacturer,
        model=known.model or more.model,
        manufacturer_serial_number=known.manufacturer_serial_number or more.manufacturer_serial_number,
        technical_identification_number=known.technical_identification_number or more.technical_identification_number,
        measuring_points=(*known.measuring_points, *more.measuring_points),
    )


def unlisted(printer: Printer) -> Equipment:
    """A printer that no equipment is, as a row of the list: a person knows the number that is missing."""
    identity = printer.identity
    return Equipment(
        "",
        description=identity.printer_name or "",
        manufacturer=identity.manufacturer,
        model=identity.model,
        manufacturer_serial_number=identity.serial_number_raw,
        technical_identification_number=printer.name or str(printer.endpoint),
    )


def list_rows(equipments: Sequence[Equipment], *, german: bool) -> list[list[Cell]]:
    """The rows of such a file with its headings: one per counter."""
    rows: list[list[Cell]] = [[heading_of(column, german=german) for column in OUT]]
    for equipment in equipments:
        who = [
            equipment.equipment_number.lstrip("0") or equipment.equipment_number,
            equipment.technical_identification_number or "",
            equipment.manufacturer_serial_number or "",
            equipment.manufacturer or "",
            equipment.model or "",
            equipment.description,
        ]
        for point in equipment.measuring_points or (MeasuringPoint("", TOTAL),):
            last = point.last_reading
            when = Safe(last.read_at.astimezone().strftime("%Y-%m-%d %H:%M") if last else "")
            told: list[Cell] = [last.value if last else "", when]
            name = heading_of(point.meter_code, german=german)
            rows.append([*who, name, point.measuring_point, *told, point.annual_estimate or ""])
    return rows

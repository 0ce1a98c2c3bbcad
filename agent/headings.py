"""The headings of our CSV files, in English and German, and the other spellings that are understood."""

from __future__ import annotations

from agent.errors import Problem, SheetError
from agent.meters import METER_OF_CODE
from agent.spreadsheet import Row, Sheet
from agent.texts import Message, message

# Column -> the heading in English, in German, then whatever else people and other systems write.
COLUMNS: dict[str, tuple[str, ...]] = {
    "reference": ("Reference", "Referenz"),
    "equipment_number": ("Equipment number", "Equipmentnummer", "Equipment", "Gerätenummer", "EQUNR"),
    "technical_identification_number": (
        "Technical ID number",
        "Technische Identnummer",
        "Technical identification number",
        "Technische Identifikationsnummer",
        "Referenznummer",
        "TIDNR",
    ),
    "manufacturer_serial_number": (
        "Serial number",
        "Seriennummer",
        "Manufacturer serial number",
        "Herstellerserialnummer",
        "Herstellerseriennummer",
    ),
    "manufacturer": ("Manufacturer", "Hersteller", "Maker"),
    "model": ("Model", "Modell"),
    "description": ("Description", "Bezeichnung"),
    "counter": ("Counter", "Zähler", "Counters", "Zählerart", "Merkmal", "meter_code"),
    "measuring_point": ("Measuring point", "Messpunkt"),
    "last_value": ("Last reading", "Letzter Stand", "Letzter Zählerstand"),
    "last_read_at": ("Last read on", "Zuletzt gelesen am", "Letzte Ablesung"),
    "annual_estimate": ("Pages per year", "Seiten im Jahr", "Jahresleistung"),
    "read_at": ("Read on", "Gelesen am"),
    "value": ("Reading", "Zählerstand", "Value", "Wert"),
    "look_first": ("Look first", "Vorher nachsehen"),
    "captured_on": ("Captured on", "Erfasst am"),
    "captured_by": ("Captured by", "Erfasst von"),
    "receipt": ("Receipt", "Belegnummer"),
}
# Meter codes of the portal (`agent.meters.METER_OF_CODE`) as people call them.
METERS: dict[str, tuple[str, ...]] = {
    "total": ("Total", "Gesamt"),
    "black": ("Black", "Schwarz", "Schwarzweiß", "Monochrome"),
    "color": ("Color", "Farbe", "Colour"),
    "single_color": ("Single color", "Einzelfarbe"),
    "two_color": ("Two colors", "Zwei Farben"),
    "large_total": ("Large total", "Großformat gesamt"),
    "large_black": ("Large black", "Großformat Schwarz"),
    "large_color": ("Large color", "Großformat Farbe"),
    "copy_total": ("Copies total", "Kopien gesamt"),
    "copy_black": ("Copies black", "Kopien Schwarz"),
    "copy_color": ("Copies color", "Kopien Farbe"),
    "print_total": ("Prints total", "Drucke gesamt"),
    "print_black": ("Prints black", "Drucke Schwarz"),
    "print_color": ("Prints color", "Drucke Farbe"),
    "duplex": ("Duplex", "Beidseitig"),
    "scan": ("Scans",),
    "fax": ("Fax",),
}


def _plain(heading: str) -> str:
    return " ".join(heading.replace("_", " ").casefold().split())


def _index(names: dict[str, tuple[str, ...]]) -> dict[str, str]:
    return {_plain(spelling): key for key, spellings in names.items() for spelling in (key, *spellings)}


_COLUMN_OF = _index(COLUMNS)
_METER_OF = _index(METERS)


def heading_of(column: str, *, german: bool) -> str:
    """The heading of a column, or the name of a meter code; an unknown code is its own."""
    names = COLUMNS.get(column) or METERS.get(column) or (column,)
    return names[1] if german and len(names) > 1 else names[0]


def column_of(heading: str) -> str | None:
    """Which column a heading means; `None` for others, among them those of counters."""
    return _COLUMN_OF.get(_plain(heading))


def meter_code_of(text: str) -> str:
    """The meter code that a person means; a name that is not known is taken for the portal's own code."""
    return _METER_OF.get(_plain(text), text.strip())


def is_heading(text: str) -> bool:
    """Whether this can stand in the first row of one of our files."""
    return _plain(text) in _COLUMN_OF or _plain(text) in _METER_OF


def is_meter(text: str) -> bool:
    """Whether this is the name or code of a counter that we know."""
    return _plain(text) in _METER_OF or text.strip() in METER_OF_CODE


def position_of(row: Row, heading: str) -> Message:
    """Row and column as the person sees them in a spreadsheet."""
    return message("row {row}, column {column}", row=row.number, column=heading)


def row_of(row: Row) -> Message:
    """The row alone, where a mistake has no column."""
    return message("row {row}", row=row.number)


def located(sheet: Sheet, required: tuple[str, ...]) -> dict[str, int]:
    """Where the columns are that we know. Raises `SheetError` when one is missing or there twice."""
    found: dict[str, int] = {}
    for place, heading in enumerate(sheet.headings):
        column = column_of(heading)
        if column is None:
            continue
        if column in found:
            where = message("row {row}, column {column}", row=1, column=heading)
            what = message("The column is there twice; which one counts cannot be told.")
            raise SheetError(
                message("The file cannot be used."), None, [Problem(where, what, message("Delete one of the two."))]
            )
        found[column] = place
    for column in required:
        if column not in found:
            raise SheetError(
                message("The column {column} is missing.", column=" / ".join(COLUMNS[column][:2])),
                message("Keep the first row with the headings as it was, and separate columns by semicolons."),
            )
    return found

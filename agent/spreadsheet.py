"""CSV as spreadsheet programs write and read it: separators, encodings, and cells that no program takes for a formula.

A text cell that a spreadsheet would run or reshape gets an apostrophe in front, which reading takes away again;
numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from agent.errors import Problem, SheetError
from agent.texts import Message, message

SEPARATORS = (";", ",", "\t", "|")
MAX_BYTES = 16 * 1024 * 1024
MAX_ROWS = 100_000
MARK = "'"


class Safe(str):
    """A text that this program made itself, such as a date: it is written as it is, so that it stays a date."""


Cell = str | int

# CWE-1236 and OWASP "CSV Injection": a cell that begins with one of these is a formula; NFKC maps full-width and small
# forms to them. U+2212 is the typographic minus, which NFKC leaves alone.
_FORMULA = frozenset("=+-@\N{MINUS SIGN}")
# Where a cell begins for a program that was told another separator, and where a line in a cell begins.
_BREAKS = re.compile(r"([\n\r\t;,|])")
# What is made of digits and is no plain number comes back as another one, a date or a power of ten.
_RESHAPED = re.compile(r"(?=.*\d)[\d.,/:eE\s-]+")
_KEPT = re.compile(r"0|[1-9]\d{0,14}|\d{1,3}(\.\d{1,3}){3}")  # plain up to 15 digits; IPv4 addresses


@dataclass(frozen=True, slots=True)
class Row:
    """One row with its number as a spreadsheet shows it: the headings are row 1."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file taken apart; every row has as many cells as there are headings."""

    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    separator: str


def guarded(text: str) -> str:
    """The text so that no part of it is taken for a formula or reshaped; `unguarded` gives it back unchanged."""
    parts = _BREAKS.split(text)
    parts[::2] = [MARK + part if _is_risky(part) else part for part in parts[::2]]
    whole = "".join(parts)
    if whole.startswith(MARK):
        return whole
    blank = len(parts) > 1 and not parts[0].strip() and parts[1] in "\n\r\t"
    return MARK + whole if blank or (_RESHAPED.fullmatch(text) and not _KEPT.fullmatch(text)) else whole


def unguarded(cell: str) -> str:
    """The text that `guarded` was given; one that nobody guarded stays as it is, unless it begins with the mark."""
    parts = _BREAKS.split(cell)
    parts[::2] = [part.removeprefix(MARK) for part in parts[::2]]
    return "".join(parts)


def _is_risky(part: str) -> bool:
    first = next((sign for sign in part if not _is_skipped(sign)), "")
    return part.startswith(MARK) or unicodedata.normalize("NFKC", first)[:1] in _FORMULA


def _is_skipped(sign: str) -> bool:
    """Blanks of all kinds, invisible signs and quotation marks, which programs strip before they look."""
    return sign == '"' or unicodedata.category(sign)[0] in "ZC"


def written(rows: Iterable[Sequence[Cell]], separator: str) -> bytes:
    """The file: UTF-8 with byte order mark, by which Excel knows it, and line ends of Windows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    for row in rows:
        first, *others = [cell if isinstance(cell, int | Safe) else guarded(cell) for cell in row]
        # Whoever reads with another separator would see a cell that begins with a TAB.
        blank = separator == "\t" and isinstance(first, str) and not first.strip()
        writer.writerow([f"{MARK}{first}" if blank else first, *others])
    return text.getvalue().encode("utf-8-sig")


def understood(octets: bytes, is_heading: Callable[[str], bool]) -> Sheet:
    """The file taken apart, by whichever separator gives the most headings that `is_heading` knows.

    UTF-8, UTF-16 and Windows-1252 are understood. Raises `SheetError` for what is no such file or damaged.
    """
    text = _decoded(octets)
    first, rest = (text + "\n").split("\n", 1)
    if hint := re.fullmatch(r"\ufeff?sep=(.)\r?", first, re.IGNORECASE):
        return _parsed(rest, hint[1])
    counted = {separator: _known(first, separator, is_heading) for separator in SEPARATORS}
    separator = max(SEPARATORS, key=lambda each: counted[each])
    if not counted[separator]:
        raise SheetError(
            message("The first row has none of the headings that are expected: {row}", row=first[:200].strip()),
            message("Keep the first row with the headings as it was, and separate columns by semicolons."),
        )
    return _parsed(text, separator)


def _known(first: str, separator: str, is_heading: Callable[[str], bool]) -> int:
    try:
        cells = next(csv.reader([first], delimiter=separator), [])
    except csv.Error:
        return 0
    return sum(1 for cell in cells if is_heading(unguarded(cell.strip())))


def _decoded(octets: bytes) -> str:
    if len(octets) > MAX_BYTES:
        raise SheetError(message("The file is larger than 16 MiB."), message("Check that this is the right file."))
    if octets.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise _unfit(message("This is a workbook of a spreadsheet program, no CSV file."))
    try:
        text = octets.decode(_encoding(octets))
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise _unfit(message("The text in line {line} has an encoding that is not known.", line=line)) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _unfit(message("The file is damaged: line {line} holds no text.", line=line))
    return text


def _unfit(what: Message) -> SheetError:
    return SheetError(what, message('In Excel, choose "Save as" and the type "CSV UTF-8".'))


def _encoding(octets: bytes) -> str:
    """By the byte order mark, by the zeros of UTF-16, else UTF-8; what is not UTF-8 is what Windows calls ANSI."""
    if octets.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    start = octets[:1000]
    for place, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = start[place::2]
        if half and half.count(0) > len(half) / 2:
            return name
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _parsed(text: str, separator: str) -> Sheet:
    records = _records(text, separator)
    headings = tuple(unguarded(cell.strip()) for cell in next(records, Row(1, ())).cells)
    rows: list[Row] = []
    for row in records:
        if not any(cell.strip() for cell in row.cells):
            continue
        if len(row.cells) != len(headings):
            raise _wrong_width(row, len(headings), separator)
        if len(rows) >= MAX_ROWS:
            raise SheetError(
                message("The file has more than {most} rows.", most=MAX_ROWS),
                message("Check that this is the right file."),
            )
        rows.append(row)
    return Sheet(headings, tuple(rows), separator)


def _records(text: str, separator: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            where = message("row {row}", row=number)
            what = message("Its quotation marks do not fit together ({detail}).", detail=str(error))
            remedy = message("Make the file anew, or correct the quotation marks in that row.")
            raise SheetError(message("The file is damaged."), None, [Problem(where, what, remedy)]) from error
        yield Row(number, tuple(unguarded(cell) for cell in cells))


def _wrong_width(row: Row, expected: int, separator: str) -> SheetError:
    what = message(
        'It has {count} columns where the headings are {expected}, separated by "{separator}".',
        count=len(row.cells),
        expected=expected,
        separator="TAB" if separator == "\t" else separator,
    )
    remedy = message("Every row needs as many columns as there are headings; perhaps the file was cut off.")
    return SheetError(
        message("The file is damaged."), None, [Problem(message("row {row}", row=row.number), what, remedy)]
    )

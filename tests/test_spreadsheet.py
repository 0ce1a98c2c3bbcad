"""CSV files as spreadsheet programs write them: everything comes back, nothing is a formula, faults have their row."""

from __future__ import annotations

import csv
import io
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.cells import Unreadable, count_of, moment_of
from agent.errors import SheetError
from agent.headings import COLUMNS, METERS, column_of, heading_of, is_heading, meter_code_of
from agent.spreadsheet import SEPARATORS, Safe, guarded, understood, unguarded, written

HEADINGS = ("Referenz", "Equipmentnummer", "Bezeichnung")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
DANGEROUS = st.sampled_from(
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\N{NO-BREAK SPACE}=1",
        "\N{FULLWIDTH EQUALS SIGN}1",
        "\N{ZERO WIDTH SPACE}=1",
        '"=1',
        "a;=1",
        "a,@1",
        "a\n+1",
        "\N{SMALL PLUS SIGN}1",
        "'=1",
        "\N{MINUS SIGN}1",
        "=",
        "-",
    ]
)


def begins_like_a_formula(cell: str) -> bool:
    """As the most careful reader would see it: everything that cannot be seen stripped, forms made one."""
    folded = unicodedata.normalize("NFKC", cell)
    stripped = "".join(sign for sign in folded if unicodedata.category(sign)[0] not in "ZC").lstrip('"')
    # A tabulator or a line break in front hides what follows; breaks alone hide nothing.
    return stripped[:1] in tuple("=+-@\N{MINUS SIGN}") or (cell[:1] in tuple("\t\r\n") and bool(stripped))


@given(TEXTS | DANGEROUS)
def test_any_text_comes_back(text):
    """Guarding takes nothing away."""
    assert unguarded(guarded(text)) == text


@example("\r", ";", ",")
@given(TEXTS | DANGEROUS, st.sampled_from(SEPARATORS), st.sampled_from(SEPARATORS))
def test_no_cell_is_a_formula_whatever_separator_the_reader_takes(text, ours, theirs):
    """The file as a program reads it that was told the same or another separator."""
    file = written([HEADINGS, (text, "x", text)], ours).decode("utf-8-sig")
    for row in csv.reader(io.StringIO(file, newline=""), delimiter=theirs):
        assert not [cell for cell in row if cell and begins_like_a_formula(cell)]


@given(st.lists(st.tuples(TEXTS | DANGEROUS, TEXTS | DANGEROUS), min_size=1, max_size=5), st.sampled_from(SEPARATORS))
def test_what_was_written_is_read(rows, separator):
    """Any texts, any separator: the same rows with the numbers that a spreadsheet shows."""
    sheet = understood(written([HEADINGS, *(("r", *row) for row in rows)], separator), is_heading)
    assert (sheet.headings, sheet.separator) == (HEADINGS, separator)
    assert [(row.number, row.cells[1:]) for row in sheet.rows] == list(enumerate(rows, 2))


WINDOWS = st.text(st.sampled_from("abcXYZ 0189äöüßÄÖÜé€-_./&"), max_size=20)


@given(WINDOWS, st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]))
def test_every_encoding_of_excel_is_understood(text, encoding):
    """UTF-8 with and without mark, ANSI, and Unicode text, which Excel separates by TAB."""
    for separator in SEPARATORS:
        file = separator.join(HEADINGS) + "\r\n" + separator.join(("r", "1", f'"{text}"')) + "\r\n"
        sheet = understood(file.encode(encoding), is_heading)
        assert [row.cells for row in sheet.rows] == [("r", "1", text)]


@given(st.binary(max_size=300))
def test_any_file_is_a_sheet_or_a_sentence(octets):
    """Garbage never raises anything else."""
    for start in (b"", b"Referenz;Erfasst am\r\n", "Referenz\t".encode("utf-16")):
        try:
            sheet = understood(start + octets, is_heading)
        except SheetError as error:
            assert error.what.template
        else:
            assert all(len(row.cells) == len(sheet.headings) for row in sheet.rows)


def test_numbers_stay_numbers_and_what_would_be_reshaped_does_not():
    """Counts and our own dates are bare; serial numbers with zeros, powers of ten and half dates get the mark."""
    rows = [
        ("Referenz", 128431, Safe("24.11.2026 10:15"), "0012345", "12E34567", "1-2", "1234567890123456", "10.0.0.7")
    ]
    cells = next(csv.reader([written(rows, ";").decode("utf-8-sig").strip()], delimiter=";"))
    assert cells[1:3] == ["128431", "24.11.2026 10:15"]
    assert cells[3:] == ["'0012345", "'12E34567", "'1-2", "'1234567890123456", "10.0.0.7"]


@pytest.mark.parametrize(
    ("file", "row", "says"),
    [
        (b"PK\x03\x04 a workbook", "", "workbook"),
        (b"Name;Betrag\r\n1;2\r\n", "", "headings"),
        (b"", "", "headings"),
        (b"Referenz;Equipment\r\na;1\r\nb\r\n", "row 3", "1 columns where the headings are 2"),
        (b"Referenz;Equipment\r\na;1\r\nb;1;2\r\n", "row 3", "3 columns"),
        (b'Referenz;Equipment\r\na;"1\r\n', "row 2", "quotation marks"),
        (b'Referenz;Equipment\r\na;"1"x\r\n', "row 2", "quotation marks"),
        (b"Referenz;Equipment\r\na;\x811\r\n", "", "line 2 has an encoding"),
        (b"Referenz;Equipment\r\na;1\0\r\n", "", "line 2 holds no text"),
    ],
)
def test_a_fault_is_told_with_its_row(file, row, says):
    """Workbooks, other files, rows that were cut off, broken quotation marks, unknown encodings."""
    with pytest.raises(SheetError) as caught:
        understood(file, is_heading)
    told = " ".join([str(caught.value), *map(str, caught.value.problems)])
    assert says in told
    assert row in told


def test_a_hint_for_the_separator_is_no_row():
    """Excel's own first line `sep=;`."""
    sheet = understood(b"sep=,\r\nReferenz,Equipment\r\na,1\r\n", is_heading)
    assert sheet.headings == ("Referenz", "Equipment")


def test_every_heading_is_known_in_both_languages_and_means_one_thing():
    """What is written is understood, in German as in English."""
    for german in (True, False):
        assert all(column_of(heading_of(column, german=german)) == column for column in COLUMNS)
        assert all(meter_code_of(heading_of(code, german=german)) == code for code in METERS)
    spellings = [name.casefold() for names in (*COLUMNS.values(), *METERS.values()) for name in names]
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize("text", ["", "12.345", "12,0", "1E5", "-1", "+1", "x", "9" * 17, "٣"])
def test_a_count_is_digits_alone(text):
    """What is one number here and another there is refused."""
    with pytest.raises(Unreadable):
        count_of(text)


@pytest.mark.parametrize(
    "text", ["03/04/2026", "31.02.2026", "24.11.26", "2026-13-01", "morgen", "", "24.11.2026 25:00"]
)
def test_a_day_is_read_in_one_way_only(text):
    """Days that do not exist or may be two."""
    with pytest.raises(Unreadable):
        moment_of(text)


def test_days_and_moments():
    """German and ISO, with and without time; the time is this computer's."""
    assert moment_of("24.11.2026") == moment_of(" 2026-11-24 ")
    assert moment_of("4.1.2026 9:05") == moment_of("2026-01-04T09:05:00")
    assert count_of(" 128 431 ") == 128431

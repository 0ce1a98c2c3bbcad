"""The equipment list in a file: what a key user writes becomes equipment, and every mistake has row and column."""

from __future__ import annotations

from datetime import date

import pytest

from agent.equipment_list import equipments_of, list_rows
from agent.errors import SheetError
from agent.spreadsheet import written

HEAD = (
    "Equipmentnummer;Technische Identnummer;Seriennummer;Hersteller;Modell;Zähler;Letzter Stand;Zuletzt gelesen am\r\n"
)


def listed(*rows: str, head: str = HEAD):
    """The equipment of a file with these rows."""
    return equipments_of((head + "\r\n".join(rows) + "\r\n").encode("cp1252"))


def test_one_row_per_counter():
    """Rows of one number are one equipment; numbers are SAP's, whatever zeros were left away."""
    one, two = listed(
        "10004711;Büro EG;A1;Kyocera;TASKalfa;Gesamt;1000;31.10.2026",
        "000000000010004711;Büro EG;;;;Farbe;200;31.10.2026",
        "PRN-7;10.0.0.7;;;;;;",
    )
    assert (one.equipment_number, two.equipment_number) == ("000000000010004711", "PRN-7")
    assert (one.technical_identification_number, one.manufacturer_serial_number) == ("Büro EG", "A1")
    last = {point.meter_code: point.last_reading for point in one.measuring_points}
    assert {code: reading.value for code, reading in last.items() if reading} == {"total": 1000, "color": 200}
    assert last["total"] is not None
    assert last["total"].read_at.astimezone().date() == date(2026, 10, 31)
    assert [(point.meter_code, point.mandatory) for point in two.measuring_points] == [("total", True)]


def test_counters_in_columns_or_in_one_cell():
    """A column per counter with its last reading or an x; several names in one cell."""
    head = "Equipment,Total,Color,Last read on\r\n"
    one, two = listed("1,1000,x,2026-10-31", "2,,5,2026-10-31", head=head)
    assert [(p.meter_code, p.last_reading and p.last_reading.value) for p in one.measuring_points] == [
        ("total", 1000),
        ("color", None),
    ]
    assert [p.meter_code for p in two.measuring_points] == ["color"]
    (three,) = listed("3;;;;;Gesamt, Schwarz + Farbe;;")
    assert [p.meter_code for p in three.measuring_points] == ["total", "black", "color"]


def test_what_is_written_is_read():
    """A list that was written by the agent, in both languages."""
    known = listed("1;=cmd;0012;Kyocera;'x;Gesamt;1000;31.10.2026 10:00", "1;;;;;Farbe;;", "2;;;;;Scans;;")
    for german, separator in ((True, ";"), (False, ",")):
        assert equipments_of(written(list_rows(known, german=german), separator)) == known


@pytest.mark.parametrize(
    ("rows", "where", "says"),
    [
        (["1;;;;;;12.345;31.10.2026"], "row 2, column Letzter Stand", "no whole number"),
        (["1;;;;;;100;10/11/2026"], "row 2, column Zuletzt gelesen am", "no date"),
        (["1;;;;;;100;"], "row 2, column Letzter Stand", "needs the day"),
        (["1;;;;;;;", ";;;;;Farbe;;"], "row 3, column Equipmentnummer", "missing"),
        (["1;a;;;;Gesamt;;", "1;b;;;;Farbe;;"], "row 3, column Technische Identnummer", "says a"),
        (["1;a;;;;Gesamt;;", "01;a;;;;Total;;"], "row 3, column Zähler", "earlier row"),
        (["1;a;;;;Gesamt,Farbe;5;31.10.2026"], "row 2, column Letzter Stand", "several counters"),
        ([f"1;{'x' * 256};;;;;;"], "row 2, column Technische Identnummer", "255"),
    ],
)
def test_every_mistake_has_its_place(rows, where, says):
    """Row and column as the spreadsheet shows them, and what to do."""
    with pytest.raises(SheetError) as caught:
        listed(*rows)
    (problem,) = caught.value.problems
    assert str(problem.key) == where
    assert says in str(problem)


def test_an_empty_list_is_a_mistake():
    """Headings alone: nobody's printers would be reported."""
    with pytest.raises(SheetError, match="empty"):
        listed()
    with pytest.raises(SheetError, match="Equipmentnummer"):
        listed("a", head="Seriennummer\r\n")

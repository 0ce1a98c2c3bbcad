"""What the shipped profiles know of makers, told with numbers that add up: no recording is needed to check a sum."""

from __future__ import annotations

import pytest

from agent.readout import Readout
from agent.snmp.recording import parse_recording
from agent.supplies.levels import Level
from tests.test_profiles import meters, understood

E = "1.3.6.1.4.1"
SYSTEM = "1.3.6.1.2.1.1.1.0|4|"
DEVICE = "1.3.6.1.2.1.25.3.2.1.3.1|4|"
LIFE = "1.3.6.1.2.1.43.10.2.1.4.1.1|65|"


def read(*lines: str) -> Readout:
    """The readout of a printer that answers so."""
    return understood(parse_recording("\n".join(lines)).varbinds)


def table(base: str, *columns: int, rows: list[tuple[int | str, ...]]) -> list[str]:
    """Rows of a table as lines: numbers are Counter32, texts octets."""
    return [
        f"{base}.{column}.{at}|{65 if isinstance(cell, int) else 4}|{cell}"
        for at, row in enumerate(rows, 1)
        for column, cell in zip(columns, row, strict=True)
    ]


def codes(readout: Readout) -> set[str]:
    return {finding.code for finding in readout.findings}


BROTHER = f"{E}.2435.2.3.9.4.2.1.5.5"
FUNCTIONS = f"{BROTHER}.52.21.1"
MFC = [f"{SYSTEM}Brother NC-8900h, Firmware Ver.ZB  ,MID 8C5-F01", f"{DEVICE}Brother MFC-L8900CDW series"]


def test_brother_counts_pages_by_function_and_color():
    """BROTHER-MIB names the types of rows; where a row stands says nothing."""
    rows: list[tuple[int | str, ...]] = [(5, 300), (1, 500), (7, 200), (3, 90), (9, 60), (4, 30), (2, 10), (8, 10)]
    found = meters(read(*MFC, f"{BROTHER}.10.0|4x|00010400000258", *table(FUNCTIONS, 2, 3, rows=rows)))
    assert found == {
        "total": 600,
        "print_total": 500, "print_monochrome": 200, "print_full_color": 300,
        "copy_total": 90, "copy_monochrome": 60, "copy_full_color": 30,
        "fax_total": 10, "fax_monochrome": 10,
    }  # fmt: skip


def test_brother_functions_above_the_total_are_shown():
    """More prints than pages cannot be."""
    readout = read(*MFC, f"{BROTHER}.10.0|4x|00010400000064", *table(FUNCTIONS, 2, 3, rows=[(1, 500)]))
    assert "parts_mismatch" in codes(readout)


@pytest.mark.parametrize(
    ("used", "left", "percent", "capacity"),
    [(312, 9688, 96.9, 10000), (25000, 0, 0.0, 25000), (0, 12000, 100.0, 12000), (0, 0, None, None)],
)
def test_a_brother_drum_is_what_is_used_and_what_is_left(used, left, percent, capacity):
    """The two counts make the drum's life; where both are zero there is nothing to say."""
    readout = read(
        f"{SYSTEM}Brother HL-5350DN series",
        f"{BROTHER}.8.0|4x|110104{used:08x}41010103",
        f"{BROTHER}.11.0|4x|820104{left:08x}",
    )
    drums = [(one.type, one.level.percent, one.capacity, one.unit) for one in readout.supplies]
    assert drums == ([("opc", percent, capacity, "impressions")] if capacity else [])


def test_a_brother_toner_without_a_level_says_that_it_is_not_low():
    """Status 1 of an old laser is neither a percentage nor nothing."""
    readout = read(f"{SYSTEM}Brother HL-5350DN series", f"{BROTHER}.8.0|4x|31010101")
    assert [(one.colorant, one.level) for one in readout.supplies] == [
        ("black", Level("some_left", low=0.0, high=100.0))
    ]


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("MFC-J5330DW", "ink"),
        ("DCP-T510W", "ink"),
        ("MFC-490CW", "ink"),
        ("MFC-9340CDW", "toner"),
        ("HL-3170CDW", "toner"),
    ],
)
def test_brother_inkjets_have_ink_and_lasers_toner(model, kind):
    """The same records hold both."""
    readout = read(f"{SYSTEM}Brother", f"{DEVICE}Brother {model}", f"{BROTHER}.8.0|4x|70010400000fa0")
    assert [(one.type, one.colorant, one.level.percent) for one in readout.supplies] == [(kind, "cyan", 40.0)]


def test_a_brother_is_known_by_its_short_name_and_firmware():
    """ "series" is no part of the model; the network card says the main firmware's letter."""
    identity = read(*MFC, f"{E}.11.2.3.9.4.2.1.1.3.3.0|4x|0115{b'E7X123456'.hex()}").identity
    assert (identity.model, identity.firmware, identity.serial_number) == ("MFC-L8900CDW", "ZB", "E7X123456")


PANEL = f"{E}.1602.1.11.1.3.1.4"
NAMES = f"{E}.1602.1.11.2.1.1"
COLORS = "Full Color + Single Color"


def panel(**numbers: int) -> list[str]:
    """Numbered counters of a Canon's panel."""
    return [f"{SYSTEM}Canon iR C3200 /P", *(f"{PANEL}.{name[1:]}|2|{value}" for name, value in numbers.items())]


def test_a_canon_panel_adds_up():
    """Black and the colours of both functions make Total 1, and so the numbers mean what they are taken for."""
    found = meters(read(*panel(c101=67911, c108=24653, c229=451, c230=2644, c321=656, c322=39507)))
    assert found == {
        "total": 67911,
        "monochrome": 24653,
        "full_color": 43258,
        "copy_full_color": 3095,
        "print_full_color": 40163,
    }


def test_a_canon_counter_of_one_size_is_no_sum():
    """An engineer who shows the small sheets alone leaves the large ones out."""
    found = meters(read(*panel(c101=900, c113=500, c123=400, c230=400, c228=300)))
    assert found == {"total": 900}


def test_a_black_canon_tells_large_sheets():
    """Total 1, large, copies and large copies of an iR3530."""
    found = meters(read(*panel(c101=303, c103=25, c201=269, c203=25)))
    assert found == {"total": 303, "large_total": 25, "copy_total": 269, "copy_large_total": 25}


@pytest.mark.parametrize(("colored", "told"), [(40, True), (25, False)])
def test_a_canon_for_small_sheets_names_its_counters(colored, told):
    """There are no rows for large sheets; the colours of the small ones count where they make the total."""
    rows: list[tuple[int | str, ...]] = [
        ("Total 1", 100),
        ("Total (Small)", 100),
        ("Total (Black/Small)", 60),
        (f"Total ({COLORS}/Small)", colored),
        ("Print (Total 1)", 90),
    ]
    found = meters(read(f"{SYSTEM}Canon G3090 series", *table(NAMES, 2, 3, rows=rows)))
    colors = {"monochrome": 60, "full_color": 40} if told else {}
    assert found == {"total": 100, "small_total": 100, "print_total": 90, **colors}


def test_a_canon_names_functions_by_color_and_size():
    """Both sizes are needed for a function's colour."""
    rows: list[tuple[int | str, ...]] = [
        ("Total 1", 100), ("Total (Large)", 30), ("Total (Small)", 70),
        ("Copy (Black/Large)", 3), ("Copy (Black/Small)", 7), (f"Print ({COLORS}/Large)", 5),
    ]  # fmt: skip
    readout = read(f"{SYSTEM}Canon iR-ADV C3530 /P", *table(NAMES, 2, 3, rows=rows))
    assert meters(readout) == {"total": 100, "large_total": 30, "small_total": 70, "copy_monochrome": 10}
    assert {(c.meter, c.size, c.color) for c in readout.counters if c.size != "any"} == {
        ("large_total", "large", "any"),
        ("small_total", "small", "any"),
    }


HP = f"{E}.11.2.3.9.4.2.1"


def test_an_hp_tells_scans_copies_and_faxes():
    """What went through the scanner is flatbed and feeder; what went to a computer is a part of it."""
    found = meters(
        read(
            f"{DEVICE}HP LaserJet MFP M426fdn",
            f"{HP}.4.1.2.5.0|2|5000",
            f"{HP}.2.2.1.44.0|2|700",
            f"{HP}.2.2.1.45.0|2|600",
            f"{HP}.2.2.1.73.0|2|90",
            f"{HP}.2.2.1.74.0|2|100",
            f"{HP}.2.2.1.63.0|2|450",
            f"{HP}.3.7.1.32.0|2|12",
        )
    )
    assert found == {"total": 5000, "scan_total": 800, "copy_total": 450, "fax_total": 12}


def test_an_hp_counts_duplex_in_sheets():
    """What was printed on both sides is a number of sheets, and so no number of pages."""
    readout = read(f"{DEVICE}HP LaserJet 600 M602", f"{HP}.4.1.2.5.0|2|5000", f"{HP}.4.1.2.22.0|2|1200")
    assert {(one.meter, one.unit, one.value) for one in readout.counters} == {
        ("total", "impressions", 5000),
        ("duplex_total", "sheets", 1200),
    }


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([f"{HP}.4.1.2.6.0|2|60", f"{HP}.4.1.2.7.0|2|40"], {"total": 100, "monochrome": 60, "full_color": 40}),
        ([f"{HP}.4.1.2.6.0|2|60", f"{LIFE}100"], {"total": 100, "monochrome": 60}),
        (
            [f"{HP}.4.1.2.5.0|2|100", f"{HP}.1.16.4.1.1.1.0|2|60", f"{HP}.1.16.4.1.3.1.0|2|40"],
            {"total": 100, "monochrome": 60, "full_color": 40},
        ),
        ([f"{HP}.4.1.2.5.0|2|100", f"{HP}.1.16.4.1.1.1.0|2|60", f"{HP}.1.16.4.1.3.1.0|2|70"], {"total": 100}),
    ],
)
def test_hp_colors_count_where_they_are_sure(lines, found):
    """Black and colour make the total, or the total shows what black and colour are."""
    assert meters(read(f"{DEVICE}HP Color LaserJet M750", *lines)) == found


def test_cartridges_of_a_laserjet_hold_toner():
    """Where a device tells no type, its name does; an inkjet's cartridge is no toner."""
    supply = "1.3.6.1.2.1.43.11.1.1"
    rows = [f"{supply}.6.1.1|4|Black Cartridge HP CF410A", f"{supply}.8.1.1|2|100", f"{supply}.9.1.1|2|54"]
    kinds = [
        read(f"{DEVICE}{model}", *rows).supplies[0].type
        for model in ("HP Color LaserJet M452nw", "HP OfficeJet Pro 8710")
    ]
    assert kinds == ["toner", "unknown"]


KYOCERA = f"{E}.1347"
ECOSYS = [f"{SYSTEM}KYOCERA Document Solutions Printing System", "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.1347.41"]


def test_a_kyocera_without_a_total_tells_its_sides():
    """One-sided and two-sided together are the panel's total; the host name stands in the maker's own place."""
    readout = read(
        *ECOSYS,
        f"{KYOCERA}.42.2.5.1.1.1.1|2|7296",
        f"{KYOCERA}.42.2.5.1.1.2.1|2|46",
        f"{KYOCERA}.42.2.5.1.1.3.1|2|7342",
        f"{LIFE}7432",
        f"{KYOCERA}.40.10.1.1.5.1|4|KMB902DE",
    )
    assert (meters(readout), readout.identity.host_name) == ({"total": 7342, "duplex_total": 46}, "KMB902DE")
    assert "life_count_differs" in codes(readout)


@pytest.mark.parametrize(("full", "told"), [(400, True), (380, False)])
def test_a_kyocera_printer_tells_colors_by_mode(full, told):
    """A printer without functions names its modes; they count where they make the total."""
    modes = [("Monochrome", 600), ("Mono Color", 0), ("Full Color", full)]
    rows = [f"{KYOCERA}.42.2.2.1.1.2.1.{at}|4|{name}" for at, (name, _) in enumerate(modes, 1)]
    rows += [f"{KYOCERA}.42.2.2.1.1.3.1.{at}|2|{pages}" for at, (_, pages) in enumerate(modes, 1)]
    found = meters(read(*ECOSYS, f"{KYOCERA}.43.10.1.1.12.1.1|2|1000", *rows))
    colors = {"monochrome": 600, "highlight_color": 0, "full_color": full} if told else {}
    assert found == {"total": 1000, **colors}


def test_kyocera_functions_by_size_follow_the_names_of_sizes():
    """The number of a size differs by model; its name does not."""
    sizes = {1: "A4", 2: "Ledger", 3: "B4", 4: "Letter"}
    base = f"{KYOCERA}.42.3.1.6.1"
    rows = [f"{KYOCERA}.42.2.1.1.1.2.1.{at}|4|{name}" for at, name in sizes.items()]
    for function in (1, 2):
        for column, shares in ((1, (500, 30, 5, 65)), (2, (400, 20, 5, 60)), (3, (100, 10, 0, 5))):
            rows += [f"{base}.{column}.{function}.{at}|2|{pages}" for at, pages in enumerate(shares, 1)]
    found = meters(read(*ECOSYS, f"{KYOCERA}.43.10.1.1.12.1.1|2|1200", *rows))
    assert {name: found[name] for name in found if "large" in name} == {
        "print_large_total": 35, "print_large_monochrome": 25, "print_large_full_color": 10,
        "copy_large_total": 35, "copy_large_monochrome": 25, "copy_large_full_color": 10,
    }  # fmt: skip


KONICA = f"{E}.18334.1.1.1.5.7.2"


def test_the_konica_function_table_is_split_by_color_function_size_and_side():
    """Rows of the paper path count no colour; what is -1 is not offered."""
    rows: list[tuple[int | str, ...]] = [
        (1, 1, 100, 40, 10, 4), (2, 1, 50, 20, 5, 2), (6, 1, 7, -1, 0, -1),
        (1, 2, 300, 90, 30, 9), (2, 2, 200, 60, 20, 6), (7, 2, 999, 999, 999, 999),
        (1, 4, 12, 0, 0, 0), (1, 5, 3, 0, 0, 0),
    ]  # fmt: skip
    lines = [line.replace("|65|", "|2|") for line in table(f"{KONICA}.2.1", 3, 4, 5, 6, 7, 8, rows=rows)]
    found = meters(read(f"{KONICA}.1.1.0|2|672", f"{KONICA}.1.4.0|2|21", f"{KONICA}.3.1.5.1|2|77", *lines))
    assert found == {
        "total": 672, "monochrome": 415, "full_color": 250, "highlight_color": 7,
        "copy_total": 157, "copy_monochrome": 100, "copy_full_color": 50, "copy_highlight_color": 7,
        "print_total": 500, "print_monochrome": 300, "print_full_color": 200,
        "fax_total": 12, "fax_monochrome": 12, "scan_total": 77,
        "large_monochrome": 40, "large_full_color": 25, "duplex_monochrome": 130, "duplex_full_color": 80,
        "copy_large_total": 15, "copy_large_monochrome": 10, "copy_large_full_color": 5,
        "copy_duplex_total": 60, "copy_duplex_monochrome": 40, "copy_duplex_full_color": 20,
        "print_large_total": 50, "print_large_monochrome": 30, "print_large_full_color": 20,
        "print_duplex_total": 150, "print_duplex_monochrome": 90, "print_duplex_full_color": 60,
        "large_duplex_total": 21, "large_duplex_monochrome": 13, "large_duplex_full_color": 8,
    }  # fmt: skip


EPSON = f"{E}.1248.1.2.2"


def test_an_epson_tells_functions_and_firmware():
    """Black and colour are all there is; the rest of a function is black. A serial number is no firmware."""
    values = {"27.1.1.3.1.1": 39797, "27.1.1.4.1.1": 41766, "27.6.1.4.1.1.1": 49053, "27.6.1.4.1.1.2": 32474}
    values |= {"27.6.1.5.1.1.1": 39434, "27.6.1.5.1.1.2": 2313}
    names: list[tuple[int | str, ...]] = [("X8G9000415", "Serial No"), ("EQ22M3", "Main FW"), ("16.52", "Network FW")]
    readout = read(
        f"{SYSTEM}EPSON Built-in 11b/g/n Print Server",
        f"{EPSON}.1.1.1.2.1|4|AM-C550 Series",
        *(f"{EPSON}.{name}|2|{value}" for name, value in values.items()),
        *table(f"{EPSON}.2.1.1", 2, 3, rows=names),
    )
    identity = readout.identity
    assert (identity.model, identity.serial_number, identity.firmware) == ("AM-C550", "X8G9000415", "EQ22M3")
    assert meters(readout) == {
        "total": 81563, "monochrome": 39797, "full_color": 41766,
        "print_total": 49053, "print_monochrome": 9619, "print_full_color": 39434,
        "copy_total": 32474, "copy_monochrome": 30161, "copy_full_color": 2313,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("description", "model", "firmware"),
    [
        ("Dell B3460dn Laser Printer version NH5.CY.N543 kernel 3.0.0 All-N-1", "B3460dn", "NH5.CY.N543"),
        ("Dell Laser Printer 1720dn version NM.NA.N099 kernel 2.6.6 All-N-1", "1720dn", "NM.NA.N099"),
        ("Dell 5130cdn Color Laser; Net 11.74, Controller 200912101132, Engine 05.09.00", "5130cdn", "200912101132"),
        ("Dell Color Laser 3110cn; Net 3.31, Controller 200612101132", "3110cn", "200612101132"),
        ("Dell 2335dn MFP; V2.70.05.02 MAR-09-2009;Engine 1.10.64;NIC V4.01.02;S/N 3Z1WXK1", "2335dn", "V2.70.05.02"),
        (
            "HP Laser MFP 432fdn; V3.82.01.10 DEC-09-2019; Engine V1.00.11; S/N CNB1N1A0BC",
            "Laser MFP 432fdn",
            "V3.82.01.10",
        ),
    ],
)
def test_one_label_and_three_makers_inside(description, model, firmware):
    """Dell sold Lexmark, Fuji Xerox and Samsung; HP sells Samsung's lasers."""
    identity = read(
        f"{SYSTEM}{description}", f"{DEVICE}{description.partition(';')[0].partition(' version')[0]}"
    ).identity
    assert (identity.model, identity.firmware) == (model, firmware)


def test_octets_that_a_walk_printed_on_a_second_line_are_octets_again():
    """Public recordings hold the first sixteen octets and the print of the others; other values stay as they are."""
    supply = "1.3.6.1.2.1.43.11.1.1"
    printed = b"Black Cartridge \n38 32 37 41 20 48 50 20 43 46 33 30 30 41 00 "
    plain = b"Black Cartridge\n38 32 37 41 "
    for octets, described in ((printed, "Black Cartridge 827A HP CF300A"), (plain, "Black Cartridge 38 32 37 41")):
        assert read(f"{supply}.6.1.1|4x|{octets.hex()}", f"{supply}.9.1.1|2|-3").supplies[0].description == described


@pytest.mark.parametrize(
    ("lines", "maker", "model"),
    [
        ([f"{SYSTEM}Brother NC-8900h, Firmware Ver.ZB  ,MID 8C5-F01"], "Brother", None),
        ([f"{SYSTEM}EPSON Built-in 11b/g/n Print Server"], "Epson", None),
        ([f"{SYSTEM}UTAX_TA Printing System"], "Kyocera", None),
        ([f"{SYSTEM}KYOCERA MITA Printing System"], "Kyocera", None),
        (
            [f"{SYSTEM}HP Laser MFP 131 133 135-138; V3.82.01.10 DEC-09-2019; S/N BRBSQ2G13Q"],
            "HP",
            "Laser MFP 131 133 135-138",
        ),
        (
            [
                f"{SYSTEM}HP ETHERNET MULTI-ENVIRONMENT,SN:AAA0A00000,PID:Purchasing Color Laser",
                f"{E}.11.2.3.9.1.1.7.0|4|MFG:HP;MDL:HP Color LaserJet M450;DES:HP Color LaserJet M452nw;",
            ],
            "HP",
            "Color LaserJet M452nw",
        ),
        (
            [f"{SYSTEM}FUJI XEROX DocuPrint CM305 df; Net 16.41,ESS 201210101131,IOT 03.00.05"],
            "Fujifilm",
            "DocuPrint CM305 df",
        ),
        ([f"{DEVICE}Dell S5830dn 7XQ1R92 LW62.DN4.P636", f"{E}.641.6.4.2.1.1.2.1.1|2|2"], "Dell", "S5830dn"),
    ],
)
def test_the_words_of_a_network_card_are_no_model(lines, maker, model):
    """What a card, a person or a table of versions says is not how the maker calls the machine."""
    identity = read(*lines).identity
    assert (identity.manufacturer, identity.model) == (maker, model)

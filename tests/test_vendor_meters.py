"""Meters and names of Xerox, Lexmark, Ricoh, Samsung, Toshiba, OKI and Pantum on models that no recording is of."""

from __future__ import annotations

import pytest

from agent.printers import Endpoint
from agent.snmp.counters import key_of
from agent.snmp.interpretation import identify, interpret
from agent.snmp.recording import load_recording, parse_recording
from agent.snmp.varbinds import Answer, Varbinds, oid_of
from tests.conftest import RECORDINGS
from tests.test_counter_parts import codes
from tests.test_profiles import meters, understood
from tests.test_recordings import CATALOGUE, NOW

E = "1.3.6.1.4.1"
LIFE = "1.3.6.1.2.1.43.10.2.1.3.1.1|2|7\n1.3.6.1.2.1.43.10.2.1.4.1.1|65|{}\n"
XCM = f"{E}.253.8.53.13.2.1"
LXK = f"{E}.641.6.4"

# What adds up inside a recording: the whole, and the parts that make it.
SUMS = {
    "lac/xerox_wc3655x": [
        ("print_monochrome", ("print_sheets", "print_duplex_sheets")),
        ("copy_monochrome", ("copy_monochrome_sheets", "copy_duplex_monochrome_sheets")),
        ("total", ("print_total", "copy_total", "fax_total")),
        ("fax_total", ("fax_received",)),
    ],
    "lac/xerox_wc71xx": [
        ("total_sheets", ("print_sheets", "copy_sheets", "fax_sheets")),
        ("duplex_sheets", ("print_duplex_sheets", "copy_duplex_sheets")),
        ("copy_sheets", ("copy_monochrome_sheets", "copy_full_color_sheets")),
        ("scan_total", ("scan_network", "scan_email")),
    ],
    "lac/xerox_wc6605dn": [
        ("total", ("print_total", "copy_total", "fax_total")),
        ("full_color", ("print_full_color", "copy_full_color")),
    ],
    "lac/xerox_altalink_c8035": [("large_total", ("large_monochrome", "large_full_color"))],
    "lac/xerox_versalink_b600": [("total", ("total_sheets", "duplex_sheets"))],
    "lac/lexmark_xc4240": [
        ("full_color", ("full_color_highlight", "full_color_business", "full_color_graphics")),
        ("total_sheets", ("print_sheets", "copy_sheets", "fax_sheets")),
        ("scan_total", ("scan_network",)),
    ],
    "lac/lexmark_xc4140": [
        ("full_color", ("full_color_highlight", "full_color_business", "full_color_graphics")),
        ("total_sheets", ("print_sheets", "copy_sheets", "fax_sheets")),
    ],
    "librenms/sharp": [
        ("monochrome", ("print_monochrome", "copy_monochrome", "other_monochrome")),
        ("full_color", ("print_full_color", "copy_full_color", "other_full_color")),
        ("scan_total", ("scan_monochrome", "scan_full_color")),
    ],
}
# What web pages show and only these vendors' own counters tell.
SHOWN = {
    "lac/xerox_colorqube9303": {"level_1": 48453, "level_2": 9849, "level_3": 9313},
    "lac/lexmark_xc4140": {"full_color_highlight": 9, "full_color_business": 43, "full_color_graphics": 3},
    "lac/lexmark_xc4240": {"scan_sides": 100},
    "quoted/hp_laser_mfp135w_89": {"report_total": 33, "scan_sent": 0},
}


@pytest.mark.recordings
@pytest.mark.parametrize("name", SUMS)
def test_parts_of_a_recording_add_up(name):
    """Every sum of the recording holds to the page."""
    read = meters(understood(load_recording(RECORDINGS / f"{name}.snmprec").varbinds))
    told = [(whole, read[whole], sum(read[part] for part in parts)) for whole, parts in SUMS[name]]
    assert [(whole, made) for whole, _, made in told] == [(whole, value) for whole, value, _ in told]


@pytest.mark.recordings
@pytest.mark.parametrize("name", SHOWN)
def test_what_web_pages_show_is_read(name):
    """Coverage classes, clicks and reports as the printers' own pages have them."""
    read = meters(understood(load_recording(RECORDINGS / f"{name}.snmprec").varbinds))
    assert {meter: read.get(meter) for meter in SHOWN[name]} == SHOWN[name]


@pytest.mark.recordings
def test_a_machine_that_counts_large_sheets_twice_is_noticed():
    """A C8035 made 121 sides and counts 209: its 88 large ones are in the total twice, which the finding shows. Its
    sheets, a sum of black and colour, do not make the sides then and are not read."""
    readout = understood(load_recording(RECORDINGS / "lac/xerox_altalink_c8035.snmprec").varbinds)
    assert codes(readout) - {"no_serial_number"} == {"parts_mismatch", "unproven_counter"}
    assert not {"print_sheets", "print_duplex_sheets"} & meters(readout).keys()


@pytest.mark.parametrize(
    ("meter", "key"),
    [
        ("total", ("total", "any", "any")),
        ("copy_full_color", ("copy", "full_color", "any")),
        ("large_monochrome", ("total", "monochrome", "large")),
        ("print_large_full_color_sheets", ("print", "full_color", "large")),
        ("copy_duplex_monochrome_sheets", ("copy", "monochrome", "any")),
        ("total_equivalent", ("total", "any", "any")),
        ("scan_stored_two_color", ("scan", "two_color", "any")),
        ("fax_received", ("fax", "any", "any")),
        ("report_total", ("report", "any", "any")),
        ("stored_total", ("stored", "any", "any")),
        ("highlight_color", ("total", "highlight_color", "any")),
    ],
)
def test_a_meter_s_name_has_its_key(meter, key):
    """Service, colour and size stand in the name; sides, sheets and the way of a scan are no colour."""
    assert key_of(meter) == key


def xerox(*rows: tuple[str, str, int], names: bool = True) -> str:
    """A Xerox with these counters: device and number, name, value."""
    text = f"{E}.253.8.53.3.2.1.3.1|4|EHQ218846\n{XCM}.6.1.20.1|2|1000\n"
    for place, name, value in rows:
        device, number = place.split(".")
        text += f"{XCM}.6.{device}.20.{number}|2|{value}\n"
        text += f"{XCM}.8.{device}.20.{number}|4|{name}\n" if names else ""
    return text


COPIER = (("27.3", "Black Copied Impressions", 300), ("27.25", "Color Copied Impressions", 50))


@pytest.mark.parametrize("names", [True, False])
def test_a_xerox_copier_is_found_wherever_it_stands(names):
    """Device numbers differ by model, those of the counters do not; the fax shares its numbers and needs its names."""
    rows = (*COPIER, ("31.11", "Network Images Sent", 70), ("31.12", "E-mail Images Sent", 7),
            ("40.14", "Embedded Fax Impressions", 9), ("41.14", "Internet Fax Impressions", 2))  # fmt: skip
    assert meters(understood(parse_recording(xerox(*rows, names=names)).varbinds)) == {
        "total": 1000, "copy_monochrome": 300, "copy_full_color": 50, "copy_total": 350,
        "scan_network": 70, "scan_email": 7, "scan_total": 77,
    } | ({"fax_total": 9} if names else {})  # fmt: skip


def test_one_number_of_a_xerox_may_mean_two_things():
    """Number 14 of the fax is what it printed, on a Phaser 3200 what it received: the name decides."""
    text = xerox(("10.13", "Embedded Fax Images Sent", 3), ("10.14", "Embedded Fax Images Received", 5),
                 ("1.8", "Black Printed Sheets", 21))  # fmt: skip
    assert meters(understood(parse_recording(text).varbinds)) == {"total": 1000, "fax_sent": 3, "fax_received": 5}


def test_two_copiers_are_none():
    """Two devices with the same counter are not added up, and none of them is chosen."""
    rows = (*COPIER, ("28.3", "Black Copied Impressions", 1))
    assert meters(understood(parse_recording(xerox(*rows)).varbinds)) == {"total": 1000, "copy_full_color": 50}


def test_a_table_cut_short_costs_what_is_read_from_it():
    """The answer about one device stopped: no counter is looked for among the devices, the marker's are read."""
    varbinds = parse_recording(xerox(*COPIER, ("1.34", "Black Impressions", 900))).varbinds
    profile = CATALOGUE.choose(identify(CATALOGUE.generic, varbinds)[0], varbinds)
    answer = Answer(varbinds, "v2c", 3, complete=False, missing=(oid_of(f"{XCM}.6.103.20"),))
    readout = interpret(profile, Endpoint("127.0.0.1"), Varbinds(), answer, NOW)
    assert (meters(readout), "counter_cut" in codes(readout)) == ({"total": 1000, "monochrome": 900}, True)


@pytest.mark.parametrize(
    ("lines", "identity"),
    [
        ("Xerox WorkCentre 7545 v1 Multifunction System; System Software 061.121.225.14700, ESS 061.125.14620",
         ("Xerox", "WorkCentre 7545", "061.121.225.14700")),
        ("Xerox AltaLink C8045; SS 100.002.057.09608, NC 100.002.09608, FI ------",
         ("Xerox", "AltaLink C8045", "100.002.057.09608")),
        ("Xerox Phaser 6180DN; Net 11.74,ESS 200802151717,IOT 05.09.00", ("Xerox", "Phaser 6180DN", "200802151717")),
        ("Xerox D95 Copier-Printer;System 25.11.71,ESS PS1.204.9,IOT 84.13.0,FIN D5.29.0",
         ("Xerox", "D95 Copier-Printer", "25.11.71")),
        ("Samsung SL-M4072FD; V4.00.02.09 MAY-18-2016;Engine V1.00.13;NIC V4.01.42 MAY-18-2016;S/N ZELLBJAH70000CJ",
         ("Samsung", "SL-M4072FD", "V4.00.02.09")),
        ("Samsung ML-2850 Series OS 1.03.00.16 01-22-2008;Engine 1.01.06;NIC V4.01.02(ML-285x) 09-13-2007;S/N 4F66",
         ("Samsung", "ML-2850", "1.03.00.16")),
        ("Samsung C410 Series; V3.00.01.08 Jul-02-2013;Engine V1.00.18", ("Samsung", "C410", "V3.00.01.08")),
        ("Lexmark CX410de version NH.GM.N436 kernel 3.0.0 All-N-1", ("Lexmark", "CX410de", "NH.GM.N436")),
        ("FUJI XEROX DocuPrint CM305 df; Net 16.41,ESS 201210101131,IOT 03.00.05",
         ("Fujifilm", "DocuPrint CM305 df", "201210101131")),
        ("FUJIFILM Apeos C7580; ESS 1.2.3", ("Fujifilm", "Apeos C7580", "1.2.3")),
        ("Lexmark T640 version NS.NP.N219 kernel 2.6.6 All-N-1", ("Lexmark", "T640", "NS.NP.N219")),
        ("Lexmark X860 series version LP.SP.P120 kernel 2.6.28", ("Lexmark", "X860 series", "LP.SP.P120")),
        ("Dell 3115cn Color Laser; Net 10.43,ESS 200612121424", ("Dell", "3115cn", None)),
        ("Dell B3460dn Laser Printer version NH5.CY.N543 kernel 3.0.0 All-N-1", ("Dell", "B3460dn", "NH5.CY.N543")),
        ("Samsung CLX-3170 Series;V1.00.01.64 Sep-27-2010;Engine 1.77.81;NIC V4.01.20(CLX-3170) 02-05-2010",
         ("Samsung", "CLX-3170", "V1.00.01.64")),
    ],
)  # fmt: skip
def test_sysdescr_tells_maker_model_and_firmware(lines, identity):
    """Each maker writes them its own way; the first version named is the machine's own."""
    told = understood(parse_recording(f"1.3.6.1.2.1.1.1.0|4|{lines}\n").varbinds).identity
    assert (told.manufacturer, told.model, told.firmware) == identity


@pytest.mark.parametrize(
    ("lines", "identity"),
    [
        ("1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.641.52.1\n1.3.6.1.2.1.25.3.2.1.2.1|6|1.3.6.1.2.1.25.3.1.5\n"
         "1.3.6.1.2.1.25.3.2.1.3.1|4|Lexmark XC4240 7529901141RTW CXTZJ.074.258", ("XC4240", "7529901141RTW", None)),
        (f"{E}.674.10898.100.1.1.1.0|4|NH62.YS.N636\n1.3.6.1.2.1.1.2.0|6|{E}.674.10898.2.1\n"
         f"{E}.674.10898.100.2.1.2.1.3.1|4|COMMAND SET:;MODEL:Dell S5830dn\n"
         f"{E}.674.10898.100.2.1.2.1.6.1|4|7XQ1R92-132-13", ("S5830dn", "7XQ1R9213213", "NH62.YS.N636")),
        (f"1.3.6.1.2.1.1.1.0|4|IBM Infoprint 1532 version NS.NP.N118 kernel 2.6.6\n1.3.6.1.2.1.1.2.0|6|{E}.641.1",
         ("Infoprint 1532", None, "NS.NP.N118")),
        (f"{E}.641.2.1.2.1.2.1|4|Lexmark X658de\n{E}.641.2.1.2.1.6.1|4|79G1234\n{E}.641.2.1.5.1.0|65|5",
         ("X658de", "79G1234", None)),
        (f"{E}.40093.1.1.1.10|4|M7100DW\n{E}.40093.1.1.1.5|4|CH3A000776\n{E}.40093.1.1.1.1|4|E.3.0.8",
         ("M7100DW", "CH3A000776", "E.3.0.8")),
        (f"{E}.253.8.51.1.2.1.20.1|4|MFG:Xerox; CMD:PCL; MDL:AltaLink C8045;\n{XCM}.6.1.20.1|2|5",
         ("AltaLink C8045", None, None)),
        ("1.3.6.1.2.1.43.11.1.1.6.1.1|4|Cartuccia toner ciano, Phaser 6600DN, PN#106R02237\n"
         f"1.3.6.1.2.1.43.11.1.1.9.1.1|2|5\n{XCM}.6.1.20.1|2|5", ("Phaser 6600DN", None, None)),
        ("1.3.6.1.2.1.25.3.2.1.2.1|6|1.3.6.1.2.1.25.3.1.5\n1.3.6.1.2.1.25.3.2.1.3.1|4|Xerox D95 Copier-Printer "
         f"v 84. 13. 0 Multifunction System\n1.3.6.1.2.1.1.2.0|6|{E}.253.8.62.1", ("D95 Copier-Printer", None, None)),
        ("1.3.6.1.2.1.1.1.0|4|MFG:Pantum;CMD:PJL,PCL;MDL:M7100DW series;CLS:PRINTER;\n"
         f"1.3.6.1.2.1.1.2.0|6|{E}.40093.1.1", ("M7100DW series", None, None)),
        (f"{E}.10642.1.1.0|4|ZTC ZD420-300dpi ZPL\n{E}.10642.1.9.0|4|50J183400519",
         ("ZD420-300dpi ZPL", "50J183400519", None)),
        (f"1.3.6.1.2.1.1.2.0|6|{E}.258.1\n{E}.258.1.2.1.2.0|4|Panasonic DP-MB350", ("DP-MB350", None, None)),
    ],
)  # fmt: skip
def test_makers_have_places_of_their_own_for_who_they_are(lines, identity):
    """Where the standard's places are silent: private trees, device ids, the device's name, those of its supplies."""
    told = understood(parse_recording(f"1.3.6.1.2.1.43.5.1.1.1.1|65|1\n{lines}\n").varbinds).identity
    assert (told.model, told.serial_number, told.firmware) == identity


def lexmark(*rows: tuple[int, int, int]) -> str:
    """A Lexmark with these counts: type, unit (4 sides, 5 sheets), value."""
    columns = [(column, at, row[column - 2]) for at, row in enumerate(rows, 1) for column in (2, 3, 4)]
    return "".join(f"{LXK}.2.1.1.{column}.1.{at}|2|{value}\n" for column, at, value in columns)


def test_large_sides_of_a_lexmark_are_those_on_large_paper():
    """A3, tabloid and B4 of all kinds of paper; A4, legal and what is unknown are not large."""
    sizes = {1: (68, 100, 40), 2: (67, 7, 3), 3: (67, 1, 0), 4: (14, 2, 0), 5: (140, 4, 1), 6: (9, 50, 0), 7: (2, 9, 9)}
    text = lexmark((2, 4, 226), (3, 4, 173), (4, 4, 53))
    for at, (size, mono, color) in sizes.items():
        text += f"{LXK}.2.2.1.2.1.{at}|2|{size}\n{LXK}.2.2.1.6.1.{at}|2|{mono}\n{LXK}.2.2.1.7.1.{at}|2|{color}\n"
    read = meters(understood(parse_recording(text).varbinds))
    assert (read["large_monochrome"], read["large_full_color"], read["large_total"]) == (14, 4, 18)


def test_an_old_lexmark_counts_in_three_objects():
    """The colours are believed because they make the total; where they do not, there is the total alone."""
    base = f"{E}.641.2.1.5"
    total = f"{base}.1.0|65|5000\n{base}.2.0|65|4000\n"
    read = understood(parse_recording(f"{total}{base}.3.0|65|1000\n").varbinds)
    assert meters(read) == {"total": 5000, "monochrome": 4000, "full_color": 1000}
    assert meters(understood(parse_recording(f"{total}{base}.3.0|65|3000\n").varbinds)) == {"total": 5000}


RICOH = f"{E}.367.3.2.1.2.19.5.1"


def ricoh(*rows: tuple[int | None, str, int]) -> str:
    """A Ricoh with these counters: type where it tells one, English name, value."""
    text = f"{E}.367.3.2.1.2.1.4.0|4|W492KB03439\n"
    for at, (kind, name, value) in enumerate(rows, 1):
        text += f"{RICOH}.2.{at}|2|{kind}\n" if kind else ""
        text += f"{RICOH}.5.{at}|4|{name}\n{RICOH}.9.{at}|2|{value}\n"
    return text


def test_a_ricoh_may_tell_its_total_twice():
    """Two blocks of the table begin with the machine total; two different values would be none."""
    twice = ((10, "Counter: Machine Total", 900), (400, "Counter:Print:Total", 900))
    same = ricoh(*twice, (800, "Counter: Machine Total", 900))
    assert meters(understood(parse_recording(same).varbinds)) == {"total": 900, "print_total": 900}
    other = ricoh(*twice, (800, "Counter: Machine Total", 901))
    assert meters(understood(parse_recording(other).varbinds)) == {"print_total": 900}


def test_a_ricoh_is_read_by_the_names_of_its_counters():
    """Where the type column is silent the English names are what the makers' table is known by."""
    text = ricoh(
        (None, "Counter: Machine Total", 900), (None, "Counter:Copy:Black & White", 300),
        (None, "Counter:Print:Full Color", 200), (None, "No. of Printed Sides in Duplex", 80),
        (None, "Coverage: Color Print Page", 5),
    )  # fmt: skip
    found = {"total": 900, "copy_monochrome": 300, "print_full_color": 200, "duplex_total": 80}
    assert meters(understood(parse_recording(text).varbinds)) == found


def test_a_ricoh_tells_what_it_sent():
    """Scans in colour and black are its scans; what went by fax is not among them."""
    text = ricoh((10, "", 900), (870, "", 77), (872, "", 7), (873, "", 30), (874, "", 40))
    found = {"total": 900, "fax_sent": 7, "scan_full_color": 30, "scan_monochrome": 40, "scan_total": 70}
    assert meters(understood(parse_recording(text).varbinds)) == found


def test_samsung_counts_jobs_by_size_and_colour():
    """Large media of all that prints, by colour; scans are on no paper."""
    base = f"{E}.236.11.5.11.53.11.2.1"
    jobs = [(1, 5, 3, 100), (1, 20, 3, 9), (1, 20, 1, 4), (2, 21, 3, 2), (5, 20, 3, 50), (4, 1, 3, 6), (6, 5, 3, 1)]
    text = LIFE.format(116)
    for at, job in enumerate(jobs, 1):
        for column, value in zip((2, 3, 6, 7), job, strict=True):
            text += f"{base}.{column}.1.{at}|2|{value}\n"
    assert meters(understood(parse_recording(text).varbinds)) == {
        "total": 116, "print_total": 113, "print_monochrome": 109, "print_full_color": 4, "copy_total": 2,
        "copy_monochrome": 2, "scan_total": 50, "fax_sent": 6, "report_total": 1, "large_total": 15,
        "large_monochrome": 11, "large_full_color": 4,
    }  # fmt: skip


TOSHIBA = f"{E}.1129.2.3.50.1.3.21.6.1"


@pytest.mark.parametrize(("life", "proven"), [(500, True), (400, False)])
def test_colours_of_a_toshiba_count_where_they_make_the_life_count(life, proven):
    """A model that counts large sheets twice does not: then neither colours nor functions are read, and it is said."""
    counts = {"2.1.1": 150, "2.1.2": 10, "2.1.3": 340, "3.1.1": 100, "3.1.2": 10, "3.1.3": 200,
              "4.1.1": 50, "4.1.2": 0, "4.1.3": 100, "7.1.3": 30, "11.1.3": 10}  # fmt: skip
    text = LIFE.format(life) + "".join(f"{TOSHIBA}.{place}|2|{value}\n" for place, value in counts.items())
    readout = understood(parse_recording(text).varbinds)
    colours = {"monochrome": 340, "full_color": 150, "highlight_color": 10}
    functions = {
        "print_monochrome": 200, "print_full_color": 100, "print_highlight_color": 10, "print_total": 310,
        "copy_monochrome": 100, "copy_full_color": 50, "copy_highlight_color": 0, "copy_total": 150,
        "fax_total": 30, "report_total": 10,
    }  # fmt: skip
    assert meters(readout) == {"total": life} | (functions | colours if proven else {})
    assert ({"unproven_counter", "parts_mismatch"} <= codes(readout)) == (not proven)


@pytest.mark.parametrize(("life", "proven"), [(1200, True), (1600, False)])
def test_colours_of_an_oki_count_where_they_make_the_life_count(life, proven):
    """Three programs share two objects of a long list; the life count proves them or they are not read."""
    base = f"{E}.2001.1.1.1.1.11.1.10"
    text = f"{base}.45.0|4|AK7C031190A0\n{base}.170.1.6.1|2|200\n{base}.170.1.7.1|2|1000\n" + LIFE.format(life)
    colours = {"monochrome": 1000, "full_color": 200} if proven else {}
    assert meters(understood(parse_recording(text).varbinds)) == {"total": life} | colours


def test_a_pantum_without_a_life_count_has_its_own():
    """The life count goes first; the maker's page counter stands in for it, and both are called a fallback."""
    own = f"{E}.40093.1.1.1.5|4|CH3A000776\n{E}.40093.10.3.1.1|2|107\n"
    for text, total, code in ((own, 107, "other_count_as_total"), (own + LIFE.format(106), 106, "life_count_as_total")):
        readout = understood(parse_recording(text).varbinds)
        assert (meters(readout), code in codes(readout)) == ({"total": total}, True)


@pytest.mark.parametrize(
    ("description", "colorant", "part"),
    [
        ("T-FC505E-K", "black", "T-FC505E-K"),
        ("T-FC505EC", "cyan", "T-FC505EC"),
        ("Toner T-FC75E-Y", "yellow", "T-FC75E-Y"),
        ("T-5018E", None, "T-5018E"),
        ("Waste Toner Box", None, None),
    ],
)
def test_an_order_code_of_a_toshiba_tells_the_colour(description, colorant, part):
    """The last letter of a colour toner's code; codes of black machines have none."""
    text = f"1.3.6.1.2.1.1.2.0|6|{E}.1129.2.3.45.1\n"
    for column, value in (("5", "2|3"), ("6", f"4|{description}"), ("8", "2|100"), ("9", "2|50")):
        text += f"1.3.6.1.2.1.43.11.1.1.{column}.1.1|{value}\n"
    [supply] = understood(parse_recording(text).varbinds).supplies
    assert (supply.colorant, supply.part_number) == (colorant, part)

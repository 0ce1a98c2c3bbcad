"""Supplies from several sources at once: the standard's table, the maker's own, alerts, and words."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from agent.printers import Endpoint
from agent.readout import Readout
from agent.snmp.catalogue import shipped
from agent.snmp.interpretation import identify, interpret
from agent.snmp.recording import parse_recording
from agent.snmp.varbinds import Answer, Varbinds
from agent.supplies.levels import Level, Supply
from tests.fleet_process import DEVICES, FleetProcess, printer
from tests.test_profiles import lines_of, understood
from tests.test_recordings import NOW

ROW = "1.3.6.1.2.1.43.11.1.1"
ALERT = "1.3.6.1.2.1.43.18.1.1"
COLORANT = "1.3.6.1.2.1.43.12.1.1.4"
ERROR_STATE = "1.3.6.1.2.1.25.3.5.1.2.1"
MAINTENANCE = "1.3.6.1.4.1.2435.2.3.9.4.2.1.5.5.8.0"


def row(
    index: int, description: str, level: int, *, kind: int = 3, capacity: int = 100, unit: int = 19, colorant: int = 0
) -> str:
    """A row of prtMarkerSuppliesTable as a recording has it."""
    cells = {3: colorant, 4: 4 if kind in (4, 8) else 3, 5: kind, 7: unit, 8: capacity, 9: level}
    numbers = "".join(f"{ROW}.{column}.1.{index}|2|{value}\n" for column, value in cells.items())
    return f"{numbers}{ROW}.6.1.{index}|4x|{description.encode().hex()}\n"


def alert(code: int, description: str, *, group: int = 11, index: int = -1, severity: int = 4) -> str:
    """A row of prtAlertTable as a recording has it."""
    cells = {2: severity, 4: group, 5: index, 7: code}
    numbers = "".join(f"{ALERT}.{column}.1.1|2|{value}\n" for column, value in cells.items())
    return f"{numbers}{ALERT}.8.1.1|4x|{description.encode().hex()}\n"


def read(*lines: str) -> Readout:
    return understood(parse_recording("1.3.6.1.2.1.43.5.1.1.1.1|65|1\n" + "".join(lines)).varbinds)


def only(*lines: str) -> Supply:
    (supply,) = read(*lines).supplies
    return supply


def codes(readout: Readout) -> set[str]:
    return {finding.code for finding in readout.findings}


FOUR = "".join(
    row(at, f"{color} Toner", -3, capacity=-2) for at, color in enumerate(("Black", "Cyan", "Magenta", "Yellow"), 1)
)


@pytest.mark.parametrize(
    ("description", "colorant"),
    [
        ("Black Toner [K] Cartridge;SN45220180E0000465", "black"),
        ("Cartuccia toner giallo, Phaser 6600DN, PN#106R02239", "yellow"),
        ("Tonerkartusche Schwarz", "black"),
        ("Cartouche de toner noir", "black"),
        ("Cartucho de tóner amarillo", "yellow"),
        ("Cyaan tonercartridge", "cyan"),
        ("青色碳粉盒", "cyan"),
        ("黑色墨粉", "black"),
        ("CANON Matte Black Ink Tank", "matte_black"),
        ("tri-color ink cartridge HP unknown", "tri_color"),
        ("Cyan/Magenta/Yellow Imaging Kit", None),
        ("Toner Cartridge", None),
        ("Blackbird Toner", None),
        ("TK-8527K", None),
    ],
)
def test_a_color_is_what_the_words_say_for_sure(description, colorant):
    """In many languages; two colours in one text, or a part of a longer word, are none."""
    assert only(row(1, description, 50)).colorant == colorant


def test_a_part_code_tells_the_color_of_its_maker_only():
    """TK-8527K is black at Kyocera, where the profile knows the suffix; elsewhere a K is a letter."""
    kyocera = "1.3.6.1.2.1.1.1.0|4|KYOCERA Document Solutions Printing System\n"
    supply = only(kyocera, row(1, "TK-8527K", 50))
    assert (supply.colorant, supply.part_number) == ("black", "TK-8527K")


def test_the_colorant_table_goes_before_words_and_is_never_contradicted():
    """The order of colours differs by maker, so the table decides; where words name another, none is sure."""
    table = f"{COLORANT}.1.1|4|ciano\n"
    assert only(table, row(1, "Toner Cartridge", 50, colorant=1)).colorant == "cyan"
    readout = read(table, row(1, "Black Toner", 50, colorant=1))
    assert readout.supplies[0].colorant is None
    assert "colorant_contradicts" in codes(readout)


@pytest.mark.parametrize(
    ("named", "colorant"),
    [("Cyan", "cyan"), ("gelb", "yellow"), ("K", "black"), ("none", None), ("other", None), ("", None), ("Toner", None),
     ("black ink cartridge", "black"), ("cyan magenta yellow", None)],
)  # fmt: skip
def test_the_colorant_table_may_be_localised_or_say_nothing(named, colorant):
    """Words and letters for colours are understood; what is none is no colour."""
    assert only(f"{COLORANT}.1.1|4|{named}\n", row(1, "Cartridge", 50, colorant=1)).colorant == colorant


@pytest.mark.parametrize(("process", "colorant"), [(1, "black"), (4, None)])
def test_the_only_toner_of_a_monochrome_marker_is_black(process, colorant):
    """prtMarkerProcessColorants 1 is monochrome; of a colour engine a nameless toner stays nameless."""
    lines = f"1.3.6.1.2.1.43.10.2.1.6.1.1|2|{process}\n"
    assert only(lines, row(1, "Toner Cartridge", 50)).colorant == colorant


@pytest.mark.parametrize(
    ("description", "part", "serial"),
    [
        ("Black Toner, PN 006R01509;SN5622E580E000047E", "006R01509", "5622E580E000047E"),
        ("Black Toner Cartridge, PN 52D2H00, SN CAP20105189C", "52D2H00", "CAP20105189C"),
        ("Fuser, PN unknown;SNunknown", None, None),
        ("Cartuccia toner, PN Genuine Xerox(R) Toner;SNB900440004150000", None, "B900440004150000"),
        ("Black Toner Cartridge S/N:CRUM-18043000117", None, "CRUM-18043000117"),
        ("Black Toner Cartridge S/N:CRUM-", None, None),
        ("Cyan Toner", None, None),
    ],
)
def test_part_and_serial_numbers_stand_in_descriptions(description, part, serial):
    """What is unknown, generic or cut is no number."""
    supply = only(row(1, description, 50))
    assert (supply.part_number, supply.serial_number) == (part, serial)


@pytest.mark.parametrize(
    ("maker", "description", "part"),
    [
        ("HP LaserJet", "Black Cartridge HP CF410A", "CF410A"),
        ("HP LaserJet", "Black Cartridge HP CE410X", "CE410X"),
        ("HP LaserJet", "black ink cartridge HP unknown", None),
        ("KYOCERA", "TK-5240K", "TK-5240K"),
        ("Brother", "TN-350/TN-2000", "TN-350"),
        ("Canon iR", "Canon C-EXV 65 Black Toner", "C-EXV 65"),
        ("EPSON", "Cyan Ink Supply Unit T9442/T9452", None),
        ("EPSON", "Cyan Ink Cartridge T9442", "T9442"),
    ],
)
def test_makers_write_part_numbers_their_own_way(maker, description, part):
    """By the expressions of each maker's profile; numbers of several regions are not the part's."""
    assert only(f"1.3.6.1.2.1.1.1.0|4|{maker} X1\n", row(1, description, 50)).part_number == part


def test_one_bottle_in_two_rows_is_one_supply():
    """Konica's "Toner bottle" says "some left", its "detail" the percentage: the row that knows more stays."""
    konica = "1.3.6.1.2.1.1.1.0|4|KONICA MINOLTA AccurioPress\n"
    lines = row(1, "Toner bottle(Cyan)", -3, capacity=-2), row(5, "Toner bottle detail(Cyan)", 37, capacity=-2)
    supply = only(konica, *lines)
    assert (supply.slot, supply.level.percent) == ("1.5", 37.0)


def test_two_staplers_of_the_same_words_are_two():
    """Equal rows are different things."""
    konica = "1.3.6.1.2.1.1.1.0|4|KONICA MINOLTA bizhub\n"
    assert len(read(konica, row(1, "Stapler", 10, kind=32), row(2, "Stapler", 20, kind=32)).supplies) == 2


def test_a_receptacle_is_one_whatever_its_class_says():
    """Some makers call their waste box a supply that is consumed; the type decides."""
    supply = only(row(1, "Waste Toner Box", -3, kind=4), f"{ROW}.4.1.1|2|3\n")
    assert (supply.supply_class, supply.level.kind) == ("receptacle", "some_left")


def test_a_profile_may_say_that_a_waste_box_tells_how_full_it_is(tmp_path):
    """RFC 3805 has the space left; where a model is known to count the other way, the profile turns it round."""
    (tmp_path / "own.toml").write_text(
        'name="own"\nversion=1\nsource="status page"\n[[match]]\nmanufacturer="Sharp"\n'
        '[[supplies.levels]]\nmodel="MX-3.7"\ntypes=["waste_toner"]\ncounts="used"\nsource="status page"\n'
    )
    catalogue = shipped(tmp_path)
    for model, percent in (("MX-3070", 20.0), ("MX-2651", 80.0)):
        text = f"1.3.6.1.2.1.1.1.0|4|SHARP {model}\n{row(1, 'Waste Toner', 80, kind=4)}"
        varbinds = parse_recording(text).varbinds
        identity, _ = identify(catalogue.generic, varbinds)
        profile = catalogue.choose(identity, varbinds)
        readout = interpret(profile, Endpoint("127.0.0.1"), Varbinds(), Answer(varbinds, "recording", 0), NOW)
        assert readout.supplies[0].level.percent == percent


@pytest.mark.parametrize(
    ("levels", "interval"),
    [
        ((40, 20, 50, 50), (30.0, 50.0)),
        ((25, 50, 75, 100), (0.0, 50.0)),
        ((40, 21, 50, 60), (40.0, 40.0)),
        ((40, 40, 40, 40), (40.0, 40.0)),
        ((50, 100, 100, 0), (50.0, 50.0)),
    ],
)
def test_levels_that_move_in_steps_are_intervals(levels, interval):
    """Different levels that are all multiples of ten prove the step; equal, full and empty ones prove nothing."""
    lines = [row(at, f"{color} Toner", level) for at, (color, level) in
             enumerate(zip(("Black", "Cyan", "Magenta", "Yellow"), levels, strict=True), 1)]  # fmt: skip
    first = read(*lines).supplies[0].level
    assert (first.percent, first.low, first.high) == (float(levels[0]), *interval)


def test_a_ricoh_that_is_empty_says_minus_100():
    """Below zero and no code of the standard: the profile knows it."""
    ricoh = "1.3.6.1.2.1.1.1.0|4|RICOH Aficio MP C3002 2.20 / RICOH Network Printer\n"
    assert only(ricoh, row(1, "Black Toner", -100)).level.kind == "empty"


@pytest.mark.parametrize(
    ("told", "kind", "place"),
    [
        (alert(1104, "Toner low", index=3), "at_most", 2),
        (alert(1101, "Toner empty", index=2), "empty", 1),
        (alert(12, "Cyan cartridge low", index=2), "at_most", 1),
        (alert(1104, "Toner Low (M)", group=1, index=0), "at_most", 2),
        (alert(1104, "Toner fast leer: Gelb", group=1), "at_most", 3),
        (alert(1104, "Black toner low", index=3), "at_most", 0),
    ],
)
def test_an_alert_says_what_the_level_does_not(told, kind, place):
    """Constant "some left", and an alert that a toner is low: joined by row, else by colour; the source says so."""
    readout = read(FOUR, told)
    kinds = [supply.level.kind for supply in readout.supplies]
    assert kinds == [kind if at == place else "some_left" for at in range(4)]
    assert readout.supplies[place].source == f"{ALERT}.7.1.1"
    assert readout.supplies[place].level.percent is None


@pytest.mark.parametrize(
    "told",
    [
        alert(1104, "Toner low", group=1),
        alert(12, "Tray low", group=8, index=1),
        alert(23, "Sleep"),
        alert(0, "Sleep", group=0, severity=0),
        alert(807, "Low paper", group=8, index=2),
        alert(1107, "Waste toner almost full"),
    ],
)
def test_an_alert_that_names_no_supply_changes_none(told):
    """Paper, sleep, a toner without a colour on a colour printer, a box that is not there: every level stays."""
    assert {supply.level.kind for supply in read(FOUR, told).supplies} == {"some_left"}


@pytest.mark.parametrize(
    ("state", "kind"),
    [("20", "at_most"), ("2000", "at_most"), ("10", "empty"), ("3000", "empty"), ("00", "some_left"), ("", "some_left"),
     ("00000020", "some_left"), ("8000", "some_left")],
)  # fmt: skip
def test_the_error_state_speaks_of_the_only_toner(state, kind):
    """lowToner and noToner of hrPrinterDetectedErrorState, of one, two, more or no octets."""
    assert only(row(1, "Toner", -3, capacity=-2), f"{ERROR_STATE}|4x|{state}\n").level.kind == kind


def test_the_error_state_is_pinned_on_no_color():
    """One bit for four toners: nobody knows which, so none is low, and a finding says that."""
    readout = read(FOUR, f"{ERROR_STATE}|4x|2000\n")
    assert {supply.level.kind for supply in readout.supplies} == {"some_left"}
    assert "supply_low_unnamed" in codes(readout)


def test_a_level_above_half_contradicts_an_alert():
    """Both are shown, the level stays."""
    readout = read(row(1, "Black Toner", 80), alert(1104, "Black toner low", index=1))
    assert readout.supplies[0].level == Level("exact", 80.0, 80.0, 80.0)
    assert "supply_differs" in codes(readout)


def test_alert_codes_are_words():
    """Keywords of PrtAlertCodeTC; a code that no list knows stays a number."""
    assert [one.code for one in read(alert(1104, "x")).alerts] == ["marker_toner_almost_empty"]
    assert [one.code for one in read(alert(40007, "x")).alerts] == ["40007"]


BROTHER = "1.3.6.1.2.1.1.1.0|4|Brother NC-8900h\n1.3.6.1.2.1.25.3.2.1.3.1|4|Brother MFC-L8900CDW series\n"


@pytest.mark.parametrize(
    ("blob", "level"),
    [
        ("6f010400001838", Level("exact", 62.0, 62.0, 62.0)),
        ("8101040000003c", Level("exact", 60.0, 50.0, 60.0)),
        ("310104000000026f0104ffffffff", Level("at_most", low=0.0)),
        ("31010400000001", Level("some_left", low=0.0, high=100.0)),
        ("6f010101", Level("some_left", low=0.0, high=100.0)),
        ("6f0104ffffff00", Level("some_left", low=0.0, high=100.0)),
        ("6f01", Level("some_left", low=0.0, high=100.0)),
    ],
)
def test_brother_tells_toner_in_a_blob(blob, level):
    """Hundredths of a percent, else tens that are rounded up, else a status; nonsense leaves "some left"."""
    supply = only(BROTHER, row(1, "Black Toner Cartridge", -3, capacity=-2, unit=13), f"{MAINTENANCE}|4x|{blob}\n")
    assert supply.level == level
    assert supply.slot == "1.1"


def test_old_ink_levels_are_fractions():
    """Two octets, what is left and what would be full: 04 14 is 20 percent."""
    levels = [one.level.percent for one in read(BROTHER, f"{MAINTENANCE}|4x|a101020414a201020c14\n").supplies]
    assert levels == [20.0, 60.0]


def test_both_levels_are_shown_where_the_maker_and_the_standard_differ():
    """The profile decides which one counts; the other is in the finding."""
    table = "1.3.6.1.4.1.367.3.2.1.2.24.1.1"
    ricoh = "1.3.6.1.2.1.1.1.0|4|RICOH IM C3010 1.07 / RICOH Network Printer\n"
    readout = read(ricoh, row(1, "Black Toner", 80), f"{table}.4.1|2|13\n{table}.5.1|2|42\n")
    assert readout.supplies[0].level.percent == 42.0
    assert readout.supplies[0].source == f"{table}.5.1"
    assert "supply_differs" in codes(readout)


@pytest.mark.skipif(sys.platform != "linux", reason="addresses of their own need Linux")
def test_supplies_of_makers_come_over_the_wire(tmp_path):
    """Brother's blob, Ricoh's and Lexmark's tables on loopback: the question asks for all that the profiles join."""
    names = ["brother_mfc_l8905cdw", "ricoh_im_c3010", "lexmark_cx735", "konica_bizhub_368e"]
    fleet = [printer(name, f"127.20.11.{at}", name) for at, name in enumerate(names, 1)]
    with FleetProcess(tmp_path, fleet) as world:
        targets = {f"{line['address']}:{world.ports[line['name']]}": line["name"] for line in fleet}
        command = [sys.executable, "-m", "agent", "read", "--json", *targets]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    for line in done.stdout.splitlines():
        told = json.loads(line)
        alone = understood(parse_recording(lines_of(DEVICES / f"{targets[told['target']]}.toml")).varbinds)
        expected = [(one.slot, one.level.percent, one.colorant, one.part_number) for one in alone.supplies]
        assert [
            (one["slot"], one["level"]["percent"], one["colorant"], one["part_number"]) for one in told["supplies"]
        ] == expected


@pytest.mark.skipif(sys.platform != "linux", reason="addresses of their own need Linux")
@pytest.mark.parametrize(
    ("lines", "profile", "total"),
    [
        ("1.3.6.1.4.1.11.2.3.9.4.2.1.4.1.2.5.0|2|777\n1.3.6.1.4.1.11.2.3.9.4.2.1.4.1.2.6.0|2|777\n", "hp", 777),
        ("1.3.6.1.4.1.18334.1.1.1.5.7.2.1.1.0|2|500\n", "konica-minolta", 500),
        ("1.3.6.1.4.1.2435.2.3.9.4.2.1.5.5.10.0|4x|0001040000134b\n", "brother", 4939),
        ("1.3.6.1.4.1.253.8.53.13.2.1.6.1.20.1|2|209\n", "xerox", 209),
    ],
)
def test_a_printer_with_the_makers_tree_alone_is_read_over_the_wire(tmp_path, lines, profile, total):
    """No system group: a single object of the maker says who made it, and its profile reads the total."""
    source = tmp_path / "private.snmprec"
    source.write_text(f"1.3.6.1.2.1.43.5.1.1.1.1|65|1\n{lines}")
    fleet = [{"name": "private", "address": "127.20.12.1", "source": str(source)}]
    with FleetProcess(tmp_path, fleet) as world:
        command = [sys.executable, "-m", "agent", "read", "--json", f"127.20.12.1:{world.ports['private']}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    told = json.loads(done.stdout)
    found = [one for one in told["counters"] if one["meter"] == "total"]
    assert [(one["value"], one["profile"].partition("/")[0]) for one in found] == [(total, profile)]

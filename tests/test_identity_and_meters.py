"""Who every recorded printer is, as one table; all meters of recordings and of own devices, maker by maker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.snmp.catalogue import shipped
from agent.snmp.interpretation import identify
from agent.snmp.recording import load_recording, parse_recording
from benchmarks.accuracy import all_scores
from benchmarks.identities import UNTOLD
from tests.conftest import RECORDINGS
from tests.fleet_process import DEVICES, FleetProcess, printer
from tests.test_profiles import lines_of, meters, understood

ENTERPRISES = "1.3.6.1.4.1"


def said_of(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    described = file.with_suffix(".expected.json")
    whole = json.loads(described.read_text("utf-8")) if described.exists() else {}
    return whole, whole.get("derived", whole)


@pytest.mark.recordings
def test_every_recorded_printer_is_who_it_is():
    """Maker, model, serial number and firmware of all recordings are the expected ones; unknown is what is untold."""
    values = [(score.name, value) for score in all_scores(RECORDINGS) for value in score.values]
    told = [(name, value) for name, value in values if value.kind == "identity"]
    assert len(told) > 200
    assert [(name, value) for name, value in told if value.verdict == "wrong"] == []
    unknown = {name: value.what for name, value in told if value.verdict == "unknown" and value.remark != UNTOLD}
    assert unknown == {"printlevels/lexmark_xc2235": "manufacturer"}  # names of supplies alone, which are no maker's


# All that the makers of this file's profiles tell in a recording: meter -> what the expected file calls it.
SHARP = {
    "monochrome": "Black & White Total Count [5.4.61]", "full_color": "Full Color Total Count [5.4.63]",
    "two_color": "Two Color Total Count [5.4.64]", "highlight_color": "Single Color Total Count [5.4.80]",
    "print_total": "Prints [1.4.60]", "print_monochrome": "Black & White Print Count [1.4.61]",
    "print_full_color": "Full Color Print Count [1.4.63]", "copy_total": "Copies [4.4.60]",
    "copy_monochrome": "Black & White Copy Count [4.4.61]", "copy_full_color": "Full Color Copy Count [4.4.63]",
    "duplex_total": "Duplex [1.4.75]", "scan_total": "Scan to E-mail/FTP [7.4.50]",
    "copy_two_color": "Two Color Copy Count [4.4.64]", "copy_highlight_color": "Single Color Copy Count [4.4.80]",
    "other_monochrome": "Black & White Other Count [5.5.61]", "other_full_color": "Full Color Other Count [5.5.63]",
    "feeder_total": "Document Feeder [6.4.70]", "scan_monochrome": "Black & White Scanner Count [7.4.51]",
    "scan_full_color": "Full Color Scanner Count [7.4.53]", "scan_stored": "Scan to HDD [8.4.50]",
    "scan_stored_monochrome": "Black & White Scan to HDD Count [8.4.51]",
    "scan_stored_full_color": "Full Color Scan to HDD Count [8.4.53]",
    "scan_stored_two_color": "Two Color Scan to HDD Count [8.4.54]", "filed_total": "Prints (Document Filing) [8.4.60]",
    "filed_monochrome": "Black & White Document Filing Print Count [8.4.61]",
    "filed_full_color": "Full Color Document Filing Print Count [8.4.63]",
    "filed_two_color": "Two Color Document Filing Print Count [8.4.64]",
    "filed_highlight_color": "Single Color Document Filing Count [8.4.80]",
}  # fmt: skip
CANON = {"total": "Total 1 [1]", "copy_total": "Copy (Total 1) [17]", "print_total": "Print (Total 1) [25]"}
LIFE_COUNT = "life count"
LABELLED = {
    "librenms/sharp": SHARP | {"total": LIFE_COUNT},
    "quoted/canon_mf642c": CANON,
    "librenms/canonprinter_tm": {"total": LIFE_COUNT},
    "librenms/ricoh_mpc3002": {"total": LIFE_COUNT},
    "printmaster/epson_sc": {"total": LIFE_COUNT},
    "librenms/gestetner": {}, "librenms/lanier": {}, "librenms/ricoh": {}, "librenms/epson": {},
    "librenms/canonprinter_ir-adv": {}, "librenms/canonprinter_mf": {}, "librenms/sharp_mx2614n": {},
    "librenms/sharp_mxc301w": {}, "librenms/okilan_9450g": {}, "librenms/toshiba-tec_estudio2505": {},
    "librenms/toshiba-tec_ev4": {}, "librenms/toshiba-tec_fv4": {}, "librenms/tsc": {}, "librenms/zebra": {},
}  # fmt: skip


@pytest.mark.recordings
@pytest.mark.parametrize("name", LABELLED)
def test_all_meters_of_a_recording_are_the_labelled_ones(name):
    """Every meter that the recording holds, with its labelled value, and no meter that it does not hold."""
    file = RECORDINGS / f"{name}.snmprec"
    _, derived = said_of(file)
    standard = derived.get("standard_counters", {}).get("prtMarkerLifeCount.1.1", {})
    values = derived["vendor_counters_labelled"] | {LIFE_COUNT: standard.get("value")}
    wanted = {meter: values[label] for meter, label in LABELLED[name].items()}
    assert meters(understood(load_recording(file).varbinds)) == wanted


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("librenms/ricoh_mpc3002", "impressions"),
        ("librenms/canonprinter_tm", "sheets"),
        ("printmaster/epson_sc", "sheets"),
    ],
)
def test_a_life_count_in_sheets_is_pages_only_where_that_is_known(name, unit):
    """Ricoh says sheets and counts sides; of plotters nobody knows that, so their life count stays sheets."""
    readout = understood(load_recording(RECORDINGS / f"{name}.snmprec").varbinds)
    assert [counter.unit for counter in readout.counters if counter.meter == "total"] == [unit]


RICOH = {
    "total": 305118, "copy_total": 102564, "copy_monochrome": 70044, "copy_full_color": 32500,
    "copy_highlight_color": 20, "print_total": 201344, "print_monochrome": 120311, "print_full_color": 81000,
    "print_highlight_color": 33, "fax_total": 1210, "fax_monochrome": 1210, "large_total": 18010,
    "duplex_total": 140022, "monochrome": 191565, "full_color": 113500, "highlight_color": 53,
}  # fmt: skip
WHOLE = {
    "ricoh_im_c3010": RICOH,
    "canon_ir_adv_c3831": {"total": 91477, "total_equivalent": 97597, "monochrome": 52020, "full_color": 39457,
        "large_total": 6120, "large_monochrome": 2110, "large_full_color": 4010, "small_total": 85357,
        "copy_total": 25374, "print_total": 66103, "scan_total": 30418},
    "epson_wf_c5895": {"total": 48331, "monochrome": 18220, "full_color": 30111, "print_total": 40331,
        "print_monochrome": 14331, "print_full_color": 26000, "copy_total": 8000, "copy_monochrome": 3889,
        "copy_full_color": 4111},
    "brother_mfc_l8905cdw": {"total": 37412, "monochrome": 21306, "full_color": 16106, "duplex_total": 14880,
        "print_total": 30112, "print_monochrome": 16210, "print_full_color": 13902, "copy_total": 6900,
        "copy_monochrome": 4696, "copy_full_color": 2204, "fax_total": 388, "fax_monochrome": 388},
    "hp_color_laserjet_e57540": {"total": 48211, "monochrome": 29870, "full_color": 18341, "duplex_total": 21004,
        "scan_total": 15031, "copy_total": 8004, "fax_total": 66},
    "kyocera_taskalfa_3555ci": {"total": 214902, "monochrome": 141871, "full_color": 72911, "highlight_color": 120,
        "print_total": 131240, "print_monochrome": 78310, "print_highlight_color": 120, "print_full_color": 52810,
        "copy_total": 80212, "copy_monochrome": 60111, "copy_highlight_color": 0, "copy_full_color": 20101,
        "fax_total": 3450, "fax_monochrome": 3450, "fax_highlight_color": 0, "fax_full_color": 0,
        "large_total": 11204, "large_monochrome": 7004, "large_full_color": 4200, "duplex_total": 34702,
        "print_large_total": 8104, "print_large_monochrome": 4504, "print_large_full_color": 3600,
        "copy_large_total": 3100, "copy_large_monochrome": 2500, "copy_large_full_color": 600, "scan_total": 113550},
    "konica_bizhub_c301i": {"total": 128431, "monochrome": 79581, "full_color": 48850, "total_sheets": 91277,
        "large_total": 9214, "large_monochrome": 3835, "large_full_color": 5379, "duplex_total": 74308,
        "duplex_monochrome": 49312, "duplex_full_color": 24996, "large_duplex_total": 3120, "scan_total": 33871,
        "copy_total": 25117, "copy_monochrome": 18377, "copy_full_color": 6740, "copy_large_total": 1924,
        "copy_large_monochrome": 820, "copy_large_full_color": 1104, "copy_duplex_total": 12090,
        "copy_duplex_monochrome": 9200, "copy_duplex_full_color": 2890, "print_total": 103314,
        "print_monochrome": 61204, "print_full_color": 42110, "print_large_total": 7290,
        "print_large_monochrome": 3015, "print_large_full_color": 4275, "print_duplex_total": 62218,
        "print_duplex_monochrome": 40112, "print_duplex_full_color": 22106},
    "sharp_mx_3061": {"total": 97367, "monochrome": 70173, "full_color": 27184, "two_color": 0, "highlight_color": 10,
        "print_total": 62222, "print_monochrome": 40112, "print_full_color": 22110, "copy_total": 35055,
        "copy_monochrome": 30001, "copy_full_color": 5044, "copy_two_color": 0, "copy_highlight_color": 10,
        "other_monochrome": 60, "other_full_color": 30, "duplex_total": 31408, "scan_total": 11402,
        "scan_monochrome": 7300, "scan_full_color": 4102},
    "oki_mc854": {"total": 64110},
    "samsung_sl_c3062": {"total": 43066, "monochrome": 31022, "full_color": 12044, "print_total": 39000,
        "print_monochrome": 28000, "print_full_color": 11000, "copy_total": 4066, "copy_monochrome": 3022,
        "copy_full_color": 1044, "scan_total": 5110},
    "lexmark_cx735": {"total": 57902, "monochrome": 31780, "full_color": 26122, "print_total": 55010,
        "print_monochrome": 30000, "print_full_color": 25010, "copy_total": 2892, "copy_monochrome": 1780,
        "copy_full_color": 1112, "total_sheets": 44101, "print_sheets": 43000, "copy_sheets": 1101,
        "large_total": 1902, "large_monochrome": 780, "large_full_color": 1122, "scan_total": 6000,
        "scan_network": 5000, "scan_email": 1000, "scan_sides": 8012},
    "xerox_altalink_c8155": {"total": 173904, "monochrome": 98812, "full_color": 75092, "large_total": 8130,
        "large_full_color": 5120, "large_monochrome": 3010, "print_total": 131311, "print_monochrome": 71210,
        "print_full_color": 60101, "copy_total": 40291, "copy_monochrome": 25300, "copy_full_color": 14991,
        "fax_total": 2302, "scan_network": 21034, "scan_email": 3110, "scan_total": 24144},
}  # fmt: skip


@pytest.mark.parametrize("device", WHOLE)
def test_a_described_device_tells_exactly_these_meters(device):
    """All meters of our own devices of these makers, none more and none less."""
    text = lines_of(DEVICES / f"{device}.toml")
    assert meters(understood(parse_recording(text).varbinds)) == WHOLE[device]


@pytest.mark.skipif(sys.platform != "linux", reason="addresses of their own need Linux")
def test_the_meters_come_over_the_wire_too(tmp_path):
    """The same devices over SNMP on loopback, Canon in version 1: what is asked for is enough for every meter."""
    fleet = [printer(name, f"127.20.9.{at}", name) for at, name in enumerate(WHOLE, 1)]
    with FleetProcess(tmp_path, fleet) as world:
        targets = [f"{line['address']}:{world.ports[line['name']]}" for line in fleet]
        command = [sys.executable, "-m", "agent", "read", "--json", *targets]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    read = [json.loads(line) for line in done.stdout.splitlines()]
    told = {one["target"]: {counter["meter"]: counter["value"] for counter in one["counters"]} for one in read}
    assert told == dict(zip(targets, WHOLE.values(), strict=True))


def test_scans_of_a_sharp_are_found_by_name():
    """On other models group 8 holds the scans to e-mail; the row that says so is read, wherever it stands."""
    names, values = f"{ENTERPRISES}.2385.1.1.19.2.1.4", f"{ENTERPRISES}.2385.1.1.19.2.1.3"
    text = (
        f"{names}.7.4.50|4|Scan to HDD\n{values}.7.4.50|65|6\n"
        f"{names}.8.4.50|4|Scan to E-mail/FTP\n{values}.8.4.50|65|900\n"
    )
    assert meters(understood(parse_recording(text).varbinds)) == {"scan_total": 900, "scan_stored": 6}


def test_a_toshiba_without_color_tells_black_alone():
    """-1 is a colour that is not offered; the total of the function `all` is not believed: it is the life count."""
    base = f"{ENTERPRISES}.1129.2.3.50.1.3.21.6.1"
    text = (
        "1.3.6.1.2.1.1.1.0|4|TOSHIBA e-STUDIO2508A\n"
        "1.3.6.1.2.1.43.10.2.1.3.1.1|2|7\n1.3.6.1.2.1.43.10.2.1.4.1.1|65|52\n"
        f"{base}.2.1.4|2|99\n{base}.3.1.1|2|-1\n{base}.3.1.3|2|40\n{base}.4.1.1|2|-1\n{base}.4.1.3|2|12\n"
    )
    readout = understood(parse_recording(text).varbinds)
    functions = {"print_monochrome": 40, "copy_monochrome": 12, "print_total": 40, "copy_total": 12}
    assert meters(readout) == {"total": 52} | functions
    assert "life_count_as_total" in {finding.code for finding in readout.findings}


@pytest.mark.parametrize(
    ("lines", "serial"),
    [
        ("{e}.367.3.2.1.2.1.4.0|4|M6394300657", "M6394300657"),
        ("{e}.1347.43.5.1.1.28.1|4|QUV9600664", "QUV9600664"),
        ("{e}.1248.1.2.2.1.1.1.5.1|4|X8G9000415", "X8G9000415"),
        ("{e}.2001.1.1.1.1.11.1.10.45.0|4|AK7C031190A0", "AK7C031190A0"),
        ("{e}.40093.1.1.1.5|4|CF3A012345", "CF3A012345"),
        ("1.3.6.1.2.1.1.1.0|4|Pantum M6500\n{e}.40093.10.1.1.4|4|CF3A012345", "CF3A012345"),
        ("1.3.6.1.2.1.1.1.0|4|HP X\n{e}.11.2.3.9.4.2.1.1.3.3.0|4x|0115564e435243343831", "VNCRC481"),
        ("1.3.6.1.2.1.1.1.0|4|HP ETHERNET,SN:VNCRC48198,FN:4Q,PID:HP LaserJet M130nw", "VNCRC48198"),
        ("1.3.6.1.2.1.1.1.0|4|HP ETHERNET MULTI-ENVIRONMENT,SN:VNCRC48198,JETDIRECT EX", None),
        ("1.3.6.1.2.1.43.5.1.1.17.1|4|0000\n1.3.6.1.2.1.1.1.0|4|Xerox X\n{e}.253.8.53.3.2.1.3.1|4|33533", "33533"),
        ("1.3.6.1.2.1.43.5.1.1.17.1|4|0000000000", None),
    ],
)  # fmt: skip
def test_a_serial_number_is_found_where_only_the_maker_has_it(lines, serial):
    """In the makers' own objects, without the prefix of HP's; zeros and a network card's number are none."""
    text = f"1.3.6.1.2.1.43.5.1.1.1.1|65|1\n{lines.format(e=ENTERPRISES)}\n"
    assert understood(parse_recording(text).varbinds).identity.serial_number == serial


@pytest.mark.parametrize(
    ("lines", "model"),
    [
        ("1.3.6.1.2.1.25.3.2.1.3.1|4|Generic 28C-1\n1.3.6.1.2.1.1.1.0|4|KONICA MINOLTA bizhub C3110", "bizhub C3110"),
        ("1.3.6.1.2.1.25.3.2.1.3.1|4|Generic 28C-1", None),
        ("1.3.6.1.2.1.1.1.0|4|HP ETHERNET MULTI-ENVIRONMENT,SN:X,PID:HP LaserJet MFP M130nw", "LaserJet MFP M130nw"),
        ("1.3.6.1.2.1.1.1.0|4|HP ETHERNET MULTI-ENVIRONMENT", None),
        ("1.3.6.1.2.1.1.1.0|4|Canon iR-ADV C5235 /P", "iR-ADV C5235"),
        ("1.3.6.1.2.1.1.1.0|4|RICOH Aficio MP C3002 2.20 / RICOH Network Printer C model", "Aficio MP C3002"),
        ("1.3.6.1.2.1.1.1.0|4|OKI OkiLAN 9450g Rev.00.69 PrintServer: Attached to MC873 Rev.07.87 : (c)", "MC873"),
        ("1.3.6.1.2.1.1.1.0|4|TTP244CE Version: 7.02 EZD\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.51966.2.6", "TTP244CE"),
    ],
)  # fmt: skip
def test_a_model_is_a_model(lines, model):
    """Without maker, firmware and page description language; a network card or a generic text is no model."""
    assert understood(parse_recording(f"{lines}\n").varbinds).identity.model == model


@pytest.mark.parametrize("place", ["1.3.6.1.2.1.47.1.1.1.1.15.1", "1.3.6.1.4.1.11.2.3.9.4.2.1.1.3.12.0"])
def test_the_asset_tag_that_people_entered_is_part_of_the_identity(tmp_path, place):
    """By the standard's place and by HP's; blank is none. Asked in the first question, because it may be the match."""
    tagged = [
        printer("tagged", "127.61.0.1", "hp_color_laserjet_e57540", set={place: "4|INV-4711"}),
        printer("blank", "127.61.0.2", "konica_bizhub_c301i", set={place: "4|  "}),
    ]
    with FleetProcess(tmp_path, tagged) as fleet:
        port = fleet.ports["tagged"]
        asked = ["discover", "--range", "127.61.0.1-127.61.0.2", "--port", str(port), "--json"]
        done = subprocess.run(
            [sys.executable, "-m", "agent", *asked],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
    found = {one["target"]: one["identity"]["asset_tag"] for one in map(json.loads, done.stdout.splitlines())}
    assert found == {f"127.61.0.1:{port}": "INV-4711", f"127.61.0.2:{port}": None}


DEVICES_TABLE = "1.3.6.1.2.1.25.3"
A_PRINTER, A_CPU = f"6|{DEVICES_TABLE}.1.5", f"6|{DEVICES_TABLE}.1.3"
LEFT_ALONE = {
    "a Windows server that shares a printer": (
        "Hardware: Intel64 Family 6 - Software: Windows Version 6.3", "311.1.1.3.1.2",
        [f"{DEVICES_TABLE}.2.1.2.1|{A_PRINTER}", f"{DEVICES_TABLE}.2.1.3.1|4|HP Universal Printing PCL 6",
         f"{DEVICES_TABLE}.2.1.2.2|{A_CPU}"]),
    "a Linux server with CUPS": (
        "Linux srv 6.1.0", "8072.3.2.10",
        [f"{DEVICES_TABLE}.2.1.2.1025|{A_PRINTER}", f"{DEVICES_TABLE}.2.1.3.1025|4|Kyocera queue"]),
    "a switch of HP": ("HP J9280A Switch 2510G-48, revision Y.11.12", "11.2.3.7.11.89", []),
    "a switch of Aruba": ("Aruba JL356A 2540-24G", "11.2.3.7.11.182", []),
    "a switch of Dell": ("Dell Networking N1524, 6.3.0.18", "674.10895.3056", []),
    "a Dell server's own controller": ("iDRAC9", "674.10892.5", []),
    "a camera of Canon": ("Canon VB-H41 network camera", "1602.9.9", []),
    "a camera of Panasonic": ("Panasonic network camera WV-S1131", "258.9.9", []),
    "a projector of Epson": ("EPSON Projector EB-1485F", "1248.9.9", []),
    "a display of Sharp": ("SHARP PN-HW431", "2385.9.9", []),
    "a UPS of Toshiba": ("TOSHIBA UPS 1000", "1129.9.9", []),
}  # fmt: skip


@pytest.mark.parametrize("what", LEFT_ALONE)
def test_what_only_looks_like_a_printer_is_left_alone(what):
    """Makers of printers make other things, and computers list the printers of others; a Printer-MIB proves one."""
    description, branch, rows = LEFT_ALONE[what]
    said = [f"1.3.6.1.2.1.1.1.0|4|{description}", f"1.3.6.1.2.1.1.2.0|6|{ENTERPRISES}.{branch}", *rows]

    def prints(*more: str) -> bool:
        return identify(shipped().generic, parse_recording("\n".join([*said, *more]) + "\n").varbinds)[1]

    assert not prints()
    assert prints("1.3.6.1.2.1.43.10.2.1.4.1.1|65|4711")


def behind_one_address(*serials: str, counted: int | None = None) -> list[str]:
    """What a print server says of its printers, of which so many (all, if not said) tell a count."""
    lines = ["1.3.6.1.2.1.1.1.0|4|JETDIRECT 500X", "1.3.6.1.2.1.1.5.0|4|ps-1"]
    for index, serial in enumerate(serials, 1):
        lines += [f"{DEVICES_TABLE}.2.1.2.{index}|{A_PRINTER}", f"{DEVICES_TABLE}.2.1.3.{index}|4|LaserJet {index}",
            f"1.3.6.1.2.1.43.5.1.1.17.{index}|4|{serial}"]  # fmt: skip
        if counted is None or index <= counted:
            lines.append(f"1.3.6.1.2.1.43.10.2.1.4.{index}.1|65|{index}000")
    return lines


@pytest.mark.parametrize(
    ("lines", "several"),
    [
        ([*behind_one_address("AAA111"), f"{DEVICES_TABLE}.2.1.2.9|{A_PRINTER}"], False),
        (behind_one_address("AAA111"), False),
        (behind_one_address("AAA111", "BBB222"), True),
        (behind_one_address("AAA111", "BBB222", counted=1), True),
        ([line for line in behind_one_address("AAA111", "BBB222") if DEVICES_TABLE not in line], True),
    ],
)
def test_several_printers_behind_one_address_are_named_and_never_mixed(lines, several):
    """A print server's rows are of different machines: no count and no serial number is anybody's."""
    readout = understood(parse_recording("\n".join(lines) + "\n").varbinds)
    assert ("several_printers" in {finding.code for finding in readout.findings}) is several
    assert bool(readout.counters) is not several
    assert (readout.identity.serial_number is None) is several
    if several:
        (finding,) = [one for one in readout.findings if one.code == "several_printers"]
        assert "LaserJet 1, LaserJet 2" in str(finding.message) or "AAA111, BBB222" in str(finding.message)

"""What vendors' profiles read: own devices against their truth, recordings against web pages and sums that add up."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from agent.printers import Endpoint
from agent.readout import Readout
from agent.snmp.interpretation import identify, interpret
from agent.snmp.octets import records
from agent.snmp.profile import IdentityPart, Profile
from agent.snmp.recording import load_recording, parse_recording
from agent.snmp.varbinds import Answer, Varbinds
from sandbox.printers import description
from tests.conftest import RECORDINGS
from tests.fleet_process import DEVICES
from tests.test_recordings import CATALOGUE, NOW

# What the makers' web pages show, or what adds up inside one recording.
KNOWN = {
    "printmaster/kyocera_cs4053": {"total": 76064, "print_total": 40600, "copy_total": 32971, "fax_total": 2493,
        "print_monochrome": 14730, "print_full_color": 25870, "copy_monochrome": 19124, "copy_full_color": 13847,
        "scan_total": 230478, "print_large_total": 3248, "copy_large_total": 250},
    "printmaster/kyocera_p2040": {"total": 7342, "duplex_total": 46},
    "github_misc/konica_accuriopress_43": {"total": 438629, "large_total": 350284, "duplex_total": 117869,
        "monochrome": 67337, "full_color": 371292, "print_monochrome": 67337, "print_full_color": 371292,
        "large_duplex_total": 116832, "large_duplex_monochrome": 49956, "large_duplex_full_color": 66876},
    "librenms/jetdirect_m130nw": {"total": 15232, "monochrome": 15232, "scan_total": 1190},
    "lac/xerox_altalink_c8035": {"total": 209, "monochrome": 6, "full_color": 203, "large_monochrome": 2,
        "large_full_color": 86},
    "lac/xerox_wc3655x": {"total": 149855, "print_monochrome": 69353, "copy_monochrome": 80223},
    "lac/xerox_phaser3200": {"total": 5951},
    "lac/lexmark_xc4140": {"total": 105, "monochrome": 50, "full_color": 55},
    "lac/lexmark_xc4240": {"total": 2463, "monochrome": 1092, "full_color": 1371},
    "librenms/sharp": {"total": 121104, "monochrome": 91164, "full_color": 29940, "print_total": 82214,
        "copy_total": 38804, "duplex_total": 41020},
    "librenms/ricoh_mpc3002": {"total": 271871},
    "bieniu_brother/dcp-9020cdw": {"total": 4939, "monochrome": 1762, "full_color": 3177},
    "bieniu_brother/dcp-l3550cdw": {"total": 1611, "monochrome": 709, "full_color": 902, "duplex_total": 538},
    "bieniu_brother/dcp-j132w": {"total": 879},
    "quoted/canon_mf642c": {"total": 9026, "copy_total": 354, "print_total": 8672},
    "quoted/hp_laser_mfp135w_89": {"total": 59910, "print_total": 59321, "copy_total": 535, "scan_total": 760},
}  # fmt: skip


def understood(varbinds: Varbinds) -> Readout:
    """The readout of answers that are all there at once."""
    identity, _ = identify(CATALOGUE.generic, varbinds)
    profile = CATALOGUE.choose(identity, varbinds)
    return interpret(profile, Endpoint("127.0.0.1"), Varbinds(), Answer(varbinds, "recording", 0), NOW)


def meters(readout: Readout) -> dict[str, int]:
    return {counter.meter: counter.value for counter in readout.counters}


@pytest.mark.recordings
@pytest.mark.parametrize("name", KNOWN)
def test_known_values_are_read(name):
    """Every known meter of the recording is read, and none of them differently."""
    read = meters(understood(load_recording(RECORDINGS / f"{name}.snmprec").varbinds))
    assert {meter: read.get(meter) for meter in KNOWN[name]} == KNOWN[name]


@pytest.mark.recordings
@pytest.mark.parametrize("name", KNOWN)
def test_the_parts_of_a_total_add_up(name):
    """Black and colour make the total wherever both are told; nothing is said to be odd about that."""
    readout = understood(load_recording(RECORDINGS / f"{name}.snmprec").varbinds)
    assert "sum_mismatch" not in {finding.code for finding in readout.findings}


DEVICE_FILES = sorted(file for file in DEVICES.glob("*.toml") if "truth" in tomllib.loads(file.read_text("utf-8")))


@pytest.mark.parametrize("file", DEVICE_FILES, ids=lambda file: file.stem)
def test_own_devices_read_as_their_truth(file: Path):
    """Each described device is read as it says itself: every meter of its truth, none of them wrong."""
    truth = tomllib.loads(file.read_text("utf-8"))["truth"]
    text = lines_of(file)
    read = meters(understood(parse_recording(text).varbinds))
    wrong = {meter: read[meter] for meter in truth if meter in read and read[meter] != truth[meter]}
    missing = {meter for meter in truth if meter not in read}
    assert (wrong, missing) == ({}, set())


def lines_of(file: Path) -> str:
    """A described device as a recording."""
    rows = []
    for oid, value in description.objects(description.load(file)).items():
        content = value.content
        if isinstance(content, bytes):
            written = f"{int(value.tag)}x|{content.hex()}"
        elif isinstance(content, tuple):
            written = f"{int(value.tag)}|{'.'.join(map(str, content))}"
        else:
            written = f"{int(value.tag)}|{'' if content is None else content}"
        rows.append(f"{'.'.join(map(str, oid))}|{written}")
    return "\n".join(rows)


def test_a_maker_behind_a_foreign_network_card_is_found():
    """A Kyocera behind a JetDirect: sysDescr says HP, the branch of sysObjectID says who made the printer."""
    text = "1.3.6.1.2.1.1.1.0|4|HP ETHERNET MULTI-ENVIRONMENT\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.1347.41\n"
    assert understood(parse_recording(text).varbinds).identity.manufacturer == "Kyocera"


def test_a_printer_that_says_nothing_is_known_by_its_branch():
    """No system group at all: the maker's counters answer, and so the maker is known."""
    text = "1.3.6.1.4.1.253.8.53.13.2.1.6.1.20.1|2|209\n1.3.6.1.2.1.43.5.1.1.1.1|65|1\n"
    readout = understood(parse_recording(text).varbinds)
    assert (readout.identity.manufacturer, meters(readout)["total"]) == ("Xerox", 209)


def test_a_counter_that_is_not_offered_is_absent():
    """-1 in a private counter is no number, and an absent row is not zero."""
    base = "1.3.6.1.4.1.18334.1.1.1.5.7.2.1"
    readout = understood(parse_recording(f"{base}.1.0|2|500\n{base}.2.0|2|-1\n").varbinds)
    assert meters(readout) == {"total": 500}


def test_records_of_different_lengths_are_told_apart():
    """Brother's blobs mix lengths; an FF ends them, all FF is a part that is not there."""
    blob = bytes.fromhex("00010400000f4a 010101 07 0601 02 0102 1601 04 ffffffff ff 0201 0400000001".replace(" ", ""))
    assert records(blob) == {0: 3914, 1: 7, 6: 258}


def names_used(profile: Profile) -> set[str]:
    """The objects that a profile's counters, supplies and identity rest on."""
    places = [place for part in IdentityPart.model_fields for place in getattr(profile.identity, part)]
    objects = {name for place in places for name in place.partition("~")[0].split("@")}
    counted = {name for counter in profile.counters for name in counter.names}
    return (objects | counted | profile.supplies.names) & set(profile.objects)


@pytest.mark.parametrize("profile", (CATALOGUE.generic, *CATALOGUE.vendors), ids=lambda profile: profile.name)
def test_what_a_profile_uses_it_asks_for(profile):
    """An object that is only met in recordings would be missing over the wire, and a sum with it too low."""
    parts = (profile.identify, profile.ask)
    objects = {profile.oids[name] for part in parts for name in part.objects}
    columns = {profile.oids[name] for part in parts for table in part.tables for name in table.columns}
    branches = {oid[:size] for oid in objects | columns for size in range(1, len(oid) + 1)}
    asked = {
        name
        for name, oid in profile.oids.items()
        if oid in branches or any(oid[: len(column)] == column for column in columns)
    }
    assert names_used(profile) - asked == set()


@pytest.mark.recordings
def test_no_recording_is_read_wrongly(tmp_path):
    """The whole collection against what is expected of it: right or unknown, never wrong; the table is written."""
    output = tmp_path / "accuracy.md"
    command = [sys.executable, "-m", "benchmarks.accuracy", str(RECORDINGS), str(output)]
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| all |" in output.read_text()

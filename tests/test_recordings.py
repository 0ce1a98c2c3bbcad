"""What real printers answered, read through the public path: the standard's counters, serial numbers and levels."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.printers import Endpoint
from agent.readout import Readout
from agent.serials import normal_serial
from agent.snmp.catalogue import shipped
from agent.snmp.interpretation import identify, interpret
from agent.snmp.recording import load_recording, parse_recording
from agent.snmp.varbinds import Answer, Varbinds
from tests.conftest import RECORDINGS

FILES = sorted(RECORDINGS.rglob("*.snmprec")) if RECORDINGS.is_dir() else []
NOT_PRINTERS = {"epson-scanner_ds-860"}
NOW = datetime(2026, 11, 23, tzinfo=UTC)


CATALOGUE = shipped()


def read(file: Path) -> Readout:
    varbinds = load_recording(file).varbinds
    identity, _ = identify(CATALOGUE.generic, varbinds)
    answer = Answer(varbinds, "recording", 0)
    return interpret(CATALOGUE.choose(identity, varbinds), Endpoint("127.0.0.1"), Varbinds(), answer, NOW)


def expected(file: Path) -> dict[str, object]:
    described = file.with_suffix(".expected.json")
    content = json.loads(described.read_text("utf-8")) if described.exists() else {}
    return content.get("derived", content)


@pytest.mark.recordings
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_the_total_stands_by_the_life_count(file):
    """The total is the maker's where one is known, else the life count; a difference is said."""
    readout = read(file)
    if file.stem in NOT_PRINTERS:
        assert readout.status == "not_a_printer"
        return
    recorded = expected(file).get("standard_counters", {}).get("prtMarkerLifeCount.1.1")
    total = [counter for counter in readout.counters if counter.meter == "total"]
    if recorded is not None:
        assert len(total) == 1
        differs = "life_count_differs" in {finding.code for finding in readout.findings}
        assert differs or abs(total[0].value - recorded["value"]) <= 10
    elif not total:
        assert "no_total" in {finding.code for finding in readout.findings}


@pytest.mark.recordings
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_no_level_says_more_than_the_recording(file):
    """A level whose source is the standard's is recorded as such: 0 or more, and a capacity or a percentage."""
    varbinds = load_recording(file).varbinds
    base = (1, 3, 6, 1, 2, 1, 43, 11, 1, 1)
    for supply in read(file).supplies:
        if supply.source != f"1.3.6.1.2.1.43.11.1.1.9.{supply.slot}":
            continue  # the maker's own table, or an alert
        index = tuple(map(int, supply.slot.split(".")))
        level, capacity = varbinds.number((*base, 9, *index)), varbinds.number((*base, 8, *index))
        if supply.level.kind == "exact":
            whole = 100 if not capacity or level > capacity else capacity
            assert supply.level.percent == round(100 * level / whole, 1)
        elif level is not None and level >= 0:
            assert supply.level.kind == "unknown"
            assert not capacity or capacity < level


@pytest.mark.recordings
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_the_serial_number_is_the_recorded_one(file):
    """A serial number that the Printer-MIB has is read; none is made up."""
    serials = expected(file).get("serials", {})
    recorded = {normal_serial(str(value)) for value in serials.values()} if isinstance(serials, dict) else set()
    found = read(file).identity.serial_number
    assert found is None or not recorded or found in recorded


@pytest.mark.recordings
def test_the_command_reads_a_recording():
    """`read FILE.snmprec --json` prints one JSON object with the documented keys and nothing else."""
    file = next(file for file in FILES if file.stem == "kyocera_p2040")
    command = [sys.executable, "-m", "agent", "read", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    (line,) = done.stdout.splitlines()
    shown = json.loads(line)
    assert done.returncode == 0
    assert list(shown) == [
        "target", "status", "identity", "counters", "supplies", "alerts", "findings", "datagrams",
    ]  # fmt: skip
    assert shown["identity"]["serial_number"] == "VD21457943"
    told = shown["supplies"][0]
    assert (told["part_number"], told["capacity"], told["unit"]) == ("TK-1162", 7200, "impressions")


def test_a_damaged_recording_costs_its_damaged_lines_only():
    """Lines that make no sense are counted by number, the others are read; duplicates: the first counts."""
    recording = parse_recording(
        "1.3.6.1.2.1.1.5.0|4|name\n"
        "nonsense\n"
        "1.3.6.1.2.1.1.5.0|4|other\n"
        "1.3.6.1.2.1.1.3.0|67|x\n"
        "1.3.6.1.2.1.1.6.0|4x|zz\n"
        "1.3.6.1.2.1.4.20.1.1.1|64|300.1\n"
        "1.3.6.1.2.1.2.2.1.6.1|4x|aabbcc\n"
    )
    assert recording.damaged_lines == (2, 4, 5, 6)
    assert recording.varbinds.text((1, 3, 6, 1, 2, 1, 1, 5, 0)) == b"name"
    assert recording.varbinds.text((1, 3, 6, 1, 2, 1, 2, 2, 1, 6, 1)) == b"\xaa\xbb\xcc"

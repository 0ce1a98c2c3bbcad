"""What a printer says over IPP is recorded beside its SNMP answers: without names, and it reads the same again."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent.ipp.attributes import Attributes, Tag, Value
from agent.ipp.codec import decode_response
from agent.ipp.recording import dump_answer, redacted_answer
from agent.printers import Identity
from agent.snmp.redaction import cleaner, substitutes
from agent.snmp.varbinds import Varbinds
from sandbox.printers import ipp
from tests.conftest import RECORDINGS
from tests.fleet_process import FleetProcess, printer

ANSWERS = sorted(RECORDINGS.glob("ipp_*/**/*.bin"))
linux = pytest.mark.skipif(sys.platform != "linux", reason="addresses of their own need Linux")


def plain(attributes: Attributes) -> Attributes:
    """The attributes without the languages of texts, which reading never looks at."""
    tags = {int(Tag.TEXT_WITH_LANGUAGE): int(Tag.TEXT), int(Tag.NAME_WITH_LANGUAGE): int(Tag.NAME)}

    def one(value: Value) -> Value:
        inside = plain(value.content) if isinstance(value.content, dict) else value.content
        return Value(tags.get(value.tag, value.tag), inside)

    return {name: tuple(map(one, values)) for name, values in attributes.items()}


@pytest.mark.recordings
@pytest.mark.parametrize("file", ANSWERS, ids=lambda file: file.stem)
def test_a_written_answer_reads_back_unchanged(file: Path):
    """Every attribute of real answers, collections and all, is written as it was read, and replayed so."""
    told = decode_response(file.read_bytes()).printer
    written = dump_answer(told)
    assert plain(decode_response(written).printer) == plain(told)
    replayed = ipp.answer(ipp.recorded(written), b"\x02\x00\x00\x0b\x00\x00\x00\x07")
    assert plain(decode_response(replayed).printer) == plain(told)


def test_an_answer_names_nobody():
    """Serial number, host, network card and people are gone, from collections too; counters stay."""
    told = {
        "printer-device-id": (Value(Tag.TEXT, b"MFG:X;MDL:X 100;SN:AB12345;"),),
        "printer-uuid": (Value(Tag.URI, b"urn:uuid:16a65700-007c-1000-bb49-001ba9010203"),),
        "printer-uri-supported": (Value(Tag.URI, b"ipp://prn-kasse.example/ipp/print"),),
        "printer-location": (Value(Tag.TEXT, b"Kasse, Frau Muster"),),
        "printer-alert-description": (Value(Tag.TEXT, b"PRN-KASSE: ask muster@firma.example, 10.1.2.3"),),
        "printer-impressions-completed": (Value(Tag.INTEGER, 4711),),
        "printer-supply-description": (Value(Tag.BEGIN_COLLECTION, {"text": (Value(Tag.TEXT, b"ab12345 toner"),)}),),
    }
    words = substitutes(Varbinds(), Identity(serial_number_raw="AB12345", host_name="prn-kasse"))
    written = dump_answer(redacted_answer(told, cleaner(words)))
    for secret in (b"ab12345", b"prn-kasse", b"muster", b"firma", b"10.1.2.3", b"001ba9010203"):
        assert secret not in written.lower()
    assert decode_response(written).printer["printer-impressions-completed"] == (Value(Tag.INTEGER, 4711),)


@pytest.mark.parametrize("size", range(60))
def test_a_recorded_answer_that_is_cut_off_is_refused(size):
    """The virtual printer does not start with half an answer; nothing but a `ValueError` comes of one."""
    whole = dump_answer({"printer-state": (Value(Tag.ENUM, 3),), "printer-device-id": (Value(Tag.TEXT, b"MFG:X;"),)})
    try:
        ipp.recorded(whole[:-size] if size else whole)
    except ValueError:
        assert size


@linux
def test_a_printer_is_recorded_in_both_voices(tmp_path):
    """Recorded, started again from the files, read again: counters, supplies and the second voice are the same."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "meter-agent.toml"
    config.write_text(
        f'[portal]\nurl = "https://127.0.0.1:9"\nclient_id = "c"\nsecret = "portal"\n[ipp]\nport = {port}\n'
    )
    device = printer("hp", "127.31.1.1", "hp_color_laserjet_e57540")
    with FleetProcess(tmp_path, [device], "--ipp-port", str(port)) as fleet:
        target = f"127.31.1.1:{fleet.ports['hp']}"
        done = agent("record", target, "--config", str(config), "--output", str(tmp_path / "again.snmprec"))
        assert done.returncode == 0, done.stderr
        live = json.loads(agent("read", "--json", "--config", str(config), target).stdout)
    assert live["identity"]["serial_number"].encode() not in (tmp_path / "again.bin").read_bytes()
    again = {"name": "again", "address": "127.31.1.2", "source": "again.snmprec"}
    with FleetProcess(tmp_path, [again], "--ipp-port", str(port)) as fleet:
        target = f"127.31.1.2:{fleet.ports['again']}"
        replayed = json.loads(agent("read", "--json", "--config", str(config), target).stdout)
    from_files = json.loads(agent("read", "--json", str(tmp_path / "again.snmprec")).stdout)
    for part in ("status", "counters", "supplies", "findings"):
        assert replayed[part] == live[part]
        assert from_files[part] == live[part]
    assert replayed["datagrams"] > 2


@linux
def test_a_printer_that_only_speaks_ipp_is_recorded(tmp_path):
    """SNMP is off: the answer over IPP alone is the recording, and `read` takes it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "meter-agent.toml"
    config.write_text(
        f'[portal]\nurl = "https://127.0.0.1:9"\nclient_id = "c"\nsecret = "portal"\n[ipp]\nport = {port}\n'
        "[snmp]\ntimeout_seconds = 0.2\nretries = 0\n"
    )
    device = printer("hp", "127.31.1.3", "ipp/hp_officejet_pro_9130", faults={"silent": True})
    with FleetProcess(tmp_path, [device], "--ipp-port", str(port)) as fleet:
        target = f"127.31.1.3:{fleet.ports['hp']}"
        done = agent("record", target, "--config", str(config), "--output", str(tmp_path / "only.bin"))
    assert done.returncode == 0, done.stderr
    read = json.loads(agent("read", "--json", str(tmp_path / "only.bin")).stdout)
    assert [one["meter"] for one in read["counters"]] == ["total"]
    assert read["counters"][0]["source"].startswith("ipp:")


def agent(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments], capture_output=True, text=True, timeout=120, check=False
    )

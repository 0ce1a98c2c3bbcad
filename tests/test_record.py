"""A recording names nobody, and reads like the printer it was made of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.printers import Identity
from agent.snmp.catalogue import shipped
from agent.snmp.identity import identifying_words
from agent.snmp.interpretation import identify
from agent.snmp.recording import dump_recording, parse_recording
from agent.snmp.redaction import redact
from agent.snmp.varbinds import Tag, Value, Varbinds, oid_of

DEVICES = Path(__file__).resolve().parent.parent / "sandbox" / "printers" / "devices"


@pytest.fixture(scope="module")
def kyocera(tmp_path_factory):
    """One virtual printer on a free port; yields HOST:PORT."""
    folder = tmp_path_factory.mktemp("fleet")
    source = DEVICES / "kyocera_taskalfa_3555ci.toml"
    fleet = [{"name": "k", "address": "127.31.0.1", "source": str(source)}]
    (folder / "fleet.json").write_text(json.dumps(fleet))
    command = [sys.executable, "-m", "sandbox.printers", "--fleet", str(folder / "fleet.json"), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        first = json.loads(process.stdout.readline())
        yield f"{first['address']}:{first['port']}"
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()


def agent(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_recorded_printer_reads_like_the_printer(kyocera, tmp_path):
    """Counters, supplies and model are the same from the recording; serial, host name and MAC are not."""
    file = tmp_path / "kyocera.snmprec"
    recorded = agent("record", kyocera, "--output", str(file))
    assert recorded.returncode == 0, recorded.stderr
    live = json.loads(agent("read", "--json", kyocera).stdout)
    replayed = json.loads(agent("read", "--json", str(file)).stdout)
    for part in ("counters", "supplies", "alerts"):
        assert replayed[part] == live[part]
    assert replayed["identity"]["model"] == live["identity"]["model"]
    text = file.read_text()
    for secret in ("serial_number", "host_name"):
        assert live["identity"][secret]
        assert live["identity"][secret] not in text
        assert replayed["identity"][secret] != live["identity"][secret]
    mac = live["identity"]["mac_addresses"][0].replace(":", "")
    assert mac not in text.lower()


def test_a_silent_address_is_said_so():
    """Nothing there: exit code 4, a sentence and no file."""
    done = agent("record", "127.31.0.9:9")
    assert (done.returncode, done.stdout) == (4, "")
    assert "127.31.0.9" in done.stderr


PLAIN = Identity(
    model="X 100", serial_number_raw="AB12345", host_name="prn-kasse", mac_addresses=("00:1b:a9:01:02:03",)
)


def test_the_same_word_has_the_same_substitute_everywhere():
    """The serial number in the device id is replaced as in the Printer-MIB; people and addresses go."""
    said = {
        (1, 3, 6, 1, 2, 1, 43, 5, 1, 1, 17, 1): b"AB12345",
        (1, 3, 6, 1, 4, 1, 2699, 1, 2, 1, 2, 1, 1, 3, 1): b"MFG:X;MDL:X 100;SN:AB12345;",
        (1, 3, 6, 1, 2, 1, 1, 4, 0): b"Erika Muster",
        (1, 3, 6, 1, 2, 1, 1, 5, 0): b"prn-kasse",
        (1, 3, 6, 1, 2, 1, 43, 16, 5, 1, 2, 1, 1): b"http://10.1.2.3/ mail it@firma.example",
        (1, 3, 6, 1, 2, 1, 2, 2, 1, 6, 1): bytes.fromhex("001ba9010203"),
    }
    varbinds = Varbinds((oid, Value(Tag.OCTET_STRING, content)) for oid, content in said.items())
    redacted = redact(varbinds, PLAIN)
    contents = b" ".join(value.content for value in redacted.values())
    for secret in (b"AB12345", b"Erika", b"prn-kasse", b"10.1.2.3", b"firma", bytes.fromhex("001ba9010203")):
        assert secret not in contents
    serial = redacted.text((1, 3, 6, 1, 2, 1, 43, 5, 1, 1, 17, 1))
    assert serial is not None
    assert serial in redacted.text((1, 3, 6, 1, 4, 1, 2699, 1, 2, 1, 2, 1, 1, 3, 1))


oids = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=8).map(lambda arcs: (1, 3, *arcs))
values = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(lambda number: Value(Tag.INTEGER, number)),
    st.integers(0, 2**32 - 1).map(lambda number: Value(Tag.COUNTER32, number)),
    st.binary(max_size=40).map(lambda content: Value(Tag.OCTET_STRING, content)),
    st.binary(min_size=4, max_size=4).map(lambda content: Value(Tag.IP_ADDRESS, content)),
    oids.map(lambda oid: Value(Tag.OBJECT_IDENTIFIER, oid)),
)


@given(st.dictionaries(oids, values, max_size=12))
def test_a_written_recording_reads_back_unchanged(said):
    """Whatever a device said, the file says the same."""
    recording = parse_recording(dump_recording(Varbinds(said.items())))
    assert recording.damaged_lines == ()
    assert dict(recording.varbinds) == said


def test_names_in_makers_own_places_are_replaced():
    """Where people gave a name, the maker's own still stands in its place, and ends in the network card's number."""
    said = {
        "1.3.6.1.2.1.1.1.0": b"KYOCERA Document Solutions Printing System",
        "1.3.6.1.2.1.1.5.0": b"kopierer-eg",
        "1.3.6.1.4.1.1347.40.10.1.1.5.1": b"KM7C4D1F",
        "1.3.6.1.4.1.1347.43.5.1.1.28.1": b"RVE8Z01846",
        "1.3.6.1.2.1.43.5.1.1.17.1": b"RVE8Z01847",
    }
    answers = Varbinds([(oid_of(oid), Value(Tag.OCTET_STRING, content)) for oid, content in said.items()])
    catalogue = shipped()
    identity, _ = identify(catalogue.generic, answers)
    redacted = redact(answers, identity, *identifying_words(catalogue.choose(identity, answers), answers))
    contents = b" ".join(value.content for value in redacted.values())
    for secret in (b"kopierer-eg", b"KM7C4D1F", b"RVE8Z01846", b"RVE8Z01847"):
        assert secret not in contents


def test_serial_numbers_of_cartridges_are_replaced():
    """They stand in the maker's table and in descriptions; whoever bought the cartridge is known by them."""
    description = (1, 3, 6, 1, 2, 1, 43, 11, 1, 1, 6, 1, 1)
    answers = Varbinds([(description, Value(Tag.OCTET_STRING, b"Black Toner, PN 006R01509;SN5622E580E000047E"))])
    told = redact(answers, Identity(), ["5622E580E000047E"]).text(description)
    assert told is not None
    assert b"5622E580E000047E" not in told
    assert b"PN 006R01509" in told

"""A recording names nobody, and reads like the printer it was made of."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.printers import Identity
from agent.snmp.identity import identifying_words
from agent.snmp.interpretation import identify
from agent.snmp.recording import dump_recording, load_recording, parse_recording
from agent.snmp.redaction import redact
from agent.snmp.varbinds import Tag, Value, Varbinds, oid_of
from tests.conftest import RECORDINGS
from tests.fleet_process import FleetProcess, printer
from tests.test_profiles import meters, understood
from tests.test_recordings import CATALOGUE

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


def test_a_recording_replays_as_a_virtual_printer(kyocera, tmp_path):
    """Recorded, started again from the file, read over the network: the same counters as the printer's."""
    recorded = agent("record", kyocera, "--output", str(tmp_path / "again.snmprec"))
    assert recorded.returncode == 0, recorded.stderr
    again = {"name": "again", "address": "127.31.0.2", "source": "again.snmprec"}
    with FleetProcess(tmp_path, [again]) as fleet:
        replayed = json.loads(agent("read", "--json", f"127.31.0.2:{fleet.ports['again']}").stdout)
    live = json.loads(agent("read", "--json", kyocera).stdout)
    for part in ("status", "counters", "supplies", "alerts"):
        assert replayed[part] == live[part]


@pytest.mark.parametrize(
    ("faults", "says"), [({"endless": True}, "did not tell everything"), ({"looping": True}, "did not tell everything")]
)
def test_a_recording_that_is_not_whole_is_said_so(tmp_path, faults, says):
    """The printer walks in circles: what came is written, and that something is missing is said, with exit code 1."""
    with FleetProcess(tmp_path, [printer("odd", "127.31.0.4", faults=faults)]) as fleet:
        done = agent("record", f"127.31.0.4:{fleet.ports['odd']}", "--output", str(tmp_path / "odd.snmprec"))
    assert done.returncode == 1
    assert says in done.stderr
    assert (tmp_path / "odd.snmprec").stat().st_size


def test_what_is_wrong_with_a_file_is_said(tmp_path):
    """Lines that make no sense are counted and named; a file that is not there is an error with a remedy."""
    (tmp_path / "some.snmprec").write_text("1.3.6.1.2.1.43.10.2.1.4.1.1|65|99\nnonsense\n1.2|99|7\n")
    shown = json.loads(agent("read", "--json", str(tmp_path / "some.snmprec")).stdout)
    assert [one["detail"] for one in shown["findings"] if one["code"] == "damaged_lines"] == [
        "2 lines of the file make no sense, the first: 2, 3."
    ]
    missing = agent("read", str(tmp_path / "missing.snmprec"))
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "missing.snmprec" in missing.stderr
    assert "Errno" not in missing.stderr


def test_a_name_that_leads_nowhere_is_said_so():
    """Not only *unreachable*: the name is unknown, and what to do."""
    shown = json.loads(agent("read", "--json", "no-such-printer.invalid").stdout)
    assert [one["code"] for one in shown["findings"]] == ["silent", "remedy"]
    assert "no-such-printer.invalid" in shown["findings"][0]["detail"]


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


TEXT = (1, 3, 6, 1, 2, 1, 1, 1, 0)
ALERT = (1, 3, 6, 1, 2, 1, 43, 18, 1, 1, 8, 1, 1)
NAME = (1, 3, 6, 1, 2, 1, 1, 5, 0)
SERIAL = (1, 3, 6, 1, 2, 1, 43, 5, 1, 1, 17, 1)
MAC = (1, 3, 6, 1, 2, 1, 2, 2, 1, 6, 1)
FORMS = {
    "as it is": lambda text: text.encode(),
    "in capitals": lambda text: text.upper().encode(),
    "in small letters": lambda text: text.lower().encode(),
    "in Latin-1": lambda text: text.encode("latin-1"),
    "in UTF-16": lambda text: text.encode("utf-16-le"),
    "in UTF-16, the other way round": lambda text: text.encode("utf-16-be"),
    "in hexadecimal": lambda text: text.encode().hex().encode(),
    "in hexadecimal capitals": lambda text: text.encode().hex().upper().encode(),
    "in hexadecimal with colons": lambda text: text.encode().hex(":").encode(),
    "in a URL": lambda text: quote(text, safe="").encode(),
}


def traces(content: bytes, secret: str) -> list[str]:
    """The ways in which a secret can still be read in these octets."""
    return [form for form, written in FORMS.items() if written(secret).lower() in content.lower()]


signs = st.characters(codec="latin-1", categories=("L", "N"), exclude_characters="ªº²³¹¼½¾µßÿ")
# Not made of the signs of substitutes, else one secret's substitute is another secret.
secret_words = st.text(signs, min_size=5, max_size=24).filter(
    lambda word: len(set(word.lower()) - set("printexsomeoneexample0123456789")) > 2
)
surroundings = st.binary(max_size=12) | st.text(max_size=12).map(str.encode)


@given(
    serial=st.from_regex(r"[A-W]{3}[1-9A-F]{4,9}", fullmatch=True),
    name=secret_words,
    printer_name=secret_words,
    cartridge=st.from_regex(r"CRUM-[1-9]{9}", fullmatch=True),
    mac=st.binary(min_size=6, max_size=6).filter(lambda mac: len(set(mac)) > 3),
    around=st.lists(surroundings, min_size=4, max_size=4),
    forms=st.lists(st.sampled_from(sorted(FORMS)), min_size=4, max_size=4),
)
def test_no_trace_of_a_secret_is_left(serial, name, printer_name, cartridge, mac, around, forms):
    """Serial number, names, cartridge and network card are gone from every text, however they were written there."""
    secrets = (serial, name, printer_name, cartridge)
    planted = b"|".join(edge + FORMS[form](secret) for edge, form, secret in zip(around, forms, secrets, strict=True))
    said = {
        SERIAL: serial.encode(), NAME: name.encode("latin-1"), MAC: mac, TEXT: planted,
        ALERT: around[0] + mac.hex(":").encode() + around[1] + mac.hex().upper().encode(),
        (1, 3, 6, 1, 4, 1, 2699, 1, 2, 1, 2, 1, 1, 3, 1): f"MFG:X;MDL:X 100;SN:{serial};".encode() + mac,
        (1, 3, 6, 1, 2, 1, 43, 10, 2, 1, 4, 1, 1): b"",
    }  # fmt: skip
    identity = Identity("Kyocera", "X 100", serial_number_raw=serial, host_name=name, printer_name=printer_name)
    varbinds = Varbinds((oid, Value(Tag.OCTET_STRING, content)) for oid, content in said.items())
    told = b"\x00\x00".join(value.content for value in redact(varbinds, identity, [cartridge]).values())
    assert {secret: left for secret in secrets if (left := traces(told, secret))} == {}
    assert mac not in told
    assert mac.hex() not in told.decode("latin-1").lower().replace(":", "")


@pytest.mark.parametrize(
    "secret",
    [
        "10.20.30.40", "fd12:3456::7", "fe80::21b:a9ff:fe01:203%eth0", "mueller@kanzlei.example", "meier@intern",
        "müller@kanzlei.example", "http://kopierer.kanzlei.example:631/ipp", "ipps://prn-7/ipp/print",
        "smb://scan:geheim@ablage/eingang", "\\\\ablage\\scans",
    ],
)  # fmt: skip
@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be"])
def test_what_gives_itself_away_is_replaced(secret, codec):
    """Addresses of machines and people need not be known to be found; the words around them stay."""
    answers = Varbinds([(TEXT, Value(Tag.OCTET_STRING, f"Scan to {secret} failed".encode(codec)))])
    told = redact(answers, Identity()).text(TEXT).decode(codec)
    for word in re.split(r"[:/@%\\]+", secret):
        assert word not in told or word in ("http", "ipps", "smb", "ipp", "print", "631", "scans", "eingang", "")
    assert told.startswith("Scan to ")


@pytest.mark.parametrize("text", ["2024-01-31 12:30:59", "FW 2.1.0b 00:1a", "PN 006R01509; 1:2", "FS-C5250DN K1.00"])
def test_what_only_looks_like_an_address_stays(text):
    """Dates, times, firmware and part numbers say nothing of the customer."""
    assert redact(Varbinds([(TEXT, Value(Tag.OCTET_STRING, text.encode()))]), Identity()).text(TEXT) == text.encode()


def test_the_phone_number_in_an_alert_goes():
    """Who is to be called stands in the alert; the alert stays."""
    answers = Varbinds([(ALERT, Value(Tag.OCTET_STRING, b"Toner low, call +49 351 4711-22 or 0351/471122"))])
    assert redact(answers, Identity()).text(ALERT) == b"Toner low, call 000000 or 000000"


def test_texts_that_reading_does_not_need_are_left_out():
    """Paper names, queues, communities and display texts may hold anything; numbers stay."""
    tray, queue, community = (1, 3, 6, 1, 2, 1, 43, 8, 2, 1, 12, 1, 1), (1, 3, 6, 1, 2, 1, 43, 14, 1, 1, 9, 1, 1), (
        1, 3, 6, 1, 4, 1, 2699, 1, 2, 1, 2, 1, 1, 7, 1)  # fmt: skip
    level = (1, 3, 6, 1, 2, 1, 43, 8, 2, 1, 10, 1, 1)
    answers = Varbinds(
        [(oid, Value(Tag.OCTET_STRING, b"Briefkopf Kanzlei")) for oid in (tray, queue, community, TEXT)]
        + [(level, Value(Tag.INTEGER, 7))]
    )
    assert set(redact(answers, Identity(), needed=[TEXT])) == {TEXT, level}
    assert set(redact(answers, Identity())) == {TEXT, level, tray}


@pytest.mark.parametrize("name", ["SC-T3405 Series", "Epson SC-T3405", "sc-t3405"])
def test_the_name_of_its_kind_is_no_secret(name):
    """A printer that is called like its model keeps that, else nobody would know what was recorded."""
    answers = Varbinds([(NAME, Value(Tag.OCTET_STRING, name.encode()))])
    assert redact(answers, Identity("Epson", "SC-T3405", host_name=name)).text(NAME) == name.encode()
    kept = redact(answers, Identity("Epson", "SC-T3405", host_name=name, printer_name=f"{name} Kasse"))
    assert kept.text(NAME) == name.encode()


@pytest.mark.parametrize(
    ("host", "elsewhere"),
    [
        ("prn-kasse.kanzlei.example", "PRN-KASSE"),
        ("prn-kasse.kanzlei.example", "kanzlei.example"),
        ("drucker-empfang-erdgeschoss", "DRUCKER-EMPFANG"),
    ],
)
def test_parts_of_a_name_are_replaced_too(host, elsewhere):
    """Without domain, the domain alone, and cut to fifteen signs as Windows shows it."""
    answers = Varbinds([(TEXT, Value(Tag.OCTET_STRING, b"at " + elsewhere.encode() + b" since today"))])
    assert elsewhere.encode() not in redact(answers, Identity(host_name=host)).text(TEXT)


def test_the_asset_tag_goes():
    """The customer's inventory number names the customer's device, wherever it stands."""
    answers = Varbinds([(TEXT, Value(Tag.OCTET_STRING, b"Inv. kst4711-09"))])
    assert b"4711" not in redact(answers, Identity(asset_tag="KST4711-09")).text(TEXT)


def test_a_serial_number_that_only_a_text_names_goes():
    """sysDescr says another serial number than the Printer-MIB: it is replaced as well, and everywhere."""
    answers = Varbinds(
        [
            (TEXT, Value(Tag.OCTET_STRING, b"Samsung M4070;OS 2.00;S/N ZD1MB8KH5C00;SN:0ABCJXX;")),
            (ALERT, Value(Tag.OCTET_STRING, b"see zd1mb8kh5c00")),
        ]
    )
    told = redact(answers, Identity(model="M4070"))
    assert b"0ABCJXX" not in told.text(TEXT)
    assert b"OS 2.00" in told.text(TEXT)


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
    identity, _ = identify(CATALOGUE.generic, answers)
    redacted = redact(answers, identity, *identifying_words(CATALOGUE.choose(identity, answers), answers))
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


@pytest.mark.recordings
@pytest.mark.parametrize("file", sorted(RECORDINGS.rglob("*.snmprec")), ids=lambda file: file.stem)
def test_a_real_printer_reads_the_same_without_its_names(file):
    """Counters, supplies, maker and model of every recording stay what they were; its serial number does not."""
    varbinds = load_recording(file).varbinds
    before = understood(varbinds)
    profile = CATALOGUE.choose(identify(CATALOGUE.generic, varbinds)[0], varbinds)
    cartridges = [one.serial_number for one in before.supplies if one.serial_number]
    after = understood(redact(varbinds, before.identity, cartridges, (), frozenset(profile.oids.values())))
    assert meters(after) == meters(before)
    assert [(one.slot, one.type, one.colorant, one.level) for one in after.supplies] == [
        (one.slot, one.type, one.colorant, one.level) for one in before.supplies
    ]
    assert (after.identity.manufacturer, after.identity.model) == (before.identity.manufacturer, before.identity.model)
    assert before.identity.serial_number is None or after.identity.serial_number != before.identity.serial_number


LONELY = """
1.3.6.1.2.1.43.5.1.1.1.1|65|1
1.3.6.1.2.1.43.10.2.1.4.1.1|65|99
1.3.6.1.4.1.253.8.53.13.2.1.6.1.20.1|2|209
"""


def test_a_printer_that_says_nothing_is_recorded_with_its_counters(tmp_path):
    """No system group: the maker is known by what answers, and what its profile asks for is in the recording."""
    (tmp_path / "lonely.snmprec").write_text(LONELY)
    lonely = {"name": "lonely", "address": "127.31.0.3", "source": "lonely.snmprec"}
    with FleetProcess(tmp_path, [lonely]) as fleet:
        done = agent("record", f"127.31.0.3:{fleet.ports['lonely']}", "--output", str(tmp_path / "out.snmprec"))
    assert done.returncode == 0
    assert "1.3.6.1.4.1.253.8.53.13.2.1.6.1.20.1|2|209" in (tmp_path / "out.snmprec").read_text(), done.stderr

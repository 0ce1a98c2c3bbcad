"""What DNS-SD announcements say of machines: recorded ones with what is expected of them, and hostile ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.discovery.advertisement import (
    Hints,
    Service,
    hints_of,
    is_link_local,
    parse_txt,
    preferred,
    txt_entries,
    verdict_of,
)
from agent.snmp.catalogue import shipped
from tests.conftest import RECORDINGS

GENERIC = shipped().generic
# file -> verdict, manufacturer, model, host name, MAC addresses, path of IPP; of the service that is believed most.
EXPECTED: dict[str, tuple[str, str, str, str | None, list[str], str | None]] = {
    "brother_dcp-l3550cdw": (
        "printer", "Brother", "DCP-L3550CDW series", "BRNB42200415BAA", ["b4:22:00:41:5b:aa"], "/ipp/print"),
    "brother_hl-2270dw": (
        "printer", "Brother", "HL-2270DW series", "BRN001BA9A25EB6", ["00:1b:a9:a2:5e:b6"], "/duerqxesz5090"),
    "brother_hl-l2395dw_ipp-usb": (
        "usb_proxy", "Brother", "HL-L2395DW series", "stephen-MS-7640", ["3c:2a:f4:54:f1:e0"], "/ipp/print"),
    "canon_selphy_cp1300": ("printer", "Canon", "SELPHY CP1300", "CP1300b7ae37", [], "/ipp/print"),
    "epson_et-2760": (
        "printer", "Epson", "ET-2760 Series", "EPSON4A3AAB", ["dc:cd:2f:4a:3a:ab"], "/ipp/print"),
    "epson_et-3700_cups-share": (
        "cups_share", "Epson", "ET-3700 Series", "nocode", [], "/printers/EPSON_ET_3700_Series_2"),
    "epson_et-3750": ("printer", "Epson", "ET-3750 Series", "EPSON3B9197", ["f8:d0:27:3b:91:97"], "/ipp/print"),
    "epson_et-4850_ipp-usb": ("usb_proxy", "Epson", "ET-4850 Series", None, ["dc:cd:2f:38:bb:0a"], "/ipp/print"),
    "hp_clj_cp2025dn": ("printer", "HP", "Color LaserJet CP2025dn", "npi28a6cc", [], None),
    "hp_clj_cp3505": ("printer", "HP", "Color LaserJet CP3505", "ipreinf8", [], "/ipreinf8"),
    "ricoh_mp_c2011": ("printer", "Ricoh", "MP C2011", "RNP00", [], "/printer"),
    "xerox_wc3025": (
        "printer", "Xerox", "WorkCentre 3025", "XRX9C934E418D37", ["9c:93:4e:41:8d:37"], "/ipp/print"),
}  # fmt: skip


def services(name: str) -> list[Service]:
    """The recorded services of one machine."""
    recorded = json.loads((RECORDINGS / "dnssd" / f"{name}.json").read_text("utf-8"))
    return [
        Service(one["service"], one["instance"], one["host"], one["address"], one["port"], txt_entries(one["txt"]))
        for one in recorded["services"]
    ]


@pytest.mark.recordings
@pytest.mark.parametrize("name", EXPECTED)
def test_recorded_announcements(name: str) -> None:
    """Verdict and hints of the most believable service, asserted whole."""
    recorded = services(name)
    best = preferred(recorded) or recorded[0]
    hints = hints_of(GENERIC, best)
    identity = hints.identity
    told = (verdict_of(best), identity.manufacturer, identity.model, identity.host_name, [*identity.mac_addresses])
    assert (*told, hints.ipp_path) == EXPECTED[name]


@pytest.mark.recordings
def test_every_recording_is_expected() -> None:
    """No recording hides from the table above."""
    assert {file.stem for file in (RECORDINGS / "dnssd").glob("*.json") if "packet" not in file.stem} == set(EXPECTED)


@pytest.mark.recordings
def test_a_scanner_service_is_no_printer_and_ipp_is_preferred() -> None:
    """Of six services of one machine, three print; the believed one is IPP, whose rp is a path."""
    told = services("brother_dcp-l3550cdw")
    assert [verdict_of(one) for one in told].count("printer") == 3
    best = preferred(told)
    assert best is not None
    assert best.kind == "_ipp._tcp"


@pytest.mark.recordings
def test_the_txt_record_in_a_raw_packet() -> None:
    """Length and text each, as a printer sent them; the card on the air is another than the one in the UUID."""
    packet = (RECORDINGS / "dnssd" / "brother_dcp-l3550cdw_mdns_packet.bin").read_bytes()
    expected = json.loads((RECORDINGS / "dnssd" / "brother_dcp-l3550cdw_mdns_packet.expected.json").read_text("utf-8"))
    record = next(one for one in expected["records"] if one["type"] == 16)
    at = packet.index(b"\x09txtvers=1")
    txt = parse_txt(packet[at : at + record["len"]])
    assert txt == txt_entries(record["txt"])
    identity = hints_of(GENERIC, Service("_ipp._tcp", host="BRW105BAD4A1570.local", txt=txt)).identity
    assert identity.mac_addresses == ("3c:2a:f4:aa:c0:a4", "10:5b:ad:4a:15:70")


def test_entries_that_are_odd() -> None:
    """No "=", nothing before it, twice the same, other case, cut in the middle of a sign, values that hold "="."""
    told = txt_entries([b"Color", b"=x", b"", b"ty=A=B", b"TY=C", b"note=B\xc3", b"pdl=application/octet-stre", "\0="])
    assert told == {"color": "", "ty": "A=B", "note": "B\u00c3", "pdl": "application/octet-stre"}


def test_a_length_beyond_the_end_takes_what_is_there() -> None:
    """A record that was cut in two."""
    assert parse_txt(b"\x04ty=A\xffnote=Flur") == {"ty": "A", "note": "Flur"}


@pytest.mark.parametrize(
    ("address", "link_local"),
    [("169.254.7.9", True), ("fe80::1", True), ("192.168.1.7", False), (None, False), ("nonsense", False)],
)
def test_addresses_that_nobody_else_reaches(address: str | None, link_local: bool) -> None:
    """A machine that gave itself an address is not asked there."""
    assert is_link_local(address) is link_local
    assert verdict_of(Service("_ipp._tcp", address=address)) == ("link_local" if link_local else "printer")


@given(st.binary(max_size=2000), st.text(max_size=30), st.text(max_size=60))
def test_no_announcement_makes_reading_fail(octets: bytes, host: str, url: str) -> None:
    """Whatever anybody on the network announces."""
    txt: dict[str, Any] = {**parse_txt(octets), "adminurl": url, "uuid": host, "rp": url}
    service = Service("_ipp._tcp", host, host, host, None, txt)
    assert verdict_of(service)
    assert isinstance(hints_of(GENERIC, service), Hints)


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=9), st.text("xyz =", max_size=40).map(str.strip), max_size=9)
)
def test_what_is_written_is_read(entries: dict[str, str]) -> None:
    """RFC 6763 section 6: entries survive their octets."""
    written = [f"{key}={value}".encode() for key, value in entries.items()]
    octets = b"".join(bytes((len(entry),)) + entry for entry in written)
    assert parse_txt(octets) == {key: " ".join(value.split()) for key, value in entries.items()}

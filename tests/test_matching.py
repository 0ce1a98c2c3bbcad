"""Which printer is which equipment: scenarios as given/expect tables, run by one loop."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.discovery.merge import Identified, merge
from agent.evidence import same_address
from agent.likeness import same_mac, same_name
from agent.matching import Confirmation, Matched, Past, match
from agent.printers import Endpoint, Equipment, Identity, Printer, Sighting
from agent.serials import normal_serial, same_serial


def printer(address: str, host: str | None = None, serial: str | None = None, *names: str, mac: str = "") -> Printer:
    identity = Identity(
        host_name=host,
        serial_number=normal_serial(serial),
        serial_number_raw=serial,
        mac_addresses=(mac,) if mac else (),
    )
    endpoint = Endpoint(address)
    return Printer(endpoint, identity, names, (Sighting(endpoint, "range"),))


def announced(address: str, name: str) -> Printer:
    endpoint = Endpoint(address)
    return Printer(endpoint, Identity(), (name,), (Sighting(endpoint, "mdns", name),))


def port(address: str, number: int, name: str) -> Printer:
    endpoint = Endpoint(address, number)
    return Printer(endpoint, Identity(), (name,), (Sighting(endpoint, "dns", name),))


def tagged(address: str, tag: str) -> Printer:
    return replace(printer(address), identity=Identity(asset_tag=tag))


def equipment(number: str, tin: str | None, serial: str | None = None, *, active: bool = True) -> Equipment:
    return Equipment(number, technical_identification_number=tin, manufacturer_serial_number=serial, active=active)


def confirmed(number: str, address: str, serial: str | None = None) -> Confirmation:
    return Confirmation(number, Endpoint(address), serial, (), NOW, "key user")


NOW = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass
class Scenario:
    says: str
    printers: list[Printer]
    equipments: list[Equipment]
    expect: dict[str, str]
    unclaimed: list[str] = field(default_factory=list)
    past: Past = field(default_factory=Past)


SCENARIOS = [
    Scenario(
        "the host name is the technical identification number, whatever the case",
        [printer("10.0.0.1", "prn-7")],
        [equipment("1", "PRN-7")],
        {"1": "10.0.0.1"},
    ),
    Scenario(
        "the portal has the DNS name, the printer only its host name",
        [printer("10.0.0.1", "prn-7")],
        [equipment("1", "prn-7.example.com")],
        {"1": "10.0.0.1"},
    ),
    Scenario(
        "two sites use the same host name: the domain tells them apart",
        [printer("10.0.0.1", "prn-7.a.example"), printer("10.1.0.1", "prn-7.b.example")],
        [equipment("1", "prn-7.a.example"), equipment("2", "prn-7.b.example")],
        {"1": "10.0.0.1", "2": "10.1.0.1"},
    ),
    Scenario(
        "one name, two printers: nobody is guessed",
        [printer("10.0.0.1", "prn-7.a.example"), printer("10.1.0.1", "prn-7.b.example")],
        [equipment("1", "prn-7")],
        {"1": "ambiguous"},
    ),
    Scenario(
        "two equipments claim one printer: both are refused",
        [printer("10.0.0.1", "prn-7")],
        [equipment("1", "prn-7"), equipment("2", "PRN-7")],
        {"1": "ambiguous", "2": "ambiguous"},
    ),
    Scenario(
        "an equipment out of service claims nothing",
        [printer("10.0.0.1", "prn-7")],
        [equipment("1", "prn-7"), equipment("2", "prn-7", active=False)],
        {"1": "10.0.0.1", "2": "inactive"},
    ),
    Scenario(
        "the name fits and the serial number does not: another machine stands there",
        [printer("10.0.0.1", "prn-7", "AAA111")],
        [equipment("1", "prn-7", "BBB222")],
        {"1": "contradicted"},
    ),
    Scenario(
        "leading zeros of a serial number are no contradiction",
        [printer("10.0.0.1", "prn-7", "00VNB1234")],
        [equipment("1", "prn-7", "vnb-1234")],
        {"1": "10.0.0.1"},
    ),
    Scenario(
        "a printer that tells no serial number contradicts none",
        [printer("10.0.0.1", "prn-7")],
        [equipment("1", "prn-7", "BBB222")],
        {"1": "10.0.0.1"},
    ),
    Scenario(
        "the technical identification number is an address",
        [printer("10.0.0.1"), printer("10.0.0.2")],
        [equipment("1", "10.0.0.2")],
        {"1": "10.0.0.2"},
        ["10.0.0.1"],
    ),
    Scenario(
        "the technical identification number is a MAC address in any spelling",
        [printer("10.0.0.1", mac="00:1b:a9:12:34:56")],
        [equipment("1", "001B.A912.3456")],
        {"1": "10.0.0.1"},
    ),
    Scenario(
        "the name is only known to DNS",
        [printer("10.0.0.1", None, None, "kopierer-eg")],
        [equipment("1", "Kopierer-EG")],
        {"1": "10.0.0.1"},
    ),
    Scenario("an equipment without a number is not guessed by its serial number",
        [printer("10.0.0.1", "x", "AAA111")], [equipment("1", None, "AAA111")], {"1": "no_number"}, ["10.0.0.1"]),
    Scenario("a printer nobody knows",
        [printer("10.0.0.1", "x")], [equipment("1", "y")], {"1": "not_found"}, ["10.0.0.1"]),
    Scenario("umlauts, blanks and a remark in brackets are spelled as a host name is",
        [printer("10.0.0.1", "drucker-buero")], [equipment("1", "Drucker Büro (EG)")], {"1": "10.0.0.1"}),
    Scenario("the exact name wins over another spelling of it",
        [printer("10.0.0.1", "prn_7"), printer("10.0.0.2", "prn-7")], [equipment("1", "prn-7")], {"1": "10.0.0.2"},
        ["10.0.0.1"]),
    Scenario("an announcement yields to the printer that is called so itself",
        [printer("10.0.0.1", "prn-7"), announced("10.0.0.2", "prn-7")], [equipment("1", "prn-7")], {"1": "10.0.0.1"},
        ["10.0.0.2"]),
    Scenario("an announcement is enough where nothing else is said",
        [announced("10.0.0.2", "Empfang")], [equipment("1", "Empfang")], {"1": "10.0.0.2"}),
    Scenario("leading zeros alone are no match",
        [printer("10.0.0.1", "prn-7")], [equipment("1", "PRN-007")], {"1": "not_found"}, ["10.0.0.1"]),
    Scenario("leading zeros are forgiven where the serial number agrees",
        [printer("10.0.0.1", "prn-7", "AAA111")], [equipment("1", "PRN-007", "AAA111")], {"1": "10.0.0.1"}),
    Scenario("who is called so exactly has the better claim than who is called nearly so",
        [printer("10.0.0.1", "prn-7", "AAA111")], [equipment("1", "PRN-007", "AAA111"), equipment("2", "prn-7")],
        {"1": "ambiguous", "2": "10.0.0.1"}),
    Scenario("of two printers with one name the serial number knows the right one",
        [printer("10.0.0.1", "prn-7.a.example", "AAA111"), printer("10.1.0.1", "prn-7.b.example", "BBB222")],
        [equipment("1", "prn-7", "BBB222")], {"1": "10.1.0.1"}, []),
    Scenario("of two printers with one name and one of them without a serial number, the one that proves it",
        [printer("10.0.0.1", "prn-7.a.example"), printer("10.1.0.1", "prn-7.b.example", "BBB222")],
        [equipment("1", "prn-7", "BBB222")], {"1": "10.1.0.1"}, []),
    Scenario("of two equipments with one number the serial number knows the right one",
        [printer("10.0.0.1", "prn-7", "AAA111")],
        [equipment("1", "prn-7", "AAA111"), equipment("2", "prn-7", "BBB222")],
        {"1": "10.0.0.1", "2": "ambiguous"}),
    Scenario("the number is the serial number",
        [printer("10.0.0.1", "x", "A7AK011004321")], [equipment("1", "A7AK-011 004321")], {"1": "10.0.0.1"}),
    Scenario("another device than last time answers to the name, and the portal has no serial number",
        [printer("10.0.0.1", "prn-7", "BBB222")], [equipment("1", "prn-7")], {"1": "contradicted"},
        past=Past(identities={"1": Identity(serial_number="AAA111", serial_number_raw="AAA111")})),
    Scenario("the same device as last time, written with zeros before it",
        [printer("10.0.0.1", "prn-7", "00AAA111")], [equipment("1", "prn-7")], {"1": "10.0.0.1"},
        past=Past(identities={"1": Identity(serial_number="AAA111", serial_number_raw="AAA111")})),
    Scenario("the portal knows the new serial number: the exchange is no surprise",
        [printer("10.0.0.1", "prn-7", "BBB222")], [equipment("1", "prn-7", "BBB222")], {"1": "10.0.0.1"},
        past=Past(identities={"1": Identity(serial_number="AAA111", serial_number_raw="AAA111")})),
    Scenario("a person's word wins over names, and follows the device to another address",
        [printer("10.0.0.1", "prn-7", "AAA111"), printer("10.0.0.9", "x", "BBB222")], [equipment("1", "prn-7")],
        {"1": "10.0.0.9"}, ["10.0.0.1"], Past({"1": confirmed("1", "10.0.0.2", "BBB222")})),
    Scenario("a person's word wins over the portal's serial number",
        [printer("10.0.0.1", "prn-7", "BBB222")], [equipment("1", "prn-7", "AAA111")],
        {"1": "10.0.0.1"}, past=Past({"1": confirmed("1", "10.0.0.1", "BBB222")})),
    Scenario("whom a person gave away answers to no other equipment",
        [printer("10.0.0.1", "prn-7", "AAA111")], [equipment("1", None), equipment("2", "prn-7")],
        {"1": "10.0.0.1", "2": "not_found"}, past=Past({"1": confirmed("1", "10.0.0.1", "AAA111")})),
    Scenario("the confirmed printer is gone: another one with the name is not taken instead",
        [printer("10.0.0.1", "prn-7", "AAA111")], [equipment("1", "prn-7")],
        {"1": "not_found"}, ["10.0.0.1"], Past({"1": confirmed("1", "10.0.0.2", "BBB222")})),
    Scenario("a confirmation about an equipment out of service binds nobody",
        [printer("10.0.0.1", "prn-7", "AAA111")], [equipment("1", "x", active=False), equipment("2", "prn-7")],
        {"1": "inactive", "2": "10.0.0.1"}, past=Past({"1": confirmed("1", "10.0.0.1", "AAA111")})),
    Scenario("the number is a name with a port, of two printers behind one print server",
        [port("10.0.0.1", 1161, "ps-1"), port("10.0.0.1", 1162, "ps-1")],
        [equipment("1", "ps-1:1161"), equipment("2", "10.0.0.1:1162")], {"1": "10.0.0.1:1161", "2": "10.0.0.1:1162"}),
    Scenario("a print server's name without a port means none of its printers",
        [port("10.0.0.1", 1161, "ps-1"), port("10.0.0.1", 1162, "ps-1")], [equipment("1", "ps-1")],
        {"1": "ambiguous"}),
    Scenario("the usual port need not be said, and may be",
        [printer("10.0.0.1"), printer("10.0.0.2", None, None, "prn-7")],
        [equipment("1", "10.0.0.1:161"), equipment("2", "prn-7:161")], {"1": "10.0.0.1", "2": "10.0.0.2"}),
    Scenario("another port than the printer's is not meant",
        [printer("10.0.0.1", "prn-7")], [equipment("1", "prn-7:1161")], {"1": "not_found"}, ["10.0.0.1"]),
    Scenario("the number is the address of the printer's web page, or its queue on a server",
        [printer("10.0.0.1", "prn-7"), printer("10.0.0.2", None, None, "prn-8.example.com")],
        [equipment("1", "\\\\srv\\PRN-7"), equipment("2", "http://prn-8.example.com:8080/web")],
        {"1": "10.0.0.1", "2": "10.0.0.2"}),
    Scenario("an IPv6 address in any spelling, with its port or without",
        [printer("2001:db8::7"), printer("2001:db8::8")],
        [equipment("1", "2001:DB8:0:0::7"), equipment("2", "[2001:db8::8]:161")],
        {"1": "2001:db8::7", "2": "2001:db8::8"}),
    Scenario("an IPv6 address in brackets without a port",
        [printer("2001:db8::7")], [equipment("1", "[2001:db8::7]")], {"1": "2001:db8::7"}),
    Scenario("an address with zeros as lists have it",
        [printer("10.0.0.7")], [equipment("1", "010.000.000.007")], {"1": "10.0.0.7"}),
    Scenario("an address with single zeros could be octal and is nobody's",
        [printer("10.0.0.7")], [equipment("1", "10.0.0.07")], {"1": "not_found"}, ["10.0.0.7"]),
    Scenario("the number is the asset tag that people entered in the printer",
        [tagged("10.0.0.1", "INV-004711"), tagged("10.0.0.2", "INV-004712")], [equipment("1", "inv-004712")],
        {"1": "10.0.0.2"}, ["10.0.0.1"]),
    Scenario("the number is a network card that only an announcement tells",
        [replace(printer("10.0.0.1"), sightings=(
            Sighting(Endpoint("10.0.0.1"), "mdns", "Empfang", None, ("00:1b:a9:12:34:56",)),))],
        [equipment("1", "00-1B-A9-12-34-56")], {"1": "10.0.0.1"}),
    Scenario("a printer that tells the card itself goes before an announcement",
        [replace(printer("10.0.0.1"), sightings=(
            Sighting(Endpoint("10.0.0.1"), "mdns", "Empfang", None, ("00:1b:a9:12:34:56",)),)),
            printer("10.0.0.2", mac="00:1b:a9:12:34:56")],
        [equipment("1", "00-1B-A9-12-34-56")], {"1": "10.0.0.2"}, ["10.0.0.1"]),
    Scenario("one serial number at two places: neither is believed",
        [printer("10.0.0.1", "prn-7", "AAA111"), printer("10.0.0.2", "prn-8", "AAA111")],
        [equipment("1", "prn-7", "AAA111")], {"1": "contradicted"}, ["10.0.0.2"]),
    Scenario("of two with one serial number a person may still say which is meant, by its network card",
        [printer("10.0.0.1", "prn-7", "AAA111", mac="aa:00:00:00:00:01"),
            printer("10.0.0.2", "prn-8", "AAA111", mac="aa:00:00:00:00:02")],
        [equipment("1", "prn-7")], {"1": "10.0.0.2"}, ["10.0.0.1"],
        Past({"1": Confirmation("1", Endpoint("10.0.0.9"), "AAA111", ("aa:00:00:00:00:02",), NOW, "key user")})),
    Scenario("another network card, and no serial number that proves the same device",
        [printer("10.0.0.1", "prn-7", mac="aa:00:00:00:00:02")], [equipment("1", "prn-7", "AAA111")],
        {"1": "contradicted"}, past=Past(identities={"1": Identity(mac_addresses=("aa:00:00:00:00:01",))})),
    Scenario("another network card, and the serial number is the same",
        [printer("10.0.0.1", "prn-7", "AAA111", mac="aa:00:00:00:00:02")], [equipment("1", "prn-7")],
        {"1": "10.0.0.1"}, past=Past(identities={"1": Identity(
            serial_number="AAA111", serial_number_raw="AAA111", mac_addresses=("aa:00:00:00:00:01",))})),
    Scenario("another model, and neither serial number nor network card",
        [replace(printer("10.0.0.1", "prn-7"), identity=Identity(model="B", host_name="prn-7", sys_object_id="1.3.2"))],
        [equipment("1", "prn-7")], {"1": "contradicted"},
        past=Past(identities={"1": Identity(model="A", sys_object_id="1.3.1")})),
]  # fmt: skip


def told(endpoint: Endpoint) -> str:
    return str(endpoint).strip("[]")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.says)
def test_scenarios_of_matching(scenario):
    """Each scenario says what it expects; the order of the lists does not matter."""
    for printers in (scenario.printers, scenario.printers[::-1]):
        for equipments in (scenario.equipments, scenario.equipments[::-1]):
            outcome = match(printers, equipments, scenario.past)
            found = {one.equipment.equipment_number: told(one.printer.endpoint) for one in outcome.matched}
            found |= {one.equipment.equipment_number: one.code for one in outcome.refused}
            assert found == scenario.expect
            assert [one.endpoint.address for one in outcome.unclaimed] == scenario.unclaimed


def test_an_equipment_without_number_names_the_printer_with_its_serial_number():
    """The key user is told which printer it probably is, so that the number can be entered."""
    outcome = match([printer("10.0.0.1", "x", "AAA111")], [equipment("1", None, "aaa-111")])
    assert [one.printer.endpoint.address for one in outcome.refused[0].candidates] == ["10.0.0.1"]


def test_a_match_says_by_what():
    """Every match carries its rules with both sides' words."""
    outcome = match([printer("10.0.0.1", "prn-7", "AAA111")], [equipment("1", "PRN-7", "AAA111")])
    matched = outcome.matched[0]
    assert isinstance(matched, Matched)
    assert [(one.rule, one.portal, one.device) for one in matched.evidence] == [
        ("host_name", "PRN-7", "prn-7"),
        ("serial_number", "AAA111", "AAA111"),
    ]


names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{1,5}){0,2}", fullmatch=True)


@given(names, names)
def test_names_compare_alike_from_both_sides(one, other):
    """It does not matter which of two names the portal has."""
    assert same_name(one, other) == same_name(other, one)
    assert same_name(one, one.upper())


@given(st.lists(st.tuples(names, st.sampled_from(["", "AAA111", "BBB222"])), max_size=6), st.lists(names, max_size=6))
def test_every_equipment_and_every_printer_stands_in_one_list(devices, numbers):
    """Nothing is lost in matching, and no printer is given to two equipments."""
    printers = [printer(f"10.0.0.{at + 1}", host, serial or None) for at, (host, serial) in enumerate(devices)]
    equipments = [equipment(str(at), number) for at, number in enumerate(numbers)]
    outcome = match(printers, equipments)
    assert len(outcome.matched) + len(outcome.refused) == len(equipments)
    given_away = [one.printer for one in outcome.matched]
    assert len(set(given_away)) == len(given_away)
    assert not set(given_away) & set(outcome.unclaimed)


@given(
    st.lists(st.tuples(names, st.sampled_from(["", "00:11:22:33:44:55", "00:11:22:33:44:66"])), max_size=8),
    st.one_of(names, st.sampled_from(["10.0.0.2", "00-11-22-33-44-55", "0011.2233.4466", " PRN "])),
)
def test_whoever_answers_to_a_number_is_found(devices, number):
    """The quick way through thousands of printers finds all that comparing each with each would find."""
    printers = [printer(f"10.0.0.{at + 1}", host, None, mac=mac) for at, (host, mac) in enumerate(devices)]
    expected = {
        one.endpoint
        for one in printers
        if same_name(number, one.identity.host_name)
        or same_address(number, one)
        or any(same_mac(number, mac) for mac in one.identity.mac_addresses)
    }
    outcome = match(printers, [equipment("1", number)])
    found = {one.printer.endpoint for one in outcome.matched}
    found |= {
        one.printer.endpoint for one in chain(*(refused.candidates for refused in outcome.refused)) if not one.why
    }
    assert found == expected


@pytest.mark.parametrize("text", ["", "0000", "????", "unknown", "serial_number", None, "XXXXXXXX"])
def test_placeholders_are_no_serial_numbers(text):
    """What cannot tell two machines apart is not taken for a serial number."""
    assert normal_serial(text) is None
    assert not same_serial(text, text)


def test_a_mac_address_is_not_taken_from_a_longer_text():
    """A name that contains hexadecimal digits is no MAC address."""
    assert same_mac("00-1B-A9-12-34-56", "00:1b:a9:12:34:56")
    assert not same_mac("kmbt001ba9123456", "00:1b:a9:12:34:56")


def seen(
    address: str, serial: str | None = None, mac: str = "", model: str | None = None, host: str | None = None
) -> Identified:
    identity = Identity(
        serial_number=normal_serial(serial),
        serial_number_raw=serial,
        mac_addresses=(mac,) if mac else (),
        model=model,
        host_name=host,
    )
    return Identified(Sighting(Endpoint(address), "range"), identity)


CARD, OTHER = "aa:00:00:00:00:01", "aa:00:00:00:00:02"
MERGED = [
    ("one address seen twice", [seen("10.0.0.1"), seen("10.0.0.1")], [[]]),
    ("cable and wireless of one printer", [seen("10.0.0.1", "A111", CARD), seen("10.0.0.2", "A111", CARD)],
        [[("10.0.0.2", "network_card", CARD)]]),
    ("IPv4 and IPv6 of one printer that tells no card", [seen("10.0.0.1", "A111", "", "X1", "prn-7"),
        seen("2001:db8::1", "A-111", "", "X1", "PRN-7")], [[("2001:db8::1", "serial_and_name", "A111, PRN-7")]]),
    ("one of two addresses tells the card", [seen("10.0.0.1", "A111", CARD, "X1", "prn-7"),
        seen("10.0.0.2", "A111", "", "X1", "prn-7")], [[("10.0.0.2", "serial_and_name", "A111, prn-7")]]),
    ("a serial number alone makes no printer of two", [seen("10.0.0.1", "A111"), seen("10.0.0.2", "A111")], [[], []]),
    ("one serial number and name, two cards: a copy", [seen("10.0.0.1", "A111", CARD, "X1", "prn-7"),
        seen("10.0.0.2", "A111", OTHER, "X1", "prn-7")], [[], []]),
    ("one name and model, two serial numbers", [seen("10.0.0.1", "A111", "", "X1", "prn-7"),
        seen("10.0.0.2", "B222", "", "X1", "prn-7")], [[], []]),
    ("one card, two serial numbers: two devices behind a print server", [seen("10.0.0.1", "A111", CARD),
        seen("10.0.0.2", "B222", CARD)], [[], []]),
    ("one card, no serial numbers, different models", [seen("10.0.0.1", None, CARD, "X1"),
        seen("10.0.0.2", None, CARD, "X2")], [[], []]),
]  # fmt: skip


@pytest.mark.parametrize(("says", "sightings", "expect"), MERGED, ids=[row[0] for row in MERGED])
def test_scenarios_of_merging(says, sightings, expect):
    """Several sightings of one device become one printer, with the reason for each further address; two never do."""
    for found in (merge(sightings), merge(sightings[::-1])):
        reasons = [[(told(one.endpoint), one.rule) for one in printer.joined] for printer in found]
        assert reasons == [[row[:2] for row in rows] for rows in expect], says
    printers = merge(sightings)
    assert [[one.what.casefold() for one in printer.joined] for printer in printers] == [
        [row[2].casefold() for row in rows] for rows in expect
    ]


def test_a_match_says_what_is_new_about_its_printer():
    """A printer that moved, was renamed or got another card is followed, and the change is shown."""
    before = Identity(serial_number_raw="AAA111", host_name="old-name", mac_addresses=(CARD,))
    past = Past(identities={"1": before}, places={"1": Endpoint("10.0.0.1")})
    (matched,) = match([printer("10.0.0.9", "prn-7", "AAA111", mac=OTHER)], [equipment("1", "prn-7")], past).matched
    assert [str(change) for change in matched.changes] == [
        "Its address was 10.0.0.1 when it was read last and is 10.0.0.9 now.",
        "It called itself old-name when it was read last, and prn-7 now.",
        f"Its network card was {CARD} when it was read last and is {OTHER} now.",
    ]
    (same,) = match([printer("10.0.0.1", "old-name", "AAA111", mac=CARD)], [equipment("1", "old-name")], past).matched
    assert same.changes == ()


def test_every_refusal_that_a_person_can_end_says_how():
    """Whatever is refused for an equipment in service, the next step is named with the command to type."""
    for scenario in SCENARIOS:
        for refused in match(scenario.printers, scenario.equipments, scenario.past).refused:
            number = refused.equipment.equipment_number
            if refused.code != "inactive":
                assert refused.remedy is not None, scenario.says
                assert f"match confirm {number}" in str(refused.remedy) or "match release" in str(refused.remedy)
            assert all(one.why is None or one.remedy is not None for one in refused.candidates)


def test_the_only_printer_of_the_model_is_near_and_a_printer_knows_whom_it_is_near():
    """Where names say nothing, the model may; both sides are told."""
    wanted = replace(equipment("1", "y"), model="Bizhub C-301i")
    one = replace(printer("10.0.0.1", "x"), identity=Identity(host_name="x", model="bizhub C301i"))
    outcome = match([one, printer("10.0.0.2", "z")], [wanted])
    assert [near.printer for near in outcome.refused[0].candidates] == [one]
    assert [outcome.near(each) for each in outcome.unclaimed] == [[wanted], []]
    two = replace(one, endpoint=Endpoint("10.0.0.3"))
    assert match([one, two], [wanted]).refused[0].candidates == ()


@pytest.mark.parametrize(
    ("says", "near", "wanted", "why"),
    [
        (
            "the serial number of the portal",
            printer("10.0.0.1", "x", "AAA111"),
            equipment("1", "y", "AAA-111"),
            "AAA111",
        ),
        ("nearly the name", printer("10.0.0.1", "prn-7"), equipment("1", "prn-007"), "prn-7"),
        ("a similar name", printer("10.0.0.1", "kmbt5a17c2"), equipment("1", "KMBT5A17C3"), "kmbt5a17c2"),
    ],
)
def test_who_comes_nearest_is_named_with_the_reason(says, near, wanted, why):
    """What is not matched says what would have to be changed, for the key user to decide."""
    far = printer("10.0.0.99", "somebody-else", "ZZZ999")
    (refused,) = match([far, near], [wanted]).refused
    assert [one.printer for one in refused.candidates] == [near], says
    assert why in str(refused.candidates[0].why)


def test_the_printer_that_was_read_before_is_found_again_under_another_name():
    """A printer that was renamed is shown as the candidate that it is."""
    past = Past(identities={"1": Identity(serial_number="AAA111", serial_number_raw="AAA111")})
    (refused,) = match([printer("10.0.0.1", "new-name", "AAA111")], [equipment("1", "old")], past).refused
    assert [one.printer.endpoint.address for one in refused.candidates] == ["10.0.0.1"]

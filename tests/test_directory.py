"""Where a technical identification number leads: spellings as a table, then resolution by resolvers and its bounds."""

from __future__ import annotations

import asyncio
import time
from ipaddress import IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.discovery.allowed import Allowed
from agent.discovery.directory import Directory, Lookup
from agent.discovery.names import AT_ONCE, Names
from agent.discovery.ranges import AddressRanges
from agent.discovery.spelling import targets_in

SPELLINGS = {
    "PRN-7": [["PRN-7"]],
    "  prn-7  ": [["prn-7"]],
    "prn-7.example.com": [["prn-7.example.com"]],
    "prn-7 (Empfang)": [["prn-7"]],
    "prn-7 [EG]": [["prn-7"]],
    "Kopierer EG": [["Kopierer-EG"], ["Kopierer_EG"], ["KopiererEG"]],
    "Büro": [["Büro"], ["Buero"]],
    "Bu\u0308ro": [["Büro"], ["Buero"]],  # as macOS writes it
    "STRASSE": [["STRASSE"]],
    "Straße 7": [["Strasse-7"], ["Strasse_7"], ["Strasse7"]],
    "http://prn-7.example.com:8080/web": [["prn-7.example.com"]],
    "ipp://user@prn-7/ipp/print": [["prn-7"]],
    "\\\\server\\PRN-7": [["PRN-7"]],
    "192.168.1.7": [["192.168.1.7"]],
    "2001:db8::7": [["2001:db8::7"]],
    "010.000.000.007": [["10.0.0.7"]],
    "[2001:db8::7]:161": [["2001:db8::7"]],
    "00:1b:a9:12:34:56": [],
    "10.1": [],  # the system would ask 10.0.0.1
    "0x7f.1": [],
    "255.255.255.255": [],
    "-": [],
    "": [],
}


@pytest.mark.parametrize(("number", "hosts"), SPELLINGS.items())
def test_a_number_is_looked_up_in_the_spellings_a_host_name_may_have(number, hosts):
    """As it is written first; what can be no host name is not asked for."""
    assert [[target.host for target in together] for together in targets_in(number)] == hosts


def test_a_name_without_a_dot_is_looked_up_in_every_domain():
    """The same name in two domains is two printers, so all of them are looked at together."""
    (together,) = targets_in("prn-7", ["a.example", ".b.example."])
    assert [target.host for target in together] == ["prn-7", "prn-7.a.example", "prn-7.b.example"]
    assert [target.host for target in targets_in("prn-7.c.example", ["a.example"])[0]] == ["prn-7.c.example"]


def test_a_port_is_kept_where_it_is_the_printers():
    """`HOST:PORT` names the port to ask; the port in a web address is another service's."""
    assert targets_in("10.0.0.7:1161")[0][0].port == 1161
    assert targets_in("http://10.0.0.7:8080/")[0][0].port is None


@given(st.text(max_size=300), st.lists(st.text(max_size=20), max_size=3))
def test_no_number_is_too_strange_to_look_up(number, domains):
    """Whatever stands in the portal, there are a few names to ask for or none, and no error."""
    assert sum(map(len, targets_in(number, domains))) <= 6 * (1 + len(domains))


HERE = Allowed(AddressRanges.parse(["10.0.0.0/24"], ["10.0.0.66"]), networks=(IPv6Network("2001:db8::/64"),))


def look_up(numbers: list[str], names: dict[str, tuple[str, ...]], domains: tuple[str, ...] = ()) -> dict[str, Lookup]:
    """The lookups against a resolver that knows these names."""

    async def resolve(name: str) -> tuple[str, ...]:
        return names.get(name.lower(), ())

    async def neighbours(name: str) -> tuple[str, ...]:
        return ("10.0.0.200",) if name == "km-keller" else ()

    return asyncio.run(Directory(HERE, {"dns": resolve, "mdns": neighbours}, domains).look_up(numbers))


def test_names_lead_to_addresses_inside_the_allowed_networks_only():
    """An address that nobody allowed is named and never asked, whatever the name server says."""
    names = {"prn-7": ("10.0.0.7", "2001:db8::7", "fe80::7", "203.0.113.9", "10.0.0.66")}
    found = look_up(["prn-7"], names)["prn-7"]
    assert [str(sighting.endpoint) for sighting in found.sightings] == ["10.0.0.7", "[2001:db8::7]"]
    assert {sighting.name for sighting in found.sightings} == {"prn-7"}
    assert found.outside == ("203.0.113.9", "10.0.0.66")


def test_what_only_neighbours_know_is_called_so():
    """A name that the neighbours alone know proves less than one of the name server."""
    (sighting,) = look_up(["km-keller"], {})["km-keller"].sightings
    assert (sighting.how, sighting.endpoint.address) == ("mdns", "10.0.0.200")
    both = look_up(["km-keller"], {"km-keller": ("10.0.0.200",)})["km-keller"].sightings
    assert [one.how for one in both] == ["dns", "mdns"]


def test_the_first_spelling_that_leads_anywhere_counts():
    """Other spellings may be other machines."""
    names = {"kopierer_eg": ("10.0.0.8",), "kopierereg": ("10.0.0.9",)}
    found = look_up(["Kopierer EG"], names)["Kopierer EG"]
    assert [sighting.endpoint.address for sighting in found.sightings] == ["10.0.0.8"]
    assert found.asked == ("Kopierer-EG", "Kopierer_EG")


def test_one_name_in_two_domains_leads_to_both():
    """Which of them is meant is not for the name server to say."""
    names = {"prn-7.a.example": ("10.0.0.7",), "prn-7.b.example": ("10.0.0.8",)}
    found = look_up(["prn-7"], names, ("a.example", "b.example"))["prn-7"]
    assert {(one.endpoint.address, one.name) for one in found.sightings} == {
        ("10.0.0.7", "prn-7.a.example"),
        ("10.0.0.8", "prn-7.b.example"),
    }


def test_an_unknown_number_says_what_was_asked_for():
    """The answer to "why was it not found" begins with the names that nobody knew."""
    assert look_up(["Büro", "00:1b:a9:12:34:56"], {}) == {
        "Büro": Lookup("Büro", ("Büro", "Buero")),
        "00:1b:a9:12:34:56": Lookup("00:1b:a9:12:34:56"),
    }


def test_the_systems_resolver_is_asked_and_never_waited_for():
    """A name that takes too long has no address; the others do not wait for it, and the loop ends at once."""

    async def resolved() -> list[tuple[str, ...]]:
        names = Names(patience=5)
        many = [names.addresses("localhost") for _ in range(3 * AT_ONCE)]
        return await asyncio.gather(names.addresses("127.0.0.9"), names.addresses("no.such.name.invalid"), *many)

    began = time.monotonic()
    literal, unknown, *known = asyncio.run(resolved())
    assert literal == ("127.0.0.9",)
    assert unknown == ()
    assert all(set(addresses) <= {"127.0.0.1", "::1"} and addresses for addresses in known)
    assert time.monotonic() - began < 60


def test_a_name_server_that_is_silent_costs_each_name_its_patience_only():
    """No patience at all: whatever the system still does, the names are answered."""

    async def resolved() -> list[tuple[str, ...]]:
        names = Names(patience=0)
        return await asyncio.gather(*(names.addresses(f"name-{number}.invalid") for number in range(2 * AT_ONCE)))

    assert asyncio.run(resolved()) == [()] * (2 * AT_ONCE)

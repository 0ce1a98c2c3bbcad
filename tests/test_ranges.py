"""Which addresses may be asked, and which devices a person named."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.discovery.ranges import AddressRanges
from agent.discovery.target import Target
from agent.errors import ConfigError

BASE = int(IPv4Address("10.1.0.0"))
spans = st.tuples(st.integers(0, 300), st.integers(0, 300)).map(lambda two: (BASE + min(two), BASE + max(two)))
networks = st.tuples(st.integers(0, 300), st.integers(24, 32)).map(
    lambda both: IPv4Network((BASE + both[0], both[1]), strict=False)
)


def written(span: tuple[int, int]) -> str:
    return f"{IPv4Address(span[0])}-{IPv4Address(span[1])}"


def numbers(ranges: AddressRanges) -> list[int]:
    return [int(IPv4Address(text)) for text in ranges]


@given(st.lists(spans, max_size=6), st.lists(spans, max_size=6))
def test_what_is_listed_less_what_is_excluded(wanted: list[tuple[int, int]], excluded: list[tuple[int, int]]) -> None:
    """Exactly the addresses of the ranges that no exclusion names are asked, each once, in ascending order."""
    expected = {n for low, high in wanted for n in range(low, high + 1)}
    expected -= {n for low, high in excluded for n in range(low, high + 1)}
    ranges = AddressRanges.parse(map(written, wanted), map(written, excluded))
    assert numbers(ranges) == sorted(expected)
    assert len(ranges) == len(expected)
    assert {n for n in range(BASE - 1, BASE + 302) if str(IPv4Address(n)) in ranges} == expected


@given(st.lists(networks, max_size=5))
def test_networks_leave_out_their_ends(listed: list[IPv4Network]) -> None:
    """Of a network its hosts are asked, never its own and its broadcast address."""
    assert set(AddressRanges.parse(map(str, listed))) == {str(host) for network in listed for host in network.hosts()}


@given(networks, networks)
def test_excluded_networks_are_excluded_whole(listed: IPv4Network, excluded: IPv4Network) -> None:
    """An excluded network keeps every one of its addresses from being asked."""
    ranges = AddressRanges.parse([str(listed)], [str(excluded)])
    assert not any(str(address) in ranges for address in excluded)


def test_large_ranges_are_walked_lazily() -> None:
    """A range of 16 million addresses costs nothing until its addresses are asked for."""
    ranges = AddressRanges.parse(["10.0.0.0/8"])
    assert len(ranges) == 2**24 - 2
    assert list(islice(ranges, 2)) == ["10.0.0.1", "10.0.0.2"]
    assert "10.255.255.254" in ranges
    assert "10.255.255.255" not in ranges


def test_other_spellings_of_an_address() -> None:
    """An address is found however a socket spells it; what is no IPv4 address is in no range."""
    ranges = AddressRanges.parse(["192.168.1.7"])
    assert "192.168.1.7" in ranges
    assert IPv4Address("192.168.1.7") in ranges
    assert "::ffff:192.168.1.7" in ranges
    for stranger in ("192.168.1.8", "fe80::1", "printer-1", "", 7, None):
        assert stranger not in ranges


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("192.168.1.5/24", '"192.168.1.0/24" for the whole network or "192.168.1.5" for this'),
        ("192.168.1.0/255.255.255.0", 'Write "192.168.1.0/24".'),
        ("192.168.1.10-50", 'Write "192.168.1.10-192.168.1.50".'),
        ("192.168.1.50-192.168.1.10", 'Write "192.168.1.10-192.168.1.50".'),
        ("192.168.1.*", 'Write "192.168.1.0/24"'),
        ("192.168.1.0/33", 'Write "192.168.1.0/24"'),
        ("192.168.001.5", 'Write "192.168.1.0/24"'),
        ("", 'Write "192.168.1.0/24"'),
        ("-", 'Write "192.168.1.0/24"'),
        ("2001:db8::/64", "discovery.hosts"),
        ("224.0.0.0/24", "Name the network"),
        ("0.0.0.0", "Name the network"),
        ("0.0.0.0/0", "Name the network"),
        ("255.255.255.255", "Name the network"),
        ("223.255.255.0-224.0.0.1", "Name the network"),
    ],
)
def test_refused_ranges_say_how_to_write_them(text: str, remedy: str) -> None:
    """A range that is mistyped, or where no printer can be, is refused with the right spelling."""
    with pytest.raises(ConfigError) as refused:
        AddressRanges.parse([text])
    assert remedy in str(refused.value.remedy)


@given(st.text(max_size=30))
def test_any_text_is_a_range_or_a_config_error(text: str) -> None:
    """Whatever is typed as a range, the agent says what is wrong and does not break."""
    try:
        ranges = AddressRanges.parse([text])
    except ConfigError as error:
        assert error.remedy is not None
    else:
        assert len(ranges) >= 1


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("printer-1", Target("printer-1")),
        ("Drucker_3.büro.example.com.:1161", Target("Drucker_3.büro.example.com.", 1161)),
        (" 192.168.1.7:65535 ", Target("192.168.1.7", 65535)),
        ("2001:db8::7", Target("2001:db8::7")),
        ("[2001:db8::7]", Target("2001:db8::7")),
        ("[2001:db8::7]:1161", Target("2001:db8::7", 1161)),
        ("127.0.3.1", Target("127.0.3.1")),
    ],
)
def test_targets(text: str, target: Target) -> None:
    """A printer is named by its name or address, with a port where needed."""
    assert Target.parse(text) == target


@pytest.mark.parametrize(
    "text",
    [
        *("", ":161", "a b", "http://printer", "printer:0", "printer:65536", "printer:x", "printer:²"),
        *("10.1", "0x7f.1", "10.0.0.300", "[10.0.0.1]", "[2001:db8::7", "[2001:db8::7]161"),
        *("224.0.0.1", "0.0.0.0", "::", "ff02::1", "255.255.255.255"),
        *("-printer", "printer-", "a..b", "x" * 64),
    ],
)
def test_refused_targets(text: str) -> None:
    """What is no printer's name or address is refused; above all what a resolver would read as another address."""
    with pytest.raises(ConfigError) as refused:
        Target.parse(text)
    assert refused.value.remedy is not None


@given(st.text(max_size=30))
def test_any_text_is_a_target_or_a_config_error(text: str) -> None:
    """Whatever is typed as a target, the agent says what is wrong and does not break."""
    try:
        target = Target.parse(text)
    except ConfigError as error:
        assert error.remedy is not None
    else:
        assert target.host


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), max_size=5), st.integers(0, 70), st.integers(0, 70))
def test_a_part_is_what_counting_through_would_give(pairs: list[tuple[int, int]], start: int, stop: int) -> None:
    """Portions of a search are cut out of the ranges by number."""
    ranges = AddressRanges.of((min(pair), max(pair)) for pair in pairs)
    assert list(ranges.cut(start, stop)) == list(ranges)[start:stop]
    assert list(ranges.cut(start)) == list(ranges)[start:]

"""The IPv4 addresses that may be asked: what the customer listed, less what he excluded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

from agent.errors import ConfigError
from agent.texts import message

Interval = tuple[int, int]

# No printer answers there: "this network" with 0.0.0.0 (RFC 1122), multicast, and reserved with 255.255.255.255.
_NEVER = tuple(IPv4Network(text) for text in ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"))


@dataclass(frozen=True, slots=True)
class AddressRanges:
    """A set of IPv4 addresses: disjoint intervals of numbers, both ends included, in ascending order.

    Made by `parse`. Iterating gives the addresses one by one as text, ascending, without keeping them.
    """

    intervals: tuple[Interval, ...] = ()

    @staticmethod
    def parse(ranges: Iterable[str], exclude: Iterable[str] = ()) -> AddressRanges:
        """The addresses of all `ranges` that are in none of `exclude`.

        Both take "192.168.1.0/24", "192.168.1.10-192.168.1.40" and "192.168.1.7". A network shorter than /31
        gives no network and no broadcast address, but is excluded with both. Raises `ConfigError`.
        """
        return AddressRanges.of(check_range(text) for text in ranges).less(
            AddressRanges.of(check_exclusion(text) for text in exclude)
        )

    @staticmethod
    def of(intervals: Iterable[Interval]) -> AddressRanges:
        """The addresses of these intervals, in any order and however they overlap."""
        return AddressRanges(tuple(_merged(intervals)))

    def less(self, other: AddressRanges) -> AddressRanges:
        """Those that are not in the other."""
        return AddressRanges(tuple(_without(self.intervals, list(other.intervals))))

    def cut(self, start: int, stop: int | None = None) -> AddressRanges:
        """The addresses from number `start` (from 0) to before number `stop`, without counting through them."""
        parts: list[Interval] = []
        for low, high in self.intervals:
            size = high - low + 1
            first, last = max(start, 0), size if stop is None else min(stop, size)
            if first < last:
                parts.append((low + first, low + last - 1))
            start, stop = start - size, None if stop is None else stop - size
        return AddressRanges(tuple(parts))

    def __contains__(self, address: object) -> bool:
        number = _number(address)
        if number is None:
            return False
        place = bisect_right(self.intervals, number, key=lambda interval: interval[0]) - 1
        return place >= 0 and number <= self.intervals[place][1]

    def __len__(self) -> int:
        return sum(high - low + 1 for low, high in self.intervals)

    def __iter__(self) -> Iterator[str]:
        for low, high in self.intervals:
            for number in range(low, high + 1):
                yield str(IPv4Address(number))


def check_range(text: str) -> Interval:
    """First and last address of one range that may be searched; raises `ConfigError` with the right spelling."""
    low, high = _interval(text)
    for network in _NEVER:
        if low <= int(network.broadcast_address) and high >= int(network.network_address):
            raise ConfigError(
                message('"{range}" reaches into {network}, where no printer can be.', range=text, network=str(network)),
                message('Name the network the printers are in, for example "192.168.1.0/24".'),
            )
    hosts_only = "/" in text and high - low > 1
    return (low + 1, high - 1) if hosts_only else (low, high)


def check_exclusion(text: str) -> Interval:
    """First and last address of one exclusion, both ends included; raises `ConfigError`."""
    return _interval(text)


def _interval(text: str) -> Interval:
    cleaned = text.strip()
    if ":" in cleaned:
        raise ConfigError(
            message('"{range}" is an IPv6 range; those are too large to be searched.', range=text),
            message("Name each IPv6 printer in discovery.hosts."),
        )
    if "/" in cleaned:
        return _of_network(cleaned)
    if "-" in cleaned:
        return _of_span(cleaned)
    address = _address(cleaned)
    return address, address


def _of_network(text: str) -> Interval:
    base, _, prefix = text.partition("/")
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        raise _malformed(text) from None
    exact = f"{network.network_address}/{network.prefixlen}"
    if not prefix.isdigit():
        raise ConfigError(
            message('"{range}" is written with a network mask.', range=text),
            message('Write "{right}".', right=exact),
        )
    if IPv4Address(base) != network.network_address:
        raise ConfigError(
            message('"{range}" is an address inside a network, not a network.', range=text),
            message('Write "{right}" for the whole network or "{one}" for this address.', right=exact, one=base),
        )
    return int(network.network_address), int(network.broadcast_address)


def _of_span(text: str) -> Interval:
    first, last = (part.strip() for part in text.split("-", 1))
    if last.isdigit() and first.count(".") == 3:
        raise ConfigError(
            message('"{range}" has no complete last address.', range=text),
            message('Write "{right}".', right=f"{first}-{first.rpartition('.')[0]}.{last}"),
        )
    low, high = _address(first, text), _address(last, text)
    if low > high:
        raise ConfigError(
            message('"{range}" ends before it begins.', range=text),
            message('Write "{right}".', right=f"{last}-{first}"),
        )
    return low, high


def _address(text: str, whole: str | None = None) -> int:
    try:
        return int(IPv4Address(text))
    except ValueError:
        raise _malformed(whole or text) from None


def _malformed(text: str) -> ConfigError:
    return ConfigError(
        message('"{range}" is not an address range.', range=text),
        message('Write "192.168.1.0/24", "192.168.1.10-192.168.1.40" or "192.168.1.7".'),
    )


@lru_cache(maxsize=10_000)  # of a known fleet the same addresses are looked up several times in every cycle
def _number(address: object) -> int | None:
    if isinstance(address, str):
        try:
            address = ip_address(address)
        except ValueError:
            return None
    if isinstance(address, IPv6Address):
        # The same printer, written as an IPv4-mapped address by a dual-stack socket.
        address = address.ipv4_mapped
    return int(address) if isinstance(address, IPv4Address) else None


def _merged(intervals: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _without(wanted: Iterable[Interval], excluded: list[Interval]) -> Iterator[Interval]:
    for low, high in wanted:
        start = low
        first = max(0, bisect_right(excluded, low, key=lambda interval: interval[0]) - 1)
        for out_low, out_high in excluded[first:]:
            if out_low > high:
                break
            if out_low > start:
                yield start, out_low - 1
            start = max(start, out_high + 1)
        if start <= high:
            yield start, high

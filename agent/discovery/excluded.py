"""What is never asked, whatever leads there: addresses, ranges, IPv6 networks, and hosts by their names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, IPv6Network, ip_address

from agent.discovery.ranges import AddressRanges, check_exclusion
from agent.discovery.target import Target
from agent.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Excluded:
    """A set of addresses. `names` are in it only as `with_addresses` of whoever looked them up."""

    fours: AddressRanges = field(default_factory=AddressRanges)
    sixes: tuple[IPv6Network, ...] = ()
    names: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()

    @staticmethod
    def parse(texts: Iterable[str]) -> Excluded:
        """Takes what `ranges` take, IPv6 addresses and networks, and host names. Raises `ConfigError`."""
        ranges: list[str] = []
        sixes: list[IPv6Network] = []
        names: list[str] = []
        for text in texts:
            if (six := _six(text)) is not None:
                sixes.append(six)
            elif is_name(text):
                names.append(text.strip())
            else:
                ranges.append(text)
        intervals = sorted(check_exclusion(text) for text in ranges)
        return Excluded(AddressRanges.of(intervals), tuple(sixes), tuple(names))

    def with_addresses(self, addresses: Iterable[str]) -> Excluded:
        """The same with the addresses that the names have now, beside those that they had before."""
        return replace(self, named=self.named | frozenset(addresses))

    def __contains__(self, address: object) -> bool:
        if address in self.fours or address in self.named:
            return True
        if not self.sixes and not self.named:
            return False
        parsed = _parsed(address)
        if not isinstance(parsed, IPv6Address):
            return False
        mapped = parsed.ipv4_mapped
        return (mapped is not None and str(mapped) in self.named) or any(parsed in network for network in self.sixes)


def check_excluded(text: str) -> None:
    """Raises `ConfigError` with the right spelling of something to exclude."""
    Excluded.parse([text])


def is_name(text: str) -> bool:
    """Whether this is a host name, which has a letter, and no mistyped range."""
    if not any(sign.isalpha() for sign in text):
        return False
    try:
        target = Target.parse(text)
    except ConfigError:
        return False
    return target.port is None and _parsed(target.host) is None


def _six(text: str) -> IPv6Network | None:
    try:
        return IPv6Network(text.strip(), strict=False)
    except ValueError:
        return None


def _parsed(text: object) -> object:
    try:
        return ip_address(text) if isinstance(text, str) else None
    except ValueError:
        return None

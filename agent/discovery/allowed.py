"""Where printers may be asked: the networks that the customer named, less what he excluded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from agent.discovery.excluded import Excluded
from agent.discovery.ranges import AddressRanges, check_range
from agent.errors import ConfigError
from agent.texts import message


@dataclass(frozen=True, slots=True)
class Allowed:
    """A set of addresses. `searched` are asked one by one, the others only when a name leads to them.

    What is excluded is in none of them. An IPv4 address inside an IPv6 one is the same address.
    """

    searched: AddressRanges = field(default_factory=AddressRanges)
    known: AddressRanges = field(default_factory=AddressRanges)
    networks: Sequence[IPv6Network] = ()
    excluded: Excluded = field(default_factory=Excluded)

    @staticmethod
    def parse(ranges: Iterable[str], networks: Iterable[str] = (), exclude: Iterable[str] = ()) -> Allowed:
        """These ranges and networks ("10.0.0.0/8", "2001:db8::/48") less `exclude`. Raises `ConfigError`."""
        found, excluded = [check_network(text) for text in networks], Excluded.parse(exclude)
        fours = [str(one) for one in found if isinstance(one, IPv4Network)]
        sixes = tuple(one for one in found if isinstance(one, IPv6Network))
        searched, known = AddressRanges.parse(ranges), AddressRanges.parse(fours)
        return Allowed(searched.less(excluded.fours), known.less(excluded.fours), sixes, excluded)

    def __contains__(self, address: object) -> bool:
        if address in self.excluded:
            return False
        if address in self.searched or address in self.known:
            return True
        parsed = _parsed(address)
        return isinstance(parsed, IPv6Address) and any(parsed in network for network in self.networks)

    def __bool__(self) -> bool:
        return bool(len(self.searched) or len(self.known) or self.networks)


def check_network(text: str) -> IPv4Network | IPv6Network:
    """The network that a text names; raises `ConfigError` with the right spelling."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise ConfigError(
            message('"{network}" is not a network.', network=text),
            message('Write "10.0.0.0/8" or "2001:db8::/48".'),
        ) from None
    if isinstance(network, IPv4Network):
        check_range(str(network))
    elif network.is_multicast or network.prefixlen < SHORTEST_PREFIX:
        raise ConfigError(
            message('"{network}" is not a network that printers are in.', network=text),
            message("Name the network of your site; its prefix has 16 bits or more."),
        )
    if str(network) != text.strip() and "/" in text:
        raise ConfigError(
            message('"{range}" is an address inside a network, not a network.', range=text),
            message('Write "{right}" for the whole network.', right=str(network)),
        )
    return network


SHORTEST_PREFIX = 16  # bits of an IPv6 network; providers give out 32 and longer


def _parsed(address: object) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address) if isinstance(address, str) else None
    except ValueError:
        return None

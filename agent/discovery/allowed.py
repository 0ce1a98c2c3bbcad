"""Where printers may be asked: the networks that the customer named, less what he excluded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from agent.discovery.ranges import AddressRanges


@dataclass(frozen=True, slots=True)
class Allowed:
    """A set of addresses. `searched` are asked one by one, the others only when a name leads to them.

    What is excluded is in none of them. An IPv4 address inside an IPv6 one is the same address.
    """

    searched: AddressRanges = field(default_factory=AddressRanges)
    known: AddressRanges = field(default_factory=AddressRanges)
    networks: Sequence[IPv6Network] = ()

    def __contains__(self, address: object) -> bool:
        if address in self.searched or address in self.known:
            return True
        parsed = _parsed(address)
        return isinstance(parsed, IPv6Address) and any(parsed in network for network in self.networks)

    def __bool__(self) -> bool:
        return bool(len(self.searched) or len(self.known) or self.networks)


def _parsed(address: object) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address) if isinstance(address, str) else None
    except ValueError:
        return None

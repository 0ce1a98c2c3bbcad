"""Addresses worth asking: the configured hosts, by name or literally, and the configured ranges."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from agent.discovery.ranges import AddressRanges
from agent.discovery.target import Target
from agent.printers import Endpoint, Sighting


@dataclass(frozen=True, slots=True)
class Sweep:
    """The `Finder` over configuration. Hosts come first; a name that does not resolve is simply not seen."""

    ranges: AddressRanges
    hosts: Sequence[Target] = ()
    port: int = 161

    async def candidates(self) -> AsyncIterator[Sighting]:
        """Every configured host that has an address, then every address of the ranges."""
        for host in self.hosts:
            for address in await resolve(host.host):
                name = None if address == host.host else host.host
                yield Sighting(Endpoint(address, host.port or self.port), "dns" if name else "configured", name)
        for address in self.ranges:
            yield Sighting(Endpoint(address, self.port), "range")


async def resolve(name: str) -> tuple[str, ...]:
    """The addresses of a host name, a literal address as it is; empty when there are none."""
    try:
        return (str(ipaddress.ip_address(name)),)
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))

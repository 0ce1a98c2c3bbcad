"""Where printers may be: configured hosts, the portal's numbers resolved forward, announcements, then the ranges."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from hashlib import blake2b
from ipaddress import ip_address
from typing import TYPE_CHECKING

from agent.discovery.advertisement import Hints, Service
from agent.discovery.allowed import Allowed
from agent.discovery.directory import Directory, Named
from agent.discovery.names import Names, Resolve
from agent.discovery.target import Target
from agent.likeness import address_in
from agent.printers import Endpoint, How, Sighting

if TYPE_CHECKING:
    from agent.discovery.mdns import Announcements

log = logging.getLogger(__name__)


def no_hints(_: Service) -> Hints:
    """Nothing is understood."""
    return Hints()


class NetworkFinder:
    """The `Finder` over configuration. `port` is SNMP's where nothing else is said; `domains` are appended to names.

    `is_made_by` knows makers in the names of announced services; None where mDNS is switched off. `hints` understands
    the keys of announcements.
    """

    def __init__(
        self,
        allowed: Allowed,
        hosts: Sequence[Target] = (),
        port: int = 161,
        domains: Sequence[str] = (),
        is_made_by: Callable[[str], bool] | None = None,
        hints: Callable[[Service], Hints] = no_hints,
    ) -> None:
        self._allowed = allowed
        self._hosts = hosts
        self._port = port
        self._domains = domains
        self._is_made_by = is_made_by
        self._hints = hints
        self._names = Names()
        self._announced: Announcements | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is configured that could lead to a printer."""
        return not self._hosts and not self._allowed

    def within(self, allowed: Allowed) -> NetworkFinder:
        """The same finder for other addresses."""
        return NetworkFinder(allowed, self._hosts, self._port, self._domains, self._is_made_by, self._hints)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Announcements are heard as long as the block lasts, where mDNS is on; the log says where it cannot work."""
        async with AsyncExitStack() as stack:
            if self._is_made_by is not None and self._announced is None:
                # Loaded only where mDNS is on: its library takes a while to import.
                from agent.discovery.mdns import Announcements

                heard = Announcements(self._allowed, self._port, self._is_made_by, self._hints)
                try:
                    self._announced = await stack.enter_async_context(heard)
                except OSError as error:
                    log.warning("mDNS is switched on and cannot be used: %s", error)
                else:
                    stack.callback(self._ended)
            yield

    def _ended(self) -> None:
        self._announced = None

    async def named(self, numbers: Iterable[str]) -> Named:
        """Where hosts, numbers and announcements lead; hosts first. A name that does not resolve is not seen."""
        resolvers: dict[How, Resolve] = {"dns": self._names.addresses}
        if self._announced:
            resolvers["mdns"] = self._announced.addresses
        await self._exclude()
        directory = Directory(self._allowed, resolvers, self._domains, self._port)
        hosts = [host for host in self._hosts if address_in(host.host) is None]
        configured = asyncio.gather(*map(self._configured, hosts))
        lookups = await directory.look_up(numbers)
        led = dict(zip(hosts, await configured, strict=True))
        sightings: list[Sighting] = []
        for host in self._hosts:
            sightings += led[host] if host in led else await self._configured(host)
        sightings += [sighting for lookup in lookups.values() for sighting in lookup.sightings]
        announced = await self._announced.sightings() if self._announced else []
        sightings += [sighting for sighting in announced if sighting.endpoint.address in self._allowed]
        return Named(tuple(dict.fromkeys(sightings)), lookups)

    async def _exclude(self) -> None:
        """Looks up the excluded hosts; an address that one of them ever had stays excluded."""
        excluded = self._allowed.excluded
        for name, addresses in zip(
            excluded.names, await asyncio.gather(*map(self._names.addresses, excluded.names)), strict=True
        ):
            if not addresses:
                log.warning("excluded host %s has no address: a search may come by where it is", name)
            excluded = excluded.with_addresses(addresses)
        self._allowed = replace(self._allowed, excluded=excluded)

    def searched(self, start: int = 0, stop: int | None = None) -> Iterator[Endpoint]:
        """The addresses of the ranges, ascending, from number `start` on; excluded hosts are left out."""
        barred, searched = self._allowed.excluded.named, self._allowed.searched
        part = searched.cut(start, stop) if start or stop is not None else searched
        return (Endpoint(address, self._port) for address in part if address not in barred)

    @property
    def reach(self) -> int:
        """How many addresses the ranges have."""
        return len(self._allowed.searched)

    @property
    def scope(self) -> str:
        """A digest of the ranges and the port."""
        barred = sorted(self._allowed.excluded.named)
        text = f"{self._allowed.searched.intervals} {barred} {self._port}"
        return blake2b(text.encode(), digest_size=12).hexdigest()

    def is_searched(self, endpoint: Endpoint) -> bool:
        """Whether a search comes by here."""
        return endpoint.port == self._port and endpoint.address in self._allowed.searched

    def allows(self, address: str) -> bool:
        """Whether a name, or memory, may lead to this address."""
        return address in self._allowed

    async def _configured(self, host: Target) -> list[Sighting]:
        """A person named this host: its address need not be in a network, unless a name leads where no printer is."""
        found = []
        for address in await self._names.addresses(host.host):
            if address in self._allowed.excluded:
                continue
            name = None if address == host.host else host.host
            if name is None or address in self._allowed or not is_nobodys(address):
                endpoint = Endpoint(address, host.port or self._port)
                found.append(Sighting(endpoint, "dns" if name else "configured", name))
        return found


def is_nobodys(address: str) -> bool:
    """Whether an address is this machine's own, link-local, multicast or otherwise no printer's on the network."""
    parsed = ip_address(address)
    return parsed.is_loopback or parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified

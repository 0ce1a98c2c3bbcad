"""The portal's list as the beginning of the search: every technical identification number resolved forward.

A number is resolved as it is written, in the configured domains, and in the spellings that a host name may have.
Where that leads is asked before anything is searched; it identifies nothing, the printer's own answer does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.discovery.advertisement import is_link_local
from agent.discovery.allowed import Allowed
from agent.discovery.names import Resolve
from agent.discovery.spelling import targets_in
from agent.discovery.target import Target
from agent.likeness import address_in
from agent.printers import Endpoint, How, Sighting

Way = tuple[How, str]  # how an address is known, and the address


@dataclass(frozen=True, slots=True)
class Lookup:
    """What became of one number: the names that were asked for, where they lead, and where they lead in vain.

    `outside` are addresses in no configured network; nothing is ever sent there. Link-local addresses are
    not worth a word. Nothing `asked` means that the number can be no host name.
    """

    number: str
    asked: tuple[str, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    outside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """Where names lead, and what became of each technical identification number."""

    sightings: tuple[Sighting, ...] = ()
    lookups: Mapping[str, Lookup] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Directory:
    """Forward resolution by these `resolvers`, each asked for every name and called after how it knows; `port` is
    SNMP's where a number says none."""

    allowed: Allowed
    resolvers: Mapping[How, Resolve]
    domains: Sequence[str] = ()
    port: int = 161

    async def look_up(self, numbers: Iterable[str]) -> dict[str, Lookup]:
        """What became of each number; the same one twice is looked up once."""
        once = list(dict.fromkeys(numbers))
        names = [number for number in once if address_in(number) is None]
        found = dict(zip(names, await asyncio.gather(*map(self._look_up, names)), strict=True))
        # An address leads to itself at once: no task for each of thousands.
        return {number: found[number] if number in found else await self._look_up(number) for number in once}

    async def _look_up(self, number: str) -> Lookup:
        asked: list[str] = []
        for together in targets_in(number, self.domains):
            asked += [target.host for target in together]
            led = (
                [await self._resolved(together[0])]
                if len(together) == 1
                else await asyncio.gather(*map(self._resolved, together))
            )
            found = [(target, *way) for target, ways in zip(together, led, strict=True) for way in ways]
            if found:
                return self._led_to(number, asked, found)
        return Lookup(number, tuple(asked))

    async def _resolved(self, target: Target) -> list[Way]:
        if len(self.resolvers) == 1:
            ((how, resolve),) = self.resolvers.items()
            return [(how, address) for address in await resolve(target.host)]
        answers = await asyncio.gather(*(resolve(target.host) for resolve in self.resolvers.values()))
        return [(how, address) for how, some in zip(self.resolvers, answers, strict=True) for address in some]

    def _led_to(self, number: str, asked: list[str], found: list[tuple[Target, How, str]]) -> Lookup:
        inside = [one for one in found if one[2] in self.allowed]
        sightings = tuple(dict.fromkeys(self._sighting(*one) for one in inside))
        others = dict.fromkeys(address for _, _, address in found if address not in self.allowed)
        outside = tuple(address for address in others if not is_link_local(address))
        return Lookup(number, tuple(asked), sightings, outside)

    def _sighting(self, target: Target, how: How, address: str) -> Sighting:
        name = None if target.host == address else target.host
        return Sighting(Endpoint(address, target.port or self.port), how if name else "dns", name)

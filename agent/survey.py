"""Finding printers and reading them, before anybody asks which equipment they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from agent.discovery.merge import Identified, merge
from agent.errors import PrinterSilent
from agent.ports import Clock, Finder, Snmp
from agent.printers import Endpoint, Printer, Sighting
from agent.readout import Readout
from agent.snmp.catalogue import Catalogue
from agent.snmp.interpretation import identify, interpret, says_printer
from agent.snmp.profile import Profile
from agent.snmp.varbinds import Answer, Ask, Table, Varbinds, oid_of
from agent.texts import Message, message

# What a recording holds besides the profile's objects: system, interfaces' addresses, devices, the whole Printer-MIB,
# the Port Monitor MIB. Makers' private branches are never walked whole: they hold communities and addresses.
RECORDED = tuple(
    map(
        oid_of,
        (
            "1.3.6.1.2.1.1",
            "1.3.6.1.2.1.2.2.1.6",
            "1.3.6.1.2.1.25.3.2",
            "1.3.6.1.2.1.25.3.5",
            "1.3.6.1.2.1.43",
            "1.3.6.1.4.1.2699.1.2",
        ),
    )
)
T = TypeVar("T")
R = TypeVar("R")


class Progress(Protocol):
    """Somebody who watches; never decides anything."""

    def stage(self, name: Message, total: int | None) -> None:
        """A stage begins with `total` steps, if that is known."""

    def step(self) -> None:
        """One step of the stage is done."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once: addresses being probed, printers being read."""

    probes: int = 256
    reads: int = 32


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of asking all addresses who they are; `first` keeps each printer's answer for interpreting."""

    printers: tuple[Printer, ...] = ()
    strangers: tuple[Printer, ...] = ()
    first: dict[Endpoint, Varbinds] = field(default_factory=dict)
    silent: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """Finding and reading printers without a portal: what `discover` and `read` need, and the cycle's first half."""

    finder: Finder
    snmp: Snmp
    catalogue: Catalogue
    clock: Clock
    limits: Limits = Limits()

    async def find(self, progress: Progress) -> Found:
        """Asks every candidate address who it is, and makes printers of the answers."""
        seen: dict[tuple[Endpoint, str | None], Sighting] = {}
        async for sighting in self.finder.candidates():
            seen.setdefault((sighting.endpoint, sighting.name), sighting)
        endpoints = sorted({sighting.endpoint for sighting in seen.values()})
        progress.stage(message("Looking for printers"), len(endpoints))
        answers = dict(zip(endpoints, await bounded(self._who, endpoints, self.limits.probes, progress), strict=True))
        return self._sorted_out(list(seen.values()), answers)

    async def _who(self, endpoint: Endpoint) -> Varbinds | None:
        """What the device says of itself; one that says nothing of printing is asked for a Printer-MIB."""
        try:
            varbinds = (await self.snmp.ask(endpoint, self.profile.identify_ask)).varbinds
            if not says_printer(self.profile, varbinds):
                varbinds = varbinds.merged((await self.snmp.ask(endpoint, self.profile.doubt_ask)).varbinds)
        except PrinterSilent:
            return None
        return varbinds

    def _sorted_out(self, sightings: list[Sighting], answers: dict[Endpoint, Varbinds | None]) -> Found:
        printers: list[Identified] = []
        strangers: list[Identified] = []
        for sighting in sightings:
            varbinds = answers[sighting.endpoint]
            if varbinds is not None:
                identity, printing = identify(self.profile, varbinds)
                (printers if printing else strangers).append(Identified(sighting, identity))
        return Found(
            printers=merge(printers),
            strangers=merge(strangers),
            first={endpoint: varbinds for endpoint, varbinds in answers.items() if varbinds is not None},
            silent=sum(1 for varbinds in answers.values() if varbinds is None),
        )

    async def read(self, endpoint: Endpoint, first: Varbinds) -> Readout:
        """Asks one printer the question of its profile; a printer that does not answer is a readout that says so.

        One that does not say who made it is asked before which maker's branch answers.
        """
        try:
            identity, _ = identify(self.profile, first)
            asked = 0
            if identity.manufacturer is None:
                signature = await self.snmp.ask(endpoint, self.catalogue.signature_ask)
                first, asked = first.merged(signature.varbinds), signature.datagrams
            profile = self.catalogue.choose(identity, first)
            answer = await self.snmp.ask(endpoint, profile.read_ask)
        except PrinterSilent:
            return Readout(endpoint, "unreachable", self.clock.now())
        readout = interpret(profile, endpoint, first, answer, self.clock.now())
        return replace(readout, datagrams=readout.datagrams + asked)

    async def record(self, endpoint: Endpoint) -> Varbinds:
        """Everything of the recorded branches that the device has, and what its profile asks for; nothing redacted.

        Raises `PrinterSilent` when it does not answer.
        """
        first = (await self.snmp.ask(endpoint, self.profile.identify_ask)).varbinds
        identity, _ = identify(self.profile, first)
        profile = self.catalogue.choose(identity, first)
        for ask in (profile.read_ask, *(Ask(tables=(Table((branch,), rows=20),)) for branch in RECORDED)):
            first = first.merged((await self.snmp.ask(endpoint, ask)).varbinds)
        return first

    def understand(self, endpoint: Endpoint, varbinds: Varbinds) -> Readout:
        """The readout of a recording: everything is there at once."""
        identity, _ = identify(self.profile, varbinds)
        profile = self.catalogue.choose(identity, varbinds)
        return interpret(profile, endpoint, Varbinds(), Answer(varbinds, "recording", 0), self.clock.now())

    @property
    def profile(self) -> Profile:
        """What is asked before anything is known."""
        return self.catalogue.generic


async def bounded(work: Callable[[T], Awaitable[R]], items: Iterable[T], at_once: int, progress: Progress) -> list[R]:
    """The results of `work` for all items in their order, never more than `at_once` under way."""
    gate = asyncio.Semaphore(at_once)

    async def one(item: T) -> R:
        async with gate:
            result = await work(item)
        progress.step()
        return result

    return list(await asyncio.gather(*(one(item) for item in items)))

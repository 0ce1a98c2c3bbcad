"""Finding printers and reading them, before anybody asks which equipment they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, TypeVar

from agent.discovery.directory import Lookup
from agent.discovery.merge import Identified, merge
from agent.errors import PrinterRefuses, PrinterSilent
from agent.ipp import interpretation as second_voice
from agent.ipp.attributes import IppAnswer
from agent.meters import Finding
from agent.ports import Clock, Finder, Ipp, Snmp, Sounder
from agent.printers import Endpoint, Identity, Printer, Sighting
from agent.readout import Readout
from agent.snmp.caller import Caller, caller
from agent.snmp.catalogue import Catalogue
from agent.snmp.interpretation import identify, interpret, says_printer
from agent.snmp.manners import Manner, Manners
from agent.snmp.profile import CarePart, Profile
from agent.snmp.read_plan import ReadPlan, ask_by, learnt
from agent.snmp.varbinds import Answer, Ask, Oid, Varbinds
from agent.sweep import Bookmarks, Notepad, Sweep
from agent.texts import Message, message

LEFT_ALONE = "left_alone"
T = TypeVar("T")
R = TypeVar("R")


class Progress(Protocol):
    """Somebody who watches; never decides anything."""

    def stage(self, name: Message, total: int | None) -> None:
        """A stage begins with `total` steps, if that is known."""

    def step(self, count: int = 1) -> None:
        """So many steps of the stage are done."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much at once: addresses being probed, printers being read."""

    probes: int = 256
    reads: int = 32


First = Varbinds | Readout


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of asking all addresses who they are; `first` keeps each printer's answer for interpreting.

    Who only speaks IPP has told everything at once: its first answer is a readout already. `silent` counts the
    addresses without an answer; `absent` says of those where a printer is known, or refused us, what is to be said.
    `lookups` says where technical identification numbers led; `met` are the printers' sightings one by one, and `asked`
    all addresses.
    """

    printers: tuple[Printer, ...] = ()
    strangers: tuple[Printer, ...] = ()
    first: dict[Endpoint, First] = field(default_factory=dict)
    silent: int = 0
    absent: dict[Endpoint, Readout] = field(default_factory=dict)
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    met: tuple[Identified, ...] = ()
    asked: frozenset[Endpoint] = frozenset()


class Everybody:
    """The `Sounder` that takes everybody for present, so that every address is asked in every way."""

    rounds = 1
    portion = 65_536
    scope = "everybody"

    async def sound(self, places: Callable[[], Iterable[Endpoint]], step: Callable[[int], None]) -> list[Endpoint]:
        """All of them."""
        present = list(places())
        step(len(present))
        return present


@dataclass(frozen=True, slots=True)
class Survey:
    """Finding and reading printers without a portal: what `discover` and `read` need, and the cycle's first half.

    `ipp` is the second voice, None where it is switched off; `known` names where printers were read before; `sounder`
    says which addresses of a range are worth asking, `bookmarks` where an interrupted search stands.
    """

    finder: Finder
    snmp: Snmp
    catalogue: Catalogue
    clock: Clock
    limits: Limits = Limits()
    manners: Manners = field(default_factory=Manners)
    ipp: Ipp | None = None
    known: Callable[[], frozenset[Endpoint]] = frozenset
    sounder: Sounder = Everybody()  # noqa: RUF009  it has no state
    bookmarks: Bookmarks = field(default_factory=Notepad)

    async def find(self, progress: Progress) -> Found:
        """Asks every address that is known or may be searched who it is. Raises `StoreError`."""
        return await self.search(await self.call(progress), progress)

    async def call(self, progress: Progress, numbers: Iterable[str] = ()) -> Found:
        """Asks where hosts, technical identification numbers, announcements and memory lead. Raises `StoreError`."""
        self.manners.refresh()
        progress.stage(message("Looking up names"), None)
        named = await self.finder.named(numbers)
        met = self.known() | self.manners.places()
        kept = sorted(endpoint for endpoint in met if self.finder.allows(endpoint.address))
        sightings = [*named.sightings, *(Sighting(endpoint, "known") for endpoint in kept)]
        return await self._asked(Found(lookups=named.lookups), sightings, progress)

    async def search(self, before: Found, progress: Progress) -> Found:
        """Asks the addresses of the ranges that were not asked before, too; goes on where a search was interrupted.
        Raises `StoreError`."""
        sweep = Sweep(self.finder, self.sounder, self.bookmarks, self.clock)
        mark = sweep.begin()
        going_on = message("Searching addresses, going on where it was interrupted")
        progress.stage(going_on if mark.done else message("Searching addresses"), self.finder.reach)
        heard = await sweep.heard(mark, before.asked, progress.step)
        found = await self._asked(before, [Sighting(place, "range") for place in heard], progress)
        self.bookmarks.drop(mark.scope)
        known = sum(1 for place in before.asked if self.finder.is_searched(place))
        return replace(found, silent=found.silent + self.finder.reach - known - len(heard))

    async def _asked(self, before: Found, sightings: Sequence[Sighting], progress: Progress) -> Found:
        """What was found before, and who answers at these places."""
        endpoints = sorted({sighting.endpoint for sighting in sightings})
        named = self.known() | {sighting.endpoint for sighting in sightings if is_named(sighting)}
        progress.stage(message("Looking for printers"), len(endpoints))

        async def who(endpoint: Endpoint) -> First | PrinterSilent:
            said = await self._who(endpoint)
            if isinstance(said, PrinterSilent) and endpoint in named:
                return await self.instead(endpoint, said) or said
            return said

        answers = dict(zip(endpoints, await bounded(who, endpoints, self.limits.probes, progress), strict=True))
        found = self._sorted_out(before, list(dict.fromkeys(sightings)), answers)
        for stranger in found.strangers:
            for seen in stranger.sightings:
                self.manners.leave(seen.endpoint)
        self.manners.flush()
        return found

    async def _who(self, endpoint: Endpoint) -> Varbinds | PrinterSilent:
        """What the device says of itself; one that says nothing of printing is asked for a Printer-MIB."""
        try:
            varbinds = (await self.snmp.ask(endpoint, self.profile.identify_ask)).varbinds
            if not says_printer(self.profile, varbinds):
                varbinds = varbinds.merged((await self.snmp.ask(endpoint, self.profile.doubt_ask)).varbinds)
        except PrinterSilent as error:
            return error
        return varbinds

    async def instead(self, endpoint: Endpoint, silence: PrinterSilent) -> Readout | None:
        """What a printer that is silent over SNMP tells over IPP.

        None for one that has ever answered SNMP, because it sleeps or is not to be asked in a weaker way.
        """
        if isinstance(silence, PrinterRefuses) or self.manners.of(endpoint) is not None:
            return None
        return await self.by_ipp(endpoint)

    async def by_ipp(self, endpoint: Endpoint) -> Readout | None:
        """What the printer tells over IPP; None where it does not, or where IPP is switched off."""
        if self.ipp is None:
            return None
        try:
            answer = await self.ipp.ask(endpoint)
        except PrinterSilent:
            return None
        return second_voice.interpret(self.profile, endpoint, answer, self.clock.now())

    def _sorted_out(
        self, before: Found, sightings: Sequence[Sighting], answers: dict[Endpoint, First | PrinterSilent]
    ) -> Found:
        heard = [(sighting, said) for sighting in sightings if isinstance(said := answers[sighting.endpoint], First)]
        met = [(sighting, *self._identify(said)) for sighting, said in heard]
        printers = (*before.met, *(Identified(sighting, identity) for sighting, identity, prints in met if prints))
        others = tuple(Identified(sighting, identity) for sighting, identity, prints in met if not prints)
        silent = {endpoint: said for endpoint, said in answers.items() if isinstance(said, PrinterSilent)}
        absent = {
            endpoint: self.absent(endpoint, said)
            for endpoint, said in silent.items()
            if isinstance(said, PrinterRefuses) or self.manners.of(endpoint) is not None
        }
        return Found(
            printers=merge(printers),
            strangers=before.strangers + merge(others),
            first=before.first | {sighting.endpoint: said for sighting, said in heard},
            silent=before.silent + len(silent),
            absent=before.absent | absent,
            lookups=before.lookups,
            met=printers,
            asked=before.asked | answers.keys(),
        )

    def _identify(self, first: First) -> tuple[Identity, bool]:
        if isinstance(first, Readout):
            return first.identity, first.status != "not_a_printer"
        return identify(self.profile, first)

    def absent(self, endpoint: Endpoint, silence: PrinterSilent) -> Readout:
        """What is to be said of a printer that gave no answer: unreachable, with the reason where it is known, or
        asleep when it answered not long ago. Never a reading of earlier."""
        now, manner = self.clock.now(), self.manners.of(endpoint)
        if isinstance(silence, PrinterRefuses):
            reasons = [Finding(silence.code, silence.what)]
        elif manner is not None and manner.sleeps(now):
            return Readout(endpoint, "asleep", now, findings=(_asleep(manner, now),))
        else:
            reasons = [Finding("silent", silence.what)]
        if silence.remedy:
            reasons.append(Finding("remedy", silence.remedy))
        return Readout(endpoint, "unreachable", now, findings=tuple(reasons))

    async def read(self, endpoint: Endpoint, first: First, identity: Identity | None = None) -> Readout:
        """Asks one printer the question of its profile; a printer that does not answer is a readout that says so.

        One that does not say who made it is asked before which maker's branch answers. What it says over IPP is
        compared, where IPP is switched on. `identity` is what `first` says, where that is known already.
        """
        if isinstance(first, Readout):
            return first
        readout = await self._read(endpoint, first, identity or identify(self.profile, first)[0])
        second = await self.by_ipp(endpoint) if readout.status in ("ok", "partial") else None
        return second_voice.cross_checked(readout, second) if second else readout

    async def _read(self, endpoint: Endpoint, first: Varbinds, identity: Identity) -> Readout:
        asked = 0
        try:
            if identity.manufacturer is None:
                signature = await self.snmp.ask(endpoint, self.catalogue.signature_ask)
                first, asked = first.merged(signature.varbinds), signature.datagrams
            profile = self.catalogue.choose(identity, first)
            if care := profile.care_of(identity.model, "read"):
                return _left_alone(endpoint, identity, care, self.clock.now())
            no_bulk = profile.care_of(identity.model, "bulk") is not None
            question = profile.spared_ask if no_bulk else profile.read_ask
            uptime = first.number(self.profile.oids["sysUpTime"])
            answer = await self._told(endpoint, question, caller(identity, uptime, self.clock.now()))
        except PrinterRefuses as error:
            return self.absent(endpoint, error)
        except PrinterSilent:
            stopped = message("The printer at {place} stopped answering.", place=str(endpoint))
            return Readout(endpoint, "unreachable", self.clock.now(), identity, findings=(Finding("silent", stopped),))
        readout = interpret(profile, endpoint, first, answer, self.clock.now())
        if readout.status in ("ok", "partial"):
            self.manners.change(endpoint, lambda manner: replace(manner, read_at=readout.read_at))
        return replace(readout, datagrams=readout.datagrams + asked) if asked else readout

    async def _told(self, endpoint: Endpoint, question: Ask, who: Caller) -> Answer:
        """The answer to a profile's question: by the printer's read plan where it has one that holds, else in full."""
        manner = self.manners.of(endpoint)
        learned = manner.learned if manner else None
        plan, spent = who.plan_of(learned, question), 0
        if plan is not None:
            answer, spent = await self._by_plan(endpoint, plan, question)
            if answer is not None:
                return answer
            learned = who.learns(None)
            self.manners.change(endpoint, lambda manner: replace(manner, learned=learned))
        answer = await self.snmp.ask(endpoint, question)
        if who.may_learn(learned):
            made = learnt(question, answer)
            new = who.learns(self.manners.shared(made)) if made else None
            self.manners.change(endpoint, lambda manner: replace(manner, learned=new))
        return replace(answer, datagrams=answer.datagrams + spent)

    async def _by_plan(self, endpoint: Endpoint, plan: ReadPlan, question: Ask) -> tuple[Answer | None, int]:
        """The answer where the plan holds, and the datagrams that were sent.

        A printer that was there a moment before and is silent now does not take such datagrams.
        """
        try:
            answer = await self.snmp.ask(endpoint, ask_by(plan, question))
        except PrinterRefuses:
            raise
        except PrinterSilent:
            return None, 0
        return (answer if plan.holds(answer, question) else None), answer.datagrams

    def texts_needed(self, varbinds: Varbinds) -> frozenset[Oid]:
        """The objects and columns whose texts reading this printer looks at."""
        return frozenset(self.profile_of(varbinds).oids.values())

    def profile_of(self, varbinds: Varbinds) -> Profile:
        """The profile that is best proven for the printer with these answers."""
        return self.catalogue.choose(identify(self.profile, varbinds)[0], varbinds)

    def understand(self, endpoint: Endpoint, varbinds: Varbinds) -> Readout:
        """The readout of a recording: everything is there at once."""
        profile = self.profile_of(varbinds)
        return interpret(profile, endpoint, Varbinds(), Answer(varbinds, "recording", 0), self.clock.now())

    def understand_ipp(self, endpoint: Endpoint, answer: IppAnswer) -> Readout:
        """The readout of a recorded IPP answer."""
        return second_voice.interpret(self.profile, endpoint, answer, self.clock.now())

    @property
    def profile(self) -> Profile:
        """What is asked before anything is known."""
        return self.catalogue.generic


def _left_alone(endpoint: Endpoint, identity: Identity, care: CarePart, now: datetime) -> Readout:
    what, remedy = spared(endpoint, identity, care)
    return Readout(endpoint, "refused", now, identity, findings=(Finding(LEFT_ALONE, what), Finding("remedy", remedy)))


def spared(endpoint: Endpoint, identity: Identity, care: CarePart) -> tuple[Message, Message]:
    """Why a printer is left alone, and what to do instead."""
    what = message(
        "The printer at {place} ({model}) is not read, so that no harm is done: {why}.",
        place=str(endpoint),
        model=identity.model or "?",
        why=care.why,
    )
    return what, message("Enter its meter readings in the portal by hand.")


def _asleep(manner: Manner, now: datetime) -> Finding:
    """How long ago a printer that is silent now was read, or only answered."""
    place = str(manner.endpoint)
    hours, rest = divmod(max(int((now - (manner.read_at or manner.answered_at)).total_seconds()), 0) // 60, 60)
    if manner.read_at is None:
        what = message("The printer at {place} is asleep or off; last answer {hours} h ago.", place=place, hours=hours)
    elif hours:
        what = message("The printer at {place} is asleep or off; last read {hours} h ago.", place=place, hours=hours)
    else:
        what = message(
            "The printer at {place} is asleep or off; last read {minutes} min ago.", place=place, minutes=rest
        )
    return Finding("asleep", what)


def is_named(sighting: Sighting) -> bool:
    """Whether a person named this host, so that asking it by TCP is no scan; an announcement may be anybody's."""
    return sighting.how in ("configured", "dns")


async def bounded(work: Callable[[T], Awaitable[R]], items: Iterable[T], at_once: int, progress: Progress) -> list[R]:
    """The results of `work` for all items in their order, never more than `at_once` under way.

    The first exception ends all of it: nothing goes on behind the caller's back.
    """
    results: dict[int, R] = {}
    queue = iter(enumerate(items))

    async def worker() -> None:
        for place, item in queue:
            results[place] = await work(item)
            progress.step()

    workers = [asyncio.create_task(worker()) for _ in range(at_once)]
    try:
        await asyncio.gather(*workers)
    except BaseException:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        raise
    return [results[place] for place in sorted(results)]

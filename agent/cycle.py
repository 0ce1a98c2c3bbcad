"""The way of the data, stage by stage: from addresses to receipts. Read `Cycle.run` from top to bottom.

Every stage takes values and returns values; what fails for one printer or one equipment is a value in the report and
costs nobody else. Only the ports do input and output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from agent.chain import Places, steps_of
from agent.errors import PortalError
from agent.grounds import Grounds
from agent.matching import Matched, Matching, Past, Refused, match
from agent.meters import Finding, LastReading
from agent.notifying import Notifying, standing_alerts
from agent.ordering import Replenishment
from agent.ports import Clock, Fate, Memory, Outbox, Parcel, Portal
from agent.printers import Equipment, Printer
from agent.readout import Readout
from agent.report import WAITING, CycleReport, Line, is_held, number_of, old_list, outcome_of
from agent.searches import Searches, missing, numbers_of
from agent.serials import same_serial
from agent.snmp.varbinds import Varbinds
from agent.supplies.levels import Supply
from agent.survey import Found, Progress, Survey, bounded
from agent.texts import message
from agent.upload.courier import Delivery
from agent.upload.envelope import Standing
from agent.upload.seal import Source, reading_slots, seal_reading
from agent.validation import (
    OFFSETS_UNKNOWN,
    Verdict,
    clock_is_wrong,
    held_for_the_clock,
    newest,
    told_codes,
    validate,
    wrong_clock,
)

COMMITTED_TOGETHER = 100  # readings in one transaction: what a crash in it loses is read again


class Carrier(Protocol):
    """Owes: raises nothing but `StoreError`; what has no verdict stays."""

    async def deliver(self) -> Delivery:
        """Brings what is due to the portal, as far as it can be brought."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """One pass over everything.

    `period` names the reporting period of a moment, such as `2026-11-23`, or is None when nothing is due then; `past`
    is what matching has to know from before, `searches` when ranges are searched. `offsets` are what people have
    decided to add, by equipment and meter code, None where that can no longer be read; `clock_offset` is the portal's
    time less ours, in seconds.
    """

    survey: Survey
    portal: Portal
    outbox: Outbox
    memory: Memory
    ordering: Replenishment
    courier: Carrier
    clock: Clock
    source: Source
    period: Callable[[datetime], str | None]
    past: Callable[[], Past] = Past
    searches: Searches = field(default_factory=Searches)
    waiting: Finding = WAITING
    offsets: Callable[[Sequence[str]], Mapping[str, Mapping[str, int] | None]] = lambda numbers: {}
    clock_offset: Callable[[], int | None] = lambda: None
    tidy: Callable[[datetime], None] = lambda now: None
    notifying: Notifying | None = None

    async def run(self, progress: Progress) -> CycleReport:
        """Discover, identify, match, read, validate, seal, order, notify, deliver. Raises nothing but `StoreError`."""
        started = self.clock.now()
        try:
            equipments, trouble = await self._equipments(progress)
        except PortalError as error:
            return CycleReport(started, self.clock.now(), trouble=error)
        offset = self.clock_offset()
        findings = old_list(self.memory.listed_at(), started) if trouble else ()
        findings += (wrong_clock(offset),) if offset is not None and clock_is_wrong(offset) else ()
        found, matching = await self._found(equipments, progress)
        lines = await self._read_and_seal(matching, found, progress)
        self.survey.manners.flush()
        lines = await self._order(lines)
        sure = [(line.equipment, line.readout) for line in lines if line.readout and line.verdict and not is_held(line)]
        faults = await self.notifying.noted(sure) if self.notifying else ()
        progress.stage(message("Reporting to the portal"), None)
        delivery = await self.courier.deliver()
        await self.ordering.follow()
        lines = self._settle(lines)
        places = Places(found)
        outcomes = (
            (number_of(line), Fate(outcome_of(line, self.waiting), steps_of(line.match, places))) for line in lines
        )
        self.memory.remember_cycle(() if trouble else equipments, outcomes, self.clock.now())
        self.tidy(self.clock.now())
        return CycleReport(
            started_at=started,
            ended_at=self.clock.now(),
            lines=tuple(lines),
            unclaimed=matching.unclaimed,
            strangers=found.strangers,
            silent=found.silent,
            delivery=delivery,
            trouble=delivery.trouble or trouble,
            findings=findings,
            faults=self.notifying.settled(faults) if self.notifying else (),
        )

    async def _found(self, equipments: Sequence[Equipment], progress: Progress) -> tuple[Found, Matching]:
        """Who is where: by the portal's numbers first, and by searching only for what no name leads to."""
        past = self.past()
        found = await self.survey.call(progress, numbers_of(equipments))
        matching = match(found.printers, equipments, past)
        if self.searches.is_due(missing(matching, found), self.clock.now()):
            found = await self.survey.search(found, progress)
            self.searches.ended()
            matching = match(found.printers, equipments, past)
        return found, matching

    async def _equipments(self, progress: Progress) -> tuple[Sequence[Equipment], PortalError | None]:
        """The portal's list, or the last one it gave when it does not answer, and why: readings must not wait."""
        progress.stage(message("Asking the portal for its equipment"), None)
        try:
            return await self.portal.equipments(), None
        except PortalError as error:
            known = self.memory.known_equipments()
            if not known:
                raise
            return known, error

    async def _read_and_seal(self, matching: Matching, found: Found, progress: Progress) -> list[Line]:
        """Reads every matched printer. What was read is stored a hundred at a time, while others are still being read:
        a crash loses little, and memory does not hold the proofs of thousands."""
        progress.stage(message("Reading counters and supplies"), len(matching.matched))
        lines: list[Line] = []
        fresh: list[Line] = []

        async def read(pair: Matched) -> None:
            endpoint = pair.printer.endpoint
            self.survey.manners.claim(endpoint, pair.equipment.equipment_number)
            first = found.first.pop(endpoint, Varbinds())
            readout = await self.survey.read(endpoint, first, pair.printer.identity)
            fresh.append(Line(pair.equipment, pair, readout))
            if len(fresh) >= COMMITTED_TOGETHER:
                lines.extend(self._seal(fresh))
                fresh.clear()

        await bounded(read, matching.matched, self.survey.limits.reads, progress)
        lines += self._seal(fresh)
        lines += [Line(refused.equipment, refused, self._absent(refused, found)) for refused in matching.refused]
        return sorted(lines, key=number_of)

    def _absent(self, refused: Refused, found: Found) -> Readout | None:
        """What is known of the printer that this equipment was, when nothing answers to its number now."""
        if refused.code != "not_found":
            return None
        place = self.survey.manners.place_of(refused.equipment.equipment_number)
        if place is not None:
            return found.absent.get(place)
        number = refused.equipment.technical_identification_number
        return next((readout for at, readout in found.absent.items() if number in (str(at), at.address)), None)

    def _seal(self, lines: Sequence[Line]) -> list[Line]:
        """Judges readouts and, once in a reporting period, makes them envelopes in the outbox: all in one commit.

        From then on their proof is in the database and not in memory.
        """
        with self.outbox.together():
            numbers = [number_of(line) for line in lines if line.readout]
            told = {number_of(line): told_codes(line.equipment, line.readout) for line in lines if line.readout}
            before = self.memory.last_reported(numbers, codes=told)
            added = self.offsets(numbers)
            judged = [
                self._judged(line, before.get(number_of(line), {}), added.get(number_of(line), {})) for line in lines
            ]
            sealed = self._sealed(judged, self.clock.now())
            sound = [line for line in sealed if line.verdict and not is_held(line)]
            concerned = self.ordering.note([(line.equipment, line.readout) for line in sound if line.readout])
        return [kept(line, concerned.get(number_of(line), ())) for line in sealed]

    def _sealed(self, lines: Sequence[Line], now: datetime) -> Sequence[Line]:
        period = self.period(now)
        if period is None:
            return lines
        due = {number_of(line): line for line in lines if line.verdict and line.verdict.reading}
        slots = {number: reading_slots(number, period, held=is_held(line)) for number, line in due.items()}
        holders = self.outbox.holders("reading", [slot for some in slots.values() for slot in some])
        taken = {
            number: next((holders[slot] for slot in some if slot in holders), None) for number, some in slots.items()
        }
        parcels = {number: self._parcel(line, period, now) for number, line in due.items() if taken[number] is None}
        self.outbox.put_all(list(parcels.values()))
        sound = {number: proof for number, parcel in parcels.items() if (proof := parcel.proof) and not parcel.held}
        known = {number: (proof.identity, proof.endpoint) for number, proof in sound.items()}
        self.memory.remember_identities(known, now)
        entries = {number: entry.standing for number, entry in taken.items() if entry}
        entries |= {number: standing_of(parcel) for number, parcel in parcels.items()}
        return [
            Line(
                line.equipment,
                line.match,
                line.readout,
                line.verdict,
                entries.get(number_of(line)),
                repeated=taken.get(number_of(line)) is not None,
            )
            for line in lines
        ]

    def _judged(self, line: Line, reported: Mapping[str, LastReading], added: Mapping[str, int] | None) -> Line:
        """The line with its verdict, if it was read and the right device answered."""
        if line.readout is None or isinstance(line.match, Refused) or line.readout.status not in ("ok", "partial"):
            return line
        if not same_device(line.match.printer, line.readout):
            return replace(line, readout=replace(line.readout, status="refused"))
        if added is None:
            return replace(line, verdict=OFFSETS_UNKNOWN)
        verdict = validate(line.equipment, line.readout, newest(line.equipment, reported), added)
        return Line(line.equipment, line.match, line.readout, held_for_the_clock(verdict, self.clock_offset()))

    def _parcel(self, line: Line, period: str, now: datetime) -> Parcel:
        """The sealed reading of a line that has one."""
        if line.verdict is None or line.verdict.reading is None:
            raise ValueError("nothing was read")
        reading, held = line.verdict.reading, line.verdict.reasons if is_held(line) else ()
        envelope = seal_reading(reading, self.source, period, held=bool(held), now=now)
        origins = {value.meter_code: value.origin for value in reading.values}
        offsets = {value.meter_code: value.offset for value in reading.values if value.offset}
        last = {value.meter_code: value.last for value in reading.values if value.last}
        matched_by = line.match.evidence if isinstance(line.match, Matched) else ()
        grounds = Grounds(matched_by, offsets, last, self.clock_offset())
        return Parcel(envelope, line.readout, held, origins, grounds)

    async def _order(self, lines: Sequence[Line]) -> list[Line]:
        """Decides about the supplies of every line whose reading is sound: of the others `kept` has left none."""
        return [await self._ordered(line) for line in lines]

    async def _ordered(self, line: Line) -> Line:
        if line.readout is None:
            return line
        return replace(line, orderings=await self.ordering.order(line.equipment, line.readout))

    def _settle(self, lines: Sequence[Line]) -> list[Line]:
        """The lines with what the portal said meanwhile."""
        sealed = [line.entry for line in lines] + [one.entry for line in lines for one in line.orderings]
        standings = self.memory.standings([entry.reference for entry in sealed if entry])

        def now(entry: Standing | None) -> Standing | None:
            return standings.get(entry.reference) if entry else None

        return [
            replace(
                line,
                entry=now(line.entry),
                orderings=tuple(replace(one, entry=now(one.entry)) for one in line.orderings),
            )
            for line in lines
        ]


def standing_of(parcel: Parcel) -> Standing:
    """What a parcel that was just committed is."""
    return Standing(parcel.envelope.reference, parcel.state, reasons=tuple(parcel.held))


def kept(line: Line, supplies: tuple[Supply, ...]) -> Line:
    """A line after its commit: of the levels those that orders are decided by, of the alerts those that may be faults,
    of the rest what the report tells."""
    readout, verdict = line.readout, line.verdict
    if readout is None:
        return line
    return Line(
        line.equipment,
        line.match,
        Readout(
            endpoint=readout.endpoint,
            status=readout.status,
            read_at=readout.read_at,
            identity=readout.identity,
            counters=readout.counters,
            supplies=supplies,
            alerts=standing_alerts(readout),
            findings=() if verdict else readout.findings,
            datagrams=readout.datagrams,
            profile=readout.profile,
        ),
        verdict and Verdict(verdict.outcome, None, verdict.reasons),
        line.entry,
        line.repeated,
    )


def same_device(printer: Printer, readout: Readout) -> bool:
    """Whether the device that was read is the one that was identified: addresses change hands between two packets."""
    before, now = printer.identity, readout.identity
    if None not in (before.sys_object_id, now.sys_object_id) and before.sys_object_id != now.sys_object_id:
        return False
    if before.mac_addresses and now.mac_addresses and set(before.mac_addresses).isdisjoint(now.mac_addresses):
        return False
    serials = before.serial_number, now.serial_number
    return None in serials or same_serial(*serials)

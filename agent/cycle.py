"""The way of the data, stage by stage: from addresses to receipts. Read `Cycle.run` from top to bottom.

Every stage takes values and returns values; what fails for one printer or one equipment is a value in the report and
costs nobody else. Only the ports do input and output.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from agent.chain import Places, steps_of
from agent.errors import AgentError, PortalError
from agent.grounds import Grounds
from agent.matching import Matched, Matching, Past, Refused, match
from agent.meters import Finding, LastReading
from agent.ports import Clock, Fate, Memory, Outbox, Parcel, Portal, Supplies
from agent.printers import Equipment, Printer
from agent.readout import Readout
from agent.searches import Searches, missing, numbers_of
from agent.serials import same_serial
from agent.snmp.varbinds import Varbinds
from agent.supplies.orders import BomItem
from agent.supplies.policy import Decision, OrderRules, Situation, decide, is_low, is_replaced, item_for
from agent.survey import LEFT_ALONE, Found, Progress, Survey, bounded
from agent.texts import Message, message
from agent.upload.courier import Delivery
from agent.upload.envelope import BY_HAND, Entry, Standing
from agent.upload.seal import Source, order_key, reading_slots, seal_order, seal_reading
from agent.validation import OFFSETS_UNKNOWN, Verdict, newest, validate

WAITING = Finding("waiting", message("Ready, and waiting to be sent to the portal."))
LIST_LASTS = timedelta(days=1)
COMMITTED_TOGETHER = 100  # readings in one transaction: what a crash in it loses is read again


@dataclass(frozen=True, slots=True)
class Ordering:
    """One decision about one supply of one equipment, and the entry of the order if there is one."""

    equipment: Equipment
    decision: Decision
    entry: Standing | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one equipment: match, readout, verdict, envelope; `None` from where the way ended.

    A line whose reading is committed keeps what the report and the orders need (`kept`): proof, levels that are not
    low, and the reading itself are in the database, and not in memory for thousands.
    """

    equipment: Equipment
    match: Matched | Refused
    readout: Readout | None = None
    verdict: Verdict | None = None
    entry: Standing | None = None
    repeated: bool = False
    orderings: tuple[Ordering, ...] = ()


@dataclass(frozen=True, slots=True)
class CycleReport:
    """One cycle. `lines` has every equipment once, `strangers` are no printers, `silent` addresses gave no answer."""

    started_at: datetime
    ended_at: datetime
    lines: tuple[Line, ...] = ()
    unclaimed: tuple[Printer, ...] = ()
    strangers: tuple[Printer, ...] = ()
    silent: int = 0
    delivery: Delivery | None = None
    trouble: AgentError | None = None
    findings: tuple[Finding, ...] = ()


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
    supplies: Supplies
    courier: Carrier
    clock: Clock
    rules: OrderRules
    source: Source
    period: Callable[[datetime], str | None]
    past: Callable[[], Past] = Past
    searches: Searches = field(default_factory=Searches)
    waiting: Finding = WAITING
    offsets: Callable[[Sequence[str]], Mapping[str, Mapping[str, int] | None]] = lambda numbers: {}
    clock_offset: Callable[[], int | None] = lambda: None

    async def run(self, progress: Progress) -> CycleReport:
        """Discover, identify, match, read, validate, seal, order, deliver. Raises nothing but `StoreError`."""
        started = self.clock.now()
        try:
            equipments, trouble = await self._equipments(progress)
        except PortalError as error:
            return CycleReport(started, self.clock.now(), trouble=error)
        findings = old_list(self.memory.listed_at(), started) if trouble else ()
        found, matching = await self._found(equipments, progress)
        lines = await self._read_and_seal(matching, found, progress)
        self.survey.manners.flush()
        lines = await self._order(lines)
        progress.stage(message("Reporting to the portal"), None)
        delivery = await self.courier.deliver()
        lines = self._settle(lines)
        places = Places(found)
        outcomes = (
            (number_of(line), Fate(outcome_of(line, self.waiting), steps_of(line.match, places))) for line in lines
        )
        self.memory.remember_cycle(() if trouble else equipments, outcomes, self.clock.now())
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
            before, low = self.memory.last_reported(numbers), self.supplies.low_since(numbers)
            added = self.offsets(numbers)
            judged = [
                self._judged(line, before.get(number_of(line), {}), added.get(number_of(line), {})) for line in lines
            ]
            sealed = self._sealed(judged, self.clock.now())
        return [kept(line, self.rules, low.get(number_of(line), {})) for line in sealed]

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
        return Line(line.equipment, line.match, line.readout, verdict)

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
        low = self.supplies.low_since([number_of(line) for line in lines if line.readout])
        return [await self._ordered(line, low.get(number_of(line), {})) for line in lines]

    async def _ordered(self, line: Line, known: Mapping[str, datetime]) -> Line:
        """Decides about every supply that is low; asks for the bill of material only when there is one.

        `known` says since when slots were low before. A shaken cartridge rises a little and is the same one.
        """
        if line.readout is None or line.verdict is None or is_held(line):
            return line
        number, now, supplies = number_of(line), self.clock.now(), line.readout.supplies
        low = [supply for supply in supplies if is_low(supply, self.rules)]
        still = [supply for supply in supplies if supply.slot in known and not is_replaced(supply)]
        since = {supply.slot: known.get(supply.slot, now) for supply in (*low, *still)}
        if since.keys() != known.keys():
            self.supplies.note_low(number, list(since), now)
        if not low:
            return line
        try:
            bom = await self.portal.bill_of_material(number)
        except PortalError:
            return line
        orderings = []
        for supply in low:
            item = item_for(supply, bom)
            situation = self._situation(line.equipment, since[supply.slot], item, now)
            decision = decide(supply, bom, situation, self.rules)
            if decision:
                orderings.append(self._placed(line.equipment, decision, now))
        return replace(line, orderings=tuple(orderings))

    def _situation(self, equipment: Equipment, low_since: datetime, item: BomItem | None, now: datetime) -> Situation:
        number, since = equipment.equipment_number, now - timedelta(days=1)
        last = self._last_order(number, item)
        return Situation(
            automatic_supply=equipment.automatic_supply,
            low_since=low_since,
            open_order=None if last is None or is_over(last, low_since) else order_name(last),
            ordered_for_equipment=self.supplies.orders_since(since, number),
            ordered_in_all=self.supplies.orders_since(since, None),
            now=now,
        )

    def _placed(self, equipment: Equipment, decision: Decision, now: datetime) -> Ordering:
        """Commits the order to the outbox; the portal and this slot's key see to it that there is only one."""
        if not decision.order or decision.item is None:
            return Ordering(equipment, decision)
        last = self._last_order(equipment.equipment_number, decision.item)
        envelope = seal_order(equipment.equipment_number, decision, now, self.source.withhold)
        self.outbox.put(envelope, None, after=last.envelope.reference if last else None)
        made = self.outbox.taken("order", envelope.slot_key)
        return Ordering(equipment, decision, made.standing if made else None)

    def _last_order(self, equipment_number: str, item: BomItem | None) -> Entry | None:
        """The order that holds the slot of this material for this equipment, if any."""
        if item is None:
            return None
        return self.outbox.taken("order", order_key(equipment_number, item.component_material_number))

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


def old_list(listed_at: datetime | None, now: datetime) -> tuple[Finding, ...]:
    """That the equipment list is older than a day: what is new in the portal, or gone from it, is not known here."""
    if listed_at is None or now - listed_at <= LIST_LASTS:
        return ()
    what = message(
        "The portal's equipment list is {hours} hours old; the portal has not given a newer one.",
        hours=int((now - listed_at) / timedelta(hours=1)),
    )
    return (Finding("equipment_list_old", what),)


def number_of(line: Line) -> str:
    """The equipment number of a line; every equipment has one line."""
    return line.equipment.equipment_number


def standing_of(parcel: Parcel) -> Standing:
    """What a parcel that was just committed is."""
    return Standing(parcel.envelope.reference, parcel.state, reasons=tuple(parcel.held))


def kept(line: Line, rules: OrderRules, low: Collection[str]) -> Line:
    """A line after its commit: of the levels those that are low, or were (`low` names their slots), of the rest what
    the report tells."""
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
            supplies=tuple(one for one in readout.supplies if one.slot in low or is_low(one, rules)),
            findings=() if verdict else readout.findings,
            datagrams=readout.datagrams,
            profile=readout.profile,
        ),
        verdict and Verdict(verdict.outcome, None, verdict.reasons),
        line.entry,
        line.repeated,
    )


def is_held(line: Line) -> bool:
    """Whether the line's reading is held back for a person."""
    return line.verdict is not None and line.verdict.outcome == "quarantined"


def is_over(order: Entry, low_since: datetime | None) -> bool:
    """Whether an order is over and done: booked, and the supply was seen sound and has become low anew since.

    Delivered is not enough: until the new cartridge is in the printer its level stays low, and nothing may be
    ordered on that.
    """
    return order.state == "accepted" and low_since is not None and low_since > order.envelope.created_at


def order_name(order: Entry) -> str:
    """The portal's order number, or the beginning of the reference while there is none."""
    return ", ".join(order.receipts) or order.envelope.reference[:12]


def outcome_of(line: Line, waiting: Finding = WAITING) -> Finding:
    """In one sentence what became of an equipment in this cycle, or where its way ended and why."""
    said = line.readout.findings if line.readout else ()
    if line.readout and said and (line.readout.status in ("asleep", "unreachable") or said[0].code == LEFT_ALONE):
        return said[0]
    if isinstance(line.match, Refused):
        return line.match.reason
    if line.readout is None or line.verdict is None:
        status = line.readout.status if line.readout else "unreachable"
        return Finding(status, Message(ENDINGS[status].template, {"place": str(line.match.printer.endpoint)}))
    if line.entry is None:
        return next(iter(line.verdict.reasons), Finding("not_due", message("Nothing is due to be reported.")))
    if BY_HAND in line.entry.receipts:
        return Finding("reported", message("Captured by hand in the portal."))
    if line.entry.state == "accepted":
        receipts = ", ".join(line.entry.receipts)
        return Finding("reported", message("Reported to the portal; receipt {receipts}.", receipts=receipts))
    return next(iter(line.entry.reasons), waiting)


ENDINGS = {
    "unreachable": message("The printer at {place} stopped answering."),
    "asleep": message("The printer at {place} is asleep."),
    "refused": message("At {place} another device answered than a moment before."),
    "not_a_printer": message("What answers at {place} is no printer."),
}


def same_device(printer: Printer, readout: Readout) -> bool:
    """Whether the device that was read is the one that was identified: addresses change hands between two packets."""
    before, now = printer.identity, readout.identity
    if None not in (before.sys_object_id, now.sys_object_id) and before.sys_object_id != now.sys_object_id:
        return False
    if before.mac_addresses and now.mac_addresses and set(before.mac_addresses).isdisjoint(now.mac_addresses):
        return False
    serials = before.serial_number, now.serial_number
    return None in serials or same_serial(*serials)

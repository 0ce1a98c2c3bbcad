"""explain: the one page that ends a dispute, from the printer's octets to the portal's receipt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from agent.app import Agent
from agent.cases import SqlCases
from agent.cli.entries import printer_line
from agent.cli.resolve import print_decisions
from agent.cli.service import agent_of
from agent.cli.supplies import print_supplies
from agent.cli.tables import equipment_name, model_name, new_table, plain, row, section, state_name
from agent.cli.views import evidence_text, print_cases, print_entries, print_outcomes, print_steps
from agent.cli.watch import Watch
from agent.decisions import SqlDecisions
from agent.discovery.target import Target
from agent.errors import AgentError, ConfigError
from agent.language import _, moment, number, show
from agent.ledger import place_of
from agent.loop import run
from agent.memory import HistoryEvent, Proof, SqlMemory
from agent.meters import METER_OF_CODE
from agent.migrations.packing import Counted
from agent.migrations.rows import is_damaged
from agent.printers import Equipment
from agent.snmp.catalogue import Catalogue, shipped
from agent.store import Store
from agent.texts import message
from agent.upload.envelope import BY_HAND, Entry
from agent.upload.links import Link
from agent.upload.next_step import next_step
from agent.upload.outbox import SqlOutbox

MOST_ENTRIES = 10  # of an equipment, the newest


def explain_item(config: Path | None, what: str) -> int:
    """Why: everything about an envelope, the last outcome and the envelopes of an equipment, or what a printer is."""
    agent = agent_of(config)
    with agent.store(exclusive=False) as store:
        memory = SqlMemory(store)
        # First, because a short number is the beginning of many references as well.
        if known := _equipments(memory, what):
            return _explain_equipments(agent, store, known)
        # A reference copied from an exported sheet has the hyphens of a UUID.
        entries = memory.find(what.replace("-", "") if len(what) == 36 else what) if len(what) >= 4 else ()
        for entry in entries:
            page = Page(Console(), store, shipped(agent.places.profiles), by_hand=agent.settings.by_hand.enabled)
            page.show(entry, agent.clock.now())
        if entries:
            return 0
    return _explain_printer(agent, what)


def _explain_printer(agent: Agent, what: str) -> int:
    """Which device answers to a name or an address, and which equipment it is."""
    try:
        target = Target.parse(what)
    except ConfigError:
        raise AgentError(
            message('Neither an item nor an equipment nor a printer is known as "{what}".', what=what),
            message("Look it up with: meter-agent outbox list, or meter-agent match"),
        ) from None
    with Watch(Console(stderr=True)) as watch:
        steps = run(agent.steps_of(target, watch))
    print_steps(Console(), steps, _("From the printer to the portal"))
    return 0


def _equipments(memory: SqlMemory, what: str) -> list[Equipment]:
    wanted = what.strip().casefold()
    return [
        equipment
        for equipment in memory.known_equipments()
        if equipment.equipment_number.lstrip("0") == wanted.lstrip("0")
        or (equipment.technical_identification_number or "").casefold() == wanted
    ]


def _explain_equipments(agent: Agent, store: Store, known: Sequence[Equipment]) -> int:
    console, memory = Console(), SqlMemory(store)
    for equipment in known:
        outcome = memory.outcome(equipment.equipment_number)
        print_outcomes(console, {}, {equipment.equipment_number: outcome} if outcome else {})
        print_steps(console, outcome.steps if outcome else (), _("From the portal to the printer"))
        number_known = equipment.equipment_number
        cases = SqlCases(store).of([number_known]).get(number_known, {})
        print_cases(console, [(number_known, case) for case in cases.values()])
        print_supplies(console, agent, store, equipment)
        print_entries(console, memory.entries(limit=MOST_ENTRIES, equipment_number=number_known))
        print_decisions(console, SqlDecisions(store).of_equipment(equipment.equipment_number))
    if not agent.settings.service_notifications.classes:
        said = _("No fault opens a service notification: classes in the section [service_notifications] is empty.")
        console.print(said, markup=False, highlight=False)
    return 0


class Page:
    """The page of one envelope, section by section."""

    def __init__(self, console: Console, store: Store, catalogue: Catalogue, *, by_hand: bool = False) -> None:
        self._console = console
        self._store = store
        self._catalogue = catalogue
        self._memory = SqlMemory(store)
        self._by_hand = by_hand

    def show(self, entry: Entry, now: datetime) -> None:
        """Who, what, what is next, how it was computed, how it was judged, what left and what came back."""
        reference = entry.envelope.reference
        print_entries(self._console, [entry])
        self._next(entry, now)
        proof = self._memory.proof(reference)
        if proof is not None:
            self._printer(entry, proof)
            self._counters(entry, proof)
            self._doubts(proof)
        if entry.envelope.kind == "reading":
            self._judgement(entry, proof)
        if entry.envelope.kind == "notification":
            self._fault(entry)
        self._times(entry, proof)
        self._sent(entry, place_of(self._store, reference))
        self._history(self._memory.history(reference))
        print_decisions(self._console, SqlDecisions(self._store).about(reference))
        if proof is not None:
            self._octets(proof)

    def _next(self, entry: Entry, now: datetime) -> None:
        """What happens next by itself, or what a person can do."""
        departed = SqlOutbox(self._store).departed_at(entry.envelope.reference) is not None
        step = next_step(entry, now, damaged=is_damaged(entry), by_hand=self._by_hand, departed=departed)
        said = _("What happens next, from {when} on: {step}") if step.at else _("What happens next: {step}")
        self._line(said.replace("{when}", moment(step.at) if step.at else "").replace("{step}", show(step.message)))

    def _printer(self, entry: Entry, proof: Proof) -> None:
        """Equipment, printer, and why it is that one."""
        equipment = self._equipment(entry)
        table = new_table(_("What"), _("Is"))
        name = f"{equipment_name(equipment)} {plain(equipment.description)}".strip()
        row(table, _("Equipment"), name)
        number_known = plain(equipment.technical_identification_number)
        row(table, _("Technical ID number"), number_known or "–")
        row(table, _("Printer"), printer_line(proof.identity, str(proof.endpoint)))
        row(table, _("Network card"), ", ".join(proof.identity.mac_addresses) or "–")
        row(table, _("Matched by"), "\n".join(evidence_text(one) for one in proof.grounds.matched_by) or "–")
        section(self._console, _("Equipment and printer"), table)
        self._line(_origin(proof))

    def _counters(self, entry: Entry, proof: Proof) -> None:
        """Each reported value: the printer's count, its objects with raw values, what was added, who says so."""
        reported = {one["meter_code"]: one["value"] for one in _content(entry).get("readings", ())}
        reported |= {code: value for code, value, _origin in proof.values}
        origins = {code: origin for code, _value, origin in proof.values}
        counters = {counted.meter: counted for counted in proof.counters}
        table = new_table(_("Counter"), _("What"), _("Is"))
        for code, value in reported.items():
            counted = counters.get(METER_OF_CODE.get(code, ""))
            parts = [(_("Reported"), number(value))]
            if counted is not None:
                parts += self._computed(counted, proof, value - counted.value)
            if counted is None or origins.get(code) != counted.source:  # else its objects say it
                parts.append((_("Where it stood"), origins.get(code) or "–"))
            for index, (what, said) in enumerate(parts):
                row(table, "" if index else code, what, said)
        section(self._console, _("How each value was computed"), table, counted=False, whole=True)

    def _computed(self, counted: Counted, proof: Proof, added: int) -> list[tuple[str, str]]:
        """What a value was made of: the printer's own count, what people added, the objects, and who says so."""
        says = f"{counted.profile or proof.profile}: {self._statement(counted, proof)}".rstrip(": ")
        return [
            (_("Printer counts"), f"{number(counted.value)} {counted.unit}"),
            (_("Offset"), number(added) if added else "–"),
            (_("From"), "\n".join(_objects(counted, proof))),
            (_("Says who"), says),
        ]

    def _statement(self, counted: Counted, proof: Proof) -> str:
        """Why the profile believes it, if it is still the profile that was used."""
        for profile in (self._catalogue.generic, *self._catalogue.vendors):
            if profile.label != proof.profile:
                continue
            parts = [part for part in profile.counters if part.meter == counted.meter]
            fit = [
                part for part in parts if any(profile.objects[name] in counted.source for name in sorted(part.names))
            ]
            return next((part.source for part in fit or parts), "")
        return ""

    def _doubts(self, proof: Proof) -> None:
        table = new_table(_("Finding"), _("Meaning"))
        for finding in proof.findings:
            row(table, finding.code, show(finding.message))
        section(self._console, _("Cross-checks that found something"), table)
        if not proof.findings and proof.counters:
            self._line(_("The cross-checks found nothing."))

    def _judgement(self, entry: Entry, proof: Proof | None) -> None:
        """The value against the one that was reported before it, with numbers."""
        before = proof.grounds.last if proof else {}
        table = new_table(_("Counter"), _("Reported before"), _("When"), _("Now"), _("Difference"))
        for one in _content(entry).get("readings", ()):
            last, value = before.get(one["meter_code"]), one["value"]
            if last is None:
                row(table, one["meter_code"], "–", "–", number(value), "–")
            else:
                difference = number(value - last.value)
                row(table, one["meter_code"], number(last.value), moment(last.read_at), number(value), difference)
        section(self._console, _("Against the reading before"), table, whole=True)
        table = new_table(_("Finding"), _("Meaning"))
        for finding in _content(entry).get("findings", ()):
            row(table, finding["code"], plain(finding.get("detail")))
        section(self._console, _("Findings that travel with it"), table)

    def _fault(self, entry: Entry) -> None:
        """The fault that it was opened for, as far as anything is known of it now."""
        envelope = entry.envelope
        cases = SqlCases(self._store).of([envelope.equipment_number]).get(envelope.equipment_number, {})
        known = cases.get(envelope.content.get("cause", ""))
        print_cases(self._console, [(envelope.equipment_number, known)] if known else [])

    def _times(self, entry: Entry, proof: Proof | None) -> None:
        table = new_table(_("What"), _("When"))
        if proof is not None:
            row(table, _("Read"), moment(proof.read_at))
            if proof.uptime is not None:
                hours = number(proof.uptime / 360_000, 1)
                row(table, _("Printer on for"), _("{hours} h").replace("{hours}", hours))
        row(table, _("Sealed"), moment(entry.envelope.created_at))
        if entry.settled_at is not None:
            row(table, _("Settled"), moment(entry.settled_at))
        row(table, _("Clock"), _clock(proof))
        section(self._console, _("Times"), table)

    def _sent(self, entry: Entry, links: Sequence[Link]) -> None:
        """What leaves, its digest, its places in the ledger, and the portal's answer."""
        envelope = entry.envelope
        table = new_table(_("What"), _("Is"))
        row(table, _("Bytes"), number(len(envelope.body)))
        row(table, "SHA-256", envelope.digest)
        for link in links:
            row(table, _("Ledger"), f"{link.position} ({link.item.kind}): {link.hash.hex()}")
        row(table, _("Attempts"), number(entry.attempts))
        row(table, _("State"), state_name(entry.state))
        row(table, _("Receipt"), ", ".join(entry.receipts) or "–")
        section(self._console, _("What leaves, and the portal's answer"), table, whole=True)
        leaves = (
            _("What is on record, and never sent:") if BY_HAND in entry.receipts else _("What leaves, byte for byte:")
        )
        self._line(leaves)
        self._console.print(envelope.body.decode(errors="replace"), markup=False, highlight=False, soft_wrap=True)

    def _history(self, events: Sequence[HistoryEvent]) -> None:
        table = new_table(_("When"), _("State"), _("Note"))
        for event in events:
            row(table, moment(event.at), state_name(event.state), show(event.note) if event.note else "")
        section(self._console, _("History"), table)

    def _octets(self, proof: Proof) -> None:
        table = new_table(_("Object"), _("Raw value"))
        for oid, raw in sorted(proof.evidence.items()):
            row(table, oid, plain(raw))
        section(self._console, _("What the printer said"), table, whole=True)

    def _equipment(self, entry: Entry) -> Equipment:
        mine = entry.envelope.equipment_number
        return next((one for one in self._memory.known_equipments() if one.equipment_number == mine), Equipment(mine))

    def _line(self, text: str) -> None:
        self._console.print(f"\n{text}", markup=False, highlight=False)


def _content(entry: Entry) -> dict[str, Any]:
    """What was sealed; nothing, where its bytes are damaged."""
    try:
        return entry.envelope.content
    except ValueError:
        return {}


def _objects(counted: Counted, proof: Proof) -> list[str]:
    """The objects that a value was made from, with what the device sent for each."""
    lines = [counted.source] if any(sign in counted.source for sign in " +-?#*") else []
    names = [part for part in re.split(r"[^0-9A-Za-z.:\[\]_-]+", counted.source.removeprefix("ipp:")) if part]
    return [*lines, *(f"{name} = {plain(proof.evidence[name])}" for name in names if name in proof.evidence)] or [
        counted.source
    ]


def _origin(proof: Proof) -> str:
    """Who was read, where, when, and by which knowledge."""
    identity = proof.identity
    said = _("Read from {printer}, serial number {serial}, at {place}, {when}, by the profile {profile}.")
    values = {
        "printer": model_name(identity.manufacturer, identity.model) or "?",
        "serial": plain(identity.serial_number_raw) or "–",
        "place": str(proof.endpoint),
        "when": moment(proof.read_at),
        "profile": plain(proof.profile),
    }
    return said.format_map(values)


def _clock(proof: Proof | None) -> str:
    if proof is None or proof.grounds.clock_offset is None:
        return _("this computer's; how it differed from the portal's is not known")
    seconds = number(proof.grounds.clock_offset)
    return _("this computer's; the portal's differed from it by {seconds} s").replace("{seconds}", seconds)

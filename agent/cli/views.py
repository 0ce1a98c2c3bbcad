"""Tables of single things: printers, matches, readouts, envelopes, outcomes, explanations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from agent.chain import joined
from agent.cli.tables import (
    equipment_name,
    fault_text,
    model_name,
    new_table,
    notice_text,
    plain,
    receipts_text,
    row,
    rule_name,
    section,
    state_name,
    way_name,
)
from agent.evidence import Evidence
from agent.language import _, moment, number, show
from agent.matching import Matching
from agent.memory import CycleOutcome
from agent.nearest import Candidate
from agent.notifications.policy import Case
from agent.printers import Printer
from agent.survey import Found
from agent.texts import Message
from agent.upload.envelope import Entry

if TYPE_CHECKING:  # the database's library is only loaded where there is a database
    from agent.memory import CycleOutcome


def print_printers(console: Console, found: Found) -> None:
    """What a search found."""
    table = new_table(_("Printer"), _("Address"), _("Host name"), _("Serial number"), _("Seen by"))
    for printer in found.printers:
        identity = printer.identity
        name = model_name(identity.manufacturer, identity.model)
        also = "\n".join(show(one) for one in joined(printer))
        seen = "\n".join(filter(None, (seen_text(printer), also)))
        row(table, name, str(printer.endpoint), plain(identity.host_name), plain(identity.serial_number), seen)
    section(console, _("Printers"), table)
    others = new_table(_("Address"), _("Says of itself"))
    for stranger in found.strangers:
        row(others, str(stranger.endpoint), plain(stranger.identity.description))
    section(console, _("Answering, but no printers"), others)
    absent = new_table(_("Address"), _("Why"))
    for endpoint, readout in found.absent.items():
        row(absent, str(endpoint), "\n".join(show(finding.message) for finding in readout.findings))
    section(console, _("Known, or answering others only"), absent)
    console.print(_("Addresses without an answer: {count}").replace("{count}", number(found.silent)), markup=False)


def seen_text(printer: Printer) -> str:
    """How a printer was found, and under which names."""
    ways: dict[str, dict[str, None]] = {}
    for sighting in printer.sightings:
        names = ways.setdefault(way_name(sighting.how), {})
        for text in filter(None, (sighting.name, sighting.said)):
            names[plain(text)] = None
    return "\n".join(f"{way}: {', '.join(names)}" if names else way for way, names in ways.items())


def print_matching(console: Console, matching: Matching) -> None:
    """Which printer is which equipment, and what is left over on either side."""
    table = new_table(_("Equipment"), _("Technical ID number"), _("Printer"), _("Address"), _("Matched by"))
    for one in matching.matched:
        identity = one.printer.identity
        row(
            table,
            equipment_name(one.equipment),
            plain(one.equipment.technical_identification_number),
            model_name(identity.manufacturer, identity.model),
            str(one.printer.endpoint),
            "\n".join((*map(evidence_text, one.evidence), *map(show, one.changes))),
        )
    section(console, _("Matched"), table)
    table = new_table(_("Equipment"), _("Technical ID number"), _("Why"), _("Nearest"))
    for refused in matching.refused:
        near = "\n".join(candidate_text(candidate) for candidate in refused.candidates)
        number_text = plain(refused.equipment.technical_identification_number)
        why = "\n".join(show(one) for one in (refused.reason.message, refused.remedy) if one)
        row(table, equipment_name(refused.equipment), number_text, why, near)
    section(console, _("Equipment without a printer"), table)
    table = new_table(_("Printer"), _("Address"), _("Host name"), _("Nearest equipment"))
    for printer in matching.unclaimed:
        name = model_name(printer.identity.manufacturer, printer.identity.model)
        near = ", ".join(equipment_name(equipment) for equipment in matching.near(printer))
        row(table, name, str(printer.endpoint), plain(printer.identity.host_name), near or "–")
    section(console, _("Printers without equipment"), table)


def candidate_text(candidate: Candidate) -> str:
    """A printer that came near, and why."""
    place = str(candidate.printer.endpoint)
    said = f"{place}: {show(candidate.why)}" if candidate.why else place
    return f"{said}\n{show(candidate.remedy)}" if candidate.remedy else said


def evidence_text(evidence: Evidence) -> str:
    """A rule with what both sides say."""
    return f"{rule_name(evidence.rule)}: {plain(evidence.device)}"


def print_entries(console: Console, entries: Sequence[Entry]) -> None:
    """Envelopes with their state."""
    table = new_table(_("Reference"), _("What"), _("Equipment"), _("Made"), _("State"), _("Receipt"), _("Why"))
    for entry in entries:
        envelope = entry.envelope
        kinds = {"reading": _("reading"), "order": _("order"), "notification": _("service notification")}
        row(
            table,
            envelope.reference[:12],
            kinds.get(envelope.kind, envelope.kind),
            envelope.equipment_number.lstrip("0"),
            moment(envelope.created_at),
            state_name(entry.state),
            receipts_text(entry),
            "\n".join(show(reason.message) for reason in entry.reasons),
        )
    section(console, _("Outbox"), table)


def print_cases(console: Console, cases: Sequence[tuple[str, Case]]) -> None:
    """What is known of each fault, and why a service notification was opened for it, or was not."""
    table = new_table(_("Equipment"), _("Fault"), _("Since"), _("Decision"), _("Service notification"))
    for equipment_number, case in cases:
        since = moment(case.since) if case.since else _("gone")
        decision = show(case.reason.message) if case.reason else ""
        row(table, equipment_number.lstrip("0"), fault_text(case), since, decision, notice_text(case))
    section(console, _("Faults and service notifications"), table)


def print_outcomes(console: Console, counts: Mapping[str, int], outcomes: Mapping[str, CycleOutcome]) -> None:
    """How many envelopes are in which state, and what became of each equipment last."""
    table = new_table(_("State"), _("Items"))
    for state, count in counts.items():
        row(table, state_name(state), number(count))
    section(console, _("Outbox"), table)
    table = new_table(_("Equipment"), _("When"), _("What became of it"))
    for equipment_number, outcome in outcomes.items():
        row(table, equipment_number.lstrip("0"), moment(outcome.at), show(outcome.finding.message))
    section(console, _("Equipment"), table)


def print_steps(console: Console, steps: Sequence[Message], title: str) -> None:
    """The way of an equipment or of a printer, one step below the other."""
    table = new_table("", _("Step"))
    for count, step in enumerate(steps, 1):
        row(table, str(count), show(step))
    section(console, title, table)

"""status, outbox, explain and resolve: what is in the database, and what a person decides about it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from rich.console import Console

from agent.app import Agent
from agent.cli.jsonl import emit, entry_json
from agent.cli.person import who
from agent.cli.service import agent_of
from agent.cli.views import print_entries, print_explanation, print_outcomes, print_steps
from agent.cli.watch import Watch
from agent.clock import SystemClock
from agent.cycle import old_list
from agent.discovery.target import Target
from agent.errors import AgentError, ConfigError
from agent.language import _, moment, number, show
from agent.loop import run
from agent.memory import SqlMemory
from agent.printers import Equipment
from agent.store import Store
from agent.texts import message
from agent.upload.envelope import Entry, State
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import timestamp


def show_status(config: Path | None, *, as_json: bool) -> int:
    """Counts by state and the last outcome of every equipment; 1 when something needs a person."""
    agent = agent_of(config)
    with _store(agent) as store:
        memory = SqlMemory(store)
        counts, last, outcomes = memory.counts(), memory.last_cycle(), memory.outcomes()
        listed = memory.listed_at()
    if as_json:
        listed_text = timestamp(listed) if listed else None
        emit({"last_cycle": timestamp(last) if last else None, "equipment_list_from": listed_text, "counts": counts})
        for equipment_number, outcome in outcomes.items():
            finding = outcome.finding
            emit({"equipment_number": equipment_number, "code": finding.code, "detail": str(finding.message)})
    else:
        when = moment(last) if last else _("none yet")
        sys.stdout.write(_("Last cycle: {when}").replace("{when}", when) + "\n")
        if listed:
            since = moment(listed)
            sys.stdout.write(_("Equipment list of the portal: from {when}").replace("{when}", since) + "\n")
        for finding in old_list(listed, SystemClock().now()):
            sys.stdout.write(show(finding.message) + "\n")
        print_outcomes(Console(), counts, outcomes)
    return 1 if any(counts.get(state) for state in ("rejected", "parked", "quarantined")) else 0


def list_entries(config: Path | None, state: str | None, *, as_json: bool) -> int:
    """The envelopes, newest first."""
    agent = agent_of(config)
    with _store(agent) as store:
        entries = SqlMemory(store).entries(_state(state))
    if as_json:
        for entry in entries:
            emit(entry_json(entry))
    else:
        print_entries(Console(), entries)
    return 0


def _state(name: str | None) -> State | None:
    if name is None:
        return None
    known: Sequence[State] = get_args(State)
    for state in known:
        if state == name:
            return state
    raise ConfigError(
        message("There is no state {name}.", name=name), message("Use one of: {known}", known=", ".join(known))
    )


def retry_entry(config: Path | None, reference: str) -> int:
    """One more try for a rejected or parked item, with the next delivery."""
    agent = agent_of(config)
    with agent.store(exclusive=True) as store:
        entry = _one(SqlMemory(store), reference)
        SqlOutbox(store).retry(entry.envelope.reference, who(), SystemClock().now())
    sys.stdout.write(_("It will be sent with the next delivery.") + "\n")
    return 0


def resolve_reading(config: Path | None, reference: str, *, accept: bool, discard: bool) -> int:
    """A person's decision about a reading that was held back; exactly one of the two must be said."""
    if accept == discard:
        raise ConfigError(
            message("Say what is to become of the reading."),
            message("Add --accept (the counter is right: replaced or reset) or --discard (the reading is wrong)."),
        )
    agent = agent_of(config)
    with agent.store(exclusive=True) as store:
        entry = _one(SqlMemory(store), reference)
        outbox, now = SqlOutbox(store), SystemClock().now()
        if discard:
            outbox.discard(entry.envelope.reference, who(), now)
        else:
            fell = any(reason.code == "below_last" for reason in entry.reasons)
            outbox.release(entry.envelope.reference, counter_replaced=fell, by=who(), now=now)
    sys.stdout.write((_("Discarded; it stays on record.") if discard else _("Accepted; it will be sent.")) + "\n")
    return 0


def explain_item(config: Path | None, what: str) -> int:
    """Why: the history of an envelope, the last outcome and the envelopes of an equipment, or what a printer is."""
    agent = agent_of(config)
    with _store(agent) as store:
        memory = SqlMemory(store)
        # A reference copied from an exported sheet has the hyphens of a UUID.
        entries = memory.find(what.replace("-", "") if len(what) == 36 else what) if len(what) >= 4 else ()
        if entries:
            for entry in entries:
                reference = entry.envelope.reference
                print_explanation(Console(), entry, memory.history(reference), memory.proof(reference))
            return 0
        if known := _equipments(memory, what):
            return _explain_equipments(memory, known)
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
    plain = what.strip().casefold()
    return [
        equipment
        for equipment in memory.known_equipments()
        if equipment.equipment_number.lstrip("0") == plain.lstrip("0")
        or (equipment.technical_identification_number or "").casefold() == plain
    ]


def _explain_equipments(memory: SqlMemory, known: Sequence[Equipment]) -> int:
    console = Console()
    for equipment in known:
        outcome = memory.outcome(equipment.equipment_number)
        print_outcomes(console, {}, {equipment.equipment_number: outcome} if outcome else {})
        print_steps(console, outcome.steps if outcome else (), _("From the portal to the printer"))
        own = [one for one in memory.entries() if one.envelope.equipment_number == equipment.equipment_number]
        print_entries(console, own[:10])
    return 0


def _one(memory: SqlMemory, prefix: str) -> Entry:
    found = memory.find(prefix.replace("-", "")) if len(prefix) >= 4 else ()
    if len(found) == 1:
        return found[0]
    raise AgentError(
        message("{count} items begin with {prefix}.", count=number(len(found)), prefix=prefix),
        message("Give more of the reference; it is shown by: meter-agent outbox list"),
    )


def _store(agent: Agent) -> Store:
    """The database for looking at; a service may be working on it meanwhile."""
    return agent.store(exclusive=False)

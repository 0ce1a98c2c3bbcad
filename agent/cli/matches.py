"""match: which printer is which equipment, and what a person decides about it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import typer
from rich.console import Console

from agent.app import Agent
from agent.cli.jsonl import emit, match_json, printer_json
from agent.cli.person import who
from agent.cli.service import agent_of
from agent.cli.tables import equipment_name, model_name, plain
from agent.cli.views import print_matching
from agent.cli.watch import Watch
from agent.discovery.allowed import Allowed
from agent.discovery.finder import NetworkFinder
from agent.discovery.target import Target
from agent.errors import AgentError, PrinterSilent
from agent.language import _
from agent.loop import run
from agent.matching import Confirmation
from agent.past import SqlPast
from agent.printers import Equipment, Printer, same_number
from agent.texts import message

LONGEST_NUMBER = 25  # signs; SAP's TechnicalIdentNo


def show_matches(config: Path | None, *, as_json: bool) -> int:
    """Which printer is which equipment; 0 when every equipment has its printer, else 1."""
    agent = agent_of(config)
    with Watch(Console(stderr=True)) as watch:
        matching = run(agent.match(watch))
    if as_json:
        for matched in matching.matched:
            emit(match_json(matched))
        for refused in matching.refused:
            emit(match_json(refused))
        for printer in matching.unclaimed:
            near = [equipment.equipment_number for equipment in matching.near(printer)]
            emit({"equipment_number": None, "outcome": "unclaimed", **printer_json(printer), "near": near})
    else:
        print_matching(Console(), matching)
    return 1 if matching.refused else 0


def confirm_match(config: Path | None, equipment_number: str, target: str) -> int:
    """Keeps a person's word that the printer at `target` is this equipment. Raises `AgentError` for an unknown one."""
    agent = agent_of(config)
    equipment, printer = run(_both(agent, equipment_number, target))
    identity = printer.identity
    confirmation = Confirmation(
        equipment_number=equipment.equipment_number,
        endpoint=printer.endpoint,
        serial_number=identity.serial_number_raw,
        mac_addresses=identity.mac_addresses,
        at=agent.clock.now(),
        by=who(),
    )
    with agent.store(exclusive=False) as store:
        SqlPast(store).confirm(confirmation)
    said = _("Equipment {equipment} is the printer at {place} from now on: {model}, serial number {serial}.")
    for name, value in {
        "equipment": equipment_name(equipment),
        "place": str(printer.endpoint),
        "model": model_name(identity.manufacturer, identity.model) or "?",
        "serial": plain(identity.serial_number_raw) or "?",
    }.items():
        said = said.replace(f"{{{name}}}", value)
    sys.stdout.write(said + "\n")
    return 0


def release_match(config: Path | None, equipment_number: str) -> int:
    """Takes a person's word back; 0 when there was one, else 1."""
    agent = agent_of(config)
    with agent.store(exclusive=False) as store:
        past = SqlPast(store)
        numbers = [one for one in past.past().confirmations if same_number(one, equipment_number)]
        released = [one for one in numbers if past.release(one)]
    said = _("Released; the rules decide again.") if released else _("Nothing was confirmed for this equipment.")
    sys.stdout.write(said + "\n")
    return 0 if released else 1


def write_number(config: Path | None, equipment_number: str, number: str | None, *, sure: bool) -> int:
    """Writes a technical identification number into the portal; 1 when the person says no."""
    agent = agent_of(config)
    equipment, wanted = run(_proposed(agent, equipment_number, number))
    if len(wanted) > LONGEST_NUMBER:
        raise AgentError(
            message(
                "The portal takes {most} characters at most, and {number} has more.", most=LONGEST_NUMBER, number=wanted
            ),
            message("Give a shorter one, for example the name without its domain."),
        )
    question = _("Equipment {equipment}: replace “{old}” by “{new}” in the portal?")
    old = plain(equipment.technical_identification_number)
    question = question.replace("{equipment}", equipment_name(equipment)).replace("{old}", old).replace("{new}", wanted)
    if not sure and not typer.confirm(question):
        return 1
    run(_written(agent, equipment, wanted))
    sys.stdout.write(_("Written to the portal.") + "\n")
    return 0


async def _both(agent: Agent, equipment_number: str, target: str) -> tuple[Equipment, Printer]:
    equipment = await _equipment(agent, equipment_number)
    parsed = Target.parse(target)
    with agent.store(exclusive=False) as store:
        survey = agent.survey(store)
        finder = NetworkFinder(Allowed(), (parsed,), agent.settings.snmp.port)
        with Watch(Console(stderr=True)) as watch:
            found = await replace(survey, finder=finder).find(watch)
    if len(found.printers) != 1:
        raise PrinterSilent(
            message("No printer answers at {target}.", target=target),
            message("Check that the printer is on and connected, that SNMP is on in it, and the community."),
        )
    return equipment, found.printers[0]


async def _equipment(agent: Agent, equipment_number: str) -> Equipment:
    async with agent.portal() as portal:
        equipments = await portal.equipments()
    found = [one for one in equipments if same_number(one.equipment_number, equipment_number)]
    if len(found) != 1:
        raise AgentError(
            message("The portal has no equipment {number}.", number=equipment_number),
            message("Look it up with: meter-agent match"),
        )
    return found[0]


async def _proposed(agent: Agent, equipment_number: str, number: str | None) -> tuple[Equipment, str]:
    """The equipment and the number to write: the given one, else the name of the printer that it is matched with."""
    if number is not None:
        return await _equipment(agent, equipment_number), number
    with Watch(Console(stderr=True)) as watch:
        matching = await agent.match(watch)
    for one in matching.matched:
        if same_number(one.equipment.equipment_number, equipment_number) and (name := one.printer.name):
            return one.equipment, name
    raise AgentError(
        message("Equipment {number} has no printer with a name of its own.", number=equipment_number),
        message("Confirm its printer first (meter-agent match confirm EQUIPMENT HOST), or give the new number."),
    )


async def _written(agent: Agent, equipment: Equipment, number: str) -> None:
    async with agent.portal() as portal:
        await portal.rename(equipment, number)

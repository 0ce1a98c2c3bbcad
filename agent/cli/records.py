"""record: what a printer says, to be passed on."""

from __future__ import annotations

import sys
from pathlib import Path

from agent.cli.printers import name_unknown, survey_for
from agent.discovery.names import Names
from agent.discovery.target import Target
from agent.errors import AgentError, PrinterSilent
from agent.language import _, show
from agent.loop import run
from agent.printers import Endpoint
from agent.readout import Readout
from agent.recorder import record
from agent.snmp.access import UserAccess
from agent.snmp.identity import identifying_words
from agent.snmp.recording import dump_recording
from agent.snmp.redaction import redact
from agent.snmp.varbinds import Answer, dotted
from agent.supplies.levels import Level
from agent.survey import Survey
from agent.texts import Message, message


def record_target(config: Path | None, target: str, output: Path | None, user: UserAccess | None = None) -> int:
    """Writes the redacted recording; it replays as a virtual printer and reads like the printer itself.

    0 when it is whole; 1 when the printer did not tell everything, or the redacted recording reads differently.
    """
    with survey_for(config, user) as survey:
        answer, endpoint = run(_recorded(survey, Target.parse(target)))
        before = survey.understand(endpoint, answer.varbinds)
        cartridges = [one.serial_number for one in before.supplies if one.serial_number]
        serials, names = identifying_words(survey.profile_of(answer.varbinds), answer.varbinds)
        needed = survey.texts_needed(answer.varbinds)
        varbinds = redact(answer.varbinds, before.identity, (*serials, *cartridges), names, needed)
        after = survey.understand(endpoint, varbinds)
    _write(dump_recording(varbinds), output)
    trouble = _troubles(answer, before, after)
    said = _("{count} objects written to {file}; look through it before you pass it on.")
    lines = [said.replace("{count}", str(len(varbinds))).replace("{file}", str(output))] if output else []
    sys.stderr.write("".join(f"{line}\n" for line in (*lines, *map(show, trouble))))
    return 1 if trouble else 0


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AgentError(
            message("The recording {file} cannot be written: {why}.", file=str(output), why=error.strerror),
            message("Name another file with --output."),
        ) from error


def _troubles(answer: Answer, before: Readout, after: Readout) -> list[Message]:
    """What the person who recorded has to know of the recording."""
    troubles = []
    if before.status == "not_a_printer":
        troubles.append(message("What answers there does not look like a printer."))
    if not answer.complete:
        columns = ", ".join(dotted(oid) for oid in answer.missing) or "–"
        troubles.append(message("The printer did not tell everything; missing: {columns}.", columns=columns))
    if (values(before), levels(before)) != (values(after), levels(after)):
        troubles.append(
            message("Without names and numbers the recording reads differently: compare it with the printer.")
        )
    return troubles


def values(readout: Readout) -> dict[str, int]:
    """The counters by meter."""
    return {counter.meter: counter.value for counter in readout.counters}


def levels(readout: Readout) -> dict[str, Level]:
    """The levels by slot."""
    return {supply.slot: supply.level for supply in readout.supplies}


async def _recorded(survey: Survey, target: Target) -> tuple[Answer, Endpoint]:
    silence: PrinterSilent | None = None
    for address in await Names().addresses(target.host):
        endpoint = Endpoint(address, target.port or 161)
        try:
            return await record(survey, endpoint), endpoint
        except PrinterSilent as error:
            silence = silence or error
    raise silence or name_unknown(target.host)

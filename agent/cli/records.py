"""record: what a printer says, to be passed on."""

from __future__ import annotations

import sys
from pathlib import Path

from agent.cli.printers import survey_for
from agent.discovery.names import Names
from agent.discovery.target import Target
from agent.errors import AgentError, PrinterSilent
from agent.language import _
from agent.loop import run
from agent.printers import Endpoint
from agent.snmp.access import UserAccess
from agent.snmp.identity import identifying_words
from agent.snmp.recording import dump_recording
from agent.snmp.redaction import redact
from agent.snmp.varbinds import Varbinds
from agent.survey import Survey
from agent.texts import message


def record_target(config: Path | None, target: str, output: Path | None, user: UserAccess | None = None) -> int:
    """Writes the redacted recording; it replays as a virtual printer and reads like the printer itself."""
    with survey_for(config, user) as survey:
        varbinds = run(_recorded(survey, Target.parse(target)))
    text = dump_recording(varbinds)
    if output is None:
        sys.stdout.write(text)
        return 0
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AgentError(
            message("The recording {file} cannot be written: {why}.", file=str(output), why=error.strerror),
            message("Name another file with --output."),
        ) from error
    said = _("{count} objects written to {file}; look through it before you pass it on.")
    sys.stderr.write(said.replace("{count}", str(len(varbinds))).replace("{file}", str(output)) + "\n")
    return 0


async def _recorded(survey: Survey, target: Target) -> Varbinds:
    silence: PrinterSilent | None = None
    for address in await Names().addresses(target.host):
        try:
            varbinds = await survey.record(Endpoint(address, target.port or 161))
        except PrinterSilent as error:
            silence = silence or error
            continue
        readout = survey.understand(Endpoint(address, target.port or 161), varbinds)
        serials, names = identifying_words(survey.catalogue.choose(readout.identity, varbinds), varbinds)
        cartridges = (one.serial_number for one in readout.supplies if one.serial_number)
        return redact(varbinds, readout.identity, (*serials, *cartridges), names)
    raise silence or PrinterSilent(
        message("Nothing at {place} answers SNMP.", place=target.host),
        message("Check that the printer is on and connected, that SNMP is on in it, and the community."),
    )

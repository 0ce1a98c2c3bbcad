"""record: what a printer says, to be passed on."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from agent.cli.person import remark
from agent.cli.printers import name_unknown, survey_for
from agent.discovery.names import Names
from agent.discovery.target import Target
from agent.errors import AgentError, PrinterRefuses, PrinterSilent
from agent.ipp.attributes import IppAnswer
from agent.ipp.recording import dump_answer, redacted_answer
from agent.language import show
from agent.loop import run
from agent.printers import Endpoint
from agent.readout import Readout
from agent.recorder import record
from agent.snmp.access import UserAccess
from agent.snmp.identity import identifying_words
from agent.snmp.recording import dump_recording
from agent.snmp.redaction import cleaner, redact, substitutes
from agent.snmp.varbinds import Answer, Varbinds, dotted
from agent.supplies.levels import Level
from agent.survey import Survey
from agent.texts import Message, message


@dataclass(frozen=True, slots=True)
class Heard:
    """What a printer told: over SNMP, over IPP, or both."""

    endpoint: Endpoint
    snmp: Answer | None
    ipp: IppAnswer | None


def record_target(
    config: Path | None, target: str, output: Path | None, user: UserAccess | None = None, *, ipp: bool = True
) -> int:
    """Writes the redacted recording; it replays as a virtual printer and reads like the printer itself.

    What the printer says over IPP goes into a file of the same name that ends in .bin, beside the output. 0 when it is
    whole; 1 when the printer did not tell everything, or the redacted recording reads differently.
    """
    with survey_for(config, user, ipp=ipp and output is not None) as survey:
        heard = run(_recorded(survey, Target.parse(target)))
        second = survey.understand_ipp(heard.endpoint, heard.ipp) if heard.ipp else None
        secrets = _secrets_over_ipp(second)
        trouble: list[Message] = []
        words: dict[bytes, bytes] = {}
        if heard.snmp:
            words = _record_snmp(survey, heard.endpoint, heard.snmp, output, secrets, trouble)
        elif second:
            words = substitutes(Varbinds(), second.identity, secrets)
        if heard.ipp and second and output:
            attributes = redacted_answer(heard.ipp.attributes, cleaner(words))
            _write(dump_answer(attributes), output.with_suffix(".bin"), len(attributes))
            again = survey.understand_ipp(heard.endpoint, IppAnswer(attributes, heard.ipp.uri))
            trouble += _differences(second, again)
    sys.stderr.write("".join(f"{said}\n" for said in dict.fromkeys(map(show, trouble))))
    return 1 if trouble else 0


def _record_snmp(
    survey: Survey,
    endpoint: Endpoint,
    answer: Answer,
    output: Path | None,
    secrets: list[str],
    trouble: list[Message],
) -> dict[bytes, bytes]:
    """Writes what was told over SNMP; the substitutes that were used."""
    before = survey.understand(endpoint, answer.varbinds)
    serials, names = identifying_words(survey.profile_of(answer.varbinds), answer.varbinds)
    known = [*secrets, *serials, *(one.serial_number for one in before.supplies if one.serial_number)]
    varbinds = redact(answer.varbinds, before.identity, known, names, survey.texts_needed(answer.varbinds))
    _write(dump_recording(varbinds).encode(), output, len(varbinds))
    if before.status == "not_a_printer":
        trouble.append(message("What answers there does not look like a printer."))
    if not answer.complete:
        columns = ", ".join(dotted(oid) for oid in answer.missing) or "–"
        trouble.append(message("The printer did not tell everything; missing: {columns}.", columns=columns))
    trouble += _differences(before, survey.understand(endpoint, varbinds))
    return substitutes(answer.varbinds, before.identity, known, names)


def _secrets_over_ipp(second: Readout | None) -> list[str]:
    if second is None:
        return []
    told = [second.identity.serial_number_raw, *(one.serial_number for one in second.supplies)]
    return [serial for serial in told if serial]


def _write(octets: bytes, output: Path | None, count: int) -> None:
    if output is None:
        sys.stdout.write(octets.decode())
        return
    try:
        output.write_bytes(octets)
    except OSError as error:
        raise AgentError(
            message("The recording {file} cannot be written: {why}.", file=str(output), why=error.strerror),
            message("Name another file with --output."),
        ) from error
    told: dict[str, str | int] = {"count": count, "file": str(output)}
    remark(message("{count} objects written to {file}; look through it before you pass it on.", **told))


def _differences(before: Readout, after: Readout) -> list[Message]:
    """Whether the recording still says what the printer said."""
    if (values(before), levels(before)) == (values(after), levels(after)):
        return []
    return [message("Without names and numbers the recording reads differently: compare it with the printer.")]


def values(readout: Readout) -> dict[str, int]:
    """The counters by meter."""
    return {counter.meter: counter.value for counter in readout.counters}


def levels(readout: Readout) -> dict[str, Level]:
    """The levels by slot."""
    return {supply.slot: supply.level for supply in readout.supplies}


async def _recorded(survey: Survey, target: Target) -> Heard:
    silence: PrinterSilent | None = None
    for address in await Names().addresses(target.host):
        endpoint = Endpoint(address, target.port or 161)
        try:
            return Heard(endpoint, await record(survey, endpoint), await _over_ipp(survey, endpoint))
        except PrinterRefuses:
            raise
        except PrinterSilent as error:
            silence = silence or error
            if spoken := await _over_ipp(survey, endpoint):
                return Heard(endpoint, None, spoken)
    raise silence or name_unknown(target.host)


async def _over_ipp(survey: Survey, endpoint: Endpoint) -> IppAnswer | None:
    try:
        return await survey.ipp.ask(endpoint) if survey.ipp else None
    except PrinterSilent:
        return None

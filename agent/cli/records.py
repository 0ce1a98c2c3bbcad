"""record and profiles: what a printer says, to be passed on, and what is known of its kind."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from agent.cli.jsonl import emit
from agent.cli.printers import survey_for
from agent.cli.service import agent_of
from agent.cli.tables import new_table, row, section
from agent.discovery.names import Names
from agent.discovery.target import Target
from agent.errors import AgentError, PrinterSilent
from agent.language import _
from agent.loop import run
from agent.paths import find_config
from agent.printers import Endpoint, Identity
from agent.snmp.access import UserAccess
from agent.snmp.catalogue import shipped
from agent.snmp.identity import identifying_words
from agent.snmp.profile import Profile
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


def list_profiles(config: Path | None, model: str | None, *, as_json: bool) -> int:
    """All profiles with the makers they are for, or the meters of the one that fits."""
    known = find_config(config).found is not None or config is not None
    catalogue = shipped(agent_of(config).places.profiles if known else None)
    if model is None:
        chosen = [catalogue.generic, *catalogue.vendors]
    else:
        identity = _identity_of(catalogue.generic, model)
        chosen = [catalogue.choose(identity, Varbinds())]
    if as_json:
        for profile in chosen:
            emit(_profile_json(profile))
    elif model is None:
        _show_profiles(chosen)
    else:
        _show_meters(chosen[0])
    return 0


def _identity_of(generic: Profile, text: str) -> Identity:
    """Maker and model in a person's words."""
    lower = text.strip().lower()
    for maker in generic.manufacturers:
        for word in (maker.name.lower(), *maker.written):
            if lower.startswith(word):
                return Identity(manufacturer=maker.name, model=text.strip()[len(word) :].strip() or text)
    return Identity(model=text)


def _profile_json(profile: Profile) -> dict[str, object]:
    makers = sorted({match.manufacturer for match in profile.match if match.manufacturer})
    meters = [
        {"meter": one.meter, "source": one.source, "profile": one.origin or "generic"} for one in profile.counters
    ]
    care = [{"model": one.model, "never": list(one.never), "why": one.why} for one in profile.care]
    return {"profile": profile.label, "makers": makers, "source": profile.source, "meters": meters, "care": care}


def _show_profiles(profiles: list[Profile]) -> None:
    table = new_table(_("Profile"), _("Makers"), _("Meters"), _("Source"))
    for profile in profiles:
        makers = ", ".join(sorted({match.manufacturer for match in profile.match if match.manufacturer}))
        row(table, profile.label, makers or _("any"), str(len({one.meter for one in profile.counters})), profile.source)
    section(Console(), _("Profiles"), table)


def _show_meters(profile: Profile) -> None:
    table = new_table(_("Meter"), _("Objects"), _("Why we believe it"))
    for part in profile.counters:
        row(table, part.meter, "\n".join(profile.objects[name] for name in sorted(part.names)), part.source)
    section(Console(), profile.label, table)
    if profile.care:
        spared = new_table(_("Model"), _("Never"), _("Why it is spared"))
        for care in profile.care:
            row(spared, care.model, ", ".join(care.never), care.why)
        section(Console(), _("Models to be spared"), spared)

"""read, discover and forget: printers on the network, before anything is stored or sent."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from agent.cli.jsonl import emit, printer_json, readout_json
from agent.cli.readouts import print_readout
from agent.cli.views import print_printers
from agent.cli.watch import Watch
from agent.clock import SystemClock
from agent.discovery.allowed import Allowed
from agent.discovery.finder import NetworkFinder
from agent.discovery.names import Names
from agent.discovery.target import Target
from agent.errors import ConfigError, PrinterSilent
from agent.ipp.interpretation import cross_checked
from agent.ipp.recording import load_answer
from agent.language import _
from agent.loop import run
from agent.meters import Finding
from agent.paths import find_config
from agent.printers import Endpoint
from agent.readout import Readout
from agent.settings import LARGEST_WITHOUT_CONSENT, Settings, load
from agent.snmp.access import UserAccess
from agent.snmp.recording import load_recording
from agent.survey import Found, Survey
from agent.surveying import Accesses, survey_of
from agent.texts import message

RECORDED_AT = Endpoint("0.0.0.0")  # where a file was recorded is not known


def read_targets(
    config: Path | None, targets: Sequence[str], *, as_json: bool, user: UserAccess | None = None, ipp: bool = True
) -> int:
    """Reads each target; 0 when all were read, 1 when some failed, 4 when none answered.

    With `ipp` the printers are asked over IPP too, whatever the config file says: they were named one by one.
    """
    with survey_for(config, user, ipp=ipp) as survey:
        return run(_read_all(survey, targets, as_json=as_json))


async def _read_all(survey: Survey, targets: Sequence[str], *, as_json: bool) -> int:
    console = Console()
    readouts = [await _read(survey, target) for target in targets]
    for target, readout in zip(targets, readouts, strict=True):
        if as_json:
            emit(readout_json(target, readout))
        else:
            print_readout(console, target, readout)
    failed = [readout for readout in readouts if readout.status not in ("ok", "partial")]
    if not failed:
        return 0
    return 4 if len(failed) == len(readouts) and all(one.status in ("unreachable", "asleep") for one in failed) else 1


async def _read(survey: Survey, target: str) -> Readout:
    """The readout of a printer, or of a recording of one."""
    if _is_file(target):
        return _replayed(survey, Path(target))
    parsed = Target.parse(target)
    absent: Readout | None = None
    for address in await Names().addresses(parsed.host):
        endpoint = Endpoint(address, parsed.port or 161)
        try:
            first = await survey.snmp.ask(endpoint, survey.profile.identify_ask)
        except PrinterSilent as error:
            if second := await survey.instead(endpoint, error):
                return second
            absent = absent or survey.absent(endpoint, error)
            continue
        readout = await survey.read(endpoint, first.varbinds)
        return replace(readout, datagrams=readout.datagrams + first.datagrams)
    nowhere = Endpoint(parsed.host, parsed.port or 161)
    return absent or survey.absent(nowhere, name_unknown(parsed.host))


def _is_file(target: str) -> bool:
    """Whether a recording is meant: by the ends of recordings, or by a folder in the name, which no host has."""
    return target.endswith((".snmprec", ".bin")) or "/" in target or "\\" in target


def _replayed(survey: Survey, file: Path) -> Readout:
    """The readout of a recording: of an IPP answer (.bin), else of SNMP, compared with an IPP answer beside it."""
    if file.suffix == ".bin":
        return survey.understand_ipp(RECORDED_AT, load_answer(file))
    recording = load_recording(file)
    readout = survey.understand(RECORDED_AT, recording.varbinds)
    if file.with_suffix(".bin").is_file():
        readout = cross_checked(readout, survey.understand_ipp(RECORDED_AT, load_answer(file.with_suffix(".bin"))))
    lines, shown = recording.damaged_lines, ", ".join(map(str, recording.damaged_lines[:10]))
    if not lines:
        return readout
    said = message("{count} lines of the file make no sense, the first: {lines}.", count=len(lines), lines=shown)
    return replace(readout, findings=(*readout.findings, Finding("damaged_lines", said)))


def name_unknown(host: str) -> PrinterSilent:
    """The error of a name that leads nowhere."""
    return PrinterSilent(
        message("No address is known for the name {name}.", name=host),
        message("Check the spelling, or write the address instead of the name."),
    )


def discover_printers(
    config: Path | None,
    ranges: Sequence[str],
    port: int | None,
    *,
    as_json: bool,
    user: UserAccess | None = None,
    exclude: Sequence[str] = (),
    large: bool = False,
) -> int:
    """Looks for printers; 0 when some were found, 4 when none. What the config excludes is never asked."""
    with survey_for(config, user) as survey:
        discovery = _settings_of(config).discovery
        wanted = Allowed.parse(ranges or discovery.ranges, discovery.networks, (*discovery.exclude, *exclude))
        if len(wanted.searched) > LARGEST_WITHOUT_CONSENT and not (large or discovery.allow_large_ranges):
            raise _too_large(len(wanted.searched))
        finder = survey.finder
        if ranges:
            finder = NetworkFinder(wanted, (), port or 161)
        elif exclude and isinstance(finder, NetworkFinder):
            finder = finder.within(wanted)
        found = _discovered(replace(survey, finder=finder))
    for printer in found.printers if as_json else ():
        emit(printer_json(printer))
    if not as_json:
        print_printers(Console(), found)
    return 0 if found.printers else 4


def _settings_of(config: Path | None) -> Settings:
    """The settings of the config file, where there is one."""
    found = find_config(config)
    return Settings() if found.found is None and config is None else load(found.required())


def _too_large(count: int) -> ConfigError:
    return ConfigError(
        message("These are {count} addresses; more than 65536 are searched only if you say so.", count=count),
        message("Name smaller ranges, or add --large."),
    )


def _discovered(survey: Survey) -> Found:
    if isinstance(survey.finder, NetworkFinder) and survey.finder.is_idle:
        raise ConfigError(
            message("No addresses are configured, so no printer can be found."),
            message("Name a network: meter-agent discover --range 192.168.1.0/24"),
        )
    return run(_found(survey))


async def _found(survey: Survey) -> Found:
    with Watch(Console(stderr=True)) as watch:
        async with survey.finder.listening():
            return await survey.find(watch)


def forget_printer(config: Path | None, target: str) -> int:
    """Forgets how a printer was asked; 0 when something was known of it, else 1."""
    from agent.acquaintances import SqlKeeper
    from agent.cli.service import agent_of

    agent, parsed = agent_of(config), Target.parse(target)
    addresses = run(_addresses(parsed.host))
    with agent.store(exclusive=False) as store:
        keeper = SqlKeeper(store)
        ports = {parsed.port} if parsed.port else {161, agent.settings.snmp.port}
        known = [one for one in addresses for port in ports if keeper.forget(Endpoint(one, port))]
    said = _("Forgotten.") if known else _("Nothing was known of it.")
    sys.stdout.write(said + "\n")
    return 0 if known else 1


async def _addresses(name: str) -> tuple[str, ...]:
    return await Names().addresses(name)


@contextmanager
def survey_for(config: Path | None, user: UserAccess | None = None, *, ipp: bool | None = None) -> Iterator[Survey]:
    """By the config file where there is one; `read` and `discover` also work without any, with community `public`.

    What is learnt of printers is kept beside the config's other data; a `user` from the command line leaves config and
    memory alone. `ipp` overrules whether IPP is switched on.
    """
    found = find_config(config)
    if user is not None:
        yield survey_of(_with_ipp(Settings(), ipp), Accesses(users=(user,)), SystemClock())
    elif found.found is None and config is None:
        yield survey_of(_with_ipp(Settings(), ipp), Accesses(communities=("public",)), SystemClock())
    else:
        # Loaded only where there is a config: the database takes as much memory as everything that finds printers.
        from agent.cli.service import agent_of

        agent = agent_of(config)
        with agent.store(exclusive=False) as store:
            survey = replace(agent, settings=_with_ipp(agent.settings, ipp)).survey(store)
            yield survey
            survey.manners.flush()


def _with_ipp(settings: Settings, enabled: bool | None) -> Settings:
    if enabled is None:
        return settings
    return settings.model_copy(update={"ipp": settings.ipp.model_copy(update={"enabled": enabled})})

"""outbox export, outbox import, equipment template: readings that a person captures in the portal by hand."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console

from agent.capture import Taken
from agent.capturing import Clerk, DueReading, Layout, Style, capture_rows
from agent.cli.person import remark, who
from agent.cli.service import agent_of
from agent.cli.tables import new_table, row, section
from agent.cli.watch import Watch
from agent.display import printable
from agent.equipment_list import list_rows, unlisted
from agent.errors import AgentError, ConfigError, Problem, SheetError
from agent.headings import heading_of, is_heading
from agent.language import _, current, number, show_error
from agent.loop import run
from agent.memory import SqlMemory
from agent.printers import Equipment
from agent.spreadsheet import MAX_BYTES, Cell, Sheet, understood, written
from agent.texts import message
from agent.upload.envelope import State

Dates = Literal["iso", "local"]
SEPARATORS = {";": ";", ",": ",", "tab": "\t", "semicolon": ";", "comma": ","}
MOST_SHOWN = 20  # problems; who has more has one that repeats itself


def export_readings(
    config: Path | None,
    file: Path | None,
    *,
    layout: Layout,
    every: bool,
    separator: str | None,
    dates: str | None,
    force: bool,
) -> int:
    """Writes what is due as a sheet to be captured by hand; nothing of it counts as sent by that."""
    agent = agent_of(config)
    german = current().code == "de"
    look_first = _("It was sent and may be booked already")
    style = Style(layout, german, iso_dates=_iso(dates, german=german), look_first=look_first)
    signed = _separator(separator, german=german)
    # With an API, what waits will be sent: only what the portal does not take yet may be captured by hand.
    states: tuple[State, ...] = ("waiting", "parked") if agent.settings.by_hand.enabled else ("parked",)
    with agent.captures() as capture:
        dues, damaged = capture.due(states, every=every)
        to_be_sent = 0 if "waiting" in states else SqlMemory(capture.store).counts().get("waiting", 0)
    if to_be_sent:
        left_out = number(to_be_sent)
        remark(message("{count} items wait to be sent by the agent itself and are left out.", count=left_out))
    if damaged:
        lost = number(damaged)
        remark(message("{count} readings are damaged and left out; see: meter-agent outbox list", count=lost))
    if not dues:
        remark(message("Nothing is due to be captured by hand."))
        return 1 if damaged else 0
    _put(file, capture_rows(dues, style), signed, force=force)
    _tell(file, dues)
    return 1 if damaged else 0


def _tell(file: Path | None, dues: Sequence[DueReading]) -> None:
    """What a person has to know about the sheet, and what comes next."""
    if doubtful := sum(due.is_doubtful for due in dues):
        warning = message(
            "{count} of them were sent without an answer and may be booked already: look them up in the portal before"
            " you capture them. What is there, you only mark.",
            count=number(doubtful),
        )
        remark(warning)
    if file is not None:
        what = message(
            "{count} readings written to {file}. Capture them in the portal, fill in Captured on, then:",
            count=number(len(dues)),
            file=str(file),
        )
        remark(what)
        sys.stderr.write(f"  meter-agent outbox import {file}\n")


def import_captured(config: Path | None, file: Path, *, by: str | None, all_captured: bool, sound_only: bool) -> int:
    """Takes back what was captured by hand; all rows or, with any problem, none, unless `sound_only`."""
    agent = agent_of(config)
    sheet = _sheet(file)
    answers = Clerk.of(sheet, all_captured=all_captured).read()
    if answers.problems and not sound_only:
        taken = Taken(problems=answers.problems)
    else:
        with agent.capture() as capture:
            taken = capture.take(answers.sound(), printable(by or who()), agent.clock.now(), sound_only=sound_only)
        taken.problems = [*answers.problems, *taken.problems]
    if taken.problems and not sound_only:
        raise _refused(file, taken.problems)
    _say(taken)
    if taken.problems:
        sys.stderr.write(show_error(_refused(file, taken.problems, some=True)) + "\n")
    return 1 if taken.problems else 0


def write_template(config: Path | None, file: Path, *, separator: str | None, force: bool, search: bool) -> int:
    """Writes the equipment list as far as it is known, to be filled in by a person; with `search` also the printers
    in the network that are none of it."""
    agent = agent_of(config)
    german = current().code == "de"
    signed = _separator(separator, german=german)
    known = agent.known_equipments()
    found: Sequence[Equipment] = ()
    if search:
        with Watch(Console(stderr=True)) as watch:
            matching = run(agent.match_with(known, watch, everywhere=True))
        found = [unlisted(printer) for printer in matching.unclaimed]
    _put(file, list_rows([*known, *found], german=german), signed, force=force)
    said = message(
        "{count} equipment written to {file}. Enter one row for each printer of your contract.",
        count=number(len(known)),
        file=str(file),
    )
    remark(said)
    if search:
        more = number(len(found))
        remark(
            message(
                "{count} printers more were found: enter their equipment numbers, or delete their rows.", count=more
            )
        )
    return 0


def _refused(file: Path, problems: Sequence[Problem], *, some: bool = False) -> SheetError:
    facts: dict[str, str | int] = {"file": str(file), "count": len(problems)}
    if some:
        what = message("{count} mistakes in {file}; the rows that they are in were left out:", **facts)
    else:
        what = message("{count} mistakes in {file}; nothing was taken from it:", **facts)
    more = len(problems) - MOST_SHOWN
    remedy = message("{count} more are not shown.", count=more) if more > 0 else None
    return SheetError(what, remedy, problems[:MOST_SHOWN])


def _say(taken: Taken) -> None:
    table = new_table(_("Equipment"), _("Counter"), _("Read"), _("Captured"))
    for one in taken.differences:
        name = one.equipment_number.lstrip("0")
        row(
            table,
            name,
            heading_of(one.meter_code, german=current().code == "de"),
            number(one.ours),
            number(one.captured),
        )
    section(Console(), _("Captured with another value, which counts from now on"), table)
    counts = (
        (_("readings taken as captured by hand"), taken.captured),
        (_("taken before"), taken.known),
        (_("not marked as captured"), taken.unmarked),
        (_("older ones overtaken"), taken.overtaken),
    )
    sys.stdout.write(" · ".join(f"{number(count)} {name}" for name, count in counts) + "\n")


def _sheet(file: Path) -> Sheet:
    try:
        with file.open("rb") as opened:
            octets = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise AgentError(
            message("The file {file} cannot be read: {reason}", file=str(file), reason=error.strerror),
            message("Close it in other programs, and check its name."),
        ) from error
    return understood(octets, is_heading)


def _iso(dates: str | None, *, german: bool) -> bool:
    if dates not in (None, "iso", "local"):
        raise ConfigError(message("There is no way {name} to write dates.", name=dates), message("Use iso or local."))
    return dates == "iso" or (dates is None and not german)


def _separator(wanted: str | None, *, german: bool) -> str:
    """Excel expects what Windows has as list separator: a semicolon in German, a comma in English."""
    if wanted is None:
        return ";" if german else ","
    if wanted.lower() not in SEPARATORS:
        raise ConfigError(
            message("There is no separator {name}.", name=wanted), message("Use semicolon, comma or tab.")
        )
    return SEPARATORS[wanted.lower()]


def _put(file: Path | None, rows: Sequence[Sequence[Cell]], separator: str, *, force: bool) -> None:
    octets = written(rows, separator)
    if file is None:
        sys.stdout.buffer.write(octets)
        sys.stdout.flush()
        return
    if file.exists() and not force:
        raise ConfigError(
            message("There is a file {file} already.", file=str(file)),
            message("Name another one, or replace it with --force."),
        )
    try:
        _replace(file, octets)
    except OSError as error:
        raise AgentError(
            message("The file {file} cannot be written: {reason}", file=str(file), reason=error.strerror),
            message("Close it in other programs, or name another one."),
        ) from error


def _replace(file: Path, octets: bytes) -> None:
    """The whole file or, when that fails, the one that was there."""
    # Not tempfile's: those are for their owner alone, and who exports as administrator opens it as somebody else.
    beside = file.absolute().with_name(f".{file.name}.{os.getpid()}")
    try:
        with beside.open("wb") as opened:
            opened.write(octets)
            opened.flush()
            os.fsync(opened.fileno())
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)

"""resolve and offsets: a held reading as a person sees it before deciding, and what was decided."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from agent.cli.entries import only_entry, printer_line
from agent.cli.jsonl import emit
from agent.cli.person import who
from agent.cli.service import agent_of
from agent.cli.tables import equipment_name, new_table, plain, row, section, state_name
from agent.clock import SystemClock
from agent.decisions import Decision, SqlDecisions
from agent.errors import AgentError, ConfigError
from agent.forensics import Case, Diagnosis
from agent.language import _, moment, number, show
from agent.memory import SqlMemory
from agent.resolving import Act, Choice, Held, SqlDesk
from agent.texts import message


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of one call, as they were typed."""

    accept: bool = False
    replaced: bool = False
    discard: bool = False
    take_back: bool = False
    offsets: tuple[str, ...] = ()
    note: str = ""

    def act(self) -> Act | None:
        """The one thing that is wished, None for only looking. Raises `ConfigError`."""
        acts: dict[Act, bool] = {
            "accept": self.accept,
            "replaced": self.replaced,
            "discard": self.discard,
            "take_back": self.take_back,
        }
        wished = [act for act, said in acts.items() if said]
        if len(wished) > 1 or (self.offsets and wished != ["accept"]):
            raise ConfigError(
                message("These options do not go together."),
                message("Say one of --accept, --replaced, --discard and --take-back; --offset goes with --accept."),
            )
        return wished[0] if wished else None


def resolve_reading(config: Path | None, reference: str, wish: Wish) -> int:
    """Shows the case, or carries out a person's decision about it."""
    act, agent = wish.act(), agent_of(config)
    with agent.store(exclusive=act is not None) as store:
        desk, entry = SqlDesk(store), only_entry(SqlMemory(store), reference)
        if entry.envelope.kind != "reading":
            raise AgentError(
                message("{id} is not a reading.", id=entry.envelope.reference),
                message("Look at it with: meter-agent explain {id}", id=entry.envelope.reference),
            )
        if act is None:
            print_held(Console(), desk.held(entry), SqlDecisions(store).about(entry.envelope.reference))
            return 0
        offsets = offsets_of(wish.offsets, desk.held(entry).case) if wish.offsets else {}
        desk.decide(entry.envelope.reference, Choice(act, offsets, wish.note), who(), SystemClock().now())
    sys.stdout.write(_done(act) + "\n")
    return 0


def _done(act: Act) -> str:
    said = {
        "accept": _("Accepted; it will be sent."),
        "replaced": _("Accepted as replaced; it will be sent."),
        "discard": _("Discarded; it stays on record."),
        "take_back": _("Taken back; the reading is held again."),
    }
    return said[act]


def offsets_of(typed: Sequence[str], case: Case) -> dict[str, int]:
    """`N`, or `METER=N` for each meter. Raises `ConfigError` for what is no number, and `N` where several fell."""
    found: dict[str, int] = {}
    for text in typed:
        code, is_named, count = text.rpartition("=")
        if not re.fullmatch(r"-?[0-9]{1,15}", count.strip()):
            raise ConfigError(
                message("{text} is no offset.", text=text), message("Write --offset 424405, or --offset color=31000.")
            )
        if not is_named:
            fallen = case.fallen or tuple(case.values)
            if len(fallen) != 1:
                raise ConfigError(
                    message("The reading has several counters: {codes}.", codes=", ".join(fallen)),
                    message("Name the counter for each: --offset {code}={count}", code=fallen[0], count=count),
                )
            code = fallen[0]
        found[code.strip()] = int(count)
    return found


def print_held(console: Console, held: Held, decided: Sequence[Decision]) -> None:
    """What was read, why it is held, what probably happened, and the choices with what follows from each."""
    entry, case = held.entry, held.case
    head = _("Reading {reference} of equipment {equipment}: {state}")
    facts = {
        "reference": entry.envelope.reference[:12],
        "equipment": f"{equipment_name(held.equipment)} {plain(held.equipment.description)}".strip(),
        "state": state_name(entry.state),
    }
    for name, value in facts.items():
        head = head.replace("{" + name + "}", value)
    console.print(head, style="bold", markup=False)
    console.print(printer_line(case.now.identity, moment(case.now.read_at)), markup=False, highlight=False)
    for reason in entry.reasons:
        console.print(show(reason.message), markup=False, highlight=False)
    _print_values(console, case)
    _print_diagnoses(console, held.diagnoses)
    if entry.state == "quarantined":
        _print_choices(console, held)
    print_decisions(console, decided)


def _print_values(console: Console, case: Case) -> None:
    table = new_table(_("Counter"), _("Last reported"), _("When"), _("Printer counts"), _("Offset"), _("Difference"))
    for code, value in case.values.items():
        last, added = case.last.get(code), case.offsets.get(code, 0)
        row(
            table,
            code,
            number(last.value) if last else "–",
            moment(last.read_at) if last else "–",
            number(value),
            number(added) if added else "–",
            number(value + added - last.value) if last else "–",
        )
    section(console, _("Counters"), table)


def _print_diagnoses(console: Console, diagnoses: Sequence[Diagnosis]) -> None:
    table = new_table(_("What happened"), _("How sure"), _("Why we think so"), _("Then"))
    sure = {"certain": _("certain"), "likely": _("likely"), "possible": _("possible")}
    for one in diagnoses:
        evidence = "\n".join(show(said) for said in one.evidence) or "–"
        row(table, _causes()[one.cause], sure[one.likelihood], evidence, _option(one))
    section(console, _("What may have happened, the likeliest first"), table)


def _option(one: Diagnosis) -> str:
    """The options that carry out what is proposed."""
    if one.proposal == "offset":
        return "--accept " + _offset_options(one.offsets)
    return f"--{one.proposal}"


def _offset_options(offsets: Mapping[str, int]) -> str:
    return " ".join(f"--offset {code}={offset}" for code, offset in offsets.items())


def _causes() -> dict[str, str]:
    return {
        "estimated_last": _("the last value was an estimate"),
        "wrong_device": _("another printer answers to this name"),
        "device_swapped": _("the printer was exchanged"),
        "wrapped": _("the counter is full and began again"),
        "board_swapped": _("the main board was exchanged or reset"),
        "format_changed": _("the printer counts in another way now"),
        "misread": _("one value was misread"),
        "unexplained": _("something else"),
    }


def _print_choices(console: Console, held: Held) -> None:
    case, reference = held.case, held.entry.envelope.reference[:12]
    table = new_table(_("Choice"), _("What follows"))
    if any(not case.last[code].estimated for code in case.fallen):
        proposed = next((one.offsets for one in held.diagnoses if one.offsets), {})
        options = _offset_options(proposed) or "--offset METER=N"
        row(table, f"meter-agent resolve {reference} --accept {options}", _offset_follows(case, proposed))
    else:
        row(table, f"meter-agent resolve {reference} --accept", _("It is sent as it is."))
    told = _("It is sent, and the portal is told that the counter was replaced: it counts on from the new value.")
    row(table, f"meter-agent resolve {reference} --replaced", told)
    told = _("It is never sent and stays on record; the printer is read again in the next period.")
    row(table, f"meter-agent resolve {reference} --discard", told)
    section(console, _("Your choices; --note TEXT goes on record with them"), table)
    if held.clock_offset:
        told = _("When you accept it, its time becomes {when}, by the portal's clock.")
        by_portal = moment(case.now.read_at + timedelta(seconds=held.clock_offset))
        console.print(told.replace("{when}", by_portal), markup=False, highlight=False)


def _offset_follows(case: Case, offsets: Mapping[str, int]) -> str:
    if not offsets:
        return _("Nothing speaks for it: N is added to this and every later reading, until: meter-agent offsets end")
    said = _("Sent as {values}; the offset is added to every later reading too, until: meter-agent offsets end")
    values = ", ".join(f"{code} {number(case.values[code] + offset)}" for code, offset in offsets.items())
    return said.replace("{values}", values)


def print_decisions(console: Console, decided: Sequence[Decision]) -> None:
    """Who decided what, and what it changed."""
    table = new_table(_("When"), _("Who"), _("Decision"), _("Before"), _("After"), _("Note"))
    for one in decided:
        row(
            table,
            moment(one.at),
            plain(one.by),
            _decided().get(one.kind, one.kind),
            _standing(one.before.state, one.before.values, one.before.offsets),
            _standing(one.after.state, one.after.values, one.after.offsets),
            plain(one.note),
        )
    section(console, _("Decisions"), table)


def _decided() -> dict[str, str]:
    return {
        "accepted": _("accepted"),
        "offset": _("accepted with an offset"),
        "replaced": _("counter replaced"),
        "discarded": _("discarded"),
        "taken_back": _("taken back"),
        "offset_ended": _("offset ended"),
    }


def _standing(state: str | None, values: Mapping[str, int], offsets: Mapping[str, int]) -> str:
    lines = [state_name(state)] if state else []
    lines += [f"{code} {number(value)}" for code, value in values.items()]
    return "\n".join([*lines, *(f"{code} + {number(offset)}" for code, offset in offsets.items())])


def list_offsets(config: Path | None, *, as_json: bool) -> int:
    """What is added to which counter, and who decided it."""
    agent = agent_of(config)
    with agent.store(exclusive=False) as store:
        decisions = SqlDecisions(store)
        known = decisions.all_offsets()
        newest = {number: decisions.of_equipment(number)[-1] for number in known}
    table = new_table(_("Equipment"), _("Counter"), _("Offset"), _("Since"), _("Who"), _("Note"))
    for equipment, offsets in known.items():
        one = newest[equipment]
        for code, offset in (offsets or {"?": 0}).items():
            if as_json:
                emit({"equipment_number": equipment, "meter_code": code, "offset": offset if offsets else None})
            else:
                facts = (moment(one.at), plain(one.by), plain(one.note))
                row(table, equipment.lstrip("0"), code, number(offset) if offsets else "?", *facts)
    if not as_json:
        section(Console(), _("Offsets"), table)
        if not table.row_count:
            sys.stdout.write(_("Nothing is added to any counter.") + "\n")
    return 0


def end_offsets(config: Path | None, equipment: str, meter: str | None, note: str) -> int:
    """The end of an offset; what was reported with it stays."""
    agent = agent_of(config)
    with agent.store(exclusive=True) as store:
        wanted = equipment.strip().lstrip("0")
        numbers = SqlDecisions(store).all_offsets()
        full = next((number for number in numbers if number.lstrip("0") == wanted), equipment)
        SqlDesk(store).end_offsets(full, meter, who(), note, SystemClock().now())
    sys.stdout.write(_("Ended; it stays on record. What was reported with it stays as it is.") + "\n")
    return 0

"""What one cycle made of every equipment: its lines, and in one sentence what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.errors import AgentError
from agent.matching import Matched, Refused
from agent.meters import Finding
from agent.notifying import FaultLine
from agent.ordering import Ordering
from agent.printers import Equipment, Printer
from agent.readout import Readout
from agent.survey import LEFT_ALONE
from agent.texts import Message, message
from agent.upload.courier import Delivery
from agent.upload.envelope import BY_HAND, Standing
from agent.validation import Verdict

WAITING = Finding("waiting", message("Ready, and waiting to be sent to the portal."))
LIST_LASTS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one equipment: match, readout, verdict, envelope; `None` from where the way ended.

    A line whose reading is committed keeps what the report and the orders need (`kept`): proof, levels that are not
    low, and the reading itself are in the database, and not in memory for thousands.
    """

    equipment: Equipment
    match: Matched | Refused
    readout: Readout | None = None
    verdict: Verdict | None = None
    entry: Standing | None = None
    repeated: bool = False
    orderings: tuple[Ordering, ...] = ()


@dataclass(frozen=True, slots=True)
class CycleReport:
    """One cycle. `lines` has every equipment once, `strangers` are no printers, `silent` addresses gave no answer."""

    started_at: datetime
    ended_at: datetime
    lines: tuple[Line, ...] = ()
    unclaimed: tuple[Printer, ...] = ()
    strangers: tuple[Printer, ...] = ()
    silent: int = 0
    delivery: Delivery | None = None
    trouble: AgentError | None = None
    findings: tuple[Finding, ...] = ()
    faults: tuple[FaultLine, ...] = ()


def old_list(listed_at: datetime | None, now: datetime) -> tuple[Finding, ...]:
    """That the equipment list is older than a day: what is new in the portal, or gone from it, is not known here."""
    if listed_at is None or now - listed_at <= LIST_LASTS:
        return ()
    what = message(
        "The portal's equipment list is {hours} hours old; the portal has not given a newer one.",
        hours=int((now - listed_at) / timedelta(hours=1)),
    )
    return (Finding("equipment_list_old", what),)


def number_of(line: Line) -> str:
    """The equipment number of a line; every equipment has one line."""
    return line.equipment.equipment_number


def is_held(line: Line) -> bool:
    """Whether the line's reading is held back for a person."""
    return line.verdict is not None and line.verdict.outcome == "quarantined"


def outcome_of(line: Line, waiting: Finding = WAITING) -> Finding:
    """In one sentence what became of an equipment in this cycle, or where its way ended and why."""
    said = line.readout.findings if line.readout else ()
    if line.readout and said and (line.readout.status in ("asleep", "unreachable") or said[0].code == LEFT_ALONE):
        return said[0]
    if isinstance(line.match, Refused):
        return line.match.reason
    if line.readout is None or line.verdict is None:
        status = line.readout.status if line.readout else "unreachable"
        return Finding(status, Message(ENDINGS[status].template, {"place": str(line.match.printer.endpoint)}))
    if line.entry is None:
        return next(iter(line.verdict.reasons), Finding("not_due", message("Nothing is due to be reported.")))
    if BY_HAND in line.entry.receipts:
        return Finding("reported", message("Captured by hand in the portal."))
    if line.entry.state == "accepted":
        receipts = ", ".join(line.entry.receipts)
        return Finding("reported", message("Reported to the portal; receipt {receipts}.", receipts=receipts))
    return next(iter(line.entry.reasons), waiting)


ENDINGS = {
    "unreachable": message("The printer at {place} stopped answering."),
    "asleep": message("The printer at {place} is asleep."),
    "refused": message("At {place} another device answered than a moment before."),
    "not_a_printer": message("What answers at {place} is no printer."),
}

"""What of a captured row can be taken: rules over one row and the reading that it is about, without the database."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from agent.capturing import Captured
from agent.cells import Unreadable, count_of, end_of
from agent.errors import Problem
from agent.headings import is_meter, row_of
from agent.migrations.rows import is_damaged, moment_of
from agent.printers import same_number
from agent.texts import Message, message
from agent.upload.envelope import BY_HAND, Entry
from agent.upload.outbox import CAPTURABLE

_EXPORT = message("Export the readings anew (meter-agent outbox export) and use that file.")


def values_of(entry: Entry) -> dict[str, int]:
    """The values of a sealed reading by meter code."""
    return {told["meter_code"]: told["value"] for told in entry.envelope.content["readings"]}


def read_at_of(entry: Entry) -> datetime:
    """When the printer was read."""
    return moment_of(entry.envelope.content["read_at"])


def captured_at(answer: Captured, now: datetime) -> datetime:
    """The moment that was told, of a day its end; without any, and never later than, `now`."""
    return now if answer.on is None else min(now, end_of(answer.on))


def refusal_of(answer: Captured, entry: Entry | None, known: Collection[str], now: datetime) -> Problem | None:
    """Why this row cannot be taken, whatever its values are."""
    where = row_of(answer.row)
    number = answer.equipment_number
    if entry is None or entry.envelope.kind != "reading":
        what = message("There is no reading with the reference {reference}.", reference=answer.reference)
        return Problem(where, what, _EXPORT)
    if number and not same_number(number, entry.envelope.equipment_number):
        if not any(same_number(number, one) for one in known):
            return Problem(where, message("There is no equipment {number}.", number=number), _EXPORT)
        what = message(
            "The reading is of equipment {ours}, the row says {number}.",
            ours=entry.envelope.equipment_number.lstrip("0"),
            number=number,
        )
        return Problem(where, what, message("Perhaps the columns were sorted apart; export the readings anew."))
    return _unfit_state(where, entry) or _unfit_day(where, answer, entry, now)


def _unfit_state(where: Message, entry: Entry) -> Problem | None:
    reference = entry.envelope.reference[:12]
    if is_damaged(entry):
        what = message("The row of {id} in the database is damaged.", id=reference)
        return Problem(where, what, message("Discard it: meter-agent resolve {id} --discard", id=reference))
    if entry.state in CAPTURABLE or BY_HAND in entry.receipts:
        return None
    if entry.state == "accepted":
        what = message(
            "The portal booked this reading through its API: {receipts}.", receipts=", ".join(entry.receipts)
        )
        return Problem(where, what, message("If it was captured by hand as well, have one of the two reversed there."))
    if entry.state == "quarantined":
        what = message("This reading is held back, a person has to decide about it first.")
        return Problem(where, what, message("See why, and decide: meter-agent explain {id}", id=reference))
    what = message("This reading was discarded, or a later one was captured instead.")
    return Problem(where, what, message("See what became of it: meter-agent explain {id}", id=reference))


def _unfit_day(where: Message, answer: Captured, entry: Entry, now: datetime) -> Problem | None:
    if answer.on is None:
        return None
    day = answer.on.date() if isinstance(answer.on, datetime) else answer.on
    facts = {"day": day.isoformat(), "read": read_at_of(entry).astimezone().date().isoformat()}
    remedy = message("Enter the day on which it was captured in the portal.")
    if day > now.astimezone().date():
        return Problem(where, message("The day {day} is in the future.", **facts), remedy)
    if _is_before(answer.on, read_at_of(entry)):
        what = message("It cannot have been captured on {day}: it was read on {read} only.", **facts)
        return Problem(where, what, remedy)
    return None


def _is_before(on: date | datetime, read_at: datetime) -> bool:
    # A person's watch shows minutes.
    return end_of(on).timestamp() < read_at.replace(second=0, microsecond=0).timestamp()


def read_values(answer: Captured, entry: Entry) -> tuple[dict[str, int], list[Problem]]:
    """The values of the row by meter code; a counter that the sheet has no column for was not changed."""
    values, problems = values_of(entry), []
    for code, (text, where) in answer.cells.items():
        if code not in values:
            if text and is_meter(code):
                what = message("This reading has no counter {code}.", code=code)
                problems.append(Problem(where, what, message("Leave the cell empty.")))
            continue
        try:
            values[code] = count_of(text)
        except Unreadable as error:
            problems.append(Problem(where, error.what, error.remedy))
    return values, problems


def fits(answer: Captured, entry: Entry) -> bool:
    """Whether a row is of this reading: read at this minute or on this day, and every value is the same."""
    read_at = read_at_of(entry).astimezone().replace(second=0, microsecond=0)
    on = answer.read_at
    same = read_at == on.replace(second=0, microsecond=0) if isinstance(on, datetime) else read_at.date() == on
    values, problems = read_values(answer, entry)
    return same and not problems and values == values_of(entry) and not values.keys().isdisjoint(answer.cells)


def booked_before(answer: Captured, code: str, booked: int) -> Problem:
    """That the row was taken before, with another value."""
    what = message("It was captured before, with {booked}.", booked=booked)
    where = answer.cells[code][1] if code in answer.cells else row_of(answer.row)
    return Problem(where, what, message("What the portal has now, the next reading will show; put the value back."))

"""What happens next to an envelope, or what a person can do about it: no state without an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from agent.texts import Message, message
from agent.upload.envelope import BY_HAND, Entry

PARKED_FOR = timedelta(days=1)  # what was parked is tried again after that
# No portal is believed longer than a day (`agent.upload.refusals`): a wait beyond that is a clock that was set back.
LONGEST_WAIT = timedelta(days=1)

Code = Literal["sent_next", "sent_later", "sent_again", "captured", "tried_again", "corrected", "decided", "over"]


@dataclass(frozen=True, slots=True)
class NextStep:
    """`code` is stable; `at` is from when on, where a time is known. `over`: nothing happens any more."""

    code: Code
    message: Message
    at: datetime | None = None


def next_step(
    entry: Entry, now: datetime, *, damaged: bool = False, by_hand: bool = False, departed: bool = False
) -> NextStep:
    """What is next; `damaged`: its row is not what was written. `by_hand`: a person captures, nothing is sent.

    `departed`: it may be at the portal without our knowing.
    """
    if entry.state in ("accepted", "discarded"):
        return _over(entry)
    if damaged:
        what = message(
            "Discard it and have the printer read again: meter-agent resolve {id} --discard",
            id=entry.envelope.reference,
        )
        return NextStep("decided", what)
    if entry.state != "waiting":
        return _of_a_person(entry, now)
    if departed and not by_hand:
        what = message(
            "It may be at the portal already. It is sent again under the same reference, which the portal books once."
        )
        return NextStep("sent_again", what, _later(entry, now))
    return _waiting(entry, now, by_hand=by_hand)


def _over(entry: Entry) -> NextStep:
    if entry.state == "discarded":
        what = message(
            "Nothing: it stays on record and is never sent. What a person has decided is taken back with:"
            " meter-agent resolve {id} --take-back",
            id=entry.envelope.reference,
        )
        return NextStep("over", what)
    if BY_HAND in entry.receipts:
        return NextStep("over", message("Nothing: it was captured by hand."))
    return NextStep("over", message("Nothing: the portal has booked it."))


def _of_a_person(entry: Entry, now: datetime) -> NextStep:
    """What is held, rejected or parked."""
    reference = entry.envelope.reference
    if entry.state == "quarantined":
        what = message("A person decides, and sees the choices with: meter-agent resolve {id}", id=reference)
        return NextStep("decided", what)
    if entry.state == "rejected":
        what = message(
            "A person has what the portal names corrected there, and then: meter-agent outbox retry {id}; or"
            " gives it up: meter-agent resolve {id} --discard",
            id=reference,
        )
        return NextStep("corrected", what)
    what = message(
        "It is tried again a day after the portal's answer; sooner, once a key user has changed there what"
        " it waits for, with: meter-agent outbox retry {id}",
        id=reference,
    )
    return NextStep("tried_again", what, (entry.settled_at or now) + PARKED_FOR)


def _waiting(entry: Entry, now: datetime, *, by_hand: bool) -> NextStep:
    if by_hand:
        return NextStep("captured", message("A person captures it in the portal: meter-agent outbox export FILE"))
    if later := _later(entry, now):
        return NextStep("sent_later", message("It is sent again, unchanged, when its time has come."), later)
    return NextStep("sent_next", message("It goes with the next delivery, after what is older of its equipment."))


def _later(entry: Entry, now: datetime) -> datetime | None:
    """The time that it waits for, if it does."""
    waits = entry.not_before is not None and now < entry.not_before <= now + LONGEST_WAIT
    return entry.not_before if waits else None

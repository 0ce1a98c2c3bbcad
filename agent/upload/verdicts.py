"""Verdicts as they are written: the columns of an envelope, the line of its history, the link of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, update

from agent.meters import Finding
from agent.migrations.rows import findings_json, instant, note_json, receipts_json
from agent.migrations.tables import envelopes, history
from agent.texts import Message, message
from agent.upload.envelope import Accepted, Kept, Outcome, Rejected, State
from agent.upload.links import Item, verdict_digest

# One verdict: everything but the attempts comes with it.
SETTLE = (
    update(envelopes)
    .where(envelopes.c.id == bindparam("mine"))
    .values(
        state=bindparam("state"),
        attempts=envelopes.c.attempts + 1,
        not_before=None,
        receipts=bindparam("receipts"),
        reasons=bindparam("reasons"),
        settled_at=bindparam("at"),
    )
)
LINE = insert(history).values(
    envelope=bindparam("mine"), at=bindparam("at"), state=bindparam("state"), note=bindparam("note")
)


def columns_of(outcome: Outcome) -> dict[str, str | None]:
    """A verdict as columns, with the note for the history."""
    state, receipts, reasons, note = _judgement(outcome)
    told = {"receipts": receipts_json(receipts), "reasons": findings_json(reasons)}
    return {"state": state, "note": None if note is None else note_json(note), **told}


def link_of(reference: str, verdict: Mapping[str, Any], now: datetime) -> Item:
    """The link of what was said for good."""
    told = verdict_digest(verdict["receipts"], verdict["reasons"])
    return Item(verdict["state"], reference, told, None, instant(now))


def _judgement(outcome: Outcome) -> tuple[State, tuple[str, ...], tuple[Finding, ...], Message | None]:
    if isinstance(outcome, Accepted):
        note = None  # `agent.migrations.rows.booked`
        if outcome.duplicate:
            note = message("The portal had booked it already: {receipts}", receipts=", ".join(outcome.receipts))
        return "accepted", outcome.receipts, outcome.findings, note
    if isinstance(outcome, Rejected):
        note = message("The portal rejects it: {detail}", detail=outcome.detail)
        return "rejected", (), (Finding(outcome.code, note),), note
    return "parked", (), (Finding(outcome.code, _waits_for(outcome)),), _waits_for(outcome)


def _waits_for(outcome: Kept) -> Message:
    if outcome.area is None:
        return message("The portal cannot take it yet: {detail}", detail=outcome.detail)
    return message("The portal waits for the right {area}: {detail}", area=outcome.area, detail=outcome.detail)

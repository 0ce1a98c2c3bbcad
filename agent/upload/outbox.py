"""The outbox in the database: envelopes with their states, from the commit of a reading to the portal's receipt.

Every change of state is one transaction with its line in the history. What leaves here is byte for byte what was
sealed; a row whose digest does not fit is shown and never sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from agent.errors import AgentError, StoreDamaged
from agent.ledger import append
from agent.meters import Finding
from agent.migrations.rows import entry_of, findings_json, instant, is_damaged, note_json, portions
from agent.migrations.tables import envelopes, history, proofs, reading_values
from agent.ports import Parcel
from agent.readout import Readout
from agent.store import Store
from agent.texts import Message, message
from agent.upload.deposit import deposit
from agent.upload.envelope import BY_HAND, Accepted, Entry, Envelope, Kept, Outcome, Rejected, State
from agent.upload.links import Item, digest
from agent.upload.reseal import NOTHING_ADDED, Addition, with_counter_replaced, with_offsets
from agent.upload.seal import HELD

PARKED_FOR = timedelta(days=1)
CAPTURABLE: tuple[State, ...] = (
    "waiting",
    "parked",
    "rejected",
)  # the portal has not booked it, and it is not held here
# No portal is believed longer than a day (`agent.upload.refusals`): a wait beyond that is a clock that was set back.
LONGEST_WAIT = timedelta(days=1)


class SqlOutbox:
    """The port `Outbox`, and what people do with envelopes. Every method raises `StoreError` and its subclasses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(
        self,
        envelope: Envelope,
        proof: Readout | None,
        *,
        held: Sequence[Finding] = (),
        after: str | None = None,
    ) -> bool:
        """Stores envelope, values and proof in one transaction; `held` reasons quarantine it. False: slot taken.

        `after` is the reference of an accepted envelope that is over and done and gives its slot to this one.
        """
        with self._store.begin() as connection:
            if after is not None:
                _free_slot(connection, after, envelope.created_at)
            if _holders(connection, envelope.kind, [envelope.slot_key]):
                return False
            deposit(connection, [Parcel(envelope, proof, held)])
        return True

    def put_all(self, parcels: Sequence[Parcel]) -> None:
        """Stores all in one transaction, or none. Raises `ValueError` when a slot among them is taken."""
        with self._store.begin() as connection:
            for kind in {parcel.envelope.kind for parcel in parcels}:
                keys = [parcel.envelope.slot_key for parcel in parcels if parcel.envelope.kind == kind]
                if len(set(keys)) < len(keys) or _holders(connection, kind, keys):
                    raise ValueError("a slot can hold one envelope only")
            deposit(connection, parcels)

    def together(self) -> AbstractContextManager[None]:
        """One transaction for everything inside; nothing inside may wait for anything."""
        return self._store.together()

    def taken(self, kind: str, slot_key: str) -> Entry | None:
        """The entry that holds this slot, if any."""
        return self.holders(kind, [slot_key]).get(slot_key)

    def holders(self, kind: str, slot_keys: Sequence[str]) -> dict[str, Entry]:
        """The entries that hold these slots, by slot."""
        with self._store.connect() as connection:
            return _holders(connection, kind, slot_keys)

    def due(self, now: datetime, limit: int) -> Sequence[Entry]:
        """Waiting envelopes that may be sent now, the oldest first and at most `limit`.

        None overtakes an older one of its equipment and kind that waits for its time. Damaged rows are left out.
        What was parked a day ago is tried again and so is among them.
        """
        self.wake_parked(now)
        at, latest = instant(now), instant(now + LONGEST_WAIT)
        postponed = (
            select(envelopes.c.equipment_number, envelopes.c.kind, func.min(envelopes.c.created_at).label("created_at"))
            .where(envelopes.c.state == "waiting", envelopes.c.not_before > at, envelopes.c.not_before <= latest)
            .group_by(envelopes.c.equipment_number, envelopes.c.kind)
            .subquery()
        )
        same = (postponed.c.equipment_number == envelopes.c.equipment_number) & (postponed.c.kind == envelopes.c.kind)
        not_before = envelopes.c.not_before
        statement = (
            select(envelopes)
            .outerjoin(postponed, same)
            .where(envelopes.c.state == "waiting")
            .where(or_(not_before.is_(None), not_before <= at, not_before > latest))
            .where(or_(postponed.c.created_at.is_(None), envelopes.c.created_at < postponed.c.created_at))
            .order_by(envelopes.c.created_at, envelopes.c.reference)
        )
        found: list[Entry] = []
        with self._store.connect() as connection:
            for row in connection.execute(statement):
                if len(found) >= limit:
                    break
                entry = entry_of(row)
                if not is_damaged(entry):
                    found.append(entry)
        return found

    def settle(self, reference: str, outcome: Outcome, now: datetime) -> None:
        """Writes the portal's verdict and frees nothing; an envelope that does not wait keeps the verdict it has."""
        self.settle_all({reference: outcome}, now)

    def settle_all(self, outcomes: Mapping[str, Outcome], now: datetime) -> None:
        """The verdicts of one answer of the portal in one transaction, as `settle` writes each."""
        at = instant(now)
        with self._store.begin() as connection:
            verdicts = [
                {"mine": reference, **_verdict(outcomes[reference])} for reference in _waiting(connection, [*outcomes])
            ]
            if verdicts:
                connection.execute(SETTLE, [{**one, "settled_at": at} for one in verdicts])
                lines = [{"reference": one["mine"], "at": at, **one} for one in verdicts]
                connection.execute(insert(history), [{name: line[name] for name in LINE} for line in lines])

    def waiting_orders(self) -> Sequence[str]:
        """The references of all orders that wait for a verdict."""
        statement = select(envelopes.c.reference).where(envelopes.c.state == "waiting", envelopes.c.kind == "order")
        with self._store.connect() as connection:
            return connection.execute(statement).scalars().all()

    def postpone(self, references: Sequence[str], until: datetime, reason: Finding, *, counts: bool = True) -> None:
        """No verdict yet: not tried again before `until`; one more attempt if it `counts`.

        Not a change of state, so no line in the history: a year without the portal would fill the disk with them.
        """
        waiting = envelopes.c.state == "waiting"
        changes = {
            "attempts": envelopes.c.attempts + counts,
            "not_before": instant(until),
            "reasons": findings_json([reason]),
        }
        with self._store.begin() as connection:
            for some in portions(references):
                mine = envelopes.c.reference.in_(some)
                connection.execute(update(envelopes).where(waiting, mine).values(changes))

    def wake_parked(self, now: datetime) -> int:
        """Lets what was parked a day ago (`PARKED_FOR`) or earlier wait for the portal again; how many there were."""
        # One that was parked in the future was parked before the clock was set back.
        ripe = or_(envelopes.c.settled_at <= instant(now - PARKED_FOR), envelopes.c.settled_at > instant(now))
        statement = select(envelopes.c.reference).where(envelopes.c.state == "parked", ripe)
        with self._store.connect() as connection:
            if connection.execute(statement.limit(1)).first() is None:
                return 0  # as nearly always: nothing to write
        with self._store.begin() as connection:
            references = connection.execute(statement).scalars().all()
            for reference in references:
                _wait_again(connection, reference, now, message("Tried again after a day."))
        return len(references)

    def retry(self, reference: str, by: str, now: datetime) -> None:
        """A person has a rejected or parked envelope tried again, unchanged and under the same reference."""
        with self._store.begin() as connection:
            _required(connection, reference, ("rejected", "parked"))
            _wait_again(connection, reference, now, message("{who} has it tried again.", who=by))

    def release(
        self,
        reference: str,
        *,
        counter_replaced: bool,
        by: str,
        now: datetime,
        added: Mapping[str, Addition] = NOTHING_ADDED,
    ) -> None:
        """A person vouches for a quarantined reading: it goes out under the same reference.

        `counter_replaced` tells the portal so with the values that were held back as below the last ones (a new board
        or device counts from anew); with all values, when it was held back for another reason. `added` raises values
        by meter code.
        """
        with self._store.begin() as connection:
            entry = _required(connection, reference, ("quarantined",))
            key = entry.envelope.slot_key.removesuffix(HELD)
            holder = _holders(connection, entry.envelope.kind, [key]).get(key)
            if holder is not None and holder.envelope.reference != reference:
                raise AgentError(
                    message("Another reading was already stored for this period: {other}.", other=_name(holder)),
                    message("Discard the one that was held back: meter-agent resolve {id} --discard", id=reference),
                )
            changes: dict[str, Any] = {"state": "waiting", "slot_key": key, "slot": key}
            note = message("{who} released it.", who=by)
            if added:
                entry = replace(entry, envelope=with_offsets(entry, added))
                note = message("{who} released it with an offset.", who=by)
            if counter_replaced:
                entry = replace(entry, envelope=with_counter_replaced(entry))
                note = message("{who} released it; the counter was replaced.", who=by)
            if added or counter_replaced:
                changes |= _reseal(connection, entry.envelope, now)
            _change(connection, reference, now, changes, note)

    def hold_again(self, reference: str, body: bytes, by: str, now: datetime) -> None:
        """A person takes a decision back: a discarded reading, or one that was not sent yet, is held as it was.

        `body` are the bytes that it had then.
        """
        with self._store.begin() as connection:
            entry = _required(connection, reference, ("discarded", "waiting"))
            old = entry.envelope
            key = old.slot_key.removesuffix(HELD) + HELD
            holder = _holders(connection, old.kind, [key]).get(key)
            if holder is not None and holder.envelope.reference != reference:
                raise AgentError(
                    message("Another reading was already stored for this period: {other}.", other=_name(holder)),
                    message("Look at both: meter-agent outbox list"),
                )
            changes: dict[str, Any] = {"state": "quarantined", "slot_key": key, "slot": key, "settled_at": None}
            if body != old.body:
                before = Envelope(reference, old.kind, old.equipment_number, key, old.created_at, body)
                changes |= _reseal(connection, before, now)
            _change(connection, reference, now, changes, message("{who} took the decision back.", who=by))

    def discard(self, reference: str, by: str, now: datetime) -> None:
        """A person decides that a held, rejected or parked envelope is not sent; its slot is free again."""
        with self._store.begin() as connection:
            _required(connection, reference, ("quarantined", "rejected", "parked"), damaged_too=True)
            changes = {"state": "discarded", "slot": None, "settled_at": instant(now)}
            _change(connection, reference, now, changes, message("{who} discarded it.", who=by))

    def capture(self, reference: str, receipts: Sequence[str], note: Message, now: datetime) -> None:
        """A person entered this reading in the portal: it is settled, and never sent. Its slot stays taken."""
        with self._store.begin() as connection:
            _required(connection, reference, CAPTURABLE)
            changes = {
                "state": "accepted",
                "not_before": None,
                "receipts": json.dumps([BY_HAND, *receipts]),
                "reasons": "[]",
                "settled_at": instant(now),
            }
            _change(connection, reference, now, changes, note)

    def overtake(self, reference: str, note: Message, now: datetime) -> None:
        """A later reading of the equipment was captured by hand, so this one is not sent; it keeps its slot."""
        with self._store.begin() as connection:
            _required(connection, reference, ("waiting", "parked"), damaged_too=True)
            _change(connection, reference, now, {"state": "discarded", "settled_at": instant(now)}, note)

    def free_slot(self, reference: str, now: datetime) -> None:
        """Frees the slot of an envelope with a final verdict, such as an order that was delivered; the state stays."""
        with self._store.begin() as connection:
            _free_slot(connection, reference, now)


def _free_slot(connection: Connection, reference: str, now: datetime) -> None:
    entry = _required(connection, reference, ("accepted", "rejected"), damaged_too=True)
    note = message("Closed; the same may be ordered again.")
    _change(connection, reference, now, {"state": entry.state, "slot": None}, note)


# One verdict: everything but the attempts comes with it.
SETTLE = (
    update(envelopes)
    .where(envelopes.c.reference == bindparam("mine"))
    .values(
        state=bindparam("state"),
        attempts=envelopes.c.attempts + 1,
        not_before=None,
        receipts=bindparam("receipts"),
        reasons=bindparam("reasons"),
        settled_at=bindparam("settled_at"),
    )
)
LINE = ("reference", "at", "state", "note")  # of the history


def _verdict(outcome: Outcome) -> dict[str, str]:
    """A verdict as columns, with the note for the history."""
    state, receipts, reasons, note = _judgement(outcome)
    told = {"receipts": json.dumps(receipts), "reasons": findings_json(reasons)}
    return {"state": state, "note": note_json(note), **told}


def _judgement(outcome: Outcome) -> tuple[State, tuple[str, ...], tuple[Finding, ...], Message]:
    if isinstance(outcome, Accepted):
        receipts = ", ".join(outcome.receipts)
        if outcome.duplicate:
            note = message("The portal had booked it already: {receipts}", receipts=receipts)
        else:
            note = message("The portal has booked it: {receipts}", receipts=receipts)
        return "accepted", outcome.receipts, outcome.findings, note
    if isinstance(outcome, Rejected):
        note = message("The portal rejects it: {detail}", detail=outcome.detail)
        return "rejected", (), (Finding(outcome.code, note),), note
    return "parked", (), (Finding(outcome.code, _waits_for(outcome)),), _waits_for(outcome)


def _waits_for(outcome: Kept) -> Message:
    if outcome.area is None:
        return message("The portal cannot take it yet: {detail}", detail=outcome.detail)
    return message("The portal waits for the right {area}: {detail}", area=outcome.area, detail=outcome.detail)


def _reseal(connection: Connection, sealed: Envelope, now: datetime) -> dict[str, Any]:
    """The columns of an envelope whose bytes a person's decision has changed; its values and its link go with it."""
    proof = connection.execute(select(proofs.c.packed).where(proofs.c.reference == sealed.reference)).scalar()
    told = digest(proof) if isinstance(proof, bytes) else None
    append(connection, [Item("resealed", sealed.reference, digest(sealed.body), told, instant(now))])
    mine = (reading_values.c.reference == sealed.reference) & (reading_values.c.meter_code == bindparam("code"))
    values = [{"code": one["meter_code"], "value": one["value"]} for one in sealed.content.get("readings", ())]
    if values:
        connection.execute(update(reading_values).where(mine).values(value=bindparam("value")), values)
    return {"body": sealed.body, "digest": sealed.digest}


def _name(entry: Entry) -> str:
    return f"{entry.envelope.reference} ({entry.state})"


def _holders(connection: Connection, kind: str, slot_keys: Sequence[str]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for keys in portions(slot_keys):
        where = (envelopes.c.kind == kind) & envelopes.c.slot.in_(keys)
        found |= {row.slot: entry_of(row) for row in connection.execute(select(envelopes).where(where))}
    return found


def _entry(connection: Connection, reference: str) -> Entry | None:
    row = connection.execute(select(envelopes).where(envelopes.c.reference == reference)).one_or_none()
    return entry_of(row) if row else None


def _waiting(connection: Connection, references: Sequence[str]) -> list[str]:
    """Those of these that wait, in the order given."""
    found: set[str] = set()
    for some in portions(references):
        statement = select(envelopes.c.reference).where(envelopes.c.reference.in_(some), envelopes.c.state == "waiting")
        found.update(connection.execute(statement).scalars())
    return [reference for reference in references if reference in found]


def _required(connection: Connection, reference: str, states: Sequence[State], *, damaged_too: bool = False) -> Entry:
    """The entry with this reference in one of these states; raises what a person is told otherwise."""
    remedy = message("Look up references and states with: meter-agent outbox list")
    entry = _entry(connection, reference)
    if entry is None:
        raise AgentError(message("There is no item with the reference {id}.", id=reference), remedy)
    if entry.state not in states:
        wanted = " / ".join(states)
        what = message(
            "{id} is {state}; this is only possible when it is {wanted}.",
            id=reference,
            state=entry.state,
            wanted=wanted,
        )
        raise AgentError(what, remedy)
    if is_damaged(entry) and not damaged_too:
        raise StoreDamaged(
            message("The row of {id} in the database is damaged, so it is not sent.", id=reference),
            message("Discard it and have the printer read again: meter-agent resolve {id} --discard", id=reference),
        )
    return entry


def _wait_again(connection: Connection, reference: str, now: datetime, note: Message) -> None:
    changes = {"state": "waiting", "not_before": None, "reasons": "[]", "settled_at": None}
    _change(connection, reference, now, changes, note)


def _change(connection: Connection, reference: str, now: datetime, changes: dict[str, Any], note: Message) -> None:
    """New columns and their line in the history, in the caller's transaction."""
    connection.execute(update(envelopes).where(envelopes.c.reference == reference).values(changes))
    _note(connection, reference, now, changes["state"], note)


def _note(connection: Connection, reference: str, at: datetime, state: str, note: Message) -> None:
    row = {"reference": reference, "at": instant(at), "state": state, "note": note_json(note)}
    connection.execute(insert(history).values(row))

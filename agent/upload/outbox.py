"""The outbox in the database: envelopes with their states, from the commit of a reading to the portal's receipt.

Every change of state is one transaction with its line in the history. What leaves here is byte for byte what was
sealed; a row whose digest does not fit is shown and never sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from agent.errors import AgentError, StoreDamaged
from agent.ledger import VERDICTS, append
from agent.meters import Finding
from agent.migrations.rows import (
    entry_of,
    findings_json,
    instant,
    is_damaged,
    key_of,
    microseconds,
    moment_of,
    note_json,
    portions,
    receipts_json,
    reference_of,
    sealed_in,
    seconds,
    slot_of,
)
from agent.migrations.tables import envelopes, proofs
from agent.ports import Parcel
from agent.readout import Readout
from agent.store import Store
from agent.texts import Message, message
from agent.upload import departures, parking
from agent.upload.deposit import deposit
from agent.upload.envelope import BY_HAND, Entry, Envelope, Outcome, State
from agent.upload.links import Item, digest
from agent.upload.queue import Queue
from agent.upload.reseal import NOTHING_ADDED, Addition, with_counter_replaced, with_offsets, with_time
from agent.upload.seal import HELD
from agent.upload.verdicts import LINE, SETTLE, columns_of, link_of

CAPTURABLE: tuple[State, ...] = (
    "waiting",
    "parked",
    "rejected",
)  # the portal has not booked it, and it is not held here


class SqlOutbox:
    """The port `Outbox`, and what people do with envelopes. Every method raises `StoreError` and its subclasses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, envelope: Envelope, proof: Readout | None, *, held: Sequence[Finding] = ()) -> bool:
        """Stores envelope, values and proof in one transaction; `held` reasons quarantine it. False: slot taken."""
        with self._store.begin() as connection:
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
        """Waiting envelopes that may be sent now, as they were stored and at most `limit`.

        None overtakes an older one of its equipment and kind that waits for its time. Damaged rows are left out.
        What was parked a day ago is tried again and so is among them.
        """
        self.wake_parked(now)
        with self._store.connect() as connection:
            return Queue(connection, now).due(limit)

    def settle(self, reference: str, outcome: Outcome, now: datetime) -> None:
        """Writes the portal's verdict and frees nothing; an envelope that does not wait keeps the verdict it has."""
        self.settle_all({reference: outcome}, now)

    def settle_all(self, outcomes: Mapping[str, Outcome], now: datetime, *, looked_at: bool = True) -> None:
        """The verdicts of one answer of the portal in one transaction, as `settle` writes each.

        Not `looked_at`: the request was refused as a whole, so what may have left before may still be at the portal.
        """
        at = microseconds(now)
        with self._store.begin() as connection:
            waiting = _waiting(connection, [*outcomes])
            verdicts = [
                {"mine": number, "at": at, **columns_of(outcomes[reference])} for reference, number in waiting.items()
            ]
            if verdicts:
                connection.execute(SETTLE, verdicts)
                connection.execute(LINE, verdicts)
                if looked_at:
                    departures.came_back(connection, [*waiting])
                said = zip(waiting, verdicts, strict=True)
                append(connection, [link_of(one, told, now) for one, told in said if told["state"] in VERDICTS])

    def depart(self, references: Sequence[str], by: str, now: datetime) -> frozenset[str] | None:
        """Notes, in one transaction, that these may have left from now on; those that may have before.

        `None`, and nothing is noted, where one of them no longer waits: a person was faster.
        """
        with self._store.begin() as connection:
            if len(_waiting(connection, references)) < len(references):
                return None
            return departures.depart(connection, references, by, now)

    def came_back(self, references: Sequence[str]) -> None:
        """These have surely not been looked at by the portal: they are as if they had never left."""
        with self._store.begin() as connection:
            departures.came_back(connection, references)

    def departed_at(self, reference: str) -> datetime | None:
        """Since when the portal may have it without our knowing; None where it has not left or its verdict is known."""
        with self._store.connect() as connection:
            return departures.departed_at(connection, reference)

    def postpone(self, references: Sequence[str], until: datetime, reason: Finding, *, counts: bool = True) -> None:
        """No verdict yet: not tried again before `until`; one more attempt if it `counts`.

        Not a change of state, so no line in the history: a year without the portal would fill the disk with them.
        """
        waiting = envelopes.c.state == "waiting"
        changes = {
            "attempts": envelopes.c.attempts + counts,
            "not_before": microseconds(until),
            "reasons": findings_json([reason]),
        }
        with self._store.begin() as connection:
            for some in portions(references):
                mine = envelopes.c.reference.in_([key_of(reference) for reference in some])
                connection.execute(update(envelopes).where(waiting, mine).values(changes))

    def wake_parked(self, now: datetime) -> int:
        """Lets what was parked a day ago or earlier wait for the portal again; how many there were."""
        with self._store.connect() as connection:
            if not parking.is_any_ripe(connection, now):
                return 0  # as nearly always: nothing to write
        with self._store.begin() as connection:
            return parking.wake(connection, now)

    def retry(self, reference: str, by: str, now: datetime) -> None:
        """A person has a rejected or parked envelope tried again, unchanged and under the same reference."""
        with self._store.begin() as connection:
            number, _ = _required(connection, reference, ("rejected", "parked"))
            _wait_again(connection, number, now, message("{who} has it tried again.", who=by))

    def release(
        self,
        reference: str,
        *,
        counter_replaced: bool,
        by: str,
        now: datetime,
        added: Mapping[str, Addition] = NOTHING_ADDED,
        clock_offset: int = 0,
    ) -> None:
        """A person vouches for a quarantined reading: it goes out under the same reference.

        `counter_replaced` tells the portal so with the values that were held back as below the last ones (a new board
        or device counts from anew); with all values, when it was held back for another reason. `added` raises values
        by meter code. `clock_offset` is what the portal's clock was ahead of ours when it was read, in seconds.
        """
        with self._store.begin() as connection:
            number, entry = _required(connection, reference, ("quarantined",))
            key = entry.envelope.slot_key.removesuffix(HELD)
            holder = _holders(connection, entry.envelope.kind, [key]).get(key)
            if holder is not None and holder.envelope.reference != reference:
                raise AgentError(
                    message("Another reading was already stored for this period: {other}.", other=_name(holder)),
                    message("Discard the one that was held back: meter-agent resolve {id} --discard", id=reference),
                )
            note = message("{who} released it.", who=by)
            if added:
                entry = replace(entry, envelope=with_offsets(entry, added))
                note = message("{who} released it with an offset.", who=by)
            if counter_replaced:
                entry = replace(entry, envelope=with_counter_replaced(entry))
                note = message("{who} released it; the counter was replaced.", who=by)
            if clock_offset:
                entry = replace(entry, envelope=with_time(entry.envelope, clock_offset))
            if added or counter_replaced or clock_offset:
                _link_again(connection, number, entry.envelope, now)
            changes = {"state": "waiting", **_sealed_anew(connection, number, entry.envelope, key)}
            _change(connection, number, now, changes, note)

    def hold_again(self, reference: str, body: bytes, by: str, now: datetime, reasons: Sequence[Finding] = ()) -> None:
        """A person takes a decision back: a discarded reading, or one that was not sent yet, is held as it was.

        `body` are the bytes that it had then, `reasons` why it was held; with none of them those stay that it has.
        """
        with self._store.begin() as connection:
            number, entry = _required(connection, reference, ("discarded", "waiting"))
            if departures.departed_at(connection, reference) is not None:
                remedy = message("Wait for the next delivery: the portal books it once, and its answer decides.")
                if entry.state == "discarded":
                    remedy = message("It was discarded before anybody knew: look it up in the portal.")
                raise AgentError(
                    message("{id} may be at the portal already; its answer is not known yet.", id=reference), remedy
                )
            old = entry.envelope
            key = old.slot_key.removesuffix(HELD) + HELD
            holder = _holders(connection, old.kind, [key]).get(key)
            if holder is not None and holder.envelope.reference != reference:
                raise AgentError(
                    message("Another reading was already stored for this period: {other}.", other=_name(holder)),
                    message("Look at both: meter-agent outbox list"),
                )
            before = Envelope(reference, old.kind, old.equipment_number, key, old.created_at, body)
            if body != old.body:
                _link_again(connection, number, before, now)
            changes = {
                "state": "quarantined",
                "not_before": None,
                "settled_at": None,
                **({"reasons": findings_json(reasons)} if reasons else {}),
                **_sealed_anew(connection, number, before, key),
            }
            _change(connection, number, now, changes, message("{who} took the decision back.", who=by))

    def discard(self, reference: str, by: str, now: datetime) -> None:
        """A person decides that a held, rejected or parked envelope is not sent; its slot is free again.

        One that waits may only be discarded when its row is damaged: then it would wait for ever.
        """
        with self._store.begin() as connection:
            row = _row(connection, reference)
            lost: tuple[State, ...] = ("waiting",) if row is not None and is_damaged(entry_of(row)) else ()
            states: tuple[State, ...] = ("quarantined", "rejected", "parked", *lost)
            number, _ = _required(connection, reference, states, damaged_too=True)
            changes = {"state": "discarded", "slot": None, "not_before": None, "settled_at": microseconds(now)}
            _change(connection, number, now, changes, message("{who} discarded it.", who=by))

    def withdraw(self, reference: str, by: str, now: datetime) -> bool:
        """Gives up an order that is no longer wanted; False and nothing when the portal has it, or may have."""
        with self._store.begin() as connection:
            row = _row(connection, reference)
            if row is None or row.state not in CAPTURABLE or departures.departed_at(connection, reference):
                return False
            changes = {"state": "discarded", "slot": None, "not_before": None, "settled_at": microseconds(now)}
            _change(connection, row.id, now, changes, message("{who} took the order back.", who=by))
        return True

    def capture(self, reference: str, receipts: Sequence[str], note: Message, now: datetime) -> None:
        """A person entered this reading in the portal: it is settled, and never sent. Its slot stays taken."""
        with self._store.begin() as connection:
            number, _ = _required(connection, reference, CAPTURABLE)
            changes = {
                "state": "accepted",
                "not_before": None,
                "receipts": receipts_json([BY_HAND, *receipts]),
                "reasons": None,
                "settled_at": microseconds(now),
            }
            _change(connection, number, now, changes, note)
            append(connection, [link_of(reference, changes, now)])

    def overtake(self, reference: str, note: Message, now: datetime) -> None:
        """A later reading of the equipment was captured by hand, so this one is not sent; it keeps its slot."""
        with self._store.begin() as connection:
            number, _ = _required(connection, reference, ("waiting", "parked"), damaged_too=True)
            changes = {"state": "discarded", "not_before": None, "settled_at": microseconds(now)}
            _change(connection, number, now, changes, note)

    def close(self, reference: str, now: datetime) -> None:
        """An accepted envelope is over and done: its slot is free for another one, its state stays."""
        with self._store.begin() as connection:
            number, entry = _required(connection, reference, ("accepted",), damaged_too=True)
            note = message("It is over, and stands in the way of no other.")
            _change(connection, number, now, {"state": entry.state, "slot": None}, note)


def _link_again(connection: Connection, number: int, sealed: Envelope, now: datetime) -> None:
    """The link of an envelope whose bytes a person's decision has changed."""
    proof = connection.execute(select(proofs.c.packed).where(proofs.c.envelope == number)).scalar()
    told = digest(proof) if isinstance(proof, bytes) else None
    append(connection, [Item("resealed", sealed.reference, digest(sealed.body), told, instant(now))])


def _sealed_anew(connection: Connection, number: int, envelope: Envelope, key: str) -> dict[str, Any]:
    """The columns of an envelope with this slot, which it holds."""
    told = envelope.content.get("read_at")
    known = select(envelopes.c.read_at).where(envelopes.c.id == number)
    read_at = seconds(moment_of(told)) if told else connection.execute(known).scalar()
    return {
        "read_at": read_at,
        "slot": slot_of(envelope.kind, key),
        "sealed": sealed_in(replace(envelope, slot_key=key), read_at),
    }


def _name(entry: Entry) -> str:
    return f"{entry.envelope.reference} ({entry.state})"


def _holders(connection: Connection, kind: str, slot_keys: Sequence[str]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for keys in portions(slot_keys):
        slots = {slot_of(kind, key): key for key in keys}
        statement = select(envelopes).where(envelopes.c.slot.in_(slots))
        found |= {slots[row.slot]: entry_of(row) for row in connection.execute(statement)}
    return found


def _row(connection: Connection, reference: str) -> Row[Any] | None:
    return connection.execute(select(envelopes).where(envelopes.c.reference == key_of(reference))).one_or_none()


def _waiting(connection: Connection, references: Sequence[str]) -> dict[str, int]:
    """Those of these that wait, in the order given, with the number of their row."""
    found: dict[str, int] = {}
    for some in portions(references):
        mine = envelopes.c.reference.in_([key_of(reference) for reference in some])
        statement = select(envelopes.c.reference, envelopes.c.id).where(mine, envelopes.c.state == "waiting")
        found |= {reference_of(row.reference): row.id for row in connection.execute(statement)}
    return {reference: found[reference] for reference in references if reference in found}


def _required(
    connection: Connection, reference: str, states: Sequence[State], *, damaged_too: bool = False
) -> tuple[int, Entry]:
    """The entry with this reference in one of these states, and its row; raises what a person is told otherwise."""
    remedy = message("Look up references and states with: meter-agent outbox list")
    row = _row(connection, reference)
    if row is None:
        raise AgentError(message("There is no item with the reference {id}.", id=reference), remedy)
    entry = entry_of(row)
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
    return row.id, entry


def _wait_again(connection: Connection, number: int, now: datetime, note: Message) -> None:
    changes = {"state": "waiting", "not_before": None, "reasons": None, "settled_at": None}
    _change(connection, number, now, changes, note)


def _change(connection: Connection, number: int, now: datetime, changes: dict[str, Any], note: Message) -> None:
    """New columns and their line in the history, in the caller's transaction."""
    connection.execute(update(envelopes).where(envelopes.c.id == number).values(changes))
    line = {"mine": number, "at": microseconds(now), "state": changes["state"], "note": note_json(note)}
    connection.execute(LINE, line)

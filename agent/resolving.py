"""What a person decides about a held reading: the case as it lies on the desk, and decisions with all they bring along.

A decision, the envelope that it changes, and their links in the ledger are one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import Select, select

from agent.decisions import Decision, DecisionKind, Facts, SqlDecisions
from agent.errors import AgentError, ConfigError, StoreDamaged
from agent.forensics import Case, Diagnosis, Told, diagnose
from agent.last_values import COUNTING
from agent.memory import Proof, SqlMemory
from agent.migrations.rows import is_damaged, key_of, reference_of
from agent.migrations.tables import envelopes, proofs
from agent.printers import Equipment, Identity
from agent.serials import same_serial
from agent.store import Store
from agent.texts import Message, message
from agent.upload.envelope import Entry
from agent.upload.outbox import SqlOutbox
from agent.upload.reseal import Addition
from agent.validation import CLOCK_WRONG, newest

Act = Literal["accept", "replaced", "discard", "take_back"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person says: `offsets` by meter code are what is added to the printer's count from now on."""

    act: Act
    offsets: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A reading with everything that a decision about it needs.

    `clock_offset` is by how many seconds its time is corrected when it is released; 0 where the clock was right.
    """

    entry: Entry
    equipment: Equipment
    case: Case
    diagnoses: tuple[Diagnosis, ...]
    clock_offset: int = 0


class SqlDesk:
    """Decisions of people. Raises `AgentError` for what cannot be decided, `StoreError` and its subclasses."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._memory = SqlMemory(store)
        self._outbox = SqlOutbox(store)
        self._decisions = SqlDecisions(store)

    def held(self, entry: Entry) -> Held:
        """The case of a reading."""
        number, reference = entry.envelope.equipment_number, entry.envelope.reference
        equipments = {one.equipment_number: one for one in self._memory.known_equipments()}
        equipment = equipments.get(number, Equipment(number))
        proof, before = self._memory.proof(reference), self._before(entry)
        now = told_by(proof) if proof else Told(entry.envelope.created_at, Identity())
        sealed = proof.grounds.offsets if proof else {}
        case = Case(
            now=now,
            values={code: value - sealed.get(code, 0) for code, value in values_of(entry).items()},
            last=newest(equipment, self._memory.last_reported([number])[number]),
            before=before,
            points={point.meter_code: point for point in equipment.measuring_points},
            offsets=self._offsets(number),
            serial_in_portal=equipment.manufacturer_serial_number,
            owner=_owner(now.identity.serial_number, number, equipments),
        )
        doubted = any(reason.code == CLOCK_WRONG for reason in entry.reasons)
        offset = proof.grounds.clock_offset if proof and doubted else None
        return Held(entry, equipment, case, diagnose(case), offset or 0)

    def decide(self, reference: str, choice: Choice, by: str, now: datetime) -> None:
        """Carries out a decision and keeps it on record."""
        with self._store.together():
            entry = self._memory.entry(reference)
            if entry is None or entry.envelope.kind != "reading":
                raise AgentError(
                    message("There is no reading with the reference {id}.", id=reference),
                    message("Look up references and states with: meter-agent outbox list"),
                )
            if choice.act == "take_back":
                self._take_back(entry, choice, by, now)
            elif choice.act == "discard":
                self._outbox.discard(reference, by, now)
                self._record("discarded", entry, choice, by, now, self._known_offsets(entry))
            else:
                self._release(entry, choice, by, now)

    def end_offsets(self, equipment_number: str, code: str | None, by: str, note: str, now: datetime) -> None:
        """From now on nothing is added to this meter (or to any, with None) of the equipment."""
        with self._store.together():
            known = self._decisions.offsets([equipment_number]).get(equipment_number, {})
            if known is not None and (code not in known if code else not known):
                raise AgentError(
                    message("Equipment {number} has no such offset.", number=equipment_number.lstrip("0")),
                    message("List them with: meter-agent offsets list"),
                )
            rest = {one: offset for one, offset in (known or {}).items() if code and one != code}
            ended = Decision(
                at=now,
                by=by,
                kind="offset_ended",
                equipment_number=equipment_number,
                reference=None,
                note=note,
                before=Facts(offsets=known or {}),
                after=Facts(offsets=rest),
            )
            self._decisions.record(ended)

    def _release(self, entry: Entry, choice: Choice, by: str, now: datetime) -> None:
        reference = entry.envelope.reference
        if entry.state != "quarantined":
            self._outbox.release(reference, counter_replaced=False, by=by, now=now)  # says why it cannot be
        held = self.held(entry)
        case, replaced = held.case, choice.act == "replaced"
        offsets = dict(case.offsets)
        if replaced:
            offsets = {code: some for code, some in offsets.items() if case.fallen and code not in case.fallen}
        else:
            check_offsets(case, choice.offsets)
            offsets |= choice.offsets
        reported = values_of(entry)
        added = {
            code: Addition(case.values[code] + offsets.get(code, 0) - reported[code], offsets.get(code, 0))
            for code in reported
            if case.values[code] + offsets.get(code, 0) != reported[code]
        }
        offset = held.clock_offset
        self._outbox.release(reference, counter_replaced=replaced, by=by, now=now, added=added, clock_offset=offset)
        kind: DecisionKind = "replaced" if replaced else "offset" if choice.offsets else "accepted"
        self._record(kind, entry, choice, by, now, offsets)

    def _take_back(self, entry: Entry, choice: Choice, by: str, now: datetime) -> None:
        """The reading is held again as it was, and what the decision added to its equipment ends."""
        reference = entry.envelope.reference
        made = self._decisions.about(reference)
        if not made or made[-1].kind == "taken_back":
            raise _not_to_be_taken_back(message("Nobody has decided about {id}.", id=reference))
        if entry.state != "discarded" and (entry.state != "waiting" or entry.attempts):
            raise _not_to_be_taken_back(message("{id} is on its way or at the portal already.", id=reference))
        if entry.state == "waiting" and self._has_later(entry):
            raise _not_to_be_taken_back(message("A later reading rests on {id}.", id=reference))
        last = made[-1]
        body = last.before.body.encode() if last.before.body is not None else entry.envelope.body
        self._outbox.hold_again(reference, body, by, now, last.before.reasons)
        offsets = dict(self._known_offsets(entry))
        for code in {*last.before.offsets, *last.after.offsets}:
            if last.before.offsets.get(code) != last.after.offsets.get(code):
                offsets[code] = last.before.offsets.get(code, 0)
        self._record("taken_back", entry, choice, by, now, offsets)

    def _record(
        self, kind: DecisionKind, entry: Entry, choice: Choice, by: str, now: datetime, offsets: Mapping[str, int]
    ) -> None:
        """`entry` is how it was before; how it is now is read back."""
        after = self._memory.entry(entry.envelope.reference) or entry
        changed = after.envelope.body != entry.envelope.body
        known = self._known_offsets(entry)
        body = entry.envelope.body.decode(errors="replace") if changed else None
        self._decisions.record(
            Decision(
                at=now,
                by=by,
                kind=kind,
                equipment_number=entry.envelope.equipment_number,
                reference=entry.envelope.reference,
                note=choice.note,
                before=Facts(entry.state, values_of(entry), known, body, entry.reasons),
                after=Facts(after.state, values_of(after), offsets),
            )
        )

    def _known_offsets(self, entry: Entry) -> Mapping[str, int]:
        return self._offsets(entry.envelope.equipment_number)

    def _offsets(self, equipment_number: str) -> Mapping[str, int]:
        found = self._decisions.offsets([equipment_number]).get(equipment_number, {})
        if found is None:
            raise StoreDamaged(
                message("What was decided about equipment {number} is damaged.", number=equipment_number.lstrip("0")),
                message("Decide anew: meter-agent offsets end {number}", number=equipment_number.lstrip("0")),
            )
        return found

    def _before(self, entry: Entry) -> Told | None:
        """What the printer told at the newest reading of its own that counts, beside this one."""
        proved = self._counting(entry).join(proofs, proofs.c.envelope == envelopes.c.id)
        statement = proved.order_by(envelopes.c.read_at.desc(), envelopes.c.created_at.desc()).limit(1)
        with self._store.connect() as connection:
            reference = connection.scalar(statement)
        proof = self._memory.proof(reference_of(reference)) if reference else None
        return told_by(proof) if proof else None

    def _has_later(self, entry: Entry) -> bool:
        mine = entry.envelope
        later = self._counting(entry).where(
            envelopes.c.created_at
            > select(envelopes.c.created_at).where(envelopes.c.reference == key_of(mine.reference)).scalar_subquery()
        )
        with self._store.connect() as connection:
            return connection.execute(later.limit(1)).first() is not None

    @staticmethod
    def _counting(entry: Entry) -> Select[tuple[bytes]]:
        mine = entry.envelope
        return (
            select(envelopes.c.reference)
            .where(envelopes.c.kind == "reading", envelopes.c.equipment_number == mine.equipment_number)
            .where(envelopes.c.state.in_(COUNTING), envelopes.c.reference != key_of(mine.reference))
        )


def told_by(proof: Proof) -> Told:
    """What a proof says the printer told."""
    return Told(
        read_at=proof.read_at,
        identity=proof.identity,
        counters={one.meter: one.value for one in proof.counters},
        origins={one.meter: one.origin for one in proof.counters if one.origin},
        uptime=proof.uptime,
        profile=proof.profile,
    )


def values_of(entry: Entry) -> dict[str, int]:
    """The values of a reading by meter code, as they are reported; none where its bytes are damaged."""
    if is_damaged(entry):
        return {}
    return {one["meter_code"]: one["value"] for one in entry.envelope.content.get("readings", ())}


def check_offsets(case: Case, offsets: Mapping[str, int]) -> None:
    """Raises `ConfigError` for an offset that is none, or with which a value is still below the last reported one."""
    for code, offset in offsets.items():
        if code not in case.values:
            raise ConfigError(
                message("The reading has no counter {code}.", code=code),
                message("It has: {codes}", codes=", ".join(case.values)),
            )
        if offset < 0:
            raise ConfigError(
                message("The offset {offset} for {code} is negative.", offset=offset, code=code),
                message("An offset is added to what the printer counts; write 0 or more."),
            )
    _check_none_is_below(case, offsets)


def _check_none_is_below(case: Case, offsets: Mapping[str, int]) -> None:
    for code, last in case.last.items():
        if code not in case.values or last.estimated:
            continue
        value = case.values[code] + offsets.get(code, case.offsets.get(code, 0))
        if value < last.value:
            raise ConfigError(
                message(
                    "The counter {code} would be {value}, below the last reported {last}.",
                    code=code,
                    value=value,
                    last=last.value,
                ),
                message(
                    "Add --offset {code}={least} or more, or say --replaced or --discard.",
                    code=code,
                    least=last.value - case.values[code],
                ),
            )


def _owner(serial: str | None, number: str, equipments: Mapping[str, Equipment]) -> str | None:
    """Another equipment that has this serial number in the portal."""
    for other in equipments.values():
        known = other.manufacturer_serial_number
        if other.equipment_number != number and serial and known and same_serial(serial, known):
            return other.equipment_number
    return None


def _not_to_be_taken_back(what: Message) -> AgentError:
    remedy = message("What the portal has is reversed there; an offset is ended with: meter-agent offsets end")
    return AgentError(what, remedy)

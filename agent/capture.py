"""Readings that a person captures by hand: which ones wait for it, and writing down what was captured.

All of an import is one transaction: settled readings, values that differ, and what they overtake are on the disk
together or not at all. What is settled here is accepted, so no courier ever sends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import func, select

from agent.capture_rules import booked_before, captured_at, fits, read_at_of, read_values, refusal_of, values_of
from agent.capturing import Captured, DueReading
from agent.equipment_list import stored_number
from agent.errors import Problem
from agent.headings import row_of
from agent.memory import SqlMemory
from agent.migrations.rows import entry_of, is_damaged
from agent.migrations.tables import envelopes
from agent.ports import Parcel
from agent.printers import Equipment
from agent.store import Store
from agent.texts import Message, message
from agent.upload.departures import departed
from agent.upload.envelope import Entry, Envelope, State, canonical, new_reference
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import Source, timestamp
from agent.validation import newest

CORRECTED = "/by-hand"  # the slot of other values than ours: a reading is captured once


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter whose captured value is not the one that was read."""

    equipment_number: str
    meter_code: str
    ours: int
    captured: int


@dataclass(slots=True)
class Taken:
    """What an import did, or would do: nothing of it is on the disk while there are problems and all must be sound."""

    captured: int = 0
    known: int = 0
    unmarked: int = 0
    overtaken: int = 0
    differences: list[Difference] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class Withdrawn(Exception):
    """Ends the transaction of an import with nothing of it done."""


@dataclass(frozen=True, slots=True)
class SqlCapture:
    """Capturing by hand on the database. Every method raises `StoreError` and its subclasses."""

    store: Store
    source: Source

    def due(self, states: Sequence[State], *, every: bool) -> tuple[list[DueReading], int]:
        """The readings in these states with their equipment: the newest of each equipment, or `every` one.

        The second is how many damaged rows were left out.
        """
        memory, found = SqlMemory(self.store), self._waiting(states, every=every)
        known = {one.equipment_number: one for one in memory.known_equipments()}
        known |= {
            number: self._completed(known.get(number) or Equipment(number))
            for number in {_number(one) for one in found}
        }
        sound = [entry for entry in found if not is_damaged(entry)]
        codes: dict[str, set[str]] = {}
        for entry in sound:
            codes.setdefault(_number(entry), set()).update(values_of(entry))
        with self.store.connect() as connection:
            gone = departed(connection, [entry.envelope.reference for entry in sound])
        reported = memory.last_reported(sorted(codes), ("accepted",), codes)
        last = {number: newest(known[number], values) for number, values in reported.items()}
        dues = [
            DueReading(one, known[_number(one)], last[_number(one)], one.envelope.reference in gone) for one in sound
        ]
        return dues, len(found) - len(sound)

    def _completed(self, equipment: Equipment) -> Equipment:
        """What the list leaves open and the printer itself says, so that a person finds the device."""
        printer = SqlMemory(self.store).identity(equipment.equipment_number)
        if printer is None:
            return equipment
        identity = printer.identity
        return replace(
            equipment,
            manufacturer_serial_number=equipment.manufacturer_serial_number or identity.serial_number_raw,
            manufacturer=equipment.manufacturer or identity.manufacturer,
            model=equipment.model or identity.model,
        )

    def _waiting(self, states: Sequence[State], *, every: bool) -> list[Entry]:
        place = func.row_number().over(
            partition_by=envelopes.c.equipment_number,
            order_by=(envelopes.c.read_at.desc(), envelopes.c.created_at.desc()),
        )
        ranked = (
            select(envelopes.c.id, place.label("place"))
            .where(envelopes.c.state.in_(states), envelopes.c.kind == "reading")
            .subquery()
        )
        statement = select(envelopes).join(ranked, ranked.c.id == envelopes.c.id)
        if not every:
            statement = statement.where(ranked.c.place == 1)
        with self.store.connect() as connection:
            rows = connection.execute(statement.order_by(envelopes.c.equipment_number, envelopes.c.read_at))
            return [entry_of(row) for row in rows]

    def take(self, answers: Iterable[Captured], by: str, now: datetime, *, sound_only: bool = False) -> Taken:
        """Settles what was captured. With a problem in any row nothing is done, unless `sound_only` rows are wanted."""
        taken = Taken()
        marked = []
        for answer in answers:
            if answer.marked:
                marked.append(answer)
            else:
                taken.unmarked += 1
                taken.problems += self._changed_unmarked(answer)
        try:
            with self.store.together():
                self._take_all(marked, by, now, taken, sound_only=sound_only)
        except Withdrawn:
            return Taken(problems=taken.problems)
        return taken

    def _take_all(self, marked: Sequence[Captured], by: str, now: datetime, taken: Taken, *, sound_only: bool) -> None:
        known = {one.equipment_number: one for one in SqlMemory(self.store).known_equipments()}
        for answer in sorted(marked, key=lambda one: one.row.number):
            self._take_one(answer, known, by, now, taken)
        if taken.problems and not sound_only:
            raise Withdrawn

    def _changed_unmarked(self, answer: Captured) -> list[Problem]:
        """A value was changed and the row is not marked: what is meant cannot be told."""
        entry = SqlMemory(self.store).entry(answer.reference)
        if entry is None or entry.envelope.kind != "reading" or is_damaged(entry):
            return []
        changed = []
        for code, ours in values_of(entry).items():
            text, where = answer.cells.get(code, ("", _NOWHERE))
            if text and text != str(ours):
                what = message("The value was changed, but the row is not marked as captured.")
                remedy = message(
                    "Enter the day under Captured on (Erfasst am), or put the value back: {ours}", ours=ours
                )
                changed.append(Problem(where, what, remedy))
        return changed

    def _take_one(self, answer: Captured, known: Mapping[str, Equipment], by: str, now: datetime, taken: Taken) -> None:
        entry = SqlMemory(self.store).entry(answer.reference) if answer.reference else self._meant(answer)
        refusal = entry if isinstance(entry, Problem) else refusal_of(answer, entry, known, now)
        if refusal is not None or entry is None or isinstance(entry, Problem):
            taken.problems += [refusal] if refusal else []
            return
        values, problems = read_values(answer, entry)
        booked = self._booked(entry)
        ours = values_of(entry)
        if booked is not None:
            problems += [booked_before(answer, code, booked[code]) for code in values if values[code] != booked[code]]
            taken.known += not problems
            taken.problems += problems
            return
        differing = {code: value for code, value in values.items() if value != ours[code]}
        problems += self._below_last(answer, entry, known.get(_number(entry)) or Equipment(_number(entry)), differing)
        if problems:
            taken.problems += problems
            return
        self._settle(answer, entry, differing, answer.by or by, now)
        taken.captured += 1
        taken.overtaken += self._overtake(entry, captured_at(answer, now) if differing else None, now)
        number = entry.envelope.equipment_number
        taken.differences += [Difference(number, code, ours[code], value) for code, value in differing.items()]

    def _meant(self, answer: Captured) -> Entry | Problem:
        """The one reading of the equipment, the day and the values in a row without reference; nothing is guessed."""
        numbers = {answer.equipment_number, stored_number(answer.equipment_number)}
        mine = envelopes.c.equipment_number.in_(numbers), envelopes.c.kind == "reading"
        statement = select(envelopes).where(*mine)
        with self.store.connect() as connection:
            found = [entry_of(row) for row in connection.execute(statement)]
        fitting = [entry for entry in found if not is_damaged(entry) and fits(answer, entry)]
        if len(fitting) == 1:
            return fitting[0]
        number, what = answer.equipment_number, message("The row has no reference, and several readings fit it.")
        if not fitting:
            what = message("The row has no reference, and no reading of equipment {number} fits it.", number=number)
        remedy = message("A row of your own needs the day and the values as read; else export anew and use that file.")
        return Problem(row_of(answer.row), what, remedy)

    def _booked(self, entry: Entry) -> dict[str, int] | None:
        """The values with which this reading was captured before; `None` when it was not."""
        if entry.state != "accepted":
            return None
        key = entry.envelope.slot_key + CORRECTED
        correction = SqlOutbox(self.store).taken("reading", key)
        return values_of(entry) | (
            values_of(correction) if correction is not None and not is_damaged(correction) else {}
        )

    def _below_last(
        self, answer: Captured, entry: Entry, equipment: Equipment, differing: dict[str, int]
    ) -> list[Problem]:
        """A captured value that is below the last reported one, where ours was not."""
        if not differing:
            return []
        number, ours = _number(entry), values_of(entry)
        reported = SqlMemory(self.store).last_reported([number], ("accepted",), {number: differing})
        before = newest(equipment, reported[number])
        problems = []
        for code, value in differing.items():
            last = before.get(code)
            if last is not None and not last.estimated and value < last.value <= ours[code]:
                what = message("{value} is below the last reported {before}.", value=value, before=last.value)
                remedy = message("Look it up in the portal, and enter what it has accepted.")
                problems.append(Problem(answer.cells[code][1], what, remedy))
        return problems

    def _settle(self, answer: Captured, entry: Entry, differing: dict[str, int], by: str, now: datetime) -> None:
        outbox, at = SqlOutbox(self.store), captured_at(answer, now)
        facts = {"who": by, "day": at.astimezone().date().isoformat()}
        note = message("{who} captured it by hand in the portal ({day}).", **facts)
        if differing:
            ours = values_of(entry)
            told = ", ".join(f"{code} {ours[code]} → {value}" for code, value in differing.items())
            note = message(
                "{who} captured it by hand in the portal ({day}), with other values: {values}.", **facts, values=told
            )
        outbox.capture(entry.envelope.reference, answer.receipts, note, now)
        if differing:
            correction = _correction(entry, differing, self.source, by, at, now)
            # A person's value is of the same counter, whose place in the printer stays known.
            stood = SqlMemory(self.store).origins(entry.envelope.reference)
            origins = {code: origin for code, origin in stood.items() if code in differing}
            outbox.put_all([Parcel(correction, origins=origins)])
            note = message(
                "{who} captured these values by hand in the portal ({day}) instead of those of {reference}.",
                **facts,
                reference=entry.envelope.reference,
            )
            outbox.capture(correction.reference, answer.receipts, note, now)

    def _overtake(self, entry: Entry, corrected_at: datetime | None, now: datetime) -> int:
        """Waiting readings of the equipment from before what was captured: the portal is beyond them."""
        until = corrected_at or read_at_of(entry)
        number = entry.envelope.equipment_number
        statement = (
            select(envelopes)
            .where(envelopes.c.kind == "reading", envelopes.c.equipment_number == number)
            .where(envelopes.c.state.in_(("waiting", "parked")))
        )
        with self.store.connect() as connection:
            waiting = [entry_of(row) for row in connection.execute(statement)]
        note = message("A later one was captured by hand: {reference}.", reference=entry.envelope.reference)
        older = [one for one in waiting if not is_damaged(one) and read_at_of(one) <= until]
        for one in older:
            SqlOutbox(self.store).overtake(one.envelope.reference, note, now)
        return len(older)


_NOWHERE = Message("")


def _number(entry: Entry) -> str:
    return entry.envelope.equipment_number


def _correction(entry: Entry, values: dict[str, int], source: Source, by: str, at: datetime, now: datetime) -> Envelope:
    """The values that a person entered instead of ours, as a reading of its own that is never sent."""
    old, reference = entry.envelope, new_reference()
    told = [
        {**each, "value": values[each["meter_code"]]}
        for each in old.content["readings"]
        if each["meter_code"] in values
    ]
    body = {
        "client_reference": reference,
        "equipment_number": old.equipment_number,
        "read_at": timestamp(max(at, read_at_of(entry))),
        "readings": told,
        "findings": [],
        "source": {
            "agent_id": source.agent_id,
            "agent_version": source.agent_version,
            "protocol": old.content.get("source", {}).get("protocol", "snmp"),
            "captured_by": by,
        },
        "instead_of": old.reference,
    }
    return Envelope(reference, "reading", old.equipment_number, old.slot_key + CORRECTED, now, canonical(body))

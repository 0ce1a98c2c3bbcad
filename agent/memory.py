"""What the agent remembers: last values, envelopes and their history, known printers, the last cycle.

Everything is answered from what was committed. Numbers come from bodies whose digest fits, never from a damaged row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Connection, Row, Table, bindparam, delete, func, insert, select

from agent.grounds import NOTHING_MORE, Grounds
from agent.last_values import COUNTING, PLACED, last_values, origins_of, values_of
from agent.meters import Finding, LastReading
from agent.migrations.packing import Counted, is_difference, said, unpacked
from agent.migrations.rows import (
    STORED,
    booked,
    entry_of,
    findings_of,
    instant,
    key_of,
    moment_at,
    moment_of,
    moment_shown,
    note_json,
    note_of,
    notes_json,
    portions,
    reference_of,
    shown_at,
    steps_of,
)
from agent.migrations.tables import (
    envelopes,
    identities,
    proofs,
)
from agent.migrations.tables import (
    equipments as equipment_list,
)
from agent.migrations.tables import (
    history as events,
)
from agent.migrations.tables import (
    outcomes as cycle_outcomes,
)
from agent.ports import Fate
from agent.printers import Endpoint, Equipment, Identity
from agent.store import Store
from agent.texts import Message, message
from agent.upload.envelope import Entry, Standing, State

CYCLE_ROW = 0  # of the equipment list: when the last cycle ended; the list itself stands in the rows from 1 on
_IDENTITY = TypeAdapter(Identity)
_ENDPOINT = TypeAdapter(Endpoint)
_EQUIPMENTS = TypeAdapter(tuple[Equipment, ...])


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One line of an envelope's history: when it came into which state, and why."""

    at: datetime
    state: str
    note: Message | None


@dataclass(frozen=True, slots=True)
class CycleOutcome:
    """What became of an equipment in the last cycle that looked at it, and the steps of its way."""

    at: datetime
    finding: Finding
    steps: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """What a reading rests on: raw values by OID (`tag|value`), who answered where, read by which profile.

    `values` are the counters by their code with the place in the printer that each came from. `counters` are
    raw. The last four are empty in proofs that an earlier version wrote.
    """

    read_at: datetime
    evidence: dict[str, str]
    identity: Identity
    endpoint: Endpoint
    profile: str
    values: tuple[tuple[str, int, str | None], ...] = ()
    counters: tuple[Counted, ...] = ()
    findings: tuple[Finding, ...] = ()
    uptime: int | None = None
    grounds: Grounds = NOTHING_MORE


@dataclass(frozen=True, slots=True)
class KnownPrinter:
    """The printer that an equipment was last matched with."""

    identity: Identity
    endpoint: Endpoint
    at: datetime


class SqlMemory:
    """The port `Memory`, and what `status` and `explain` show. Raises `StoreError`, its subclasses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def last_reported(
        self,
        equipment_numbers: Sequence[str],
        states: Sequence[str] = COUNTING,
        codes: Mapping[str, Collection[str]] | None = None,
    ) -> dict[str, dict[str, LastReading]]:
        """By equipment and meter code the newest value accepted by the portal or waiting for it (`states`).

        `codes` by equipment are those that are wanted; all without it, which costs going through all readings.
        """
        with self._store.connect() as connection:
            return last_values(connection, equipment_numbers, states, codes)

    def entry(self, reference: str) -> Entry | None:
        """The envelope with this reference and what has become of it."""
        with self._store.connect() as connection:
            return _entries(connection, [reference]).get(reference)

    def standings(self, references: Sequence[str]) -> dict[str, Standing]:
        """What has become of the envelopes with these references; their bytes are checked and not kept."""
        with self._store.connect() as connection:
            entries = _entries(connection, references)
        return {reference: entry.standing for reference, entry in entries.items()}

    def entries(
        self, state: State | None = None, limit: int | None = 1000, equipment_number: str | None = None
    ) -> Sequence[Entry]:
        """Envelopes, all or those in one state or of one equipment, the newest first; `limit` None for every one."""
        return list(self.each_entry(state, limit, equipment_number))

    def each_entry(
        self, state: State | None = None, limit: int | None = None, equipment_number: str | None = None
    ) -> Iterator[Entry]:
        """The same one by one: a year of thousands of printers does not fit into memory at once."""
        statement = select(envelopes).order_by(envelopes.c.id.desc()).limit(limit)
        if state is not None:
            statement = statement.where(envelopes.c.state == state)
        if equipment_number is not None:
            statement = statement.where(envelopes.c.equipment_number == equipment_number)
        with self._store.connect() as connection:
            for row in connection.execute(statement.execution_options(yield_per=500)):
                yield entry_of(row)

    def find(self, prefix: str) -> Sequence[Entry]:
        """The envelopes whose reference begins like this, the newest first."""
        try:
            first, last = (bytes.fromhex(prefix.ljust(32, digit)) for digit in "0f")
        except ValueError:
            return []
        begins = envelopes.c.reference.between(first, last)
        statement = select(envelopes).where(begins).order_by(envelopes.c.id.desc())
        with self._store.connect() as connection:
            return [entry_of(row) for row in connection.execute(statement)]

    def history(self, reference: str) -> Sequence[HistoryEvent]:
        """Everything that happened to an envelope, in order."""
        statement = (
            select(envelopes, events.c.at, events.c.state.label("came_to"), events.c.note)
            .outerjoin(events, events.c.envelope == envelopes.c.id)
            .where(envelopes.c.reference == key_of(reference))
            .order_by(events.c.id)
        )
        with self._store.connect() as connection:
            rows = connection.execute(statement).all()
        told = [HistoryEvent(shown_at(row.at), row.came_to, _note_of(row)) for row in rows if row.came_to is not None]
        held = bool(told) and (rows[0].at, rows[0].came_to) == (rows[0].created_at, "quarantined")
        # That it was stored is a line of its own only where it was held at once.
        stored = [HistoryEvent(shown_at(row.created_at), "waiting", STORED) for row in rows[:1] if not held]
        return [*stored, *told]

    def counts(self) -> dict[str, int]:
        """How many envelopes are in which state; a state without any is absent."""
        statement = select(envelopes.c.state, func.count().label("number")).group_by(envelopes.c.state)
        with self._store.connect() as connection:
            return {row.state: row.number for row in connection.execute(statement)}

    def parked_for(self) -> list[tuple[Finding, int]]:
        """For what is waited with how many parked envelopes, the most frequent first."""
        number = func.count().label("number")
        statement = select(envelopes.c.reasons, number).where(envelopes.c.state == "parked")
        with self._store.connect() as connection:
            rows = connection.execute(statement.group_by(envelopes.c.reasons).order_by(number.desc())).all()
        return [(reason, row.number) for row in rows for reason in _reasons(row.reasons)[:1]]

    def proof(self, reference: str) -> Proof | None:
        """What the printer said word by word for this reading; `None` for orders and damaged proofs."""
        keyframe = proofs.alias()
        statement = (
            PLACED.add_columns(proofs.c.packed, proofs.c.profile, keyframe.c.packed.label("keyframe"))
            .join(keyframe, keyframe.c.envelope == proofs.c.keyframe, isouter=True)
            .where(envelopes.c.reference == key_of(reference), proofs.c.packed.is_not(None))
        )
        with self._store.connect() as connection:
            row = connection.execute(statement).one_or_none()
        try:
            if row is None:
                return None
            told = said(unpacked(row.packed, unpacked(row.keyframe) if is_difference(row.packed) else None))
            whole = {field.name: getattr(told, field.name) for field in fields(told)}
            whole["profile"] = told.profile or row.profile or ""
            read_at = moment_at(row.read_at * 1_000_000)
            origins, values = origins_of(row), values_of(entry_of(row))
            stood = tuple((code, values[code].value, origins.get(code)) for code in sorted(values))
            return Proof(read_at=read_at, values=stood, **whole)
        except (ValueError, TypeError):
            return None

    def origins(self, reference: str) -> Mapping[str, str]:
        """By meter code where in the printer the values of this reading stood, as far as it is known."""
        with self._store.connect() as connection:
            row = connection.execute(PLACED.where(envelopes.c.reference == key_of(reference))).one_or_none()
        return origins_of(row) if row is not None else {}

    def remember_identities(self, printers: Mapping[str, tuple[Identity, Endpoint]], now: datetime) -> None:
        """Notes by equipment which printer an accepted match was, so that a later change of device is noticed."""
        rows = {
            number: {
                "identity": _IDENTITY.dump_json(identity).decode(),
                "endpoint": _ENDPOINT.dump_json(endpoint).decode(),
                "at": instant(now),
            }
            for number, (identity, endpoint) in printers.items()
        }
        with self._store.begin() as connection:
            _replace(connection, identities, rows)

    def identity(self, equipment_number: str) -> KnownPrinter | None:
        """The printer that this equipment was last matched with; `None` before the first match."""
        statement = select(identities).where(identities.c.equipment_number == equipment_number)
        with self._store.connect() as connection:
            row = connection.execute(statement).one_or_none()
        try:
            if row is None:
                return None
            return KnownPrinter(
                _IDENTITY.validate_json(row.identity), _ENDPOINT.validate_json(row.endpoint), moment_of(row.at)
            )
        except ValueError:
            return None

    def known_endpoints(self) -> frozenset[Endpoint]:
        """Where printers answered that an accepted match was."""
        with self._store.connect() as connection:
            rows = connection.execute(select(identities.c.endpoint)).scalars().all()
        return frozenset(endpoint for row in rows if (endpoint := _endpoint(row)))

    def remember_cycle(
        self, equipments: Sequence[Equipment], outcomes: Iterable[tuple[str, Fate]], now: datetime
    ) -> None:
        """Notes the portal's equipment list, unless it is empty, and what became of each equipment in this cycle.

        Both a portion at a time, so that thousands are not held as text as well.
        """
        at = instant(now)
        with self._store.begin() as connection:
            if equipments:
                _forget_others(connection, [equipment.equipment_number for equipment in equipments])
                connection.execute(delete(equipment_list))
                for place, some in enumerate(portions(equipments), 1):
                    content = _EQUIPMENTS.dump_json(tuple(some)).decode()
                    connection.execute(insert(equipment_list).values(id=place, at=at, content=content))
            connection.execute(delete(equipment_list).where(equipment_list.c.id == CYCLE_ROW))
            connection.execute(insert(equipment_list).values(id=CYCLE_ROW, at=at, content="[]"))
            fates = iter(outcomes)
            while some_fates := list(islice(fates, 500)):
                _replace(connection, cycle_outcomes, {number: _fate_row(fate, at) for number, fate in some_fates})

    def known_equipments(self) -> Sequence[Equipment]:
        """The equipment list of the last cycle that had one; empty before the first."""
        with self._store.connect() as connection:
            statement = select(equipment_list.c.content).order_by(equipment_list.c.id)
            parts = connection.execute(statement).scalars().all()
        try:
            return tuple(equipment for part in parts for equipment in _EQUIPMENTS.validate_json(part or "[]"))
        except ValidationError:
            return ()  # damaged; the next answer of the portal replaces it

    def last_cycle(self) -> datetime | None:
        """When the last cycle ended; `None` before the first."""
        return self._at(equipment_list.c.id >= CYCLE_ROW)

    def listed_at(self) -> datetime | None:
        """When the portal gave the equipment list that is known; `None` before the first."""
        return self._at(equipment_list.c.id > CYCLE_ROW)

    def _at(self, which: ColumnElement[bool]) -> datetime | None:
        with self._store.connect() as connection:
            at = connection.execute(select(equipment_list.c.at).where(which).order_by(equipment_list.c.id)).scalar()
        return moment_shown(at) if at else None

    def outcome(self, equipment_number: str) -> CycleOutcome | None:
        """What became of this equipment in the last cycle that looked at it."""
        return self.outcomes().get(equipment_number)

    def outcomes(self) -> dict[str, CycleOutcome]:
        """What became of each equipment, by number."""
        statement = select(cycle_outcomes).order_by(cycle_outcomes.c.equipment_number)
        with self._store.connect() as connection:
            rows = connection.execute(statement).all()
        return {
            row.equipment_number: CycleOutcome(
                moment_shown(row.at),
                Finding(row.code, note_of(row.message) or message("This row is damaged.")),
                steps_of(row.steps),
            )
            for row in rows
        }


def _fate_row(fate: Fate, at: str) -> dict[str, str]:
    return {
        "at": at,
        "code": fate.finding.code,
        "message": note_json(fate.finding.message),
        "steps": notes_json(fate.steps),
    }


def _reasons(stored: str | None) -> tuple[Finding, ...]:
    try:
        return findings_of(stored)
    except (ValueError, TypeError, KeyError, AttributeError):
        return ()


def _note_of(row: Row[Any]) -> Message | None:
    if row.note is None and row.came_to == "accepted":
        return booked(entry_of(row).receipts)
    return note_of(row.note)


def _endpoint(row: str) -> Endpoint | None:
    try:
        return _ENDPOINT.validate_json(row)
    except ValueError:
        return None


def _entries(connection: Connection, references: Collection[str]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for portion in portions(sorted(references)):
        statement = select(envelopes).where(envelopes.c.reference.in_([key_of(one) for one in portion]))
        found |= {reference_of(row.reference): entry_of(row) for row in connection.execute(statement)}
    return found


def _forget_others(connection: Connection, numbers: Sequence[str]) -> None:
    """Outcomes of equipment that the portal no longer has. Number by number: a list in SQL has a limit."""
    stored = connection.execute(select(cycle_outcomes.c.equipment_number)).scalars().all()
    for number in set(stored) - set(numbers):
        connection.execute(delete(cycle_outcomes).where(cycle_outcomes.c.equipment_number == number))


def _replace(connection: Connection, table: Table, rows: Mapping[str, Mapping[str, str]]) -> None:
    """Update or insert by equipment number, in words that every database knows."""
    if rows:
        connection.execute(
            delete(table).where(table.c.equipment_number == bindparam("number")), [{"number": each} for each in rows]
        )
        connection.execute(insert(table), [{"equipment_number": number, **row} for number, row in rows.items()])

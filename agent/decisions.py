"""What people decided about readings and counters: written once, each a link of the ledger, read back for ever.

What holds of a counter is what the newest decision about its equipment says; a decision is taken back by a later one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select

from agent.ledger import append, decision_digest
from agent.meters import Finding
from agent.migrations.rows import findings_json, findings_of, instant, moment_shown, portions
from agent.migrations.tables import decisions, ledger
from agent.store import Store
from agent.upload.links import Item

DecisionKind = Literal["accepted", "offset", "replaced", "discarded", "taken_back", "offset_ended", "doubted"]
UNKNOWN = "{}"  # in place of facts: nobody knows


@dataclass(frozen=True, slots=True)
class Facts:
    """How it stood: the envelope's state, its values and the equipment's offsets by meter code, its bytes and reasons.

    `body` is kept only where the decision changed it, so that nothing that was sealed is ever lost; `reasons` are those
    that stood at it before, which what comes after the decision may write over.
    """

    state: str | None = None
    values: Mapping[str, int] = field(default_factory=dict)
    offsets: Mapping[str, int] = field(default_factory=dict)
    body: str | None = None
    reasons: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision: who, when, about what, why in their words, and how it stood before and after.

    `reference` is None for one about an equipment alone; `number` counts all decisions from 1.
    """

    at: datetime
    by: str
    kind: str
    equipment_number: str
    reference: str | None
    note: str
    before: Facts
    after: Facts
    number: int = 0


class SqlDecisions:
    """Decisions in the database. Raises `StoreError` and its subclasses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(self, decision: Decision) -> int:
        """Writes a decision and its link in one transaction; its number."""
        with self._store.begin() as connection:
            return _record(connection, decision)

    def about(self, reference: str) -> Sequence[Decision]:
        """The decisions about an envelope, the oldest first."""
        return self._read(decisions.c.reference == reference)

    def of_equipment(self, equipment_number: str) -> Sequence[Decision]:
        """The decisions about an equipment and its readings, the oldest first."""
        return self._read(decisions.c.equipment_number == equipment_number)

    def _read(self, which: ColumnElement[bool]) -> Sequence[Decision]:
        with self._store.connect() as connection:
            rows = connection.execute(select(decisions).where(which).order_by(decisions.c.id)).all()
        return [_decision_of(row) for row in rows]

    def offsets(self, equipment_numbers: Sequence[str]) -> dict[str, dict[str, int] | None]:
        """By equipment and meter code what is added to the printer's count; absent where nothing was ever decided.

        None where the newest decision can no longer be read: then nobody knows what is to be added.
        """
        found: dict[str, dict[str, int] | None] = {}
        with self._store.connect() as connection:
            for some in portions(equipment_numbers):
                newest = (
                    select(func.max(decisions.c.id))
                    .where(decisions.c.equipment_number.in_(some))
                    .group_by(decisions.c.equipment_number)
                )
                for row in connection.execute(select(decisions).where(decisions.c.id.in_(newest))):
                    found[row.equipment_number] = _offsets_of(row.after)
        return found

    def all_offsets(self) -> dict[str, dict[str, int] | None]:
        """By equipment the offsets that hold now; equipment without any is left out."""
        with self._store.connect() as connection:
            numbers = connection.execute(select(decisions.c.equipment_number).distinct()).scalars().all()
        return {number: some for number, some in sorted(self.offsets(numbers).items()) if some or some is None}


def missing_decisions(connection: Connection) -> bool:
    """Whether a decision is gone: they are numbered without a gap, and each has a link."""
    linked = connection.execute(select(ledger.c.reference).where(ledger.c.kind == "decision")).scalars()
    numbers = {str(number) for number in connection.execute(select(decisions.c.id)).scalars()}
    wanted = {str(number) for number in range(1, len(numbers) + 1)}
    return not {told.decode(errors="replace") for told in linked if isinstance(told, bytes)} | wanted <= numbers


def doubt_offsets(connection: Connection, by: str, now: datetime) -> None:
    """From now on nobody knows what is to be added where something was: a later decision may be lost."""
    newest = select(func.max(decisions.c.id)).group_by(decisions.c.equipment_number)
    rows = connection.execute(select(decisions).where(decisions.c.id.in_(newest))).all()
    for row in rows:
        if _offsets_of(row.after) != {}:
            doubted = Decision(now, by, "doubted", row.equipment_number, None, "", Facts(), Facts())
            _record(connection, doubted, after=UNKNOWN)


def _record(connection: Connection, decision: Decision, after: str | None = None) -> int:
    at = instant(decision.at)
    number = (connection.execute(select(func.max(decisions.c.id))).scalar() or 0) + 1
    row = {
        "id": number,
        "at": at,
        "by": decision.by,
        "kind": decision.kind,
        "equipment_number": decision.equipment_number,
        "reference": decision.reference,
        "note": decision.note,
        "before": _facts_json(decision.before),
        "after": _facts_json(decision.after) if after is None else after,
    }
    connection.execute(insert(decisions).values(row))
    written = connection.execute(select(decisions).where(decisions.c.id == number)).one()
    append(connection, [Item("decision", str(number), decision_digest(written), None, at)])
    return number


def _facts_json(facts: Facts) -> str:
    told: dict[str, object] = {
        "state": facts.state,
        "values": dict(facts.values),
        "offsets": {code: offset for code, offset in facts.offsets.items() if offset},
    }
    if facts.body is not None:
        told["body"] = facts.body
    if facts.reasons:
        told["reasons"] = findings_json(facts.reasons)
    return json.dumps(told, ensure_ascii=False)


def _facts_of(stored: str) -> Facts:
    try:
        told = json.loads(stored)
        reasons = findings_of(told.get("reasons"))
        return Facts(told["state"], dict(told["values"]), dict(told["offsets"]), told.get("body"), reasons)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Facts()  # damaged; `verify` names it


def _offsets_of(stored: str) -> dict[str, int] | None:
    try:
        told = json.loads(stored)["offsets"]
        sound = all(type(offset) is int and offset >= 0 for offset in told.values())
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return dict(told) if sound else None


def _decision_of(row: Row[Any]) -> Decision:
    return Decision(
        at=moment_shown(row.at),
        by=row.by,
        kind=row.kind,
        equipment_number=row.equipment_number,
        reference=row.reference,
        note=row.note,
        before=_facts_of(row.before),
        after=_facts_of(row.after),
        number=row.id,
    )

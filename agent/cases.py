"""What is known of faults and their service notifications, in the database, so that a restart forgets none of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Row, delete, func, insert, select, true

from agent.migrations.rows import instant, portions
from agent.migrations.tables import fault_cases
from agent.notifications.policy import Case, is_open
from agent.store import Store

_CASE = TypeAdapter(Case)


class SqlCases:
    """The port `Cases`. A damaged row is no case: the envelope's slot still stands in the way of a second one.

    Raises `StoreError` and its subclasses.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, equipment_numbers: Sequence[str]) -> dict[str, dict[str, Case]]:
        """By equipment and cause what is known; equipment without any case is absent."""
        found: dict[str, dict[str, Case]] = {}
        with self._store.connect() as connection:
            for numbers in portions(equipment_numbers):
                for row in connection.execute(
                    select(fault_cases).where(fault_cases.c.equipment_number.in_(numbers)).order_by(fault_cases.c.cause)
                ):
                    if case := _case(row):
                        found.setdefault(row.equipment_number, {})[row.cause] = case
        return found

    def notified(self) -> Sequence[tuple[str, Case]]:
        """All cases whose notification is not over, with the number of their equipment."""
        return self._where(fault_cases.c.is_open == 1)

    def listed(self) -> Sequence[tuple[str, Case]]:
        """All cases, with the number of their equipment."""
        return self._where(true())

    def write(self, equipment_number: str, cases: Iterable[Case]) -> None:
        """These are the cases of this equipment from now on, and no others."""
        rows = [
            {
                "equipment_number": equipment_number,
                "cause": case.cause,
                "opened_at": instant(case.notice.opened_at) if case.notice else None,
                "is_open": int(is_open(case.notice)),
                "content": _CASE.dump_json(case).decode(),
            }
            for case in cases
        ]
        with self._store.begin() as connection:
            connection.execute(delete(fault_cases).where(fault_cases.c.equipment_number == equipment_number))
            if rows:
                connection.execute(insert(fault_cases), rows)

    def _where(self, condition: ColumnElement[bool]) -> Sequence[tuple[str, Case]]:
        order = (fault_cases.c.equipment_number, fault_cases.c.cause)
        with self._store.connect() as connection:
            rows = connection.execute(select(fault_cases).where(condition).order_by(*order)).all()
        return [(row.equipment_number, case) for row in rows if (case := _case(row))]

    def opened_since(self, since: datetime) -> int:
        """How many notifications were opened since then; right for a day, as a cause pauses for at least that."""
        statement = select(func.count()).select_from(fault_cases).where(fault_cases.c.opened_at >= instant(since))
        with self._store.connect() as connection:
            return connection.execute(statement).scalar_one()


def _case(row: Row[Any]) -> Case | None:
    try:
        return _CASE.validate_json(row.content)
    except (ValidationError, ValueError, TypeError):
        return None

"""What is remembered of supplies: every look that said something new, counters by day, wishes, and orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from agent.meters import Finding
from agent.migrations.rows import instant, microseconds, moment_shown, note_json, note_of, portions, shown_at
from agent.migrations.tables import (
    order_instructions,
    ordered_items,
    page_days,
    supply_looks,
    supply_slots,
)
from agent.ports import SlotMemory
from agent.store import Store
from agent.supplies.levels import Level
from agent.supplies.lives import Look
from agent.supplies.orders import ALL, OVER, Instruction, OrderedItem, OrderStatus
from agent.supplies.slots import SlotState
from agent.texts import message

_STATE = TypeAdapter(SlotState)
AHEAD = timedelta(days=1)  # what is dated so far in the future was dated by a wrong clock


class SqlSupplies:
    """The port `Supplies`, and what `orders` shows. Raises `StoreError` and its subclasses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def slots(self, equipment_numbers: Sequence[str]) -> dict[str, dict[str, SlotMemory]]:
        """By equipment and slot what was seen last. A state that can no longer be read is forgotten: it begins anew."""
        found: dict[str, dict[str, SlotMemory]] = {}
        with self._store.connect() as connection:
            for numbers in portions(equipment_numbers):
                mine = supply_slots.c.equipment_number.in_(numbers)
                for row in connection.execute(select(supply_slots).where(mine)):
                    since = moment_shown(row.wished_since) if row.wished_since else None
                    found.setdefault(row.equipment_number, {})[row.slot] = SlotMemory(
                        row.seen, partial(state_of, row.state), since
                    )
        return found

    def remember(
        self,
        equipment_number: str,
        looks: Mapping[str, tuple[str, Look, SlotState]],
        counters: Mapping[str, int],
        day: date,
    ) -> None:
        """Keeps looks by slot, each with its short form and what follows from it, and the counters of this day."""
        with self._store.begin() as connection:
            for slot, (seen, look, state) in looks.items():
                connection.execute(insert(supply_looks).prefix_with("OR IGNORE"), _row(equipment_number, slot, look))
                _keep(connection, equipment_number, slot, seen, state)
            if counters:
                mine = (page_days.c.equipment_number == equipment_number) & (page_days.c.day == day.toordinal())
                connection.execute(delete(page_days).where(mine))
                row = {"equipment_number": equipment_number, "day": day.toordinal(), "total": None, "color": None}
                connection.execute(insert(page_days), {**row, **counters})

    def learn_yields(self, equipment_number: str, yields: Mapping[str, tuple[str, SlotState]]) -> None:
        """Writes states with what the bill of material told, by slot with the short form of the last look."""
        with self._store.begin() as connection:
            for slot, (seen, state) in yields.items():
                _keep(connection, equipment_number, slot, seen, state)

    def wish(self, equipment_number: str, slots: Sequence[str], now: datetime) -> None:
        """The rules ask for these slots now; for the others of this equipment they do not (any more)."""
        mine = supply_slots.c.equipment_number == equipment_number
        asked = supply_slots.c.slot.in_(slots)
        with self._store.begin() as connection:
            connection.execute(update(supply_slots).where(mine, ~asked).values(wished_since=None))
            fresh = update(supply_slots).where(mine, asked, supply_slots.c.wished_since.is_(None))
            connection.execute(fresh.values(wished_since=instant(now)))

    def days(self, equipment_number: str, since: date) -> Sequence[tuple[date, int | None, int | None]]:
        """Day, counter of all pages and of colored ones, the oldest first."""
        statement = (
            select(page_days)
            .where(page_days.c.equipment_number == equipment_number, page_days.c.day >= since.toordinal())
            .order_by(page_days.c.day)
        )
        with self._store.connect() as connection:
            return [(date.fromordinal(row.day), row.total, row.color) for row in connection.execute(statement)]

    def looks(self, equipment_number: str, slot: str, since: datetime) -> Sequence[Look]:
        """What was seen of a slot, the oldest first."""
        statement = (
            select(supply_looks)
            .where(supply_looks.c.equipment_number == equipment_number, supply_looks.c.slot == slot)
            .where(supply_looks.c.at >= microseconds(since))
            .order_by(supply_looks.c.at)
        )
        with self._store.connect() as connection:
            return [_look(row) for row in connection.execute(statement)]

    def forget_before(self, moment: datetime) -> int:
        """Deletes looks and days before this; what follows from them stays. How many rows."""
        with self._store.begin() as connection:
            looks = connection.execute(delete(supply_looks).where(supply_looks.c.at < microseconds(moment))).rowcount
            days = connection.execute(delete(page_days).where(page_days.c.day < moment.date().toordinal())).rowcount
        return looks + days

    def order(self, items: Sequence[OrderedItem]) -> bool:
        """Notes the pieces of a new order; False and nothing when one of them is on order already."""
        rows = [_item_row(item) for item in items]
        with self._store.begin() as connection:
            keys = [row["open_key"] for row in rows]
            taken = select(func.count()).select_from(ordered_items).where(ordered_items.c.open_key.in_(keys))
            if len(set(keys)) < len(keys) or connection.execute(taken).scalar_one():
                return False
            connection.execute(insert(ordered_items), rows)
        return True

    def open_items(self, equipment_number: str | None = None) -> Sequence[OrderedItem]:
        """The pieces on order that stand in the way of another order, the oldest first."""
        return self._items(ordered_items.c.open_key.is_not(None), equipment_number)

    def items(self, equipment_number: str | None = None) -> Sequence[OrderedItem]:
        """All pieces ever ordered, the oldest first."""
        return self._items(ordered_items.c.id > 0, equipment_number)

    def _items(self, which: ColumnElement[bool], equipment_number: str | None) -> Sequence[OrderedItem]:
        statement = select(ordered_items).where(which).order_by(ordered_items.c.id)
        if equipment_number is not None:
            statement = statement.where(ordered_items.c.equipment_number == equipment_number)
        with self._store.connect() as connection:
            return [_item(row) for row in connection.execute(statement)]

    def to_ask(self, before: datetime) -> Sequence[OrderedItem]:
        """Pieces of which more may be learnt, those asked longest ago first; none asked since `before`.

        What was delivered or cancelled stays so. What was rejected may have been tried again by a person. What was
        asked long after `before` was asked under a clock that was ahead: it is due.
        """
        going_on = ordered_items.c.open_key.is_not(None) & ordered_items.c.status.not_in(("cancelled", "delivered"))
        asked = ordered_items.c.asked_at
        long_ago = asked.is_(None) | (asked < instant(before)) | (asked > instant(before + AHEAD))
        statement = (
            select(ordered_items).where(going_on, long_ago).order_by(ordered_items.c.asked_at, ordered_items.c.id)
        )
        with self._store.connect() as connection:
            return [_item(row) for row in connection.execute(statement)]

    def asked(self, references: Iterable[str], now: datetime) -> None:
        """The portal was asked for these orders."""
        with self._store.begin() as connection:
            mine = ordered_items.c.reference.in_(list(references))
            connection.execute(update(ordered_items).where(mine).values(asked_at=instant(now)))

    def follow(self, item: OrderedItem, status: OrderStatus, now: datetime, tracking: str | None = None) -> None:
        """What has become of a piece; what is over frees the way for the next order, and stays over."""
        steps = item.steps if status == item.status else (*item.steps, (status, now))
        told = replace(item, tracking=tracking or item.tracking, steps=steps)
        changes: dict[str, str | None] = {"content": _content(told), "status": status, "changed_at": instant(now)}
        if status in OVER:
            changes["open_key"] = None
        with self._store.begin() as connection:
            goes_on = (ordered_items.c.id == item.id) & ordered_items.c.open_key.is_not(None)
            connection.execute(update(ordered_items).where(goes_on).values(changes))

    def pieces_since(self, since: datetime, equipment_number: str | None) -> int:
        """How many pieces were ordered since then, for one equipment or (`None`) in all.

        What is dated days after that was ordered under a clock that was ahead. It counts until something that was
        ordered later is older: it cannot be newer than that.
        """
        at = ordered_items.c.ordered_at
        newest_before = select(func.max(ordered_items.c.id)).where(at < instant(since)).scalar_subquery()
        is_recent = (at <= instant(since + 2 * AHEAD)) | (ordered_items.c.id > func.coalesce(newest_before, 0))
        statement = select(func.count()).select_from(ordered_items).where(at >= instant(since), is_recent)
        if equipment_number is not None:
            statement = statement.where(ordered_items.c.equipment_number == equipment_number)
        with self._store.connect() as connection:
            return connection.execute(statement).scalar_one()

    def instructions(self, equipment_number: str | None = None) -> Sequence[Instruction]:
        """What was said about orders to come, of all, or what concerns one equipment."""
        statement = select(order_instructions).order_by(order_instructions.c.equipment_number)
        if equipment_number is not None:
            statement = statement.where(order_instructions.c.equipment_number.in_([equipment_number, ALL]))
        with self._store.connect() as connection:
            return [
                Instruction(row.equipment_number, row.slot, row.kind, moment_shown(row.at), row.by, row.note)
                for row in connection.execute(statement)
            ]

    def instruct(self, instruction: Instruction) -> None:
        """Replaces what was said of this slot before."""
        mine = _said_of(instruction.equipment_number, instruction.slot)
        row = {
            "equipment_number": instruction.equipment_number,
            "slot": instruction.slot,
            "kind": instruction.kind,
            "at": instant(instruction.at),
            "by": instruction.by,
            "note": instruction.note,
        }
        with self._store.begin() as connection:
            connection.execute(delete(order_instructions).where(mine))
            connection.execute(insert(order_instructions).values(row))

    def withdraw(self, equipment_number: str, slot: str) -> bool:
        """Takes back what was said; whether there was anything."""
        with self._store.begin() as connection:
            return connection.execute(delete(order_instructions).where(_said_of(equipment_number, slot))).rowcount > 0

    def use_up(self, equipment_number: str, slots: Sequence[str]) -> None:
        """An order was made for these slots: confirmations of them, or of the whole equipment, count no more."""
        confirmed = _said_of(equipment_number, "", *slots) & (order_instructions.c.kind == "confirmed")
        with self._store.begin() as connection:
            connection.execute(delete(order_instructions).where(confirmed))


def _said_of(equipment_number: str, *slots: str) -> ColumnElement[bool]:
    return (order_instructions.c.equipment_number == equipment_number) & order_instructions.c.slot.in_(slots)


def _keep(connection: Connection, number: str, slot: str, seen: str, state: SlotState) -> None:
    content = _STATE.dump_json(state).decode()
    mine = (supply_slots.c.equipment_number == number) & (supply_slots.c.slot == slot)
    changed = connection.execute(update(supply_slots).where(mine).values(seen=seen, state=content))
    if not changed.rowcount:
        row = {"equipment_number": number, "slot": slot, "seen": seen, "state": content}
        connection.execute(insert(supply_slots).values(row))


def state_of(stored: str) -> SlotState | None:
    """The state of a slot as `remember` wrote it; `None` for one that is damaged."""
    try:
        return _STATE.validate_json(stored)
    except ValidationError:
        return None


def _row(number: str, slot: str, look: Look) -> dict[str, object]:
    level = look.level
    return {
        "equipment_number": number,
        "slot": slot,
        "at": microseconds(look.at),
        "pages": look.pages,
        "level": level.kind,
        "percent": level.percent,
        "low": level.low,
        "high": level.high,
        "serial_number": look.serial_number,
        "part_number": look.part_number,
    }


def _look(row: Row[Any]) -> Look:
    level = Level(row.level, row.percent, row.low, row.high)
    return Look(shown_at(row.at), row.pages, level, row.serial_number, row.part_number)


@dataclass(frozen=True, slots=True)
class _Content:
    """The part of an ordered item that is only shown."""

    bom_item_number: str = ""
    description: str = ""
    code: str = "earlier_version"
    why: str = ""
    cartridge: str | None = None
    chance: float | None = None
    days: tuple[int | None, int | None, int | None] | None = None
    percent: tuple[float, float] | None = None
    tracking: str | None = None
    steps: tuple[tuple[OrderStatus, datetime], ...] = ()
    group: str | None = None
    began: tuple[datetime, ...] = ()


_CONTENT = TypeAdapter(_Content)


def _content(item: OrderedItem) -> str:
    told = _Content(
        item.bom_item_number,
        item.description,
        item.why.code,
        note_json(item.why.message),
        item.cartridge,
        item.chance,
        item.days,
        item.percent,
        item.tracking,
        item.steps,
        item.group,
        item.began,
    )
    return _CONTENT.dump_json(told).decode()


def _item_row(item: OrderedItem) -> dict[str, object]:
    return {
        "reference": item.reference,
        "equipment_number": item.equipment_number,
        "slot": item.slot,
        "material_number": item.material_number,
        "content": _content(item),
        "open_key": f"{item.equipment_number}/{item.material_number}",
        "ordered_at": instant(item.ordered_at),
        "status": item.status,
        "changed_at": instant(item.ordered_at),
    }


def _item(row: Row[Any]) -> OrderedItem:
    """A row as it was written; what is shown only, and damaged, is empty."""
    try:
        told = _CONTENT.validate_json(row.content)
    except ValidationError:
        told = _Content()
    why = note_of(told.why) if told.why else None
    return OrderedItem(
        reference=row.reference,
        equipment_number=row.equipment_number,
        slot=row.slot,
        material_number=row.material_number,
        bom_item_number=told.bom_item_number,
        description=told.description,
        ordered_at=moment_shown(row.ordered_at),
        why=Finding(told.code, why or message("Ordered by an earlier version.")),
        status=row.status,
        changed_at=moment_shown(row.changed_at),
        cartridge=told.cartridge,
        chance=told.chance,
        days=told.days,
        percent=told.percent,
        tracking=told.tracking,
        steps=told.steps,
        group=told.group,
        began=told.began,
        id=row.id,
    )

"""The manners of printers in the database: kept across restarts, forgotten when a person says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, bindparam, delete, insert, select, update

from agent.migrations.rows import instant, moment_of
from agent.migrations.tables import manners, read_plans, secured_printers
from agent.printers import Endpoint
from agent.snmp.caller import Learned
from agent.snmp.manners import Manner, Secured
from agent.snmp.read_plan import ReadPlan, digest_of, plan_of
from agent.store import Store

HERE = and_(manners.c.address == bindparam("here_address"), manners.c.port == bindparam("here_port"))


class SqlKeeper:
    """The `Keeper` of manners, and what `forget` does. Raises `StoreError`, its subclasses."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._plans: dict[str, ReadPlan] = {}

    def recall(self) -> tuple[Sequence[Manner], Sequence[Secured]]:
        """Everything that is kept; a damaged row is left out, and its printer met anew."""
        with self._store.connect() as connection:
            self._plans = {digest: self._plans.get(digest) or plan for digest, plan in _plans(connection)}
            kept = [_manner_of(row, self._plans) for row in connection.execute(select(manners))]
            secured = [
                Secured(row.serial_number, Endpoint(row.address, row.port))
                for row in connection.execute(select(secured_printers))
            ]
        return [manner for manner in kept if manner is not None], secured

    def keep(self, changed: Sequence[Manner], new: Sequence[Manner], secured: Sequence[Secured]) -> None:
        """Keeps these in one transaction; `changed` ones that a person had forgotten meanwhile stay forgotten."""
        with self._store.begin() as connection:
            replaced = _keep_plans(connection, (*changed, *new))
            if changed:
                values: dict[str, Any] = {name: bindparam(name) for name in _row(changed[0])}
                connection.execute(update(manners).where(HERE).values(values), [_placed(one) for one in changed])
            if new:
                connection.execute(delete(manners).where(HERE), [_place(one.endpoint) for one in new])
                connection.execute(
                    insert(manners),
                    [{"address": one.endpoint.address, "port": one.endpoint.port, **_row(one)} for one in new],
                )
            if replaced:
                _drop_unused_plans(connection)
            for one in secured:
                _secure(connection, one)

    def drop(self, endpoints: Sequence[Endpoint]) -> None:
        """Drops the manners at these endpoints: their printers are elsewhere now."""
        if endpoints:
            with self._store.begin() as connection:
                connection.execute(delete(manners).where(HERE), [_place(endpoint) for endpoint in endpoints])

    def forget(self, endpoint: Endpoint) -> bool:
        """Forgets how the printer at this endpoint was asked and that it spoke SNMPv3; whether anything was known."""
        with self._store.begin() as connection:
            serials = select(manners.c.serial_number).where(_at(manners, endpoint))
            known = [serial for serial in connection.execute(serials).scalars() if serial]
            count = connection.execute(delete(manners).where(_at(manners, endpoint))).rowcount
            count += connection.execute(delete(secured_printers).where(_at(secured_printers, endpoint))).rowcount
            for serial in known:
                mine = secured_printers.c.serial_number == serial
                count += connection.execute(delete(secured_printers).where(mine)).rowcount
        return count > 0


def _plans(connection: Connection) -> list[tuple[str, ReadPlan]]:
    """The read plans by their digests; a damaged one is none, and its printers are asked in full."""
    rows = connection.execute(select(read_plans))
    return [(row.plan, plan_of(row.content)) for row in rows if digest_of(row.content) == row.plan]


def _keep_plans(connection: Connection, kept: Sequence[Manner]) -> bool:
    """Adds the plans of these printers that are new or damaged here; whether there were any."""
    used = {one.learned.plan.digest: one.learned.plan for one in kept if one.learned and one.learned.plan}
    sound = {digest for digest, _ in _plans(connection)} if used else set()
    fresh = [{"plan": digest, "content": plan.text} for digest, plan in used.items() if digest not in sound]
    if fresh:
        damaged = [{"damaged": one["plan"]} for one in fresh]
        connection.execute(delete(read_plans).where(read_plans.c.plan == bindparam("damaged")), damaged)
        connection.execute(insert(read_plans), fresh)
    return bool(fresh)


def _drop_unused_plans(connection: Connection) -> None:
    named = select(manners.c.plan).where(manners.c.plan.is_not(None))
    connection.execute(delete(read_plans).where(read_plans.c.plan.not_in(named)))


def _secure(connection: Connection, one: Secured) -> None:
    connection.execute(delete(secured_printers).where(secured_printers.c.serial_number == one.serial_number))
    row = {"serial_number": one.serial_number, "address": one.endpoint.address, "port": one.endpoint.port}
    connection.execute(insert(secured_printers).values(row))


def _place(endpoint: Endpoint) -> dict[str, object]:
    return {"here_address": endpoint.address, "here_port": endpoint.port}


def _placed(manner: Manner) -> dict[str, object]:
    return _place(manner.endpoint) | _row(manner)


def _at(table: Table, endpoint: Endpoint) -> ColumnElement[bool]:
    return and_(table.c.address == endpoint.address, table.c.port == endpoint.port)


def _row(manner: Manner) -> dict[str, object]:
    return {
        "access": manner.access,
        "version": manner.version,
        "ways": manner.ways,
        "climbed_at": instant(manner.climbed_at),
        "answered_at": instant(manner.answered_at),
        "no_bulk": int(manner.no_bulk),
        "serial_number": manner.serial_number,
        "equipment_number": manner.equipment_number,
        "read_at": instant(manner.read_at) if manner.read_at else None,
        **_learned_row(manner.learned),
    }


def _learned_row(learned: Learned | None) -> dict[str, object]:
    return {
        "plan": learned.plan.digest if learned and learned.plan else None,
        "learned_at": instant(learned.at) if learned else None,
        "learned_of": learned.who if learned else None,
        "learned_uptime": learned.uptime if learned else None,
    }


def _learned_of(row: Row[tuple[object, ...]], plans: Mapping[str, ReadPlan]) -> Learned | None:
    """What was learnt; nothing where the plan is gone, as opposed to one that failed."""
    if row.learned_at is None or (row.plan is not None and row.plan not in plans):
        return None
    plan = plans[row.plan] if row.plan is not None else None
    return Learned(plan, moment_of(row.learned_at), row.learned_of or "", row.learned_uptime)


def _manner_of(row: Row[tuple[object, ...]], plans: Mapping[str, ReadPlan]) -> Manner | None:
    try:
        return Manner(
            endpoint=Endpoint(row.address, row.port),
            access=row.access,
            version=row.version,
            ways=row.ways,
            climbed_at=moment_of(row.climbed_at),
            answered_at=moment_of(row.answered_at),
            no_bulk=bool(row.no_bulk),
            serial_number=row.serial_number,
            equipment_number=row.equipment_number,
            read_at=moment_of(row.read_at) if row.read_at else None,
            learned=_learned_of(row, plans),
        )
    except ValueError:
        return None

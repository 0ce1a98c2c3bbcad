"""The manners of printers in the database: kept across restarts, forgotten when a person says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, bindparam, delete, insert, select, update

from agent.migrations.rows import instant, moment_of
from agent.migrations.tables import manners, secured_printers
from agent.printers import Endpoint
from agent.snmp.manners import Manner, Secured
from agent.store import Store

HERE = and_(manners.c.address == bindparam("here_address"), manners.c.port == bindparam("here_port"))


class SqlKeeper:
    """The `Keeper` of manners, and what `forget` does. Raises `StoreError`, its subclasses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def recall(self) -> tuple[Sequence[Manner], Sequence[Secured]]:
        """Everything that is kept; a damaged row is left out, and its printer met anew."""
        with self._store.connect() as connection:
            kept = [_manner_of(row) for row in connection.execute(select(manners))]
            secured = [
                Secured(row.serial_number, Endpoint(row.address, row.port))
                for row in connection.execute(select(secured_printers))
            ]
        return [manner for manner in kept if manner is not None], secured

    def keep(self, changed: Sequence[Manner], new: Sequence[Manner], secured: Sequence[Secured]) -> None:
        """Keeps these in one transaction; `changed` ones that a person had forgotten meanwhile stay forgotten."""
        with self._store.begin() as connection:
            if changed:
                values: dict[str, Any] = {name: bindparam(name) for name in _row(changed[0])}
                connection.execute(update(manners).where(HERE).values(values), [_placed(one) for one in changed])
            if new:
                connection.execute(delete(manners).where(HERE), [_place(one.endpoint) for one in new])
                connection.execute(
                    insert(manners),
                    [{"address": one.endpoint.address, "port": one.endpoint.port, **_row(one)} for one in new],
                )
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
    }


def _manner_of(row: Row[tuple[object, ...]]) -> Manner | None:
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
        )
    except ValueError:
        return None

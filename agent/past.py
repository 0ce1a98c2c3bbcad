"""What matching has to know from before, in the database: people's confirmations, and which printers were read last."""

from __future__ import annotations

from pydantic import TypeAdapter
from sqlalchemy import Row, delete, insert, select

from agent.matching import Confirmation, Past
from agent.migrations.rows import instant, moment_shown
from agent.migrations.tables import confirmations, identities
from agent.printers import Endpoint, Identity
from agent.store import Store

_IDENTITY = TypeAdapter(Identity)
_ENDPOINT = TypeAdapter(Endpoint)


class SqlPast:
    """Decisions and identities. Raises `StoreError`, its subclasses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def past(self) -> Past:
        """Everything that is known; a damaged identity is left out."""
        with self._store.connect() as connection:
            decided = [_confirmation_of(row) for row in connection.execute(select(confirmations))]
            known = connection.execute(select(identities)).all()
        found = {row.equipment_number: _identity_of(row.identity) for row in known}
        places = {row.equipment_number: _endpoint_of(row.endpoint) for row in known}
        return Past(
            confirmations={confirmation.equipment_number: confirmation for confirmation in decided},
            identities={number: identity for number, identity in found.items() if identity is not None},
            places={number: place for number, place in places.items() if place is not None},
        )

    def confirm(self, confirmation: Confirmation) -> None:
        """Keeps a person's word; an earlier one about the same equipment is over."""
        with self._store.begin() as connection:
            connection.execute(
                delete(confirmations).where(confirmations.c.equipment_number == confirmation.equipment_number)
            )
            connection.execute(
                insert(confirmations).values(
                    equipment_number=confirmation.equipment_number,
                    address=confirmation.endpoint.address,
                    port=confirmation.endpoint.port,
                    serial_number=confirmation.serial_number,
                    mac_addresses=" ".join(confirmation.mac_addresses),
                    at=instant(confirmation.at),
                    by=confirmation.by,
                )
            )

    def release(self, equipment_number: str) -> bool:
        """Takes a person's word back; whether there was one. The rules decide again."""
        with self._store.begin() as connection:
            done = connection.execute(delete(confirmations).where(confirmations.c.equipment_number == equipment_number))
            return done.rowcount > 0


def _confirmation_of(row: Row[tuple[object, ...]]) -> Confirmation:
    return Confirmation(
        equipment_number=row.equipment_number,
        endpoint=Endpoint(row.address, row.port),
        serial_number=row.serial_number,
        mac_addresses=tuple(row.mac_addresses.split()),
        at=moment_shown(row.at),
        by=row.by,
    )


def _identity_of(stored: str) -> Identity | None:
    try:
        return _IDENTITY.validate_json(stored)
    except ValueError:
        return None


def _endpoint_of(stored: str) -> Endpoint | None:
    try:
        return _ENDPOINT.validate_json(stored)
    except ValueError:
        return None

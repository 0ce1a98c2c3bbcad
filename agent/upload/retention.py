"""What is kept no longer: items that were settled long ago, each with a link that says that it was here.

Nothing goes that anything still rests on: what waits or is held, an equipment's newest booked reading, a keyframe
whose differences are still here, an order that is not over, a notification that holds its slot.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, select

from agent.ledger import append
from agent.migrations.rows import instant, microseconds, opened_in, reference_of
from agent.migrations.tables import departures, envelopes, history, ordered_items, proofs
from agent.store import Store
from agent.upload.links import Item, digest

SETTLED = ("accepted", "discarded")
AT_ONCE = 2000  # in one transaction: a second at most, and more than a day brings
# A month is the longest period: as long as it lasts its reading stays, so that there is never a second one.
PERIOD = timedelta(days=62)


def prune(store: Store, keep: timedelta, now: datetime, limit: int = AT_ONCE) -> int:
    """Deletes items settled more than `keep` ago, the oldest first and at most so many; how many it were.

    The database may be another one after an error, and nothing is half gone. Raises `StoreError`.
    """
    before = now - max(keep, PERIOD)
    with store.begin() as connection:
        rows = _over(connection, before, limit)
        append(connection, [_pruned(row, now) for row in rows])
        keys = [row.id for row in rows]
        references = [row.reference for row in rows]
        for start in range(0, len(rows), 500):
            some, named = keys[start : start + 500], references[start : start + 500]
            connection.execute(delete(history).where(history.c.envelope.in_(some)))
            connection.execute(delete(proofs).where(proofs.c.envelope.in_(some)))
            connection.execute(delete(departures).where(departures.c.reference.in_(named)))
            connection.execute(delete(envelopes).where(envelopes.c.id.in_(some)))
    return len(rows)


def _over(connection: Connection, before: datetime, limit: int) -> Sequence[Row[Any]]:
    """The envelopes that nothing rests on."""
    later, told = envelopes.alias(), proofs.alias()
    newer = exists().where(
        later.c.equipment_number == envelopes.c.equipment_number,
        later.c.kind == "reading",
        later.c.state == "accepted",
        later.c.read_at > envelopes.c.read_at,
    )
    is_replaced = (envelopes.c.kind != "reading") | (envelopes.c.state != "accepted") | newer
    is_keyframe = exists().where(told.c.keyframe == envelopes.c.id)
    is_open = (envelopes.c.kind == "notification") & envelopes.c.slot.is_not(None)
    statement = (
        select(envelopes, proofs.c.packed)
        .join(proofs, proofs.c.envelope == envelopes.c.id, isouter=True)
        .where(envelopes.c.state.in_(SETTLED), envelopes.c.settled_at < microseconds(before))
        .where(is_replaced, ~is_keyframe, ~is_open)
        .order_by(envelopes.c.id)
        .limit(limit)
    )
    rows = connection.execute(statement).all()
    under_way = set(
        connection.execute(select(ordered_items.c.reference).where(ordered_items.c.open_key.is_not(None))).scalars()
    )
    return [row for row in rows if reference_of(row.reference) not in under_way]


def _pruned(row: Row[Any], now: datetime) -> Item:
    """The link of what goes: its bytes and its proof as they were at last."""
    try:
        body = digest(opened_in(row)[1])
    except ValueError:
        body = digest(b"")
    proof = digest(row.packed) if isinstance(row.packed, bytes) else None
    return Item("pruned", reference_of(row.reference), body, proof, instant(now))

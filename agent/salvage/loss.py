"""What follows from a loss: it stands where everybody looks who would miss something, and nothing is guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select

from agent import chain_end
from agent.decisions import doubt_offsets, missing_decisions
from agent.ledger import append, missing
from agent.migrations.rows import instant
from agent.migrations.tables import ledger, order_instructions, salvages
from agent.store import Store
from agent.upload.links import Item, digest

BY = "meter-agent"
NO_FILE = ""  # kept of a database that is only older than it was


def gave_account(connection: Connection, kept: str, saved: int, lost: Mapping[str, int]) -> None:
    """Rows that were saved, and lost by table. Items that are gone get their link, offsets that are not sure are none,
    and nothing is ordered until a person has looked."""
    now = datetime.now(UTC)  # the database knows no clock, and nothing is judged by this one
    lost = {table: count for table, count in sorted(lost.items()) if count}
    row = {"at": instant(now), "kept": kept, "saved": saved, "lost": json.dumps(lost)}
    connection.execute(insert(salvages).values(row))
    gone = missing(connection)
    append(connection, [Item("lost", reference, digest(b""), None, instant(now)) for reference in gone])
    if missing_decisions(connection) or lost.keys() & {"decisions", "ledger"}:
        doubt_offsets(connection, BY, now)
    if lost:
        said = {"equipment_number": "", "slot": "", "kind": "unsure", "at": instant(now), "by": BY, "note": ""}
        connection.execute(insert(order_instructions).prefix_with("OR REPLACE").values(said))


def compare_end(store: Store) -> None:
    """Notices that the database is older than it was: a copy of before, or what was written last is gone.

    By the end of the ledger that was noted beside it. The link *lost* makes this the new end, so that a loss is noticed
    once.
    """
    noted = chain_end.noted(store.path)
    if noted is None:
        return
    with store.connect() as connection:
        last = connection.execute(select(func.max(ledger.c.position))).scalar() or 0
        there = connection.execute(select(ledger.c.hash).where(ledger.c.position == noted[0])).scalar()
    if there == noted[1]:
        return
    with store.begin() as connection:
        gave_account(connection, NO_FILE, 0, {"ledger": max(noted[0] - last, 1)})
        append(connection, [Item("lost", "", digest(b""), None, instant(datetime.now(UTC)))])

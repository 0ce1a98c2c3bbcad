"""Service notifications: a fault that somebody at the customer's wants to be looked at."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from typing import Any

from sandbox.portal.booking import LONGEST_REFERENCE, digest_of, equipment_of
from sandbox.portal.ledger import Ledger
from sandbox.portal.moments import stamp
from sandbox.portal.problems import Refusal

NOTIFICATION_BASE = 720_000_000_000  # QMNUM, 12 digits
PRIORITIES = ("low", "normal", "high")
LONGEST_SHORT_TEXT = 40
LONGEST_LONG_TEXT = 4000


def open_notification(ledger: Ledger, agent: str, body: dict[str, Any], now: dt.datetime) -> tuple[int, dict[str, Any]]:
    """HTTP status and notification; the same reference with the same content gives the first one. Raises `Refusal`."""
    reference = body.get("client_reference")
    if not isinstance(reference, str) or not 1 <= len(reference) <= LONGEST_REFERENCE:
        raise Refusal("malformed-request", f"client_reference is no text of 1 to {LONGEST_REFERENCE} characters.")
    digest = digest_of(body)
    with ledger.transaction() as db:
        query = "SELECT * FROM notifications WHERE agent_id=? AND client_reference=?"
        known = db.execute(query, (agent, reference)).fetchone()
        if known is not None and known["digest"] != digest:
            raise Refusal("client-reference-reused", "This reference was used for another notification.")
        if known is None:
            content = json.dumps(_texts(body))
            row = (agent, reference, equipment_of(ledger, body), digest, content, stamp(now))
            db.execute(
                "INSERT INTO notifications (agent_id, client_reference, equipment_number, digest, content, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
        stored = db.execute(query, (agent, reference)).fetchone()
        return (200 if known else 201), shown_notification(stored)


def _texts(body: dict[str, Any]) -> dict[str, str]:
    short, long = body.get("short_text"), body.get("long_text", "")
    priority = body.get("priority", "normal")
    if not isinstance(short, str) or not 1 <= len(short) <= LONGEST_SHORT_TEXT:
        raise Refusal("malformed-request", f"short_text is no text of 1 to {LONGEST_SHORT_TEXT} characters.")
    if not isinstance(long, str) or len(long) > LONGEST_LONG_TEXT:
        raise Refusal("malformed-request", f"long_text is no text of at most {LONGEST_LONG_TEXT} characters.")
    if priority not in PRIORITIES:
        raise Refusal("malformed-request", f"priority is one of {', '.join(PRIORITIES)}.")
    return {"short_text": short, "long_text": long, "priority": str(priority)}


def shown_notification(row: sqlite3.Row) -> dict[str, Any]:
    """A notification in the contract's form."""
    return {
        "notification_number": f"{NOTIFICATION_BASE + row['number']:012d}",
        "client_reference": row["client_reference"],
        "equipment_number": row["equipment_number"],
        **json.loads(row["content"]),
        "created_at": row["created_at"],
    }

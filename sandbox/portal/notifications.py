"""Service notifications: a fault that somebody at the customer's wants to be looked at, one open per cause."""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
from typing import Any

from sandbox.portal.booking import LONGEST_REFERENCE, Clerk, digest_of, equipment_of
from sandbox.portal.ledger import Ledger
from sandbox.portal.moments import stamp
from sandbox.portal.problems import Refusal, malformed

NOTIFICATION_BASE = 720_000_000_000  # QMNUM, 12 digits
PRIORITIES = ("low", "normal", "high")
STATUSES = ("open", "in_process", "completed")
LONGEST_SHORT_TEXT = 40
LONGEST_LONG_TEXT = 4000
# What is wrong, as a machine says it the same way every time: jam, fuser-fault, prt-alert.1101.
CAUSE = re.compile(r"[a-z0-9]([a-z0-9._-]{0,38}[a-z0-9])?")


def open_notification(clerk: Clerk, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """HTTP status and notification; the same reference with the same content gives the first one. Raises `Refusal`."""
    reference = body.get("client_reference")
    if not isinstance(reference, str) or not 1 <= len(reference) <= LONGEST_REFERENCE:
        detail = f"client_reference is no text of 1 to {LONGEST_REFERENCE} characters."
        raise malformed(detail, "/client_reference")
    digest, agent_id = digest_of(body), clerk.agent.agent_id
    with clerk.ledger.transaction() as db:
        query = "SELECT * FROM notifications WHERE agent_id=? AND client_reference=?"
        known = db.execute(query, (agent_id, reference)).fetchone()
        if known is not None and known["digest"] != digest:
            raise Refusal("client-reference-reused", "This reference was used for another notification.")
        if known is None:
            _opened(clerk, reference, digest, body)
        stored = db.execute(query, (agent_id, reference)).fetchone()
        return (200 if known else 201), shown_notification(stored)


def _opened(clerk: Clerk, reference: str, digest: str, body: dict[str, Any]) -> None:
    content, cause = json.dumps(_texts(body)), _cause(body)
    equipment = equipment_of(clerk, body)
    db = clerk.ledger.db
    row = db.execute(
        "SELECT number FROM open_causes WHERE equipment_number=? AND cause=?", (equipment, cause)
    ).fetchone()
    if row is not None:
        number = notification_number(row["number"])
        detail = "A notification of this cause is open for the equipment already."
        raise Refusal("notification-already-open", detail, notification_number=number)
    cursor = db.execute(
        "INSERT INTO notifications (agent_id, client_reference, equipment_number, digest, content, created_at, cause)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (clerk.agent.agent_id, reference, equipment, digest, content, stamp(clerk.now), cause),
    )
    # The table's key is the rule itself: a second open notification of a cause cannot be written.
    db.execute("INSERT INTO open_causes VALUES (?, ?, ?)", (equipment, cause, cursor.lastrowid))


def _cause(body: dict[str, Any]) -> str:
    cause = body.get("cause")
    if not isinstance(cause, str) or not CAUSE.fullmatch(cause):
        raise malformed("cause is no key of 1 to 40 small letters, digits, dots and hyphens.", "/cause")
    return cause


def _texts(body: dict[str, Any]) -> dict[str, str]:
    short, long = body.get("short_text"), body.get("long_text", "")
    priority = body.get("priority", "normal")
    if not isinstance(short, str) or not 1 <= len(short) <= LONGEST_SHORT_TEXT:
        raise malformed(f"short_text is no text of 1 to {LONGEST_SHORT_TEXT} characters.", "/short_text")
    if not isinstance(long, str) or len(long) > LONGEST_LONG_TEXT:
        raise malformed(f"long_text is no text of at most {LONGEST_LONG_TEXT} characters.", "/long_text")
    if priority not in PRIORITIES:
        raise malformed(f"priority is one of {', '.join(PRIORITIES)}.", "/priority")
    return {"short_text": short, "long_text": long, "priority": str(priority)}


def move_notification(ledger: Ledger, number: int, status: str, now: dt.datetime) -> dict[str, Any]:
    """Gives a notification a later status; a completed one frees its cause and is final. Raises `Refusal`."""
    with ledger.transaction() as db:
        row = db.execute("SELECT * FROM notifications WHERE number=?", (number,)).fetchone()
        if row is None:
            raise Refusal("not-found", "There is no such service notification.")
        if status not in STATUSES or STATUSES.index(status) < STATUSES.index(row["status"]):
            raise Refusal("malformed-request", f"The notification is {row['status']} already.")
        done = stamp(now) if status == "completed" else None
        if status != row["status"]:
            change = (status, done, number)
            db.execute("UPDATE notifications SET status=?, completed_at=? WHERE number=?", change)
        if done:
            db.execute("DELETE FROM open_causes WHERE number=?", (number,))
        return shown_notification(db.execute("SELECT * FROM notifications WHERE number=?", (number,)).fetchone())


def notification_number(number: int) -> str:
    """A notification's number in SAP's 12 digits."""
    return f"{NOTIFICATION_BASE + number:012d}"


def shown_notification(row: sqlite3.Row) -> dict[str, Any]:
    """A notification in the contract's form."""
    return {
        "notification_number": notification_number(row["number"]),
        "client_reference": row["client_reference"],
        "equipment_number": row["equipment_number"],
        "cause": row["cause"],
        **json.loads(row["content"]),
        "status": row["status"],
        "created_at": row["created_at"],
        "completed_at": row["completed_at"],
    }

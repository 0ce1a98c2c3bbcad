"""One-time enrolment codes: made by a key user, read to a machine once, good for one agent of one customer."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
import sqlite3
from collections.abc import Iterable

from sandbox.portal.ledger import Ledger
from sandbox.portal.moments import stamp

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: what looks alike is one letter
GROUPS, GROUP = 5, 4  # 20 letters of 5 bits: 100 bits
ALIKE = str.maketrans("OIL", "011", " -")
HOURS = 24.0


def make_code(
    ledger: Ledger,
    customer: str,
    name: str,
    scopes: Iterable[str],
    now: dt.datetime,
    hours: float = HOURS,
) -> str:
    """A new code, which is told this once: the database keeps its digest. To be called inside a transaction."""
    letters = [secrets.choice(ALPHABET) for _ in range(GROUPS * GROUP)]
    code = "-".join("".join(letters[at : at + GROUP]) for at in range(0, len(letters), GROUP))
    ledger.db.execute(
        "INSERT INTO enrolment_codes (digest, customer_number, name, scopes, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            _digest(code),
            customer,
            name,
            json.dumps(sorted(set(scopes))),
            stamp(now),
            stamp(now + dt.timedelta(hours=hours)),
        ),
    )
    return code


def code_row(ledger: Ledger, code: object, now: dt.datetime) -> sqlite3.Row | None:
    """The code's row, used or not; None when it is unknown, expired or cancelled."""
    if not isinstance(code, str) or len(code) > 100:
        return None
    row: sqlite3.Row | None = ledger.db.execute(
        "SELECT * FROM enrolment_codes WHERE digest=? AND cancelled_at IS NULL AND expires_at > ?",
        (_digest(code), stamp(now)),
    ).fetchone()
    return row


def use_code(ledger: Ledger, number: int, agent_id: str, kid: str, now: dt.datetime) -> None:
    """Marks a code as used up by this agent. To be called inside a transaction."""
    ledger.db.execute(
        "UPDATE enrolment_codes SET used_at=?, agent_id=?, kid=? WHERE number=? AND used_at IS NULL",
        (stamp(now), agent_id, kid, number),
    )


def cancel_code(ledger: Ledger, customer: str, number: int, now: dt.datetime) -> None:
    """Makes an unused code of the customer worthless. To be called inside a transaction."""
    ledger.db.execute(
        "UPDATE enrolment_codes SET cancelled_at=? WHERE number=? AND customer_number=? AND used_at IS NULL",
        (stamp(now), number, customer),
    )


def codes_of(ledger: Ledger, customer: str) -> list[sqlite3.Row]:
    """The customer's codes, the newest first."""
    query = "SELECT * FROM enrolment_codes WHERE customer_number=? ORDER BY number DESC LIMIT 50"
    return ledger.db.execute(query, (customer,)).fetchall()


def _digest(code: str) -> str:
    """Of the code as it is meant: in capitals, without blanks and hyphens, O as 0, I and L as 1."""
    return hashlib.sha256(code.upper().translate(ALIKE).encode("utf-8", "replace")).hexdigest()

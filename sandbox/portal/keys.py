"""The keys with which agents prove who they are: registered, replaced with an overlap, revoked."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from typing import Any

from sandbox.portal.jose import PublicKey, public_key
from sandbox.portal.ledger import Ledger
from sandbox.portal.moments import stamp
from sandbox.portal.problems import Refusal

MOST_KEYS = 2  # the one in use and the one that replaces it
USABLE = "agent_id=? AND revoked_at IS NULL AND (valid_until IS NULL OR valid_until > ?)"


def usable_keys(ledger: Ledger, agent_id: str, now: dt.datetime) -> list[PublicKey]:
    """The keys that sign for an agent now."""
    rows = ledger.db.execute(f"SELECT jwk FROM agent_keys WHERE {USABLE}", (agent_id, stamp(now)))  # noqa: S608  constant
    return [public_key(json.loads(row["jwk"])) for row in rows]


def listed_keys(ledger: Ledger, agent_id: str) -> list[dict[str, Any]]:
    """All keys an agent ever had, the oldest first."""
    rows = ledger.db.execute("SELECT * FROM agent_keys WHERE agent_id=? ORDER BY rowid", (agent_id,))
    return [shown_key(row) for row in rows]


def shown_key(row: sqlite3.Row) -> dict[str, Any]:
    """A key in the contract's form."""
    names = ("kid", "created_at", "valid_until", "revoked_at")
    return {**{name: row[name] for name in names}, "kind": public_key(json.loads(row["jwk"])).kind}


def register(
    ledger: Ledger, agent_id: str, key: PublicKey, now: dt.datetime, overlap: dt.timedelta
) -> tuple[bool, dict[str, Any]]:
    """Whether the key is new, and the key; the others end when the overlap is over. To be called inside a transaction.

    Raises `Refusal`: a revoked key comes back by no way, a third one has to wait for the first one's end.
    """
    db = ledger.db
    query = "SELECT * FROM agent_keys WHERE agent_id=? AND kid=?"
    known = db.execute(query, (agent_id, key.kid)).fetchone()
    usable = {one.kid for one in usable_keys(ledger, agent_id, now)}
    if known is not None:
        if key.kid not in usable:
            raise Refusal("key-rejected", "This key was valid once and is not any more. Make a new key.")
        return False, shown_key(known)
    if len(usable) >= MOST_KEYS:
        detail = f"An agent has at most {MOST_KEYS} valid keys. Revoke the older one first."
        raise Refusal("too-many-keys", detail)
    db.execute(
        "UPDATE agent_keys SET valid_until=? WHERE agent_id=? AND revoked_at IS NULL AND valid_until IS NULL",
        (stamp(now + overlap), agent_id),
    )
    db.execute(
        "INSERT INTO agent_keys (agent_id, kid, jwk, created_at) VALUES (?, ?, ?, ?)",
        (agent_id, key.kid, json.dumps(key.jwk), stamp(now)),
    )
    return True, shown_key(db.execute(query, (agent_id, key.kid)).fetchone())


def revoke_key(ledger: Ledger, agent_id: str, kid: str, now: dt.datetime) -> bool:
    """Ends a key at once; whether there was one to end. The key that remains is no longer bound to end.

    To be called inside a transaction.
    """
    db = ledger.db
    done = db.execute(
        "UPDATE agent_keys SET revoked_at=? WHERE agent_id=? AND kid=? AND revoked_at IS NULL",
        (stamp(now), agent_id, kid),
    ).rowcount
    if done and len(usable_keys(ledger, agent_id, now)) == 1:
        db.execute(f"UPDATE agent_keys SET valid_until=NULL WHERE {USABLE}", (agent_id, stamp(now)))  # noqa: S608  constant
    return bool(done)

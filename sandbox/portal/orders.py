"""Consumable orders: from the bill of material only, one open order per equipment and material."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import sqlite3
from typing import Any

from sandbox.portal.booking import equipment_of
from sandbox.portal.ledger import Ledger, order_number, stamp
from sandbox.portal.problems import Refusal

STATUSES = ("received", "in_process", "partially_delivered", "delivered", "cancelled", "rejected")


def place(ledger: Ledger, agent: str, key: str | None, body: object) -> tuple[int, dict[str, Any]]:
    """HTTP status and order; the same key and content again give the same order. Raises `Refusal`."""
    quoted = re.fullmatch(r'"([!-~]{1,255})"', key or "")
    if not quoted:
        raise Refusal("idempotency-key-missing", "The header Idempotency-Key with a quoted string is required.")
    if not isinstance(body, dict):
        raise Refusal("malformed-request", "The body is no JSON object.")
    reference = body.get("client_reference")
    if not isinstance(reference, str) or not 1 <= len(reference) <= 35:
        raise Refusal("malformed-request", "client_reference has 1 to 35 characters.")
    digest = hashlib.sha256((quoted[1] + json.dumps(body, sort_keys=True)).encode()).hexdigest()
    with ledger.transaction() as db:
        known = db.execute("SELECT * FROM orders WHERE client_reference=?", (reference,)).fetchone()
        if known is not None:
            if known["digest"] != digest or known["agent_id"] != agent:
                raise Refusal("client-reference-reused", "This reference was used for another order.")
            return 200, shown(known)
        return 201, _placed(ledger, db, agent, reference, digest, body)


def _placed(
    ledger: Ledger, db: sqlite3.Connection, agent: str, reference: str, digest: str, body: dict[str, Any]
) -> dict[str, Any]:
    number = equipment_of(ledger, body)
    found = ledger.equipment(number)
    if found is not None and found[0].get("automatic_supply"):
        raise Refusal("automatic-supply-active", "This equipment is supplied automatically.")
    items = body.get("items")
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise Refusal("malformed-request", "items is missing or no list of items.")
    for item in items:
        _check(ledger, db, number, item)
    content = {
        "equipment_number": number,
        "items": [{**item, "delivered_quantity": 0} for item in items],
        "ship_to": body.get("ship_to"),
        "trigger": body.get("trigger"),
    }
    cursor = db.execute(
        "INSERT INTO orders (agent_id, client_reference, equipment_number, digest, content, status, created_at)"
        " VALUES (?, ?, ?, ?, ?, 'received', ?)",
        (agent, reference, number, digest, json.dumps(content), stamp(dt.datetime.now(dt.UTC))),
    )
    row = db.execute("SELECT * FROM orders WHERE number=?", (cursor.lastrowid,)).fetchone()
    return shown(row)


def _check(ledger: Ledger, db: sqlite3.Connection, number: str, item: dict[str, Any]) -> None:
    row = db.execute(
        "SELECT content FROM bom_items WHERE equipment_number=? AND bom_item_number=? AND material=?",
        (number, item.get("bom_item_number"), item.get("component_material_number")),
    ).fetchone()
    if row is None:
        raise Refusal("material-not-in-bill-of-material", "The bill of material has no such position.")
    position = json.loads(row["content"])
    if not position.get("orderable", True):
        raise Refusal("material-not-orderable", str(position.get("not_orderable_reason") or "Not orderable."))
    quantity = item.get("quantity")
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 1 <= quantity <= position["max_quantity"]:
        raise Refusal("quantity-exceeds-limit", f"The quantity is from 1 to {position['max_quantity']}.")
    open_order = ledger.open_order(number, str(item.get("component_material_number")))
    if open_order:
        raise Refusal("order-already-open", "This material is on order already.", order_number=open_order)


def bill_of_material(ledger: Ledger, number: str) -> list[dict[str, Any]]:
    """The positions of an equipment with their open orders."""
    rows = ledger.db.execute(
        "SELECT content FROM bom_items WHERE equipment_number=? ORDER BY bom_item_number", (number,)
    )
    items = [json.loads(row["content"]) for row in rows]
    return [
        {**item, "open_order_number": ledger.open_order(number, item["component_material_number"])} for item in items
    ]


def shown(row: sqlite3.Row) -> dict[str, Any]:
    """An order in the contract's form."""
    content = json.loads(row["content"])
    return {
        "order_number": order_number(row["number"]),
        "client_reference": row["client_reference"],
        "equipment_number": row["equipment_number"],
        "status": row["status"],
        "items": content["items"],
        "created_at": row["created_at"],
        "tracking": None,
    }

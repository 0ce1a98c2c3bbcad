"""Consumable orders: from the bill of material only, one open order per equipment and material."""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
from typing import Any

from sandbox.portal.booking import digest_of, equipment_of
from sandbox.portal.ledger import CLOSED, Ledger, order_number
from sandbox.portal.moments import stamp
from sandbox.portal.problems import Refusal

STATUSES = ("received", "in_process", "partially_delivered", *CLOSED)
LONGEST_REFERENCE = 35  # SAP's PurchaseOrderByCustomer
KEY = re.compile(r'"([ !#-\[\]-~]{1,255})"')  # an RFC 9651 string without escapes


def place(ledger: Ledger, agent: str, key: str | None, body: dict[str, Any], now: dt.datetime) -> tuple[int, Any]:
    """HTTP status and order; the same key or reference with the same content gives the first order. Raises `Refusal`.

    The key guards the request (draft-ietf-httpapi-idempotency-key-header-07), the client reference the effect.
    """
    quoted = KEY.fullmatch(key or "")
    if not quoted:
        raise Refusal("idempotency-key-missing", "The header Idempotency-Key with a quoted string is required.")
    reference = body.get("client_reference")
    if not isinstance(reference, str) or not 1 <= len(reference) <= LONGEST_REFERENCE:
        raise Refusal("malformed-request", f"client_reference is no text of 1 to {LONGEST_REFERENCE} characters.")
    digest = digest_of(body)
    with ledger.transaction() as db:
        row = _known(db, agent, quoted[1], reference, digest)
        status = 200 if row else 201
        row = row or _placed(ledger, agent, reference, digest, body, now)
        db.execute(
            "INSERT OR IGNORE INTO idempotency_keys VALUES (?, ?, ?, ?)", (agent, quoted[1], digest, row["number"])
        )
        return status, shown(row)


def _known(db: sqlite3.Connection, agent: str, key: str, reference: str, digest: str) -> sqlite3.Row | None:
    used = db.execute("SELECT * FROM idempotency_keys WHERE agent_id=? AND key=?", (agent, key)).fetchone()
    if used is not None and used["digest"] != digest:
        raise Refusal("idempotency-key-reused", "This Idempotency-Key was used for another order.")
    row: sqlite3.Row | None = db.execute("SELECT * FROM orders WHERE client_reference=?", (reference,)).fetchone()
    if row is not None and (row["digest"] != digest or row["agent_id"] != agent):
        raise Refusal("client-reference-reused", "This reference was used for another order.")
    return row


def _placed(
    ledger: Ledger, agent: str, reference: str, digest: str, body: dict[str, Any], now: dt.datetime
) -> sqlite3.Row:
    number = equipment_of(ledger, body)
    found = ledger.equipment(number)
    if found is not None and found.content.get("automatic_supply"):
        raise Refusal("automatic-supply-active", "This equipment is supplied automatically.")
    items = _items(body)
    for item in items:
        _check(ledger, number, item)
    content = {
        "items": [
            {
                "bom_item_number": item["bom_item_number"],
                "component_material_number": item["component_material_number"],
                "quantity": item["quantity"],
                "unit": "ST",
                "delivered_quantity": 0,
            }
            for item in items
        ],
        "ship_to": body.get("ship_to"),
        "trigger": body.get("trigger"),
        "tracking": None,
    }
    cursor = ledger.db.execute(
        "INSERT INTO orders (agent_id, client_reference, equipment_number, digest, content, status, created_at)"
        " VALUES (?, ?, ?, ?, ?, 'received', ?)",
        (agent, reference, number, digest, json.dumps(content), stamp(now)),
    )
    row: sqlite3.Row = ledger.db.execute("SELECT * FROM orders WHERE number=?", (cursor.lastrowid,)).fetchone()
    # The table's key is the rule itself: a second open order of a material cannot be written.
    materials = [(number, item["component_material_number"], row["number"]) for item in items]
    ledger.db.executemany("INSERT INTO open_materials VALUES (?, ?, ?)", materials)
    return row


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    items = body.get("items")
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise Refusal("malformed-request", "items is missing or no list of items.")
    materials = [str(item.get("component_material_number")) for item in items]
    if len(set(materials)) != len(materials):
        raise Refusal("malformed-request", "A material is named twice.")
    for name in ("ship_to", "trigger"):
        if not isinstance(body.get(name), dict | None):
            raise Refusal("malformed-request", f"{name} is neither an object nor null.")
    return items


def _check(ledger: Ledger, number: str, item: dict[str, Any]) -> None:
    position_number, material = item.get("bom_item_number"), item.get("component_material_number")
    row = None
    if isinstance(position_number, str) and isinstance(material, str):
        row = ledger.db.execute(
            "SELECT content FROM bom_items WHERE equipment_number=? AND bom_item_number=? AND material=?",
            (number, position_number, material),
        ).fetchone()
    if row is None:
        raise Refusal("material-not-in-bill-of-material", "The bill of material has no such position.")
    position = json.loads(row["content"])
    if not position.get("orderable", True):
        raise Refusal("material-not-orderable", str(position.get("not_orderable_reason") or "Not orderable."))
    quantity, most = item.get("quantity"), position.get("max_quantity", 1)
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 1 <= quantity <= most:
        raise Refusal("quantity-exceeds-limit", f"The quantity is from 1 to {most}.", max_quantity=most)
    if item.get("unit", "ST") != "ST":
        raise Refusal("unit-mismatch", "Consumables are ordered in ST (pieces).")
    open_order = open_order_of(ledger, number, str(material))
    if open_order:
        raise Refusal("order-already-open", "This material is on order already.", order_number=open_order)


def open_order_of(ledger: Ledger, equipment: str, material: str) -> str | None:
    """The number of the open order of a material for an equipment."""
    row = ledger.db.execute(
        "SELECT number FROM open_materials WHERE equipment_number=? AND material=?", (equipment, material)
    ).fetchone()
    return order_number(row["number"]) if row else None


def bill_of_material(ledger: Ledger, number: str) -> list[dict[str, Any]]:
    """The positions of an equipment with their open orders."""
    rows = ledger.db.execute(
        "SELECT content FROM bom_items WHERE equipment_number=? ORDER BY bom_item_number", (number,)
    )
    items = [json.loads(row["content"]) for row in rows]
    return [
        {**item, "open_order_number": open_order_of(ledger, number, item["component_material_number"])}
        for item in items
    ]


def move(ledger: Ledger, number: int, status: str, tracking: str | None) -> dict[str, Any]:
    """Gives an open order another status; a delivered one has all its pieces. Raises `Refusal`."""
    with ledger.transaction() as db:
        row = db.execute("SELECT * FROM orders WHERE number=?", (number,)).fetchone()
        if row is None:
            raise Refusal("not-found", "There is no such order.")
        if row["status"] in CLOSED and status != row["status"]:
            raise Refusal("malformed-request", f"The order is {row['status']}; that is final.")
        content = json.loads(row["content"])
        content["tracking"] = tracking or content.get("tracking")
        if status == "delivered":
            content["items"] = [{**item, "delivered_quantity": item["quantity"]} for item in content["items"]]
        db.execute("UPDATE orders SET status=?, content=? WHERE number=?", (status, json.dumps(content), number))
        if status in CLOSED:
            db.execute("DELETE FROM open_materials WHERE number=?", (number,))
        return shown(db.execute("SELECT * FROM orders WHERE number=?", (number,)).fetchone())


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
        "tracking": content.get("tracking"),
    }

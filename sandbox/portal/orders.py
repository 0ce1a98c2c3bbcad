"""Consumable orders: from the bill of material only, one open order per equipment and material."""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.portal.booking import Clerk, digest_of, equipment_of
from sandbox.portal.ledger import Ledger, order_number
from sandbox.portal.moments import stamp
from sandbox.portal.problems import Refusal, error_at, malformed
from sandbox.portal.schema import CLOSED
from sandbox.portal.sent import SentOrder, check

# In the order of time; the last three are ends.
STATUSES = ("received", "in_process", "partially_delivered", *CLOSED)
LONGEST_REFERENCE = 35  # SAP's PurchaseOrderByCustomer
KEY = re.compile(r'"([ !#-\[\]-~]{1,255})"')  # an RFC 9651 string without escapes


@dataclass(frozen=True, slots=True)
class Move:
    """What the warehouse says of an order; `delivered` are the pieces delivered so far, by bom_item_number."""

    status: str
    tracking: str | None = None
    delivered: Mapping[str, int] = field(default_factory=dict)


def key_in(header: str | None) -> str:
    """The Idempotency-Key behind its quotes; raises `Refusal` when there is none."""
    quoted = KEY.fullmatch(header or "")
    if not quoted:
        raise Refusal("idempotency-key-missing", "The header Idempotency-Key with a quoted string is required.")
    return quoted[1]


def place(clerk: Clerk, key: str, body: dict[str, Any], retention: dt.timedelta) -> tuple[int, Any]:
    """HTTP status and order; the same key or reference with the same content gives the first order. Raises `Refusal`.

    The key guards the request (draft-ietf-httpapi-idempotency-key-header-07) for as long as the retention, the client
    reference the effect for ever.
    """
    reference = body.get("client_reference")
    if not isinstance(reference, str) or not 1 <= len(reference) <= LONGEST_REFERENCE:
        detail = f"client_reference is no text of 1 to {LONGEST_REFERENCE} characters."
        raise malformed(detail, "/client_reference")
    digest, agent_id = digest_of(body), clerk.agent.agent_id
    with clerk.ledger.transaction() as db:
        kept_since = stamp(clerk.now - retention)
        row = _known(db, agent_id, key, kept_since, reference, digest)
        status = 200 if row else 201
        row = row or _placed(clerk, reference, digest, body)
        db.execute(
            "INSERT INTO idempotency_keys (agent_id, key, digest, number, created_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (agent_id, key) DO UPDATE SET digest=excluded.digest, number=excluded.number,"
            " created_at=excluded.created_at WHERE created_at < ?",
            (agent_id, key, digest, row["number"], stamp(clerk.now), kept_since),
        )
        return status, shown(row)


def _known(
    db: sqlite3.Connection, agent: str, key: str, kept_since: str, reference: str, digest: str
) -> sqlite3.Row | None:
    query = "SELECT * FROM idempotency_keys WHERE agent_id=? AND key=? AND created_at >= ?"
    used = db.execute(query, (agent, key, kept_since)).fetchone()
    if used is not None and used["digest"] != digest:
        raise Refusal("idempotency-key-reused", "This Idempotency-Key was used for another order.")
    row: sqlite3.Row | None = db.execute("SELECT * FROM orders WHERE client_reference=?", (reference,)).fetchone()
    if row is not None and (row["digest"] != digest or row["agent_id"] != agent):
        raise Refusal("client-reference-reused", "This reference was used for another order.")
    return row


def _placed(clerk: Clerk, reference: str, digest: str, body: dict[str, Any]) -> sqlite3.Row:
    ledger, number = clerk.ledger, equipment_of(clerk, body)
    found = ledger.equipment(number)
    if found is not None and found.content.get("automatic_supply"):
        raise Refusal("automatic-supply-active", "This equipment is supplied automatically.")
    items = _items(body)
    check(SentOrder, body)
    for place_in_order, item in enumerate(items):
        _check(ledger, number, item, f"/items/{place_in_order}")
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
        "status_history": [{"status": "received", "at": stamp(clerk.now)}],
    }
    cursor = ledger.db.execute(
        "INSERT INTO orders (agent_id, client_reference, equipment_number, digest, content, status, created_at)"
        " VALUES (?, ?, ?, ?, ?, 'received', ?)",
        (clerk.agent.agent_id, reference, number, digest, json.dumps(content), stamp(clerk.now)),
    )
    row: sqlite3.Row = ledger.db.execute("SELECT * FROM orders WHERE number=?", (cursor.lastrowid,)).fetchone()
    # The table's key is the rule itself: a second open order of a material cannot be written.
    materials = [(number, item["component_material_number"], row["number"]) for item in items]
    ledger.db.executemany("INSERT INTO open_materials VALUES (?, ?, ?)", materials)
    return row


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    items = body.get("items")
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise malformed("items is missing or no list of items.", "/items")
    materials = [str(item.get("component_material_number")) for item in items]
    if len(set(materials)) != len(materials):
        raise malformed("A material is named twice.", "/items")
    return items


def _check(ledger: Ledger, number: str, item: dict[str, Any], place: str) -> None:
    position_number, material = item.get("bom_item_number"), item.get("component_material_number")
    row = None
    if isinstance(position_number, str) and isinstance(material, str):
        row = ledger.db.execute(
            "SELECT content FROM bom_items WHERE equipment_number=? AND bom_item_number=? AND material=?",
            (number, position_number, material),
        ).fetchone()
    if row is None:
        raise _refused("material-not-in-bill-of-material", "The bill of material has no such position.", place)
    position = json.loads(row["content"])
    if not position.get("orderable", True):
        raise _refused("material-not-orderable", str(position.get("not_orderable_reason") or "Not orderable."), place)
    quantity, most = item.get("quantity"), position.get("max_quantity", 1)
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 1 <= quantity <= most:
        text = f"The quantity is from 1 to {most}."
        raise _refused("quantity-exceeds-limit", text, f"{place}/quantity", max_quantity=most)
    if item.get("unit", "ST") != "ST":
        raise _refused("unit-mismatch", "Consumables are ordered in ST (pieces).", f"{place}/unit")
    open_order = open_order_of(ledger, number, str(material))
    if open_order:
        raise _refused("order-already-open", "This material is on order already.", place, order_number=open_order)


def _refused(slug: str, detail: str, pointer: str, **facts: object) -> Refusal:
    return Refusal(slug, detail, errors=[error_at(pointer, slug)], **facts)


def open_order_of(ledger: Ledger, equipment: str, material: str) -> str | None:
    """The number of the open order of a material for an equipment."""
    row = ledger.db.execute(
        "SELECT number FROM open_materials WHERE equipment_number=? AND material=?", (equipment, material)
    ).fetchone()
    return order_number(row["number"]) if row else None


def bill_of_material(ledger: Ledger, number: str) -> list[dict[str, Any]]:
    """The positions of an equipment with their open orders; none is orderable where the equipment as a whole is not."""
    rows = ledger.db.execute(
        "SELECT content FROM bom_items WHERE equipment_number=? ORDER BY bom_item_number", (number,)
    )
    found = ledger.equipment(number)
    closed = _why_closed(found.content) if found else None
    items = [json.loads(row["content"]) for row in rows]
    return [
        {
            **item,
            **({"orderable": False, "not_orderable_reason": closed} if closed else {}),
            "open_order_number": open_order_of(ledger, number, item["component_material_number"]),
        }
        for item in items
    ]


def _why_closed(equipment: dict[str, Any]) -> str | None:
    if equipment.get("status", "active") != "active":
        return "Das System ist außer Betrieb. / The system is no longer in service."
    if not (equipment.get("contract") or {}).get("active", True):
        return "Es besteht kein aktiver Vertrag. / There is no active contract."
    if equipment.get("automatic_supply"):
        return "Das System wird automatisch beliefert. / The system is supplied automatically."
    return None


def move(ledger: Ledger, number: int, change: Move, now: dt.datetime) -> dict[str, Any]:
    """Gives an open order a later status; a delivered one has all its pieces. Raises `Refusal`."""
    with ledger.transaction() as db:
        row = db.execute("SELECT * FROM orders WHERE number=?", (number,)).fetchone()
        if row is None:
            raise Refusal("not-found", "There is no such order.")
        _check_move(row["status"], change.status)
        content = json.loads(row["content"])
        content["tracking"] = change.tracking or content.get("tracking")
        content["items"] = [_delivered(item, change) for item in content["items"]]
        history = content.get("status_history") or [{"status": "received", "at": row["created_at"]}]
        if change.status != row["status"]:
            history = [*history, {"status": change.status, "at": stamp(now)}]
        content["status_history"] = history
        db.execute("UPDATE orders SET status=?, content=? WHERE number=?", (change.status, json.dumps(content), number))
        if change.status in CLOSED:
            db.execute("DELETE FROM open_materials WHERE number=?", (number,))
        return shown(db.execute("SELECT * FROM orders WHERE number=?", (number,)).fetchone())


def _check_move(before: str, after: str) -> None:
    if before in CLOSED and after != before:
        raise Refusal("malformed-request", f"The order is {before}; that is final.")
    if STATUSES.index(after) < STATUSES.index(before):
        raise Refusal("malformed-request", f"The order is {before} already.")


def _delivered(item: dict[str, Any], change: Move) -> dict[str, Any]:
    most, so_far = item["quantity"], item["delivered_quantity"]
    if change.status == "delivered":
        return {**item, "delivered_quantity": most}
    now = change.delivered.get(item["bom_item_number"], so_far)
    if not so_far <= now <= most:
        raise Refusal("malformed-request", f"{so_far} to {most} pieces can have been delivered.")
    return {**item, "delivered_quantity": now}


def shown(row: sqlite3.Row) -> dict[str, Any]:
    """An order in the contract's form."""
    content = json.loads(row["content"])
    return {
        "order_number": order_number(row["number"]),
        "client_reference": row["client_reference"],
        "equipment_number": row["equipment_number"],
        "status": row["status"],
        "status_history": content.get("status_history") or [{"status": "received", "at": row["created_at"]}],
        "items": content["items"],
        "created_at": row["created_at"],
        "tracking": content.get("tracking"),
    }

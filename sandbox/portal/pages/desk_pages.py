"""Pages of orders and service notifications: their status, and moving it as the warehouse or the service would."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from sandbox.portal import notifications, orders
from sandbox.portal.pages.frame import View, number_of, order_link, system_link
from sandbox.portal.pages.markup import Markup, join, tag
from sandbox.portal.schema import CLOSED

ORDER_HEADINGS = ("order", "equipment_number", "items", "state", "ordered_at", "tracking")
NOTICE_HEADINGS = ("notification", "equipment_number", "cause", "text", "priority", "created", "state", "")


def order_list(view: View, rows: Sequence[sqlite3.Row], more: int | None) -> bytes:
    """All orders, the newest first."""
    following = tag("p", tag("a", view.words("older"), href=f"/portal/orders?before={more}")) if more else None
    return view.page("orders", view.words("orders"), order_table(view, rows), following)


def order_table(view: View, rows: Sequence[sqlite3.Row]) -> Markup:
    """Orders with their status."""
    return view.table(ORDER_HEADINGS, [_order_row(view, orders.shown(row)) for row in rows])


def _order_row(view: View, order: dict[str, Any]) -> list[Any]:
    items = [[f"{one['quantity']} × {one['component_material_number']}", tag("br")] for one in order["items"]]
    return [
        order_link(order["order_number"]),
        system_link(order["equipment_number"]),
        items,
        view.badge(order["status"]),
        view.words.moment(order["created_at"]),
        order["tracking"] or "",
    ]


def order_page(view: View, row: sqlite3.Row) -> bytes:
    """One order with its history, and the form that moves it."""
    words, order = view.words, orders.shown(row)
    trigger = json.loads(row["content"]).get("trigger") or {}
    why = ", ".join(f"{words.known(name)}: {value}" for name, value in trigger.items() if value not in (None, ""))
    items = [
        [one["bom_item_number"], one["component_material_number"], one["quantity"], one["delivered_quantity"]]
        for one in order["items"]
    ]
    history = [[words.known(one["status"]), words.moment(one["at"])] for one in order["status_history"]]
    return view.page(
        "orders",
        f"{words('order')} {number_of(order['order_number'])}",
        view.facts(
            ("equipment_number", system_link(order["equipment_number"])),
            ("state", view.badge(order["status"])),
            ("tracking", order["tracking"]),
            ("reference", order["client_reference"]),
            ("by", row["agent_id"]),
            ("reason", why),
        ),
        tag("h2", words("items")),
        view.table(("position", "material", "quantity", "delivered_quantity"), items),
        tag("h2", words("history")),
        view.table(("state", "since"), history),
        None if order["status"] in CLOSED else _move_form(view, order),
    )


def _move_form(view: View, order: dict[str, Any]) -> Markup:
    words = view.words
    later = orders.STATUSES[orders.STATUSES.index(order["status"]) :]
    options = [tag("option", words(status), value=status) for status in later]
    delivered = [
        tag(
            "label",
            tag("span", f"{words('delivered_quantity')}: {one['component_material_number']}"),
            tag(
                "input",
                type="number",
                name=f"delivered-{one['bom_item_number']}",
                value=one["delivered_quantity"],
                min=one["delivered_quantity"],
                max=one["quantity"],
            ),
            class_="field",
        )
        for one in order["items"]
    ]
    form = view.form(
        f"/portal/orders/{order['order_number']}/status",
        tag("label", tag("span", words("state")), tag("select", options, name="status"), class_="field"),
        delivered,
        tag(
            "label",
            tag("span", words("tracking")),
            tag("input", name="tracking", value=order["tracking"] or "", maxlength=60),
            class_="field",
        ),
        tag("button", words("save")),
        class_="row",
    )
    hint = tag("p", words("move_hint"), class_="faint")
    return join([tag("h2", words("move")), tag("div", form, hint, class_="card")])


def notification_list(view: View, rows: Sequence[sqlite3.Row], more: int | None) -> bytes:
    """All service notifications, the newest first."""
    older = f"/portal/notifications?before={more}"
    following = tag("p", tag("a", view.words("older"), href=older)) if more else None
    return view.page("notifications", view.words("notifications"), notification_table(view, rows), following)


def notification_table(view: View, rows: Sequence[sqlite3.Row]) -> Markup:
    """Service notifications with their status, the open ones with buttons to move them."""
    return view.table(NOTICE_HEADINGS, [_notice_row(view, row) for row in rows])


def _notice_row(view: View, row: sqlite3.Row) -> list[Any]:
    words, notice = view.words, notifications.shown_notification(row)
    number, status = notice["notification_number"], notice["status"]
    later = notifications.STATUSES[notifications.STATUSES.index(status) + 1 :]
    buttons = [tag("button", words(one), name="status", value=one, class_="quiet") for one in later]
    move = view.form(f"/portal/notifications/{number}/status", buttons, class_="row") if buttons else ""
    text = [notice["short_text"], tag("br"), tag("small", notice["long_text"], class_="faint")]
    return [
        tag("span", number, class_="number"),
        system_link(notice["equipment_number"]),
        tag("code", notice["cause"]),
        text,
        words(notice["priority"]),
        words.moment(notice["created_at"]),
        view.badge(status),
        move,
    ]

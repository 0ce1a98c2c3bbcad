"""Pages of equipment and its readings: what SAP knows of each system, what was reported, and taking a reading back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from sandbox.portal.ledger import Ledger, Record, document_number
from sandbox.portal.orders import bill_of_material
from sandbox.portal.pages.desk_pages import notification_table, order_table
from sandbox.portal.pages.frame import View, number_of, order_link, spaced, system_link
from sandbox.portal.pages.markup import Child, Markup, join, tag

READING_HEADINGS = ("document", "equipment_number", "meter", "value", "read_at", "booked_at", "by", "findings", "state")
BOM_HEADINGS = ("position", "material", "description", "kind", "colorant", "yield", "orderable", "most", "open_order")


def system_list(view: View, records: Sequence[Record], ledger: Ledger, query: str, more: str | None) -> bytes:
    """All equipment that fits a search."""
    words = view.words
    search = tag(
        "form",
        tag(
            "label",
            tag("span", words("search_hint")),
            tag("input", type="search", name="q", value=query, size=40),
            class_="field",
        ),
        tag("button", words("search")),
        method="get",
        class_="row",
    )
    headings = ("equipment_number", "description", "serial", "tidnr", "location", "state", "last_total")
    table = view.table(headings, [_system_row(view, record, ledger) for record in records])
    following = tag("p", tag("a", words("next"), href=f"/portal/systems?after={more}")) if more else None
    return view.page("systems", words("systems"), search, tag("p"), table, following)


def _system_row(view: View, record: Record, ledger: Ledger) -> list[Any]:
    one = record.content
    total = next((point for point in ledger.points(one["equipment_number"]) if point["meter_code"] == "total"), None)
    last = total["last_reading"] if total else None
    place = ", ".join(filter(None, (one["location"].get(name) for name in ("building", "floor", "room"))))
    return [
        system_link(one["equipment_number"]),
        [one["description"] or one["model"], " ", _marks(view, one)],
        one["manufacturer_serial_number"],
        one["technical_identification_number"],
        place,
        _state(view, one),
        [view.words.number(last["value"]), tag("br"), tag("small", view.words.moment(last["read_at"]), class_="faint")]
        if last
        else "",
    ]


def _marks(view: View, one: dict[str, Any]) -> Markup:
    marks = [view.badge("third_party") if one["third_party"] else None]
    marks += [view.badge("automatic") if one["automatic_supply"] else None]
    return spaced(marks)


def _state(view: View, one: dict[str, Any]) -> Markup:
    state = "decommissioned" if one["status"] != "active" else "active"
    return spaced([view.badge(state), None if one["contract"]["active"] else view.badge("contract_none")])


def system_page(view: View, record: Record, ledger: Ledger) -> bytes:
    """One equipment with everything that belongs to it."""
    words, one = view.words, record.content
    number = one["equipment_number"]
    query = "SELECT * FROM {} WHERE equipment_number=? ORDER BY number DESC LIMIT 20"
    readings, orders, notices = (
        ledger.db.execute(query.format(table), (number,)).fetchall()
        for table in ("documents", "orders", "notifications")
    )
    title = f"{one['description'] or one['model'] or words('equipment_number')} · {number_of(number)}"
    return view.page(
        "systems",
        title,
        _master(view, one),
        _rename_form(view, record),
        tag("h2", words("points")),
        _points(view, ledger.points(number)),
        _capture_form(view, one, ledger.points(number)),
        tag("h2", words("readings"), " ", tag("a", words("all_of"), href=f"/portal/readings?equipment={number}")),
        reading_table(view, readings),
        tag("h2", words("bom")),
        _bom(view, bill_of_material(ledger, number)),
        tag("h2", words("orders")),
        order_table(view, orders),
        tag("h2", words("notifications")),
        notification_table(view, notices),
    )


def _master(view: View, one: dict[str, Any]) -> Markup:
    contract, words = one["contract"], view.words
    period = " – ".join(filter(None, (words.day(contract[name]) for name in ("valid_from", "valid_to"))))
    place = ", ".join(filter(None, (one["location"].get(name) for name in ("building", "floor", "room"))))
    return view.facts(
        ("equipment_number", tag("span", number_of(one["equipment_number"]), class_="number")),
        ("manufacturer", [one["manufacturer"], " ", _marks(view, one)] if one["manufacturer"] else None),
        ("model", one["model"]),
        ("serial", one["manufacturer_serial_number"]),
        ("tidnr", one["technical_identification_number"]),
        ("material", one["material_number"]),
        ("location", place),
        ("contract", f"{number_of(contract['contract_number'])} {period}" if contract["contract_number"] else None),
        ("state", _state(view, one)),
        ("due", words.day(one["reading_due_on"])),
    )


def _rename_form(view: View, record: Record) -> Markup:
    one, words = record.content, view.words
    value = one["technical_identification_number"] or ""
    form = view.form(
        f"/portal/systems/{one['equipment_number']}/name",
        tag("input", type="hidden", name="version", value=record.version),
        tag(
            "label",
            tag("span", words("tidnr")),
            tag("input", name="number", value=value, maxlength=25),
            class_="field",
        ),
        tag("button", words("save")),
        class_="row",
    )
    return tag("details", tag("summary", words("rename")), form)


def _capture_form(view: View, one: dict[str, Any], points: Sequence[dict[str, Any]]) -> Markup:
    words = view.words
    fields = [
        tag(
            "label",
            tag("span", words.meter(point["meter_code"])),
            tag("input", name=f"point-{point['measuring_point']}", inputmode="numeric", size=12),
            class_="field",
        )
        for point in points
    ]
    moment = tag("input", type="datetime-local", name="read_at")
    ticks = [
        tag("label", tag("input", type="checkbox", name=name, value="yes"), " ", words(name))
        for name in ("replaced", "acknowledge")
    ]
    form = view.form(
        f"/portal/systems/{one['equipment_number']}/readings",
        tag("p", words("capture_hint"), class_="faint"),
        tag("div", fields, tag("label", tag("span", words("read_at")), moment, class_="field"), class_="row"),
        tag("div", ticks, class_="row"),
        tag("button", words("save")),
        class_="card",
    )
    return tag("details", tag("summary", words("capture")), form)


def _points(view: View, points: Sequence[dict[str, Any]]) -> Markup:
    words = view.words
    rows = []
    for point in points:
        last = point["last_reading"]
        shown: list[Child] = [tag("span", words.number(last["value"]), class_="number")] if last else []
        shown += [tag("br"), tag("small", words.moment(last["read_at"]), class_="faint")] if last else []
        shown += [" ", view.badge("estimated")] if last and last["estimated"] else []
        mandatory = words("yes") if point["mandatory"] else words("no")
        rows.append(
            [
                point["measuring_point"],
                words.meter(point["meter_code"]),
                mandatory,
                words.number(point["annual_estimate"]),
                shown,
            ]
        )
    return view.table(("point", "meter", "mandatory", "annual", "last_reading"), rows)


def _bom(view: View, items: Sequence[dict[str, Any]]) -> Markup:
    words = view.words
    rows = [
        [
            item["bom_item_number"],
            item["component_material_number"],
            item["description"],
            words.supply(item["component_type"]),
            words.supply(item["colorant"] or ""),
            words.number(item["yield_pages"]),
            words("yes") if item["orderable"] else f"{words('no')}: {words.part(item['not_orderable_reason'] or '')}",
            item["max_quantity"],
            order_link(item["open_order_number"]) if item["open_order_number"] else "",
        ]
        for item in items
    ]
    return view.table(BOM_HEADINGS, rows)


def reading_list(view: View, rows: Sequence[sqlite3.Row], equipment: str, more: int | None) -> bytes:
    """Measurement documents, the newest first."""
    words = view.words
    older = f"/portal/readings?before={more}" + (f"&equipment={equipment}" if equipment else "")
    following = tag("p", tag("a", words("older"), href=older)) if more else None
    filtered = tag("p", system_link(equipment), " · ", tag("a", words("all_of"), href="/portal/readings"))
    return view.page(
        "readings", words("readings"), filtered if equipment else None, reading_table(view, rows), following
    )


def reading_table(view: View, rows: Sequence[sqlite3.Row]) -> Markup:
    """Measurement documents with their notices, each with a way to reverse it."""
    return view.table(READING_HEADINGS, [_reading_row(view, row) for row in rows])


def _reading_row(view: View, row: sqlite3.Row) -> list[Any]:
    words = view.words
    findings = [tag("span", view.badge(one["code"]), title=one["detail"]) for one in json.loads(row["findings"])]
    value: list[Child] = [tag("span", words.number(row["value"]), class_="number")]
    value += [" ", view.badge("estimated")] if row["estimated"] else []
    if row["reversed"]:
        reason = words.known(row["reversal_reason"] or "")
        state = join([view.badge("reversed"), tag("br"), tag("small", reason, " ", words.moment(row["reversed_at"]))])
    else:
        reverse = f"/portal/readings/{row['number']}/reversal"
        state = view.confirmed(words("reverse"), reverse, words("reverse_sure"))
    return [
        tag("span", number_of(document_number(row["number"])), class_="number"),
        system_link(row["equipment_number"]),
        words.meter(row["meter_code"]),
        value,
        words.moment(row["read_at"]),
        words.moment(row["booked_at"]),
        words("by_key_user") if row["agent_id"] == "key-user" else row["agent_id"] or words("by_sap"),
        spaced(findings),
        state,
    ]

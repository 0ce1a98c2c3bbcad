"""The supplies of an equipment as the order rules see them: what is left, until when, and what follows from that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console

from agent.app import Agent
from agent.cli.orders import print_items, receipts_of
from agent.cli.tables import level_text, new_table, plain, row, section
from agent.language import _, moment, number, show
from agent.order_book import OrderBook, calendar_of
from agent.printers import Equipment
from agent.stockroom import Stockroom, annual_estimate_of, local_day
from agent.store import Store
from agent.supplies.forecast import Forecast
from agent.supplies.levels import Supply
from agent.supplies.lives import Life
from agent.supplies.policy import SlotView, Wish, wish
from agent.supplies.slots import SlotState
from agent.supply_memory import SqlSupplies
from agent.texts import Message, message

LATEST_ORDERS = 5


@dataclass(frozen=True, slots=True)
class Outlook:
    """One slot: what is in it, what is forecast, and the reason to order, if there is one."""

    supply: Supply
    state: SlotState
    forecast: Forecast | None
    wish: Wish | None


def outlooks(agent: Agent, store: Store, equipment: Equipment) -> Iterable[Outlook]:
    """Every slot of which something was seen, by what was seen last."""
    supplies, orders = SqlSupplies(store), agent.settings.orders
    calendar, rules = calendar_of(orders), OrderBook(orders).rules(equipment)
    room, full, now = Stockroom(supplies, calendar), equipment.equipment_number, agent.clock.now()
    for slot, memory in sorted(supplies.slots([full]).get(full, {}).items()):
        state = memory.state()
        if state is None:
            continue
        level = state.life.last.level
        supply = Supply(slot, state.type, "consumed", state.colorant, state.description, level)
        usage = room.usage(full, supply, now, annual_estimate_of(equipment, supply))
        view = SlotView(supply, state.life, state.before, usage, local_day(now), calendar)
        yield Outlook(supply, state, view.forecast, wish(view, rules))


def print_supplies(console: Console, agent: Agent, store: Store, equipment: Equipment) -> None:
    """A table of the slots, and the latest orders."""
    table = new_table(_("Supply"), _("Level"), _("In the printer since"), _("Pages"), _("Empty in days"), _("Order"))
    for one in outlooks(agent, store, equipment):
        life = one.state.life
        name = " ".join(filter(None, (plain(one.supply.description), f"({one.supply.slot})")))
        since = since_text(life)
        asked = show(one.wish.reason.message) if one.wish else _("not needed yet")
        pages = number(life.pages) if life.pages is not None else "–"
        row(table, name, level_text(one.supply.level), since, pages, days_text(one.forecast), asked)
    section(console, _("Supplies"), table)
    if table.row_count:
        console.print(show(rules_text(OrderBook(agent.settings.orders), equipment)), markup=False, highlight=False)
    items = [*SqlSupplies(store).items(equipment.equipment_number)][-LATEST_ORDERS:]
    print_items(console, items, receipts_of(store, items))


def rules_text(book: OrderBook, equipment: Equipment) -> Message:
    """By which rules it is ordered, and whose they are."""
    rules, group = book.rules(equipment), book.group_of(equipment)
    whose = show(message("the group {name}", name=plain(group))) if group else "[orders]"
    return message(
        "Order rules of {whose}: {armed}; risk {risk} percent, {lead} and {safety} working days; never above {most}"
        " percent, without a forecast at {threshold} percent.",
        whose=whose,
        armed=_("armed") if rules.armed else _("not armed"),
        risk=f"{100 * rules.risk:g}",
        lead=rules.lead_days,
        safety=rules.safety_days,
        most=f"{rules.mostly_used_percent:g}",
        threshold=f"{rules.threshold_percent:g}",
    )


def since_text(life: Life) -> str:
    """Since when a cartridge is in the printer, as far as that was seen."""
    when = moment(life.first.at)
    if life.changed_by is None:
        return _("first seen {when}").replace("{when}", when)
    return _("before {when}").replace("{when}", when) if life.changed_by == "pages" else when


def days_text(told: Forecast | None) -> str:
    """The likely day, and the interval with its confidence."""
    if told is None:
        return _("cannot be told")
    if told.likely is None:
        return _("not within two years")
    earliest, latest = (str(day) if day is not None else "…" for day in (told.earliest, told.latest))
    said = message(
        "{likely}; with 80 percent {earliest} to {latest}", likely=told.likely, earliest=earliest, latest=latest
    )
    return show(said)

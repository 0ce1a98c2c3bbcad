"""orders: what is on order, why, what would have been ordered, and what a person says about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from agent.cli.jsonl import emit
from agent.cli.person import remark, say, who
from agent.cli.service import agent_of
from agent.cli.tables import new_table, plain, row, section
from agent.clock import SystemClock
from agent.errors import AgentError
from agent.language import _, moment, number, show
from agent.loop import run
from agent.memory import HistoryEvent, SqlMemory
from agent.order_book import OrderBook, calendar_of
from agent.simulation.replay import SlotHistory, WouldBe, beyond_caps, replay, sums
from agent.supplies.levels import Supply
from agent.supplies.orders import ALL, CONFIRMED_FOR, Instruction, OrderedItem, OrderStatus
from agent.supplies.slots import counter_of
from agent.supply_memory import SqlSupplies
from agent.texts import message
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import timestamp

if TYPE_CHECKING:
    from agent.app import Agent
    from agent.store import Store

EVERY = "all"  # what a person types in place of an equipment
UNDER_WAY: tuple[OrderStatus, ...] = ("wanted", "received", "in_process", "partially_delivered")
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def status_name(status: OrderStatus) -> str:
    """A status in the reader's language."""
    names = {
        "wanted": _("on its way to the portal"),
        "received": _("received"),
        "in_process": _("in process"),
        "partially_delivered": _("partially delivered"),
        "delivered": _("delivered"),
        "installed": _("installed"),
        "cancelled": _("cancelled"),
        "rejected": _("rejected"),
        "closed": _("closed"),
        "not_placed": _("not placed"),
    }
    return names.get(status, status)


def list_orders(config: Path | None, *, every: bool, fresh: bool, as_json: bool) -> int:
    """What is on order, or everything that ever was, and what people have said about orders to come.

    `fresh` asks the portal first what has become of them; what kept it from that is said, and the exit code.
    """
    agent = agent_of(config)
    trouble = run(agent.follow_orders()) if fresh else None
    if trouble is not None:
        remark(trouble.what)
        remark(message("So this is how things stood when the portal was asked last."))
    ended = trouble.exit_code if trouble is not None else 0
    with agent.store(exclusive=False) as store:
        supplies = SqlSupplies(store)
        items = supplies.items() if every else supplies.open_items()
        said = [one for one in supplies.instructions() if one.counts(agent.clock.now())]
        receipts = receipts_of(store, items)
    if as_json:
        for item in items:
            emit(item_json(item, receipts.get(item.reference)))
        return ended
    console = Console()
    print_items(console, items, receipts)
    print_instructions(console, said)
    if not items and not said:
        say(message("Nothing is on order."))
    _say_unarmed(agent)
    return ended


def _say_unarmed(agent: Agent) -> None:
    orders = agent.settings.orders
    if not orders.armed and not any(group.armed for group in orders.groups):
        say(message("Orders are not armed: nothing is ordered. See what would be with: meter-agent orders simulate"))


def receipts_of(store: Store, items: Sequence[OrderedItem]) -> dict[str, str]:
    """The portal's order numbers by reference."""
    standings = SqlMemory(store).standings(list(dict.fromkeys(item.reference for item in items)))
    return {reference: ", ".join(one.receipts) for reference, one in standings.items() if one.receipts}


def item_json(item: OrderedItem, order_number: str | None) -> dict[str, object]:
    """One piece for scripts."""
    return {
        "reference": item.reference,
        "order_number": order_number,
        "equipment_number": item.equipment_number,
        "slot": item.slot,
        "material_number": item.material_number,
        "description": item.description,
        "status": item.status,
        "ordered_at": timestamp(item.ordered_at),
        "changed_at": timestamp(item.changed_at) if item.changed_at else None,
        "tracking": item.tracking,
        "reason": {"code": item.why.code, "detail": str(item.why.message)},
        "group": item.group or None,
        "chance": item.chance,
        "days_left": list(item.days) if item.days else None,
    }


def print_items(console: Console, items: Sequence[OrderedItem], receipts: dict[str, str]) -> None:
    """Pieces with their status; under the reference the portal's order number."""
    table = new_table(_("Reference"), _("Equipment"), _("What"), _("Ordered"), _("Status"), _("Why"))
    for item in items:
        since = moment(item.changed_at) if item.changed_at else ""
        changed = "\n".join(filter(None, (status_name(item.status), since, plain(item.tracking))))
        what = "\n".join(filter(None, (plain(item.description), item.material_number)))
        names = "\n".join(filter(None, (item.reference[:12], receipts.get(item.reference))))
        row(
            table,
            names,
            item.equipment_number.lstrip("0"),
            what,
            moment(item.ordered_at),
            changed,
            show(item.why.message),
        )
    table.columns[0].no_wrap = table.columns[1].no_wrap = True  # what is broken cannot be typed
    section(console, _("Orders"), table)


def print_instructions(console: Console, said: Sequence[Instruction]) -> None:
    """Who held back or confirmed what."""
    table = new_table(_("Equipment"), _("Supply"), _("What was said"), _("When"), _("By"), _("Note"))
    for one in said:
        kinds = {"held": _("held back"), "confirmed": _("confirmed"), "unsure": _("held back after damage")}
        kind, equipment = kinds[one.kind], one.equipment_number.lstrip("0") or _("all")
        row(table, equipment, one.slot or _("all"), kind, moment(one.at), one.by, one.note)
    section(console, _("Said about orders to come"), table)


def explain_order(config: Path | None, reference: str) -> int:
    """Why something was ordered, and its way since then."""
    agent = agent_of(config)
    with agent.store(exclusive=False) as store:
        memory, supplies = SqlMemory(store), SqlSupplies(store)
        found = named(store, supplies.items(), reference)
        if not found:
            raise AgentError(
                message("There is not exactly one order with the reference {id}.", id=reference),
                message("Look up the references with: meter-agent orders list --all"),
            )
        history = memory.history(found[0].reference)
        receipts = receipts_of(store, found)
    console = Console()
    for item in found:
        for line in reasons_of(item, receipts.get(item.reference)):
            console.print(line, markup=False, highlight=False)
    table = new_table(_("When"), _("What happened"))
    for when, what in way_of(history, found):
        row(table, moment(when), what)
    section(console, _("Its way"), table)
    return 0


def named(store: Store, items: Sequence[OrderedItem], typed: str) -> list[OrderedItem]:
    """The pieces of the one order with this reference, its beginning, or this number of the portal; else none."""
    numbers = receipts_of(store, items)
    found = [item for item in items if item.reference.startswith(typed) or numbers.get(item.reference) == typed]
    return found if typed and len({item.reference for item in found}) == 1 else []


def way_of(history: Sequence[HistoryEvent], items: Sequence[OrderedItem]) -> list[tuple[datetime, str]]:
    """What happened to an order on its way to the portal, there, and back to the printer."""
    sent = [(event.at, show(event.note) if event.note else event.state) for event in history]
    moved = []
    for item in items:
        for status, when in item.steps:
            told = f"{status_name(status)} ({item.tracking})" if status == "delivered" and item.tracking else None
            moved.append((when, told or status_name(status)))
    return sorted([*sent, *dict.fromkeys(moved)])


def reasons_of(item: OrderedItem, order_number: str | None) -> Iterable[str]:
    """What was ordered, and what was known then."""
    what = message(
        "Ordered for equipment {equipment}: {what}, material {material}.",
        equipment=item.equipment_number.lstrip("0"),
        what=plain(item.description) or "–",
        material=item.material_number,
    )
    yield show(what)
    yield show(message("Order {order}, now: {status}.", order=order_number or "–", status=status_name(item.status)))
    yield show(item.why.message)
    if item.group:
        yield show(message("By the order rules of the group {name}.", name=plain(item.group)))
    elif item.group is not None:
        yield show(message("By the order rules of the section [orders]."))
    if item.percent:
        low, high = (f"{part:g}" for part in item.percent)
        yield show(message("Between {low} and {high} percent was left.", low=low, high=high))
    if item.days:
        earliest, likely, latest = (str(day) if day is not None else "–" for day in item.days)
        yield show(
            message(
                "It would have been empty in {likely} days; with a confidence of 80 percent in {earliest} to {latest}.",
                likely=likely,
                earliest=earliest,
                latest=latest,
            )
        )
    if item.cartridge:
        yield show(message("In the printer was the cartridge {serial}.", serial=plain(item.cartridge)))


def instruct(config: Path | None, equipment: str, slot: str, *, kind: Literal["held", "confirmed"], note: str) -> int:
    """Holds back or confirms orders of one supply, or of all of an equipment; holds back all."""
    agent = agent_of(config)
    with agent.store(exclusive=False) as store:
        supplies = SqlSupplies(store)
        full = ALL if kind == "held" and not slot and equipment == EVERY else equipment_number(store, equipment)
        if slot and slot not in supplies.slots([full]).get(full, {}):
            known = ", ".join(sorted(supplies.slots([full]).get(full, {}))) or "–"
            raise AgentError(
                message("Equipment {equipment} has no supply {slot}.", equipment=equipment, slot=slot),
                message("It has: {slots}.", slots=known),
            )
        supplies.instruct(Instruction(full, slot, kind, SystemClock().now(), who(), note))
        others = [one for one in supplies.instructions(full) if one.kind == "held" and _concerns(one, slot)]
        under_way = [one for one in supplies.open_items(full) if slot in ("", one.slot) and one.status in UNDER_WAY]
    if kind == "confirmed":
        say(
            message(
                "Confirmed: it is ordered in the next cycle if it is still needed, and only within {days} days.",
                days=CONFIRMED_FOR.days,
            )
        )
        _say_held(others)
        _say_unarmed(agent)
        return 0
    release_it = _release(equipment, slot)
    if full == ALL:
        say(message("Nothing is ordered until: meter-agent orders release {number}", number=EVERY))
        return 0
    say(message("Nothing is ordered for it until: {command}", command=release_it))
    for reference in dict.fromkeys(item.reference[:12] for item in under_way):
        say(
            message(
                "Order {id} is on its way all the same. Look at it with: meter-agent orders explain {id}", id=reference
            )
        )
    return 0


def _concerns(one: Instruction, slot: str) -> bool:
    return not slot or one.slot in ("", slot)


def _release(equipment: str, slot: str) -> str:
    """The command that takes back what was said."""
    return f"meter-agent orders release {equipment.lstrip('0') or EVERY}" + (f" --slot {slot}" if slot else "")


def _say_held(held: Iterable[Instruction]) -> None:
    for one in held:
        release_it = _release(one.equipment_number, one.slot)
        say(message("It is held back as long as nobody says: {command}", command=release_it))


def release(config: Path | None, equipment: str, slot: str) -> int:
    """Takes back what was said."""
    with agent_of(config).store(exclusive=False) as store:
        supplies = SqlSupplies(store)
        full = ALL if equipment == EVERY else equipment_number(store, equipment)
        done = supplies.withdraw(full, slot)
        others = [one for one in supplies.instructions(full) if one.kind == "held" and _concerns(one, slot)]
    say(message("Taken back.") if done else message("Nothing had been said about it."))
    _say_held(others)
    return 0 if done else 1


def close(config: Path | None, reference: str) -> int:
    """An order is over, as a person knows: the same may be ordered again. What has not left yet is never sent."""
    now = SystemClock().now()
    with agent_of(config).store(exclusive=False) as store, store.together():
        supplies = SqlSupplies(store)
        found = named(store, supplies.open_items(), reference)
        if not found:
            raise AgentError(
                message("There is not exactly one open order with the reference {id}.", id=reference),
                message("Look up the references with: meter-agent orders list"),
            )
        order = found[0].reference
        withdrawn = SqlOutbox(store).withdraw(order, who(), now)
        _refuse_in_flight(store, order)
        for item in found:
            supplies.follow(item, "closed", now)
        receipt = receipts_of(store, found).get(order)
    if withdrawn:
        say(message("It is not sent to the portal any more."))
    elif receipt:
        say(message("At the portal, order {order} stays as it is.", order=receipt))
    say(message("Closed; the same may be ordered again."))
    return 0


def _refuse_in_flight(store: Store, reference: str) -> None:
    """Raises `AgentError` while nobody knows whether the portal has this order: freed, it might be placed twice."""
    standing = SqlMemory(store).standings([reference]).get(reference)
    if standing is not None and standing.state == "waiting":
        raise AgentError(
            message("{id} may be at the portal already; its answer is not known yet.", id=reference[:12]),
            message("Wait for the next delivery: the portal books it once, and its answer decides."),
        )


def equipment_number(store: Store, typed: str) -> str:
    """The whole number, with its leading zeros. Raises `AgentError` for one that the last cycle did not have."""
    for one in SqlMemory(store).known_equipments():
        if one.equipment_number.lstrip("0") == typed.lstrip("0"):
            return one.equipment_number
    raise AgentError(
        message("There is no equipment {number}.", number=typed),
        message("Look up the numbers with: meter-agent status"),
    )


def simulate(config: Path | None, *, days: int, as_json: bool) -> int:
    """What the rules would have ordered in the last days, by what was really seen."""
    agent = agent_of(config)
    since = SystemClock().now() - timedelta(days=days)
    with agent.store(exclusive=False) as store:
        orders = sorted(flights(agent, store, since), key=lambda one: one.at)
    if as_json:
        for one in orders:
            emit(would_be_json(one))
        return 0
    table = new_table(_("When"), _("Equipment"), _("Supply"), _("Why"), _("There on"), _("What happened"))
    for one in orders:
        name = " ".join(filter(None, (plain(one.supply.description), f"({one.supply.slot})")))
        why, end = show(one.decision.wish.reason.message), verdict_text(one)
        row(table, moment(one.at), one.equipment_number.lstrip("0"), name, why, one.arrives.isoformat(), end)
    section(Console(), _("These would have been ordered"), table)
    told = sums(orders)
    say(
        message(
            "In the last {days} days: {orders} orders, {twice} of them twice for the same cartridge, {late} too late.",
            days=days,
            orders=number(told["orders"]),
            twice=number(told["twice"]),
            late=number(told["too_late"]),
        )
    )
    caps = agent.settings.orders
    if waiting := beyond_caps(orders, caps.max_per_equipment_per_day, caps.max_per_day):
        say(message("{count} of them the limits of a day would have kept for a person or the next day.", count=waiting))
    return 0


def flights(agent: Agent, store: Store, since: datetime) -> Iterable[WouldBe]:
    """The replay of every slot of every equipment that the portal has."""
    supplies, book = SqlSupplies(store), OrderBook(agent.settings.orders)
    calendar = calendar_of(agent.settings.orders)
    for equipment in SqlMemory(store).known_equipments():
        full, rules = equipment.equipment_number, book.rules(equipment)
        days = supplies.days(full, LONG_AGO.date())
        for slot, memory in supplies.slots([full]).get(full, {}).items():
            state = memory.state()
            looks = supplies.looks(full, slot, LONG_AGO)
            if state is None or not looks or equipment.automatic_supply:
                continue
            supply = Supply(slot, state.type, "consumed", state.colorant, state.description, looks[-1].level)
            colored = counter_of(supply) == "color" and any(color is not None for _day, _total, color in days)
            counts = [(day, color if colored else total) for day, total, color in days]
            known = [(day, count) for day, count in counts if count is not None]
            yield from replay(SlotHistory(full, supply, looks, known, state.yield_pages), rules, since, calendar)


def verdict_text(one: WouldBe) -> str:
    """What happened after the order."""
    if one.changed is None:
        text = _("not changed yet")
    elif one.verdict == "too_late":
        text = _("too late: changed on {when}").replace("{when}", moment(one.changed))
    else:
        text = _("changed on {when}").replace("{when}", moment(one.changed))
    return text + "; " + _("twice") if one.repeated else text


def would_be_json(one: WouldBe) -> dict[str, object]:
    """One order that would have been placed, for scripts."""
    reason = one.decision.wish.reason
    return {
        "equipment_number": one.equipment_number,
        "slot": one.supply.slot,
        "at": timestamp(one.at),
        "reason": {"code": reason.code, "detail": str(reason.message)},
        "arrives": one.arrives.isoformat(),
        "changed_at": timestamp(one.changed) if one.changed else None,
        "verdict": one.verdict,
        "twice": one.repeated,
    }

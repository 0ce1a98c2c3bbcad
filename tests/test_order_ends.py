"""What becomes of an order that nobody answers, that somebody else has placed, or that is no longer wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.errors import PortalUnreachable, RequestRefused, RightMissing
from agent.memory import SqlMemory
from agent.meters import Counter, Finding
from agent.ordering import ordered_item
from agent.printers import Endpoint, Identity
from agent.readout import Readout
from agent.store import Store
from agent.supplies.levels import SOME_LEFT, UNKNOWN, Supply
from agent.supplies.orders import BomItem, Instruction, OrderProgress, PlacedOrder
from agent.supplies.policy import Decision, Wish
from agent.supply_memory import SqlSupplies
from agent.texts import message
from agent.upload.courier import Courier
from agent.upload.envelope import Accepted, Kept
from agent.upload.seal import seal_order
from tests.test_ordering import EQUIPMENT, ITEM, Office, Week, toner, used_up

MISSING = RightMissing(message("Not unlocked."), area="orders:read")
BLACK = BomItem("0020", "B1", "Toner black", "toner", "black", True, None, 2, None, 5000)
CYAN = BomItem("0010", "A1", "Toner cyan", "toner", "cyan", True, None, 2, None, 5000)


class Firm(Office):
    """An office that has two toners, and whose answers about single orders a test sets."""

    def __init__(self, **facts: bool) -> None:
        super().__init__(**facts)
        self.bill = [CYAN, BLACK]
        self.told: dict[str, OrderProgress | Exception] = {}
        self.linked: str | None = None
        self.why_hidden: Exception | None = None
        self.unknown: tuple[str, ...] = ()

    async def bill_of_material(self, equipment_number):
        await super().bill_of_material(equipment_number)
        return self.bill

    async def orders_of(self, equipment_number):
        if self.why_hidden:
            raise self.why_hidden
        return await super().orders_of(equipment_number)

    async def order_progress(self, order_number):
        self.asked.append(order_number)
        told = self.told.get(order_number, self.progress)
        if isinstance(told, Exception):
            raise told
        return told

    async def submit_order(self, envelope, *, first_try):
        if envelope.equipment_number in self.unknown:
            return Kept("equipment-unknown", "Not yet.")
        if self.linked:
            return Accepted((self.linked,), duplicate=True)
        return await super().submit_order(envelope, first_try=first_try)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as opened:
        yield opened


def deliver(week: Week) -> None:
    """What waits is brought to the portal."""
    week.clock.moment += timedelta(days=1, hours=1)
    asyncio.run(Courier(week.stage.outbox, week.office, week.clock, asyncio.sleep).deliver())


def follow(week: Week):
    """The portal is asked, an hour after it was asked last."""
    week.clock.moment += timedelta(hours=1)
    return asyncio.run(week.stage.follow())


def statuses(store: Store) -> list[tuple[str, str]]:
    return [(item.material_number, item.status) for item in SqlSupplies(store).items()]


def pair(low: float, other: float) -> tuple[Supply, Supply]:
    """A cyan and a black toner."""
    return toner(low), toner(other, "black", "1.2")


def bundle(store: Store, firm: Firm) -> tuple[Week, int]:
    """A printer whose two toners were ordered together, not yet brought to the portal; what is left of the cyan one."""
    week = Week(store, firm)
    for level in range(100, 0, -2):
        week.day(100, *pair(level, min(level + 8, 100)))
        if week.ordered:
            assert [slots for _, slots in week.ordered] == [["1.1", "1.2"]]
            return week, level
    raise AssertionError("nothing was ordered")


def until_ordered(week: Week, cyan: int, black: int) -> list[str]:
    """Goes on printing until something is ordered again; the slots."""
    many = len(week.ordered)
    for used in range(2, 60, 2):
        week.day(100, *pair(max(cyan - used, 0), max(black - used, 0)))
        if len(week.ordered) > many:
            break
    return week.ordered[-1][1]


def test_what_was_linked_to_somebody_elses_order_is_ordered_if_that_does_not_bring_it(store):
    """Of two toners somebody has ordered the cyan one meanwhile: the black one is ordered alone, the cyan one not."""
    firm = Firm()
    firm.linked = "O77"
    week, level = bundle(store, firm)
    deliver(week)
    firm.linked, firm.told["O77"] = None, OrderProgress("in_process", (("0010", 0),), reference="of somebody else")
    follow(week)
    assert statuses(store) == [("A1", "in_process"), ("B1", "not_placed")]
    assert until_ordered(week, level, level + 8) == ["1.2"]
    assert statuses(store)[2:] == [("B1", "wanted")]


@pytest.mark.parametrize("told", [OrderProgress("in_process"), OrderProgress("in_process", (("9999", 0),))])
def test_an_order_of_our_own_is_never_taken_for_somebody_elses(store, told):
    """Its items may be renumbered by the portal, or not be told at all."""
    firm = Firm()
    week = Week(store, firm)
    used_up(week, 100, 100 / 5000)
    deliver(week)
    [item] = SqlSupplies(store).items()
    firm.progress = replace(told, reference=item.reference)
    follow(week)
    assert statuses(store) == [("A1", "in_process")]


def test_one_piece_is_delivered_before_the_other(store):
    """Each piece has its own status; only when all have come is the portal left alone."""
    firm = Firm()
    week, _ = bundle(store, firm)
    deliver(week)
    firm.progress = OrderProgress("partially_delivered", (("0010", 1), ("0020", 0)))
    follow(week)
    assert statuses(store) == [("A1", "delivered"), ("B1", "partially_delivered")]
    firm.progress = OrderProgress("cancelled", (("0010", 1), ("0020", 0)))
    follow(week)
    assert statuses(store) == [("A1", "delivered"), ("B1", "cancelled")]
    follow(week)
    assert firm.asked == ["O1", "O1"]


def test_what_is_delivered_is_not_in_the_printer(store):
    """A parcel on a shelf: nothing is ordered, until the cartridge is changed."""
    firm = Firm()
    week = Week(store, firm)
    used_up(week, 100, 100 / 5000)
    deliver(week)
    firm.progress = OrderProgress("delivered", (("0010", 1),))
    follow(week)
    assert week.day(50, toner(2)) == [(False, "order_open")]
    assert statuses(store) == [("A1", "delivered")]


def test_an_order_that_the_portal_does_not_show_holds_up_no_other(store):
    """Not shown any more, or a broken answer: the others are asked about all the same, at once or the next time."""
    firm = Firm()
    week = Week(store, firm)
    supplies = SqlSupplies(store)
    used_up(week, 100, 100 / 5000)
    deliver(week)
    [first] = supplies.items()
    other = place(week, "2")
    deliver(week)
    firm.told["O1"] = RequestRefused(message("Not yours."), code="not-found")
    firm.told["O2"] = OrderProgress("in_process")
    assert follow(week) is None
    assert [item.status for item in supplies.items()] == ["wanted", "in_process"]
    firm.told["O1"] = PortalUnreachable(message("Nobody there."))
    assert follow(week) is firm.told["O1"]
    assert {first.reference, other} == {item.reference for item in supplies.open_items()}


def place(week: Week, number: str) -> str:
    """An order of a cyan toner for another equipment, in the outbox; its reference."""
    why, now = Finding("said_low", message("Low.")), week.clock.moment
    decision = Decision(toner(3), CYAN, True, why, Wish(why))
    envelope = seal_order(number, [decision], now)
    with week.stage.outbox.together():
        assert SqlSupplies(week.store).order([ordered_item(envelope.reference, number, decision, now)])
        week.stage.outbox.put(envelope, None)
    return envelope.reference


def test_orders_that_wait_for_a_right_keep_nobody_from_being_followed(store):
    """Sixty of them are older than the one that the portal has; it is asked about all the same."""
    firm = Firm()
    week = Week(store, firm)
    firm.unknown = tuple(f"9{number}" for number in range(60))
    for number in firm.unknown:
        place(week, number)
    used_up(week, 100, 100 / 5000)
    deliver(week)
    firm.progress = OrderProgress("in_process")
    follow(week)
    assert [item.status for item in SqlSupplies(store).items("1")] == ["in_process"]


def test_a_portal_with_many_orders_is_asked_about_some_at_a_time(store):
    """Fifty in one cycle, the others in the next one, none of them twice."""
    firm = Firm()
    week = Week(store, firm)
    for number in range(60):
        place(week, f"9{number}")
    deliver(week)
    asyncio.run(week.stage.follow())
    assert len(firm.asked) == 50
    asyncio.run(week.stage.follow())
    assert len(set(firm.asked)) == len(firm.asked) == 60


def test_what_a_person_had_tried_again_is_followed(store):
    """Rejected, tried again, taken: it is an order like any other."""
    firm = Firm(rejects=True)
    week = Week(store, firm)
    used_up(week, 100, 100 / 5000)
    deliver(week)
    follow(week)
    [item] = SqlSupplies(store).items()
    assert item.status == "rejected"
    assert [code for _, code in week.day(10, toner(5))] == ["order_rejected"]
    firm.rejects = False
    week.stage.outbox.retry(item.reference, "Ada", week.clock.moment)
    follow(week)
    assert statuses(store) == [("A1", "wanted")]
    deliver(week)
    firm.progress = OrderProgress("in_process")
    follow(week)
    assert statuses(store) == [("A1", "in_process")]


def test_a_cancelled_order_says_what_to_do(store):
    """It is not ordered again by itself, and nobody is told that it is on its way."""
    firm = Firm()
    week = Week(store, firm)
    used_up(week, 100, 100 / 5000)
    deliver(week)
    firm.progress = OrderProgress("cancelled", (("0010", 0),))
    follow(week)
    assert week.day(10, toner(5)) == [(False, "order_cancelled")]
    [line] = week.said
    assert "O1 was cancelled" in line
    assert "orders close O1" in line


def test_an_order_that_has_not_left_is_given_up_when_the_cartridge_was_changed(store):
    """Somebody had a spare one, and the right came later: no parcel for nothing. What went with it is decided anew."""
    firm = Firm(answers=False)
    week, level = bundle(store, firm)
    deliver(week)
    [reference] = {item.reference for item in SqlSupplies(store).items()}
    week.day(10, *pair(100, level + 8))
    assert statuses(store)[:2] == [("A1", "installed"), ("B1", "not_placed")]
    assert SqlMemory(store).standings([reference])[reference].state == "discarded"
    assert until_ordered(week, 100, level + 8) == ["1.2"]
    firm.answers = True
    deliver(week)
    assert len(firm.orders) == 1
    assert reference not in firm.orders


def test_an_order_that_the_portal_may_have_is_not_given_up(store):
    """Its answer was lost: it is asked for again under its reference, whatever is in the printer meanwhile."""
    week = Week(store, Firm())
    used_up(week, 100, 100 / 5000)
    [item] = SqlSupplies(store).items()
    week.stage.outbox.depart([item.reference], "a", week.clock.moment)
    week.day(10, toner(100))
    assert SqlMemory(store).standings([item.reference])[item.reference].state == "waiting"
    assert SqlSupplies(store).open_items() == []


def test_an_order_of_an_earlier_version_ends_with_a_change_and_not_with_the_first_look(store):
    """It knows its material alone. That a cartridge is seen for the first time says nothing of where it comes from."""
    week, supplies = Week(store, Firm()), SqlSupplies(store)
    supplies.order([replace(ITEM, slot="", material_number="A1", ordered_at=week.clock.moment)])
    assert printed(week) == [(False, "order_open")]
    week.day(10, toner(100))
    printed(week)
    assert [item.status for item in supplies.items()] == ["installed", "wanted"]


def test_one_confirmation_of_a_whole_equipment_lets_one_order_pass(store):
    """Beyond the cap, for the present cartridge; the next one needs another word."""
    week, supplies = Week(store, Firm(), max_per_equipment_per_day=1), SqlSupplies(store)
    for_years = replace(ITEM, ordered_at=week.clock.moment + timedelta(days=3650))
    supplies.order([for_years])
    for level in range(100, 0, -4):
        week.day(200, toner(level))
    supplies.instruct(Instruction("1", "", "confirmed", week.clock.moment, "Ada", ""))
    assert week.day(0, toner(2), looks=1)[0][0]
    assert supplies.instructions() == []
    supplies.order([replace(for_years, reference="s" * 32, material_number="B3")])
    for level in range(100, 0, -4):
        decided = week.day(200, toner(level))
    assert decided == [(False, "equipment_cap")]


def test_a_confirmation_is_over_after_a_week(store):
    """Said in spring, when nothing was needed any more: it does not order in autumn."""
    week, supplies = Week(store, Firm(), max_per_equipment_per_day=1), SqlSupplies(store)
    supplies.order([replace(ITEM, ordered_at=week.clock.moment + timedelta(days=3650))])
    supplies.instruct(Instruction("1", "1.1", "confirmed", week.clock.moment, "Ada", ""))
    for level in range(100, 0, -2):
        decided = week.day(100, toner(level))
    assert decided == [(False, "equipment_cap")]


def test_a_confirmation_arms_nothing(store):
    """As long as orders are not armed nothing is ordered, whatever anybody says."""
    week, supplies = Week(store, Firm(), armed=False), SqlSupplies(store)
    for level in range(100, 0, -2):
        supplies.instruct(Instruction("1", "", "confirmed", week.clock.moment, "Ada", ""))
        decided = week.day(100, toner(level))
    assert decided == [(False, "dry_run")]
    assert supplies.items() == []


def test_a_wish_that_was_gone_in_between_begins_anew(store):
    """Also when the portal was away just then: two readings in a row must ask for it."""
    firm = Firm()
    firm.bill = [CYAN]
    week = Week(store, firm)
    level, decided = 100, []
    while (False, "first_sight") not in decided:
        level -= 2
        decided = week.day(100, *pair(level, 3), looks=1)
    firm.has_bill = False
    week.day(100, replace(toner(level), level=UNKNOWN), toner(3, "black", "1.2"), looks=1)
    firm.has_bill = True
    assert (False, "first_sight") in week.day(100, *pair(level - 2, 3), looks=1)
    assert (True, "runs_dry") in week.day(100, *pair(level - 4, 3), looks=1)


def ordered_by_hand(week: Week, status: str = "delivered", position: str = "0010", days: int = 0) -> PlacedOrder:
    """What somebody ordered in the portal, so many days ago."""
    at = week.clock.moment - timedelta(days=days)
    return PlacedOrder("4711", "by hand", status, at, (position,))


def printed(week: Week, many: int = 48) -> list[tuple[bool, str]]:
    """A cartridge is nearly used up; the last decision."""
    decided: list[tuple[bool, str]] = []
    for level in range(98, 98 - 2 * many, -2):
        decided = week.day(100, toner(level))
    return decided


def test_what_somebody_ordered_by_hand_is_not_ordered_again(store):
    """It was delivered already and stands on a shelf: the same cartridge is in the printer still."""
    firm = Firm()
    week = Week(store, firm)
    week.day(100, toner(100))
    firm.of_others = [ordered_by_hand(week)]
    assert printed(week) == [(False, "ordered_by_others")]
    assert "4711" in week.said[0]
    SqlSupplies(store).instruct(Instruction("1", "1.1", "confirmed", week.clock.moment, "Ada", "was given away"))
    assert [order for order, _ in week.day(0, toner(2), looks=1)] == [True]


@pytest.mark.parametrize("other", [{"status": "cancelled"}, {"status": "rejected"}, {"position": "0020"}, {"days": 9}])
def test_an_order_of_somebody_else_that_brings_nothing_is_in_nobodys_way(store, other):
    """Called off, of another material, or for the cartridge before."""
    firm = Firm()
    week = Week(store, firm)
    week.day(100, toner(100))
    firm.of_others = [ordered_by_hand(week, **other)]
    printed(week)
    assert len(week.ordered) == 1


def test_an_order_of_our_own_is_not_somebody_elses(store):
    """A person has closed it, so that the same is ordered again: it is, though the portal has it still."""
    firm = Firm()
    week = Week(store, firm)
    level = used_up(week, 100, 100 / 5000)
    deliver(week)
    supplies = SqlSupplies(store)
    [item] = supplies.items()
    at = item.ordered_at
    firm.of_others = [
        PlacedOrder("O1", None, "received", at, ("0010",)),
        PlacedOrder("9", item.reference, "received", at, ("0010",)),
    ]
    supplies.follow(item, "closed", week.clock.moment)
    week.day(100, toner(level - 2))
    assert len(week.ordered) == 2


@pytest.mark.parametrize(("error", "orders"), [(PortalUnreachable(message("Away.")), 0), (MISSING, 1)])
def test_what_others_ordered_is_waited_for_as_long_as_it_can_be_known(store, error, orders):
    """The portal is away: later. A right to see orders is missing: nobody will ever say, so it is ordered."""
    firm = Firm()
    firm.why_hidden = error
    week = Week(store, firm)
    printed(week)
    assert len(week.ordered) == orders


def reading(week: Week, counters: dict[str, int], *supplies: Supply) -> Readout:
    """What was read now, with these counters only."""
    told = tuple(
        Counter(meter, "system", "any", "any", "impressions", pages, "1.2.3", "generic 1")
        for meter, pages in counters.items()
    )
    return Readout(Endpoint("127.0.0.1", 161), "ok", week.clock.moment, Identity(), told, supplies)


def noted(week: Week, counters: dict[str, int], *supplies: Supply) -> None:
    week.clock.moment += timedelta(days=1)
    with week.stage.outbox.together():
        week.stage.note([(EQUIPMENT, reading(week, counters, *supplies))])


def state(week: Week, slot: str = "1.1"):
    return SqlSupplies(week.store).slots(["1"])["1"][slot].state()


def test_a_color_that_is_not_told_once_forgets_no_cartridge(store):
    """A field that fails costs that field: the cartridge, and those before it, stay known."""
    week = Week(store, Firm())
    for level in (50, 4, 100, 98):
        noted(week, {"total": 1000, "full_color": 500}, toner(level))
    before = state(week)
    noted(week, {"total": 1000, "full_color": 500}, replace(toner(97), colorant=None))
    noted(week, {"total": 1000, "full_color": 500}, toner(96))
    now = state(week)
    assert (now.life.first, now.ended, now.colorant) == (before.life.first, before.ended, "cyan")
    noted(week, {"total": 1000, "full_color": 500}, toner(96, "magenta"))
    assert state(week).ended == ()


def test_pages_of_two_counters_are_never_subtracted(store):
    """The counter of colored pages is not told once: no cartridge has made the difference to that of all pages."""
    week = Week(store, Firm())
    some = replace(toner(50), level=SOME_LEFT)
    noted(week, {"total": 90_000, "full_color": 500}, toner(60))
    noted(week, {"total": 90_010, "full_color": 510}, some)
    noted(week, {"total": 90_020}, some)
    assert state(week).life.pages is None
    noted(week, {"total": 90_030, "full_color": 530}, some)
    assert state(week).life.pages == 30


def test_a_printer_that_counts_all_pages_alone_is_counted_by_them(store):
    """Colored toners as well, as long as colored pages were never told."""
    week = Week(store, Firm())
    noted(week, {"total": 1000}, toner(60))
    noted(week, {"total": 1200}, toner(50))
    assert state(week).life.pages == 200

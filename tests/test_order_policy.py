"""When a supply is ordered and why not: an order never rests on a guess, and a need is not forgotten."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.supplies.levels import NO_LIMIT, Level, Supply, percent_level
from agent.supplies.lives import Look, lives_of
from agent.supplies.orders import BomItem
from agent.supplies.policy import OrderRules, SlotView, days_until, decide, item_for, most_is_left, wish
from agent.supplies.usage import Usage
from agent.supplies.wear import Wear
from tests.slots import NOW, RULES, TODAY, falling, level, life, looks, situation, steady, view

ITEM = BomItem("0010", "A1", "Toner cyan", "toner", "cyan", True, None, 2, None)
KNOWN = Wear(math.log(5000), 0.02, 3)
usages = st.floats(5, 2000).map(steady) | st.none()
TAKEN_OUT = life(9, *range(100, 50, -1), 0, 0, hours=0.25)
BOX = view(falling(4), steady(), type_="waste_toner", wear=KNOWN)
DRUM = view(falling(30), steady(2000), type_="opc", wear=KNOWN)
SEEN_FOR_LONG = view(life(*[6] * 10, *[5] * 10), steady(), wear=KNOWN)
LOW = view(falling(3), steady(), wear=KNOWN)


def code(seen: SlotView, rules: OrderRules = RULES, bom: tuple[BomItem, ...] = (ITEM,), **facts: object) -> str | None:
    """What is decided, in a word; of an order with `order:` before it."""
    decision = decide(seen, bom, situation(**facts), rules)
    return decision and f"{'order:' if decision.order else ''}{decision.reason.code}"


TABLE = [
    ("low, and asked for since an hour", LOW, {}, "order:runs_dry"),
    ("half full and little printed", view(falling(50), steady(20), wear=KNOWN), {}, None),
    ("empty", view(falling(0), steady(), wear=KNOWN), {}, "order:said_low"),
    ("the printer itself says low", view(life("some", *["low"] * 40), steady()), {}, "order:said_low"),
    ("the printer itself says empty", view(life("some", *["empty"] * 40), steady()), {}, "order:said_low"),
    ("no usage known, below the threshold", view(falling(8), wear=KNOWN), {}, "order:level_below_threshold"),
    ("no usage known, above it", view(falling(12), wear=KNOWN), {}, None),
    ("empty though nothing was ever printed", view(falling(0), steady(0), wear=KNOWN), {}, "order:said_low"),
    ("automatic supply", LOW, {"automatic_supply": True}, "automatic_supply"),
    ("ordered by us", LOW, {"ordered": "77"}, "order_open"),
    ("on hold", LOW, {"held": "vacation"}, "held"),
    ("asked for just now", LOW, {"wanted_since": NOW}, "first_sight"),
    ("never asked for", LOW, {"wanted_since": None}, "first_sight"),
    ("asked for by a clock that was set back", LOW, {"wanted_since": NOW + timedelta(days=9)}, "order:runs_dry"),
    ("enough for this equipment", LOW, {"ordered_for_equipment": 4}, "equipment_cap"),
    ("enough for today", LOW, {"ordered_in_all": 20}, "site_cap"),
    ("enough, and a person confirms", LOW, {"ordered_in_all": 20, "confirmed": True}, "order:runs_dry"),
    ("a waste box with little space left", BOX, {}, "not_in_bill_of_material"),
    ("a drum at 30 percent, however much is printed", DRUM, {}, None),
    ("low when first seen", view(life(6, 5, 5), steady(), wear=KNOWN), {}, "low_at_first_sight"),
    ("low when first seen, weeks ago", SEEN_FOR_LONG, {}, "order:runs_dry"),
    ("hardly used since it was changed", view(life(8, 100, 60, 30, 12, 4), steady(), wear=KNOWN), {}, "yield_left"),
    ("taken out a moment ago", view(TAKEN_OUT, steady(), wear=KNOWN), {}, "fell_suddenly"),
]  # fmt: skip


@pytest.mark.parametrize(("says", "seen", "facts", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_the_order_table(says, seen, facts, expected):
    """Every reason to order and not to order, asserted whole."""
    assert code(seen, **facts) == expected


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6), usages, st.sampled_from(["toner", "opc", "waste_toner"]))
def test_never_from_what_says_nothing(told, usage, type_):
    """Unknown and unlimited are no reason, whatever was said before."""
    for last in (level("unknown"), NO_LIMIT, Level("at_least", low=3.0)):
        seen = life(*told, last)
        assert code(replace(view(seen, usage, type_=type_)), confirmed=True) is None


@given(st.floats(0, 100), usages, st.floats(0, 90), st.sampled_from(["toner", "opc", "fuser", "waste_toner"]))
def test_never_while_more_than_the_bound_is_left(percent, usage, bound, type_):
    """However much is printed; drums, fusers and boxes have a lower bound of their own."""
    own = {"opc": 20, "fuser": 15, "waste_toner": 25}.get(type_, 100)
    assume(percent > min(bound, own))
    rules = replace(RULES, mostly_used_percent=bound)
    assert wish(view(life(percent + 1, percent), usage, type_=type_), rules) is None


@given(st.floats(0, 45), st.floats(60, 100, exclude_min=True), usages)
def test_never_while_a_level_of_steps_may_be_above_the_bound(low, high, usage):
    """A third that lies anywhere between 33 and 67 percent is not half used, whatever is printed."""
    assert wish(view(life(Level("exact", high, low, high)), usage), RULES) is None


def test_a_used_cartridge_that_was_put_in_is_no_first_sight():
    """Its predecessor was seen, so nobody knew of the need before: what it says counts."""
    told = [
        replace(one, serial_number="OLD1" if number < 3 else "NEW2")
        for number, one in enumerate(looks(9, 8, 7, *[6] * 3))
    ]
    assert code(view(lives_of(told)[-1], steady(), wear=KNOWN)) == "order:runs_dry"


@given(st.floats(0, 40), usages)
def test_each_refusal_holds_alone(percent, usage):
    """An open order, automatic supply, one look only, a missing position, what the portal does not let be ordered."""
    seen = view(falling(percent), usage, wear=KNOWN)
    assume(wish(seen, RULES))
    assert code(seen).startswith("order:")
    assert code(seen, automatic_supply=True, confirmed=True) == "automatic_supply"
    assert code(seen, ordered="77", confirmed=True) == "order_open"
    assert code(seen, bom=(replace(ITEM, open_order_number="78"),), confirmed=True) == "order_open"
    assert code(seen, held="", confirmed=True) == "held"
    assert code(seen, brought="79") == "ordered_by_others"
    assert code(seen, bom=(), confirmed=True) == "not_in_bill_of_material"
    assert code(seen, bom=(ITEM, replace(ITEM, bom_item_number="0020")), confirmed=True) == "not_in_bill_of_material"
    assert code(seen, wanted_since=NOW - timedelta(minutes=29)) == "first_sight"
    assert code(seen, replace(RULES, armed=False)) == "dry_run"


def test_the_portal_says_why_something_cannot_be_ordered():
    """In its own words."""
    item = replace(ITEM, orderable=False, not_orderable_reason="contract ended")
    decision = decide(LOW, (item,), situation(), RULES)
    assert (decision.order, decision.reason.code) == (False, "not_orderable")
    assert "contract ended" in str(decision.reason.message)


@pytest.mark.parametrize(("why", "shown"), [(None, "–"), ("Contract ended.", "Contract ended")])
def test_what_may_be_ordered_no_times_is_not_ordered(why, shown):
    """A position that is shown, of which no piece is sold; with a reason, or without one."""
    for item in (replace(ITEM, max_quantity=0), replace(ITEM, orderable=False)):
        decision = decide(LOW, (replace(item, not_orderable_reason=why),), situation(confirmed=True), RULES)
        assert (decision.order, decision.reason.code) == (False, "not_orderable")
        assert str(decision.reason.message) == f"The portal does not let this be ordered: {shown}."


@pytest.mark.parametrize(("why", "shown"), [("", "Ordering is on hold."), ("moves.", "Ordering is on hold: moves.")])
def test_a_hold_says_why_if_anybody_said_so(why, shown):
    """In their words."""
    assert str(decide(LOW, (ITEM,), situation(held=why), RULES).reason.message) == shown


@given(st.integers(0, 10), st.integers(0, 40), st.booleans())
def test_caps_need_a_person(of_equipment, in_all, confirmed):
    """Never beyond them without a confirmation."""
    said = code(LOW, ordered_for_equipment=of_equipment, ordered_in_all=in_all, confirmed=confirmed)
    within = of_equipment < RULES.max_per_equipment_per_day and in_all < RULES.max_per_day
    assert said.startswith("order:") == (within or confirmed)


@given(st.floats(0, 45), st.floats(0, 45), usages)
def test_less_left_is_never_less_reason(one, other, usage):
    """What is ordered at a level is ordered at a lower one."""
    less, more = sorted((one, other))
    if wish(view(life(more), usage, wear=KNOWN), RULES):
        assert wish(view(life(less), usage, wear=KNOWN), RULES)


@given(st.floats(0, 50), st.floats(5, 500), st.floats(1, 10), st.integers(0, 20), st.floats(0.001, 1))
def test_busier_farther_and_more_careful_is_never_less_reason(percent, per_day, busier, later, careful):
    """More pages a day, a longer way, a smaller risk, a look ahead: a wish stays one."""
    seen = view(life(percent), steady(per_day), wear=KNOWN)
    if wish(seen, RULES):
        assert wish(replace(seen, usage=steady(per_day * busier)), RULES)
        assert wish(seen, replace(RULES, lead_days=RULES.lead_days + later))
        assert wish(seen, replace(RULES, risk=RULES.risk * careful))
        assert wish(seen, RULES, further=later)


@given(st.integers(1, 200), st.sampled_from(["some", "low", "zero", 5.0]))
def test_pages_contradict_a_cartridge_that_is_said_to_be_empty(pages, last):
    """Less than a third of what one makes at least: a person looks first."""
    told = [40.0, 100.0, 99.0, 98.0] if last in ("zero", 5.0) else ["low", "low", "some", "some"]
    start = [
        replace(one, serial_number="OLD1" if number == 0 else "NEW2")
        for number, one in enumerate(looks(*told, last, pages=pages))
    ]
    seen = view(lives_of(start)[-1], steady(), wear=KNOWN)
    assert most_is_left(seen) == (3 * pages < 0.3 * KNOWN.bounds()[0])


def test_a_sudden_fall_is_believed_the_next_day():
    """A used cartridge was put in: it says 5 still."""
    fallen = life(9, *range(100, 70, -1), 5, 5, hours=12)
    seen = view(fallen, steady(), wear=KNOWN)
    assert code(seen, now=fallen.entered.at + timedelta(hours=1)) == "fell_suddenly"
    assert code(seen, now=fallen.entered.at + timedelta(hours=21)) != "fell_suddenly"


def test_working_days_are_counted():
    """Nine of them, a weekend or two between; with feasts more; never without end."""
    rules = replace(RULES, lead_days=5, safety_days=4)
    assert days_until(rules, TODAY, lambda day: day.weekday() < 5) == 11
    assert days_until(rules, date(2026, 12, 23), lambda day: day.weekday() < 5 and day.month == 1) > 20
    assert days_until(rules, TODAY, lambda day: False) < 1000


def test_a_printer_that_names_no_level_orders_by_pages():
    """After whole cartridges were counted, the pages of the present one ask for the next; before that they never do."""
    first = replace(looks("some")[0], at=NOW - timedelta(days=60), serial_number="OLD1")
    seen = [Look(NOW - timedelta(days=50 - day), day * 100, level("some"), "NEW2") for day in range(51)]
    now = lives_of([first, *seen])[-1]
    assert code(view(now, steady(), wear=Wear(math.log(5300), 0.01, 2))) == "order:runs_dry"
    assert code(view(now, steady(), wear=Wear(math.log(5300), 0.01, 0))) is None


@given(
    st.lists(
        st.one_of(st.floats(0, 100), st.sampled_from(["low", "empty", "some", "unknown"])), min_size=1, max_size=8
    ),
    st.builds(Usage, st.floats(0, 10**6), st.floats(0, 10**12), st.floats(0.01, 2), st.floats(0.01, 1.5)) | st.none(),
    st.sampled_from(["toner", "ink", "opc", "fuser", "staples", "waste_toner", "other", ""]),
)
def test_every_decision_has_its_reason(told, usage, type_):
    """Whatever is seen, there is an answer or nothing to say, and an order has its position."""
    decision = decide(view(life(*told), usage, type_=type_), (ITEM,), situation(), RULES)
    if decision is not None:
        assert str(decision.reason.message)
        assert not decision.order or decision.item == ITEM


def test_a_waste_box_is_ordered_by_the_space_left():
    """4 percent of space left asks for a box, 40 do not, whatever color stands beside it."""
    box = BomItem("0030", "W1", "Waste box", "waste_toner", "cyan", True, None, 1, None)
    assert code(view(falling(4), steady(), type_="waste_toner", wear=KNOWN), bom=(ITEM, box)) == "order:runs_dry"
    assert code(view(falling(40), steady(2000), type_="waste_toner", wear=KNOWN), bom=(ITEM, box)) is None


@pytest.mark.parametrize("colorant", [None, "black", "cyan"])
def test_a_waste_box_has_no_colour(colorant):
    """A printer that calls its waste box black finds it in the bill of material all the same."""
    box = Supply("1.5", "waste_toner", "receptacle", colorant, "Waste Toner", percent_level(3))
    item = BomItem("0050", "W1", "Waste box", "waste_toner", None, True, None, 1, None)
    toner = BomItem("0010", "T1", "Toner", "toner", None, True, None, 1, None)
    assert item_for(box, (toner, item)) == item
    assert item_for(box, (item, replace(item, bom_item_number="0060"))) is None

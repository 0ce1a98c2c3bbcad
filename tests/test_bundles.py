"""What would be due soon comes along with an order, and only then."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agent.supplies.bundles import bundled, decided_together
from agent.supplies.orders import BomItem
from agent.supplies.policy import Decision, OrderRules, Situation, SlotView, decide
from agent.supplies.wear import Wear
from tests.slots import NOW, RULES, falling, life, situation, steady, view

KNOWN = Wear(math.log(5000), 0.01, 3)
COLORS = ("black", "cyan", "magenta", "yellow")
BOM = tuple(BomItem(f"00{n}", f"M{n}", color, "toner", color, True, None, 1, None) for n, color in enumerate(COLORS))


def slots(*percents: float) -> list[tuple[SlotView, Situation]]:
    """One slot per color with so much left."""
    made = []
    for number, (percent, color) in enumerate(zip(percents, COLORS, strict=False)):
        seen = view(falling(percent), steady(), wear=KNOWN)
        made.append((replace(seen, supply=replace(seen.supply, slot=f"1.{number}", colorant=color)), situation()))
    return made


def decided(seen: list[tuple[SlotView, Situation]], rules: OrderRules = RULES, **facts: object) -> list[Decision]:
    """The decisions without any bundle."""
    found = (decide(one, BOM, replace(how, **facts), rules) for one, how in seen)
    return [one for one in found if one is not None]


def codes(seen: list[tuple[SlotView, Situation]], rules: OrderRules = RULES, **facts: object) -> list[tuple[str, str]]:
    """What comes along, with its reason."""
    seen = [(one, replace(how, **facts)) for one, how in seen]
    return [(one.supply.colorant, one.reason.code) for one in bundled(seen, decided(seen, rules), BOM, rules)]


NEED, SOON, LATER = 3, 40, 60


def test_what_is_due_soon_comes_along():
    """Black is needed now, cyan in two weeks, yellow next month: two parcels become one."""
    assert [one.supply.colorant for one in decided(slots(NEED, SOON, LATER))] == ["black"]
    assert codes(slots(NEED, SOON, LATER)) == [("cyan", "bundled")]


def test_nothing_comes_along_with_nothing():
    """Soon is no reason of its own; nor is an order that was refused, or only said."""
    assert codes(slots(SOON, SOON)) == []
    assert codes(slots(NEED, SOON), ordered="77") == []
    assert codes(slots(NEED, SOON), replace(RULES, armed=False)) == []
    assert codes(slots(NEED, SOON), replace(RULES, bundle_days=0)) == []


def test_what_stands_in_the_way_of_one_stays_there():
    """An open order of the one that would come along."""
    (black, plain), (cyan, _) = slots(NEED, SOON)
    seen = [(black, plain), (cyan, situation(ordered="78"))]
    assert bundled(seen, decided([seen[0]]), BOM, RULES) == ()


def test_a_confirmation_is_not_for_what_comes_along():
    """A person has let pass what was needed; what waits for a person itself does not come along with it."""
    (black, plain), (cyan, _) = slots(NEED, SOON)
    seen = [(black, plain), (cyan, situation(brought="79", confirmed=True))]
    assert bundled(seen, decided([seen[0]]), BOM, RULES) == ()


def test_a_cartridge_seen_once_does_not_come_along():
    """One look is no proof."""
    (black, plain), (cyan, how) = slots(NEED, SOON)
    once = replace(cyan, life=replace(life(SOON), first=replace(cyan.life.last, at=NOW)))
    assert bundled([(black, plain), (once, how)], decided([(black, plain)]), BOM, RULES) == ()


def test_two_slots_of_one_material_get_one_piece():
    """Printers with two black toners: the second is ordered when the first has come."""
    (black, how), (other, _) = slots(NEED, SOON)
    second = replace(other, supply=replace(other.supply, colorant="black"))
    assert bundled([(black, how), (second, how)], decided([(black, how)]), BOM, RULES) == ()


@given(st.lists(st.integers(0, 100), min_size=4, max_size=4), st.integers(0, 5), st.integers(0, 22))
def test_caps_hold_with_what_comes_along(percents, of_equipment, in_all):
    """Orders and what comes along are together never more than allowed, and never one position twice."""
    seen = [
        (one, replace(how, ordered_for_equipment=of_equipment, ordered_in_all=in_all)) for one, how in slots(*percents)
    ]
    first = decided(seen)[:1]  # the others would be counted by whoever places them
    more = bundled(seen, first, BOM, RULES)
    placed = [one.item.bom_item_number for one in [*first, *more] if one.order]
    assert len(set(placed)) == len(placed)
    assert not more or of_equipment + len(placed) <= RULES.max_per_equipment_per_day
    assert not more or in_all + len(placed) <= RULES.max_per_day


@given(
    st.lists(st.sampled_from([1, 3, NEED, SOON, LATER]), min_size=1, max_size=4),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(0, 6),
    st.integers(0, 6),
)
def test_no_number_of_slots_passes_the_caps(percents, of_equipment, in_all, ordered, elsewhere):
    """However many ask at once and come along: with what was ordered before they are at most what is allowed."""
    rules = replace(RULES, max_per_equipment_per_day=of_equipment, max_per_day=in_all)
    facts = {"ordered_for_equipment": ordered, "ordered_in_all": ordered + elsewhere}
    seen = [(one, replace(how, **facts)) for one, how in slots(*percents)]
    decisions = decided_together(seen, BOM, rules)
    pieces = [one for one in [*decisions, *bundled(seen, decisions, BOM, rules)] if one.order]
    assert len(pieces) <= max(of_equipment - ordered, 0)
    assert len(pieces) <= max(in_all - ordered - elsewhere, 0)


def test_the_most_urgent_are_ordered_first():
    """Of four that are needed the emptiest two; the others say that a person must confirm more."""
    rules = replace(RULES, max_per_equipment_per_day=2)
    decisions = decided_together(slots(9, 2, 8, 3), BOM, rules)
    assert [one.reason.code for one in decisions] == ["equipment_cap", "runs_dry", "equipment_cap", "runs_dry"]

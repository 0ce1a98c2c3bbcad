"""The supplies of one equipment together: what of it the caps leave, and what comes along as it is due soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agent.meters import Finding
from agent.supplies.orders import BomItem
from agent.supplies.policy import Decision, OrderRules, Situation, SlotView, decide
from agent.texts import message


def decided_together(
    views: Sequence[tuple[SlotView, Situation]], bom: Sequence[BomItem], rules: OrderRules
) -> list[Decision]:
    """What to do about all slots of an equipment at once: the caps count what the others get, the most urgent first.

    Two slots of one material are one piece. `views` have the situation before any of these orders.
    """
    decided = [decide(view, bom, situation, rules) for view, situation in views]
    placed: list[str] = []
    for place in sorted(range(len(decided)), key=lambda place: _urgency(decided[place]), reverse=True):
        one, (view, situation) = decided[place], views[place]
        if one is None or not one.order or one.item is None or one.item.component_material_number in placed:
            continue
        decided[place] = again = decide(view, bom, _after(situation, len(placed)), rules)
        if again is not None and again.order:
            placed.append(one.item.component_material_number)
    return [one for one in decided if one is not None]


def _urgency(decision: Decision | None) -> float:
    """The chance of running dry; what is ordered without a forecast is low already."""
    if decision is None:
        return -1.0
    return 1.0 if decision.wish.chance is None else decision.wish.chance


def _after(situation: Situation, pieces: int) -> Situation:
    """The same with so many pieces more ordered for the equipment."""
    of_equipment, in_all = situation.ordered_for_equipment + pieces, situation.ordered_in_all + pieces
    return replace(situation, ordered_for_equipment=of_equipment, ordered_in_all=in_all)


def bundled(
    views: Sequence[tuple[SlotView, Situation]],
    decisions: Sequence[Decision],
    bom: Sequence[BomItem],
    rules: OrderRules,
) -> tuple[Decision, ...]:
    """The orders that come along with those among `decisions`, the surest to be due first; none where none is ordered.

    `views` are all slots of the equipment with their situations as `decide` had them: before any of these orders.
    Nothing that refuses an order is overruled. Instead of two readings that ask for it, the cartridge must have been
    seen for as long. One piece of a material comes along at most.
    """
    placed = list({one.item.component_material_number: None for one in decisions if one.order and one.item})
    if not placed or rules.bundle_days <= 0:
        return ()
    decided = {one.supply.slot for one in decisions}
    coming = [_coming(view, situation, bom, rules) for view, situation in views if view.supply.slot not in decided]
    ranked = sorted((one for one in coming if one is not None), key=lambda one: one[0].wish.chance or 0.0, reverse=True)
    chosen: list[Decision] = []
    for asked, situation in ranked:
        material = asked.item.component_material_number if asked.item else None
        if material is not None and material not in placed and _has_room(situation, len(placed), rules):
            placed.append(material)
            chosen.append(replace(asked, reason=_reason(rules)))
    return tuple(chosen)


def _coming(
    view: SlotView, situation: Situation, bom: Sequence[BomItem], rules: OrderRules
) -> tuple[Decision, Situation] | None:
    """What would be ordered `bundle_days` later."""
    seen = replace(situation, wanted_since=view.life.first.at, confirmed=False)
    decision = decide(view, bom, seen, rules, rules.bundle_days)
    return (decision, situation) if decision and decision.order else None


def _has_room(situation: Situation, placed: int, rules: OrderRules) -> bool:
    """Whether the caps leave room for one more."""
    after = _after(situation, placed)
    return after.ordered_for_equipment < rules.max_per_equipment_per_day and after.ordered_in_all < rules.max_per_day


def _reason(rules: OrderRules) -> Finding:
    said = message(
        "It comes along with another order, as it would be due at most {days} working days later.",
        days=rules.bundle_days,
    )
    return Finding("bundled", said)

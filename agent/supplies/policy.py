"""When a supply is ordered, and why not: pure rules over what is proven, never over what is guessed.

An order is money and a parcel. The rules only ever say no; what none of them refuses is ordered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.meters import Finding
from agent.supplies.levels import Supply
from agent.supplies.orders import BomItem
from agent.texts import message

COMPONENT_OF_TYPE = {
    "toner": "toner",
    "toner_cartridge": "toner",
    "ink": "ink",
    "ink_cartridge": "ink",
    "opc": "drum",
    "developer": "developer",
    "waste_toner": "waste_toner",
    "waste_ink": "waste_toner",
    "fuser": "fuser",
    "transfer_unit": "transfer",
    "staples": "staples",
}
REPLACED_PERCENT = 50.0


@dataclass(frozen=True, slots=True)
class OrderRules:
    """What the key user has set. `threshold_percent` 0..50; `between_low_readings` is the time that must lie between
    the first reading that showed the supply low and the one that orders; caps count orders of the last 24 hours."""

    armed: bool
    threshold_percent: float
    between_low_readings: timedelta
    max_per_equipment_per_day: int
    max_per_day: int


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a supply is looked at. `low_since` is when it was first seen low without a break since."""

    automatic_supply: bool
    low_since: datetime | None
    open_order: str | None
    ordered_for_equipment: int
    ordered_in_all: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """Order `item` for `supply`, or not, with the reason."""

    supply: Supply
    item: BomItem | None
    order: bool
    reason: Finding


def is_low(supply: Supply, rules: OrderRules) -> bool:
    """Whether the printer says that the supply is low: the percentage it names, else the upper bound of what it tells,
    is at or below the threshold, or it says *low* itself. Unknown and *some left* are not low."""
    named = told_percent(supply)
    return named <= rules.threshold_percent if named is not None else supply.level.kind == "at_most"


def told_percent(supply: Supply) -> float | None:
    """The percentage that the printer names, else the upper bound of what it tells; `None` where there is no bound."""
    return supply.level.percent if supply.level.percent is not None else supply.level.high


def is_replaced(supply: Supply) -> bool:
    """Whether the level proves that a low supply was replaced: at least half full, which no shaking makes of it."""
    return supply.level.low is not None and supply.level.low >= REPLACED_PERCENT


def decide(supply: Supply, bom: Sequence[BomItem], situation: Situation, rules: OrderRules) -> Decision | None:
    """What to do about one supply; `None` when it is not low, so that there is nothing to say."""
    if not is_low(supply, rules):
        return None
    item = item_for(supply, bom)
    refusal = _refusal(item, situation, rules)
    if refusal:
        return Decision(supply, item, False, refusal)
    named = told_percent(supply)
    if named is None:
        return Decision(supply, item, True, Finding("said_low", message("The printer itself says that it is low.")))
    said = message(
        "At most {percent} percent is left; the limit is {threshold} percent.",
        percent=_tidy(named),
        threshold=_tidy(rules.threshold_percent),
    )
    return Decision(supply, item, True, Finding("level_below_threshold", said))


def item_for(supply: Supply, bom: Sequence[BomItem]) -> BomItem | None:
    """The one position of the bill of material for this type and colour; `None` when there is none or several."""
    component = COMPONENT_OF_TYPE.get(supply.type)
    fitting = [item for item in bom if item.component_type == component and item.colorant == supply.colorant]
    return fitting[0] if len(fitting) == 1 else None


def _refusal(item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    if situation.automatic_supply:
        return Finding("automatic_supply", message("This equipment is supplied automatically."))
    if item is None:
        return Finding(
            "not_in_bill_of_material", message("The bill of material has no single position for this supply.")
        )
    if not item.orderable:
        said = message("The portal does not let this be ordered: {why}.", why=item.not_orderable_reason)
        return Finding("not_orderable", said)
    open_order = situation.open_order or item.open_order_number
    if open_order:
        return Finding("order_open", message("It is ordered already: {order}.", order=open_order))
    if not _seen_low_long_enough(situation, rules):
        return Finding("first_sight", message("It was seen low for the first time; a second reading must confirm it."))
    if situation.ordered_for_equipment >= rules.max_per_equipment_per_day:
        return Finding(
            "equipment_cap", message("Enough was ordered for this equipment today; a person must confirm more.")
        )
    if situation.ordered_in_all >= rules.max_per_day:
        return Finding("site_cap", message("Enough was ordered today; a person must confirm more."))
    if not rules.armed:
        return Finding("dry_run", message("Orders are not armed: it would have been ordered now."))
    return None


def _seen_low_long_enough(situation: Situation, rules: OrderRules) -> bool:
    if not rules.between_low_readings:
        return True
    return situation.low_since is not None and situation.now - situation.low_since >= rules.between_low_readings


def _tidy(number: float) -> str:
    return f"{number:g}"

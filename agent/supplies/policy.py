"""When a supply is ordered, and why not: pure rules over what is proven, never over what is guessed.

An order is money and a parcel. A wish is a reason to order, made of levels and pages alone; the rules after it only
ever say no, and what none of them refuses is ordered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from agent.meters import Finding
from agent.supplies.forecast import FARTHEST, Forecast, Left, chance_within, forecast, fraction_left, left_in
from agent.supplies.levels import Supply
from agent.supplies.lives import Life, is_bounded, says_low
from agent.supplies.orders import BomItem
from agent.supplies.points import HUNDRED, by_level_alone
from agent.supplies.usage import Usage, Working, is_weekday
from agent.supplies.wear import Wear, least_used, refined
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
# Of drums, fusers and boxes a level is told in steps that a maker chose for changing them: never while more than this
# may be left (percent), whatever the forecast says.
SLOW_PARTS = {
    "opc": 20.0,
    "developer": 20.0,
    "fuser": 15.0,
    "transfer_unit": 15.0,
    "waste_toner": 25.0,
    "waste_ink": 25.0,
    "staples": 30.0,
}
SUDDEN = 30.0  # points that a level falls below what the pages explain: taken out, a sensor, a used cartridge
SETTLED = timedelta(hours=20)  # that such a level has to stay
LEAST_MADE = 0.3  # of the pages that a cartridge makes at least, before a printer's *low* is believed
COUNTED_ALONE = 1  # cartridges that must have been seen from new to empty before pages alone may order


@dataclass(frozen=True, slots=True)
class OrderRules:
    """What the key user has set, for a site, a group or one equipment.

    `risk` 0..1 is the chance of running dry that is taken; `lead_days` and `safety_days` are working days from an order
    to the printer, and what is added to them. `threshold_percent` 0..50 is for supplies without a forecast,
    `mostly_used_percent` 0..90 the upper bound of the level above which nothing is ordered. `between_low_readings` is
    the time between two readings that both have to ask for it. `bundle_days` are working days within which something
    else must be due to come along. Caps count the pieces of the last 24 hours, of which one order may have several.
    """

    armed: bool
    threshold_percent: float = 10.0
    between_low_readings: timedelta = timedelta(minutes=30)
    max_per_equipment_per_day: int = 4
    max_per_day: int = 20
    risk: float = 0.02
    lead_days: int = 5
    safety_days: int = 5
    mostly_used_percent: float = 60.0
    at_first_sight: bool = False
    bundle_days: int = 5


@dataclass(frozen=True, slots=True)
class SlotView:
    """Everything that is known of a slot: what it says now, its cartridges, how much is printed and how long one lasts.

    `life` is the cartridge in it, `before` how many pages one makes here by all earlier ones (`agent.supplies.wear`).
    """

    supply: Supply
    life: Life
    before: Wear
    usage: Usage | None
    today: date
    is_working: Working = is_weekday

    @property
    def is_in_points(self) -> bool:
        """Whether what is used up is known by levels alone."""
        return self.usage is not None and self.usage.unit == "points"

    @property
    def wear(self) -> Wear:
        """How long the present one lasts, in the unit of usage."""
        return HUNDRED if self.is_in_points else refined(self.before, self.life)

    @property
    def measured(self) -> Life:
        """The present one, with its pages where usage is told in pages."""
        return by_level_alone(self.life) if self.is_in_points else self.life

    @property
    def left(self) -> Left | None:
        """What is left in it; `None` where nothing tells."""
        return left_in(self.measured, self.wear)

    @property
    def forecast(self) -> Forecast | None:
        """When it runs dry; `None` where nothing can be said."""
        if self.usage is None:
            return None
        return forecast(self.measured, self.wear, self.usage, self.today, self.is_working)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known beside the slot. `wanted_since` is when the rules first asked for it, without a break since.

    `ordered` is the newest order for this slot, as people know it, while it stands in the way of another; `ended` is
    why it brings nothing although it does. `unsure`: one may be forgotten. `brought` is an order of somebody else that
    was placed since the present cartridge is in the printer. `ordered_for_equipment` and `ordered_in_all` are the
    pieces that the caps count.
    """

    automatic_supply: bool
    wanted_since: datetime | None
    ordered: str | None
    ordered_for_equipment: int
    ordered_in_all: int
    now: datetime
    held: str | None = None
    confirmed: bool = False
    unsure: bool = False
    ended: Finding | None = None
    brought: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A reason to order, with the forecast if there is one. `chance` 0..1 of running dry before an order would come."""

    reason: Finding
    forecast: Forecast | None = None
    chance: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Order `item` for `supply`, or not, with the reason; `wish` is what asked for it."""

    supply: Supply
    item: BomItem | None
    order: bool
    reason: Finding
    wish: Wish


def days_until(rules: OrderRules, today: date, is_working: Working, further: int = 0) -> int:
    """Calendar days until an order of today would surely be there: lead and safety in working days."""
    left, ahead = rules.lead_days + rules.safety_days + further, 0
    while left > 0 and ahead < FARTHEST:
        ahead += 1
        left -= is_working(today + timedelta(days=ahead))
    return ahead


def wish(view: SlotView, rules: OrderRules, further: int = 0) -> Wish | None:
    """Why this supply should be ordered, if so; `further` working days ahead of need.

    Never from what is unknown; never while more than the bound may be left.
    """
    if not is_mostly_used(view, rules):
        return None
    left = view.left if view.usage else None
    if left is None or view.usage is None:
        return _by_threshold(view.supply, rules)
    days = days_until(rules, view.today, view.is_working, further)
    worth = view.usage.worth(view.today + timedelta(days=1), days, view.is_working)
    chance = chance_within(left, view.usage, worth)
    level = view.supply.level
    said = level.high == 0 or (says_low(level) and not is_bounded(level))
    if not said and chance <= rules.risk:
        return None
    return Wish(SAID_LOW if said else _runs_dry(chance, days), view.forecast, chance)


def _runs_dry(chance: float, days: int) -> Finding:
    said = message(
        "With a chance of {chance} percent it runs dry in the next {days} days, before an order would come.",
        chance=f"{100 * chance:.0f}" if chance >= 0.095 else f"{100 * chance:.1f}",
        days=days,
    )
    return Finding("runs_dry", said)


def _by_threshold(supply: Supply, rules: OrderRules) -> Wish | None:
    """For supplies without a forecast: what the printer names, at or below the threshold, or its own *low*."""
    named = told_percent(supply)
    if named is None:
        return Wish(SAID_LOW) if says_low(supply.level) else None
    if named > rules.threshold_percent or not is_bounded(supply.level):
        return None
    said = message(
        "At most {percent} percent is left; the limit is {threshold} percent.",
        percent=f"{named:g}",
        threshold=f"{rules.threshold_percent:g}",
    )
    return Wish(Finding("level_below_threshold", said))


def is_mostly_used(view: SlotView, rules: OrderRules) -> bool:
    """Whether even the upper bound of what may be left shows that the cartridge is mostly used.

    The bound is the printer's, or, of a printer that says only that some is left, that of the pages made since a change
    that was seen, once a whole cartridge has been counted. A printer's *low* counts as a bound.
    """
    bound = min(rules.mostly_used_percent, SLOW_PARTS.get(view.supply.type, 100.0))
    level = view.supply.level
    if is_bounded(level):
        if (level.low or 0.0) > bound or (level.high or 0.0) <= bound:
            return (level.high or 0.0) <= bound
        between = fraction_left(view.measured, view.wear)
        return between is not None and 100 * between[1] <= bound
    if says_low(level):
        return True
    if level.kind != "some_left" or view.before.lives < COUNTED_ALONE:
        return False
    return 100 * (1 - least_used(view.life, view.before)) <= bound


def most_is_left(view: SlotView) -> bool:
    """Whether the pages since its installation contradict a low level: what has made so few is not used up."""
    life = view.life
    if life.changed_by in (None, "pages") or life.pages is None:
        return False
    full = life.full.level.low if life.full and life.full.level.kind != "empty" else None
    begun_with = 1.0 if full is None else full / 100
    return life.pages < LEAST_MADE * begun_with * view.before.bounds()[0]


def decide(
    view: SlotView, bom: Sequence[BomItem], situation: Situation, rules: OrderRules, further: int = 0
) -> Decision | None:
    """What to do about one supply; `None` when nothing asks for it, so that there is nothing to say."""
    asked = wish(view, rules, further)
    if asked is None:
        return None
    item = item_for(view.supply, bom)
    for rule in REFUSALS:
        refusal = rule(view, item, situation, rules)
        if refusal:
            return Decision(view.supply, item, False, refusal, asked)
    return Decision(view.supply, item, True, asked.reason, asked)


def told_percent(supply: Supply) -> float | None:
    """The percentage that the printer names, else the upper bound of what it tells; `None` where there is no bound."""
    return supply.level.percent if supply.level.percent is not None else supply.level.high


def item_for(supply: Supply, bom: Sequence[BomItem]) -> BomItem | None:
    """The one position of the bill of material for this type and colour; `None` when there is none or several.

    A waste box has no colour of its own, whatever it is told to hold.
    """
    component = COMPONENT_OF_TYPE.get(supply.type)
    fitting = [item for item in bom if item.component_type == component]
    if component != "waste_toner":
        fitting = [item for item in fitting if item.colorant == supply.colorant]
    return fitting[0] if len(fitting) == 1 else None


SAID_LOW = Finding("said_low", message("The printer itself says that it is low."))
Refusal = Callable[[SlotView, BomItem | None, Situation, OrderRules], Finding | None]


def _automatic(view: SlotView, item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    if not situation.automatic_supply:
        return None
    return Finding("automatic_supply", message("This equipment is supplied automatically."))


def _not_orderable(view: SlotView, item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    if item is None:
        said = message("The bill of material has no single position for this supply.")
        return Finding("not_in_bill_of_material", said)
    if item.orderable and item.max_quantity:
        return None
    why = (item.not_orderable_reason or "–").rstrip(".")
    said = message("The portal does not let this be ordered: {why}.", why=why)
    return Finding("not_orderable", said)


def _ordered(view: SlotView, item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    if situation.ended is not None:
        return situation.ended
    order = situation.ordered or (item.open_order_number if item else None)
    return Finding("order_open", message("It is ordered already: {order}.", order=order)) if order else None


def _unsure(view: SlotView, item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    if not situation.unsure:
        return None
    said = message(
        "The database was damaged, and an order may be forgotten: compare with the orders in the portal, and then:"
        " meter-agent orders release all"
    )
    return Finding("unsure", said)


def _brought(view: SlotView, item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    """What somebody ordered by hand stands on a shelf, or is on its way, as long as the same cartridge is in."""
    if situation.brought is None or situation.confirmed:
        return None
    said = message(
        "Somebody else has ordered it since this cartridge is in the printer: {order}. A person must confirm that one"
        " more is needed.",
        order=situation.brought,
    )
    return Finding("ordered_by_others", said)


def _held(view: SlotView, item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    if situation.held is None:
        return None
    if not situation.held:
        return Finding("held", message("Ordering is on hold."))
    return Finding("held", message("Ordering is on hold: {why}.", why=situation.held.rstrip(".")))


def _most_is_left(view: SlotView, item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    if situation.confirmed or not most_is_left(view):
        return None
    said = message(
        "It has made only {pages} pages since it was installed, and here a cartridge makes at least {least}: a person"
        " must confirm that it is used up.",
        pages=view.life.pages,
        least=round(view.before.bounds()[0]),
    )
    return Finding("yield_left", said)


def fell_suddenly(view: SlotView, now: datetime) -> bool:
    """Whether the level fell a short while ago by far more than was printed: a cartridge that is taken out says 0."""
    life = view.life
    if life.before is None or life.entered is None or now - life.entered.at >= SETTLED or now < life.entered.at:
        return False
    fell = (life.before.level.low or 0.0) - (life.entered.level.high or 0.0)
    made = 0
    if life.before.pages is not None and life.entered.pages is not None:
        made = max(life.entered.pages - life.before.pages, 0)
    return fell - 100 * made / view.before.bounds()[0] >= SUDDEN


def _sudden(view: SlotView, item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    if situation.confirmed or not fell_suddenly(view, situation.now):
        return None
    said = message("It fell suddenly, by far more than was printed: it is ordered if it still says so tomorrow.")
    return Finding("fell_suddenly", said)


def _first_sight(view: SlotView, item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    """A supply that was low when it was first seen may be on its way: an order would have come by the same time."""
    life = view.life
    if rules.at_first_sight or situation.confirmed or life.changed_by or not _was_low_at_once(view, rules):
        return None
    watched = (view.today - life.first.at.date()).days
    needed = days_until(rules, life.first.at.date(), view.is_working)
    if watched >= needed or watched < 0:  # a clock that was set back tells nothing
        return None
    said = message(
        "It was low already when it was first seen, so it may have been ordered; unless it is changed it is ordered in"
        " {days} days.",
        days=needed - watched,
    )
    return Finding("low_at_first_sight", said)


def _was_low_at_once(view: SlotView, rules: OrderRules) -> bool:
    first = view.life.first.level
    return says_low(first) or (is_bounded(first) and (first.high or 0.0) <= max(rules.threshold_percent, 10.0))


def _once(view: SlotView, item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    if not rules.between_low_readings or situation.confirmed:
        return None
    since = situation.wanted_since
    if since is not None and abs(situation.now - since) >= rules.between_low_readings:  # a clock may be set back
        return None
    return Finding("first_sight", message("It was seen low for the first time; a second reading must confirm it."))


def _caps(view: SlotView, item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    if situation.confirmed:
        return None
    if situation.ordered_for_equipment >= rules.max_per_equipment_per_day:
        said = message("Enough was ordered for this equipment today; a person must confirm more.")
        return Finding("equipment_cap", said)
    if situation.ordered_in_all >= rules.max_per_day:
        return Finding("site_cap", message("Enough was ordered today; a person must confirm more."))
    return None


def _disarmed(view: SlotView, item: BomItem | None, situation: Situation, rules: OrderRules) -> Finding | None:
    if rules.armed:  # a confirmation arms nothing: as long as this is off, the config says, nothing is ordered
        return None
    return Finding("dry_run", message("Orders are not armed: it would have been ordered now."))


REFUSALS: tuple[Refusal, ...] = (
    _automatic,
    _not_orderable,
    _ordered,
    _unsure,
    _brought,
    _held,
    _most_is_left,
    _sudden,
    _first_sight,
    _once,
    _caps,
    _disarmed,
)

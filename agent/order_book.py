"""The order rules as the key user set them: for the site, and other ones for groups of equipment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from agent.order_groups import Group
from agent.order_settings import OrderGroup, OrdersSettings
from agent.printers import Equipment
from agent.simulation.comparison import RuleSet
from agent.supplies.policy import OrderRules
from agent.supplies.usage import Working, is_weekday
from agent.supplies.working_days import working_days_of

# What says which equipment a group has, and not what holds for it.
SELECTING = {"name", "equipments", "names", "models", "buildings", "floors", "rooms"}


def calendar_of(orders: OrdersSettings) -> Working:
    """The site's working days. Raises `ConfigError` for holidays of a country or part that is not known."""
    return working_days_of(orders.holidays) if orders.holidays else is_weekday


class OrderBook:
    """Which rules hold for which equipment."""

    def __init__(self, settings: OrdersSettings) -> None:
        self.groups = [Group.of(group) for group in settings.groups]
        self._site = site_rules(settings)
        self._rules = [grouped(self._site, group) for group in settings.groups]

    def rules(self, equipment: Equipment) -> OrderRules:
        """Those of the first group that has the equipment, else those of the site."""
        return next((self._rules[place] for place, group in self._having(equipment)), self._site)

    def group_of(self, equipment: Equipment) -> str:
        """The name of that group; empty where the site's rules hold."""
        return next((group.settings.name for _place, group in self._having(equipment)), "")

    def _having(self, equipment: Equipment) -> Iterator[tuple[int, Group]]:
        return ((place, group) for place, group in enumerate(self.groups) if group.has(equipment))

    def sets(self) -> list[RuleSet]:
        """The site's rules, then those of each group that differ from all before it."""
        found = [RuleSet(None, self._site)]
        for group, rules in zip(self.groups, self._rules, strict=True):
            mine = replace(rules, armed=self._site.armed)
            if mine not in [one.rules for one in found]:
                found.append(RuleSet(group.settings.name, mine))
        return found


def site_rules(orders: OrdersSettings) -> OrderRules:
    """The rules of [orders]."""
    return OrderRules(
        armed=orders.armed,
        threshold_percent=orders.threshold_percent,
        between_low_readings=timedelta(minutes=orders.minutes_between_low_readings),
        max_per_equipment_per_day=orders.max_per_equipment_per_day,
        max_per_day=orders.max_per_day,
        risk=orders.risk_percent / 100,
        lead_days=orders.lead_days,
        safety_days=orders.safety_days,
        mostly_used_percent=orders.mostly_used_percent,
        at_first_sight=orders.at_first_sight,
        bundle_days=orders.bundle_days,
    )


def grouped(rules: OrderRules, group: OrderGroup) -> OrderRules:
    """The site's rules with what a group has of its own."""
    own = group.model_dump(exclude=SELECTING, exclude_none=True)
    if "risk_percent" in own:
        own["risk"] = own.pop("risk_percent") / 100
    return replace(rules, **own)

"""The order rules as the key user set them: for the site, and other ones for groups of equipment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase

from agent.printers import Equipment
from agent.settings import OrderGroup, OrdersSettings
from agent.simulation.comparison import RuleSet
from agent.supplies.policy import OrderRules
from agent.supplies.usage import Working, is_weekday
from agent.supplies.working_days import working_days_of


def calendar_of(orders: OrdersSettings) -> Working:
    """The site's working days. Raises `ConfigError` for holidays of a country or part that is not known."""
    return working_days_of(orders.holidays) if orders.holidays else is_weekday


class OrderBook:
    """Which rules hold for which equipment."""

    def __init__(self, settings: OrdersSettings) -> None:
        self._groups = [(group, grouped(site_rules(settings), group)) for group in settings.groups]
        self._site = site_rules(settings)

    def rules(self, equipment: Equipment) -> OrderRules:
        """Those of the first group that has the equipment, else those of the site."""
        number = equipment.equipment_number.lstrip("0")
        for group, rules in self._groups:
            if any(fnmatchcase(number, pattern.lstrip("0")) for pattern in group.equipments):
                return rules
        return self._site

    def sets(self) -> list[RuleSet]:
        """The site's rules, then those of each group that differ from all before it."""
        found = [RuleSet(None, self._site)]
        for group, rules in self._groups:
            mine = replace(rules, armed=self._site.armed)
            if mine not in [one.rules for one in found]:
                found.append(RuleSet(group.name, mine))
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
    own = group.model_dump(exclude={"name", "equipments"}, exclude_none=True)
    if "risk_percent" in own:
        own["risk"] = own.pop("risk_percent") / 100
    return replace(rules, **own)

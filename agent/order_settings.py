"""[orders] and [[orders.groups]] of the config file: by which rules consumables are ordered."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from agent.problems import Unfit
from agent.setting_values import Section, Text, checked_pattern
from agent.texts import message

Percent = Annotated[float, Field(ge=0.1, le=20, allow_inf_nan=False)]
Days = Annotated[int, Field(ge=0, le=60)]
Threshold = Annotated[int, Field(ge=0, le=50)]
# strict=False lets the list of TOML become a tuple. A list that is there and empty would fit everything.
Listed = Field(strict=False, min_length=1, max_length=10_000)
Patterns = Annotated[tuple[Annotated[Text, AfterValidator(checked_pattern)], ...], Listed]
MostlyUsed = Annotated[int, Field(ge=10, le=90)]


class OrderGroup(Section):
    """[[orders.groups]]: other rules for some equipment; what is left out is as in [orders]. The first group counts.

    An equipment belongs to it when it fits every list that is there, and one pattern of each: `equipments` are
    equipment numbers (leading zeros do not matter), `names` technical identification numbers; `*` stands for any signs.
    """

    name: Annotated[str, Field(min_length=1, max_length=80)]
    equipments: Patterns = ()
    names: Patterns = ()
    models: Patterns = ()
    buildings: Patterns = ()
    floors: Patterns = ()
    rooms: Patterns = ()
    armed: bool | None = None
    risk_percent: Percent | None = None
    lead_days: Days | None = None
    safety_days: Days | None = None
    mostly_used_percent: MostlyUsed | None = None
    threshold_percent: Threshold | None = None
    at_first_sight: bool | None = None

    @model_validator(mode="after")
    def _has_equipment(self) -> OrderGroup:
        if not (self.equipments or self.names or self.models or self.buildings or self.floors or self.rooms):
            raise Unfit(
                message("This group does not say which equipment belongs to it."),
                message("Write equipments, names, models, buildings, floors or rooms."),
            )
        return self


class OrdersSettings(Section):
    """[orders]: when consumables are ordered; nothing is ordered unless `armed`.

    `lead_days`, `safety_days` and `bundle_days` are working days, `max_per_equipment_per_day` and `max_per_day` pieces;
    `holidays` names a country and its part, `DE-BY`.
    """

    armed: bool = False
    risk_percent: Percent = 2.0
    lead_days: Days = 5
    safety_days: Days = 5
    holidays: Annotated[str, Field(pattern=r"^([A-Z]{2}(-[A-Z0-9]{1,3})?)?$")] = ""
    mostly_used_percent: MostlyUsed = 60
    threshold_percent: Threshold = 10
    minutes_between_low_readings: Annotated[int, Field(ge=0, le=10_080)] = 30
    at_first_sight: bool = False
    bundle_days: Days = 5
    max_per_equipment_per_day: Annotated[int, Field(ge=1, le=20)] = 4
    max_per_day: Annotated[int, Field(ge=1, le=1000)] = 20
    groups: Annotated[tuple[OrderGroup, ...], Field(strict=False, max_length=1000)] = ()

    @model_validator(mode="after")
    def _told_apart(self) -> OrdersSettings:
        names = [group.name.casefold() for group in self.groups]
        twice = next((group.name for group in self.groups if names.count(group.name.casefold()) > 1), None)
        if twice is not None:
            raise Unfit(
                message("Two groups are called {name}.", name=twice),
                message("Give each group a name of its own; it tells why something was ordered."),
            )
        return self

"""Supply slots made up for tests: looks, lives and what the order policy sees of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from agent.supplies.levels import EMPTY, SAID_EMPTY, SAID_LOW, SOME_LEFT, UNKNOWN, Level, Supply
from agent.supplies.lives import Life, Look, lives_of
from agent.supplies.policy import OrderRules, Situation, SlotView
from agent.supplies.usage import Usage
from agent.supplies.wear import Wear, expected_wear

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
RULES = OrderRules(armed=True)
WORDS = {"low": SAID_LOW, "empty": SAID_EMPTY, "zero": EMPTY, "some": SOME_LEFT, "unknown": UNKNOWN}


def exact(percent: float) -> Level:
    return Level("exact", percent, percent, percent)


def level(told: float | str | Level) -> Level:
    """A percentage, one of `WORDS`, or a level as it is."""
    if isinstance(told, Level):
        return told
    return WORDS[told] if isinstance(told, str) else exact(told)


def looks(*told: float | str | Level, pages: int = 100, serial: str | None = None, hours: float = 24) -> list[Look]:
    """Looks that end now, so many hours and pages apart."""
    first = NOW - timedelta(hours=hours) * (len(told) - 1)
    return [
        Look(first + timedelta(hours=hours) * number, number * pages, level(one), serial)
        for number, one in enumerate(told)
    ]


def life(*told: float | str | Level, **facts: object) -> Life:
    """The life that goes on at the end of such looks."""
    return lives_of(looks(*told, **facts))[-1]


def falling(last: float, step: float = 2.0, start: float = 100.0, pages: int = 100) -> Life:
    """A cartridge that was changed before, and went down evenly to what it says now."""
    told = [5.0, start]
    while told[-1] > last:
        told.append(max(told[-1] - step, last))
    return life(*told, *([last] if told[-1] == last else []), pages=pages)


def view(now: Life, usage: Usage | None = None, *, type_: str = "toner", wear: Wear | None = None) -> SlotView:
    """What the policy sees."""
    receptacle = type_.startswith("waste")
    supply = Supply("1.1", type_, "receptacle" if receptacle else "consumed", "cyan", None, now.last.level)
    return SlotView(supply, now, wear or expected_wear(type_, 5000), usage, now.last.at.date())


def steady(per_day: float = 100.0) -> Usage:
    """So many pages in every working day, known well."""
    return Usage(per_day, per_day * per_day / 4, 0.15, 0.1)


def situation(**facts: object) -> Situation:
    """Nothing in the way."""
    usual: dict[str, object] = {
        "automatic_supply": False,
        "wanted_since": NOW - timedelta(hours=1),
        "ordered": None,
        "ordered_for_equipment": 0,
        "ordered_in_all": 0,
        "now": NOW,
    }
    return Situation(**{**usual, **facts})  # type: ignore[arg-type]


TODAY = date(2026, 3, 2)

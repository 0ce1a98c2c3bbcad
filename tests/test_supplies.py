"""Levels say no more than the device did, and an order never rests on a guess."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.supplies.levels import (
    EMPTY,
    NO_LIMIT,
    SAID_EMPTY,
    SAID_LOW,
    SOME_LEFT,
    UNKNOWN,
    Level,
    Supply,
    in_steps,
    level_of,
)
from agent.supplies.orders import BomItem
from agent.supplies.policy import OrderRules, Situation, decide

NOW = datetime(2026, 11, 23, tzinfo=UTC)
RULES = OrderRules(True, 10, timedelta(minutes=30), 2, 20)
ITEM = BomItem("0010", "A1", "Toner cyan", "toner", "cyan", True, None, 2, None)


def exact(percent: float) -> Level:
    return Level("exact", percent, percent, percent)


@pytest.mark.parametrize(
    ("level", "capacity", "unit", "expected"),
    [
        (-1, 100, "percent", NO_LIMIT),
        (-2, 100, "percent", UNKNOWN),
        (-3, 100, "percent", SOME_LEFT),
        (-100, 100, "percent", UNKNOWN),
        (None, 100, "percent", UNKNOWN),
        (0, 34908, "impressions", exact(0.0)),
        (17454, 34908, "impressions", exact(50.0)),
        (100, 100, None, exact(100.0)),
        (9, -2, "impressions", UNKNOWN),
        (9, -2, "percent", exact(9.0)),
        (60, 4, "percent", exact(60.0)),
        (143065, 100, "other", UNKNOWN),
        (1, 0, None, UNKNOWN),
        (50, 15000, "percent", UNKNOWN),
        (100, 15000, "percent", UNKNOWN),
        (0, 15000, "percent", exact(0.0)),
        (7500, 15000, "percent", exact(50.0)),
        (3, 4, "percent", UNKNOWN),
    ],
)
def test_levels_of_rfc_3805(level, capacity, unit, expected):
    """-1, -2, -3, levels without capacity or above it: no number is invented."""
    assert level_of(level, capacity, unit) == expected


@given(st.integers(-200, 10**6), st.none() | st.integers(-3, 10**6), st.sampled_from(["percent", "items", None]))
def test_a_level_is_an_interval_within_0_and_100(level, capacity, unit):
    """Whatever a device reports, the bounds hold, and a percentage is within them."""
    found = level_of(level, capacity, unit)
    if found.low is not None and found.high is not None:
        assert 0 <= found.low <= found.high <= 100
    if found.percent is not None:
        assert found.low <= found.percent <= found.high


def supply(level: Level, kind: str = "toner", colorant: str | None = "cyan") -> Supply:
    return Supply("1.1", kind, "consumed", colorant, "Cyan Toner", level)


def situation(**facts: object) -> Situation:
    usual = {
        "automatic_supply": False,
        "low_since": NOW - timedelta(hours=1),
        "open_order": None,
        "ordered_for_equipment": 0,
        "ordered_in_all": 0,
        "now": NOW,
    }
    return Situation(**{**usual, **facts})


def item(**facts: object) -> BomItem:
    return BomItem(**{**{name: getattr(ITEM, name) for name in ITEM.__slots__}, **facts})


TABLE = [
    ("low for an hour", exact(5), situation(), [ITEM], "level_below_threshold"),
    ("empty", EMPTY, situation(), [ITEM], "level_below_threshold"),
    ("the printer itself says low", SAID_LOW, situation(), [ITEM], "said_low"),
    ("the printer itself says empty", SAID_EMPTY, situation(), [ITEM], "level_below_threshold"),
    ("at the threshold in steps of ten", in_steps(exact(10), 10), situation(), [ITEM], "level_below_threshold"),
    ("above it in steps of ten", in_steps(exact(20), 10), situation(), [ITEM], None),
    ("said low just now", SAID_LOW, situation(low_since=NOW), [ITEM], "first_sight"),
    ("not low", exact(11), situation(), [ITEM], None),
    ("some left is not low", SOME_LEFT, situation(), [ITEM], None),
    ("unknown is not low", UNKNOWN, situation(), [ITEM], None),
    ("seen low just now", exact(5), situation(low_since=NOW), [ITEM], "first_sight"),
    ("never seen low before", exact(5), situation(low_since=None), [ITEM], "first_sight"),
    ("automatic supply", exact(5), situation(automatic_supply=True), [ITEM], "automatic_supply"),
    ("ordered already", exact(5), situation(), [item(open_order_number="77")], "order_open"),
    ("not orderable", exact(5), situation(), [item(orderable=False, not_orderable_reason="x")], "not_orderable"),
    ("no position of this color", exact(5), situation(), [item(colorant="black")], "not_in_bill_of_material"),
    ("two positions of this color", exact(5), situation(), [ITEM, item(bom_item_number="0020")],
     "not_in_bill_of_material"),
    ("enough for this equipment", exact(5), situation(ordered_for_equipment=2), [ITEM], "equipment_cap"),
    ("enough for today", exact(5), situation(ordered_in_all=20), [ITEM], "site_cap"),
]  # fmt: skip


@pytest.mark.parametrize(("says", "level", "facts", "bom", "code"), TABLE, ids=[row[0] for row in TABLE])
def test_the_order_table(says, level, facts, bom, code):
    """Every reason to order and not to order, asserted whole."""
    decision = decide(supply(level), bom, facts, RULES)
    assert (decision.reason.code if decision else None) == code
    assert bool(decision and decision.order) == (code in ("level_below_threshold", "said_low"))


def test_unarmed_it_only_says_what_it_would_do():
    """Dry run is the default: the decision is there, the order is not."""
    decision = decide(supply(exact(5)), [ITEM], situation(), OrderRules(False, 10, timedelta(minutes=30), 2, 20))
    assert decision is not None
    assert (decision.order, decision.reason.code) == (False, "dry_run")

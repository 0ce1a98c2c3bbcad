"""Levels say no more than the device did."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.supplies.levels import NO_LIMIT, SOME_LEFT, UNKNOWN, Level, level_of


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

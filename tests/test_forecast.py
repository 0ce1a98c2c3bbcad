"""A forecast is an interval that people and rules can rely on; no more is said than levels and pages tell."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.supplies.forecast import FARTHEST, below, chance_within, forecast, fraction_left, left_in
from agent.supplies.levels import Level
from agent.supplies.lives import Look, lives_of
from agent.supplies.usage import Usage
from agent.supplies.wear import Wear, expected_wear, learnt, refined, wear_after
from tests.slots import NOW, TODAY, exact, falling, level, life, looks, steady

levels = st.floats(0, 100)
usages = st.builds(Usage, st.floats(0, 5000), st.floats(0, 10**7), st.floats(0.05, 1), st.floats(0.01, 1.5))
wears = st.builds(Wear, st.floats(math.log(100), math.log(200_000)), st.floats(0.0001, 1))
days = st.integers(0, FARTHEST)


def far(value: int | None) -> int:
    """`None` is later than any day."""
    return FARTHEST + 1 if value is None else value


@given(levels, usages, wears)
def test_an_interval_is_in_order_and_the_same_every_time(percent, usage, wear):
    """Earliest, likely, latest; none before today; no chance in it."""
    told = forecast(life(percent), wear, usage, TODAY)
    assert 0 <= far(told.earliest) <= far(told.likely) <= far(told.latest)
    assert 0 <= told.percent_low <= told.percent_high <= 100
    assert told.pages >= 0
    assert forecast(life(percent), wear, usage, TODAY) == told


@given(levels, levels, usages, wears)
def test_more_left_lasts_longer(one, other, usage, wear):
    """For every level, whatever is printed."""
    less, more = sorted((one, other))
    sooner, later = (forecast(life(percent), wear, usage, TODAY) for percent in (less, more))
    assert far(sooner.earliest) <= far(later.earliest)
    assert far(sooner.likely) <= far(later.likely)
    assert far(sooner.latest) <= far(later.latest)


@given(levels, st.floats(1, 5000), st.floats(1, 20), wears)
def test_more_printed_is_empty_sooner(percent, per_day, factor, wear):
    """The same office, busier."""
    calm, busy = (forecast(life(percent), wear, steady(per_day * by), TODAY) for by in (1, factor))
    assert far(busy.earliest) <= far(calm.earliest)
    assert far(busy.latest) <= far(calm.latest)


@given(levels, wears, st.floats(1, 1000), days, days)
def test_the_chance_grows_with_the_days(percent, wear, per_day, one, other):
    """0..1, and no less on a later day."""
    left = left_in(life(percent), wear)
    first, second = (chance_within(left, steady(per_day), float(worth)) for worth in sorted((one, other)))
    assert 0 <= first <= second + 1e-9 <= 1 + 1e-9


def test_a_tenth_of_a_known_cartridge():
    """500 pages left at a hundred in each of five days a week: a week, give or take."""
    told = forecast(life(10.0), Wear(math.log(5000), 0.02), steady(100), TODAY)
    assert told.likely == pytest.approx(7, abs=1)
    assert told.earliest < told.likely < told.latest


def test_nothing_is_said_of_nothing():
    """Of levels that say nothing, without a change that was seen."""
    wear = expected_wear("toner", 5000)
    for told in ("some", "unknown", "low"):
        assert left_in(life(told, told, told), wear) is None
    assert left_in(life("some", "some", serial="A1234"), wear) is None


def test_pages_count_where_levels_are_silent():
    """A new cartridge of a printer that names no level: less with every page, until none could be left of any."""
    wear = Wear(math.log(5000), 0.02)

    def after(pages: int) -> float | None:
        seen = looks("some", "some", pages=pages)
        now = lives_of(
            [replace(looks("some")[0], serial_number="OLD1"), *[replace(one, serial_number="NEW2") for one in seen]]
        )[-1]
        told = forecast(now, wear, steady(), TODAY)
        return told and told.pages

    assert after(500) > after(2500) > after(4500) > 0
    assert after(9000) is None  # a change was missed


def test_steps_are_known_best_where_they_change():
    """A third that was just entered is nearly all there; the pages since then go off it."""
    thirds = [Level("exact", 100, 67, 100), Level("exact", 67, 33, 67), Level("exact", 33, 0, 33)]
    wear = Wear(math.log(3000), 0.01)
    entered = life(*([thirds[0]] * 10), *([thirds[1]] * 10), thirds[2])
    assert fraction_left(entered, wear)[0] > 0.25
    later = life(*([thirds[0]] * 10), *([thirds[1]] * 10), *([thirds[2]] * 9))
    assert fraction_left(later, wear)[1] < 0.12


def test_a_level_that_fails_for_weeks_goes_down_by_pages():
    """What was left then, less what was printed since."""
    wear = Wear(math.log(5000), 0.02)
    then = forecast(life(40, 39), wear, steady(), TODAY)
    now = forecast(life(40, 39, *(["unknown"] * 10)), wear, steady(), TODAY)
    assert now.pages < then.pages - 500


def test_one_cartridge_teaches_the_next():
    """The maker says 5000, here they make 2500: after two of them that is known to a fifth."""
    wear = wear_after(expected_wear("toner", 5000), [falling(2, pages=50), falling(2, pages=50)])
    assert wear.pages == pytest.approx(2500, rel=0.1)
    assert wear.bounds()[0] > 1700
    assert wear.lives == 2


def test_a_cartridge_teaches_while_it_lasts():
    """Half used by 1000 pages makes about 2000, whatever the maker says."""
    now = falling(50, pages=40)
    assert refined(expected_wear("toner", 8000), now).pages == pytest.approx(2000, rel=0.15)


def test_one_strange_cartridge_does_not_unlearn_the_others():
    """A used one from another printer, after four good ones."""
    good = wear_after(expected_wear("toner", 5000), [falling(2)] * 4)
    strange = learnt(good, falling(2, pages=10))
    assert strange.pages > 0.55 * good.pages
    assert strange.variance < 0.1


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_the_distribution_is_one(one, other):
    """From 0 to 1, rising, even on both sides."""
    assert below(one) + below(-one) == pytest.approx(1)
    assert 0 <= below(min(one, other)) <= below(max(one, other)) <= 1


@given(
    st.lists(
        st.builds(
            Look,
            st.integers(-(10**6), 10**6).map(lambda hours: NOW + timedelta(hours=hours)),
            st.none() | st.integers(-(10**9), 10**15),
            st.one_of(st.sampled_from(["low", "empty", "zero", "some", "unknown"]).map(level), levels.map(exact)),
            st.sampled_from([None, "A1234", "B5678"]),
        ),
        min_size=1,
        max_size=12,
    ),
    usages,
)
def test_hostile_looks_raise_nothing(made, usage):
    """Counters of any size, times in any order: a forecast in order, or none."""
    *ended, now = lives_of(made)
    wear = refined(wear_after(expected_wear("toner", None), ended), now)
    told = forecast(now, wear, usage, TODAY)
    if told is not None:
        assert 0 <= far(told.earliest) <= far(told.likely) <= far(told.latest)

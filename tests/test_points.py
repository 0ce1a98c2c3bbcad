"""Without a page counter the level itself tells how fast a supply goes, where it is told finely enough."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.supplies.levels import Level
from agent.supplies.lives import Look, lives_of
from agent.supplies.points import usage_in_points
from agent.supplies.policy import SlotView, wish
from agent.supplies.usage import Usage
from tests.slots import NOW, RULES, level, life, view

TENS = {step: Level("exact", float(step), max(step - 10.0, 0.0), float(step)) for step in range(0, 101, 10)}
THIRDS = {33: Level("exact", 33, 0, 33), 67: Level("exact", 67, 33, 67), 100: Level("exact", 100, 67, 100)}


def looks(levels: list[float | str | Level], pages: int | None = None) -> list[tuple[date, Look]]:
    """A look a day, the last one now."""
    first = NOW - timedelta(days=len(levels) - 1)
    made = [Look(first + timedelta(days=number), pages, level(one)) for number, one in enumerate(levels)]
    return [(one.at.date(), one) for one in made]


def weeks(per_day: float, days: int, *, start: float = 100.0) -> list[float]:
    """Falls by so many points in each of five days a week, whole percents told; a new one when it is empty."""
    left, told = start, []
    for number in range(days):
        day = (NOW - timedelta(days=days - 1 - number)).date()
        left -= per_day if day.weekday() < 5 else per_day / 10
        told.append(float(math.ceil(left)))
        left = left if left > 2 else 100.0
    return told


def seen(levels: list[float | str | Level]) -> SlotView:
    """What the policy sees of a printer without counters."""
    made = looks(levels)
    return view(lives_of([one for _, one in made])[-1], usage_in_points(made))


@given(st.floats(0.5, 8))
def test_an_even_office_is_known_to_a_tenth(per_day):
    """Points in a week, over several cartridges: what the change itself took is not learnt.

    Not in each of its days: three points a week may always show themselves on the same ones.
    """
    usage = usage_in_points(looks(weeks(per_day, 150)))
    assert usage is not None
    assert usage.unit == "points"
    assert usage.per_day * (5 + 2 * usage.resting) == pytest.approx(per_day * 5.2, rel=0.1)


def test_who_uses_much_is_supplied_earlier_than_who_uses_little():
    """At twenty percent: four points a day are ordered for, a quarter of a point is not."""
    fast, slow = weeks(4, 130), weeks(0.25, 130, start=52)
    newest = max(number for number, one in enumerate(fast) if 16 < one <= 20)
    busy, calm = seen([*fast[: newest + 1]]), seen(slow)
    assert wish(busy, RULES).reason.code == "runs_dry"
    assert calm.life.level.level.percent > 15
    assert wish(calm, RULES) is None
    assert busy.forecast.likely < 12 < 60 < calm.forecast.likely


def test_tens_and_thirds_are_fine_enough_and_halves_are_not():
    """Steps of ten tell how fast it goes; the last of three thirds is ordered for; of halves a threshold decides."""
    by_tens = seen([TENS[100 - 10 * (number // 8)] for number in range(70)])
    assert by_tens.usage.per_day == pytest.approx(10 / (8 * 5 / 7), rel=0.35)
    thirds = [*[THIRDS[100]] * 30, *[THIRDS[67]] * 30]
    assert wish(seen(thirds), RULES) is None
    assert wish(seen([*thirds, *[THIRDS[33]] * 3]), RULES).reason.code == "runs_dry"
    halves = [Level("exact", 100, 50, 100), Level("exact", 50, 0, 50)]
    assert seen([*[halves[0]] * 30, *[halves[1]] * 30, *[halves[0]] * 30, *[halves[1]] * 30]).usage is None


def test_little_is_no_past():
    """Less than twenty points, or all at once: somebody may have taken it out."""
    assert usage_in_points(looks([float(100 - number // 4) for number in range(60)])) is None
    assert usage_in_points(looks([80.0] * 40 + [20.0] * 40)) is None


def test_a_misreading_and_a_failed_look_teach_nothing():
    """0 for an hour, nothing for a day: the same as without them."""
    told = weeks(2, 60)
    made, plain = looks(told), looks(told)
    wrong = [(day, Look(look.at - timedelta(hours=1), None, level("zero"))) for day, look in made[20::9]]
    silent = [(day, Look(look.at - timedelta(hours=2), None, level("unknown"))) for day, look in made[::5]]
    mixed = sorted([*made, *wrong, *silent], key=lambda one: one[1].at)
    assert usage_in_points(mixed) == usage_in_points(plain)


@given(st.floats(1, 49), st.floats(1, 49), st.floats(0.1, 9))
def test_less_left_is_never_less_reason(one, other, per_day):
    """In points as in pages."""
    usage = Usage(per_day, per_day * per_day / 4, 0.15, 0.1, "points")
    less, more = sorted((one, other))
    if wish(view(life(more, pages=0), usage), RULES):
        assert wish(view(life(less, pages=0), usage), RULES)


@given(st.floats(1, 100), st.integers(0, 10**6))
def test_pages_do_not_count_where_points_do(percent, pages):
    """A counter that is read for the first time changes nothing of what levels told."""
    usage = Usage(2.0, 1.0, 0.15, 0.1, "points")
    plain, counted = (view(life(percent, percent, pages=made), usage) for made in (0, pages))
    assert plain.forecast == counted.forecast
    assert wish(plain, RULES) == wish(counted, RULES)


@given(
    st.lists(
        st.tuples(
            st.dates(), st.one_of(st.sampled_from(["low", "empty", "zero", "some", "unknown"]), st.floats(0, 100))
        ),
        max_size=30,
    )
)
def test_hostile_levels_raise_nothing(told):
    """Days in any order, whatever is told: nothing, or more than nothing."""
    made = [(day, Look(NOW, None, level(one))) for day, one in told]
    usage = usage_in_points(made)
    assert usage is None or (usage.per_day > 0 and usage.scatter >= 0)

"""How much is printed, from page counters as they come: with gaps, quiet weeks, exchanged boards and wrong clocks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.supplies.usage import Working, is_weekday, usage_of

MONDAY = date(2025, 9, 1)
days_of_pages = st.lists(st.integers(0, 500), min_size=30, max_size=120)


def counted(pages: list[int], is_working: Working = is_weekday) -> list[tuple[date, int]]:
    """The counter at the end of each day; on days of rest a tenth of the pages is printed."""
    counts, total = [], 0
    for number, made in enumerate(pages):
        day = MONDAY + timedelta(days=number)
        total += made if is_working(day) else made // 10
        counts.append((day, total))
    return counts


def test_an_even_office_is_known_to_the_page():
    """200 pages a day for months: about 200, with little doubt, and a tenth at weekends."""
    usage = usage_of(counted([200] * 200))
    assert usage.per_day == pytest.approx(200, rel=0.02)
    assert usage.resting == pytest.approx(0.1, abs=0.02)
    assert usage.doubt < 0.2


@given(days_of_pages, st.integers(2, 40))
def test_twice_the_pages_are_twice_the_usage(pages, factor):
    """Usage has no units but pages: everything scales."""
    one, many = (
        usage_of(counted([10 * made for made in pages])),
        usage_of(counted([10 * factor * made for made in pages])),
    )
    assert many.per_day == pytest.approx(factor * one.per_day, rel=1e-6)
    assert many.scatter == pytest.approx(factor**2 * one.scatter, rel=1e-6)
    assert many.doubt == pytest.approx(one.doubt, rel=1e-6)


@given(st.sets(st.integers(30, 110), max_size=40))
def test_missing_days_do_not_change_the_mean_much(missing):
    """What was printed on days without a look is in the next one."""
    counts = counted([100 + 20 * (number % 7) for number in range(120)])
    whole = usage_of(counts)
    gaps = usage_of([one for number, one in enumerate(counts) if number not in missing])
    assert gaps.per_day == pytest.approx(whole.per_day, rel=0.08)


@given(st.integers(7, 21))
def test_quiet_weeks_do_not_lower_it(quiet):
    """A vacation may end any day: what is expected stays nearly what it was, and the doubt grows."""
    before = [200] * 150
    busy, calm = usage_of(counted(before)), usage_of(counted([*before, *([20] * quiet)]))
    assert calm.per_day >= 0.75 * busy.per_day
    assert calm.doubt > busy.doubt


def test_busy_weeks_raise_it():
    """Two weeks at three times the pages count half as much as they would alone."""
    usual, busy = usage_of(counted([200] * 150)), usage_of(counted([*([200] * 150), *([600] * 14)]))
    assert 1.2 * usual.per_day < busy.per_day < 2.5 * usual.per_day


def test_nothing_is_known_of_a_printer_that_was_just_met():
    """A few days say nothing; the portal's estimate for a year is taken with much doubt."""
    few = counted([100] * 3)
    assert usage_of(few) is None
    assert usage_of(few, 26_000).per_day == pytest.approx(96, rel=0.1)
    assert usage_of(few, 26_000).doubt > 0.5


@pytest.mark.parametrize(
    ("broken", "goes_on_from"),
    [
        ([(MONDAY + timedelta(days=100), 5)], 5),  # a new board begins anew
        ([(MONDAY + timedelta(days=100), 10**9)], None),  # a misread counter
        ([(date(2099, 1, 1), 20_000)], None),  # a clock far ahead, then back
        ([(date(1970, 1, 1), 20_000)], None),
        ([(MONDAY + timedelta(days=99), 10**12)] * 2, None),  # again on the same day
    ],
)
def test_a_step_that_cannot_be_teaches_nothing(broken, goes_on_from):
    """The mean stays, and goes on to be learnt from the next days."""
    before = counted([200] * 100)
    total = before[-1][1] if goes_on_from is None else goes_on_from
    after = [(day + timedelta(days=101), pages + total) for day, pages in counted([400] * 60)]
    whole = usage_of([*before, *broken, *after])
    sound = usage_of([*before, *((day, pages - total + before[-1][1]) for day, pages in after)])
    assert whole.per_day == pytest.approx(sound.per_day, rel=0.1)
    assert whole.per_day > 250


@given(st.lists(st.tuples(st.dates(), st.integers(-(10**12), 10**15)), max_size=30), st.none() | st.integers(0, 10**9))
def test_hostile_counters_cost_and_raise_nothing(counts, estimate):
    """Whatever is fed: numbers come out that are no less than nothing."""
    usage = usage_of(counts, estimate)
    if usage is not None:
        assert usage.per_day >= 0
        assert usage.scatter >= 0
        assert 0 < usage.resting <= 1.5

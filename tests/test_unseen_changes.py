"""A change of cartridge that nobody saw is concluded from pages alone, late rather than wrongly."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.supplies.forecast import forecast
from agent.supplies.levels import Supply
from agent.supplies.lives import Life, Look, begun
from agent.supplies.policy import decide
from agent.supplies.slots import SlotState, after
from agent.supplies.unseen import unseen_change
from agent.supplies.wear import Wear, is_more_than_one, learnt, least_used
from tests.slots import NOW, RULES, TODAY, level, life, situation, steady, view
from tests.test_order_policy import ITEM

KNOWN = Wear(math.log(5000), 0.03, 3)
START = NOW - timedelta(days=700)


def made(pages: int, told: str = "some", serial: str | None = None, *, from_: int = 0) -> Life:
    """The life of a cartridge whose change was seen, after so many pages."""
    first = begun(Look(START, from_, level("some"), serial), "no_longer_low")
    return replace(first, last=Look(NOW, from_ + pages, level(told), serial))


def told(*said: tuple[str, int]) -> SlotState:
    """What is known of a slot that said so, each word for so many days of a hundred pages."""
    state, day = None, 0
    for word, days in said:
        for _ in range(days):
            supply = Supply("1.1", "toner", "consumed", "black", None, level(word))
            state = after(state, supply, Look(START + timedelta(days=day), day * 100, level(word)))
            day += 1
    assert state is not None
    return state


USED_UP = (("some", 50), ("empty", 2))


def test_a_cartridge_cannot_go_on_for_ever():
    """Four were seen used up after 50 days; the next one still prints after 95: it is another one, half used."""
    state = told(*USED_UP * 4, ("some", 95))
    assert state.life.changed_by == "pages"
    whole = state.life.pages + state.life.made_before
    assert whole == pytest.approx(4500, abs=600)
    assert state.life.made_deviation < 2000
    assert told(*USED_UP * 4, ("some", 70)).life.changed_by == "no_longer_low"


def test_its_successor_is_ordered():
    """The pages that it has probably made already count: once it is used up for the most part, the next one is due."""
    state = told(*USED_UP * 4, ("some", 99))
    decision = decide(view(state.life, steady(), wear=state.before), (ITEM,), situation(), RULES)
    assert decision is not None
    assert decision.order
    fresh = replace(state.life, made_before=0.0, made_deviation=0.0)
    assert decide(view(fresh, steady(), wear=state.before), (ITEM,), situation(), RULES) is None
    sooner, later = (forecast(one, state.before, steady(), TODAY) for one in (state.life, fresh))
    assert sooner.likely < later.likely


@given(st.integers(0, 10**6), st.integers(0, 12), st.none() | st.integers(500, 20_000), st.floats(0.005, 0.2))
def test_never_while_one_cartridge_may_have_made_them(pages, lives, promised, variance):
    """Far beyond what one makes, and where few were counted far beyond the maker's word as well."""
    wear = Wear(KNOWN.ln, variance, lives)
    found = unseen_change(made(pages), wear, promised)
    if pages <= wear.bounds(3)[1] or not lives or (lives < 3 and pages <= 1.5 * (promised or math.inf)):
        assert found is None
    if found is not None:
        assert (found.changed_by, found.first.at, found.pages) == ("pages", NOW, 0)
        assert 0 < found.made_before < KNOWN.pages  # also after pages of many
        assert not is_more_than_one(found, wear)  # never two at one look


@pytest.mark.parametrize(
    "going_on",
    [
        made(20_000, "low"),
        made(20_000, "unknown"),
        made(20_000, serial="A12345"),  # another one would say so
        replace(made(20_000), changed_by=None),
        replace(made(20_000), low_since=NOW),
        replace(made(20_000), raised=made(1).last),
        made(-5, from_=10),
        life(60, 40, pages=20_000),
    ],
)
def test_never_where_something_else_tells(going_on):
    """Levels, serial numbers, *low*, a counter that began anew, a cartridge of which the beginning was not seen."""
    assert unseen_change(going_on, KNOWN, 5000) is None


def test_two_cartridges_in_one_life_teach_nothing():
    """Empty after twice the pages: a change was missed. With a serial number it is one, and teaches."""
    twice, once = made(9500, "empty"), made(5600, "empty")
    assert learnt(KNOWN, twice).ln == KNOWN.ln
    assert learnt(KNOWN, twice).lives == KNOWN.lives
    assert learnt(KNOWN, made(9500, "empty", "A12345")).ln > KNOWN.ln
    assert learnt(KNOWN, once).ln > KNOWN.ln


@given(st.integers(1, 9000), st.floats(0, 5000), st.floats(0, 3000))
def test_the_part_that_is_used_at_least(pages, before, deviation):
    """0..1, more with every page, less the less is known; 0 of a cartridge whose beginning was not seen."""
    one = replace(made(pages), made_before=before, made_deviation=deviation)
    used = least_used(one, KNOWN)
    assert 0 <= used <= 1
    assert used <= least_used(replace(one, made_deviation=0.0), KNOWN)
    assert used <= least_used(replace(one, last=replace(one.last, pages=pages + 500)), KNOWN) + 1e-9
    assert least_used(replace(one, changed_by=None), KNOWN) == 0


def test_a_slot_that_begins_again_from_what_was_kept_goes_on_alike():
    """Each look makes a state of its own: looking at it twice changes nothing."""
    state = told(*USED_UP * 4, ("some", 95))
    supply = Supply("1.1", "toner", "consumed", "black", None, level("some"))
    look = replace(state.life.last, at=state.life.last.at + timedelta(days=1))
    assert after(state, supply, look) == after(state, supply, look)
    assert after(state, supply, look).life.made_before == state.life.made_before

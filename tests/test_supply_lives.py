"""Cartridges are told apart by what proves it: shaking, misreadings and made-up serial numbers make no other one."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.supplies.forecast import left_in
from agent.supplies.levels import Level
from agent.supplies.lives import Look, followed, lives_of
from agent.supplies.wear import expected_wear, refined
from tests.slots import NOW, exact, level, life, looks

THIRDS = {33: Level("exact", 33, 0, 33), 67: Level("exact", 67, 33, 67), 100: Level("exact", 100, 67, 100)}
told = st.one_of(st.sampled_from(["low", "empty", "zero", "some", "unknown"]), st.integers(0, 100).map(float))
names = st.sampled_from([None, "", "0", "NA", "0000", "A1234", "B5678", "C-9999", "?" * 200])
any_look = st.builds(
    Look,
    st.integers(-(10**5), 10**5).map(lambda hours: NOW + timedelta(hours=hours)),
    st.none() | st.integers(-5, 10**12),
    told.map(level),
    names,
    names,
)


def test_a_level_that_jumps_up_is_another_cartridge():
    """From 6 to 100 percent no shaking leads."""
    assert [one.changed_by for one in lives_of(looks(8, 6, 100, 99))] == [None, "level"]


@given(st.floats(1, 60), st.floats(0, 15), st.booleans())
def test_shaking_makes_no_other_cartridge(low, rise, serial):
    """Up by as much as shaking gives, and back again, whatever was printed in between."""
    made = looks(low + 5, low, low + rise, low, low - 1, pages=400, serial="A1234" if serial else None)
    assert len(lives_of(made)) == 1


@given(st.floats(1, 60), st.floats(0, 15), st.integers(100, 5000))
def test_a_shaken_cartridge_that_goes_on_for_long_is_the_same(low, rise, pages):
    """It stays where shaking brought it, and thousands of pages are printed with it."""
    after = [max(low + rise - step, 0.0) for step in range(4)]
    assert len(lives_of(looks(low + 5, low, *after, pages=pages))) == 1


def test_a_smaller_rise_must_prove_itself_by_pages():
    """20 points more: shaken as long as little was printed, another cartridge after a quarter of what it had made."""
    start = looks(60, 40, 20, pages=1000)
    risen = [Look(NOW + timedelta(days=days), 2000 + pages, exact(42), None) for days, pages in ((1, 10), (2, 400))]
    assert len(lives_of([*start, *risen])) == 1
    stayed = Look(NOW + timedelta(days=9), 2900, exact(40), None)
    found = lives_of([*start, *risen, stayed])
    assert [one.changed_by for one in found] == [None, "level"]
    assert found[1].first.at == risen[0].at  # from when it rose


@given(st.lists(any_look, max_size=8), any_look)
def test_another_serial_number_is_another_cartridge(before, look):
    """Always, whatever the level says; equal but for leading zeros is the same."""
    known = replace(look, serial_number="A1234")
    made = lives_of([*before, known])[-1]
    assert [one.changed_by for one in followed(made, replace(known, serial_number="B9999"))[1:]] == ["serial_number"]
    same = followed(made, replace(known, serial_number="00A1234"))
    assert all(one.changed_by != "serial_number" for one in same[1:])


@pytest.mark.parametrize("serial", ["0", "NA", "0000000", "unknown", "XXXX", ""])
def test_a_made_up_serial_number_proves_nothing(serial):
    """The same word for every cartridge: neither another one at every look, nor always the same one."""
    assert len(lives_of(looks(50, 49, 48, serial=serial))) == 1
    assert len(lives_of(looks(50, 9, 100, 98, serial=serial))) == 2


def test_a_constant_serial_number_hides_no_full_cartridge():
    """A printer that says 12345678 of every cartridge, in percent and in thirds."""
    assert len(lives_of(looks(20, 5, 100, serial="12345678"))) == 2
    assert len(lives_of(looks(THIRDS[67], THIRDS[33], THIRDS[100], serial="12345678"))) == 2


@pytest.mark.parametrize(("one", "other", "count"), [("TN-514 K", "tn514k", 1), ("TN514K", "TN513K", 2)])
def test_the_spelling_of_a_part_number_is_no_other_part(one, other, count):
    """Blanks, dashes and case differ between a printer's places; another number with more in it is another part."""
    first, second = looks(20, 40)
    assert len(lives_of([replace(first, part_number=one), replace(second, part_number=other)])) == count


def test_another_part_number_at_a_level_that_goes_on_is_another_description():
    """From another place of the printer the same cartridge has another number."""
    first, second = looks(20, 19)
    assert len(lives_of([replace(first, part_number="A9E8150"), replace(second, part_number="TN514K")])) == 1


def test_a_misreading_leaves_no_trace():
    """0 once, between 70 and 70; empty once, of a printer that otherwise says that some is left."""
    assert life(71, 70, "zero", 70, 70).low_since is None
    assert len(lives_of(looks(71, 70, "zero", 70, 69))) == 1
    seen = life("some", "some", "empty", "some", "some", "some", pages=1000, hours=1)
    assert (seen.changed_by, seen.level, seen.low_since) == (None, None, None)


def test_low_that_is_over_is_another_cartridge_when_enough_was_printed():
    """Shaking clears *low* as well, but not for long."""
    shaken = looks("some", "low", "low", "some", pages=1000)
    assert len(lives_of(shaken)) == 1
    later = [Look(NOW + timedelta(days=day), 3000 + 300 * day, level("some"), None) for day in range(1, 4)]
    found = lives_of([*shaken, *later])
    assert (len(found), found[-1].changed_by) == (2, "no_longer_low")


def test_pages_of_the_new_cartridge_are_not_counted_for_the_old_one():
    """What is printed until a change has proven itself is the new one's: the old one taught too much of it."""
    made = looks("some", "some", "some", "low", "low", *["some"] * 4, pages=1000)
    old, new = lives_of(made)
    assert (old.pages, new.first) == (4000, made[5])
    assert (old.raised, old.unraised, new.unraised) == (None, None, None)
    risen = looks(60, 40, 20, 42, 41, 40, 39, pages=1000)
    old, new = lives_of(risen)
    assert (old.pages, old.level, new.first) == (2000, risen[2], risen[3])


def test_silence_changes_nothing():
    """A level that fails for weeks, names that are missing once."""
    made = looks(30, *(["unknown"] * 30), 22, serial="A1234")
    made[5] = replace(made[5], serial_number=None)
    made[6] = replace(made[6], serial_number="NA")
    found = lives_of(made)
    assert len(found) == 1
    assert found[0].level == made[-1]
    assert followed(found[0], replace(made[-1], serial_number="B5678"))[-1].changed_by == "serial_number"


@given(st.lists(any_look, min_size=1, max_size=30))
def test_lives_partition_the_looks(made):
    """Whatever printers say, and in whatever order clocks put it: every life begins at a look, none is lost."""
    found = lives_of(made)
    assert found[0].first is made[0]
    assert all(one.first in made for one in found)
    assert found[-1].last.at == made[-1].at
    assert 1 <= len(found) <= len(made)
    assert all(one.changed_by is not None for one in found[1:])


@given(st.lists(any_look, min_size=1, max_size=12))
def test_what_is_kept_and_read_again_goes_on_alike(made):
    """A database gives back equal looks that are other objects."""
    kept = [lives_of(made[:1])[0]]
    for look in made[1:]:
        *ended, now = followed(deepcopy(kept.pop()), look)
        kept += [*ended, now]
    assert tuple(kept) == lives_of(made)
    wear = expected_wear("toner", 5000)
    assert left_in(deepcopy(kept[-1]), wear) == left_in(kept[-1], wear)
    assert refined(wear, deepcopy(kept[-1])) == refined(wear, kept[-1])

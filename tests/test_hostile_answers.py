"""Whatever a device answers, it is read in a moment, nothing escapes, and no level or counter is made up."""

from __future__ import annotations

import os
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.printers import Endpoint
from agent.readout import Readout
from agent.snmp.interpretation import interpret
from agent.snmp.profile import Profile
from agent.snmp.recording import parse_recording
from agent.snmp.varbinds import Answer, Oid, Tag, Value, Varbinds
from agent.supplies.levels import Level, common_step, disagree, in_steps, inverted, knows_more, level_of, percent_level
from tests.test_profiles import DEVICE_FILES, lines_of
from tests.test_recordings import CATALOGUE, NOW

TIMES = 50_000 if os.environ.get("CI") == "true" else 20_000
QUICK_S = 0.05
PRINTER_MIB = (1, 3, 6, 1, 2, 1, 43)
SAMPLE = 30  # varbinds of a device that are kept in one answer
NUMBERS = (-3, -2, -1, 0, 1, 4, 9, 99, 100, 101, 2**31 - 1, -(2**31), 2**32 - 1, 2**64 - 1)
OCTETS = (
    b"", b"\x00", b"\xff" * 9, b"6f", bytes.fromhex("6f0104000023286f"), b"Cyan Black", b"\xef\xbf\xbd" * 9,
    b"PN" * 900, b"TK-" * 300, "青色".encode(), b"SNunknown", b"Toner bottle detail(", bytes(range(256)),
)  # fmt: skip


def mutated(base: list[tuple[Oid, Value]], dice: random.Random) -> Varbinds:
    """Some of a device's answers, with values, types and places changed at random."""
    kept = dict(dice.sample(base, min(SAMPLE, len(base))))
    for oid in dice.sample(sorted(kept), min(6, len(kept))):
        way = dice.randrange(4)
        if way == 0:
            kept[oid] = Value(Tag.INTEGER, dice.choice(NUMBERS))
        elif way == 1:
            kept[oid] = Value(Tag.OCTET_STRING, dice.choice(OCTETS))
        elif way == 2:
            kept[(*oid[:-1], dice.choice((0, 1, 2, 99, 2**32 - 1)))] = kept[oid]
        else:
            kept[oid[: dice.randrange(1, len(oid) + 1)]] = Value(dice.choice(tuple(Tag)), None)
    return Varbinds(kept.items())


def readout_of(profile: Profile, varbinds: Varbinds) -> Readout:
    return interpret(profile, Endpoint("127.0.0.1"), Varbinds(), Answer(varbinds, "recording", 0), NOW)


def seconds(profile: Profile, varbinds: Varbinds) -> float:
    """Processor time of one reading, the best of three: the machine has others to serve."""
    taken = []
    for _ in range(3):
        begin = time.process_time()
        readout_of(profile, varbinds)
        taken.append(time.process_time() - begin)
    return min(taken)


def is_sound(level: Level) -> bool:
    """Whether the bounds hold, and a percentage lies within them."""
    bounds = [bound for bound in (level.low, level.high) if bound is not None]
    within = all(0 <= bound <= 100 for bound in bounds) and bounds == sorted(bounds)
    named = level.percent is None or (level.low is not None and level.high is not None
                                      and level.low <= level.percent <= level.high)  # fmt: skip
    return within and named


@pytest.mark.parametrize("file", DEVICE_FILES, ids=lambda file: file.stem)
def test_nothing_that_a_device_answers_is_too_much(file, record_property):
    """Mutated answers of every maker: no exception, sound levels, no negative counter, each in a moment."""
    dice = random.Random(file.stem)
    base = sorted(parse_recording(lines_of(file)).varbinds.items())
    profiles = (CATALOGUE.generic, *CATALOGUE.vendors)
    profile = max(profiles, key=lambda one: file.stem.startswith(one.name.partition("-")[0]))
    for _ in range(TIMES // len(DEVICE_FILES) + 1):
        varbinds = mutated(base, dice)
        begin = time.process_time()
        readout = readout_of(profile, varbinds)
        assert time.process_time() - begin < QUICK_S or seconds(profile, varbinds) < QUICK_S
        assert all(is_sound(supply.level) for supply in readout.supplies)
        assert all(counter.value >= 0 for counter in readout.counters)
    record_property("devices whose answers were mutated", len(DEVICE_FILES))
    record_property("mutated answers of each, read whole", TIMES // len(DEVICE_FILES) + 1)


@pytest.mark.parametrize("profile", CATALOGUE.vendors, ids=lambda profile: profile.name)
def test_a_flood_of_rows_is_read_in_a_moment(profile):
    """A thousand supplies and alerts with long names: looked at up to a bound, in less than a fifth of a second."""
    name = Value(Tag.OCTET_STRING, b"Toner bottle detail(Cyan) PN" * 8)
    flood: dict[Oid, Value] = {}
    for row in range(1, 400):
        flood |= {(*PRINTER_MIB, 11, 1, 1, 6, 1, row): name, (*PRINTER_MIB, 11, 1, 1, 9, 1, row): Value(Tag.INTEGER, 5)}
        flood |= {(*PRINTER_MIB, 18, 1, 1, 7, 1, row): Value(Tag.INTEGER, 1104)}
        flood |= {(*PRINTER_MIB, 18, 1, 1, 8, 1, row): name}
        for table in profile.supplies.tables:
            for column in sorted(table.names):
                flood[(*profile.oids[column], 1, row)] = Value(Tag.INTEGER, row % 100)
    assert seconds(profile, Varbinds(flood.items())) < 4 * QUICK_S


@given(st.integers(-200, 10**6), st.none() | st.integers(-3, 10**6), st.sampled_from(["percent", "other", None]),
       st.sampled_from([10.0, 20.0, 33.0, 50.0]), st.sampled_from(["up", "down", None]))  # fmt: skip
def test_no_number_is_made_of_a_sentinel(level, capacity, unit, step, rounding):
    """-1, -2 and -3 name no percentage, in steps and turned round neither; every interval lies within 0 and 100."""
    plain = level_of(level, capacity, unit)
    for found in (plain, in_steps(plain, step, rounding), inverted(plain), inverted(in_steps(plain, step, rounding))):
        assert is_sound(found)
        assert level >= 0 or found.percent is None


@given(st.floats(0, 100))
def test_what_is_turned_round_twice_is_itself(percent):
    """Space left and fullness make a hundred."""
    level = percent_level(percent)
    assert inverted(inverted(level)) == level


@given(st.lists(st.integers(0, 10), min_size=3, max_size=8))
def test_a_proven_step_divides_every_level(tens):
    """The step is one that all the levels are on; ten is proven by three different levels."""
    levels = [10.0 * ten for ten in tens]
    step = common_step(levels)
    assert step is None or step in (10.0, 20.0, 25.0, 50.0)
    assert step is not None or len({ten for ten in tens if 0 < ten < 10}) < 3


@given(st.floats(0, 100), st.floats(0, 100))
def test_two_sources_disagree_only_beyond_rounding(one, other):
    """Whether two differ does not depend on their order; knowing more is never mutual."""
    left, right = percent_level(one), percent_level(other)
    assert disagree(left, right) == disagree(right, left)
    assert not (knows_more(left, right) and knows_more(right, left))
    assert not disagree(left, left)

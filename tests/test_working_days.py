"""On which days people work, by country and state, with the feasts that move."""

from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from agent.errors import ConfigError
from agent.supplies.working_days import working_days, working_days_of

CORPUS_CHRISTI = date(2026, 6, 4)  # sixty days after Easter, a Thursday


@pytest.mark.parametrize(
    ("code", "day", "works"),
    [
        ("DE-BY", CORPUS_CHRISTI, False),
        ("DE-NW", CORPUS_CHRISTI, False),
        ("DE-HH", CORPUS_CHRISTI, True),
        ("DE", CORPUS_CHRISTI, True),
        ("DE-BY", date(2027, 5, 27), False),  # the same feast a year later
        ("DE-BY", date(2026, 6, 5), True),
        ("DE-SN", date(2026, 11, 18), False),  # repentance day, a Wednesday in November
        ("DE-BY", date(2026, 11, 18), True),
        ("de-by", date(2026, 4, 6), False),  # Easter Monday
        ("AT", date(2026, 10, 26), False),
        ("DE", date(2026, 10, 3), False),
        ("DE", date(2026, 12, 24), False),  # most offices are closed
        ("DE", date(2026, 12, 31), False),
        ("DE", date(2026, 12, 30), True),
        ("DE", date(2026, 6, 6), False),  # a Saturday
    ],
)
def test_feasts_of_states(code, day, works):
    """Movable and fixed ones, those of one state only, and the days on which offices close."""
    assert working_days_of(code)(day) is works


def test_years_far_away_cost_nothing_and_raise_nothing():
    """A wrong clock asks for the year 1 and for 9999."""
    works = working_days("DE", "BY")
    assert {works(date(1, 1, 3)), works(date(9999, 12, 30))} <= {True, False}


@pytest.mark.parametrize(("code", "said"), [("XX", "DE"), ("DE-QQ", "BY"), ("", "DE"), ("Bavaria", "AT")])
def test_an_unknown_calendar_says_what_there_is(code, said):
    """With the remedy in the same sentence."""
    with pytest.raises(ConfigError) as caught:
        working_days_of(code)
    assert said in str(caught.value.remedy)


def test_nothing_is_loaded_before_a_calendar_is_asked_for():
    """The command line starts as fast as without."""
    script = "import sys, agent.supplies.working_days, agent.supplies.policy; sys.exit('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0

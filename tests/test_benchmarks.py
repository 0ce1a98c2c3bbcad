"""The benchmarks run and measure what they say: a few printers, no timing."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from agent.errors import BadReply
from agent.simulation.generated import fleet
from agent.snmp.codec import decode_response
from benchmarks import hostile, network, orders_page
from benchmarks.contest import Contest, Sample
from benchmarks.page import Row, figure, page, quotients
from benchmarks.reading import rows
from benchmarks.responder import Rig
from benchmarks.sweepers import Found

ABSENT = Path("no such folder")


@pytest.fixture(scope="module")
def contest(tmp_path_factory):
    """A few virtual printers of our own, as where the fast responder is absent."""
    rig = Rig.of(ABSENT, tmp_path_factory.mktemp("bench"))
    with rig.printers() as responder:
        yield Contest.at(rig, responder, 4)


@pytest.mark.skipif(shutil.which("taskset") is None, reason="no taskset: benchmarks run on Linux")
def test_the_agent_brings_every_value_home(contest):
    """From the question to the disk: every printer's reading is stored, or the sample would not be valid."""
    sample = contest.ours("pipeline")
    assert (sample.read, sample.valid) == (4, True)
    assert sample.cpu > 0


@pytest.mark.skipif(shutil.which("gcc") is None or shutil.which("taskset") is None, reason="no compiler")
def test_the_limit_counts_only_printers_that_told_their_page_count(contest):
    """It sends what the agent sends, and looks for the page count in the answers."""
    assert contest.limit().valid


def test_a_wrong_value_makes_a_row_void():
    """A contender that read one printer less is not compared, whatever its speed."""
    good, bad = Sample(4, 4, 1.0, 0.004), Sample(4, 3, 0.5, 0.001)
    samples = {
        "pipeline": [good],
        "later": [good],
        "snmp": [bad],
        "interpretation": [good],
        "limit": [good],
        "gufo": [good],
    }
    beside = [row for row in rows(samples) if "beside" in row.what]
    assert beside
    assert all(row.met is None and row.ours.startswith("void: 3 of 4") for row in beside)


def test_a_ratio_is_taken_round_by_round():
    """A round that was slow for both is as good as any."""
    assert quotients([1.0, 10.0, 3.0], [2.0, 20.0, 6.0]).values == (0.5, 0.5, 0.5)
    assert figure([3.0, 1.0, 2.0]).spread("{:.0f}") == "1 … 3"


def test_a_row_says_whether_its_target_is_met():
    """Yes, no in bold, or nothing where there is no target."""
    text = page(["# Performance"], [Row("a", "1", met=True), Row("b", "2", met=False), Row("c", "3")], [])
    assert [line.split(" | ")[-2] for line in text.splitlines()[-3:]] == ["yes", "**no**", "–"]


@pytest.mark.parametrize("make", hostile.CRAFTED)
def test_crafted_answers_are_what_they_claim(make):
    """They have about the size asked for, and cost nothing but a refusal where they break a limit."""
    datagram = make(12_000)
    assert 11_000 < len(datagram) < 14_000
    try:
        assert len(decode_response(datagram).varbinds) <= 256
    except BadReply as error:
        assert error.reason


@pytest.mark.skipif(shutil.which("taskset") is None, reason="no taskset: benchmarks run on Linux")
def test_a_known_fleet_is_found_without_a_search(contest):
    """One question per printer, all matched: what `known` counts would be none if a search had to follow."""
    assert contest.search("known").valid


@pytest.mark.skipif(shutil.which("taskset") is None, reason="no taskset: benchmarks run on Linux")
def test_pysnmp_searches_the_same_addresses(contest):
    """It finds whom there is to find."""
    assert contest.searched_by_pysnmp().valid


def test_searches_are_compared_by_time_per_address():
    """The slower program may search fewer addresses; one that does not find everybody is not compared."""
    ours = Sample(4096, network.answering(4096), 2.0, 0.1)
    row = network._beside_fusion(ours, Found(128, network.answering(128), 16.0, 8.0))
    assert (row.ratio, row.met) == ("1/256", True)
    assert network._beside_fusion(ours, Found(128, 0, 16.0, 8.0)).met is None


def test_the_page_about_orders_is_made_of_what_was_measured():
    """Every rule and every way of telling a level stands on it, and nothing is left to be filled in."""
    size = orders_page.Size(printers=3, calibrated=3, days=200, seeds=(1, orders_page.HELD_BACK))
    by_seed, claims = orders_page.measured(size)
    text = orders_page.page(size, by_seed, claims)
    assert all(f"| {rule} |" in text for rule in orders_page.keepers(size.horizon))
    assert all(f"| `{name}` |" in text for name in orders_page.RULES)
    assert not re.search(r"\{\w+\}", text)


def test_parts_of_a_fleet_are_the_same_as_the_whole():
    """Processes share one fleet without telling each other."""
    horizon = orders_page.Size(days=30).horizon
    whole = list(fleet(5, 4, horizon))
    assert [*fleet(5, 2, horizon), *fleet(5, 2, horizon, first=2)] == whole

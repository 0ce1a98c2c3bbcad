"""Order rules on an invented fleet: what a key user without any history sees before arming orders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.simulation.comparison import Invented, Outcome, RuleSet, compared
from agent.simulation.replay import WouldBe, beyond_caps
from agent.supplies.levels import Supply, percent_level
from agent.supplies.policy import SAID_LOW, Decision, OrderRules, Wish

USUAL = RuleSet(None, OrderRules(armed=False))


def outcomes(printers: int = 4, days: int = 200, seed: int = 1, *sets: RuleSet) -> list[Outcome]:
    *_, last = compared(Invented(printers, days, seed), sets or (USUAL,))
    return last


def simulate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, by somebody who has no config file but what stands in `folder`."""
    home = {"HOME": str(folder), "LOCALAPPDATA": str(folder), "XDG_CONFIG_HOME": str(folder), "LANG": "en_US.UTF-8"}
    home["COLUMNS"] = "140"
    kept = {name: value for name, value in os.environ.items() if name != "METER_AGENT_CONFIG"}
    command = [sys.executable, "-m", "agent", "orders", "simulate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=kept | home)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**9), days=st.integers(1, 150))
def test_sums_are_those_of_the_orders(seed, days):
    """Every order is counted once, none arrives before it is placed, and what was too late ran dry before it came."""
    for one in outcomes(2, days, seed):
        placed = [order for _printer, order in one.placed]
        assert one.tally.orders == len(placed)
        assert one.tally.doubles == sum(order.repeated for order in placed)
        assert all(order.day < order.due for order in placed)
        late = [order for order in placed if order.verdict == "too_late"]
        assert all(
            order.ran_dry is not None and order.day <= order.ran_dry < order.due for order in late if order.by_person
        )
        assert all(order.changed is None or order.changed >= order.day for order in placed)
        assert one.tally.late <= one.tally.dry <= one.tally.lives + 8


def test_the_same_number_makes_the_same_fleet():
    """And another one another, or there would be nothing to compare."""
    first, again, other = outcomes(seed=3), outcomes(seed=3), outcomes(seed=4)
    assert [one.placed for one in first] == [one.placed for one in again]
    assert [one.placed for one in first] != [one.placed for one in other]


def test_rules_that_wait_for_another_day_order_a_day_later():
    """Readings that have to be a day apart hold an order back for a day, not for ever."""
    patient = RuleSet("patient", OrderRules(armed=False, between_low_readings=timedelta(days=1)))
    usual, waited, *_ = outcomes(4, 300, 1, USUAL, patient)
    first, later = usual.placed[0], waited.placed[0]
    assert first[0] == later[0]
    assert later[1].day > first[1].day
    assert sum(not one.by_person for _printer, one in waited.placed) > 5


def test_every_order_of_the_rules_has_its_reason():
    """Those of people who stand before an empty printer have none."""
    ours, *_ = outcomes(12, 300, seed=3)
    assert {one.by_person for _printer, one in ours.placed} == {True, False}
    assert all((one.why is None) == one.by_person for _printer, one in ours.placed)


def would_be(equipment: str, hours: float) -> WouldBe:
    supply = Supply("1.1", "toner", "consumed", "black", None, percent_level(3))
    decision = Decision(supply, None, True, SAID_LOW, Wish(SAID_LOW))
    at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hours)
    return WouldBe(equipment, supply, at, decision, at.date(), None, False)


def test_what_the_limits_of_a_day_keep_waiting_is_told():
    """Of one equipment, and of all; a day later there is room again."""
    orders = [
        would_be("1", 0),
        would_be("1", 1),
        would_be("1", 2),
        would_be("2", 3),
        would_be("3", 4),
        would_be("1", 25),
    ]
    assert beyond_caps(orders, 2, 20) == 1
    assert beyond_caps(orders, 20, 3) == 2
    assert beyond_caps(orders, 20, 20) == 0


def test_without_a_config_the_usual_rules_are_tried(tmp_path):
    """The table says that the fleet is invented and whose rules these are; nothing is written anywhere."""
    done = simulate(tmp_path, "--fleet", "--printers", "3", "--days", "120")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "An invented fleet: 3 printers that never were, over 120 days." in text
    assert "There is no config file: these are the usual rules." in text
    assert "[orders] always at 10 % always at 20 %" in text
    assert list(tmp_path.iterdir()) == []


def test_each_group_is_tried_beside_the_site(tmp_path):
    """A group whose rules are the site's is not tried again; signs in its name do no harm."""
    config = tmp_path / "mine.toml"
    config.write_text(
        'language = "en"\n[orders]\nrisk_percent = 1.0\n'
        '[[orders.groups]]\nname = "[red]HQ[/red]"\nequipments = ["7"]\nrisk_percent = 0.5\n'
        '[[orders.groups]]\nname = "as the site"\nequipments = ["8"]\nrisk_percent = 1.0\narmed = true\n',
        encoding="utf-8",
    )
    done = simulate(tmp_path, "--fleet", "--printers", "2", "--days", "60", "--config", str(config))
    assert "[orders] [red]HQ[/red] always at 10 %" in " ".join(done.stdout.split()), done.stderr
    assert list(tmp_path.iterdir()) == [config]


def test_scripts_get_sums_and_orders(tmp_path):
    """One object per line: the sums of each set of rules, and each order of the agent's rules, marked as invented."""
    done = simulate(tmp_path, "--fleet", "--printers", "4", "--days", "300", "--seed", "2", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(line["invented"] and line["seed"] == 2 for line in lines)
    sums = [line for line in lines if line["kind"] == "sums"]
    assert [(one["rules"], one.get("threshold_percent")) for one in sums] == [
        ("orders", None),
        ("threshold", 10),
        ("threshold", 20),
    ]
    orders = [line for line in lines if line["kind"] == "order"]
    assert len(orders) == sums[0]["orders"] > 0
    assert {one["verdict"] for one in orders} <= {"in_time", "too_late", "not_changed_yet"}


@pytest.mark.parametrize(
    "wrong",
    [
        ("--fleet", "--printers", "0"),
        ("--fleet", "--printers", "100000000"),
        ("--fleet", "--days", "-1"),
        ("--fleet", "--seed", "-1"),
        ("--printers", "5"),
        ("--fleet", "--config", "nowhere.toml"),
    ],
)
def test_what_makes_no_fleet_is_refused(tmp_path, wrong):
    """Out of bounds, without the fleet that it is for, or with rules that are not there."""
    done = simulate(tmp_path, *wrong)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr

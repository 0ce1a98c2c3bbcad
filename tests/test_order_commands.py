"""What a person sees and says about orders, through the command line."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.memory import SqlMemory
from agent.printers import Equipment
from agent.store import Store
from agent.supplies.orders import Instruction
from agent.supply_memory import SqlSupplies
from agent.upload.courier import Courier
from tests.test_ordering import Office, Week, toner

Command = Callable[..., subprocess.CompletedProcess[str]]
EQUIPMENT = Equipment("1", model="bizhub C250i", technical_identification_number="KMBT5A17C2")

GROUPS = """
[[orders.groups]]
name = "[bold]copiers[/bold]"
models = ["bizhub*"]
risk_percent = 0.5
[[orders.groups]]
name = "Plant 9"
buildings = ["Plant 9"]
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as opened:
        SqlMemory(opened).remember_cycle([EQUIPMENT], [], datetime.now(UTC))
        yield opened


@pytest.fixture
def agent(tmp_path: Path) -> Command:
    """The command line, on this database."""
    config = tmp_path / "meter-agent.toml"
    nobody = '[portal]\nurl = "https://127.0.0.1:9/v1"\nclient_id = "a"\n'
    config.write_text(f'language = "en"\n[storage]\ndatabase = "a.sqlite"\n{nobody}{GROUPS}', encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "portal").touch(0o600)
    (tmp_path / "secrets" / "portal").write_text("a secret of the portal")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "agent", *arguments, "--config", str(config)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def weeks(store: Store, days: int, *, serial: bool = False, **rules: object) -> Week:
    """A printer that used up cartridges until now, each changed when it was empty."""
    week = Week(store, Office(), **rules)
    week.clock.moment = datetime.now(UTC) - timedelta(days=days + 1)
    level, number = 100.0, 1
    for _ in range(days):
        level -= 2.0
        if level <= 0:
            level, number = 100.0, number + 1
        week.day(100, toner(round(level), serial=f"SN{number}A7" if serial else None))
    return week


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_simulating_says_when_why_and_whether_in_time(store: Store, agent: Command) -> None:
    """Dry run over 150 days with a cartridge every 50: one order for each, before it was changed."""
    weeks(store, 160, armed=False)
    would_be = lines(agent("orders", "simulate", "--days", "120", "--json"))
    assert len(would_be) in (2, 3)
    assert {one["reason"]["code"] for one in would_be} == {"runs_dry"}  # type: ignore[index]  # JSON
    assert {one["verdict"] for one in would_be} <= {"in_time", "not_changed_yet"}
    assert not any(one["twice"] for one in would_be)
    shown = agent("orders", "simulate", "--days", "120")
    assert f"{len(would_be)} orders, 0 of them twice for the same cartridge, 0 too late" in " ".join(
        shown.stdout.split()
    )
    assert SqlSupplies(store).items() == []


def test_a_serial_number_tells_a_change_by_itself(store: Store, agent: Command) -> None:
    """The same with serial numbers: what is ordered is ordered once for each."""
    weeks(store, 160, serial=True, armed=False)
    assert not any(one["twice"] for one in lines(agent("orders", "simulate", "--json")))


def test_orders_are_listed_and_explained(store: Store, agent: Command) -> None:
    """Reference, material, status, reason; and everything that was known when it was ordered."""
    weeks(store, 45)
    [item] = lines(agent("orders", "list", "--json"))
    assert (item["status"], item["material_number"], item["slot"]) == ("wanted", "A1", "1.1")
    explained = " ".join(agent("orders", "explain", str(item["reference"])[:8]).stdout.split())
    assert "with a confidence of 80 percent" in explained
    assert "Ordered for equipment 1" in explained
    missing = agent("orders", "explain", "zzz")
    assert (missing.returncode, "orders list" in missing.stderr) == (1, True)


def test_holding_releasing_and_closing(store: Store, agent: Command) -> None:
    """Each is kept with who said it, shown, and can be taken back; what does not exist is named."""
    weeks(store, 45)
    assert agent("orders", "hold", "1", "--note", "goes back").returncode == 0
    shown = agent("orders", "list").stdout
    assert "held back" in shown
    assert "goes back" in shown
    assert agent("orders", "release", "1").returncode == 0
    assert agent("orders", "release", "1").returncode == 1
    wrong = agent("orders", "hold", "1", "--slot", "9.9")
    assert (wrong.returncode, "1.1" in wrong.stderr) == (1, True)
    unknown = agent("orders", "confirm", "77")
    assert (unknown.returncode, "no equipment 77" in unknown.stderr) == (1, True)
    [item] = lines(agent("orders", "list", "--json"))
    assert agent("orders", "close", str(item["reference"])).returncode == 0
    assert lines(agent("orders", "list", "--json")) == []
    assert [one["status"] for one in lines(agent("orders", "list", "--all", "--json"))] == ["closed"]


def sent(week: Week) -> None:
    """What waits is brought to the portal."""
    asyncio.run(Courier(week.stage.outbox, week.office, week.clock, asyncio.sleep).deliver())


def states(store: Store) -> list[str]:
    """Of the envelopes, the oldest first."""
    return [entry.state for entry in SqlMemory(store).entries()][::-1]


def test_an_order_is_named_by_the_portals_number_as_well(store: Store, agent: Command) -> None:
    """Which is what people read there; the beginning of it names nothing."""
    sent(weeks(store, 45))
    assert "Ordered for equipment 1" in agent("orders", "explain", "O1").stdout
    assert agent("orders", "explain", "O").returncode == 1
    closed = agent("orders", "close", "O1")
    assert (closed.returncode, "order O1 stays as it is" in closed.stdout) == (0, True)
    assert states(store) == ["accepted"]


def test_references_stay_in_one_piece_on_a_narrow_screen(
    store: Store, agent: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the agent and of the portal: what is broken cannot be typed."""
    monkeypatch.setenv("COLUMNS", "80")
    week = weeks(store, 45)
    week.office.first = 4_500_000_000
    sent(week)
    [item] = lines(agent("orders", "list", "--json"))
    shown = agent("orders", "list").stdout
    assert str(item["reference"])[:12] in shown
    assert str(item["order_number"]) in shown
    assert max(len(line) for line in shown.partition("Orders are not armed")[0].splitlines()) <= 80


def test_closing_an_order_that_has_not_left_takes_it_back(store: Store, agent: Command) -> None:
    """It waits for a right, say: closed, it is never sent."""
    week = weeks(store, 45)
    [item] = lines(agent("orders", "list", "--json"))
    closed = agent("orders", "close", str(item["reference"]))
    assert (closed.returncode, "not sent to the portal any more" in closed.stdout) == (0, True)
    sent(week)
    assert (states(store), week.office.orders) == (["discarded"], [])


def test_an_order_that_the_portal_may_have_cannot_be_closed(store: Store, agent: Command) -> None:
    """Its answer was lost: ordered again now, it might come twice."""
    week = weeks(store, 45)
    [item] = lines(agent("orders", "list", "--json"))
    week.stage.outbox.depart([str(item["reference"])], "a", datetime.now(UTC))
    closed = agent("orders", "close", str(item["reference"]))
    assert (closed.returncode, "may be at the portal already" in closed.stderr) == (1, True)
    assert [one["status"] for one in lines(agent("orders", "list", "--json"))] == ["wanted"]
    assert states(store) == ["waiting"]


def test_what_was_said_names_how_it_is_taken_back(store: Store, agent: Command) -> None:
    """With the slot it was said of; a hold that goes on standing in the way is named wherever it surprises."""
    weeks(store, 20)
    held = agent("orders", "hold", "1", "--slot", "1.1").stdout
    assert "meter-agent orders release 1 --slot 1.1" in held
    wrong = agent("orders", "release", "1")
    assert (wrong.returncode, "orders release 1 --slot 1.1" in wrong.stdout) == (1, True)
    agent("orders", "hold", "1")
    confirmed = agent("orders", "confirm", "1", "--slot", "1.1").stdout
    assert "held back as long as nobody says: meter-agent orders release 1\n" in confirmed
    assert "Orders are not armed" in confirmed
    assert agent("orders", "release", "1").stdout == "Taken back.\n"


def test_a_hold_says_what_comes_all_the_same(store: Store, agent: Command) -> None:
    """It holds back what is to come; what is ordered already has to be closed."""
    weeks(store, 45)
    [item] = lines(agent("orders", "list", "--json"))
    held = agent("orders", "hold", "1")
    assert f"meter-agent orders explain {str(item['reference'])[:12]}" in held.stdout


def test_a_confirmation_that_is_over_is_shown_no_more(store: Store, agent: Command) -> None:
    """After a week it lets nothing pass."""
    supplies, now = SqlSupplies(store), datetime.now(UTC)
    supplies.instruct(Instruction("1", "1.1", "confirmed", now - timedelta(days=8), "Ada", "long ago"))
    supplies.instruct(Instruction("1", "1.2", "confirmed", now - timedelta(days=6), "Ada", "just now"))
    supplies.instruct(Instruction("1", "1.3", "held", now - timedelta(days=900), "Ada", "for ever"))
    shown = agent("orders", "list").stdout
    assert ["long ago" in shown, "just now" in shown, "for ever" in shown] == [False, True, True]


def test_asking_a_portal_that_is_away_says_so(store: Store, agent: Command) -> None:
    """What is shown then is what was known before; scripts see it by the exit code, and the list is whole."""
    sent(weeks(store, 45))
    done = agent("orders", "list", "--refresh", "--json")
    assert (done.returncode, "cannot be reached" in done.stderr) == (4, True)
    assert [json.loads(line)["order_number"] for line in done.stdout.splitlines()] == ["O1"]


def test_an_equipment_is_explained_with_its_supplies(store: Store, agent: Command) -> None:
    """What is left, until when, and what follows; also where nothing is ordered."""
    weeks(store, 20)
    page = " ".join(agent("explain", "1").stdout.split())
    assert "Supplies (1)" in page
    assert "not needed yet" in page
    assert "Order rules of the group [bold]copiers[/bold]: not armed; risk 0.5 percent" in page


def test_checking_tells_which_equipment_the_groups_have(store: Store, agent: Command) -> None:
    """A group that fits nothing is a note, no failure; before the first cycle nothing can be said."""
    shown = agent("check").stdout
    assert "ok       Order groups: 2 groups have 1 of 1 equipment" in shown
    assert "note     Order groups: No equipment fits the group Plant 9; compare its lists with the portal." in shown
    assert not [line for line in shown.splitlines() if "MISSING" in line and "Order" in line]


def test_before_the_first_cycle_groups_are_not_complained_about(tmp_path: Path, agent: Command) -> None:
    """Nobody knows the equipment yet."""
    shown = agent("check").stdout
    assert "note     Order groups: Which equipment they have is known after the first cycle." in shown

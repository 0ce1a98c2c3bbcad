"""The whole agent under a clock that is set by seconds, hours and a year: no reading twice, nothing that hangs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.agent_world import PRINTERS, equipment, lines, worlds
from tests.fleet_process import FleetProcess

LIBRARY = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)
YEAR = timedelta(days=365)
JUMPS = (timedelta(seconds=40), timedelta(seconds=-40), YEAR, -YEAR, timedelta(hours=1), timedelta(hours=-1))


@pytest.mark.skipif(LIBRARY is None, reason="no libfaketime (Debian package faketime)")
def test_no_reading_twice_by_a_clock_that_is_set(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Cycles under clocks that are wrong by seconds, an hour and a year, then the right one: each equipment is booked
    once in a day, and nothing waits."""
    (tmp_path / "fleet").mkdir()
    with FleetProcess(tmp_path / "fleet", PRINTERS) as fleet, worlds(tmp_path, fleet.ports["konica"]) as make:
        one = make(equipment("1"), equipment("2"), equipment("3"))
        assert one.agent("run", "--once").returncode == 0
        for jump in JUMPS:
            seconds = int(jump.total_seconds())
            one.agent("run", "--once", LD_PRELOAD=str(LIBRARY), FAKETIME=f"{seconds:+d}")
        final = one.agent("run", "--once")
        assert final.returncode in (0, 1), final.stdout + final.stderr
        entries = lines(one.agent("outbox", "list", "--json"))
        documents = [row for row in one.portal.ledger()["measurement_documents"] if row["client_reference"]]
    assert not {entry["state"] for entry in entries} & {"waiting", "parked"}
    booked = Counter(row["client_reference"] for row in documents)
    assert set(booked.values()) == {1}
    days = Counter((row["equipment_number"], row["read_at"][:10]) for row in documents)
    assert set(days.values()) == {1}
    assert len({number for number, _ in days}) == 3
    record_property("clock settings survived by the whole agent", len(JUMPS))
    record_property("readings booked more than once", 0)


@pytest.mark.skipif(LIBRARY is None, reason="no libfaketime (Debian package faketime)")
@pytest.mark.parametrize("hours", [-2, 2])
def test_a_reading_under_a_wrong_clock_waits(tmp_path: Path, hours: int) -> None:
    """A clock that differs from the portal's by hours: nothing is booked with its time, each reading is held and says
    why. When the clock is set, the printers are read anew and booked at the right time."""
    (tmp_path / "fleet").mkdir()
    with FleetProcess(tmp_path / "fleet", PRINTERS) as fleet, worlds(tmp_path, fleet.ports["konica"]) as make:
        one = make(equipment("1"), equipment("2"))
        wrong = one.agent("run", "--once", LD_PRELOAD=str(LIBRARY), FAKETIME=f"{3600 * hours:+d}")
        assert "clock differs from the portal's" in " ".join((wrong.stdout + wrong.stderr).split())
        entries = lines(one.agent("outbox", "list", "--json"))
        assert [entry["state"] for entry in entries] == ["quarantined"] * 2
        assert "clock_wrong" in str(entries[0])
        assert one.booked() == []
        before = datetime.now(UTC)
        right = one.agent("run", "--once")
        assert right.returncode == 0, right.stdout + right.stderr
        documents = [row for row in one.portal.ledger()["measurement_documents"] if row["client_reference"]]
    assert len(documents) == 2
    for row in documents:
        assert before - timedelta(seconds=1) <= datetime.fromisoformat(row["read_at"]) <= datetime.now(UTC)

"""The sandbox portal's ledger holds its laws whatever arrives in whatever order: readings, estimates, reversals."""

from __future__ import annotations

import itertools
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandbox.portal.agents import Agents
from sandbox.portal.booking import Clerk, book_item
from sandbox.portal.ledger import Ledger
from sandbox.portal.moments import stamp
from sandbox.portal.seed import Seed
from tests.portal_seed import CUSTOMER, equipment, measuring_point, number_of, point_of

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = st.integers(min_value=1, max_value=60)
VALUES = st.integers(min_value=0, max_value=30_000)
EVENTS = st.lists(st.tuples(st.sampled_from(["read", "read", "estimate", "reverse"]), DAYS, VALUES), max_size=14)


def opened(folder: Path) -> tuple[Ledger, Clerk]:
    """A ledger with one equipment without any reading, and a clerk of its agent."""
    ledger = Ledger(folder / "portal.sqlite")
    point = measuring_point(1, last_reading=None)
    seed = {"customer_number": CUSTOMER, "equipments": [equipment(1, measuring_points=[point])]}
    ledger.seed(Seed.model_validate(seed), NOW)
    agents = Agents(ledger)
    agents.keep_first("agent", [], NOW)
    agent = agents.known("agent")
    assert agent is not None
    return ledger, Clerk(agents, agent, NOW)


def happen(ledger: Ledger, clerk: Clerk, place: int, what: str, day: int, value: int) -> None:
    """One event; the estimate is SAP's, the reversal that of the newest document so far."""
    moment = NOW - timedelta(days=day)
    if what == "read":
        reading = {"meter_code": "total", "value": value}
        item = {"client_reference": f"r{place}", "equipment_number": number_of(1), "read_at": stamp(moment)}
        result = book_item(clerk, {**item, "readings": [reading]})
        assert result["status"] in (201, 422), result
    elif what == "estimate":
        point = {"measuring_point": point_of(1), "equipment_number": number_of(1), "meter_code": "total"}
        with ledger.transaction():
            ledger.book(point, value, moment, NOW, estimated=True)
    else:
        with ledger.transaction():
            ledger.reverse("number=(SELECT max(number) FROM documents)", (), "test", NOW)


def read_values(ledger: Ledger) -> list[int]:
    query = "SELECT value FROM documents WHERE reversed=0 AND estimated=0 ORDER BY read_at, number"
    return [row["value"] for row in ledger.db.execute(query)]


@settings(max_examples=100, deadline=None)
@given(EVENTS)
@example([("read", 1, 1), ("estimate", 1, 0), ("read", 1, 0)])
def test_what_was_read_never_falls(events: list[tuple[str, int, int]]) -> None:
    """No estimate and no reversal makes the portal book a counter that falls from one reading to the next."""
    with tempfile.TemporaryDirectory() as folder:
        ledger, clerk = opened(Path(folder))
        for place, (what, day, value) in enumerate(events):
            happen(ledger, clerk, place, what, day, value)
            values = read_values(ledger)
            assert all(one <= other for one, other in itertools.pairwise(values)), values
        ledger.db.close()


@settings(max_examples=40, deadline=None)
@given(EVENTS, st.randoms(use_true_random=False))
def test_an_answer_is_for_ever(events: list[tuple[str, int, int]], chance: Any) -> None:
    """Whatever came in between, an accepted item sent again is told the same documents, and nothing is booked."""
    with tempfile.TemporaryDirectory() as folder:
        ledger, clerk = opened(Path(folder))
        answers = {}
        for place, (what, day, value) in enumerate(events):
            happen(ledger, clerk, place, what, day, value)
            item = {"client_reference": f"again{place}", "equipment_number": number_of(1), "read_at": stamp(NOW)}
            item["readings"] = [{"meter_code": "total", "value": value}]  # type: ignore[assignment]  any JSON
            answers[place] = (item, book_item(clerk, item))
        count = ledger.db.execute("SELECT count(*) FROM documents").fetchone()[0]
        again = list(answers.values())
        chance.shuffle(again)
        for item, first in again:
            if first["status"] == 201:
                told = book_item(clerk, item)
                assert told == {**first, "status": 200, "duplicate": True}
        assert ledger.db.execute("SELECT count(*) FROM documents").fetchone()[0] == count
        ledger.db.close()

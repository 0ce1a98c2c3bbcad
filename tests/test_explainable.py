"""Every state can be explained: whatever was done to an envelope, it says where it comes from and what is next.

The lives of `test_courier_model.py`, in which people decide as well. `EXPLAINED` and `MODEL_STEPS` say how long it
looks.
"""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from rich.console import Console

from agent.cli.explain import Page
from agent.errors import AgentError
from agent.language import choose, show
from agent.meters import Finding
from agent.resolving import Choice, SqlDesk
from agent.snmp.catalogue import shipped
from agent.texts import message
from agent.upload.envelope import Accepted, Entry, Kept, Outcome, Rejected
from agent.upload.next_step import PARKED_FOR, next_step
from tests.crash_writer import START, reading
from tests.test_courier import CI
from tests.test_courier_model import Couriers
from tests.test_courier_model import template as template
from tests.test_resolving import Office

RUNS = int(os.environ.get("EXPLAINED", "60" if CI else "25"))
STEPS = int(os.environ.get("MODEL_STEPS", "30"))
CATALOGUE = shipped(None)
NOTE = message("anna captured it.")
WORDS = {"en": "What happens next", "de": "Wie es weitergeht"}
OPEN = {
    "waiting": ("sent_next", "sent_later", "sent_again"),
    "rejected": ("corrected",),
    "parked": ("tried_again",),
    "quarantined": ("decided",),
    "accepted": ("over",),
    "discarded": ("over",),
}
VERDICTS: list[Outcome] = [
    Rejected("reading-below-last", "no"),
    Kept("scope-not-unlocked", "no", "readings:write"),
    Kept("equipment-unknown", "no"),
    Accepted(("4711",), duplicate=True, findings=(Finding("late", message("It is late.")),)),
]


class Lives(Couriers):
    """A printer that is judged as in the cycle, a person who decides, and the portal's every answer."""

    seen: ClassVar[set[str]] = set()

    def open(self) -> None:
        super().open()
        day = self.office.day if hasattr(self, "office") else 0
        self.office = Office(self.store)
        self.office.day = day
        self.memory = self.office.memory

    def some(self, data: st.DataObject) -> Entry:
        return data.draw(st.sampled_from(sorted(self.memory.entries(), key=lambda one: one.envelope.created_at)))

    def any_stored(self) -> bool:
        return hasattr(self, "memory") and bool(self.memory.counts())

    @rule(total=st.integers(1, 40), color=st.none() | st.integers(1, 40))
    def read_and_judge(self, total: int, color: int | None) -> None:
        """A reading that rises, or falls and is held."""
        self.office.read(total, color)

    @precondition(lambda self: self.any_stored())
    @rule(
        data=st.data(),
        act=st.sampled_from(["accept", "replaced", "discard", "take_back"]),
        offset=st.sampled_from([0, 0, 40]),
    )
    def decide(self, data: st.DataObject, act: str, offset: int) -> None:
        """A person decides, as far as that is possible."""
        held = [one for one in self.memory.entries() if one.state in ("quarantined", "discarded", "waiting")]
        entry = data.draw(st.sampled_from(held)) if held else self.some(data)
        choice = Choice(act, {"total": offset} if act == "accept" and offset else {}, "why")  # type: ignore[arg-type]
        self._tried(lambda: SqlDesk(self.store).decide(entry.envelope.reference, choice, "anna", self.clock.now()))

    @precondition(lambda self: self.any_stored())
    @rule(data=st.data(), act=st.sampled_from(["retry", "capture", "overtake", "close", "discard", "settle"]))
    def act(self, data: st.DataObject, act: str) -> None:
        """What else can be done to an envelope."""
        reference, now = self.some(data).envelope.reference, self.clock.now()
        acts = {
            "retry": lambda: self.outbox.retry(reference, "anna", now),
            "capture": lambda: self.outbox.capture(reference, ("4712",), NOTE, now),
            "overtake": lambda: self.outbox.overtake(reference, NOTE, now),
            "close": lambda: self.outbox.close(reference, now),
            "discard": lambda: self.outbox.discard(reference, "anna", now),
            "settle": lambda: self.outbox.settle(reference, data.draw(st.sampled_from(VERDICTS)), now),
        }
        self._tried(acts[act])

    @staticmethod
    def _tried(action) -> None:  # type: ignore[no-untyped-def]
        try:
            action()
        except AgentError as error:
            assert error.remedy is not None

    def teardown(self) -> None:
        """At the end of every life, whatever state everything is in."""
        if not hasattr(self, "store"):
            return
        try:
            for entry in self.memory.entries():
                self.judge_one(entry)
            asyncio.run(self.courier.deliver())
        finally:
            self.store.close()
            self.folder.cleanup()

    def judge_one(self, entry: Entry) -> None:
        self.seen.add(entry.state)
        reference, now = entry.envelope.reference, self.clock.now()
        history = self.memory.history(reference)
        assert history[0].state in ("waiting", "quarantined"), "a history without its beginning"
        assert history[-1].state == entry.state
        assert all(line.note is not None for line in history)
        step = next_step(entry, now, departed=self.outbox.departed_at(reference) is not None)
        assert step.code in OPEN[entry.state]
        assert entry.reasons or entry.state in ("waiting", "accepted", "discarded"), "nobody says why"
        if step.code == "sent_later":
            assert step.at is not None
            assert step.at - now <= timedelta(days=1)
        if step.code == "tried_again":
            assert entry.settled_at is not None
            assert step.at == entry.settled_at + PARKED_FOR
        for code, words in WORDS.items():
            choose(code)  # type: ignore[arg-type]
            page = StringIO()
            Page(Console(file=page, width=300), self.store, CATALOGUE).show(entry, now)
            assert words in page.getvalue()
            assert show(step.message) in page.getvalue().replace("\n", "")
        choose("en")


def test_every_state_is_explained(template: Path, record_property) -> None:
    """Each has a history from its first state on, a next step or an end, and a page in both languages that names it."""
    Lives.template = template
    checks = settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(Lives, settings=checks)
    record_property("lives explained", RUNS)
    record_property("states in them", ", ".join(sorted(Lives.seen)))


@pytest.mark.parametrize("state", ["waiting", "rejected", "parked", "quarantined"])
def test_what_is_open_names_a_command(state: str) -> None:
    """What waits for a person names the command, with the reference in it."""
    entry = Entry(reading("E1", 1), state)  # type: ignore[arg-type]
    step = next_step(entry, START)
    if state != "waiting":
        assert f" {entry.envelope.reference}" in str(step.message)
    assert f"resolve {entry.envelope.reference} --discard" in str(next_step(entry, START, damaged=True).message)


def test_captured_by_hand() -> None:
    """Where a person captures, what waits says so."""
    assert next_step(Entry(reading("E1", 1), "waiting"), START, by_hand=True).code == "captured"

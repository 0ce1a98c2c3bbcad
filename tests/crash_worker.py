"""A process whose disk is cut off afterwards: it works on outbox and memory, and says what it may rely on.

`crash_worker.py FOLDER SEED [weak]` appends a line to FOLDER/said before and after everything it does: which envelopes
it is about to store together, and in which state each envelope is once the store has returned. `weak` takes away the
sync at every commit, which the test of the test has to notice.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random

from sqlalchemy import Pool, event

from agent.meters import Finding
from agent.store import Store
from agent.texts import message
from agent.upload.envelope import Accepted, Envelope, Outcome, Rejected
from agent.upload.outbox import SqlOutbox
from tests.crash_writer import START, reading

LIVES = 5  # the database is opened and closed so often, which moves everything from the log into the file
STEPS = 14  # in each life
LATER = START + timedelta(days=1)


class Worker:
    """One life: a store opened, changed at random, and closed."""

    def __init__(self, folder: Path, chance: Random, known: dict[str, str]) -> None:
        self.folder, self.chance, self.known = folder, chance, known
        self.said = os.open(folder / "said", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def live(self) -> None:
        with Store.open(self.folder / "agent.sqlite", exclusive=True) as store:
            outbox = SqlOutbox(store)
            for _ in range(STEPS):
                self.chance.choice((self.put, self.put, self.put_together, self.settle, self.postpone))(outbox)

    def put(self, outbox: SqlOutbox) -> None:
        made = self._made(1)
        assert outbox.put(made[0], None)
        self._stored(made)

    def put_together(self, outbox: SqlOutbox) -> None:
        made = self._made(self.chance.randint(2, 6))
        with outbox.together():
            for envelope in made:
                assert outbox.put(envelope, None)
        self._stored(made)

    def settle(self, outbox: SqlOutbox) -> None:
        waiting = [reference for reference, state in self.known.items() if state == "waiting"]
        if not waiting:
            return
        reference = self.chance.choice(waiting)
        outcome: Outcome = self.chance.choice((Accepted(("4711",)), Rejected("unit-mismatch", "sheets")))
        outbox.settle(reference, outcome, LATER)
        self.known[reference] = "accepted" if isinstance(outcome, Accepted) else "rejected"
        self._say(known={reference: self.known[reference]})

    def postpone(self, outbox: SqlOutbox) -> None:
        waiting = [reference for reference, state in self.known.items() if state == "waiting"]
        outbox.postpone(waiting[:3], LATER, Finding("no_verdict", message("The portal cannot be reached: test.")))

    def _made(self, count: int) -> list[Envelope]:
        first = len(self.known)
        made = [reading(f"E{(first + place) % 7}", first + place) for place in range(count)]
        self._say(together={envelope.reference: envelope.digest for envelope in made})
        return made

    def _stored(self, made: Sequence[Envelope]) -> None:
        states = {envelope.reference: "waiting" for envelope in made}
        self.known |= states
        self._say(known=states)

    def _say(self, **what: dict[str, str]) -> None:
        os.write(self.said, (json.dumps(what) + "\n").encode())


@event.listens_for(Pool, "checkout")
def _weakened(connection, *_: object) -> None:  # type: ignore[no-untyped-def]  # whatever the driver's is
    if "weak" in sys.argv:
        connection.execute("PRAGMA synchronous = NORMAL")


if __name__ == "__main__":
    known: dict[str, str] = {}
    chance = Random(int(sys.argv[2]))  # the same work in every run
    for _ in range(LIVES):
        Worker(Path(sys.argv[1]), chance, known).live()

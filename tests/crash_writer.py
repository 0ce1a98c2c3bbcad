"""A process to be killed: it stores envelopes for ever and prints each reference once the store has said yes.

`crash_writer.py FILE` writes; `crash_writer.py FILE migrate N` kills itself at the N-th statement of the first open;
`crash_writer.py FILE mend` makes a damaged one sound.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, event

from agent.salvage.mend import mend
from agent.store import Store
from agent.upload.envelope import Accepted, Envelope, canonical, new_reference
from agent.upload.outbox import SqlOutbox

START = datetime(2026, 11, 23, 8, tzinfo=UTC)


def reading(equipment: str, number: int, *, value: int = 1000, key: str | None = None, held: str = "") -> Envelope:
    """The sealed reading of an equipment, `number` minutes after the start."""
    at = START + timedelta(minutes=number)
    reference = new_reference()
    values = [{"measuring_point": "1", "meter_code": "total", "value": value, "unit": "PAGE"}]
    body = {
        "client_reference": reference,
        "equipment_number": equipment,
        "read_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "readings": values,
    }
    slot = (key or f"{equipment}/{number}") + held
    return Envelope(reference, "reading", equipment, slot, at, canonical(body))


def write(path: Path) -> None:
    with Store.open(path, exclusive=True) as store:
        outbox = SqlOutbox(store)
        for number in range(1_000_000):
            envelope = reading(f"E{number % 5}", number, key=new_reference(), value=number)
            assert outbox.put(envelope, None)
            print(f"put {envelope.reference} {envelope.digest}", flush=True)  # noqa: T201  what the test listens to
            if number % 3 == 0:
                outbox.settle(envelope.reference, Accepted(("1",)), envelope.created_at)
                print(f"accepted {envelope.reference}", flush=True)  # noqa: T201  as above


def migrate(path: Path, fatal: int) -> int:
    """Opens the database and is killed at the statement `fatal`; how many there were, if it lived (0: it lives)."""
    count = 0

    @event.listens_for(Engine, "after_cursor_execute")
    def _count(*_: object) -> None:
        nonlocal count
        count += 1
        if count == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    Store.open(path, exclusive=True).close()
    return count


if __name__ == "__main__":
    if sys.argv[2:3] == ["mend"]:
        Store.open(Path(sys.argv[1]), exclusive=True, mend=mend).close()
    elif len(sys.argv) > 2:
        migrate(Path(sys.argv[1]), int(sys.argv[3]))
    else:
        write(Path(sys.argv[1]))

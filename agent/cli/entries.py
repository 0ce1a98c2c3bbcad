"""outbox: the envelopes in the database."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from rich.console import Console

from agent.app import Agent
from agent.cli.jsonl import emit, entry_json
from agent.cli.person import remark, say, who
from agent.cli.service import agent_of
from agent.cli.tables import model_name, plain, state_name
from agent.cli.views import print_entries
from agent.clock import SystemClock
from agent.errors import AgentError, ConfigError
from agent.language import _, number, show
from agent.memory import SqlMemory
from agent.migrations.rows import is_damaged
from agent.printers import Identity
from agent.store import Store
from agent.texts import message
from agent.upload.envelope import Entry, State
from agent.upload.outbox import SqlOutbox

MOST_LISTED = 1000  # for a person; a script gets all


def list_entries(config: Path | None, state: str | None, *, as_json: bool) -> int:
    """The envelopes, newest first."""
    agent, wanted = agent_of(config), _state(state)
    with _store(agent) as store:
        memory = SqlMemory(store)
        if as_json:
            for entry in memory.each_entry(wanted):
                emit(entry_json(entry))
            return 0
        entries, counts = memory.entries(wanted, MOST_LISTED), memory.counts()
    print_entries(Console(), entries)
    there = counts.get(wanted, 0) if wanted else sum(counts.values())
    if there > len(entries):
        facts = {"shown": number(len(entries)), "count": number(there)}
        remark(message("These are the newest {shown} of {count}; all of them: meter-agent outbox list --json", **facts))
    return 0


def _state(name: str | None) -> State | None:
    if name is None:
        return None
    known: Sequence[State] = get_args(State)
    for state in known:
        if state == name:
            return state
    raise ConfigError(
        message("There is no state {name}.", name=name), message("Use one of: {known}", known=", ".join(known))
    )


def retry_entry(config: Path | None, reference: str) -> int:
    """One more try for a rejected or parked item, with the next delivery."""
    agent = agent_of(config)
    with agent.store(exclusive=True) as store:
        entry = only_entry(SqlMemory(store), reference)
        SqlOutbox(store).retry(entry.envelope.reference, who(), SystemClock().now())
    say(message("It will be sent with the next delivery."))
    return 0


def show_entry(config: Path | None, reference: str, *, as_json: bool) -> int:
    """Byte for byte what leaves, or has left, alone on standard output; what it is goes to standard error."""
    agent = agent_of(config)
    with _store(agent) as store:
        entry = only_entry(SqlMemory(store), reference)
    body, digest = entry.envelope.body, entry.envelope.digest
    if as_json:
        emit({**entry_json(entry), "bytes": len(body), "sha256": digest, "body": body.decode(errors="replace")})
        return 0
    sys.stdout.flush()
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()
    said = _("{bytes} bytes, SHA-256 {digest}, {state}; a reading goes in a batch with others.")
    facts = {"bytes": number(len(body)), "digest": digest, "state": state_name(entry.state)}
    for name, value in facts.items():
        said = said.replace("{" + name + "}", value)
    sys.stderr.write("\n" + said + "\n")
    if is_damaged(entry):
        sys.stderr.write(show(entry.reasons[0].message) + "\n")
    return 0


def only_entry(memory: SqlMemory, prefix: str) -> Entry:
    """The one envelope whose reference begins like this, four characters or more. Raises `AgentError`."""
    found = memory.find(prefix.replace("-", "")) if len(prefix) >= 4 else ()
    if len(found) == 1:
        return found[0]
    raise AgentError(
        message("{count} items begin with {prefix}.", count=number(len(found)), prefix=prefix),
        message("Give more of the reference; it is shown by: meter-agent outbox list"),
    )


def printer_line(identity: Identity, when: str) -> str:
    """Which printer told it, and when."""
    name = model_name(identity.manufacturer, identity.model)
    return " · ".join(filter(None, (name, plain(identity.serial_number), when)))


def _store(agent: Agent) -> Store:
    """The database for looking at; a service may be working on it meanwhile."""
    return agent.store(exclusive=False)

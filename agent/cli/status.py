"""status: how things stand, and what needs a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console

from agent.cases import SqlCases
from agent.cli.jsonl import case_json, emit
from agent.cli.person import say
from agent.cli.service import agent_of
from agent.cli.views import print_cases, print_outcomes
from agent.clock import SystemClock
from agent.language import _, moment, number, show
from agent.memory import SqlMemory
from agent.notifications.policy import matters
from agent.report import old_list
from agent.salvage.account import Salvage, SqlSalvages
from agent.texts import Message, message
from agent.upload.restraint import Pause
from agent.upload.seal import timestamp

MOST_SHOWN = 10  # reasons for which items are parked


def show_status(config: Path | None, *, as_json: bool) -> int:
    """Counts by state, what holds the courier back, and the last outcome of every equipment; 1 when something needs a
    person."""
    agent, now = agent_of(config), SystemClock().now()
    with agent.store(exclusive=False) as store:
        memory = SqlMemory(store)
        counts, last, outcomes = memory.counts(), memory.last_cycle(), memory.outcomes()
        listed, cases = memory.listed_at(), [one for one in SqlCases(store).listed() if matters(one[1])]
        accounts = SqlSalvages(store).matters(now)
        parked = [(reason.message, count) for reason, count in memory.parked_for()]
    pause = agent.pause()
    if as_json:
        head = {"last_cycle": last, "equipment_list_from": listed}
        times = {name: timestamp(when) if when else None for name, when in head.items()}
        waits = {"pause": _pause_json(pause), "parked": sorted({str(why) for why, _count in parked})}
        notified = [case_json(*one) for one in cases]
        salvages = [_salvage_json(account) for account in accounts]
        emit({**times, "counts": counts, **waits, "service_notifications": notified, "salvages": salvages})
        for equipment_number, outcome in outcomes.items():
            finding = outcome.finding
            emit({"equipment_number": equipment_number, "code": finding.code, "detail": str(finding.message)})
    else:
        say(message("Last cycle: {when}", when=moment(last) if last else _("none yet")))
        if listed:
            say(message("Equipment list of the portal: from {when}", when=moment(listed)))
        for said in (
            *(finding.message for finding in old_list(listed, now)),
            *(account.told() for account in accounts),
            *_held_back(pause, now),
            *_parked(parked),
        ):
            say(said)
        print_outcomes(Console(), counts, outcomes)
        print_cases(Console(), cases)
    return 1 if any(counts.get(state) for state in ("rejected", "parked", "quarantined")) else 0


def _held_back(pause: Pause | None, now: datetime) -> Iterable[Message]:
    """Why little or nothing is sent, what to do, and what ends it."""
    if pause is None:
        return
    at, why = moment(pause.at), show(pause.why)
    yield message("The last delivery to the portal ended early ({when}): {why}", when=at, why=why)
    if pause.remedy:
        yield pause.remedy
    if pause.until and pause.until > now:
        until = moment(pause.until)
        yield message("Nothing is sent until {until}; then it goes on by itself, if the portal takes it.", until=until)
    elif pause.probing:
        yield message("There was no verdict several times in a row: each delivery tries one item, until it has one.")
    else:
        yield message("The next delivery tries it again.")


def _parked(reasons: Sequence[tuple[Message, int]]) -> Iterable[Message]:
    """Which rights are missing, for how many items, and what ends it."""
    for why, count in reasons[:MOST_SHOWN]:
        yield message(
            "{count} items wait for a right or a change in the portal: {why}", count=number(count), why=show(why)
        )
    if reasons:
        yield message(
            "Once that is done in the portal, they go within a day by themselves, or with the next delivery after: "
            "meter-agent outbox retry REFERENCE"
        )


def _salvage_json(account: Salvage) -> dict[str, object]:
    lost = dict(account.lost)
    return {
        "at": timestamp(account.at),
        "file": str(account.kept) if account.kept else None,
        "saved": account.saved,
        "lost": lost,
    }


def _pause_json(pause: Pause | None) -> dict[str, object] | None:
    if pause is None:
        return None
    until = timestamp(pause.until) if pause.until else None
    return {"at": timestamp(pause.at), "detail": str(pause.why), "until": until, "probing": pause.probing}

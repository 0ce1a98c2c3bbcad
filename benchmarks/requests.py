"""How many datagrams a printer gets: the project's own devices and, where they are, recordings of real ones."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.app import Unwatched
from agent.clock import SystemClock
from agent.loop import run
from agent.ports import Snmp
from agent.printers import Endpoint
from agent.settings import Settings
from agent.snmp.varbinds import Answer, Ask
from agent.survey import Survey
from agent.surveying import Accesses, survey_of
from benchmarks.page import Row
from benchmarks.responder import Rig, started_fleet

ORDINARY = 4  # datagrams: identify and read


@dataclass(slots=True)
class Counted:
    """The `Snmp` port in front of another one, counting what it sends to whom."""

    snmp: Snmp
    sent: Counter[Endpoint] = field(default_factory=Counter)
    versions: dict[Endpoint, str] = field(default_factory=dict)

    async def ask(self, endpoint: Endpoint, ask: Ask) -> Answer:
        """The other one's answer."""
        answer = await self.snmp.ask(endpoint, ask)
        self.sent[endpoint] += answer.datagrams
        self.versions[endpoint] = answer.version
        return answer


@dataclass(frozen=True, slots=True)
class Visit:
    """One device: how it is called, and what finding and reading it took the first time and the next."""

    name: str
    first: int
    later: int


def visited(rig: Rig, options: Sequence[str]) -> list[Visit]:
    """Every v2c device of a virtual fleet with these options, found and read twice."""
    fleet, members = started_fleet([*options, "--network", "127.97.0.0/16"], rig.far)
    with fleet:
        return run(_visits({Endpoint(one["address"], one["port"]): str(one["name"]) for one in members}))


async def _visits(names: dict[Endpoint, str]) -> list[Visit]:
    hosts = [f"{endpoint.address}:{endpoint.port}" for endpoint in names]
    snmp = {"versions": ["v2c"], "timeout_seconds": 2.0}
    settings = Settings.model_validate({"discovery": {"hosts": hosts, "packets_per_second": 1000}, "snmp": snmp})
    made = survey_of(settings, Accesses(("public",)), SystemClock())
    first, later = Counted(made.snmp), Counted(made.snmp)
    read = await _read(replace(made, snmp=first))
    if await _read(replace(made, snmp=later)) != read:
        raise RuntimeError("a printer was read once and not again")
    return [Visit(names[endpoint], first.sent[endpoint], later.sent[endpoint]) for endpoint in read]


async def _read(survey: Survey) -> list[Endpoint]:
    """The printers that were read."""
    found = await survey.find(Unwatched())
    readouts = await asyncio.gather(
        *(survey.read(printer.endpoint, found.first[printer.endpoint]) for printer in found.printers)
    )
    return [readout.endpoint for readout in readouts if readout.status in ("ok", "partial")]


def rows(rig: Rig, recordings: Path | None) -> tuple[list[Row], list[str]]:
    """The share of ordinary printers among all, and every count as a list."""
    groups = {"own device descriptions": visited(rig, ["--devices"])}
    if recordings is not None and recordings.is_dir():
        groups["recordings of real printers"] = visited(rig, ["--recordings", str(recordings)])
    found, lines = [], []
    for name, visits in groups.items():
        for when, sent in (
            ("first reading", {visit.name: visit.first for visit in visits}),
            ("next reading", {visit.name: visit.later for visit in visits}),
        ):
            found.append(_row(f"datagrams per printer, {when}, {len(visits)} {name} (median)", sorted(sent.values())))
            lines.append(f"- {name}, {when} {_shares(sent)}")
    return found, lines


def _row(what: str, ordered: list[int]) -> Row:
    median, within = ordered[len(ordered) // 2], sum(datagrams <= ORDINARY for datagrams in ordered)
    spread = f"{ordered[0]} … {ordered[-1]}; {within} of {len(ordered)} within {ORDINARY}"
    return Row(what, str(median), target=f"≤ {ORDINARY}", met=median <= ORDINARY, spread=spread)


def _shares(sent: dict[str, int]) -> str:
    shares = ", ".join(f"{count} × {datagrams}" for datagrams, count in sorted(Counter(sent.values()).items()))
    most = sorted((item for item in sent.items() if item[1] > ORDINARY), key=lambda item: -item[1])
    worst = ", ".join(f"{name} {datagrams}" for name, datagrams in most[:MOST_NAMED]) or "none"
    return f"(printers × datagrams): {shares}. Most: {worst}."


MOST_NAMED = 12

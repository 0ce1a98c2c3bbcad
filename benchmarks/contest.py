"""Side by side: every contender reads the same printers, round by round, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent.snmp.codec import encode_oid
from agent.snmp.varbinds import dotted
from benchmarks.exporter import Exporter, available
from benchmarks.plan import AT_ONCE, LIFE_COUNT, Plan, address_of, page_count_of, planned, serial_of
from benchmarks.responder import FLEET, Responder, Rig, compiled, pinned

ROOT = Path(__file__).resolve().parent.parent
WARM = 100  # printers read before the measurement: a service runs for months
TIMEOUT, RETRIES = 1.0, 2


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one contender: seconds of wall time and CPU for so many `printers`, of which `read` were right."""

    printers: int
    read: int
    wall: float
    cpu: float
    rss_kib: int | None = None
    datagrams: float | None = None

    @property
    def valid(self) -> bool:
        """Whether every printer's values really arrived."""
        return self.read == self.printers

    @property
    def ms(self) -> float:
        """Milliseconds of CPU per printer."""
        return self.cpu / self.printers * 1000

    @property
    def rate(self) -> float:
        """Printers per second by the clock."""
        return self.printers / self.wall


@dataclass(frozen=True, slots=True)
class Contest:
    """The same `printers` behind one `responder` for all. `more` changes what contenders are told."""

    rig: Rig
    responder: Responder
    plan: Plan
    printers: int
    more: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def at(rig: Rig, responder: Responder, printers: int) -> Contest:
        """A contest over this many printers, or as many as our own fleet has."""
        return Contest(rig, responder, planned(responder.port), printers if rig.responder else min(printers, FLEET))

    def job(self, printers: int | None = None) -> dict[str, Any]:
        """What a contender is told, so that it can be sent as JSON."""
        addresses = [address_of(number) for number in range(printers or self.printers)]
        return {
            "addresses": addresses,
            "serials": [serial_of(address).decode() for address in addresses],
            "port": self.responder.port,
            "at_once": AT_ONCE,
            "timeout": TIMEOUT,
            "retries": RETRIES,
            "warm": min(WARM, len(addresses)),
            "lives": [page_count_of(address) for address in addresses],
            "objects": len(self.plan.values),
            "told": list(self.plan.told),
            "singles": [dotted(oid) for oid in self.plan.singles()],
            "subtrees": [dotted(oid) for oid in self.plan.subtrees()],
            **self.more,
        }

    def limit(self) -> Sample:
        """The C program that sends and receives the agent's datagrams and decodes nothing."""
        program = compiled(ROOT / "benchmarks" / "limit.c", self.rig.folder / "limit")
        expected = encode_oid(LIFE_COUNT).hex()
        numbers = [str(self.printers), str(self.responder.port), str(AT_ONCE)]
        datagrams = [datagram.hex() for datagram in self.plan.datagrams]
        return self._run([str(program), address_of(0), *numbers, expected, *datagrams], self.job(), warm=0)

    def ours(self, part: str, printers: int | None = None, patience: float | None = None) -> Sample:
        """A part of the agent; raises `TimeoutExpired` after `patience` seconds."""
        job = self.job(printers)
        return self._run([sys.executable, "-m", "benchmarks.ours", part], job, job["warm"], patience)

    def search(self, part: str) -> Sample:
        """A part of looking for printers."""
        job = self.job()
        if part == "sweep":  # a list of sixty thousand addresses would be most of the memory that is measured
            job = {**self.job(1), "first": address_of(0), "last": address_of(self.printers - 1)}
        return self._run([sys.executable, "-m", "benchmarks.search", part], job, 0, printers=self.printers)

    def searched_by_pysnmp(self) -> Sample:
        """The same addresses by pysnmp's own API."""
        return self._run([sys.executable, "-m", "benchmarks.sweepers"], self.job(), warm=0)

    def walker(self, name: str) -> Sample:
        """Another library, from the environment of the benchmarks."""
        job = self.job()
        return self._run([str(environment(self.rig)), "-m", "benchmarks.walkers", name], job, job["warm"])

    def exporter(self) -> Sample:
        """The exporter, whose own process alone is counted; who scrapes it runs on the responder's core."""
        job = self.job()
        exporter = Exporter.start(self.rig.folder, self.plan, self.rig.near)
        try:
            exporter.read({**job, "addresses": job["addresses"][:WARM]})
            before, cpu, began = self.responder.received(), exporter.cpu(), time.monotonic()
            read = exporter.read(job)
            wall, cpu = time.monotonic() - began, exporter.cpu() - cpu
            sent = self._sent(before, self.printers)
            return Sample(self.printers, read, wall, cpu, exporter.rss_kib(), sent)
        finally:
            exporter.stop()

    def _run(
        self,
        command: list[str],
        job: dict[str, Any],
        warm: int,
        patience: float | None = None,
        printers: int | None = None,
    ) -> Sample:
        before, printers = self.responder.received(), printers or len(job["addresses"])
        done = subprocess.run(
            pinned(self.rig.near, command),
            input=json.dumps(job),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            timeout=patience,
        )
        told: dict[str, Any] = json.loads(done.stdout)
        sent = self._sent(before, printers + warm)
        if sent is None and "datagrams" in told:
            sent = told["datagrams"] / printers  # by the agent's own count, where nobody else counts
        return Sample(printers, told["read"], told["wall"], told["cpu"], told.get("rss_kib"), sent)

    def _sent(self, before: int | None, printers: int) -> float | None:
        """Datagrams per printer since `before`, as the responder has counted them."""
        now = self.responder.received()
        return None if before is None or now is None else (now - before) / printers


def environment(rig: Rig) -> Path:
    """The Python that has the other libraries."""
    return rig.folder / "venv" / "bin" / "python"


def contenders(contest: Contest) -> dict[str, Callable[[], Sample]]:
    """All that can run here, by name."""
    found: dict[str, Callable[[], Sample]] = {
        "limit": contest.limit,
        "snmp": lambda: contest.ours("snmp"),
        "interpretation": lambda: contest.ours("interpretation"),
        "pipeline": lambda: contest.ours("pipeline"),
        "later": lambda: replace(contest.ours("later"), datagrams=None),  # the cycle before sends, too
    }
    if environment(contest.rig).exists():
        found |= {"gufo": lambda: contest.walker("gufo"), "aiosnmp": lambda: contest.walker("aiosnmp")}
    if available():
        found["exporter"] = contest.exporter
    return found


def rounds(contest: Contest, count: int, say: Callable[[str], None]) -> dict[str, list[Sample]]:
    """Everybody's samples: `count` rounds, in each round everybody once."""
    runners = contenders(contest)
    samples: dict[str, list[Sample]] = {name: [] for name in runners}
    for number in range(1, count + 1):
        for name, run in runners.items():
            sample = run()
            samples[name].append(sample)
            say(f"round {number} {name}: {sample.ms:.3f} ms CPU, {sample.rate:,.0f}/s, {sample.read} read")
    return samples

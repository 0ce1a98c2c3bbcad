"""`make bench`: measures everything of reading beside other programs, and writes docs/performance.md."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import exporter, hostile, network, reading, requests, secured, service
from benchmarks.contest import ROOT, WARM, Contest, environment, rounds
from benchmarks.page import Row, machine, page
from benchmarks.plan import AT_ONCE
from benchmarks.responder import FLEET, Rig
from benchmarks.sweepers import PROGRAM, has_fusion

Say = Callable[[str], None]
METHOD = """\
Every contender reads the same printers with the same values asked, at most {at_once} at a time, in a process of its
own on one core; what answers runs on the other. Rounds are interleaved: in each one, everybody once. Figures are
the median of the rounds ({rounds}), their spread is the least and the most; ratios are taken round by round. CPU is
that of the process that reads (user and system, all threads), without its start and after {warm} printers for
warming up. A contender counts only when every printer's page count (each has its own), serial number and all
objects arrived. The agent and the limit send the agent's packed datagrams, the others one GET and a walk through
each table. The exporter's CPU includes the page it writes, not the client that fetches it. *Whole pipeline* is a
cycle as the service does it: find, match, read, interpret, validate, seal, commit with synchronous=FULL; only the
portal is an object in the same process, and nothing is delivered. In the first cycle no printer is known; in every
later one each has its read plan. *SNMP part* are the two questions and the answers
decoded."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes the page. Exit code: 0 written, 1 a contender did not read everything rightly."""
    asked = _parser().parse_args(arguments)
    folder = ROOT / ".bench"
    folder.mkdir(exist_ok=True)
    rig = Rig.of(asked.responder, folder)
    os.sched_setaffinity(0, {rig.far})  # who scrapes the exporter must not take its core
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {line}", flush=True)

    text, sound = measured(rig, asked, say)
    asked.output.write_text(text, encoding="utf-8")
    say(f"written to {asked.output}")
    return 0 if sound else 1


def measured(rig: Rig, asked: argparse.Namespace, say: Say) -> tuple[str, bool]:
    """The page, and whether every contender read everything rightly."""
    printers, count = (200, 1) if asked.quick else (asked.printers, asked.rounds)
    with rig.printers() as responder:
        contest = Contest.at(rig, responder, printers)
        say(f"reading {contest.printers} printers, {count} rounds")
        samples = rounds(contest, count, say)
        sent = len(contest.plan.datagrams)
    rows = reading.rows(samples)
    rows.append(Row("datagrams for the printer of this table", str(sent), target="≤ 4", met=sent <= 4))
    more, lists = requests.rows(rig, asked.recordings)
    rows += more
    say("datagrams counted")
    rows += _others(rig, asked.quick, count, say)
    head = [*_head(contest.printers, count), *_absences(rig)]
    notes = ["", "## Contenders", "", *reading.table(samples), "", "## Datagrams per printer", "", *lists]
    sound = all(sample.valid for each in samples.values() for sample in each)
    return page(head, rows, notes), sound


def _others(rig: Rig, quick: bool, count: int, say: Say) -> list[Row]:
    """Everything but the contest itself."""
    rows: list[Row] = []
    if secured.available(rig):
        rows += reading.v3(secured.compared(rig, 50 if quick else 200, count))
        say("SNMPv3 measured")
    rows += network.loss(rig, 100 if quick else 1000, count)
    say("loss measured")
    rows += network.known(rig, 50 if quick else 500)
    rows += network.sweep(rig, 256 if quick else 4096, 64 if quick else 256)
    rows += network.large(rig, 1024 if quick else 65_536)
    say("sweep measured")
    rows += service.memory(rig, 200 if quick else 10_000)
    rows += service.idle(rig, 200 if quick else 10_000)
    say("memory and idleness measured")
    rows += service.command_line(rig, 3 if quick else 10)
    return [*rows, *hostile.rows()]


def _head(printers: int, count: int) -> list[str]:
    today = datetime.now(UTC).date().isoformat()
    return [
        "# Performance",
        "",
        "Made by `make bench`; never edited by hand.",
        "",
        f"{today}. {machine()}. {_versions()}. {printers:,} printers.",
        "",
        METHOD.format(at_once=AT_ONCE, rounds=count, warm=min(WARM, printers)),
    ]


def _versions() -> str:
    found = [f"meter-agent {version('meter-agent')}"]
    packages = ROOT / "requirements-bench.lock"
    for line in packages.read_text().splitlines():
        if "==" in line and not line.startswith(" "):
            name, _, number = line.split()[0].partition("==")
            found.append(f"{name} {number}")
    if exporter.available():
        found.append(f"{exporter.PROGRAM} {exporter.version()}")
    return ", ".join(found)


def _absences(rig: Rig) -> list[str]:
    """What could not be measured here, and why."""
    told = []
    if rig.responder is None:
        told.append(
            f"The fast responder was not there: {FLEET} virtual printers of our own answered. They are slower than who "
            "reads them, so that CPU times hold and printers per second do not; no loss, no sweep."
        )
    if rig.near == rig.far:
        told.append("There is one core only: reader and printers shared it.")
    if not environment(rig).exists():
        told.append("gufo_snmp and aiosnmp are not installed (`make bench` does that).")
    if not exporter.available():
        told.append(f"{exporter.PROGRAM} is not installed (a package of Debian).")
    if rig.responder is not None and not has_fusion():
        told.append(f"{PROGRAM} is not installed (a package of Debian).")
    if rig.responder is not None and not secured.available(rig):
        told.append("net-snmp's snmpd is not installed, so SNMPv3 was not measured.")
    return ["", *told] if told else []


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    beside = ROOT.parent / "shared"
    parser.add_argument("output", type=Path, help="the page to write, such as docs/performance.md")
    parser.add_argument(
        "--responder", type=Path, default=beside / "responder", metavar="DIR", help="with responder.c and printer.tab"
    )
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="recordings whose datagrams are counted")
    parser.add_argument("--printers", type=int, default=2000, help="how many are read (default 2000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often (default 5)")
    parser.add_argument("--quick", action="store_true", help="few printers, one round: only shows that everything runs")
    return parser


if __name__ == "__main__":
    sys.exit(main())

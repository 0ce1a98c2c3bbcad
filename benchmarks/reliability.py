"""`make reliability`: runs what proves each promise, longer than the test suite does, and writes down what came of it.

Every promise names its tests; what a test measures it says itself (`record_property`). `--quick` runs everything as the
test suite does.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
LONG = {
    "KILLS": "1000",
    "ORDER_KILLS": "200",
    "ALL_BITS": "1",
    "BIT_FLIPS": "1000",
    "SUBMISSIONS": "10000",
    "MODEL_RUNS": "2000",
    "MODEL_STEPS": "50",
    "EXPLAINED": "300",
    "POWER_CUTS": "40",
    "YEAR_PRINTERS": "500",
    "YEAR_DAYS": "365",
    "ROWS": "100000",
    "MIGRATION_KILLS": "60",
    "MIGRATION_CUTS": "60",
}
NOT_PROVEN = "not proven here"
READY = "seconds from start to ready"
READY_COLD = "seconds from start to ready, nothing of the database in memory"


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised, and the tests (pytest's node ids) that would fail if it were not kept.

    `bounds` are what figures may be at most: those depend on the computer, and so no test fails by them.
    """

    name: str
    what: str
    tests: tuple[str, ...]
    bounds: Mapping[str, float] = field(default_factory=dict)


PROMISES = (
    Promise(
        "P1",
        "A reading that was stored survives a kill, a crash of the system and a power cut.",
        ("tests/test_power_cut.py",),
    ),
    Promise(
        "P2",
        "However often sent, booked exactly once: readings, orders, notifications, whatever fails, whoever is killed.",
        (
            "tests/test_courier.py::test_bad_day",
            "tests/test_courier.py::test_kill",
            "tests/test_courier.py::test_portal_killed",
            "tests/test_order_kills.py",
            "tests/test_service_notifications.py::test_bad_day",
            "tests/test_service_notifications.py::test_never_twice",
        ),
    ),
    Promise(
        "P3",
        "Each printer's readings arrive in order, and a bad one never blocks the others.",
        ("tests/test_courier_model.py", "tests/test_courier.py::test_poison", "tests/test_courier.py::test_senseless"),
    ),
    Promise(
        "P4",
        "A year of 500 printers without the portal: nothing dropped, 128 MiB at most, and out in 10 minutes.",
        (
            "tests/test_courier.py::test_absence_is_no_fault",
            "tests/test_year_offline.py",
            "tests/test_queue.py",
        ),
        {"MiB of the database": 128, "seconds until all is booked": 600},
    ),
    Promise(
        "P5",
        "A full or failing disk makes no false *stored*, and is survived without anybody's help.",
        ("tests/test_failing_disk.py",),
    ),
    Promise(
        "P6",
        "A damaged database is noticed and costs the damaged rows.",
        ("tests/test_outbox.py", "tests/test_store.py", "tests/test_salvage.py"),
    ),
    Promise(
        "P7",
        "Clocks that are set make no reading twice and no retry that hangs.",
        (
            "tests/test_wrong_clock.py",
            "tests/test_schedule.py",
            "tests/test_courier.py::test_clock_jumps",
            "tests/test_courier.py::test_nothing_before_its_time",
        ),
    ),
    Promise(
        "P8",
        "Kind to the portal: its times kept to the second, a tenth of repeats, no herd after an outage.",
        ("tests/test_herd.py", "tests/test_restraint.py", "tests/test_refusals.py"),
    ),
    Promise(
        "P9",
        "A restart with 100,000 readings is ready in 2 s; upgrades and downgrades keep the outbox, also when killed.",
        ("tests/test_restart.py", "tests/test_versions.py", "tests/test_store.py::test_migration_killed"),
        bounds={READY: 2.0, READY_COLD: 2.0},
    ),
    Promise(
        "P10",
        "A hostile printer costs itself alone.",
        (
            "tests/test_codec.py::test_mutated_replies_never_escape",
            "tests/test_ipp_codec.py::test_mutated_messages_raise_only_the_declared_error",
            "tests/test_hostile_answers.py",
            "tests/test_inquiry.py::test_a_hostile_printer_comes_to_an_end",
            "tests/test_client.py::test_a_hostile_printer_comes_to_an_end",
            "tests/test_client.py::test_hostile_printers_harm_only_themselves",
        ),
        {"milliseconds of CPU for the dearest of them": 50, "MiB of memory more than before": 10},
    ),
    Promise(
        "P11",
        "Every state can be explained: its history from the beginning, and what is next or that nothing is.",
        ("tests/test_explainable.py", "tests/test_outbox.py::test_damaged_waiting"),
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test."""

    name: str
    state: str
    figures: tuple[tuple[str, str], ...]


def proven(promise: Promise, settings: Mapping[str, str]) -> list[Outcome]:
    """Runs the tests of one promise, in a process of their own."""
    there = [test for test in promise.tests if (ROOT / test.partition("::")[0]).exists()]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-o", "junit_family=xunit1", f"--junitxml={report}", *there]
        subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, check=False, stdout=subprocess.DEVNULL)
        return outcomes(report)


def outcomes(report: Path) -> list[Outcome]:
    """The tests in a report of pytest (JUnit's XML, which our own run has just written)."""
    if not report.exists():
        return []
    found = []
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314  our own file
        bad = [kind for kind in ("failure", "error", "skipped") if case.find(kind) is not None]
        figures = tuple((one.attrib["name"], one.attrib["value"]) for one in case.iter("property"))
        found.append(Outcome(case.attrib["name"], bad[0] if bad else "passed", figures))
    return found


def beyond(promise: Promise, figures: Mapping[str, str]) -> list[str]:
    """The figures of a promise that are above their bounds, or that nobody measured."""
    said = []
    for name, bound in promise.bounds.items():
        value = figures.get(name)
        if value is None:
            said.append(f"{name}: not measured")
        elif not float(value) <= bound:
            said.append(f"{name}: {value}, at most {bound:g} are promised")
    return said


def section(promise: Promise, done: Sequence[Outcome]) -> str:
    """One promise on the page."""
    passed = sum(one.state == "passed" for one in done)
    figures = list(dict.fromkeys(figure for one in done for figure in one.figures))
    others = [f"{one.name}: {one.state}" for one in done if one.state != "passed"]
    others += beyond(promise, dict(figures))
    verdict = "kept" if done and not others else f"**{NOT_PROVEN}**: {'; '.join(others) or 'no test ran'}"
    lines = [f"### {promise.name}: {promise.what}", "", f"{verdict}; {passed} of {len(done)} tests passed: "]
    lines[-1] += ", ".join(f"`{test}`" for test in promise.tests)
    if figures:
        rows = (f"| {name} | {value} | {promise.bounds.get(name, '')} |" for name, value in figures)
        lines += ["", "| measured | | at most |", "|---|---|---|", *rows]
    return "\n".join(lines)


def page(sections: Sequence[str], settings: Mapping[str, str]) -> str:
    """The whole document."""
    machine = f"{platform.system()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    size = ", ".join(f"{name}={value}" for name, value in settings.items()) or "as in the test suite"
    head = f"""# Reliability

Written by `make reliability`. What is promised, the tests that would fail if it were not kept, and what they measured.

{machine}, {os.cpu_count()} processors; {size}.

What the figures of P8 mean: 1,000 agents with the default settings and 20 readings an hour each, an hour without the
portal. The rate is counted in steps of 15 s; the mean is that of the first six minutes after the outage (one interval
with its scatter). A repeated request has nothing in it that the portal had not received before.

Order (P3) is that of requests: a reading of which the portal says *in a moment*, while it takes a later one of the same
printer in the same batch, is booked after it.
"""
    return head + "\n" + "\n\n".join(sections) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every promise was kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", default=[promise.name for promise in PROMISES], help="P1 P2 ...")
    parser.add_argument(
        "--parts", type=Path, help="where sections are kept: a run of some of them completes the others"
    )
    options = parser.parse_args(arguments)
    settings = {} if options.quick else LONG
    with tempfile.TemporaryDirectory() as passing:
        parts = options.parts or Path(passing)
        parts.mkdir(parents=True, exist_ok=True)
        for promise in PROMISES:
            if promise.name in options.only:
                told = section(promise, proven(promise, settings))
                (parts / f"{promise.name}.md").write_text(told, "utf-8")
                sys.stdout.write(told + "\n\n")
        files = [parts / f"{promise.name}.md" for promise in PROMISES]
        sections = [file.read_text("utf-8") for file in files if file.exists()]
    options.file.write_text(page(sections, settings), "utf-8")
    return int(any(NOT_PROVEN in told for told in sections))


if __name__ == "__main__":
    raise SystemExit(main())

"""run --once: one cycle with its report."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from agent.cli.service import agent_of
from agent.cli.tables import is_by_hand, print_report
from agent.cli.watch import Watch
from agent.language import show_error
from agent.loop import run
from agent.report import CycleReport


def run_once(config: Path | None) -> int:
    """One cycle with its report and the exit code that says how it went."""
    agent = agent_of(config)
    console = Console()
    with Watch(Console(stderr=True)) as watch:
        report = run(agent.once(watch))
    print_report(console, report)
    return exit_code(report)


def exit_code(report: CycleReport) -> int:
    """0 when everything that is to be sent has arrived, else 1, or the code of the trouble with the portal."""
    if report.trouble is not None:
        sys.stderr.write(show_error(report.trouble) + "\n")
        return report.trouble.exit_code
    # Where a person captures, waiting is how it should be.
    open_states = () if is_by_hand(report) else ("waiting", "rejected", "parked")
    unsettled = [line for line in report.lines if line.entry and line.entry.state in open_states]
    unread = [
        line for line in report.lines if line.readout and line.verdict is None and line.readout.status != "asleep"
    ]
    return 1 if unsettled or unread else 0

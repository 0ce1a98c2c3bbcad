"""What all tests share: where the recordings are, and that CI does not pass by skipping them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.agent_world import PRINTERS, worlds
from tests.fleet_process import FleetProcess

# How long one example takes is the machine's affair: a test says what is true, benchmarks say how fast. A landing does
# not depend on luck: its examples are the same every time, while everybody's own runs look for new ones.
settings.register_profile("any machine", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("any machine")

RECORDINGS = Path(__file__).resolve().parent.parent.parent / "shared" / "recordings"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """The port of three virtual printers (`PRINTERS`)."""
    with FleetProcess(tmp_path_factory.mktemp("fleet"), PRINTERS) as process:
        yield process.ports["konica"]


@pytest.fixture
def world(tmp_path, fleet):
    """Makes worlds of agent and portal over that fleet; their portals end with the test."""
    with worlds(tmp_path, fleet) as make:
        yield make


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker for tests on real recordings."""
    config.addinivalue_line("markers", "recordings: needs the recordings of real printers beside the project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what needs recordings where there are none, with the reason."""
    if not RECORDINGS.is_dir():
        reason = pytest.mark.skip(reason="no recordings beside the project")
        for item in items:
            if item.get_closest_marker("recordings"):
                item.add_marker(reason)


def pytest_terminal_summary(terminalreporter, exitstatus, config) -> None:
    """In CI, with recordings present, skipped recording tests are a failure."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "recordings" in report.keywords]
    if os.environ.get("CI") == "true" and RECORDINGS.is_dir() and skipped:
        terminalreporter.write_line(f"{len(skipped)} recording tests were skipped although the recordings are there")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Makes that failure count."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [report for report in reporter.stats.get("skipped", []) if "recordings" in report.keywords]
    if os.environ.get("CI") == "true" and RECORDINGS.is_dir() and skipped:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder with the recordings of real printers."""
    return RECORDINGS

"""The demo is the main job: it does the whole of it, shows the awkward cases, and books nothing twice."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agent.memory import SqlMemory
from agent.store import Store
from tests.conftest import RECORDINGS


def demo(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", "demo", "--state", str(state), *arguments],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "COLUMNS": "220", "LC_ALL": "C"},
    )


def booked(folder: Path) -> list[tuple[str, str, int]]:
    """The portal's ledger: what agents booked, and what they ordered."""
    with sqlite3.connect(f"file:{folder / 'portal' / 'portal.sqlite'}?mode=ro", uri=True) as ledger:
        documents = ledger.execute(
            "SELECT equipment_number, meter_code, value FROM documents WHERE client_reference IS NOT NULL"
        ).fetchall()
        orders = ledger.execute("SELECT equipment_number, client_reference, number FROM orders").fetchall()
    return sorted(documents) + sorted(orders)


def notified(folder: Path) -> list[tuple[str, str]]:
    """The service notifications in the portal's ledger."""
    with sqlite3.connect(f"file:{folder / 'portal' / 'portal.sqlite'}?mode=ro", uri=True) as ledger:
        return ledger.execute("SELECT cause, status FROM notifications").fetchall()


def shown(text: str, equipment: str) -> bool:
    """Whether an equipment stands in the report."""
    return equipment.lstrip("0") in text


def check_cases(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    """Every awkward case of the world is in the report, in its place."""
    assert done.returncode == 0, done.stdout + done.stderr
    cases = json.loads((folder / "world.json").read_text())["cases"]
    for case, where in cases.items():
        if case not in ("unknown_to_portal", "not_a_printer"):
            assert shown(done.stdout, where), case
    assert cases["unknown_to_portal"] in done.stdout.split("Printers without equipment")[1]
    without_printer = done.stdout.split("Equipment without a printer")[1].split("Printers without equipment")[0]
    for case in ("never_answers", "no_printer", "two_equipments_one_name"):
        assert shown(without_printer, cases[case]), case
    refused = done.stdout.split("Readings not reported, and why")[1]
    assert shown(refused, cases["below_last"])
    assert "below the last reported" in refused
    assert "far more than usual" in done.stdout
    entries = booked(folder)
    arrived = {cases[case] for case in ("equal", "deviation", "v1_only", "v3_only")}
    assert arrived <= {number for number, *_ in entries}
    assert cases["below_last"] not in {number for number, *_ in entries}


def check_second_voice(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    """A printer without SNMP is read by IPP and waits for a person; a cross-check that fails travels with its reading.

    Where only 127.0.0.1 exists there is no IPP in the demo.
    """
    cases = json.loads((folder / "world.json").read_text())["cases"]
    if sys.platform != "linux":
        return
    refused = done.stdout.split("Readings not reported, and why")[1]
    assert shown(refused, cases["ipp_only"])
    assert "8214, over IPP for the first time" in refused
    with Store.open(folder / "meter-agent.sqlite", exclusive=False) as store:
        envelopes = [entry.envelope for entry in SqlMemory(store).entries()]
    bodies = [envelope.content for envelope in envelopes if envelope.kind == "reading"]
    (differs,) = [one["detail"] for body in bodies for one in body["findings"] if one["code"] == "ipp_differs"]
    assert "46110" in differs
    assert "48331" in differs
    assert {body["source"]["protocol"] for body in bodies} == {"snmp", "ipp"}


def test_the_demo_does_the_whole_job_and_twice_nothing_twice(tmp_path):
    """Own devices: everything arrives, the awkward cases are shown, an order is delivered; again: the same ledger."""
    first = demo(tmp_path)
    folder = tmp_path / "devices"
    check_cases(first, folder)
    assert "1 orders placed" in first.stdout
    assert "SANDBOX-0001" in first.stdout
    check_second_voice(first, folder)
    assert "seen for the first time; another round must confirm it" in first.stdout
    assert notified(folder) == []
    before = booked(folder)
    second = demo(tmp_path)
    assert second.returncode == 0, second.stdout + second.stderr
    assert booked(folder) == before
    assert "0 readings booked" in second.stdout
    assert notified(folder) == [("prt-alert.10.1.1004", "open")]


@pytest.mark.recordings
def test_the_demo_on_real_recordings(tmp_path):
    """What real printers answered: everything arrives, and what is missing is said for the others."""
    done = demo(tmp_path, "--recordings", str(RECORDINGS))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the printer does not tell it" in done.stdout
    assert len({number for number, code, _ in booked(tmp_path / "recordings") if code == "total"}) >= 15


def test_a_missing_folder_is_said_so(tmp_path):
    """A wrong path is a usage error with a remedy, not a stack trace."""
    done = demo(tmp_path, "--recordings", str(tmp_path / "nowhere"))
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "nowhere" in done.stderr

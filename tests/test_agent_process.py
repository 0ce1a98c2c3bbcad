"""The whole agent as a process, against virtual printers and the sandbox portal over TLS, as its user runs it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

import pytest

from agent.secrets import Secrets
from tests.agent_world import NAMES, World, equipment, lines
from tests.portal_process import PortalProcess

KILLS = 40 if os.environ.get("CI") == "true" else 20


def test_a_cycle_books_every_reading_and_a_second_one_none(world):
    """Twice on one day: the same documents, nothing twice, and the second run says so."""
    one = world(equipment("1"), equipment("2"), equipment("3"))
    first = one.agent("run", "--once")
    assert first.returncode == 0, first.stdout + first.stderr
    booked = one.booked()
    assert [number for number, _ in booked] == ["1", "2", "3"]
    second = one.agent("run", "--once")
    assert second.returncode == 0
    assert one.booked() == booked
    assert "3 reported before" in second.stdout


def test_every_prerequisite_is_checked(world):
    """All is well: one line each, each ok, exit code 0."""
    done = world(equipment("1")).agent("check")
    assert done.returncode == 0, done.stdout
    marks = [line.split()[0] for line in done.stdout.splitlines()]
    assert len(marks) >= 8
    assert set(marks) == {"ok"}


def test_every_missing_prerequisite_has_its_line_and_code(world):
    """A wrong key, a missing secret, a wrong password, a dead portal, plain http, no printers: what, and what to do."""
    one = world(equipment("1"))
    one.configure(discovery__ranges=["127.33.9.0/30"])
    silent = one.agent("check")
    assert (silent.returncode, "MISSING  SNMP" in silent.stdout) == (4, True)
    text = one.config.read_text()
    one.config.write_text(text.replace("packets_per_second", "packets_per_secnd"))
    wrong = one.agent("check")
    assert (wrong.returncode, "packets_per_second" in wrong.stdout) == (2, True)
    one.configure(portal__url=one.portal.url.replace("https", "http"))
    plain = one.agent("run", "--once")
    assert (plain.returncode, "https" in plain.stderr) == (2, True)
    one.configure()
    Secrets(one.folder / "secrets").set("portal", "wrong-password")
    refused = one.agent("check")
    assert (refused.returncode, "MISSING  Portal password" in refused.stdout) == (3, True)
    assert "wrong-password" not in refused.stdout + refused.stderr
    (one.folder / "secrets" / "portal").unlink()
    missing = one.agent("check")
    assert (missing.returncode, "meter-agent secret set portal" in missing.stdout) == (2, True)
    Secrets(one.folder / "secrets").set("portal", one.portal.client_secret)
    one.portal.stop()
    dead = one.agent("check")
    assert (dead.returncode, "MISSING  Portal reachable" in dead.stdout) == (4, True)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (("--certificate", "expired"), "not valid at this time"),
        (("--certificate", "wrong-host"), "another name"),
        (("--certificate", "self-signed"), "does not trust"),
        (("--certificate", "rsa1024"), "too short"),
    ],
)
def test_an_unsafe_portal_gets_nothing(tmp_path, fleet, fault, says):
    """A certificate expired, for another host, self-signed or of 1024 bits: its own sentence, nothing booked."""
    one = World(tmp_path, fleet, equipment("1"))
    one.portal.stop()
    one.portal = PortalProcess(tmp_path / "portal", *fault)
    try:
        one.configure()
        done = one.agent("run", "--once")
        assert done.returncode == 3
        assert says in done.stderr
    finally:
        one.portal.stop()
    one.portal = PortalProcess(tmp_path / "portal")
    try:
        assert one.booked() == []
    finally:
        one.portal.stop()


def test_a_fall_is_held_until_a_person_decides(world):
    """Below the last reported: not sent, shown with its reason; accepted by a person, it is booked as replaced."""
    one = world(equipment("1", last=10_000_000))
    assert one.agent("run", "--once").returncode == 0
    assert one.booked() == []
    (entry,) = lines(one.agent("outbox", "list", "--json"))
    assert (entry["state"], entry["reasons"][0]["code"]) == ("quarantined", "below_last")
    page = one.agent("resolve", entry["reference"][:10], COLUMNS="200")
    assert page.returncode == 0, page.stderr
    assert "--accept --offset total=10000000" in page.stdout
    assert one.agent("resolve", entry["reference"], "--accept").returncode == 2, "it would still be below the last"
    explained = one.agent("explain", entry["reference"][:10])
    assert "below the last reported" in explained.stdout
    assert "konica-minolta/" in explained.stdout  # by which knowledge, and below where each value stood
    assert "1.3.6.1.4.1.18334.1.1.1.5.7.2.1.1.0" in explained.stdout
    assert one.agent("resolve", entry["reference"], "--replaced", "--note", "a new board").returncode == 0
    shown = one.agent("outbox", "show", entry["reference"])
    assert json.loads(shown.stdout)["readings"][0]["counter_replaced"] is True
    assert f"SHA-256 {hashlib.sha256(shown.stdout.encode()).hexdigest()}" in shown.stderr
    assert one.agent("run", "--once").returncode == 0
    assert len(one.booked()) == 1
    assert one.agent("outbox", "show", entry["reference"]).stdout == shown.stdout, "what left is what was shown before"
    explained = one.agent("explain", entry["reference"], COLUMNS="200").stdout
    assert all(word in explained for word in ("host name: KMBT5A17C2", "2|128431", "counter replaced", "a new board"))
    assert "links are whole" in one.agent("check").stdout
    narrow = one.agent("explain", entry["reference"], COLUMNS="40").stdout
    assert "1.3.6.1.4.1.18334.1.1.1.5.7.2.1.1.0 = 2|128431" in " ".join(narrow.split()), "an object stays in one piece"
    assert narrow.count("Says who") == 1, "what is computed is told once"
    german = one.agent("explain", entry["reference"], COLUMNS="80", LC_ALL="de").stdout
    assert "1.3.6.1.4.1.18334.1.1.1.5.7.2.1.1.0" in german
    assert german.count("Wer das sagt") == 1


def test_a_dead_portal_costs_no_reading(world):
    """The portal is gone after the equipment was known: the reading is kept and booked when it is back."""
    one = world(equipment("1"), equipment("2"))
    assert one.agent("run", "--once").returncode == 0
    booked = one.booked()
    one.portal.admin("PUT", "/admin/scopes", {"scopes": ["equipments:read"]})
    (one.folder / "meter-agent.sqlite").unlink()
    parked = one.agent("run", "--once")
    assert parked.returncode in (1, 3)
    assert "readings:write" in parked.stdout + parked.stderr
    entries = lines(one.agent("outbox", "list", "--json"))
    assert {entry["state"] for entry in entries} <= {"parked", "waiting"}
    assert one.booked() == booked


def test_json_is_json_lines_and_nothing_else(world):
    """read, discover, match, status: documented keys, one object a line."""
    one = world(equipment("1"), equipment("2"), equipment("3"))
    (read,) = lines(one.agent("read", "--json", f"127.33.0.1:{one.port}"))
    assert read["status"] == "ok"
    assert {counter["meter"] for counter in read["counters"]} >= {"total"}
    discovered = lines(one.agent("discover", "--json"))
    assert {item["identity"]["host_name"] for item in discovered} == set(NAMES.values())
    matched = lines(one.agent("match", "--json"))
    assert [item["outcome"] for item in matched] == ["matched"] * 3
    assert all(item["evidence"][0]["rule"] == "host_name" for item in matched)
    assert lines(one.agent("status", "--json"))[0]["last_cycle"] is None


def test_the_daemon_ends_on_sigterm_with_nothing_lost(world):
    """It says READY, works, and ends within seconds of SIGTERM with exit code 0."""
    one = world(equipment("1"), equipment("2"), equipment("3"))
    address = str(one.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(address)
        notify.settimeout(30)
        process = subprocess.Popen(
            [sys.executable, "-m", "agent", "run", "--config", str(one.config)],
            env={**os.environ, "NOTIFY_SOCKET": address},
            stderr=subprocess.DEVNULL,
        )
        try:
            assert b"READY=1" in notify.recv(1000)
            until = time.monotonic() + 40
            while len(one.booked()) < 3 and time.monotonic() < until:
                time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=8) == 0
        finally:
            process.kill()
    assert [number for number, _ in one.booked()] == ["1", "2", "3"]


def test_killed_at_any_point_every_reading_is_booked_once(world):
    """kill -9 again and again at random moments, then one undisturbed run: each reading of the day exactly once."""
    one = world(equipment("1"), equipment("2"), equipment("3"))
    chance = random.Random(20261123)
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-m", "agent", "run", "--once", "--config", str(one.config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(0.6, 4.0))
        process.kill()
        process.wait()
    done = one.agent("run", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [number for number, _ in one.booked()] == ["1", "2", "3"]

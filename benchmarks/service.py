"""The service as a whole: its memory with many printers, and how long its command line takes to say something."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.contest import Contest
from benchmarks.page import Row, figure
from benchmarks.responder import FLEET, Rig, pinned

PATIENCE = 180.0  # seconds for one cycle through everything


def memory(rig: Rig, printers: int) -> list[Row]:
    """One whole cycle over so many printers: peak memory, with what it took."""
    printers = printers if rig.responder else FLEET
    what, target = f"one cycle over {printers:,} printers, delivery included: peak RSS", "≤ 120 MB"
    with rig.printers() as responder:
        try:
            sample = Contest.at(rig, responder, printers).ours("cycle", patience=PATIENCE)
        except subprocess.TimeoutExpired:
            return [Row(what, f"void: not done after {PATIENCE:.0f} s", target=target, met=False)]
    megabytes = (sample.rss_kib or 0) / 1024
    done = "" if sample.valid else f", **{sample.read:,} booked**"
    told = f"{megabytes:.0f} MB ({sample.wall:.0f} s, {sample.ms:.2f} ms CPU per printer{done})"
    return [Row(what, told, target=target, met=sample.valid and megabytes <= 120)]


def idle(rig: Rig, printers: int) -> list[Row]:
    """The service between two cycles."""
    printers = printers if rig.responder else FLEET
    what, target = f"the service with {printers:,} printers, idle: CPU of a core", "≤ 0.5 %"
    with rig.printers() as responder:
        try:
            sample = Contest.at(rig, responder, printers).ours("idle", patience=PATIENCE)
        except subprocess.TimeoutExpired:
            return [Row(what, f"void: not done after {PATIENCE:.0f} s", target=target, met=False)]
    share = 100 * sample.cpu / sample.wall
    return [Row(what, f"{share:.2f} % ({sample.wall:.0f} s)", target=target, met=share <= 0.5)]


def command_line(rig: Rig, rounds: int) -> list[Row]:
    """`meter-agent --help`, from the start of the process to its end."""
    command = pinned(rig.near, [str(Path(sys.executable).with_name("meter-agent")), "--help"])
    walls = []
    for _ in range(rounds):
        began = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        walls.append(time.monotonic() - began)
    wall = figure(walls)
    met = wall.median <= 0.3
    return [Row("`meter-agent --help`", f"{wall.shown()} s", target="≤ 0.3 s", met=met, spread=wall.spread())]

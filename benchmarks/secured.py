"""SNMPv3 side by side: net-snmp's agent plays the printer, since the fast responder knows no users.

It answers at every address with the same engine, so what is measured is a session's beginning (engine discovery, keys
at hand) and five or more messages signed with HMAC-SHA-1 and hidden with AES-128.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contest import Contest, Sample, environment
from benchmarks.plan import PAGES, planned
from benchmarks.responder import Responder, Rig, free_port, pinned

PROGRAM = "snmpd"
USER = {
    "user": "reader",
    "authentication": "sha1",
    "authentication_secret": "benchmark-auth",
    "privacy": "aes128",
    "privacy_secret": "benchmark-priv",
}
TYPES = {"i": "integer", "s": "octet_str", "x": "octet_str", "o": "object_id", "c": "counter", "g": "uinteger"}
OWN = "1.3.6.1.2.1.1.3."  # sysUpTime is snmpd's own
APART = ["-I", "-hr_device"]  # the computer's own processors and network cards are no devices of the printer
ADDRESS = "7f600001"  # what stands for the address in the serial number: all printers have the same one


def available(rig: Rig) -> bool:
    """Whether a printer's objects and net-snmp's agent are here."""
    return rig.responder is not None and shutil.which(PROGRAM) is not None and environment(rig).exists()


def compared(rig: Rig, printers: int, rounds: int) -> dict[str, list[Sample]]:
    """The samples of `ours` and `gufo`, round by round; none without the responder's table of objects."""
    if rig.responder is None:
        return {}
    with _agent(rig, rig.responder / "printer.tab") as agent:
        plan = planned(agent.port)
        same = {"serials": [f"VNB{ADDRESS}"] * printers, "lives": [PAGES] * printers}
        contest = Contest(rig, agent, plan, printers, {"user": USER, **same})
        samples: dict[str, list[Sample]] = {"ours": [], "gufo": []}
        for _ in range(rounds):
            samples["ours"].append(contest.ours("v3"))
            samples["gufo"].append(contest.walker("gufo_v3"))
        return samples


@contextmanager
def _agent(rig: Rig, table: Path) -> Iterator[Responder]:
    """net-snmp's agent with the responder's objects, on the far core."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "snmpd.conf").write_text(_configuration(table, port))
        process = subprocess.Popen(
            pinned(rig.far, [PROGRAM, "-f", "-Ln", *APART]),
            env={**os.environ, "SNMPCONFPATH": folder, "SNMP_PERSISTENT_DIR": f"{folder}/state"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(1.5)  # it derives the user's keys first
        with Responder(process, port) as agent:
            yield agent


def _configuration(table: Path, port: int) -> str:
    lines = [
        f"agentaddress udp:{port}",
        "rocommunity public",
        f'createUser {USER["user"]} SHA "{USER["authentication_secret"]}" AES "{USER["privacy_secret"]}"',
        f"rouser {USER['user']} priv",
    ]
    for row in table.read_text().splitlines():
        oid, kind, value = row.split("|", 2)
        if kind in TYPES and not oid.startswith(OWN):
            lines.append(f"override .{oid} {TYPES[kind]} {_written(kind, value.replace('@IP@', ADDRESS))}")
    return "\n".join(lines) + "\n"


def _written(kind: str, value: str) -> str:
    if kind == "x":
        return f"0x{value}" if value else '" "'
    return f'"{value or " "}"' if kind == "s" else value

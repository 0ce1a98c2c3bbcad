"""The printers that are read: a fast responder in C or, where its source is absent, a virtual fleet of our own.

Both are kept to a core of their own. The fleet is written in Python and slower than the readers it serves: with it,
CPU times hold and printers per second do not.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.snmp.varbinds import dotted
from benchmarks.plan import LIFE_COUNT, SERIAL, address_of, page_count_of, serial_of

OWN_SERIAL = "1.3.6.1.4.1.11.2.3.9.4.2.1.1.3.3.0"  # where this maker tells it a second time
FLEET = 256  # printers of our own fleet: a socket each
SHARE = 100  # of so many addresses one answers, in a sweep

COPIES = "memcpy(p,val,vl);"
# Numbers of three octets or more (tag and length come before them) differ in the last two, as the addresses do.
VARIES = "if(vl>=5&&val[0]!=4&&val[0]!=6){p[vl-1]^=ip&255;p[vl-2]^=(ip>>8)&255;}"


@dataclass(frozen=True, slots=True)
class Rig:
    """Where things are: the responder's sources (`None`: our own fleet), a folder to build in, the two cores."""

    responder: Path | None
    folder: Path
    near: int
    far: int

    @staticmethod
    def of(responder: Path, folder: Path) -> Rig:
        """`far` is the core of what answers, `near` the one of who reads; the same where there is only one."""
        cores = sorted(os.sched_getaffinity(0))
        return Rig(responder if (responder / "responder.c").exists() else None, folder, cores[-1], cores[0])

    def printers(self, *, loss: int = 0, sparse: bool = False) -> Responder:
        """Starts what answers; the responder alone can drop `loss` percent, or be `sparse`: one in a hundred."""
        if self.responder is None:
            return _fleet(self.folder, self.far)
        program = compiled(varied(self.responder / "responder.c", self.folder), self.folder / "responder")
        options = [*(["-l", str(loss)] if loss else []), *(["-k", str(SHARE)] if sparse else [])]
        return _responder(program, consistent(self.responder / "printer.tab", self.folder), self.far, options)


# Total, black and colour of HP's own objects, near the life count of all printers. Both numbers vary alike.
MAKERS_COUNTERS = {
    "1.3.6.1.4.1.11.2.3.9.4.2.1.4.1.2.5.0": 184_223,
    "1.3.6.1.4.1.11.2.3.9.4.2.1.4.1.2.6.0": 184_223,
    "1.3.6.1.4.1.11.2.3.9.4.2.1.4.1.2.7.0": 0,
}


@dataclass(frozen=True, slots=True)
class Responder:
    """What answers: a process, its UDP port at every address, and the file it writes its counts to, if any."""

    process: subprocess.Popen[bytes]
    port: int
    notes: Path | None = None

    def __enter__(self) -> Responder:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        if self.notes is not None:
            self.notes.unlink(missing_ok=True)

    def received(self) -> int | None:
        """The requests that have come so far; `None` when it does not count."""
        if self.notes is None:
            return None
        before = self.notes.stat().st_size
        for _ in range(200):
            # The signal is seen when waiting is interrupted; should it come a moment before, the next one is.
            self.process.send_signal(signal.SIGUSR1)
            time.sleep(0.01)
            if self.notes.stat().st_size > before:
                time.sleep(0.01)
                counts: dict[str, Any] = json.loads(self.notes.read_text().splitlines()[-1])
                return int(counts["rx"])
        raise TimeoutError("the responder does not tell its counts")


def varied(source: Path, folder: Path) -> Path:
    """The responder's source with page counters of each printer's own, in `folder`.

    As it comes, all printers tell the same numbers, and a reader that remembers values would look better than it is.
    Raises `ValueError` when the source is another one than this was written for.
    """
    text = source.read_text()
    if text.count(COPIES) != 1:
        raise ValueError(f"{source.name} does not copy its values as expected")
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / "responder.c"
    new = text.replace(COPIES, COPIES + VARIES)
    if not copy.exists() or copy.read_text() != new:
        copy.write_text(new)
    return copy


def consistent(table: Path, folder: Path) -> Path:
    """The responder's table with maker's counters that add up, in `folder`: a printer that contradicts itself is held
    back for a person, and never gets to the portal."""
    lines = table.read_text().splitlines()
    for place, line in enumerate(lines):
        oid, kind, _ = line.split("|", 2)
        if oid in MAKERS_COUNTERS:
            lines[place] = f"{oid}|{kind}|{MAKERS_COUNTERS[oid]}"
    copy = folder / "printer.tab"
    copy.write_text("\n".join(lines) + "\n")
    return copy


def compiled(source: Path, program: Path) -> Path:
    """The program of a C file, compiled again when the file is newer. Raises `CalledProcessError`."""
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        program.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-O2", "-w", "-o", str(program), str(source)], check=True)  # noqa: S607
    return program


def pinned(core: int, command: list[str]) -> list[str]:
    """The command, kept to one core."""
    return ["taskset", "-c", str(core), *command]


def free_port() -> int:
    """A UDP port that nobody has at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _responder(program: Path, table: Path, core: int, options: list[str]) -> Responder:
    handle, notes = tempfile.mkstemp(suffix=".jsonl")
    os.close(handle)
    port = free_port()
    command = [str(program), "-p", str(port), "-f", str(table), "-s", notes, *options]
    responder = Responder(subprocess.Popen(pinned(core, command)), port, Path(notes))
    time.sleep(0.3)  # it has no way to say that it is ready; a datagram before that would meet a closed port
    return responder


def _fleet(folder: Path, core: int) -> Responder:
    device = (
        Path(__file__).resolve().parent.parent / "sandbox" / "printers" / "devices" / "hp_color_laserjet_e57540.toml"
    )
    addresses = [address_of(number) for number in range(FLEET)]
    members = [
        {
            "name": f"printer-{number}",
            "address": address,
            "source": str(device),
            "set": {
                dotted(SERIAL): f"4|{serial_of(address).decode()}",
                OWN_SERIAL: f"4|{serial_of(address).decode()}",
                dotted(LIFE_COUNT): f"65|{page_count_of(address)}",
                **{oid: f"2|{count and page_count_of(address)}" for oid, count in MAKERS_COUNTERS.items()},
            },
        }
        for number, address in enumerate(addresses)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "fleet.json"
    file.write_text(json.dumps(members))
    return started_fleet(["--fleet", str(file)], core)[0]


def started_fleet(options: list[str], core: int) -> tuple[Responder, list[dict[str, Any]]]:
    """The virtual printers of the sandbox with these options, and what it says of each. Ends with its block."""
    port = free_port()
    command = [sys.executable, "-m", "sandbox.printers", "--port", str(port), *options]
    process = subprocess.Popen(pinned(core, command), stdout=subprocess.PIPE)
    members: list[dict[str, Any]] = []
    for line in process.stdout or ():
        said = json.loads(line)
        if said.get("ready"):
            break
        members.append(said)
    return Responder(process, port), members

"""The virtual fleet as a process, for tests: printers at addresses of their own, on a free port."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

DEVICES = Path(__file__).resolve().parent.parent / "sandbox" / "printers" / "devices"


def printer(name: str, address: str, device: str = "konica_bizhub_c301i", **facts: Any) -> dict[str, Any]:
    """A line of a fleet file: one of the project's own devices, with faults and overrides if any."""
    return {"name": name, "address": address, "source": str(DEVICES / f"{device}.toml"), **facts}


class FleetProcess:
    """Started until the block ends; `ports` has the port by printer, the same for all. `options` go to the program."""

    def __init__(self, folder: Path, printers: list[dict[str, Any]], *options: str) -> None:
        file = folder / "fleet.json"
        file.write_text(json.dumps(printers))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        command = [sys.executable, "-m", "sandbox.printers", "--fleet", str(file), "--port", port, *options]
        self._process = subprocess.Popen(
            [*command, "--until-stdin-closes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.ports: dict[str, int] = {}
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if said.get("ready"):
                break
            self.ports[said["name"]] = said["port"]

    def __enter__(self) -> FleetProcess:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)
        assert self._process.stdout is not None
        self._process.stdout.close()

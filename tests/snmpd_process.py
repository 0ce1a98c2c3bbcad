"""net-snmp's own agent as a process, for tests: a peer that none of ours wrote."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from agent.printers import Endpoint


class Snmpd:
    """snmpd with these users on a free port until the block ends; `restart` keeps its state, so its boots rise."""

    def __init__(self, folder: Path, lines: list[str]) -> None:
        if shutil.which("snmpd") is None:
            assert os.environ.get("CI") != "true", "net-snmp's snmpd is missing in CI"
            pytest.skip("net-snmp's snmpd is not installed")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.endpoint = Endpoint("127.0.0.1", free.getsockname()[1])
        self._folder = folder
        self._lines = lines
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *extra: str) -> None:
        config, state = self._folder / "snmpd.conf", self._folder / "state"
        head = [f"agentaddress udp:127.0.0.1:{self.endpoint.port}", "sysName prn-7", "sysServices 72"]
        config.write_text("\n".join([*head, *self._lines, *extra]) + "\n")
        self._process = subprocess.Popen(
            ["snmpd", "-f", "-Ln"],
            # Not -C and -c: those keep it from reading its own state, where the boots are counted.
            env={**os.environ, "SNMPCONFPATH": f"{self._folder}:{state}", "SNMP_PERSISTENT_DIR": str(state)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=10)
            self._process = None

    def forget(self) -> None:
        """As a new board would: another engine id, boots from the beginning."""
        shutil.rmtree(self._folder / "state", ignore_errors=True)

    def __enter__(self) -> Snmpd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

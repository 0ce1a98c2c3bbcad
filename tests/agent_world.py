"""The agent as a process with a fleet and a portal of its own: what its user has, for tests that run it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agent.config_template import first_config
from agent.secrets import Secrets
from tests.fleet_process import printer
from tests.portal_process import PortalProcess

PRINTERS = [
    printer("konica", "127.33.0.1", "konica_bizhub_c301i"),
    printer("kyocera", "127.33.0.2", "kyocera_taskalfa_3555ci"),
    printer("hp", "127.33.0.3", "hp_color_laserjet_e57540"),
]
NAMES = {"1": "KMBT5A17C2", "2": "KM7C4D1F", "3": "NPI3C91D4"}


def equipment(number: str, last: int | None = None) -> dict[str, Any]:
    """An equipment whose technical identification number is the host name of a virtual printer."""
    point: dict[str, Any] = {
        "measuring_point": f"{number}0001",
        "meter_code": "total",
        "unit": "PAGE",
        "mandatory": True,
        "counter_overflow_value": None,
        "annual_estimate": None,
        "last_reading": None,
    }
    if last is not None:
        point["last_reading"] = {"value": last, "read_at": "2026-01-01T00:00:00Z", "estimated": False}
    return {
        "equipment_number": number.rjust(18, "0"),
        "description": f"Printer {number}",
        "technical_identification_number": NAMES[number],
        "status": "active",
        "measuring_points": [point],
        "bill_of_material": [],
    }


class World:
    """A portal of its own and a config file that joins it with the fleet."""

    def __init__(self, folder: Path, port: int, *equipments: dict[str, Any]) -> None:
        seed = folder / "seed.json"
        seed.write_text(json.dumps({"customer_number": "0000417300", "equipments": list(equipments)}))
        self.folder = folder
        self.port = port
        self.portal = PortalProcess(folder / "portal", "--seed", str(seed))
        self.config = folder / "meter-agent.toml"
        self.configure()
        Secrets(folder / "secrets").set("portal", self.portal.client_secret)

    def configure(self, **changes: Any) -> None:
        """Writes the config file; `changes` are keys with __ for the dot."""
        entries = {
            "portal.url": self.portal.url,
            "portal.client_id": self.portal.client_id,
            "portal.ca_file": str(self.portal.ca_file),
            "discovery.ranges": ["127.33.0.0/29"],
            "discovery.packets_per_second": 1000,
            "snmp.port": self.port,
            "snmp.timeout_seconds": 0.3,
            "snmp.retries": 1,
            "readings.at": ["00:00"],
        }
        entries |= {name.replace("__", "."): value for name, value in changes.items()}
        self.config.write_text(first_config("en", entries), encoding="utf-8")

    def agent(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """One command of the agent with this config."""
        return subprocess.run(
            [sys.executable, "-m", "agent", *arguments, "--config", str(self.config)],
            capture_output=True,
            text=True,
            timeout=90,
            env={**os.environ, "LC_ALL": "C", **options},
        )

    def booked(self) -> list[tuple[str, int]]:
        """Equipment and value of every measurement document that an agent's reading made."""
        documents = self.portal.ledger()["measurement_documents"]
        return sorted(
            (row["equipment_number"].lstrip("0"), row["value"]) for row in documents if row["client_reference"]
        )


@contextlib.contextmanager
def worlds(folder: Path, port: int) -> Iterator[Callable[..., World]]:
    """Makes worlds; their portals end with the block."""
    with contextlib.ExitStack() as stack:

        def make(*equipments: dict[str, Any]) -> World:
            made = World(folder, port, *equipments)
            stack.callback(made.portal.stop)
            return made

        yield make


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """Standard output as JSON Lines; fails when anything else stands there."""
    return [json.loads(line) for line in done.stdout.splitlines()]

"""A user without an API: a fleet, an equipment list as a file, and the agent as a process, for tests that run it."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from agent.config_template import first_config
from tests.agent_world import NAMES

LIST = "equipment.csv"


class HandWorld:
    """A config file without a portal, beside it the equipment list."""

    def __init__(self, folder: Path, port: int, *numbers: str, language: str = "de") -> None:
        self.folder = folder
        self.port = port
        self.language = language
        self.config = folder / "meter-agent.toml"
        self.configure()
        rows = ["Equipmentnummer;Technische Identnummer;Zähler"]
        rows += [f"{number};{NAMES[number]};Gesamt" for number in numbers]
        self.listed("\r\n".join(rows) + "\r\n")

    def configure(self, **changes: Any) -> None:
        """Writes the config file; `changes` are keys with __ for the dot."""
        entries = {
            "language": self.language,
            "by_hand.enabled": True,
            "discovery.ranges": ["127.33.0.0/29"],
            "discovery.packets_per_second": 1000,
            "snmp.port": self.port,
            "snmp.timeout_seconds": 0.3,
            "snmp.retries": 1,
            "readings.at": ["00:00"],
        }
        entries |= {name.replace("__", "."): value for name, value in changes.items()}
        language = entries.pop("language")
        text = first_config("de" if language == "de" else "en", entries)
        self.config.write_text(text.replace('language = "auto"', f'language = "{language}"'), encoding="utf-8")

    def listed(self, text: str, encoding: str = "utf-8-sig") -> None:
        """Writes the equipment list."""
        (self.folder / LIST).write_bytes(text.encode(encoding))

    def agent(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command of the agent with this config, in this folder."""
        return subprocess.run(
            [sys.executable, "-m", "agent", *arguments, "--config", str(self.config)],
            capture_output=True,
            text=True,
            timeout=90,
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C", "PYTHONPATH": str(Path(__file__).parents[1]), "COLUMNS": "200"},
        )

    def table(self, name: str) -> list[dict[str, str]]:
        """The rows of an exported file as its German headings name them."""
        text = (self.folder / name).read_bytes().decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))

    def write(self, name: str, rows: list[dict[str, str]], encoding: str = "utf-8-sig", separator: str = ";") -> None:
        """Writes rows as a spreadsheet program would."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)
        (self.folder / name).write_bytes(text.getvalue().encode(encoding))

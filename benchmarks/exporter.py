"""prometheus-snmp-exporter (Go) reads the same printers: its configuration, its process, and a client that scrapes."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.snmp.varbinds import Oid, Tag, Value, Varbinds, dotted
from benchmarks.plan import LIFE_COUNT, SERIAL, Plan
from benchmarks.responder import pinned
from benchmarks.usage import peak_rss_kib

PROGRAM = "prometheus-snmp-exporter"
COUNTERS = {Tag.COUNTER32, Tag.COUNTER64}
TEXTS = {Tag.OCTET_STRING, Tag.OBJECT_IDENTIFIER, Tag.IP_ADDRESS}
ROWS = 40  # max_repetitions, as the other walkers have it


def available() -> bool:
    """Whether the exporter is installed."""
    return shutil.which(PROGRAM) is not None


def version() -> str:
    """What it says it is, in short."""
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).split("version ")[1].split(" ")[0]


def configuration(plan: Plan) -> str:
    """The module `printer`: the plan's single objects by GET, its tables by walk, a metric for every value read."""
    subtrees = plan.subtrees()
    metrics = [_metric(oid, plan.values, 0) for oid in plan.singles()]
    columns = {oid[: len(table) + 1]: oid for table in subtrees for oid in plan.values if oid[: len(table)] == table}
    metrics += [_metric(column, plan.values, len(oid) - len(column), oid) for column, oid in columns.items()]
    module = {
        "version": 2,
        "auth": {"community": "public"},
        "max_repetitions": ROWS,
        "get": [dotted(oid) for oid in plan.singles()],
        "walk": [dotted(oid) for oid in subtrees],
        "metrics": metrics,
    }
    return json.dumps({"printer": module}, indent=1)  # JSON is YAML


def _metric(oid: Oid, values: Varbinds, arcs: int, example: Oid | None = None) -> dict[str, Any]:
    value = values[example or oid]
    return {
        "name": name_of(oid),
        "oid": dotted(oid),
        "type": _type_of(value),
        "help": "what the printer tells here",
        "indexes": [{"labelname": f"index{place}", "type": "gauge"} for place in range(arcs)],
    }


def _type_of(value: Value) -> str:
    """The exporter's word for a type; octets that are no text would make its page unreadable as such."""
    if isinstance(value.content, bytes) and not value.content.isascii():
        return "OctetString"
    if value.tag in TEXTS:
        return "DisplayString"
    return "counter" if value.tag in COUNTERS else "gauge"


def name_of(oid: Oid) -> str:
    """The metric's name: `object_1_3_6…`."""
    return "object_" + "_".join(map(str, oid))


@dataclass(frozen=True, slots=True)
class Exporter:
    """A running exporter: its process and the port it is asked at."""

    process: subprocess.Popen[bytes]
    port: int

    @staticmethod
    def start(folder: Path, plan: Plan, core: int) -> Exporter:
        """Starts it on one core with its configuration in `folder`; returns when it answers."""
        file = folder / "snmp.yml"
        file.write_text(configuration(plan))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [PROGRAM, f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        process = subprocess.Popen(pinned(core, command), env={**os.environ, "GOMAXPROCS": "1"})
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        return Exporter(process, port)

    def stop(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait(timeout=10)

    def read(self, job: dict[str, Any]) -> int:
        """Scrapes the job's printers, so many at once; how many told every value, with the right count."""
        facts = list(zip(job["addresses"], job["lives"], job["serials"], strict=False))
        at_once: int = job["at_once"]

        def share(place: int) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            right = 0
            for address, life, serial in facts[place::at_once]:
                connection.request("GET", f"/snmp?module=printer&target={address}:{job['port']}")
                text = connection.getresponse().read().decode()
                right += is_right(text, life, serial, job["objects"])
            connection.close()
            return right

        with ThreadPoolExecutor(at_once) as pool:
            return sum(pool.map(share, range(at_once)))

    def cpu(self) -> float:
        """Seconds of CPU its process has used so far (/proc/PID/stat: utime and stime)."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_kib(self) -> int:
        """The most memory it has had."""
        return peak_rss_kib(self.process.pid)


def is_right(text: str, life: int, serial: str, objects: int) -> bool:
    """Whether a scrape tells at least so many objects, among them this page count and this serial number."""
    found = [line for line in text.splitlines() if line.startswith("object_")]
    counted = [line.rpartition(" ")[2] for line in found if line.startswith(name_of(LIFE_COUNT[:-2]))]
    return len(found) >= objects and [*map(float, counted)] == [life] and f'{name_of(SERIAL)}="{serial}"' in text

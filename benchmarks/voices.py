"""The recordings that are not SNMP, as rows of the accuracy table: IPP responses and DNS-SD announcements.

Expected is what a decoder that is not the agent's found in an IPP response, and who `index.csv` says a machine is.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.discovery.advertisement import Service, hints_of, preferred, txt_entries, verdict_of
from agent.ipp.interpretation import interpret
from agent.ipp.recording import load_answer
from agent.printers import Endpoint, Identity
from agent.serials import same_serial
from agent.snmp.profile import Profile

KINDS = {"printer": "printer", "cups-share": "cups_share", "usb-proxy": "usb_proxy"}


@dataclass
class Row:
    """One recording: kind of value, right, unknown or wrong, and what is wrong."""

    name: str
    vendor: str
    model: str
    verdicts: list[tuple[str, str, str]] = field(default_factory=list)

    def compare(self, kind: str, told: object, expected: object, what: str) -> None:
        """Notes one value: unknown where nothing is told."""
        verdict = "right" if told == expected else "unknown" if told is None else "wrong"
        self.verdicts.append((kind, verdict, f"{what} {told}, expected {expected}"))


def rows(profile: Profile, folder: Path) -> Iterator[Row]:
    """A row for each IPP response about a printer and each machine that announces itself, where a list names them."""
    if not (folder / "index.csv").exists():
        return
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["file"]: row for row in csv.DictReader(file)}
    for path in sorted(folder.glob("ipp_*/*.bin")):
        row = _row(listed, folder, path)
        if row.vendor != "none" and "get-jobs" not in path.name:
            _responses(profile, path, row)
            yield row
    for path in sorted((folder / "dnssd").glob("*.json")):
        if "_packet" not in path.name:
            row = _row(listed, folder, path)
            _announced(profile, path, row)
            yield row


def _row(listed: dict[str, dict[str, str]], folder: Path, path: Path) -> Row:
    name = path.relative_to(folder).as_posix()
    about = listed.get(name, {})
    return Row(name.rpartition(".")[0], about.get("vendor", "?"), about.get("model", ""))


def _responses(profile: Profile, path: Path, row: Row) -> None:
    expected: dict[str, Any] = json.loads(path.with_suffix(".expected.json").read_text("utf-8"))["attributes"]
    told = interpret(profile, Endpoint("127.0.0.1"), load_answer(path), datetime.now(UTC))
    _who(row, told.identity)
    serial = re.search(r"\bSN:([^;]+)", str(expected.get("printer-device-id")))
    if serial:
        same = same_serial(told.identity.serial_number, serial[1])
        row.compare("identity", serial[1] if same else told.identity.serial_number, serial[1], "serial number")
    impressions = expected.get("printer-impressions-completed", [None])[0]
    total = next((counter.value for counter in told.counters if counter.meter == "total"), None)
    if impressions is not None or total is not None:
        row.compare("counters", total, impressions, "total")
    levels = {supply.description: supply.level.percent for supply in told.supplies}
    for name, level in zip(expected.get("marker-names", []), expected.get("marker-levels", []), strict=True):
        row.compare("supplies", levels.get(name), level if level >= 0 else None, f"{name} %")


def _announced(profile: Profile, path: Path, row: Row) -> None:
    recorded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    services = [
        Service(one["service"], one["instance"], one["host"], one["address"], one["port"], txt_entries(one["txt"]))
        for one in recorded["services"]
    ]
    best = preferred(services) or services[0]
    row.compare("identity", verdict_of(best), KINDS[recorded["_kind"]], "kind")
    _who(row, hints_of(profile, best).identity)


def _who(row: Row, identity: Identity) -> None:
    row.compare("identity", identity.manufacturer, row.vendor, "manufacturer")
    told, expected = (_plain(text, row.vendor) for text in (identity.model, row.model))
    row.compare("identity", expected if told and told.startswith(expected) else told or None, expected, "model")


def _plain(model: str | None, maker: str) -> str:
    """A model without its maker and the words that makers hang on behind or leave away."""
    return re.sub(rf"^{re.escape(maker)} | (series|printer)$", "", model or "", flags=re.IGNORECASE).upper()

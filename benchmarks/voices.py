"""The recordings that are not SNMP, as scores of the accuracy table: IPP responses and DNS-SD announcements.

Expected is what a decoder that is not the agent's found in an IPP response, and who `index.csv` says a machine is.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.discovery.advertisement import Service, hints_of, preferred, txt_entries, verdict_of
from agent.ipp.interpretation import interpret
from agent.ipp.recording import load_answer
from agent.printers import Endpoint, Identity
from agent.serials import same_serial
from agent.snmp.profile import Profile
from benchmarks.score import Score

KINDS = {"printer": "printer", "cups-share": "cups_share", "usb-proxy": "usb_proxy"}


def voices(profile: Profile, folder: Path) -> Iterator[Score]:
    """The score of each IPP response about a printer and each machine that announces itself, as a list names them."""
    if not (folder / "index.csv").exists():
        return
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["file"]: row for row in csv.DictReader(file)}
    for path in sorted(folder.glob("ipp_*/*.bin")):
        score = _opened(listed, folder, path)
        if score.vendor != "none" and "get-jobs" not in path.name:
            _responses(profile, path, score)
            yield score
    for path in sorted((folder / "dnssd").glob("*.json")):
        if "_packet" not in path.name:
            score = _opened(listed, folder, path)
            _announced(profile, path, score)
            yield score


def _opened(listed: dict[str, dict[str, str]], folder: Path, path: Path) -> Score:
    name = path.relative_to(folder).as_posix()
    about = listed.get(name, {})
    return Score(name.rpartition(".")[0], about.get("vendor", "?"), about.get("model", ""))


def _responses(profile: Profile, path: Path, score: Score) -> None:
    expected: dict[str, Any] = json.loads(path.with_suffix(".expected.json").read_text("utf-8"))["attributes"]
    told = interpret(profile, Endpoint("127.0.0.1"), load_answer(path), datetime.now(UTC))
    _who(score, told.identity)
    serial = re.search(r"\bSN:([^;]+)", str(expected.get("printer-device-id")))
    if serial:
        told_serial = told.identity.serial_number
        score.compare("identity", "serial number", told_serial, serial[1], same_serial(told_serial, serial[1]))
    impressions = expected.get("printer-impressions-completed", [None])[0]
    total = next((counter.value for counter in told.counters if counter.meter == "total"), None)
    if impressions is not None or total is not None:
        score.compare("counters", "total", total, impressions)
    levels = {supply.description: supply.level.percent for supply in told.supplies}
    for name, level in zip(expected.get("marker-names", []), expected.get("marker-levels", []), strict=True):
        score.compare("levels", name, levels.get(name), level if level >= 0 else None)


def _announced(profile: Profile, path: Path, score: Score) -> None:
    recorded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    services = [
        Service(one["service"], one["instance"], one["host"], one["address"], one["port"], txt_entries(one["txt"]))
        for one in recorded["services"]
    ]
    best = preferred(services) or services[0]
    score.compare("identity", "kind", verdict_of(best), KINDS[recorded["_kind"]])
    _who(score, hints_of(profile, best).identity)


def _who(score: Score, identity: Identity) -> None:
    score.compare("identity", "manufacturer", identity.manufacturer, score.vendor)
    told, expected = (_plain(text, score.vendor) for text in (identity.model, score.model))
    score.compare("identity", "model", identity.model, score.model, bool(told) and told.startswith(expected))


def _plain(model: str | None, maker: str) -> str:
    """A model without its maker and the words that makers hang on behind or leave away."""
    return re.sub(rf"^{re.escape(maker)} | (series|printer)$", "", model or "", flags=re.IGNORECASE).upper()

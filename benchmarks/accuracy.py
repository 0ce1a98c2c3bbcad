"""How right the readings are: every recording against what is expected of it, as a table (`make accuracy`).

A value is *right* when it equals the expected one, *unknown* when the agent says nothing, *wrong* when it says
something else. Expected are the values of web pages and other programs where a recording has them, else what the
recording itself holds in the standard's places.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.printers import Endpoint
from agent.readout import Readout
from agent.serials import same_serial
from agent.snmp.catalogue import Catalogue, shipped
from agent.snmp.interpretation import identify, interpret
from agent.snmp.recording import load_recording
from agent.snmp.varbinds import Answer, Varbinds
from benchmarks.voices import Row, rows

# What the expected files call a meter -> our meter.
METERS = {
    "total": "total",
    "bw": "monochrome",
    "mono": "monochrome",
    "colour": "full_color",
    "large_bw": "large_monochrome",
    "large_colour": "large_full_color",
    "page_counter": "total",
    "bw_counter": "monochrome",
    "color_counter": "full_color",
    "duplex_unit_pages_counter": "duplex_total",
}
SAME_PERCENT = 0.6  # expected files round to whole or tenth percent


@dataclass
class Score:
    """One recording: how many values of a kind are right, unknown and wrong, and which are wrong."""

    name: str
    vendor: str
    model: str
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def note(self, kind: str, verdict: str, what: str = "") -> None:
        """Counts one value; a wrong one is named."""
        self.counts.setdefault(kind, Counter())[verdict] += 1
        if verdict == "wrong":
            self.wrong.append(what)


def main() -> int:
    """Reads all recordings below the folder given first and writes the table to the file given second."""
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    catalogue = shipped()
    scores = [scored(catalogue, file, folder) for file in sorted(folder.rglob("*.snmprec"))]
    scores += [of_row(row) for row in rows(catalogue.generic, folder)]
    output.write_text(page(scores), encoding="utf-8")
    wrong = sum(len(score.wrong) for score in scores)
    print(f"{len(scores)} recordings, {wrong} wrong values, written to {output}")
    return 1 if wrong else 0


def of_row(row: Row) -> Score:
    """The score of a recording that is not SNMP."""
    score = Score(row.name, row.vendor, row.model)
    for kind, verdict, what in row.verdicts:
        score.note(kind, verdict, what)
    return score


def scored(catalogue: Catalogue, file: Path, folder: Path) -> Score:
    """One recording read and compared."""
    described = file.with_suffix(".expected.json")
    expected: dict[str, Any] = json.loads(described.read_text("utf-8")) if described.exists() else {}
    derived: dict[str, Any] = expected.get("derived", expected)
    readout = understood(catalogue, file)
    name = file.relative_to(folder).with_suffix("").as_posix()
    vendor = str(expected.get("vendor") or "?").partition(" (")[0]
    score = Score(name, vendor, str(derived.get("model_by_hand") or ""))
    _identity(score, readout, expected, derived)
    _counters(score, readout, expected, derived)
    _supplies(score, readout, derived)
    return score


def understood(catalogue: Catalogue, file: Path) -> Readout:
    """The readout of a recording, as `read FILE.snmprec` has it."""
    varbinds = load_recording(file).varbinds
    identity, _ = identify(catalogue.generic, varbinds)
    answer = Answer(varbinds, "recording", 0)
    now = datetime.now(UTC)
    return interpret(catalogue.choose(identity, varbinds), Endpoint("127.0.0.1"), Varbinds(), answer, now)


def _identity(score: Score, readout: Readout, expected: dict[str, Any], derived: dict[str, Any]) -> None:
    maker = readout.identity.manufacturer
    if score.vendor not in ("?", "none"):
        verdict = "unknown" if maker is None else "right" if maker.lower() == score.vendor.lower() else "wrong"
        score.note("identity", verdict, f"manufacturer {maker}, expected {score.vendor}")
    serials = [str(value) for value in (derived.get("serials") or {}).values() if value]
    serials += [str(expected["serial"])] if expected.get("serial") else []
    serials = [serial for serial in serials if same_serial(serial, serial)]
    if serials:
        serial = readout.identity.serial_number_raw
        same = any(same_serial(serial, one) for one in serials)
        verdict = "unknown" if serial is None else "right" if same else "wrong"
        score.note("identity", verdict, f"serial number {serial}, expected {' or '.join(serials)}")


def _counters(score: Score, readout: Readout, expected: dict[str, Any], derived: dict[str, Any]) -> None:
    wanted: dict[str, int] = {}
    for place in ("counters", "sensors"):
        for name, value in (expected.get(place) or {}).items():
            if name in METERS and isinstance(value, int):
                wanted[METERS[name]] = value
    life = (derived.get("standard_counters") or {}).get("prtMarkerLifeCount.1.1")
    billed = [value for name, value in (derived.get("vendor_counters_labelled") or {}).items() if "billing" in name]
    if "total" not in wanted and (billed or life):
        wanted["total"] = billed[0] if billed else life["value"]
    if "lexmark type 2 (totalSafe) unit sides" in " ".join(derived.get("vendor_counters_labelled") or {}):
        safe = [v for n, v in derived["vendor_counters_labelled"].items() if "type 2 " in n and "unit sides" in n]
        wanted["total"] = safe[0]
    read = {counter.meter: counter.value for counter in readout.counters}
    for meter, value in wanted.items():
        verdict = "unknown" if meter not in read else "right" if read[meter] == value else "wrong"
        score.note("counters", verdict, f"{meter} {read.get(meter)}, expected {value}")


def _supplies(score: Score, readout: Readout, derived: dict[str, Any]) -> None:
    read = {supply.slot: supply for supply in readout.supplies}
    for wanted in derived.get("supplies") or []:
        supply = read.get(str(wanted.get("index")))
        percent = wanted.get("percent")
        told = supply.level.percent if supply else None
        if percent is None:
            verdict = "right" if told is None else "wrong"
        else:
            verdict = "unknown" if told is None else "right" if abs(told - percent) <= SAME_PERCENT else "wrong"
        score.note("supplies", verdict, f"supply {wanted.get('index')} {told} %, expected {percent} %")


def page(scores: list[Score]) -> str:
    """The whole table."""
    vendors = sorted({score.vendor for score in scores})
    lines = [
        "# Accuracy",
        "",
        "Made by `make accuracy RECORDINGS=DIR`; never edited by hand. Each cell is right / unknown / wrong.",
        "",
        "| vendor | recordings | identity | counters | supplies |",
        "|---|--:|--:|--:|--:|",
    ]
    for vendor in [*vendors, "all"]:
        of_vendor = [score for score in scores if vendor in (score.vendor, "all")]
        lines.append(f"| {vendor} | {len(of_vendor)} | {' | '.join(_cells(of_vendor))} |")
    lines += ["", "| recording | model | identity | counters | supplies | wrong |", "|---|---|--:|--:|--:|---|"]
    for score in scores:
        lines.append(f"| {score.name} | {score.model} | {' | '.join(_cells([score]))} | {'; '.join(score.wrong)} |")
    return "\n".join(lines) + "\n"


def _cells(scores: list[Score]) -> list[str]:
    cells = []
    for kind in ("identity", "counters", "supplies"):
        total: Counter[str] = sum((score.counts.get(kind, Counter()) for score in scores), Counter())
        cells.append(f"{total['right']} / {total['unknown']} / {total['wrong']}" if total else "–")
    return cells


if __name__ == "__main__":
    sys.exit(main())

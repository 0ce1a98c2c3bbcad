"""How right the readings are: every recording against what is expected of it, as a table (`make accuracy`).

Expected are the values of web pages and other programs where a recording has them, else what the recording itself
holds in the standard's places.
"""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.printers import Endpoint
from agent.readout import Readout
from agent.snmp.catalogue import Catalogue, shipped
from agent.snmp.interpretation import identify, interpret
from agent.snmp.recording import load_recording
from agent.snmp.varbinds import Answer, Varbinds
from agent.supplies.levels import Supply
from benchmarks.identities import compare_identity
from benchmarks.score import Score, page
from benchmarks.voices import voices

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
    "highlight_colour": "full_color_highlight",
    "business_colour": "full_color_business",
    "graphics_colour": "full_color_graphics",
    "level1": "level_1",
    "level2": "level_2",
    "level3": "level_3",
    "print_total": "print_total",
    "copy_total": "copy_total",
    "report_total": "report_total",
    "scan_total": "scan_total",
    "digital_send": "scan_sent",
}
# What the expected files call a labelled counter of a maker, without its place in brackets -> our meter.
LABELS = {
    "kyocera billing total printed": "total",
    "kyocera print total": "print_total",
    "kyocera copy total": "copy_total",
    "kyocera fax total": "fax_total",
    "kyocera print b/w": "print_monochrome",
    "kyocera print mono colour": "print_highlight_color",
    "kyocera print full colour": "print_full_color",
    "kyocera copy b/w": "copy_monochrome",
    "kyocera copy mono colour": "copy_highlight_color",
    "kyocera copy full colour": "copy_full_color",
    "kyocera fax b/w": "fax_monochrome",
    "kyocera duplex": "duplex_total",
    "konica total": "total",
    "konica largeSize": "large_total",
    "konica duplex": "duplex_total",
    "konica totalSheets": "total_sheets",
    "konica func 2 colour 1 total": "print_monochrome",
    "konica func 2 colour 2 total": "print_full_color",
    "konica func 2 colour 3 total": "print_highlight_color",
    "konica func 2 colour 1 duplex": "print_duplex_monochrome",
    "konica func 2 colour 2 duplex": "print_duplex_full_color",
    "konica func 2 colour 1 large": "print_large_monochrome",
    "konica func 2 colour 2 large": "print_large_full_color",
    "konica func 2 colour 1 largeDuplex": "large_duplex_monochrome",
    "konica func 2 colour 2 largeDuplex": "large_duplex_full_color",
    "konica largeDuplex": "large_duplex_total",
    "hp total engine": "total",
    "hp mono": "monochrome",
    "hp duplex sheets": "duplex_total",
    "lexmark type 2 (totalSafe) unit sides": "total",
    "lexmark type 3 (totalMonoSafe) unit sides": "monochrome",
    "lexmark type 4 (totalColorSafe) unit sides": "full_color",
    "lexmark type 17 (printMono) unit sides": "print_monochrome",
    "lexmark type 18 (printColor) unit sides": "print_full_color",
    "lexmark type 33 (copyMono) unit sides": "copy_monochrome",
    "lexmark type 34 (copyColor) unit sides": "copy_full_color",
    "Total Impressions": "total",
    "Black Impressions": "monochrome",
    "Color Impressions": "full_color",
    "Large Impressions": "large_total",
    "Black Large Impressions": "large_monochrome",
    "Color Large Impressions": "large_full_color",
    "Black Printed Impressions": "print_monochrome",
    "Color Printed Impressions": "print_full_color",
    "Black Copied Impressions": "copy_monochrome",
    "Color Copied Impressions": "copy_full_color",
    "Fax Impressions": "fax_total",
    "Black & White Total Count": "monochrome",
    "Full Color Total Count": "full_color",
    "Prints": "print_total",
    "Black & White Print Count": "print_monochrome",
    "Full Color Print Count": "print_full_color",
    "Copies": "copy_total",
    "Black & White Copy Count": "copy_monochrome",
    "Full Color Copy Count": "copy_full_color",
    "Duplex": "duplex_total",
    "Scan to E-mail/FTP": "scan_total",
    "lexmark type 2 (totalSafe) unit sheets": "total_sheets",
    "lexmark type 16 (printTotal) unit sheets": "print_sheets",
    "lexmark type 32 (copyTotal) unit sheets": "copy_sheets",
    "lexmark type 48 (faxTotal) unit sheets": "fax_sheets",
    "lexmark type 49 (faxMono) unit sides": "fax_monochrome",
    "lexmark type 50 (faxColor) unit sides": "fax_full_color",
    "lexmark type 64 (blankTotal) unit sides": "blank_total",
    "lexmark type 90 (highlightColor) unit sides": "full_color_highlight",
    "lexmark type 91 (businessColor) unit sides": "full_color_business",
    "lexmark type 92 (graphicsColor) unit sides": "full_color_graphics",
    "lexmark type 132 (?) unit sides": "scan_sides",
    "Faxed Impressions": "fax_total",
    "Embedded Fax Impressions": "fax_total",
    "Embedded Fax Sheets": "fax_sheets",
    "Embedded Fax 2 Sided Sheets": "fax_duplex_sheets",
    "Embedded Fax Images Sent": "fax_sent",
    "Embedded Fax Images Received": "fax_received",
    "Sheets": "total_sheets",
    "2 Sided Sheets": "duplex_sheets",
    "Printed Sheets": "print_sheets",
    "Printed 2 Sided Sheets": "print_duplex_sheets",
    "Copied Sheets": "copy_sheets",
    "Copied 2 Sided Sheets": "copy_duplex_sheets",
    "Network Scanning Images Sent": "scan_network",
    "Network Images Sent": "scan_network",
    "E-mail Images Sent": "scan_email",
    "Scanned Images Stored": "scan_stored",
    "Black + Color Level 1 Impressions": "level_1",
    "Color Level 2 Impressions": "level_2",
    "Color Level 3 Impressions": "level_3",
    "Two Color Total Count": "two_color",
    "Single Color Total Count": "highlight_color",
    "Two Color Copy Count": "copy_two_color",
    "Single Color Copy Count": "copy_highlight_color",
    "Black & White Other Count": "other_monochrome",
    "Full Color Other Count": "other_full_color",
    "Document Feeder": "feeder_total",
    "Black & White Scanner Count": "scan_monochrome",
    "Full Color Scanner Count": "scan_full_color",
    "Scan to HDD": "scan_stored",
    "Prints (Document Filing)": "filed_total",
    "Black Printed Sheets": "print_monochrome_sheets",
    "Black Printed 2 Sided Sheets": "print_duplex_monochrome_sheets",
    "Black Printed Large Sheets": "print_large_monochrome_sheets",
    "Black Copied Sheets": "copy_monochrome_sheets",
    "Black Copied 2 Sided Sheets": "copy_duplex_monochrome_sheets",
    "Black Copied Large Sheets": "copy_large_monochrome_sheets",
    "Color Printed Sheets": "print_full_color_sheets",
    "Color Printed 2 Sided Sheets": "print_duplex_full_color_sheets",
    "Color Printed Large Sheets": "print_large_full_color_sheets",
    "Color Copied Sheets": "copy_full_color_sheets",
    "Color Copied 2 Sided Sheets": "copy_duplex_full_color_sheets",
    "Color Copied Large Sheets": "copy_large_full_color_sheets",
    "Total 1": "total",
    "Copy (Total 1)": "copy_total",
    "Print (Total 1)": "print_total",
}
SENSOR = re.compile(r"^(?:(black|cyan|magenta|yellow)_)?(toner|ink|drum|fuser|belt_unit)_remaining(?:_life)?$")
SENSOR_TYPES = {"drum": "opc", "belt_unit": "transfer_unit"}
SAME_PERCENT = 0.6  # expected files round to whole or tenth percent
STANDARD_LEVEL = "1.3.6.1.2.1.43.11.1.1.9"
WEB_PERCENT = 5  # a page of the printer may show steps of ten
WEB_WORDS = {"drum": "opc"}


def main() -> int:
    """Reads all recordings below the folder given first and writes the table to the file given second."""
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    scores = all_scores(folder)
    output.write_text(page(scores), encoding="utf-8")
    wrong = sum(score.wrong() for score in scores)
    print(f"{len(scores)} recordings, {wrong} wrong values, written to {output}")
    return 1 if wrong else 0


def all_scores(folder: Path) -> list[Score]:
    """The score of every recording in a folder, whatever it speaks."""
    catalogue = shipped()
    return [scored(catalogue, file, folder) for file in sorted(folder.rglob("*.snmprec"))] + [
        *voices(catalogue.generic, folder)
    ]


def scored(catalogue: Catalogue, file: Path, folder: Path) -> Score:
    """One recording read and compared."""
    described = file.with_suffix(".expected.json")
    expected: dict[str, Any] = json.loads(described.read_text("utf-8")) if described.exists() else {}
    derived: dict[str, Any] = expected.get("derived", expected)
    readout = understood(catalogue, file)
    name = file.relative_to(folder).with_suffix("").as_posix()
    vendor = str(expected.get("vendor") or "?").partition(" (")[0]
    score = Score(name, vendor, str(derived.get("model_by_hand") or ""))
    compare_identity(score, readout.identity, expected, derived, file)
    _counters(score, readout, expected, derived)
    _supplies(score, catalogue, readout, derived)
    _sensors(score, readout, expected)
    _web_page(score, readout, expected)
    return score


def understood(catalogue: Catalogue, file: Path) -> Readout:
    """The readout of a recording, as `read FILE.snmprec` has it."""
    varbinds = load_recording(file).varbinds
    identity, _ = identify(catalogue.generic, varbinds)
    answer = Answer(varbinds, "recording", 0)
    now = datetime.now(UTC)
    return interpret(catalogue.choose(identity, varbinds), Endpoint("127.0.0.1"), Varbinds(), answer, now)


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
    for label, value in (derived.get("vendor_counters_labelled") or {}).items():
        name = " ".join(label.partition(" [")[0].split())
        if name in LABELS and isinstance(value, int) and value >= 0:
            wanted.setdefault(LABELS[name], value)
    read = {counter.meter: counter.value for counter in readout.counters}
    for meter, value in wanted.items():
        score.compare("counters", meter, read.get(meter), value)


def _supplies(score: Score, catalogue: Catalogue, readout: Readout, derived: dict[str, Any]) -> None:
    words = catalogue.generic.words
    read = {supply.slot: supply for supply in readout.supplies}
    for wanted in derived.get("supplies") or []:
        slot = str(wanted.get("index"))
        supply = read.get(slot)
        standard = supply is not None and supply.source == f"{STANDARD_LEVEL}.{slot}"
        if standard or wanted.get("percent") is not None:  # of a maker's own table the standard's row knows nothing
            _level(score, slot, supply.level.percent if supply else None, wanted.get("percent"))
        if supply is None:
            continue  # one supply in two rows is listed once
        if "type" in wanted:
            score.compare("supplies", f"type of {slot}", supply.type, words.supply_type.get(wanted["type"]))
        if "unit" in wanted:
            score.compare("supplies", f"unit of {slot}", supply.unit, words.supply_unit.get(wanted["unit"]))
        if wanted.get("colorant") and wanted["colorant"] not in ("other", "none", "unknown"):
            color = catalogue.generic.colorants.named_in(wanted["colorant"]) or wanted["colorant"]
            score.compare("supplies", f"colorant of {slot}", supply.colorant, color)
        if number := re.search(r"\bPN[# ]?(\w*\d\w*)", str(wanted.get("descr"))):
            score.compare("supplies", f"part number of {slot}", supply.part_number, number[1])


def _level(score: Score, what: str, told: float | None, percent: float | None, apart: float = SAME_PERCENT) -> None:
    same = percent is not None and told is not None and abs(told - percent) <= apart
    score.compare("levels", f"{what}, %", told, percent, same or (told is None and percent is None))


def _sensors(score: Score, readout: Readout, expected: dict[str, Any]) -> None:
    """Levels as another program reads them from the maker's own objects."""
    for name, value in (expected.get("sensors") or {}).items():
        found = SENSOR.match(name)
        if not found or not isinstance(value, int):
            continue
        kind = SENSOR_TYPES.get(found[2], found[2])
        fitting = [one for one in readout.supplies if (one.type, one.colorant) == (kind, found[1])]
        _level(score, name, fitting[0].level.percent if len(fitting) == 1 else None, value)


def _web_page(score: Score, readout: Readout, expected: dict[str, Any]) -> None:
    """Levels as the printer's own page shows them."""
    for name, value in (expected.get("supplies_web_percent") or {}).items():
        words = {WEB_WORDS.get(word, word) for word in name.lower().split()}
        fitting = _named(readout, words) or _named(readout, words - {"black"})  # one toner alone has no color
        told = fitting[0].level.percent if len(fitting) == 1 else None
        _level(score, f"{name} (web page)", told, value, WEB_PERCENT)


def _named(readout: Readout, words: set[str]) -> list[Supply]:
    """The supplies that have all these words as type, colorant or part of their description."""
    return [
        supply
        for supply in readout.supplies
        if words <= {str(supply.type), str(supply.colorant), *re.findall(r"\w+", supply.description.lower())}
    ]


if __name__ == "__main__":
    sys.exit(main())

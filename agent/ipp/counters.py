"""Page counters over IPP: what a printer says it has completed (PWG 5100.22 section 7.7).

The counts belong to the print service. Nothing obliges a printer to count copies and fax pages there too or to keep
the count when it restarts, so it is a total of last resort.
"""

from __future__ import annotations

from agent.ipp.witness import Witness
from agent.meters import Counter, Finding, Unit
from agent.texts import message

PROFILE = "ipp-1"
IMPRESSIONS = "printer-impressions-completed"
SHEETS = "printer-media-sheets-completed"
PAGES = "printer-pages-completed"
# Member of the -col collections -> our meter (PWG 5100.7 job-impressions-col).
CLASSES = {"monochrome": "monochrome", "full-color": "full_color", "highlight-color": "highlight_color"}
TWO_SIDED = "-two-sided"


def read_counters(witness: Witness) -> tuple[list[Counter], list[Finding]]:
    """The counters that the printer tells, and what is odd about them.

    Impressions alone become a total. Sheets and pages (of the documents) are other quantities: they are shown under
    their own names and never stand in for it.
    """
    counters: list[Counter] = []
    findings: list[Finding] = []
    units: tuple[tuple[str, str, Unit], ...] = (
        (IMPRESSIONS, "total", "impressions"),
        (SHEETS, "sheets_total", "sheets"),
        (PAGES, "document_pages_total", "unknown"),
    )
    for attribute, meter, unit in units:
        told = witness.number(attribute)
        if told is not None and told < 0:
            findings.append(Finding("negative_counter", message("The counter {meter} is negative.", meter=meter)))
        elif told is not None:
            counters.append(_counter(meter, "any", unit, told, attribute))
    total = next((counter for counter in counters if counter.meter == "total"), None)
    if total:
        said = message("The total is the printer's count over IPP, which may lack copies and fax pages.")
        findings.append(Finding("ipp_count_as_total", said))
    classes, odd = _classes(witness, total)
    return [*counters, *classes], [*findings, *odd]


def _classes(witness: Witness, total: Counter | None) -> tuple[list[Counter], list[Finding]]:
    """The colour classes of the impressions, where it is certain what the two-sided ones mean.

    Whether `monochrome` contains `monochrome-two-sided` is not the same on all printers: the sum that makes the total
    decides, and where neither does, there are no classes.
    """
    collection = f"{IMPRESSIONS}-col"
    members = {name: value for name, value in witness.members(collection).items() if value >= 0}
    one_sided = {name: value for name, value in members.items() if not name.endswith(TWO_SIDED)}
    two_sided = {name.removesuffix(TWO_SIDED): value for name, value in members.items() if name.endswith(TWO_SIDED)}
    apart = sum(members.values())
    within = sum(one_sided.values())
    if not any(name in members for name in CLASSES):
        return [], []
    if any(two_sided.values()):
        if total is None or total.value not in (apart, within):
            return [], [_unclear(apart, within, total)]
        if total.value == apart:
            one_sided = {name: one_sided.get(name, 0) + two_sided.get(name, 0) for name in {*one_sided, *two_sided}}
    counters = [
        _counter(meter, meter, "impressions", one_sided[member], f"{collection}/{member}")
        for member, meter in CLASSES.items()
        if member in one_sided
    ]
    mismatch = total is not None and total.value not in (apart, within)
    return counters, [_mismatch(within, total)] if mismatch and total else []


def _counter(meter: str, color: str, unit: Unit, value: int, source: str) -> Counter:
    return Counter(meter, "total", color, "any", unit, value, f"ipp:{source}", PROFILE)


def _mismatch(parts: int, total: Counter) -> Finding:
    said = message("Black and color make {sum}, the total is {total}.", sum=parts, total=total.value)
    return Finding("sum_mismatch", said)


def _unclear(apart: int, within: int, total: Counter | None) -> Finding:
    said = message(
        "The color classes over IPP make {within} or {apart}, the total is {total}: they are left out.",
        within=within,
        apart=apart,
        total=total.value if total else None,
    )
    return Finding("sum_mismatch", said)

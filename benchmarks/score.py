"""Whether what was read of a recording is what was expected, value by value, and the page that shows it.

A value is *right* when it is the expected one, *unknown* when the agent says nothing, *wrong* when it says something
else. Nothing is left out: what is expected to be unknown and was told all the same is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

KINDS = ("identity", "counters", "levels", "supplies")


@dataclass(frozen=True)
class Value:
    """One value of a recording: what it is, what was expected, what was read, and what that makes it.

    `remark` says why a person expects something else than the recording's description has.
    """

    kind: str
    what: str
    expected: str
    read: str
    verdict: str
    remark: str = ""


@dataclass
class Score:
    """All values of one recording."""

    name: str
    vendor: str
    model: str
    values: list[Value] = field(default_factory=list)

    def compare(self, kind: str, what: str, read: object, expected: object, same: bool | None = None) -> None:
        """Notes one value; `same` where being equal is not what decides."""
        alike = read == expected if same is None else same
        verdict = "right" if alike else "unknown" if read is None else "wrong"
        self.values.append(Value(kind, what, _shown(expected), _shown(read), verdict))

    def remark(self, text: str) -> None:
        """Says of the value noted last why a person expects just that."""
        last = self.values.pop()
        self.values.append(Value(last.kind, last.what, last.expected, last.read, last.verdict, text))

    def wrong(self) -> int:
        """How many values are wrong."""
        return sum(value.verdict == "wrong" for value in self.values)


def page(scores: list[Score]) -> str:
    """Totals per maker, totals per recording, and each value of each recording."""
    lines = [
        "# Accuracy",
        "",
        "Made by `make accuracy RECORDINGS=DIR`; never edited by hand. Each cell is right / unknown / wrong.",
        "*Identity* is manufacturer, model, serial number and firmware; *levels* are percentages of supplies;",
        "*supplies* are their type, unit, colorant and part number. Each recording's own values stand below its name.",
        "",
        "| vendor | recordings | identity | counters | levels | supplies |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for vendor in [*sorted({score.vendor for score in scores}), "all"]:
        of_vendor = [score for score in scores if vendor in (score.vendor, "all")]
        lines.append(f"| {vendor} | {len(of_vendor)} | {' | '.join(_cells(of_vendor))} |")
    lines += ["", "| recording | model | identity | counters | levels | supplies |", "|---|---|--:|--:|--:|--:|"]
    lines += [f"| {score.name} | {score.model} | {' | '.join(_cells([score]))} |" for score in scores]
    for score in scores:
        lines += ["", f"## {score.name}", "", *_values(score)]
    return "\n".join(lines) + "\n"


def _cells(scores: Iterable[Score]) -> list[str]:
    """Right / unknown / wrong of each kind, over these recordings."""
    counted = Counter((value.kind, value.verdict) for score in scores for value in score.values)
    cells = []
    for kind in KINDS:
        counts = [counted[kind, verdict] for verdict in ("right", "unknown", "wrong")]
        cells.append(" / ".join(map(str, counts)) if any(counts) else "–")
    return cells


def _values(score: Score) -> list[str]:
    if not score.values:
        return ["Nothing is expected of it, so nothing is compared."]
    lines = ["| kind | value | expected | read | |", "|---|---|---|---|---|"]
    for value in score.values:
        verdict = value.verdict if value.verdict == "right" else f"**{value.verdict}**"
        told = f"{verdict}: {value.remark}" if value.remark else verdict
        lines.append(f"| {value.kind} | {value.what} | {value.expected} | {value.read} | {told} |")
    return lines


def _shown(value: object) -> str:
    """A value as a cell of the page: on one line, nothing that ends the cell."""
    text = "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return "".join(sign if sign.isprintable() else "�" for sign in text).replace("|", "\\|")

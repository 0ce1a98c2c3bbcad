"""docs/performance.md: rows of figures against their targets, and the page that holds them."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contest import Sample

ABSENT = "–"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `met` is `None` where there is no target or nothing valid was measured."""

    what: str
    ours: str
    peer: str = ABSENT
    ratio: str = ABSENT
    target: str = ABSENT
    met: bool | None = None
    spread: str = ABSENT

    def cells(self) -> str:
        """The line in Markdown."""
        met = {True: "yes", False: "**no**", None: ABSENT}[self.met]
        return f"| {' | '.join((self.what, self.ours, self.peer, self.ratio, self.target, met, self.spread))} |"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of several rounds: its median and its ends."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.values)

    def shown(self, form: str = "{:.2f}") -> str:
        """The median."""
        return form.format(self.median)

    def spread(self, form: str = "{:.2f}") -> str:
        """Least and most."""
        return f"{form.format(min(self.values))} … {form.format(max(self.values))}"


def figure(values: Sequence[float]) -> Figure:
    """The figure of these rounds, at least one."""
    return Figure(tuple(values))


def quotients(ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Ours divided by theirs, round by round: what disturbs a round disturbs both."""
    return Figure(tuple(one / other for one, other in zip(ours, theirs, strict=True)))


def void(what: str, target: str, samples: Sequence[Sample]) -> Row:
    """The row of a contender that did not bring every value home."""
    read = min(sample.read for sample in samples)
    return Row(what, f"void: {read} of {samples[0].printers} printers read rightly", target=target)


def machine() -> str:
    """What this runs on, without names: processor, cores, system, Python."""
    about = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.partition(":")[2].strip() for line in about.splitlines() if line.startswith("model name")]
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    model = models[0] if models else platform.machine()
    return f"{model}, {len(models) or '?'} cores, {system}, Python {platform.python_version()}"


def page(head: Sequence[str], rows: Sequence[Row], notes: Sequence[str]) -> str:
    """The whole document."""
    table = ["| what | ours | peer | ratio | target | met | spread |", "|---|--:|--:|--:|--:|:-:|--:|"]
    return "\n".join([*head, "", *table, *(row.cells() for row in rows), *notes]) + "\n"

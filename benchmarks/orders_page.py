"""`make orders`: order rules on generated fleets, side by side, and whether forecasts hold: writes docs/orders.md."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from datetime import date
from functools import partial
from pathlib import Path

from agent.simulation.contenders import Ours, Threshold
from agent.simulation.generated import TELLINGS, Horizon, Telling, Workplace, fleet
from agent.simulation.trial import Keeper, Tally, run
from agent.supplies.policy import OrderRules
from agent.supplies.working_days import working_days
from benchmarks.calibration import Claim, claims, held, reliability
from benchmarks.field_rules import ByTwoLevels

TEMPLATE = Path(__file__).with_name("orders.md")
FIRST = date(2022, 1, 3)
SEEDS, HELD_BACK = (1, 2), 7  # nothing was tried on the last one
PART = 20  # printers at a time in one process
GROUPS: Mapping[str, tuple[Telling, ...]] = {
    "all": tuple(name for name, _ in TELLINGS),
    "percent and tens": ("percent", "tens"),
    "thirds, low, empty": ("thirds", "low_and_empty", "empty_only"),
}
DEFAULTS = OrderRules(armed=True)
FIXED = tuple(f"fixed {percent} %" for percent in (10, 15, 20, 30, 40, 50))
OURS = "ours"


@dataclass(frozen=True, slots=True)
class Size:
    """How large: printers per fleet and in the calibration, days."""

    printers: int = 500
    calibrated: int = 80
    days: int = 1096
    seeds: tuple[int, ...] = (*SEEDS, HELD_BACK)

    @property
    def horizon(self) -> Horizon:
        """Working days as in Hesse."""
        return Horizon(FIRST, self.days, working_days("DE", "HE"))


def keepers(horizon: Horizon) -> dict[str, Callable[[], Keeper]]:
    """The rules by their names."""
    return {
        **{name: partial(Threshold, float(name.split()[1])) for name in FIXED},
        "fixed 10 %, -3 is 10 %": partial(Threshold, 10.0, some_left=10.0),
        "7 days left, by two levels": ByTwoLevels,
        OURS: partial(Ours, horizon, DEFAULTS),
        "ours, cautious": partial(Ours, horizon, OrderRules(True, risk=0.005, safety_days=6, mostly_used_percent=65.0)),
        "ours, sparing": partial(Ours, horizon, OrderRules(True, risk=0.05, safety_days=2)),
        "ours, no page counters": partial(Ours, horizon, DEFAULTS, counts=False),
        "ours, nothing learnt from earlier cartridges": partial(Ours, horizon, DEFAULTS, learns=False),
    }


Results = dict[str, dict[str, Tally]]  # by rule and group


def _part(size: Size, seed: int, first: int) -> Results:
    """Some printers of a fleet under every rule."""
    horizon = size.horizon
    made = keepers(horizon)
    results: Results = {rule: {group: Tally() for group in GROUPS} for rule in made}
    for place in fleet(seed, min(PART, size.printers - first), horizon, first):
        for rule, make in made.items():
            tally = run(place, horizon, make())
            for group in _groups(place):
                results[rule][group].add(tally)
    return results


def _groups(place: Workplace) -> Iterable[str]:
    return [group for group, tellings in GROUPS.items() if place.slots[0].telling in tellings]


def _claimed(size: Size, seed: int, first: int) -> list[Claim]:
    """The forecasts for some printers."""
    horizon = size.horizon
    places = fleet(seed, min(PART, size.calibrated - first), horizon, first)
    return [claim for place in places for claim in claims(place, horizon, DEFAULTS)]


def measured(size: Size) -> tuple[dict[int, Results], list[Claim]]:
    """Everything, by as many processes as there are processors."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        running = {
            seed: [pool.submit(_part, size, seed, first) for first in range(0, size.printers, PART)]
            for seed in size.seeds
        }
        forecasts = [pool.submit(_claimed, size, size.seeds[-1], first) for first in range(0, size.calibrated, PART)]
        by_seed = {seed: _sum(one.result() for one in parts) for seed, parts in running.items()}
        return by_seed, [claim for one in forecasts for claim in one.result()]


def _sum(parts: Iterable[Results]) -> Results:
    whole: Results = {}
    for part in parts:
        for rule, groups in part.items():
            for group, tally in groups.items():
                whole.setdefault(rule, {}).setdefault(group, Tally()).add(tally)
    return whole


HEAD = (
    "| rule | stock-outs per 1,000 cartridges | days without per 1,000 | pages thrown away |"
    " double orders per 1,000 | days on the shelf | orders |\n|---|--:|--:|--:|--:|--:|--:|"
)


def table(results: Results, group: str) -> str:
    """One table."""
    lines = [HEAD]
    for rule, groups in results.items():
        one = groups[group]
        lives = max(one.lives, 1)
        lines.append(
            f"| {rule} | {1000 * one.dry / lives:.1f} | {1000 * one.dry_days / lives:.0f} |"
            f" {100 * one.wasted / max(one.pages, 1):.2f} % | {1000 * one.doubles / lives:.1f} |"
            f" {one.shelf_days / lives:.1f} | {one.orders} |"
        )
    return "\n".join(lines)


def verdict(results: Results, group: str) -> str:
    """Ours against the fixed threshold that other systems usually have."""
    mine, peer = results[OURS][group], results["fixed 20 %"][group]
    if not mine.lives or not peer.lives or not peer.dry:
        return f"- {group}: too little was printed to tell."
    ratio = mine.dry / mine.lives / (peer.dry / peer.lives)
    return (
        f"- {group}: {ratio:.2f} of the stock-outs of *fixed 20 %*, {mine.shelf_days / mine.lives:.1f} days on the"
        f" shelf against {peer.shelf_days / peer.lives:.1f}, {mine.doubles} double orders against {peer.doubles}."
    )


def intervals(made: Sequence[Claim]) -> str:
    """How many intervals held the day, by how printers tell their level."""
    lines = [
        "| the printer tells | forecasts | held | ended sooner | ended later | of those due within 30 days | held |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for telling, _ in TELLINGS:
        those = [claim for claim in made if claim.telling == telling]
        whole, near = held(those), held(claim for claim in those if claim.is_near)
        lines.append(
            f"| {telling.replace('_', ' ')} | {whole.claims} | {whole.held:.0%} | {whole.sooner:.0%} |"
            f" {whole.later:.0%} | {near.claims} | {near.held:.0%} |"
        )
    return "\n".join(lines)


def chances(made: Sequence[Claim]) -> str:
    """What was said and what came true."""
    lines = ["| printers | chance said | forecasts | mean said | came true |", "|---|--:|--:|--:|--:|"]
    for group in list(GROUPS)[1:]:
        for low, high, count, said, true in reliability([one for one in made if one.telling in GROUPS[group]]):
            lines.append(f"| {group} | {low:.1%} to {min(high, 1):.1%} | {count} | {said:.1%} | {true:.1%} |")
    return "\n".join(lines)


def page(size: Size, by_seed: Mapping[int, Results], made: Sequence[Claim]) -> str:
    """The whole document."""
    tuned = [seed for seed in by_seed if seed != HELD_BACK]
    parts: list[str] = []
    for seeds, name in ((tuned, "Fleets that were looked at"), ([HELD_BACK], "The fleet that was held back")):
        found = [by_seed[seed] for seed in seeds if seed in by_seed]
        if not found:
            continue
        whole = _sum(found)
        parts.append(f"### {name} ({len(found)} × {size.printers} printers, {size.days} days)")
        parts.append("\n".join(verdict(whole, group) for group in GROUPS))
        parts += [f"**{group}**\n\n{table(whole, group)}" for group in GROUPS]
    text = TEMPLATE.read_text("utf-8")
    filled = {
        "how": "" if size.printers == Size().printers else f" with `PRINTERS={size.printers}`",
        "rules": rules_table(),
        "tables": "\n\n".join(parts),
        "intervals": intervals(made),
        "chances": chances(made),
        "calibrated": str(size.calibrated),
    }
    for name, value in filled.items():
        text = text.replace("{" + name + "}", value)
    return text


RULES = {
    "armed": "whether anything is ordered at all, or only said",
    "risk": "the chance of running dry before the order is there that is taken",
    "lead_days": "working days from an order to the printer",
    "safety_days": "working days that are added to them",
    "mostly_used_percent": "nothing is ordered while more than this may be left",
    "threshold_percent": "for supplies without a forecast: ordered at or below it",
    "between_low_readings": "time between two readings that both have to ask for it",
    "at_first_sight": "whether what is low when it is first seen is ordered at once",
    "bundle_days": "what is due so many working days later comes along; 0 for nothing",
    "max_per_equipment_per_day": "pieces of a day for one equipment; above it a person confirms",
    "max_per_day": "pieces of a day in all; above it a person confirms",
}


def rules_table() -> str:
    """The rules with their defaults."""
    shown = OrderRules(armed=False)
    lines = ["| rule | usual | what it says |", "|---|--:|---|"]
    for one in fields(shown):
        value = getattr(shown, one.name)
        name = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
        lines.append(f"| `{one.name}` | {name} | {RULES[one.name]} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--quick", action="store_true", help="a few printers, to see that it runs")
    parser.add_argument("--printers", type=int, default=Size().printers, help="in each fleet")
    options = parser.parse_args(arguments)
    size = Size(options.printers, min(options.printers, Size().calibrated))
    if options.quick:
        size = Size(10, 10, 400, (1, HELD_BACK))
    by_seed, made = measured(size)
    options.file.write_text(page(size, by_seed, made), "utf-8")
    sys.stdout.write("\n".join(verdict(by_seed[HELD_BACK], group) for group in GROUPS) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

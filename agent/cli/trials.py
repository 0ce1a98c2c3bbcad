"""orders simulate --fleet: the order rules beside fixed thresholds, on printers that never were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from agent.cli.jsonl import emit
from agent.cli.person import say
from agent.cli.tables import new_table, plain, row, section
from agent.cli.watch import Watch
from agent.language import _, choose, number, show
from agent.order_book import OrderBook, calendar_of
from agent.paths import find_config
from agent.settings import Settings, load
from agent.simulation.comparison import Invented, Outcome, RuleSet, compared
from agent.simulation.generated import Horizon
from agent.simulation.trial import Placement, Tally, moment
from agent.texts import Message, message
from agent.upload.seal import timestamp

ABREAST = 4  # sets of rules that a line of 80 signs has room for
MOST_GROUPS = 4  # whose rules are tried beside the site's; each takes seconds


def simulate_fleet(config: Path | None, *, printers: int, days: int, seed: int, as_json: bool) -> int:
    """What the rules of the config file, or the usual ones, would do on an invented fleet."""
    found = find_config(config)
    file = None if found.found is None and config is None else found.required()
    settings = Settings() if file is None else load(file)
    choose(settings.language)
    invented = Invented(printers, days, seed, calendar_of(settings.orders))
    sets = OrderBook(settings.orders).sets()
    outcomes = _outcomes(invented, sets[: MOST_GROUPS + 1])
    if as_json:
        for one in outcomes:
            for line in json_of(one, invented):
                emit(line)
        return 0
    for sentence in _introduction(invented, file):
        say(sentence)
    for start in range(0, len(outcomes), ABREAST):
        print_outcomes(Console(), outcomes[start : start + ABREAST])
    for sentence in _explanation(sets):
        say(sentence)
    return 0


def _outcomes(invented: Invented, sets: Sequence[RuleSet]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with Watch(Console(stderr=True)) as watch:
        watch.stage(message("Trying the rules"), invented.printers)
        for so_far in compared(invented, sets):
            outcomes = so_far
            watch.step()
    return outcomes


def _introduction(invented: Invented, file: Path | None) -> Iterator[Message]:
    yield message(
        "An invented fleet: {printers} printers that never were, over {days} days. It shows how rules differ, not what"
        " your printers will need.",
        printers=number(invented.printers),
        days=number(invented.days),
    )
    yield message("The same number makes the same fleet: --seed {seed}.", seed=invented.seed)
    if file is None:
        yield message("There is no config file: these are the usual rules.")
    else:
        yield message("The rules are those of {file}, as if orders were armed.", file=str(file))


def print_outcomes(console: Console, outcomes: Sequence[Outcome]) -> None:
    """The rules side by side, sums and means over the whole fleet."""
    table = new_table("", *(escape(name_of(one)) for one in outcomes))
    tallies = [one.tally for one in outcomes]
    row(table, _("orders"), *(number(tally.orders) for tally in tallies))
    row(table, _("ordered twice for one cartridge"), *(number(tally.doubles) for tally in tallies))
    row(table, _("cartridges used up"), *(number(tally.lives) for tally in tallies))
    row(table, _("- ran dry with no new one at hand"), *(number(tally.dry) for tally in tallies))
    row(table, _("- - though one was on its way: too late"), *(number(tally.late) for tally in tallies))
    row(table, _("days that a new one lay there, on average"), *(number(_shelf_days(one), 1) for one in tallies))
    row(table, _("pages thrown away, of all printed"), *(f"{number(_wasted_percent(one), 1)} %" for one in tallies))
    table.columns[0].min_width = 24
    for column in table.columns[1:]:
        column.justify, column.min_width, column.max_width = "right", 8, 16
    section(console, _("Rules side by side"), table, counted=False)
    console.print()


def _explanation(sets: Sequence[RuleSet]) -> Iterator[Message]:
    yield message(
        "Before the other cartridges ran dry nothing had been ordered, most often because their printers do not say in"
        " time how full they are."
    )
    yield message("Left out: the limits per day, what comes along with another order, and stock that you keep.")
    if len(sets) > MOST_GROUPS + 1:
        yield message("Tried were the first {count} groups with rules of their own.", count=MOST_GROUPS)
    yield message("Each order with its reason: add --json. How the printers are made up: docs/orders.md")


def name_of(outcome: Outcome) -> str:
    """Whose rules these are."""
    if isinstance(outcome.of, int):
        return show(message("always at {percent} %", percent=outcome.of))
    return plain(outcome.of.group) or "[orders]"


def _shelf_days(tally: Tally) -> float:
    return tally.shelf_days / max(tally.lives, 1)


def _wasted_percent(tally: Tally) -> float:
    return 100 * tally.wasted / max(tally.pages, 1)


def json_of(outcome: Outcome, invented: Invented) -> Iterator[dict[str, object]]:
    """The sums of one set of rules, then its orders; of a fixed threshold the sums alone."""
    tally, of = outcome.tally, outcome.of
    whose = {"rules": "threshold", "threshold_percent": of} if isinstance(of, int) else {"rules": of.group or "orders"}
    marks = {"invented": True, "seed": invented.seed, **whose}
    yield {
        **marks,
        "kind": "sums",
        "printers": invented.printers,
        "days": invented.days,
        "orders": tally.orders,
        "cartridges_used_up": tally.lives,
        "ran_dry": tally.dry,
        "too_late": tally.late,
        "twice": tally.doubles,
        "shelf_days": round(_shelf_days(tally), 1),
        "thrown_away_percent": round(_wasted_percent(tally), 2),
    }
    if not isinstance(of, int):
        for printer, one in outcome.placed:
            yield {**marks, "kind": "order", **placement_json(printer, one, invented.horizon)}


def placement_json(printer: str, one: Placement, horizon: Horizon) -> dict[str, object]:
    """One order of an invented printer, in the words of those that were really seen (`orders simulate --json`)."""
    changed = timestamp(moment(horizon.day(one.changed))) if one.changed is not None else None
    return {
        "printer": printer,
        "colorant": one.slot.colorant,
        "at": timestamp(moment(horizon.day(one.day))),
        "by": "person" if one.by_person else "rules",
        "reason": {"code": one.why.code, "detail": str(one.why.message)} if one.why else None,
        "arrives": horizon.day(one.due).isoformat(),
        "changed_at": changed,
        "verdict": one.verdict,
        "twice": one.repeated,
    }

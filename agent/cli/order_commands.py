"""The commands about orders. What a command does is imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from agent.cli.options import Config, Json
from agent.language import _

orders = typer.Typer(help=_("Consumables: what is on order, why, and what would be."), no_args_is_help=True)


@orders.command("list", help=_("What is on order, with its status; --all also what is over."))
def orders_list(
    config: Config = None,
    every: Annotated[bool, typer.Option("--all", help=_("Also what was installed or closed."))] = False,
    fresh: Annotated[bool, typer.Option("--refresh", help=_("Ask the portal first what became of them."))] = False,
    as_json: Json = False,
) -> None:
    """Orders."""
    from agent.cli.orders import list_orders

    raise typer.Exit(list_orders(config, every=every, fresh=fresh, as_json=as_json))


@orders.command("explain", help=_("Why something was ordered, and its way since then."))
def orders_explain(reference: str, config: Config = None) -> None:
    """One order."""
    from agent.cli.orders import explain_order

    raise typer.Exit(explain_order(config, reference))


Slot = Annotated[str, typer.Option("--slot", help=_("One supply, as `orders simulate` names it; else all of them."))]
Note = Annotated[str, typer.Option("--note", help=_("Why, in your words; kept with it."))]


@orders.command("hold", help=_("Order nothing for an equipment, one of its supplies, or *all*, until it is released."))
def orders_hold(equipment: str, config: Config = None, slot: Slot = "", note: Note = "") -> None:
    """Holds back."""
    from agent.cli.orders import instruct

    raise typer.Exit(instruct(config, equipment, slot, kind="held", note=note))


@orders.command("release", help=_("Take back what was said with hold or confirm."))
def orders_release(equipment: str, config: Config = None, slot: Slot = "") -> None:
    """Takes back."""
    from agent.cli.orders import release

    raise typer.Exit(release(config, equipment, slot))


@orders.command("confirm", help=_("Let the next cycle order what waits for a person, such as beyond a cap; once."))
def orders_confirm(equipment: str, config: Config = None, slot: Slot = "", note: Note = "") -> None:
    """Confirms once."""
    from agent.cli.orders import instruct

    raise typer.Exit(instruct(config, equipment, slot, kind="confirmed", note=note))


@orders.command("close", help=_("An order is over, whatever the portal says: the same may be ordered again."))
def orders_close(reference: str, config: Config = None) -> None:
    """Closes."""
    from agent.cli.orders import close

    raise typer.Exit(close(config, reference))


@orders.command("simulate", help=_("What the rules would have ordered in the last days, or do on an invented fleet."))
def orders_simulate(
    config: Config = None,
    days: Annotated[int | None, typer.Option(min=1, max=1096, help=_("How many days; 90, with --fleet 365."))] = None,
    fleet: Annotated[bool, typer.Option("--fleet", help=_("On printers that never were."))] = False,
    printers: Annotated[
        int | None, typer.Option(min=1, max=500, help=_("How many printers the fleet has; 100."))
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=10**9, help=_("Which fleet; 1."))] = None,
    as_json: Json = False,
) -> None:
    """A flight simulator: nothing is ordered."""
    if not fleet:
        if printers is not None or seed is not None:
            raise typer.BadParameter(_("--printers and --seed are for --fleet."))
        from agent.cli.orders import simulate

        raise typer.Exit(simulate(config, days=days or 90, as_json=as_json))
    from agent.cli.trials import simulate_fleet

    seed = 1 if seed is None else seed
    raise typer.Exit(simulate_fleet(config, printers=printers or 100, days=days or 365, seed=seed, as_json=as_json))

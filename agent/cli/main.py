"""The command line of `meter-agent`: names, options and help. What a command does is imported when it runs.

Exit codes: 0 done; 1 done with failures that the output names; 2 usage or configuration; 3 portal refused; 4 network.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from agent import garbage
from agent.cli.options import Config, Json
from agent.cli.order_commands import orders
from agent.cli.printer_commands import match, printers
from agent.errors import AgentError
from agent.language import _, show_error

app = typer.Typer(
    help=_("Reads page counters and supply levels of networked printers and reports them to the service portal."),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
outbox = typer.Typer(help=_("What is on its way to the portal."), no_args_is_help=True)
offsets = typer.Typer(help=_("What people decided to add to counters that began anew."), no_args_is_help=True)
secret = typer.Typer(help=_("Passwords and communities, kept apart from the config file."), no_args_is_help=True)
equipment = typer.Typer(help=_("The equipment list of a portal without an API."), no_args_is_help=True)
app.add_typer(printers)
database = typer.Typer(help=_("The database of readings and orders."), no_args_is_help=True)
app.add_typer(database, name="database")
app.add_typer(equipment, name="equipment")
app.add_typer(match, name="match")
app.add_typer(offsets, name="offsets")
app.add_typer(outbox, name="outbox")
app.add_typer(orders, name="orders")
app.add_typer(secret, name="secret")

Separator = Annotated[str | None, typer.Option(help=_("semicolon, comma or tab; else as usual in your language."))]
Force = Annotated[bool, typer.Option("--force", help=_("Replace a file that is there."))]


@app.command("run", help=_("Work as a service in the foreground; ends on SIGTERM or Ctrl+C."))
def run(
    config: Config = None,
    once: Annotated[bool, typer.Option("--once", help=_("One cycle now, show the result, and end."))] = False,
) -> None:
    """The daemon, or one cycle."""
    if once:
        from agent.cli.once import run_once

        raise typer.Exit(run_once(config))
    from agent.cli.service import run_forever

    raise typer.Exit(run_forever(config))


@app.command("check", help=_("Try every prerequisite and say what to do about what is missing."))
def check(config: Config = None) -> None:
    """Every prerequisite."""
    from agent.cli.check import check_all

    raise typer.Exit(check_all(config))


Rsa = Annotated[bool, typer.Option("--rsa", help=_("An RSA key of 3072 bits instead of EC P-256."))]


@app.command("enroll", help=_("Make a key of this agent's own and register it; asks for the key user's one-time code."))
def enroll(
    config: Config = None,
    rsa: Rsa = False,
    replace: Annotated[bool, typer.Option("--replace", help=_("Give up the key that is there."))] = False,
) -> None:
    """Enrolment; the code is asked for, or read from standard input."""
    from agent.cli.enrolment import enroll as enroll_agent

    raise typer.Exit(enroll_agent(config, kind="rsa" if rsa else "ec", replace=replace))


@app.command("rotate-key", help=_("Replace this agent's own key by a new one."))
def rotate(config: Config = None, rsa: Rsa = False) -> None:
    """Another key."""
    from agent.cli.enrolment import rotate_key

    raise typer.Exit(rotate_key(config, kind="rsa" if rsa else "ec"))


@app.command("status", help=_("What waits, what was reported last, what needs a person."))
def status(config: Config = None, as_json: Json = False) -> None:
    """Counts and outcomes from the database."""
    from agent.cli.status import show_status

    raise typer.Exit(show_status(config, as_json=as_json))


@app.command(
    "explain",
    help=_(
        "Say why: for a reference, an equipment number, a technical identification number, or a printer's name or "
        "address."
    ),
)
def explain(what: str, config: Config = None) -> None:
    """The history of one item, or the last outcome of one equipment."""
    from agent.cli.explain import explain_item

    raise typer.Exit(explain_item(config, what))


@app.command("resolve", help=_("Look at a reading that was held back: why, and what can be decided; and decide it."))
def resolve(
    reference: Annotated[str, typer.Argument(help=_("The reference, or its beginning."))],
    accept: Annotated[bool, typer.Option("--accept", help=_("The counter is right: send it."))] = False,
    offset: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[METER=]N", help=_("With --accept: add so much, now and later, to what the printer counts.")
        ),
    ] = None,
    replaced: Annotated[
        bool, typer.Option("--replaced", help=_("The counter was replaced: tell the portal, and send it."))
    ] = False,
    discard: Annotated[bool, typer.Option("--discard", help=_("The reading is wrong: never send it."))] = False,
    take_back: Annotated[
        bool, typer.Option("--take-back", help=_("Take the last decision back, before the reading was sent."))
    ] = False,
    note: Annotated[str, typer.Option(metavar="TEXT", help=_("Why, in your words; goes on record."))] = "",
    config: Config = None,
) -> None:
    """A person's decision about a quarantined reading."""
    from agent.cli.resolve import Wish, resolve_reading

    wish = Wish(accept, replaced, discard, take_back, tuple(offset or ()), note)
    raise typer.Exit(resolve_reading(config, reference, wish))


@offsets.command("list", help=_("What is added to which counter, since when, and who decided it."))
def offsets_list(config: Config = None, as_json: Json = False) -> None:
    """The offsets that hold."""
    from agent.cli.resolve import list_offsets

    raise typer.Exit(list_offsets(config, as_json=as_json))


@offsets.command("end", help=_("Add nothing any more to the counters of an equipment, or to one of them."))
def offsets_end(
    equipment: Annotated[str, typer.Argument(help=_("The equipment number."))],
    meter: Annotated[str | None, typer.Argument(help=_("The counter, such as: total"))] = None,
    note: Annotated[str, typer.Option(metavar="TEXT", help=_("Why, in your words; goes on record."))] = "",
    config: Config = None,
) -> None:
    """The end of an offset."""
    from agent.cli.resolve import end_offsets

    raise typer.Exit(end_offsets(config, equipment, meter, note))


@app.command("init", help=_("Write a first config file with every setting explained."))
def init(
    config: Config = None,
    force: Annotated[bool, typer.Option("--force", help=_("Replace a config file that is there."))] = False,
    own_network: Annotated[
        bool | None,
        typer.Option("--own-network/--no-own-network", help=_("Search the networks of this computer; else asked for.")),
    ] = None,
) -> None:
    """A first config file."""
    from agent.cli.setup import write_first_config

    raise typer.Exit(write_first_config(config, force=force, own_network=own_network))


@app.command("demo", help=_("The whole job without a network: virtual printers, a sandbox portal, one cycle."))
def demo(
    recordings: Annotated[Path | None, typer.Option(help=_("Use these recordings instead of the own devices."))] = None,
    state: Annotated[Path | None, typer.Option(help=_("Where the demo keeps its files."))] = None,
) -> None:
    """The demo."""
    from agent.cli.demo import run_demo

    raise typer.Exit(run_demo(recordings, state))


@app.command("version", help=_("Say which version this is."))
def version() -> None:
    """The version."""
    from importlib.metadata import version as installed

    typer.echo(f"meter-agent {installed('meter-agent')}")


@outbox.command("list", help=_("Readings, orders and service notifications with their state, the newest first."))
def outbox_list(
    config: Config = None,
    as_json: Json = False,
    state: Annotated[str | None, typer.Option(help=_("Only those in this state."))] = None,
) -> None:
    """The envelopes."""
    from agent.cli.entries import list_entries

    raise typer.Exit(list_entries(config, state, as_json=as_json))


@outbox.command("export", help=_("Write what is due as a CSV file, to be captured in the portal by hand."))
def outbox_export(
    file: Annotated[Path | None, typer.Argument(help=_("The file; else standard output."))] = None,
    config: Config = None,
    per_counter: Annotated[
        bool, typer.Option("--per-counter", help=_("One row per counter instead of one per equipment."))
    ] = False,
    every: Annotated[
        bool, typer.Option("--every", help=_("Every reading that waits, not only the newest of each equipment."))
    ] = False,
    separator: Separator = None,
    dates: Annotated[str | None, typer.Option(help=_("iso or local; else as usual in your language."))] = None,
    force: Force = False,
) -> None:
    """The sheet for capturing by hand."""
    from agent.cli.hand import export_readings

    layout: Literal["equipment", "counter"] = "counter" if per_counter else "equipment"
    done = export_readings(config, file, layout=layout, every=every, separator=separator, dates=dates, force=force)
    raise typer.Exit(done)


@outbox.command("import", help=_("Take back an exported file in which you marked what was captured by hand."))
def outbox_import(
    file: Path,
    config: Config = None,
    by: Annotated[str | None, typer.Option("--by", help=_("Who captured it, where no row says so; else you."))] = None,
    all_captured: Annotated[
        bool, typer.Option("--all", help=_("Every row was captured, also those without a mark."))
    ] = False,
    sound_only: Annotated[
        bool, typer.Option("--sound-only", help=_("Take the rows without mistakes; else all or none."))
    ] = False,
) -> None:
    """What was captured by hand."""
    from agent.cli.hand import import_captured

    raise typer.Exit(import_captured(config, file, by=by, all_captured=all_captured, sound_only=sound_only))


@equipment.command("template", help=_("Write the equipment list as a CSV file, as far as it is known."))
def equipment_template(
    file: Path,
    config: Config = None,
    separator: Separator = None,
    force: Force = False,
    search: Annotated[
        bool, typer.Option("--search", help=_("Search the ranges too, and add the printers that are not in the list."))
    ] = False,
) -> None:
    """A first equipment list."""
    from agent.cli.hand import write_template

    raise typer.Exit(write_template(config, file, separator=separator, force=force, search=search))


@outbox.command("show", help=_("Print byte for byte what leaves, or has left, for one reading, order or notification."))
def outbox_show(reference: str, config: Config = None, as_json: Json = False) -> None:
    """The bytes of one envelope."""
    from agent.cli.entries import show_entry

    raise typer.Exit(show_entry(config, reference, as_json=as_json))


@outbox.command("retry", help=_("Try an item again that the portal rejected or that waits for a right."))
def outbox_retry(reference: str, config: Config = None) -> None:
    """One more try."""
    from agent.cli.entries import retry_entry

    raise typer.Exit(retry_entry(config, reference))


@database.command("downgrade", help=_("Make the database fit for an older meter-agent, before that one is installed."))
def database_downgrade(
    version: Annotated[str, typer.Argument(help=_("The version of the database that the older one names."))],
    config: Config = None,
) -> None:
    """An earlier version of the database."""
    from agent.cli.database import downgrade_database

    raise typer.Exit(downgrade_database(config, version))


@database.command("mend", help=_("Look at the whole database, and save what can be read where it is damaged."))
def database_mend(config: Config = None) -> None:
    """Done by the service itself when it starts; this is for looking on."""
    from agent.cli.database import mend_database

    raise typer.Exit(mend_database(config))


@secret.command("set", help=_("Store a secret; it is asked for and not shown, or read from standard input."))
def secret_set(name: str, config: Config = None) -> None:
    """Stores a secret."""
    from agent.cli.setup import store_secret

    raise typer.Exit(store_secret(config, name))


@secret.command("list", help=_("The names of the stored secrets."))
def secret_list(config: Config = None) -> None:
    """Names only."""
    from agent.cli.setup import list_secrets

    raise typer.Exit(list_secrets(config))


def main() -> None:
    """Runs one command; an error is said in the reader's language, with the remedy, and becomes the exit code."""
    garbage.look_seldom()
    try:
        app()
    except AgentError as error:
        sys.stderr.write(show_error(error) + "\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)

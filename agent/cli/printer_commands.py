"""The commands about printers: reading, recording, looking for them, and which equipment they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.cli.options import Authentication, Config, Context, Json, Privacy, User
from agent.language import _

printers = typer.Typer()
match = typer.Typer(help=_("Show which printer is which equipment, without reading or sending anything."))


@printers.command(
    "read", help=_("Read printers by name or address; needs no config file. Also takes a recording (.snmprec, .bin).")
)
def read(
    targets: Annotated[list[str], typer.Argument(metavar="HOST[:PORT]…")],
    config: Config = None,
    user: User = None,
    authentication: Authentication = None,
    privacy: Privacy = None,
    context: Context = "",
    as_json: Json = False,
    no_ipp: Annotated[bool, typer.Option("--no-ipp", help=_("Ask over SNMP alone."))] = False,
) -> None:
    """Identity, counters and supplies of single printers."""
    from agent.cli.access import user_of
    from agent.cli.printers import read_targets

    access = user_of(user, authentication, privacy, context)
    raise typer.Exit(read_targets(config, targets, as_json=as_json, user=access, ipp=not no_ipp))


@printers.command("record", help=_("Record what a printer answers, without serial numbers, names and addresses."))
def record(
    target: Annotated[str, typer.Argument(metavar="HOST[:PORT]")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=_("The file (what IPP says goes beside it); else the screen."))
    ] = None,
    config: Config = None,
    user: User = None,
    authentication: Authentication = None,
    privacy: Privacy = None,
    context: Context = "",
    no_ipp: Annotated[bool, typer.Option("--no-ipp", help=_("Ask over SNMP alone."))] = False,
) -> None:
    """A redacted recording of one printer."""
    from agent.cli.access import user_of
    from agent.cli.records import record_target

    access = user_of(user, authentication, privacy, context)
    raise typer.Exit(record_target(config, target, output, access, ipp=not no_ipp))


@printers.command(
    "profiles", help=_("What is known of printers: the profiles, or the one that fits a maker and model.")
)
def profiles(
    model: Annotated[str | None, typer.Argument(help=_("Maker and model, such as: Kyocera TASKalfa 3555ci"))] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """The profiles."""
    from agent.cli.knowledge import show_profiles

    raise typer.Exit(show_profiles(config, model, as_json=as_json))


@printers.command("discover", help=_("Look for printers in the configured ranges, or in those given."))
def discover(
    ranges: Annotated[
        list[str] | None, typer.Option("--range", metavar="CIDR", help=_("Instead of the config."))
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="ADDRESSES", help=_("Never to be asked, as in the config."))
    ] = None,
    large: Annotated[bool, typer.Option("--large", help=_("Search more than 65536 addresses, too."))] = False,
    port: Annotated[int | None, typer.Option(help=_("The printers' SNMP port."), min=1, max=65535)] = None,
    config: Config = None,
    user: User = None,
    authentication: Authentication = None,
    privacy: Privacy = None,
    context: Context = "",
    as_json: Json = False,
) -> None:
    """Printers on the network."""
    from agent.cli.access import user_of
    from agent.cli.printers import discover_printers

    access = user_of(user, authentication, privacy, context)
    done = discover_printers(
        config, ranges or [], port, as_json=as_json, user=access, exclude=exclude or [], large=large
    )
    raise typer.Exit(done)


@printers.command(
    "forget", help=_("Forget how a printer was asked, also that it spoke SNMPv3; all versions are tried.")
)
def forget(target: Annotated[str, typer.Argument(metavar="HOST[:PORT]")], config: Config = None) -> None:
    """A person's consent to ask a printer in weaker versions again."""
    from agent.cli.printers import forget_printer

    raise typer.Exit(forget_printer(config, target))


@match.callback(invoke_without_command=True)
def match_all(context: typer.Context, config: Config = None, as_json: Json = False) -> None:
    """Printers and equipment."""
    if context.invoked_subcommand is None:
        from agent.cli.matches import show_matches

        raise typer.Exit(show_matches(config, as_json=as_json))


@match.command("confirm", help=_("Decide that this printer is this equipment; it wins over every rule."))
def match_confirm(
    equipment: Annotated[str, typer.Argument(help=_("The equipment number."))],
    target: Annotated[str, typer.Argument(metavar="HOST[:PORT]")],
    config: Config = None,
) -> None:
    """A person's word."""
    from agent.cli.matches import confirm_match

    raise typer.Exit(confirm_match(config, equipment, target))


@match.command("release", help=_("Take such a decision back; the rules decide again."))
def match_release(
    equipment: Annotated[str, typer.Argument(help=_("The equipment number."))], config: Config = None
) -> None:
    """The end of a person's word."""
    from agent.cli.matches import release_match

    raise typer.Exit(release_match(config, equipment))


@match.command("write", help=_("Write a technical identification number into the portal, after asking you."))
def match_write(
    equipment: Annotated[str, typer.Argument(help=_("The equipment number."))],
    number: Annotated[str | None, typer.Argument(help=_("The new number; else the matched printer's name."))] = None,
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", help=_("Do not ask."))] = False,
) -> None:
    """Referenznummer aktualisieren."""
    from agent.cli.matches import write_number

    raise typer.Exit(write_number(config, equipment, number, sure=yes))

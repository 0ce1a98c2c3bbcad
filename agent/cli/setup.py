"""First steps: a config file and secrets."""

from __future__ import annotations

import os
import sys
from getpass import getpass
from pathlib import Path

import typer

from agent.cli.person import say
from agent.config_template import Entry, first_config
from agent.discovery.neighbourhood import own_networks
from agent.errors import ConfigError
from agent.language import _, current
from agent.paths import default_places, find_config, places_of
from agent.secrets import Secrets
from agent.texts import message


def write_first_config(config: Path | None, *, force: bool, own_network: bool | None = None) -> int:
    """Writes the commented file where it will be looked for; never over one that is there, unless told to.

    The networks of this computer become ranges with `own_network`; None asks about each, where somebody can answer.
    """
    file = config or default_places().config
    if file.exists() and not force:
        raise ConfigError(
            message("There is a config file already: {file}.", file=str(file)),
            message("Edit it, or replace it with: meter-agent init --force"),
        )
    ranges = _ranges(own_network)
    entries: dict[str, Entry] = {"discovery.ranges": ranges} if ranges else {}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(first_config(current().code, entries), encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            message("The config file {file} cannot be written: {reason}", file=str(file), reason=error.strerror),
            message("Run the command as administrator, or name another file with --config."),
        ) from error
    say(message("Written: {file}", file=str(file)))
    if ranges:
        say(message("Printers are searched in: {networks}", networks=", ".join(ranges)))
    steps = (
        _("1. Open it in an editor and enter the portal's address, the client id and your printers' network."),
        _("2. Store the portal password: meter-agent secret set portal"),
        _("3. See that everything is in place: meter-agent check"),
        _("4. Try one cycle: meter-agent run --once"),
    )
    sys.stdout.write("\n".join(steps) + "\n")
    return 0


def _ranges(own_network: bool | None) -> list[str]:
    """The own networks in which a person wants printers to be searched."""
    if own_network is False or (own_network is None and not sys.stdin.isatty()):
        return []
    question = _("This computer is in the network {network}. Search printers there?")
    return [
        network
        for network in own_networks()
        if own_network or typer.confirm(question.replace("{network}", network), default=False)
    ]


def store_secret(config: Path | None, name: str) -> int:
    """Asks for a secret and stores it; from a pipe it is the first line."""
    secrets = _secrets(config)
    value = getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    secrets.set(name, value)
    say(message("Stored."))
    return 0


def list_secrets(config: Path | None) -> int:
    """The names, one a line."""
    sys.stdout.write("".join(f"{name}{os.linesep}" for name in _secrets(config).names()))
    return 0


def _secrets(config: Path | None) -> Secrets:
    found = find_config(config).found
    places = places_of(found) if found else default_places()
    return Secrets(places.secrets)

"""An SNMPv3 user from the command line: its name by option, its passwords never.

They are asked for and not shown, or taken from METER_AGENT_AUTHENTICATION_SECRET and METER_AGENT_PRIVACY_SECRET: what
stands in an argument is in the shell's history and in every list of processes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from getpass import getpass
from typing import cast, get_args

from agent.errors import ConfigError
from agent.language import _
from agent.secrets import Secret
from agent.snmp.access import LEAST_SECRET, Authentication, Privacy, UserAccess
from agent.texts import Message, message

VARIABLES = {
    "authentication": "METER_AGENT_AUTHENTICATION_SECRET",
    "privacy": "METER_AGENT_PRIVACY_SECRET",
}


def user_of(
    name: str | None,
    authentication: str | None,
    privacy: str | None,
    context: str,
    environ: Mapping[str, str] = os.environ,
) -> UserAccess | None:
    """The user that was named, `None` for none. Raises `ConfigError` for what no printer could accept."""
    if name is None:
        if authentication or privacy or context:
            raise _unfit(message("These options belong to an SNMPv3 user, and none is named."))
        return None
    if privacy and not authentication:
        raise _unfit(message("SNMPv3 has no privacy without authentication."))
    _known("--authentication", authentication, get_args(Authentication))
    _known("--privacy", privacy, get_args(Privacy))
    try:
        return UserAccess(
            user=name,
            authentication=cast("Authentication | None", authentication),
            authentication_secret=_secret("authentication", environ) if authentication else "",
            privacy=cast("Privacy | None", privacy),
            privacy_secret=_secret("privacy", environ) if privacy else "",
            context=context,
        )
    except ValueError:
        raise _unfit(message("A name of SNMPv3 has at most 32 bytes.")) from None


def _known(option: str, value: str | None, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise ConfigError(
            message("{option} is not one of the choices.", option=option),
            message("Choose from: {choices}", choices=", ".join(choices)),
        )


def _secret(kind: str, environ: Mapping[str, str]) -> str:
    value = environ.get(VARIABLES[kind])
    if value is None and sys.stdin.isatty():
        value = getpass((_("Authentication password") if kind == "authentication" else _("Privacy password")) + ": ")
    if value is None:
        raise ConfigError(
            message("There is no password for {kind} of the SNMPv3 user.", kind=kind),
            message("Set the variable {variable}, or run the command in a terminal.", variable=VARIABLES[kind]),
        )
    if len(value.encode()) < LEAST_SECRET:
        raise ConfigError(
            message("The password for {kind} is shorter than 8 characters.", kind=kind),
            message("SNMPv3 does not allow that; look up the password in the printer's settings."),
        )
    return Secret(value).reveal()  # from now on the log blackens it


def _unfit(what: Message) -> ConfigError:
    return ConfigError(what, message("Use --user with --authentication and --privacy, see: meter-agent read --help"))

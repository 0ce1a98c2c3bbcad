"""What sections and single values of the config file may be: each check refuses with what is wrong and the remedy."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import time
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo

from agent.discovery.allowed import check_network
from agent.discovery.excluded import check_excluded
from agent.discovery.ranges import check_range
from agent.discovery.target import Target, is_label
from agent.errors import ConfigError
from agent.problems import Unfit
from agent.secrets import is_secret_name
from agent.snmp.access import MOST_NAME
from agent.texts import message

SHA256_OCTETS = 32
Text = Annotated[str, Field(min_length=1, max_length=255)]
# strict=False lets the list of TOML become a tuple; what is in it stays strict.
Listed = Field(strict=False, max_length=10_000)


class Section(BaseModel):
    """A part of the file: unknown keys are errors, types are taken as they are, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


def checked_range(text: str) -> str:
    """A range to search."""
    return _parsed(check_range, text)


def checked_exclusion(text: str) -> str:
    """Addresses or a host never to ask."""
    return _parsed(check_excluded, text)


def checked_target(text: str) -> str:
    """One host."""
    return _parsed(Target.parse, text)


def checked_network(text: str) -> str:
    """A network that printers may be in."""
    return _parsed(check_network, text)


def checked_domain(text: str) -> str:
    """A DNS domain that is appended to names."""
    plain = text.strip(".")
    if not plain.replace(".", "").isdigit() and all(is_label(label) for label in plain.split(".")):
        return plain
    raise Unfit(message("This is not a DNS domain."), message('Write it as "example.com".'))


def _parsed(parse: Callable[[str], object], text: str) -> str:
    try:
        parse(text)
    except ConfigError as error:
        raise Unfit.of(error) from error
    return text


def checked_community(text: str) -> str:
    """A community or the reference to one."""
    # A community other than the world-known one is a password: the refusal does not repeat it.
    if text == "public" or (text.startswith("@") and is_secret_name(text[1:])):
        return text
    raise Unfit(
        message("A community is a password and does not belong into this file."),
        message('Store it with "meter-agent secret set floor2" and write "@floor2" here.'),
    )


def checked_reference(text: str) -> str:
    """The reference to a stored secret: "@" and its name."""
    if text.startswith("@") and is_secret_name(text[1:]):
        return text
    raise Unfit(
        message("A password does not belong into this file."),
        message('Store it with "meter-agent secret set v3-auth" and write "@v3-auth" here.'),
    )


def checked_user_name(text: str) -> str:
    """A name of SNMPv3."""
    if len(text.encode()) <= MOST_NAME:
        return text
    raise Unfit(message("A name of SNMPv3 has at most 32 bytes."), message("Write it as the printer has it."))


def checked_secret_name(text: str) -> str:
    """The name of a stored secret."""
    if is_secret_name(text):
        return text
    raise Unfit(
        message("This is not the name of a stored secret."),
        message('Store the secret with "meter-agent secret set portal" and write "portal" here.'),
    )


def checked_url(text: str) -> str:
    """A web address without anything secret."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.query or parts.fragment or any(c.isspace() for c in text):
        raise Unfit(message("This is not a web address."), message('Write it as "https://portal.example".'))
    if parts.username is not None or parts.password is not None:
        raise Unfit(
            message("A user name or password does not belong into an address."),
            message("Delete everything between // and @."),
        )
    return text


def checked_portal_url(text: str) -> str:
    """The address of the portal."""
    if not text.lower().startswith("https://"):
        raise Unfit(
            message("The portal is only spoken to over an encrypted connection."),
            message("The address begins with https://"),
        )
    return checked_url(text).rstrip("/")


def checked_proxy(text: str) -> str:
    """The address of a proxy."""
    if not text.lower().startswith(("http://", "https://")):
        raise Unfit(message("This is not a proxy address."), message('Write it as "http://proxy.example.com:3128".'))
    return checked_url(text)


def checked_pin(text: str) -> str:
    """The SHA-256 of a public key in base64, with or without "sha256/" before it; without it afterwards."""
    digest = text.removeprefix("sha256/")
    try:
        octets = base64.b64decode(digest, validate=True)
    except ValueError:
        octets = b""
    if len(octets) == SHA256_OCTETS:
        return digest
    raise Unfit(
        message("This is not the pin of a key."),
        message('Write the base64 of its SHA-256: "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="'),
    )


def checked_bypass(text: str) -> str:
    """A host, a domain or a network that is asked without the proxy."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        labels = text.strip(".").split(".")
        if not all(is_label(label) for label in labels):
            raise Unfit(
                message("This is neither a host nor a network."),
                message('Write "portal.example.com", "example.com" for all below it, or "10.0.0.0/8".'),
            ) from None
    return text


def checked_pattern(text: str) -> str:
    """What a group's equipment has to fit: not empty, `*` stands for anything."""
    if not text.strip():
        raise Unfit(
            message("This is empty."),
            message('Write what the portal says, with * for any signs: "Plant 2", "bizhub*".'),
        )
    return text


def clock_time(value: object) -> object:
    """A time of day in local time."""
    if isinstance(value, str) and re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        return time.fromisoformat(value)
    raise Unfit(message("This is not a time of day."), message('Write hours and minutes in quotation marks: "09:30".'))


def path(value: object, info: ValidationInfo) -> object:
    """A file, relative to the folder of the config file."""
    if not isinstance(value, str):
        return value
    if not value.strip() or "\0" in value:
        raise Unfit(message("This is not the name of a file."), message("Write the whole path of the file."))
    folder = info.context if isinstance(info.context, Path) else Path()
    return folder / value

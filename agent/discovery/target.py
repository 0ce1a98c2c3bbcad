"""One device named by a person: a name or an address, perhaps with a port."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from agent.errors import ConfigError
from agent.texts import Message, message

# RFC 1123 labels, plus the underscore and the letters that Windows name servers take as well.
_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to ask: `host` is a name or a literal address without brackets; `port` 1..65535, `None` if not said."""

    host: str
    port: int | None = None

    @staticmethod
    def parse(text: str) -> Target:
        """The target written as HOST, HOST:PORT, an IPv6 address, or [IPv6]:PORT. Raises `ConfigError`."""
        host, port = _split(text.strip())
        if port is not None and not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
            raise _refused(text, message("The port is a number from 1 to 65535."))
        _check_host(text, host)
        return Target(host, None if port is None else int(port))


def _split(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if ":" not in host or not bracket or (rest and not rest.startswith(":")):
            raise _refused(text, message('Write an IPv6 address with a port as "[2001:db8::7]:161".'))
        return host, rest[1:] if rest else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, None


def _check_host(text: str, host: str) -> None:
    try:
        address = ip_address(host)
    except ValueError:
        _check_name(text, host)
        return
    if address.is_multicast or address.is_unspecified or _is_reserved(address):
        raise _refused(text, message("Name the address of one printer; this address belongs to no single device."))


def _is_reserved(address: IPv4Address | IPv6Address) -> bool:
    return isinstance(address, IPv4Address) and address.is_reserved


def _check_name(text: str, host: str) -> None:
    labels = host.removesuffix(".").split(".")
    # The resolver of the system would read 10.1 as 10.0.0.1 and 0x7f.1 as 127.0.0.1: a different printer.
    looks_numeric = labels[-1].isdigit() or labels[-1].lower().startswith("0x")
    if looks_numeric or len(host) > 253 or not all(map(is_label, labels)):
        raise _refused(
            text, message('Write a name such as "printer-1.example.com" or an address such as "192.168.1.7".')
        )


def is_label(text: str) -> bool:
    """Whether this may stand between the dots of a host name (1..63 signs)."""
    return _LABEL.fullmatch(text) is not None


def _refused(text: str, remedy: Message) -> ConfigError:
    return ConfigError(message('"{target}" is not a printer\'s name or address.', target=text), remedy)

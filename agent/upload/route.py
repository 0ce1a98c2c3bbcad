"""The way to the portal: its address, whom to trust there, and a proxy in between."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from agent.secrets import Secret


@dataclass(frozen=True, slots=True)
class Trust:
    """The system's authorities or `ca_file` alone; with `pins`, one of them has to be the key of the certificate too.

    A pin is the base64 of the SHA-256 of a SubjectPublicKeyInfo (RFC 7469 section 2.4).
    """

    ca_file: Path | None = None
    pins: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that tunnels TLS (HTTP CONNECT), with its credentials if it wants any, and what is asked without it."""

    url: str
    user: str | None = None
    password: Secret | None = field(default=None, repr=False)
    bypass: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """`url` is https without a slash at its end; `timeout` is seconds per wait."""

    url: str
    trust: Trust = Trust()
    proxy: Proxy | None = None
    timeout: float = 30.0

    @property
    def tunnel(self) -> Proxy | None:
        """The proxy, unless the portal is one of those that are asked without it."""
        host = urlsplit(self.url).hostname or ""
        return None if self.proxy is None or is_bypassed(host, self.proxy.bypass) else self.proxy


def is_bypassed(host: str, entries: tuple[str, ...]) -> bool:
    """Whether a host is one of these: the name itself or below it, an address itself or in the network.

    There are no wildcards, no ports, and no names that are looked up.
    """
    return any(_fits(host.rstrip(".").lower(), entry.strip(".").lower()) for entry in entries)


def _fits(host: str, entry: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host == entry or host.endswith(f".{entry}")
    try:
        return address in ip_network(entry, strict=False)
    except ValueError:
        return False

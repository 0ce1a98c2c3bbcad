"""The networks that this computer itself is in: where a first search may be proposed, and nothing more."""

from __future__ import annotations

from ipaddress import IPv4Network

from ifaddr import get_adapters

LARGEST, SMALLEST = 16, 30  # bits of a prefix: larger ones are nobody's office, smaller ones have no room for a printer


def own_networks() -> tuple[str, ...]:
    """The private IPv4 networks of this computer's adapters ("192.168.1.0/24"), in the order of the system."""
    found = {}
    for adapter in get_adapters():
        for ip in adapter.ips:
            if ip.is_IPv4 and LARGEST <= ip.network_prefix <= SMALLEST:
                network = IPv4Network(f"{ip.ip}/{ip.network_prefix}", strict=False)
                if network.is_private and not (network.is_loopback or network.is_link_local):
                    found[str(network)] = True
    return tuple(found)

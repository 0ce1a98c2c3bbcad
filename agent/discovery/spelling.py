"""Under which names a printer may be known to name servers, when a person wrote its technical identification number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from agent.discovery.target import Target
from agent.errors import ConfigError
from agent.likeness import UMLAUTS, Meant, address_in, meant_by, without_brackets


def targets_in(number: str, domains: Sequence[str] = ()) -> list[list[Target]]:
    """What to resolve for a technical identification number, best first.

    The targets of one inner list are one spelling in several domains and belong together: the same name in two domains
    is two printers. `domains` are appended to a name without a dot. A number that can be no name gives an empty list.
    """
    spelled: list[list[Target]] = []
    meant = meant_by(number)
    for text in _spellings(meant.text):
        target = _target(text, meant)
        if target is None:
            continue
        together = [target, *_in_domains(target, domains)]
        if together not in spelled:
            spelled.append(together)
    return spelled


def _spellings(text: str) -> Iterator[str]:
    """The name or address as it is written, then without what no host name can have."""
    if address := address_in(text):
        yield address
        return
    yield text
    bare = without_brackets(text)
    yield bare
    plain = bare.translate(UMLAUTS)
    yield plain
    words = plain.split()
    if len(words) > 1:
        yield "-".join(words)
        yield "_".join(words)
        yield "".join(words)


def _target(text: str, meant: Meant) -> Target | None:
    try:
        return Target(Target.parse(text).host, meant.port)
    except ConfigError:
        return None


def _in_domains(target: Target, domains: Sequence[str]) -> list[Target]:
    if "." in target.host or _is_address(target.host):
        return []
    return [Target(f"{target.host}.{domain.strip('.')}", target.port) for domain in domains]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True

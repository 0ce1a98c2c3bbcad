"""What a DNS-SD service instance says of the machine behind it: hints, and whether it is a printer on the network.

Source: RFC 6763 section 6 (TXT records), Bonjour Printing Specification 1.2.1 (keys). Pure; who listens to
announcements is another matter. A hint never identifies a printer: it says where asking is worth it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal
from urllib.parse import urlsplit

from agent.ipp.identity import macs_of_uuid
from agent.printers import Identity
from agent.snmp.identity import maker_in, without_maker
from agent.snmp.octets import device_id, mac_of, text_of
from agent.snmp.profile import Profile

MAX_TXT = 8900  # octets; RFC 6763 section 6.2 speaks of 1300 that fit one packet, 8900 that fit any
PRINTING = frozenset({"_ipp._tcp", "_ipps._tcp", "_printer._tcp", "_pdl-datastream._tcp"})

Verdict = Literal["printer", "cups_share", "usb_proxy", "link_local", "not_a_printer"]

# A host's or another program's words behind the model in ty and product: Canon "HTTP", Brother "[en]", Ricoh "PS3".
_SUFFIX = re.compile(r"(?: HTTP|\s*\[[a-z]{2}\]| PS3?| PCL\d?\w?)$")
_MAC_IN_HOST = re.compile(r"^(?:BRN|BRW|XRX|NPI|RNP|KM|ET|LXK)?-?([0-9A-F]{12})$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Service:
    """One announced instance, as resolved. `kind` is the service type (`_ipp._tcp`), `host` its SRV target."""

    kind: str
    instance: str = ""
    host: str | None = None
    address: str | None = None
    port: int | None = None
    txt: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hints:
    """What the announcement says of the machine. Its `model` may be a series; its `host_name` has no `.local`.

    `ipp_path` is where IPP answers, with its slash. Absent is None.
    """

    identity: Identity = field(default_factory=Identity)
    uuid: str | None = None
    note: str | None = None
    ipp_path: str | None = None


def parse_txt(octets: bytes) -> dict[str, str]:
    """The entries of a TXT record: length and text each (RFC 6763 section 6.1). Never raises.

    A length that goes beyond the end takes what is there; everything after `MAX_TXT` octets is left alone.
    """
    entries: list[bytes] = []
    at, end = 0, min(len(octets), MAX_TXT)
    while at < end:
        size = octets[at]
        entries.append(octets[at + 1 : min(at + 1 + size, end)])
        at += 1 + size
    return txt_entries(entries)


def txt_entries(entries: Iterable[bytes | str]) -> dict[str, str]:
    """Key and value of each entry; keys in lower case, of one that stands there twice the first counts.

    An entry without "=" is a key without a value, one that begins with "=" is nothing (RFC 6763 section 6.4).
    """
    found: dict[str, str] = {}
    for entry in entries:
        octets = entry.encode() if isinstance(entry, str) else entry
        key, _, value = octets.partition(b"=")
        name = (text_of(key) or "").lower()
        if name:
            found.setdefault(name, text_of(value) or "")
    return found


def verdict_of(service: Service) -> Verdict:
    """Whether a printer on the network announces itself here, or what else does."""
    if is_usb_proxy(service):
        return "usb_proxy"
    if is_cups_share(service):
        return "cups_share"
    if is_link_local(service.address):
        return "link_local"
    return "printer" if service.kind in PRINTING else "not_a_printer"


def is_cups_share(service: Service) -> bool:
    """A queue that a computer shares: CUPS' own keys, its paths, or "printer @ computer" as name."""
    path = service.txt.get("rp", "").lstrip("/")
    return (
        "printer-type" in service.txt
        or "printer-state" in service.txt
        or path.startswith(("printers/", "classes/"))
        or " @ " in service.instance
    )


def is_usb_proxy(service: Service) -> bool:
    """A printer on a computer's USB, lent to that computer alone by ipp-usb: it announces itself on loopback."""
    admin = _host_of(service.txt.get("adminurl", ""))
    return _is_loopback(service.address) or _is_loopback(admin) or service.host in ("localhost", "localhost.")


def is_link_local(address: str | None) -> bool:
    """An address that a machine gave itself, because nobody else did: not reachable from another network."""
    parsed = _address(address)
    return parsed is not None and parsed.is_link_local


def hints_of(profile: Profile, service: Service) -> Hints:
    """What is said of the machine, each from the place that is right most often; `profile` knows the makers."""
    txt = service.txt
    keys = device_id(txt.get("usb_cmd", ""))  # Samsung's hold a whole device id where the command list belongs
    said = _spoken(txt)
    named = txt.get("usb_mfg") or txt.get("mfg") or keys.get("MFG")
    maker = maker_in(profile, [named, said]) or named
    model = txt.get("usb_mdl") or txt.get("mdl") or keys.get("MDL") or said
    host = _plain_host(service.host) or _plain_host(_host_of(txt.get("adminurl", "")))
    uuid = _uuid(txt.get("uuid"))
    path = txt.get("rp") if service.kind in ("_ipp._tcp", "_ipps._tcp") else None
    macs = dict.fromkeys((*macs_of_uuid(uuid), *_macs_of_host(host)))
    return Hints(
        identity=Identity(
            manufacturer=maker or None,
            model=without_maker(profile, model or None, maker),
            host_name=host,
            mac_addresses=tuple(macs),
            description=said,
        ),
        uuid=uuid,
        note=txt.get("note") or None,
        ipp_path="/" + path.lstrip("/") if path else None,
    )


def preferred(services: Sequence[Service]) -> Service | None:
    """Of one machine's printing services the one to believe: IPP before the others, there the lowest priority value.

    Keys differ between services of one printer: `rp` is a queue name for LPR and a path for IPP.
    """
    printing = [service for service in services if verdict_of(service) == "printer"]
    order = ["_ipps._tcp", "_ipp._tcp", "_pdl-datastream._tcp", "_printer._tcp"]
    return min(printing, key=lambda each: (order.index(each.kind), _priority(each)), default=None)


def _priority(service: Service) -> int:
    text = service.txt.get("priority", "")
    return int(text) if re.fullmatch(r"[0-9]{1,3}", text) else 50


def _spoken(txt: Mapping[str, str]) -> str | None:
    """Maker and model as they are spoken, without the suffixes of protocols and languages."""
    product = txt.get("product", "")
    said = txt.get("ty") or (product[1:-1] if product.startswith("(") and product.endswith(")") else product)
    return _SUFFIX.sub("", said).strip() or None


def _uuid(text: str | None) -> str | None:
    plain = (text or "").removeprefix("urn:uuid:").lower()
    return plain if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", plain) else None


def _macs_of_host(host: str | None) -> tuple[str, ...]:
    """Brother and Xerox make the host name of the MAC address: BRNB42200415BAA, XRX9C934E418D37."""
    found = _MAC_IN_HOST.fullmatch(host) if host else None
    mac = mac_of(bytes.fromhex(found[1])) if found else None
    return (mac,) if mac else ()


def _plain_host(host: str | None) -> str | None:
    name = (host or "").rstrip(".")
    name = name[:-6] if name.lower().endswith(".local") else name
    return name if name and _address(name) is None and name != "localhost" else None


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_loopback(host: str | None) -> bool:
    parsed = _address(host)
    return host == "localhost" or (parsed is not None and parsed.is_loopback)


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address((text or "").strip("[]"))
    except ValueError:
        return None

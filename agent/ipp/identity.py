"""Who a printer says it is over IPP, and whether it is a printer at all."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from agent.ipp.witness import Witness
from agent.printers import Identity
from agent.serials import normal_serial
from agent.snmp.identity import maker_in, without_maker
from agent.snmp.octets import device_id, mac_of
from agent.snmp.profile import Profile

SERIAL_KEYS = ("SN", "SERN", "SER")  # IEEE 1284 device id
_UUID = re.compile(r"(?:urn:uuid:)?[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-([0-9a-f]{12})", re.I)


def read_identity(profile: Profile, witness: Witness) -> Identity:
    """The identity in these attributes; `profile` knows how makers are written. What no attribute tells stays None.

    Attributes: printer-device-id and printer-firmware-string-version (PWG 5100.13), printer-make-and-model,
    printer-name, printer-uuid and printer-uri-supported (RFC 8011). The serial number is only taken from the device id.
    """
    keys = device_id(witness.text("printer-device-id") or "")
    named = keys.get("MFG") or keys.get("MANUFACTURER") or keys.get("MANUFACTURE")
    own_words = witness.text("printer-make-and-model")
    maker = maker_in(profile, [named, own_words])
    serial = next((keys[key] for key in SERIAL_KEYS if normal_serial(keys.get(key))), None)
    return Identity(
        manufacturer=maker or named,
        model=without_maker(profile, keys.get("MDL") or keys.get("MODEL") or own_words, maker),
        serial_number=normal_serial(serial),
        serial_number_raw=serial,
        host_name=_host_name(witness.texts("printer-uri-supported")),
        printer_name=witness.text("printer-name"),
        firmware=witness.text("printer-firmware-string-version"),
        mac_addresses=macs_of_uuid(witness.text("printer-uuid")),
        description=own_words,
    )


def is_printer(witness: Witness) -> bool:
    """Whether a machine that prints answered: it speaks of itself, and is no computer that shares one."""
    return not is_print_server(witness) and any(map(witness.has, ("printer-make-and-model", "printer-state")))


def is_print_server(witness: Witness) -> bool:
    """A queue of CUPS on some computer: it counts what that computer sent, not what the machine printed.

    printer-type and cups-version are CUPS' own attributes; its queues lie below /printers/ and /classes/.
    """
    uris = witness.texts("printer-uri-supported")
    queues = any(_path(uri).startswith(("/printers/", "/classes/")) for uri in uris)
    return queues or witness.has("printer-type") or witness.has("cups-version")


def macs_of_uuid(uuid: str | None) -> tuple[str, ...]:
    """The MAC address at the end of a UUID of version 1, where it is that of a real network card (RFC 9562 5.1).

    The other versions end in chance or in a hash.
    """
    found = _UUID.fullmatch(uuid.strip()) if uuid else None
    if found is None or found[1] != "1":
        return ()
    octets = bytes.fromhex(found[2])
    mac = mac_of(octets)
    locally_made = bool(octets[0] & 2)
    return (mac,) if mac and not locally_made else ()


def _host_name(uris: tuple[str, ...]) -> str | None:
    for uri in uris:
        try:
            host = urlsplit(uri).hostname
        except ValueError:
            continue
        if host and not _is_address(host) and host != "localhost":
            return host.rstrip(".")
    return None


def _path(uri: str) -> str:
    try:
        return urlsplit(uri).path
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True

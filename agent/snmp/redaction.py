"""A recording without what names the customer: serial numbers, host names, addresses, people; counters stay.

The same word becomes the same substitute everywhere, so that a redacted recording still fits together: its serial
number stands in the Printer-MIB, in the device id and in sysDescr alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent.printers import Identity
from agent.snmp.octets import text_of
from agent.snmp.varbinds import Oid, Tag, Value, Varbinds, as_octets, oid_of

# Never recorded, whatever stands there: sysContact, sysLocation, prtGeneralCurrentOperator, prtGeneralServicePerson.
PERSONAL = tuple(
    map(oid_of, ("1.3.6.1.2.1.1.4", "1.3.6.1.2.1.1.6", "1.3.6.1.2.1.43.5.1.1.4", "1.3.6.1.2.1.43.5.1.1.5"))
)
SERIAL_COLUMN = oid_of("1.3.6.1.2.1.43.5.1.1.17")
NAME_OBJECTS = tuple(map(oid_of, ("1.3.6.1.2.1.1.5", "1.3.6.1.2.1.43.5.1.1.16")))
MAC_COLUMN = oid_of("1.3.6.1.2.1.2.2.1.6")
ADDRESS = re.compile(rb"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
MAIL = re.compile(rb"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
DOCUMENTATION_ADDRESS = bytes((192, 0, 2, 1))  # RFC 5737, for documents


def redact(varbinds: Varbinds, identity: Identity, serials: Iterable[str] = (), names: Iterable[str] = ()) -> Varbinds:
    """The same answers without personal objects and with every identifying word replaced.

    `serials` are further serial numbers, those of supplies among them, which lead to who bought them; `names` further
    names of the printer.
    """
    words = substitutes(varbinds, identity, serials, names)
    kept = ((oid, value) for oid, value in varbinds.items() if not _below_any(oid, PERSONAL))
    return Varbinds((oid, _redacted(oid, value, words)) for oid, value in kept)


def substitutes(
    varbinds: Varbinds, identity: Identity, more_serials: Iterable[str] = (), more_names: Iterable[str] = ()
) -> dict[bytes, bytes]:
    """What is replaced by what; longer words first, so that no part of one survives."""
    serials = {identity.serial_number_raw, *more_serials, *(_texts(varbinds, SERIAL_COLUMN))}
    said = {identity.host_name, *more_names, *(text for prefix in NAME_OBJECTS for text in _texts(varbinds, prefix))}
    model = (identity.model or "").casefold()
    names = {name for name in said if name and name.casefold() not in model}
    found: dict[bytes, bytes] = {}
    for number, serial in enumerate(sorted(filter(None, serials)), 1):
        found[serial.encode()] = _like(serial, number).encode()
    for number, name in enumerate(sorted(names), 1):
        found[name.encode()] = _named(name, number).encode()
    for number, mac in enumerate(identity.mac_addresses, 1):
        plain = mac.replace(":", "")
        other = f"02000000{number:04x}"
        found |= {plain.encode(): other.encode(), plain.upper().encode(): other.upper().encode()}
        found |= {bytes.fromhex(plain): bytes.fromhex(other)}
    usable = {word: other for word, other in found.items() if len(word) >= 4}
    return dict(sorted(usable.items(), key=lambda pair: -len(pair[0])))


def _texts(varbinds: Varbinds, prefix: Oid) -> set[str]:
    octets = (as_octets(value) for value in varbinds.column(prefix).values())
    return {text for content in octets if content and (text := text_of(content))}


def _like(serial: str, number: int) -> str:
    """A serial number of the same length and shape: letters become X, digits 0, and the end counts."""
    shape = "".join("0" if sign.isdigit() else "X" if sign.isalpha() else sign for sign in serial)
    return f"{shape[:-2]}{number:02d}" if len(shape) > 3 else shape


def _named(name: str, number: int) -> str:
    return f"PRINTER{number}".ljust(len(name), "X")[: max(len(name), 4)]


def _redacted(oid: Oid, value: Value, words: dict[bytes, bytes]) -> Value:
    if value.tag == Tag.IP_ADDRESS:
        return Value(value.tag, DOCUMENTATION_ADDRESS)
    content = value.content
    if value.tag != Tag.OCTET_STRING or not isinstance(content, bytes):
        return value
    if oid[: len(MAC_COLUMN)] == MAC_COLUMN and len(content) == 6 and any(content) and content not in words:
        return Value(value.tag, b"\x02\x00\x00\x00\x00\xff")
    for word, other in words.items():
        content = content.replace(word, other)
    content = ADDRESS.sub(b"192.0.2.1", MAIL.sub(b"someone@example.org", content))
    return Value(value.tag, content)


def _below_any(oid: Oid, prefixes: tuple[Oid, ...]) -> bool:
    return any(oid[: len(prefix)] == prefix for prefix in prefixes)

"""IPP messages as the tests' printers send them, encoded by RFC 8010 without the agent's own code."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any


def response(attributes: Sequence[tuple[int, str, Any]], *, status: int = 0, version: int = 0x0200) -> bytes:
    """A Get-Printer-Attributes response; each attribute is tag, name and one value or a list of values."""
    operation = field(0x47, "attributes-charset", b"utf-8") + field(0x48, "attributes-natural-language", b"en")
    body = struct.pack(">HHI", version, status, 1) + b"\x01" + operation + b"\x04"
    return body + b"".join(attribute(*one) for one in attributes) + b"\x03"


def attribute(tag: int, name: str, values: Any) -> bytes:
    """All values of one attribute."""
    listed = values if isinstance(values, list) else [values]
    return b"".join(value(tag, "" if place else name, one) for place, one in enumerate(listed))


def value(tag: int, name: str, one: Any) -> bytes:
    """One value; a dict is a collection of (tag, value) pairs."""
    if isinstance(one, dict):
        members = b"".join(
            field(0x4A, "", key.encode()) + attribute(kind, "", inner) for key, (kind, inner) in one.items()
        )
        return field(0x34, name, b"") + members + field(0x37, "", b"")
    if one is None:
        return field(0x13, name, b"")
    if isinstance(one, bool):
        return field(tag, name, bytes((one,)))
    if isinstance(one, int):
        return field(tag, name, struct.pack(">i", one))
    return field(tag, name, one if isinstance(one, bytes) else str(one).encode())


def field(tag: int, name: str, octets: bytes) -> bytes:
    """Tag, name and value with their lengths."""
    return struct.pack(">BH", tag, len(name.encode())) + name.encode() + struct.pack(">H", len(octets)) + octets

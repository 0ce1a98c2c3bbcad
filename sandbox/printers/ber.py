"""BER as SNMP needs it (X.690, RFC 3416): the few element types, definite lengths only.

Written apart from the agent's codec on purpose: a mistake in one of them shows as a disagreement of the two.
"""

from __future__ import annotations

Oid = tuple[int, ...]

INTEGER = 0x02
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
IP_ADDRESS = 0x40
COUNTER32 = 0x41
GAUGE32 = 0x42
TIME_TICKS = 0x43
OPAQUE = 0x44
COUNTER64 = 0x46
NUMBERS = frozenset({INTEGER, COUNTER32, GAUGE32, TIME_TICKS, COUNTER64})
STRINGS = frozenset({OCTET_STRING, IP_ADDRESS, OPAQUE})


class Malformed(ValueError):
    """These octets are not the BER that was expected here."""


def tlv(tag: int, content: bytes) -> bytes:
    """One element: identifier octet, length, content."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def integer(value: int) -> bytes:
    """The content octets of a number in the fewest octets, two's complement (also for the unsigned types)."""
    return value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True)


def number(content: bytes) -> int:
    """The number in an INTEGER's content."""
    return int.from_bytes(content, "big", signed=True)


def oid(arcs: Oid) -> bytes:
    """The content octets of an object identifier; raises `ValueError` for one that cannot exist."""
    if len(arcs) < 2 or not 0 <= arcs[0] <= 2 or (arcs[0] < 2 and arcs[1] > 39) or min(arcs) < 0:
        raise ValueError(f"no object identifier: {arcs}")
    if max(arcs) < 0x80 and arcs[0] < 2:  # most arcs are short ones
        return bytes((40 * arcs[0] + arcs[1], *arcs[2:]))
    octets = bytearray()
    for arc in (40 * arcs[0] + arcs[1], *arcs[2:]):
        if arc < 0x80:
            octets.append(arc)
            continue
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        octets.extend(reversed(groups))
    return bytes(octets)


def arcs(content: bytes) -> Oid:
    """The arcs of an object identifier's content; raises `Malformed`."""
    numbers: list[int] = []
    arc = 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(arc)
            arc = 0
    if not numbers or content[-1] & 0x80:
        raise Malformed("object identifier")
    first = min(numbers[0] // 40, 2)
    return (first, numbers[0] - 40 * first, *numbers[1:])


def element(octets: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Identifier, start and end of the content of the element at `at`; raises `Malformed` when it does not fit."""
    if at + 2 > end:
        raise Malformed("cut short")
    tag, size = octets[at], octets[at + 1]
    at += 2
    if size & 0x80:
        many = size & 0x7F
        if not 0 < many <= 4 or at + many > end:
            raise Malformed("length")
        size = int.from_bytes(octets[at : at + many], "big")
        at += many
    if at + size > end:
        raise Malformed("length")
    return tag, at, at + size


def expected(tag: int, octets: bytes, at: int, end: int) -> tuple[int, int]:
    """Start and end of the content of the element at `at`, which must be a `tag`; raises `Malformed`."""
    found, start, stop = element(octets, at, end)
    if found != tag:
        raise Malformed(f"0x{found:02x} instead of 0x{tag:02x}")
    return start, stop

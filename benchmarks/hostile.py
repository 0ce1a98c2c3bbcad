"""What a crafted datagram costs: answers made to be expensive, as large as the agent takes them and larger."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from pyasn1.codec.ber import decoder
from pysnmp.proto import api

from agent.errors import BadReply
from agent.snmp.codec import MAX_DATAGRAM, RESPONSE, decode_response, integer, tlv
from benchmarks.page import Row

ROUNDS = 20
LARGE = 60_000
PEER_SIZE = 16_000


def answer(varbinds: bytes) -> bytes:
    """A v2c Response around these variable bindings."""
    head = integer(0x40000001) + integer(0) + integer(0)
    return tlv(0x30, integer(1) + tlv(4, b"public") + tlv(RESPONSE, head + tlv(0x30, varbinds)))


def varbind(name: bytes, value: bytes) -> bytes:
    """One variable binding."""
    return tlv(0x30, tlv(6, name) + value)


def one_identifier(size: int) -> bytes:
    """An object identifier with as many arcs as there is room for."""
    return answer(varbind(b"\x2b" + b"\x01" * size, tlv(5, b"")))


def one_arc(size: int) -> bytes:
    """An object identifier with a single arc of thousands of digits."""
    return answer(varbind(b"\x2b" + b"\xff" * size + b"\x01", tlv(5, b"")))


def one_number(size: int) -> bytes:
    """An INTEGER with as many octets."""
    return answer(varbind(b"\x2b\x06", tlv(2, b"\x7f" * size)))


def nested(size: int) -> bytes:
    """SEQUENCEs, one in the other."""
    inner = b""
    while len(inner) < size:
        inner = tlv(0x30, inner)
    return answer(inner)


def many_small(size: int) -> bytes:
    """As many tiny variable bindings as there is room for."""
    return answer(varbind(b"\x2b", tlv(5, b"")) * (size // 7))


def many_different(size: int) -> bytes:
    """Variable bindings within every limit, each with an identifier of its own that nobody has seen."""
    made, number = b"", time.monotonic_ns()
    while len(made) < size - 64:
        number += 1
        arcs = b"".join(bytes((0x80 | number >> shift & 0x7F,)) + b"\x01" for shift in range(0, 56, 7))
        made += varbind(b"\x2b\x06" + arcs * 3, tlv(0x41, number.to_bytes(8, "big")[3:]))
    return answer(made)


def lying_length(size: int) -> bytes:
    """A value that claims two gigabytes."""
    return answer(tlv(0x30, tlv(6, b"\x2b\x06") + b"\x04\x84\x7f\xff\xff\xff") + b"A" * size)


CRAFTED = (one_identifier, one_arc, one_number, nested, many_small, many_different, lying_length)


def rows() -> list[Row]:
    """The worst of all crafted answers, at the largest size that is read and beyond it; and pysnmp's decoder."""
    largest = {make.__name__: worst(make, MAX_DATAGRAM - 256) for make in CRAFTED}
    beyond = {make.__name__: worst(make, LARGE) for make in CRAFTED}
    every = {f"{name} of 16 KB": spent for name, spent in largest.items()}
    every |= {f"{name} of 60 KB": spent for name, spent in beyond.items()}
    dearest = max(every, key=lambda name: every[name])
    peer = {make.__name__: worst_of_peer(make) for make in CRAFTED}
    slowest = max(peer, key=lambda name: peer[name])
    what = f"CPU for one crafted datagram, the worst of {len(every)}"
    ours = f"{every[dearest]:.2f} ms ({dearest.replace('_', ' ')})"
    theirs = f"pysnmp at {PEER_SIZE // 1000} KB: {peer[slowest]:,.0f} ms ({slowest.replace('_', ' ')})"
    return [Row(what, ours, theirs, target="≤ 50 ms", met=every[dearest] <= 50)]


def worst(make: Callable[[int], bytes], size: int) -> float:
    """Milliseconds of CPU for the dearest of several such datagrams."""
    spent = []
    for _ in range(ROUNDS):
        datagram = make(size)
        began = time.process_time()
        with suppress(BadReply):
            decode_response(datagram)
        spent.append(time.process_time() - began)
    return max(spent) * 1000


def worst_of_peer(make: Callable[[int], bytes]) -> float:
    """The same for pysnmp's decoder, once."""
    datagram = make(PEER_SIZE)
    began = time.process_time()
    with suppress(Exception):  # whatever it raises, it is the time until then that counts
        decoder.decode(datagram, asn1Spec=api.PROTOCOL_MODULES[api.SNMP_VERSION_2C].Message())
    return (time.process_time() - began) * 1000

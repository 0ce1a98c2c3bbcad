"""One SNMP request and the honest answer to it (RFC 1157, RFC 3416): GET, GETNEXT and GETBULK, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sandbox.printers import ber
from sandbox.printers.mib import Mib, Row

V1, V2C = 0, 1
GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5
TOO_BIG, NO_SUCH_NAME, GEN_ERR = 1, 2, 5
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW = b"\x80\x00", b"\x81\x00", b"\x82\x00"
UNSPECIFIED = b"\x05\x00"
ANSWER_SIZE = 1472  # octets: one Ethernet frame, what real printers keep to
MOST_NAMES = 512

After = Callable[[bytes], Row | None]


@dataclass(frozen=True, slots=True)
class Request:
    """A request. For GETBULK `first` and `second` are non-repeaters and max-repetitions; `names` are encoded."""

    version: int
    community: bytes
    kind: int
    request_id: int
    first: int
    second: int
    names: tuple[bytes, ...]


class Scope(NamedTuple):
    """What a community may see, and the order in which a walk meets it."""

    mib: Mib
    after: After


def parse(octets: bytes) -> Request | None:
    """The request in a datagram; `None` for everything that a read-only v1/v2c agent does not answer."""
    try:
        return _request(octets)
    except ber.Malformed:
        return None


def _request(octets: bytes) -> Request | None:
    at, end = ber.expected(ber.SEQUENCE, octets, 0, len(octets))
    start, at = ber.expected(ber.INTEGER, octets, at, end)
    version = ber.number(octets[start:at])
    if version not in (V1, V2C):
        return None
    start, at = ber.expected(ber.OCTET_STRING, octets, at, end)
    community = octets[start:at]
    kind, at, end = ber.element(octets, at, end)
    if kind not in (GET, GET_NEXT, GET_BULK) or (kind == GET_BULK and version == V1):
        return None
    numbers = []
    for _ in range(3):
        start, at = ber.expected(ber.INTEGER, octets, at, end)
        numbers.append(ber.number(octets[start:at]))
    at, end = ber.expected(ber.SEQUENCE, octets, at, end)
    return Request(version, community, kind, numbers[0], numbers[1], numbers[2], _names(octets, at, end))


def _names(octets: bytes, at: int, end: int) -> tuple[bytes, ...]:
    names = []
    while at < end:
        inner, at = ber.expected(ber.SEQUENCE, octets, at, end)
        start, stop = ber.expected(ber.OBJECT_IDENTIFIER, octets, inner, at)
        name = octets[start:stop]
        ber.arcs(name)
        names.append(name)
        if len(names) > MOST_NAMES:
            raise ber.Malformed("too many variables")
    return tuple(names)


def answer(request: Request, scope: Scope, size: int = ANSWER_SIZE) -> bytes:
    """The honest answer in at most `size` octets."""
    if request.kind == GET_BULK:
        return _bulk(request, scope, size)
    bindings: list[bytes] = []
    for index, name in enumerate(request.names, 1):
        found = _one(request, scope, name)
        if found is None:
            return refusal(request, NO_SUCH_NAME, index)
        bindings.append(found)
    if sum(map(len, bindings)) > room(request, size):
        return refusal(request, TOO_BIG)
    return response(request, bindings)


def _one(request: Request, scope: Scope, name: bytes) -> bytes | None:
    """The binding that answers one name of a GET or GETNEXT; `None` where v1 has to say noSuchName."""
    old = request.version == V1
    if request.kind == GET:
        found = scope.mib.get(name)
        if found and not (old and found.wide):
            return found.binding
        return None if old else binding(name, NO_SUCH_INSTANCE if scope.mib.offers(name) else NO_SUCH_OBJECT)
    found = scope.after(name)
    while found and old and found.wide:  # RFC 3584 section 4.2.2.1: Counter64 does not exist for a v1 manager
        found = scope.after(found.name)
    if found:
        return found.binding
    return None if old else binding(name, END_OF_MIB_VIEW)


def _bulk(request: Request, scope: Scope, size: int) -> bytes:
    """RFC 3416 section 4.2.3: non-repeaters once, then rows until they end, suffice or no longer fit."""
    single = max(0, min(request.first, len(request.names)))
    left = room(request, size)
    bindings: list[bytes] = []
    for name in request.names[:single]:
        found = scope.after(name)
        bindings.append(found.binding if found else binding(name, END_OF_MIB_VIEW))
        left -= len(bindings[-1])
    names = list(request.names[single:])
    for _ in range(max(0, request.second) if names and left >= 0 else 0):
        ended = 0
        for column, name in enumerate(names):
            found = scope.after(name)
            ended += found is None
            bindings.append(found.binding if found else binding(name, END_OF_MIB_VIEW))
            names[column] = found.name if found else name
            left -= len(bindings[-1])
            if left < 0:
                break
        if left < 0 or ended == len(names):
            break
    if left < 0:
        bindings = _fitting(bindings, room(request, size))
    return response(request, bindings) if bindings or not request.names else refusal(request, TOO_BIG)


def _fitting(bindings: Sequence[bytes], left: int) -> list[bytes]:
    fitting = []
    for each in bindings:
        left -= len(each)
        if left < 0:
            break
        fitting.append(each)
    return fitting


def binding(name: bytes, value: bytes) -> bytes:
    """A variable binding of an encoded name and an encoded value."""
    return ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, name) + value)


def refusal(request: Request, status: int, index: int = 0) -> bytes:
    """An error answer: with the request's names, except that v2c's tooBig carries none (RFC 3416 section 4.2.1)."""
    names = () if status == TOO_BIG and request.version == V2C else request.names
    return response(request, [binding(name, UNSPECIFIED) for name in names], status, index)


def response(request: Request, bindings: Sequence[bytes], status: int = 0, index: int = 0) -> bytes:
    """A GetResponse message to this request."""
    listed = ber.tlv(ber.SEQUENCE, b"".join(bindings))
    numbers = b"".join(ber.tlv(ber.INTEGER, ber.integer(each)) for each in (request.request_id, status, index))
    return enveloped(request, ber.tlv(RESPONSE, numbers + listed))


def enveloped(request: Request, pdu: bytes) -> bytes:
    """A PDU in a message of the request's version and community."""
    head = ber.tlv(ber.INTEGER, ber.integer(request.version)) + ber.tlv(ber.OCTET_STRING, request.community)
    return ber.tlv(ber.SEQUENCE, head + pdu)


def room(request: Request, size: int) -> int:
    """How many octets the bindings of an answer of `size` octets may take together."""
    spare = 12  # the three outer lengths may each need two more octets than those of an empty list, and the PDU's
    return size - len(response(request, [])) - spare

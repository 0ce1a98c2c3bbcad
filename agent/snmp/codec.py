"""SNMP v1 and v2c messages in BER: requests out, responses in, bounded so that no datagram costs more than its length.

Only what a reader needs exists: GetRequest, GetNextRequest, GetBulkRequest out, Response in. There is no SetRequest.
Sources: RFC 1157, RFC 3416 (PDUs), RFC 3417 section 8 (BER as SNMP uses it), ITU-T X.690.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from agent.errors import BadReply
from agent.snmp.varbinds import Oid, Tag, Value
from agent.texts import message

MAX_DATAGRAM = 16 * 1024
MAX_VARBINDS = 256
MAX_ARCS = 128
MAX_ARC = 2**32 - 1
MAX_INTEGER_OCTETS = 9
MAX_STRING_OCTETS = 4096
MAX_REMEMBERED = 20_000
LEAST_ID = 2**23  # the least request id that takes four octets; BER has one form of a number only
MAX_KNOWN_OCTETS = 0x60  # longer varbinds are not worth remembering
MAX_KNOWN_NUMBER = 2**15 - 1  # greater ones are counters and times, which hardly any other printer tells as well

GET, GET_NEXT, RESPONSE, GET_BULK = 0xA0, 0xA1, 0xA2, 0xA5
VERSIONS = {"v1": 0, "v2c": 1}
K = TypeVar("K")
V = TypeVar("V")
_SEQUENCE = 0x30
# How the content of each type is read, by its tag; other tags are none of SNMP's.
_NUMBER, _STRING, _COUNTER, _NOTHING, _IDENTIFIER = range(5)
_KIND_OF = {
    Tag.INTEGER: _NUMBER,
    Tag.OCTET_STRING: _STRING,
    Tag.IP_ADDRESS: _STRING,
    Tag.OPAQUE: _STRING,
    Tag.COUNTER32: _COUNTER,
    Tag.GAUGE32: _COUNTER,
    Tag.TIME_TICKS: _COUNTER,
    Tag.COUNTER64: _COUNTER,
    Tag.OBJECT_IDENTIFIER: _IDENTIFIER,
    Tag.NULL: _NOTHING,
    Tag.NO_SUCH_OBJECT: _NOTHING,
    Tag.NO_SUCH_INSTANCE: _NOTHING,
    Tag.END_OF_MIB_VIEW: _NOTHING,
}
_TAGS: list[Tag | None] = [None] * 256
_KINDS = [_NOTHING] * 256
for _tag, _kind in _KIND_OF.items():
    _TAGS[_tag], _KINDS[_tag] = _tag, _kind
_OBJECT = int(Tag.OBJECT_IDENTIFIER)
_INTEGER = int(Tag.INTEGER)  # an attribute of an enum costs as much as the comparison
_STRING_TAG = int(Tag.OCTET_STRING)
_NO_ERROR = b"\x02\x01\x00\x02\x01\x00"  # error status and index of nearly every response
_made = tuple.__new__  # a NamedTuple without the cost of its constructor

# Printers share the same few hundred identifiers, and most varbinds are what the last printer of that model, or the
# same printer an hour ago, has said: each is taken apart once and then shared. Emptied when full, so that a device that
# makes things up cannot fill the memory.
_oids: dict[bytes, Oid] = {}
_known: dict[bytes, tuple[Oid, Value]] = {}
_encoded: dict[Oid, bytes] = {}


class Response(NamedTuple):
    """A decoded Response PDU. `error_status` and `error_index` as in RFC 3416; varbinds in the device's order."""

    version: int
    community: bytes
    request_id: int
    error_status: int
    error_index: int
    varbinds: list[tuple[Oid, Value]]


def encode_pdu(pdu: int, oids: Sequence[Oid], *, first: int = 0, second: int = 0) -> tuple[bytes, bytes]:
    """A request PDU before and after its request id, which is four octets long: it serves any number of printers.

    `pdu` is GET, GET_NEXT or GET_BULK, for which `first` is non-repeaters and `second` max-repetitions.
    """
    names = tlv(_SEQUENCE, b"".join(tlv(_SEQUENCE, encode_oid(oid) + b"\x05\x00") for oid in oids))
    rest = integer(first) + integer(second) + names
    whole = tlv(pdu, b"\x02\x04\x00\x00\x00\x00" + rest)
    return whole[: -len(rest) - 4], rest


def encode_head(version: int, community: bytes) -> bytes:
    """What stands before the PDU in every message to a printer; `version` is 0 for v1, 1 for v2c."""
    return integer(version) + tlv(Tag.OCTET_STRING, community)


def encode_frame(head: bytes, pdu: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """A request message before and after its request id, of `encode_head` and `encode_pdu`."""
    before, after = pdu
    whole = tlv(_SEQUENCE, head + before + b"\x00\x00\x00\x00" + after)
    return whole[: -len(after) - 4], after


def encode_request(head: bytes, pdu: tuple[bytes, bytes], request_id: int) -> bytes:
    """A request message of its parts, of `encode_head` and `encode_pdu`; `request_id` LEAST_ID..2^31-1."""
    before, after = encode_frame(head, pdu)
    return before + request_id.to_bytes(4, "big") + after


def encode_oid(oid: Oid) -> bytes:
    """Tag, length and content of an OBJECT IDENTIFIER. Raises `ValueError` for an arc outside 0..2^32-1."""
    known = _encoded.get(oid)
    if known is None:
        if not all(0 <= arc <= MAX_ARC for arc in oid):
            raise ValueError(f"an arc of {oid} is outside 0..{MAX_ARC}")
        content = bytearray(_base128(oid[0] * 40 + oid[1]))
        for arc in oid[2:]:
            content += _base128(arc)
        known = tlv(Tag.OBJECT_IDENTIFIER, bytes(content))
        _remember(_encoded, oid, known)
    return known


def decode_response(datagram: bytes) -> Response:
    """The response in a datagram. Raises `BadReply` for anything that is not exactly one within the limits above."""
    if len(datagram) > MAX_DATAGRAM:
        raise _bad("too_long")
    try:
        return _response(datagram)
    except IndexError:
        raise _bad("truncated") from None


def decode_pdu(pdu: bytes) -> Response:
    """A PDU alone, of whatever kind, as if in a v2c message without a community. Raises `BadReply` like
    `decode_response`."""
    try:
        _, at, end = _header(pdu, 0, len(pdu))
        if end != len(pdu):
            raise _bad("trailing_octets")
        return _pdu(pdu, at, end, VERSIONS["v2c"], b"")
    except IndexError:
        raise _bad("truncated") from None


def _response(data: bytes) -> Response:
    tag, at, end = _header(data, 0, len(data))
    if tag != _SEQUENCE or end != len(data):
        raise _bad("not_a_message")
    version, at = _small(data, at, end)
    tag, at, stop = _header(data, at, end)
    if version not in (0, 1) or tag != _STRING_TAG or stop - at > MAX_STRING_OCTETS:
        raise _bad("not_a_message")
    community = data[at:stop]
    tag, at, pdu_end = _header(data, stop, end)
    if tag != RESPONSE or pdu_end != end:
        raise _bad("not_a_response")
    return _pdu(data, at, end, version, community)


def _pdu(data: bytes, at: int, end: int, version: int, community: bytes) -> Response:
    """The response whose PDU's content is between these places; it ends with the data."""
    request_id, at = _small(data, at, end)
    status = index = 0
    if data[at : at + 6] == _NO_ERROR:
        at += 6
    else:
        status, at = _small(data, at, end)
        index, at = _small(data, at, end)
    tag, at, stop = _header(data, at, end)
    if tag != _SEQUENCE or stop != end:
        raise _bad("no_varbind_list")
    return _made(Response, (version, community, request_id, status, index, _varbinds(data, at, end)))


def _varbinds(data: bytes, at: int, end: int) -> list[tuple[Oid, Value]]:
    """The varbind list up to `end`, which is the end of the data. Here reading spends its time."""
    found: list[tuple[Oid, Value]] = []
    get = _known.get
    while at < end:
        length = data[at + 1]
        stop = at + 2 + length
        octets = data[at:stop]
        known = get(octets)
        if known is None:
            if length >= 0x80:
                stop = _long(data, at + 1)[1]
            if stop > end:
                raise _bad("truncated")
            known = _varbind(data, at, stop)
            content = known[1][1]
            if length < MAX_KNOWN_OCTETS and not (isinstance(content, int) and content > MAX_KNOWN_NUMBER):
                _remember(_known, octets, known)
        found.append(known)
        at = stop
    if len(found) > MAX_VARBINDS:
        raise _bad("too_many_varbinds")
    return found


def _varbind(data: bytes, at: int, end: int) -> tuple[Oid, Value]:
    """The one varbind between these two places."""
    if data[at] != _SEQUENCE:
        raise _bad("no_varbind")
    at = at + 2 if data[at + 1] < 0x80 else _long(data, at + 1)[0]
    if data[at] != _OBJECT:
        raise _bad("no_object_identifier")
    start, at = (at + 2, at + 2 + data[at + 1]) if data[at + 1] < 0x80 else _long(data, at + 1)
    name, tag = data[start:at], data[at]
    start, at = (at + 2, at + 2 + data[at + 1]) if data[at + 1] < 0x80 else _long(data, at + 1)
    if at != end:
        raise _bad("trailing_octets" if at < end else "truncated")
    return _oids.get(name) or _oid(name), _value(tag, data[start:at])


def _long(data: bytes, at: int) -> tuple[int, int]:
    """Start and end of a content whose length octets, at `at`, are of the long definite form."""
    count = data[at] & 0x7F
    if not 1 <= count <= 4:
        raise _bad("length_form")
    start = at + 1 + count
    return start, start + int.from_bytes(data[at + 1 : start], "big")


def _header(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Tag, start and end of the content; low tag numbers and definite lengths only, never beyond `end`."""
    start, stop = at + 2, at + 2 + data[at + 1]
    if data[at + 1] >= 0x80:
        start, stop = _long(data, at + 1)
    if stop > end:
        raise _bad("truncated")
    return data[at], start, stop


def _small(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A 32-bit INTEGER of the message's frame, and where it ends."""
    start, stop = at + 2, at + 2 + data[at + 1]
    if data[at + 1] >= 0x80:
        start, stop = _long(data, at + 1)
    if data[at] != _INTEGER or not 1 <= stop - start <= 5 or stop > end:
        raise _bad("no_integer")
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def _value(number: int, content: bytes) -> Value:
    tag = _TAGS[number]
    if tag is None:
        raise _bad("unknown_type")
    kind = _KINDS[number]
    if kind == _NUMBER:
        if not 1 <= len(content) <= MAX_INTEGER_OCTETS:
            raise _bad("integer_length")
        return _made(Value, (tag, int.from_bytes(content, "big", signed=True)))
    if kind == _STRING:
        if len(content) > MAX_STRING_OCTETS:
            raise _bad("string_too_long")
        return _made(Value, (tag, content))
    if kind == _COUNTER:
        # Devices leave out the leading zero octet, which would make a counter negative.
        if not 1 <= len(content) <= MAX_INTEGER_OCTETS:
            raise _bad("integer_length")
        return _made(Value, (tag, int.from_bytes(content, "big") & (MAX_ARC if tag != Tag.COUNTER64 else 2**64 - 1)))
    if kind == _NOTHING:
        if content:
            raise _bad("null_with_content")
        return Value(tag, None)
    # Zero octets stand for 0.0 on some devices; there is no such object, but it is no reason to lose the rest.
    return Value(tag, (_oids.get(content) or _oid(content)) if content else (0, 0))


def _oid(content: bytes) -> Oid:
    if not content or content[-1] & 0x80:
        raise _bad("object_identifier")
    arcs: list[int] = []
    arc = 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if arc > MAX_ARC:
            raise _bad("object_identifier")
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
            if len(arcs) >= MAX_ARCS:
                raise _bad("object_identifier")
    root = min(arcs[0] // 40, 2)
    oid = (root, arcs[0] - 40 * root, *arcs[1:])
    _remember(_oids, content, oid)
    return oid


def tlv(tag: int, content: bytes) -> bytes:
    """Tag, length and content (X.690 section 8.1)."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def integer(value: int) -> bytes:
    """An INTEGER, signed and as short as it can be (X.690 section 8.3)."""
    if 0 <= value < 0x80:
        return bytes((_INTEGER, 1, value))
    return tlv(Tag.INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def _base128(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(0x80 | arc & 0x7F)
    return bytes(reversed(octets))


def _remember(cache: dict[K, V], key: K, value: V) -> None:
    if len(cache) >= MAX_REMEMBERED:
        cache.clear()
    cache[key] = value


def _bad(reason: str) -> BadReply:
    return BadReply(
        message("The datagram is no SNMP response that can be read ({reason}).", reason=reason), reason=reason
    )

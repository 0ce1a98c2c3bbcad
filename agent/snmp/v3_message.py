"""SNMPv3 messages in BER (RFC 3412 section 6, RFC 3414 section 2.4): requests out, answers in, bounded like v2c.

Only the frame is here; the PDU inside is that of v2c and read by the same decoder with the same bounds.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.errors import BadReply
from agent.snmp.codec import MAX_DATAGRAM, RESPONSE, Response, decode_response, integer, tlv
from agent.snmp.inquiry import Request
from agent.texts import message

REPORT = 0xA8
REPORTABLE = 4  # bit of msgFlags
USM = 3  # msgSecurityModel
MAX_ENGINE_ID, MAX_USER, MAX_PARAMETERS, MAX_CONTEXT = 32, 32, 64, 255

_SEQUENCE, _INTEGER, _OCTETS = 0x30, 0x02, 0x04
_V2C_HEAD = b"\x02\x01\x01\x04\x00"  # version 1 and an empty community, before a v2c PDU


class Clock(NamedTuple):
    """msgAuthoritativeEngineBoots and msgAuthoritativeEngineTime: how often the engine started, and seconds since."""

    boots: int
    time: int


class Envelope(NamedTuple):
    """A received message: who says it when, and what it says. `content` is the scoped PDU or its encrypted octets.

    `digest_at` is where msgAuthenticationParameters stand in the datagram.
    """

    number: int
    flags: int
    engine_id: bytes
    clock: Clock
    user: bytes
    digest: bytes
    digest_at: int
    salt: bytes
    content: bytes


class Scoped(NamedTuple):
    """A scoped PDU: the context it is about, whether it is a Report, and the PDU as v2c knows it."""

    engine_id: bytes
    context: bytes
    report: bool
    response: Response


class Frame(NamedTuple):
    """What stands around a request: msgID, msgFlags, the engine that is spoken to with its clock, the user."""

    number: int
    flags: int
    engine_id: bytes
    clock: Clock
    user: bytes


def encode_pdu(request: Request, request_id: int) -> bytes:
    """The request PDU alone, as in v2c; `request_id` LEAST_ID..2^31-1."""
    before, after = request.octets
    return before + request_id.to_bytes(4, "big") + after


def encode_scoped(engine_id: bytes, context: bytes, pdu: bytes) -> bytes:
    """A PDU with the context it is about (RFC 3412 section 6.8)."""
    return tlv(_SEQUENCE, tlv(_OCTETS, engine_id) + tlv(_OCTETS, context) + pdu)


def encode_message(frame: Frame, digest: bytes, salt: bytes, content: bytes) -> bytes:
    """The whole message. `content` is a scoped PDU, or with the privacy flag its encrypted octets."""
    head = integer(frame.number) + integer(MAX_DATAGRAM) + tlv(_OCTETS, bytes((frame.flags,))) + integer(USM)
    clock = integer(frame.clock.boots) + integer(frame.clock.time)
    who = tlv(_OCTETS, frame.engine_id) + clock + tlv(_OCTETS, frame.user)
    security = tlv(_SEQUENCE, who + tlv(_OCTETS, digest) + tlv(_OCTETS, salt))
    data = tlv(_OCTETS, content) if frame.flags & 2 else content
    return tlv(_SEQUENCE, integer(3) + tlv(_SEQUENCE, head) + tlv(_OCTETS, security) + data)


def decode_message(datagram: bytes) -> Envelope:
    """The message in a datagram, not yet proven and still encrypted. Raises `BadReply` for anything else."""
    if len(datagram) > MAX_DATAGRAM:
        raise _bad("too_long")
    whole = _Reader(datagram, 0, len(datagram)).inside(_SEQUENCE, last=True)
    if whole.number() != 3:
        raise _bad("not_v3")
    head = whole.inside(_SEQUENCE)
    number, _, flags, model = head.number(), head.number(), head.octets(1), head.number()
    if model != USM or len(flags) != 1 or flags[0] & 3 == 2:
        raise _bad("security_model")
    who = whole.inside(_OCTETS).inside(_SEQUENCE, last=True)
    engine_id, clock = who.octets(MAX_ENGINE_ID), Clock(who.number(), who.number())
    user, digest = who.octets(MAX_USER), who.octets(MAX_PARAMETERS)
    digest_at = who.at - len(digest)
    salt = who.octets(MAX_PARAMETERS)
    if number < 0 or clock.boots < 0 or clock.time < 0:
        raise _bad("negative")
    content = whole.octets(MAX_DATAGRAM) if flags[0] & 2 else whole.element(_SEQUENCE)
    if who.at != who.end or whole.at != whole.end:
        raise _bad("trailing_octets")
    return Envelope(number, flags[0], engine_id, clock, user, digest, digest_at, salt, content)


def decode_scoped(content: bytes) -> Scoped:
    """The scoped PDU at the beginning of `content`; a cipher's padding may follow. Raises `BadReply`."""
    scoped = _Reader(content, 0, len(content)).inside(_SEQUENCE)
    engine_id, context = scoped.octets(MAX_ENGINE_ID), scoped.octets(MAX_CONTEXT)
    pdu = content[scoped.at : scoped.end]
    if not pdu or pdu[0] not in (RESPONSE, REPORT):
        raise _bad("not_a_response")
    # A Report is built like a Response; the v2c decoder knows that one alone.
    response = decode_response(tlv(_SEQUENCE, _V2C_HEAD + bytes((RESPONSE,)) + pdu[1:]))
    return Scoped(engine_id, context, pdu[0] == REPORT, response)


class _Reader:
    """A place in octets that moves from element to element and never beyond `end`."""

    __slots__ = ("_octets", "at", "end")

    def __init__(self, octets: bytes, at: int, end: int) -> None:
        self._octets = octets
        self.at = at
        self.end = end

    def inside(self, tag: int, *, last: bool = False) -> _Reader:
        """A reader of the next element's content; `last` says that nothing may follow it."""
        start, stop = self._next(tag)
        if last and stop != self.end:
            raise _bad("trailing_octets")
        return _Reader(self._octets, start, stop)

    def octets(self, most: int) -> bytes:
        """The content of an OCTET STRING of at most so many octets."""
        start, stop = self._next(_OCTETS)
        if stop - start > most:
            raise _bad("string_too_long")
        return self._octets[start:stop]

    def number(self) -> int:
        """An INTEGER of 32 bits."""
        start, stop = self._next(_INTEGER)
        if not 1 <= stop - start <= 4:
            raise _bad("no_integer")
        return int.from_bytes(self._octets[start:stop], "big", signed=True)

    def element(self, tag: int) -> bytes:
        """The next element whole, with tag and length."""
        begin = self.at
        _, stop = self._next(tag)
        return self._octets[begin:stop]

    def _next(self, tag: int) -> tuple[int, int]:
        if self.at + 2 > self.end or self._octets[self.at] != tag:
            raise _bad("not_a_message")
        start, size = self.at + 2, self._octets[self.at + 1]
        if size >= 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4 or start + count > self.end:
                raise _bad("length_form")
            size = int.from_bytes(self._octets[start : start + count], "big")
            start += count
        if start + size > self.end:
            raise _bad("truncated")
        self.at = start + size
        return start, self.at


def _bad(reason: str) -> BadReply:
    return BadReply(
        message("The datagram is no SNMP response that can be read ({reason}).", reason=reason), reason=reason
    )

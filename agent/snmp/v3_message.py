"""SNMPv3 messages in BER (RFC 3412 section 6, RFC 3414 section 2.4): requests out, answers in, bounded like v2c.

Only the frame is here; the PDU inside is that of v2c and read by the same decoder with the same bounds.
"""

from __future__ import annotations

from typing import NamedTuple

from agent.errors import BadReply
from agent.snmp.codec import GET, MAX_DATAGRAM, RESPONSE, Response, decode_pdu, encode_pdu, integer, tlv
from agent.texts import message

REPORT = 0xA8
REPORTABLE = 4  # bit of msgFlags
USM = 3  # msgSecurityModel
MAX_ENGINE_ID, MAX_USER, MAX_PARAMETERS, MAX_CONTEXT = 32, 32, 64, 255

_SEQUENCE, _INTEGER, _OCTETS = 0x30, 0x02, 0x04
_HEAD = b"\x02\x01\x03\x30"  # version 3 and the tag of msgGlobalData
_made = tuple.__new__  # a NamedTuple without the cost of its constructor
_NUMBER = b"\x02\x04"  # tag and length of a message's number and of a request id: four octets always


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


class Frame:
    """What stands around every request of one user to one engine, encoded once.

    `flags` are the msgFlags, `digest` and `salt` how many octets of each travel.
    """

    __slots__ = ("_clock", "_digest", "_engine", "_kind", "_rest", "_salt", "_scope", "_sealed", "_security", "_user")

    def __init__(self, flags: int, engine_id: bytes, user: bytes, context: bytes, digest: int, salt: int) -> None:
        self._sealed = bool(flags & 2)
        self._engine, self._user = tlv(_OCTETS, engine_id), tlv(_OCTETS, user)
        self._scope = self._engine + tlv(_OCTETS, context)
        self._kind = integer(MAX_DATAGRAM) + tlv(_OCTETS, bytes((flags,))) + integer(USM)
        self._digest, self._salt = bytes(digest), bytes((_OCTETS, salt))
        self._rest = len(self._digest) + len(self._salt) + salt
        self._clock = Clock(0, 0)
        self._security = self._before_digest(self._clock)

    def scoped(self, pdu: tuple[bytes, bytes], request_id: int) -> bytes:
        """A request PDU, in parts as of `encode_pdu`, with the context it is about (RFC 3412 section 6.8)."""
        return tlv(_SEQUENCE, self._scope + pdu[0] + request_id.to_bytes(4, "big") + pdu[1])

    def framed(self, number: int, clock: Clock, salt: bytes, content: bytes) -> tuple[bytes, int]:
        """The whole message with zeros for the digest, and where that stands. `number` is LEAST_ID..2^31-1; `content`
        is a scoped PDU, or with the privacy flag its encrypted octets."""
        if clock != self._clock:  # several requests to one printer fall into the same second
            self._clock, self._security = clock, self._before_digest(clock)
        after = self._salt + salt + (tlv(_OCTETS, content) if self._sealed else content)
        head = _HEAD + bytes((len(self._kind) + 6,)) + _NUMBER + number.to_bytes(4, "big") + self._kind
        whole = tlv(_SEQUENCE, head + self._security + self._digest + after)
        return whole, len(whole) - len(after) - len(self._digest)

    def _before_digest(self, clock: Clock) -> bytes:
        """The security parameters up to the digest's first octet, with the lengths of everything that follows."""
        who = self._engine + integer(clock.boots) + integer(clock.time) + self._user
        whole = tlv(_OCTETS, tlv(_SEQUENCE, who + tlv(_OCTETS, self._digest) + bytes(self._rest - len(self._digest))))
        return whole[: -self._rest]


_NOBODY = Frame(REPORTABLE, b"", b"", b"", 0, 0)
_NOTHING = encode_pdu(GET, ())


def discovery(number: int) -> bytes:
    """The question who is there, asked as nobody (RFC 3414 section 4): a Report answers it, with engine id and clock.

    `number` is LEAST_ID..2^31-1, and the request id as well.
    """
    return _NOBODY.framed(number, Clock(0, 0), b"", _NOBODY.scoped(_NOTHING, number))[0]


def decode_message(datagram: bytes) -> Envelope:
    """The message in a datagram, not yet proven and still encrypted. Raises `BadReply` for anything else."""
    if len(datagram) > MAX_DATAGRAM:
        raise _bad("too_long")
    try:
        return _message(datagram)
    except IndexError:
        raise _bad("truncated") from None


def _message(data: bytes) -> Envelope:
    at, end = _inside(data, 0, len(data), _SEQUENCE)
    version, at = _number(data, at, end)
    if end != len(data):
        raise _bad("trailing_octets")
    if version != 3:
        raise _bad("not_v3")
    head, at = _inside(data, at, end, _SEQUENCE)
    number, flags = _head(data, head, at)
    who, at = _inside(data, at, end, _OCTETS)
    who, stop = _inside(data, who, at, _SEQUENCE)
    if stop != at:
        raise _bad("trailing_octets")
    start, stop = _inside(data, at, end, _OCTETS if flags & 2 else _SEQUENCE)
    if stop != end:
        raise _bad("trailing_octets")
    content = data[start:stop] if flags & 2 else data[at:stop]
    return _made(Envelope, (number, flags, *_security(data, who, at), content))


def decode_scoped(content: bytes) -> Scoped:
    """The scoped PDU at the beginning of `content`; a cipher's padding may follow. Raises `BadReply`."""
    try:
        at, end = _inside(content, 0, len(content), _SEQUENCE)
        engine_id, at = _string(content, at, end, MAX_ENGINE_ID)
        context, at = _string(content, at, end, MAX_CONTEXT)
    except IndexError:
        raise _bad("truncated") from None
    if at >= end or content[at] not in (RESPONSE, REPORT):
        raise _bad("not_a_response")
    return Scoped(engine_id, context, content[at] == REPORT, decode_pdu(content[at:end]))


def _head(data: bytes, at: int, end: int) -> tuple[int, int]:
    """msgID and msgFlags; the sender's msgMaxSize and what follows the security model do not matter."""
    number, at = _number(data, at, end)
    _, at = _number(data, at, end)
    flags, at = _string(data, at, end, 1)
    model, at = _number(data, at, end)
    # There is no security level that hides without proving (RFC 3412 section 7.2).
    if model != USM or len(flags) != 1 or flags[0] & 3 == 2:
        raise _bad("security_model")
    if number < 0:
        raise _bad("negative")
    return number, flags[0]


def _security(data: bytes, at: int, end: int) -> tuple[bytes, Clock, bytes, bytes, int, bytes]:
    """UsmSecurityParameters: engine id, clock, user, digest and where it stands, salt."""
    engine_id, at = _string(data, at, end, MAX_ENGINE_ID)
    boots, at = _number(data, at, end)
    time, at = _number(data, at, end)
    user, at = _string(data, at, end, MAX_USER)
    digest, at = _string(data, at, end, MAX_PARAMETERS)
    digest_at = at - len(digest)
    salt, at = _string(data, at, end, MAX_PARAMETERS)
    if boots < 0 or time < 0:
        raise _bad("negative")
    if at != end:
        raise _bad("trailing_octets")
    return engine_id, Clock(boots, time), user, digest, digest_at, salt


def _inside(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """Start and end of the content of the element that begins at `at`, which does not go beyond `end`.

    Raises `IndexError` where the data end before that is known.
    """
    start, size = at + 2, data[at + 1]
    if data[at] != tag:
        raise _bad("not_a_message")
    if size >= 0x80:
        octets = size & 0x7F
        if not 1 <= octets <= 4:
            raise _bad("length_form")
        size = int.from_bytes(data[start : start + octets], "big")
        start += octets
    if start + size > end:
        raise _bad("truncated")
    return start, start + size


def _string(data: bytes, at: int, end: int, most: int) -> tuple[bytes, int]:
    """An OCTET STRING of at most so many octets, and where it ends."""
    start, stop = at + 2, at + 2 + data[at + 1]
    if stop > end or stop - start >= 0x80 or data[at] != _OCTETS:  # the ordinary case costs no call
        start, stop = _inside(data, at, end, _OCTETS)
    if stop - start > most:
        raise _bad("string_too_long")
    return data[start:stop], stop


def _number(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An INTEGER of 32 bits, and where it ends."""
    start, stop = at + 2, at + 2 + data[at + 1]
    if stop > end or stop - start >= 0x80 or data[at] != _INTEGER:
        start, stop = _inside(data, at, end, _INTEGER)
    if not 1 <= stop - start <= 4:
        raise _bad("no_integer")
    return int.from_bytes(data[start:stop], "big", signed=True), stop


def _bad(reason: str) -> BadReply:
    return BadReply(
        message("The datagram is no SNMP response that can be read ({reason}).", reason=reason), reason=reason
    )

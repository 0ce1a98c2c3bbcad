"""IPP messages: the Get-Printer-Attributes request out, responses in, bounded so that none costs more than its length.

There is no other operation: nothing here can print, cancel or set. Source: RFC 8010 section 3 (encoding), RFC 8011
section 4.2.5 (Get-Printer-Attributes).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from agent.errors import BadReply
from agent.ipp.attributes import Attributes, Content, Group, Range, Resolution, Response, Tag, Value
from agent.texts import message

MAX_BODY = 256 * 1024
MAX_VALUES = 16_384
MAX_DEPTH = 8
GET_PRINTER_ATTRIBUTES = 0x000B

_OPERATION_ATTRIBUTES = 0x01
_END_OF_ATTRIBUTES = 0x03
_FIRST_VALUE_TAG = 0x10
_FIRST_TAG_WITH_VALUE = 0x20
_WITH_LANGUAGE = frozenset({Tag.TEXT_WITH_LANGUAGE, Tag.NAME_WITH_LANGUAGE})


def encode_request(version: tuple[int, int], request_id: int, uri: str, requested: Sequence[str]) -> bytes:
    """A Get-Printer-Attributes request to the printer `uri`; `request_id` 1..2^31-1, `requested` attribute names."""
    body = bytearray(struct.pack(">BBHI", *version, GET_PRINTER_ATTRIBUTES, request_id))
    body.append(_OPERATION_ATTRIBUTES)
    body += _attribute(Tag.CHARSET, "attributes-charset", "utf-8")
    body += _attribute(Tag.NATURAL_LANGUAGE, "attributes-natural-language", "en")
    body += _attribute(Tag.URI, "printer-uri", uri)
    for place, name in enumerate(requested):
        body += _attribute(Tag.KEYWORD, "" if place else "requested-attributes", name)
    body.append(_END_OF_ATTRIBUTES)
    return bytes(body)


def _attribute(tag: Tag, name: str, value: str) -> bytes:
    """A value; with an empty name it is one more of the attribute before (1setOf)."""
    return bytes((tag,)) + b"".join(struct.pack(">H", len(part)) + part for part in (name.encode(), value.encode()))


def decode_response(body: bytes) -> Response:
    """The response in a body. Raises `BadReply` where its frame is broken or beyond the limits above.

    A value whose octets do not fit its tag costs only itself: it stays octets. What follows the end of the
    attributes is not looked at.
    """
    if len(body) > MAX_BODY:
        raise _bad("too_long")
    reader = _Reader(body)
    major, minor, status, request_id = struct.unpack(">BBHI", reader.take(8))
    groups: list[Group] = []
    while (tag := reader.octet()) != _END_OF_ATTRIBUTES:
        if not 0 < tag < _FIRST_VALUE_TAG:
            raise _bad("value_outside_group")
        groups.append(Group(tag, reader.attributes()))
    return Response((major, minor), status, request_id, tuple(groups))


class _Reader:
    """The octets of one message and how far they were read."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0
        self._values = 0

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._body):
            raise _bad("cut_off")
        self._at += count
        return self._body[self._at - count : self._at]

    def octet(self) -> int:
        return self.take(1)[0]

    def attributes(self) -> Attributes:
        """The attributes up to the next delimiter tag; of a name that stands there twice, the first counts."""
        found: dict[str, tuple[Value, ...]] = {}
        while self._next() >= _FIRST_VALUE_TAG:
            tag, name, content = self._field()
            if not name:
                raise _bad("value_without_name")
            found.setdefault(name.decode("utf-8", "replace"), self._set_of(tag, content, 0))
        return found

    def _set_of(self, tag: int, content: bytes, depth: int) -> tuple[Value, ...]:
        """This value and those after it that have no name of their own (1setOf)."""
        values = [self._value(tag, content, depth)]
        while self._continues(depth):
            more, _, octets = self._field()
            values.append(self._value(more, octets, depth))
        return tuple(values)

    def _continues(self, depth: int) -> bool:
        """Whether a value without a name follows; inside a collection a member's name and its end are no values."""
        tag = self._next()
        if tag < _FIRST_VALUE_TAG or (depth and tag in (Tag.MEMBER_NAME, Tag.END_COLLECTION)):
            return False
        return self._body[self._at + 1 : self._at + 3] == b"\x00\x00"

    def _value(self, tag: int, octets: bytes, depth: int) -> Value:
        self._values += 1
        if self._values > MAX_VALUES:
            raise _bad("too_many_values")
        if tag == Tag.BEGIN_COLLECTION:
            return Value(tag, self._collection(depth + 1))
        if tag in (Tag.END_COLLECTION, Tag.MEMBER_NAME):
            raise _bad("outside_collection")
        return Value(tag, content_of(tag, octets))

    def _collection(self, depth: int) -> Attributes:
        """The members up to the end of the collection (RFC 8010 section 3.1.6)."""
        if depth > MAX_DEPTH:
            raise _bad("too_deep")
        members: dict[str, tuple[Value, ...]] = {}
        while True:
            tag, name, content = self._field()
            if name:
                raise _bad("name_in_collection")
            if tag == Tag.END_COLLECTION:
                return members
            if tag != Tag.MEMBER_NAME:
                raise _bad("member_without_name")
            tag, name, octets = self._field()
            if name:
                raise _bad("name_in_collection")
            members.setdefault(content.decode("utf-8", "replace"), self._set_of(tag, octets, depth))

    def _field(self) -> tuple[int, bytes, bytes]:
        """Tag, name and value as they stand."""
        tag = self.octet()
        if tag < _FIRST_VALUE_TAG:
            raise _bad("group_in_collection")
        name = self.take(int.from_bytes(self.take(2), "big"))
        return tag, name, self.take(int.from_bytes(self.take(2), "big"))

    def _next(self) -> int:
        if self._at >= len(self._body):
            raise _bad("cut_off")
        return self._body[self._at]


def content_of(tag: int, octets: bytes) -> Content:
    """The content of a value by its tag; the octets themselves where they do not fit it or the tag is unknown."""
    if tag < _FIRST_TAG_WITH_VALUE:
        return None
    match tag, len(octets):
        case (Tag.INTEGER | Tag.ENUM, 4):
            return int.from_bytes(octets, "big", signed=True)
        case (Tag.BOOLEAN, 1):
            return octets != b"\x00"
        case (Tag.RESOLUTION, 9):
            return Resolution(*struct.unpack(">iib", octets))
        case (Tag.RANGE_OF_INTEGER, 8):
            return Range(*struct.unpack(">ii", octets))
    return _without_language(octets) if tag in _WITH_LANGUAGE else octets


def _without_language(octets: bytes) -> bytes:
    """The text of a textWithLanguage or nameWithLanguage: length and language, length and text."""
    language = int.from_bytes(octets[:2], "big")
    length = octets[2 + language : 4 + language]
    text = octets[4 + language :]
    return text if len(length) == 2 and int.from_bytes(length, "big") == len(text) else octets


def _bad(reason: str) -> BadReply:
    return BadReply(message("The printer's IPP answer is broken."), reason=reason)

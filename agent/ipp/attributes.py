"""What a printer says over IPP: attributes by name, values typed, nothing interpreted yet (RFC 8010, RFC 8011)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple, Union

from agent.snmp.octets import text_of


class Tag(IntEnum):
    """Value tags (RFC 8010 section 3.5.2); below 0x20 stand the out-of-band values, which have no content."""

    UNSUPPORTED = 0x10
    UNKNOWN = 0x12
    NO_VALUE = 0x13
    INTEGER = 0x21
    BOOLEAN = 0x22
    ENUM = 0x23
    OCTET_STRING = 0x30
    DATE_TIME = 0x31
    RESOLUTION = 0x32
    RANGE_OF_INTEGER = 0x33
    BEGIN_COLLECTION = 0x34
    TEXT_WITH_LANGUAGE = 0x35
    NAME_WITH_LANGUAGE = 0x36
    END_COLLECTION = 0x37
    TEXT = 0x41
    NAME = 0x42
    KEYWORD = 0x44
    URI = 0x45
    URI_SCHEME = 0x46
    CHARSET = 0x47
    NATURAL_LANGUAGE = 0x48
    MIME_MEDIA_TYPE = 0x49
    MEMBER_NAME = 0x4A


class Range(NamedTuple):
    """A rangeOfInteger: both ends belong to it."""

    lower: int
    upper: int


class Resolution(NamedTuple):
    """A resolution; `unit` is 3 for dots per inch, 4 for dots per centimetre."""

    cross_feed: int
    feed: int
    unit: int


class Value(NamedTuple):
    """One value. `content` is None for an out-of-band value, and the raw octets where they do not fit the tag.

    Texts stay octets: what character set a printer really sends is decided when they are read. Of a text with a
    language only the text is kept. A dateTime is its eleven octets (RFC 2579 DateAndTime).
    """

    tag: int
    content: Content


Attributes = Mapping[str, tuple[Value, ...]]
Content = Union[int, bool, bytes, Range, Resolution, "Attributes", None]


class Group(NamedTuple):
    """One attribute group; `tag` is its delimiter (RFC 8010 section 3.5.1), 4 for the printer's attributes."""

    tag: int
    attributes: Attributes


class Response(NamedTuple):
    """A decoded response. `status` as in RFC 8011 section 13: below 0x0100 the request succeeded."""

    version: tuple[int, int]
    status: int
    request_id: int
    groups: tuple[Group, ...]

    @property
    def succeeded(self) -> bool:
        """Whether the printer did what was asked, perhaps leaving out what it does not know."""
        return self.status < 0x0100

    @property
    def printer(self) -> Attributes:
        """The printer's attributes of all their groups; of one that stands there twice, the first counts."""
        merged: dict[str, tuple[Value, ...]] = {}
        for group in self.groups:
            for name, values in group.attributes.items() if group.tag == PRINTER_ATTRIBUTES else ():
                merged.setdefault(name, values)
        return merged


PRINTER_ATTRIBUTES = 0x04
MAX_TEXT = 1023  # octets of a text or octetString (RFC 8010 section 3.9); what is longer is cut
MAX_SHOWN = 4096  # characters of a value as evidence


@dataclass(frozen=True, slots=True)
class IppAnswer:
    """What one printer told over IPP; `requests` counts those sent, `uri` is where it answered."""

    attributes: Attributes = field(default_factory=dict)
    uri: str = ""
    requests: int = 0


def texts(values: tuple[Value, ...]) -> tuple[str, ...]:
    """The values that are readable, blank ones as empty texts: marker-names and marker-levels go together by place."""
    return tuple(_text(value.content) if isinstance(value.content, bytes) else "" for value in values)


def _text(octets: bytes) -> str:
    return text_of(octets[:MAX_TEXT]) or ""


def number(value: Value) -> int | None:
    """The integer or enum in a value; None for anything else."""
    right = value.tag in (Tag.INTEGER, Tag.ENUM) and isinstance(value.content, int)
    return value.content if right and isinstance(value.content, int) else None


def numbers(values: tuple[Value, ...]) -> tuple[int | None, ...]:
    """The integers in their places."""
    return tuple(map(number, values))


def shown(value: Value) -> str:
    """A value as evidence: `tag|content` with the tag in hexadecimal and octets as text where that says the same."""
    return f"{value.tag:02x}|{_content(value.content)}"[:MAX_SHOWN]


def _content(content: Content) -> str:
    if content is None:
        return ""
    if isinstance(content, bytes):
        plain = all(0x20 <= octet < 0x7F for octet in content)
        return content.decode("ascii") if plain else f"x{content.hex()}"
    if isinstance(content, Mapping):
        members = (f"{name}={','.join(map(shown, values))}" for name, values in content.items())
        return "{" + " ".join(members) + "}"
    return str(content)

"""A recording over IPP: one response in a file (an application/ipp body), as it came or without names."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.ipp.attributes import PRINTER_ATTRIBUTES, Attributes, Content, IppAnswer, Range, Resolution, Tag, Value
from agent.ipp.codec import MAX_BODY, decode_response
from agent.ipp.interpretation import REQUESTED
from agent.snmp.recording import unreadable

# Of what is asked for, these say where the printer is and which one, and nothing that reading needs.
LEFT_OUT = frozenset({"printer-uuid", "printer-uri-supported"})
PLAIN = {int(Tag.TEXT_WITH_LANGUAGE): int(Tag.TEXT), int(Tag.NAME_WITH_LANGUAGE): int(Tag.NAME)}
HEAD = struct.pack(">BBHI", 2, 0, 0, 1) + b"\x01"  # version 2.0, successful-ok, the first request


def load_answer(path: Path) -> IppAnswer:
    """The answer in a file. Raises `AgentError` when it cannot be read, `BadReply` when it is no IPP response."""
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BODY + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    return IppAnswer(decode_response(body).printer, str(path))


def redacted_answer(attributes: Attributes, clean: Callable[[bytes], bytes]) -> Attributes:
    """The attributes that reading needs, their texts cleaned of what names the customer."""
    return {
        name: tuple(_cleaned(value, clean) for value in values)
        for name, values in attributes.items()
        if name in REQUESTED and name not in LEFT_OUT
    }


def _cleaned(value: Value, clean: Callable[[bytes], bytes]) -> Value:
    if isinstance(value.content, bytes):
        return Value(value.tag, clean(value.content))
    if isinstance(value.content, Mapping):
        inside = {name: tuple(_cleaned(one, clean) for one in values) for name, values in value.content.items()}
        return Value(value.tag, inside)
    return value


def dump_answer(attributes: Attributes) -> bytes:
    """The response with these attributes as it would come from a printer; `load_answer` reads them back."""
    fields = [_field(Tag.CHARSET, "attributes-charset", b"utf-8")]
    fields.append(_field(Tag.NATURAL_LANGUAGE, "attributes-natural-language", b"en"))
    fields.append(bytes((PRINTER_ATTRIBUTES,)))
    fields += [_attribute(name, values) for name, values in attributes.items()]
    return HEAD + b"".join(fields) + b"\x03"


def _attribute(name: str, values: tuple[Value, ...]) -> bytes:
    """All values of one attribute; those after the first have no name (1setOf)."""
    return b"".join(_value("" if place else name, value) for place, value in enumerate(values))


def _value(name: str, value: Value) -> bytes:
    if isinstance(value.content, Mapping):
        members = b"".join(
            _field(Tag.MEMBER_NAME, "", member.encode()) + _attribute("", values)
            for member, values in value.content.items()
        )
        return _field(value.tag, name, b"") + members + _field(Tag.END_COLLECTION, "", b"")
    return _field(PLAIN.get(value.tag, value.tag), name, _octets(value.content))


def _octets(content: Content) -> bytes:
    match content:
        case bool():
            return bytes((content,))
        case int():
            return struct.pack(">i", content)
        case Resolution():
            return struct.pack(">iib", *content)
        case Range():
            return struct.pack(">ii", *content)
        case bytes():
            return content
    return b""


def _field(tag: int, name: str, octets: bytes) -> bytes:
    """Tag, name and value with their lengths (RFC 8010 section 3.1.4)."""
    parts = (name.encode(), octets)
    return bytes((tag,)) + b"".join(struct.pack(">H", len(part)) + part for part in parts)

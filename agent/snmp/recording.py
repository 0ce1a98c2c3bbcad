"""A recording: what one device answered, on disk (`OID|tag|value` lines, the snmprec form of snmpsim)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from agent.errors import AgentError
from agent.snmp.varbinds import Oid, Tag, Value, Varbinds, dotted, oid_of
from agent.snmp.witness import raw
from agent.texts import message

# Public recordings made from printed walks have only the first sixteen octets of a hexadecimal string as octets; the
# printed lines after it stayed text. No device sends such a value.
PRINTED_REST = re.compile(rb"(.{16})\n((?:[0-9A-F]{2}(?: \n?|\n|$))+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Recording:
    """The answers in a file, and the numbers of the lines that could not be understood."""

    varbinds: Varbinds
    damaged_lines: tuple[int, ...]


def load_recording(path: Path) -> Recording:
    """The recording in a file; of an object that stands there twice, the first counts. Raises `AgentError`."""
    try:
        text = path.read_text("utf-8", errors="surrogateescape")
    except OSError as error:
        raise unreadable(path, error) from error
    return parse_recording(text)


def unreadable(path: Path, error: OSError) -> AgentError:
    """The error of a recording that is not there, or not for this user."""
    return AgentError(
        message("The recording {file} cannot be read: {why}.", file=str(path), why=error.strerror),
        message("Check the path and the rights of the file."),
    )


def parse_recording(text: str) -> Recording:
    """The recording in a text; never raises, lines that make no sense are counted."""
    answers: dict[Oid, Value] = {}
    damaged: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            oid, value = _varbind(line.removesuffix("\r"))
        except ValueError:
            damaged.append(number)
            continue
        answers.setdefault(oid, value)
    return Recording(Varbinds(answers.items()), tuple(damaged))


def _varbind(line: str) -> tuple[Oid, Value]:
    name, form, content = line.split("|", 2)
    hexadecimal = form.endswith("x")
    tag = Tag(int(form.removesuffix("x")))
    return oid_of(name), Value(tag, _content(tag, content, hexadecimal))


def _content(tag: Tag, content: str, hexadecimal: bool) -> int | bytes | Oid | None:
    if hexadecimal:
        octets = bytes.fromhex(content)
        printed = PRINTED_REST.fullmatch(octets)
        return printed[1] + bytes.fromhex(printed[2].decode("ascii")) if printed else octets
    match tag:
        case Tag.OCTET_STRING | Tag.OPAQUE:
            return content.encode("utf-8", errors="surrogateescape")
        case Tag.OBJECT_IDENTIFIER:
            return oid_of(content)
        case Tag.IP_ADDRESS:
            return _address(content)
        case Tag.NULL | Tag.NO_SUCH_OBJECT | Tag.NO_SUCH_INSTANCE | Tag.END_OF_MIB_VIEW:
            return None
        case _:
            return int(content)


def _address(content: str) -> bytes:
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3}){3}", content):
        raise ValueError(content)
    return bytes(int(part) for part in content.split("."))


def dump_recording(varbinds: Varbinds) -> str:
    """The text of a recording, in lexicographic order of the identifiers; `parse_recording` reads it back unchanged."""
    return "".join(f"{dotted(oid)}|{raw(varbinds[oid])}\n" for oid in sorted(varbinds))

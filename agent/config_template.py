"""The first config file: every key with its explanation, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.language import Code

Entry = str | bool | int | float | Sequence[str]


def first_config(language: Code, entries: Mapping[str, Entry] | None = None) -> str:
    """The commented file, with `entries` ("portal.url" -> value) in place of what it says as shipped.

    A key that is shipped as a comment becomes a real one. Raises `KeyError` for a key that is not in the file.
    The values are written as they are: whether they are allowed is seen by loading the file.
    """
    lines = (Path(__file__).parent / f"meter-agent.{language}.toml").read_text(encoding="utf-8").split("\n")
    for key, value in (entries or {}).items():
        section, _, name = key.rpartition(".")
        lines[_line_of(lines, section, name)] = f"{name} = {_toml(value)}"
    return "\n".join(lines)


def _line_of(lines: Sequence[str], section: str, name: str) -> int:
    current = ""
    for number, line in enumerate(lines):
        if header := re.fullmatch(r"#?\[+([\w.]+)\]+", line):
            current = header[1]
        elif current == section and re.match(rf"#?{re.escape(name)} = ", line):
            return number
    raise KeyError(f"{section}.{name}")


def _toml(value: Entry) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(_escaped(character) for character in value) + '"'
    return "[" + ", ".join(_toml(item) for item in value) + "]"


def _escaped(character: str) -> str:
    # TOML 1.0, basic strings: quotation mark, backslash and control characters are escaped.
    return f"\\u{ord(character):04X}" if character in '"\\\x7f' or ord(character) < 0x20 else character

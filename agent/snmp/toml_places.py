"""Where in a TOML file a key stands: the libraries that read and check it tell a path of keys, people want a line."""

from __future__ import annotations

import re
from collections.abc import Sequence

Path = tuple[str | int, ...]
_HEADER = re.compile(r"""\s*(\[{1,2})\s*([\w.'" -]+?)\s*\]""")
_KEY = re.compile(r"""\s*([\w.'" -]+?)\s*=""")


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The line (from 1) of the key at this path, as pydantic tells it (`counters`, 2, `meter`).

    Where the key is missing it is the line of its section; None where not even the section is there. A key inside a
    table that is written on one line is looked for below the key that this line begins with.
    """
    path = tuple(path)
    seen: dict[tuple[str, ...], int] = {}
    inside: Path | None = path  # the rest of the path below the section that the lines are in
    best: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            name = _parts(header[2])
            seen[name] = seen.get(name, -1) + 1
            inside = _below(path, name, seen[name] if header[1] == "[[" else None)
            best = number if inside is not None else best
        elif inside and (key := _KEY.match(line)):
            name = _parts(key[1])
            if inside[: len(name)] == name:
                return _within(text, number, inside[len(name) :])
    return best


def _parts(name: str) -> tuple[str, ...]:
    """A dotted key, quoted or not."""
    return tuple(part.strip().strip("\"'") for part in name.split("."))


def _within(text: str, first: int, rest: Path) -> int:
    """Where in a value that begins in this line the innermost key of the path stands; else the line itself."""
    inner = next((step for step in reversed(rest) if isinstance(step, str)), None)
    if inner is None:
        return first
    at = re.compile(rf"""[{{,\s"']{re.escape(inner)}["']?\s*=""")
    for number, line in enumerate(text.splitlines()[first - 1 :], first):
        if number > first and (_HEADER.match(line) or not line.strip()):
            break
        if at.search(line):
            return number
    return first


def _below(path: Path, section: tuple[str, ...], place: int | None) -> Path | None:
    """The rest of the path in this section; None when it leads elsewhere. `place` counts sections of one name."""
    size = len(section)
    if path[:size] != section:
        return None
    if place is None:
        return path[size:]
    return path[size + 1 :] if path[size : size + 1] == (place,) else None

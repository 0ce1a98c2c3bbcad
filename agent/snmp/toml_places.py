"""Where in a TOML file a key stands: the libraries that read and check it tell a path of keys, people want a line."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"\s*(\[{1,2})\s*([\w.-]+)\s*\]")
_KEY = re.compile(r"""\s*["']?([\w-]+)["']?\s*=""")


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The line (from 1) of the key at this path, as pydantic tells it (`counters`, 2, `meter`).

    Where the key is missing it is the line of its section; None where not even the section is there.
    """
    seen: dict[str, int] = {}
    inside: list[str | int] | None = None  # the rest of the path below the section that the lines are in
    best: int | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            name = header[2]
            seen[name] = seen.get(name, -1) + 1
            inside = _below(path, name.split("."), seen[name] if header[1] == "[[" else None)
            best = number if inside is not None else best
        elif key := _KEY.match(line):
            rest = list(path) if not seen else inside
            if rest and key[1] == rest[0]:
                return number
    return best


def _below(path: Sequence[str | int], section: Sequence[str], place: int | None) -> list[str | int] | None:
    """The rest of the path in this section; None when it leads elsewhere. `place` counts sections of one name."""
    size = len(section)
    if list(path[:size]) != list(section):
        return None
    if place is None:
        return list(path[size:])
    return list(path[size + 1 :]) if path[size : size + 1] == (place,) else None

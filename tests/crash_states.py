"""What a disk may hold after the power was cut: rebuilt from the trace of a process that worked on it.

What was synced is there. What was not is lost, is there, or is there in some sectors, each sector by itself. Names that
were made, removed or changed are only sure once their folder, or the new file itself, was synced.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

SECTOR = 512  # octets that a disk writes as a whole
IGNORED = ("-shm", ".lock")  # rebuilt at every start, and never read after a crash


@dataclass(slots=True)
class File:
    """One file: what is on the disk for sure, what programs see, and the changes between the two."""

    durable: bytearray = field(default_factory=bytearray)
    seen: bytearray = field(default_factory=bytearray)
    pending: list[list[Any]] = field(default_factory=list)

    def change(self, step: list[Any]) -> None:
        """A write or a truncation that nobody has synced yet."""
        apply(self.seen, step)
        self.pending.append(step)

    def sync(self) -> None:
        """Everything so far is on the disk."""
        self.durable = bytearray(self.seen)
        self.pending = []


@dataclass(frozen=True, slots=True)
class State:
    """One possible disk: its files by name, and what the worker had said by then."""

    files: dict[str, bytes]
    said: tuple[str, ...]  # lines; the last one may lack its end

    def lay(self, folder: Path) -> None:
        """Writes the files into an empty folder."""
        for name, content in self.files.items():
            (folder / name.lstrip("/")).write_bytes(content)


def states(trace: Path, seed: int, at_each: int) -> Iterator[State]:
    """Possible disks after each step of the trace: all lost, all kept, and `at_each` - 2 drawn by lot."""
    chance = Random(seed)  # the same states in every run
    disk = Disk()
    for line in trace.read_text(encoding="utf-8").splitlines():
        step = json.loads(line)
        if step[0] == "write":
            step[3] = b64decode(step[3])
        disk.take(step)
        if step[0] == "said":
            continue  # nothing on the disk has changed; the next state has heard it
        for odds in (0.0, 1.0, *(chance.random() for _ in range(at_each - 2))):
            yield disk.crashed(odds, chance)


class Disk:
    """Files and names, step by step."""

    def __init__(self) -> None:
        self._files: dict[int, File] = {}
        self._names: dict[str, int] = {}
        self._durable_names: dict[str, int] = {}
        self._pending: list[list[Any]] = []
        self._said = ""

    def take(self, step: list[Any]) -> None:
        """One step of the trace."""
        match step[0]:
            case "said":
                self._said += step[1]
            case "write" | "truncate":
                self._files[step[1]].change(step)
            case "fsync":
                self._files[step[1]].sync()
                made = [one for one in self._pending if one[0] == "create" and one[2] == step[1]]
                rename(self._durable_names, made)
                self._pending = [one for one in self._pending if one not in made]
            case "fsyncdir":
                self._durable_names = dict(self._names)
                self._pending = []
            case _:
                if step[0] == "create":
                    self._files[step[2]] = File()
                rename(self._names, [step])
                self._pending.append(step)

    def crashed(self, odds: float, chance: Random) -> State:
        """The disk if the power is cut now, and each unsynced change had these odds to reach it."""
        names = dict(self._durable_names)
        rename(names, [step for step in self._pending if chance.random() < odds])
        return State(
            {
                name: bytes(survived(self._files[number], odds, chance))
                for name, number in names.items()
                if not name.endswith(IGNORED)
            },
            tuple(self._said.splitlines(keepends=True)),
        )


def rename(names: dict[str, int], steps: Sequence[list[Any]]) -> None:
    """Applies changes of names; one that lost the change it rests on has no effect."""
    for step in steps:
        match step:
            case ["create", path, number]:
                names[path] = number
            case ["unlink", path]:
                names.pop(path, None)
            case ["rename", old, new] if old in names:
                names[new] = names.pop(old)


def survived(file: File, odds: float, chance: Random) -> bytearray:
    """The content of a file after the cut."""
    content = bytearray(file.durable)
    for step in file.pending:
        if step[0] == "truncate":
            if chance.random() < odds:
                apply(content, step)
            continue
        _, number, offset, data = step
        for at in range(0, len(data), SECTOR):
            if chance.random() < odds:
                apply(content, ["write", number, offset + at, data[at : at + SECTOR]])
    return content


def apply(content: bytearray, step: list[Any]) -> None:
    """One write or truncation."""
    if step[0] == "truncate":
        content.extend(bytes(max(step[2] - len(content), 0)))
        del content[step[2] :]
    else:
        _, _, offset, data = step
        content.extend(bytes(max(offset - len(content), 0)))
        content[offset : offset + len(data)] = data

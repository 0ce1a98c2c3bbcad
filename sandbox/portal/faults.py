"""Fault switches: what can go wrong between an agent and a portal, on purpose, countable and repeatable."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

KINDS = (
    "latency",
    "error-before",
    "error-after",
    "cut-before",
    "cut-after",
    "truncated",
    "wrong-json",
    "slow-body",
)


@dataclass(slots=True)
class Fault:
    """One switch. It applies to paths that begin with `path`, to the `next` n requests, every n-th, or by chance.

    `status` (for error-before and error-after) is 429, 500, 502, 503 or 504, `retry_after` goes out as it is,
    `seconds` is the latency, or the pause between the pieces of a slow body.
    """

    kind: str
    path: str = ""
    status: int = 500
    retry_after: str | None = None
    seconds: float = 0.0
    next: int | None = None
    every: int | None = None
    chance: float | None = None
    seen: int = 0

    def strikes(self, path: str, chance: random.Random) -> bool:
        """Whether this request gets the fault; counts it."""
        if not path.startswith(self.path):
            return False
        self.seen += 1
        if self.next is not None:
            self.next -= 1
            return self.next >= 0
        if self.every is not None:
            return self.seen % self.every == 0
        return self.chance is None or chance.random() < self.chance


@dataclass(slots=True)
class Faults:
    """All switches, with the other settings of a bad day."""

    switches: list[Fault] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311  repeatable on purpose
    token_seconds: float = 300.0
    clock_skew_seconds: float = 0.0
    batch_max_items: int = 100

    def change(self, wanted: dict[str, Any]) -> None:
        """Sets what is named; `switches` replaces the whole list. Raises `ValueError` for what does not exist."""
        for name, value in wanted.items():
            if name == "switches":
                self.switches = [_fault(one) for one in value]
            elif name == "seed":
                self.chance = random.Random(value)  # noqa: S311  repeatable on purpose
            elif name in ("token_seconds", "clock_skew_seconds", "batch_max_items"):
                setattr(self, name, value)
            else:
                raise ValueError(f"no such setting: {name}")

    def striking(self, path: str) -> Fault | None:
        """The fault that this request gets, if any."""
        return next((fault for fault in self.switches if fault.strikes(path, self.chance)), None)


def _fault(wanted: dict[str, Any]) -> Fault:
    if wanted.get("kind") not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}")
    try:
        return Fault(**{name: value for name, value in wanted.items() if name != "seen"})
    except TypeError as error:
        raise ValueError(str(error)) from error

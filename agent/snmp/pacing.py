"""How fast packets leave: an even rate for the whole process. And how patient the agent is with one printer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Patience with one printer: the first answer is given `timeout` seconds for the request and for each of its
    `retries` repetitions, all together; later ones are given what the printer took lately, between `least` and
    `timeout`. And the most datagrams and seconds one exchange may take."""

    timeout: float = 1.0
    least: float = 0.25  # a printer's controller is busy now and then, and a repetition costs it more than waiting
    retries: int = 2
    max_datagrams: int = 300
    max_seconds: float = 30.0


class Pacer:
    """Gives turns at most `per_second` times a second (1..10,000), evenly spaced, in order of asking."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1.0 / per_second
        self._next = 0.0

    def turn(self, now: float) -> float:
        """When a packet may leave, on the clock of `now` (seconds): now or later. Every call takes a turn."""
        # A turn that nobody took is not saved up for a burst; a late one may catch up a hundredth of a second.
        self._next = max(self._next + self._gap, now - 0.01)
        return max(self._next, now)

"""How fast packets leave: an even rate for the whole process, whatever wants to send."""

from __future__ import annotations


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

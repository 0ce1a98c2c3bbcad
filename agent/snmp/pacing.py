"""How fast packets leave, and how long an answer is waited for."""

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


LEAST_TIMEOUT = 0.25  # seconds; a printer's controller is busy now and then, and a repetition costs it more
AWAKE = 60.0  # seconds; a printer that was not heard for longer may be asleep, and takes its time again


class Pulse:
    """How quickly one printer answers: smoothed round trip time and its variation (RFC 6298), in seconds."""

    __slots__ = ("_at", "_smooth", "_varies")

    def __init__(self) -> None:
        self._smooth = self._varies = self._at = 0.0

    def patience(self, now: float, attempt: int, longest: float) -> float:
        """Seconds to wait for an answer, `longest` at most: by the printer's own pace while it is known to be awake,
        doubled with every repetition (`attempt` 0 is the first)."""
        if not self._at or now - self._at > AWAKE:
            return longest
        adapted: float = max(self._smooth + 4 * self._varies, LEAST_TIMEOUT) * 2**attempt
        return min(adapted, longest)

    def heard(self, now: float, seconds: float) -> None:
        """An answer came after so many seconds."""
        if not self._at or now - self._at > AWAKE:
            self._smooth, self._varies = seconds, seconds / 2
        else:
            self._varies = 0.75 * self._varies + 0.25 * abs(self._smooth - seconds)
            self._smooth = 0.875 * self._smooth + 0.125 * seconds
        self._at = now

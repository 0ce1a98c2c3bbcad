"""What is known of talking with one printer lately."""

from __future__ import annotations

from agent.snmp.pacing import Pace

REMEMBERED = 16  # request ids; answers to older ones do not come any more
AWAKE = 60.0  # seconds; a printer that was not heard for longer may be asleep, and takes its time again


class Rapport:
    """How quickly one printer answers: smoothed round trip time and its variation (RFC 6298), in seconds.

    And the ids of what it was asked last: a second or late answer to one of them is no surprise.
    """

    __slots__ = ("_asked", "_at", "_smooth", "_varies")

    def __init__(self) -> None:
        self._smooth = self._varies = self._at = 0.0
        self._asked: tuple[int, ...] = ()  # the latest last; of ten thousand printers a deque each would be felt

    def asked(self, number: int) -> None:
        """A request with this id was sent."""
        self._asked = (*self._asked[1 - REMEMBERED :], number)

    def knows(self, number: int) -> bool:
        """Whether a request with this id was sent lately."""
        return number in self._asked

    def patience(self, now: float, attempt: int, pace: Pace) -> float:
        """Seconds to wait for an answer (`attempt` 0 is the first): by the printer's own time while it is known to be
        awake, doubled with every repetition.

        Else a packet may be lost or the printer be slow: repeating soon helps the one, waiting long at the end the
        other, and all in all nobody waits longer than the time-outs say.
        """
        if not self._at or now - self._at > AWAKE:
            early, late = attempt == 0, attempt >= pace.retries
            return pace.timeout * (1.0 if early == late else 0.5 if early else 1.5)
        adapted: float = max(self._smooth + 4 * self._varies, pace.least) * 2**attempt
        return min(adapted, pace.timeout)

    def heard(self, now: float, seconds: float) -> None:
        """An answer came after so many seconds."""
        if not self._at or now - self._at > AWAKE:
            self._smooth, self._varies = seconds, seconds / 2
        else:
            self._varies = 0.75 * self._varies + 0.25 * abs(self._smooth - seconds)
            self._smooth = 0.875 * self._smooth + 0.125 * seconds
        self._at = now

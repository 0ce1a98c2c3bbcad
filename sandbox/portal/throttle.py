"""Who guesses is slowed down: at most so many failures of one sender in a window of time."""

from __future__ import annotations

import time
from collections import deque

WINDOW = 60.0  # seconds
MOST_SENDERS = 1000


class Throttle:
    """Counts failures by sender, in memory; the senders longest silent are forgotten first."""

    def __init__(self) -> None:
        self._failures: dict[str, deque[float]] = {}

    def seconds_to_wait(self, sender: str, most: int) -> int:
        """0 when the sender may try; else the seconds until it may again."""
        now = time.monotonic()
        failures = self._failures.get(sender, deque())
        while failures and failures[0] <= now - WINDOW:
            failures.popleft()
        return 0 if len(failures) < most else max(int(failures[0] + WINDOW - now) + 1, 1)

    def failed(self, sender: str) -> None:
        """Counts one failure."""
        failures = self._failures.pop(sender, deque())
        failures.append(time.monotonic())
        self._failures[sender] = failures
        while len(self._failures) > MOST_SENDERS:
            del self._failures[next(iter(self._failures))]

    def forgive(self, sender: str) -> None:
        """Forgets a sender's failures: it knew the answer in the end."""
        self._failures.pop(sender, None)

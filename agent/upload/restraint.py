"""How the courier holds itself back: a budget of repeats, a breaker, waits that the portal names, the size of a batch.

Decisions without input and output. `now` is always a monotonic clock in seconds, which nobody sets: a wall clock that
jumps a year may neither block the way to the portal nor open it too early.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from agent.errors import PortalError
from agent.texts import Message

SHARE = 0.1  # extra requests per first request
WINDOW = 86_400.0  # seconds over which they are counted
OPENS_AFTER = 5  # requests in a row without a verdict
PAUSE = 3600.0  # seconds until a portal that wants a person first is asked again
FULL_BATCHES = 10  # that were taken before a larger one is tried: at most one refusal in eleven requests


@dataclass(slots=True)
class RetryBudget:
    """How often a request may be repeated at once: at most `SHARE` of what was sent for the first time lately."""

    _firsts: deque[float] = field(default_factory=deque)
    _extras: deque[float] = field(default_factory=deque)

    def sent(self, now: float, *, again: bool) -> None:
        """Counts one request; `again` when any of it was sent before."""
        (self._extras if again else self._firsts).append(now)

    def allows(self, now: float) -> bool:
        """Whether one more repeat stays within the share."""
        for times in (self._firsts, self._extras):
            while times and times[0] <= now - WINDOW:
                times.popleft()
        return len(self._extras) + 1 <= SHARE * len(self._firsts)


@dataclass(slots=True)
class Breaker:
    """Opens after `OPENS_AFTER` failures in a row. Open, the next delivery begins with one item: the probe."""

    _failures: int = 0

    @property
    def is_open(self) -> bool:
        """Whether only a probe may go."""
        return self._failures >= OPENS_AFTER

    def failed(self) -> None:
        """No verdict."""
        self._failures += 1

    def answered(self) -> None:
        """Somebody did, whatever was said."""
        self._failures = 0


@dataclass(slots=True)
class Hold:
    """Until when nothing is sent at all, and why: the portal named a time, or a person has to act first."""

    until: float = 0.0
    why: PortalError | None = None

    def begin(self, now: float, seconds: float, why: PortalError) -> None:
        """Nothing for so many seconds from now on."""
        self.until, self.why = now + seconds, why

    def reason(self, now: float) -> PortalError | None:
        """Why nothing may be sent now; `None` when it may."""
        return self.why if self.why is not None and now < self.until else None

    def left(self, now: float) -> float | None:
        """The seconds for which nothing may be sent yet; `None` when it may."""
        return self.until - now if self.reason(now) else None


@dataclass(frozen=True, slots=True)
class Pause:
    """Why little or nothing is sent since `at`, and what a person can do.

    Nothing is sent `until` then; without it the next delivery tries again, with one item first when it is `probing`.
    """

    at: datetime
    why: Message
    remedy: Message | None = None
    until: datetime | None = None
    probing: bool = False


@dataclass(slots=True)
class BatchSize:
    """How many readings go at once: halved when the portal takes fewer, and larger again step by step.

    `most` is never exceeded. A step up that is refused costs one request, and leads back to what was taken before.
    """

    most: int
    size: int = 0
    _proven: int = 0
    _full: int = 0

    def __post_init__(self) -> None:
        self.size = self.size or self.most

    def refused(self, count: int) -> None:
        """So many were too many."""
        self.size = self._proven if 0 < self._proven < count else max(count // 2, 1)
        self._proven, self._full = 0, 0

    def taken(self, count: int) -> None:
        """So many were taken at once."""
        if count < self.size:
            return
        self._proven, self._full = count, self._full + 1
        if self._full >= FULL_BATCHES and self.size < self.most:
            self.size, self._full = min(self.size + max(self.size // 8, 1), self.most), 0

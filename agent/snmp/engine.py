"""What is known of printers' SNMPv3 engines: who they are and what their clocks say (RFC 3414 section 2)."""

from __future__ import annotations

from dataclasses import dataclass

from agent.snmp.v3_message import Clock

TIME_WINDOW = 150  # seconds; RFC 3414 section 2.2.3
LARGEST = 2**31 - 1
LEAST_ENGINE_ID = 5  # octets; SnmpEngineID, RFC 3411 section 5


@dataclass(slots=True)
class Engine:
    """What is known of a printer's engine. `at` is the loop time of `clock`, `latest` the highest engine time proven
    (RFC 3414 section 2.3); until something is `proven` the clock serves for asking only."""

    engine_id: bytes
    clock: Clock
    at: float
    latest: int = 0
    proven: bool = False

    def clock_at(self, now: float) -> Clock:
        """The engine's clock at this loop time."""
        return Clock(self.clock.boots, min(self.clock.time + int(now - self.at), LARGEST))

    def is_timely(self, clock: Clock, now: float) -> bool:
        """Whether an authenticated message with this clock is not an old one (RFC 3414 section 3.2, 7b)."""
        if not self.proven:
            return clock.boots < LARGEST
        here = self.clock_at(now)
        if clock.boots != here.boots:
            return here.boots < clock.boots < LARGEST
        return clock.time >= here.time - TIME_WINDOW

    def hear(self, clock: Clock, now: float) -> None:
        """Takes the clock of an authenticated, timely message, if it is newer than what is known."""
        if not self.proven or clock.boots > self.clock.boots or clock.time > self.latest:
            self.clock, self.at, self.latest, self.proven = clock, now, clock.time, True

    def restart(self, clock: Clock, now: float, *, proven: bool) -> None:
        """Takes a clock as it is, forwards or back: it came in answer to the very question that was out of time."""
        self.clock, self.at, self.latest, self.proven = clock, now, clock.time, proven

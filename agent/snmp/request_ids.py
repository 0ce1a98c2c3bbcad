"""Request ids that nobody can guess, at the price of one call to the system for many of them."""

from __future__ import annotations

import secrets

from agent.snmp.codec import LEAST_ID

AT_ONCE = 256


class RequestIds:
    """Numbers from LEAST_ID on, each used once, each with 30 bits of the system's own randomness."""

    __slots__ = ("_ready",)

    def __init__(self) -> None:
        self._ready: list[int] = []

    def next(self) -> int:
        """One more, LEAST_ID..2^31-1."""
        if not self._ready:
            words = memoryview(secrets.token_bytes(4 * AT_ONCE)).cast("I")
            self._ready = [LEAST_ID + (word >> 2) for word in words]
        return self._ready.pop()

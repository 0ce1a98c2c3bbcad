"""The datagrams of one printer as something to wait for: a listener of the switchboard."""

from __future__ import annotations

import asyncio

from agent.printers import Endpoint
from agent.snmp.switchboard import Line, Switchboard

MOST_WAITING = 50  # datagrams that came unasked; more is somebody's game


class Mailbox:
    """A line to one printer whose datagrams wait in order until they are taken. `refusals` counts what the network
    said against it."""

    def __init__(self, board: Switchboard, endpoint: Endpoint) -> None:
        """Raises `OSError` when this machine has no such kind of network."""
        self._waiting: list[bytes] = []
        self._waker: asyncio.Future[None] | None = None
        self.refusals = self._known_refusals = 0
        self._line: Line = board.connect(endpoint, self)

    def heard(self, datagram: bytes) -> None:
        """Something came from the printer's address and port."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(datagram)
        self._wake()

    def refused(self) -> None:
        """The network says that nobody is there, or that there is no way there."""
        self.refusals += 1
        self._wake()

    def send(self, datagram: bytes) -> None:
        """Sends to the printer."""
        self._known_refusals = self.refusals
        if not self._line.send(datagram):
            self.refused()

    async def receive(self, until: float) -> bytes | None:
        """The next datagram; None at `until` (loop time) or when what was sent last was refused."""
        loop = asyncio.get_running_loop()
        while not self._waiting:
            if self.refusals != self._known_refusals or loop.time() >= until:
                return None
            self._waker = loop.create_future()
            timer = loop.call_at(until, self._wake)
            try:
                await self._waker
            finally:
                timer.cancel()
                self._waker = None
        return self._waiting.pop(0)

    def close(self) -> None:
        """Listens no more."""
        self._line.close()

    def _wake(self) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

"""Asking printers over UDP in SNMP v1 and v2c: one request in flight per printer, bounded, on any event loop.

A reply counts only when it comes from the address that was asked (connected socket), carries the community and a
request id of the outstanding request, and answers it. Everything else is noted and dropped.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from agent.errors import BadReply, PrinterSilent
from agent.printers import Endpoint
from agent.snmp.codec import VERSIONS, Response, decode_response, encode_request
from agent.snmp.inquiry import Bounds, Inquiry, Request
from agent.snmp.pacing import Pacer
from agent.snmp.varbinds import Answer, Ask
from agent.texts import message

LEAST_TIMEOUT = 0.25  # seconds; a printer's controller is busy now and then, and a repetition costs it more
MOST_STRAYS = 50  # datagrams that are no answer, per request; more is somebody's game
SIMPLE_NOTES = frozenset({"gen_err", "bulk_silent"})


@dataclass(frozen=True, slots=True)
class CommunityAccess:
    """How to speak to a printer: the version and the community, which no error and no `repr` shows."""

    version: Literal["v1", "v2c"]
    community: str

    def __repr__(self) -> str:
        return f"CommunityAccess({self.version})"


@dataclass(frozen=True, slots=True)
class Pace:
    """Patience with one printer: `timeout` seconds for the first answer (later ones adapt, never longer), `retries`
    repetitions of a request, and the most datagrams and seconds one exchange may take."""

    timeout: float = 1.0
    retries: int = 2
    max_datagrams: int = 300
    max_seconds: float = 30.0


class SnmpClient:
    """The `Snmp` port over v1 and v2c. `accesses` are tried in order; what a printer answered to is kept for it."""

    def __init__(
        self, accesses: Sequence[CommunityAccess], pace: Pace | None = None, pacer: Pacer | None = None
    ) -> None:
        self._accesses = tuple(accesses)
        self._pace = pace or Pace()
        self._pacer = pacer
        self._spoken: dict[Endpoint, CommunityAccess] = {}
        self._simple: set[Endpoint] = set()
        self._turns: dict[Endpoint, Turn] = {}

    async def ask(self, endpoint: Endpoint, ask: Ask) -> Answer:
        """Everything in `ask` that the device has; raises `PrinterSilent` when it gave no valid answer at all."""
        turn = self._turns.setdefault(endpoint, Turn())
        turn.users += 1
        try:
            async with turn.lock:
                return await self._ladder(endpoint, ask)
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[endpoint]

    async def _ladder(self, endpoint: Endpoint, ask: Ask) -> Answer:
        budget = Budget(asyncio.get_running_loop().time() + self._pace.max_seconds, self._pace.max_datagrams)
        known = self._spoken.get(endpoint)
        for access in sorted(self._accesses, key=lambda access: access != known):
            answer = await self._converse(endpoint, access, ask, budget)
            if answer is not None:
                self._spoken[endpoint] = access
                if SIMPLE_NOTES & set(answer.notes):
                    self._simple.add(endpoint)
                return answer
        raise PrinterSilent(
            message("Nothing at {place} answers SNMP.", place=str(endpoint)),
            message("Check that the printer is on and connected, that SNMP is on in it, and the community."),
        )

    async def _converse(self, endpoint: Endpoint, access: CommunityAccess, ask: Ask, budget: Budget) -> Answer | None:
        """One whole exchange by one access; None when nothing was ever answered."""
        inquiry = Inquiry(ask, access.version, Bounds(), bulk=endpoint not in self._simple)
        try:
            line = await Line.open(endpoint)
        except OSError:
            return None  # no route, no permission: for this printer the same as silence
        speaks = self._spoken.get(endpoint) == access
        heard = False
        exchange = Exchange(line, access, self._pace, budget, self._pacer)
        try:
            while request := inquiry.next_request():
                reply = await exchange.send(request, inquiry)
                if reply is not None:
                    heard = True
                    inquiry.accept(*reply)
                elif not inquiry.unanswered(speaks=speaks or heard):
                    break
        finally:
            line.close()
        return inquiry.outcome(budget.datagrams) if heard else None


@dataclass(slots=True)
class Turn:
    """One printer's turn: `users` are those who have it or wait for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


@dataclass(slots=True)
class Budget:
    """What an exchange may still take: until `deadline` (loop time), `most` datagrams."""

    deadline: float
    most: int
    datagrams: int = 0


class Line(asyncio.DatagramProtocol):
    """A UDP socket connected to one printer; datagrams wait in order until they are taken."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: list[bytes] = []
        self._waker: asyncio.Future[None] | None = None
        self.refusals = 0

    @staticmethod
    async def open(endpoint: Endpoint) -> Line:
        """A line to this endpoint; raises `OSError` when there is no way there."""
        family = socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.connect((endpoint.address, endpoint.port))
            _, line = await asyncio.get_running_loop().create_datagram_endpoint(Line, sock=sock)
        except BaseException:
            sock.close()
            raise
        return line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ready."""
        # Python 3.11's datagram transport is one in all but its base class.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Something came from the printer's address and port."""
        if len(self._waiting) < MOST_STRAYS:
            self._waiting.append(data)
        self._wake()

    def error_received(self, exc: Exception) -> None:
        """ICMP says that nobody listens there, or the network is gone."""
        self.refusals += 1
        self._wake()

    def send(self, datagram: bytes) -> None:
        """Sends to the printer; what came before is stale."""
        if self._transport is not None:
            self._transport.sendto(datagram)

    async def receive(self, until: float) -> bytes | None:
        """The next datagram; None at `until` (loop time) or when a refusal came instead."""
        loop = asyncio.get_running_loop()
        refusals = self.refusals
        while not self._waiting:
            if self.refusals != refusals or loop.time() >= until:
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
        """Gives the socket back."""
        if self._transport is not None:
            self._transport.close()

    def _wake(self) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)


class Exchange:
    """Requests and their answers over one line: repetitions, adaptive patience, and who may answer."""

    def __init__(self, line: Line, access: CommunityAccess, pace: Pace, budget: Budget, pacer: Pacer | None) -> None:
        self._line = line
        self._version = VERSIONS[access.version]
        self._community = access.community.encode()
        self._pace = pace
        self._budget = budget
        self._pacer = pacer
        self._smooth: float | None = None  # RFC 6298: smoothed round trip time and its variation, in seconds
        self._varies = 0.0

    async def send(self, request: Request, inquiry: Inquiry) -> tuple[Response, int] | None:
        """The response to a request and its length in octets; None when none came within patience and budget."""
        loop = asyncio.get_running_loop()
        sent: dict[int, float] = {}
        refused = self._line.refusals
        for attempt in range(self._pace.retries + 1):
            if self._budget.datagrams >= self._budget.most or loop.time() >= self._budget.deadline:
                return None
            if self._pacer is not None:
                await self._pacer.turn()
            number = secrets.randbits(31)
            sent[number] = loop.time()
            self._budget.datagrams += 1
            self._line.send(self._encoded(request, number))
            until = min(loop.time() + self._patience(attempt), self._budget.deadline)
            reply = await self._matching(sent, number, until, inquiry)
            if reply is not None:
                return reply
            if self._line.refusals - refused >= 2:
                return None
        return None

    async def _matching(
        self, sent: dict[int, float], latest: int, until: float, inquiry: Inquiry
    ) -> tuple[Response, int] | None:
        """The first datagram that is an answer to one of these request ids."""
        for _ in range(MOST_STRAYS):
            datagram = await self._line.receive(until)
            if datagram is None:
                return None
            response = self._valid(datagram, sent, inquiry)
            if response is not None:
                if response.request_id != latest:
                    inquiry.notes.append("late_reply")
                self._learn(asyncio.get_running_loop().time() - sent[response.request_id])
                return response, len(datagram)
        inquiry.notes.append("too_many_strays")
        return None

    def _valid(self, datagram: bytes, sent: dict[int, float], inquiry: Inquiry) -> Response | None:
        try:
            response = decode_response(datagram)
        except BadReply as error:
            inquiry.notes.append(f"bad_reply:{error.reason}")
            return None
        if response.request_id not in sent:
            inquiry.notes.append("wrong_request_id")
        elif response.version != self._version or response.community != self._community:
            inquiry.notes.append("wrong_community")
        elif not inquiry.answers(response):
            inquiry.notes.append("wrong_objects")
        else:
            return response
        return None

    def _encoded(self, request: Request, number: int) -> bytes:
        bulk = request.rows > 0
        return encode_request(
            self._version,
            self._community,
            request.pdu,
            number,
            request.oids,
            first=request.riders if bulk else 0,
            second=request.rows,
        )

    def _patience(self, attempt: int) -> float:
        """Seconds to wait for an answer: the printer's own pace once it is known, doubled with every repetition."""
        if self._smooth is None:
            return self._pace.timeout
        adapted: float = max(self._smooth + 4 * self._varies, LEAST_TIMEOUT) * 2**attempt
        return min(adapted, self._pace.timeout)

    def _learn(self, seconds: float) -> None:
        if self._smooth is None:
            self._smooth, self._varies = seconds, seconds / 2
        else:
            self._varies = 0.75 * self._varies + 0.25 * abs(self._smooth - seconds)
            self._smooth = 0.875 * self._smooth + 0.125 * seconds

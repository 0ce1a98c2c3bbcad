"""One exchange with one printer over UDP: requests, repetitions, adaptive patience, and what counts as an answer.

Driven by callbacks: a datagram, a refusal or a timer moves it on. One request is in flight at a time.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agent.errors import BadReply
from agent.snmp.codec import LEAST_ID, VERSIONS, Response, decode_response, encode_head, encode_request
from agent.snmp.inquiry import Inquiry, Request
from agent.snmp.pacing import Pace, Pacer
from agent.snmp.rapport import Rapport
from agent.snmp.switchboard import Line

MOST_STRAYS = 50  # datagrams that are no answer, per request sent; more is somebody's game
MOST_REFUSALS = 2  # a single ICMP error may be a matter of a moment


@dataclass(frozen=True, slots=True)
class CommunityAccess:
    """How to speak to a printer: the version and the community, which no error and no `repr` shows."""

    version: Literal["v1", "v2c"]
    community: str

    def __repr__(self) -> str:
        return f"CommunityAccess({self.version})"


@dataclass(slots=True)
class Budget:
    """What an exchange may still take: until `deadline` (loop time), `most` datagrams."""

    deadline: float
    most: int
    datagrams: int = 0


class Conversation:
    """Works through an `Inquiry`; `over` becomes True when anything was answered and False when nothing was.

    `speaks` says that the printer has answered by this access before, `rapport` how quickly. A `Listener`.
    """

    def __init__(
        self,
        access: CommunityAccess,
        inquiry: Inquiry,
        pace: Pace,
        budget: Budget,
        pacer: Pacer,
        rapport: Rapport,
        *,
        speaks: bool,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[bool] = self._loop.create_future()
        self._version = VERSIONS[access.version]
        self._community = access.community.encode()
        self._head = encode_head(self._version, self._community)
        self._inquiry = inquiry
        self._pace = pace
        self._budget = budget
        self._pacer = pacer
        self._rapport = rapport
        self._speaks = speaks
        self._answered = False
        self._line: Line | None = None
        self._request: Request | None = None
        self._sent: dict[int, float] = {}  # request id -> when
        self._latest = 0
        self._strays = self._refusals = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None  # patience with the request that was sent
        self._turn: asyncio.TimerHandle | None = None  # the moment at which the next packet may leave

    def begin(self, line: Line) -> None:
        """Asks the first question."""
        self._line = line
        self._go_on()

    def end(self) -> None:
        """No more of it, whatever is still outstanding."""
        for timer in filter(None, (self._timer, self._turn)):
            timer.cancel()
        if self._line is not None:
            self._line.close()
            self._line = None

    def heard(self, datagram: bytes) -> None:
        """A datagram from the printer: the answer, or a stray."""
        self._safely(self._take, datagram)

    def refused(self) -> None:
        """The network says that nobody is there."""
        self._safely(self._refused)

    def _safely(self, step: Callable[..., None], *facts: bytes) -> None:
        """What the event loop calls: an exception goes to whoever waits, else they would wait for ever."""
        try:
            step(*facts)
        except Exception as error:  # noqa: BLE001  see above; it is raised again where `over` is awaited
            self._finish(error)

    def _take(self, datagram: bytes) -> None:
        if not self._sent or self.over.done():
            return
        response = self._valid(datagram)
        if response is not None:
            self._accept(response, len(datagram))
            return
        self._strays += 1
        if self._strays == MOST_STRAYS:
            self._inquiry.notes.append("too_many_strays")
            self._repeat()

    def _refused(self) -> None:
        self._refusals += 1
        if self._refusals >= MOST_REFUSALS:
            self._give_up()
        else:
            self._repeat()

    def _go_on(self) -> None:
        self._request = self._inquiry.next_request()
        self._sent = {}
        self._refusals = 0
        if self._turn is not None:
            self._turn.cancel()  # a repetition that has become needless
            self._turn = None
        if self._request is None:
            self._finish()
        else:
            self._send_in_turn()

    def _send_in_turn(self) -> None:
        now = self._loop.time()
        if self._budget.datagrams >= self._budget.most or now >= self._budget.deadline:
            self._give_up()
            return
        turn = self._pacer.turn(now)
        if turn > now:
            self._turn = self._loop.call_at(turn, self._safely, self._send)
        else:
            self._send()

    def _send(self) -> None:
        self._turn = None
        if self._request is None or self._line is None:
            return
        number = self._latest = LEAST_ID + secrets.randbits(30)
        now = self._loop.time()
        self._due = min(now + self._rapport.patience(now, len(self._sent), self._pace), self._budget.deadline)
        self._sent[number] = now
        self._rapport.asked(number)
        self._strays = 0
        self._budget.datagrams += 1
        if self._timer is not None and self._timer.when() > self._due:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._safely, self._ring)
        if not self._line.send(encode_request(self._head, self._request.octets, number)):
            self._refused()

    def _ring(self) -> None:
        """Time is up, unless an answer has moved the moment on meanwhile: most timers are never needed."""
        self._timer = None
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._safely, self._ring)
        else:
            self._repeat()

    def _repeat(self) -> None:
        """The request was not answered: once more, or enough of it."""
        if self._turn is not None or self.over.done():
            return
        if len(self._sent) <= self._pace.retries:
            self._send_in_turn()
        else:
            self._give_up()

    def _give_up(self) -> None:
        """No answer to this request: a simpler one where there is one and anything is left to spend."""
        spent = self._budget.datagrams >= self._budget.most or self._loop.time() >= self._budget.deadline
        simpler = self._inquiry.unanswered(speaks=self._speaks or self._answered)
        if simpler and not spent:
            self._go_on()
        else:
            self._finish()

    def _finish(self, error: Exception | None = None) -> None:
        self._sent = {}
        if self.over.done():
            return
        if error is None:
            self.over.set_result(self._answered)
        else:
            self.over.set_exception(error)

    def _accept(self, response: Response, octets: int) -> None:
        if response.request_id != self._latest:
            self._inquiry.notes.append("late_reply")
        now = self._loop.time()
        self._rapport.heard(now, now - self._sent[response.request_id])
        self._answered = True
        self._inquiry.accept(response, octets)
        self._go_on()

    def _valid(self, datagram: bytes) -> Response | None:
        """The response that answers the outstanding request; what is odd about others is noted."""
        note = self._inquiry.notes.append
        try:
            response = decode_response(datagram)
        except BadReply as error:
            note(f"bad_reply:{error.reason}")
            return None
        if response.request_id not in self._sent:
            if not self._rapport.knows(response.request_id):
                note("wrong_request_id")
        elif response.version != self._version or response.community != self._community:
            note("wrong_community")
        elif not self._inquiry.answers(response):
            note("wrong_objects")
        else:
            return response
        return None

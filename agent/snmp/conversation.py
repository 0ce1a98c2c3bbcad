"""One exchange with one printer over UDP: requests, repetitions, adaptive patience, and what counts as an answer.

Driven by callbacks: a datagram, a refusal or an alarm moves it on. One request is in flight at a time.
"""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from agent.errors import BadReply
from agent.snmp.alarms import Alarms
from agent.snmp.codec import VERSIONS, Response, decode_response, encode_head
from agent.snmp.inquiry import Inquiry, Request
from agent.snmp.pacing import Pace, Pacer
from agent.snmp.rapport import Rapport
from agent.snmp.request_ids import RequestIds
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

    def is_spent(self, now: float) -> bool:
        """Whether nothing more may be sent."""
        return self.datagrams >= self.most or now >= self.deadline


class Speech:
    """An access as it stands in messages: the version's number, the community, and the head of every request."""

    __slots__ = ("access", "community", "head", "version")

    def __init__(self, access: CommunityAccess) -> None:
        self.access = access
        self.version = VERSIONS[access.version]
        self.community = access.community.encode()
        self.head = encode_head(self.version, self.community)


@dataclass(frozen=True, slots=True)
class Means:
    """What all conversations of one client share."""

    pace: Pace
    pacer: Pacer
    alarms: Alarms
    ids: RequestIds


class Conversation(ABC):
    """Works through an `Inquiry`; `over` becomes True when anything was answered and False when nothing was.

    `speaks` says that the printer has answered by this access before, `rapport` how quickly. A `Listener` and a
    `Sleeper`. How a request is written and what counts as its answer is for each kind of access to say.
    """

    __slots__ = (
        "_answered",
        "_budget",
        "_inquiry",
        "_latest",
        "_line",
        "_loop",
        "_means",
        "_rapport",
        "_refusals",
        "_request",
        "_sent",
        "_speaks",
        "_strays",
        "_turn",
        "due",
        "over",
    )

    def __init__(self, means: Means, inquiry: Inquiry, budget: Budget, rapport: Rapport, *, speaks: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[bool] = self._loop.create_future()
        self.due = math.inf  # when patience with the request that was sent ends
        self._means = means
        self._inquiry = inquiry
        self._budget = budget
        self._rapport = rapport
        self._speaks = speaks
        self._answered = False
        self._line: Line | None = None
        self._request: Request | None = None
        self._sent: dict[int, float] = {}  # request id -> when
        self._latest = self._strays = self._refusals = 0
        self._turn: asyncio.TimerHandle | None = None  # the moment at which the next packet may leave

    def begin(self, line: Line) -> None:
        """Asks the first question."""
        self._line = line
        self._means.alarms.add(self)
        self._go_on(self._loop.time())

    def end(self) -> None:
        """No more of it, whatever is still outstanding."""
        self._means.alarms.remove(self)
        if self._turn is not None:
            self._turn.cancel()
        if self._line is not None:
            self._line.close()
            self._line = None

    def heard(self, datagram: bytes) -> None:
        """A datagram from the printer: the answer, or a stray."""
        if self._sent and not self.over.done():
            self._safely(self._take, datagram)

    def refused(self) -> None:
        """The network says that nobody is there."""
        self._safely(self._refused, self._loop.time())

    def ring(self, now: float) -> None:
        """Time is up: the request was not answered."""
        self._safely(self._repeat, now)

    def _safely(self, step: Callable[[Any], None], fact: float | bytes) -> None:
        """What the event loop calls: an exception goes to whoever waits, else they would wait for ever."""
        try:
            step(fact)
        except Exception as error:  # noqa: BLE001  see above; it is raised again where `over` is awaited
            self._finish(error)

    @abstractmethod
    def _encoded(self, request: Request, number: int, now: float) -> bytes:
        """The request as a message with this number, LEAST_ID..2^31-1, sent now (loop time)."""

    @abstractmethod
    def _take(self, datagram: bytes) -> None:
        """Accepts a datagram as the answer to the outstanding request, or counts it as a stray."""

    def _stray(self) -> None:
        """That datagram was no answer: the printer may have lost the question, but not for ever."""
        self._strays += 1
        if self._strays == MOST_STRAYS:
            self._inquiry.notes.append("too_many_strays")
            self._repeat(self._loop.time())

    def _refused(self, now: float) -> None:
        self._refusals += 1
        if self._refusals >= MOST_REFUSALS:
            self._give_up(now)
        else:
            self._repeat(now)

    def _go_on(self, now: float) -> None:
        self._request = self._inquiry.next_request()
        self._begin_request(now)

    def _begin_request(self, now: float) -> None:
        """The request anew, with all of its attempts; when there is none, this is the end."""
        self._sent = {}
        self._refusals = 0
        if self._turn is not None:
            self._turn.cancel()  # a repetition that has become needless
            self._turn = None
        if self._request is None:
            self._finish()
        else:
            self._send_in_turn(now)

    def _send_in_turn(self, now: float) -> None:
        if self._budget.is_spent(now):
            self._give_up(now)
            return
        turn = self._means.pacer.turn(now)
        if turn > now:
            self.due = math.inf
            self._turn = self._loop.call_at(turn, self._at_last)
        else:
            self._send(now)

    def _at_last(self) -> None:
        self._turn = None
        self._safely(self._send, self._loop.time())

    def _send(self, now: float) -> None:
        if self._request is None or self._line is None:
            return
        number = self._latest = self._means.ids.next()
        patience = self._rapport.patience(now, len(self._sent), self._means.pace)
        self.due = min(now + patience, self._budget.deadline)
        self._sent[number] = now
        self._rapport.asked(number)
        self._strays = 0
        self._budget.datagrams += 1
        if not self._line.send(self._encoded(self._request, number, now)):
            self._refused(now)

    def _repeat(self, now: float) -> None:
        """The request was not answered: once more, or enough of it."""
        if self._turn is not None or self.over.done():
            return
        if len(self._sent) <= self._means.pace.retries:
            self._send_in_turn(now)
        else:
            self._give_up(now)

    def _give_up(self, now: float) -> None:
        """No answer to this request: a simpler one where there is one and anything is left to spend."""
        simpler = self._inquiry.unanswered(speaks=self._speaks or self._answered)
        if simpler and not self._budget.is_spent(now):
            self._go_on(now)
        else:
            self._finish()

    def _finish(self, error: Exception | None = None) -> None:
        self._sent = {}
        self.due = math.inf
        if self.over.done():
            return
        if error is None:
            self.over.set_result(self._answered)
        else:
            self.over.set_exception(error)

    def _accept(self, response: Response, octets: int) -> None:
        now = self._time(response.request_id)
        self._answered = True
        self._inquiry.accept(response, octets)
        self._go_on(now)

    def _time(self, number: int) -> float:
        """The message with this number was answered: when, which is now."""
        if number != self._latest:
            self._inquiry.notes.append("late_reply")
        now = self._loop.time()
        self._rapport.heard(now, now - self._sent[number])
        return now


class CommunityConversation(Conversation):
    """A conversation in v1 or v2c."""

    __slots__ = ("_speech",)

    def __init__(
        self, means: Means, speech: Speech, inquiry: Inquiry, budget: Budget, rapport: Rapport, *, speaks: bool
    ) -> None:
        super().__init__(means, inquiry, budget, rapport, speaks=speaks)
        self._speech = speech

    def _encoded(self, request: Request, number: int, now: float) -> bytes:
        before, after = request.frame(self._speech.head)
        return before + number.to_bytes(4, "big") + after

    def _take(self, datagram: bytes) -> None:
        response = self._valid(datagram)
        if response is None:
            self._stray()
        else:
            self._accept(response, len(datagram))

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
        elif response.version != self._speech.version or response.community != self._speech.community:
            note("wrong_community")
        elif not self._inquiry.answers(response):
            note("wrong_objects")
        else:
            return response
        return None

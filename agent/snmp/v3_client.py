"""Asking a printer in SNMPv3 as one user: engine discovery, its clock, and the same plan of requests as in v2c.

An answer counts only when it comes from the address that was asked, carries the msgID and the
request id of the outstanding request, the engine, user and security level of the question, and a right digest.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import NamedTuple

from agent.errors import BadReply, PrinterSilent
from agent.printers import Endpoint
from agent.snmp.access import AUTH_FLAG, PRIV_FLAG, UserAccess
from agent.snmp.client import SIMPLE_NOTES, UNPACED
from agent.snmp.codec import GET, LEAST_ID, Response
from agent.snmp.conversation import MOST_REFUSALS, MOST_STRAYS, Budget
from agent.snmp.inquiry import Bounds, Inquiry, Request
from agent.snmp.mailbox import Mailbox
from agent.snmp.pacing import Pace, Pacer
from agent.snmp.rapport import Rapport
from agent.snmp.switchboard import Switchboard
from agent.snmp.usm import Keys
from agent.snmp.v3_message import (
    REPORTABLE,
    Clock,
    Envelope,
    Frame,
    Scoped,
    decode_message,
    decode_scoped,
    encode_message,
    encode_pdu,
    encode_scoped,
)
from agent.snmp.v3_reports import NO_ANSWER, NOT_IN_TIME_WINDOW, UNKNOWN_ENGINE, refusal, report_code
from agent.snmp.varbinds import Answer, Ask
from agent.texts import message

TIME_WINDOW = 150  # seconds; RFC 3414 section 2.2.3
LARGEST = 2**31 - 1
LEAST_ENGINE_ID = 5  # octets; SnmpEngineID, RFC 3411 section 5
MOST_RESYNCS = 2  # per request: a new board and its clock
MOST_ENGINES = 10_000


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


class Reply(NamedTuple):
    """A valid answer to an outstanding request, or the Report that came instead, with its length in octets."""

    envelope: Envelope
    response: Response
    octets: int
    report: bool


class UserClient:
    """The `Snmp` port over v3 for one user; whoever calls it sees to it that a printer gets one question at a time."""

    def __init__(self, access: UserAccess, pace: Pace | None = None, pacer: Pacer | None = None) -> None:
        self._access = access
        self._pace = pace or Pace()
        self._pacer = pacer or Pacer(UNPACED)
        self._board = Switchboard()
        self._engines: dict[Endpoint, Engine] = {}
        self._keys: dict[bytes, Keys] = {}
        self._simple: set[Endpoint] = set()
        self._rapports: dict[Endpoint, Rapport] = {}

    async def ask(self, endpoint: Endpoint, ask: Ask) -> Answer:
        """Everything in `ask` that the device has. Raises `PrinterSilent` when nothing answered, `PrinterRefuses` when
        the printer did but does not let this user read."""
        budget = Budget(asyncio.get_running_loop().time() + self._pace.max_seconds, self._pace.max_datagrams)
        try:
            line = Mailbox(self._board, endpoint)
        except OSError:
            raise _silent(endpoint) from None  # no route, no permission: for this printer the same as silence
        known = self._engines.get(endpoint)
        exchange = UserExchange(line, self, endpoint, budget, self._rapports.get(endpoint) or Rapport())
        exchange.engine = known
        inquiry = Inquiry(ask, "v2c", Bounds(), bulk=endpoint not in self._simple)
        try:
            heard = await self._converse(exchange, inquiry, speaks=known is not None)
        except PrinterSilent:
            self._engines.pop(endpoint, None)
            raise
        finally:
            line.close()
        if not heard:
            raise self._unheard(endpoint, exchange, known)
        self._learn(endpoint, exchange, inquiry)
        return replace(inquiry.outcome(budget.datagrams), version="v3")

    def recall(self, endpoint: Endpoint, *, simple: bool) -> None:
        """What is known of a printer from before this process: whether it fails at GETBULK."""
        if simple:
            self._simple.add(endpoint)

    def keys(self, engine_id: bytes) -> Keys:
        """This user's keys for an engine, made once."""
        keys = self._keys.get(engine_id)
        if keys is None:
            if len(self._keys) >= MOST_ENGINES:
                self._keys.clear()
            keys = self._keys[engine_id] = Keys(self._access, engine_id)
        return keys

    @property
    def access(self) -> UserAccess:
        """The user."""
        return self._access

    @property
    def pace(self) -> Pace:
        """Patience with one printer."""
        return self._pace

    async def turn(self) -> None:
        """Returns when a packet may leave."""
        now = _now()
        turn = self._pacer.turn(now)
        if turn > now:
            await asyncio.sleep(turn - now)

    async def _converse(self, exchange: UserExchange, inquiry: Inquiry, *, speaks: bool) -> bool:
        heard = False
        while request := inquiry.next_request():
            reply = await exchange.send(request, inquiry)
            if reply is not None:
                heard = True
                inquiry.accept(reply.response, reply.octets)
            elif not inquiry.unanswered(speaks=speaks or heard):
                break
        return heard

    def _unheard(self, endpoint: Endpoint, exchange: UserExchange, known: Engine | None) -> PrinterSilent:
        """Silence, or something that answers to anybody but not to this user."""
        if exchange.engine is None or (known is not None and known.proven):
            return _silent(endpoint)
        self._engines.pop(endpoint, None)
        return refusal(NO_ANSWER, endpoint, self._access.user, self._access.context)

    def _learn(self, endpoint: Endpoint, exchange: UserExchange, inquiry: Inquiry) -> None:
        self._rapports[endpoint] = exchange.rapport
        if exchange.engine is not None:
            self._engines[endpoint] = exchange.engine
        if SIMPLE_NOTES & set(inquiry.notes):
            self._simple.add(endpoint)


class UserExchange:
    """Requests and their answers over one line: discovery, repetitions, resynchronisation, and who may answer."""

    def __init__(self, line: Mailbox, client: UserClient, endpoint: Endpoint, budget: Budget, rapport: Rapport) -> None:
        self._line = line
        self._client = client
        self._access = client.access
        self._endpoint = endpoint
        self._budget = budget
        self.rapport = rapport
        self.engine: Engine | None = None

    async def send(self, request: Request, inquiry: Inquiry) -> Reply | None:
        """The response to a request; None when none came within patience and budget. Raises `PrinterRefuses`."""
        if self.engine is None and not await self._discover(inquiry):
            return None
        code = NOT_IN_TIME_WINDOW
        for _ in range(MOST_RESYNCS + 1):
            reply = await self._attempts(request, inquiry)
            if reply is None or not reply.report:
                return reply
            code = report_code(reply.response)
            if not self._resynchronised(code, reply, inquiry):
                break
        raise refusal(code, self._endpoint, self._access.user, self._access.context)

    async def _discover(self, inquiry: Inquiry) -> bool:
        """Asks who is there, as nobody (RFC 3414 section 4): a Report tells engine id and clock."""
        reply = await self._attempts(None, inquiry)
        if reply is None:
            return False
        self.engine = Engine(reply.envelope.engine_id, reply.envelope.clock, _now())
        return True

    def _resynchronised(self, code: str, report: Reply, inquiry: Inquiry) -> bool:
        """Whether what a Report says is no refusal but news of the engine: restarted, or another board."""
        engine, envelope = self.engine, report.envelope
        if code == NOT_IN_TIME_WINDOW and engine is not None:
            engine.restart(envelope.clock, _now(), proven=bool(envelope.flags & AUTH_FLAG))
            inquiry.notes.append("engine_restarted")
            return True
        if code == UNKNOWN_ENGINE and engine is not None and envelope.engine_id != engine.engine_id:
            self.engine = Engine(envelope.engine_id, envelope.clock, _now())
            inquiry.notes.append("engine_changed")
            return True
        return False

    async def _attempts(self, request: Request | None, inquiry: Inquiry) -> Reply | None:
        """The first valid reply to a request, repeated as patience says; `None` for `request` is discovery."""
        pace, sent = self._client.pace, {}
        refused = self._line.refusals
        for attempt in range(pace.retries + 1):
            if self._budget.datagrams >= self._budget.most or _now() >= self._budget.deadline:
                return None
            await self._client.turn()
            number, request_id = secrets.randbits(31), LEAST_ID + secrets.randbits(30)
            sent[number] = (request_id, _now())
            self.rapport.asked(number)
            self._budget.datagrams += 1
            self._line.send(self._encoded(request, number, request_id))
            until = min(_now() + self.rapport.patience(_now(), attempt, pace), self._budget.deadline)
            reply = await self._matching(request, sent, number, until, inquiry)
            if reply is not None:
                return reply
            if self._line.refusals - refused >= MOST_REFUSALS:
                return None
        return None

    def _encoded(self, request: Request | None, number: int, request_id: int) -> bytes:
        if request is None or self.engine is None:
            frame = Frame(number, REPORTABLE, b"", Clock(0, 0), b"")
            content = encode_scoped(b"", b"", encode_pdu(Request(GET, ()), request_id))
            return encode_message(frame, b"", b"", content)
        engine, keys = self.engine, self._client.keys(self.engine.engine_id)
        clock = engine.clock_at(_now()) if self._access.flags else Clock(0, 0)
        frame = Frame(number, self._access.flags | REPORTABLE, engine.engine_id, clock, self._access.user.encode())
        content = encode_scoped(engine.engine_id, self._access.context.encode(), encode_pdu(request, request_id))
        salt = b""
        if self._access.flags & PRIV_FLAG:
            content, salt = keys.encrypt(content, clock.boots, clock.time)
        blank = encode_message(frame, keys.blank, salt, content)
        return encode_message(frame, keys.digest(blank), salt, content) if keys.blank else blank

    async def _matching(
        self,
        request: Request | None,
        sent: dict[int, tuple[int, float]],
        latest: int,
        until: float,
        inquiry: Inquiry,
    ) -> Reply | None:
        """The first datagram that is a reply to one of these messages."""
        for _ in range(MOST_STRAYS):
            datagram = await self._line.receive(until)
            if datagram is None:
                return None
            try:
                reply = self._valid(datagram, request, sent, inquiry)
            except BadReply as error:
                inquiry.notes.append(f"bad_reply:{error.reason}")
                continue
            if reply is not None:
                if reply.envelope.number != latest:
                    inquiry.notes.append("late_reply")
                self.rapport.heard(_now(), _now() - sent[reply.envelope.number][1])
                return reply
        inquiry.notes.append("too_many_strays")
        return None

    def _valid(
        self, datagram: bytes, request: Request | None, sent: dict[int, tuple[int, float]], inquiry: Inquiry
    ) -> Reply | None:
        """The reply in a datagram if it may be believed; raises `BadReply` when it is no message."""
        envelope = decode_message(datagram)
        if envelope.number not in sent:
            if not self.rapport.knows(envelope.number):
                inquiry.notes.append("wrong_message_id")
            return None
        scoped, why = self._opened(datagram, envelope)
        if scoped is not None:
            request_id = sent[envelope.number][0]
            why = self._objection(envelope, scoped, request, request_id)
            if not why and request is not None and not scoped.report and not inquiry.answers(scoped.response):
                why = "wrong_objects"
        if scoped is None or why:
            inquiry.notes.append(why)
            return None
        return Reply(envelope, scoped.response, len(datagram), scoped.report)

    def _opened(self, datagram: bytes, envelope: Envelope) -> tuple[Scoped | None, str]:
        """The scoped PDU of a message, proven and decrypted as far as it says it is; else why not."""
        if not envelope.flags & AUTH_FLAG:
            return decode_scoped(envelope.content), ""
        engine = self.engine
        if engine is None or envelope.engine_id != engine.engine_id or envelope.user != self._access.user.encode():
            return None, "wrong_engine"
        keys = self._client.keys(engine.engine_id)
        if not keys.proves(datagram, envelope.digest_at, envelope.digest):
            return None, "wrong_digest"
        content: bytes | None = envelope.content
        if envelope.flags & PRIV_FLAG:
            content = keys.decrypt(envelope.content, envelope.salt, *envelope.clock)
        return (None, "not_decrypted") if content is None else (decode_scoped(content), "")

    def _objection(self, envelope: Envelope, scoped: Scoped, request: Request | None, request_id: int) -> str:
        """Why a message is no reply to be believed; empty when it is one. Notes the clock of a proven one."""
        if scoped.report:
            return self._report_objection(envelope)
        engine = self.engine
        if request is None or engine is None:
            return "not_a_report"
        if envelope.flags & (AUTH_FLAG | PRIV_FLAG) != self._access.flags:
            return "wrong_security_level"
        if envelope.engine_id != engine.engine_id or envelope.user != self._access.user.encode():
            return "wrong_engine"
        if (scoped.engine_id, scoped.context) != (engine.engine_id, self._access.context.encode()):
            return "wrong_context"
        if scoped.response.request_id != request_id:
            return "wrong_request_id"
        if self._access.flags:
            if not engine.is_timely(envelope.clock, _now()):
                return "not_in_time_window"
            engine.hear(envelope.clock, _now())
        return ""

    def _report_objection(self, envelope: Envelope) -> str:
        """A Report needs no proof: it answers our random msgID, and the worst it can do is to end this exchange."""
        return "" if len(envelope.engine_id) >= LEAST_ENGINE_ID else "no_engine_id"


def _now() -> float:
    return asyncio.get_running_loop().time()


def _silent(endpoint: Endpoint) -> PrinterSilent:
    return PrinterSilent(
        message("Nothing at {place} answers SNMP.", place=str(endpoint)),
        message("Check that the printer is on and connected, that SNMP is on in it, and the community."),
    )

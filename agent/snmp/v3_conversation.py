"""A conversation in SNMPv3: discovery, the same requests as in v2c, resynchronisation, and who may answer.

An answer counts only when it carries the number of an outstanding message, outside and inside, the engine, user,
context and security level of the question, a right digest and a time that is not past.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.errors import BadReply, PrinterRefuses
from agent.snmp.access import AUTH_FLAG
from agent.snmp.conversation import Budget, Conversation, Means
from agent.snmp.engine import LEAST_ENGINE_ID, Engine
from agent.snmp.inquiry import Inquiry, Request
from agent.snmp.rapport import Rapport
from agent.snmp.v3_message import Envelope, Scoped, decode_message, decode_scoped, discovery
from agent.snmp.v3_reports import NOT_IN_TIME_WINDOW, UNKNOWN_ENGINE, report_code
from agent.snmp.v3_session import Session

MOST_RESYNCS = 2  # per request: a new board and its clock


class UserConversation(Conversation):
    """A conversation as one user. `engine` is what is known of the printer's; `None` means that it is asked first.

    `session` gives the user's session with an engine id, `refusal` the error for a Report's code.
    `spoke` says that something valid came, even if no answer; `doubt` is the code of a Report that was not believed.
    """

    __slots__ = ("_refusal", "_resyncs", "_session", "_session_with", "doubt", "engine", "spoke")

    def __init__(
        self,
        means: Means,
        inquiry: Inquiry,
        budget: Budget,
        rapport: Rapport,
        *,
        speaks: bool,
        engine: Engine | None,
        session: Callable[[bytes], Session],
        refusal: Callable[[str], PrinterRefuses],
    ) -> None:
        super().__init__(means, inquiry, budget, rapport, speaks=speaks)
        self.engine = engine
        self.spoke = False
        self.doubt = ""
        self._session_with = session
        self._session = session(engine.engine_id) if engine is not None else None
        self._refusal = refusal
        self._resyncs = 0

    def _encoded(self, request: Request, number: int, now: float) -> bytes:
        if self.engine is None or self._session is None:
            return discovery(number)
        return self._session.sealed(request.octets, number, self.engine.clock_at(now))

    def _take(self, datagram: bytes) -> None:
        try:
            envelope = decode_message(datagram)
            scoped = self._opened(datagram, envelope)
        except BadReply as error:
            self._inquiry.notes.append(f"bad_reply:{error.reason}")
            scoped = None
        if scoped is None:
            self._stray()
        elif scoped.report:
            self._reported(envelope, scoped)
        else:
            self._resyncs = 0
            self.spoke = True
            self._accept(scoped.response, len(datagram))

    def _opened(self, datagram: bytes, envelope: Envelope) -> Scoped | None:
        """What a message says if it may be believed; what is odd about others is noted. Raises `BadReply`."""
        note = self._inquiry.notes.append
        if envelope.number not in self._sent:
            if not self._rapport.knows(envelope.number):
                note("wrong_message_id")
            return None
        scoped: Scoped | str
        if not envelope.flags & AUTH_FLAG:
            scoped = decode_scoped(envelope.content)
        elif self._session is None:
            scoped = "wrong_engine"
        else:
            scoped = self._session.opened(datagram, envelope)
        why = scoped if isinstance(scoped, str) else self._objection(envelope, scoped)
        if isinstance(scoped, str) or why:
            note(why)
            return None
        return scoped

    def _objection(self, envelope: Envelope, scoped: Scoped) -> str:
        """Why a message is not to be believed; empty when it is. Notes the clock of a proven one.

        A Report needs no proof, as most cannot have one: it bears our random number, and is a hint.
        """
        if scoped.report:
            return "" if len(envelope.engine_id) >= LEAST_ENGINE_ID else "no_engine_id"
        if self.engine is None or self._session is None:
            return "not_a_report"
        why = self._session.mismatch(envelope, scoped)
        if why or not self._session.flags:
            return why or self._unfitting(scoped)
        now = self._loop.time()
        if not self.engine.is_timely(envelope.clock, now):
            return "not_in_time_window"
        self.engine.hear(envelope.clock, now)
        return self._unfitting(scoped)

    def _unfitting(self, scoped: Scoped) -> str:
        return "" if self._inquiry.answers(scoped.response) else "wrong_objects"

    def _reported(self, envelope: Envelope, scoped: Scoped) -> None:
        """A Report came: news of the engine, after which the request is asked anew, or a refusal."""
        self.spoke = True
        if self.engine is None:
            self._meet(envelope)
        elif not self._resynchronised(report_code(scoped.response), envelope):
            self._refused_by_report(report_code(scoped.response), proven=bool(envelope.flags & AUTH_FLAG))
            return
        self._begin_request(self._time(envelope.number))

    def _refused_by_report(self, code: str, *, proven: bool) -> None:
        """Raises `PrinterRefuses`, unless it is without proof and all was well before: the true answer may follow."""
        if proven or not (self._speaks or self._answered):
            raise self._refusal(code)
        self.doubt = code
        self._stray()

    def _meet(self, envelope: Envelope) -> None:
        """Its id and clock are all that is needed: the request that follows is in time."""
        self.engine = Engine(envelope.engine_id, envelope.clock, self._loop.time())
        self._session = self._session_with(envelope.engine_id)

    def _resynchronised(self, code: str, envelope: Envelope) -> bool:
        """Whether what a Report says is no refusal but news of the engine: restarted, or another board."""
        engine = self.engine
        self._resyncs += 1
        if self._resyncs > MOST_RESYNCS:
            return False
        if code == NOT_IN_TIME_WINDOW and engine is not None:
            engine.restart(envelope.clock, self._loop.time(), proven=bool(envelope.flags & AUTH_FLAG))
            self._inquiry.notes.append("engine_restarted")
            return True
        if code == UNKNOWN_ENGINE and engine is not None and envelope.engine_id != engine.engine_id:
            self._meet(envelope)
            self._inquiry.notes.append("engine_changed")
            return True
        return False

"""Asking a printer in SNMPv3 as one user: by the same plan of requests as in v2c, over one session per engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

from agent.errors import PrinterSilent
from agent.printers import Endpoint
from agent.snmp.access import UserAccess
from agent.snmp.alarms import Alarms
from agent.snmp.client import BOUNDS, SIMPLE_NOTES, UNPACED
from agent.snmp.conversation import Budget, Means
from agent.snmp.engine import Engine
from agent.snmp.inquiry import Inquiry
from agent.snmp.pacing import Pace, Pacer
from agent.snmp.rapport import Rapport
from agent.snmp.request_ids import RequestIds
from agent.snmp.switchboard import Switchboard
from agent.snmp.v3_conversation import UserConversation
from agent.snmp.v3_reports import NO_ANSWER, refusal
from agent.snmp.v3_session import Session
from agent.snmp.varbinds import Answer, Ask
from agent.texts import message

MOST_SESSIONS = 10_000


class UserClient:
    """The `Snmp` port over v3 for one user; whoever calls it sees to it that a printer gets one question at a time.

    `engines` are what all users know together, so that the first one's discovery serves the others.
    """

    def __init__(
        self,
        access: UserAccess,
        pace: Pace | None = None,
        pacer: Pacer | None = None,
        engines: dict[Endpoint, Engine] | None = None,
    ) -> None:
        self._access = access
        self._means = Means(pace or Pace(), pacer or Pacer(UNPACED), Alarms(), RequestIds())
        self._board = Switchboard()
        self._engines = {} if engines is None else engines
        self._sessions: dict[bytes, Session] = {}
        self._simple: set[Endpoint] = set()
        self._rapports: dict[Endpoint, Rapport] = {}

    async def ask(self, endpoint: Endpoint, ask: Ask) -> Answer:
        """Everything in `ask` that the device has. Raises `PrinterSilent` when nothing answered, `PrinterRefuses` when
        the printer did but does not let this user read."""
        pace = self._means.pace
        budget = Budget(asyncio.get_running_loop().time() + pace.max_seconds, pace.max_datagrams)
        answer = await self._exchange(endpoint, ask, budget)
        known = self._engines.pop(endpoint, None) if answer is None else None
        if known is not None and endpoint not in self._rapports:
            # Only others have spoken with that engine: silence to this user may be its word, or there is another now.
            answer = await self._exchange(endpoint, ask, budget)
        if answer is None:
            raise _silence(endpoint)
        return answer

    def recall(self, endpoint: Endpoint, *, simple: bool) -> None:
        """What is known of a printer from before this process: whether it fails at GETBULK."""
        if simple:
            self._simple.add(endpoint)

    async def _exchange(self, endpoint: Endpoint, ask: Ask, budget: Budget) -> Answer | None:
        """One whole exchange; None when nothing ever came. Raises `PrinterRefuses`."""
        inquiry = Inquiry(ask, "v2c", BOUNDS, bulk=endpoint not in self._simple)
        rapport = self._rapports.get(endpoint) or Rapport()
        refused = partial(refusal, endpoint=endpoint, user=self._access.user, context=self._access.context)
        talk = UserConversation(
            self._means,
            inquiry,
            budget,
            rapport,
            speaks=endpoint in self._rapports,
            engine=self._engines.get(endpoint),
            session=self._session,
            refusal=refused,
        )
        if not await self._answered(endpoint, talk):
            if talk.spoke:
                self._engines.pop(endpoint, None)
                raise refused(talk.doubt or NO_ANSWER)
            return None
        self._rapports[endpoint] = rapport
        if SIMPLE_NOTES & set(inquiry.notes):
            self._simple.add(endpoint)
        return replace(inquiry.outcome(budget.datagrams), version="v3")

    async def _answered(self, endpoint: Endpoint, talk: UserConversation) -> bool:
        """Whether anything was answered. Raises `PrinterRefuses`."""
        try:
            talk.begin(self._board.connect(endpoint, talk))
            return await talk.over
        except OSError:
            return False  # no such network on this machine: for this printer the same as silence
        finally:
            talk.end()
            if talk.engine is not None:
                self._engines[endpoint] = talk.engine

    def _session(self, engine_id: bytes) -> Session:
        """This user's session with an engine, made once."""
        session = self._sessions.get(engine_id)
        if session is None:
            if len(self._sessions) >= MOST_SESSIONS:
                self._sessions.clear()
            session = self._sessions[engine_id] = Session(self._access, engine_id)
        return session


def _silence(endpoint: Endpoint) -> PrinterSilent:
    return PrinterSilent(
        message("Nothing at {place} answers SNMP.", place=str(endpoint)),
        message("Check that the printer is on and connected, that SNMP is on in it, and the community."),
    )

"""Asking printers over UDP in SNMP v1 and v2c: one request in flight per printer, bounded.

A reply counts only when it comes from the address that was asked, carries the community and a request id of the
outstanding request, and answers it. Everything else is noted and dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agent.errors import PrinterSilent
from agent.printers import Endpoint
from agent.snmp.conversation import Budget, CommunityAccess, Conversation
from agent.snmp.inquiry import Bounds, Inquiry
from agent.snmp.pacing import Pace, Pacer
from agent.snmp.rapport import Rapport
from agent.snmp.switchboard import Switchboard
from agent.snmp.turns import Turns
from agent.snmp.varbinds import Answer, Ask
from agent.texts import message

SIMPLE_NOTES = frozenset({"gen_err", "bulk_silent"})
UNPACED = 1_000_000.0  # packets per second


class SnmpClient:
    """The `Snmp` port over v1 and v2c. `accesses` are tried in order; what a printer answered to is kept for it."""

    def __init__(
        self, accesses: Sequence[CommunityAccess], pace: Pace | None = None, pacer: Pacer | None = None
    ) -> None:
        self._accesses = tuple(accesses)
        self._pace = pace or Pace()
        self._pacer = pacer or Pacer(UNPACED)
        self._board = Switchboard()
        self._spoken: dict[Endpoint, CommunityAccess] = {}
        self._simple: set[Endpoint] = set()
        self._rapports: dict[Endpoint, Rapport] = {}
        self._turns = Turns()

    async def ask(self, endpoint: Endpoint, ask: Ask) -> Answer:
        """Everything in `ask` that the device has; raises `PrinterSilent` when it gave no valid answer at all."""
        async with self._turns.of(endpoint):
            return await self._ladder(endpoint, ask)

    def recall(self, endpoint: Endpoint, *, simple: bool) -> None:
        """What is known of a printer from before this process: whether it fails at GETBULK."""
        if simple:
            self._simple.add(endpoint)

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
        speaks = self._spoken.get(endpoint) == access
        rapport = self._rapports.get(endpoint) or Rapport()
        talk = Conversation(access, inquiry, self._pace, budget, self._pacer, rapport, speaks=speaks)
        try:
            talk.begin(self._board.connect(endpoint, talk))
            answered = await talk.over
        except OSError:
            return None  # no such network on this machine: for this printer the same as silence
        finally:
            talk.end()
        if not answered:
            return None
        self._rapports[endpoint] = rapport
        return inquiry.outcome(budget.datagrams)

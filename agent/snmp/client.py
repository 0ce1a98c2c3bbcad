"""Asking printers over UDP in SNMP v1 and v2c: one request in flight per printer, bounded.

A reply counts only when it comes from the address that was asked, carries the community and a request id of the
outstanding request, and answers it. Everything else is noted and dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.errors import PrinterSilent
from agent.printers import Endpoint
from agent.snmp.alarms import Alarms
from agent.snmp.conversation import Budget, CommunityAccess, CommunityConversation, Means, Speech
from agent.snmp.inquiry import Bounds, Inquiry
from agent.snmp.pacing import Pace, Pacer
from agent.snmp.rapport import Rapport
from agent.snmp.request_ids import RequestIds
from agent.snmp.switchboard import Switchboard
from agent.snmp.turns import Turns
from agent.snmp.varbinds import Answer, Ask
from agent.texts import message

SIMPLE_NOTES = frozenset({"gen_err", "bulk_silent"})
UNPACED = 1_000_000.0  # packets per second
BOUNDS = Bounds()


@dataclass(slots=True)
class Acquaintance:
    """What is known of a printer that has answered: how it was spoken to, how quickly it answers, and whether it
    fails at GETBULK."""

    speech: Speech | None = None
    rapport: Rapport = field(default_factory=Rapport)
    simple: bool = False


class SnmpClient:
    """The `Snmp` port over v1 and v2c. `accesses` are tried in order; what a printer answered to is kept for it."""

    def __init__(
        self, accesses: Sequence[CommunityAccess], pace: Pace | None = None, pacer: Pacer | None = None
    ) -> None:
        self._speeches = tuple(map(Speech, accesses))
        self._means = Means(pace or Pace(), pacer or Pacer(UNPACED), Alarms(), RequestIds())
        self._board = Switchboard()
        self._known: dict[Endpoint, Acquaintance] = {}
        self._turns = Turns()

    async def ask(self, endpoint: Endpoint, ask: Ask) -> Answer:
        """Everything in `ask` that the device has; raises `PrinterSilent` when it gave no valid answer at all."""
        async with self._turns.of(endpoint):
            return await self._ladder(endpoint, ask)

    def recall(self, endpoint: Endpoint, *, simple: bool) -> None:
        """What is known of a printer from before this process: whether it fails at GETBULK."""
        if simple:
            self._known.setdefault(endpoint, Acquaintance()).simple = True

    async def _ladder(self, endpoint: Endpoint, ask: Ask) -> Answer:
        pace = self._means.pace
        budget = Budget(asyncio.get_running_loop().time() + pace.max_seconds, pace.max_datagrams)
        known = self._known.get(endpoint) or Acquaintance()
        odd: list[str] = []
        for speech in self._order(known.speech):
            answer = await self._converse(endpoint, known, speech, ask, budget, odd)
            if answer is not None:
                known.speech = speech
                known.simple = known.simple or not SIMPLE_NOTES.isdisjoint(answer.notes)
                self._known[endpoint] = known
                return answer
        raise silence(endpoint, tuple(dict.fromkeys(odd)))

    def _order(self, first: Speech | None) -> Sequence[Speech]:
        """All ways to speak, beginning with what the printer answered to."""
        if first is None or first is self._speeches[0]:
            return self._speeches
        return (first, *(speech for speech in self._speeches if speech is not first))

    async def _converse(
        self, endpoint: Endpoint, known: Acquaintance, speech: Speech, ask: Ask, budget: Budget, odd: list[str]
    ) -> Answer | None:
        """One whole exchange in one way; None when nothing was ever answered, and what was odd goes to `odd`."""
        inquiry = Inquiry(ask, speech.access.version, BOUNDS, bulk=not known.simple)
        talk = CommunityConversation(self._means, speech, inquiry, budget, known.rapport, speaks=known.speech is speech)
        try:
            talk.begin(self._board.connect(endpoint, talk))
            answered = await talk.over
        except OSError:
            return None  # no such network on this machine: for this printer the same as silence
        finally:
            talk.end()
        if answered:
            return inquiry.outcome(budget.datagrams)
        odd += inquiry.notes
        return None


def silence(endpoint: Endpoint, odd: tuple[str, ...]) -> PrinterSilent:
    """The error of a printer without a valid answer; it says so where something came all the same."""
    error = PrinterSilent(
        message("Nothing at {place} answers SNMP.", place=str(endpoint)),
        message("Check that the printer is on and connected, that SNMP is on in it, and the community."),
    )
    if odd:
        error = PrinterSilent(
            message(
                "Something at {place} answers, but not as SNMP prescribes: {notes}.",
                place=str(endpoint),
                notes=", ".join(odd[:5]),
            ),
            message("Check that it is a printer and the port that of SNMP, and ask its maker for newer firmware."),
        )
    error.odd = odd
    return error

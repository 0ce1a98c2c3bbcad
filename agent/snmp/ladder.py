"""The versions and accesses that are tried on a printer: from the strongest down, and never down from SNMPv3.

What a printer answered to is remembered (`agent.snmp.manners`) and asked first, for a day alone. A printer that spoke
SNMPv3 is never asked in a weaker version again, nor believed in one, until a person makes the agent forget it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from agent.errors import PrinterRefuses, PrinterSilent
from agent.printers import Endpoint
from agent.snmp.client import SIMPLE_NOTES, silence
from agent.snmp.manners import Manner, Manners, ways_of
from agent.snmp.turns import Leases, Turns
from agent.snmp.varbinds import Answer, Ask, Varbinds
from agent.texts import message

STRONGEST = "v3"


class Voice(Protocol):
    """One way to ask. Owes: no exception but `PrinterSilent`, `PrinterRefuses` when the printer answers but not us."""

    async def ask(self, endpoint: Endpoint, ask: Ask) -> Answer:
        """Everything in `ask` that the device has."""

    def recall(self, endpoint: Endpoint, *, simple: bool) -> None:
        """What is known of a printer from before this process: whether it fails at GETBULK."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One access in one version; `key` names it without any secret, such as `v3:1:reader` or `v2c:2`."""

    key: str
    version: str
    voice: Voice


class Ladder:
    """The `Snmp` port over all configured accesses. `rungs` are in the order of trying."""

    def __init__(
        self,
        rungs: Sequence[Rung],
        manners: Manners,
        now: Callable[[], datetime],
        serial_of: Callable[[Varbinds], str | None],
        leases: Leases | None = None,
    ) -> None:
        self._rungs = tuple(rungs)
        self._ways = ways_of(rung.key for rung in rungs)
        self._manners = manners
        self._now = now
        self._serial_of = serial_of
        self._turns = Turns(leases)

    async def ask(self, endpoint: Endpoint, ask: Ask) -> Answer:
        """Everything in `ask` that the device has. Raises `PrinterSilent` when nothing answered, `PrinterRefuses` when
        the printer answers but cannot be asked as it has to be."""
        async with self._turns.of(endpoint):
            return await self._climb(endpoint, ask)

    async def _climb(self, endpoint: Endpoint, ask: Ask) -> Answer:
        manner, now = self._manners.of(endpoint), self._now()
        rungs = order(self._rungs, manner, self._ways, now)
        refusal: PrinterRefuses | None = None
        deaf: set[str] = set()
        odd: list[str] = []
        for rung in rungs:
            if rung.version in deaf:
                continue
            if manner is not None and manner.no_bulk and manner.version == rung.version:
                rung.voice.recall(endpoint, simple=True)
            try:
                answer = await rung.voice.ask(endpoint, ask)
            except PrinterRefuses as error:
                refusal = refusal or error
            except PrinterSilent as error:
                odd += error.odd
                if rung.version == STRONGEST:
                    deaf.add(STRONGEST)  # discovery is the same for every user
            else:
                return self._heard(endpoint, rung, answer, climbed=manner is None or len(rungs) > 1)
        if manner is not None and not manner.is_fresh(self._ways, now):
            # Tried in vain is tried too: until tomorrow it is asked in its own way only.
            self._manners.change(endpoint, lambda known: replace(known, ways=self._ways, climbed_at=now))
        raise refusal or _silence(endpoint, manner, bool(rungs), tuple(dict.fromkeys(odd)))

    def _heard(self, endpoint: Endpoint, rung: Rung, answer: Answer, *, climbed: bool) -> Answer:
        """Remembers what worked; refuses a printer that was secured and now answers in a weaker version."""
        now, before = self._now(), self._manners.of(endpoint)
        met = Manner(
            endpoint=endpoint,
            access=rung.key,
            version=rung.version,
            ways=self._ways,
            climbed_at=now if climbed or before is None else before.climbed_at,
            answered_at=now,
            no_bulk=bool(SIMPLE_NOTES & set(answer.notes)),
            serial_number=self._serial_of(answer.varbinds),
        )
        if rung.version != STRONGEST and self._manners.is_secured(met.serial_number):
            self._manners.met_weaker(met)
            raise _downgraded(endpoint, rung.version)
        self._manners.heard(met)
        return answer


def order(rungs: Sequence[Rung], manner: Manner | None, ways: str, now: datetime) -> list[Rung]:
    """The rungs to try for a printer, in order: all on first contact, later the one that worked, alone for a day.

    A printer that spoke SNMPv3 has no rungs below.
    """
    if manner is None:
        return list(rungs)
    allowed = [rung for rung in rungs if manner.version != STRONGEST or rung.version == STRONGEST]
    its_own = [rung for rung in allowed if rung.key == manner.access]
    if its_own and manner.is_fresh(ways, now):
        return its_own
    versions = [rung.version for rung in rungs]
    return sorted(allowed, key=lambda rung: (versions.index(rung.version), rung.key != manner.access))


def _silence(endpoint: Endpoint, manner: Manner | None, asked: bool, odd: tuple[str, ...]) -> PrinterSilent:
    place = str(endpoint)
    if not asked:
        return PrinterRefuses(
            message(
                "The printer at {place} was read by SNMPv3 before, and no SNMPv3 user is configured now.", place=place
            ),
            message(
                "Enter the user at [[snmp.users]], or allow weaker versions with: meter-agent forget {place}",
                place=place,
            ),
            code="v3_not_configured",
        )
    if manner is not None and manner.version == STRONGEST:
        return PrinterSilent(
            message(
                "The printer at {place} does not answer SNMPv3, and is not asked in a weaker version.", place=place
            ),
            message(
                "Check that it is on and that SNMPv3 is on in it; "
                "if another printer is there now: meter-agent forget {place}",
                place=place,
            ),
        )
    return silence(endpoint, odd)


def _downgraded(endpoint: Endpoint, version: str) -> PrinterRefuses:
    return PrinterRefuses(
        message(
            "The printer at {place} spoke SNMPv3 before and answers only SNMP {version} now; it is not read like that.",
            place=str(endpoint),
            version=version,
        ),
        message(
            "Set up its SNMPv3 user again, or allow weaker versions with: meter-agent forget {place}",
            place=str(endpoint),
        ),
        code="v3_downgrade",
    )

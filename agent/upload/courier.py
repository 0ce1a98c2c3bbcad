"""Bringing envelopes to the portal: in batches, in order, until a verdict; never faster than the portal likes.

The courier decides nothing about an item: the portal's verdict is written down, and where there is none the item stays.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import tenacity

from agent.errors import AgentError, BatchTooLarge, PortalError, PortalUnavailable, RightMissing
from agent.meters import Finding
from agent.ports import Clock, Outbox, Portal
from agent.texts import message
from agent.upload.envelope import Accepted, Entry, Kept, Kind, Outcome, Rejected
from agent.upload.refusals import IN_A_MOMENT

FIRST_WAIT = 5.0  # seconds; full jitter over base x 2^attempts, as the contract's conventions say
LONGEST_WAIT = 900.0
SHORTEST_WAIT = 1.0  # what has to wait is not due again in the same delivery
PATIENCE = 20.0  # a Retry-After up to this is waited for here; a longer one is left to the next delivery
TRIES = 3


@dataclass(slots=True)
class Delivery:
    """What one delivery did; `trouble` is why it ended early, if it did. `by_hand`: a person captures."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    parked: int = 0
    postponed: int = 0
    trouble: AgentError | None = None
    by_hand: bool = False

    def count(self, outcome: Outcome) -> None:
        """Adds one verdict."""
        match outcome:
            case Accepted():
                self.accepted += 1
                self.duplicates += outcome.duplicate
            case Rejected():
                self.rejected += 1
            case Kept():
                self.parked += 1


class Person:
    """In place of a courier where the portal has no API: what is due waits until a person has captured it."""

    async def deliver(self) -> Delivery:
        """Sends nothing."""
        return Delivery(by_hand=True)


@dataclass(slots=True)
class Courier:
    """Sends what is due. `sleep` and `chance` (0..1) come from outside, so that waiting can be tested.

    `batch` is how many readings go at once; it is halved, and stays so, when the portal takes fewer.
    """

    outbox: Outbox
    portal: Portal
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float] = field(default=random.SystemRandom().random)
    batch: int = 100
    _began: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock.now()

    async def deliver(self) -> Delivery:
        """Sends everything that is due, until nothing is left or the portal cannot answer. Raises only `StoreError`."""
        delivery = Delivery()
        locked: dict[Kind, RightMissing] = {}
        while entries := self._next():
            kind = entries[0].envelope.kind
            if kind in locked:  # known by now: parked without asking, so that the other kind behind them has its turn
                self._park(entries, locked[kind], delivery)
                continue
            try:
                await self._send(entries, delivery)
            except BatchTooLarge as error:
                self._halve(entries, error, delivery)
            except RightMissing as error:
                self._park(entries, error, delivery)
                locked[kind] = error
            except PortalUnavailable as error:
                self._postpone(entries, error, delivery)
                break
            except PortalError as error:
                delivery.trouble = error
                break
        return delivery

    def _next(self) -> Sequence[Entry]:
        """The next entries of one kind: a batch of readings, or one order."""
        due = self.outbox.due(self.clock.now(), self.batch)
        readings = [entry for entry in due if entry.envelope.kind == "reading"]
        return readings or due[:1]

    async def _send(self, entries: Sequence[Entry], delivery: Delivery) -> None:
        first_try = all(entry.attempts == 0 and self._is_ours(entry) for entry in entries)

        async def attempt() -> Sequence[Outcome]:
            nonlocal first_try
            envelopes = [entry.envelope for entry in entries]
            try:
                if envelopes[0].kind == "reading":
                    return await self.portal.submit_readings(envelopes)
                return [await self.portal.submit_order(envelopes[0], first_try=first_try)]
            finally:
                first_try = False

        outcomes = await self._patiently(attempt)
        verdicts: dict[str, Outcome] = {}
        for entry, outcome in zip(entries, outcomes, strict=True):
            if isinstance(outcome, Kept) and outcome.code == IN_A_MOMENT:
                what = message("The portal cannot take it yet: {detail}", detail=outcome.detail)
                self._wait([entry], Finding("no_verdict", what), None, delivery)
                continue
            verdicts[entry.envelope.reference] = outcome
            delivery.count(outcome)
        self.outbox.settle_all(verdicts, self.clock.now())

    def _is_ours(self, entry: Entry) -> bool:
        """Sealed since this courier began: an older one may have been sent by one that was killed in the act."""
        return entry.envelope.created_at >= self._began

    async def _patiently(self, attempt: Callable[[], Awaitable[Sequence[Outcome]]]) -> Sequence[Outcome]:
        """A few tries in place while the portal says a moment; its Retry-After is kept to the second."""
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_worth_a_moment),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=self._moment,
            sleep=self.sleep,
            reraise=True,
        )
        return await retrying(attempt)

    def _moment(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        told = error.retry_after if isinstance(error, PortalUnavailable) else None
        return told if told is not None else self.chance() * 2.0**state.attempt_number

    def _postpone(self, entries: Sequence[Entry], error: PortalUnavailable, delivery: Delivery) -> None:
        """No verdict for the whole request."""
        self._wait(entries, Finding("no_verdict", error.what), error.retry_after, delivery)
        delivery.trouble = error

    def _wait(self, entries: Sequence[Entry], reason: Finding, told: float | None, delivery: Delivery) -> None:
        """The entries wait, longer with every attempt, but exactly `told` seconds if the portal has said so."""
        attempts = max(entry.attempts for entry in entries)
        jitter = max(self.chance() * min(FIRST_WAIT * 2.0 ** min(attempts, 16), LONGEST_WAIT), SHORTEST_WAIT)
        until = self.clock.now() + timedelta(seconds=told if told is not None else jitter)
        self.outbox.postpone([entry.envelope.reference for entry in entries], until, reason)
        delivery.postponed += len(entries)

    def _halve(self, entries: Sequence[Entry], error: BatchTooLarge, delivery: Delivery) -> None:
        """Fewer at once from now on. One alone that is too large will never be taken, and holds nobody up."""
        if len(entries) > 1:
            self.batch = len(entries) // 2
            return
        outcome = Rejected("batch-too-large", str(error.what))
        self.outbox.settle(entries[0].envelope.reference, outcome, self.clock.now())
        delivery.count(outcome)

    def _park(self, entries: Sequence[Entry], error: RightMissing, delivery: Delivery) -> None:
        """A right is missing for this kind of item: each is parked with the area that has to be unlocked."""
        outcome = Kept("scope-not-unlocked", str(error.what), error.area)
        self.outbox.settle_all({entry.envelope.reference: outcome for entry in entries}, self.clock.now())
        delivery.parked += len(entries)
        delivery.trouble = error


def _worth_a_moment(error: BaseException) -> bool:
    """Whether waiting here may help: there was no verdict, and the portal did not ask for a long wait."""
    if not isinstance(error, PortalUnavailable):
        return False
    return error.retry_after is None or error.retry_after <= PATIENCE

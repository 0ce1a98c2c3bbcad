"""Bringing envelopes to the portal: in batches, in order, until a verdict; never faster than the portal likes.

The courier decides nothing about an item: the portal's verdict is written down, and where there is none the item stays.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import tenacity

from agent.errors import AgentError, BatchTooLarge, CredentialsRejected, PortalError, PortalUnavailable, RightMissing
from agent.meters import Finding
from agent.ports import Clock, Outbox, Portal
from agent.upload.envelope import Accepted, Entry, Kept, Kind, Outcome, Rejected

FIRST_WAIT = 5.0  # seconds; full jitter over base x 2^attempts, as the contract's conventions say
LONGEST_WAIT = 900.0
PATIENCE = 20.0  # a Retry-After up to this is waited for here; a longer one is left to the next delivery
TRIES = 3
PARKED_FOR = timedelta(days=1)


@dataclass(slots=True)
class Delivery:
    """What one delivery did; `trouble` is why it ended early, if it did."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    parked: int = 0
    postponed: int = 0
    trouble: AgentError | None = None

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


@dataclass(frozen=True, slots=True)
class Courier:
    """Sends what is due. `sleep` and `chance` (0..1) come from outside, so that waiting can be tested."""

    outbox: Outbox
    portal: Portal
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float] = field(default=random.SystemRandom().random)
    batch: int = 100

    async def deliver(self) -> Delivery:
        """Sends everything that is due, until nothing is left or the portal cannot answer. Raises only `StoreError`."""
        delivery = Delivery()
        blocked: set[Kind] = set()
        limit = self.batch
        while entries := self._next(blocked, limit):
            try:
                await self._send(entries, delivery)
            except BatchTooLarge as error:
                if len(entries) == 1:
                    self._postpone(entries, error, delivery)
                    break
                limit = max(len(entries) // 2, 1)
            except RightMissing as error:
                self._park(entries, error, delivery)
                blocked.add(entries[0].envelope.kind)
            except PortalUnavailable as error:
                self._postpone(entries, error, delivery)
                break
            except PortalError as error:
                delivery.trouble = error
                break
        return delivery

    def _next(self, blocked: set[Kind], limit: int) -> Sequence[Entry]:
        """The next entries of one kind: a batch of readings, or one order."""
        due = [entry for entry in self.outbox.due(self.clock.now(), limit) if entry.envelope.kind not in blocked]
        readings = [entry for entry in due if entry.envelope.kind == "reading"]
        return readings or due[:1]

    async def _send(self, entries: Sequence[Entry], delivery: Delivery) -> None:
        first_try = all(entry.attempts == 0 for entry in entries)

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
        now = self.clock.now()
        for entry, outcome in zip(entries, outcomes, strict=True):
            self.outbox.settle(entry.envelope.reference, outcome, now)
            delivery.count(outcome)

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

    def _postpone(self, entries: Sequence[Entry], error: PortalError, delivery: Delivery) -> None:
        """No verdict: the entries wait, longer with every attempt, exactly as long as the portal says if it does."""
        told = error.retry_after if isinstance(error, PortalUnavailable) else None
        attempts = max(entry.attempts for entry in entries)
        jitter = self.chance() * min(FIRST_WAIT * 2.0 ** min(attempts, 16), LONGEST_WAIT)
        until = self.clock.now() + timedelta(seconds=told if told is not None else jitter)
        self.outbox.postpone([entry.envelope.reference for entry in entries], until, Finding("no_verdict", error.what))
        delivery.postponed += len(entries)
        delivery.trouble = error

    def _park(self, entries: Sequence[Entry], error: RightMissing, delivery: Delivery) -> None:
        """A right is missing for this kind of item: each is parked with the area that has to be unlocked."""
        now: datetime = self.clock.now()
        for entry in entries:
            self.outbox.settle(entry.envelope.reference, Kept("scope-not-unlocked", str(error.what), error.area), now)
        delivery.parked += len(entries)
        delivery.trouble = error


def _worth_a_moment(error: BaseException) -> bool:
    """Whether waiting here may help: the portal is there, and did not ask for a long wait."""
    if not isinstance(error, PortalUnavailable) or isinstance(error, CredentialsRejected):
        return False
    return error.retry_after is not None and error.retry_after <= PATIENCE

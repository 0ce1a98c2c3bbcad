"""Bringing envelopes to the portal: in batches, in order, until a verdict; never faster than the portal likes.

The courier decides nothing about an item: the portal's verdict is written down, and where there is none the item stays.
It is the only one that asks again: nothing below it repeats a request, but for one new token.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import takewhile

import tenacity

from agent.errors import (
    AgentError,
    AgentTooOld,
    BatchTooLarge,
    CredentialsRejected,
    PortalError,
    PortalUnavailable,
    PortalUnreachable,
    RateLimited,
    RequestRefused,
    RightMissing,
)
from agent.meters import Finding
from agent.ports import Clock, Outbox, Portal, ServiceDesk
from agent.texts import message
from agent.upload.envelope import NO_VERDICT, Accepted, Entry, Envelope, Kept, Kind, Outcome, Rejected
from agent.upload.refusals import IN_A_MOMENT
from agent.upload.restraint import PAUSE, BatchSize, Breaker, Hold, Pause, RetryBudget

FIRST_WAIT = 5.0  # seconds; full jitter over base x 2^attempts, as the contract's conventions say
LONGEST_WAIT = 900.0
SHORTEST_WAIT = 1.0  # what has to wait is not due again in the same delivery
PATIENCE = 20.0  # a Retry-After up to this is waited for here; a longer one is left to a later delivery
TRIES = 3
ANSWERS = (RateLimited, RequestRefused, RightMissing, BatchTooLarge)  # said by a portal that is there
SUSPICIOUS = 3  # tries without a verdict, from which on a batch is divided: one of its readings may be the cause


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


@dataclass(slots=True)
class Trip:
    """Entries on their way: which of them the portal may have had `before`, and whether they may have `left` by now."""

    entries: Sequence[Entry]
    before: frozenset[str]
    left: bool = False
    tried: bool = field(init=False)

    def __post_init__(self) -> None:
        self.tried = any(entry.attempts for entry in self.entries)


class Person:
    """In place of a courier where the portal has no API: what is due waits until a person has captured it."""

    async def deliver(self) -> Delivery:
        """Sends nothing."""
        return Delivery(by_hand=True)


@dataclass(slots=True)
class Courier:
    """Sends what is due. `sleep`, `chance` (0..1) and `ticks` (monotonic seconds) come from outside.

    `tell` hears after every delivery what holds the courier back, if anything. `batch` is how many readings go at once;
    fewer while the portal takes fewer. `name` is who sends, for the record. Service notifications go to `desk`.
    """

    outbox: Outbox
    portal: Portal
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    chance: Callable[[], float] = field(default=random.SystemRandom().random)
    ticks: Callable[[], float] = field(default=time.monotonic)
    tell: Callable[[Pause | None], None] = lambda pause: None
    batch: int = 100
    name: str = ""
    desk: ServiceDesk | None = None
    _size: BatchSize = field(init=False)
    _budget: RetryBudget = field(init=False, default_factory=RetryBudget)
    _breaker: Breaker = field(init=False, default_factory=Breaker)
    _hold: Hold = field(init=False, default_factory=Hold)
    _narrowed: int = field(init=False, default=0)
    _suspects: int = field(init=False, default=0)
    _lonely: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._size = BatchSize(self.batch)

    async def deliver(self) -> Delivery:
        """Sends everything that is due, until nothing is left or the portal cannot answer. Raises only `StoreError`."""
        delivery = await self._delivered()
        self.tell(self._pause(delivery.trouble))
        return delivery

    def _pause(self, trouble: AgentError | None) -> Pause | None:
        """What holds everything back. A missing right holds only some, and stands with what it parks."""
        if trouble is None or isinstance(trouble, RightMissing):
            return None
        now, left = self.clock.now(), self._hold.left(self.ticks())
        until = now + timedelta(seconds=left) if left is not None else None
        return Pause(now, trouble.what, trouble.remedy, until, self._breaker.is_open)

    async def _delivered(self) -> Delivery:
        delivery = Delivery(trouble=self._hold.reason(self.ticks()))
        if delivery.trouble is not None:
            return delivery
        locked: dict[Kind, RightMissing] = {}
        while entries := self._next():
            kind = entries[0].envelope.kind
            if kind in locked:  # known by now: parked without asking, so that the other kind behind them has its turn
                self._park(entries, locked[kind], delivery)
            elif not await self._sent(entries, delivery, locked):
                break
        return delivery

    def _next(self) -> Sequence[Entry]:
        """The next entries of one kind: a batch of readings, or one order or service notification."""
        limit = 1 if self._breaker.is_open else self._narrowed or self._size.size
        due = self.outbox.due(self.clock.now(), limit)
        readings = [entry for entry in due if entry.envelope.kind == "reading"]
        if not readings:
            return due[:1]
        tries = readings[0].attempts
        if tries < SUSPICIOUS:
            return readings
        suspects = list(takewhile(lambda entry: entry.attempts >= SUSPICIOUS, readings))
        return suspects[: max(self._size.size >> (tries - SUSPICIOUS + 1), 1)]

    async def _sent(self, entries: Sequence[Entry], delivery: Delivery, locked: dict[Kind, RightMissing]) -> bool:
        """One request with its consequences; whether there may be another one."""
        before = self.outbox.depart([one.envelope.reference for one in entries], self.name, self.clock.now())
        if before is None:
            return True  # what is due is looked up anew
        try:
            self._settle(entries, await self._outcomes(Trip(entries, before)), delivery)
        except BatchTooLarge as error:
            self._halve(entries, error, delivery)
        except RightMissing as error:
            self._park(entries, error, delivery)
            locked[entries[0].envelope.kind] = error
        except RequestRefused as error:
            return self._narrow(entries, error, delivery)
        except PortalUnavailable as error:
            self._postpone(entries, error, delivery)
            return False
        except PortalError as error:
            if isinstance(error, CredentialsRejected | AgentTooOld):
                self._hold.begin(self.ticks(), PAUSE, error)
            delivery.trouble = error
            return False
        return True

    async def _outcomes(self, trip: Trip) -> Sequence[Outcome]:
        """The portal's verdicts: a few tries in place while it says a moment, its Retry-After kept to the second."""
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(self._worth_a_moment),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=self._moment,
            sleep=self.sleep,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, trip)
        except PortalError:
            if not trip.left:
                references = [entry.envelope.reference for entry in trip.entries]
                self.outbox.came_back([one for one in references if one not in trip.before])
            raise

    async def _attempt(self, trip: Trip) -> Sequence[Outcome]:
        self._budget.sent(self.ticks(), again=trip.tried)
        trip.tried = True
        try:
            outcomes = await self._submit(trip)
        except PortalError as error:
            trip.left = trip.left or not error.took_nothing
            if isinstance(error, ANSWERS):
                self._breaker.answered()
            elif isinstance(error, PortalUnavailable):
                self._breaker.failed()
            raise
        self._breaker.answered()
        return outcomes

    async def _submit(self, trip: Trip) -> Sequence[Outcome]:
        envelopes = [entry.envelope for entry in trip.entries]
        if envelopes[0].kind == "reading":
            return await self.portal.submit_readings(envelopes)
        return [await self._submit_alone(envelopes[0], first_try=not (trip.before or trip.left))]

    async def _submit_alone(self, envelope: Envelope, *, first_try: bool) -> Outcome:
        if envelope.kind == "order":
            return await self.portal.submit_order(envelope, first_try=first_try)
        if self.desk is None:
            raise ValueError("nobody takes service notifications here")
        return await self.desk.submit_notification(envelope, first_try=first_try)

    def _settle(self, entries: Sequence[Entry], outcomes: Sequence[Outcome], delivery: Delivery) -> None:
        verdicts: dict[str, Outcome] = {}
        for entry, outcome in zip(entries, outcomes, strict=True):
            if isinstance(outcome, Kept) and outcome.code == IN_A_MOMENT:
                what = message("The portal cannot take it yet: {detail}", detail=outcome.detail)
                self._wait([entry], Finding(NO_VERDICT, what), None, delivery)
                continue
            verdicts[entry.envelope.reference] = outcome
            delivery.count(outcome)
        self.outbox.settle_all(verdicts, self.clock.now())
        self._lonely = False
        self._suspects -= len(entries)
        if self._suspects <= 0:  # all that was refused together has gone through: it was not the items
            self._narrowed = 0
        if entries[0].envelope.kind == "reading":
            self._size.taken(len(entries))

    def _worth_a_moment(self, error: BaseException) -> bool:
        """Whether waiting here may help: no verdict, no long wait asked for, and few repeats so far."""
        if not isinstance(error, PortalUnavailable) or self._breaker.is_open:
            return False
        soon = error.retry_after is None or error.retry_after <= PATIENCE
        return soon and self._budget.allows(self.ticks())

    def _moment(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        told = error.retry_after if isinstance(error, PortalUnavailable) else None
        return told if told is not None else self.chance() * 2.0**state.attempt_number

    def _postpone(self, entries: Sequence[Entry], error: PortalUnavailable, delivery: Delivery) -> None:
        """No verdict for the whole request. A time that the portal names holds for everything that waits."""
        counts = not isinstance(error, PortalUnreachable | RateLimited)
        self._wait(entries, Finding(NO_VERDICT, error.what), error.retry_after, delivery, counts=counts)
        if error.retry_after is not None:
            self._hold.begin(self.ticks(), error.retry_after, error)
        delivery.trouble = error

    def _wait(
        self, entries: Sequence[Entry], reason: Finding, told: float | None, delivery: Delivery, *, counts: bool = True
    ) -> None:
        """The entries wait, longer with every attempt, but exactly `told` seconds if the portal has said so.

        What `counts` as no attempt says nothing about the entries: they go with the next delivery.
        """
        attempts = max(entry.attempts for entry in entries)
        jitter = max(self.chance() * min(FIRST_WAIT * 2.0 ** min(attempts, 16), LONGEST_WAIT), SHORTEST_WAIT)
        seconds = told if told is not None else jitter if counts else SHORTEST_WAIT
        until = self.clock.now() + timedelta(seconds=seconds)
        self.outbox.postpone([entry.envelope.reference for entry in entries], until, reason, counts=counts)
        delivery.postponed += len(entries)

    def _halve(self, entries: Sequence[Entry], error: BatchTooLarge, delivery: Delivery) -> None:
        """Fewer at once from now on. One alone that is too large will never be taken, and holds nobody up."""
        if len(entries) > 1:
            self._size.refused(len(entries))
            return
        self._settle_one(entries[0], Rejected("batch-too-large", str(error.what)), delivery)

    def _narrow(self, entries: Sequence[Entry], error: RequestRefused, delivery: Delivery) -> bool:
        """A request that makes no sense to the portal: halves show which item it is, and that one is put aside.

        When two are refused alone and nothing was taken in between, it is not the items: that needs a person.
        """
        if len(entries) > 1:
            self._narrowed, self._suspects = len(entries) // 2, len(entries)
            return True
        self._narrowed, delivery.trouble = 0, error
        if self._lonely:
            return False
        self._settle_one(entries[0], Rejected(error.code, str(error.what)), delivery)
        self._lonely = True
        return True

    def _settle_one(self, entry: Entry, outcome: Outcome, delivery: Delivery) -> None:
        self.outbox.settle(entry.envelope.reference, outcome, self.clock.now())
        delivery.count(outcome)

    def _park(self, entries: Sequence[Entry], error: RightMissing, delivery: Delivery) -> None:
        """A right is missing for this kind of item: each is parked with the area that has to be unlocked."""
        outcome = Kept("scope-not-unlocked", str(error.what), error.area)
        verdicts = {entry.envelope.reference: outcome for entry in entries}
        self.outbox.settle_all(verdicts, self.clock.now(), looked_at=False)
        delivery.parked += len(entries)
        delivery.trouble = error

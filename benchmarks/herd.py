"""A thousand agents and one portal that was away for an hour: how hard do they come back, and how much is repeated?

The real courier and the real rhythm on a virtual clock; the outbox is in memory, the portal counts. Nothing is timed.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from agent.errors import PortalUnavailable, PortalUnreachable
from agent.meters import Finding
from agent.ports import Outbox, Portal
from agent.schedule import Rhythm
from agent.texts import message
from agent.upload.courier import Courier
from agent.upload.envelope import Accepted, Entry, Envelope, Outcome

HOUR = 3600.0
AWAY = (3 * HOUR, 4 * HOUR)  # seconds since the beginning
END = 6 * HOUR
COURIER_MINUTES = 5.0  # the defaults of the config file
CYCLE_MINUTES = 60.0
JITTER = 60.0
READINGS = 20  # of one agent in every cycle
BIN = 15.0  # seconds over which a rate is measured


@dataclass(frozen=True, slots=True)
class Pause:
    """What a coroutine of the simulation gives up its turn with."""

    seconds: float

    def __await__(self) -> Generator[float, None, None]:
        yield self.seconds


async def sleep(seconds: float) -> None:
    """Virtual seconds."""
    await Pause(seconds)


@dataclass(slots=True)
class World:
    """Virtual time, and whoever waits for it."""

    now: float = 0.0
    _queue: list[tuple[float, int, Coroutine[float, None, None]]] = field(default_factory=list)
    _count: int = 0

    def wall(self) -> float:
        """Seconds since 1970."""
        return 1_800_000_000.0 + self.now

    def ticks(self) -> float:
        """Monotonic seconds."""
        return self.now

    def clock_now(self) -> datetime:
        """The same as a moment."""
        return datetime.fromtimestamp(self.wall(), UTC)

    def begin(self, life: Coroutine[float, None, None], at: float) -> None:
        """Lets a life begin at this time."""
        self._count += 1
        heapq.heappush(self._queue, (at, self._count, life))

    def run(self, end: float) -> None:
        """Until the end."""
        while self._queue and self._queue[0][0] < end:
            self.now, _, life = heapq.heappop(self._queue)
            try:
                self.begin(life, self.now + life.send(None))
            except StopIteration:
                continue
        for _, _, life in self._queue:
            life.close()


@dataclass(slots=True)
class WorldClock:
    """The port `Clock`."""

    world: World

    def now(self) -> datetime:
        """The virtual moment."""
        return self.world.clock_now()


@dataclass(slots=True)
class Counter:
    """What reached the portal, when, and how much of it had been there before."""

    arrivals: list[float] = field(default_factory=list)
    repeats: int = 0
    received: set[str] = field(default_factory=set)
    booked: set[str] = field(default_factory=set)


@dataclass(slots=True)
class CountingPortal:
    """A portal that books everything, is away for an hour, and fails by lot."""

    world: World
    counter: Counter
    chance: random.Random
    failing: float

    async def submit_readings(self, envelopes: Sequence[Envelope]) -> Sequence[Outcome]:
        """Books, or fails before or after that."""
        await sleep(0.05)
        if AWAY[0] <= self.world.now < AWAY[1]:
            raise PortalUnreachable(message("Nobody there."))
        references = {envelope.reference for envelope in envelopes}
        self.counter.arrivals.append(self.world.now)
        self.counter.repeats += references <= self.counter.received
        self.counter.received |= references
        lot = self.chance.random()
        if lot < self.failing / 2:
            raise PortalUnavailable(message("Failed before."))
        self.counter.booked |= references
        if lot < self.failing:
            raise PortalUnavailable(message("Failed after."))
        return [Accepted((envelope.reference,)) for envelope in envelopes]


@dataclass(slots=True)
class MemoryOutbox:
    """As much of the port `Outbox` as a courier of readings needs: nothing leaves it without a verdict."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def put(self, envelope: Envelope) -> None:
        """One more."""
        self.entries[envelope.reference] = Entry(envelope, "waiting")

    def depart(self, references: Sequence[str], by: str, now: datetime) -> frozenset[str]:
        """Readings are booked once whether they have left before or not."""
        return frozenset()

    def came_back(self, references: Sequence[str]) -> None:
        """As they were."""

    def due(self, now: datetime, limit: int) -> Sequence[Entry]:
        """The oldest first; every reading here is of another printer."""
        found = [one for one in self.entries.values() if one.not_before is None or one.not_before <= now]
        return found[:limit]

    def settle_all(self, outcomes: Mapping[str, Outcome], now: datetime) -> None:
        """Done."""
        for reference in outcomes:
            del self.entries[reference]

    def postpone(self, references: Sequence[str], until: datetime, reason: Finding, *, counts: bool = True) -> None:
        """Later."""
        for reference in references:
            entry = self.entries[reference]
            self.entries[reference] = replace(entry, attempts=entry.attempts + counts, not_before=until)


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of it. Rates are requests per second, `peak` over `BIN` seconds, `mean` over the first interval."""

    agents: int
    requests: int
    repeated: float
    peak: float
    mean: float
    left: int
    seconds_to_drain: float

    @property
    def ratio(self) -> float:
        """Peak against mean after the portal came back."""
        return self.peak / self.mean


def simulate(
    agents: int = 1000,
    failing: float = 0.03,
    seed: int = 1,
    name: Callable[[int], str] = "agent-{}".format,
    jitter: float = JITTER,
) -> Figures:
    """Runs it all; the same seed gives the same figures. `name` is who an agent is: it makes its phase."""
    world, counter, chance = World(), Counter(), random.Random(seed)  # noqa: S311  repeatable on purpose
    portal = CountingPortal(world, counter, chance, failing)
    outboxes = [MemoryOutbox() for _ in range(agents)]
    drained: dict[int, float] = {}
    for number, outbox in enumerate(outboxes):
        rhythm = Rhythm(CYCLE_MINUTES, COURIER_MINUTES, jitter, name(number), world.wall, chance.random)
        clock = WorldClock(world)
        courier = Courier(cast(Outbox, outbox), cast(Portal, portal), clock, sleep, chance.random, world.ticks)
        life = _life(world, rhythm, courier, outbox, lambda number=number: drained.setdefault(number, world.now))
        world.begin(life, chance.random() * HOUR)
    world.run(END)
    return _figures(counter, agents, sum(len(outbox.entries) for outbox in outboxes), drained)


async def _life(world: World, rhythm: Rhythm, courier: Courier, outbox: MemoryOutbox, empty: Callable[[], Any]) -> None:
    """One agent: a cycle with its readings, deliveries in between, one after the other."""
    cycle_at, delivery_at, made = world.now, world.now + rhythm.pause(rhythm.courier_minutes), 0
    while True:
        await sleep(max(min(cycle_at, delivery_at) - world.now, 0.0))
        if cycle_at <= world.now:
            if world.now < AWAY[1] + HOUR:  # then it is seen whether everything arrived
                for _ in range(READINGS):
                    made += 1
                    reference = f"{id(outbox)}-{made}"
                    outbox.put(Envelope(reference, "reading", reference, reference, world.clock_now(), b"{}"))
            cycle_at = world.now + rhythm.pause(rhythm.cycle_minutes)
        else:
            delivery_at = world.now + rhythm.pause(rhythm.courier_minutes)
        await _delivered(courier)
        if world.now > AWAY[1] and not outbox.entries:
            empty()


async def _delivered(courier: Courier) -> None:
    await courier.deliver()


def _figures(counter: Counter, agents: int, left: int, drained: Mapping[int, float]) -> Figures:
    back, interval = AWAY[1], 60 * COURIER_MINUTES + JITTER
    after = [at - back for at in counter.arrivals if back <= at < back + interval]
    bins = [0] * int(interval / BIN)
    for at in after:
        bins[min(int(at / BIN), len(bins) - 1)] += 1
    requests = len(counter.arrivals)
    return Figures(
        agents=agents,
        requests=requests,
        repeated=counter.repeats / (requests - counter.repeats),
        peak=max(bins) / BIN,
        mean=len(after) / interval,
        left=left + len(counter.received - counter.booked),
        seconds_to_drain=max(drained.values()) - back if len(drained) == agents else float("inf"),
    )

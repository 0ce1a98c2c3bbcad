"""The edges of the agent, one page: what the core asks of the world, in the core's own types."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from agent.discovery.directory import Named
from agent.grounds import NOTHING_MORE, Grounds
from agent.ipp.attributes import IppAnswer
from agent.meters import Finding, LastReading
from agent.notifications.policy import Case
from agent.printers import Endpoint, Equipment, Identity
from agent.readout import Readout
from agent.snmp.varbinds import Answer, Ask
from agent.supplies.lives import Look
from agent.supplies.orders import BomItem as BomItem
from agent.supplies.orders import Instruction, OrderedItem, OrderProgress, OrderStatus, PlacedOrder
from agent.supplies.slots import SlotState
from agent.texts import Message
from agent.upload.envelope import Entry, Envelope, Outcome, Standing, State


class Clock(Protocol):
    """Time as an argument."""

    def now(self) -> datetime:
        """The wall clock, in UTC with time zone."""


class Snmp(Protocol):
    """Owes: one request in flight per printer, bounded packets and seconds, no exception but `PrinterSilent`."""

    async def ask(self, endpoint: Endpoint, ask: Ask) -> Answer:
        """Everything in `ask` that the device has; raises `PrinterSilent` when it gave no valid answer at all."""


class Ipp(Protocol):
    """Owes: one request in flight per printer, bounded octets and seconds, no exception but `PrinterSilent`.

    Asks the address it is given and no other, and sends nothing secret.
    """

    async def ask(self, endpoint: Endpoint) -> IppAnswer:
        """The printer's attributes; the endpoint's port is that of SNMP. Raises `PrinterSilent`."""


class Finder(Protocol):
    """Owes: no address outside the configured networks and hosts; sends nothing to printers itself."""

    def listening(self) -> AbstractAsyncContextManager[None]:
        """Announcements are heard as long as the block lasts, where that is switched on."""

    async def named(self, numbers: Iterable[str]) -> Named:
        """Where configured hosts, these technical identification numbers and announcements lead."""

    def searched(self, start: int = 0, stop: int | None = None) -> Iterable[Endpoint]:
        """The addresses that may be asked without any hint, always in the same order: those with the numbers `start`
        (from 0) to before `stop`."""

    @property
    def reach(self) -> int:
        """How many addresses `searched` has."""

    @property
    def scope(self) -> str:
        """What `searched` has in a few signs: another text for other addresses."""

    def is_searched(self, endpoint: Endpoint) -> bool:
        """Whether `searched` has this place."""

    def allows(self, address: str) -> bool:
        """Whether a name, or memory, may lead to this address."""


class Sounder(Protocol):
    """Owes: asks only the places it is given, evenly in time, and one small question at a time."""

    @property
    def rounds(self) -> int:
        """How many questions a silent address gets."""

    @property
    def portion(self) -> int:
        """How many addresses are searched as a whole, because nothing is lost if that is done again."""

    @property
    def scope(self) -> str:
        """The ways of asking in a few signs that tell no secret."""

    async def sound(self, places: Callable[[], Iterable[Endpoint]], step: Callable[[int], None]) -> list[Endpoint]:
        """Those of the places where somebody answers; `step` hears how many more questions are done, `rounds` of them
        for each place, heard or not."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the portal says of this agent (agents/me). `rights` are the unlocked areas, as the portal names them."""

    agent_id: str
    customer_number: str
    rights: frozenset[str]
    server_time: datetime


class Portal(Protocol):
    """Owes: TLS verified, nothing sent to a peer that is not; errors only as `PortalError` and its subclasses."""

    async def account(self) -> Account:
        """Who we are and what we may do; costs one request."""

    async def equipments(self) -> Sequence[Equipment]:
        """All equipment of the customer with measuring points and last readings."""

    async def bill_of_material(self, equipment_number: str) -> Sequence[BomItem]:
        """What can be ordered for this equipment."""

    async def orders_of(self, equipment_number: str) -> Sequence[PlacedOrder]:
        """All orders that this agent may see of an equipment, whoever placed them."""

    async def submit_readings(self, envelopes: Sequence[Envelope]) -> Sequence[Outcome]:
        """One outcome per envelope, in order; raises when the whole request has no verdict."""

    async def order_progress(self, order_number: str) -> OrderProgress:
        """What has become of an order."""

    async def submit_order(self, envelope: Envelope, *, first_try: bool) -> Outcome:
        """Places one order; unless it is the `first_try`, asks first whether the portal already has it."""


class ServiceDesk(Protocol):
    """Owes what `Portal` owes."""

    async def submit_notification(self, envelope: Envelope, *, first_try: bool) -> Outcome:
        """Opens one service notification; unless it is the `first_try`, asks first whether the portal has it."""

    async def notification_status(self, number: str) -> str | None:
        """The status of the service notification with this number; None where the portal knows none."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """An envelope for the outbox with what it rests on; `held` reasons quarantine it.

    `origins` says by meter code where in the device a value stood (`agent.meters.Counter.origin`), `grounds` what it
    rests on beside the printer's words.
    """

    envelope: Envelope
    proof: Readout | None = None
    held: Sequence[Finding] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    grounds: Grounds = NOTHING_MORE

    @property
    def state(self) -> State:
        """The state in which it comes into the outbox."""
        return "quarantined" if self.held else "waiting"


class Outbox(Protocol):
    """Owes: what `put` returned from is on the disk; an envelope leaves only with a verdict."""

    def together(self) -> AbstractContextManager[None]:
        """One transaction for everything inside, here and in `Memory`: on the disk when it ends, not before."""

    def put(self, envelope: Envelope, proof: Readout | None, *, held: Sequence[Finding] = ()) -> bool:
        """Stores reading and envelope in one transaction; `held` reasons quarantine it. False: its slot is taken."""

    def put_all(self, parcels: Sequence[Parcel]) -> None:
        """Stores all in one transaction, or none. Raises `ValueError` when a slot among them is taken."""

    def taken(self, kind: str, slot_key: str) -> Entry | None:
        """The entry that already holds this slot, if any."""

    def holders(self, kind: str, slot_keys: Sequence[str]) -> dict[str, Entry]:
        """The entries that hold these slots, by slot."""

    def due(self, now: datetime, limit: int) -> Sequence[Entry]:
        """Waiting envelopes that may be sent now: per equipment the oldest first, never past one that waits."""

    def settle(self, reference: str, outcome: Outcome, now: datetime) -> None:
        """Writes the portal's verdict; a verdict is written once and never changed by a later one."""

    def settle_all(self, outcomes: Mapping[str, Outcome], now: datetime, *, looked_at: bool = True) -> None:
        """The verdicts of several by reference, in one transaction. Not `looked_at`: by a refusal of the request, which
        leaves open whether an earlier one has arrived."""

    def postpone(self, references: Sequence[str], until: datetime, reason: Finding, *, counts: bool = True) -> None:
        """No verdict yet: not tried again before `until`; one more attempt if it `counts`."""

    def depart(self, references: Sequence[str], by: str, now: datetime) -> frozenset[str] | None:
        """These are about to leave: on the disk before the first byte of them leaves. Those that may have before.

        `None` where one of them no longer waits: then none of them may leave.
        """

    def came_back(self, references: Sequence[str]) -> None:
        """These have surely not been looked at by the portal."""

    def close(self, reference: str, now: datetime) -> None:
        """What was accepted is over and done: its slot is free for another one."""

    def discard(self, reference: str, by: str, now: datetime) -> None:
        """Gives up what is held, rejected or parked: it is not sent, and its slot is free again."""

    def withdraw(self, reference: str, by: str, now: datetime) -> bool:
        """Gives up an order; False and nothing when the portal has it, or may have."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of an equipment in a cycle, and the steps of its way there."""

    finding: Finding
    steps: Sequence[Message] = ()


class Memory(Protocol):
    """Owes: answers from what was committed, never from what was intended."""

    def last_reported(
        self, equipment_numbers: Sequence[str], *, codes: Mapping[str, Collection[str]] | None = None
    ) -> dict[str, dict[str, LastReading]]:
        """By equipment and meter code the newest value accepted by the portal or waiting for it; at least the `codes`
        that are wanted of each, all without them."""

    def standings(self, references: Sequence[str]) -> dict[str, Standing]:
        """What has become of the envelopes with these references."""

    def remember_identities(self, printers: Mapping[str, tuple[Identity, Endpoint]], now: datetime) -> None:
        """Notes by equipment which printer an accepted match was, so that a later change of device is noticed."""

    def remember_cycle(
        self, equipments: Sequence[Equipment], outcomes: Iterable[tuple[str, Fate]], now: datetime
    ) -> None:
        """Notes the portal's equipment list and what became of each equipment (by number) in this cycle."""

    def listed_at(self) -> datetime | None:
        """When the portal gave that list; `None` before the first."""

    def known_equipments(self) -> Sequence[Equipment]:
        """The equipment list of the last cycle that had one; empty before the first."""


@dataclass(frozen=True, slots=True)
class SlotMemory:
    """What was seen last of a slot in short, what follows from all looks (read when needed; `None` when it can no
    longer be read), and since when the rules have asked for it without a break."""

    seen: str
    state: Callable[[], SlotState | None]
    wished_since: datetime | None = None


class Supplies(Protocol):
    """Owes: what was noted survives a restart, so that an order never rests on one process's memory."""

    def slots(self, equipment_numbers: Sequence[str]) -> dict[str, dict[str, SlotMemory]]:
        """By equipment and slot what was seen last."""

    def remember(
        self,
        equipment_number: str,
        looks: Mapping[str, tuple[str, Look, SlotState]],
        counters: Mapping[str, int],
        day: date,
    ) -> None:
        """Keeps looks by slot, each with its short form and what follows from it, and the counters of this day."""

    def learn_yields(self, equipment_number: str, yields: Mapping[str, tuple[str, SlotState]]) -> None:
        """Keeps states with what the bill of material told, by slot with the short form of the last look."""

    def wish(self, equipment_number: str, slots: Sequence[str], now: datetime) -> None:
        """The rules ask for these slots now; for the others of this equipment they do not (any more)."""

    def days(self, equipment_number: str, since: date) -> Sequence[tuple[date, int | None, int | None]]:
        """Day, counter of all pages and of colored ones when it was first read that day, the oldest first."""

    def looks(self, equipment_number: str, slot: str, since: datetime) -> Sequence[Look]:
        """What was seen of a slot, the oldest first."""

    def order(self, items: Sequence[OrderedItem]) -> bool:
        """Notes the pieces of a new order; False and nothing when one of them is on order already."""

    def open_items(self, equipment_number: str | None = None) -> Sequence[OrderedItem]:
        """The pieces on order that stand in the way of another order."""

    def items(self, equipment_number: str) -> Sequence[OrderedItem]:
        """All pieces ever ordered for an equipment, the oldest first."""

    def to_ask(self, before: datetime) -> Sequence[OrderedItem]:
        """Pieces of which more may be learnt, the longest unasked first; none asked about since `before`."""

    def asked(self, references: Iterable[str], now: datetime) -> None:
        """The portal was asked for these orders."""

    def follow(self, item: OrderedItem, status: OrderStatus, now: datetime, tracking: str | None = None) -> None:
        """What has become of a piece; what is over frees the way for the next order, and stays over."""

    def pieces_since(self, since: datetime, equipment_number: str | None) -> int:
        """How many pieces were ordered since then, for one equipment or (`None`) in all."""

    def instructions(self, equipment_number: str | None = None) -> Sequence[Instruction]:
        """What people said about orders to come, of one equipment or all."""

    def use_up(self, equipment_number: str, slots: Sequence[str]) -> None:
        """An order was made for these slots: confirmations of them, or of the whole equipment, count no more."""


class Cases(Protocol):
    """Owes: what was written survives a restart, so that a notification never rests on one process's memory."""

    def of(self, equipment_numbers: Sequence[str]) -> dict[str, dict[str, Case]]:
        """By equipment and cause what is known; equipment without any case is absent."""

    def notified(self) -> Sequence[tuple[str, Case]]:
        """All cases whose notification is not over, with the number of their equipment."""

    def write(self, equipment_number: str, cases: Iterable[Case]) -> None:
        """These are the cases of this equipment from now on, and no others."""

    def opened_since(self, since: datetime) -> int:
        """How many notifications were opened since then, at most a day ago."""

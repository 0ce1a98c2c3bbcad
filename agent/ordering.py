"""The ordering stage: from what supplies say to committed orders with their reasons, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from agent.errors import PortalError, PortalUnavailable, RequestRefused
from agent.meters import Finding
from agent.ports import Clock, Outbox, Portal, Supplies
from agent.printers import Equipment
from agent.readout import Readout
from agent.stockroom import Seen, Stockroom, beginnings, is_installed
from agent.supplies.bundles import bundled, decided_together
from agent.supplies.levels import Supply
from agent.supplies.lives import Life
from agent.supplies.orders import BomItem, Instruction, OrderedItem, OrderProgress, PlacedOrder
from agent.supplies.policy import Decision, OrderRules, Situation, SlotView, item_for, wish
from agent.supplies.usage import Working, is_weekday
from agent.texts import message
from agent.upload.envelope import Standing
from agent.upload.seal import Source, seal_order

COUNTED = timedelta(days=1)  # the caps of the rules count the pieces that were ordered in this time
ASKED_AGAIN = timedelta(minutes=50)  # an order's status; a little less than the usual time between two cycles
ASKED_AT_ONCE = 50  # orders in one cycle
GIVEN_UP = "meter-agent"  # who takes back what waits for a right although another cartridge is in the printer
RulesOf = Callable[[Equipment], OrderRules]


def _no_group(_equipment: Equipment) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Ordering:
    """One decision about one supply of one equipment, and the entry of the order if there is one."""

    equipment: Equipment
    decision: Decision
    entry: Standing | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """What has to be known before something is ordered, and costs too much to be asked for as long as nothing is:
    the orders of the last day for the equipment and in all, and those of others for it."""

    of_equipment: int = 0
    in_all: int = 0
    others: Sequence[PlacedOrder] = ()

    def told(self, situation: Situation, one: Seen, item: BomItem | None) -> Situation:
        """The situation of this supply with it."""
        brought = (order for order in self.others if item and order.brings(item, one.state.life.first.at))
        number = next((order.order_number for order in brought), None)
        return replace(situation, ordered_for_equipment=self.of_equipment, ordered_in_all=self.in_all, brought=number)


@dataclass(frozen=True, slots=True)
class Replenishment:
    """Decides what is ordered for an equipment, commits the orders to the outbox, and follows them at the portal.

    `standings` tells what has become of envelopes, by reference; `group_of` by whose rules an equipment is
    ordered for, empty for the site's.
    """

    portal: Portal
    outbox: Outbox
    supplies: Supplies
    clock: Clock
    rules: RulesOf
    source: Source
    standings: Callable[[Sequence[str]], Mapping[str, Standing]]
    is_working: Working = field(default=is_weekday)
    group_of: Callable[[Equipment], str] = field(default=_no_group)

    @property
    def stockroom(self) -> Stockroom:
        """What is known of the supplies."""
        return Stockroom(self.supplies, self.is_working, self._withdraw)

    def _withdraw(self, reference: str, now: datetime) -> bool:
        return self.outbox.withdraw(reference, GIVEN_UP, now)

    def note(self, read: Sequence[tuple[Equipment, Readout]]) -> dict[str, tuple[Supply, ...]]:
        """Keeps what these readouts say; by equipment number the supplies that `order` has to look at.

        Raises `StoreError`.
        """
        readouts = {equipment.equipment_number: readout for equipment, readout in read}
        rules = {equipment.equipment_number: self.rules(equipment) for equipment, _ in read}
        return self.stockroom.note(readouts, rules, self.supplies.slots(list(readouts)))

    async def order(self, equipment: Equipment, readout: Readout) -> tuple[Ordering, ...]:
        """Decides about the supplies of this readout that ask for something; needs the bill of material only then.

        Without a bill of material nothing is decided. Raises nothing but `StoreError`.
        """
        if not readout.supplies:
            return ()
        number, rules, now = equipment.equipment_number, self.rules(equipment), self.clock.now()
        seen = self.stockroom.seen(readout, self.supplies.slots([number]).get(number, {}))
        seen = self.stockroom.counted(number, seen, now, equipment)
        asking = [one for one in seen if wish(self.stockroom.view(one, now), rules)]
        if not asking:
            self._note_wishes(number, seen, [])
            return ()
        try:
            bom = await self.portal.bill_of_material(number)
        except PortalError:
            self._note_wishes(number, seen, [one.supply.slot for one in asking])
            return ()
        return await self._decided(equipment, rules, self._with_yields(number, seen, bom), bom)

    async def _decided(
        self, equipment: Equipment, rules: OrderRules, seen: Sequence[Seen], bom: Sequence[BomItem]
    ) -> tuple[Ordering, ...]:
        number = equipment.equipment_number
        views, decisions = self._judged(equipment, rules, seen, bom, _Known())
        self._note_wishes(number, seen, [decision.supply.slot for decision in decisions])
        if any(decision.order for decision in decisions):
            try:
                known = await self._known(number)
            except PortalUnavailable:
                return ()
            views, decisions = self._judged(equipment, rules, seen, bom, known)
        lives = {one.supply.slot: one.state.life for one in seen}
        return self._placed(equipment, [*decisions, *bundled(views, decisions, bom, rules)], lives)

    def _judged(
        self,
        equipment: Equipment,
        rules: OrderRules,
        seen: Sequence[Seen],
        bom: Sequence[BomItem],
        known: _Known,
    ) -> tuple[list[tuple[SlotView, Situation]], list[Decision]]:
        """Every slot with its situation, and what is decided about those that ask for something."""
        number = equipment.equipment_number
        open_items, said = self.supplies.open_items(number), self.supplies.instructions(number)
        views = []
        for one in seen:
            item = item_for(one.supply, bom)
            situation = self._situation(equipment, one, item, open_items, said)
            views.append((self.stockroom.view(one, self.clock.now()), known.told(situation, one, item)))
        return views, decided_together(views, bom, rules)

    async def _known(self, number: str) -> _Known:
        """What was ordered lately, and by others. Raises `PortalUnavailable`: nothing is ordered before it is known."""
        since = self.clock.now() - COUNTED
        of_equipment, in_all = self.supplies.pieces_since(since, number), self.supplies.pieces_since(since, None)
        try:
            placed = await self.portal.orders_of(number)
        except PortalUnavailable:
            raise
        except PortalError:  # we may not see any
            placed = ()
        ours = {item.reference for item in self.supplies.items(number)}
        known = {receipt for one in self.standings(list(ours)).values() for receipt in one.receipts}
        others = [order for order in placed if order.order_number not in known and order.reference not in ours]
        return _Known(of_equipment, in_all, others)

    def _note_wishes(self, number: str, seen: Sequence[Seen], wished: Sequence[str]) -> None:
        before = {one.supply.slot for one in seen if one.wished_since}
        if before != set(wished):
            self.supplies.wish(number, wished, self.clock.now())

    def _with_yields(self, number: str, seen: Sequence[Seen], bom: Sequence[BomItem]) -> list[Seen]:
        """The same with the maker's yields; what is new of them is kept for the next cycles."""
        told, learnt = [], {}
        for one in seen:
            item = item_for(one.supply, bom)
            if item is not None and item.yield_pages != one.state.yield_pages:
                one = replace(one, state=replace(one.state, yield_pages=item.yield_pages))  # noqa: PLW2901  the same
                learnt[one.supply.slot] = (one.short, one.state)
            told.append(one)
        if learnt:
            self.supplies.learn_yields(number, learnt)
        return told

    def _situation(
        self,
        equipment: Equipment,
        one: Seen,
        item: BomItem | None,
        open_items: Sequence[OrderedItem],
        said: Sequence[Instruction],
    ) -> Situation:
        now = self.clock.now()
        material = item.component_material_number if item else None
        ordered = self._still_ordered(one, material, open_items)
        mine = [each for each in said if each.slot in ("", one.supply.slot) and each.counts(now)]
        return Situation(
            automatic_supply=equipment.automatic_supply,
            wanted_since=one.wished_since,
            ordered=self._name(ordered) if ordered else None,
            ended=self._ended(ordered) if ordered else None,
            ordered_for_equipment=0,
            ordered_in_all=0,
            now=now,
            held=next((each.note for each in mine if each.kind == "held"), None),
            confirmed=any(each.kind == "confirmed" for each in mine),
            unsure=any(each.kind == "unsure" for each in mine),
        )

    def _still_ordered(self, one: Seen, material: str | None, open_items: Sequence[OrderedItem]) -> OrderedItem | None:
        """What is on order for this slot. An order of an earlier version knows its material alone."""
        for item in open_items:
            if item.slot != one.supply.slot and item.material_number != material:
                continue
            if not item.slot and is_installed(item, one.state.life):
                self.supplies.follow(item, "installed", self.clock.now())
                continue
            return item
        return None

    def _name(self, item: OrderedItem) -> str:
        """The portal's order number, or the beginning of the reference while there is none."""
        standing = self.standings([item.reference]).get(item.reference)
        return ", ".join(standing.receipts) if standing and standing.receipts else item.reference[:12]

    def _ended(self, item: OrderedItem) -> Finding | None:
        """Why an order that stands in the way brings nothing: a person has to look at it."""
        if item.status == "cancelled":
            said = message(
                "Order {order} was cancelled. To have it ordered again: meter-agent orders close {order}",
                order=self._name(item),
            )
            return Finding("order_cancelled", said)
        if item.status == "rejected":
            said = message(
                "The portal rejected order {order}. Look at it with: meter-agent orders explain {order}",
                order=self._name(item),
            )
            return Finding("order_rejected", said)
        return None

    def _placed(
        self, equipment: Equipment, decisions: Sequence[Decision], lives: Mapping[str, Life]
    ) -> tuple[Ordering, ...]:
        """Commits what is to be ordered, as one order, before the first byte leaves the house: nothing is placed twice,
        because a material that is on order cannot be noted again."""
        pieces = {one.item.component_material_number: one for one in reversed(decisions) if one.order and one.item}
        chosen = [decision for decision in decisions if decision in pieces.values()]
        entry = self._committed(equipment, chosen, lives) if chosen else None
        return tuple(
            Ordering(equipment, decision, entry if entry and decision in chosen else None) for decision in decisions
        )

    def _committed(
        self, equipment: Equipment, chosen: Sequence[Decision], lives: Mapping[str, Life]
    ) -> Standing | None:
        number, now, group = equipment.equipment_number, self.clock.now(), self.group_of(equipment)
        envelope = seal_order(number, chosen, now, self.source.withhold)
        items = [
            replace(
                ordered_item(envelope.reference, number, one, now),
                group=group,
                began=beginnings(lives[one.supply.slot]),
            )
            for one in chosen
        ]
        with self.outbox.together():
            if not self.supplies.order(items):
                return None
            self.outbox.put(envelope, None)
            self.supplies.use_up(number, [decision.supply.slot for decision in chosen])
        return Standing(envelope.reference, "waiting")

    async def follow(self, again: timedelta = ASKED_AGAIN) -> PortalError | None:
        """Asks the portal what has become of the orders on their way, the longest unasked first, none twice in `again`.

        What cannot be asked now is asked later; the error says why. Raises nothing but `StoreError`.
        """
        now = self.clock.now()
        asked = self._accepted(self.supplies.to_ask(now - again), now)
        for order_number, items in list(asked.items())[:ASKED_AT_ONCE]:
            try:
                progress = await self.portal.order_progress(order_number)
            except PortalUnavailable as error:
                return error
            except PortalError as error:
                self.supplies.asked([item.reference for item in items], now)  # it stands in nobody's way next time
                if isinstance(error, RequestRefused):
                    continue
                return error
            self._learnt(progress, items, now)
            self.supplies.asked([item.reference for item in items], now)
        return None

    def _accepted(self, items: Sequence[OrderedItem], now: datetime) -> dict[str, list[OrderedItem]]:
        """By the portal's order number what it has taken; of the rest, what is known here. Of an envelope that is on
        record no more nothing is known."""
        standings = self.standings(list(dict.fromkeys(item.reference for item in items)))
        accepted: dict[str, list[OrderedItem]] = {}
        for item in items:
            standing = standings.get(item.reference)
            if standing is None:
                continue
            if standing.state == "discarded":
                self.supplies.follow(item, "not_placed", now)
            elif standing.state == "accepted" and standing.receipts:
                accepted.setdefault(standing.receipts[0], []).append(item)
            elif (standing.state == "rejected") != (item.status == "rejected"):
                self.supplies.follow(item, "rejected" if standing.state == "rejected" else "wanted", now)
        return accepted

    def _learnt(self, progress: OrderProgress, items: Sequence[OrderedItem], now: datetime) -> None:
        """The status of each piece. What is not part of the order, because that is somebody else's, is decided anew."""
        delivered = dict(progress.delivered)
        for item in items:
            status = "delivered" if delivered.get(item.bom_item_number) else progress.status
            if not progress.has(item):
                self.supplies.follow(item, "not_placed", now)
            elif (status, progress.tracking or item.tracking) != (item.status, item.tracking):
                self.supplies.follow(item, status, now, progress.tracking)


def ordered_item(reference: str, number: str, decision: Decision, now: datetime) -> OrderedItem:
    """One piece of an order with everything that explains it later. Raises `ValueError` for a decision not to order."""
    item, asked = decision.item, decision.wish
    if item is None:
        raise ValueError("this decision orders nothing")
    told = asked.forecast
    return OrderedItem(
        reference=reference,
        equipment_number=number,
        slot=decision.supply.slot,
        material_number=item.component_material_number,
        bom_item_number=item.bom_item_number,
        description=item.description,
        ordered_at=now,
        why=decision.reason,
        cartridge=decision.supply.serial_number,
        chance=asked.chance,
        days=(told.earliest, told.likely, told.latest) if told else None,
        percent=(told.percent_low, told.percent_high) if told else None,
    )

"""The ordering stage: from what supplies say to committed orders with their reasons, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from agent.errors import PortalError
from agent.ports import Clock, Outbox, Portal, Supplies
from agent.printers import Equipment
from agent.readout import Readout
from agent.stockroom import Seen, Stockroom, annual_estimate_of, beginnings, is_installed
from agent.supplies.bundles import bundled, decided_together
from agent.supplies.levels import Supply
from agent.supplies.lives import Life
from agent.supplies.orders import BomItem, Instruction, OrderedItem
from agent.supplies.policy import Decision, OrderRules, Situation, SlotView, item_for, wish
from agent.supplies.usage import Working, is_weekday
from agent.upload.envelope import Standing
from agent.upload.seal import Source, seal_order

COUNTED = timedelta(days=1)  # the caps of the rules count the pieces that were ordered in this time
ASKED_AGAIN = timedelta(minutes=50)  # an order's status; a little less than the usual time between two cycles
ASKED_AT_ONCE = 50  # orders in one cycle
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
        return Stockroom(self.supplies, self.is_working)

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
        number, rules = equipment.equipment_number, self.rules(equipment)
        seen = self.stockroom.seen(readout, self.supplies.slots([number]).get(number, {}))
        views = {one.supply.slot: self._view(equipment, one) for one in seen}
        asking = [one for one in seen if wish(views[one.supply.slot], rules)]
        if not asking:
            self._note_wishes(number, seen, [])
            return ()
        try:
            bom = await self.portal.bill_of_material(number)
        except PortalError:
            return ()
        seen = self._with_yields(number, seen, bom)
        return self._decided(equipment, rules, seen, bom)

    def _decided(
        self, equipment: Equipment, rules: OrderRules, seen: Sequence[Seen], bom: Sequence[BomItem]
    ) -> tuple[Ordering, ...]:
        number = equipment.equipment_number
        open_items, said = self.supplies.open_items(number), self.supplies.instructions(number)
        views = [
            (self._view(equipment, one), self._situation(equipment, one, item_for(one.supply, bom), open_items, said))
            for one in seen
        ]
        decisions = decided_together(views, bom, rules)
        self._note_wishes(number, seen, [decision.supply.slot for decision in decisions])
        lives = {one.supply.slot: one.state.life for one in seen}
        return self._placed(equipment, [*decisions, *bundled(views, decisions, bom, rules)], lives)

    def _view(self, equipment: Equipment, one: Seen) -> SlotView:
        now = self.clock.now()
        usage = self.stockroom.usage(
            equipment.equipment_number, one.supply, now, annual_estimate_of(equipment, one.supply)
        )
        return self.stockroom.view(equipment.equipment_number, one, usage, now)

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
        number, now = equipment.equipment_number, self.clock.now()
        material = item.component_material_number if item else None
        ordered = self._still_ordered(one, material, open_items)
        mine = [each for each in said if each.slot in ("", one.supply.slot)]
        return Situation(
            automatic_supply=equipment.automatic_supply,
            wanted_since=one.wished_since,
            ordered=self._name(ordered) if ordered else None,
            ordered_for_equipment=self.supplies.pieces_since(now - COUNTED, number),
            ordered_in_all=self.supplies.pieces_since(now - COUNTED, None),
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
            for decision in chosen:
                self.supplies.withdraw(number, decision.supply.slot)
        return Standing(envelope.reference, "waiting")

    async def follow(self, again: timedelta = ASKED_AGAIN) -> None:
        """Asks the portal what has become of the orders on their way, the longest unasked first, none twice in `again`.

        What cannot be asked now is asked later. Raises nothing but `StoreError`.
        """
        now = self.clock.now()
        items = self.supplies.to_ask(now - again, ASKED_AT_ONCE)
        standings = self.standings(list(dict.fromkeys(item.reference for item in items)))
        asked: dict[str, list[OrderedItem]] = {}
        for item in items:
            standing = standings.get(item.reference)
            if standing is None or standing.state == "discarded":
                self.supplies.follow(item, "closed", now)
            elif standing.state == "rejected":
                self.supplies.follow(item, "rejected", now)
            elif standing.state == "accepted" and standing.receipts:
                asked.setdefault(standing.receipts[0], []).append(item)
        for order_number, mine in asked.items():
            try:
                progress = await self.portal.order_progress(order_number)
            except PortalError:
                return
            delivered = dict(progress.delivered)
            for item in mine:
                status = "delivered" if delivered.get(item.bom_item_number) else progress.status
                if (status, progress.tracking or item.tracking) != (item.status, item.tracking):
                    self.supplies.follow(item, status, now, progress.tracking)
            self.supplies.asked([mine[0].reference], now)


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

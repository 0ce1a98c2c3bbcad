"""The ordering stage: from the supplies of one reading to committed orders, each decision with its reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.errors import PortalError
from agent.ports import Clock, Outbox, Portal, Supplies
from agent.printers import Equipment
from agent.supplies.levels import Supply
from agent.supplies.orders import BomItem
from agent.supplies.policy import Decision, OrderRules, Situation, decide, is_low, is_replaced, item_for
from agent.upload.envelope import Entry, Standing
from agent.upload.seal import Source, order_key, seal_order

COUNTED = timedelta(days=1)  # the caps of the rules count the orders of this time


@dataclass(frozen=True, slots=True)
class Ordering:
    """One decision about one supply of one equipment, and the entry of the order if there is one."""

    equipment: Equipment
    decision: Decision
    entry: Standing | None = None


@dataclass(frozen=True, slots=True)
class Replenishment:
    """Decides what is ordered for an equipment by `rules`, and commits the orders to the outbox."""

    portal: Portal
    outbox: Outbox
    supplies: Supplies
    clock: Clock
    rules: OrderRules
    source: Source

    def low_since(self, equipment_numbers: Sequence[str]) -> dict[str, dict[str, datetime]]:
        """By equipment and slot when it was first seen low without a break since. Raises `StoreError`."""
        return self.supplies.low_since(equipment_numbers)

    def concerned(self, supplies: Sequence[Supply], low: Collection[str]) -> tuple[Supply, ...]:
        """Of the supplies those that are low, or were (`low` names their slots): all that `order` looks at."""
        return tuple(one for one in supplies if one.slot in low or is_low(one, self.rules))

    async def order(
        self, equipment: Equipment, supplies: Sequence[Supply], known: Mapping[str, datetime]
    ) -> tuple[Ordering, ...]:
        """Decides about every supply that is low; asks for the bill of material only when there is one.

        `known` says since when slots were low before. A shaken cartridge rises a little and is the same one. Without
        a bill of material nothing is decided. Raises nothing but `StoreError`.
        """
        number, now = equipment.equipment_number, self.clock.now()
        low = [supply for supply in supplies if is_low(supply, self.rules)]
        still = [supply for supply in supplies if supply.slot in known and not is_replaced(supply)]
        since = {supply.slot: known.get(supply.slot, now) for supply in (*low, *still)}
        if since.keys() != known.keys():
            self.supplies.note_low(number, list(since), now)
        if not low:
            return ()
        try:
            bom = await self.portal.bill_of_material(number)
        except PortalError:
            return ()
        orderings = []
        for supply in low:
            item = item_for(supply, bom)
            situation = self._situation(equipment, since[supply.slot], item, now)
            decision = decide(supply, bom, situation, self.rules)
            if decision:
                orderings.append(self._placed(equipment, decision, now))
        return tuple(orderings)

    def _situation(self, equipment: Equipment, low_since: datetime, item: BomItem | None, now: datetime) -> Situation:
        number, since = equipment.equipment_number, now - COUNTED
        last = self._last_order(number, item)
        return Situation(
            automatic_supply=equipment.automatic_supply,
            low_since=low_since,
            open_order=None if last is None or is_over(last, low_since) else order_name(last),
            ordered_for_equipment=self.supplies.orders_since(since, number),
            ordered_in_all=self.supplies.orders_since(since, None),
            now=now,
        )

    def _placed(self, equipment: Equipment, decision: Decision, now: datetime) -> Ordering:
        """Commits the order to the outbox; the portal and this slot's key see to it that there is only one."""
        if not decision.order or decision.item is None:
            return Ordering(equipment, decision)
        last = self._last_order(equipment.equipment_number, decision.item)
        envelope = seal_order(equipment.equipment_number, decision, now, self.source.withhold)
        self.outbox.put(envelope, None, after=last.envelope.reference if last else None)
        made = self.outbox.taken("order", envelope.slot_key)
        return Ordering(equipment, decision, made.standing if made else None)

    def _last_order(self, equipment_number: str, item: BomItem | None) -> Entry | None:
        """The order that holds the slot of this material for this equipment, if any."""
        if item is None:
            return None
        return self.outbox.taken("order", order_key(equipment_number, item.component_material_number))


def is_over(order: Entry, low_since: datetime | None) -> bool:
    """Whether an order is over and done: booked, and the supply was seen sound and has become low anew since.

    Delivered is not enough: until the new cartridge is in the printer its level stays low, and nothing may be
    ordered on that.
    """
    return order.state == "accepted" and low_since is not None and low_since > order.envelope.created_at


def order_name(order: Entry) -> str:
    """The portal's order number, or the beginning of the reference while there is none."""
    return ", ".join(order.receipts) or order.envelope.reference[:12]

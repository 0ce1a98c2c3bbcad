"""What can be ordered for an equipment: positions of its bill of material, as the portal tells them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from agent.meters import Finding

OrderStatus = Literal[
    "wanted",  # committed here, no verdict of the portal yet
    "received",
    "in_process",
    "partially_delivered",
    "delivered",
    "installed",  # another cartridge was seen in the printer
    "cancelled",
    "rejected",
    "closed",  # a person said that it is over
    "not_placed",  # it never came to be part of an order at the portal
]
# Nothing stands in the way of the next order.
OVER: tuple[OrderStatus, ...] = ("installed", "closed", "not_placed")
CONFIRMED_FOR = timedelta(days=7)  # a long weekend, and a printer that is switched off


@dataclass(frozen=True, slots=True)
class BomItem:
    """A position of the bill of material: what may be ordered for an equipment, and if not, why not.

    `max_quantity` >= 0 pieces per order; `open_order_number` is an order of this material under way. `yield_pages` is
    how many pages the maker promises (ISO/IEC 19752, 19798, 24711).
    """

    bom_item_number: str
    component_material_number: str
    description: str
    component_type: str
    colorant: str | None
    orderable: bool
    not_orderable_reason: str | None
    max_quantity: int
    open_order_number: str | None
    yield_pages: int | None = None


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """What the portal says of an order: its status and the pieces delivered by bill-of-material item.

    `reference` is what the order was placed under; of an order of somebody else another one, or none.
    """

    status: OrderStatus
    delivered: tuple[tuple[str, int], ...] = ()
    tracking: str | None = None
    reference: str | None = None

    def has(self, item: OrderedItem) -> bool:
        """Whether this order brings the piece. Of somebody else's order that is known by its items alone."""
        if self.reference == item.reference or not self.delivered:
            return True
        return any(position == item.bom_item_number for position, _ in self.delivered)


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An order that the portal has for an equipment, whoever placed it; `positions` are its bill-of-material items."""

    order_number: str
    reference: str | None
    status: OrderStatus
    created_at: datetime
    positions: tuple[str, ...]

    def brings(self, item: BomItem, since: datetime) -> bool:
        """Whether it was placed since then and brings this material, or has brought it."""
        called_off = self.status in ("cancelled", "rejected")
        return not called_off and self.created_at >= since and item.bom_item_number in self.positions


@dataclass(frozen=True, slots=True)
class OrderedItem:
    """One piece of an order, from the reason to the printer.

    `reference` is that of its envelope; `cartridge` what was in the slot when it was ordered (serial number). `why` is
    the reason; `steps` are the statuses that it has had since it was ordered. `days` are earliest, likely and latest
    day from then until it would have been empty, `percent` what was left, 0..100, where it was forecast. `group` is
    whose rules held then, empty for the site's, `None` for an order of an earlier version. `began` are the times
    of the looks at which the cartridge then in the slot began, or may have begun; empty for an earlier version's order.
    """

    reference: str
    equipment_number: str
    slot: str
    material_number: str
    bom_item_number: str
    description: str
    ordered_at: datetime
    why: Finding
    status: OrderStatus = "wanted"
    changed_at: datetime | None = None
    cartridge: str | None = None
    chance: float | None = None
    days: tuple[int | None, int | None, int | None] | None = None
    percent: tuple[float, float] | None = None
    tracking: str | None = None
    steps: tuple[tuple[OrderStatus, datetime], ...] = ()
    group: str | None = None
    began: tuple[datetime, ...] = ()
    id: int = 0


ALL = ""  # in place of an equipment: all of them


@dataclass(frozen=True, slots=True)
class Instruction:
    """What was said about orders of a slot, of a whole equipment where `slot` is empty, or of all with both empty.

    `unsure` is no person's word: the database was damaged, and an order may be forgotten.
    """

    equipment_number: str
    slot: str
    kind: Literal["held", "confirmed", "unsure"]
    at: datetime
    by: str
    note: str

    def counts(self, now: datetime) -> bool:
        """Whether it still does: a confirmation for `CONFIRMED_FOR` at most, the others until they are taken back."""
        return self.kind != "confirmed" or abs(now - self.at) < CONFIRMED_FOR

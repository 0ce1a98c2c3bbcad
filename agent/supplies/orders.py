"""What can be ordered for an equipment: positions of its bill of material, as the portal tells them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BomItem:
    """A position of the bill of material: what may be ordered for an equipment, and if not, why not.

    `max_quantity` >= 0 pieces per order; `open_order_number` is an order of this material under way.
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

"""What is known of a slot after all its looks: the cartridge in it, those before, and how long one lasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from agent.supplies.levels import Supply
from agent.supplies.lives import Life, Look, begun, followed
from agent.supplies.unseen import unseen_change
from agent.supplies.wear import Wear, expected_wear, wear_after

MOST_ENDED = 8  # earlier cartridges; older ones tell nothing that these do not


@dataclass(frozen=True, slots=True)
class SlotState:
    """`life` is the cartridge in the slot, `ended` those before it, the oldest first.

    `type` is that of the supply (`agent.supplies.levels.Supply`), `yield_pages` the maker's word for what the bill of
    material has for it, `None` while nobody has asked. `colorant` and `description` are the supply's.
    `counter` told the pages of the newest look that has some: those of two counters cannot be subtracted.
    """

    type: str
    life: Life
    ended: tuple[Life, ...] = ()
    yield_pages: int | None = None
    colorant: str | None = None
    description: str | None = None
    counter: str | None = None

    @property
    def before(self) -> Wear:
        """How many pages a cartridge makes here, by all but the present one."""
        return wear_after(expected_wear(self.type, self.yield_pages), self.ended)


def after(state: SlotState | None, supply: Supply, look: Look) -> SlotState:
    """The state with one look more; another type or color of supply in the slot begins anew."""
    if state is None or _is_another(state, supply):
        return SlotState(supply.type, begun(look, None), (), None, supply.colorant, supply.description)
    *ended, life = followed(state.life, look)
    now = replace(
        state,
        life=life,
        ended=(*state.ended, *ended)[-MOST_ENDED:],
        colorant=supply.colorant or state.colorant,
        description=supply.description,
    )
    successor = unseen_change(life, now.before, now.yield_pages) if life.level is None else None
    return replace(now, life=successor, ended=(*now.ended, life)[-MOST_ENDED:]) if successor else now


def _is_another(state: SlotState, supply: Supply) -> bool:
    """Whether it is another kind of supply. A color that is not told this time is none."""
    told = None not in (state.colorant, supply.colorant)
    return state.type != supply.type or (told and state.colorant != supply.colorant)


def pages_of(state: SlotState | None, supply: Supply, counters: Mapping[str, int]) -> tuple[str | None, int | None]:
    """Which counter wears this supply, and how many pages it says; `None` where it is not told.

    The counter of all pages stands in only as long as that of colored ones was never told.
    """
    known = replace(supply, colorant=supply.colorant or (state.colorant if state else None))
    name = counter_of(known)
    if name not in counters and not (state and state.counter == name):
        name = "total"
    return (name, counters[name]) if name in counters else (None, None)


def in_short(supply: Supply, day: int) -> str:
    """A look in few signs: the same ones on the same day tell nothing new."""
    level = supply.level
    return "|".join(
        str(part)
        for part in (day, level.kind, level.percent, level.low, level.high, supply.serial_number, supply.part_number)
    )


def counter_of(supply: Supply) -> str:
    """Which counter wears a supply: colored toners that of colored pages, everything else that of all pages."""
    return "color" if supply.colorant not in (None, "black") else "total"

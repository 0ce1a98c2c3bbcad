"""Changes of cartridge that nobody saw: what has made more pages than one can make was replaced in the meantime."""

from __future__ import annotations

import math
from dataclasses import replace

from agent.serials import normal_serial
from agent.supplies.lives import Life, begun
from agent.supplies.wear import Wear, is_more_than_one

ENOUGH = 3  # cartridges that must have been counted before they tell by themselves how many pages one makes
# Times the maker's yield that must have been made as well where fewer were counted: they may have come half used, and
# two customers in three stay below a whole yield, nine in ten below one and a half.
FEW_COUNTED = 1.5


def unseen_change(life: Life, before: Wear, yield_pages: int | None) -> Life | None:
    """The life of the cartridge that must have followed this one; `None` while this one may still go on.

    A printer that says no more than *some left* tells no change where a new cartridge was put in at once. Its pages do,
    once they are far beyond what one makes here. `yield_pages` is the maker's word for that, `None` where it is not
    known.
    """
    if not _is_silent(life) or life.pages is None or not is_more_than_one(life, before):
        return None
    whole = life.pages + life.made_before
    if before.lives < ENOUGH and (yield_pages is None or whole <= FEW_COUNTED * yield_pages):
        return None
    made, deviation = whole - before.pages, math.hypot(life.made_deviation, before.pages * math.sqrt(before.variance))
    if made >= before.pages:  # several were changed while nobody looked: where the present one stands is not known
        made = deviation = before.pages / 2
    return replace(begun(life.last, "pages"), made_before=made, made_deviation=deviation)


def _is_silent(life: Life) -> bool:
    """Whether nothing but pages can tell: no level, no serial number, and *low* is not said just now."""
    return (
        life.changed_by is not None
        and life.level is None
        and life.low_since is None
        and life.raised is None
        and life.last.level.kind == "some_left"
        and normal_serial(life.last.serial_number) is None
    )

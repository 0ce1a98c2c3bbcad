"""The looks at a supply slot over time, cut into the lives of the cartridges that stood in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from agent.serials import normal_serial, same_serial
from agent.supplies.levels import Level

Sign = Literal["serial_number", "part_number", "level", "no_longer_low", "pages"]

SHAKEN = 15.0  # points that shaking or a warm sensor may add
RENEWED = 30.0  # points: no shaking adds so many
MOMENT = timedelta(hours=2)  # within which a misreading is over
LONG = 64  # signs of a part number that count
REFILLED = 90.0  # percent: what a cartridge with the same serial number must reach to count as another one
# Pages after which a smaller rise that has stayed is a change of cartridge: more than shaking is worth, as a part of
# what the cartridge has made so far, and at least so many.
PROVEN_PART, PROVEN_BY = 0.25, 200
PROVEN_FOR = timedelta(days=14)  # at least, where no counter tells pages


@dataclass(frozen=True, slots=True)
class Look:
    """What the printer said of a slot at one time. `pages` is the counter that wears this supply, `None` if unread."""

    at: datetime
    pages: int | None
    level: Level
    serial_number: str | None = None
    part_number: str | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """One cartridge in its slot, as far as it was seen.

    `changed_by` says how its installation was noticed; `None` when it was there at the first look. `full` is the first
    look with a bounded level, `entered` the first of the present level and `before` the look before that one, `None`
    when the level did not come from above. `level` is the newest look that says something; `raised` the look at which
    the level rose without being believed yet, from `raised_from` percent, and `unraised` the life as it was before
    that; `low_since` when the printer began to say *low* or *empty*. Of a cartridge whose installation nobody saw
    (`agent.supplies.unseen`), `made_before` is how many pages it has probably made before `first`, and `made_deviation`
    the standard deviation of that.
    """

    first: Look
    last: Look
    changed_by: Sign | None = None
    full: Look | None = None
    level: Look | None = None
    entered: Look | None = None
    before: Look | None = None
    raised: Look | None = None
    raised_from: float = 0.0
    low_since: datetime | None = None
    made_before: float = 0.0
    made_deviation: float = 0.0
    unraised: Life | None = None

    @property
    def pages(self) -> int | None:
        """How many pages it has made since it was first seen; `None` while the counter is unread or began anew."""
        if self.first.pages is None or self.last.pages is None or self.last.pages < self.first.pages:
            return None
        return self.last.pages - self.first.pages


def is_bounded(level: Level) -> bool:
    """Whether a level says more than that something is left, or is low."""
    return level.low is not None and level.high is not None and level.kind not in ("some_left", "unknown", "no_limit")


def says_low(level: Level) -> bool:
    """Whether the printer itself says that the supply is low or empty."""
    return level.kind in ("at_most", "empty")


def lives_of(looks: Iterable[Look]) -> tuple[Life, ...]:
    """The lives in a slot, the oldest first; the looks are in the order of time."""
    lives: list[Life] = []
    for look in looks:
        if not lives:
            lives.append(begun(look, None))
            continue
        *others, life = followed(lives.pop(), look)
        lives += [*others, life]
    return tuple(lives)


def followed(life: Life, look: Look) -> tuple[Life, ...]:
    """The life with one look more; or the life that ended before, and the new one."""
    life = _without_misreading(life, look)
    sign = sign_of_change(life, look)
    if sign is not None:
        return life, begun(look, sign)
    going_on = _continued(life, look)
    risen = going_on.raised
    if risen is None or not _has_proven_itself(risen, going_on):
        return (going_on,)
    start = begun(risen, "level" if is_bounded(risen.level) else "no_longer_low")
    ended = replace(going_on.unraised or life, raised=None, unraised=None)  # what was printed since is not its own
    return ended, start if risen == look else _continued(start, look)


def followed_from(life: Life | None, look: Look) -> Life:
    """The life in the slot after this look, the first one where there was none."""
    return begun(look, None) if life is None else followed(life, look)[-1]


def begun(look: Look, sign: Sign | None) -> Life:
    """A life at its first look."""
    bounded = look if is_bounded(look.level) else None
    low = look.at if says_low(look.level) else None
    return Life(look, look, sign, bounded, bounded, bounded, low_since=low)


def sign_of_change(life: Life, look: Look) -> Sign | None:
    """What proves at once that another cartridge is in the slot."""
    same = _same_serial(life.last, look)
    if same is False:
        return "serial_number"
    rise = _rise(life, look)
    if not same and _is_another_part(life.last, look) and (rise is None or rise > 0):
        return "part_number"
    if rise is None or rise < RENEWED:
        return None
    return "level" if not same or (look.level.high or 0.0) >= REFILLED else None


def _same_serial(before: Look, look: Look) -> bool | None:
    """Whether both name one cartridge; `None` while one names none. Zeros, `NA` and the like name none."""
    if normal_serial(before.serial_number) is None or normal_serial(look.serial_number) is None:
        return None
    return same_serial(before.serial_number, look.serial_number)


def _is_another_part(before: Look, look: Look) -> bool:
    """Whether both name a part number and mean different ones: blanks, dashes and case are spelling."""
    one, other = _plain(before.part_number), _plain(look.part_number)
    return bool(one and other) and one != other


@lru_cache(maxsize=2000)
def _plain(part_number: str | None) -> str:
    return re.sub(r"[^0-9A-Z]", "", (part_number or "")[:LONG].upper())


def _rise(life: Life, look: Look) -> float | None:
    """Points by which the level has surely risen, negative where it may have fallen; `None` where one has no bounds."""
    known = life.level.level.high if life.level else None
    if known is None or look.level.low is None or not is_bounded(look.level):
        return None
    return look.level.low - known


def _without_misreading(life: Life, look: Look) -> Life:
    """A level that was seen once, far below those before and after it, was none: nothing is concluded from it."""
    level, before = life.level, life.before
    if level is None or level != life.entered:
        return life
    if look.level.kind == "some_left" and level == life.last and _was_low_once(life, look):
        full = None if life.full == level else life.full
        return replace(life, level=before, entered=before, before=None, full=full, low_since=None)
    if before is None or not is_bounded(look.level):
        return life
    fell = (before.level.low or 0.0) - (level.level.high or 0.0)
    back = (look.level.low or 0.0) - (level.level.high or 0.0)
    if min(fell, back) <= SHAKEN or (look.level.low or 0.0) - (before.level.high or 0.0) > 0:
        return life
    return replace(life, level=before, entered=before, before=None, low_since=None)


def _continued(life: Life, look: Look) -> Life:
    """The same cartridge, one look later. What says nothing leaves everything as it was."""
    kept = _named(look, life.last)
    level, entered, before, full = life.level, life.entered, life.before, life.full
    if is_bounded(look.level):
        if level is None or entered is None:
            entered, before = kept, None
        elif look.level != level.level:
            fell = (look.level.high or 0.0) <= (level.level.high or 0.0)
            entered, before = kept, (level if fell else None)
        level, full = kept, full or kept
    low = _low_since(life, look)
    raised, floor = _raised(life, look)
    begin = life.first, kept, life.changed_by, full, level, entered, before, raised, floor, low
    return Life(*begin, life.made_before, life.made_deviation, (life.unraised or life) if raised else None)


def _low_since(life: Life, look: Look) -> datetime | None:
    """When it began to say *low*. What said so once and then *some left* was a misreading."""
    if says_low(look.level):
        return life.low_since or look.at
    over = is_bounded(look.level) or (look.level.kind == "some_left" and _was_low_once(life, look))
    return None if over else life.low_since


def _was_low_once(life: Life, look: Look) -> bool:
    """Whether only the look a moment before says *low*. What is the same all day is kept once: a moment is short."""
    return life.low_since == life.last.at and says_low(life.last.level) and look.at - life.last.at <= MOMENT


def _named(look: Look, before: Look) -> Look:
    """The look with the names that the cartridge had before: a field that fails once makes no other cartridge."""
    serial = before.serial_number if normal_serial(look.serial_number) is None else look.serial_number
    part = look.part_number or before.part_number
    if (serial, part) == (look.serial_number, look.part_number):
        return look
    return Look(look.at, look.pages, look.level, serial, part)


def _raised(life: Life, look: Look) -> tuple[Look | None, float]:
    """From which look on another cartridge may be in the slot, and the level before: it shows clearly more than
    shaking makes of that, or no longer says *low*."""
    if _same_serial(life.last, look):
        return None, 0.0
    if is_bounded(look.level):
        known = life.level.level.high if life.level else None
        floor = life.raised_from if life.raised else known
        if floor is None or (look.level.low or 0.0) - floor <= SHAKEN:
            return None, 0.0
        return life.raised or look, floor
    if look.level.kind == "some_left" and life.low_since is not None:
        return (None, 0.0) if _was_low_once(life, look) else (life.raised or look, 0.0)
    return (None, 0.0) if says_low(look.level) else (life.raised, life.raised_from)


def _has_proven_itself(risen: Look, life: Life) -> bool:
    """Whether enough was printed since the rise: what was only shaken has fallen back by then."""
    first, now = life.first.pages, life.last.pages
    if risen.pages is None or now is None:
        return now is None and risen.pages is None and first is None and _has_lasted(risen, life)
    made = risen.pages - first if first is not None and first <= risen.pages else 0
    return now - risen.pages >= max(PROVEN_PART * made, PROVEN_BY)


def _has_lasted(risen: Look, life: Life) -> bool:
    """The same by days, where no counter is known."""
    return life.last.at - risen.at >= max(PROVEN_PART * (risen.at - life.first.at), PROVEN_FOR)

"""How many pages a supply lasts: the maker's yield, corrected by what earlier cartridges and this one have shown.

The logarithm of the usual yield drifts from life to life, and each cartridge differs a little from it (a scalar Kalman
filter): every cartridge is a measurement, as good as its levels are fine and its pages many.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from agent.serials import normal_serial
from agent.supplies.lives import Life, Look

COVERAGE = 0.45  # how far customers' pages differ from the 5 % that a maker's yield means (ISO/IEC 19752), as ln
UNKNOWN = 1.0  # the same where there is no maker's yield
PER_LIFE = 0.12  # how much one cartridge's yield differs from the next one's, as ln: filling, and what is printed
DRIFT = 0.06  # how much what is usual in this slot changes from one cartridge to the next
BETWEEN_PAGES = 7.0  # variance of ln coverage times pages: jobs of some 20 pages whose coverage differs by a half
TELLING = 0.03  # of a level that names whole percents
USUAL_YIELD = {  # pages, where the maker's is not known
    "toner": 6000,
    "ink": 3000,
    "opc": 60_000,
    "developer": 100_000,
    "fuser": 150_000,
    "transfer_unit": 150_000,
    "waste_toner": 40_000,
    "waste_ink": 40_000,
    "staples": 20_000,
}
USED_UP, MOSTLY_USED_UP = 0.06, 0.25  # how far, as ln, the pages of a changed cartridge may be from a whole one's
LEAST_USED = 0.08  # of a cartridge, before its own pages say anything
WHOLE = 0.5  # percent: what a printer names may be rounded by so much
NEW = 0.97  # of a whole, that a new cartridge has at least
SURPRISING = 2.5  # standard deviations beyond which a measurement counts less: a used cartridge, a misread level

SURE = 3.0  # standard deviations beyond which no cartridge goes on: about one in 700, before it would be ordered for
COUNTED = 1  # cartridges that must have been seen from their installation to their end, before that is said

Part = tuple[float, float]  # least and most that may be left, as parts of a whole


@dataclass(frozen=True, slots=True)
class Wear:
    """The pages that the next full supply makes: `ln` of them, and the variance of that. `lives` have told so.

    `between` is the variance of ln coverage times pages; 0 where what is used up is told in points.
    """

    ln: float
    variance: float
    lives: int = 0
    between: float = BETWEEN_PAGES

    @property
    def pages(self) -> float:
        """The median."""
        return math.exp(self.ln)

    def bounds(self, deviations: float = 1.645) -> tuple[float, float]:
        """Pages between which it lies; 1.645 standard deviations hold nine of ten."""
        spread = deviations * math.sqrt(self.variance)
        return math.exp(self.ln - spread), math.exp(self.ln + spread)

    def after(self, told: float, variance: float) -> Wear:
        """With one more measurement of `ln` pages; the more surprising it is, the less it counts."""
        surprise = (told - self.ln) ** 2 / (self.variance + variance) / SURPRISING**2
        gain = self.variance / (self.variance + variance * max(surprise, 1.0))
        return Wear(self.ln + gain * (told - self.ln), (1 - gain) * self.variance, self.lives)


def expected_wear(type_: str, yield_pages: int | None) -> Wear:
    """What is known before any page: the maker's yield (pages), else what is usual for the type."""
    if yield_pages:
        return Wear(math.log(yield_pages), COVERAGE**2)
    kind = type_.removesuffix("_cartridge")
    return Wear(math.log(USUAL_YIELD.get(kind, 6000)), UNKNOWN**2)


def learnt(wear: Wear, ended: Life) -> Wear:
    """What the next cartridge makes, after one that is over."""
    told = _measured(ended, wear, ended=True)
    if told is None:
        return Wear(wear.ln, min(wear.variance + DRIFT**2, UNKNOWN**2), wear.lives)
    usual = Wear(wear.ln, max(wear.variance - PER_LIFE**2, 0.0)).after(told[0], told[1] + PER_LIFE**2)
    counted = ended.changed_by is not None and not ended.made_deviation
    return Wear(usual.ln, usual.variance + PER_LIFE**2 + DRIFT**2, wear.lives + counted)


def wear_after(expected: Wear, ended: Iterable[Life]) -> Wear:
    """What the next cartridge makes, by the earlier ones in its slot."""
    wear = expected
    for life in ended:
        wear = learnt(wear, life)
    return wear


def refined(wear: Wear, now: Life) -> Wear:
    """By what the present cartridge has shown itself."""
    told = _measured(now, wear, ended=False)
    return wear.after(*told) if told else wear


def _measured(life: Life, wear: Wear, *, ended: bool) -> tuple[float, float] | None:
    """`ln` of the yield by one cartridge and the variance of that; `None` where it shows nothing.

    Of a cartridge that is over, the last level tells as well as the one entered last: the finer counts.
    """
    if life.full is None or life.entered is None or life.level is None:
        return _counted_out(life, wear) if ended and life.last.level.kind != "unknown" else None
    start, ends = _filled(life), [(life.entered, entered_with(life, wear))]
    if ended:
        ends.append((life.level, bounds_of(life.level)))
    told = [found for look, end in ends if (found := _between(life.full, start, look, end))]
    if told:
        return min(told, key=lambda one: one[1])
    return _counted_out(life, wear) if ended and life.low_since else None


def _between(first: Look, start: Part, last: Look, end: Part) -> tuple[float, float] | None:
    """`ln` of the yield by the pages between two looks; each part of a whole is even between its bounds."""
    pages = last.pages - first.pages if last.pages is not None and first.pages is not None else 0
    used = (sum(start) - sum(end)) / 2
    blur = math.hypot(start[1] - start[0], end[1] - end[0]) / math.sqrt(12)
    if pages <= 0 or used < max(LEAST_USED, 2 * blur):
        return None
    return math.log(pages / used), (blur / used) ** 2 + BETWEEN_PAGES / pages + TELLING**2


def bounds_of(look: Look) -> Part:
    """Between which parts of a whole, 0..1, a bounded level lies; a whole percent may be rounded either way."""
    low, high = look.level.low or 0.0, look.level.high or 0.0
    blur = WHOLE if high - low < 2 * WHOLE else 0.0
    return max(low - blur, 0.0) / 100, min(high + blur, 100.0) / 100


def entered_with(life: Life, wear: Wear) -> Part:
    """What was left, 0..1, at the look that entered the present level.

    A level of steps is known best where it changes: between two looks the truth has crossed the step's edge, and it
    lies below that edge by no more than what was printed between them.
    """
    if life.entered is None:
        return 0.0, 1.0
    low, high = bounds_of(life.entered)
    before, now = life.before, life.entered.pages
    if life.entered == life.full:
        return _filled(life)
    if before is None or before.pages is None or now is None or now < before.pages:
        return low, high
    edge = bounds_of(before)[0] - (now - before.pages) / wear.bounds(1.0)[0]
    return min(max(low, edge), high), high


def _filled(life: Life) -> Part:
    """What was left at the first bounded look: of a new cartridge that shows its highest level, all."""
    if life.full is None:
        return 0.0, 1.0
    low, high = bounds_of(life.full)
    return (max(low, NEW), high) if life.changed_by is not None and high >= NEW else (low, high)


def _counted_out(life: Life, wear: Wear) -> tuple[float, float] | None:
    """A cartridge of a printer that names no level, from the one change to the other.

    After the printer's *low* or *empty* it was used up; else it mostly was, or nobody would have changed it. What is
    more than one can make was made by several, and teaches nothing.
    """
    if life.changed_by is None or not life.pages or _is_nearer_to_two(life, wear):
        return None
    blur = USED_UP if life.low_since else MOSTLY_USED_UP
    left = 0.0 if life.last.level.kind == "empty" else 0.05
    made = life.pages + life.made_before
    return math.log(made / (1 - left)), blur**2 + (life.made_deviation / made) ** 2 + BETWEEN_PAGES / made


def _is_nearer_to_two(life: Life, wear: Wear) -> bool:
    """Whether a change was probably missed in it: where a printer tells no serial number, that happens to every one
    whose successor stood beside it."""
    if wear.lives < COUNTED or life.pages is None or normal_serial(life.last.serial_number) is not None:
        return False
    return life.pages + life.made_before > math.sqrt(2) * wear.pages


def is_more_than_one(life: Life, wear: Wear) -> bool:
    """Whether it made more pages than one cartridge makes here, by all that was counted before."""
    if wear.lives < COUNTED or life.pages is None:
        return False
    made = life.pages + life.made_before
    return made > wear.pages * math.exp(SURE * math.hypot(math.sqrt(wear.variance), life.made_deviation / wear.pages))


def least_used(life: Life, wear: Wear, deviations: float = 1.645) -> float:
    """Which part of a whole, 0..1, the pages since its installation have used up at least; 0 where they are unknown.

    1.645 standard deviations are exceeded by nineteen of twenty.
    """
    if life.changed_by is None or life.pages is None:
        return 0.0
    made = life.pages + life.made_before
    doubt = math.hypot(math.sqrt(wear.variance), life.made_deviation / made) if made > 0 else 0.0
    return min(made / wear.pages * math.exp(-deviations * doubt), 1.0)

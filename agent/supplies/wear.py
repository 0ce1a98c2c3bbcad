"""How many pages a supply lasts: the maker's yield, corrected by what earlier cartridges and this one have shown.

The logarithm of the yield is followed like a level that drifts from life to life (a scalar Kalman filter): every
cartridge is a measurement, as good as its levels are fine and its pages many.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from agent.supplies.lives import Life, Look

COVERAGE = 0.45  # how far customers' pages differ from the 5 % that a maker's yield means (ISO/IEC 19752), as ln
UNKNOWN = 1.0  # the same where there is no maker's yield
PER_LIFE = 0.12  # how much the next cartridge's yield differs from this one's
BETWEEN_PAGES = 7.0  # variance of ln coverage times pages: jobs of some 20 pages whose coverage differs by a half
TELLING = 0.03  # of a level that names whole percents
USUAL_YIELD = {"toner": 6000, "ink": 3000, "opc": 60_000, "fuser": 150_000, "transfer_unit": 150_000}
LEAST_USED = 0.08  # of a cartridge, before its own pages say anything


@dataclass(frozen=True, slots=True)
class Wear:
    """The pages that a full supply makes: `ln` of them, and the variance of that. `lives` full ones have told so."""

    ln: float
    variance: float
    lives: int = 0

    @property
    def pages(self) -> float:
        """The median."""
        return math.exp(self.ln)

    def bounds(self, deviations: float = 1.645) -> tuple[float, float]:
        """Pages between which it lies; 1.645 standard deviations hold nine of ten."""
        spread = deviations * math.sqrt(self.variance)
        return math.exp(self.ln - spread), math.exp(self.ln + spread)

    def after(self, told: float, variance: float) -> Wear:
        """With one more measurement of `ln` pages."""
        gain = self.variance / (self.variance + variance)
        return Wear(self.ln + gain * (told - self.ln), (1 - gain) * self.variance, self.lives)


def expected_wear(type_: str, yield_pages: int | None) -> Wear:
    """What is known before any page: the maker's yield (pages), else what is usual for the type."""
    if yield_pages:
        return Wear(math.log(yield_pages), COVERAGE**2)
    kind = type_.removesuffix("_cartridge")
    return Wear(math.log(USUAL_YIELD.get(kind, 6000)), UNKNOWN**2)


def learnt(wear: Wear, ended: Life) -> Wear:
    """After a cartridge that is over."""
    told = _measured(ended, ended=True)
    drifted = Wear(wear.ln, wear.variance + PER_LIFE**2, wear.lives)
    if told is None:
        return drifted
    seen = drifted.after(*told)
    return Wear(seen.ln, seen.variance, wear.lives + (ended.changed_by is not None))


def wear_after(expected: Wear, ended: Iterable[Life]) -> Wear:
    """What the next cartridge makes, by the earlier ones in its slot."""
    wear = expected
    for life in ended:
        wear = learnt(wear, life)
    return wear


def refined(wear: Wear, now: Life) -> Wear:
    """By what the present cartridge has shown itself."""
    told = _measured(now, ended=False)
    return wear.after(*told) if told else wear


def _measured(life: Life, *, ended: bool) -> tuple[float, float] | None:
    """`ln` of the yield by one cartridge and the variance of that; `None` where it shows nothing."""
    start, end = life.full, life.entered if not ended else life.level
    if start is None or end is None:
        return _counted_out(life) if ended else None
    used, blur = _used(start, end)
    pages = end.pages - start.pages if end.pages is not None and start.pages is not None else 0
    if pages <= 0 or used < max(LEAST_USED, 2 * blur):
        return _counted_out(life) if ended else None
    return math.log(pages / used), (blur / used) ** 2 + BETWEEN_PAGES / pages + TELLING**2


def _used(start: Look, end: Look) -> tuple[float, float]:
    """The part of a cartridge that went between two looks, and its standard deviation: levels are even in their step."""
    widths = []
    middles = []
    for look in (start, end):
        low, high = look.level.low or 0.0, look.level.high or 0.0
        middles.append((low + high) / 200)
        widths.append(max(high - low, 1.0) / 100)
    return middles[0] - middles[1], math.sqrt(sum(width * width for width in widths) / 12)


def _counted_out(life: Life) -> tuple[float, float] | None:
    """A cartridge whose installation was seen, and that was changed after the printer had said *low* or *empty*."""
    if life.changed_by is None or life.low_since is None or not life.pages:
        return None
    left = 0.0 if life.last.level.kind == "empty" else 0.05
    return math.log(life.pages / (1 - left)), 0.06**2 + BETWEEN_PAGES / life.pages

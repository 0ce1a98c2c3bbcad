"""What public documentation of other systems describes beside a fixed threshold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from agent.meters import Finding
from agent.simulation.contenders import named_percent
from agent.simulation.generated import Slot
from agent.supplies.lives import Look


@dataclass(slots=True)
class TwoLevels:
    """Days left by the slope between the last two different levels; silent from an order to the next rise."""

    days: float = 7.0
    last: tuple[datetime, float] | None = None
    slope: float = 0.0
    silent: bool = False
    why: Finding | None = None

    def wants(self, look: Look, again: Look, under_way: bool) -> bool:
        """When fewer days are left."""
        named = named_percent(look.level, None)
        if named is None:
            self.silent = self.silent and look.level.kind != "some_left"
            return False
        if self.last is None:
            self.last = (look.at, named)
        before, level = self.last
        if named > level:
            self.silent, self.slope = False, 0.0
        elif named < level:
            self.slope = (level - named) / max((look.at - before) / timedelta(days=1), 1.0)
        if named != level:
            self.last = (look.at, named)
        if self.silent or (named > 0 and not self.slope):
            return False
        since = (look.at - self.last[0]) / timedelta(days=1)
        return named <= 0 or named / self.slope - since <= self.days

    def ordered(self, at: datetime) -> None:
        """Silent until a rise."""
        self.silent = True


class ByTwoLevels:
    """Days left by two levels, for every slot of a printer."""

    def rule(self, slot: Slot) -> TwoLevels:
        """A fresh one."""
        return TwoLevels()

    def counted(self, day: date, total: int, color: int) -> None:
        """Pages do not matter to it."""

"""Who answered just now, and whether it may be asked by what was learnt of it before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.printers import Identity
from agent.snmp.read_plan import ReadPlan, digest_of, layout_of
from agent.snmp.varbinds import Ask

LIVES = timedelta(days=7)  # then a printer is asked in full again: it may tell more than it did
LIVES_UNCLOCKED = timedelta(days=1)  # the same for one that does not say since when it is up
RESTS = timedelta(days=1)  # so long no new plan is made where one failed
LEAST_PACE = 0.9  # a printer's clock goes at least so fast; one that stands still in sleep looks like a restart
SLACK = timedelta(minutes=1)  # the two clocks were not read at one moment
TICKS = 100  # of sysUpTime, per second


@dataclass(frozen=True, slots=True)
class Learned:
    """How one printer may be asked again: `plan` is None where asking by it failed.

    `at` is when that was learnt, `uptime` its sysUpTime then (hundredths of a second), `who` a digest of who it was.
    """

    plan: ReadPlan | None
    at: datetime
    who: str
    uptime: int | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """The device that has answered the identify question: a digest of who it is, and its sysUpTime."""

    who: str
    uptime: int | None
    now: datetime

    def plan_of(self, learned: Learned | None, question: Ask) -> ReadPlan | None:
        """The plan by which it may be asked: learnt for this question, not long ago, and nothing about the device has
        changed since. Options are fitted to a printer that is switched off."""
        if learned is None or learned.plan is None or learned.who != self.who or self._restarted(learned):
            return None
        clocked = learned.uptime is not None and self.uptime is not None
        if not timedelta() <= self.now - learned.at < (LIVES if clocked else LIVES_UNCLOCKED):
            return None
        return learned.plan if learned.plan.fingerprint == layout_of(question).fingerprint else None

    def may_learn(self, learned: Learned | None) -> bool:
        """Whether a full answer is worth a plan: not soon after one failed."""
        if learned is None or learned.plan is not None:
            return True
        return not timedelta() <= self.now - learned.at < RESTS

    def learns(self, plan: ReadPlan | None) -> Learned:
        """What is known of it from now on."""
        return Learned(plan, self.now, self.who, self.uptime)

    def _restarted(self, learned: Learned) -> bool:
        if learned.uptime is None or self.uptime is None:
            return False
        since = (self.now - learned.at) * LEAST_PACE - SLACK
        return self.uptime < learned.uptime + since.total_seconds() * TICKS


def caller(identity: Identity, uptime: int | None, now: datetime) -> Caller:
    """Who says this of itself; another text of its system group may be another firmware."""
    said = (identity.sys_object_id, identity.description, identity.model, identity.serial_number)
    return Caller(digest_of(repr(said)), uptime, now)

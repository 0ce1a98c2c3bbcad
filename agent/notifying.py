"""The stage of service notifications: what stands is looked at, and what has stood long enough is put into the outbox.

Decision, envelope and what is known of the case are committed together, before a byte leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent.errors import PortalError, RequestRefused
from agent.ipp.counters import PROFILE as IPP
from agent.meters import Finding
from agent.notifications.faults import MOST, faults_of
from agent.notifications.policy import (
    REJECTED,
    Case,
    Notice,
    NotificationRules,
    Situation,
    decide,
    is_finished,
    is_open,
    is_reported,
    observed,
    vanished,
)
from agent.notifications.wording import long_text, short_text
from agent.ports import Cases, Clock, Memory, Outbox, ServiceDesk
from agent.printers import Equipment
from agent.readout import Alert, Readout
from agent.texts import Message, message
from agent.upload.envelope import Entry, Standing
from agent.upload.seal import Source, notification_key, seal_notification

COMPLETED = "completed"
GIVEN_UP = "meter-agent"  # who discards what waits for a right although its fault is gone


@dataclass(frozen=True, slots=True)
class FaultLine:
    """What was decided about one fault of one equipment, and where its notification stands if there is one."""

    equipment: Equipment
    case: Case
    entry: Standing | None = None


@dataclass(frozen=True, slots=True)
class Notifying:
    """`speak` puts a sentence into the language in which the portal's people read."""

    rules: NotificationRules
    cases: Cases
    outbox: Outbox
    memory: Memory
    desk: ServiceDesk
    clock: Clock
    source: Source
    speak: Callable[[Message], str] = str

    async def noted(self, looked: Sequence[tuple[Equipment, Readout]]) -> tuple[FaultLine, ...]:
        """Looks at the faults of all these; nothing is looked at where no class of faults may open anything.

        Only a whole answer says that an alert is gone. Raises nothing but `StoreError`.
        """
        if not self.rules.classes:
            return ()
        await self._follow()
        now, whole = self.clock.now(), [one for one in looked if tells_faults(one[1])]
        with self.outbox.together():
            known = self.cases.of([equipment.equipment_number for equipment, _ in whole])
            round_ = _Round(self, now, self.cases.opened_since(now - timedelta(days=1)))
            lines = [
                line
                for equipment, readout in whole
                for line in round_.looked_at(equipment, readout, known.get(equipment.equipment_number, {}))
            ]
        return tuple(lines)

    def settled(self, lines: Sequence[FaultLine]) -> tuple[FaultLine, ...]:
        """The lines with what the portal said meanwhile."""
        standings = self.memory.standings([line.entry.reference for line in lines if line.entry])
        return tuple(replace(line, entry=standings.get(line.entry.reference) if line.entry else None) for line in lines)

    async def _follow(self) -> None:
        """What became of open notifications: of the envelope here, and at the portal as long as it answers."""
        cases = self.cases.notified()
        standings = self.memory.standings([case.notice.reference for _, case in cases if case.notice])
        answers = True
        for number, case in cases:
            if case.notice is None:
                continue
            notice = _settled(case.notice, standings.get(case.notice.reference), self.clock.now())
            if notice.number and is_open(notice) and answers:
                try:
                    notice = _told(notice, await self.desk.notification_status(notice.number), self.clock.now())
                except PortalError as error:
                    answers = isinstance(error, RequestRefused)  # nothing is told of this one
            if notice != case.notice:
                others = self.cases.of([number]).get(number, {})
                self.cases.write(number, (others | {case.cause: replace(case, notice=notice)}).values())


@dataclass(slots=True)
class _Round:
    """One look at everybody, in one transaction."""

    stage: Notifying
    now: datetime
    opened: int

    def looked_at(self, equipment: Equipment, readout: Readout, known: dict[str, Case]) -> list[FaultLine]:
        number, faults = equipment.equipment_number, faults_of(readout.alerts)
        if not faults and not known:
            return []
        if len(faults) > MOST:  # what is not believed does not say either what is gone
            cases = {cause: case for cause, case in known.items() if case.notice and cause not in faults}
        else:
            cases = {cause: self._gone(number, case) for cause, case in known.items() if cause not in faults}
        lines = []
        for cause, fault in sorted(faults.items())[:MOST]:
            reported = sum(is_reported(case.notice) for case in (known | cases).values())
            situation = Situation(self.now, len(faults), reported, self.opened)
            cases[cause] = self._decided(equipment, readout, observed(known.get(cause), fault, self.now), situation)
            lines.append(FaultLine(equipment, cases[cause], self._standing(cases[cause])))
        finished = [case for case in cases.values() if is_finished(case, self.stage.rules, self.now)]
        for case in finished:
            self._closed(number, case)
        self.stage.cases.write(number, [case for case in cases.values() if case not in finished])
        return lines

    def _closed(self, number: str, case: Case) -> None:
        """What is over stands in the way of nothing: the same fault may come back in a year."""
        holder = self.stage.outbox.taken("notification", notification_key(number, case.cause))
        if holder is not None and _is_over(holder, case):
            self.stage.outbox.close(holder.envelope.reference, self.now)

    def _decided(self, equipment: Equipment, readout: Readout, case: Case, situation: Situation) -> Case:
        decision = decide(case, situation, self.stage.rules)
        if not decision.opens:
            return replace(case, reason=decision.reason)
        holder = self.stage.outbox.taken("notification", notification_key(equipment.equipment_number, case.cause))
        if holder is not None and not _is_over(holder, case):
            # The case was lost, and the envelope was not: from now on it is followed again.
            said = message("It is reported already, and what became of that is not known yet.")
            notice = Notice(holder.envelope.reference, holder.envelope.created_at)
            return replace(case, notice=notice, reason=Finding("notification_open", said))
        self.opened += 1
        self._closed(equipment.equipment_number, case)
        return replace(case, notice=self._opened(equipment, readout, case), reason=decision.reason)

    def _opened(self, equipment: Equipment, readout: Readout, case: Case) -> Notice:
        """Puts the notification into the outbox."""
        stage, number = self.stage, equipment.equipment_number
        texts = short_text(case, stage.speak), long_text(case, names_of(equipment, readout), stage.speak)
        envelope = seal_notification(number, case.cause, texts, self.now, stage.source.withhold)
        stage.outbox.put(envelope, None)
        return Notice(envelope.reference, self.now)

    def _gone(self, number: str, case: Case) -> Case:
        """The fault is gone. What the portal has not taken is given up: on the day when a right is unlocked it would
        send a technician for nothing."""
        entry = self.stage.outbox.taken("notification", notification_key(number, case.cause))
        if entry is None or entry.state not in ("parked", "rejected"):
            return vanished(case)
        self.stage.outbox.discard(entry.envelope.reference, GIVEN_UP, self.now)
        return replace(vanished(case), notice=None)

    def _standing(self, case: Case) -> Standing | None:
        if case.notice is None:
            return None
        return self.stage.memory.standings([case.notice.reference]).get(case.notice.reference)


def tells_faults(readout: Readout) -> bool:
    """Whether what is not in its alerts is gone: over IPP alone a printer tells no alert table."""
    return readout.status == "ok" and readout.profile != IPP


def standing_alerts(readout: Readout) -> tuple[Alert, ...]:
    """The alerts that this stage looks at: one of each cause, and one more than is believed at most."""
    return tuple(fault.alert for fault in list(faults_of(readout.alerts).values())[: MOST + 1])


def names_of(equipment: Equipment, readout: Readout) -> list[str]:
    """What a printer's own text may not tell of where it stands and how it is called."""
    identity = readout.identity
    names = (identity.host_name, identity.printer_name, identity.asset_tag, equipment.technical_identification_number)
    return [name for name in (*names, *identity.mac_addresses, readout.endpoint.address) if name]


def _settled(notice: Notice, entry: Standing | None, now: datetime) -> Notice:
    """With what became of the envelope: a number when it was taken, the end when it was given up or is on record no
    more. A rejected one waits for a person."""
    if entry is None or entry.state == "discarded":
        return replace(notice, over_at=now)
    if (entry.state == "rejected") != (notice.status == REJECTED):
        return replace(notice, status=REJECTED if entry.state == "rejected" else "")
    if entry.state == "accepted" and notice.number is None and entry.receipts:
        return replace(notice, number=entry.receipts[0])
    return notice


def _told(notice: Notice, status: str | None, now: datetime) -> Notice:
    """With the portal's word. One that the portal does not show is over: it knows itself whether its cause is free."""
    over = status is None or status == COMPLETED
    return replace(notice, status=status or "", over_at=now if over else None)


def _is_over(holder: Entry, case: Case) -> bool:
    notice = case.notice
    over = notice is not None and notice.reference == holder.envelope.reference and not is_open(notice)
    return over and holder.state == "accepted"

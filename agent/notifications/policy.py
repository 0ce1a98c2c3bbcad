"""When a fault opens a service notification, and why not: pure rules over what was seen, and seen again.

A notification sends a technician on his way. The rules only ever say no; what none of them refuses is opened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent.meters import Finding
from agent.notifications.faults import MOST, Fault, FaultClass
from agent.readout import Alert
from agent.texts import message

UNSEEN_FOR = timedelta(days=2)  # a fault that nobody has looked at for longer may have been mended meanwhile
RAISED_ANEW = 6000  # hundredths of a second by which the time of one and the same alert may differ
LEAST_TIMES = 2
OPENED = "lasting"
UNWANTED = frozenset({"no_class", "class_off", "no_intervention"})
REJECTED = "rejected"  # in place of the portal's status, where it takes the notification never


@dataclass(frozen=True, slots=True)
class NotificationRules:
    """What the key user has set. Nothing is looked at without `classes`.

    `lasting` is how long a fault must stand, `pause` how long nothing is opened for a cause after its last
    notification was completed, at least a day. `max_open_per_equipment` counts notifications of other causes too: a
    technician who comes looks at the whole device. `max_per_day` counts what was opened in the last 24 hours.
    """

    armed: bool
    classes: tuple[FaultClass, ...]
    lasting: timedelta
    pause: timedelta
    max_open_per_equipment: int
    max_per_day: int


@dataclass(frozen=True, slots=True)
class Notice:
    """The notification that was opened last for a case: its envelope's `reference`, the portal's number and status.

    `over_at` is when the agent learnt that it is completed, or nothing any more; None while it is open.
    """

    reference: str
    opened_at: datetime
    number: str | None = None
    status: str = ""
    over_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of one cause at one equipment.

    `since` is when its alert was first seen without a break since, None when it is gone; `times` in how many rounds,
    `seen_at` in which one last. `reason` is why a notification was opened, or was not, when it was looked at last.
    """

    cause: str
    classes: tuple[FaultClass, ...]
    alert: Alert
    since: datetime | None
    seen_at: datetime
    times: int
    notice: Notice | None = None
    reason: Finding | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a case is looked at: `faults` of the same printer at once, how many notifications are open for
    the equipment, and how many were opened in the last 24 hours for all."""

    now: datetime
    faults: int
    open_for_equipment: int
    opened_in_all: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Open a notification, or not, with the reason."""

    opens: bool
    reason: Finding


def observed(case: Case | None, fault: Fault, now: datetime) -> Case:
    """The case after its alert was seen now: it goes on, or begins anew where the alert may have been gone between."""
    notice = case.notice if case else None
    reason = case.reason if case else None
    if case is None or _has_break(case, fault.alert, now):
        return Case(fault.cause, fault.classes, fault.alert, now, now, 1, notice, reason)
    return Case(fault.cause, fault.classes, fault.alert, case.since, now, case.times + 1, notice, reason)


def vanished(case: Case) -> Case:
    """The case after its printer has answered without its alert: over here, whatever becomes of its notification."""
    return replace(case, since=None, times=0, reason=Finding("vanished", message("The printer no longer reports it.")))


def is_finished(case: Case, rules: NotificationRules, now: datetime) -> bool:
    """Whether nothing of a vanished case is needed any more: no notification is open, and no pause runs."""
    return case.since is None and (case.notice is None or not (is_open(case.notice) or _pauses(case, rules, now)))


def is_open(notice: Notice | None) -> bool:
    """Whether a notification stands in the way of another of the same cause."""
    return notice is not None and notice.over_at is None


def is_reported(notice: Notice | None) -> bool:
    """Whether somebody is to come for it, or it is on its way to the portal."""
    return notice is not None and is_open(notice) and notice.status != REJECTED


def matters(case: Case) -> bool:
    """Whether a case is worth telling of: its class may open a notification, or there is one."""
    wanted = case.since is not None and case.reason is not None and case.reason.code not in UNWANTED
    return wanted or is_open(case.notice)


def decide(case: Case, situation: Situation, rules: NotificationRules) -> Decision:
    """What to do about one case whose alert stands."""
    for refusal in (
        _not_believed(case, situation),
        _not_wanted(case, rules),
        _notified(case, situation.now, rules),
        _not_lasting(case, situation.now, rules),
        _capped(situation, rules),
    ):
        if refusal is not None:
            return Decision(False, refusal)
    if not rules.armed:
        said = message("Service notifications are not armed: one would have been opened now.")
        return Decision(False, Finding("dry_run", said))
    said = message("It has stood since {since}, so a service notification was opened.", since=_shown(case.since))
    return Decision(True, Finding(OPENED, said))


def _has_break(case: Case, alert: Alert, now: datetime) -> bool:
    """Whether it cannot be said that the alert stood all the time. A printer that was switched on again counts from
    zero, so that only a later time shows another alert."""
    if case.since is None or not timedelta() <= now - case.seen_at <= UNSEEN_FOR:
        return True
    before, raised = case.alert.raised, alert.raised
    return before is not None and raised is not None and raised > before + RAISED_ANEW


def _not_believed(case: Case, situation: Situation) -> Finding | None:
    if situation.faults > MOST:
        said = message("The printer reports {count} faults at once, which is not believed.", count=situation.faults)
        return Finding("crowd", said)
    if case.alert.training == "no_intervention_required":
        return Finding("no_intervention", message("The printer itself says that nobody has to do anything."))
    return None


def _not_wanted(case: Case, rules: NotificationRules) -> Finding | None:
    if not case.classes:
        return Finding("no_class", message("This kind of alert belongs to no class that can open a notification."))
    if not set(case.classes) & set(rules.classes):
        said = message(
            "Its class {classes} opens no notification; which ones do is said by classes in the section "
            "[service_notifications].",
            classes=", ".join(case.classes),
        )
        return Finding("class_off", said)
    return None


def _notified(case: Case, now: datetime, rules: NotificationRules) -> Finding | None:
    """One at a time, and a pause after it: a technician's mistake is told, but not every day anew by a dozen."""
    notice = case.notice
    if notice is None:
        return None
    name = notice.number or notice.reference[:12]
    if is_open(notice):
        return Finding("notification_open", message("It is reported already: {notification}.", notification=name))
    if _pauses(case, rules, now):
        said = message(
            "{notification} is completed, and the fault is still there or back; another one is opened from {then} on.",
            notification=name,
            then=_shown(notice.over_at + rules.pause if notice.over_at else None),
        )
        return Finding("pause", said)
    return None


def _pauses(case: Case, rules: NotificationRules, now: datetime) -> bool:
    notice = case.notice
    return notice is not None and notice.over_at is not None and now < notice.over_at + rules.pause


def _not_lasting(case: Case, now: datetime, rules: NotificationRules) -> Finding | None:
    if case.times < LEAST_TIMES or case.since is None:
        return Finding("first_sight", message("It was seen for the first time; another round must confirm it."))
    if now - case.since < rules.lasting:
        said = message(
            "It has stood since {since}, not yet for {minutes} minutes.",
            since=_shown(case.since),
            minutes=int(rules.lasting / timedelta(minutes=1)),
        )
        return Finding("not_lasting", said)
    return None


def _capped(situation: Situation, rules: NotificationRules) -> Finding | None:
    if situation.open_for_equipment >= rules.max_open_per_equipment:
        said = message("Another fault of this equipment is reported already; who comes for it looks at this one too.")
        return Finding("equipment_cap", said)
    if situation.opened_in_all >= rules.max_per_day:
        said = message(
            "Held: {count} were opened within 24 hours, which is the limit. If it needs one today, open it in the "
            "portal, or raise max_per_day in the section [service_notifications].",
            count=situation.opened_in_all,
        )
        return Finding("site_cap", said)
    return None


def _shown(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC") if moment else "–"

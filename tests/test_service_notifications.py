"""A lasting fault opens one service notification at a real portal: once, whatever portal, network and agent do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cases import SqlCases
from agent.clock import SystemClock
from agent.errors import PortalUnavailable, RequestRefused
from agent.memory import SqlMemory
from agent.notifications.faults import MOST
from agent.notifications.policy import Case, NotificationRules
from agent.notifying import FaultLine, Notifying
from agent.printers import Endpoint, Equipment, Identity
from agent.readout import Alert, Readout
from agent.store import Store
from agent.texts import message
from agent.upload.courier import Courier, Delivery
from agent.upload.envelope import Accepted, Envelope, Kept, Outcome, Rejected
from agent.upload.outbox import SqlOutbox
from agent.upload.portal import PortalClient
from agent.upload.seal import Source, seal_notification
from tests.agent_world import equipment, lines, worlds
from tests.fleet_process import FleetProcess, printer
from tests.killed import killed_after, needs_fork
from tests.portal_process import PortalProcess
from tests.test_courier import BAD_DAY, HandClock, LedgerPortal, bad_day, number
from tests.test_faults import RULES, fuser
from tests.test_portal_client import NUMBER, SCOPES, answer, ask, connect, problem, start, told

CI = os.environ.get("CI") == "true"
KILLS = int(os.environ.get("KILLS", "60" if CI else "30"))
CAUSE = "prt-alert.10.1.1004"
RIGHTS = [*SCOPES, "notifications:write"]
OPEN_TO_ALL = replace(RULES, lasting=timedelta(), max_open_per_equipment=10_000, max_per_day=10_000_000)


def notification(cause: str, equipment: str = NUMBER) -> Envelope:
    texts = ("Fuser or print unit failed (1004)", "SC 541")
    return seal_notification(equipment, cause, texts, datetime(2026, 11, 24, tzinfo=UTC))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    with start(tmp_path_factory.mktemp("portal")) as process:
        process.admin("PUT", "/admin/scopes", {"scopes": RIGHTS})
        yield process


@pytest.fixture
def portal(running: PortalProcess) -> Iterator[PortalProcess]:
    """The one portal of this file, without faults and with all rights before and after."""
    yield running
    running.faults()
    running.admin("PUT", "/admin/scopes", {"scopes": RIGHTS})


def booked(portal: PortalProcess, reference: str) -> int:
    return sum(one["client_reference"] == reference for one in portal.ledger()["service_notifications"])


def test_opened_and_linked(portal: PortalProcess) -> None:
    """A notification is opened once; another of the same cause is linked to the open one, until that is completed."""
    first, second, third = (notification("linked") for _ in range(3))
    opened = ask(portal, lambda client: client.submit_notification(first, first_try=True))
    assert isinstance(opened, Accepted)
    assert not opened.duplicate
    linked = ask(portal, lambda client: client.submit_notification(second, first_try=True))
    assert linked == Accepted(opened.receipts, duplicate=True)
    (number_,) = opened.receipts
    assert ask(portal, lambda client: client.notification_status(number_)) == "open"
    portal.admin("POST", f"/admin/service-notifications/{number_}/status", {"status": "completed"})
    assert ask(portal, lambda client: client.notification_status(number_)) == "completed"
    again = ask(portal, lambda client: client.submit_notification(third, first_try=True))
    assert isinstance(again, Accepted)
    assert not again.duplicate
    assert [booked(portal, one.reference) for one in (first, second, third)] == [1, 0, 1]
    assert ask(portal, lambda client: client.notification_status("720000999999")) is None


@pytest.mark.parametrize("kind", ["error-after", "cut-after", "truncated", "wrong-json"])
def test_asked_first_after_an_unknown_outcome(portal: PortalProcess, kind: str) -> None:
    """When the answer is lost after it was opened, the portal is asked by reference, and nothing is sent again."""
    envelope = notification(f"lost-{kind}")
    portal.faults({"kind": kind, "path": "/v1/service-notifications", "method": "POST", "next": 1})
    with pytest.raises(PortalUnavailable):
        ask(portal, lambda client: client.submit_notification(envelope, first_try=True))
    # From now on every POST would fail: that it is accepted shows that only the question was sent.
    portal.faults({"kind": "error-before", "path": "/v1/service-notifications", "method": "POST"})
    found = ask(portal, lambda client: client.submit_notification(envelope, first_try=False))
    assert isinstance(found, Accepted)
    assert found.duplicate
    assert booked(portal, envelope.reference) == 1


def test_right_missing(portal: PortalProcess) -> None:
    """A missing right names the area that the key user has to unlock."""
    portal.admin("PUT", "/admin/scopes", {"scopes": SCOPES})
    outcome = ask(portal, lambda client: client.submit_notification(notification("no-right"), first_try=True))
    assert isinstance(outcome, Kept)
    assert outcome.area == "notifications:write"


NO_VERDICT = {
    "redirect": answer("302 Found", b"{}", "Location: /v1/elsewhere"),
    "login page": answer("200 OK", b"<html>Please log in</html>", kind="text/html"),
    "forbidden by a proxy": answer("403 Forbidden", b"<html>Blocked</html>", kind="text/html"),
    "no number": answer("201 Created", b'{"status": "open"}'),
    "broken": problem("500 Internal Server Error", "internal-error"),
    "open, but which": problem("409 Conflict", "idempotency-request-in-progress"),
}


@pytest.mark.parametrize("case", sorted(NO_VERDICT))
def test_no_verdict(portal: PortalProcess, case: str) -> None:
    """Only the portal's own word settles a notification; whatever else comes back leaves it where it is."""
    said = NO_VERDICT[case]
    outcome, heard = told(portal, said, lambda client: client.submit_notification(notification("x"), first_try=True))
    assert isinstance(outcome, PortalUnavailable), outcome
    assert len(heard) == 2  # the token and the notification; nothing followed, nothing sent twice


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (problem("410 Gone", "equipment-decommissioned"), Rejected("equipment-decommissioned", "so it is")),
        (problem("404 Not Found", "equipment-unknown"), Kept("equipment-unknown", "so it is")),
        (problem("403 Forbidden", "contract-inactive"), Kept("contract-inactive", "so it is")),
    ],
)
def test_refused(portal: PortalProcess, said: bytes, expected: Outcome) -> None:
    """What the portal will never take is final, and what has to be unlocked first is kept."""
    assert (
        told(portal, said, lambda client: client.submit_notification(notification("x"), first_try=True))[0] == expected
    )


def seen(*alerts: Alert, status: Any = "ok") -> Readout:
    """What a printer said."""
    identity = Identity(manufacturer="Ricoh", model="IM C3010", host_name="PRN-ANNA")
    return Readout(Endpoint("127.0.0.1", 161), status, datetime.now(UTC), identity, alerts=alerts)


class Desk(LedgerPortal):
    """A portal in memory that opens one notification per cause and equipment, as the contract says."""

    def __init__(self) -> None:
        super().__init__()
        self.notified: dict[str, tuple[str, str, str]] = {}  # number: equipment, cause, status
        self.references: dict[str, str] = {}
        self.refuses: Outcome | None = None

    async def submit_notification(self, envelope: Envelope, *, first_try: bool) -> Outcome:
        self._asked("notification", "notification at once" if first_try else "notification after asking")
        if self.refuses:
            return self.refuses
        content = envelope.content
        key = content["equipment_number"], content["cause"]
        for known, (*theirs, status) in self.notified.items():
            if tuple(theirs) == key and status != "completed":
                return Accepted((known,), duplicate=True)
        made = f"7200000{len(self.notified):05d}"
        self.notified[made] = (*key, "open")
        self.references[made] = envelope.reference
        return Accepted((made,))

    async def notification_status(self, number: str) -> str | None:
        self._asked("notification", f"status of {number}")
        return self.notified[number][2] if number in self.notified else None

    def complete(self, number: str, status: str = "completed") -> None:
        """The service has done its work."""
        self.notified[number] = (*self.notified[number][:2], status)


@dataclass(slots=True)
class Site:
    """The stage and a courier on a real database, a portal in memory, a clock moved by hand."""

    outbox: SqlOutbox
    memory: SqlMemory
    cases: SqlCases
    desk: Desk
    clock: HandClock
    rules: NotificationRules = RULES

    def look(self, *alerts: Alert, equipment: str = "E1", status: str = "ok", minutes: float = 60) -> list[str]:
        """A round after so many minutes, and a delivery: what was decided about each fault."""
        self.clock.at += timedelta(minutes=minutes)
        lines = self.round([(Equipment(equipment), seen(*alerts, status=status))])
        return [line.case.reason.code for line in lines if line.case.reason]

    def round(self, looked: Sequence[tuple[Equipment, Readout]]) -> Sequence[FaultLine]:
        stage = Notifying(self.rules, self.cases, self.outbox, self.memory, self.desk, self.clock, Source("a", "0"))
        lines = asyncio.run(stage.noted(looked))
        self.deliver()
        return stage.settled(lines)

    def deliver(self) -> Delivery:
        clock = self.clock
        courier = Courier(
            self.outbox, self.desk, clock, clock.sleep, chance=lambda: 0.5, ticks=clock.ticks, desk=self.desk
        )
        return asyncio.run(courier.deliver())

    def case(self, equipment: str = "E1") -> Case:
        (known,) = self.cases.of([equipment])[equipment].values()
        return known

    def states(self) -> list[str]:
        return [entry.state for entry in self.memory.entries()]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        yield Site(SqlOutbox(store), SqlMemory(store), SqlCases(store), Desk(), HandClock())


def test_the_life_of_one_notification(site: Site) -> None:
    """Lasting: opened. Still there: not again, in whatever state it is. Completed, still there: again after a pause."""
    assert [site.look(fuser()) for _ in range(3)] == [["first_sight"], ["not_lasting"], ["lasting"]]
    assert site.look(fuser()) == ["notification_open"]
    site.desk.complete("720000000000", "in_process")
    assert site.look(fuser()) == ["notification_open"]
    notice = site.case().notice
    assert notice is not None
    assert (notice.number, notice.status) == ("720000000000", "in_process")
    site.desk.complete("720000000000")
    assert site.look(fuser()) == ["pause"]
    assert site.look(fuser(), minutes=60 * 23) == ["pause"]
    assert site.look(fuser(), minutes=61) == ["lasting"]
    assert list(site.desk.notified.values()) == [("E1", CAUSE, "completed"), ("E1", CAUSE, "open")]


def test_flapping(site: Site) -> None:
    """A fault that comes and goes opens nothing; one that comes back while its notification is open neither."""
    for _ in range(12):
        assert site.look(fuser()) == ["first_sight"]
        assert site.look() == []
    assert site.desk.notified == {}
    for _ in range(3):
        site.look(fuser())
    for _ in range(10):
        site.look()
        for _ in range(3):
            assert site.look(fuser()) == ["notification_open"]
    assert len(site.desk.notified) == 1


def test_silence_says_nothing(site: Site) -> None:
    """A printer that sleeps or answers in part has neither its fault nor none: what was seen before still counts."""
    site.look(fuser())
    assert site.look(status="asleep") == []
    assert site.look(status="partial") == []
    assert site.look(fuser()) == ["lasting"]


def test_off(site: Site) -> None:
    """Without a class nothing is even looked at; without being armed it is told what would have been opened."""
    site.rules = replace(RULES, classes=())
    assert [site.look(fuser()) for _ in range(5)] == [[]] * 5
    site.rules = replace(RULES, armed=False)
    assert [site.look(fuser()) for _ in range(4)][-1] == ["dry_run"]
    assert (site.desk.asked, site.memory.entries()) == ([], [])


def test_caps(site: Site) -> None:
    """One technician per device at a time; beyond the day's limit it is held with the reason, until there is room."""
    site.rules = replace(RULES, max_per_day=2)
    jam = Alert("critical", "jam", "", "media_path", "untrained", "13.1.8")
    for _ in range(3):
        decided = site.look(fuser(), jam)
    assert decided == ["lasting", "equipment_cap"]
    for which in ("E2", "E3"):
        for _ in range(3):
            decided = site.look(fuser(), equipment=which)
    assert decided == ["site_cap"]
    assert len(site.desk.notified) == 2
    assert site.look(fuser(), equipment="E3", minutes=60 * 20) == ["lasting"]


def test_the_limit_holds_within_one_round(site: Site) -> None:
    """A firmware that has every printer of a site report the same at once is no technician for each."""
    site.rules = replace(RULES, max_per_day=2)
    for _ in range(3):
        site.clock.at += timedelta(hours=1)
        lines = site.round([(Equipment(f"E{n}"), seen(fuser())) for n in range(5)])
    assert Counter(line.case.reason.code for line in lines if line.case.reason) == {"lasting": 2, "site_cap": 3}
    assert len(site.desk.notified) == 2


def test_a_crowd_of_faults_opens_nothing(site: Site) -> None:
    """A printer that reports dozens of faults at once is not believed."""
    crowd = [fuser(key=f"10.{row}.1004") for row in range(1, 30)]
    for _ in range(4):
        assert set(site.look(*crowd)) == {"crowd"}
    assert site.desk.notified == {}
    site.desk.locked = {"notification": "notifications:write"}
    for _ in range(3):
        site.look(fuser(), equipment="E2")
    for first in range(100, 2000, 100):
        site.look(*(fuser(key=f"10.{row}.1004") for row in range(first, first + 90)), equipment="E2")
    assert site.states() == ["parked"]  # what is not believed does not say either that a fault is gone
    assert len(site.cases.of(["E2"])["E2"]) <= MOST + 1


def test_parked_and_unlocked(site: Site) -> None:
    """Without the right it waits, and names the area; unlocked a day later it is opened, and only once."""
    site.desk.locked = {"notification": "notifications:write"}
    for _ in range(4):
        site.look(fuser())
    (entry,) = site.memory.entries()
    assert entry.state == "parked"
    assert "notifications:write" in str(entry.reasons[0].message)
    site.desk.locked = {}
    for _ in range(30):
        assert site.look(fuser()) == ["notification_open"]
    assert len(site.desk.notified) == 1


@pytest.mark.parametrize("refusal", [Kept("contract-inactive", "no"), Rejected("equipment-decommissioned", "no")])
def test_given_up_when_the_fault_is_gone(site: Site, refusal: Outcome) -> None:
    """What the portal has not taken is not sent weeks later for a fault that is gone; if it comes back, it is anew."""
    site.desk.refuses = refusal
    for _ in range(4):
        site.look(fuser())
    assert site.states() == ["parked" if isinstance(refusal, Kept) else "rejected"]
    site.look()
    assert site.states() == ["discarded"]
    site.desk.refuses = None
    assert [site.look(fuser()) for _ in range(3)][-1] == ["lasting"]
    assert sorted(site.states()) == ["accepted", "discarded"]


def test_a_rejected_one_waits_for_a_person(site: Site) -> None:
    """It is not tried again by itself, and does not stand in the way of another fault of the device."""
    site.desk.refuses = Rejected("serial-mismatch", "no")
    for _ in range(4):
        decided = site.look(fuser())
    assert decided == ["notification_open"]
    site.desk.refuses = None
    jam = Alert("critical", "jam", "", "media_path", "untrained", "13.1.8")
    for _ in range(3):
        decided = site.look(fuser(), jam)
    assert decided == ["notification_open", "lasting"]
    assert sorted(site.states()) == ["accepted", "rejected"]


def test_linked_to_a_person_s(site: Site) -> None:
    """A person has opened one of that cause: it is linked, followed, and never doubled."""
    site.desk.notified["720000000042"] = ("E1", CAUSE, "open")
    for _ in range(4):
        site.look(fuser())
    notice = site.case().notice
    assert notice is not None
    assert (notice.number, list(site.desk.notified)) == ("720000000042", ["720000000042"])
    site.desk.complete("720000000042")
    assert site.look(fuser()) == ["pause"]


def test_a_number_that_is_refused_holds_up_no_other(site: Site) -> None:
    """The portal tells nothing of one notification: the others are followed all the same."""
    for which in ("E1", "E2"):
        for _ in range(3):
            site.look(fuser(), equipment=which)
    site.desk.complete("720000000001")
    site.desk.failing = [RequestRefused(message("No."), code="equipment-not-assigned")]
    site.look(fuser(), equipment="E3")
    statuses = [known.notice.status for each in ("E1", "E2") if (known := site.case(each)).notice]
    assert statuses == ["open", "completed"]


def test_nothing_remains_of_what_is_over(site: Site) -> None:
    """When fault, notification and pause are over, nothing is kept but the envelope's record."""
    for _ in range(3):
        site.look(fuser())
    site.desk.complete("720000000000")
    site.look()
    site.look(minutes=60 * 25)
    assert site.cases.of(["E1"]) == {}
    assert site.states() == ["accepted"]


def test_the_same_fault_a_year_later(site: Site) -> None:
    """When the one before is long completed, the same fault is reported as if it were the first, without a pause."""
    for _ in range(3):
        site.look(fuser())
    site.desk.complete("720000000000")
    site.look()
    site.look(minutes=60 * 25)
    site.clock.at += timedelta(days=365)
    assert [site.look(fuser()) for _ in range(4)] == [
        ["first_sight"],
        ["not_lasting"],
        ["lasting"],
        ["notification_open"],
    ]
    assert [status for *_, status in site.desk.notified.values()] == ["completed", "open"]


def test_a_lost_case_opens_no_second(site: Site) -> None:
    """If what was known of the case is lost, the slot of its envelope still stands in the way, and it is followed."""
    for _ in range(3):
        site.look(fuser())
    site.cases.write("E1", [])
    decided = [site.look(fuser()) for _ in range(5)]
    assert decided == [["first_sight"], ["not_lasting"], *[["notification_open"]] * 3]
    assert (len(site.desk.notified), len(site.memory.entries())) == (1, 1)
    site.desk.complete("720000000000")
    assert [site.look(fuser()), site.look(fuser(), minutes=60 * 24)] == [["pause"], ["lasting"]]


def test_asked_first_after_a_start(site: Site) -> None:
    """One that has left, with its answer lost, may have arrived: the portal is asked first, by whatever process; one
    that has not left yet is sent at once."""
    clock, desk = site.clock, site.desk
    courier = Courier(site.outbox, desk, clock, clock.sleep, chance=lambda: 0.5, ticks=clock.ticks, desk=desk)
    desk.failing = [PortalUnavailable(message("Not now."))]
    assert site.outbox.put(notification(CAUSE), None)
    for _ in range(2):
        asyncio.run(courier.deliver())
        clock.at += timedelta(minutes=20)
    assert desk.asked == ["notification at once", "notification after asking"]
    assert site.outbox.put(notification("prt-alert.10.2.1004"), None)
    site.deliver()  # by a courier of its own, as after a start
    assert desk.asked[2:] == ["notification at once"]  # it had not left before


def test_ipp_alone_says_nothing(site: Site) -> None:
    """A printer that is silent over SNMP for once and read over IPP does not end its fault: it tells no alert table."""
    site.look(fuser())
    site.clock.at += timedelta(minutes=60)
    site.round([(Equipment("E1"), replace(seen(), profile="ipp-1"))])
    assert site.look(fuser()) == ["lasting"]


def test_the_body_holds_what_the_contract_names(site: Site) -> None:
    """No name of the printer, no address, and with long_text withheld nothing of the printer's own words."""
    for _ in range(3):
        site.look(fuser(description="SC 541 at PRN-ANNA (10.1.2.3)\x07"))
    (entry,) = site.memory.entries()
    content = entry.envelope.content
    assert set(content) == {"client_reference", "equipment_number", "cause", "short_text", "long_text", "priority"}
    assert "SC 541" in content["long_text"]
    for secret in (b"ANNA", b"10.1.2.3", b"\\u0007"):
        assert secret not in entry.envelope.body
    bare = seal_notification("E1", CAUSE, ("a", "b"), site.clock.at, ("long_text",))
    assert "long_text" not in bare.content


FUSER, OTHER_FUSER, JAM = "10.1.1004", "10.2.1004", "13.1.8"
EVENTS = ("lost before", "lost after", "locked", "refused", "complete", "restart", "forget")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["E1", "E1", "E1", "E2"]),
        st.sampled_from([[FUSER], [FUSER], [FUSER], [FUSER, JAM], [OTHER_FUSER], []]),
        st.sampled_from(["critical"] * 7 + ["warning"]),
        st.sampled_from([1, 60, 130, 130, 1500]),
        st.sampled_from(["", "", "", *EVENTS]),
    ),
    min_size=5,
    max_size=40,
)


class CarelessDesk(Desk):
    """A portal that opens whatever comes, without a rule of its own, and loses one answer, before or after that."""

    lost = ""

    async def submit_notification(self, envelope: Envelope, *, first_try: bool) -> Outcome:
        fault, self.lost = self.lost, ""
        known = [number for number, theirs in self.references.items() if theirs == envelope.reference]
        if known and not first_try:
            return Accepted((known[0],), duplicate=True)
        if fault == "lost before":
            raise PortalUnavailable(message("Cut."))
        self._asked("notification", "notification")
        if self.refuses:
            return self.refuses
        number_, content = f"7200000{len(self.notified):05d}", envelope.content
        self.notified[number_] = (content["equipment_number"], content["cause"], "open")
        self.references[number_] = envelope.reference
        if fault == "lost after":
            raise PortalUnavailable(message("Cut."))
        return Accepted((number_,))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of this version, to be copied: making one takes longer than a whole example."""
    file = tmp_path_factory.mktemp("empty") / "a.sqlite"
    Store.open(file, exclusive=True).close()
    return file


def life(file: Path, steps: list[tuple[str, list[str], str, int, str]]) -> int:
    """Plays these steps and holds every one to the laws; how many notifications there were."""
    desk, clock = CarelessDesk(), HandClock()
    rules = replace(RULES, max_open_per_equipment=3, max_per_day=100)
    critical: set[tuple[str, str]] = set()
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(Store.open(file, exclusive=True))
        for which, keys, severity, minutes, event in steps:
            if event == "restart":
                store.close()
                store = stack.enter_context(Store.open(file, exclusive=True))
            desk.lost = event if event.startswith("lost") else ""
            desk.locked = {"notification": "notifications:write"} if event == "locked" else {}
            desk.refuses = Rejected("made-up", "no") if event == "refused" else None
            if event == "complete" and desk.notified:
                desk.complete(list(desk.notified)[-1])
            if severity == "critical":
                critical |= {(which, f"prt-alert.{key}") for key in keys}
            site = Site(SqlOutbox(store), SqlMemory(store), SqlCases(store), desk, clock, rules)
            if event == "forget":
                site.cases.write(which, [])
            alerts = [fuser(severity=severity, key=key, raised=None) for key in keys]
            site.look(*alerts, equipment=which, minutes=minutes)
            opened = Counter(theirs[:2] for theirs in desk.notified.values() if theirs[2] != "completed")
            assert set(opened.values()) <= {1}
            assert len(set(desk.references.values())) == len(desk.references)
            assert {theirs[:2] for theirs in desk.notified.values()} <= critical
    return len(desk.notified)


def test_never_twice(tmp_path_factory: pytest.TempPathFactory, empty: Path) -> None:
    """Whatever comes, goes, is lost and forgotten: per equipment and cause one is open at most, each reference once,
    and none for what was never critical, at a portal that would open any number."""
    lives: list[int] = []

    @settings(max_examples=200)
    @given(steps=STEPS)
    def play(steps: list[tuple[str, list[str], str, int, str]]) -> None:
        lives.append(life(Path(shutil.copy(empty, tmp_path_factory.mktemp("model") / "a.sqlite")), steps))

    play()
    assert sum(opened >= 2 for opened in lives) > len(lives) / 20, "hardly anything was opened, so little was tested"


def test_by_commands(tmp_path: Path) -> None:
    """First said, then armed and opened once; status, explain and outbox tell of it, and of what became of it."""
    ricoh = printer("ricoh", "127.33.1.1", "ricoh_im_c3010")
    with FleetProcess(tmp_path, [ricoh]) as fleet, worlds(tmp_path, fleet.ports["ricoh"]) as make:
        world = make({**equipment("1"), "technical_identification_number": "127.33.1.1"})
        section = {"classes": ["marker"], "lasting_minutes": 0}
        wanted = {f"service_notifications__{name}": value for name, value in section.items()}
        world.configure(discovery__ranges=["127.33.1.1/32"], **wanted)
        said = [world.agent("run", "--once", COLUMNS="250").stdout for _ in range(2)]
        assert "seen for the first time" in said[0]
        assert "one would have been opened now" in said[1]
        assert "one would have been opened now" in world.agent("explain", "1", COLUMNS="250").stdout
        assert world.portal.ledger()["service_notifications"] == []

        armed = {**wanted, "service_notifications__armed": True}
        world.configure(discovery__ranges=["127.33.1.1/32"], **armed)
        for _ in range(2):
            assert world.agent("run", "--once", LC_ALL="de_DE.UTF-8").returncode == 0
        (opened,) = world.portal.ledger()["service_notifications"]
        assert (opened["cause"], opened["short_text"]) == (CAUSE, "Fixier- oder Druckeinheit gestört (1004)")
        number_ = opened["notification_number"]
        for command in (["status"], ["explain", "1"], ["outbox", "list"], ["explain", opened["client_reference"]]):
            assert number_ in world.agent(*command, COLUMNS="250").stdout, command
        assert CAUSE in world.agent("outbox", "show", opened["client_reference"]).stdout
        (told_of,) = lines(world.agent("status", "--json"))[0]["service_notifications"]
        assert (told_of["cause"], told_of["status"]) == (CAUSE, "open")

        world.portal.admin("POST", f"/admin/service-notifications/{number_}/status", {"status": "completed"})
        assert "is completed, and the fault is still there" in world.agent("run", "--once", COLUMNS="250").stdout
        assert len(world.portal.ledger()["service_notifications"]) == 1


def test_a_right_that_is_missing_is_named(tmp_path: Path) -> None:
    """`check` asks for the right where notifications are armed, and a parked one names it in the list."""
    ricoh = printer("ricoh", "127.33.1.2", "ricoh_im_c3010")
    with FleetProcess(tmp_path, [ricoh]) as fleet, worlds(tmp_path, fleet.ports["ricoh"]) as make:
        world = make({**equipment("1"), "technical_identification_number": "127.33.1.2"})
        world.portal.admin("PUT", "/admin/scopes", {"scopes": SCOPES})
        section = {"classes": ["service"], "lasting_minutes": 0, "armed": True}
        wanted = {f"service_notifications__{name}": value for name, value in section.items()}
        world.configure(discovery__ranges=["127.33.1.2/32"], **wanted)
        assert "notifications:write" in world.agent("check").stdout
        for _ in range(2):
            world.agent("run", "--once")
        assert "notifications:write" in world.agent("outbox", "list", COLUMNS="300").stdout
        assert world.agent("status").returncode == 1
        world.portal.admin("PUT", "/admin/scopes", {"scopes": RIGHTS})
        (parked,) = lines(world.agent("outbox", "list", "--state", "parked", "--json"))
        assert parked["kind"] == "notification"
        assert world.agent("outbox", "retry", parked["reference"]).returncode == 0
        world.agent("run", "--once")
        assert len(world.portal.ledger()["service_notifications"]) == 1


Record = Callable[[str, object], None]


def opening(outbox: SqlOutbox, store: Store, clock: Any, equipment: str, key: str) -> str | None:
    """A fault that two rounds see, and the reference of what was opened for it."""
    stage = Notifying(OPEN_TO_ALL, SqlCases(store), outbox, SqlMemory(store), Desk(), clock, Source("a", "0"))
    looked = [(Equipment(equipment), seen(fuser(key=key)))]
    for _ in range(2):
        with_notice = asyncio.run(stage.noted(looked))
    (line,) = with_notice
    return line.case.notice.reference if line.case.notice else None


def counted(portal: PortalProcess) -> dict[str, int]:
    """How often each reference was booked, by the portal's own ledger."""
    return dict(Counter(one["client_reference"] for one in portal.ledger()["service_notifications"]))


def test_bad_day(tmp_path: Path, record_property: Record) -> None:
    """With three of ten requests failing before, after and during the answer, every notification is opened once."""
    with start(tmp_path / "portal") as portal, Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
        portal.admin("PUT", "/admin/scopes", {"scopes": RIGHTS})
        outbox, memory, clock = SqlOutbox(store), SqlMemory(store), HandClock(datetime.now(UTC) - timedelta(days=1))
        references = [opening(outbox, store, clock, number(n % 20), f"10.{n + 1}.1004") for n in range(60)]
        clock.at += timedelta(minutes=1)
        bad_day(portal, 0.3)

        async def until_empty() -> int:
            client = PortalClient(connect(portal, timeout=5.0))
            chance = random.Random(5)
            courier = Courier(
                outbox, client, clock, clock.sleep, chance=chance.random, ticks=clock.ticks, desk=client
            )  # fmt: skip
            try:
                for rounds in range(1, 500):
                    await courier.deliver()
                    if memory.counts() == {"accepted": len(references)}:
                        return rounds
                    clock.at += timedelta(minutes=2)
            finally:
                await client.close()
            raise AssertionError(f"still not empty: {memory.counts()}")

        assert asyncio.run(until_empty()) > 1, "no delivery was cut short, so nothing was tested"
        assert counted(portal) == dict.fromkeys([str(each) for each in references], 1)
        struck = sum(one["struck"] for one in portal.admin("GET", "/admin/faults")["switches"])
        assert struck > len(BAD_DAY)
        record_property("notifications, each opened once", len(references))
        record_property("requests that failed", struck)


def work(file: Path, portal: PortalProcess) -> None:
    """An agent that sees faults and delivers for ever, and says what it has stored."""
    with Store.open(file, exclusive=True) as store:
        outbox, clock = SqlOutbox(store), SystemClock()

        async def deliver() -> None:
            client = PortalClient(connect(portal, timeout=5.0))
            try:
                await Courier(outbox, client, clock, asyncio.sleep, chance=lambda: 0.02, desk=client).deliver()
            finally:
                await client.close()

        while True:
            now = time.time_ns() // 1000
            opened = opening(outbox, store, clock, number(now % 240), f"10.{now // 240 % 65_000 + 1}.1004")
            print(opened, flush=True)  # noqa: T201  what the test listens to
            asyncio.run(deliver())


@needs_fork
def test_kill(tmp_path: Path, record_property: Record) -> None:
    """However often the agent is killed at work, and the portal fails, all that it stored is opened exactly once."""
    file, chance = tmp_path / "a.sqlite", random.Random(3)
    stored: list[str] = []
    with start(tmp_path / "portal") as portal:
        portal.admin("PUT", "/admin/scopes", {"scopes": RIGHTS})
        # Booked, and the answer on its way for a while: a kill must be able to fall in between.
        slow = {"kind": "latency-after", "path": "/v1/", "method": "POST", "seconds": 0.05, "chance": 0.5}
        bad_day(portal, 0.15, slow)
        for _ in range(KILLS):
            stored += killed_after(lambda: work(file, portal), chance.randint(1, 5), chance.uniform(0.0, 0.08))
        portal.faults()
        entries, again = delivered(file, portal)
        assert counted(portal) == dict.fromkeys(entries, 1)
        notified = portal.ledger()["service_notifications"]
    assert set(entries.values()) == {"accepted"}
    assert set(stored) <= set(entries)
    assert len(stored) >= KILLS
    opened = Counter((one["equipment_number"], one["cause"]) for one in notified)
    assert set(opened.values()) == {1}
    assert again > 0, "no kill and no fault fell after a booking"
    record_property("kills", KILLS)
    record_property("notifications stored, each opened once", len(entries))
    record_property("of these asked for again", again)


def delivered(file: Path, portal: PortalProcess) -> tuple[dict[str, str], int]:
    """The state of everything, and how many were booked before, after an agent whom nobody kills has sent the rest."""

    async def all_that_waits(outbox: SqlOutbox) -> Delivery:
        clock = HandClock(datetime.now(UTC) + timedelta(hours=1))
        client = PortalClient(connect(portal))
        try:
            return await Courier(outbox, client, clock, clock.sleep, desk=client).deliver()
        finally:
            await client.close()

    with Store.open(file, exclusive=True) as store:
        assert asyncio.run(all_that_waits(SqlOutbox(store))).trouble is None
        memory = SqlMemory(store)
        entries = memory.entries(limit=1_000_000)
        notes = [str(memory.history(entry.envelope.reference)[-1].note) for entry in entries]
    states = {entry.envelope.reference: entry.state for entry in entries}
    return states, sum("had booked it already" in note for note in notes)

"""Which alerts are faults, when one opens a service notification, and what it says: rules without a network."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.language import Language
from agent.notifications.faults import MOST, FaultClass, classes_of, faults_of
from agent.notifications.policy import (
    UNSEEN_FOR,
    Case,
    Notice,
    NotificationRules,
    Situation,
    decide,
    observed,
    vanished,
)
from agent.notifications.wording import MOST_SAID, MOST_SHORT, TITLES, cleaned, long_text, short_text
from agent.readout import Alert
from agent.snmp.alert_table import MOST as MOST_ROWS
from agent.snmp.alert_table import read_alerts
from agent.snmp.catalogue import shipped
from agent.snmp.varbinds import Tag, Value, Varbinds, oid_of
from agent.snmp.witness import Witness

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALL: tuple[FaultClass, ...] = get_args(FaultClass)
RULES = NotificationRules(True, ALL, timedelta(minutes=120), timedelta(days=1), 1, 5)
TABLE = oid_of("1.3.6.1.2.1.43.18.1.1")
COLUMNS = {"severity": 2, "training": 3, "group": 4, "row": 5, "code": 7, "text": 8, "time": 9}


def fuser(**changes: Any) -> Alert:
    """A fuser that a technician has to look at."""
    return replace(
        Alert("critical", "marker_fuser_thermistor_failure", "SC 541", "marker", "field_service", "10.1.1004", 4000),
        **changes,
    )


def told(*rows: dict[str, int | str]) -> list[Alert]:
    """The alerts of a printer whose table has these rows."""
    answers = {}
    for index, row in enumerate(rows, 1):
        for name, content in row.items():
            value = (
                Value(Tag.OCTET_STRING, content.encode()) if isinstance(content, str) else Value(Tag.INTEGER, content)
            )
            answers[(*TABLE, COLUMNS[name], 1, index)] = value
    profile = shipped().generic
    return read_alerts(profile, Witness(Varbinds(answers), profile.oids))


def case(alert: Alert, *moments: datetime) -> Case:
    """The case of this alert after it was seen at these moments."""
    (fault,) = faults_of([alert]).values()
    known: Case | None = None
    for moment in moments:
        known = observed(known, fault, moment)
    assert known is not None
    return known


def decided(known: Case, now: datetime, rules: NotificationRules = RULES, **situation: int) -> tuple[bool, str]:
    facts = {"faults": 1, "open_for_equipment": 0, "opened_in_all": 0, **situation}
    decision = decide(known, Situation(now=now, **facts), rules)
    return decision.opens, decision.reason.code


def test_an_alert_has_the_same_cause_in_every_language():
    """Group, row and code make the cause; text, time and place in the table do not."""
    german = {
        "severity": 3,
        "training": 5,
        "group": 10,
        "row": 1,
        "code": 1004,
        "text": "Fixiereinheit gestört",
        "time": 5,
    }
    english = {**german, "text": "Fuser failure", "time": 99}
    (cause,) = faults_of(told(german))
    assert cause == "prt-alert.10.1.1004"
    assert list(faults_of(told({"severity": 4, "code": 807, "group": 8, "row": 2}, english))) == [cause]
    assert list(faults_of(told({**german, "row": -1}))) == ["prt-alert.10.1004"]
    assert list(faults_of(told({**german, "row": 2}))) == ["prt-alert.10.2.1004"]


@pytest.mark.parametrize("severity", [0, 1, 2, 4, 5, 6, -1, 2**31 - 1])
def test_only_critical_is_a_fault(severity: int):
    """A warning, and what no standard knows, is no fault, whatever its code."""
    assert faults_of(told({"severity": severity, "training": 5, "group": 10, "row": 1, "code": 1004})) == {}


@pytest.mark.parametrize(
    ("group", "code", "training", "classes"),
    [
        ("media_path", "jam", "untrained", ("jam",)),
        ("cover", "cover_open", "untrained", ("cover",)),
        ("general_printer", "interlock_open", "trained", ("cover",)),
        ("input", "input_media_supply_empty", "untrained", ("media",)),
        ("input", "subunit_empty", "untrained", ("media",)),
        ("output", "output_media_tray_full", "untrained", ("media",)),
        ("marker_supplies", "marker_toner_empty", "trained", ("supply",)),
        ("marker_supplies", "subunit_missing", "trained", ("supply",)),
        ("marker", "subunit_life_over", "trained", ("supply",)),
        ("marker", "marker_fuser_over_temperature", "field_service", ("marker", "service")),
        ("marker", "subunit_unrecoverable_failure", "other", ("marker",)),
        ("input", "input_tray_elevation_failure", "trained", ("subunit",)),
        ("finisher_device", "subunit_motor_failure", "field_service", ("subunit", "service")),
        ("marker", "subunit_missing", "trained", ("subunit",)),
        ("general_printer", "other", "field_service", ("service",)),
        ("general_printer", "other", "trained", ()),
        ("general_printer", "configuration_change", "management", ()),
    ],
)
def test_classes(group: str, code: str, training: str, classes: tuple[str, ...]):
    """A class says what a key user decides by: what he mends himself, and what he calls somebody for."""
    assert classes_of(Alert("critical", code, "", group, training, "1.1")) == classes


def test_hostile_rows_are_bounded():
    """Thousands of rows, absurd codes, huge texts and negative times end in few faults under standard keys."""
    rows = [{"severity": 3, "group": 10, "row": 1, "code": n, "time": -n, "text": "x" * 4000} for n in range(2000)]
    alerts = told(*rows)
    assert len(alerts) == MOST_ROWS
    assert {alert.raised for alert in alerts} == {None}
    odd = told(
        {"severity": 3, "group": 10, "row": 2**31 - 1, "code": 1004},
        {"severity": 3, "group": 2**31 - 1, "row": 1, "code": 1004},
        {"severity": 3, "group": 10, "row": 1, "code": 2**31 - 1},
        {"severity": 3, "text": "nothing else"},
    )
    assert list(faults_of(odd)) == ["prt-alert.10.1004"]


@given(st.lists(st.dictionaries(st.sampled_from(sorted(COLUMNS)), st.integers(-(2**31), 2**31 - 1)), max_size=20))
def test_every_cause_is_a_key_of_the_contract(rows: list[dict[str, int | str]]):
    """Whatever numbers stand in the table, a cause has at most 40 small letters, digits, dots and hyphens."""
    for cause in faults_of(told(*rows)):
        assert len(cause) <= 40
        assert cause.replace(".", "").replace("-", "").isalnum()
        assert cause == cause.lower()


def test_the_life_of_one_fault():
    """Seen once: not yet. Seen again too soon: not yet. It has stood for two hours: opened."""
    assert decided(case(fuser(), NOON), NOON) == (False, "first_sight")
    soon = NOON + timedelta(minutes=60)
    assert decided(case(fuser(), NOON, soon), soon) == (False, "not_lasting")
    later = NOON + timedelta(minutes=120)
    assert decided(case(fuser(), NOON, soon, later), later) == (True, "lasting")


def test_a_break_begins_anew():
    """Gone and back, raised anew between two looks, or unseen for days: the two hours begin anew."""
    later = NOON + timedelta(hours=3)
    (fault,) = faults_of([fuser()]).values()
    back = observed(vanished(case(fuser(), NOON)), fault, later)
    assert decided(back, later) == (False, "first_sight")
    (anew,) = faults_of([fuser(raised=4000 + 60 * 60 * 100)]).values()
    assert decided(observed(case(fuser(), NOON), anew, later), later) == (False, "first_sight")
    unseen = NOON + UNSEEN_FOR + timedelta(minutes=1)
    assert decided(case(fuser(), NOON, unseen), unseen) == (False, "first_sight")


def test_a_printer_that_was_switched_on_again_still_has_its_fault():
    """The clock of the printer counts from zero: an earlier time is the same fault."""
    later = NOON + timedelta(hours=3)
    (after_start,) = faults_of([fuser(raised=300)]).values()
    assert decided(observed(case(fuser(), NOON), after_start, later), later) == (True, "lasting")


def test_why_nothing_is_opened():
    """Every refusal has its reason: no class, a class that is off, caps, what is open, the pause, not armed."""
    later = NOON + timedelta(hours=3)
    lasting = case(fuser(), NOON, later)
    nameless = case(fuser(code="other", training="trained", key="5.1"), NOON, later)
    assert decided(nameless, later) == (False, "no_class")
    assert decided(lasting, later, replace(RULES, classes=("jam", "cover"))) == (False, "class_off")
    assert decided(lasting, later, replace(RULES, classes=("service",))) == (True, "lasting")
    assert decided(lasting, later, faults=MOST + 1) == (False, "crowd")
    assert decided(lasting, later, open_for_equipment=1) == (False, "equipment_cap")
    assert decided(lasting, later, opened_in_all=5) == (False, "site_cap")
    assert decided(lasting, later, replace(RULES, armed=False)) == (False, "dry_run")
    nobody = case(fuser(training="no_intervention_required"), NOON, later)
    assert decided(nobody, later) == (False, "no_intervention")
    reported = replace(lasting, notice=Notice("r", NOON, "720000000001", "in_process"))
    assert decided(reported, later) == (False, "notification_open")
    done = replace(reported, notice=Notice("r", NOON, "720000000001", "completed", later))
    assert decided(done, later) == (False, "pause")
    assert decided(done, later + timedelta(hours=23)) == (False, "pause")
    assert decided(done, later + timedelta(days=1)) == (True, "lasting")


def test_what_it_says_is_bounded_and_names_nobody():
    """Control characters, addresses, numbers of people and the names of the printer do not leave with its text."""
    text = (
        "Fuser\x1b[2J error\r\nSC541 \u202e call +49 511 123456 or 0511 / 99887766, mail anna.mueller@example.com, "
        "see http://10.1.2.3/status at 192.168.1.77 (00:20:6b:5a:17:c2, fe80::220:6bff:fe5a:17c2) \\\\server\\queue "
        "PRN-Anna"
    )
    said = cleaned(text, ["prn-anna", "x"])
    for secret in (
        "\x1b",
        "\n",
        "\u202e",
        "123456",
        "99887766",
        "mueller",
        "10.1.2.3",
        "192.168",
        "6b",
        "fe80",
        "server",
    ):
        assert secret not in said.lower()
    assert "anna" not in said.lower()
    assert said.startswith("Fuser")
    assert "SC541" in said
    assert len(cleaned("y" * 100_000, [])) == MOST_SAID


@pytest.mark.parametrize("language", ["de", "en"])
def test_titles_are_not_cut(language: Literal["de", "en"]):
    """In either language the kind of fault and its code fit into the short text."""
    for name, title in TITLES.items():
        known = case(fuser(code="jam" if name == "jam" else "other"), NOON)
        short = short_text(replace(known, classes=(name,)), Language(language).show)
        assert short.startswith(Language(language).show(title))
        assert short.endswith("(1004)")


@given(
    text=st.text(max_size=500),
    names=st.lists(st.text(max_size=20), max_size=3),
    code=st.text(max_size=80),
    training=st.text(max_size=20),
)
def test_texts_always_fit_the_contract(text: str, names: list[str], code: str, training: str):
    """Whatever the printer says, the short text has 1 to 40 characters, the long one 4000, none to control with."""
    known = case(fuser(description=text, code=code, training=training), NOON, NOON)
    short, long = short_text(known, str), long_text(known, names, str)
    assert 1 <= len(short) <= MOST_SHORT
    assert len(long) <= 4000
    assert all(character.isprintable() or character == "\n" or not character.isascii() for character in short + long)


MOVES = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 30, 60, 119, 120, 1440, 5000]),  # minutes until the next look
        st.sampled_from(["critical", "warning", "other", "gone"]),
        st.sampled_from(["open", "completed"]),
    ),
    max_size=30,
)


@given(moves=MOVES, armed=st.booleans(), classes=st.sampled_from([(), ("jam",), ("marker",), ALL]))
def test_the_laws(moves: list[tuple[int, str, str]], armed: bool, classes: tuple[FaultClass, ...]):
    """Never from a warning, never when off, never from one sight, never twice open, never within a day of the end."""
    rules = replace(RULES, armed=armed, classes=classes)
    now, known, ended = NOON, None, None
    stood: list[datetime] = []  # looks at which it was critical, without a break
    for minutes, severity, status in moves:
        now += timedelta(minutes=minutes)
        if known and known.notice and known.notice.over_at is None and status == "completed":
            known, ended = replace(known, notice=replace(known.notice, over_at=now)), now
        fault = faults_of([] if severity == "gone" else [fuser(severity=severity)])
        if not fault:
            known, stood = (vanished(known) if known else None), []
            continue
        known = observed(known, fault["prt-alert.10.1.1004"], now)
        stood.append(now)
        decision = decide(known, Situation(now, 1, 0, 0), rules)
        if decision.opens:
            assert severity == "critical"
            assert armed
            assert set(classes) & {"marker", "service"}
            assert len(stood) >= 2
            assert now - stood[0] >= rules.lasting
            assert known.notice is None or known.notice.over_at is not None
            assert ended is None or now - ended >= rules.pause
            known = replace(known, notice=Notice("r", now))

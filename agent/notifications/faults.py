"""Alerts into faults: what stops a printer, under a key that is the same in every round and every language.

A fault is a critical alert of prtAlertTable (RFC 3805 section 2.2.14). Its classes are what a key user decides by; they
follow from group, code (PrtAlertGroupTC, PrtAlertCodeTC of the IANA-PRINTER-MIB) and training level.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from agent.readout import Alert

FaultClass = Literal["jam", "cover", "media", "supply", "marker", "subunit", "service"]
MOST = 20  # faults at once that are believed of one printer
CRITICAL = "critical"
FIELD_SERVICE = "field_service"

SUPPLY_GROUPS = frozenset({"marker_supplies", "marker_colorant", "finisher_supply"})
PAPER_GROUPS = frozenset({"input", "output", "media_path", "finisher_device", "finisher_supply_media_input"})
SUPPLIES = (
    "marker_toner_",
    "marker_ink_",
    "marker_print_ribbon_",
    "marker_waste_",
    "marker_opc_",
    "marker_developer_",
)
# Of a tray, a supply or anything else: what it is about is said by the group.
USED_UP = frozenset(
    {
        "subunit_missing",
        "subunit_life_almost_over",
        "subunit_life_over",
        "subunit_almost_empty",
        "subunit_empty",
        "subunit_almost_full",
        "subunit_full",
        "subunit_near_limit",
        "subunit_at_limit",
        "subunit_removed",
    }
)
OPEN = frozenset({"cover_open", "interlock_open", "door_open", "subunit_opened"})
BROKEN_TRAYS = frozenset(
    {"input_tray_position_failure", "input_tray_elevation_failure", "output_mailbox_select_failure"}
)
FAILED = frozenset(
    {
        "subunit_recoverable_failure",
        "subunit_unrecoverable_failure",
        "subunit_recoverable_storage_error",
        "subunit_unrecoverable_storage_error",
        "subunit_motor_failure",
        "subunit_under_temperature",
        "subunit_over_temperature",
        "subunit_timing_failure",
        "subunit_thermistor_failure",
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One critical alert under its `cause`; several `classes` where several fit, none where none does."""

    cause: str
    classes: tuple[FaultClass, ...]
    alert: Alert


def faults_of(alerts: Iterable[Alert]) -> dict[str, Fault]:
    """The faults by cause. A warning is none, and neither is what has no place in the alert table.

    Of several alerts with one cause it is the one that was raised first.
    """
    found: dict[str, Fault] = {}
    for alert in alerts:
        if alert.severity != CRITICAL or not alert.key:
            continue
        cause = f"prt-alert.{alert.key}"
        if cause not in found or _earlier(alert, found[cause].alert):
            found[cause] = Fault(cause, classes_of(alert), alert)
    return found


def classes_of(alert: Alert) -> tuple[FaultClass, ...]:
    """What kind of fault an alert tells, the most telling class first."""
    by_code = _class_by_code(alert)
    service: tuple[FaultClass, ...] = ("service",) if alert.training == FIELD_SERVICE else ()
    return (by_code, *service) if by_code else service


def _class_by_code(alert: Alert) -> FaultClass | None:
    code, group = alert.code, alert.group
    if code == "jam":
        return "jam"
    if code in OPEN:
        return "cover"
    if code in USED_UP:
        return _used_up(group, code)
    if code in FAILED or code in BROKEN_TRAYS:
        return "marker" if group == "marker" else "subunit"
    if code.startswith("marker_fuser_"):
        return "marker"
    if code.startswith(SUPPLIES):
        return "supply"
    return "media" if code.startswith(("input_", "output_", "media_path_")) else None


def _used_up(group: str, code: str) -> FaultClass:
    """Paper, or a supply; what is missing elsewhere is a part of the device, what has reached its end a supply."""
    if group in PAPER_GROUPS:
        return "media"
    return "subunit" if code in ("subunit_missing", "subunit_removed") and group not in SUPPLY_GROUPS else "supply"


def _earlier(one: Alert, other: Alert) -> bool:
    return one.raised is not None and (other.raised is None or one.raised < other.raised)

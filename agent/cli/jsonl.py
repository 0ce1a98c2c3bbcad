"""The stable JSON of the command line: one object per printer, equipment or entry, nothing else on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from agent.evidence import Evidence
from agent.matching import Matched, Refused
from agent.meters import Counter, Finding
from agent.nearest import Candidate
from agent.notifications.policy import Case
from agent.printers import Identity, Printer
from agent.readout import Alert, Readout
from agent.supplies.levels import Level, Supply
from agent.upload.envelope import Entry
from agent.upload.seal import timestamp


def emit(value: Mapping[str, Any]) -> None:
    """One line of JSON on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def identity_json(identity: Identity) -> dict[str, Any]:
    """`identity` of a read object; what the device does not tell is null."""
    return {
        "manufacturer": identity.manufacturer,
        "model": identity.model,
        "serial_number": identity.serial_number,
        "host_name": identity.host_name,
        "printer_name": identity.printer_name,
        "asset_tag": identity.asset_tag,
        "firmware": identity.firmware,
        "mac_addresses": list(identity.mac_addresses),
        "sys_object_id": identity.sys_object_id,
    }


def readout_json(target: str, readout: Readout) -> dict[str, Any]:
    """A `read` object."""
    return {
        "target": target,
        "status": readout.status,
        "identity": identity_json(readout.identity),
        "counters": [_counter_json(counter) for counter in readout.counters],
        "supplies": [_supply_json(supply) for supply in readout.supplies],
        "alerts": [_alert_json(alert) for alert in readout.alerts],
        "findings": findings_json(readout.findings),
        "datagrams": readout.datagrams,
    }


def _counter_json(counter: Counter) -> dict[str, Any]:
    return {
        "meter": counter.meter,
        "service": counter.service,
        "color": counter.color,
        "size": counter.size,
        "unit": counter.unit,
        "value": counter.value,
        "source": counter.source,
        "profile": counter.profile,
    }


def _supply_json(supply: Supply) -> dict[str, Any]:
    return {
        "slot": supply.slot,
        "type": supply.type,
        "class": supply.supply_class,
        "colorant": supply.colorant,
        "description": supply.description,
        "part_number": supply.part_number,
        "serial_number": supply.serial_number,
        "capacity": supply.capacity,
        "unit": supply.unit,
        "level": _level_json(supply.level),
        "source": supply.source,
    }


def _level_json(level: Level) -> dict[str, Any]:
    return {"kind": level.kind, "percent": level.percent, "low": level.low, "high": level.high}


def _alert_json(alert: Alert) -> dict[str, str]:
    return {
        "severity": alert.severity,
        "code": alert.code,
        "description": alert.description,
        "group": alert.group,
        "training": alert.training,
    }


def findings_json(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Findings with their stable code and an English sentence."""
    return [{"code": finding.code, "detail": str(finding.message)} for finding in findings]


def printer_json(printer: Printer) -> dict[str, Any]:
    """A `discover` object."""
    return {
        "target": str(printer.endpoint),
        "identity": identity_json(printer.identity),
        "names": list(printer.names),
        "sightings": [
            {"address": str(sighting.endpoint), "how": sighting.how, "name": sighting.name, "said": sighting.said}
            for sighting in printer.sightings
        ],
        "joined": [{"address": str(one.endpoint), "rule": one.rule, "what": one.what} for one in printer.joined],
    }


def match_json(outcome: Matched | Refused) -> dict[str, Any]:
    """A `match` object: one equipment and the printer it is, or why there is none."""
    equipment = outcome.equipment
    start = {
        "equipment_number": equipment.equipment_number,
        "technical_identification_number": equipment.technical_identification_number,
    }
    if isinstance(outcome, Matched):
        evidence = [_evidence_json(item) for item in outcome.evidence]
        place, changes = str(outcome.printer.endpoint), [str(change) for change in outcome.changes]
        return {**start, "outcome": "matched", "target": place, "evidence": evidence, "changes": changes}
    detail, remedy = str(outcome.reason.message), str(outcome.remedy) if outcome.remedy else None
    candidates = [_candidate_json(one) for one in outcome.candidates]
    return {
        **start,
        "outcome": outcome.code,
        "target": None,
        "detail": detail,
        "remedy": remedy,
        "candidates": candidates,
    }


def _candidate_json(candidate: Candidate) -> dict[str, str | None]:
    return {
        "target": str(candidate.printer.endpoint),
        "detail": str(candidate.why) if candidate.why else None,
        "remedy": str(candidate.remedy) if candidate.remedy else None,
    }


def _evidence_json(evidence: Evidence) -> dict[str, str]:
    return {"rule": evidence.rule, "portal": evidence.portal, "device": evidence.device}


def case_json(equipment_number: str, case: Case) -> dict[str, Any]:
    """A fault and its service notification, as `status` lists them."""
    notice = case.notice
    return {
        "equipment_number": equipment_number,
        "cause": case.cause,
        "classes": list(case.classes),
        "alert": case.alert.code,
        "since": timestamp(case.since) if case.since else None,
        "code": case.reason.code if case.reason else None,
        "detail": str(case.reason.message) if case.reason else None,
        "reference": notice.reference if notice else None,
        "notification_number": notice.number if notice else None,
        "status": (notice.status or None) if notice else None,
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    """An `outbox list` object: what waits for the portal or has its answer."""
    envelope = entry.envelope
    return {
        "reference": envelope.reference,
        "kind": envelope.kind,
        "equipment_number": envelope.equipment_number,
        "state": entry.state,
        "created_at": timestamp(envelope.created_at),
        "attempts": entry.attempts,
        "not_before": timestamp(entry.not_before) if entry.not_before else None,
        "receipts": list(entry.receipts),
        "reasons": findings_json(entry.reasons),
    }

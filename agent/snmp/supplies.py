"""Supplies and alerts from the Printer-MIB's tables (RFC 3805 sections 2.2.13 and 2.2.14)."""

from __future__ import annotations

from typing import cast

from agent.meters import Finding
from agent.readout import Alert
from agent.snmp.profile import Profile
from agent.snmp.varbinds import Oid
from agent.snmp.witness import Witness
from agent.supplies.levels import Supply, SupplyClass, level_of
from agent.texts import message

RECEPTACLES = frozenset({"waste_toner", "waste_ink", "waste_wax", "waste_water", "waste_paper"})
UNNAMED_COLORANTS = frozenset({"", "none", "other", "unknown"})


def read_supplies(profile: Profile, witness: Witness) -> tuple[list[Supply], list[Finding]]:
    """Every row of prtMarkerSuppliesTable that has a level or a name, with its colorant joined in."""
    names = ("Level", "Description", "MaxCapacity", "ColorantIndex", "Class", "Type", "SupplyUnit")
    columns = {name: witness.numbers(f"prtMarkerSupplies{name}") for name in names if name != "Description"}
    descriptions = witness.texts("prtMarkerSuppliesDescription")
    colorants = witness.texts("prtMarkerColorantValue")
    supplies: list[Supply] = []
    findings: list[Finding] = []
    for index in sorted({*columns["Level"], *descriptions}):
        row = {name: column.get(index) for name, column in columns.items()}
        supply = _supply(profile, index, row, descriptions.get(index), colorants, witness)
        supplies.append(supply)
        findings += _oddities(supply, row["Level"], row["MaxCapacity"])
    return supplies, findings


def _supply(
    profile: Profile,
    index: Oid,
    row: dict[str, int | None],
    description: str | None,
    colorants: dict[Oid, str],
    witness: Witness,
) -> Supply:
    words = profile.words
    kind = words.supply_type.get(row["Type"] or 0, "unknown")
    unit = words.supply_unit.get(row["SupplyUnit"] or 0)
    fallback = "receptacle" if kind in RECEPTACLES else "consumed"
    slot = ".".join(map(str, index))
    return Supply(
        slot=slot,
        type=kind,
        supply_class=cast("SupplyClass", words.supply_class.get(row["Class"] or 0, fallback)),
        colorant=_colorant(colorants, index, row["ColorantIndex"]),
        description=description,
        level=level_of(row["Level"], row["MaxCapacity"], unit),
        capacity=row["MaxCapacity"] if (row["MaxCapacity"] or 0) > 0 else None,
        unit=unit,
        source=f"{witness.oid_text('prtMarkerSuppliesLevel')}.{slot}",
    )


def _colorant(colorants: dict[Oid, str], index: Oid, number: int | None) -> str | None:
    """The value of the colorant row that the supply points to (index: hrDeviceIndex, prtMarkerColorantIndex)."""
    name = colorants.get((index[0], number), "").lower() if number else ""
    return None if name in UNNAMED_COLORANTS else name


def _oddities(supply: Supply, level: int | None, capacity: int | None) -> list[Finding]:
    if supply.level.kind != "unknown" or level is None or level < 0:
        return []
    if capacity is not None and 0 < capacity < level:
        said = message(
            "Supply {slot} reports {level} of {capacity}: more than fits, so its level counts as unknown.",
            slot=supply.slot,
            level=level,
            capacity=capacity,
        )
        return [Finding("level_above_capacity", said)]
    said = message(
        "Supply {slot} reports {level} of an unknown capacity, so its level counts as unknown.",
        slot=supply.slot,
        level=level,
    )
    return [Finding("capacity_unknown", said)]


def read_alerts(profile: Profile, witness: Witness) -> list[Alert]:
    """The rows of prtAlertTable that have a description or a code."""
    severities = witness.numbers("prtAlertSeverityLevel")
    codes = witness.numbers("prtAlertCode")
    texts = witness.texts("prtAlertDescription")
    return [
        Alert(
            severity=profile.words.alert_severity.get(severities.get(index, 0), "other"),
            code=str(codes.get(index, "")),
            description=texts.get(index, ""),
        )
        for index in sorted({*codes, *texts})
    ]

"""Supplies and alerts over IPP: printer-supply and printer-alert (PWG 5100.13), and the marker attributes of CUPS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from agent.ipp.witness import Witness
from agent.meters import Finding
from agent.readout import Alert
from agent.snmp.profile import Profile
from agent.snmp.supplies import RECEPTACLES
from agent.supplies.levels import EMPTY, UNKNOWN, Level, Supply, SupplyClass, level_of
from agent.texts import message

UNNAMED = frozenset({"", "none", "other", "unknown"})  # PrtMarkerColorantValue keywords that name no colour
SAME_PERCENT = 1.0  # printers round the two statements of one level differently
CLASSES = {"supplythatisconsumed": "consumed", "receptaclethatisfilled": "receptacle", "other": "other"}
COLORANTS = {"#000000": "black", "#00FFFF": "cyan", "#FF00FF": "magenta", "#FFFF00": "yellow"}
EMPTY_REASON = re.compile(r"(toner|marker-supply|marker-ink|ink)-empty(-error|-warning|-report)?")
SEVERITIES = {"error": "critical", "warning": "warning", "report": "other"}
_SERIAL = re.compile(r"(?:\bS/?N|_S/N)[ _]{0,3}:?[ _]{0,3}([A-Z0-9][A-Z0-9-]{5,40})\b", re.I)
_LABEL = re.compile(r"printer-alert-description\[\d+\] = '(.*)'")  # Xerox sends the label with the text


@dataclass(frozen=True, slots=True)
class Marker:
    """One place of the marker attributes; CUPS: levels in percent, -1 and -2 unknown, -3 some left."""

    name: str
    type: str
    colorant: str | None
    level: Level
    source: str


def read_supplies(profile: Profile, witness: Witness) -> tuple[list[Supply], list[Finding]]:
    """Every supply that the printer names, by printer-supply, joined with the marker attributes by type and colour."""
    kinds = frozenset(profile.words.supply_type.values())
    markers, odd = _markers(kinds, witness)
    rows = witness.texts("printer-supply")
    if any("=" in row for row in rows):
        listed = [_listed(profile, kinds, place, _pairs(row)) for place, row in enumerate(rows)]
        supplies, disputes = _joined(_described(_numbered(listed, rows), witness), markers)
        odd += disputes
    else:
        supplies = [_alone(place, marker) for place, marker in enumerate(markers, 1)]
    return _emptied(supplies, witness), odd


def _listed(profile: Profile, kinds: frozenset[str], place: int, keys: Mapping[str, str]) -> Supply:
    """One printer-supply: `type=…;maxcapacity=…;level=…;class=…;unit=…;colorantname=…;`, the keywords of RFC 3805."""
    kind = _kind(keys.get("type", ""), kinds)
    fallback = "receptacle" if kind in RECEPTACLES else "consumed"
    unit = _snake(keys["unit"]) if "unit" in keys else None
    capacity = _integer(keys.get("maxcapacity"))
    return Supply(
        slot=f"ipp.{place + 1}",
        type=kind,
        supply_class=cast("SupplyClass", CLASSES.get(keys.get("class", "").lower(), fallback)),
        colorant=_named(keys.get("colorantname", "")),
        description=None,
        level=level_of(_integer(keys.get("level")), capacity, unit),
        capacity=capacity if capacity and capacity > 0 else None,
        unit=unit if unit in profile.words.supply_unit.values() else None,
        source=f"ipp:printer-supply[{place}]",
    )


def _numbered(supplies: list[Supply], rows: Sequence[str]) -> list[Supply]:
    """With the printer's own numbers (`index=`) as slots, where every row has one and no two the same."""
    numbers = [_integer(_pairs(row).get("index")) for row in rows]
    if None in numbers or len(set(numbers)) < len(numbers):
        return supplies
    return [replace(supply, slot=f"ipp.{number}") for supply, number in zip(supplies, numbers, strict=True)]


def _described(supplies: list[Supply], witness: Witness) -> list[Supply]:
    """With their descriptions, where there are as many as supplies: then they go together by place (PWG 5100.13)."""
    texts = witness.texts("printer-supply-description")
    if len(texts) != len(supplies):
        return supplies
    return [_named_by(supply, text or None) for supply, text in zip(supplies, texts, strict=True)]


def _joined(supplies: list[Supply], markers: Sequence[Marker]) -> tuple[list[Supply], list[Finding]]:
    """The two lists may be in different orders: they meet by type and colour, and only where that is unambiguous."""
    joined: list[Supply] = []
    findings: list[Finding] = []
    for supply in supplies:
        twins = [other for other in supplies if _key(other) == _key(supply)]
        fitting = [marker for marker in markers if (marker.type, marker.colorant) == _key(supply)]
        if len(fitting) != 1 or len(twins) != 1:
            joined.append(supply)
            continue
        joined.append(_with_marker(supply, fitting[0]))
        if _contradicts(supply.level, fitting[0].level):
            findings.append(_dispute(supply, fitting[0]))
    return joined, findings


def _with_marker(supply: Supply, marker: Marker) -> Supply:
    """The supply with what only its marker tells; two levels that contradict each other make an unknown one."""
    named = supply if supply.description else _named_by(supply, marker.name or None)
    if _contradicts(supply.level, marker.level):
        return replace(named, level=UNKNOWN)
    if supply.level.kind == "unknown":
        return replace(named, level=marker.level, source=f"{supply.source}+{marker.source}")
    return named


def _key(supply: Supply) -> tuple[str, str | None]:
    return supply.type, supply.colorant


def _contradicts(one: Level, other: Level) -> bool:
    if one.percent is None or other.percent is None:
        return False
    return abs(one.percent - other.percent) > SAME_PERCENT


def _dispute(supply: Supply, marker: Marker) -> Finding:
    said = message(
        "Supply {slot} has {one} percent by printer-supply and {other} percent by marker-levels: it counts as unknown.",
        slot=supply.slot,
        one=f"{supply.level.percent:g}",
        other=f"{marker.level.percent:g}",
    )
    return Finding("supply_levels_differ", said)


def _markers(kinds: frozenset[str], witness: Witness) -> tuple[list[Marker], list[Finding]]:
    """The marker attributes, which go together by place; where their numbers differ, none of them can be believed."""
    names, types, colors = (witness.texts(f"marker-{part}") for part in ("names", "types", "colors"))
    levels = witness.numbers("marker-levels")
    count = max(len(names), len(types), len(colors), len(levels))
    if any(len(part) not in (0, count) for part in (names, types, colors, levels)):
        return [], [Finding("odd_answers", message("The printer's marker attributes do not fit together."))]
    markers = []
    for place in range(count):
        kind = _kind(types[place], kinds) if types else "unknown"
        level = _marker_level(levels[place] if levels else None, kind)
        name = names[place] if names else ""
        color = _color(colors[place] if colors else "", name)
        markers.append(Marker(name, kind, color, level, f"ipp:marker-levels[{place}]" if count > 1 else MARKER_LEVELS))
    return markers, []


MARKER_LEVELS = "ipp:marker-levels"


def _marker_level(level: int | None, kind: str) -> Level:
    """The level in percent. Of a waste box makers mean either what is in it or what still fits: that stays unknown."""
    if level is None or level == -1 or kind in RECEPTACLES:
        return UNKNOWN
    return level_of(level, 100, "percent")


def _alone(place: int, marker: Marker) -> Supply:
    receptacle = marker.type in RECEPTACLES
    supply = Supply(
        slot=f"ipp.{place}",
        type=marker.type,
        supply_class="receptacle" if receptacle else "consumed",
        colorant=marker.colorant,
        description=None,
        level=marker.level,
        unit="percent",
        source=marker.source,
    )
    return _named_by(supply, marker.name or None)


def _emptied(supplies: list[Supply], witness: Witness) -> list[Supply]:
    """A state of empty says which supply is meant only where there is a single one that is consumed."""
    consumed = [supply for supply in supplies if supply.supply_class == "consumed"]
    reasons = witness.texts("printer-state-reasons")
    if len(consumed) != 1 or not any(EMPTY_REASON.fullmatch(reason) for reason in reasons):
        return supplies
    if consumed[0].level.kind not in ("unknown", "some_left"):
        return supplies
    source = f"{consumed[0].source}+ipp:printer-state-reasons"
    emptied = replace(consumed[0], level=EMPTY, source=source)
    return [emptied if supply is consumed[0] else supply for supply in supplies]


def _named_by(supply: Supply, text: str | None) -> Supply:
    serial = _SERIAL.search(text) if text else None
    return replace(supply, description=text, serial_number=serial[1] if serial else None)


def _color(value: str, name: str) -> str | None:
    """The colour of a marker: `#RRGGBB`, several of them in a row, or a word; else the one its name tells."""
    parts = re.findall(r"#[0-9A-F]{6}", value.upper())
    if len(parts) > 1:
        return "multi_color"
    told = COLORANTS.get(parts[0]) if parts else _named(value)
    if told:
        return told
    words = [color for color in COLORANTS.values() if re.search(rf"\b{color}\b", name.lower())]
    return words[0] if len(words) == 1 else None


def _named(text: str) -> str | None:
    name = text.strip().lower()
    return None if name in UNNAMED else name


def _kind(text: str, kinds: frozenset[str]) -> str:
    kind = _snake(text)
    return kind if kind in kinds else "unknown"


def _snake(text: str) -> str:
    """inkCartridge and ink-cartridge are ink_cartridge."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text.strip()).replace("-", "_").lower()


def _pairs(text: str) -> dict[str, str]:
    """`key=value;…`; before a key may stand a label of its own: Xerox sends `printer-alert[0] = code=jam;…`."""
    parts = (part.rpartition("=") for part in text.split(";"))
    return {name.rpartition("=")[2].strip().lower(): value.strip() for name, equals, value in parts if equals}


def _integer(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?[0-9]{1,10}", text) else None


def read_alerts(witness: Witness) -> list[Alert]:
    """What is the matter: printer-state-reasons, and of printer-alert the rows that are more than a state."""
    alerts = [_reason(reason) for reason in witness.texts("printer-state-reasons") if reason and reason != "none"]
    rows = witness.texts("printer-alert")
    texts = witness.texts("printer-alert-description")
    told = texts if len(texts) == len(rows) else ("",) * len(rows)
    alerts += [alert for row, text in zip(rows, told, strict=True) for alert in _alert(row, text)]
    return list(dict.fromkeys(alerts))


def _reason(reason: str) -> Alert:
    """A keyword with its severity at the end (RFC 8011 section 5.4.12); without one it is an error."""
    code, _, severity = reason.rpartition("-")
    known = severity in SEVERITIES and bool(code)
    return Alert(SEVERITIES[severity] if known else "critical", code if known else reason, "")


def _alert(row: str, text: str) -> Iterable[Alert]:
    keys = _pairs(row)
    severity = _snake(keys.get("severity", ""))
    if severity in ("critical", "warning", "warning_binary_change") and keys.get("code"):
        yield Alert(severity, keys["code"], _LABEL.sub(r"\1", text))

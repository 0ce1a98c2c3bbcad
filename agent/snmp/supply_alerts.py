"""Alerts (RFC 3805 section 2.2.14) and hrPrinterDetectedErrorState (RFC 2790), and what they say of supplies.

A device whose level is always *some left* tells in an alert alone that a toner is low. What an alert says is joined
to a supply only where it is sure which one is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from agent.meters import Finding
from agent.snmp.colorants import in_letters
from agent.snmp.profile import Profile
from agent.snmp.supply_profile import Saying
from agent.snmp.varbinds import Oid, as_octets
from agent.snmp.witness import Witness
from agent.supplies.levels import SAID_EMPTY, SAID_LOW, Supply, knows_more
from agent.texts import message

LOW_TONER, NO_TONER = 2, 3  # bits of hrPrinterDetectedErrorState, the first being the highest of the first octet
TONERS = ("toner", "toner_cartridge", "ink", "ink_cartridge")
COLOR_IN_BRACKETS = (r"[\[(]\s*([CMYK]|BK)\s*[\])]", r":\s*([CMYK]|BK)\s*$")
SUPPLIES_GROUP = "marker_supplies"
MOST = 100  # alerts that are joined to supplies
NEARLY_USED_PERCENT = 50.0  # a level above half contradicts an alert that the same supply is low


@dataclass(frozen=True, slots=True)
class Told:
    """What one alert says: of which row, types and colour, and where it stands."""

    says: Saying
    types: tuple[str, ...]
    row: Oid | None
    colorant: str | None
    source: str


@lru_cache(maxsize=1000)
def detected_errors(octets: bytes) -> frozenset[int]:
    """The bits that are set in hrPrinterDetectedErrorState, whatever its length: bit 0 is the highest of octet 0."""
    return frozenset(8 * at + bit for at, octet in enumerate(octets) for bit in range(8) if octet & (0x80 >> bit))


def with_alerts(profile: Profile, supplies: Sequence[Supply], witness: Witness) -> tuple[list[Supply], list[Finding]]:
    """The supplies with what alerts say of them, where that is more than their level says."""
    said = list(supplies)
    findings: list[Finding] = []
    placed: set[Saying] = set()
    for told in _told(profile, witness):
        place = _meant(said, told)
        if place is None:
            continue
        placed.add(told.says)
        said[place], odd = _joined(said[place], told)
        findings += odd
    for general in _general(witness):
        if general.says not in placed:
            said, odd = _of_the_machine(said, general)
            findings += odd
    return said, findings


def _told(profile: Profile, witness: Witness) -> Iterable[Told]:
    codes = witness.numbers("prtAlertCode")
    groups = witness.numbers("prtAlertGroup")
    rows = witness.numbers("prtAlertGroupIndex")
    texts = witness.texts("prtAlertDescription")
    for index, code in list(codes.items())[:MOST]:
        of_supplies = profile.words.alert_group.get(groups.get(index, 0)) == SUPPLIES_GROUP
        for alert in profile.alerts_of(code):
            if alert.types or of_supplies:
                row = rows.get(index) if of_supplies else None
                yield Told(
                    says=alert.says,
                    types=alert.types,
                    row=(index[0], row) if row is not None and row > 0 else None,
                    colorant=profile.colorants.named_in(texts.get(index))
                    or in_letters(texts.get(index), COLOR_IN_BRACKETS),
                    source=witness.oid_text("prtAlertCode", index),
                )


def _meant(supplies: Sequence[Supply], told: Told) -> int | None:
    """The one supply that an alert is about: its row, unless the alert names another colour; else type and colour."""
    slot = ".".join(map(str, told.row or ()))
    for at, supply in enumerate(supplies):
        if supply.slot == slot and _fits(supply, told):
            return at
    fitting = [at for at, supply in enumerate(supplies) if told.row is None and _fits(supply, told)]
    fitting = fitting or [
        at for at, supply in enumerate(supplies) if told.colorant and told.types and _fits(supply, told)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _fits(supply: Supply, told: Told) -> bool:
    """Whether type and colour allow it; an alert that names no colour may be about any."""
    if told.types and supply.type not in told.types:
        return False
    return told.colorant is None or supply.colorant == told.colorant


def _joined(supply: Supply, told: Told) -> tuple[Supply, list[Finding]]:
    level = SAID_LOW if told.says == "low" else SAID_EMPTY
    if knows_more(level, supply.level) and supply.level.percent is None:
        return replace(supply, level=level, source=told.source), []
    percent = supply.level.percent
    if percent is not None and percent > NEARLY_USED_PERCENT:
        said = message(
            "Supply {slot} says {percent} percent, but an alert says that it is low or empty.",
            slot=supply.slot,
            percent=f"{percent:g}",
        )
        return supply, [Finding("supply_differs", said)]
    return supply, []


def _general(witness: Witness) -> Iterable[Told]:
    """What the error state says of toner; empty before low."""
    for index, value in witness.column("hrPrinterDetectedErrorState").items():
        bits = detected_errors(as_octets(value) or b"")
        source = witness.oid_text("hrPrinterDetectedErrorState", index)
        if NO_TONER in bits:
            yield Told("empty", TONERS, None, None, source)
        elif LOW_TONER in bits:
            yield Told("low", TONERS, None, None, source)


def _of_the_machine(supplies: list[Supply], told: Told) -> tuple[list[Supply], list[Finding]]:
    """A bit for the whole machine means its only toner; of several nobody knows which, unless a level shows it."""
    toners = [at for at, supply in enumerate(supplies) if _fits(supply, told)]
    if len(toners) == 1:
        one, odd = _joined(supplies[toners[0]], told)
        return [one if at == toners[0] else supply for at, supply in enumerate(supplies)], odd
    if not toners or all(supplies[at].level.percent is not None for at in toners):
        return supplies, []
    said = message("The printer says that a toner or ink is low or empty, but not which one.")
    return supplies, [Finding("supply_low_unnamed", said)]

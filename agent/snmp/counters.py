"""Page counters from a printer's answers, each with its unit and where it came from."""

from __future__ import annotations

from typing import cast

from agent.meters import Counter, Finding, Unit
from agent.snmp.profile import CounterPart, Profile
from agent.snmp.varbinds import Oid
from agent.snmp.witness import Witness
from agent.texts import message


def read_counters(profile: Profile, witness: Witness) -> tuple[list[Counter], list[Finding]]:
    """Every counter of the profile that the device tells; what is odd about them as findings."""
    counters: list[Counter] = []
    findings: list[Finding] = []
    for part in profile.counters:
        counter, odd = _counter(profile, part, witness)
        if counter:
            counters.append(counter)
        findings += odd
    return counters, findings


def _counter(profile: Profile, part: CounterPart, witness: Witness) -> tuple[Counter | None, list[Finding]]:
    rows = witness.numbers(part.value)
    if not rows:
        return None, []
    if len(rows) > 1:
        # Adding up several markers is right for some engines and wrong for others; nothing in the MIB tells which.
        return None, [Finding("several_markers", message("The printer has {count} marking engines.", count=len(rows)))]
    index, value = next(iter(rows.items()))
    if value < 0:
        return None, [Finding("negative_counter", message("The counter {meter} is negative.", meter=part.meter))]
    unit = _unit(profile, part, witness, index)
    counter = Counter(
        meter=part.meter,
        service=part.service,
        color=part.color,
        size=part.size,
        unit=unit,
        value=value,
        source=f"{witness.oid_text(part.value)}.{'.'.join(map(str, index))}",
        profile=profile.label,
    )
    return counter, _oddities(part, unit)


def _unit(profile: Profile, part: CounterPart, witness: Witness, index: Oid) -> Unit:
    code = witness.numbers(part.unit).get(index)
    return cast("Unit", profile.words.counter_unit.get(code if code is not None else -1, "unknown"))


def _oddities(part: CounterPart, unit: Unit) -> list[Finding]:
    odd: list[Finding] = []
    if part.fallback:
        said = message("The total is the printer's life count; nothing better is known for this model.")
        odd.append(Finding("life_count_as_total", said))
    if unit == "sheets":
        odd.append(Finding("counts_sheets", message("The printer says that it counts sheets, not pages.")))
    if unit == "unknown":
        odd.append(Finding("unit_unknown", message("The printer does not say what its counter counts.")))
    return odd

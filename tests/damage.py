"""Answers of which something got lost, or to which something foreign came, and what they must not say then.

What is lost may make a value unknown, absent or held, never another one. So every value of the whole answer is the
truth that the damaged one is measured by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from agent.meters import METER_OF_CODE, Counter, same_origin
from agent.printers import Endpoint, Identity
from agent.readout import Readout
from agent.snmp.catalogue import shipped
from agent.snmp.identity import identifying_words
from agent.snmp.interpretation import identify, interpret
from agent.snmp.profile import Profile
from agent.snmp.recording import load_recording, parse_recording
from agent.snmp.varbinds import Answer, Oid, Value, Varbinds
from agent.snmp.vendor_supplies import family
from agent.supplies.levels import SLACK, Level, Supply
from tests.test_profiles import lines_of
from tests.test_recordings import NOW

CATALOGUE = shipped()
FALLBACKS = {"life_count_as_total", "other_count_as_total"}  # they say of the total that it is another counter
BILLED = frozenset(METER_OF_CODE.values())
VAGUE = (None, "unknown", "other")


def understood(varbinds: Varbinds) -> Readout:
    """The readout of these answers, asked as a printer is asked: who it is, then what its profile wants."""
    identity, _ = identify(CATALOGUE.generic, varbinds)
    profile = CATALOGUE.choose(identity, varbinds)
    return interpret(profile, Endpoint("127.0.0.1"), Varbinds(), Answer(varbinds, "v2c", 0), NOW)


@dataclass(frozen=True, eq=False)
class Whole:
    """All that one device answers to what it is asked, and what that says."""

    name: str
    profile: Profile
    varbinds: Varbinds

    @cached_property
    def oids(self) -> list[Oid]:
        """What it answers, in order."""
        return sorted(self.varbinds)

    @cached_property
    def readout(self) -> Readout:
        """What the whole answer says."""
        return understood(self.varbinds)

    @cached_property
    def serials(self) -> frozenset[str]:
        """All serial numbers that it tells, wherever."""
        return identifying_words(self.profile, self.varbinds)[0]

    def without(self, gone: set[Oid]) -> Readout:
        """What is said when these got lost."""
        return understood(Varbinds((oid, value) for oid, value in self.varbinds.items() if oid not in gone))

    def beside(self, foreign: dict[Oid, Value]) -> Readout:
        """What is said when these came as well."""
        return understood(Varbinds({**foreign, **self.varbinds}))


@lru_cache(maxsize=200)
def whole(file: Path) -> Whole:
    """The answer of a described or recorded device to its profile's question; what nobody asks for is left out."""
    recording = file.suffix == ".snmprec"
    told = load_recording(file).varbinds if recording else parse_recording(lines_of(file)).varbinds
    identity, _ = identify(CATALOGUE.generic, told)
    profile = CATALOGUE.choose(identity, told)
    parts = (profile.identify, profile.ask)
    asked = {profile.oids[name] for part in parts for name in part.objects}
    asked |= {profile.oids[name] for part in parts for table in part.tables for name in table.columns}
    kept = {oid: value for oid, value in told.items() if any(oid[:size] in asked for size in range(1, len(oid) + 1))}
    return Whole(file.stem, profile, Varbinds(kept))


def wrong(truth: Whole, said: Readout) -> list[str]:
    """What a damaged answer says otherwise than the whole one."""
    if said.status == "not_a_printer":
        return []
    codes = {finding.code for finding in said.findings}
    return [
        *_wrong_counters(truth.readout, said, codes),
        *_wrong_identity(truth, said.identity),
        *(mistake for supply in said.supplies for mistake in _wrong_supply(truth.readout, supply)),
    ]


def _wrong_counters(truth: Readout, said: Readout, codes: set[str]) -> Iterator[str]:
    known = {counter.meter: counter for counter in truth.counters}
    for counter in said.counters:
        if counter.meter == "total" and codes & FALLBACKS:
            continue
        before = known.get(counter.meter)
        if before is None:
            yield f"{counter.meter} is {counter.value}, where the whole answer has none"
        elif counter.value != before.value and not _is_held(counter, before, said):
            yield f"{counter.meter} is {counter.value} instead of {before.value}"
        elif counter.unit not in (before.unit, "unknown"):
            yield f"{counter.meter} counts {counter.unit} instead of {before.unit}"


def _is_held(now: Counter, before: Counter, said: Readout) -> bool:
    """Whole rows of a table that only the printer knows the length of: the next reading holds a sum of fewer.

    A meter that no measuring point takes may come from another place where a finding says that it does not add up.
    """
    if before.rows and not same_origin(now.origin, before.origin):
        return True
    named = any(f.code == "parts_mismatch" and now.meter in str(f.message) for f in said.findings)
    return now.meter not in BILLED and now.source != before.source and named


def _wrong_identity(truth: Whole, said: Identity) -> Iterator[str]:
    """Model, firmware and names may be told elsewhere in other words; who it is may not change, except to whom the
    branch of its sysObjectID or of its counters belongs: one maker may have made it for the other."""
    known = truth.readout.identity
    if said.serial_number not in (None, known.serial_number) and said.serial_number_raw not in truth.serials:
        yield f"the serial number is {said.serial_number} instead of {known.serial_number}"
    made_for = said.sys_object_id and any(
        maker.name == said.manufacturer and maker.owns(said.sys_object_id) for maker in truth.profile.manufacturers
    )
    if said.manufacturer not in (None, known.manufacturer, truth.profile.maker) and not made_for:
        yield f"the maker is {said.manufacturer} instead of {known.manufacturer}"
    if not set(said.mac_addresses) <= set(known.mac_addresses):
        yield f"the network cards are {said.mac_addresses} instead of {known.mac_addresses}"


def _wrong_supply(truth: Readout, said: Supply) -> Iterator[str]:
    same = [supply for supply in truth.supplies if supply.slot == said.slot]
    # The maker's own row stands alone where the standard's is lost.
    others = [one for one in truth.supplies if family(one) in (family(said), *VAGUE) or family(said) in VAGUE]
    if not any(admits(said.level, one.level) for one in same or others):
        yield f"supply {said.slot}: {said.level} instead of {[one.level for one in same]}"
    for before in same:
        if said.colorant not in (None, before.colorant):
            yield f"supply {said.slot} is {said.colorant} instead of {before.colorant}"
        if family(said) not in (family(before), *VAGUE) and before.type not in VAGUE:
            yield f"supply {said.slot} is a {said.type} instead of a {before.type}"
        if (
            said.type not in VAGUE
            and said.supply_class not in (before.supply_class, "other")
            and (before.type not in VAGUE)
        ):
            yield f"supply {said.slot} is {said.supply_class} instead of {before.supply_class}"
        for part in ("capacity", "part_number", "serial_number"):
            if getattr(said, part) not in (None, getattr(before, part)):
                yield f"supply {said.slot}: {part} {getattr(said, part)} instead of {getattr(before, part)}"


def admits(said: Level, truth: Level) -> bool:
    """Whether a level leaves the true one possible: it says nothing, the same percentage, or bounds around it.

    That levels move in steps shows in all of them together, so that a few tell the same percentage more finely. Two
    counts of one supply differ by a little.
    """
    if said.kind == "unknown" or said == truth:
        return True
    if said.kind == "some_left":
        return truth.kind != "unknown"
    if said.percent is not None and said.percent == truth.percent:
        return True
    if truth.kind == "unknown" or said.low is None or truth.low is None:
        return False
    low, high = said.low, 100.0 if said.high is None else said.high
    return low <= truth.low + SLACK and high >= (100.0 if truth.high is None else truth.high) - SLACK

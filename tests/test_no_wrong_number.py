"""The law of the product: what gets lost of an answer, or comes besides, never makes another number of the rest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.snmp.interpretation import identify
from agent.snmp.recording import parse_recording
from agent.snmp.varbinds import Oid, Tag, Value, Varbinds
from tests.damage import CATALOGUE, Whole, understood, whole, wrong
from tests.test_profiles import DEVICE_FILES
from tests.test_recordings import FILES, NOT_PRINTERS

IN_CI = os.environ.get("CI") == "true"
OWN = settings(max_examples=400 if IN_CI else 40, derandomize=not IN_CI)
RECORDED = settings(max_examples=100 if IN_CI else 10, derandomize=not IN_CI)
PRINTERS = [file for file in FILES if file.stem not in NOT_PRINTERS]
PRIVATE = (1, 3, 6, 1, 4, 1)
MOST_CUTS = 4  # in one answer: losses that have one cause each


def name_of(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@st.composite
def losses(draw: st.DrawFn, device: Whole) -> set[Oid]:
    """What of an answer got lost: single values, rows, columns, the rest of a column, whole branches, any share."""
    oids = device.oids
    gone: set[Oid] = set()
    for _ in range(draw(st.integers(1, MOST_CUTS))):
        oid = draw(st.sampled_from(oids))
        depth = draw(st.integers(1, 4))
        match draw(st.sampled_from(("value", "row", "column", "rest", "share"))):
            case "value":
                gone.add(oid)
            case "row":
                gone |= {one for one in oids if one[-depth:] == oid[-depth:] and len(one) == len(oid)}
            case "column":
                gone |= {one for one in oids if one[: len(oid) - depth] == oid[:-depth]}
            case "rest":
                gone |= {one for one in oids if one[: len(oid) - depth] == oid[:-depth] and one >= oid}
            case _:
                one_in = draw(st.sampled_from((2, 4, 20)))
                dice = draw(st.randoms(use_true_random=False))
                gone |= {one for one in oids if dice.randrange(one_in) == 0}
    return gone


def lose(data: st.DataObject, file: Path) -> None:
    device = whole(file)
    gone = data.draw(losses(device))
    assert wrong(device, device.without(gone)) == []


@pytest.mark.parametrize("file", DEVICE_FILES, ids=name_of)
@OWN
@given(data=st.data())
def test_a_loss_makes_no_other_number(file: Path, data: st.DataObject) -> None:
    """Whatever is missing of an answer: values become unknown, absent or held, and none becomes another."""
    lose(data, file)


@pytest.mark.recordings
@pytest.mark.parametrize("file", PRINTERS, ids=name_of)
@RECORDED
@given(data=st.data())
def test_a_loss_makes_no_other_number_of_a_recording(file: Path, data: st.DataObject) -> None:
    """The same of what real printers answered."""
    lose(data, file)


def lost_alone(device: Whole) -> dict[Oid, list[str]]:
    """What is said wrongly when this one value is missing."""
    found = {oid: wrong(device, device.without({oid})) for oid in device.oids}
    return {oid: mistakes for oid, mistakes in found.items() if mistakes}


@pytest.mark.parametrize("file", DEVICE_FILES, ids=name_of)
def test_no_single_value_is_needed_to_be_right(file: Path) -> None:
    """Each value alone, all of them in turn."""
    assert lost_alone(whole(file)) == {}


@pytest.mark.recordings
@pytest.mark.skipif(not IN_CI, reason="takes half a minute; CI=true runs it")
@pytest.mark.parametrize("file", PRINTERS, ids=name_of)
def test_no_single_value_of_a_recording_is_needed_to_be_right(file: Path) -> None:
    """The same of what real printers answered."""
    assert lost_alone(whole(file)) == {}


NUMBERS = st.integers(-3, 2**31 - 1).map(lambda number: Value(Tag.INTEGER, number))
TEXTS = st.binary(max_size=40).map(lambda octets: Value(Tag.OCTET_STRING, octets))


def foreign_to(device: Whole, other: Whole) -> dict[Oid, Value]:
    """What the other device has in private branches that this one has not, as a card or a part of that maker would."""
    own = {oid[:7] for oid in device.oids if oid[:6] == PRIVATE}
    asked = {oid[:7] for oid in device.profile.oids.values() if oid[:6] == PRIVATE}
    return {oid: value for oid, value in other.varbinds.items() if oid[:6] == PRIVATE and oid[:7] not in own | asked}


def same(device: Whole, foreign: dict[Oid, Value]) -> dict[str, tuple[Any, Any]]:
    """What differs when foreign values come along."""
    before, after = device.readout, device.beside(foreign)
    parts = ("profile", "identity", "counters", "supplies")
    told = {part: (getattr(before, part), getattr(after, part)) for part in parts}
    return {part: values for part, values in told.items() if values[0] != values[1]}


def foreign_makers(device: Whole) -> list[Whole]:
    """The described devices of makers that make nothing for this one's maker."""
    maker = identify(CATALOGUE.generic, device.varbinds)[0].manufacturer
    others = [whole(file) for file in DEVICE_FILES]
    return [other for other in others if all(match.manufacturer != maker for match in other.profile.match)]


def changed_by_branches(device: Whole) -> dict[str, dict[str, tuple[Any, Any]]]:
    found = {other.name: same(device, foreign_to(device, other)) for other in foreign_makers(device)}
    return {name: differs for name, differs in found.items() if differs}


@pytest.mark.parametrize("file", DEVICE_FILES, ids=name_of)
def test_a_foreign_branch_changes_nothing(file: Path) -> None:
    """A network card or a board of another maker answers in that maker's branch: it is read as what it is."""
    assert changed_by_branches(whole(file)) == {}


@pytest.mark.recordings
@pytest.mark.parametrize("file", PRINTERS, ids=name_of)
def test_a_foreign_branch_changes_nothing_of_a_recording(file: Path) -> None:
    """The same of what real printers answered; one that does not say who made it is then read by the standard alone,
    which a finding says."""
    device = whole(file)
    if identify(CATALOGUE.generic, device.varbinds)[0].manufacturer is not None:
        assert changed_by_branches(device) == {}
    elif device.profile is not CATALOGUE.generic:
        for other in foreign_makers(device):
            readout = device.beside(foreign_to(device, other))
            if readout.profile != device.profile.label:
                assert readout.profile == CATALOGUE.generic.label
                assert {"no_total", "life_count_as_total"} & {finding.code for finding in readout.findings}


@pytest.mark.parametrize("file", DEVICE_FILES, ids=name_of)
@OWN
@given(data=st.data())
def test_what_nobody_asks_for_changes_nothing(file: Path, data: st.DataObject) -> None:
    """Rubbish in branches and columns that no profile names."""
    device = whole(file)
    known = set(device.profile.oids.values())
    place = st.lists(st.integers(0, 300), min_size=2, max_size=6).map(tuple)
    branch = st.sampled_from(((*PRIVATE, 99998), (1, 3, 6, 1, 2, 1, 43, 14), (1, 3, 6, 1, 2, 1, 99), (1, 3, 6, 1, 3)))
    rubbish = data.draw(st.dictionaries(st.tuples(branch, place).map(lambda pair: pair[0] + pair[1]), NUMBERS | TEXTS))
    foreign = {oid: value for oid, value in rubbish.items() if not any(oid[:at] in known for at in range(len(oid) + 1))}
    assert same(device, foreign) == {}


def nameless(device: Whole) -> dict[Oid, Value]:
    """The answers without whatever says who made the device."""
    words = {device.profile.oids[name] for name in ("sysDescr", "sysObjectID", *device.profile.identity.device_id)}
    texts = {device.profile.oids[name] for name in ("firstDeviceDescr", "hrDeviceDescr", "firstPrinterName")}
    hidden = words | texts
    return {
        oid: value for oid, value in device.varbinds.items() if not any(oid[: len(place)] == place for place in hidden)
    }


def test_two_makers_branches_prove_neither() -> None:
    """A device that does not say who made it and answers in the branches of two makers is read by the standard, which
    is said; no maker's counters are taken for its own."""
    files = {file.stem: file for file in DEVICE_FILES}
    one, other = (whole(files[stem]) for stem in ("kyocera_taskalfa_3555ci", "sharp_mx_3061"))
    readout = understood(Varbinds({**nameless(other), **nameless(one)}))
    assert readout.profile.startswith("generic/")
    assert "life_count_as_total" in {finding.code for finding in readout.findings}
    assert {counter.meter for counter in readout.counters} <= {"total"}
    assert understood(Varbinds(nameless(one))).profile.startswith("kyocera/")


SYSTEM = "1.3.6.1.2.1.1.1.0|4|{}\n1.3.6.1.2.1.43.5.1.1.1.1|65|1\n"
SUPPLY = "1.3.6.1.2.1.43.11.1.1"


def supply_row(kind: int | None, description: str, group: int = 3, colorant: int = 0) -> str:
    """A supply at half its level, of no type where `kind` is None, beside a fuser that has one."""
    cells = {3: f"2|{colorant}", 4: f"2|{group}", 6: f"4|{description}", 8: "2|100", 9: "2|50"}
    cells |= {} if kind is None else {5: f"2|{kind}"}
    return "".join(f"{SUPPLY}.{column}.1.1|{cell}\n" for column, cell in cells.items())


@pytest.mark.parametrize(
    ("says", "row", "kind", "group"),
    [
        ("a box for used toner, whatever it is called", supply_row(2, "Toner Collection Container"), "waste_toner", 4),
        ("a receptacle that is called a toner", supply_row(2, "Toner", group=4), "unknown", 4),
        ("staples told as toner", supply_row(3, "Staple Cartridge"), "unknown", 3),
        ("a waste box told as toner", supply_row(3, "Waste Toner Box"), "unknown", 3),
        ("a toner told as toner", supply_row(3, "Black Toner"), "toner", 3),
        ("a type that is not known", supply_row(2, "Black Toner"), "toner", 3),
        ("a type that got lost", supply_row(None, "Black Toner") + f"{SUPPLY}.5.1.2|2|15\n", "unknown", 3),
    ],
)
def test_a_supply_is_no_toner_by_mistake(says: str, row: str, kind: str, group: int) -> None:
    """What type and description say of it must agree, or nobody orders it as toner."""
    supply = understood(parse_recording(SYSTEM.format("SHARP MX-3070") + row).varbinds).supplies[0]
    assert (supply.type, supply.supply_class) == (kind, {3: "consumed", 4: "receptacle"}[group]), says


def test_a_black_toner_is_not_cyan_by_its_row() -> None:
    """A printer of one colour that lists cyan first and points its only toner there: the colour is not known."""
    text = SYSTEM.format("SHARP MX-M3070") + supply_row(3, "Toner Cartridge", colorant=1)
    text += "1.3.6.1.2.1.43.10.2.1.6.1.1|2|1\n1.3.6.1.2.1.43.12.1.1.4.1.1|4|cyan\n"
    (supply,) = understood(parse_recording(text).varbinds).supplies
    assert supply.colorant is None


@pytest.mark.parametrize(
    ("says", "text", "told"),
    [
        ("hexadecimal octets", "1.3.6.1.4.1.11.2.3.9.1.1.7.0|4|MFG:EPSON;MDL:X;SN:58384739303030343135;", (None, "X")),
        ("a name that people gave", "1.3.6.1.2.1.1.1.0|4|HP ETHERNET MULTI-ENVIRONMENT,PID:Purchasing", (None, None)),
        ("a print server's name", "1.3.6.1.2.1.1.1.0|4|ZebraNet Wired PS", (None, None)),
    ],
)
def test_a_text_that_is_none_identifies_nothing(says: str, text: str, told: tuple[str | None, str | None]) -> None:
    """Neither a serial number nor a model, where the device has no better place."""
    identity = understood(parse_recording(f"{text}\n1.3.6.1.2.1.43.5.1.1.1.1|65|1\n").varbinds).identity
    assert (identity.serial_number, identity.model) == told, says

"""The demonstration world: a plan that holds every awkward case, is the same every time, and can be served."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from ipaddress import IPv4Network, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from sandbox.printers import description, fleet, portrait, recording
from sandbox.world import World, plan

PROJECT = Path(__file__).parents[1]
RECORDINGS = PROJECT.parent / "shared" / "recordings"
NETWORK = IPv4Network("127.20.0.0/22")
NOW = datetime(2026, 3, 2, tzinfo=UTC)
CASES = {
    "below_last",
    "deviation",
    "equal",
    "low_toner",
    "never_answers",
    "no_printer",
    "not_a_printer",
    "two_equipments_one_name",
    "two_equipments_one_name_other",
    "unknown_levels",
    "unknown_to_portal",
    "v1_only",
    "v3_only",
}
PRESENT = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recordings of real printers are not beside the project"
)
Made = tuple[World, list[Path]]


@pytest.fixture(scope="module", params=["devices", pytest.param("recordings", marks=PRESENT)])
def made(request: pytest.FixtureRequest) -> Made:
    """A world of the sandbox's own devices, and one of the recordings."""
    sources = description.shipped() if request.param == "devices" else recording.recordings(RECORDINGS)
    return plan(sources, NETWORK, 16161, NOW), sources


def equipments(world: World) -> dict[str, dict[str, Any]]:
    return {each["equipment_number"]: each for each in world.equipment["equipments"]}


def case(world: World, name: str) -> dict[str, Any]:
    return equipments(world)[world.about["cases"][name]]


def total(equipment: dict[str, Any]) -> dict[str, Any]:
    return next(point for point in equipment["measuring_points"] if point["meter_code"] == "total")


@cache
def portrayed(source: Path) -> portrait.Portrait:
    return portrait.of(source)


def printer_of(world: World, equipment: dict[str, Any]) -> portrait.Portrait:
    """The printer that an equipment was made from, found as a key user would: by name or address."""
    name = equipment["technical_identification_number"].partition(".corp.")[0].lower()
    for line in world.fleet:
        said = portrayed(Path(line["source"]))
        if name == (said.host_name or "").lower() or line["address"] == equipment["technical_identification_number"]:
            return said
    raise AssertionError(f"nobody is called {name}")


def test_all_cases(made: Made) -> None:
    """Every awkward case is there, each with another equipment or address."""
    world, _ = made
    assert set(world.about["cases"]) == CASES
    assert len(set(world.about["cases"].values())) == len(CASES)


def test_same_every_time(made: Made) -> None:
    """Planning again gives the same world, whatever the process's hash seed."""
    world, sources = made
    again = plan(sources, NETWORK, 16161, NOW)
    assert (again.fleet, again.equipment, again.about) == (world.fleet, world.equipment, world.about)


def test_everybody_has_a_place(made: Made) -> None:
    """Every source and the silent printer have an address of their own inside the ranges to search."""
    world, sources = made
    addresses = [line["address"] for line in world.fleet]
    assert len(set(addresses)) == len(sources) + 1
    ranges = [ip_network(each) for each in world.about["ranges"]]
    assert all(any(ip_address(each) in network for network in ranges) for each in addresses)
    assert world.about["targets"] == [f"{each}:16161" for each in addresses]
    assert len({line["name"] for line in world.fleet}) == len(world.fleet)


def test_fleet_can_be_served(made: Made) -> None:
    """Every line of the fleet file loads, and every printer has something to tell."""
    world, _ = made
    for line in world.fleet:
        loaded = fleet.load(fleet.Member.model_validate(line))
        assert loaded.objects > 0


def test_every_printer_has_an_equipment(made: Made) -> None:
    """Each printer has one equipment, except the one the portal does not know and the device that is no printer."""
    world, sources = made
    extra = {"two_equipments_one_name_other", "never_answers", "no_printer"}
    missing = {"unknown_to_portal", "not_a_printer"}
    assert len(equipments(world)) == len(world.equipment["equipments"]) == len(sources) + len(extra) - len(missing)
    names = {each["technical_identification_number"] for each in world.equipment["equipments"]}
    assert not {world.about["cases"][each] for each in missing} & names


def test_shape_of_an_equipment(made: Made) -> None:
    """Every equipment has what the portal's contract names: long number, mandatory total, something to order."""
    world, _ = made
    for each in world.equipment["equipments"]:
        assert len(each["equipment_number"]) == 18
        assert len(each["technical_identification_number"]) <= 25
        assert each["contract"]["active"]
        codes = [point["meter_code"] for point in each["measuring_points"]]
        assert codes in (["total"], ["total", "black", "color"])
        assert [point["mandatory"] for point in each["measuring_points"]] == [code == "total" for code in codes]
        assert all(point["annual_estimate"] > 0 for point in each["measuring_points"])
        positions = [position["bom_item_number"] for position in each["bill_of_material"]]
        assert positions == sorted(set(positions))
        refused = [position for position in each["bill_of_material"] if not position["orderable"]]
        assert len(refused) == 1
        assert refused[0]["not_orderable_reason"]
    points = [point["measuring_point"] for each in world.equipment["equipments"] for point in each["measuring_points"]]
    assert len(points) == len(set(points))
    assert all(len(point) == 12 for point in points)


def test_last_readings(made: Made) -> None:
    """The last reading lies a little below the present count, except where the case says otherwise."""
    world, _ = made
    cases = {number: name for name, number in world.about["cases"].items()}
    special = {"below_last", "equal", "deviation", "no_printer"}
    compared = 0
    for number, each in equipments(world).items():
        last = total(each)["last_reading"]
        if cases.get(number) in special or last is None:
            continue
        said = printer_of(world, each)
        present = said.truth.total or said.life_count or 0
        assert present * 0.85 <= last["value"] <= present * 0.991
        assert last["read_at"] == "2026-01-31T00:00:00Z"
        compared += 1
    assert compared >= 8


def test_histories(made: Made) -> None:
    """The three awkward histories are what they are called: above, equal, and a clear jump."""
    world, _ = made
    present = {}
    for name in ("below_last", "equal", "deviation"):
        said = printer_of(world, case(world, name))
        present[name] = said.truth.total or said.life_count or 0
    last = {name: total(case(world, name))["last_reading"]["value"] for name in present}
    assert last["below_last"] > present["below_last"]
    assert last["equal"] == present["equal"]
    rise = present["deviation"] - last["deviation"]
    assert rise > 10_000
    assert rise > 5 * total(case(world, "deviation"))["annual_estimate"] / 365 * 30


def test_names(made: Made) -> None:
    """Two equipments claim one name and nothing else tells them apart; one name exists nowhere."""
    world, _ = made
    one, other = case(world, "two_equipments_one_name"), case(world, "two_equipments_one_name_other")
    assert one["technical_identification_number"] == other["technical_identification_number"]
    assert one["manufacturer_serial_number"] is other["manufacturer_serial_number"] is None
    with pytest.raises(AssertionError, match="nobody"):
        printer_of(world, case(world, "no_printer"))
    serials = [each["manufacturer_serial_number"] for each in world.equipment["equipments"]]
    known = [serial for serial in serials if serial]
    assert len(known) == len(set(known))


def test_faulty_printers(made: Made) -> None:
    """The printer that never answers is silent, the one for v1 refuses v2c."""
    world, _ = made
    places = {line["address"]: line for line in world.fleet}
    never = places[case(world, "never_answers")["technical_identification_number"]]
    assert never["faults"] == {"silent": True}
    assert [line["name"] for line in world.fleet if line.get("faults", {}).get("v1_only")]


def test_low_toner(made: Made) -> None:
    """One printer serves a toner of at most ten percent that its bill of material can replace."""
    world, _ = made
    wanted = case(world, "low_toner")
    assert not wanted["automatic_supply"]
    said = printer_of(world, wanted)
    line = next(each for each in world.fleet if Path(each["source"]) == said.source.resolve())
    levels = {each.oid: each for each in said.supplies}
    changed = {recording.arcs_of(name): int(text.split("|")[1]) for name, text in line.get("set", {}).items()}
    low = [
        each.colorant
        for oid, each in levels.items()
        if each.capacity and each.colorant and 0 <= changed.get(oid, each.level or 0) <= each.capacity / 10
    ]
    orderable = {position["colorant"] for position in wanted["bill_of_material"] if position["orderable"]}
    assert set(low) & orderable


def test_some_are_supplied(made: Made) -> None:
    """Two equipments are refilled automatically and some are third-party systems, never the portal's own brand."""
    world, _ = made
    everybody = world.equipment["equipments"]
    assert sum(each["automatic_supply"] for each in everybody) == 2
    foreign = [each["manufacturer"] for each in everybody if each["third_party"]]
    assert 0 < len(foreign) < len(everybody)
    assert "Konica Minolta" not in foreign


def test_ports() -> None:
    """Where only 127.0.0.1 exists, the world tells printers apart by port."""
    world = plan(description.shipped(), NETWORK, 20_000, NOW, ports=True)
    assert world.about["ranges"] == ["127.0.0.1/32"]
    assert world.about["targets"][:2] == ["127.0.0.1:20000", "127.0.0.1:20001"]


def test_command(tmp_path: Path) -> None:
    """The command writes three files, the same ones twice, and the fleet starts from them."""
    for out in ("a", "b"):
        command = [sys.executable, "-m", "sandbox.world", "--out", str(tmp_path / out), "--now", "2026-03-02T00:00:00Z"]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    for name in ("fleet.json", "equipment.json", "world.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    members = fleet.read(tmp_path / "a" / "fleet.json")
    assert len(members) == len(json.loads((tmp_path / "a" / "fleet.json").read_text("utf-8")))
    assert all(fleet.load(member).objects for member in members)


def test_command_refuses(tmp_path: Path) -> None:
    """A network that is too small ends with code 2 and says so."""
    command = [sys.executable, "-m", "sandbox.world", "--out", str(tmp_path), "--network", "127.20.0.0/30"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "larger --network" in done.stderr

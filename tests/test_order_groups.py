"""Groups of equipment with order rules of their own: who belongs to one, which one counts, what a person is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ConfigError
from agent.order_book import OrderBook
from agent.order_groups import members_of
from agent.order_settings import OrdersSettings
from agent.printers import Equipment, Location
from agent.settings import load
from agent.upload.wire import EquipmentPage

MILL = Equipment(
    "000000000010004711",
    manufacturer="Konica Minolta",
    model="bizhub C250i",
    technical_identification_number="WH-Printer-3",
    location=Location("Plant 2", "3", "Room [A]"),
)
HALL = Equipment(
    "000000000010004800", manufacturer="Kyocera", model="ECOSYS P3145dn", location=Location("Plant 2", "0")
)
NOWHERE = Equipment("A-7")
ALL = (MILL, HALL, NOWHERE)


def book(*groups: dict[str, object]) -> OrderBook:
    named = [{"name": f"group {place}", **group} for place, group in enumerate(groups)]
    return OrderBook(OrdersSettings.model_validate({"groups": named}))


@pytest.mark.parametrize(
    ("lists", "members"),
    [
        ({"equipments": ["10004711"]}, [MILL]),
        ({"equipments": ["000010004711"]}, [MILL]),
        ({"equipments": ["1000*"]}, [MILL, HALL]),
        ({"equipments": ["a-7"]}, [NOWHERE]),
        ({"names": ["wh-*"]}, [MILL]),
        ({"models": ["bizhub C*"]}, [MILL]),
        ({"models": ["kyocera *", "konica  minolta *"]}, [MILL, HALL]),
        ({"models": ["bizhub"]}, []),
        ({"buildings": ["PLANT 2"]}, [MILL, HALL]),
        ({"buildings": ["Plant 2"], "floors": ["2", "3"]}, [MILL]),
        ({"buildings": ["Plant 2"], "models": ["ECOSYS*"], "floors": ["3"]}, []),
        ({"rooms": ["Room [A]"]}, [MILL]),
        ({"rooms": ["*[A]"]}, [MILL]),
        ({"rooms": ["Room ?A?"]}, []),
        ({"rooms": ["*"]}, [MILL]),
        ({"floors": ["0"]}, [HALL]),
    ],
)
def test_who_belongs_to_a_group(lists, members):
    """Whoever fits each list by one of its entries; spelling does not count, and what the portal does not say fits
    nothing."""
    rules = book(lists)
    assert [one for one in ALL if rules.group_of(one)] == members


def test_the_first_group_counts_alone():
    """Rules of two groups are never mixed: what the first leaves out is the site's, whatever a second says."""
    rules = book({"floors": ["3"], "risk_percent": 0.5}, {"buildings": ["Plant 2"], "risk_percent": 9, "lead_days": 30})
    assert (rules.group_of(MILL), rules.rules(MILL).risk, rules.rules(MILL).lead_days) == ("group 0", 0.005, 5)
    assert (rules.group_of(HALL), rules.rules(HALL).risk, rules.rules(HALL).lead_days) == ("group 1", 0.09, 30)
    assert (rules.group_of(NOWHERE), rules.rules(NOWHERE)) == ("", book().rules(MILL))


def test_what_a_person_should_look_at():
    """A group without equipment, one whose equipment an earlier one has, and numbers that nobody has."""
    rules = book(
        {"buildings": ["Plant 2"]}, {"floors": ["3"]}, {"models": ["LaserJet*"]}, {"equipments": ["A-7", "9*", "12"]}
    )
    told = [[str(said) for said in one.told()] for one in members_of(rules.groups, ALL)]
    assert told == [
        [],
        ["What fits the group group 1 as well belongs to an earlier one, which counts: 10004711 (1)."],
        ["No equipment fits the group group 2; compare its lists with the portal."],
        ["The portal has no equipment 12, which the group group 3 names."],
    ]


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_pattern_and_no_place_breaks_a_cycle(pattern, place):
    """Whatever people write and the portal says; what is written as the portal says it fits."""
    if not pattern.strip():
        return
    rules = book({"rooms": [pattern]})
    rules.group_of(Equipment("1", location=Location(room=place)))
    assert rules.group_of(Equipment("1", location=Location(room=pattern)))


def test_many_stars_cost_little():
    """A pattern that is all stars is answered, however long the portal's text is."""
    assert not book({"rooms": ["*a" * 120 + "b"]}).group_of(Equipment("1", location=Location(room="a" * 2000)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[orders.groups]]\nname = "x"\narmed = false\n', "does not say which equipment"),
        ('[[orders.groups]]\nname = "x"\nequipments = []\n', "orders.groups[0].equipments"),
        ('[[orders.groups]]\nname = "x"\nfloors = [" "]\n', "This is empty."),
        ('[[orders.groups]]\nname = "x"\nfloors = [3]\n', "orders.groups[0].floors"),
        ('[[orders.groups]]\nname = "x"\nfloor = ["3"]\n', "orders.groups[0].floor"),
        ('[[orders.groups]]\nname = "x"\nfloors = ["3"]\n[[orders.groups]]\nname = "X"\nfloors = ["4"]\n', "called x"),
    ],
)
def test_a_group_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str):
    """At the start, with its place, and before anything is ordered by it."""
    file = tmp_path / "meter-agent.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert said in str(refused.value)


@pytest.mark.parametrize("place", [None, "Plant 2", 7, [], {"building": None, "floor": 3, "room": {"x": 1}}])
def test_a_place_that_cannot_be_read_costs_nothing_else(place):
    """Without it no group by place fits, but the equipment is read and supplied all the same."""
    page = json.dumps({"items": [{"equipment_number": "1", "location": place}]})
    [item] = EquipmentPage.model_validate_json(page).items
    assert item.equipment() == Equipment("1")

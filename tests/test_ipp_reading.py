"""What is understood of a printer's attributes: identity, counters, supplies, and two voices of one machine."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import BadReply
from agent.ipp.attributes import IppAnswer
from agent.ipp.codec import decode_response
from agent.ipp.identity import macs_of_uuid
from agent.ipp.interpretation import PRINTED_BETWEEN, cross_checked, interpret
from agent.meters import Counter
from agent.printers import Endpoint, Identity
from agent.readout import Readout
from agent.snmp.catalogue import shipped
from tests.conftest import RECORDINGS
from tests.ipp_messages import response

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
HERE = Endpoint("10.0.0.1")
GENERIC = shipped().generic
TEXT, NAME, KEYWORD, URI, OCTETS, INTEGER, ENUM = 0x41, 0x42, 0x44, 0x45, 0x30, 0x21, 0x23
WHO = [(TEXT, "printer-make-and-model", "Acme Laser 9"), (ENUM, "printer-state", 3)]


def read(*attributes: tuple[int, str, Any]) -> Readout:
    """The readout of a printer that says this, through its octets."""
    answer = IppAnswer(decode_response(response([*WHO, *attributes])).printer, requests=1)
    return interpret(GENERIC, HERE, answer, NOW)


def counted(readout: Readout) -> dict[str, tuple[int, str]]:
    return {counter.meter: (counter.value, counter.unit) for counter in readout.counters}


def codes(readout: Readout) -> list[str]:
    return [finding.code for finding in readout.findings]


def supplies(readout: Readout) -> list[tuple[str, str, str | None, str, float | None]]:
    return [(one.slot, one.type, one.colorant, one.level.kind, one.level.percent) for one in readout.supplies]


def recorded(name: str) -> Readout:
    body = (RECORDINGS / f"{name}.bin").read_bytes()
    return interpret(GENERIC, HERE, IppAnswer(decode_response(body).printer), NOW)


@pytest.mark.recordings
def test_an_officejet_with_four_cartridges() -> None:
    """Serial number from the device id, MAC from the UUID, names joined to levels by colour."""
    told = recorded("ipp_python-ipp/get-printer-attributes-hp6830")
    assert (told.identity.manufacturer, told.identity.model) == ("HP", "Officejet Pro 6830")
    assert told.identity.serial_number == "TH55R620W0"
    assert told.identity.mac_addresses == ("58:20:b1:de:cc:cd",)
    assert supplies(told) == [
        (f"ipp.{place}", "ink_cartridge", color, "exact", 20.0)
        for place, color in enumerate(("magenta", "cyan", "yellow", "black"), 1)
    ]
    assert told.supplies[0].description == "magenta ink"
    assert [(alert.severity, alert.code) for alert in told.alerts] == [("warning", "marker-supply-low")]
    assert (told.status, codes(told)) == ("partial", ["no_total"])


@pytest.mark.recordings
def test_a_mono_laser_whose_toner_is_empty() -> None:
    """Level 0 is empty, the cartridge's serial number is in its name, the printer's own is not told."""
    told = recorded("ipp_gmuth/xerox-b210-toner-empty")
    assert supplies(told) == [("ipp.1", "toner", "black", "exact", 0.0)]
    assert told.supplies[0].serial_number == "CRUM-211009A6200"
    assert told.identity.serial_number is None
    assert [(alert.severity, alert.code) for alert in told.alerts] == [
        ("critical", "toner-empty"),
        ("critical", "markerTonerEmpty"),
    ]
    assert told.alerts[1].description.startswith("09-200 The Toner Cartridge is empty.")
    assert told.evidence["ipp:marker-levels"] == "21|0"


@pytest.mark.recordings
@pytest.mark.parametrize(
    "name", ["get-jobs-kyocera-ecosys-m2540dn-000", "get-printer-attributes-empty-attribute-group"]
)
def test_what_says_nothing_of_a_printer_is_none(name: str) -> None:
    """Answers about jobs and empty ones."""
    assert recorded(f"ipp_python-ipp/{name}").status == "not_a_printer"


@pytest.mark.parametrize(
    "share",
    [
        (URI, "printer-uri-supported", "ipp://pc-7.example.com:631/printers/Laser_9"),
        (ENUM, "printer-type", 0x480900E),
        (TEXT, "cups-version", "2.4.2"),
    ],
)
def test_a_queue_of_a_computer_is_no_printer(share: tuple[int, str, Any]) -> None:
    """It would count what that computer sent."""
    assert read(share, (INTEGER, "printer-impressions-completed", 99)).status == "not_a_printer"


def test_impressions_are_the_total_and_say_where_they_come_from() -> None:
    """Sheets stay sheets, document pages are neither, and the reader is told what a count over IPP may lack."""
    told = read(
        (INTEGER, "printer-impressions-completed", 4711),
        (INTEGER, "printer-media-sheets-completed", 3000),
        (INTEGER, "printer-pages-completed", 4000),
    )
    assert counted(told) == {
        "total": (4711, "impressions"),
        "sheets_total": (3000, "sheets"),
        "document_pages_total": (4000, "unknown"),
    }
    assert told.counters[0].source == "ipp:printer-impressions-completed"
    assert codes(told) == ["no_serial_number", "ipp_count_as_total"]
    assert told.evidence["ipp:printer-impressions-completed"] == "21|4711"


def test_a_printer_tells_the_name_that_people_gave_it() -> None:
    """printer-name is what prtGeneralPrinterName is over SNMP."""
    assert read((NAME, "printer-name", "mfu00-0365")).identity.printer_name == "mfu00-0365"


def test_sheets_alone_are_no_total() -> None:
    """Nothing is made of them."""
    told = read((INTEGER, "printer-media-sheets-completed", 3000))
    assert "total" not in counted(told)
    assert "no_total" in codes(told)


@pytest.mark.parametrize(
    ("value", "found"), [(None, {}), (0, {"total": (0, "impressions")}), (-1, {}), (b"\0\0\7", {}), ("12", {})]
)
def test_only_a_number_is_a_count(value: Any, found: dict[str, tuple[int, str]]) -> None:
    """Out-of-band, negative and misshapen values are no counts; a true zero is one."""
    assert counted(read((INTEGER, "printer-impressions-completed", value))) == found


def classes(total: int | None, **members: int) -> Readout:
    """A printer with this total and these members of its colour collection."""
    collection = {name.replace("_", "-"): (INTEGER, value) for name, value in members.items()}
    alone = [(INTEGER, "printer-impressions-completed", total)] if total is not None else []
    return read(*alone, (0x34, "printer-impressions-completed-col", collection))


def test_color_classes_need_a_sum_that_fits() -> None:
    """Two-sided impressions are added where that makes the total, are contained where that does, else nothing is."""
    plain = counted(classes(100, monochrome=60, full_color=40))
    apart = counted(classes(100, monochrome=20, monochrome_two_sided=40, full_color=30, full_color_two_sided=10))
    within = counted(classes(100, monochrome=60, monochrome_two_sided=40, full_color=40, full_color_two_sided=10))
    expected = {"total": (100, "impressions"), "monochrome": (60, "impressions"), "full_color": (40, "impressions")}
    assert plain == apart == within == expected
    unclear = classes(100, monochrome=60, monochrome_two_sided=7, full_color=30)
    assert set(counted(unclear)) == {"total"}
    assert "sum_mismatch" in codes(unclear)
    assert set(counted(classes(None, monochrome=60, monochrome_two_sided=7))) == set()


@given(st.lists(st.integers(0, 2**31 - 1), min_size=6, max_size=6), st.none() | st.integers(0, 2**31 - 1))
def test_classes_never_exceed_what_the_printer_said(parts: list[int], total: int | None) -> None:
    """No class is larger than its own two members together, and the total is the printer's or absent."""
    names = [f"{name}{side}" for name in ("monochrome", "full_color", "highlight_color") for side in ("", "_two_sided")]
    members = dict(zip(names, parts, strict=True))
    told = counted(classes(total, **members))
    assert told.get("total", (None,))[0] == total
    for name in ("monochrome", "full_color", "highlight_color"):
        if name in told:
            assert told[name][0] in (members[name], members[name] + members[f"{name}_two_sided"])


def marker(**parts: Any) -> list[tuple[int, str, Any]]:
    tags = {"names": NAME, "types": KEYWORD, "colors": NAME, "levels": INTEGER}
    return [(tags[part], f"marker-{part}", value) for part, value in parts.items()]


def test_markers_alone() -> None:
    """Percent, the CUPS meanings of -1, -2, -3, several colours in one, and a waste box that stays unknown."""
    told = read(
        *marker(
            names=["Schwarz", "Tri-color ink", "Cyan Toner", "Photo", "Waste Toner"],
            types=["toner-cartridge", "inkCartridge", "toner", "ink", "waste-toner"],
            colors=["#000000", "#00FFFF#FF00FF#FFFF00", "none", "#808080", "#000000"],
            levels=[7, -3, -2, -1, 80],
        )
    )
    assert supplies(told) == [
        ("ipp.1", "toner_cartridge", "black", "exact", 7.0),
        ("ipp.2", "ink_cartridge", "multi_color", "some_left", None),
        ("ipp.3", "toner", "cyan", "unknown", None),
        ("ipp.4", "ink", None, "unknown", None),
        ("ipp.5", "waste_toner", "black", "unknown", None),
    ]
    assert told.supplies[4].supply_class == "receptacle"


def test_ragged_markers_are_believed_in_nothing() -> None:
    """Three levels for two names: which belongs to which, nobody knows."""
    told = read(*marker(names=["Black", "Cyan"], levels=[1, 2, 3]))
    assert (supplies(told), "odd_answers" in codes(told)) == ([], True)


ROWS = [
    "type=toner;maxcapacity=100;level=50;class=supplyThatIsConsumed;unit=percent;colorantname=black;",
    "type=toner;maxcapacity=2000;level=500;class=supplyThatIsConsumed;unit=impressions;colorantname=cyan;",
    "index=9;class=receptacleThatIsFilled;type=wasteToner;unit=percent;maxcapacity=100;level=-3;colorantname=none",
    "type=opc;maxcapacity=-2;level=-2;unit=other;",
]


def test_supplies_and_markers_in_different_orders_meet_by_color() -> None:
    """The rows of printer-supply lead; their names come from the marker of the same type and colour."""
    told = read(
        (OCTETS, "printer-supply", ROWS),
        *marker(
            names=["Cyan Toner SN:ABC12345", "Black Toner"],
            types=["toner", "toner"],
            colors=["#00FFFF", "#000000"],
            levels=[25, 50],
        ),
    )
    assert supplies(told) == [
        ("ipp.1", "toner", "black", "exact", 50.0),
        ("ipp.2", "toner", "cyan", "exact", 25.0),
        ("ipp.3", "waste_toner", None, "some_left", None),
        ("ipp.4", "opc", None, "unknown", None),
    ]
    assert [one.description for one in told.supplies][:2] == ["Black Toner", "Cyan Toner SN:ABC12345"]
    assert told.supplies[1].serial_number == "ABC12345"


def test_a_printer_that_numbers_its_supplies_is_taken_at_its_word() -> None:
    """Its own numbers make the slots only if they are numbers and no two are the same."""
    numbered = [f"index={number};type=toner;level=1;" for number in (7, 3)]
    assert [one.slot for one in read((OCTETS, "printer-supply", numbered)).supplies] == ["ipp.7", "ipp.3"]
    twice = [f"index={number};type=toner;level=1;" for number in (2, 2)]
    assert [one.slot for one in read((OCTETS, "printer-supply", twice)).supplies] == ["ipp.1", "ipp.2"]


@pytest.mark.parametrize(
    "attributes",
    [
        [(OCTETS, "printer-supply", ["type=toner;level=1;"] * 9000), *marker(types=["toner"] * 3000)],
        [(OCTETS, "printer-supply", "a" * 30_000)],
        [(OCTETS, "printer-supply", ["SN" + "_" * 900] * 200)],
        [(NAME, "marker-names", ["SN" + "_" * 30_000]), *marker(levels=5)],
        [(OCTETS, "printer-alert", ["=" * 1000 + ";" * 20] * 200), (TEXT, "printer-alert-description", "'" * 30_000)],
        [(TEXT, "printer-device-id", "MFG:" * 8000), (URI, "printer-uri-supported", ["ipp://[" * 100] * 300)],
    ],
)
def test_no_size_makes_reading_slow(attributes: list[tuple[int, str, Any]]) -> None:
    """What fits into one answer is understood in a moment, however it was made up."""
    began = time.monotonic()
    told = read(*attributes)
    assert time.monotonic() - began < 2  # milliseconds in fact; minutes where something is squared
    assert len(told.supplies) <= 256


def test_two_levels_of_one_supply_make_an_unknown_one() -> None:
    """Which of the two is right is not decided by guessing."""
    told = read((OCTETS, "printer-supply", ROWS[0]), *marker(types="toner", colors="#000000", levels=5))
    assert supplies(told) == [("ipp.1", "toner", "black", "unknown", None)]
    assert "supply_levels_differ" in codes(told)


@pytest.mark.parametrize(("level", "kind"), [(-3, "empty"), (-2, "empty"), (30, "exact")])
def test_an_empty_state_fills_in_an_unknown_level_only(level: int, kind: str) -> None:
    """A single toner of unknown level is empty when the printer says that its toner is; a number stays a number."""
    told = read(*marker(names="Toner", types="toner", levels=level), (KEYWORD, "printer-state-reasons", "toner-empty"))
    assert told.supplies[0].level.kind == kind


def test_which_of_two_toners_is_empty_is_not_guessed() -> None:
    """The state does not say."""
    told = read(
        *marker(names=["Black", "Cyan"], types=["toner", "toner"], levels=[-2, -2]),
        (KEYWORD, "printer-state-reasons", "toner-empty-error"),
    )
    assert [one.level.kind for one in told.supplies] == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("uuid", "macs"),
    [
        ("urn:uuid:16a65700-007c-1000-bb49-9c934eac2f55", ("9c:93:4e:ac:2f:55",)),
        ("E3248000-80CE-11DB-8000-B42200415BAA", ("b4:22:00:41:5b:aa",)),
        ("urn:uuid:c4f86db0-9270-4c32-a1ec-9c32ceb7ae37", ()),  # version 4: chance
        ("urn:uuid:5af8cb27-a6a1-3849-484e-4294aade315e", ()),  # version 3: a hash
        ("urn:uuid:16a65700-007c-1000-bb49-000000000000", ()),
        ("urn:uuid:16a65700-007c-1000-bb49-02934eac2f55", ()),  # locally made up
        ("16a65700", ()),
        (None, ()),
    ],
)
def test_only_a_uuid_of_version_1_names_a_network_card(uuid: str | None, macs: tuple[str, ...]) -> None:
    """RFC 9562: the others end in chance or in a hash."""
    assert macs_of_uuid(uuid) == macs


SNMP = Readout(
    HERE,
    "ok",
    NOW,
    Identity(serial_number="AB1234", serial_number_raw="AB-1234"),
    (
        Counter("total", "total", "any", "any", "impressions", 1000, "1.3.6.1", "x"),
        Counter("print_total", "print", "any", "any", "impressions", 800, "1.3.6.2", "x"),
    ),
)


@pytest.mark.parametrize(
    ("impressions", "found"),
    [
        (1000, []),
        (1000 + PRINTED_BETWEEN, []),
        (1001 + PRINTED_BETWEEN, ["ipp_differs"]),
        (999, ["ipp_differs"]),
        (800, []),  # what was printed for computers
        (0, ["ipp_differs"]),
    ],
)
def test_a_different_count_is_a_finding_and_changes_nothing(impressions: int, found: list[str]) -> None:
    """The value over SNMP stays; both numbers are in the finding and in the evidence."""
    checked = cross_checked(SNMP, read((INTEGER, "printer-impressions-completed", impressions)))
    assert checked.counters == SNMP.counters
    assert codes(checked) == found
    assert checked.evidence == {"ipp:printer-impressions-completed": f"21|{impressions}"}
    for finding in checked.findings:
        assert {finding.message.values["ipp"], finding.message.values["snmp"]} == {impressions, 1000}


def test_another_serial_number_over_ipp_is_another_machine() -> None:
    """Its counter is compared with nothing."""
    second = replace(read((INTEGER, "printer-impressions-completed", 5)), identity=Identity(serial_number="ZZ9999"))
    assert codes(cross_checked(SNMP, second)) == ["ipp_identity_differs"]
    same = replace(second, identity=Identity(serial_number="00AB1234"))
    assert codes(cross_checked(SNMP, same)) == ["ipp_differs"]


@given(st.lists(st.tuples(st.sampled_from([TEXT, KEYWORD, OCTETS, INTEGER, ENUM, 0x13]), st.sampled_from(
    ["printer-device-id", "printer-uuid", "printer-uri-supported", "printer-supply", "printer-supply-description",
     "printer-alert", "printer-alert-description", "marker-names", "marker-types", "marker-colors", "marker-levels",
     "printer-state-reasons", "printer-impressions-completed", "printer-impressions-completed-col"]),
    st.lists(st.binary(max_size=60) | st.text(max_size=20), min_size=1, max_size=4)), max_size=8))  # fmt: skip
def test_no_attribute_makes_reading_fail(attributes: list[tuple[int, str, Any]]) -> None:
    """Whatever stands in any of the attributes that are looked at."""
    try:
        told = read(*attributes)
    except BadReply:  # a name of no octets and the like
        return
    assert told.status in ("ok", "partial", "not_a_printer")
    json.dumps(told.evidence)

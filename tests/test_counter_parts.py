"""What a profile can say of a counter: sums over rows, differences, models, scales, proof by the total, checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import ProfileError
from agent.printers import Endpoint
from agent.readout import Readout
from agent.snmp.catalogue import shipped
from agent.snmp.counters import read_counters
from agent.snmp.interpretation import identify, interpret
from agent.snmp.recording import parse_recording
from agent.snmp.varbinds import Answer, Tag, Value, Varbinds
from agent.snmp.witness import Witness
from tests.test_profiles import meters, understood
from tests.test_recordings import CATALOGUE, NOW

BASE = "1.3.6.1.4.1.99999.1"
HEAD = f"""name = "own"
version = 1
source = "status page"
[[match]]
manufacturer = "Sharp"
[ask]
objects = ["first", "second", "third"]
tables = [{{ columns = ["kind", "value"] }}]
[objects]
kind = "{BASE}.1"
value = "{BASE}.2"
first = "{BASE}.3.0"
second = "{BASE}.4.0"
third = "{BASE}.5.0"
"""
LIFE = "1.3.6.1.2.1.43.10.2.1.4.1.1"
RICOH = "1.3.6.1.4.1.367.3.2.1.2.19.5.1"
CANON = "1.3.6.1.4.1.1602.1.11.1.3.1.4"


def rows(*pairs: tuple[int, int]) -> str:
    """Rows of a table of kinds and values."""
    return "".join(f"{BASE}.1.{at}|2|{kind}\n{BASE}.2.{at}|65|{value}\n" for at, (kind, value) in enumerate(pairs, 1))


def read(folder: Path, counters: str, *lines: str, model: str = "MX-3070") -> Readout:
    """The readout by a profile of the site with these counters."""
    (folder / "own.toml").write_text(HEAD + counters)
    catalogue = shipped(folder)
    text = "".join((f"1.3.6.1.2.1.1.1.0|4|SHARP {model}\n1.3.6.1.2.1.43.5.1.1.1.1|65|1\n", *lines))
    varbinds = parse_recording(text).varbinds
    identity, _ = identify(catalogue.generic, varbinds)
    profile = catalogue.choose(identity, varbinds)
    return interpret(profile, Endpoint("127.0.0.1"), Varbinds(), Answer(varbinds, "recording", 0), NOW)


def codes(readout: Readout) -> set[str]:
    return {finding.code for finding in readout.findings}


EACH = '[[counters]]\nmeter="monochrome"\ncolumn="value"\nwhere={kind=[201,301]}\nrows="each"\nsource="s"\n'


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (rows((201, 5), (301, 7), (999, 1)), {"monochrome": 12}),
        (rows((301, 7), (999, 1), (201, 5)), {"monochrome": 12}),
        (rows((201, 5)), {}),
        (rows((201, 5), (201, 5), (301, 7)), {}),
        (rows((201, 0), (301, 0)), {"monochrome": 0}),
        (rows((201, 5), (301, -1)), {"monochrome": 5}),
        (rows((201, 5), (301, -2)), {}),
        (rows((201, -1), (301, -1)), {}),
    ],
)
def test_a_sum_needs_every_row(tmp_path, table, found):
    """A part that is missing or told twice makes no sum: it would be too low or too high. One that is said not to be
    offered is nothing."""
    assert meters(read(tmp_path, EACH, table)) == found


ONE = '[[counters]]\nmeter="monochrome"\ncolumn="value"\nwhere={kind=201}\nrows="one"\nsource="s"\n'
ANY = '[[counters]]\nmeter="monochrome"\nfirst=["value"]\nsource="s"\n'
SUM = '[[counters]]\nmeter="monochrome"\nsum=["first","second"]\nsource="s"\n'
SINGLE = '[[counters]]\nmeter="monochrome"\nfirst=["first"]\nsource="s"\n'


@pytest.mark.parametrize(
    ("says", "counters", "told"),
    [
        ("two rows where one is meant", ONE, rows((201, 5), (201, 7))),
        ("two rows where the column alone is named", ANY, rows((201, 5), (301, 7))),
        ("the part that every such device has is not told", SUM, f"{BASE}.4.0|65|7\n"),
        ("-1 is how makers say that there is none", SINGLE, f"{BASE}.3.0|2|-1\n"),
    ],
)
def test_what_may_mean_two_things_is_not_read(tmp_path, says, counters, told):
    """Which of them counts nobody knows: the meter is absent, and that is no oddity of the printer."""
    readout = read(tmp_path, counters, told)
    assert meters(readout) == {}, says
    assert "negative_counter" not in codes(readout)


def test_several_engines_have_no_total_and_that_is_said(tmp_path):
    """Whether the life counts of two engines add up nothing in the MIB tells."""
    readout = read(tmp_path, EACH, f"{LIFE}|65|100\n1.3.6.1.2.1.43.10.2.1.4.1.2|65|200\n")
    assert meters(readout) == {}
    assert "several_markers" in codes(readout)


MINUS = '[[counters]]\nmeter="monochrome"\nsum=["first"]\nminus=["second"]\nsource="s"\n'


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (f"{BASE}.3.0|2|100\n{BASE}.4.0|2|30\n", {"monochrome": 70}),
        (f"{BASE}.3.0|2|100\n", {}),
        (f"{BASE}.4.0|2|30\n", {}),
        (f"{BASE}.3.0|2|30\n{BASE}.4.0|2|100\n", {}),
        (f"{BASE}.3.0|2|30\n{BASE}.4.0|2|-1\n", {}),
    ],
)
def test_a_difference_needs_both_and_is_never_negative(tmp_path, lines, found):
    """All less colour is black only where both are told."""
    assert meters(read(tmp_path, MINUS, lines)) == found


def test_the_sources_of_a_difference_are_told(tmp_path):
    """What was taken away has a minus."""
    (counter,) = read(tmp_path, MINUS, f"{BASE}.3.0|2|100\n{BASE}.4.0|2|30\n").counters
    assert counter.source == f"{BASE}.3.0+-{BASE}.4.0"


@pytest.mark.parametrize(("scale", "value"), [("0.1", 123), ("1000", 1239000), ("1", 1239)])
def test_a_scale_makes_pages_of_other_units(tmp_path, scale, value):
    """Tenths are rounded down: a page that is not whole is not counted."""
    text = f'[[counters]]\nmeter="total"\nfirst=["first"]\nscale={scale}\nsource="s"\n'
    assert meters(read(tmp_path, text, f"{BASE}.3.0|2|1239\n"))["total"] == value


def test_a_counter_may_be_about_some_models(tmp_path):
    """One place for these models, another for the rest."""
    text = (
        '[[counters]]\nmeter="total"\nfirst=["second"]\nmodel="MX-30"\nsource="s"\n'
        '[[counters]]\nmeter="total"\nfirst=["first"]\nsource="s"\n'
    )
    lines = f"{BASE}.3.0|2|1\n{BASE}.4.0|2|2\n"
    assert meters(read(tmp_path, text, lines))["total"] == 2
    assert meters(read(tmp_path, text, lines, model="MX-2651"))["total"] == 1


UNPROVEN = (
    '[[counters]]\nmeter="total"\nfirst=["first"]\nsource="s"\n'
    '[[counters]]\nmeter="monochrome"\ncolumn="value"\nwhere={kind=1}\nconfidence="C"\nsource="s"\n'
    '[[counters]]\nmeter="full_color"\ncolumn="value"\nwhere={kind=2}\nconfidence="C"\nsource="s"\n'
)


@pytest.mark.parametrize(
    ("table", "found", "said"),
    [
        (rows((1, 60), (2, 40)), {"total": 100, "monochrome": 60, "full_color": 40}, False),
        (rows((1, 60), (2, 10)), {"total": 100}, True),
        (rows((1, 100)), {"total": 100}, True),
    ],
)
def test_what_one_source_says_must_make_the_total(tmp_path, table, found, said):
    """An unproven colour counter is read where black and colour make the total, else left out with the reason."""
    readout = read(tmp_path, UNPROVEN, f"{BASE}.3.0|2|100\n", table)
    assert meters(readout) == found
    assert ("unproven_counter" in codes(readout)) == said


@pytest.mark.parametrize(("print_total", "differs"), [(60, False), (300, True), (65, False)])
def test_functions_that_do_not_make_the_total_are_shown(tmp_path, print_total, differs):
    """The maker's sum is known to hold; a few pages may be printed meanwhile."""
    text = (
        '[[counters]]\nmeter="total"\nfirst=["first"]\nsource="s"\n'
        '[[counters]]\nmeter="print_total"\ncolumn="value"\nwhere={kind=1}\nsource="s"\n'
        '[[counters]]\nmeter="copy_total"\nfirst=["second"]\nsource="s"\n'
        '[[checks]]\nwhole="total"\nparts=["print_total","copy_total"]\nrelation="="\nsource="s"\n'
    )
    readout = read(tmp_path, text, f"{BASE}.3.0|2|100\n{BASE}.4.0|2|40\n", rows((1, print_total)))
    assert ("parts_mismatch" in codes(readout)) == differs


def test_a_ricoh_without_fax_tells_its_colors(tmp_path):
    """No rows of fax: copier and printer make the total, so black and colour are theirs."""
    types = {1: (10, 100), 2: (201, 20), 3: (203, 10), 4: (401, 40), 5: (403, 30)}
    text = "".join(f"{RICOH}.2.{at}|2|{kind}\n{RICOH}.9.{at}|2|{value}\n" for at, (kind, value) in types.items())
    assert meters(understood(parse_recording(f"1.3.6.1.2.1.1.1.0|4|RICOH IM C300 1.0 / R\n{text}").varbinds)) == {
        "total": 100, "copy_monochrome": 20, "copy_full_color": 10, "print_monochrome": 40, "print_full_color": 30,
        "monochrome": 60, "full_color": 40,
    }  # fmt: skip


@pytest.mark.parametrize(("black", "told"), [(60, True), (70, False)])
def test_numbered_canon_counters_count_where_they_make_the_total(black, told):
    """Public labels of the panel's numbers contradict each other; the sum shows who is right."""
    numbers = {101: 100, 102: 110, 108: black, 122: 10, 123: 30}
    text = "1.3.6.1.2.1.1.1.0|4|Canon iR-ADV C5235 /P\n"
    text += "".join(f"{CANON}.{number}|2|{value}\n" for number, value in numbers.items())
    found = meters(understood(parse_recording(text).varbinds))
    colors = {"monochrome": 60, "full_color": 40, "large_full_color": 10}
    assert found == {"total": 100, "total_equivalent": 110} | (colors if told else {})


def test_a_toshiba_that_is_a_lexmark_inside_is_read_as_one():
    """e-STUDIO ...CS: the name is Toshiba's, the counters are Lexmark's."""
    text = (
        "1.3.6.1.2.1.1.1.0|4|TOSHIBA e-STUDIO388CS\n1.3.6.1.4.1.641.6.4.2.1.1.2.1.3|2|2\n"
        "1.3.6.1.4.1.641.6.4.2.1.1.3.1.3|2|4\n1.3.6.1.4.1.641.6.4.2.1.1.4.1.3|65|77\n"
    )
    readout = understood(parse_recording(text).varbinds)
    assert (readout.identity.manufacturer, meters(readout), readout.profile.partition("/")[0]) == (
        "Toshiba", {"total": 77}, "lexmark",
    )  # fmt: skip


@pytest.mark.parametrize(
    "counters",
    [
        '[[counters]]\nmeter="total"\ncolumn="value"\nwhere={kind=1}\nrows="each"\nsource="s"\n',
        '[[counters]]\nmeter="total"\nfirst=["first"]\nminus=["second"]\nsource="s"\n',
        '[[counters]]\nmeter="total"\ncolumn="value"\nat=["*.1","*.2"]\nrows="sum"\nsource="s"\n',
        '[[counters]]\nmeter="total"\nfirst=["first"]\nmodel="("\nsource="s"\n',
        '[[counters]]\nmeter="total"\nfirst=["first"]\nscale=0\nsource="s"\n',
        '[[counters]]\nmeter="total"\nfirst=["first"]\nconfidence="C"\nsource="s"\n',
        '[[counters]]\nmeter="total"\nfirst=["first"]\n',
        '[[supplies.levels]]\nstep=101\nsource="s"\n',
        '[supplies]\npart_number=["no group"]\n',
        '[[supplies.tables]]\nprefix="own"\nlevel="nowhere"\ntype="toner"\nsource="s"\n',
    ],
)
def test_a_profile_that_cannot_be_meant_is_refused(tmp_path, counters):
    """A mistake is found when the profile is loaded, not when a printer is read."""
    with pytest.raises(ProfileError):
        read(tmp_path, counters)


TOTALS = (
    '[[counters]]\nmeter="total"\nsum=["first","second"]\nsource="s"\n'
    '[[counters]]\nmeter="copy_total"\nfirst=["second"]\nsource="s"\n'
    '[[counters]]\nmeter="print_total"\nfirst=["first"]\nsource="s"\n'
)


@pytest.mark.parametrize(
    ("says", "second", "facts", "found"),
    [
        ("both are there", "|65|7", {}, {"total": 107, "copy_total": 7, "print_total": 100}),
        ("one is said not to be offered", "|2|-1", {}, {"total": 100, "print_total": 100}),
        ("one is not told", None, {}, {"print_total": 100}),
        ("one got lost on the way", None, {"missing": True}, {"print_total": 100}),
        ("one is refused with an error", None, {"missing": True, "refused": True}, {"print_total": 100}),
    ],
)
def test_what_got_lost_is_not_counted_as_absent(tmp_path, says, second, facts, found):
    """A sum without its lost part would be too low, and the life count behind it another counter: neither is read."""
    (tmp_path / "own.toml").write_text(HEAD + TOTALS)
    catalogue = shipped(tmp_path)
    text = f"1.3.6.1.2.1.1.1.0|4|SHARP MX\n1.3.6.1.2.1.43.5.1.1.1.1|65|1\n{LIFE}|65|999\n{BASE}.3.0|65|100\n"
    text += f"{BASE}.4.0{second}\n" if second else ""
    varbinds = parse_recording(text).varbinds
    profile = catalogue.choose(identify(catalogue.generic, varbinds)[0], varbinds)
    lost = dict.fromkeys(facts, (profile.oids["second"],))
    answer = Answer(varbinds, "v2c", 3, complete=not facts, **lost)
    readout = interpret(profile, Endpoint("127.0.0.1"), Varbinds(), answer, NOW)
    assert meters(readout) == found, says
    assert ("counter_cut" in codes(readout)) == (facts == {"missing": True})


SHEETS = (
    '[[counters]]\nmeter="print_total"\nfirst=["first"]\nsource="s"\n'
    '[[counters]]\nmeter="print_sheets"\nfirst=["second"]\nunit="sheets"\nbeside="print_total"\nsource="s"\n'
)


@pytest.mark.parametrize(
    ("line", "found"), [(f"{BASE}.3.0|65|30\n", {"print_total": 30, "print_sheets": 21}), ("", {})]
)
def test_a_meter_may_make_sense_beside_another_alone(tmp_path, line, found):
    """Sheets of a function that tells no impressions say nothing that could be checked: they are not read."""
    assert meters(read(tmp_path, SHEETS, line, f"{BASE}.4.0|65|21\n")) == found


SAME = '[[counters]]\nmeter="total"\ncolumn="value"\nwhere={kind=[10,800]}\nrows="same"\nsource="s"\n'


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (rows((10, 5)), {"total": 5}),
        (rows((10, 5), (800, 5), (200, 3)), {"total": 5}),
        (rows((10, 5), (800, 6)), {}),
        (rows((200, 5)), {}),
    ],
)
def test_what_is_told_twice_counts_where_it_is_the_same(tmp_path, table, found):
    """One counter in two rows is that counter once; two values are no value."""
    assert meters(read(tmp_path, SAME, table)) == found


@pytest.mark.parametrize(("print_total", "shown"), [(999_950, False), (999_000, True), (1_000_095, False)])
def test_a_sum_may_lose_a_page_in_ten_thousand(tmp_path, print_total, shown):
    """Jams are counted by one function and not by the other: a machine with a million pages is near, not odd."""
    counters = TOTALS.replace('sum=["first","second"]', 'first=["first"]').replace(
        'meter="print_total"\nfirst=["first"]', 'meter="print_total"\nfirst=["second"]'
    )
    counters = counters.replace('meter="copy_total"\nfirst=["second"]', 'meter="copy_total"\nfirst=["third"]')
    check = '[[checks]]\nwhole="total"\nparts=["print_total","copy_total"]\nrelation="="\nsource="s"\n'
    lines = f"{BASE}.3.0|65|1000000\n{BASE}.4.0|65|{print_total}\n{BASE}.5.0|65|0\n"
    assert ("parts_mismatch" in codes(read(tmp_path, counters + check, lines))) == shown


def placed(*places: str, rows: str = "one") -> str:
    wanted = ", ".join(f'"{place}"' for place in places)
    return f'[[counters]]\nmeter="copy_total"\ncolumn="value"\nat=[{wanted}]\nrows="{rows}"\nsource="s"\n'


@pytest.mark.parametrize(
    ("counters", "found"),
    [
        (placed("*.20.3"), {"copy_total": 7}),
        (placed("11.20.3"), {"copy_total": 7}),
        (placed("*.3"), {}),
        (placed("*.*.3"), {}),
        (placed("*.20.3", "*.20.25", rows="each"), {"copy_total": 12}),
        (placed("*.20.3", "*.20.26", rows="each"), {}),
        (placed("*.20.3", "*.20.26", rows="some"), {}),
    ],
)
def test_a_row_may_be_known_by_its_index(tmp_path, counters, found):
    """A star stands for any number; an index of another length or form is another row, and two rows are none."""
    lines = f"{BASE}.2.11.20.3|65|7\n{BASE}.2.11.20.25|65|5\n{BASE}.2.11.21.3|65|100\n{BASE}.2.3|65|200\n"
    assert meters(read(tmp_path, counters, lines)) == found


OF = (
    '[[counters]]\nmeter="large_monochrome"\nfirst=["first"]\nsource="s"\n'
    '[[counters]]\nmeter="large_full_color"\nfirst=["second"]\nsource="s"\n'
    '[[counters]]\nmeter="large_total"\nof=["large_monochrome","large_full_color"]\nsource="s"\n'
)


@pytest.mark.parametrize(
    ("second", "found"),
    [("|65|5\n", {"large_full_color": 5, "large_total": 12}), ("|2|-1\n", {}), (None, {})],
)
def test_a_meter_made_of_others_needs_all_of_them(tmp_path, second, found):
    """Without one of its colours the large sheets of a machine would be too few."""
    lines = f"{BASE}.3.0|65|7\n" + (f"{BASE}.4.0{second}" if second else "")
    readout = read(tmp_path, OF, lines)
    assert meters(readout) == {"large_monochrome": 7} | found
    made = [counter.source for counter in readout.counters if counter.meter == "large_total"]
    assert made == ([f"{BASE}.3.0+{BASE}.4.0"] if "large_total" in found else [])


def test_a_difference_names_numbers_sources_and_why(tmp_path):
    """The maker's total and the life count differ: both numbers, where the total stands, and why it is believed."""
    total = '[[counters]]\nmeter="total"\nfirst=["first"]\nsource="the status page shows it."\n'
    readout = read(tmp_path, total, f"{BASE}.3.0|65|1000\n", f"{LIFE}|65|4000\n")
    (said,) = (str(one.message) for one in readout.findings if one.code == "life_count_differs")
    assert said == (
        f"The standard's life count is 4000, the total is 1000 ({BASE}.3.0). "
        "The total counts, because: the status page shows it."
    )


def test_colors_that_do_not_make_the_total_are_named(tmp_path):
    """Black, colour and total with their sources: whoever looks into it knows where."""
    parts = "".join(
        f'[[counters]]\nmeter="{meter}"\nfirst=["{name}"]\nsource="s"\n'
        for meter, name in (("monochrome", "first"), ("full_color", "second"))
    )
    readout = read(tmp_path, parts, f"{BASE}.3.0|65|10\n{BASE}.4.0|65|20\n", f"{LIFE}|65|4000\n")
    (said,) = (str(one.message) for one in readout.findings if one.code == "sum_mismatch")
    assert said == f"Black and color make 30 ({BASE}.3.0, {BASE}.4.0), the total is 4000 ({LIFE})."


@pytest.mark.parametrize("told", ["printMono printFull copyMono copyFull", "printMono printFull", "printMono"])
def test_no_sum_of_a_column_that_was_cut_short(told):
    """The walk over the functions ended early: a sum without the copies would be too low, and is not read."""
    profile = next(one for one in CATALOGUE.vendors if one.name == "kyocera")
    said = {profile.oids[name]: Value(Tag.COUNTER32, 4) for name in told.split()}
    witness = Witness(Varbinds(said), profile.oids)
    counters, findings = read_counters(profile, witness, "TASKalfa 1", [profile.oids["kyoceraColors"]])
    assert not {one.meter for one in counters} & {"monochrome", "full_color"}
    cut = " ".join(str(one.message) for one in findings if one.code == "counter_cut")
    assert all(meter in cut for meter in ("monochrome", "full_color"))


PARTIAL = (
    '[[counters]]\nmeter="total"\nfirst=["first"]\nsource="s"\n'
    '[[counters]]\nmeter="print_total"\ncolumn="value"\nwhere={kind=[1,2]}\nrows="some"\nsource="s"\n'
    '[[counters]]\nmeter="copy_total"\ncolumn="value"\nwhere={kind=[3,4]}\nrows="some"\nsource="s"\n'
    '[[checks]]\nwhole="total"\nparts=["print_total","copy_total"]\nrelation="="\nsource="s"\n'
)


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (rows((1, 50), (2, 10), (3, 30), (4, 10)), {"print_total": 60, "copy_total": 40}),
        (rows((1, 60), (3, 40)), {"print_total": 60, "copy_total": 40}),
        (rows((1, 60), (3, 39)), {}),
        (rows((1, 60), (2, 0), (3, 39)), {"print_total": 60}),
        (rows((1, 100)), {"print_total": 100}),
        (rows((1, 50), (1, 10), (3, 40)), {}),
    ],
)
def test_a_sum_without_a_part_needs_proof_to_the_page(tmp_path, table, found):
    """A machine without colour lacks those rows, and so does an answer that lost them: only the whole tells which."""
    readout = read(tmp_path, PARTIAL, f"{BASE}.3.0|2|100\n", table)
    assert meters(readout) == {"total": 100} | found


ADDED = '[[counters]]\nmeter="print_total"\ncolumn="value"\nwhere={kind=1}\nrows="sum"\nsource="s"\n'


@pytest.mark.parametrize(
    ("says", "table", "found"),
    [
        ("whole rows", rows((1, 5), (1, 7), (2, 9)), {"print_total": 12}),
        ("a row without its value", rows((1, 5)) + f"{BASE}.1.2|2|1\n", {}),
        ("a value without its meaning", rows((1, 5)) + f"{BASE}.2.2|65|7\n", {}),
        ("a row of another meaning without its value", rows((1, 5)) + f"{BASE}.1.2|2|2\n", {"print_total": 5}),
        ("a value that is said not to be offered", rows((1, 5), (1, -1)), {"print_total": 5}),
        ("a negative value", rows((1, 5), (1, -7)), {}),
    ],
)
def test_a_torn_row_makes_no_sum(tmp_path, says, table, found):
    """A cell that is missing may be a part of the sum."""
    assert meters(read(tmp_path, ADDED, table)) == found, says


def test_a_sum_of_rows_tells_how_many(tmp_path):
    """So that the next reading notices when one is gone."""
    (counter,) = read(tmp_path, ADDED, rows((1, 5), (1, 7))).counters
    assert (counter.rows, counter.origin) == (2, f"{BASE}.2?{BASE}.1=1 x2")


DOUBTED = (
    '[[counters]]\nmeter="total"\nfirst=["first"]\nsource="s"\n'
    '[[counters]]\nmeter="print_total"\ncolumn="value"\nwhere={kind=1}\nconfidence="C"\nsource="s"\n'
    '[[counters]]\nmeter="copy_total"\ncolumn="value"\nwhere={kind=2}\nconfidence="C"\nsource="s"\n'
    '[[checks]]\nwhole="total"\nparts=["print_total","copy_total"]\nsource="s"\n'
)


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (rows((1, 6000), (2, 3995)), {"print_total": 6000, "copy_total": 3995}),
        (rows((1, 6000), (2, 3000)), {}),
        (rows((1, 10_000)), {}),
    ],
)
def test_a_function_of_one_source_must_make_the_whole(tmp_path, table, found):
    """Told by one source alone, it is read where the check's parts make the whole; one part alone shows nothing."""
    assert meters(read(tmp_path, DOUBTED, f"{BASE}.3.0|2|10000\n", table)) == {"total": 10_000} | found


@pytest.mark.parametrize(
    ("life", "far"), [(10_000, False), (5000, False), (20_000, False), (4999, True), (20_001, True), (0, True)]
)
def test_a_total_far_from_the_life_count_is_shown(tmp_path, life, far):
    """Large sheets counted as two make it twice as much at most."""
    total = '[[counters]]\nmeter="total"\nfirst=["first"]\nsource="s"\n'
    assert ("life_count_far" in codes(read(tmp_path, total, f"{BASE}.3.0|2|10000\n", f"{LIFE}|65|{life}\n"))) == far

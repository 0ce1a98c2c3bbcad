"""Profiles that a site writes itself: they win, they add to what is known, and no mistake in one goes unnoticed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import ProfileError
from agent.language import Language
from agent.printers import Endpoint, Identity
from agent.readout import Readout
from agent.snmp import catalogue as catalogue_module
from agent.snmp.catalogue import Catalogue, shipped
from agent.snmp.interpretation import identify, interpret
from agent.snmp.profile import VendorFile
from agent.snmp.profile_checks import mistakes
from agent.snmp.profile_file import parse
from agent.snmp.recording import parse_recording
from agent.snmp.varbinds import Answer, Varbinds
from tests.test_profiles import meters
from tests.test_recordings import CATALOGUE, NOW

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = sorted(file for file in (ROOT / "agent/snmp/profiles").glob("*.toml") if file.name != "generic.toml")
EXAMPLES = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/profiles.md").read_text("utf-8"), re.DOTALL)
HEAD = 'name = "own"\nversion = 3\nsource = "status page"\n'
KYOCERA = HEAD + '[[match]]\nmanufacturer = "Kyocera"\n'
A = '[objects]\na = "1.3.6.1.4.1.1347.99.1.0"\n[ask]\nobjects = ["a"]\n'
TOTAL = '[[counters]]\nmeter = "total"\nfirst = ["a"]\nsource = "status page"\n'
TASKALFA = (
    "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.1347.41\n1.3.6.1.2.1.43.5.1.1.1.1|65|1\n"
    "1.3.6.1.2.1.25.3.2.1.2.1|6|1.3.6.1.2.1.25.3.1.5\n1.3.6.1.2.1.25.3.2.1.3.1|4|TASKalfa 3555ci\n"
    "1.3.6.1.4.1.1347.43.10.1.1.12.1.1|65|500\n1.3.6.1.4.1.1347.42.3.1.1.1.1.1|65|400\n"
)


def loaded(folder: Path, *texts: str) -> Catalogue:
    for place, text in enumerate(texts):
        (folder / f"own{place}.toml").write_text(text, "utf-8")
    return shipped(folder)


def read(catalogue: Catalogue, text: str) -> Readout:
    varbinds = parse_recording(text).varbinds
    identity, _ = identify(catalogue.generic, varbinds)
    profile = catalogue.choose(identity, varbinds)
    return interpret(profile, Endpoint("127.0.0.1"), Varbinds(), Answer(varbinds, "recording", 0), NOW)


def test_a_site_adds_to_what_is_known(tmp_path):
    """Its own counter comes first; the maker's others stay; each value says which profile it came from."""
    readout = read(loaded(tmp_path, KYOCERA + A + TOTAL), TASKALFA + "1.3.6.1.4.1.1347.99.1.0|65|777\n")
    found = {counter.meter: (counter.value, counter.profile) for counter in readout.counters}
    assert found == {"total": (777, "own/3"), "print_total": (400, "kyocera/1")}


def test_what_the_site_has_not_falls_back_to_what_is_known(tmp_path):
    """The device lacks the site's object: the maker's total is read, and says so."""
    readout = read(loaded(tmp_path, KYOCERA + A + TOTAL), TASKALFA)
    assert [(one.value, one.profile) for one in readout.counters if one.meter == "total"] == [(500, "kyocera/1")]


def test_a_value_of_the_standard_names_the_generic_profile():
    """The life count under a maker's profile is the standard's knowledge, not the maker's."""
    readout = read(CATALOGUE, TASKALFA.replace("1.3.6.1.4.1.1347.43.10", "1.3.6.1.2.1.43.10").replace(
        "43.10.1.1.12.1.1", "43.10.2.1.4.1.1"))  # fmt: skip
    assert [(one.value, one.profile) for one in readout.counters if one.meter == "total"] == [(500, "generic/1")]


def test_a_site_wins_over_whatever_answers(tmp_path):
    """A shipped profile that is better proven (its objects answer) does not come before the site's own."""
    own = HEAD + 'based_on = "generic"\n[[match]]\nmanufacturer = "Kyocera"\n'
    assert read(loaded(tmp_path, own), TASKALFA).profile == "own/3"


def test_only_the_models_that_are_meant(tmp_path):
    """Another model of the maker keeps the shipped profile."""
    catalogue = loaded(tmp_path, KYOCERA + 'model = "3555ci$"\n')
    chosen = [catalogue.choose(Identity("Kyocera", model), Varbinds()).name for model in ("TASKalfa 3555ci", "P2040")]
    assert chosen == ["own", "kyocera"]


def test_a_site_begins_from_nothing_where_it_says_so(tmp_path):
    """`based_on = "generic"`: nothing of the shipped profile is left."""
    own = KYOCERA.replace("source", 'based_on = "generic"\nsource') + A + TOTAL
    assert meters(read(loaded(tmp_path, own), TASKALFA + "1.3.6.1.4.1.1347.99.1.0|65|7\n")) == {"total": 7}


MISTAKES = [
    ("name = x", 1, "TOML"),
    ("", 1, "missing"),
    (KYOCERA + "a = [\n", 7, "TOML"),
    (KYOCERA + "[objects]\na = 1\n", 7, "must be a text"),
    (KYOCERA + '[objects]\na = "1.3.6.1"\na = "1.3.6.2"\n', 8, "TOML"),
    (KYOCERA + "a = " + "[" * 3000 + "]" * 3000, 6, "nested too deep"),
    (HEAD.replace("3", "9" * 5000), 2, "too many digits"),
    (KYOCERA + 'sourse = "s"\n', 6, "not known"),
    (HEAD.replace("version = 3", 'version = "three"') + '[[match]]\nmanufacturer = "Kyocera"\n', 2, "number"),
    (HEAD.replace("own", "My profile") + '[[match]]\nmanufacturer = "Kyocera"\n', 1, "form"),
    (HEAD.replace("own", "kyocera") + '[[match]]\nmanufacturer = "Kyocera"\n', 1, "another profile"),
    (HEAD + 'based_on = "kyozera"\n[[match]]\nmanufacturer = "Kyocera"\n', 4, "no shipped profile"),
    (HEAD + '[[match]]\nmanufacturer = "HP"\n', 1, "Several shipped"),
    (HEAD + '[[match]]\nmanufacturer = "Kyozera"\n', 5, 'Did you mean "Kyocera"'),
    (HEAD + '[[match]]\nmodel = "3555"\n', 4, "neither"),
    (HEAD + '[[match]]\nmanufacturer = "Kyocera"\nmodel = "(["\n', 6, "regular expression"),
    (KYOCERA + '[objects]\na = "1.3.x"\n', 7, "object identifier"),
    (KYOCERA + '["objects"]\n"a" = "1.3.99999999999"\n', 7, "object identifier"),
    (KYOCERA + '[objects]\na = "9.99.1"\n', 7, "object identifier"),
    (KYOCERA + '[objects]\na = "1.3.6.1_0"\n', 7, "object identifier"),
    (KYOCERA + '[objects]\na = "1.3.٣.1"\n', 7, "object identifier"),
    (KYOCERA + '[objects]\na = "1.3' + ".1" * 200 + '"\n', 7, "object identifier"),
    (KYOCERA + '[objects]\nprtMarkerLifeCount = "1.3.6.1.4.1.9.1"\n', 7, "another object"),
    (KYOCERA + TOTAL, 8, "There is no a in [objects]"),
    (KYOCERA + '[objects]\na = "1.3.6.1.4.1.9.1.0"\n' + TOTAL, 10, "never asked"),
    (KYOCERA + A + TOTAL.replace('"a"', '"a#zz"'), 12, "record"),
    (KYOCERA + A + TOTAL.replace('"a"', '"a#"'), 12, "record"),
    (KYOCERA + A + TOTAL.replace('"total"', '"totals"'), 11, 'Did you mean "total"'),
    (KYOCERA + A + TOTAL.replace('"total"', '"Black Pages"'), 11, "form"),
    (KYOCERA + A + TOTAL + 'unit = "pages"\n', 14, "unit"),
    (KYOCERA + A + TOTAL + "scale = nan\n", 14, "number"),
    (KYOCERA + A + TOTAL + "scale = -1\n", 14, "above 0"),
    (KYOCERA + A + TOTAL + 'sum = ["a"]\n', 10, "exactly one"),
    (KYOCERA + A + TOTAL + 'minus = ["a"]\n', 10, "belongs to a sum"),
    (KYOCERA + A + TOTAL + 'confidence = "C"\n', 14, "part of no check"),
    (KYOCERA + A + TOTAL + 'confidence = "D"\n', 14, "choices"),
    (KYOCERA + A + TOTAL + "where = { a = 1 }\n", 10, "belong together"),
    (KYOCERA + A + '[[counters]]\nmeter = "total"\ncolumn = "a"\nsource = "s"\nwhere = { a = 1.5 }\n', 14, "number"),
    (KYOCERA + '[ask]\ntables = [\n { columns = ["prtMarkerLifeCount"], rows = 400 },\n]\n', 8, "64"),
    (KYOCERA + '[[checks]]\nwhole = "total"\nparts = ["tootal"]\nsource = "s"\n', 8, "no meter"),
    (KYOCERA + "[identity]\nserial_number = ['sysDescr~(a)(b)']\n", 7, "exactly one group"),
    (KYOCERA + '[identity]\nmodel = ["nowhere"]\n', 7, "nowhere"),
    (KYOCERA + '[[supplies.levels]]\ntypes = ["tonner"]\nsource = "s"\n', 7, 'Did you mean "toner"'),
    (KYOCERA + '[[supplies.alerts]]\ncode = "toner_low"\nsays = "low"\n', 7, "words"),
    (KYOCERA + A + '[[supplies.records]]\nprefix = "x"\ntype = "toner"\ncolorant = "pink"\nlevel = "a#1"\nsource = "s"',
     13, "words"),
    (KYOCERA + '[[care]]\nmodel = "("\nnever = ["read"]\nwhy = "w"\n', 7, "regular expression"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "says"), MISTAKES, ids=lambda value: str(value)[-30:])
def test_every_mistake_names_file_line_and_remedy(tmp_path, text, line, says):
    """Whatever is wrong: the file, the line where it stands, what it is, and what to do, in both languages."""
    with pytest.raises(ProfileError) as caught:
        loaded(tmp_path, text)
    problem = next(one for one in caught.value.problems if says in f"{one.what} {one.remedy}")
    assert problem.line == line
    assert str(problem.remedy)
    english, german = (Language(code).show_error(caught.value) for code in ("en", "de"))
    assert f"line {line}, " in english
    assert f"Zeile {line}, " in german
    assert all(str(tmp_path / "own0.toml") in said for said in (english, german))
    assert Language("de").show(problem.what) != str(problem.what)
    assert Language("de").show(problem.remedy) != str(problem.remedy)


def test_all_mistakes_of_a_file_are_named_at_once(tmp_path):
    """One look, one correction: not one mistake after the other."""
    text = KYOCERA + A + TOTAL.replace('"a"', '"b"') + TOTAL.replace('"total"', '"totals"')
    with pytest.raises(ProfileError) as caught:
        loaded(tmp_path, text)
    assert [problem.line for problem in caught.value.problems] == [12, 15]


def test_two_own_profiles_have_two_names(tmp_path):
    """With one name for both nobody could tell which of them a value came from."""
    with pytest.raises(ProfileError, match="another profile"):
        loaded(tmp_path, KYOCERA, KYOCERA)


@pytest.mark.parametrize("octets", [b'name = "\xff"', b"\x00", KYOCERA.encode("utf-16")])
def test_a_file_that_is_no_text_is_refused(tmp_path, octets):
    """Saved in another encoding: said so, with the line."""
    (tmp_path / "own.toml").write_bytes(octets)
    with pytest.raises(ProfileError) as caught:
        shipped(tmp_path)
    assert [problem.line for problem in caught.value.problems] == [1]


def test_a_file_from_windows_is_taken(tmp_path):
    """A byte order mark and carriage returns are no mistakes."""
    (tmp_path / "own.toml").write_bytes(b"\xef\xbb\xbf" + (KYOCERA + A + TOTAL).replace("\n", "\r\n").encode())
    assert [profile.label for profile in shipped(tmp_path).own] == ["own/3"]


words = st.sampled_from(["a", "b", "total", "Kyocera", "([", "1.3.6.1.4.1.9", "a#1f", "sheets", "", "x" * 300, "größe"])
scalars = words | st.integers() | st.floats() | st.booleans() | st.none()
keys = st.sampled_from(sorted({*VendorFile.model_fields, "meter", "first", "sum", "where", "column", "rows", "levels",
    "tables", "columns", "objects", "records", "level", "type", "types", "unit", "scale", "model"}))  # fmt: skip
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)


def written(tree: object) -> str:
    """A tree as a TOML value."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key} = {written(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(written, tree)) + "]"
    if isinstance(tree, str):
        return '"' + tree.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return {None: '""', True: "true", False: "false"}.get(tree, str(tree))  # type: ignore[call-overload]


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(keys, trees, max_size=6), st.sampled_from(["", KYOCERA]))
def test_no_tree_of_values_is_too_much(tmp_path_factory, tree, head):
    """Any TOML at all is a profile or a `ProfileError` with lines; nothing else ever escapes."""
    text = "".join(f"{key} = {written(value)}\n" for key, value in tree.items()) + head
    _load_or_explain(tmp_path_factory.mktemp("own"), text)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_damage_to_a_good_profile_is_too_much(tmp_path_factory, data):
    """A shipped file with some signs lost, doubled or changed, and what it then reads."""
    text = data.draw(st.sampled_from(SHIPPED)).read_text("utf-8").replace('name = "', 'name = "own-', 1)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        size = data.draw(st.integers(0, 3))
        text = (
            text[:at]
            + data.draw(st.sampled_from(["", '"', "[", "\n", "9", "x", "=", "#", "-1", "é"]))
            + text[at + size :]
        )
    _load_or_explain(tmp_path_factory.mktemp("own"), text)


def _load_or_explain(folder: Path, text: str) -> None:
    try:
        catalogue = loaded(folder, text)
    except ProfileError as error:
        assert error.problems
        assert all(problem.line for problem in error.problems)
        Language("de").show_error(error)
        return
    read(catalogue, TASKALFA + "1.3.6.1.4.1.9|4|text\n1.3.6.1.4.1.9.1|2|-1\n")


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_no_shipped_profile_has_such_a_mistake(file):
    """Above all nothing rests on an object that no printer is ever asked for."""
    vendor = parse(file.read_text("utf-8"), file.name, VendorFile)
    found = mistakes(vendor, CATALOGUE.generic, CATALOGUE.meters)
    assert [f"{one.path}: {one.what}" for one in found] == []


def test_the_guide_shows_profiles_that_load(tmp_path):
    """Every example of docs/profiles.md is a whole profile, and they are all of different names."""
    assert len(EXAMPLES) >= 4
    assert len(loaded(tmp_path, *EXAMPLES).own) == len(EXAMPLES)


def test_the_guide_reads_what_it_promises(tmp_path):
    """The example of the table: rows by what they say, and a difference."""
    catalogue = loaded(tmp_path, *EXAMPLES)
    rows = [(1, 103, 300), (2, 201, 400), (3, 101, 500)]
    base = "1.3.6.1.4.1.99999"
    text = "".join(f"{base}.1.1.{row}|2|{kind}\n{base}.1.2.{row}|65|{pages}\n" for row, kind, pages in rows)
    text += f"{base}.2.0|65|7\n{base}.3.0|65|1207\n1.3.6.1.2.1.43.5.1.1.1.1|65|1\n"
    text += "1.3.6.1.4.1.2699.1.2.1.2.1.1.3.1|4|MFG:Bigpress;MDL:P1;\n"
    assert meters(read(catalogue, text)) == {"monochrome": 900, "full_color": 300, "total": 1200}


def test_the_guide_shows_the_mistake_as_it_is_told(tmp_path):
    """The mistake that the guide quotes is what the program says."""
    example = next(one for one in EXAMPLES if "pressAll" in one).replace('objects = ["pressAll", ', "objects = [")
    with pytest.raises(ProfileError) as caught:
        loaded(tmp_path, example)
    (problem,) = caught.value.problems
    assert str(problem) in (ROOT / "docs/profiles.md").read_text("utf-8")


def test_the_guide_names_every_key_of_a_counter():
    """What a profile may say of a counter is explained."""
    guide = (ROOT / "docs/profiles.md").read_text("utf-8")
    fields = set(catalogue_module.Profile.model_fields["counters"].annotation.__args__[0].model_fields) - {"origin"}
    assert [field for field in sorted(fields) if f"`{field}`" not in guide] == []

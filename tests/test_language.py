"""German and English: which one the reader gets, and that nothing is missing in either."""

from __future__ import annotations

import ast
import gettext
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from agent import language
from agent.errors import AgentError
from agent.language import Language, choose
from agent.problems import ConfigProblems, Problem
from agent.texts import message

AGENT = Path(language.__file__).parent
GERMAN_PO = language.LOCALES / "de" / "LC_MESSAGES" / f"{language.DOMAIN}.po"
GERMAN, ENGLISH = Language("de"), Language("en")


@pytest.fixture(autouse=True)
def _english_afterwards() -> Iterator[None]:
    yield
    choose("en")


def names_in(template: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", template))


def sentences() -> dict[str, str]:
    """Every sentence for people in the agent, with the place of its first use."""
    found: dict[str, str] = {}
    keywords = {"message": None, "_": None}
    for file, line, text, _, _ in extract_from_dir(AGENT, [("**.py", "python")], keywords=keywords):
        found.setdefault(text if isinstance(text, str) else text[0], f"{file}:{line}")
    return found


def calls_of_message() -> Iterator[tuple[str, ast.Call]]:
    for file in sorted(AGENT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "message":
                yield f"{file.relative_to(AGENT)}:{node.lineno}", node


def test_every_sentence_has_its_german() -> None:
    """A German reader gets no sentence in English."""
    with GERMAN_PO.open("rb") as file:
        catalogue = read_po(file)
    found = sentences()
    assert len(found) > 100
    german = {text: entry.string if (entry := catalogue.get(text)) else None for text in found}
    assert [f"{found[text]}: {text}" for text, translation in german.items() if not translation] == []


def test_german_sentences_have_the_same_values() -> None:
    """No value is lost and none is made up in the translation."""
    with GERMAN_PO.open("rb") as file:
        catalogue = read_po(file)
    pairs = [(str(entry.id), str(entry.string)) for entry in catalogue if entry.id and entry.string]
    assert len(pairs) > 100
    assert [english for english, german in pairs if names_in(english) != names_in(german)] == []


def test_the_compiled_catalogue_is_of_today() -> None:
    """What the agent reads is what the translation says."""
    fresh = io.BytesIO()
    with GERMAN_PO.open("rb") as file:
        write_mo(fresh, read_po(file), use_fuzzy=True)
    fresh.seek(0)
    today = gettext.GNUTranslations(fresh)
    assert {text: GERMAN.text(text) for text in sentences()} == {text: today.gettext(text) for text in sentences()}


def test_sentences_are_literals() -> None:
    """Every sentence stands as a literal in its `message(...)`: only those are collected for translation."""
    assert [place for place, call in calls_of_message() if not isinstance(call.args[0], ast.Constant)] == []


def test_sentences_have_all_their_values() -> None:
    """Every {name} in a sentence gets its value where the sentence is made, no more and no less."""
    wrong = []
    for place, call in calls_of_message():
        given = {keyword.arg for keyword in call.keywords}
        # Values that come as a mapping, or are put in later, cannot be seen here.
        if isinstance(call.args[0], ast.Constant) and given and None not in given:
            template = str(call.args[0].value)
            wrong += [f"{place}: {template}"] if names_in(template) != given else []
    assert wrong == []


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de"}, "de"),
        ({"LANG": "German_Austria.1252"}, "de"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "den_XX"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US", "LC_MESSAGES": "fr_FR", "LC_ALL": "de_CH.UTF-8"}, "de"),
        ({"LANG": "de_DE", "LC_ALL": ""}, "de"),
    ],
)
def test_the_environment_tells_the_language(environ: dict[str, str], code: str) -> None:
    """With "auto" the reader gets German on a German system and English on every other; the config file decides."""
    assert choose("auto", environ).code == code
    assert language.current().code == code
    assert choose("de", {"LANG": "en_US"}).code == "de"
    assert choose("en", {"LANG": "de_DE"}).code == "en"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows asks for the display language")
def test_without_any_hint_english() -> None:
    """A bare service without a locale writes English."""
    assert choose("auto", {}).code == "en"


def test_sentences_are_shown_in_the_readers_language() -> None:
    """The same stored sentence is read in German by one and in English by the other."""
    sentence = message('The secret "{name}" is not stored here.', name="floor2")
    assert ENGLISH.show(sentence) == 'The secret "floor2" is not stored here.'
    assert GERMAN.show(sentence) == "Das Geheimnis „floor2“ ist hier nicht hinterlegt."
    choose("de")
    assert language.show(sentence) == GERMAN.show(sentence)
    assert language._("This key is missing.") == "Diese Angabe fehlt."


def test_sentences_without_translation_are_english() -> None:
    """A sentence from a newer agent, or an empty one, is shown as it is."""
    template = "No such {thing} in any catalogue."
    assert GERMAN.show(message(template, thing="entry")) == "No such entry in any catalogue."
    assert GERMAN.text("") == ""


def test_values_cannot_harm_the_reader() -> None:
    """A device's name with control characters in it is shown without them, and bounded."""
    shown = GERMAN.show(message("Device {name}", name="a\x1b[2J\n" + "x" * 5000))
    assert "\x1b" not in shown
    assert "\n" not in shown
    assert len(shown) < 1100


def test_errors_with_their_remedy() -> None:
    """An error is shown with its remedy, and a config file with every problem, all in the reader's language."""
    missing, remedy = message("This key is missing."), message('Add a line: {key} = "…"', key="url")
    assert GERMAN.show_error(AgentError(missing)) == "Diese Angabe fehlt."
    assert GERMAN.show_error(AgentError(missing, remedy)) == 'Diese Angabe fehlt.\nErgänzen Sie eine Zeile: url = "…"'
    shown = GERMAN.show_error(ConfigProblems(Path("m.toml"), [Problem("portal.url", missing, remedy)])).split("\n")
    assert shown == [
        "Die Konfigurationsdatei m.toml ist so nicht verwendbar; zu berichtigen: 1.",
        '  portal.url: Diese Angabe fehlt. Ergänzen Sie eine Zeile: url = "…"',
        "Berichtigen Sie die Datei und prüfen Sie sie mit: meter-agent check",
    ]


def test_numbers() -> None:
    """Thousands and decimals are separated as the reader is used to."""
    assert [ENGLISH.number(n) for n in (0, 999, 1234567, -1234)] == ["0", "999", "1,234,567", "-1,234"]
    assert [GERMAN.number(n) for n in (0, 999, 1234567, -1234)] == ["0", "999", "1.234.567", "-1.234"]
    assert (ENGLISH.number(1234.5, 1), GERMAN.number(1234.5, 1)) == ("1,234.5", "1.234,5")
    choose("de")
    assert language.number(2_147_483_647) == "2.147.483.647"


def test_moments() -> None:
    """Times are shown in local time, with summer time, in the reader's form."""
    berlin = ZoneInfo("Europe/Berlin")
    winter, summer = datetime(2026, 11, 23, 23, 5, tzinfo=UTC), datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    assert (GERMAN.moment(winter, berlin), ENGLISH.moment(winter, berlin)) == ("24.11.2026 00:05", "24 Nov 2026, 00:05")
    assert (GERMAN.moment(summer, berlin), ENGLISH.moment(summer, berlin)) == ("01.07.2026 14:00", "1 Jul 2026, 14:00")
    assert GERMAN.day(date(2026, 3, 9)) == "09.03.2026"
    assert language.moment(winter) == ENGLISH.moment(winter)
    with pytest.raises(ValueError, match="time zone"):
        GERMAN.moment(winter.replace(tzinfo=None))


def test_no_sentence_hides_in_an_f_string():
    """Sentences inside f-strings are not collected, so nobody would translate them."""
    hidden = [str(file) for file in AGENT.rglob("*.py") if "{_(" in file.read_text("utf-8")]
    assert hidden == []

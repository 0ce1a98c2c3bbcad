"""profiles: what is known of a model, for people and for scripts; and own profiles on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

OWN = """name = "shop"
version = 7
source = "status page"
[[match]]
manufacturer = "Kyocera"
[objects]
shopTotal = "1.3.6.1.4.1.1347.99.1.0"
[ask]
objects = ["shopTotal"]
[[counters]]
meter = "total"
first = ["shopTotal"]
scale = 0.1
confidence = "A"
source = "it says tenths"
"""


def agent(*arguments: str, language: str = "en") -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "LANGUAGE": language, "LANG": f"{language}.UTF-8", "COLUMNS": "200", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "agent", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=surroundings)


@pytest.fixture
def config(tmp_path) -> Path:
    file = tmp_path / "meter-agent.toml"
    file.write_text('[portal]\nurl = "https://127.0.0.1:9"\nclient_id = "c"\nsecret = "portal"\n')
    (tmp_path / "profiles").mkdir()
    return file


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Copies, color", "documented", "What must add up", "only if nothing better is told")),
        ("de", ("Kopien, farbig", "dokumentiert", "Was aufgehen muss", "nur wenn nichts Besseres da ist")),
    ],
)  # fmt: skip
def test_everything_about_a_model_is_shown(language, words):
    """Meters in words, the objects behind them, how sure they are, why, and what must add up."""
    shown = agent("profiles", "Kyocera TASKalfa 3555ci", language=language).stdout
    assert "1.3.6.1.4.1.1347.43.10.1.1.12.1.1" in shown
    assert [word for word in words if word not in shown] == []


def test_what_is_about_other_models_is_not_shown():
    """An HP Laser made by Samsung and an HP LaserJet are not the same."""
    lines = [json.loads(agent("profiles", name, "--json").stdout) for name in ("HP LaserJet M404", "HP Laser MFP 135w")]
    assert [line["profile"].partition("/")[0] for line in lines] == ["hp", "samsung"]


@pytest.mark.parametrize(("model", "says"), [("Foo 100", "no manufacturer"), ("Zebra", "Zebra")])
def test_nothing_known_is_said_so(model, says):
    """An unknown name is no silence and no guess: the headline says that only the standard is known."""
    done = agent("profiles", model)
    assert done.returncode == 0
    assert says in done.stdout.splitlines()[0]


def test_own_profiles_are_listed_first_with_their_file(config):
    """A site sees at once that its profile is in force, what it stands on, and which values come from where."""
    (config.parent / "profiles" / "shop.toml").write_text(OWN)
    listed = agent("profiles", "--config", str(config)).stdout
    assert listed.index("shop/7") < listed.index("kyocera/")
    assert "shop.toml" in listed
    line = json.loads(agent("profiles", "Kyocera X", "--json", "--config", str(config)).stdout)
    first, *others = line["meters"]
    assert (first["profile"], first["confidence"]) == ("shop/7", "A")
    assert {one["profile"].partition("/")[0] for one in others} == {"kyocera", "generic"}
    assert "× 0.1" in agent("profiles", "Kyocera X", "--config", str(config)).stdout


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_wrong_own_profile_stops_what_would_read_with_it(config, language):
    """A profile with a mistake is never silently left out: exit code 2, file, line and remedy, on every command."""
    (config.parent / "profiles" / "shop.toml").write_text(OWN.replace('objects = ["shopTotal"]', "objects = []"))
    done = agent("read", "127.0.0.1:9", "--config", str(config), language=language)
    assert (done.returncode, done.stdout) == (2, "")
    assert "shop.toml" in done.stderr
    assert {"en": "line 12, ", "de": "Zeile 12, "}[language] in done.stderr
    checked = agent("check", "--config", str(config), language=language)
    assert checked.returncode != 0
    assert {"en": "line 12, ", "de": "Zeile 12, "}[language] in checked.stdout + checked.stderr


def test_check_names_own_profiles(config):
    """`check` says which own profiles are in force."""
    (config.parent / "profiles" / "shop.toml").write_text(OWN)
    assert "shop/7" in agent("check", "--config", str(config)).stdout

"""The config file: what it may say, what the agent says when it is wrong, and where it is."""

from __future__ import annotations

import os
import re
from datetime import date, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from agent.config_template import first_config
from agent.discovery.target import Target
from agent.errors import ConfigError
from agent.language import Code
from agent.paths import default_places, find_config, places_of, service_places, user_places
from agent.period import Every, period_key
from agent.problems import ConfigProblems
from agent.settings import Settings, load, portal_of

FULL = """
language = "de"
[portal]
url = "https://portal.customer.example/"
client_id = "agent-7"
ca_file = "ca.pem"
[discovery]
ranges = ["10.0.0.0/24"]
exclude = ["10.0.0.9"]
hosts = ["printer-1:1161"]
[snmp]
communities = ["public", "@floor2"]
timeout_seconds = 1
[readings]
every = "week"
at = ["06:30", "14:00"]
[storage]
database = "data/m.sqlite"
"""

LANGUAGES: tuple[Code, ...] = ("de", "en")
posix = pytest.mark.skipif(os.name != "posix", reason="the places of Linux and macOS")


def loaded(folder: Path, text: str) -> Settings:
    file = folder / "meter-agent.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def problems(folder: Path, text: str) -> dict[str, str]:
    with pytest.raises(ConfigProblems) as refused:
        loaded(folder, text)
    return {problem.key: f"{problem.what} {problem.remedy}" for problem in refused.value.problems}


def refusal(folder: Path, text: bytes) -> ConfigError:
    file = folder / "meter-agent.toml"
    file.write_bytes(text)
    with pytest.raises(ConfigError) as refused:
        load(file)
    return refused.value


def test_full_file(tmp_path: Path) -> None:
    """What the file says holds; what it does not say has its default."""
    settings = loaded(tmp_path, FULL)
    portal = portal_of(settings)
    assert (portal.url, portal.secret) == ("https://portal.customer.example", "portal")
    assert portal.ca_file == tmp_path / "ca.pem"
    assert len(settings.discovery.addresses) == 253
    assert settings.discovery.targets == (Target("printer-1", 1161),)
    assert settings.snmp.communities == ("public", "@floor2")
    assert settings.snmp.versions == ("v3", "v2c", "v1")
    assert settings.readings.at == (time(6, 30), time(14, 0))
    assert settings.storage.database == tmp_path / "data" / "m.sqlite"
    assert settings.orders.armed is False


def test_empty_file(tmp_path: Path) -> None:
    """An empty file orders nothing, searches nothing and knows no portal, and says so when one is needed."""
    settings = loaded(tmp_path, "")
    assert settings == Settings()
    assert len(settings.discovery.addresses) == 0
    with pytest.raises(ConfigError, match=r"\[portal\]"):
        portal_of(settings)


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Every mistake is listed with its key, so that the file is corrected in one go."""
    found = problems(
        tmp_path,
        """
        langage = "de"
        [portal]
        url = "http://portal.customer.example"
        [discovery]
        ranges = ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.1-5x"]
        packets_per_second = "50"
        [readings]
        every = "year"
        at = ["25:00"]
        [orders]
        threshold_percent = 51
        [schedule]
        cycle_minutes = 0
        """,
    )
    assert set(found) == {
        *("langage", "portal.url", "discovery.ranges[2]", "discovery.packets_per_second"),
        *("readings.every", "readings.at[0]", "orders.threshold_percent"),
        "schedule.cycle_minutes",
    }
    assert 'Did you mean "language"?' in found["langage"]
    assert "https://" in found["portal.url"]
    assert '"day", "week", "month"' in found["readings.every"]
    assert "50" in found["orders.threshold_percent"]
    assert "without quotation marks" in found["discovery.packets_per_second"]


def test_the_error_reads_whole(tmp_path: Path) -> None:
    """The error alone, printed, names the file, each key, what is wrong and what to do."""
    with pytest.raises(ConfigProblems) as refused:
        loaded(tmp_path, "[orders]\narmed = 'yes'\nmax_per_day = 2.5")
    text = str(refused.value)
    assert str(tmp_path) in text
    assert "orders.armed: This must be true or false." in text
    assert "orders.max_per_day: This must be a number." in text
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("[log]\nlanguage = 'de'", "log.language", "above the first [section]"),
        ("armed = true", "armed", "[orders]"),
        ("[orders]\narmd = true", "orders.armd", '"armed"'),
        ("[snmp]\nxyzzy = 1", "snmp.xyzzy", "port, communities, versions"),
        ("[portals]\nurl = 'https://p.example'", "portals", '"portal"'),
        ("portal = 'https://p.example'", "portal", "[portal]"),
    ],
)
def test_unknown_keys(tmp_path: Path, text: str, key: str, hint: str) -> None:
    """A key that is not known leads to the right one."""
    assert hint in problems(tmp_path, text)[key]


@pytest.mark.parametrize(
    ("section", "line", "key"),
    [
        ("portal", 'url = "https://"', "portal.url"),
        ("portal", 'url = "https://a b/"', "portal.url"),
        ("portal", 'url = "https://user:hush@portal.example"', "portal.url"),
        ("portal", 'url = "https://portal.example?x=1"', "portal.url"),
        ("portal", 'url = "https://portal.example:port"', "portal.url"),
        ("portal", 'proxy = "http://user:hush@proxy.example"', "portal.proxy"),
        ("portal", 'proxy = "proxy.example:3128"', "portal.proxy"),
        ("portal", 'secret = "My Secret!"', "portal.secret"),
        ("portal", 'ca_file = ""', "portal.ca_file"),
        ("portal", 'client_id = ""', "portal.client_id"),
        ("portal", "timeout_seconds = nan", "portal.timeout_seconds"),
        ("discovery", 'hosts = ["10.1"]', "discovery.hosts[0]"),
        ("discovery", 'exclude = ["10.0.0.1-5"]', "discovery.exclude[0]"),
        ("discovery", 'ranges = "10.0.0.0/24"', "discovery.ranges"),
        ("discovery", 'ranges = ["2001:db8::/64"]', "discovery.ranges[0]"),
        ("discovery", 'ranges = ["255.255.255.255"]', "discovery.ranges[0]"),
        ("discovery", "packets_per_second = 0", "discovery.packets_per_second"),
        ("discovery", "packets_per_second = 10001", "discovery.packets_per_second"),
        ("snmp", "communities = []", "snmp.communities"),
        ("snmp", 'versions = ["v4"]', "snmp.versions[0]"),
        ("snmp", 'versions = ["v3"]', "snmp"),
        ("[snmp.users]", 'name = "x"\nauthentication = "sha3"', "snmp.users[0].authentication"),
        ("[snmp.users]", 'name = "x"\nauthentication = "sha256"', "snmp.users[0]"),
        ("[snmp.users]", 'name = "x"\nprivacy = "aes128"\nprivacy_secret = "@p"', "snmp.users[0]"),
        ("[snmp.users]", 'name = "x"\nprivacy_secret = "password"', "snmp.users[0].privacy_secret"),
        ("[snmp.users]", 'name = ""', "snmp.users[0].name"),
        ("[snmp.users]", f'name = "{"x" * 33}"', "snmp.users[0].name"),
        ("[snmp.users]", 'name = "x"\npassword = "y"', "snmp.users[0].password"),
        ("snmp", "retries = true", "snmp.retries"),
        ("snmp", "port = 65536", "snmp.port"),
        ("readings", "at = []", "readings.at"),
        ("readings", 'at = ["9:30"]', "readings.at[0]"),
        ("readings", "at = [09:30:00]", "readings.at[0]"),
        ("storage", "keep_days = -1", "storage.keep_days"),
        ("log", 'level = "loud"', "log.level"),
    ],
)
def test_refused_values(tmp_path: Path, section: str, line: str, key: str) -> None:
    """A value that the agent could not follow is refused by name, and never repeated if it holds a password."""
    found = problems(tmp_path, f"[{section}]\n{line}")
    assert key in found
    assert "hush" not in str(found)


def test_no_communities_in_the_file(tmp_path: Path) -> None:
    """A community other than "public" is a password: refused, not repeated, with the way to store it."""
    text = '[snmp]\ncommunities = ["public", "hush-hush", "@Not A Name", "@"]'
    found = problems(tmp_path, text)
    assert set(found) == {"snmp.communities[1]", "snmp.communities[2]", "snmp.communities[3]"}
    assert "meter-agent secret set floor2" in found["snmp.communities[1]"]
    with pytest.raises(ConfigProblems) as refused:
        load(tmp_path / "meter-agent.toml")
    assert "hush" not in f"{refused.value}{refused.value!r}{refused.value.__cause__}"


def test_large_ranges_need_consent(tmp_path: Path) -> None:
    """More addresses than a /16 are searched only if the file says so; exclusions count."""
    large = '[discovery]\nranges = ["10.0.0.0/16", "10.1.0.0/24"]\n'
    assert "allow_large_ranges" in problems(tmp_path, large)["discovery.ranges"]
    assert len(loaded(tmp_path, large + "allow_large_ranges = true").discovery.addresses) == 65534 + 254
    assert len(loaded(tmp_path, large + 'exclude = ["10.0.7.0/24"]').discovery.addresses) == 65534 - 2


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ('language = "de"\n[portal\n', 2, 8),
        ("[portal]\nurl = https://portal.example\n", 2, 7),
        ('[log]\nfile = "C:\\Users\\x"\n', 2, None),
        ('language = "de', 1, 15),
        ("[log]\n[log]\n", 2, None),
        ("[snmp]\nport = 1" + "0" * 5000 + "\n", 2, None),
        ("# deep\nx = " + "[" * 100_000, 2, None),
    ],
)
def test_syntax_errors_name_line_and_column(tmp_path: Path, text: str, line: int, column: int | None) -> None:
    """A slip of the pen is found at its line and column."""
    error = refusal(tmp_path, text.encode())
    assert error.what.values["line"] == line
    assert column is None or error.what.values["column"] == column
    assert error.remedy is not None


def test_other_unreadable_files(tmp_path: Path) -> None:
    """A file that is missing, of another encoding, nested without end, or far too large is refused with a reason."""
    with pytest.raises(ConfigError, match="meter-agent init"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)
    assert "line 2" in str(refusal(tmp_path, "# x\n# Büro".encode("latin-1")))
    assert "1 MiB" in str(refusal(tmp_path, b"#" * (1024 * 1024 + 1)))
    assert refusal(tmp_path, b"x = " + b"[" * 100_000).exit_code == 2


def test_windows_editor(tmp_path: Path) -> None:
    """A file saved by Windows' editor, with byte order mark and its line ends, loads."""
    (tmp_path / "meter-agent.toml").write_bytes(b'\xef\xbb\xbflanguage = "de"\r\n[orders]\r\narmed = true\r\n')
    assert load(tmp_path / "meter-agent.toml").orders.armed


def test_environment_overrides_nothing(tmp_path: Path) -> None:
    """A variable of the environment cannot arm orders behind the file's back."""
    names = ["ORDERS__ARMED", "METER_AGENT_ORDERS__ARMED", "ARMED"]
    os.environ.update(dict.fromkeys(names, "true"))
    try:
        assert loaded(tmp_path, "[orders]").orders.armed is False
    finally:
        for name in names:
            del os.environ[name]


def test_settings_do_not_change(tmp_path: Path) -> None:
    """What was read at the start holds until the end."""
    settings = loaded(tmp_path, FULL)
    with pytest.raises(ValueError, match="frozen"):
        settings.orders.armed = True


def keys_of(model: type[BaseModel]) -> list[tuple[str, str]]:
    """Every key of the file with its section, "" for those above the first."""
    keys: list[tuple[str, str]] = []
    for name, field in model.model_fields.items():
        kinds = (field.annotation, *getattr(field.annotation, "__args__", ()))
        nested = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        for key, inner in keys_of(nested[0]) if nested else ():
            keys.append((f"{name}.{key}" if key else name, inner))
        if not nested:
            keys.append(("", name))
    return keys


def keys_in(text: str) -> list[tuple[str, str]]:
    keys: list[tuple[str, str]] = []
    section = ""
    for line in text.splitlines():
        if header := re.fullmatch(r"#?\[+([\w.]+)\]+", line):
            section = header[1]
        elif key := re.match(r"#?(\w+) = ", line):
            keys.append((section, key[1]))
    return keys


@pytest.mark.parametrize("language", LANGUAGES)
def test_first_config_loads_and_is_complete(tmp_path: Path, language: Code) -> None:
    """The first config file loads as it is, holds every key once, and says the defaults."""
    text = first_config(language)
    settings = loaded(tmp_path, text)
    assert settings.model_copy(update={"portal": None}) == Settings()
    assert keys_in(text) == keys_of(Settings)
    with pytest.raises(ConfigError, match="example"):
        portal_of(settings)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_of_the_first_config_is_explained(tmp_path: Path, language: Code) -> None:
    """Before every key stands an explanation, and the keys that may be left out load when they are used."""
    lines = first_config(language).splitlines()
    for number, line in enumerate(lines):
        if re.match(r"#?\w+ = ", line):
            before = lines[number - 1]
            assert before.startswith("# ") or re.match(r"#?\w+ = ", before), line
    uncommented = [line.removeprefix("#") if re.match(r"#(\[|\w+ = )", line) else line for line in lines]
    assert loaded(tmp_path, "\n".join(uncommented)).log.file is not None


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable() or "\\" in text or "\n" in text))
def test_answers_go_into_the_first_config(tmp_path_factory: pytest.TempPathFactory, client_id: str) -> None:
    """What `init` asks for stands in the file afterwards, however it is spelt."""
    try:
        client_id.encode()
    except UnicodeEncodeError:
        return
    entries = {"portal.client_id": client_id, "discovery.ranges": ["10.0.0.0/24"], "portal.ca_file": "x.pem"}
    settings = loaded(tmp_path_factory.mktemp("init"), first_config("de", {**entries, "orders.armed": True}))
    assert settings.portal is not None
    assert settings.portal.client_id == client_id
    assert settings.portal.ca_file is not None
    assert settings.discovery.ranges == ("10.0.0.0/24",)
    assert settings.orders.armed is True


def test_first_config_knows_its_keys() -> None:
    """A key that the file does not have cannot be filled in."""
    with pytest.raises(KeyError):
        first_config("en", {"portal.password": "x"})


def test_documentation_names_every_key() -> None:
    """docs/configuration.md has a row for every key, under its section."""
    text = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
    section, documented = "", []
    for line in text.splitlines():
        if header := re.fullmatch(r"## \[+([\w.]+)\].*", line):
            section = header[1]
        elif row := re.match(r"\| `(\w+)` \|", line):
            documented.append((section, row[1]))
    assert documented == keys_of(Settings)


@posix
def test_where_the_config_file_is_looked_for(tmp_path: Path) -> None:
    """A named file, else METER_AGENT_CONFIG, else the service's; a named file is never replaced by another."""
    service = tmp_path / "etc"
    service.mkdir()
    (service / "meter-agent.toml").touch()
    named = tmp_path / "named.toml"
    environ = {"CONFIGURATION_DIRECTORY": str(service), "STATE_DIRECTORY": str(tmp_path / "state")}
    assert find_config(environ=environ).required() == service / "meter-agent.toml"
    missing = find_config(environ={**environ, "METER_AGENT_CONFIG": str(named)})
    assert (missing.found, missing.looked) == (None, (named,))
    with pytest.raises(ConfigError, match=re.escape(str(named))):
        missing.required()
    named.touch()
    assert find_config(environ={**environ, "METER_AGENT_CONFIG": str(named)}).found == named
    assert find_config(named, environ).found == named


@posix
def test_the_places_of_a_config_file(tmp_path: Path) -> None:
    """The service's file has the service's folders, a user's the user's; any other keeps everything beside itself."""
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "c"), "XDG_DATA_HOME": str(tmp_path / "d")}
    service, user = service_places(environ), user_places(environ)
    assert places_of(service.config, environ) == service
    assert places_of(user.config, environ) == user
    other = places_of(tmp_path / "other" / "x.toml", environ)
    assert {other.database.parent, other.secrets.parent, other.log.parent} == {tmp_path / "other"}
    assert default_places({**environ, "STATE_DIRECTORY": str(tmp_path / "state")}).data == tmp_path / "state"


@pytest.mark.skipif(not Path("/proc").exists(), reason="the places of Linux")
def test_the_service_has_the_usual_places_of_linux() -> None:
    """/etc for the config file and the secrets, /var/lib for the data."""
    places = service_places({})
    assert places.config == Path("/etc/meter-agent/meter-agent.toml")
    assert places.secrets == Path("/etc/meter-agent/secrets")
    assert places.database.parent == Path("/var/lib/meter-agent")


@pytest.mark.parametrize(
    ("every", "day", "key"),
    [
        ("day", date(2026, 11, 23), "2026-11-23"),
        ("week", date(2026, 11, 23), "2026-W48"),
        ("month", date(2026, 11, 23), "2026-11"),
        ("week", date(2027, 1, 3), "2026-W53"),
        ("week", date(2024, 12, 30), "2025-W01"),
    ],
)
def test_period_key(every: Every, day: date, key: str) -> None:
    """A reading belongs to its day, its ISO week or its month."""
    assert period_key(every, day) == key


@given(st.dates(date(1970, 1, 1), date(2100, 1, 1)), st.sampled_from(["day", "week", "month"]))
def test_periods_follow_each_other(day: date, every: Every) -> None:
    """From one day to the next the period stays or moves on to a later name; it never comes back."""
    today, tomorrow = period_key(every, day), period_key(every, day + timedelta(days=1))
    assert today <= tomorrow
    assert (every == "day") <= (today != tomorrow)

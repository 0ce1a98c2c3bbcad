"""SNMPv3 on the command line: read without a config, secrets never by argument, check, forget."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.fleet_process import FleetProcess, printer

AUTH, PRIV = "correct horse", "battery staple"
USER = {"name": "reader", "authentication": "sha256", "authentication_secret": AUTH}
USER |= {"privacy": "aes128", "privacy_secret": PRIV}
OPTIONS = ["--user", "reader", "--authentication", "sha256", "--privacy", "aes128"]
PASSWORDS = {"METER_AGENT_AUTHENTICATION_SECRET": AUTH, "METER_AGENT_PRIVACY_SECRET": PRIV}
CONFIG = """
[discovery]
hosts = ["{target}"]
[snmp]
timeout_seconds = 0.5
retries = 0
[[snmp.users]]
name = "reader"
authentication = "sha256"
authentication_secret = "@v3-auth"
privacy = "aes128"
privacy_secret = "@v3-priv"
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    with FleetProcess(tmp_path_factory.mktemp("fleet"), [printer("secured", "127.38.0.1", user=USER)]) as fleet:
        yield f"127.38.0.1:{fleet.ports['secured']}"


def agent(folder, *arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("METER_AGENT")}
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        env={**plain, "LC_ALL": "C.UTF-8", "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), **variables},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def config(tmp_path, target):
    file = tmp_path / "meter-agent.toml"
    file.write_text(CONFIG.format(target=target))
    for name, value in (("v3-auth", AUTH), ("v3-priv", PRIV)):
        assert agent(tmp_path, "secret", "set", name, "--config", str(file), stdin=value + "\n").returncode == 0
    return file


def test_read_and_record_without_a_config(tmp_path, target):
    """A user by options, its passwords by the environment: read like any printer, and nothing shows a password."""
    done = agent(tmp_path, "read", target, *OPTIONS, "--json", **PASSWORDS)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["status"] == "ok"
    assert said["datagrams"] <= 6  # as in v2c, and one for the discovery
    recorded = agent(tmp_path, "record", target, *OPTIONS, **PASSWORDS)
    assert recorded.returncode == 0, recorded.stderr
    for secret in (AUTH, PRIV):
        assert secret not in done.stdout + done.stderr + recorded.stdout + recorded.stderr


@pytest.mark.parametrize(
    ("options", "variables", "says"),
    [
        (OPTIONS, {}, "METER_AGENT_AUTHENTICATION_SECRET"),
        (OPTIONS, {**PASSWORDS, "METER_AGENT_PRIVACY_SECRET": "short"}, "shorter than 8"),
        (["--user", "reader", "--authentication", "sha3"], PASSWORDS, "sha256"),
        (["--user", "reader", "--privacy", "aes128"], PASSWORDS, "privacy without authentication"),
        (["--authentication", "sha256"], PASSWORDS, "--user"),
        (["--user", "x" * 33], {}, "32 bytes"),
    ],
)
def test_a_user_that_cannot_be(tmp_path, target, options, variables, says):
    """No password, a short one, an unknown protocol, half a user: said with the remedy, code 2, nothing sent."""
    done = agent(tmp_path, "read", target, *options, **variables)
    assert done.returncode == 2
    assert says in done.stderr


def test_a_wrong_password_is_said(tmp_path, target):
    """The readout says which finding and what to do."""
    wrong = {**PASSWORDS, "METER_AGENT_AUTHENTICATION_SECRET": "another password"}
    done = agent(tmp_path, "read", target, *OPTIONS, "--json", **wrong)
    assert done.returncode == 4
    said = json.loads(done.stdout)
    assert (said["status"], [one["code"] for one in said["findings"]]) == ("unreachable", ["v3_wrong_digest", "remedy"])
    assert "another password" not in done.stdout + done.stderr


def test_read_by_the_config_and_forget(tmp_path, target, config):
    """Read as configured and remembered beside the config; forgotten once, and then nothing is known."""
    done = agent(tmp_path, "read", target, "--json", "--config", str(config))
    assert json.loads(done.stdout)["status"] == "ok", done.stderr
    forgotten = agent(tmp_path, "forget", target, "--config", str(config))
    assert (forgotten.returncode, forgotten.stdout) == (0, "Forgotten.\n")
    assert agent(tmp_path, "forget", target, "--config", str(config)).returncode == 1


def test_check_looks_at_the_passwords(tmp_path, target, config):
    """A password that is missing or too short is what check names first."""
    text = config.read_text()
    portal = '[portal]\nurl = "https://127.0.0.1:9"\nclient_id = "x"\n'
    config.write_text(portal + text.replace("@v3-priv", "@absent"))
    agent(tmp_path, "secret", "set", "portal", "--config", str(config), stdin="portal-secret\n")
    done = agent(tmp_path, "check", "--config", str(config))
    assert 'The secret "absent" is not stored here.' in done.stdout
    config.write_text(portal + text)
    agent(tmp_path, "secret", "set", "v3-priv", "--config", str(config), stdin="short\n")
    done = agent(tmp_path, "check", "--config", str(config))
    assert 'The SNMPv3 password "v3-priv" is shorter than 8 characters.' in done.stdout

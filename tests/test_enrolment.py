"""The agent's own key: enrolled by a one-time code, used for every token, replaced, and never shown."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from agent.config_template import first_config
from agent.errors import CredentialsRejected, PortalUnavailable, RequestRefused, SecretError
from agent.secrets import Secrets
from agent.upload.credentials import ClientKey, ClientSecret, KeyRing
from agent.upload.enrolment import Enrolment, Registrar
from agent.upload.https import Connection
from agent.upload.keys import AgentKey, KeyKind
from agent.upload.portal import PortalClient
from agent.upload.route import Route, Trust
from sandbox.portal.jose import public_key, token_of
from tests.portal_process import PortalProcess
from tests.test_portal_client import answer, start, stranger

T = TypeVar("T")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    with start(tmp_path_factory.mktemp("portal")) as process:
        yield process


@pytest.fixture
def portal(running: PortalProcess) -> Iterator[PortalProcess]:
    """The one portal of this file, without faults before and after."""
    yield running
    running.faults(clock_skew_seconds=0, enrolment_tries=1000)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    """An empty secret store."""
    return KeyRing(Secrets(tmp_path / "secrets", {}), "portal-key")


def nobody() -> ClientSecret:
    return ClientSecret("", lambda: pytest.fail("who is not enrolled asks for no token"))


def code_of(portal: PortalProcess) -> str:
    body = {"name": "office", "scopes": ["readings:write", "equipments:read"]}
    code: str = portal.admin("POST", "/admin/enrolment-codes", body)["enrolment_code"]
    return code


def over(portal: PortalProcess, credentials: ClientKey | ClientSecret, work: Callable[[Connection], Awaitable[T]]) -> T:
    async def done() -> T:
        connection = Connection(Route(portal.url, Trust(portal.ca_file), timeout=10.0), credentials, "1")
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(done())


def enrol(portal: PortalProcess, ring: KeyRing, code: str, kind: KeyKind = "ec") -> Enrolment:
    return over(portal, nobody(), lambda connection: Registrar(connection, ring).enrol(code, kind, "host"))


def account_id(portal: PortalProcess, ring: KeyRing) -> str:
    return over(portal, ClientKey(ring), lambda connection: PortalClient(connection).account()).agent_id


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_enrol(portal: PortalProcess, ring: KeyRing, kind: KeyKind) -> None:
    """A code makes an agent that is known by its key from then on, with the rights of the code."""
    done = enrol(portal, ring, code_of(portal), kind)
    assert account_id(portal, ring) == done.agent_id == ClientKey(ring).agent_id
    assert set(done.rights) == {"readings:write", "equipments:read"}
    assert ring.secrets.names() == ("portal-key",)


@pytest.mark.parametrize("fault", ["cut-after", "error-after", "truncated"])
def test_lost_answer(portal: PortalProcess, ring: KeyRing, fault: str) -> None:
    """A code whose answer was lost is not lost: entered again, it gives the same agent."""
    code = code_of(portal)
    portal.faults({"kind": fault, "path": "/v1/enrolments", "next": 1})
    with pytest.raises(PortalUnavailable):
        enrol(portal, ring, code)
    assert not ring.exists
    done = enrol(portal, ring, f" {code.lower()} ")
    assert account_id(portal, ring) == done.agent_id


def test_wrong_code(portal: PortalProcess, ring: KeyRing) -> None:
    """A code that is wrong or used up says so, and changes nothing here."""
    code = code_of(portal)
    enrol(portal, KeyRing(Secrets(ring.secrets._directory.with_name("other"), {}), "portal-key"), code)
    for wrong in (code, "0000-0000-0000-0000-0000"):
        with pytest.raises(RequestRefused, match="Ask your key user for a new one"):
            enrol(portal, ring, wrong)
    assert not ring.exists


@pytest.mark.parametrize("skew", [-86_400 * 365, -300, 0, 300, 86_400 * 365])
def test_clocks(portal: PortalProcess, ring: KeyRing, skew: float) -> None:
    """A clock that differs from the portal's, by minutes or a year, prevents neither enrolment nor tokens."""
    code = code_of(portal)
    portal.faults(clock_skew_seconds=skew)
    if skew > 86_400:
        with pytest.raises(RequestRefused):  # the code is over by the portal's clock
            enrol(portal, ring, code)
        portal.faults(clock_skew_seconds=0)
    enrol(portal, ring, code)
    portal.faults(clock_skew_seconds=skew)
    assert account_id(portal, ring)


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_rotate(portal: PortalProcess, ring: KeyRing, kind: KeyKind) -> None:
    """Another key for the same agent; while both are valid either proves it, and a lost answer costs nothing."""
    done = enrol(portal, ring, code_of(portal))
    before = ring.enrolled()
    registrar = lambda connection: Registrar(connection, ring).rotate(kind)  # noqa: E731  an argument, twice
    portal.faults({"kind": "cut-after", "path": "/v1/agents/me/keys", "next": 1})
    with pytest.raises(PortalUnavailable):
        over(portal, ClientKey(ring), registrar)
    assert account_id(portal, ring) == done.agent_id
    kid = over(portal, ClientKey(ring), registrar)
    assert ring.enrolled().key.kid == kid != before.key.kid
    assert account_id(portal, ring) == done.agent_id
    ring.keep(before)
    assert account_id(portal, ring) == done.agent_id


def test_another_key_than_ours(portal: PortalProcess, ring: KeyRing) -> None:
    """A portal that says to have registered a key that is none of ours: the one in use stays in use."""
    enrol(portal, ring, code_of(portal))
    before = ring.enrolled().key.kid

    async def rotated() -> None:
        said = answer("201 Created", b'{"kid": "another"}')
        async with stranger(portal.ca_file.with_name("server-good.pem"), said, 0.0) as (url, _):
            connection = Connection(Route(url, Trust(portal.ca_file), timeout=10.0), ClientKey(ring), "1")
            try:
                await Registrar(connection, ring).rotate("ec")
            finally:
                await connection.close()

    with pytest.raises(PortalUnavailable, match="another key"):
        asyncio.run(rotated())
    assert ring.enrolled().key.kid == before


def test_revoked(portal: PortalProcess, ring: KeyRing) -> None:
    """An agent that the key user has revoked is told so, with what to do."""
    done = enrol(portal, ring, code_of(portal))
    portal.admin("DELETE", f"/admin/agents/{done.agent_id}")
    with pytest.raises(CredentialsRejected, match="meter-agent enroll --replace"):
        account_id(portal, ring)


def test_assertions(ring: KeyRing) -> None:
    """Every assertion is for this agent and the portal's token endpoint alone, lives a minute, and has its own jti."""
    key = ring.next("ec")
    kept = {"agent_id": "a7", "token_audience": "https://portal.example/t", "private_key": key.pem}
    ring.secrets.set("portal-key", json.dumps(kept))
    now = time.time()
    tokens = [token_of(ClientKey(ring).request("-", now).form["client_assertion"]) for _ in range(50)]
    assert all(token.is_signed_by(public_key(key.jwk)) for token in tokens)
    assert len({token.claims["jti"] for token in tokens}) == 50
    for token in tokens:
        claims = token.claims
        assert (claims["iss"], claims["sub"], claims["aud"]) == ("a7", "a7", "https://portal.example/t")
        assert 0 < claims["exp"] - now <= 60
    assert public_key(key.jwk).kid == key.kid


WEAK = {
    "RSA of 1024 bits": lambda: rsa.generate_private_key(65537, 1024),  # noqa: S505  to be refused
    "another curve": lambda: ec.generate_private_key(ec.SECP384R1()),
}


@pytest.mark.parametrize("kind", sorted(WEAK))
def test_weak_keys(ring: KeyRing, kind: str) -> None:
    """A stored key that is too short or of another kind is not used, whoever put it there."""
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = WEAK[kind]().private_bytes(*form).decode()
    with pytest.raises(ValueError, match="2048"):
        AgentKey.of(pem)
    ring.secrets.set("portal-key", json.dumps({"agent_id": "a", "token_audience": "b", "private_key": pem}))
    with pytest.raises(SecretError, match="enroll --replace"):
        ring.enrolled()


def test_damaged_key(ring: KeyRing) -> None:
    """What is no key says so instead of ending the service."""
    for text in ("x", "[]", "{}", '{"agent_id": "a", "token_audience": "b", "private_key": "c"}'):
        ring.secrets.set("portal-key", text)
        with pytest.raises(SecretError, match="no key of an agent"):
            ring.enrolled()


def meter_agent(config: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", *arguments, "--config", str(config)]
    return subprocess.run(command, input=said, capture_output=True, text=True, timeout=120, check=False)


def test_as_a_person_does_it(portal: PortalProcess, tmp_path: Path) -> None:
    """enroll takes the code from standard input, check says which way counts, and no text shows the key."""
    config = tmp_path / "meter-agent.toml"
    entries = {"portal.url": portal.url, "portal.ca_file": str(portal.ca_file)}
    config.write_text(first_config("en", entries).replace('client_id = "enter', '#client_id = "enter'), "utf-8")
    first = meter_agent(config, "check")
    assert "meter-agent enroll" in first.stdout
    assert meter_agent(config, "enroll").returncode == 2
    done = meter_agent(config, "enroll", said=code_of(portal) + "\n")
    assert done.returncode == 0, done.stderr
    key = tmp_path / "secrets" / "portal-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    checked = meter_agent(config, "check")
    assert "by a key of its own" in checked.stdout
    again = meter_agent(config, "enroll", said="0000\n")
    assert (again.returncode, "--replace" in again.stderr) == (2, True)
    rotated = meter_agent(config, "rotate-key")
    assert rotated.returncode == 0, rotated.stderr
    shown = "".join(one.stdout + one.stderr for one in (first, done, checked, again, rotated))
    assert "PRIVATE KEY" not in shown
    assert json.loads(key.read_text())["private_key"].split("\n")[1] not in shown
    key.chmod(0o644)
    open_key = meter_agent(config, "check")
    assert "chmod 600" in open_key.stdout


def test_rotating_no_key(tmp_path: Path) -> None:
    """Whoever goes by client id and password has no key to replace, and is told how to get one."""
    config = tmp_path / "meter-agent.toml"
    entries = {"portal.url": "https://portal.customer.example", "portal.client_id": "agent-1"}
    config.write_text(first_config("en", entries), "utf-8")
    said = meter_agent(config, "rotate-key")
    assert said.returncode == 2
    assert "meter-agent enroll" in said.stderr
    assert "secret set" not in said.stderr


def test_key_nobody_reads(ring: KeyRing) -> None:
    """The key is in no text that anything gives of itself."""
    key = ring.next("ec")
    secret = key.pem.split("\n")[1]
    kept = {"agent_id": "a7", "token_audience": "t", "private_key": key.pem}
    ring.secrets.set("portal-key", json.dumps(kept))
    for thing in (key, ring, ring.enrolled(), ClientKey(ring)):
        assert secret not in repr(thing)

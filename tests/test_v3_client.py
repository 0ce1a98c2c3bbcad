"""SNMPv3 against net-snmp's own agent: every protocol, restarts, new boards, and refusals that say why."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from agent.errors import PrinterRefuses, PrinterSilent
from agent.printers import Endpoint
from agent.snmp.access import UserAccess
from agent.snmp.pacing import Pace
from agent.snmp.v3_client import UserClient
from agent.snmp.varbinds import Ask, Table, oid_of
from tests.snmpd_process import Snmpd

NAME = oid_of("1.3.6.1.2.1.1.5.0")
WALK = Ask((NAME,), tables=(Table((oid_of("1.3.6.1.2.1.1"),), rows=10),))
AUTH, PRIV = "correct horse", "battery staple"
NOWHERE = Endpoint("127.32.9.8", 9)
# So patient that nothing is repeated on a busy machine: datagrams are counted.
PACE = Pace(timeout=5.0, least=5.0, retries=2, max_seconds=60.0)
BRIEF = Pace(timeout=0.5, retries=2, max_seconds=20.0)
# As net-snmp calls them; triple DES is the one that it does not have.
HASHES = {
    "md5": "MD5",
    "sha1": "SHA",
    "sha224": "SHA-224",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
}
CIPHERS = {
    None: None,
    "des": "DES",
    "aes128": "AES",
    "aes192": "AES-192",
    "aes256": "AES-256",
    "aes192c": "AES-192-C",
    "aes256c": "AES-256-C",
}
PAIRS = [(None, None), *product(HASHES, CIPHERS)]


def user(authentication, privacy, **changes) -> UserAccess:
    facts = {
        "user": f"{authentication or 'none'}-{privacy or 'none'}",
        "authentication": authentication,
        "authentication_secret": AUTH if authentication else "",
        "privacy": privacy,
        "privacy_secret": PRIV if privacy else "",
    }
    return UserAccess(**{**facts, **changes})


def created(authentication, privacy) -> list[str]:
    name = user(authentication, privacy).user
    if authentication is None:
        return [f"createUser {name}", f"rouser {name} noauth"]
    auth_name, priv_name = HASHES[authentication], CIPHERS[privacy]
    hidden = f' {priv_name} "{PRIV}"' if priv_name else ""
    return [f'createUser {name} {auth_name} "{AUTH}"{hidden}', f"rouser {name} {'priv' if priv_name else 'auth'}"]


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory):
    """One agent with a user for every pair of protocols."""
    lines = [line for each in PAIRS for line in created(*each)]
    with Snmpd(tmp_path_factory.mktemp("snmpd"), lines) as agent:
        asyncio.run(patiently(UserClient(user("sha256", "aes128"), PACE), agent.endpoint))
        yield agent


async def patiently(client: UserClient, endpoint, question: Ask = WALK):
    """A new process needs a moment to listen; a refused port is silence at once."""
    for _ in range(100):
        try:
            return await client.ask(endpoint, question)
        except PrinterRefuses:
            raise
        except PrinterSilent:
            await asyncio.sleep(0.1)
    raise AssertionError("nobody answers")


def refused(snmpd, access: UserAccess) -> PrinterRefuses:
    with pytest.raises(PrinterRefuses) as caught:
        asyncio.run(UserClient(access, BRIEF).ask(snmpd.endpoint, WALK))
    return caught.value


@pytest.mark.parametrize(("authentication", "privacy"), PAIRS)
def test_every_protocol_is_spoken(snmpd, authentication, privacy):
    """net-snmp answers each user at its security level, in the datagrams of v2c and one for the discovery."""

    async def twice():
        client = UserClient(user(authentication, privacy), PACE)
        return await client.ask(snmpd.endpoint, WALK), await client.ask(snmpd.endpoint, WALK)

    first, second = asyncio.run(twice())
    assert (first.version, first.complete, first.notes) == ("v3", True, ())
    assert first.varbinds.text(NAME) == b"prn-7"
    assert len(first.varbinds) > 8
    assert first.datagrams == second.datagrams + 1


@pytest.fixture(scope="module")
def with_triple_des():
    """pysnmp as the printer: net-snmp has no triple DES."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        endpoint = Endpoint("127.0.0.1", free.getsockname()[1])
    command = [sys.executable, "-m", "tests.pysnmp_agent", str(endpoint.port), AUTH, PRIV]
    process = subprocess.Popen(command, cwd=Path(__file__).parent.parent)
    try:
        asyncio.run(patiently(UserClient(user("md5", "3des", user="md5"), PACE), endpoint))
        yield endpoint
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("authentication", HASHES)
def test_triple_des_is_spoken(with_triple_des, authentication):
    """pysnmp's engine answers as net-snmp does the others."""
    client = UserClient(user(authentication, "3des", user=authentication), PACE)
    answer = asyncio.run(client.ask(with_triple_des, WALK))
    assert (answer.complete, answer.notes, answer.datagrams) == (True, (), 2)
    assert len(answer.varbinds) >= 8


def test_a_refusal_says_why(snmpd):
    """Unknown user, wrong password, a level that is not offered: a sentence each."""
    cases = {
        "v3_unknown_user": user("sha256", "aes128", user="stranger"),
        "v3_wrong_digest": user("sha256", "aes128", authentication_secret="another password"),
        "v3_security_level": UserAccess("none-none", "sha1", AUTH),
        "v3_no_answer": user("sha256", "aes128", privacy_secret="another password"),
    }
    for code, access in cases.items():
        error = refused(snmpd, access)
        assert error.code == code
        assert "127.0.0.1" in str(error.what)
        assert error.remedy is not None
        for secret in ("another password", AUTH, PRIV):
            assert secret not in str(error) + repr(error) + repr(access)


def test_one_discovery_serves_all_users(snmpd):
    """The second user asks at once. One whom the engine does not answer learns that, as if it had come first."""
    engines = {}

    def asked(access: UserAccess, pace: Pace):
        return asyncio.run(UserClient(access, pace, engines=engines).ask(snmpd.endpoint, WALK))

    with pytest.raises(PrinterRefuses):
        asked(user("sha256", "aes128", user="stranger"), PACE)
    alone = asyncio.run(UserClient(user("sha256", "aes128"), PACE).ask(snmpd.endpoint, WALK))
    assert asked(user("sha256", "aes128"), PACE).datagrams == alone.datagrams - 1
    with pytest.raises(PrinterRefuses) as caught:
        asked(user("sha256", "aes128", privacy_secret="another password"), BRIEF)
    assert caught.value.code == "v3_no_answer"


def test_a_restarted_printer_is_read_on(tmp_path):
    """Its boots rise and its clock begins anew: the next question takes one more datagram and is answered."""

    async def work(agent):
        client = UserClient(user("sha256", "aes128"), PACE)
        first = await patiently(client, agent.endpoint)
        agent.stop()
        agent.start()
        await patiently(UserClient(user("sha256", "aes128"), PACE), agent.endpoint)
        return first, await client.ask(agent.endpoint, WALK)

    with Snmpd(tmp_path, created("sha256", "aes128")) as agent:
        first, second = asyncio.run(work(agent))
    assert second.complete
    assert "engine_restarted" in second.notes
    assert second.datagrams == first.datagrams


def test_a_new_board_is_read_on(tmp_path):
    """Another engine id at the same address: found by the printer's own word, with keys made for it."""

    async def work(agent):
        client = UserClient(user("sha512", "aes256"), PACE)
        await patiently(client, agent.endpoint)
        agent.stop()
        agent.forget()
        agent.start()
        await patiently(UserClient(user("sha512", "aes256"), PACE), agent.endpoint)
        return await client.ask(agent.endpoint, WALK)

    with Snmpd(tmp_path, created("sha512", "aes256")) as agent:
        answer = asyncio.run(work(agent))
    assert answer.complete
    assert "engine_changed" in answer.notes


def test_a_printer_that_is_off_is_silent():
    """Nobody there is silence, not a refusal."""
    with pytest.raises(PrinterSilent) as caught:
        asyncio.run(UserClient(user("sha256", "aes128"), Pace(timeout=0.1, retries=0)).ask(NOWHERE, WALK))
    assert not isinstance(caught.value, PrinterRefuses)


@pytest.mark.parametrize(
    "facts",
    [
        {"user": ""},
        {"user": "x" * 33},
        {"user": "u", "authentication": "sha256", "authentication_secret": "short"},
        {"user": "u", "privacy": "aes128", "privacy_secret": PRIV},
        {"user": "u", "authentication": "sha256", "authentication_secret": AUTH, "privacy": "des"},
    ],
)
def test_an_unsafe_user_is_refused(facts):
    """No name, a secret below 8 octets, privacy without authentication: refused before anything is sent."""
    with pytest.raises(ValueError):
        UserAccess(**facts)

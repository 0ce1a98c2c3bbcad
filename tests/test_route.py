"""The way to the portal: pinned keys, proxies, and no way around either."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import os
import ssl
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import BaseModel

from agent.errors import ConfigError, PortalUnreachable, PortalUntrusted
from agent.secrets import Secret
from agent.settings import PortalSettings, Settings, load
from agent.upload.portal import PortalClient
from agent.upload.route import Proxy, Route, Trust, is_bypassed
from agent.upload.trust import has_name, tls_context
from tests.portal_process import PortalProcess
from tests.test_portal_client import ask, connect, start

OTHER = base64.b64encode(hashlib.sha256(b"another key").digest()).decode()


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    with start(tmp_path_factory.mktemp("portal")) as process:
        yield process


def pin(portal: PortalProcess) -> str:
    """The pin of the portal's certificate, made by other means than the agent's."""
    pem = portal.ca_file.with_name("server-good.pem").read_bytes()
    pem = pem[pem.index(b"-----BEGIN CERTIFICATE") :]
    key = x509.load_pem_x509_certificate(pem).public_key()
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key.public_bytes(*form)).digest()).decode()


def test_pinned(portal: PortalProcess) -> None:
    """One pin of the set is enough, whichever it is."""
    assert ask(portal, lambda client: client.account(), pins=frozenset({OTHER, pin(portal)})).agent_id


def test_not_pinned(portal: PortalProcess) -> None:
    """A portal with a valid certificate and another key gets nothing: not one octet after the handshake."""
    with pytest.raises(PortalUntrusted, match="another key than those that are pinned"):
        ask(portal, lambda client: client.account(), pins=frozenset({OTHER, OTHER[::-1]}))
    heard: list[bytes] = []

    async def listened() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                heard.append(await reader.read(1000))
            writer.close()

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(portal.ca_file.with_name("server-good.pem"))
        async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
            url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
            client = PortalClient(connect(portal, url=url, pins=frozenset({OTHER})))
            with pytest.raises(PortalUntrusted):
                await client.account()
            await client.close()

    asyncio.run(listened())
    assert b"".join(heard) == b""


def test_a_pin_trusts_nobody(portal: PortalProcess) -> None:
    """A pin is no reason to take a certificate that the system does not trust."""
    with pytest.raises(PortalUntrusted, match="does not trust"):
        ask(portal, lambda client: client.account(), ca_file=None, pins=frozenset({pin(portal), OTHER}))


@contextlib.asynccontextmanager
async def proxy(wanted: str | None = None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A proxy that tunnels, to whoever says `wanted` in Proxy-Authorization; and the heads of what it was asked."""
    heard: list[bytes] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while octets := await reader.read(65536):
                writer.write(octets)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            heard.append(head)
            if wanted is not None and wanted.encode() not in head:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                writer.close()
                return
            place = head.split()[1].decode().rpartition(":")
            there = await asyncio.open_connection(place[0], int(place[2]))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
        server.close()


def through(portal: PortalProcess, wanted: str | None = None, **options: Any) -> tuple[str, list[bytes]]:
    """The account that was asked for through a proxy, and what the proxy heard."""

    async def asked() -> tuple[str, list[bytes]]:
        async with proxy(wanted) as (url, heard):
            client = PortalClient(connect(portal, proxy=Proxy(url, **options)))
            try:
                return (await client.account()).agent_id, heard
            finally:
                await client.close()

    return asyncio.run(asked())


def test_proxy(portal: PortalProcess) -> None:
    """A proxy tunnels: it hears the portal's name, and nothing else."""
    agent_id, heard = through(portal)
    assert agent_id
    assert all(head.startswith(b"CONNECT localhost:") for head in heard)
    assert heard
    assert b"Bearer" not in b"".join(heard)
    assert portal.client_secret.encode() not in b"".join(heard)


def test_proxy_with_password(portal: PortalProcess) -> None:
    """Its password comes from the secret store, and goes to the proxy alone."""
    basic = base64.b64encode(b"printers:sesame").decode()
    assert through(portal, f"Basic {basic}", user="printers", password=Secret("sesame"))[0]


@pytest.mark.parametrize("options", [{}, {"user": "printers", "password": Secret("wrong")}])
def test_proxy_refuses(portal: PortalProcess, options: dict[str, Any]) -> None:
    """A proxy that wants other credentials is named as the reason, and nothing goes around it."""
    with pytest.raises(PortalUnreachable, match=r"(?s)407.*proxy_secret"):
        through(portal, "Basic right", **options)


def test_proxy_gone(portal: PortalProcess) -> None:
    """Without its proxy the portal is not reached, although it would be directly."""
    with pytest.raises(PortalUnreachable):
        ask(portal, lambda client: client.account(), proxy=Proxy("http://127.0.0.1:9"))


def test_no_proxy(portal: PortalProcess) -> None:
    """What is listed in no_proxy is asked directly."""
    client = ask(portal, lambda client: client.account(), proxy=Proxy("http://127.0.0.1:9", bypass=("localhost",)))
    assert client.agent_id


def test_environment(portal: PortalProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the environment leads anywhere else, and none makes the agent trust anybody."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(portal, lambda client: client.account()).agent_id
    monkeypatch.setenv("SSL_CERT_FILE", str(portal.ca_file))
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(PortalUnreachable):
        ask(portal, lambda client: client.account(), proxy=Proxy("http://127.0.0.1:9"))
    assert os.environ["NO_PROXY"] == "*"


BYPASSED = {
    ("portal.example.com", "portal.example.com"): True,
    ("PORTAL.example.com.", "portal.example.com"): True,
    ("portal.example.com", "example.com"): True,
    ("portal.example.com", ".example.com"): True,
    ("badexample.com", "example.com"): False,
    ("example.com", "portal.example.com"): False,
    ("10.1.2.3", "10.0.0.0/8"): True,
    ("10.1.2.3", "10.1.2.3"): True,
    ("11.1.2.3", "10.0.0.0/8"): False,
    ("10.1.2.3", "2.3"): False,
    ("2001:db8::7", "2001:db8::/32"): True,
    ("portal.example.com", "*"): False,
    ("portal.example.com", "10.0.0.0/8"): False,
}


def test_bypass() -> None:
    """Who is asked without the proxy, as a table."""
    assert {pair: is_bypassed(pair[0], (pair[1],)) for pair in BYPASSED} == BYPASSED


@pytest.mark.parametrize("trust", [Trust(), Trust(pins=frozenset({OTHER}))])
def test_every_context_checks(trust: Trust) -> None:
    """Whatever is configured: TLS 1.2 at least, host names and certificates checked."""
    context = tls_context(trust)
    assert context.check_hostname
    assert not context.hostname_checks_common_name
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


NAMES = [
    (None, False),
    ([], False),
    ([x509.RFC822Name("portal@portal.example")], False),
    ([x509.DNSName("portal.example")], True),
    ([x509.IPAddress(ip_address("192.0.2.1"))], True),
]


@pytest.mark.parametrize(("names", "named"), NAMES)
def test_a_subject_is_no_name(names: list[x509.GeneralName] | None, named: bool) -> None:
    """A certificate whose host stands in its subject alone has no name, wherever it would be believed otherwise."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "portal.example")]), datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, now, now + timedelta(days=1))
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    assert has_name(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)) is named


def test_windows_takes_no_subject_either(tmp_path: Path) -> None:
    """Where OpenSSL leaves names to the system, which still takes the subject's, the handshake ends all the same."""
    with start(tmp_path, "--certificate", "no-host") as nameless:
        context = tls_context(Trust(nameless.ca_file))
        context.check_hostname = False

        async def call() -> None:
            async with httpx.AsyncClient(verify=context, trust_env=False) as client:
                await client.get(nameless.url)

        with pytest.raises(httpx.ConnectError, match="no name outside its subject"):
            asyncio.run(call())


def test_no_certificate_has_no_name() -> None:
    """What is no certificate names nobody."""
    assert not has_name(b"")
    assert not has_name(b"\x30\x03\x02\x01\x01")


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from keys_of(part, f"{prefix}{name}.")


def test_no_switch() -> None:
    """No key of the config file says that something is not checked, or may go in plain text."""
    told = set(keys_of(Settings))
    suspicious = ("verify", "insecure", "check", "plain", "trust", "skip", "unsafe", "allow_http", "tls", "ssl", "cert")
    assert {key for key in told if any(word in key for word in suspicious)} == set()
    assert {key for key in told if key.startswith("portal.")} == {
        f"portal.{name}"
        for name in (
            *("url", "client_id", "secret", "key", "ca_file", "pins", "timeout_seconds"),
            *("proxy", "proxy_user", "proxy_secret", "no_proxy", "withhold"),
        )
    }
    booleans = {name for name, field in PortalSettings.model_fields.items() if field.annotation is bool}
    assert booleans == set()


def test_route_of_a_proxied_portal() -> None:
    """The portal's own entry in no_proxy wins over the proxy."""
    passed = Proxy("http://proxy.example.com:3128", bypass=("example.com",))
    assert Route("https://portal.example.com", proxy=passed).tunnel is None
    assert Route("https://portal.example.org", proxy=passed).tunnel is passed


WRONG = {
    f'pins = ["sha256/{OTHER}"]': "locks the agent out",
    f'pins = ["sha256/{OTHER}", "sha256/{OTHER}"]': "locks the agent out",
    'pins = ["abc", "def"]': "not the pin of a key",
    'proxy_user = "x"': "belong together",
    'proxy_user = "x"\nproxy_secret = "y"': "belong together, and to a proxy",
    'proxy = "http://p:1"\nproxy_secret = "y"': "belong together",
    'no_proxy = ["*"]': "neither a host nor a network",
    'no_proxy = ["http://x"]': "neither a host nor a network",
    'proxy = "http://me:secret@p:1"': "does not belong into an address",
    'url = "http://portal.customer.example"': "encrypted",
}


@pytest.mark.parametrize("lines", sorted(WRONG))
def test_wrong_settings(tmp_path: Path, lines: str) -> None:
    """What makes no sense is said before anything starts."""
    file = tmp_path / "meter-agent.toml"
    url = "" if lines.startswith("url") else 'url = "https://portal.customer.example"\n'
    file.write_text(f"[portal]\n{url}{lines}\n", "utf-8")
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert WRONG[lines] in "\n".join(map(str, raised.value.problems))

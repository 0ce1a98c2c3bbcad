"""The portal client on the wire: against the sandbox portal over TLS, and against a peer that may answer anything."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.errors import (
    BatchTooLarge,
    ConfigError,
    CredentialsRejected,
    PortalError,
    PortalUnavailable,
    PortalUntrusted,
    RightMissing,
)
from agent.secrets import Secret
from agent.upload.credentials import ClientSecret
from agent.upload.envelope import Accepted, Envelope, Kept, Outcome, Rejected, canonical, new_reference
from agent.upload.https import Connection
from agent.upload.portal import PortalClient
from agent.upload.route import Route, Trust
from agent.upload.transport import MAX_ANSWER
from tests.portal_process import PortalProcess

T = TypeVar("T")
NUMBER = "000000000010000001"
SCOPES = ["equipments:read", "readings:write", "orders:write", "orders:read"]
SEED = {
    "customer_number": "0000100001",
    "equipments": [
        {
            "equipment_number": f"{10_000_001 + n:018d}",
            "customer_number": "0000100001",
            "manufacturer": "Konica Minolta",
            "manufacturer_serial_number": f"A{n}",
            "measuring_points": [
                {
                    "measuring_point": f"{n:012d}",
                    "meter_code": "total",
                    "unit": "PAGE",
                    "decimals": 0,
                    "is_counter": True,
                    "mandatory": True,
                    "counter_overflow_value": None,
                    "annual_estimate": None,
                    "last_reading": {"value": 1000, "read_at": "2026-01-01T00:00:00Z", "estimated": False},
                }
            ],
            "bill_of_material": [
                {
                    "bom_item_number": f"00{position}0",
                    "component_material_number": f"TN{position}",
                    "description": "Toner",
                    "component_type": "toner",
                    "colorant": "black",
                    "orderable": True,
                    "not_orderable_reason": None,
                    "max_quantity": 2,
                    "yield_pages": 20000,
                }
                for position in range(1, 9)
            ],
        }
        for n in range(250)
    ],
}


def connect(portal: PortalProcess, **changes: Any) -> Connection:
    options: dict[str, Any] = {"url": portal.url, "secret": portal.client_secret, "ca_file": portal.ca_file} | changes
    trust = Trust(options["ca_file"], options.get("pins", frozenset()))
    route = Route(options["url"], trust, options.get("proxy"), options.get("timeout", 10.0))
    credentials = ClientSecret(portal.client_id, lambda: Secret(options["secret"]))
    return Connection(route, options.get("credentials", credentials), "1")


def ask(portal: PortalProcess, question: Callable[[PortalClient], Awaitable[T]], **changes: Any) -> T:
    """One question over a connection of its own."""

    async def asked() -> T:
        client = PortalClient(connect(portal, **changes))
        try:
            return await question(client)
        finally:
            await client.close()

    return asyncio.run(asked())


def start(folder: Path, *arguments: str) -> PortalProcess:
    """A sandbox portal that knows the equipment of these tests."""
    folder.mkdir(parents=True, exist_ok=True)
    seed = folder / "equipment.json"
    seed.write_text(json.dumps(SEED), "utf-8")
    return PortalProcess(folder, "--seed", str(seed), *arguments)


def reading(value: int, number: str = NUMBER, *, at: str = "2026-02-01T00:00:00Z") -> Envelope:
    reference = new_reference()
    body = {
        "client_reference": reference,
        "equipment_number": number,
        "read_at": at,
        "readings": [{"meter_code": "total", "value": value, "unit": "PAGE"}],
    }
    return Envelope(reference, "reading", number, reference, datetime(2026, 2, 1, tzinfo=UTC), canonical(body))


def order(position: int, number: str = NUMBER, quantity: int = 1) -> Envelope:
    reference = new_reference()
    item = {
        "bom_item_number": f"00{position}0",
        "component_material_number": f"TN{position}",
        "quantity": quantity,
        "unit": "ST",
    }
    body: dict[str, object] = {"client_reference": reference, "equipment_number": number, "items": [item]}
    return Envelope(reference, "order", number, reference, datetime(2026, 2, 1, tzinfo=UTC), canonical(body))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    with start(tmp_path_factory.mktemp("portal")) as process:
        yield process


@pytest.fixture
def portal(running: PortalProcess) -> Iterator[PortalProcess]:
    """The one portal of this file, without faults and with all rights before and after."""
    yield running
    running.faults(token_seconds=300, batch_max_items=100)
    running.admin("PUT", "/admin/scopes", {"scopes": SCOPES})


def booked(portal: PortalProcess, reference: str) -> int:
    documents = portal.ledger()["measurement_documents"]
    return sum(document["client_reference"] == reference for document in documents)


def ordered(portal: PortalProcess, reference: str) -> int:
    return sum(one["client_reference"] == reference for one in portal.ledger()["orders"])


def test_equipment(portal: PortalProcess) -> None:
    """The equipment list comes whole, over several pages, with measuring points and last readings."""
    found = ask(portal, lambda client: client.equipments())
    assert [one.equipment_number for one in found] == [one["equipment_number"] for one in SEED["equipments"]]  # type: ignore[index]
    (point,) = found[200].measuring_points
    assert (point.meter_code, point.mandatory) == ("total", True)
    assert point.last_reading is not None
    assert (point.last_reading.value, point.last_reading.estimated) == (1000, False)


def test_unchanged_equipment(portal: PortalProcess) -> None:
    """Pages that have not changed are not sent again, and are the same; a page that has changed is."""
    number = "000000000010000150"

    async def thrice(client: PortalClient) -> tuple[Any, Any, Any, list[int]]:
        first = await client.equipments()
        sizes = [len(packed) for _, packed in client._pages.values()]
        second = await client.equipments()
        await client.submit_readings([reading(1100, number)])
        return first, second, await client.equipments(), sizes

    before = len(portal.exchanges())
    first, second, third, sizes = ask(portal, thrice)
    assert first == second
    asked = [one["status"] for one in portal.exchanges()[before:] if one["path"] == "/v1/equipments"]
    assert asked[:6] == [*[200] * 3, *[304] * 3]
    assert sorted(asked[6:]) == [200, 304, 304]
    assert (len(sizes), max(sizes) < 20_000) == (3, True)
    changed = [one.equipment_number for one, before in zip(third, first, strict=True) if one != before]
    assert changed == [number]


def test_nothing_new_without_a_page(portal: PortalProcess) -> None:
    """A portal that says "unchanged" to who was never there is not understood: no list is made up."""

    async def asked() -> None:
        said = answer("304 Not Modified", b"")
        async with stranger(portal.ca_file.with_name("server-good.pem"), said, 0.0) as (url, _):
            client = PortalClient(connect(portal, url=url))
            with pytest.raises(PortalError):
                await client.equipments()
            await client.close()

    asyncio.run(asked())


def test_tag_that_cannot_be_sent_back(portal: PortalProcess) -> None:
    """A page with an entity tag of other letters (RFC 9110 allows them) is asked for anew; no cycle fails at it."""
    page = answer("200 OK", b'{"items": []}', 'ETag: "\u00fc\u4e2d"')

    async def twice(client: PortalClient) -> list[Any]:
        return [await client.equipments(), await client.equipments()]

    found, heard = told(portal, page, twice)
    assert found == [(), ()]
    assert not any(b"if-none-match" in head.lower() for head in heard)


def test_account(portal: PortalProcess) -> None:
    """The portal says who we are, what we may do, and how much it takes at once."""
    account = ask(portal, lambda client: client.account())
    assert account.rights >= {"readings:write", "orders:write"}
    assert abs(account.server_time - datetime.now(UTC)) < timedelta(minutes=1)


def test_readings(portal: PortalProcess) -> None:
    """Every reading of a batch has its own answer, in order; sent again, each is known and booked once."""
    number = "000000000010000011"
    batch = [reading(1100, number), reading(900, number), reading(1200, "99"), reading(1300, number)]
    first = ask(portal, lambda client: client.submit_readings(batch))
    assert [type(outcome) for outcome in first] == [Accepted, Rejected, Kept, Accepted]
    assert [getattr(outcome, "code", None) for outcome in first] == [
        None,
        "reading-below-last",
        "equipment-unknown",
        None,
    ]
    again = ask(portal, lambda client: client.submit_readings([batch[0], batch[3]]))
    assert [(one.duplicate, one.receipts) for one in again if isinstance(one, Accepted)] == [
        (True, one.receipts) for one in first if isinstance(one, Accepted)
    ]
    assert [booked(portal, envelope.reference) for envelope in batch] == [1, 0, 0, 1]


@pytest.mark.parametrize("kind", ["error-after", "cut-after", "truncated", "wrong-json"])
def test_unknown_outcome(portal: PortalProcess, kind: str) -> None:
    """When the answer is lost after booking, there is no verdict; asked again, the portal says it has it already."""
    envelope = reading(1100, "000000000010000021")
    portal.faults({"kind": kind, "path": "/v1/measurement", "next": 1})
    with pytest.raises(PortalUnavailable) as lost:
        ask(portal, lambda client: client.submit_readings([envelope]))
    assert not lost.value.took_nothing
    (outcome,) = ask(portal, lambda client: client.submit_readings([envelope]))
    assert isinstance(outcome, Accepted)
    assert outcome.duplicate
    assert booked(portal, envelope.reference) == 1


def test_order(portal: PortalProcess) -> None:
    """An order is placed once; the same material again is linked to the open order instead of ordered again."""
    first, second = order(1), order(1)
    placed = ask(portal, lambda client: client.submit_order(first, first_try=True))
    assert isinstance(placed, Accepted)
    assert not placed.duplicate
    linked = ask(portal, lambda client: client.submit_order(second, first_try=True))
    assert linked == Accepted(placed.receipts, duplicate=True)
    assert [ordered(portal, one.reference) for one in (first, second)] == [1, 0]


def test_order_known(portal: PortalProcess) -> None:
    """An order that is posted a second time all the same is the first one, and said to be."""
    envelope = order(3)
    first = ask(portal, lambda client: client.submit_order(envelope, first_try=True))
    again = ask(portal, lambda client: client.submit_order(envelope, first_try=True))
    assert isinstance(first, Accepted)
    assert again == Accepted(first.receipts, duplicate=True)
    assert ordered(portal, envelope.reference) == 1


def test_a_number_that_somebody_has_changed_is_not_written_over(portal: PortalProcess) -> None:
    """Who decides by an old list is told so, and what the key user has entered meanwhile stays."""
    portal.admin("PUT", "/admin/scopes", {"scopes": [*SCOPES, "technical-identification:write"]})
    listed = ask(portal, lambda client: client.equipments())[0]
    ask(portal, lambda client: client.rename(listed, "PRN-NEW"))
    with pytest.raises(PortalError, match=r"changed in the portal meanwhile \(PRN-NEW\)"):
        ask(portal, lambda client: client.rename(listed, "PRN-OTHER"))
    assert ask(portal, lambda client: client.equipments())[0].technical_identification_number == "PRN-NEW"


def test_orders_of_an_equipment(portal: PortalProcess) -> None:
    """All of one equipment and no other's, over several pages, with what they bring and what has become of them."""
    number, many = f"{10_000_004:018d}", 102
    ask(portal, lambda client: client.submit_order(order(1, f"{10_000_005:018d}"), first_try=True))

    async def place(client: PortalClient) -> list[str]:
        numbers = []
        for _ in range(many):
            outcome = await client.submit_order(order(7, number), first_try=True)
            assert isinstance(outcome, Accepted)
            numbers += outcome.receipts
            portal.admin("POST", f"/admin/orders/{numbers[-1]}/status", {"status": "delivered"})
        return numbers

    numbers = ask(portal, place)
    found = ask(portal, lambda client: client.orders_of(number))
    assert [one.order_number for one in found] == numbers
    assert {(one.status, one.positions) for one in found} == {("delivered", ("0070",))}
    assert all(timedelta() <= datetime.now(UTC) - one.created_at < timedelta(hours=1) for one in found)


def test_order_found(portal: PortalProcess) -> None:
    """After an unknown outcome the portal is asked first: an order that it has is not posted again."""
    envelope = order(2)
    portal.faults({"kind": "cut-after", "path": "/v1/orders", "next": 1})
    with pytest.raises(PortalUnavailable):
        ask(portal, lambda client: client.submit_order(envelope, first_try=True))
    # From now on every POST would fail: that it is accepted shows that only the question was sent.
    portal.admin("PUT", "/admin/scopes", {"scopes": ["orders:read"]})
    found = ask(portal, lambda client: client.submit_order(envelope, first_try=False))
    assert isinstance(found, Accepted)
    assert found.duplicate
    assert ordered(portal, envelope.reference) == 1


@pytest.mark.parametrize("kind", ["order", "notification"])
def test_a_refused_question_refuses_nothing(portal: PortalProcess, kind: str) -> None:
    """Whether it was placed is asked first; where the portal refuses that question, nothing is said of the item."""
    said = problem("400 Bad Request", "malformed-request")
    ours = order(2)

    async def placed(client: PortalClient) -> Outcome:
        submit = client.submit_order if kind == "order" else client.submit_notification
        return await submit(ours, first_try=False)

    outcome, heard = told(portal, said, placed)
    assert isinstance(outcome, PortalUnavailable)
    assert [head.split()[0] for head in heard] == [b"POST", b"GET"]  # the token, the question


def test_the_clock_is_known_from_the_last_answer(portal: PortalProcess) -> None:
    """How the portal's clock differs is told by each answer, and by none that did not come: ours may have been set."""

    async def differences(client: PortalClient) -> list[int | None]:
        found = [client.clock_offset]
        await client.account()
        found.append(client.clock_offset)
        portal.faults({"kind": "cut-before", "path": "/v1/agents"})
        with pytest.raises(PortalUnavailable):
            await client.account()
        return [*found, client.clock_offset]

    portal.faults(clock_skew_seconds=7200)
    try:
        first, known, last = ask(portal, differences)
    finally:
        portal.faults(clock_skew_seconds=0)
    assert (first, last) == (None, None)
    assert known is not None
    assert abs(known - 7200) < 60


@pytest.mark.parametrize("kind", ["order", "notification"])
def test_somebody_else_s_is_not_ours(portal: PortalProcess, kind: str) -> None:
    """A portal that answers the question for one reference with another one's item: ours is not taken for placed."""
    items = canonical({"items": [{f"{kind}_number": "4711", "client_reference": "other", "status": "open"}]})
    ours = order(2)

    async def placed(client: PortalClient) -> Outcome:
        submit = client.submit_order if kind == "order" else client.submit_notification
        return await submit(ours, first_try=False)

    outcome, heard = told(portal, answer("200 OK", items), placed)
    assert isinstance(outcome, PortalUnavailable)
    assert [head.split()[0] for head in heard] == [b"POST", b"GET", b"POST"]  # the token, the question, the item


@pytest.mark.parametrize(
    ("envelope", "code"),
    [
        (order(9), "material-not-in-bill-of-material"),
        (order(3, quantity=50), "quantity-exceeds-limit"),
    ],
)
def test_order_refused(portal: PortalProcess, envelope: Envelope, code: str) -> None:
    """What the portal will never deliver is final and says why."""
    outcome = ask(portal, lambda client: client.submit_order(envelope, first_try=True))
    assert isinstance(outcome, Rejected)
    assert outcome.code == code


def test_rights(portal: PortalProcess) -> None:
    """A missing right names the area that the key user has to unlock."""
    portal.admin("PUT", "/admin/scopes", {"scopes": ["equipments:read"]})
    with pytest.raises(RightMissing) as raised:
        ask(portal, lambda client: client.submit_readings([reading(1100)]))
    assert raised.value.area == "readings:write"


def test_batch_too_large(portal: PortalProcess) -> None:
    """More than the portal takes at once is said as such, and nothing of it is booked."""
    portal.faults(batch_max_items=2)
    batch = [reading(1100, "000000000010000031") for _ in range(3)]
    with pytest.raises(BatchTooLarge):
        ask(portal, lambda client: client.submit_readings(batch))
    assert [booked(portal, envelope.reference) for envelope in batch] == [0, 0, 0]


def test_wrong_password(portal: PortalProcess) -> None:
    """A wrong password is said as such, with the command that stores the right one."""
    with pytest.raises(CredentialsRejected, match="meter-agent secret set portal"):
        ask(portal, lambda client: client.account(), secret="wrong")


def test_token_renewed(portal: PortalProcess) -> None:
    """A token that the portal no longer takes is renewed without anybody noticing."""
    portal.faults(token_seconds=0.3)

    async def twice(client: PortalClient) -> str:
        first = await client.account()
        await asyncio.sleep(0.4)
        return (await client.account()).agent_id + first.agent_id

    assert ask(portal, twice)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--certificate", "expired"), "not valid at this time.*date and time"),
        (("--certificate", "not-yet-valid"), "not valid at this time.*date and time"),
        (("--certificate", "wrong-host"), "for another name"),
        (("--certificate", "no-host"), "for another name.*subjectAltName"),
        (("--certificate", "self-signed"), "does not trust.*ca_file"),
        (("--certificate", "rsa1024"), "too short"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_untrusted(tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    """A portal that cannot prove who it is gets nothing, and the key user is told what is wrong and what to do."""
    with start(tmp_path, *arguments) as bad, pytest.raises(PortalUntrusted, match=why):
        ask(bad, lambda client: client.account())


def test_old_tls(portal: PortalProcess) -> None:
    """A portal that speaks nothing newer than TLS 1.1 gets nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old on purpose
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(portal.ca_file.with_name("server-good.pem"))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            with contextlib.suppress(OSError), server.accept()[0] as peer:
                context.wrap_socket(peer, server_side=True)

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(PortalUntrusted, match="outdated version of TLS"):
            ask(portal, lambda client: client.account(), url=f"https://localhost:{server.getsockname()[1]}")
        thread.join(10)


def test_hung_up(portal: PortalProcess) -> None:
    """A portal that hangs up in the middle of the handshake is not there, which is no matter of trust."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            peer, _ = server.accept()
            peer.recv(64 * 1024)
            peer.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(PortalUnavailable):
            ask(portal, lambda client: client.account(), url=f"https://localhost:{server.getsockname()[1]}")
        thread.join(10)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_trusted(tmp_path: Path, version: str) -> None:
    """TLS 1.2 and 1.3 are both good."""
    with start(tmp_path, "--tls", version) as good:
        assert ask(good, lambda client: client.account()).agent_id


def test_system_trust(portal: PortalProcess) -> None:
    """Without a CA file of its own the portal has to be known to the system; the sandbox's is not."""
    with pytest.raises(PortalUntrusted, match="does not trust"):
        ask(portal, lambda client: client.account(), ca_file=None)


def test_plain_http(portal: PortalProcess) -> None:
    """An address without https is refused before anything is sent."""
    with pytest.raises(PortalUntrusted, match="not https"):
        connect(portal, url=portal.url.replace("https", "http"))


def test_bad_ca_file(portal: PortalProcess, tmp_path: Path) -> None:
    """A CA file that is none is a matter of the config, not a reason to trust anybody."""
    (tmp_path / "ca.pem").write_text("no certificate")
    for file in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match="ca_file"):
            connect(portal, ca_file=file)


def test_nobody_there(portal: PortalProcess) -> None:
    """A portal that cannot be reached is a matter of the network."""
    with pytest.raises(PortalUnavailable, match="cannot be reached"):
        ask(portal, lambda client: client.account(), url="https://localhost:9")


def test_secret_hidden(portal: PortalProcess) -> None:
    """The password is in no text that the connection gives of itself."""
    connection = connect(portal)
    assert portal.client_secret not in repr(vars(connection)) + repr(connection)
    asyncio.run(connection.close())


Handler = Callable[[bytes], bytes]
TOKEN = b'{"access_token": "t", "token_type": "Bearer", "expires_in": 300}'


def answer(status: str, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    """A whole HTTP answer, after which the connection is closed."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def problem(status: str, code: str, *headers: str) -> bytes:
    document = canonical({"code": code, "status": int(status[:3]), "title": code, "detail": "so it is"})
    return answer(status, document, *headers, kind="application/problem+json")


@contextlib.asynccontextmanager
async def stranger(certificate: Path, said: bytes, pause: float) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A TLS peer that gives a token and says `said` to everything else, byte by byte where it pauses."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            heard.append(head)
            if b"oauth2/token" in head:
                writer.write(answer("200 OK", TOKEN))
            elif pause:
                for at in range(len(said)):
                    writer.write(said[at : at + 1])
                    await writer.drain()
                    await asyncio.sleep(pause)
            else:
                writer.write(said)
            await writer.drain()
            writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}", heard


def told(
    portal: PortalProcess, said: bytes, question: Callable[[PortalClient], Awaitable[T]], *, pause: float = 0.0
) -> tuple[T | Exception, list[bytes]]:
    """What the client makes of an answer, and what it had sent."""

    async def asked() -> tuple[T | Exception, list[bytes]]:
        certificate = portal.ca_file.with_name("server-good.pem")
        async with stranger(certificate, said, pause) as (url, heard):
            client = PortalClient(connect(portal, url=url, timeout=1.0))
            try:
                return await question(client), heard
            except PortalError as error:
                return error, heard
            finally:
                await client.close()

    return asyncio.run(asked())


NOT_A_VERDICT = {
    "redirect": answer("302 Found", b"{}", "Location: /v1/elsewhere"),
    "accepted for later": answer("202 Accepted", b"{}"),
    "no content": answer("204 No Content", b""),
    "login page": answer("200 OK", b"<html>Please log in</html>", kind="text/html"),
    "refusal that says it is a page": answer(
        "409 Conflict", canonical({"code": "material-not-orderable", "status": 409}), kind="text/html"
    ),
    "login page as 404": answer("404 Not Found", b"<html>Nothing here</html>", kind="text/html"),
    "forbidden by a proxy": answer("403 Forbidden", b"<html>Blocked</html>", kind="text/html"),
    "order as html": answer("201 Created", b'{"order_number": "1", "status": "received"}', kind="text/html"),
    "empty": b"",
    "not http": b"220 mail.example ESMTP\r\n",
    "no number": answer("201 Created", b'{"status": "received"}'),
    "deep": answer("201 Created", b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "shorter than said": answer("201 Created", b'{"order_number": "1"}').replace(b"Length: 21", b"Length: 99"),
    "too long": answer("201 Created", b'{"order_number": "1", "status": "%s"}' % (b"x" * MAX_ANSWER)),
    "in progress": problem("409 Conflict", "idempotency-request-in-progress", "Retry-After: 3"),
    "busy": problem("429 Too Many Requests", "rate-limited", "Retry-After: 3"),
    "time-out": answer("408 Request Timeout", b""),
    "broken": problem("500 Internal Server Error", "internal-error"),
    "maintenance": problem("503 Service Unavailable", "maintenance"),
}


@pytest.mark.parametrize("case", sorted(NOT_A_VERDICT))
def test_no_verdict(portal: PortalProcess, case: str) -> None:
    """Only the portal's own word settles an order; whatever else comes back leaves it where it is."""
    outcome, heard = told(portal, NOT_A_VERDICT[case], lambda client: client.submit_order(order(1), first_try=True))
    assert isinstance(outcome, PortalUnavailable), outcome
    assert len(heard) == 2  # the token and the order; nothing followed, nothing sent twice


VERDICTS: dict[str, tuple[bytes, Outcome]] = {
    "placed": (answer("201 Created", b'{"order_number": "45", "status": "received", "new": 1}'), Accepted(("45",))),
    "final": (problem("409 Conflict", "automatic-supply-active"), Rejected("automatic-supply-active", "so it is")),
    "gone": (problem("410 Gone", "equipment-decommissioned"), Rejected("equipment-decommissioned", "so it is")),
    "unknown": (problem("404 Not Found", "equipment-unknown"), Kept("equipment-unknown", "so it is")),
    "contract": (problem("403 Forbidden", "contract-inactive"), Kept("contract-inactive", "so it is")),
    "new code": (problem("422 Unprocessable Content", "made-up"), Rejected("made-up", "so it is")),
}


@pytest.mark.parametrize("case", sorted(VERDICTS))
def test_verdict(portal: PortalProcess, case: str) -> None:
    """What the portal says of an order is taken as it is meant: placed, final, or kept until something changes."""
    said, expected = VERDICTS[case]
    assert told(portal, said, lambda client: client.submit_order(order(1), first_try=True))[0] == expected


def batch_answer(envelope: Envelope, **changes: Any) -> bytes:
    item = {"client_reference": envelope.reference, "status": 201, "measurement_documents": []} | changes
    return answer("207 Multi-Status", canonical({"items": [item]}))


ITEMS: dict[str, tuple[dict[str, Any], type[object]]] = {
    "booked": ({"measurement_documents": [{"measurement_document": "7"}]}, Accepted),
    "refused": ({"status": 422, "problem": {"code": "reading-below-last"}}, Rejected),
    "long words": ({"status": 422, "problem": {"code": "reading-below-last", "detail": "x" * 9000}}, Rejected),
    "parked": ({"status": 404, "problem": {"code": "equipment-unknown"}}, Kept),
    "later": ({"status": 503, "problem": {"code": "maintenance"}}, Kept),
    "in progress": ({"status": 409, "problem": {"code": "idempotency-request-in-progress"}}, Kept),
    "may be repeated": ({"status": 409, "problem": {"code": "made-up", "retryable": True}}, Kept),
    "another's": ({"client_reference": "0" * 32}, PortalUnavailable),
    "no verdict": ({"status": 202}, PortalUnavailable),
    "nonsense": ({"status": 0}, PortalUnavailable),
    "no status": ({"status": None}, PortalUnavailable),
}


@pytest.mark.parametrize("case", sorted(ITEMS))
def test_item(portal: PortalProcess, case: str) -> None:
    """An item's answer is a verdict only where it is one and belongs to what was sent."""
    changes, expected = ITEMS[case]
    envelope = reading(1100)
    outcome, _ = told(portal, batch_answer(envelope, **changes), lambda client: client.submit_readings([envelope]))
    if isinstance(outcome, list | tuple):
        (outcome,) = outcome
    assert isinstance(outcome, expected), outcome


def test_too_few_answers(portal: PortalProcess) -> None:
    """Fewer answers than readings settle none of them."""
    first, second = reading(1100), reading(1200)
    outcome, _ = told(portal, batch_answer(first), lambda client: client.submit_readings([first, second]))
    assert isinstance(outcome, PortalUnavailable)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("Retry-After: 7", 7, 7),
        ("Retry-After: {in_an_hour}", 3500, 3600),
        ("Retry-After: Thu, 01 Jan 2004 00:00:00 GMT", 0, 0),
        ("Retry-After: 99999999", 86_400, 86_400),
    ],
    ids=["seconds", "date", "past", "absurd"],
)
def test_retry_after(portal: PortalProcess, header: str, least: float, most: float) -> None:
    """How long the portal wants to be left alone is read in both forms, and believed for a day at most."""
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    said = problem("503 Service Unavailable", "maintenance", header.format(in_an_hour=in_an_hour))
    error, _ = told(portal, said, lambda client: client.account())
    assert isinstance(error, PortalUnavailable)
    assert error.retry_after is not None
    assert least <= error.retry_after <= most


@pytest.mark.parametrize("header", ["soon", "Thu, 99 Foo 2004 99:99:99 GMT", "Mon, 01 Jan 99999999999999 00:00:00 GMT"])
def test_retry_after_nonsense(portal: PortalProcess, header: str) -> None:
    """A Retry-After that says nothing is as good as none."""
    error, _ = told(
        portal,
        problem("503 Service Unavailable", "maintenance", f"Retry-After: {header}"),
        lambda client: client.account(),
    )
    assert isinstance(error, PortalUnavailable)
    assert error.retry_after is None


def test_dripping(portal: PortalProcess) -> None:
    """An answer that comes byte by byte for ever is given up, though every byte is in time."""
    body = b'{"order_number": "1", "status": "received"}' + b" " * 500
    began = time.monotonic()
    said = answer("201 Created", body)
    outcome, _ = told(portal, said, lambda client: client.submit_order(order(1), first_try=True), pause=0.1)
    assert isinstance(outcome, PortalUnavailable)
    assert time.monotonic() - began < 40


def test_compressed(portal: PortalProcess) -> None:
    """No answer is unpacked: a few bytes could become gigabytes."""
    said = answer("200 OK", gzip.compress(b'{"items": []}'), "Content-Encoding: gzip")
    error, heard = told(portal, said, lambda client: client.equipments())
    assert isinstance(error, PortalUnavailable)
    assert "compressed" in str(error)
    assert b"accept-encoding: identity" in heard[1].lower()


def test_time_without_zone(portal: PortalProcess) -> None:
    """A time that does not say its zone is not guessed."""
    body = canonical(
        {"agent_id": "1", "customer_number": "1", "scopes": [], "server_time": "2026-02-01T00:00:00", "limits": {}}
    )
    error, _ = told(portal, answer("200 OK", body), lambda client: client.account())
    assert isinstance(error, PortalUnavailable)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["items", "1", NUMBER]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["items", "next_cursor", "status", "client_reference", "problem", "order_number", "code"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
QUESTIONS: tuple[Callable[[PortalClient], Awaitable[object]], ...] = (
    lambda client: client.equipments(),
    lambda client: client.submit_readings([reading(1100)]),
    lambda client: client.submit_order(order(1), first_try=False),
    lambda client: client.bill_of_material("../" + NUMBER),
    lambda client: client.orders_of(NUMBER),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=VALUES,
    status=st.sampled_from(["200 OK", "201 Created", "207 Multi-Status", "400 Bad", "403 No", "409 No", "500 No"]),
    question=st.sampled_from(QUESTIONS),
)
def test_any_json(
    portal: PortalProcess, value: object, status: str, question: Callable[[PortalClient], Awaitable[object]]
) -> None:
    """No JSON that a portal can say escapes as anything but an answer or a portal error, and it ends."""
    told(portal, answer(status, canonical(value)), question)

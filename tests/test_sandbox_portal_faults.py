"""The sandbox portal fails on purpose: in the way asked for, when asked for, and without ever losing what it booked."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.portal_process import PortalProcess
from tests.portal_seed import equipment, item, keyed, number_of, order, seed_file

BATCH = "/v1/measurement-document-batches"
ME = "/v1/agents/me"


@pytest.fixture
def seed(tmp_path: Path) -> str:
    return str(seed_file(tmp_path / "seed.json", *(equipment(number) for number in range(1, 6))))


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    folder = tmp_path_factory.mktemp("portal")
    file = seed_file(folder / "seed.json", *(equipment(number) for number in range(1, 30)))
    with PortalProcess(folder / "data", "--seed", str(file)) as process:
        yield process


@pytest.fixture
def agent(portal: PortalProcess) -> Iterator[httpx.Client]:
    portal.faults()
    with portal.client() as client:
        yield client
    portal.faults()


def report(agent: httpx.Client, number: int, reference: str, value: int = 1500) -> httpx.Response:
    return agent.post("/measurement-document-batches", json={"items": [item(number, reference, value)]})


def statuses(answer: httpx.Response) -> list[int]:
    return [one["status"] for one in answer.json()["items"]]


def booked(portal: PortalProcess, reference: str) -> int:
    return [one["client_reference"] for one in portal.ledger()["measurement_documents"]].count(reference)


def eventually(true: Callable[[], bool]) -> None:
    """Waits, bounded, until something has become true."""
    for _ in range(300):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it never became true")


# Fault, what the client meets, whether the reading is booked all the same.
ANSWERS: list[tuple[dict[str, Any], type[Exception] | int, bool]] = [
    ({"kind": "error-before", "status": 500}, 500, False),
    ({"kind": "error-before", "status": 503, "retry_after": 7}, 503, False),
    ({"kind": "error-before", "status": 429, "retry_after": 7}, 429, False),
    ({"kind": "error-before", "status": 502}, 502, False),
    ({"kind": "error-before", "code": "idempotency-request-in-progress"}, 409, False),
    ({"kind": "error-after", "status": 500}, 500, True),
    ({"kind": "error-after", "status": 503}, 503, True),
    ({"kind": "cut-before"}, httpx.RemoteProtocolError, False),
    ({"kind": "cut-after"}, httpx.RemoteProtocolError, True),
    ({"kind": "truncated"}, httpx.RemoteProtocolError, True),
    ({"kind": "wrong-json"}, json.JSONDecodeError, True),
    ({"kind": "web-page"}, json.JSONDecodeError, False),
    ({"kind": "latency", "seconds": 0.1}, 207, True),
    ({"kind": "latency-after", "seconds": 0.1}, 207, True),
    ({"kind": "slow-body", "seconds": 0.001}, 207, True),
]


@pytest.mark.parametrize(("fault", "met", "kept"), ANSWERS, ids=[json.dumps(one[0]) for one in ANSWERS])
def test_faults(
    portal: PortalProcess, agent: httpx.Client, fault: dict[str, Any], met: type[Exception] | int, kept: bool
) -> None:
    """A fault strikes one request as asked; sent again afterwards, the reading is booked exactly once in the end."""
    number = 1 + [one[0] for one in ANSWERS].index(fault)
    reference = f"fault-{number}"
    sent = {"items": [item(number, reference, 1500)]}
    portal.faults({**fault, "path": BATCH, "next": 1})
    if isinstance(met, int):
        assert agent.post("/measurement-document-batches", json=sent).status_code == met
    else:
        with pytest.raises((met, httpx.ReadError)):
            agent.post("/measurement-document-batches", json=sent).json()
    assert booked(portal, reference) == int(kept)
    again = agent.post("/measurement-document-batches", json=sent)
    assert statuses(again) == [200 if kept else 201]
    assert booked(portal, reference) == 1
    assert portal.admin("GET", "/admin/faults")["switches"][0]["struck"] == 1


def test_wait_as_told(portal: PortalProcess, agent: httpx.Client) -> None:
    """Retry-After comes as seconds or as a date, and the problem says that trying again is worth it."""
    portal.faults({"kind": "error-before", "status": 429, "retry_after": 120})
    told = agent.get("/agents/me")
    assert (told.headers["Retry-After"], told.json()["code"], told.json()["retryable"]) == ("120", "rate-limited", True)
    portal.faults({"kind": "error-before", "status": 503, "retry_after": 120, "retry_after_as_date": True})
    told = agent.get("/agents/me")
    moment = parsedate_to_datetime(told.headers["Retry-After"])
    assert timedelta(seconds=60) < moment - datetime.now(UTC) <= timedelta(seconds=121)
    assert told.json()["code"] == "maintenance"


def test_when_faults_strike(portal: PortalProcess, agent: httpx.Client) -> None:
    """A switch strikes the next n requests, every n-th, by lot, on a path, for a method; a seed repeats the lot."""

    def seen(count: int = 12, path: str = "/agents/me") -> str:
        return "".join("." if agent.get(path).is_success else "X" for _ in range(count))

    error = {"kind": "error-before", "status": 500}
    portal.faults({**error, "next": 2})
    assert seen() == "XX.........."
    portal.faults({**error, "every": 3})
    assert seen() == "..X..X..X..X"
    lots = []
    for _ in range(2):
        portal.faults({**error, "chance": 0.5}, seed=7)
        lots.append(seen())
    assert lots[0] == lots[1]
    assert {*lots[0]} == {".", "X"}
    portal.faults({**error, "path": "/v1/equipments/*/bill-of-material"}, {**error, "path": ME, "method": "POST"})
    assert seen(2) == ".."
    assert seen(1, f"/equipments/{number_of(1)}/bill-of-material") == "X"
    portal.faults()
    assert seen(3) == "..."


def test_switches_that_make_no_sense(portal: PortalProcess) -> None:
    """A switch that would do nothing is refused, and the switches stay as they were."""
    portal.faults({"kind": "latency", "path": "/v1/none"})
    before = portal.admin("GET", "/admin/faults")
    wrong: list[dict[str, Any]] = [
        {"kind": "meteorite"},
        {"kind": "latency", "every": 0},
        {"kind": "latency", "chance": 2},
        {"kind": "latency", "next": -1},
        {"kind": "error-before", "code": "made-up"},
        {"kind": "latency", "sceonds": 1},
    ]
    for switch in wrong:
        with pytest.raises(AssertionError, match="400"):
            portal.faults(switch)
    for setting in ({"token_seconds": 0}, {"surprise": 1}, {"batch_max_items": 0}):
        with pytest.raises(AssertionError, match="400"):
            portal.admin("PUT", "/admin/faults", setting)
    assert portal.admin("GET", "/admin/faults") == before


def test_short_tokens(portal: PortalProcess) -> None:
    """With a short token lifetime a token dies by itself."""
    portal.faults(token_seconds=0.3)
    with portal.client() as agent:
        eventually(lambda: agent.get("/agents/me").status_code == 401)
    portal.faults(token_seconds=300)


def test_faults_from_a_file(tmp_path: Path) -> None:
    """The same switches can be on from the start."""
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"switches": [{"kind": "error-before", "path": ME, "next": 1}], "batch_max_items": 3}))
    with PortalProcess(tmp_path / "data", "--faults", str(file)) as portal, portal.client() as agent:
        assert agent.get("/agents/me").status_code == 500
        assert agent.get("/agents/me").json()["limits"]["batch_max_items"] == 3


def in_background(call: Callable[[], object]) -> threading.Thread:
    def quietly() -> None:
        with contextlib.suppress(httpx.HTTPError):  # the portal is killed under it
            call()

    thread = threading.Thread(target=quietly, daemon=True)
    thread.start()
    return thread


def test_killed_between_commit_and_answer(tmp_path: Path, seed: str) -> None:
    """A portal killed after booking and before answering has the reading and the order once, and says so afterwards."""
    sent = {"items": [item(1, "killed", 1500)]}
    with PortalProcess(tmp_path / "data", "--seed", seed) as portal, portal.client() as agent:
        portal.faults({"kind": "latency-after", "seconds": 600})
        calls: list[Callable[[], object]] = [
            lambda: agent.post("/measurement-document-batches", json=sent),
            lambda: agent.post("/orders", json=order(1, "killed"), headers=keyed("killed")),
        ]
        threads = [in_background(call) for call in calls]
        eventually(lambda: booked(portal, "killed") == 1 and len(portal.ledger()["orders"]) == 1)
        before = portal.ledger()
        portal.kill()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
    with PortalProcess(tmp_path / "data", "--seed", seed) as portal, portal.client() as agent:
        assert portal.ledger() == before
        (result,) = agent.post("/measurement-document-batches", json=sent).json()["items"]
        assert (result["status"], result["duplicate"]) == (200, True)
        placed = agent.post("/orders", json=order(1, "killed"), headers=keyed("killed"))
        assert (placed.status_code, placed.json()["client_reference"]) == (200, "killed")
        assert portal.ledger() == before


def test_killed_again_and_again(tmp_path: Path, seed: str) -> None:
    """Killed at any moment of a busy hour: what was confirmed is there, nothing is there twice, and work goes on."""
    confirmed: set[str] = set()
    sent = 0
    for _ in range(3):
        with PortalProcess(tmp_path / "data", "--seed", seed) as portal, portal.client() as agent:
            killer = threading.Timer(0.4, portal.process.kill)
            killer.start()
            with pytest.raises(httpx.TransportError):
                for _ in range(5000):
                    sent += 1
                    assert statuses(report(agent, 1 + sent % 5, f"busy-{sent}")) == [201]
                    confirmed.add(f"busy-{sent}")
            killer.join()
    assert confirmed
    with PortalProcess(tmp_path / "data") as portal, portal.client() as agent:
        for place in range(1, sent + 1):
            report(agent, 1 + place % 5, f"busy-{place}")
        references = [one["client_reference"] for one in portal.ledger()["measurement_documents"]]
        assert sorted(filter(None, references)) == sorted(f"busy-{place}" for place in range(1, sent + 1))
    with sqlite3.connect(tmp_path / "data" / "portal.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_started_again(tmp_path: Path, seed: str) -> None:
    """Started again with the same seed, the portal has the same address, secret, readings, names and rights."""
    rename = f"/equipments/{number_of(2)}/technical-identification-number"
    with PortalProcess(tmp_path / "data", "--seed", seed) as portal, portal.client() as agent:
        report(agent, 1, "kept")
        agent.put(rename, json={"technical_identification_number": "NEW"}, headers={"If-Match": "*"})
        portal.admin("PUT", "/admin/scopes", {"scopes": []})
        first, before = portal.ready, portal.ledger()
        secret = portal.client_secret
        assert portal.stop() == 0
    for name in ("client-secret", "admin-token", "ca-key.pem"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o777 == 0o600
    with PortalProcess(tmp_path / "data", "--seed", seed) as portal, portal.client() as agent:
        assert (portal.ready, portal.client_secret, portal.ledger()) == (first, secret, before)
        assert agent.get("/agents/me").json()["scopes"] == []
        portal.admin("PUT", "/admin/scopes", {"scopes": ["equipments:read"]})
        assert agent.get(f"/equipments/{number_of(2)}").json()["technical_identification_number"] == "NEW"
        assert secret not in (portal.log.read_text() + json.dumps(portal.ready))


def test_database_of_the_first_version(tmp_path: Path, seed: str) -> None:
    """A database that an older portal has left behind keeps its customer, readings and open orders."""
    with PortalProcess(tmp_path / "data", "--seed", seed) as portal, portal.client() as agent:
        agent.post("/orders", json=order(1, "open"), headers=keyed("open"))
        before = portal.ledger()
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "portal.sqlite")) as db:
        for table in ("open_materials", "open_causes", "idempotency_keys", "notifications", "facts"):
            db.execute(f"DROP TABLE {table}")
        for table in ("agents", "agent_keys", "assignments", "used_assertions", "enrolment_codes"):
            db.execute(f"DROP TABLE {table}")
        for column in ("agent_id", "findings", "reversed_at", "reversal_reason"):
            db.execute(f"ALTER TABLE documents DROP COLUMN {column}")
        db.execute("ALTER TABLE submissions DROP COLUMN content")
        db.execute("ALTER TABLE equipments DROP COLUMN modified_at")
    with PortalProcess(tmp_path / "data") as portal, portal.client() as agent:
        assert portal.ledger() == before
        assert len(agent.get("/equipments").json()["items"]) == 5
        again = agent.post("/orders", json=order(1, "second"), headers=keyed("second"))
        assert again.json()["code"] == "order-already-open"
        assert statuses(report(agent, 1, "after")) == [201]


@pytest.mark.parametrize("how", ["terminate", "interrupt"])
def test_ends_cleanly(tmp_path: Path, how: str) -> None:
    """Told to stop by a signal, the portal ends with code 0 and without a word."""
    portal = PortalProcess(tmp_path / "data")
    portal.process.send_signal(signal.SIGTERM if how == "terminate" else signal.SIGINT)
    assert portal.process.wait(30) == 0
    portal.stop()
    assert portal.log.read_text() == ""


@pytest.mark.parametrize(
    ("option", "content"),
    [
        ("--seed", "{"),
        ("--seed", '{"equipments": []}'),
        ("--faults", '{"switches": [{"kind": "x"}]}'),
        ("--seed", None),
    ],
)
def test_does_not_start_on_nonsense(tmp_path: Path, option: str, content: str | None) -> None:
    """A seed or fault file that makes no sense ends the start with one sentence about it."""
    file = tmp_path / "file.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(AssertionError, match="The portal cannot start"):
        PortalProcess(tmp_path / "data", option, str(file))


# Option, what a strict client says about it.
BAD_TLS = [
    (("--certificate", "expired"), "certificate has expired"),
    (("--certificate", "not-yet-valid"), "not yet valid"),
    (("--certificate", "wrong-host"), "Hostname mismatch"),
    (("--certificate", "no-host"), "Hostname mismatch"),
    (("--certificate", "self-signed"), "self-signed"),
    (("--certificate", "other-ca"), "unable to get local issuer"),
    (("--certificate", "wrong-usage"), "unsuitable certificate purpose"),
    (("--certificate", "rsa1024"), "key too weak"),
    (("--tls", "1.0"), "EOF|protocol|alert"),
    (("--tls", "1.1"), "EOF|protocol|alert"),
    (("--plain-http",), "WRONG_VERSION_NUMBER|record layer"),
]


@pytest.mark.parametrize(("options", "refusal"), BAD_TLS, ids=[" ".join(one[0]) for one in BAD_TLS])
def test_bad_tls_is_refused(tmp_path: Path, options: tuple[str, ...], refusal: str) -> None:
    """A strict client sends nothing to a portal with this fault; a careless one can, so it is really there."""
    with PortalProcess(tmp_path / "data", *options) as portal:
        address = portal.url.replace("http:", "https:") + "/v1/health"
        with pytest.raises(httpx.ConnectError, match=refusal):
            httpx.get(address, verify=portal.context(), trust_env=False)
        assert portal.ledger()["orders"] == []


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_good_tls(tmp_path: Path, version: str) -> None:
    """A strict client is content with the made CA under TLS 1.2 and 1.3, by name and by both loopback addresses."""
    with PortalProcess(tmp_path / "data", "--tls", version) as portal:
        port = int(portal.url.rpartition(":")[2])
        for host in ("localhost", "127.0.0.1", "::1"):
            spoken = handshake(portal.context(), host, port)
            assert spoken == f"TLSv{version}"
        with pytest.raises(httpx.ConnectError, match=r"unable to get local issuer|self-signed"):
            httpx.get(f"{portal.url}/v1/health", verify=ssl.create_default_context(), trust_env=False)


def handshake(context: ssl.SSLContext, name: str, port: int) -> str | None:
    """The version of TLS spoken with the portal under this name."""
    plain = socket.create_connection(("127.0.0.1", port), 20)
    with context.wrap_socket(plain, server_hostname=name) as secure:
        return secure.version()

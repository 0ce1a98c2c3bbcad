"""What is around every answer of the sandbox portal: limits, clock, flow ids, a record; and batches half spoiled."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from tests.portal_contract import Contract
from tests.portal_keys import Key
from tests.portal_process import PortalProcess
from tests.portal_seed import equipment, item, keyed, order, seed_file

CONTRACT = Contract()
BATCH = "/v1/measurement-document-batches"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    folder = tmp_path_factory.mktemp("portal")
    seed = seed_file(folder / "seed.json", *(equipment(number) for number in range(1, 30)))
    with PortalProcess(folder / "data", "--seed", str(seed)) as process:
        yield process


@pytest.fixture
def agent(portal: PortalProcess) -> Iterator[httpx.Client]:
    portal.faults()
    with portal.client(event_hooks={"response": [CONTRACT.check]}) as client:
        yield client
    portal.faults(rate_limit=None, clock_skew_seconds=0, order_seconds=0, idempotency_retention_days=3650)


def batch(agent: httpx.Client, *items: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = agent.post("/measurement-document-batches", json={"items": items}).json()["items"]
    return found


def booked(portal: PortalProcess, *references: str) -> list[int]:
    known = [one["client_reference"] for one in portal.ledger()["measurement_documents"]]
    return [known.count(reference) for reference in references]


def test_half_of_a_batch(portal: PortalProcess, agent: httpx.Client) -> None:
    """Each n-th item of a batch is refused as asked, before or after it was booked; the others are not touched."""
    sent = [item(number, f"mixed-{number}", 1500) for number in (1, 2, 3, 4)]
    names = [one["client_reference"] for one in sent]
    portal.faults({"kind": "mixed", "path": BATCH, "each": 2, "next": 1})
    results = batch(agent, *sent)
    assert [one["status"] for one in results] == [201, 500, 201, 500]
    assert results[1]["problem"]["retryable"] is True
    assert [one["client_reference"] for one in results] == names
    assert booked(portal, *names) == [1, 0, 1, 0]
    portal.faults({"kind": "mixed-after", "path": BATCH, "each": 4, "code": "rate-limited", "next": 1})
    results = batch(agent, *sent)
    assert [one["status"] for one in results] == [200, 201, 200, 429]
    assert booked(portal, *names) == [1, 1, 1, 1]
    assert [one["status"] for one in batch(agent, *sent)] == [200] * 4


def test_answers_of_another_shape(portal: PortalProcess) -> None:
    """JSON of another shape and results in another order come for work that was done."""
    sent = [item(number, f"shape-{number}", 1500) for number in (5, 6)]
    with portal.client() as agent:
        portal.faults({"kind": "shuffled", "path": BATCH, "next": 1})
        assert [one["client_reference"] for one in batch(agent, *sent)] == ["shape-6", "shape-5"]
        portal.faults({"kind": "wrong-shape", "path": BATCH, "next": 1})
        answer = agent.post("/measurement-document-batches", json={"items": sent})
        assert (answer.status_code, list(answer.json())) == (207, ["surprise"])
    assert booked(portal, "shape-5", "shape-6") == [1, 1]


def test_a_resource_that_will_go(portal: PortalProcess, agent: httpx.Client) -> None:
    """A deprecated resource answers as before, and says since when and until when."""
    portal.faults({"kind": "deprecated", "path": "/v1/orders", "days": 30})
    told = agent.get("/orders")
    assert told.status_code == 200
    assert int(told.headers["Deprecation"].removeprefix("@")) < datetime.now(UTC).timestamp()
    left = parsedate_to_datetime(told.headers["Sunset"]) - datetime.now(UTC)
    assert timedelta(days=29) < left <= timedelta(days=30)
    assert 'rel="deprecation"' in told.headers["Link"]
    assert "Deprecation" not in agent.get("/agents/me").headers


def test_a_real_limit(portal: PortalProcess, agent: httpx.Client) -> None:
    """With a limit every answer tells what is left; above it nothing is done, and Retry-After says how long."""
    portal.faults(rate_limit=3, rate_limit_seconds=3600)
    first = agent.get("/agents/me")
    assert first.headers["RateLimit-Policy"] == '"default";q=3;w=3600'
    assert first.headers["RateLimit"].startswith('"default";r=2;t=')
    answers = [agent.post("/measurement-documents", json=item(7, f"limit-{turn}", 1500)) for turn in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 429, 429]
    assert answers[2].json()["code"] == "rate-limited"
    assert 3000 < int(answers[2].headers["Retry-After"]) <= 3601
    assert booked(portal, "limit-1", "limit-2") == [1, 0]
    assert portal.ledger()["orders"] is not None, "the admin is not limited"
    portal.faults(rate_limit=None)
    assert "RateLimit" not in agent.get("/agents/me").headers


def test_the_clock_of_the_portal(portal: PortalProcess, agent: httpx.Client) -> None:
    """Every answer tells the portal's time, also to whom its wrong clock refuses the assertion."""
    key = Key.made()
    code = portal.admin("POST", "/admin/enrolment-codes", {})["enrolment_code"]
    agent_id = agent.post("/enrolments", json=key.registration(enrolment_code=code)).json()["agent_id"]
    portal.faults(clock_skew_seconds=7200)
    refused = agent.post("/oauth2/token", data=key.form(agent_id))
    assert refused.status_code == 401
    assert "Date" in refused.json()["error_description"]
    ahead = parsedate_to_datetime(refused.headers["Date"]) - datetime.now(UTC)
    assert timedelta(minutes=118) < ahead < timedelta(minutes=122)


def test_flow_ids(agent: httpx.Client) -> None:
    """An exchange keeps the name that the agent gives it, or gets one; nothing else comes back in that header."""
    assert agent.get("/health", headers={"X-Flow-ID": "cycle-17/3"}).headers["X-Flow-ID"] == "cycle-17/3"
    own = agent.get("/health").headers["X-Flow-ID"]
    assert own != agent.get("/health").headers["X-Flow-ID"]
    assert agent.get("/health", headers={"X-Flow-ID": "<b>" + "x" * 300}).headers["X-Flow-ID"] != "<b>"


def test_an_order_in_work(portal: PortalProcess, agent: httpx.Client) -> None:
    """While an order is worked on, the same key is told to come back; there is one order in the end."""
    portal.faults(order_seconds=1.5)
    for number in range(12, 22):  # a busy machine may need more than one try for two requests at once
        body, reference = order(number, f"in-work-{number}"), f"in-work-{number}"

        def send(body: dict[str, Any] = body, reference: str = reference) -> httpx.Response:
            return agent.post("/orders", json=body, headers=keyed(reference))

        with ThreadPoolExecutor(2) as pool:
            answers = sorted((each.result() for each in [pool.submit(send), pool.submit(send)]), key=status)
        if answers[1].status_code == 409:
            break
        assert [answer.status_code for answer in answers] == [200, 201]
    busy = answers[1]
    assert (busy.json()["code"], busy.json()["retryable"]) == ("idempotency-request-in-progress", True)
    assert int(busy.headers["Retry-After"]) >= 1
    assert answers[0].status_code == 201
    portal.faults(order_seconds=0)
    assert send().json() == answers[0].json()
    assert [one["client_reference"] for one in portal.ledger()["orders"]].count(reference) == 1


def status(answer: httpx.Response) -> int:
    return answer.status_code


def test_when_a_key_is_forgotten(portal: PortalProcess, agent: httpx.Client) -> None:
    """After the retention a key is free for another order, and the reference still guards the first one."""
    first = agent.post("/orders", json=order(9, "kept"), headers=keyed("old-key"))
    assert first.status_code == 201
    other = order(10, "another")
    assert agent.post("/orders", json=other, headers=keyed("old-key")).json()["code"] == "idempotency-key-reused"
    portal.faults(idempotency_retention_days=1, clock_skew_seconds=3 * 86_400)
    assert agent.get("/agents/me").json()["limits"]["idempotency_retention_days"] == 1
    assert agent.post("/orders", json=other, headers=keyed("old-key")).status_code == 201
    again = agent.post("/orders", json=order(9, "kept"), headers=keyed("new-key"))
    assert (again.status_code, again.json()["order_number"]) == (200, first.json()["order_number"])


def test_the_record(portal: PortalProcess, agent: httpx.Client) -> None:
    """The record has every request with its body and status, and no secret."""
    batch(agent, item(11, "recorded", 1500))
    code = portal.admin("POST", "/admin/enrolment-codes", {"name": "office"})["enrolment_code"]
    agent.post("/enrolments", json=Key.made().registration(enrolment_code=code))
    agent.get("/orders", params={"limit": "7"})
    *_, sent, enrolled, asked = portal.exchanges()
    assert (enrolled["path"], enrolled["body"], enrolled["status"]) == ("/v1/enrolments", None, 201)
    assert (sent["method"], sent["path"], sent["status"]) == ("POST", BATCH, 207)
    assert json.loads(sent["body"])["items"][0]["client_reference"] == "recorded"
    assert (asked["path"], asked["query"]) == ("/v1/orders", "limit=7")
    told = portal.record.read_text()
    basic = base64.b64encode(f"{portal.client_id}:{portal.client_secret}".encode()).decode()
    for secret in (code, portal.client_secret, agent.headers["Authorization"].removeprefix("Bearer "), basic):
        assert secret not in told


def test_the_contract_is_served(portal: PortalProcess) -> None:
    """Whoever wants to write a client finds the contract at the portal itself."""
    answer = httpx.get(f"{portal.url}/openapi.yaml", verify=portal.context())
    assert answer.headers["Content-Type"].startswith("application/yaml")
    assert answer.text.startswith("openapi: 3.1.0")


def test_methods_of_a_resource(agent: httpx.Client) -> None:
    """A method that a resource does not have is answered with those that it has."""
    answer = agent.patch("/orders")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")

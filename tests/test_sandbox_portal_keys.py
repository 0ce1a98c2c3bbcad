"""Agents prove themselves with keys of their own: enrolled once, replaced with an overlap, revoked at once."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.portal_contract import Contract
from tests.portal_keys import AUDIENCE, Key, encoded
from tests.portal_process import PortalProcess
from tests.portal_seed import equipment, item, keyed, number_of, order, seed_file

CONTRACT = Contract()
CHECKED = {"event_hooks": {"response": [CONTRACT.check]}}
USUAL = ["equipments:read", "notifications:write", "orders:read", "orders:write", "readings:write"]


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    folder = tmp_path_factory.mktemp("portal")
    others = (equipment(90, customer_number="0000999999"),)
    seed = seed_file(folder / "seed.json", *(equipment(number) for number in range(1, 8)), *others)
    with PortalProcess(folder / "data", "--seed", str(seed)) as process:
        yield process


@pytest.fixture
def anybody(portal: PortalProcess) -> Iterator[httpx.Client]:
    """A client without a token; every answer is held against the contract."""
    with httpx.Client(base_url=f"{portal.url}/v1", verify=portal.context(), trust_env=False, **CHECKED) as client:
        yield client


def code(portal: PortalProcess, **wanted: object) -> str:
    return str(portal.admin("POST", "/admin/enrolment-codes", wanted)["enrolment_code"])


def enrolled(portal: PortalProcess, anybody: httpx.Client, key: Key, **wanted: object) -> str:
    """The agent id of a new agent with this key."""
    answer = anybody.post("/enrolments", json=key.registration(enrolment_code=code(portal, **wanted)))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["agent_id"])


def token(anybody: httpx.Client, key: Key, agent_id: str) -> httpx.Response:
    return anybody.post("/oauth2/token", data=key.form(agent_id))


@contextmanager
def signed_in(anybody: httpx.Client, key: Key, agent_id: str) -> Iterator[httpx.Client]:
    answer = token(anybody, key, agent_id)
    assert answer.status_code == 200, answer.text
    anybody.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    try:
        yield anybody
    finally:
        del anybody.headers["Authorization"]


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256", "PS256"])
def test_from_a_code_to_a_token(portal: PortalProcess, anybody: httpx.Client, algorithm: str) -> None:
    """With a code and a key of its own an agent enrols, asks for a token, and works with the usual rights."""
    key = Key.made(algorithm)
    body = key.registration(enrolment_code=code(portal, name="Zentrale"), agent_name="Serverraum")
    answer = anybody.post("/enrolments", json=body)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["kid"], told["token_audience"], told["scopes"]) == (key.kid, AUDIENCE, USUAL)
    with signed_in(anybody, key, told["agent_id"]) as agent:
        me = agent.get("/agents/me").json()
        assert (me["agent_id"], me["customer_number"]) == (told["agent_id"], told["customer_number"])
        assert (me["equipment_access"], me["scopes"]) == ("all", USUAL)
        (shown,) = agent.get("/agents/me/keys").json()["items"]
        assert (shown["kid"], shown["valid_until"], shown["revoked_at"]) == (key.kid, None, None)
        renamed = f"/equipments/{number_of(1)}/technical-identification-number"
        refused = agent.put(renamed, json={"technical_identification_number": "X"}, headers={"If-Match": "*"})
        assert refused.json()["area"] == "technical-identification:write"
        assert agent.get("/equipments", params={"limit": "1"}).status_code == 200


def test_a_code_is_good_once(portal: PortalProcess, anybody: httpx.Client) -> None:
    """A code makes one agent: the same key is told again who it is, another key is refused, and so is what expired."""
    portal.faults(enrolment_tries=1000)
    first, other, given = Key.made(), Key.made(), code(portal)
    typed = given.lower().replace("-", " ")
    answers = [anybody.post("/enrolments", json=first.registration(enrolment_code=one)) for one in (typed, given)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    expired = code(portal, hours=0.0001)
    eventually_over(portal, anybody, expired)
    for key, one in ((other, given), (other, expired), (other, "AAAA-AAAA-AAAA-AAAA-AAAA"), (other, 7), (other, "")):
        refused = anybody.post("/enrolments", json=key.registration(enrolment_code=one))
        assert (refused.status_code, refused.json()["code"]) == (403, "enrolment-code-rejected"), one
    stored = (portal.data_dir / "portal.sqlite").read_bytes() + (portal.data_dir / "portal.sqlite-wal").read_bytes()
    assert given.encode() not in stored
    assert given.replace("-", "").encode() not in stored
    assert given not in portal.record.read_text()


def eventually_over(portal: PortalProcess, anybody: httpx.Client, given: str) -> None:
    """Waits, bounded, until a code has expired; a key without proof shows it without using the code."""
    for _ in range(200):
        body = Key.made().registration(enrolment_code=given, proof="x.y.z")
        if anybody.post("/enrolments", json=body).json()["code"] == "enrolment-code-rejected":
            return
        time.sleep(0.05)
    raise AssertionError("the code never expired")


def test_guessing_codes_is_slow(portal: PortalProcess, anybody: httpx.Client) -> None:
    """Who guesses codes has to wait after a few, even with a right one, and is told how long."""
    portal.faults(enrolment_tries=3)
    try:
        body = Key.made().registration(enrolment_code="0000")
        statuses = [anybody.post("/enrolments", json=body).status_code for _ in range(20)]
        assert statuses[-1] == 429
        waits = anybody.post("/enrolments", json=Key.made().registration(enrolment_code=code(portal)))
        assert (waits.status_code, waits.json()["code"]) == (429, "rate-limited")
        assert 1 <= int(waits.headers["Retry-After"]) <= 61
    finally:
        portal.faults(enrolment_tries=100_000)


def test_keys_that_are_none(portal: PortalProcess, anybody: httpx.Client) -> None:
    """A key that is weak, private, of another curve, or that its sender cannot use is refused, and costs no code."""
    portal.faults(enrolment_tries=1000)
    key, weak, given = Key.made(), Key.made("RS256", 1024), code(portal)
    foreign = Key.made()
    wrong: list[dict[str, Any]] = [
        weak.registration(),
        key.registration(public_key={**key.jwk, "d": encoded(b"1" * 32)}),
        key.registration(public_key={**key.jwk, "crv": "P-384"}),
        key.registration(public_key={**key.jwk, "x": encoded(b"1" * 32)}),
        key.registration(public_key={**key.jwk, "x": "???"}),
        key.registration(public_key={"kty": "oct", "k": "c2VjcmV0"}),
        key.registration(public_key=None),
        key.registration(proof=foreign.assertion(key.kid)),
        key.registration(proof=key.assertion("somebody")),
        key.registration(proof=key.assertion(key.kid, aud="https://elsewhere.example/")),
        key.registration(proof=None),
    ]
    for body in wrong:
        answer = anybody.post("/enrolments", json={**body, "enrolment_code": given})
        assert (answer.status_code, answer.json()["code"]) == (422, "key-rejected"), body
    assert anybody.post("/enrolments", json=key.registration(enrolment_code=given)).status_code == 201


def test_assertions_that_prove_nothing(portal: PortalProcess, anybody: httpx.Client) -> None:
    """An assertion that is old, far ahead, for another portal, by another key or of no signature gives no token."""
    key, now = Key.made(), int(time.time())
    agent_id = enrolled(portal, anybody, key)
    other = Key.made()
    unsigned = f"{encoded(json.dumps({'alg': 'none'}).encode())}.{key.assertion(agent_id).split('.')[1]}."
    cut = key.assertion(agent_id)
    wrong = {
        "another key": other.assertion(agent_id),
        "another key by its kid": other.assertion(agent_id, {"kid": other.kid}),
        "no algorithm": unsigned,
        "a shared secret": key.assertion(agent_id, {"alg": "HS256"}),
        "another algorithm": key.assertion(agent_id, {"alg": "RS256"}),
        "an unknown extension": key.assertion(agent_id, {"crit": ["x"], "x": 1}),
        "somebody else": key.assertion("agent-sandbox"),
        "another issuer": key.assertion(agent_id, iss="somebody"),
        "another portal": key.assertion(agent_id, aud="https://elsewhere.example/v1/oauth2/token"),
        "two portals": key.assertion(agent_id, aud=[AUDIENCE, "https://elsewhere.example/"]),
        "expired": key.assertion(agent_id, exp=now - 120),
        "far ahead": key.assertion(agent_id, exp=now + 3600),
        "without an end": key.assertion(agent_id, exp=None),
        "an end that is no time": key.assertion(agent_id, exp="soon"),
        "not yet": key.assertion(agent_id, nbf=now + 600),
        "without jti": key.assertion(agent_id, jti=None),
        "a long jti": key.assertion(agent_id, jti="x" * 200),
        "cut": cut[:-4],
        "nothing": "a.b.c",
        "too long": cut + "A" * 9000,
    }
    for what, assertion in wrong.items():
        answer = anybody.post("/oauth2/token", data=key.form(agent_id, assertion))
        told = answer.json()
        assert (answer.status_code, told["error"]) == (401, "invalid_client"), what
        assert told["error_uri"].endswith("/client-assertion-rejected"), what
    for fields in ({"client_assertion_type": "other"}, {"client_id": "agent-sandbox"}):
        assert anybody.post("/oauth2/token", data=key.form(agent_id, **fields)).status_code == 401
    basic = (portal.client_id, portal.client_secret)
    assert anybody.post("/oauth2/token", data=key.form(agent_id), auth=basic).json()["error"] == "invalid_request"
    port = portal.url.rpartition(":")[2]
    for audience in (f"https://127.0.0.1:{port}/v1/oauth2/token", [AUDIENCE]):
        good = key.assertion(agent_id, {"kid": key.kid}, aud=audience, iat=now, nbf=now)
        assert anybody.post("/oauth2/token", data=key.form(agent_id, good)).status_code == 200


def test_an_assertion_is_used_once(portal: PortalProcess, anybody: httpx.Client) -> None:
    """What was seen once is worth nothing to who copied it, whichever else of it is fresh."""
    key = Key.made()
    agent_id = enrolled(portal, anybody, key)
    assertion = key.assertion(agent_id, jti="copied")
    again = [anybody.post("/oauth2/token", data=key.form(agent_id, assertion)).status_code for _ in range(2)]
    assert again == [200, 401]
    fresh = key.assertion(agent_id, jti="copied", iat=int(time.time()))
    assert anybody.post("/oauth2/token", data=key.form(agent_id, fresh)).status_code == 401
    proof = Key.made()
    registration = proof.registration(enrolment_code=code(portal))
    assert anybody.post("/enrolments", json=registration).status_code == 201
    replayed = anybody.post("/enrolments", json=registration)
    assert (replayed.status_code, replayed.json()["code"]) == (422, "key-rejected")


def test_replacing_a_key(portal: PortalProcess, anybody: httpx.Client) -> None:
    """A new key works beside the old one until that is revoked; the last one cannot be, and none comes back."""
    old, new, third = Key.made(), Key.made("EdDSA"), Key.made()
    agent_id = enrolled(portal, anybody, old)
    with signed_in(anybody, old, agent_id) as agent:
        last = agent.delete(f"/agents/me/keys/{old.kid}")
        assert (last.status_code, last.json()["code"]) == (409, "last-key")
        added = [agent.post("/agents/me/keys", json=new.registration()) for _ in range(2)]
        assert [answer.status_code for answer in added] == [201, 200]
        assert [bool(key["valid_until"]) for key in agent.get("/agents/me/keys").json()["items"]] == [True, False]
        assert agent.post("/agents/me/keys", json=third.registration()).json()["code"] == "too-many-keys"
        assert agent.post("/agents/me/keys", json={"public_key": third.jwk, "proof": "x"}).status_code == 422
    assert token(anybody, old, agent_id).status_code == 200
    with signed_in(anybody, new, agent_id) as agent:
        assert agent.delete(f"/agents/me/keys/{old.kid}").status_code == 204
        assert agent.delete(f"/agents/me/keys/{third.kid}").json()["code"] == "not-found"
        assert agent.get("/agents/me").status_code == 200
        assert agent.post("/agents/me/keys", json=old.registration()).json()["code"] == "key-rejected"
    assert [token(anybody, key, agent_id).status_code for key in (old, new)] == [401, 200]


def test_the_overlap_ends(portal: PortalProcess, anybody: httpx.Client) -> None:
    """When the overlap is over the old key is over, without anybody doing anything."""
    old, new = Key.made(), Key.made()
    agent_id = enrolled(portal, anybody, old)
    portal.faults(key_overlap_days=0)
    try:
        with signed_in(anybody, old, agent_id) as agent:
            assert agent.post("/agents/me/keys", json=new.registration()).status_code == 201
        assert [token(anybody, key, agent_id).status_code for key in (old, new)] == [401, 200]
    finally:
        portal.faults(key_overlap_days=7)


def test_revoking_an_agent(portal: PortalProcess, anybody: httpx.Client) -> None:
    """A revoked agent is out at once, with its running token, its key and its code; others are not."""
    portal.faults(enrolment_tries=1000)
    key, given = Key.made(), code(portal)
    agent_id = anybody.post("/enrolments", json=key.registration(enrolment_code=given)).json()["agent_id"]
    with signed_in(anybody, key, agent_id) as agent:
        assert agent.get("/agents/me").status_code == 200
        portal.admin("DELETE", f"/admin/agents/{agent_id}")
        assert agent.get("/agents/me").json()["code"] == "token-invalid"
    assert token(anybody, key, agent_id).status_code == 401
    assert anybody.post("/enrolments", json=key.registration(enrolment_code=given)).status_code == 403
    with portal.client() as other:
        assert other.get("/agents/me").status_code == 200


def test_rights_per_equipment(portal: PortalProcess, anybody: httpx.Client) -> None:
    """An agent sees, reads and orders for the equipment that is open to it, and nothing of the rest."""
    key = Key.made()
    agent_id = enrolled(portal, anybody, key)
    with portal.client(**CHECKED) as first:
        assert first.post("/measurement-documents", json=item(5, "theirs", 1500)).status_code == 201
        ordered = first.post("/orders", json=order(5, "theirs"), headers=keyed("theirs")).json()["order_number"]
    portal.admin("PUT", f"/admin/agents/{agent_id}", {"equipments": [number_of(2), number_of(3)]})
    with signed_in(anybody, key, agent_id) as agent:
        assert agent.get("/agents/me").json()["equipment_access"] == "listed"
        listed = agent.get("/equipments").json()["items"]
        assert [one["equipment_number"] for one in listed] == [number_of(2), number_of(3)]
        for path in ("", "/measuring-points", "/bill-of-material"):
            answer = agent.get(f"/equipments/{number_of(5)}{path}")
            assert (answer.status_code, answer.json()["code"]) == (403, "equipment-not-assigned")
        batch = {"items": [item(5, "no", 1600), item(2, "yes", 1600)]}
        results = agent.post("/measurement-document-batches", json=batch).json()["items"]
        assert [result["status"] for result in results] == [403, 201]
        refused = agent.post("/orders", json=order(5, "no"), headers=keyed("no"))
        assert refused.json()["code"] == "equipment-not-assigned"
        documents = agent.get("/measurement-documents").json()["items"]
        assert {one["equipment_number"] for one in documents} <= {number_of(2), number_of(3)}
        assert agent.get("/orders").json()["items"] == []
        assert agent.get(f"/orders/{ordered}").json()["code"] == "not-found"
        portal.admin("PUT", f"/admin/agents/{agent_id}", {"equipment_access": "all"})
        assert agent.get(f"/orders/{ordered}").status_code == 200


def test_another_customer(portal: PortalProcess, anybody: httpx.Client) -> None:
    """A code of another customer makes an agent of that customer, who sees that customer's equipment alone."""
    key = Key.made()
    agent_id = enrolled(portal, anybody, key, customer_number="0000999999")
    with signed_in(anybody, key, agent_id) as agent:
        assert [one["equipment_number"] for one in agent.get("/equipments").json()["items"]] == [number_of(90)]
        assert agent.get(f"/equipments/{number_of(1)}").json()["code"] == "equipment-not-assigned"
        documents = agent.get("/measurement-documents").json()["items"]
        assert {one["equipment_number"] for one in documents} == {number_of(90)}
        number = documents[0]["measurement_document"]
    with portal.client(**CHECKED) as first:
        assert first.get(f"/measurement-documents/{number}").json()["code"] == "not-found"
        assert first.post(f"/measurement-documents/{number}/reversals").json()["code"] == "not-found"


def test_enrolled_for_good(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Started again, the portal knows agents, keys and used assertions, and needs no code for them."""
    folder, key = tmp_path_factory.mktemp("portal"), Key.made()
    jti = secrets.token_hex(8)
    statuses = []
    for turn in range(2):
        with PortalProcess(folder / "data") as portal:
            options: dict[str, Any] = {"verify": portal.context(), "trust_env": False}
            with httpx.Client(base_url=f"{portal.url}/v1", **options) as anybody:
                agent_id = agent_id if turn else enrolled(portal, anybody, key)  # noqa: F821  from the first turn
                for one in (jti, secrets.token_hex(8)):
                    form = key.form(agent_id, key.assertion(agent_id, jti=one))
                    statuses.append(anybody.post("/oauth2/token", data=form).status_code)
    assert statuses == [200, 200, 401, 200]

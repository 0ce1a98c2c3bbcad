"""The sandbox portal keeps its contract: what the file says is what it serves, to whom it is unlocked for."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.portal.app import portal_routes
from sandbox.portal.areas import AREAS
from sandbox.portal.faults import Faults
from sandbox.portal.ledger import Ledger
from sandbox.portal.problems import STATUS
from sandbox.portal.tokens import Gate
from tests.portal_contract import Contract
from tests.portal_process import PortalProcess
from tests.portal_seed import TONER, ago, equipment, item, keyed, number_of, order, seed_file

CONTRACT = Contract()
FOREIGN, GONE = 90, 91


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    folder = tmp_path_factory.mktemp("portal")
    others = (equipment(FOREIGN, customer_number="0000999999"), equipment(GONE, status="decommissioned"))
    seed = seed_file(folder / "seed.json", *(equipment(number) for number in range(1, 8)), *others)
    with PortalProcess(folder / "data", "--seed", str(seed)) as process:
        yield process


@pytest.fixture
def agent(portal: PortalProcess) -> Iterator[httpx.Client]:
    """An agent's client whose every answer is held against the contract."""
    with portal.client(event_hooks={"response": [CONTRACT.check]}) as client:
        yield client


def test_routes_and_contract_agree(tmp_path: Path) -> None:
    """Every route in the file is served, and no route is served that is not in the file."""
    routes = portal_routes(Ledger(tmp_path / "portal.sqlite"), Gate(tmp_path), Faults())
    served = {(method, route.path) for route in routes for method in (route.methods or set()) - {"HEAD"}}
    assert served == {(operation.method, operation.path) for operation in CONTRACT.operations()}


def test_words_of_the_contract() -> None:
    """Areas and problem types are the same in the file and in the portal."""
    schemas = CONTRACT.content["components"]["schemas"]
    flows = CONTRACT.content["components"]["securitySchemes"]["agent"]["flows"]
    assert flows["clientCredentials"]["scopes"] == AREAS
    assert set(schemas["Scope"]["enum"]) == set(AREAS)
    assert set(schemas["ProblemCode"]["enum"]) == set(STATUS)


def test_examples_are_true() -> None:
    """Every example in the file is valid by the schema beside it."""
    checked = 0
    for pointer, value in examples("#", CONTRACT.content):
        assert CONTRACT.errors(f"{pointer}/schema", value) == [], pointer
        checked += 1
    assert checked >= 12


def examples(pointer: str, node: object) -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        if "example" in node and "schema" in node:
            yield pointer, node["example"]
        for key, inner in node.items():
            yield from examples(f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}", inner)


def test_every_answer_is_described() -> None:
    """Each operation names its problems one by one, and describes an answer for the status of each and for no other."""
    named: set[str] = set()
    for operation in CONTRACT.operations():
        statuses = {str(STATUS[code]) for code in operation.problem_codes}
        described = {status for status in operation.content["responses"] if status[0] in "45" and status != "5XX"}
        oauth = {"400", "401"} if operation.path.endswith("/token") else set()
        assert described == statuses | oauth, operation.path
        named |= operation.problem_codes
    # The token endpoint tells of a rejected assertion in OAuth's words; the other is for methods that nothing has.
    assert set(STATUS) - named == {"client-assertion-rejected", "method-not-allowed"}


def test_every_area_is_asked_for(portal: PortalProcess, agent: httpx.Client) -> None:
    """Whatever the key user has not unlocked is refused with the name of the area, in German and English."""
    portal.admin("PUT", "/admin/scopes", {"scopes": []})
    try:
        for operation in CONTRACT.operations():
            path = re.sub(r"\{[^}]+\}", number_of(1), operation.path).removeprefix("/v1")
            answer = agent.request(operation.method, path) if operation.scope else None
            if answer is not None:
                assert (answer.status_code, answer.json()["code"]) == (403, "scope-not-unlocked"), path
                assert answer.json()["area"] == operation.scope
                assert answer.json()["area_title"] == AREAS[operation.scope or ""]
        assert agent.get("/agents/me").json()["scopes"] == []
        portal.admin("POST", "/admin/scopes", {"grant": ["orders:read", "equipments:read"], "revoke": ["orders:read"]})
        assert agent.get("/agents/me").json()["scopes"] == ["equipments:read"]
        assert agent.get("/equipments").status_code == 200
    finally:
        portal.admin("PUT", "/admin/scopes", {"scopes": list(AREAS)})


def test_token_for_a_part_of_the_rights(portal: PortalProcess) -> None:
    """A token asked for one area does not open the others."""
    with portal.client(scope="orders:read", event_hooks={"response": [CONTRACT.check]}) as client:
        assert client.get("/agents/me").json()["scopes"] == ["orders:read"]
        assert client.get("/orders").status_code == 200
        assert client.get("/equipments").json()["area"] == "equipments:read"


def test_nobody_without_a_token(portal: PortalProcess, agent: httpx.Client) -> None:
    """Without a token, with a wrong one, or with an expired one, every door but health stays shut."""
    open_to_all = ("/v1/health", "/v1/oauth2/token", "/v1/enrolments")
    doors = [one for one in CONTRACT.operations() if one.path not in open_to_all]
    for token in ("", "Bearer", "Bearer made-up", "Basic abc"):
        for door in doors:
            path = re.sub(r"\{[^}]+\}", "1", door.path).removeprefix("/v1")
            answer = agent.request(door.method, path, headers={"Authorization": token})
            assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid"), path
    assert agent.get("/health", headers={"Authorization": ""}).json() == {"status": "ok"}
    portal.admin("DELETE", "/admin/tokens")
    assert agent.get("/agents/me").status_code == 401


def test_wrong_credentials(portal: PortalProcess, agent: httpx.Client) -> None:
    """A wrong secret gives no token, and says so as OAuth has it."""
    right = (portal.client_id, portal.client_secret)
    grant = {"grant_type": "client_credentials"}
    agent.headers.pop("Authorization")
    cases: list[tuple[dict[str, str], tuple[str, str], int, str]] = [
        (grant, (portal.client_id, "wrong"), 401, "invalid_client"),
        (grant, ("somebody", portal.client_secret), 401, "invalid_client"),
        ({"grant_type": "password"}, right, 400, "unsupported_grant_type"),
        (grant | {"scope": "everything"}, right, 400, "invalid_scope"),
    ]
    for form, auth, status, error in cases:
        answer = agent.post("/oauth2/token", data=form, auth=auth)
        assert (answer.status_code, answer.json()["error"]) == (status, error)
    odd = base64.b64encode(b"\xff\xfe").decode()
    assert agent.post("/oauth2/token", data=grant, headers={"Authorization": f"Basic {odd}"}).status_code == 401


def test_old_agents(portal: PortalProcess, agent: httpx.Client) -> None:
    """An agent older than the portal wants is told the version it needs; other programs are not."""
    portal.faults(minimum_agent_version="0.10.0")
    try:
        told = agent.get("/agents/me", headers={"User-Agent": "meter-agent/0.9.9"})
        assert (told.status_code, told.json()["minimum_agent_version"]) == (426, "0.10.0")
        assert agent.get("/agents/me", headers={"User-Agent": "meter-agent/0.10.0"}).status_code == 200
        assert agent.get("/agents/me").status_code == 200
    finally:
        portal.faults(minimum_agent_version="0.1.0")


def test_equipment_page_by_page(agent: httpx.Client) -> None:
    """All equipment of the customer, and none of another, comes in pages without gap or repetition."""
    seen, cursor = [], None
    for _ in range(20):
        page = agent.get("/equipments", params={"limit": "3"} | ({"cursor": cursor} if cursor else {})).json()
        seen += [one["equipment_number"] for one in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == [number_of(number) for number in (*range(1, 8), GONE)]
    for wrong in ({"cursor": "elsewhere"}, {"limit": "0"}, {"limit": "501"}, {"limit": "ten"}, {"include": "all"}):
        assert agent.get("/equipments", params=wrong).json()["code"] == "malformed-request", wrong


def test_finding_equipment(agent: httpx.Client) -> None:
    """Equipment is found by serial number and by technical identification number."""
    for query in ({"manufacturer_serial_number": "AA2M000000003"}, {"technical_identification_number": "PRN-3"}):
        found = agent.get("/equipments", params=query).json()["items"]
        assert [one["equipment_number"] for one in found] == [number_of(3)]
    assert agent.get("/equipments", params={"technical_identification_number": "NOBODY"}).json()["items"] == []


def test_whose_equipment(agent: httpx.Client) -> None:
    """Unknown equipment and that of another customer are told apart."""
    for number, status, code in ((77, 404, "equipment-unknown"), (FOREIGN, 403, "equipment-not-assigned")):
        for tail in ("", "/measuring-points", "/bill-of-material"):
            answer = agent.get(f"/equipments/{number_of(number)}{tail}")
            assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_unchanged_equipment(agent: httpx.Client) -> None:
    """What the agent has is not sent again, until a reading or a new name makes it old."""
    paths = [f"/equipments/{number_of(4)}", "/equipments"]
    tags = {}
    for path in paths:
        for query in ({}, {"include": "measuring_points"}):
            tags[path, len(query)] = tag = agent.get(path, params=query).headers["ETag"]
            for header in (tag, f'"other", {tag}', f"W/{tag}"):
                assert agent.get(path, params=query, headers={"If-None-Match": header}).status_code == 304
            assert agent.get(path, params=query, headers={"If-None-Match": '"other"'}).status_code == 200
    assert agent.post("/measurement-documents", json=item(4, "etag", 1500)).status_code == 201
    for path in paths:
        with_points = {"If-None-Match": tags[path, 1]}
        assert agent.get(path, params={"include": "measuring_points"}, headers=with_points).status_code == 200
        assert agent.get(path, headers={"If-None-Match": tags[path, 0]}).status_code == 304


def test_renaming(agent: httpx.Client) -> None:
    """The technical identification number changes only for who has seen its last state."""
    path = f"/equipments/{number_of(5)}"
    before = ago(seconds=5)
    tag = agent.get(path, params={"include": "measuring_points"}).headers["ETag"]
    body = {"technical_identification_number": "PRN-NEW"}
    rename = f"{path}/technical-identification-number"
    assert agent.put(rename, json=body).json()["code"] == "precondition-required"
    for stale in ('"9-abc"', f"W/{tag}", ""):
        assert agent.put(rename, json=body, headers={"If-Match": stale}).json()["code"] == "precondition-failed"
    done = agent.put(rename, json=body, headers={"If-Match": tag})
    assert (done.status_code, done.json()["technical_identification_number"]) == (200, "PRN-NEW")
    assert agent.get(path).json()["technical_identification_number"] == "PRN-NEW"
    assert agent.put(rename, json=body, headers={"If-Match": tag}).status_code == 412
    for wrong in ("X" * 26, "a\x00b", "line\nline", None, 7):
        again = agent.put(rename, json={"technical_identification_number": wrong}, headers={"If-Match": "*"})
        assert again.json()["errors"] == [
            {"pointer": "/technical_identification_number", "code": "malformed-request"}
        ], wrong
    taken = agent.put(rename, json={"technical_identification_number": ""}, headers={"If-Match": "*"})
    assert taken.json()["technical_identification_number"] is None
    changed = agent.get("/equipments", params={"modified_after": before}).json()["items"]
    assert number_of(5) in [one["equipment_number"] for one in changed]
    assert agent.get("/equipments", params={"modified_after": ago(seconds=-60)}).json()["items"] == []


def test_service_notification(portal: PortalProcess, agent: httpx.Client) -> None:
    """A service notification gets a 12-digit number, once per reference."""
    body = {
        "client_reference": "n1",
        "equipment_number": number_of(1),
        "cause": "jam",
        "short_text": "Papierstau",
        "priority": "high",
    }
    first, again = (agent.post("/service-notifications", json=body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert agent.post("/service-notifications", json={**body, "short_text": "x"}).status_code == 409
    assert agent.post(
        "/service-notifications", json={**body, "client_reference": "n2", "short_text": "x" * 41}
    ).is_error
    found = agent.get("/service-notifications", params={"equipment_number": number_of(1)}).json()["items"]
    assert found == portal.ledger()["service_notifications"] == [first.json()]


def test_one_open_notification_per_cause(portal: PortalProcess, agent: httpx.Client) -> None:
    """The same fault is told once until it is completed; another fault, or the same elsewhere, is another."""
    body = {"equipment_number": number_of(2), "cause": "fuser-fault", "short_text": "Fixierung"}
    first = agent.post("/service-notifications", json={**body, "client_reference": "c1"}).json()
    assert (first["status"], first["completed_at"], first["priority"]) == ("open", None, "normal")
    again = agent.post("/service-notifications", json={**body, "client_reference": "c2"})
    assert (again.status_code, again.json()["code"]) == (409, "notification-already-open")
    assert again.json()["notification_number"] == first["notification_number"]
    for change in ({"cause": "jam", "client_reference": "c3"}, {"equipment_number": number_of(3)}):
        other = {**body, "client_reference": "c4", **change}
        assert agent.post("/service-notifications", json=other).status_code == 201
    for cause in ("", "Jam", "-jam", "jam.", "j" * 41, "fuser fault", None, 7):
        wrong = agent.post("/service-notifications", json={**body, "client_reference": "c5", "cause": cause})
        assert wrong.json()["errors"][0]["pointer"] == "/cause", cause
    path = f"/admin/service-notifications/{first['notification_number']}/status"
    portal.admin("POST", path, {"status": "completed"})
    with pytest.raises(AssertionError, match="400"):
        portal.admin("POST", path, {"status": "open"})
    shown = agent.get(f"/service-notifications/{first['notification_number']}").json()
    assert (shown["status"], bool(shown["completed_at"])) == ("completed", True)
    done = agent.get("/service-notifications", params={"status": "completed"}).json()["items"]
    assert done == agent.get("/service-notifications", params={"client_reference": "c1"}).json()["items"] == [shown]
    assert agent.post("/service-notifications", json={**body, "client_reference": "c2"}).status_code == 201
    assert agent.get("/service-notifications/720999999999").json()["code"] == "not-found"


def test_what_is_no_request(agent: httpx.Client) -> None:
    """Bodies that are no JSON object, of another media type or too long, and addresses that are none, are refused."""
    kind = {"Content-Type": "application/json"}
    bodies = (b"", b"{", b"[]", b"1", b'"a"', b"\xff", b'{"items": NaN}', b'{"items": 1e999}', b'{"a": "\\ud800"}')
    for body in (*bodies, b"[" * 100_000, b'{"items": []}', b'{"items": {}}'):
        answer = agent.post("/measurement-document-batches", content=body, headers=kind)
        assert answer.json()["code"] == "malformed-request", body[:20]
    text = agent.post("/orders", content=b"{}", headers={"Content-Type": "text/plain"})
    assert text.json()["code"] == "unsupported-media-type"
    large = b'{"items": "' + b"x" * (2 * 1024 * 1024) + b'"}'
    assert agent.post("/measurement-document-batches", content=large, headers=kind).status_code == 413
    assert agent.get("/nowhere").json()["code"] == "not-found"
    assert agent.delete("/orders").json()["code"] == "method-not-allowed"


def test_admin_is_not_the_agent(portal: PortalProcess, agent: httpx.Client) -> None:
    """The ledger and the switches open to the admin's token alone."""
    for token in (agent.headers["Authorization"], "", f"Bearer {portal.client_secret}"):
        answer = httpx.get(f"{portal.url}/admin/ledger", headers={"Authorization": token}, verify=portal.context())
        assert answer.status_code == 401


JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_breaks_the_portal(agent: httpx.Client, data: st.DataObject) -> None:
    """Whatever JSON stands in the place of a field: an answer by the contract, never a fault of the portal's own."""
    good: dict[str, dict[str, Any]] = {
        "/measurement-documents": item(6, "fuzz", 1000),
        "/measurement-document-batches": {"items": [item(6, "fuzz", 1000)]},
        "/orders": order(6, "fuzz", TONER),
        "/service-notifications": {
            "client_reference": "f",
            "equipment_number": number_of(6),
            "cause": "jam",
            "short_text": "x",
        },
    }
    path = data.draw(st.sampled_from(sorted(good)))
    body: Any = json.loads(json.dumps(good[path]))
    places = list(leaves(body))
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(JSON_VALUES)
    raw = json.dumps(body).encode()
    answer = agent.post(path, content=raw, headers={**keyed("fuzz"), "Content-Type": "application/json"})
    assert answer.status_code < 500, raw


def leaves(node: Any) -> Iterator[tuple[Any, Any]]:
    entries = list(node.items() if isinstance(node, dict) else enumerate(node))
    for key, inner in entries:
        yield node, key
        if isinstance(inner, dict | list):
            yield from leaves(inner)

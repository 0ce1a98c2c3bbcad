"""The sandbox portal takes orders by the portal's rules: from the bill of material, once, one open at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.portal_contract import Contract
from tests.portal_process import PortalProcess
from tests.portal_seed import DRUM, STAPLES, TONER, equipment, keyed, number_of, order, seed_file

CONTRACT = Contract()


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalProcess]:
    folder = tmp_path_factory.mktemp("portal")
    others = (
        equipment(50, automatic_supply=True),
        equipment(51, status="decommissioned"),
        equipment(52, contract={"active": False}),
        equipment(53, third_party=True, manufacturer="Ricoh"),
    )
    seed = seed_file(folder / "seed.json", *(equipment(number) for number in range(1, 20)), *others)
    with PortalProcess(folder / "data", "--seed", str(seed)) as process:
        yield process


@pytest.fixture
def agent(portal: PortalProcess) -> Iterator[httpx.Client]:
    with portal.client(event_hooks={"response": [CONTRACT.check]}) as client:
        yield client


def place(agent: httpx.Client, body: dict[str, Any], key: str | None = None) -> httpx.Response:
    """The answer to an order; its key is its reference unless told otherwise."""
    return agent.post("/orders", json=body, headers=keyed(key or body["client_reference"]))


def test_an_order(portal: PortalProcess, agent: httpx.Client) -> None:
    """An order is received, shown under its number and reference, and known as open in the bill of material."""
    answer = place(agent, order(1, "first", quantity=2))
    assert answer.status_code == 201
    made = answer.json()
    wanted = {"bom_item_number": "0010", "component_material_number": TONER, "quantity": 2, "unit": "ST"}
    assert made["items"] == [{**wanted, "delivered_quantity": 0}]
    assert (made["status"], made["tracking"], made["client_reference"]) == ("received", None, "first")
    assert agent.get(f"/orders/{made['order_number']}").json() == made
    assert agent.get("/orders", params={"client_reference": "first"}).json()["items"] == [made]
    assert agent.get("/orders", params={"equipment_number": number_of(1)}).json()["items"] == [made]
    material = agent.get(f"/equipments/{number_of(1)}/bill-of-material").json()["items"]
    assert [one["open_order_number"] for one in material] == [made["order_number"], None, None]
    kept = next(one for one in portal.ledger()["orders"] if one["client_reference"] == "first")
    assert kept["trigger"]["rule"] == "below_threshold"


def test_the_same_again(portal: PortalProcess, agent: httpx.Client) -> None:
    """The same order again, under the same key or a lost one, is the first order and no second one."""
    first, again, other_key = (place(agent, order(2, "again"), key) for key in (None, None, "another-key"))
    assert [first.status_code, again.status_code, other_key.status_code] == [201, 200, 200]
    assert first.json() == again.json() == other_key.json()
    assert sum(one["equipment_number"] == number_of(2) for one in portal.ledger()["orders"]) == 1


def test_the_same_key_for_something_else(agent: httpx.Client) -> None:
    """A key or a reference that was used for another order is refused, each with its own name."""
    place(agent, order(3, "mine"))
    cases = (
        (order(3, "mine", quantity=2), "mine", 422, "idempotency-key-reused"),
        (order(4, "yours"), "mine", 422, "idempotency-key-reused"),
        (order(3, "mine", quantity=2), "fresh", 409, "client-reference-reused"),
    )
    for body, key, status, code in cases:
        answer = place(agent, body, key)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_keys_must_be_quoted(agent: httpx.Client) -> None:
    """An order without key, or with one that is no quoted string, is not taken."""
    for header in (None, "", "bare", '"', '""', '"a"b"', "'a'", '"ü"'.encode()):
        headers = {} if header is None else {"Idempotency-Key": header}
        answer = agent.post("/orders", json=order(5, "unquoted"), headers=headers)  # type: ignore[arg-type]  # bytes too
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-missing"), header


def test_one_open_order_per_material(portal: PortalProcess, agent: httpx.Client) -> None:
    """A second order of a material on order is refused with the number of the first; another material is not."""
    first = place(agent, order(6, "one")).json()["order_number"]
    second = place(agent, order(6, "two"))
    assert (second.status_code, second.json()["code"]) == (409, "order-already-open")
    assert second.json()["order_number"] == first
    assert place(agent, order(6, "drum", DRUM, "0020")).status_code == 201
    assert place(agent, order(7, "elsewhere")).status_code == 201
    for status in ("in_process", "partially_delivered"):
        portal.admin("POST", f"/admin/orders/{first}/status", {"status": status})
        assert place(agent, order(6, "two")).json()["code"] == "order-already-open"


@pytest.mark.parametrize(("number", "status"), [(8, "delivered"), (9, "cancelled"), (10, "rejected")])
def test_when_an_order_is_over(portal: PortalProcess, agent: httpx.Client, number: int, status: str) -> None:
    """Once an order is delivered, cancelled or rejected, that is final, and the material can be ordered anew."""
    first = place(agent, order(number, f"{status}-1")).json()["order_number"]
    portal.admin("POST", f"/admin/orders/{first}/status", {"status": status, "tracking": "1Z999"})
    shown = agent.get(f"/orders/{first}").json()
    assert (shown["status"], shown["tracking"]) == (status, "1Z999")
    assert shown["items"][0]["delivered_quantity"] == (1 if status == "delivered" else 0)
    assert place(agent, order(number, f"{status}-2")).status_code == 201
    with pytest.raises(AssertionError, match="final"):
        portal.admin("POST", f"/admin/orders/{first}/status", {"status": "received"})
    assert place(agent, order(number, f"{status}-1")).json()["order_number"] == first


def test_what_is_not_taken(portal: PortalProcess, agent: httpx.Client) -> None:
    """Every rule of ordering has its own answer, and nothing that is refused stands in the ledger."""
    good = order(11, "good")
    twice = {**good, "items": good["items"] * 2}
    sheets = {**good, "items": [{**good["items"][0], "unit": "KG"}]}
    cases: list[tuple[dict[str, Any], int, str]] = [
        (order(50, "x"), 409, "automatic-supply-active"),
        (order(51, "x"), 410, "equipment-decommissioned"),
        (order(52, "x"), 403, "contract-inactive"),
        (order(77, "x"), 404, "equipment-unknown"),
        (order(11, "x", "C9999999"), 422, "material-not-in-bill-of-material"),
        (order(11, "x", DRUM, "0010"), 422, "material-not-in-bill-of-material"),
        (order(11, "x", STAPLES, "0030"), 422, "material-not-orderable"),
        (order(11, "x", quantity=3), 422, "quantity-exceeds-limit"),
        (order(11, "x", quantity=0), 422, "quantity-exceeds-limit"),
        (order(11, "x", quantity=1.0), 422, "quantity-exceeds-limit"),
        (order(11, "x", quantity=True), 422, "quantity-exceeds-limit"),
        (order(11, "x" * 36), 400, "malformed-request"),
        ({**good, "items": []}, 400, "malformed-request"),
        ({**good, "ship_to": "home"}, 400, "malformed-request"),
        (twice, 400, "malformed-request"),
        (sheets, 422, "unit-mismatch"),
    ]
    before = portal.ledger()["orders"]
    for body, status, code in cases:
        answer = place(agent, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    assert portal.ledger()["orders"] == before
    assert place(agent, good).status_code == 201, "what was refused has used up neither key nor reference"


def test_third_party_systems(agent: httpx.Client) -> None:
    """Another maker's system under contract gets its agreed consumable."""
    assert place(agent, order(53, "foreign")).status_code == 201


def test_orders_page_by_page(agent: httpx.Client) -> None:
    """Orders come in pages without gap or repetition, and an unknown one is not found."""
    for number in range(12, 16):
        place(agent, order(number, f"page-{number}"))
    seen: list[str] = []
    cursor = None
    for _ in range(40):
        page = agent.get("/orders", params={"limit": "2"} | ({"cursor": cursor} if cursor else {})).json()
        seen += [one["order_number"] for one in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert cursor is None
    assert seen == sorted(set(seen))
    assert len(seen) >= 4
    for wrong in ("4599999999", "0", "x" * 30):
        assert agent.get(f"/orders/{wrong}").json()["code"] == "not-found"


def test_what_the_warehouse_says(portal: PortalProcess, agent: httpx.Client) -> None:
    """An order goes forward only, its pieces never fewer nor more than ordered, and its history keeps every step."""
    number = place(agent, order(16, "history", quantity=2)).json()["order_number"]
    path = f"/admin/orders/{number}/status"
    portal.admin("POST", path, {"status": "in_process"})
    portal.admin("POST", path, {"status": "partially_delivered", "delivered": {"0010": 1}, "tracking": "1Z1"})
    for wrong in (
        {"status": "received"},
        {"status": "partially_delivered", "delivered": {"0010": 3}},
        {"status": "partially_delivered", "delivered": {"0010": 0}},
        {"status": "lost"},
    ):
        with pytest.raises(AssertionError, match="400"):
            portal.admin("POST", path, wrong)
    shown = agent.get(f"/orders/{number}").json()
    assert [one["status"] for one in shown["status_history"]] == ["received", "in_process", "partially_delivered"]
    assert (shown["items"][0]["delivered_quantity"], shown["tracking"]) == (1, "1Z1")
    portal.admin("POST", path, {"status": "delivered"})
    with pytest.raises(AssertionError, match="400"):
        portal.admin("POST", path, {"status": "cancelled"})
    shown = agent.get(f"/orders/{number}").json()
    assert (shown["status_history"][-1]["status"], shown["items"][0]["delivered_quantity"]) == ("delivered", 2)
    listed = agent.get("/orders", params={"status": "delivered", "equipment_number": number_of(16)}).json()["items"]
    assert [one["order_number"] for one in listed] == [number]
    assert agent.get("/orders", params={"status": "lost"}).status_code == 400


def test_what_gets_no_orders(agent: httpx.Client) -> None:
    """The bill of material says beforehand what an order would be refused for."""
    for number, reason in ((50, "automatisch"), (51, "außer Betrieb"), (52, "Vertrag")):
        material = agent.get(f"/equipments/{number_of(number)}/bill-of-material").json()["items"]
        assert {one["orderable"] for one in material} == {False}
        assert all(reason in one["not_orderable_reason"] for one in material), number
    material = agent.get(f"/equipments/{number_of(53)}/bill-of-material").json()["items"]
    assert [one["orderable"] for one in material] == [True, True, False]


def test_an_order_for_another_device(agent: httpx.Client) -> None:
    """An order that names the serial number is for the device with that serial number alone."""
    wrong = place(agent, {**order(17, "serial"), "manufacturer_serial_number": "AA2M000000018"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "serial-mismatch")
    assert place(agent, {**order(17, "serial"), "manufacturer_serial_number": "AA2M000000017"}).status_code == 201


def test_where_an_order_is_wrong(agent: httpx.Client) -> None:
    """A refused order says in which position, and what is wrong with the rest of the body."""
    refused = place(agent, order(18, "where", quantity=3)).json()
    assert refused["errors"] == [{"pointer": "/items/0/quantity", "code": "quantity-exceeds-limit"}]
    for change, pointer in (
        ({"trigger": {"level_percent": 101}}, "/trigger/level_percent"),
        ({"trigger": {"rule": 7}}, "/trigger/rule"),
        ({"ship_to": {"country": "Germany"}}, "/ship_to/country"),
    ):
        refused = place(agent, {**order(18, "where"), **change}).json()
        assert [one["pointer"] for one in refused["errors"]] == [pointer]

"""Every problem of the contract is one thing that the agent does: the whole table, with real outbox and answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.errors import PortalError
from agent.memory import SqlMemory
from agent.store import Store
from agent.upload.courier import Courier
from agent.upload.envelope import Envelope, canonical
from agent.upload.outbox import SqlOutbox
from agent.upload.portal import PortalClient
from sandbox.portal.problems import STATUS
from tests.portal_process import PortalProcess
from tests.test_courier import HandClock, number
from tests.test_courier import reading as reading_of
from tests.test_portal_client import answer, connect, order, problem, start, stranger

FINAL = ("rejected", "", False, False)
DAILY = ("parked", "", False, True)
LATER = ("waiting", "", True, True)  # no verdict of one item: it waits by itself

# code -> state, trouble of the delivery, asked again five minutes later, and after a day. An item of a batch:
OF_AN_ITEM = {
    "malformed-request": FINAL,
    "equipment-not-assigned": DAILY,
    "contract-inactive": DAILY,
    "scope-not-unlocked": DAILY,
    "equipment-unknown": DAILY,
    "client-reference-reused": FINAL,
    "equipment-decommissioned": FINAL,
    "reading-below-last": FINAL,
    "reading-above-subsequent": FINAL,
    "reading-not-integer": FINAL,
    "reading-exceeds-overflow": FINAL,
    "read-at-in-future": FINAL,
    "measuring-point-unknown": FINAL,
    "unit-mismatch": FINAL,
    "serial-mismatch": FINAL,
    "mandatory-counter-missing": FINAL,
    "rate-limited": LATER,
    "internal-error": LATER,
    "maintenance": LATER,
}
# A whole batch of one reading.
OF_A_BATCH = {
    "malformed-request": ("rejected", "RequestRefused", False, False),
    "idempotency-key-missing": ("rejected", "RequestRefused", False, False),
    "unsupported-media-type": ("rejected", "RequestRefused", False, False),
    "token-invalid": ("waiting", "CredentialsRejected", False, True),
    "client-assertion-rejected": ("waiting", "CredentialsRejected", False, True),
    "scope-not-unlocked": ("parked", "RightMissing", False, True),
    "batch-too-large": ("rejected", "", False, False),
    "agent-too-old": ("waiting", "AgentTooOld", False, True),
    "rate-limited": ("waiting", "RateLimited", True, True),
    "internal-error": ("waiting", "PortalUnavailable", True, True),
    "maintenance": ("waiting", "PortalUnreachable", True, True),
}
OF_AN_ORDER = {
    "malformed-request": FINAL,
    "idempotency-key-missing": FINAL,
    "token-invalid": ("waiting", "CredentialsRejected", False, True),
    "client-assertion-rejected": ("waiting", "CredentialsRejected", False, True),
    "scope-not-unlocked": DAILY,
    "equipment-not-assigned": DAILY,
    "contract-inactive": DAILY,
    "equipment-unknown": DAILY,
    "idempotency-request-in-progress": ("waiting", "PortalUnavailable", True, True),
    "client-reference-reused": FINAL,
    "order-already-open": ("accepted", "", False, False),
    "automatic-supply-active": FINAL,
    "equipment-decommissioned": FINAL,
    "idempotency-key-reused": FINAL,
    "material-not-in-bill-of-material": FINAL,
    "material-not-orderable": FINAL,
    "quantity-exceeds-limit": FINAL,
    "agent-too-old": ("waiting", "AgentTooOld", False, True),
    "rate-limited": ("waiting", "RateLimited", True, True),
    "internal-error": ("waiting", "PortalUnavailable", True, True),
    "maintenance": ("waiting", "PortalUnreachable", True, True),
}
# What belongs to other requests than readings and orders: tests/test_enrolment.py, tests/test_portal_client.py.
ELSEWHERE = {
    "enrolment-code-rejected",
    "not-found",
    "method-not-allowed",
    "notification-already-open",
    "too-many-keys",
    "last-key",
    "key-rejected",
    "precondition-failed",
    "precondition-required",
}
AREA = {"area": "readings:write", "order_number": "0004711"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A portal whose certificate and credentials a stranger borrows."""
    with start(tmp_path_factory.mktemp("portal")) as process:
        yield process


def reading() -> Envelope:
    return reading_of(number(0), datetime(2026, 2, 1, tzinfo=UTC), 1100)


def whole(code: str) -> bytes:
    document = {"code": code, "status": STATUS[code], "title": code, "detail": "so it is", **AREA}
    return answer(f"{STATUS[code]} No", canonical(document), kind="application/problem+json")


def item(code: str, reference: str) -> bytes:
    refused = {"code": code, "status": STATUS[code], "title": code, "detail": "so it is", **AREA}
    result = {"client_reference": reference, "status": STATUS[code], "problem": refused}
    return answer("207 Multi-Status", canonical({"items": [result]}))


@dataclass(slots=True)
class Seen:
    """What became of an envelope, as the rows above say it."""

    state: str
    trouble: str
    soon: bool
    daily: bool

    @property
    def row(self) -> tuple[str, str, bool, bool]:
        return self.state, self.trouble, self.soon, self.daily


async def met(envelope: Envelope, said: bytes, portal: PortalProcess, store: Store) -> Seen:
    """One envelope, delivered to a portal that says the same to everything: now, five minutes later, a day later."""
    outbox, clock = SqlOutbox(store), HandClock(datetime(2026, 2, 2, tzinfo=UTC))
    async with stranger(portal.ca_file.with_name("server-good.pem"), said, 0.0) as (url, heard):
        client = PortalClient(connect(portal, url=url))
        courier = Courier(outbox, client, clock, clock.sleep, chance=lambda: 0.5, ticks=clock.ticks)
        assert outbox.put(envelope, None)
        trouble = (await courier.deliver()).trouble
        entry = SqlMemory(store).entry(envelope.reference)
        asked = [len(heard)]
        for later in (timedelta(minutes=5), timedelta(days=1)):
            clock.at += later
            await courier.deliver()
            asked.append(len(heard))
        await client.close()
    assert entry is not None
    assert trouble is None or isinstance(trouble, PortalError)
    return Seen(entry.state, type(trouble).__name__ if trouble else "", asked[1] > asked[0], asked[2] > asked[1])


def table(codes: Any, make: Any, say: Any, portal: PortalProcess, folder: Path) -> dict[str, Any]:
    found = {}
    for code in codes:
        envelope = make()
        with Store.open(folder / f"{code}.sqlite", exclusive=True) as store:
            found[code] = asyncio.run(met(envelope, say(code, envelope.reference), portal, store)).row
    return found


def test_items(certificate: PortalProcess, tmp_path: Path) -> None:
    """A problem of one reading in a batch."""
    assert table(OF_AN_ITEM, reading, item, certificate, tmp_path) == OF_AN_ITEM


def test_batches(certificate: PortalProcess, tmp_path: Path) -> None:
    """A problem of the whole request with readings."""
    found = table(OF_A_BATCH, reading, lambda code, _: whole(code), certificate, tmp_path)
    assert found == OF_A_BATCH


def test_orders(certificate: PortalProcess, tmp_path: Path) -> None:
    """A problem of an order. From the second time on the question whether it is there gets the same answer."""
    found = table(OF_AN_ORDER, lambda: order(1), lambda code, _: whole(code), certificate, tmp_path)
    assert found == OF_AN_ORDER


def test_complete() -> None:
    """Every problem of the contract is in a table."""
    known = {*OF_AN_ITEM, *OF_A_BATCH, *OF_AN_ORDER, *ELSEWHERE}
    assert set(STATUS) - known == set()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 120", 120),
        ("Retry-After: Mon, 02 Feb 2026 10:02:00 GMT", 120),  # a date is measured from the portal's own clock
        ("Retry-After: Mon, 02 Feb 2026 09:00:00 GMT", 0),
        ("Retry-After: 99999999", 86_400),
    ],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_to_the_second(certificate: PortalProcess, tmp_path: Path, status: str, header: str, seconds: int) -> None:
    """The portal's time is kept to the second, by whatever clock and in either form, and is believed for a day."""
    said = problem(status, "maintenance", header, "Date: Mon, 02 Feb 2026 10:00:00 GMT")

    async def tried_at(pauses: list[int]) -> list[int]:
        clock = HandClock(datetime(2026, 2, 2, tzinfo=UTC))
        with Store.open(tmp_path / "a.sqlite", exclusive=True) as store:
            outbox = SqlOutbox(store)
            async with stranger(certificate.ca_file.with_name("server-good.pem"), said, 0.0) as (url, heard):
                client = PortalClient(connect(certificate, url=url))
                courier = Courier(outbox, client, clock, clock.sleep, ticks=clock.ticks)
                outbox.put(reading(), None)
                counts = []
                for pause in pauses:
                    clock.at += timedelta(seconds=pause)
                    await courier.deliver()
                    counts.append(sum(b"oauth2/token" not in head for head in heard))
                await client.close()
                return counts

    early = [seconds - 1] if seconds > 1 else []
    assert asyncio.run(tried_at([0, *early, 1])) == ([1, 1, 2] if early else [1, 2])

"""The portal's resources in the core's words: account, equipment, bills of material, and all that is sent."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from agent.errors import AgentTooOld, PortalError, PortalUnavailable, RequestRefused
from agent.meters import Finding
from agent.ports import Account
from agent.printers import Equipment
from agent.supplies.orders import BomItem, OrderProgress, PlacedOrder
from agent.texts import message
from agent.upload.call import Call
from agent.upload.envelope import Accepted, Envelope, Outcome
from agent.upload.https import Connection, parsed
from agent.upload.refusals import error_of, problem_of, refusal, unreadable
from agent.upload.wire import (
    AccountAnswer,
    BatchAnswer,
    BomAnswer,
    EquipmentAnswer,
    EquipmentPage,
    ItemAnswer,
    NotificationAnswer,
    NotificationPage,
    OrderAnswer,
    OrderPage,
    Problem,
)

if TYPE_CHECKING:
    import httpx

PAGE_SIZE = 100  # equipment with some twenty measuring points each stays well below the longest answer
MOST_PAGES = 1000
NOTIFICATIONS = "service-notifications"
Page = TypeVar("Page", OrderPage, NotificationPage)


class PortalClient:
    """The ports `Portal` and `ServiceDesk` over one `Connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # By cursor the tag and the packed body of each page: exactly what the tag stands for, and small.
        self._pages: dict[str, tuple[str, bytes]] = {}

    async def close(self) -> None:
        """Closes the connections."""
        await self._connection.close()

    @property
    def clock_offset(self) -> int | None:
        """The portal's time less ours in seconds, by its last answer; None before the first."""
        return self._connection.portal_ahead

    async def account(self) -> Account:
        """Who we are and what we may do."""
        return (await self._connection.ask(Call("GET", "agents/me"), AccountAnswer)).account()

    async def equipments(self) -> Sequence[Equipment]:
        """All equipment with measuring points, page by page."""
        found: dict[str, Equipment] = {}
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            query = {"include": "measuring_points", "limit": str(PAGE_SIZE), **({"cursor": cursor} if cursor else {})}
            page = await self._page(query)
            found.update((item.equipment_number, item.equipment()) for item in page.items)
            cursor = page.next_cursor
            if not cursor:
                return tuple(found.values())
        raise unreadable(f"more than {MOST_PAGES} pages of equipment")

    async def _page(self, query: Mapping[str, str]) -> EquipmentPage:
        """One page of the list; what has not changed since it was asked for last does not come over the line again."""
        cursor = query.get("cursor", "")
        tag, packed = self._pages.get(cursor, ("", b""))
        call = Call("GET", "equipments", query, headers={"If-None-Match": tag} if tag else {})
        response = await self._connection.send(call)
        if response.status_code == HTTPStatus.NOT_MODIFIED and tag:
            return EquipmentPage.model_validate_json(zlib.decompress(packed))
        self._pages.pop(cursor, None)
        if not response.is_success:
            raise error_of(response)
        page = parsed(response, EquipmentPage)
        if (fresh := _tag_of(response)) and len(self._pages) < MOST_PAGES:
            self._pages[cursor] = (fresh, zlib.compress(response.content))
        return page

    async def rename(self, equipment: Equipment, number: str) -> Equipment:
        """Writes another technical identification number (*Referenznummer aktualisieren*) over the one in `equipment`.

        Raises `PortalError` when the portal has another one by now, `RightMissing` when the area is not unlocked.
        """
        path = f"equipments/{quote(equipment.equipment_number, safe='')}"
        seen = await self._connection.send(Call("GET", path))
        if not seen.is_success:
            raise error_of(seen)
        now = parsed(seen, EquipmentAnswer).equipment().technical_identification_number
        if now != equipment.technical_identification_number:
            raise _changed_meanwhile(equipment, now)
        body = json.dumps({"technical_identification_number": number}, ensure_ascii=False).encode()
        headers = {"If-Match": _tag_of(seen)}
        call = Call("PUT", f"{path}/technical-identification-number", content=body, headers=headers)
        done = await self._connection.send(call)
        if done.status_code == HTTPStatus.PRECONDITION_FAILED:
            raise _changed_meanwhile(equipment, None)
        if not done.is_success:
            raise error_of(done)
        return parsed(done, EquipmentAnswer).equipment()

    async def bill_of_material(self, equipment_number: str) -> Sequence[BomItem]:
        """What can be ordered for this equipment."""
        path = f"equipments/{quote(equipment_number, safe='')}/bill-of-material"
        return tuple(item.item() for item in (await self._connection.ask(Call("GET", path), BomAnswer)).items)

    async def orders_of(self, equipment_number: str) -> Sequence[PlacedOrder]:
        """All orders of an equipment that this agent may see, page by page, the oldest first."""
        found: list[PlacedOrder] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            query = {"equipment_number": equipment_number, **({"cursor": cursor} if cursor else {})}
            page = await self._connection.ask(Call("GET", "orders", query), OrderPage)
            found += (placed for one in page.items if (placed := one.placed()) is not None)
            cursor = page.next_cursor
            if not cursor:
                return found
        raise unreadable(f"more than {MOST_PAGES} pages of orders")

    async def submit_readings(self, envelopes: Sequence[Envelope]) -> Sequence[Outcome]:
        """One outcome per envelope, in order; the bodies go out byte for byte as they are stored."""
        body = b'{"items":[' + b",".join(envelope.body for envelope in envelopes) + b"]}"
        answer = await self._connection.ask(Call("POST", "measurement-document-batches", content=body), BatchAnswer)
        references = [item.client_reference for item in answer.items]
        if references != [envelope.reference for envelope in envelopes]:
            raise unreadable("the results do not belong to the readings that were sent")
        return tuple(map(outcome_of_item, answer.items))

    async def order_progress(self, order_number: str) -> OrderProgress:
        """What has become of an order."""
        path = f"orders/{quote(order_number, safe='')}"
        return (await self._connection.ask(Call("GET", path), OrderAnswer)).progress()

    async def submit_order(self, envelope: Envelope, *, first_try: bool) -> Outcome:
        """Places one order; unless it is the `first_try`, asks first whether the portal already has it."""
        if not first_try:
            page = await self._known("orders", envelope, OrderPage)
            ours = [order for order in page.items if order.client_reference == envelope.reference]
            if ours:
                return Accepted((ours[0].order_number,), duplicate=True)
        headers = {"Idempotency-Key": f'"{envelope.reference}"'}
        response = await self._connection.send(Call("POST", "orders", content=envelope.body, headers=headers))
        if response.status_code in (200, 201):
            return Accepted((parsed(response, OrderAnswer).order_number,), duplicate=response.status_code == 200)
        return _refused(response)

    async def submit_notification(self, envelope: Envelope, *, first_try: bool) -> Outcome:
        """Opens one service notification; unless it is the `first_try`, asks first whether the portal has it."""
        if not first_try:
            page = await self._known(NOTIFICATIONS, envelope, NotificationPage)
            ours = [one for one in page.items if one.client_reference == envelope.reference]
            if ours:
                return Accepted((ours[0].notification_number,), duplicate=True)
        response = await self._connection.send(Call("POST", NOTIFICATIONS, content=envelope.body))
        if response.status_code in (200, 201):
            opened = parsed(response, NotificationAnswer)
            return Accepted((opened.notification_number,), duplicate=response.status_code == 200)
        return _refused(response)

    async def notification_status(self, number: str) -> str | None:
        """`open`, `in_process` or `completed`; None where the portal shows this agent none with this number."""
        response = await self._connection.send(Call("GET", f"{NOTIFICATIONS}/{quote(number, safe='')}"))
        if response.status_code == HTTPStatus.NOT_FOUND and problem_of(response).slug == "not-found":
            return None
        if not response.is_success:
            raise error_of(response)
        return parsed(response, NotificationAnswer).status

    async def _known(self, resource: str, envelope: Envelope, page: type[Page]) -> Page:
        """What the portal has under the envelope's reference."""
        query = {"client_reference": envelope.reference}
        try:
            return await self._connection.ask(Call("GET", resource, query), page)
        except RequestRefused as error:  # the question was refused, not what it was about
            raise PortalUnavailable(error.what, error.remedy) from error


def _tag_of(response: httpx.Response) -> str:
    """The entity tag, where it can be sent back: RFC 9110 section 8.8.3 allows octets that no client writes."""
    tag: str = response.headers.get("ETag", "")
    return tag if tag.isascii() else ""


def _changed_meanwhile(equipment: Equipment, now: str | None) -> PortalError:
    return PortalError(
        message(
            "The technical identification number of equipment {equipment} was changed in the portal meanwhile ({now}).",
            equipment=equipment.equipment_number.lstrip("0"),
            now=now or "?",
        ),
        message("Look at it with: meter-agent match, and decide again."),
    )


def outcome_of_item(item: ItemAnswer) -> Outcome:
    """What a batch result means for its envelope."""
    if item.status in (200, 201):
        documents = tuple(document.measurement_document for document in item.measurement_documents)
        # The portal's own words; they are shown as they are.
        findings = tuple(Finding(one.code, message("{detail}", detail=one.detail)) for one in item.findings)
        return Accepted(documents, item.duplicate, findings)
    if not 400 <= item.status <= 599:
        raise unreadable(f"a reading has the status {item.status}")
    return refusal(item.status, item.problem or Problem())


def _refused(response: httpx.Response) -> Outcome:
    """An order or notification that was not taken: linked, kept or final; raises where there is no verdict.

    Only a problem document of a 4xx is one. A redirect, a proxy's page or a success without an order says nothing.
    """
    problem = problem_of(response)
    open_already = {
        "order-already-open": problem.order_number,
        "notification-already-open": problem.notification_number,
    }
    if response.status_code == 409 and (number := open_already.get(problem.slug)):
        return Accepted((number,), duplicate=True)
    error = error_of(response)
    if isinstance(error, PortalUnavailable | AgentTooOld):
        raise error
    if not 400 <= response.status_code <= 499 or not problem.slug:
        raise unreadable(f"HTTP {response.status_code}")
    return refusal(response.status_code, problem)

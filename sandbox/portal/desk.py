"""The order desk: the resources of orders and service notifications."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.portal.access import Access
from sandbox.portal.bodies import json_object
from sandbox.portal.faults import Faults
from sandbox.portal.ledger import ORDER_BASE, Ledger, row_number
from sandbox.portal.lists import page, window
from sandbox.portal.notifications import NOTIFICATION_BASE, open_notification, shown_notification
from sandbox.portal.orders import place, shown
from sandbox.portal.problems import Refusal


class Desk:
    """The handlers of orders and service notifications."""

    def __init__(self, ledger: Ledger, access: Access, faults: Faults) -> None:
        self._ledger = ledger
        self._access = access
        self._faults = faults

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/v1/orders", self.order, methods=["POST"]),
            Route("/v1/orders", self.orders, methods=["GET"]),
            Route("/v1/orders/{order_number}", self.one_order),
            Route("/v1/service-notifications", self.notify, methods=["POST"]),
            Route("/v1/service-notifications", self.notifications, methods=["GET"]),
        ]

    async def order(self, request: Request) -> Response:
        """Places an order."""
        agent = self._access.agent(request, "orders:write")
        body = await json_object(request)
        status, order = place(self._ledger, agent, request.headers.get("Idempotency-Key"), body, self._faults.now())
        return JSONResponse(order, status_code=status)

    async def orders(self, request: Request) -> Response:
        """Orders, all or by reference or equipment."""
        self._access.agent(request, "orders:read")
        wanted = window(request)
        reference, equipment = (request.query_params.get(name) for name in ("client_reference", "equipment_number"))
        rows = self._ledger.db.execute(
            "SELECT * FROM orders WHERE number > ? AND (? IS NULL OR client_reference = ?)"
            " AND (? IS NULL OR equipment_number = ?) ORDER BY number LIMIT ?",
            (row_number(wanted.after, ORDER_BASE), reference, reference, equipment, equipment, wanted.limit + 1),
        ).fetchall()
        return JSONResponse(page([shown(row) for row in rows], "order_number", wanted))

    async def one_order(self, request: Request) -> Response:
        """One order with its status."""
        self._access.agent(request, "orders:read")
        number = row_number(request.path_params["order_number"], ORDER_BASE)
        row = self._ledger.db.execute("SELECT * FROM orders WHERE number=?", (number,)).fetchone()
        if row is None:
            raise Refusal("not-found", "There is no such order.")
        return JSONResponse(shown(row))

    async def notify(self, request: Request) -> Response:
        """Opens a service notification."""
        agent = self._access.agent(request, "notifications:write")
        body = await json_object(request)
        status, notification = open_notification(self._ledger, agent, body, self._faults.now())
        return JSONResponse(notification, status_code=status)

    async def notifications(self, request: Request) -> Response:
        """Service notifications, all or of one equipment."""
        self._access.agent(request, "notifications:write")
        wanted = window(request)
        equipment = request.query_params.get("equipment_number")
        rows = self._ledger.db.execute(
            "SELECT * FROM notifications WHERE number > ? AND (? IS NULL OR equipment_number = ?)"
            " ORDER BY number LIMIT ?",
            (row_number(wanted.after, NOTIFICATION_BASE), equipment, equipment, wanted.limit + 1),
        ).fetchall()
        return JSONResponse(page([shown_notification(row) for row in rows], "notification_number", wanted))

"""The order desk: the resources of orders and service notifications."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.portal import notifications, orders
from sandbox.portal.access import Access
from sandbox.portal.agents import VISIBLE, Agent, Agents
from sandbox.portal.bodies import json_object
from sandbox.portal.booking import LONGEST_REFERENCE, Clerk
from sandbox.portal.faults import Faults
from sandbox.portal.ledger import ORDER_BASE, row_number
from sandbox.portal.lists import Window, filter_in, page, window
from sandbox.portal.problems import Refusal

WHERE = "(? IS NULL OR client_reference = ?) AND (? IS NULL OR equipment_number = ?) AND (? IS NULL OR status = ?)"


FILTERS = {"client_reference": LONGEST_REFERENCE, "equipment_number": 18, "status": 40}


class Desk:
    """The handlers of orders and service notifications."""

    def __init__(self, agents: Agents, access: Access, faults: Faults) -> None:
        self._agents = agents
        self._access = access
        self._faults = faults
        self._in_work: set[tuple[str, str]] = set()

    def routes(self) -> list[Route]:
        """The routes."""
        one_notification = "/v1/service-notifications/{notification_number}"
        return [
            Route("/v1/orders", self.order, methods=["POST"]),
            Route("/v1/orders", self.orders, methods=["GET"]),
            Route("/v1/orders/{order_number}", self.one_order),
            Route("/v1/service-notifications", self.notify, methods=["POST"]),
            Route("/v1/service-notifications", self.notifications, methods=["GET"]),
            Route(one_notification, self.one_notification),
        ]

    async def order(self, request: Request) -> Response:
        """Places an order; while one with the same key is worked on, the same key is told so."""
        agent = self._access.agent(request, "orders:write")
        body = await json_object(request)
        key = orders.key_in(request.headers.get("Idempotency-Key"))
        work = (agent.agent_id, key)
        if work in self._in_work:
            busy = Refusal("idempotency-request-in-progress", "This order is being worked on.")
            return busy.response({"Retry-After": str(max(int(self._faults.order_seconds), 1))})
        self._in_work.add(work)
        try:
            if self._faults.order_seconds:
                await asyncio.sleep(self._faults.order_seconds)
            retention = dt.timedelta(days=self._faults.idempotency_retention_days)
            status, order = orders.place(Clerk(self._agents, agent, self._faults.now()), key, body, retention)
        finally:
            self._in_work.discard(work)
        return JSONResponse(order, status_code=status)

    async def orders(self, request: Request) -> Response:
        """Orders, all or by reference, equipment or status."""
        agent = self._access.agent(request, "orders:read")
        wanted = window(request)
        rows = self._rows("orders", agent, request, orders.STATUSES, wanted, ORDER_BASE)
        return JSONResponse(page([orders.shown(row) for row in rows], "order_number", wanted))

    async def one_order(self, request: Request) -> Response:
        """One order with its status."""
        agent = self._access.agent(request, "orders:read")
        row = self._row("orders", agent, row_number(request.path_params["order_number"], ORDER_BASE))
        return JSONResponse(orders.shown(row))

    async def notify(self, request: Request) -> Response:
        """Opens a service notification."""
        agent = self._access.agent(request, "notifications:write")
        body = await json_object(request)
        clerk = Clerk(self._agents, agent, self._faults.now())
        status, notification = notifications.open_notification(clerk, body)
        return JSONResponse(notification, status_code=status)

    async def notifications(self, request: Request) -> Response:
        """Service notifications, all or by reference, equipment or status."""
        agent = self._access.agent(request, "notifications:write")
        wanted, base = window(request), notifications.NOTIFICATION_BASE
        rows = self._rows("notifications", agent, request, notifications.STATUSES, wanted, base)
        return JSONResponse(
            page([notifications.shown_notification(row) for row in rows], "notification_number", wanted)
        )

    async def one_notification(self, request: Request) -> Response:
        """One service notification."""
        agent = self._access.agent(request, "notifications:write")
        number = row_number(request.path_params["notification_number"], notifications.NOTIFICATION_BASE)
        return JSONResponse(notifications.shown_notification(self._row("notifications", agent, number)))

    def _rows(
        self, table: str, agent: Agent, request: Request, statuses: Sequence[str], wanted: Window, base: int
    ) -> list[sqlite3.Row]:
        asked = {name: filter_in(request, name, most) for name, most in FILTERS.items()}
        if asked["status"] not in (None, *statuses):
            raise Refusal("malformed-request", f"status is one of {', '.join(statuses)}.")
        filters = [one for value in asked.values() for one in (value, value)]
        query = f"SELECT * FROM {table} WHERE number > ? AND {VISIBLE} AND {WHERE} ORDER BY number LIMIT ?"  # noqa: S608  constants
        parameters = (row_number(wanted.after, base), *agent.scoping, *filters, wanted.limit + 1)
        return self._agents.ledger.db.execute(query, parameters).fetchall()

    def _row(self, table: str, agent: Agent, number: int) -> sqlite3.Row:
        query = f"SELECT * FROM {table} WHERE number=? AND {VISIBLE}"  # noqa: S608  constants
        row: sqlite3.Row | None = self._agents.ledger.db.execute(query, (number, *agent.scoping)).fetchone()
        if row is None:
            raise Refusal("not-found", "There is nothing with this number.")
        return row

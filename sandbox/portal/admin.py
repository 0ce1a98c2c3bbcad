"""What the sandbox's owner may do and the agent may not: read the ledger, move orders, grant rights, set faults."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.portal.faults import Faults
from sandbox.portal.ledger import ORDER_BASE, Ledger, document_number
from sandbox.portal.orders import STATUSES, shown
from sandbox.portal.problems import Refusal
from sandbox.portal.tokens import CLIENT_ID, Gate

Handler = Callable[[Request], Awaitable[Response]]


class Admin:
    """The routes below /admin, each behind the admin's token."""

    def __init__(self, ledger: Ledger, gate: Gate, faults: Faults) -> None:
        self._ledger = ledger
        self._gate = gate
        self._faults = faults

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/admin/ledger", self._guarded(self.ledger)),
            Route("/admin/orders/{order:int}/status", self._guarded(self.move_order), methods=["POST"]),
            Route("/admin/faults", self._guarded(self.set_faults), methods=["PUT"]),
            Route("/admin/scopes", self._guarded(self.set_scopes), methods=["PUT"]),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            if not self._gate.is_admin(request.headers.get("Authorization")):
                raise Refusal("token-invalid", "This needs the admin token.")
            return await handler(request)

        return checked

    async def ledger(self, request: Request) -> Response:
        """Everything that was ever booked, and all orders."""
        db = self._ledger.db
        documents = db.execute("SELECT * FROM documents ORDER BY number").fetchall()
        orders = db.execute("SELECT * FROM orders ORDER BY number").fetchall()
        rows = [{**dict(row), "measurement_document": document_number(row["number"])} for row in documents]
        return JSONResponse({"measurement_documents": rows, "orders": [shown(row) for row in orders]})

    async def move_order(self, request: Request) -> Response:
        """Gives an order another status."""
        status = (await _body(request)).get("status")
        if status not in STATUSES:
            raise Refusal("malformed-request", f"status is one of {', '.join(STATUSES)}.")
        number = int(request.path_params["order"]) - ORDER_BASE
        with self._ledger.transaction() as db:
            if not db.execute("UPDATE orders SET status=? WHERE number=?", (status, number)).rowcount:
                raise Refusal("not-found", "There is no such order.")
        return JSONResponse({"status": status})

    async def set_faults(self, request: Request) -> Response:
        """Changes the fault switches."""
        try:
            self._faults.change(await _body(request))
        except (TypeError, ValueError) as error:
            raise Refusal("malformed-request", str(error)) from error
        return JSONResponse({"switches": len(self._faults.switches)})

    async def set_scopes(self, request: Request) -> Response:
        """Unlocks exactly these areas for the agent, as a key user would."""
        wanted = (await _body(request)).get("scopes", [])
        with self._ledger.transaction() as db:
            db.execute("DELETE FROM scopes WHERE agent_id=?", (CLIENT_ID,))
            db.executemany("INSERT INTO scopes VALUES (?, ?)", [(CLIENT_ID, str(scope)) for scope in wanted])
        return JSONResponse({"scopes": self._ledger.scopes(CLIENT_ID)})


async def _body(request: Request) -> dict[str, Any]:
    try:
        content = json.loads(await request.body())
    except ValueError:
        raise Refusal("malformed-request", "The body is no JSON.") from None
    if not isinstance(content, dict):
        raise Refusal("malformed-request", "The body is no JSON object.")
    return content

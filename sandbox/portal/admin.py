"""What the sandbox's owner may do and the agent may not: read the ledger, move orders, grant rights, set faults."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.portal.areas import AREAS
from sandbox.portal.bodies import octets, parsed
from sandbox.portal.documents import shown_document
from sandbox.portal.faults import Faults
from sandbox.portal.ledger import ORDER_BASE, Ledger, row_number
from sandbox.portal.notifications import shown_notification
from sandbox.portal.orders import STATUSES, move, shown
from sandbox.portal.problems import Refusal
from sandbox.portal.tokens import CLIENT_ID, Gate

Handler = Callable[[Request], Awaitable[Response]]


class Admin:
    """The routes below /admin, each behind the admin's token; fault switches do not touch them."""

    def __init__(self, ledger: Ledger, gate: Gate, faults: Faults) -> None:
        self._ledger = ledger
        self._gate = gate
        self._faults = faults

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/admin/ledger", self._guarded(self.ledger)),
            Route("/admin/orders/{order_number}/status", self._guarded(self.move_order), methods=["POST"]),
            Route("/admin/faults", self._guarded(self.show_faults), methods=["GET"]),
            Route("/admin/faults", self._guarded(self.set_faults), methods=["PUT"]),
            Route("/admin/scopes", self._guarded(self.set_scopes), methods=["PUT"]),
            Route("/admin/scopes", self._guarded(self.change_scopes), methods=["POST"]),
            Route("/admin/tokens", self._guarded(self.expire_tokens), methods=["DELETE"]),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            if not self._gate.is_admin(request.headers.get("Authorization")):
                raise Refusal("token-invalid", "This needs the admin token.")
            return await handler(request)

        return checked

    async def ledger(self, request: Request) -> Response:
        """Everything that was ever booked, ordered or notified, and every accepted item as it came."""
        db = self._ledger.db
        documents = db.execute("SELECT * FROM documents ORDER BY number").fetchall()
        orders = db.execute("SELECT * FROM orders ORDER BY number").fetchall()
        notifications = db.execute("SELECT * FROM notifications ORDER BY number").fetchall()
        submissions = db.execute("SELECT content FROM submissions ORDER BY rowid").fetchall()
        answer = {
            "measurement_documents": [shown_document(row) for row in documents],
            "orders": [{**shown(row), "trigger": json.loads(row["content"]).get("trigger")} for row in orders],
            "service_notifications": [shown_notification(row) for row in notifications],
            "submissions": [json.loads(row["content"]) for row in submissions],
        }
        return JSONResponse(answer)

    async def move_order(self, request: Request) -> Response:
        """Gives an order another status, and a tracking number if one comes along."""
        body = parsed(await octets(request))
        status, tracking = body.get("status"), body.get("tracking")
        if not isinstance(status, str) or status not in STATUSES or not isinstance(tracking, str | None):
            raise Refusal("malformed-request", f"status is one of {', '.join(STATUSES)}.")
        number = row_number(request.path_params["order_number"], ORDER_BASE)
        return JSONResponse(move(self._ledger, number, status, tracking))

    async def show_faults(self, request: Request) -> Response:
        """The settings, and how often each switch has struck."""
        return JSONResponse(self._faults.shown())

    async def set_faults(self, request: Request) -> Response:
        """Changes the settings that are named; `switches` replaces all switches."""
        try:
            self._faults.change(parsed(await octets(request)))
        except ValueError as error:
            raise Refusal("malformed-request", str(error)) from error
        return JSONResponse(self._faults.shown())

    async def set_scopes(self, request: Request) -> Response:
        """Unlocks exactly these areas for the agent, as a key user would."""
        wanted = _areas(parsed(await octets(request)).get("scopes"))
        return self._unlocked(wanted)

    async def change_scopes(self, request: Request) -> Response:
        """Unlocks the areas in `grant` and locks those in `revoke`."""
        body = parsed(await octets(request))
        granted, revoked = _areas(body.get("grant", [])), _areas(body.get("revoke", []))
        return self._unlocked((set(self._ledger.scopes(CLIENT_ID)) | granted) - revoked)

    def _unlocked(self, scopes: set[str]) -> Response:
        with self._ledger.transaction():
            self._ledger.set_scopes(CLIENT_ID, sorted(scopes))
        return JSONResponse({"scopes": self._ledger.scopes(CLIENT_ID)})

    async def expire_tokens(self, request: Request) -> Response:
        """Makes every access token invalid at once, whatever was promised."""
        return JSONResponse({"expired": self._gate.expire_tokens()})


def _areas(wanted: object) -> set[str]:
    if not isinstance(wanted, list) or not all(isinstance(one, str) and one in AREAS for one in wanted):
        raise Refusal("malformed-request", f"Areas are a list of: {', '.join(AREAS)}.")
    return set(wanted)

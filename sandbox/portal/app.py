"""The routes of the portal, as `openapi.yaml` describes them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.portal.admin import Admin
from sandbox.portal.booking import book_item
from sandbox.portal.faults import Faults
from sandbox.portal.ledger import DOCUMENT_BASE, ORDER_BASE, Ledger, document_number, stamp
from sandbox.portal.orders import bill_of_material, place, shown
from sandbox.portal.problems import Refusal
from sandbox.portal.tokens import Gate

SCOPES = (
    "equipments:read",
    "technical-identification:write",
    "readings:write",
    "orders:write",
    "orders:read",
    "notifications:write",
)
AREAS = {
    "equipments:read": "Equipment ansehen / View equipment",
    "technical-identification:write": "Referenznummer aktualisieren / Update the technical identification number",
    "readings:write": "Zählerstände melden / Report meter readings",
    "orders:write": "Verbrauchsmaterial bestellen / Order consumables",
    "orders:read": "Bestellungen verfolgen / Follow orders",
    "notifications:write": "Servicemeldungen anlegen / Open service notifications",
}
MAX_BODY = 2 * 1024 * 1024
MAX_FORM = 4096
MAX_LIMIT = 500

Handler = Callable[[Request], Awaitable[Response]]


class Portal:
    """The handlers, with what they work on."""

    def __init__(self, ledger: Ledger, gate: Gate, faults: Faults) -> None:
        self.ledger = ledger
        self.gate = gate
        self.faults = faults

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/v1/oauth2/token", self.token, methods=["POST"]),
            Route("/v1/health", self.health),
            Route("/v1/agents/me", self.me),
            Route("/v1/equipments", self.equipments),
            Route("/v1/equipments/{number}", self.equipment),
            Route("/v1/equipments/{number}/measuring-points", self.measuring_points),
            Route("/v1/equipments/{number}/bill-of-material", self.bill_of_material),
            Route("/v1/equipments/{number}/technical-identification-number", self.rename, methods=["PUT"]),
            Route("/v1/measurement-document-batches", self.batch, methods=["POST"]),
            Route("/v1/measurement-documents", self.documents, methods=["GET"]),
            Route("/v1/measurement-documents", self.document, methods=["POST"]),
            Route("/v1/measurement-documents/{document}/reversals", self.reverse, methods=["POST"]),
            Route("/v1/orders", self.orders, methods=["GET"]),
            Route("/v1/orders", self.order, methods=["POST"]),
            Route("/v1/orders/{order}", self.one_order),
            *Admin(self.ledger, self.gate, self.faults).routes(),
        ]
        return Starlette(routes=routes, exception_handlers={Refusal: _refused, 404: _not_found})

    def _agent(self, request: Request, scope: str | None = None) -> str:
        """The agent behind a request, if the key user has unlocked `scope` for it."""
        agent = self.gate.agent(request.headers.get("Authorization"))
        if scope and scope not in self.ledger.scopes(agent):
            detail = f"The key user has not unlocked the area: {AREAS[scope]}."
            raise Refusal("scope-not-unlocked", detail, area=scope, area_title=AREAS[scope])
        return agent

    def _known(self, request: Request) -> tuple[str, dict[str, Any], int]:
        number = request.path_params["number"]
        found = self.ledger.equipment(number)
        if found is None:
            raise Refusal("equipment-unknown", "There is no such equipment.")
        return number, *found

    async def token(self, request: Request) -> Response:
        """RFC 6749 section 4.4."""
        form = parse_qs((await request.body())[:MAX_FORM].decode("ascii", "replace"))
        if form.get("grant_type") != ["client_credentials"]:
            return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
        token = self.gate.token(request.headers.get("Authorization"), self.faults.token_seconds)
        if token is None:
            error = {"error": "invalid_client", "error_description": "Client id or secret is wrong."}
            return JSONResponse(error, status_code=401, headers={"WWW-Authenticate": "Basic"})
        scope = " ".join(self.ledger.scopes("agent-sandbox"))
        seconds = max(int(self.faults.token_seconds), 1)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": seconds, "scope": scope}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def health(self, request: Request) -> Response:
        """No authorisation, no data."""
        return JSONResponse({"status": "ok"})

    async def me(self, request: Request) -> Response:
        """Who the agent is and what it may do."""
        agent = self._agent(request)
        now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.faults.clock_skew_seconds)
        row = self.ledger.db.execute("SELECT content FROM equipments LIMIT 1").fetchone()
        customer = json.loads(row["content"])["customer_number"] if row else "0000000000"
        limits = {
            "batch_max_items": self.faults.batch_max_items,
            "body_max_bytes": MAX_BODY,
            "reading_future_tolerance_s": 300,
            "idempotency_retention_days": 3650,
        }
        answer = {"agent_id": agent, "customer_number": customer, "scopes": self.ledger.scopes(agent)}
        return JSONResponse({**answer, "server_time": stamp(now), "limits": limits, "minimum_agent_version": "0.1.0"})

    async def equipments(self, request: Request) -> Response:
        """The equipment list, filtered, page by page, with an ETag."""
        self._agent(request, "equipments:read")
        start, limit = _page(request)
        wanted = {
            name: request.query_params[name]
            for name in ("manufacturer_serial_number", "technical_identification_number")
            if name in request.query_params
        }
        rows = self.ledger.db.execute(
            "SELECT * FROM equipments WHERE equipment_number > ? ORDER BY equipment_number", (start,)
        ).fetchall()
        contents = [json.loads(row["content"]) for row in rows]
        fitting = [one for one in contents if all(one.get(name) == value for name, value in wanted.items())]
        items = [self._with_points(one, request) for one in fitting[:limit]]
        following = items[-1]["equipment_number"] if len(fitting) > limit else None
        return _tagged(request, {"items": items, "next_cursor": following})

    def _with_points(self, equipment: dict[str, Any], request: Request) -> dict[str, Any]:
        if request.query_params.get("include") != "measuring_points":
            return equipment
        return {**equipment, "measuring_points": self.ledger.points(equipment["equipment_number"])}

    async def equipment(self, request: Request) -> Response:
        """One equipment; its ETag is what a change needs."""
        self._agent(request, "equipments:read")
        _, content, version = self._known(request)
        return _tagged(request, self._with_points(content, request), f'"{version}"')

    async def measuring_points(self, request: Request) -> Response:
        """The measuring points of one equipment."""
        self._agent(request, "equipments:read")
        number, _, _ = self._known(request)
        return JSONResponse({"items": self.ledger.points(number)})

    async def bill_of_material(self, request: Request) -> Response:
        """What can be ordered for one equipment."""
        self._agent(request, "equipments:read")
        number, _, _ = self._known(request)
        return JSONResponse({"items": bill_of_material(self.ledger, number)})

    async def rename(self, request: Request) -> Response:
        """*Referenznummer aktualisieren*: changes the technical identification number of what was seen last."""
        self._agent(request, "technical-identification:write")
        number, content, version = self._known(request)
        matching = request.headers.get("If-Match")
        if matching is None:
            raise Refusal("precondition-required", "If-Match with the equipment's ETag is required.")
        if matching != f'"{version}"':
            raise Refusal("precondition-failed", "The equipment has changed since it was read.")
        value = (await _json(request)).get("technical_identification_number")
        if not isinstance(value, str) or len(value) > 25:
            raise Refusal("malformed-request", "technical_identification_number is a text of at most 25 characters.")
        content["technical_identification_number"] = value
        with self.ledger.transaction() as db:
            db.execute(
                "UPDATE equipments SET content=?, version=version+1 WHERE equipment_number=?",
                (json.dumps(content), number),
            )
        return JSONResponse(content, headers={"ETag": f'"{version + 1}"'})

    async def batch(self, request: Request) -> Response:
        """Several readings; one result each, in order."""
        agent = self._agent(request, "readings:write")
        items = (await _json(request)).get("items")
        if not isinstance(items, list) or not items:
            raise Refusal("malformed-request", "items is missing, empty or no list.")
        if len(items) > self.faults.batch_max_items:
            raise Refusal("batch-too-large", f"At most {self.faults.batch_max_items} items at once.")
        results = [book_item(self.ledger, agent, item) for item in items]
        return JSONResponse({"items": results}, status_code=207)

    async def document(self, request: Request) -> Response:
        """One reading."""
        agent = self._agent(request, "readings:write")
        result = book_item(self.ledger, agent, await _json(request))
        if result["problem"]:
            problem = result["problem"]
            return JSONResponse(problem, status_code=problem["status"], media_type="application/problem+json")
        return JSONResponse(result, status_code=result["status"])

    async def documents(self, request: Request) -> Response:
        """Booked readings, to compare with what was sent."""
        self._agent(request, "readings:write")
        start, limit = _page(request)
        rows = self.ledger.db.execute(
            "SELECT * FROM documents WHERE number > ? AND (? IS NULL OR client_reference = ?)"
            " AND (? IS NULL OR equipment_number = ?) ORDER BY number LIMIT ?",
            (
                _number(start, DOCUMENT_BASE),
                *[request.query_params.get("client_reference")] * 2,
                *[request.query_params.get("equipment_number")] * 2,
                limit + 1,
            ),
        ).fetchall()
        items = [
            {
                **{name: row[name] for name in row.keys() if name != "number"},  # noqa: SIM118  a sqlite3.Row iterates values
                "measurement_document": document_number(row["number"]),
                "estimated": bool(row["estimated"]),
                "reversed": bool(row["reversed"]),
            }
            for row in rows[:limit]
        ]
        following = items[-1]["measurement_document"] if len(rows) > limit else None
        return JSONResponse({"items": items, "next_cursor": following})

    async def reverse(self, request: Request) -> Response:
        """Takes a booked reading back (Storno)."""
        self._agent(request, "readings:write")
        number = _number(request.path_params["document"], DOCUMENT_BASE)
        with self.ledger.transaction() as db:
            changed = db.execute("UPDATE documents SET reversed=1 WHERE number=? AND reversed=0", (number,)).rowcount
        if not changed:
            raise Refusal("not-found", "There is no such measurement document that could be reversed.")
        return JSONResponse({"measurement_document": request.path_params["document"], "reversed": True}, 201)

    async def order(self, request: Request) -> Response:
        """Places an order."""
        agent = self._agent(request, "orders:write")
        status, order = place(self.ledger, agent, request.headers.get("Idempotency-Key"), await _json(request))
        return JSONResponse(order, status_code=status)

    async def orders(self, request: Request) -> Response:
        """Orders, all or by reference or equipment."""
        self._agent(request, "orders:read")
        start, limit = _page(request)
        rows = self.ledger.db.execute(
            "SELECT * FROM orders WHERE number > ? AND (? IS NULL OR client_reference = ?)"
            " AND (? IS NULL OR equipment_number = ?) ORDER BY number LIMIT ?",
            (
                _number(start, ORDER_BASE),
                *[request.query_params.get("client_reference")] * 2,
                *[request.query_params.get("equipment_number")] * 2,
                limit + 1,
            ),
        ).fetchall()
        items = [shown(row) for row in rows[:limit]]
        following = items[-1]["order_number"] if len(rows) > limit else None
        return JSONResponse({"items": items, "next_cursor": following})

    async def one_order(self, request: Request) -> Response:
        """One order with its status."""
        self._agent(request, "orders:read")
        number = _number(request.path_params["order"], ORDER_BASE)
        row = self.ledger.db.execute("SELECT * FROM orders WHERE number=?", (number,)).fetchone()
        if row is None:
            raise Refusal("not-found", "There is no such order.")
        return JSONResponse(shown(row))


def _tagged(request: Request, content: dict[str, Any], tag: str | None = None) -> Response:
    tag = tag or '"' + hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32] + '"'
    if request.headers.get("If-None-Match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return JSONResponse(content, headers={"ETag": tag})


def _page(request: Request) -> tuple[str, int]:
    limit = request.query_params.get("limit", "100")
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:6]) <= MAX_LIMIT:
        raise Refusal("malformed-request", f"limit is a number from 1 to {MAX_LIMIT}.")
    return request.query_params.get("cursor", ""), int(limit)


def _number(text: str, base: int) -> int:
    return int(text) - base if text.isascii() and text.isdigit() and len(text) <= 20 else 0


async def _json(request: Request) -> dict[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refusal("batch-too-large", f"A body has at most {MAX_BODY} bytes.")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal("malformed-request", "The body is no JSON.") from None
    if not isinstance(content, dict):
        raise Refusal("malformed-request", "The body is no JSON object.")
    return content


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return error.response()


async def _not_found(request: Request, error: Exception) -> Response:
    return Refusal("not-found", "There is nothing at this address.").response()

"""The reading resources: batches in, measurement documents out, and taking one back."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.portal.access import Access
from sandbox.portal.agents import VISIBLE, Agent, Agents
from sandbox.portal.bodies import json_object
from sandbox.portal.booking import LONGEST_REFERENCE, Clerk, book_item, refused_item
from sandbox.portal.faults import MIXED, Fault, Faults
from sandbox.portal.ledger import DOCUMENT_BASE, document_number, row_number
from sandbox.portal.lists import filter_in, moment_in, page, window
from sandbox.portal.problems import Refusal, malformed, problem_response

FILTERS = {"client_reference": LONGEST_REFERENCE, "equipment_number": 18, "measuring_point": 12}


class Documents:
    """The handlers of readings."""

    def __init__(self, agents: Agents, access: Access, faults: Faults) -> None:
        self._agents = agents
        self._ledger = agents.ledger
        self._access = access
        self._faults = faults

    def routes(self) -> list[Route]:
        """The routes."""
        reversals = "/v1/measurement-documents/{measurement_document}/reversals"
        return [
            Route("/v1/measurement-document-batches", self.batch, methods=["POST"]),
            Route("/v1/measurement-documents", self.book, methods=["POST"]),
            Route("/v1/measurement-documents", self.all, methods=["GET"]),
            Route("/v1/measurement-documents/{measurement_document}", self.one),
            Route(reversals, self.reverse, methods=["POST"]),
        ]

    async def batch(self, request: Request) -> Response:
        """Several readings; one result each, in order."""
        clerk = self._clerk(request)
        items = (await json_object(request)).get("items")
        if not isinstance(items, list) or not items:
            raise malformed("items is missing, empty or no list.", "/items")
        most = self._faults.batch_max_items
        if len(items) > most:
            raise Refusal("batch-too-large", f"At most {most} items at once.", batch_max_items=most)
        mixed: Fault | None = request.scope.get(MIXED)
        results = [self._result(clerk, item, place, mixed) for place, item in enumerate(items, 1)]
        return JSONResponse({"items": results}, status_code=207)

    def _result(self, clerk: Clerk, item: object, place: int, mixed: Fault | None) -> dict[str, Any]:
        """One item's result; a switch may spoil each n-th, before or after it is booked."""
        spoiled = mixed is not None and place % mixed.each == 0
        result = {} if spoiled and mixed and mixed.kind == "mixed" else book_item(clerk, item)
        if not spoiled or mixed is None:
            return result
        reference = item.get("client_reference") if isinstance(item, dict) else None
        return refused_item(reference, Refusal(mixed.problem()[0], "A fault switch is on."))

    async def book(self, request: Request) -> Response:
        """One reading."""
        clerk = self._clerk(request)
        result = book_item(clerk, await json_object(request))
        if result["problem"]:
            return problem_response(result["problem"])
        return JSONResponse(result, status_code=result["status"])

    def _clerk(self, request: Request) -> Clerk:
        agent = self._access.agent(request, "readings:write")
        return Clerk(self._agents, agent, self._faults.now(), self._faults.future_tolerance_seconds)

    async def all(self, request: Request) -> Response:
        """Booked readings, to compare with what was sent."""
        agent = self._access.agent(request, "readings:write")
        wanted = window(request)
        filters = [one for name, most in FILTERS.items() for one in (filter_in(request, name, most),) * 2]
        since = moment_in(request, "booked_after")
        rows = self._ledger.db.execute(
            f"SELECT * FROM documents WHERE number > ? AND {VISIBLE}"  # noqa: S608  a constant
            " AND (? IS NULL OR client_reference = ?) AND (? IS NULL OR equipment_number = ?)"
            " AND (? IS NULL OR measuring_point = ?) AND (? IS NULL OR booked_at >= ?) ORDER BY number LIMIT ?",
            (row_number(wanted.after, DOCUMENT_BASE), *agent.scoping, *filters, since, since, wanted.limit + 1),
        ).fetchall()
        return JSONResponse(page([shown_document(row) for row in rows], "measurement_document", wanted))

    async def one(self, request: Request) -> Response:
        """One measurement document."""
        agent = self._access.agent(request, "readings:write")
        return JSONResponse(shown_document(self._row(agent, request)))

    async def reverse(self, request: Request) -> Response:
        """Takes a booked reading back (*Storno*); taking it back again changes nothing."""
        agent = self._access.agent(request, "readings:write")
        row = self._row(agent, request)
        with self._ledger.transaction():
            changed = self._ledger.reverse("number=?", (row["number"],), f"agent {agent.agent_id}", self._faults.now())
        return JSONResponse(shown_document(self._row(agent, request)), status_code=201 if changed else 200)

    def _row(self, agent: Agent, request: Request) -> sqlite3.Row:
        number = row_number(request.path_params["measurement_document"], DOCUMENT_BASE)
        query = f"SELECT * FROM documents WHERE number=? AND {VISIBLE}"  # noqa: S608  a constant
        row: sqlite3.Row | None = self._ledger.db.execute(query, (number, *agent.scoping)).fetchone()
        if row is None:
            raise Refusal("not-found", "There is no such measurement document.")
        return row


def shown_document(row: sqlite3.Row) -> dict[str, Any]:
    """A measurement document in the contract's form."""
    return {
        "measurement_document": document_number(row["number"]),
        "client_reference": row["client_reference"],
        "equipment_number": row["equipment_number"],
        "measuring_point": row["measuring_point"],
        "meter_code": row["meter_code"],
        "value": row["value"],
        "read_at": row["read_at"],
        "booked_at": row["booked_at"],
        "agent_id": row["agent_id"],
        "estimated": bool(row["estimated"]),
        "findings": json.loads(row["findings"]),
        "reversed": bool(row["reversed"]),
        "reversed_at": row["reversed_at"],
        "reversal_reason": row["reversal_reason"],
    }

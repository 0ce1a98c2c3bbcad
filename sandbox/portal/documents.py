"""The reading resources: batches in, measurement documents out, and taking one back."""

from __future__ import annotations

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.portal.access import Access
from sandbox.portal.bodies import json_object
from sandbox.portal.booking import book_item
from sandbox.portal.faults import Faults
from sandbox.portal.ledger import DOCUMENT_BASE, Ledger, document_number, row_number
from sandbox.portal.lists import page, window
from sandbox.portal.problems import Refusal, problem_response


class Documents:
    """The handlers of readings."""

    def __init__(self, ledger: Ledger, access: Access, faults: Faults) -> None:
        self._ledger = ledger
        self._access = access
        self._faults = faults

    def routes(self) -> list[Route]:
        """The routes."""
        reversals = "/v1/measurement-documents/{measurement_document}/reversals"
        return [
            Route("/v1/measurement-document-batches", self.batch, methods=["POST"]),
            Route("/v1/measurement-documents", self.book, methods=["POST"]),
            Route("/v1/measurement-documents", self.all, methods=["GET"]),
            Route(reversals, self.reverse, methods=["POST"]),
        ]

    async def batch(self, request: Request) -> Response:
        """Several readings; one result each, in order."""
        agent = self._access.agent(request, "readings:write")
        items = (await json_object(request)).get("items")
        if not isinstance(items, list) or not items:
            raise Refusal("malformed-request", "items is missing, empty or no list.")
        most = self._faults.batch_max_items
        if len(items) > most:
            raise Refusal("batch-too-large", f"At most {most} items at once.", batch_max_items=most)
        return JSONResponse({"items": [self._booked(agent, item) for item in items]}, status_code=207)

    async def book(self, request: Request) -> Response:
        """One reading."""
        agent = self._access.agent(request, "readings:write")
        result = self._booked(agent, await json_object(request))
        if result["problem"]:
            return problem_response(result["problem"])
        return JSONResponse(result, status_code=result["status"])

    def _booked(self, agent: str, item: object) -> dict[str, Any]:
        return book_item(self._ledger, agent, item, self._faults.now(), self._faults.future_tolerance_seconds)

    async def all(self, request: Request) -> Response:
        """Booked readings, to compare with what was sent."""
        self._access.agent(request, "readings:write")
        wanted = window(request)
        reference, equipment = (request.query_params.get(name) for name in ("client_reference", "equipment_number"))
        rows = self._ledger.db.execute(
            "SELECT * FROM documents WHERE number > ? AND (? IS NULL OR client_reference = ?)"
            " AND (? IS NULL OR equipment_number = ?) ORDER BY number LIMIT ?",
            (row_number(wanted.after, DOCUMENT_BASE), reference, reference, equipment, equipment, wanted.limit + 1),
        ).fetchall()
        return JSONResponse(page([shown_document(row) for row in rows], "measurement_document", wanted))

    async def reverse(self, request: Request) -> Response:
        """Takes a booked reading back (*Storno*); taking it back again changes nothing."""
        self._access.agent(request, "readings:write")
        number = row_number(request.path_params["measurement_document"], DOCUMENT_BASE)
        with self._ledger.transaction() as db:
            changed = db.execute("UPDATE documents SET reversed=1 WHERE number=? AND reversed=0", (number,)).rowcount
            row = db.execute("SELECT * FROM documents WHERE number=?", (number,)).fetchone()
        if row is None:
            raise Refusal("not-found", "There is no such measurement document.")
        return JSONResponse(shown_document(row), status_code=201 if changed else 200)


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
        "estimated": bool(row["estimated"]),
        "reversed": bool(row["reversed"]),
    }

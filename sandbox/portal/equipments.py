"""The equipment resources: what SAP knows of a customer's machines, and the one field that an agent may change."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.portal.access import Access
from sandbox.portal.bodies import json_object
from sandbox.portal.faults import Faults
from sandbox.portal.ledger import Ledger, Record
from sandbox.portal.lists import opaque_tags, page, tagged, window
from sandbox.portal.moments import moment_of, stamp
from sandbox.portal.orders import bill_of_material
from sandbox.portal.problems import Refusal

LONGEST_TIDNR = 25  # SAP's TechnicalIdentNo
FILTERS = ("manufacturer_serial_number", "technical_identification_number")


class Equipments:
    """The handlers below /v1/equipments."""

    def __init__(self, ledger: Ledger, access: Access, faults: Faults) -> None:
        self._ledger = ledger
        self._access = access
        self._faults = faults

    def routes(self) -> list[Route]:
        """The routes."""
        one = "/v1/equipments/{equipment_number}"
        return [
            Route("/v1/equipments", self.all),
            Route(one, self.one),
            Route(f"{one}/measuring-points", self.measuring_points),
            Route(f"{one}/bill-of-material", self.bill_of_material),
            Route(f"{one}/technical-identification-number", self.rename, methods=["PUT"]),
        ]

    async def all(self, request: Request) -> Response:
        """The customer's equipment, filtered, page by page, with an ETag."""
        self._access.agent(request, "equipments:read")
        wanted, asked = window(request), request.query_params
        since = _since(asked.get("modified_after"))
        found = [
            record
            for record in self._ledger.records(wanted.after)
            if all(record.content.get(name) == asked[name] for name in FILTERS if name in asked)
            and (since is None or dt.datetime.fromisoformat(record.modified_at) > since)
        ]
        contents = [self._shown(record, request) for record in found[: wanted.limit + 1]]
        return tagged(request, page(contents, "equipment_number", wanted))

    async def one(self, request: Request) -> Response:
        """One equipment; its ETag is what a change needs."""
        self._access.agent(request, "equipments:read")
        record = self._record(request)
        return tagged(request, self._shown(record, request), prefix=f"{record.version}-")

    async def measuring_points(self, request: Request) -> Response:
        """The measuring points of one equipment."""
        self._access.agent(request, "equipments:read")
        number = self._record(request).content["equipment_number"]
        return tagged(request, {"items": self._ledger.points(number)})

    async def bill_of_material(self, request: Request) -> Response:
        """What can be ordered for one equipment."""
        self._access.agent(request, "equipments:read")
        number = self._record(request).content["equipment_number"]
        return tagged(request, {"items": bill_of_material(self._ledger, number)})

    async def rename(self, request: Request) -> Response:
        """*Referenznummer aktualisieren*: changes the technical identification number of what was seen last."""
        self._access.agent(request, "technical-identification:write")
        value = (await json_object(request)).get("technical_identification_number")
        record = self._record(request)
        expected = opaque_tags(request.headers.get("If-Match"))
        if not expected:
            raise Refusal("precondition-required", "If-Match with the equipment's ETag is required.")
        if "*" not in expected and str(record.version) not in [_version(tag) for tag in expected]:
            raise Refusal("precondition-failed", "The equipment has changed since it was read.")
        if not isinstance(value, str) or len(value) > LONGEST_TIDNR:
            detail = f"technical_identification_number is no text of at most {LONGEST_TIDNR} characters."
            raise Refusal("malformed-request", detail)
        content = {**record.content, "technical_identification_number": value}
        version, moment = record.version + 1, stamp(self._faults.now())
        with self._ledger.transaction() as db:
            db.execute(
                "UPDATE equipments SET content=?, version=?, modified_at=? WHERE equipment_number=?",
                (json.dumps(content), version, moment, content["equipment_number"]),
            )
        return tagged(request, content, prefix=f"{version}-")

    def _record(self, request: Request) -> Record:
        record = self._ledger.equipment(request.path_params["equipment_number"])
        if record is None:
            raise Refusal("equipment-unknown", "There is no such equipment.")
        if record.content["customer_number"] != self._ledger.customer:
            raise Refusal("equipment-not-assigned", "The equipment belongs to another customer.")
        return record

    def _shown(self, record: Record, request: Request) -> dict[str, Any]:
        include = request.query_params.get("include")
        if include not in (None, "measuring_points"):
            raise Refusal("malformed-request", "Only measuring_points can be included.")
        if include is None:
            return record.content
        return {**record.content, "measuring_points": self._ledger.points(record.content["equipment_number"])}


def _version(tag: str) -> str:
    return tag.strip('"').partition("-")[0]


def _since(text: str | None) -> dt.datetime | None:
    try:
        return None if text is None else moment_of(text)
    except ValueError:
        raise Refusal("malformed-request", "modified_after is no RFC 3339 time with its zone.") from None

"""The equipment resources: what SAP knows of a customer's machines, and the one field that an agent may change."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.portal.access import Access
from sandbox.portal.agents import Agent, Agents
from sandbox.portal.bodies import json_object
from sandbox.portal.booking import NOT_ASSIGNED
from sandbox.portal.faults import Faults
from sandbox.portal.ledger import Ledger, Record
from sandbox.portal.lists import filter_in, moment_in, page, strong_tags, tagged, window
from sandbox.portal.moments import stamp
from sandbox.portal.orders import bill_of_material
from sandbox.portal.problems import Refusal, malformed

LONGEST_TIDNR = 25  # SAP's TechnicalIdentNo
TIDNR = re.compile(r"[^\x00-\x1f\x7f-\x9f]{0,25}")
FILTERS = {"manufacturer_serial_number": 30, "technical_identification_number": LONGEST_TIDNR}


class Equipments:
    """The handlers below /v1/equipments."""

    def __init__(self, agents: Agents, access: Access, faults: Faults) -> None:
        self._agents = agents
        self._ledger = agents.ledger
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
            Route(f"{one}/technical-identification-number", self.put_number, methods=["PUT"]),
        ]

    async def all(self, request: Request) -> Response:
        """The customer's equipment, filtered, page by page, with an ETag."""
        agent = self._access.agent(request, "equipments:read")
        wanted, with_points = window(request), _with_points(request)
        asked = {name: filter_in(request, name, most) for name, most in FILTERS.items()}
        since = moment_in(request, "modified_after")
        found = [
            record
            for record in self._agents.records(agent, wanted.after)
            if all(value in (None, record.content.get(name)) for name, value in asked.items())
            and (since is None or record.modified_at >= since)
        ]
        contents = [self._shown(record, with_points=with_points) for record in found[: wanted.limit + 1]]
        return tagged(request, page(contents, "equipment_number", wanted))

    async def one(self, request: Request) -> Response:
        """One equipment; its ETag is what a change needs."""
        agent = self._access.agent(request, "equipments:read")
        with_points = _with_points(request)
        record = self._record(agent, request)
        return tagged(request, self._shown(record, with_points=with_points), prefix=f"{record.version}-")

    async def measuring_points(self, request: Request) -> Response:
        """The measuring points of one equipment."""
        agent = self._access.agent(request, "equipments:read")
        number = self._record(agent, request).content["equipment_number"]
        return tagged(request, {"items": self._ledger.points(number)})

    async def bill_of_material(self, request: Request) -> Response:
        """What can be ordered for one equipment."""
        agent = self._access.agent(request, "equipments:read")
        number = self._record(agent, request).content["equipment_number"]
        return tagged(request, {"items": bill_of_material(self._ledger, number)})

    async def put_number(self, request: Request) -> Response:
        """*Referenznummer aktualisieren*: changes the technical identification number of what was seen last."""
        agent = self._access.agent(request, "technical-identification:write")
        value = (await json_object(request)).get("technical_identification_number")
        record = self._record(agent, request)
        expected = strong_tags(request.headers.get("If-Match"))
        if "If-Match" not in request.headers:
            raise Refusal("precondition-required", "If-Match with the equipment's ETag is required.")
        if "*" not in expected and str(record.version) not in [_version(tag) for tag in expected]:
            raise Refusal("precondition-failed", "The equipment has changed since it was read.")
        if not isinstance(value, str) or not TIDNR.fullmatch(value):
            detail = f"technical_identification_number is no printable text of at most {LONGEST_TIDNR} characters."
            raise malformed(detail, "/technical_identification_number")
        record = rename(self._ledger, record, value, self._faults.now())
        return tagged(request, record.content, prefix=f"{record.version}-")

    def _record(self, agent: Agent, request: Request) -> Record:
        record = self._ledger.equipment(request.path_params["equipment_number"])
        if record is None:
            raise Refusal("equipment-unknown", "There is no such equipment.")
        if not self._agents.may_see(agent, record):
            raise Refusal("equipment-not-assigned", NOT_ASSIGNED)
        return record

    def _shown(self, record: Record, *, with_points: bool) -> dict[str, Any]:
        if not with_points:
            return record.content
        return {**record.content, "measuring_points": self._ledger.points(record.content["equipment_number"])}


def _with_points(request: Request) -> bool:
    include = request.query_params.get("include")
    if include not in (None, "measuring_points"):
        raise Refusal("malformed-request", "Only measuring_points can be included.")
    return include is not None


def _version(tag: str) -> str:
    return tag.strip('"').partition("-")[0]


def rename(ledger: Ledger, record: Record, number: str, now: dt.datetime) -> Record:
    """The equipment under its new technical identification number; an empty one takes it away."""
    content = {**record.content, "technical_identification_number": number or None}
    changed = Record(content, record.version + 1, stamp(now))
    with ledger.transaction() as db:
        db.execute(
            "UPDATE equipments SET content=?, version=?, modified_at=? WHERE equipment_number=?",
            (json.dumps(content), changed.version, changed.modified_at, content["equipment_number"]),
        )
    return changed

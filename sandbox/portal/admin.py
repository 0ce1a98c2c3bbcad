"""What the sandbox's owner may do and the agent may not: read the ledger, move orders, grant rights, set faults."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.portal.agents import Agent, Agents
from sandbox.portal.areas import AREAS, USUAL
from sandbox.portal.bodies import octets, parsed
from sandbox.portal.codes import HOURS, make_code
from sandbox.portal.documents import shown_document
from sandbox.portal.faults import Faults
from sandbox.portal.keys import listed_keys
from sandbox.portal.ledger import ORDER_BASE, row_number
from sandbox.portal.notifications import NOTIFICATION_BASE, move_notification, shown_notification
from sandbox.portal.orders import Move, move, shown
from sandbox.portal.problems import Refusal
from sandbox.portal.sent import Sent, check
from sandbox.portal.tokens import CLIENT_ID, Gate

Handler = Callable[[Request], Awaitable[Response]]
OrderStatus = Literal["received", "in_process", "partially_delivered", "delivered", "cancelled", "rejected"]


class MovedOrder(Sent):
    """What the warehouse says; `delivered` are the pieces so far by bom_item_number."""

    status: OrderStatus
    tracking: str | None = None
    delivered: dict[str, int] = Field(default_factory=dict)


class NewCode(Sent):
    """An enrolment code to make; without a customer for the seed's."""

    name: str = "agent"
    scopes: list[str] = Field(default_factory=lambda: list(USUAL))
    customer_number: str = ""
    hours: Annotated[float, Field(gt=0, le=720)] = HOURS


class ChangedAgent(Sent):
    """What is to be unlocked for an agent: exactly these areas, exactly this equipment or all of it."""

    scopes: list[str] | None = None
    equipments: list[str] | None = None
    equipment_access: Literal["all"] | None = None


class Admin:
    """The routes below /admin, each behind the admin's token; fault switches do not touch them."""

    def __init__(self, agents: Agents, gate: Gate, faults: Faults) -> None:
        self._agents = agents
        self._ledger = agents.ledger
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
            Route("/admin/enrolment-codes", self._guarded(self.new_code), methods=["POST"]),
            Route("/admin/agents", self._guarded(self.list_agents)),
            Route("/admin/agents/{agent_id}", self._guarded(self.change_agent), methods=["PUT"]),
            Route("/admin/agents/{agent_id}", self._guarded(self.revoke_agent), methods=["DELETE"]),
            Route("/admin/service-notifications/{number}/status", self._guarded(self.move_notice), methods=["POST"]),
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
        """Gives an order another status, a tracking number, and the pieces delivered so far, as the warehouse would."""
        change = check(MovedOrder, parsed(await octets(request)))
        number = row_number(request.path_params["order_number"], ORDER_BASE)
        moved = Move(change.status, change.tracking, change.delivered)
        return JSONResponse(move(self._ledger, number, moved, self._faults.now()))

    async def move_notice(self, request: Request) -> Response:
        """Gives a service notification another status, as the service would."""
        status = str(parsed(await octets(request)).get("status"))
        number = row_number(request.path_params["number"], NOTIFICATION_BASE)
        return JSONResponse(move_notification(self._ledger, number, status, self._faults.now()))

    async def new_code(self, request: Request) -> Response:
        """A one-time enrolment code, as a key user would make it."""
        wanted = check(NewCode, parsed(await octets(request)))
        customer, now = wanted.customer_number or self._ledger.customer, self._faults.now()
        with self._ledger.transaction():
            scopes = _areas(wanted.scopes)
            code = make_code(self._ledger, customer, wanted.name, scopes, now, wanted.hours)
        return JSONResponse({"enrolment_code": code}, status_code=201)

    async def list_agents(self, request: Request) -> Response:
        """All agents of the customer, with their areas, equipment and keys."""
        return JSONResponse({"items": [self._shown(one) for one in self._agents.of(self._ledger.customer)]})

    async def change_agent(self, request: Request) -> Response:
        """Unlocks exactly the areas and the equipment that are named."""
        wanted = check(ChangedAgent, parsed(await octets(request)))
        agent = self._known(request)
        with self._ledger.transaction():
            if wanted.scopes is not None:
                self._agents.unlock(agent.agent_id, _areas(wanted.scopes))
            if wanted.equipments is not None:
                self._agents.assign(agent.agent_id, "listed", wanted.equipments)
            elif wanted.equipment_access == "all":
                self._agents.assign(agent.agent_id, "all", ())
        return JSONResponse(self._shown(self._known(request)))

    async def revoke_agent(self, request: Request) -> Response:
        """Locks an agent out for good."""
        agent = self._known(request)
        with self._ledger.transaction():
            self._agents.revoke(agent.agent_id, self._faults.now())
        self._gate.end(agent.agent_id)
        return JSONResponse(self._shown(self._known(request)))

    def _known(self, request: Request) -> Agent:
        agent = self._agents.known(request.path_params["agent_id"])
        if agent is None:
            raise Refusal("not-found", "There is no such agent.")
        return agent

    def _shown(self, agent: Agent) -> dict[str, object]:
        return {
            "agent_id": agent.agent_id,
            "name": agent.name,
            "equipment_access": agent.equipment_access,
            "equipments": self._agents.assigned(agent.agent_id),
            "scopes": self._agents.scopes(agent.agent_id),
            "keys": listed_keys(self._ledger, agent.agent_id),
            "revoked_at": agent.revoked_at,
            "seen_at": agent.seen_at,
        }

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
        return self._unlocked((set(self._agents.scopes(CLIENT_ID)) | granted) - revoked)

    def _unlocked(self, scopes: set[str]) -> Response:
        with self._ledger.transaction():
            self._agents.unlock(CLIENT_ID, scopes)
        return JSONResponse({"scopes": self._agents.scopes(CLIENT_ID)})

    async def expire_tokens(self, request: Request) -> Response:
        """Makes every access token invalid at once, whatever was promised."""
        return JSONResponse({"expired": self._gate.expire_tokens()})


def _areas(wanted: object) -> set[str]:
    if not isinstance(wanted, list) or not all(isinstance(one, str) and one in AREAS for one in wanted):
        raise Refusal("malformed-request", f"Areas are a list of: {', '.join(AREAS)}.")
    return set(wanted)

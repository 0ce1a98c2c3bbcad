"""Access to the portal: who may do what with which equipment, for the other resources; health; the agent itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.portal.agents import Agent, Agents
from sandbox.portal.areas import AREAS
from sandbox.portal.bodies import MAX_BODY
from sandbox.portal.faults import Faults
from sandbox.portal.moments import stamp
from sandbox.portal.problems import Refusal
from sandbox.portal.tokens import Gate, Grant

OUR_AGENT = re.compile(r"meter-agent/(\d{1,6})\.(\d{1,6})\.(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Caller:
    """The agent behind a token, with the areas that are unlocked for it and that the token was asked for."""

    agent: Agent
    scopes: list[str]


class Access:
    """Tokens and rights."""

    def __init__(self, agents: Agents, gate: Gate, faults: Faults) -> None:
        self._agents = agents
        self._gate = gate
        self._faults = faults

    def routes(self) -> list[Route]:
        """The routes."""
        return [Route("/v1/health", self.health), Route("/v1/agents/me", self.me)]

    def agent(self, request: Request, scope: str | None = None) -> Agent:
        """The agent behind a request, if the key user has unlocked `scope` for it. Raises `Refusal`."""
        caller = self._caller(request)
        if scope and scope not in caller.scopes:
            detail = f"The key user has not unlocked the area: {AREAS[scope]}."
            raise Refusal("scope-not-unlocked", detail, area=scope, area_title=AREAS[scope])
        return caller.agent

    def _caller(self, request: Request) -> Caller:
        grant: Grant = self._gate.grant(request.headers.get("Authorization"))
        agent = self._agents.known(grant.agent_id)
        if agent is None or agent.revoked_at is not None:
            raise Refusal("token-invalid", "The key user has revoked this agent.")
        self._check_version(request)
        unlocked = self._agents.scopes(agent.agent_id)
        return Caller(agent, [scope for scope in unlocked if grant.scopes is None or scope in grant.scopes])

    def _check_version(self, request: Request) -> None:
        said = OUR_AGENT.match(request.headers.get("User-Agent", ""))
        least = self._faults.minimum_agent_version
        if said and tuple(map(int, said.groups())) < tuple(map(int, least.split("."))):
            raise Refusal("agent-too-old", f"At least version {least} is needed.", minimum_agent_version=least)

    async def health(self, request: Request) -> Response:
        """No authorisation, no data."""
        return JSONResponse({"status": "ok"})

    async def me(self, request: Request) -> Response:
        """Who the agent is and what it may do."""
        caller = self._caller(request)
        limits = {
            "batch_max_items": self._faults.batch_max_items,
            "body_max_bytes": MAX_BODY,
            "reading_future_tolerance_s": self._faults.future_tolerance_seconds,
            "idempotency_retention_days": self._faults.idempotency_retention_days,
            "key_overlap_days": self._faults.key_overlap_days,
        }
        answer = {
            "agent_id": caller.agent.agent_id,
            "customer_number": caller.agent.customer_number,
            "scopes": caller.scopes,
            "equipment_access": caller.agent.equipment_access,
            "server_time": stamp(self._faults.now()),
            "limits": limits,
            "minimum_agent_version": self._faults.minimum_agent_version,
        }
        return JSONResponse(answer)

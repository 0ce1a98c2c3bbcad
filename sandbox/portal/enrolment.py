"""Enrolment and keys: an agent registers the public part of a key that it made on its own machine, and replaces it."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.portal.access import Access
from sandbox.portal.agents import Agents
from sandbox.portal.assertions import AssertionRejected, proven
from sandbox.portal.bodies import json_object
from sandbox.portal.codes import code_row, use_code
from sandbox.portal.faults import Faults
from sandbox.portal.jose import PublicKey, public_key
from sandbox.portal.keys import listed_keys, register, revoke_key, usable_keys
from sandbox.portal.problems import Refusal, error_at
from sandbox.portal.throttle import Throttle
from sandbox.portal.tokens import Gate

REJECTED = "The enrolment code is unknown, used up, expired or cancelled. Ask your key user for a new one."


class Enrolment:
    """The handlers of enrolments and of an agent's keys."""

    def __init__(self, agents: Agents, gate: Gate, access: Access, faults: Faults) -> None:
        self._agents = agents
        self._ledger = agents.ledger
        self._gate = gate
        self._access = access
        self._faults = faults
        self._throttle = Throttle()

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/v1/enrolments", self.enrol, methods=["POST"]),
            Route("/v1/agents/me/keys", self.keys, methods=["GET"]),
            Route("/v1/agents/me/keys", self.add_key, methods=["POST"]),
            Route("/v1/agents/me/keys/{kid}", self.end_key, methods=["DELETE"]),
        ]

    async def enrol(self, request: Request) -> Response:
        """A code against an agent: once, and the same answer again to the same key, for whom it was lost."""
        sender = request.client.host if request.client else "-"
        wait = self._throttle.seconds_to_wait(sender, self._faults.enrolment_tries)
        if wait:
            refusal = Refusal("rate-limited", "Too many enrolment codes were wrong.")
            return refusal.response({"Retry-After": str(wait)})
        body = await json_object(request)
        now = self._faults.now()
        key = _key_in(body)
        with self._ledger.transaction():
            row = code_row(self._ledger, body.get("enrolment_code"), now)
            if row is None or (row["used_at"] and row["kid"] != key.kid):
                self._throttle.failed(sender)
                raise Refusal("enrolment-code-rejected", REJECTED)
            self._prove(body, key, now)
            agent_id = row["agent_id"]
            if not row["used_at"]:
                name = body.get("agent_name") or row["name"]
                agent = self._agents.add(row["customer_number"], str(name)[:60], json.loads(row["scopes"]), now)
                agent_id = agent.agent_id
                register(self._ledger, agent_id, key, now, dt.timedelta(0))
                use_code(self._ledger, row["number"], agent_id, key.kid, now)
        return JSONResponse(self._enrolled(agent_id, key), status_code=200 if row["used_at"] else 201)

    def _enrolled(self, agent_id: str, key: PublicKey) -> dict[str, Any]:
        agent = self._agents.known(agent_id)
        if agent is None or agent.revoked_at is not None:
            raise Refusal("enrolment-code-rejected", REJECTED)
        return {
            "agent_id": agent.agent_id,
            "customer_number": agent.customer_number,
            "kid": key.kid,
            "token_audience": self._gate.audience,
            "scopes": self._agents.scopes(agent_id),
        }

    def _prove(self, body: dict[str, Any], key: PublicKey, now: dt.datetime) -> None:
        try:
            proven(self._ledger, body.get("proof"), key, self._gate.audiences, now)
        except AssertionRejected as error:
            raise Refusal("key-rejected", f"The proof does not hold: {error}") from None

    async def keys(self, request: Request) -> Response:
        """The agent's own keys, those that are over included."""
        agent = self._access.agent(request)
        return JSONResponse({"items": listed_keys(self._ledger, agent.agent_id)})

    async def add_key(self, request: Request) -> Response:
        """A key that replaces the one before, which goes on for the overlap."""
        agent = self._access.agent(request)
        body = await json_object(request)
        key, now = _key_in(body), self._faults.now()
        overlap = dt.timedelta(days=self._faults.key_overlap_days)
        with self._ledger.transaction():
            self._prove(body, key, now)
            fresh, shown = register(self._ledger, agent.agent_id, key, now, overlap)
        return JSONResponse(shown, status_code=201 if fresh else 200)

    async def end_key(self, request: Request) -> Response:
        """Ends one of the agent's own keys, and the tokens that came of it; never the last one that works."""
        agent = self._access.agent(request)
        kid, now = request.path_params["kid"], self._faults.now()
        with self._ledger.transaction():
            if kid not in [one["kid"] for one in listed_keys(self._ledger, agent.agent_id)]:
                raise Refusal("not-found", "The agent has no such key.")
            usable = [key.kid for key in usable_keys(self._ledger, agent.agent_id, now)]
            if usable == [kid]:
                raise Refusal("last-key", "This is the only key that works. Register another one first.")
            revoke_key(self._ledger, agent.agent_id, kid, now)
        self._gate.end(agent.agent_id, kid)
        return Response(status_code=204)


def _key_in(body: dict[str, Any]) -> PublicKey:
    name = body.get("agent_name")
    if not isinstance(name, str | None):
        raise Refusal("malformed-request", "agent_name is no text.", errors=[error_at("/agent_name")])
    try:
        return public_key(body.get("public_key"))
    except ValueError as error:
        detail = str(error) if str(error).endswith(".") else "The numbers of the key make no key."
        raise Refusal("key-rejected", detail, errors=[error_at("/public_key", "key-rejected")]) from None

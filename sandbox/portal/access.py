"""Access to the portal: client credentials for tokens, and who may do what with them."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.portal.areas import AREAS
from sandbox.portal.bodies import MAX_BODY, octets
from sandbox.portal.faults import Faults
from sandbox.portal.ledger import Ledger
from sandbox.portal.moments import stamp
from sandbox.portal.problems import Refusal
from sandbox.portal.tokens import Gate

MAX_FORM = 4096
RETENTION_DAYS = 3650  # references and keys are never forgotten; this is what is promised
OUR_AGENT = re.compile(r"meter-agent/(\d{1,6})\.(\d{1,6})\.(\d{1,6})")


class Access:
    """Tokens and rights, for the other resources and as resources themselves."""

    def __init__(self, ledger: Ledger, gate: Gate, faults: Faults) -> None:
        self._ledger = ledger
        self._gate = gate
        self._faults = faults

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/v1/oauth2/token", self.token, methods=["POST"]),
            Route("/v1/health", self.health),
            Route("/v1/agents/me", self.me),
        ]

    def agent(self, request: Request, scope: str | None = None) -> str:
        """The agent behind a request, if the key user has unlocked `scope` for it. Raises `Refusal`."""
        grant = self._gate.grant(request.headers.get("Authorization"))
        self._check_version(request)
        unlocked = self._ledger.scopes(grant.agent_id)
        if scope and (scope not in unlocked or (grant.scopes is not None and scope not in grant.scopes)):
            detail = f"The key user has not unlocked the area: {AREAS[scope]}."
            raise Refusal("scope-not-unlocked", detail, area=scope, area_title=AREAS[scope])
        return grant.agent_id

    def _check_version(self, request: Request) -> None:
        said = OUR_AGENT.match(request.headers.get("User-Agent", ""))
        least = self._faults.minimum_agent_version
        if said and tuple(map(int, said.groups())) < tuple(map(int, least.split("."))):
            raise Refusal("agent-too-old", f"At least version {least} is needed.", minimum_agent_version=least)

    async def token(self, request: Request) -> Response:
        """RFC 6749 section 4.4; refusals are those of section 5.2."""
        form = parse_qs((await octets(request, MAX_FORM)).decode("ascii", "replace"))
        agent = self._gate.client(request.headers.get("Authorization"))
        if agent is None:
            return _no_token("invalid_client", "Client id or secret is wrong.", 401)
        if form.get("grant_type") != ["client_credentials"]:
            return _no_token("unsupported_grant_type", "Only client_credentials is known here.")
        wanted = frozenset(" ".join(form.get("scope", [])).split())
        if not wanted <= AREAS.keys():
            return _no_token("invalid_scope", f"The areas are {', '.join(AREAS)}.")
        token = self._gate.token(agent, wanted or None, self._faults.token_seconds)
        granted = [scope for scope in self._ledger.scopes(agent) if not wanted or scope in wanted]
        answer = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": max(int(self._faults.token_seconds), 1),
            "scope": " ".join(granted),
        }
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def health(self, request: Request) -> Response:
        """No authorisation, no data."""
        return JSONResponse({"status": "ok"})

    async def me(self, request: Request) -> Response:
        """Who the agent is and what it may do."""
        grant = self._gate.grant(request.headers.get("Authorization"))
        agent = self.agent(request)
        limits = {
            "batch_max_items": self._faults.batch_max_items,
            "body_max_bytes": MAX_BODY,
            "reading_future_tolerance_s": self._faults.future_tolerance_seconds,
            "idempotency_retention_days": RETENTION_DAYS,
        }
        unlocked = self._ledger.scopes(agent)
        answer = {
            "agent_id": agent,
            "customer_number": self._ledger.customer,
            "scopes": [scope for scope in unlocked if grant.scopes is None or scope in grant.scopes],
            "server_time": stamp(self._faults.now()),
            "limits": limits,
            "minimum_agent_version": self._faults.minimum_agent_version,
        }
        return JSONResponse(answer)


def _no_token(error: str, description: str, status: int = 400) -> Response:
    headers = {"Cache-Control": "no-store", **({"WWW-Authenticate": 'Basic realm="portal"'} if status == 401 else {})}
    return JSONResponse({"error": error, "error_description": description}, status_code=status, headers=headers)

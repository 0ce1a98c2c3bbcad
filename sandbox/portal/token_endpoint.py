"""The token endpoint (RFC 6749 section 4.4): a client assertion, or client id and secret, against a short token."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.portal.agents import Agents
from sandbox.portal.areas import AREAS
from sandbox.portal.assertions import TYPE, AssertionRejected, check, use_once
from sandbox.portal.bodies import octets
from sandbox.portal.faults import Faults
from sandbox.portal.jose import Token, token_of
from sandbox.portal.keys import usable_keys
from sandbox.portal.problems import TYPES
from sandbox.portal.tokens import Gate

MAX_FORM = 16 * 1024
FORM = "application/x-www-form-urlencoded"


class NoToken(Exception):
    """A refusal by RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str, problem: str | None = None) -> None:
        super().__init__(description)
        self.error = error
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Client:
    """Who has proven to be which agent; `kid` is the key that did it, None for the client secret."""

    agent_id: str
    kid: str | None


class TokenEndpoint:
    """The handler of /v1/oauth2/token."""

    def __init__(self, agents: Agents, gate: Gate, faults: Faults) -> None:
        self._agents = agents
        self._gate = gate
        self._faults = faults

    def routes(self) -> list[Route]:
        """The route."""
        return [Route("/v1/oauth2/token", self.token, methods=["POST"])]

    async def token(self, request: Request) -> Response:
        """A token, or a refusal in OAuth's own words."""
        body = await octets(request, MAX_FORM)
        try:
            return self._granted(request, _form(request, body))
        except NoToken as refusal:
            return _refused(refusal)

    def _granted(self, request: Request, form: dict[str, str]) -> Response:
        client = self._client(request.headers.get("Authorization"), form)
        if form.get("grant_type") != "client_credentials":
            raise NoToken("unsupported_grant_type", "Only client_credentials is known here.")
        wanted = frozenset(form.get("scope", "").split())
        if not wanted <= AREAS.keys():
            raise NoToken("invalid_scope", f"The areas are {', '.join(AREAS)}.")
        with self._agents.ledger.transaction():
            self._agents.saw(client.agent_id, request.headers.get("User-Agent", ""), self._faults.now())
        token = self._gate.token(client.agent_id, wanted or None, self._faults.token_seconds, client.kid)
        granted = [scope for scope in self._agents.scopes(client.agent_id) if not wanted or scope in wanted]
        answer = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": max(int(self._faults.token_seconds), 1),
            "scope": " ".join(granted),
        }
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    def _client(self, authorization: str | None, form: dict[str, str]) -> Client:
        """Who asks, by exactly one of the two ways."""
        if (authorization or "").lower().startswith("basic ") and "client_assertion" in form:
            raise NoToken("invalid_request", "A client proves who it is in one way, not in two.")
        if "client_assertion" in form:
            client = self._by_assertion(form)
        else:
            client = Client(self._gate.client(authorization) or "", None)
        agent = self._agents.known(client.agent_id)
        if agent is None or agent.revoked_at is not None:
            raise NoToken("invalid_client", "Client id or secret is wrong, or the client is revoked.")
        return client

    def _by_assertion(self, form: dict[str, str]) -> Client:
        try:
            token = _read(form)
            return self._checked(token, str(token.claims.get("sub")))
        except AssertionRejected as error:
            problem = f"{TYPES}client-assertion-rejected"
            raise NoToken("invalid_client", f"The client assertion is rejected: {error}", problem) from error

    def _checked(self, token: Token, agent_id: str) -> Client:
        now, ledger = self._faults.now(), self._agents.ledger
        keys = usable_keys(ledger, agent_id, now) if agent_id.isascii() else []
        check(token, keys, agent_id, self._gate.audiences, now)
        with ledger.transaction():
            use_once(ledger, token, now)
        kid = next(key.kid for key in keys if token.is_signed_by(key))
        return Client(agent_id, kid)


def _read(form: dict[str, str]) -> Token:
    if form.get("client_assertion_type") != TYPE:
        raise AssertionRejected(f"client_assertion_type is not {TYPE}.")
    try:
        token = token_of(form["client_assertion"])
    except ValueError as error:
        raise AssertionRejected(str(error)) from error
    if form.get("client_id", token.claims.get("sub")) != token.claims.get("sub"):
        raise AssertionRejected("client_id is not who the assertion is about.")
    return token


def _form(request: Request, body: bytes) -> dict[str, str]:
    """The form's fields, each given once (RFC 6749 section 3.2)."""
    if request.headers.get("Content-Type", FORM).partition(";")[0].strip().lower() != FORM:
        raise NoToken("invalid_request", f"The body is to be {FORM}.")
    try:
        fields = parse_qs(body.decode("ascii", "replace"), max_num_fields=20)
    except ValueError:
        raise NoToken("invalid_request", "The form has too many fields.") from None
    if any(len(values) > 1 for values in fields.values()):
        raise NoToken("invalid_request", "A field is given twice.")
    return {name: values[0] for name, values in fields.items()}


def _refused(refusal: NoToken) -> Response:
    status = 401 if refusal.error == "invalid_client" else 400
    headers = {"Cache-Control": "no-store", **({"WWW-Authenticate": 'Basic realm="portal"'} if status == 401 else {})}
    answer = {"error": refusal.error, "error_description": str(refusal)}
    if refusal.problem:
        answer["error_uri"] = refusal.problem
    return JSONResponse(answer, status_code=status, headers=headers)

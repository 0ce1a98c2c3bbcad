"""The portal as one ASGI application: its resources together, and every error as a problem document."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.portal.access import Access
from sandbox.portal.admin import Admin
from sandbox.portal.agents import Agents
from sandbox.portal.desk import Desk
from sandbox.portal.documents import Documents
from sandbox.portal.enrolment import Enrolment
from sandbox.portal.equipments import Equipments
from sandbox.portal.faults import Faults
from sandbox.portal.ledger import Ledger
from sandbox.portal.pages.site import Site
from sandbox.portal.problems import Refusal
from sandbox.portal.token_endpoint import TokenEndpoint
from sandbox.portal.tokens import Gate

CONTRACT = Path(__file__).with_name("openapi.yaml")
REASONS = {
    404: ("not-found", "There is nothing at this address."),
    405: ("method-not-allowed", "Not with this method."),
}


def portal_routes(ledger: Ledger, gate: Gate, faults: Faults) -> list[Route]:
    """The routes that `openapi.yaml` describes."""
    agents = Agents(ledger)
    access = Access(agents, gate, faults)
    resources = (
        access,
        TokenEndpoint(agents, gate, faults),
        Enrolment(agents, gate, access, faults),
        Equipments(agents, access, faults),
        Documents(agents, access, faults),
        Desk(agents, access, faults),
    )
    return [route for resource in resources for route in resource.routes()]


def portal(ledger: Ledger, gate: Gate, faults: Faults, *, secure: bool = True) -> Starlette:
    """The application: the contract's routes and the contract, the key user's pages, the sandbox's admin.

    `secure` says that it is served over TLS, so that the pages' cookies can be bound to that.
    """
    agents = Agents(ledger)
    routes = [
        *portal_routes(ledger, gate, faults),
        Route("/openapi.yaml", _contract),
        *Site(agents, gate, faults, secure=secure).routes(),
        *Admin(agents, gate, faults).routes(),
    ]
    handlers = {Refusal: _refused, HTTPException: _not_served, ClientDisconnect: _gone, Exception: _broken}
    return Starlette(routes=routes, exception_handlers=handlers)


async def _contract(request: Request) -> Response:
    """The contract file; RFC 9512 names its media type."""
    return Response(CONTRACT.read_bytes(), media_type="application/yaml")


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):
        raise error
    return error.response({"WWW-Authenticate": 'Bearer realm="portal"'} if error.status == 401 else None)


async def _not_served(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    slug, detail = REASONS.get(error.status_code, ("malformed-request", error.detail))
    headers = dict(error.headers or {})
    if error.status_code == 405:  # starlette names the methods of one of several routes
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return Refusal(slug, detail).response(headers)


def _methods(request: Request) -> set[str]:
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    return {method for route in routes if route.path_regex.match(request.url.path) for method in route.methods or ()}


async def _gone(request: Request, error: Exception) -> Response:
    """The client has hung up in the middle of its request: nobody reads this."""
    return Response(status_code=400)


async def _broken(request: Request, error: Exception) -> Response:
    return Refusal("internal-error", "The portal has a fault of its own.").response()

"""Answers that do not arrive as they should: late, cut, truncated, dripping. ASGI outside the portal's routes."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from sandbox.portal.faults import MIXED, Fault, Faults
from sandbox.portal.problems import Refusal, problem_response

PIECE = 16  # bytes of a slow body at a time
GATEWAY = (502, 504)  # said by what stands in front of a portal, which knows nothing of problem documents
_open: dict[tuple[str, int], asyncio.Transport] = {}


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which remembers its connections so that one can be cut."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own narrowing
        """Remembers the connection by the client's address."""
        super().connection_made(transport)
        if self.client:
            _open[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets it."""
        if self.client:
            _open.pop(self.client, None)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Ends an idle connection at once: the polite way waits for a client that may have forgotten it."""
        idle = _idle(self.cycle)
        super().shutdown()
        if idle:
            self.transport.abort()


def _idle(cycle: RequestResponseCycle | None) -> bool:
    return cycle is None or cycle.response_complete


class Unreliable:
    """Wraps the portal: applies the fault that strikes a request."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = scope.get("path", "")
        fault = None
        if scope["type"] == "http" and path.startswith("/v1/"):
            fault = self._faults.striking(scope["method"], path)
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._struck(fault, scope, receive, send)

    async def _struck(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
        elif fault.kind == "error-before":
            await _error(fault)(scope, receive, send)
        elif fault.kind == "web-page":
            page = "<!DOCTYPE html><title>Anmeldung</title><p>Bitte melden Sie sich am Netzwerk an."
            await HTMLResponse(page)(scope, receive, send)
        elif fault.kind == "cut-before":
            await _cut(scope, receive)
        elif fault.kind in ("mixed", "mixed-after"):
            await self._app({**scope, MIXED: fault}, receive, send)
        elif fault.kind == "deprecated":
            await self._app(scope, receive, _with_headers(send, _deprecation(fault)))
        else:
            answer = _Kept()
            await self._app(scope, receive, answer.send)
            await _spoiled(fault, answer, scope, receive, send)


class _Kept:
    """An answer that is held instead of sent."""

    def __init__(self) -> None:
        self.start: Message = {}
        self.body = b""

    async def send(self, part: Message) -> None:
        if part["type"] == "http.response.start":
            self.start = part
        else:
            self.body += part.get("body", b"")


async def _spoiled(fault: Fault, answer: _Kept, scope: Scope, receive: Receive, send: Send) -> None:
    """The portal has done its work and committed it; the answer does not come through as it should."""
    if fault.kind == "error-after":
        await _error(fault)(scope, receive, send)
    elif fault.kind == "cut-after":
        await _cut(scope, receive)
    elif fault.kind == "wrong-json":
        await _sent(send, answer.start, b'{"items": [{"surprise":')
    elif fault.kind == "wrong-shape":
        await _sent(send, answer.start, b'{"surprise": [1, null, {"items": {}}]}')
    elif fault.kind == "shuffled":
        await _sent(send, answer.start, _shuffled(answer.body))
    elif fault.kind == "latency-after":
        await asyncio.sleep(fault.seconds)
        await _sent(send, answer.start, answer.body)
    elif fault.kind == "slow-body":
        await send(answer.start)
        for at in range(0, len(answer.body), PIECE):
            await send({"type": "http.response.body", "body": answer.body[at : at + PIECE], "more_body": True})
            await asyncio.sleep(fault.seconds)
        await send({"type": "http.response.body", "body": b""})
    else:  # truncated: the length says more than comes
        await send(answer.start)
        await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
        await asyncio.sleep(0.05)
        await _cut(scope, receive)


def _shuffled(body: bytes) -> bytes:
    """The answer with its items the other way round."""
    try:
        content = json.loads(body)
    except ValueError:
        return body
    if isinstance(content, dict) and isinstance(content.get("items"), list):
        content["items"].reverse()
    return json.dumps(content).encode()


def _deprecation(fault: Fault) -> dict[str, str]:
    """Deprecation (RFC 9745), Sunset (RFC 8594) and where to read about it."""
    now = dt.datetime.now(dt.UTC)
    return {
        "Deprecation": f"@{int(now.timestamp()) - 86_400}",
        "Sunset": format_datetime(now + dt.timedelta(days=fault.days), usegmt=True),
        "Link": '<https://portal.example/deprecation>; rel="deprecation"; type="text/html"',
    }


def _with_headers(send: Send, extra: Mapping[str, str]) -> Send:
    async def sending(part: Message) -> None:
        if part["type"] == "http.response.start":
            added = [(name.lower().encode(), value.encode("latin-1")) for name, value in extra.items()]
            part = {**part, "headers": [*part["headers"], *added]}
        await send(part)

    return sending


async def _sent(send: Send, start: Message, body: bytes) -> None:
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    length = [] if start["status"] == 304 else [(b"content-length", str(len(body)).encode())]
    await send({**start, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": b"" if start["status"] == 304 else body})


def _error(fault: Fault) -> Response:
    slug, status = fault.problem()
    headers = fault.wait_header(dt.datetime.now(dt.UTC))
    if status in GATEWAY:
        return HTMLResponse("<!DOCTYPE html><title>Bad gateway</title>", status_code=status, headers=headers)
    document = Refusal(slug, "A fault switch is on.").document()
    return problem_response(
        {**document, "status": status, "retryable": document["retryable"] or status >= 500}, headers
    )


async def _cut(scope: Scope, receive: Receive) -> None:
    """Closes the connection without another byte, and waits until it is gone."""
    client: Any = scope.get("client")
    transport = _open.get(tuple(client)) if client else None
    if transport is not None:
        transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass

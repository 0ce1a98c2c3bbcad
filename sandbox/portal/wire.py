"""Answers that do not arrive as they should: late, cut, truncated, dripping. ASGI outside the portal's routes."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.portal.faults import Fault, Faults
from sandbox.portal.problems import Refusal

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


class Unreliable:
    """Wraps the portal: applies the fault that strikes a request."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        path = scope.get("path", "")
        fault = self._faults.striking(path) if scope["type"] == "http" and not path.startswith("/admin") else None
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await self._struck(fault, scope, receive, send)

    async def _struck(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
            await self._app(scope, receive, send)
        elif fault.kind == "error-before":
            await _error(fault, scope, receive, send)
        elif fault.kind == "cut-before":
            _cut(scope)
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
    """The portal has done its work; the answer does not come through as it should."""
    if fault.kind == "error-after":
        await _error(fault, scope, receive, send)
    elif fault.kind == "cut-after":
        _cut(scope)
    elif fault.kind == "wrong-json":
        await _sent(send, answer.start, b'{"items": [{"surprise":')
    elif fault.kind == "slow-body":
        await send(answer.start)
        for at in range(0, len(answer.body), 16):
            await send({"type": "http.response.body", "body": answer.body[at : at + 16], "more_body": True})
            await asyncio.sleep(fault.seconds)
        await send({"type": "http.response.body", "body": b""})
    else:  # truncated: the length says more than comes
        await send(answer.start)
        await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
        await asyncio.sleep(0.05)
        _cut(scope)


async def _sent(send: Send, start: Message, body: bytes) -> None:
    headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    await send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


async def _error(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    slug = {429: "rate-limited", 503: "maintenance"}.get(fault.status, "internal-error")
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else None
    response = Refusal(slug, "A fault switch is on.").response(headers)
    response.status_code = fault.status
    await response(scope, receive, send)


def _cut(scope: Scope) -> None:
    """Closes the connection without another byte."""
    client: Any = scope.get("client")
    transport = _open.get(tuple(client)) if client else None
    if transport is not None:
        transport.abort()

"""What every answer carries and every request is measured by: Date, X-Flow-ID, RateLimit; and a record of both.

ASGI around the whole portal, outside the fault switches.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable
from email.utils import format_datetime
from pathlib import Path
from typing import IO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.portal.faults import Faults
from sandbox.portal.problems import Refusal

FLOW_ID = re.compile(r"[A-Za-z0-9_.:+/=-]{1,128}")
# Told in the record; never who asks with which secret.
RECORDED = ("user-agent", "accept", "content-type", "idempotency-key", "if-match", "if-none-match", "x-flow-id")
SECRET_BODIES = ("/v1/oauth2/token", "/v1/enrolments")
MOST_RECORDED = 256 * 1024  # octets of a body


class Quota:
    """Requests of one sender in one window of time (draft-ietf-httpapi-ratelimit-headers)."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._counts: dict[str, int] = {}
        self._ends = 0.0

    def taken(self, sender: str) -> dict[str, str] | None:
        """The RateLimit headers of an answer to this sender, after counting its request; None without a limit."""
        most, window = self._faults.rate_limit, self._faults.rate_limit_seconds
        if most is None:
            return None
        now = time.monotonic()
        if now >= self._ends:
            self._counts, self._ends = {}, now + window
        count = self._counts[sender] = self._counts.get(sender, 0) + 1
        reset = max(int(self._ends - now) + 1, 1)
        headers = {
            "RateLimit-Policy": f'"default";q={most};w={window}',
            "RateLimit": f'"default";r={max(most - count, 0)};t={reset}',
        }
        return headers if count <= most else {**headers, "Retry-After": str(reset)}


class Gateway:
    """Wraps the portal with its faults."""

    def __init__(self, app: ASGIApp, faults: Faults, record: Path | None = None) -> None:
        self._app = app
        self._faults = faults
        self._quota = Quota(faults)
        self._record: IO[str] | None = record.open("a", encoding="utf-8", buffering=1) if record else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        flow = asked.get("x-flow-id", "")
        extra = {
            "Date": format_datetime(self._faults.now(), usegmt=True),
            "X-Flow-ID": flow if FLOW_ID.fullmatch(flow) else secrets.token_hex(8),
        }
        limited = None
        if scope["path"].startswith("/v1/"):
            limited = self._quota.taken(_sender(scope, asked))
            extra |= limited or {}
        exchange = _Exchange(scope, asked, receive, send, extra, self._told)
        if limited and "Retry-After" in limited:
            answer = Refusal("rate-limited", "Too many requests; see Retry-After.").response()
            await answer(scope, exchange.receive, exchange.send)
        else:
            await self._app(scope, exchange.receive, exchange.send)
        exchange.tell()  # also of a connection that was cut

    def _told(self, exchange: _Exchange) -> None:
        if self._record and exchange.path.startswith("/v1/"):
            self._record.write(json.dumps(exchange.told()) + "\n")


class _Exchange:
    """One request and its answer, passing through."""

    def __init__(
        self,
        scope: Scope,
        asked: dict[str, str],
        receive: Receive,
        send: Send,
        extra: dict[str, str],
        record: Callable[[_Exchange], None],
    ) -> None:
        self.path: str = scope["path"]
        self._scope, self._asked = scope, asked
        self._record: Callable[[_Exchange], None] | None = record
        self._receive, self._send = receive, send
        self._extra = [(name.lower().encode(), value.encode("latin-1")) for name, value in extra.items()]
        self._body = b""
        self._read = False
        self._status: int | None = None

    async def receive(self) -> Message:
        part = await self._receive()
        if part["type"] == "http.request" and len(self._body) < MOST_RECORDED:
            self._body += part.get("body", b"")
            self._read = not part.get("more_body", False)
        return part

    async def send(self, part: Message) -> None:
        if part["type"] == "http.response.start":
            self._status = part["status"]
            given = {name.lower() for name, _ in part["headers"]}
            extra = [(name, value) for name, value in self._extra if name not in given]
            part = {**part, "headers": [*part["headers"], *extra]}
        elif not part.get("more_body", False):
            self.tell()  # before whoever asked knows the end, and looks into the record
        await self._send(part)

    def tell(self) -> None:
        """Writes the line of the record, once."""
        record, self._record = self._record, None
        if record is not None:
            record(self)

    def told(self) -> dict[str, object]:
        """The line of the record; `body` is null where it holds secrets, is too long or was not read to its end."""
        hidden = self._scope["path"] in SECRET_BODIES or not self._read
        return {
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "method": self._scope["method"],
            "path": self._scope["path"],
            "query": self._scope["query_string"].decode("latin-1"),
            "headers": {name: self._asked[name] for name in RECORDED if name in self._asked},
            "body": None if hidden else self._body.decode("utf-8", "replace"),
            "status": self._status,
        }


def _sender(scope: Scope, asked: dict[str, str]) -> str:
    token = asked.get("authorization", "")
    return hashlib.sha256(token.encode()).hexdigest() if token else str((scope.get("client") or "-")[0])

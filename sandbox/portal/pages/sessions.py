"""Who is signed in to the pages: sessions in memory, a cookie that scripts and other sites cannot use, form tokens."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

LIFETIME = 8 * 3600.0  # seconds
MOST_SESSIONS = 100
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(slots=True)
class Session:
    """A signed-in key user. `notice` is shown on the next page, once."""

    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    until: float = field(default_factory=lambda: time.monotonic() + LIFETIME)
    notice: tuple[str, str] | None = None

    def is_own_form(self, token: str) -> bool:
        """Whether a form carries this session's token."""
        return secrets.compare_digest(self.csrf.encode(), token.encode("utf-8", "replace"))


class Sessions:
    """All sessions; they end with the process. `secure` binds the cookie to TLS and to this host."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._cookie = "__Host-portal" if secure else "portal"
        self._open: dict[str, Session] = {}

    def of(self, request: Request) -> Session | None:
        """The session behind a request."""
        session = self._open.get(_hash(request.cookies.get(self._cookie, "")))
        return session if session is not None and session.until > time.monotonic() else None

    def start(self, response: Response) -> None:
        """A new session; the answer carries its cookie."""
        now = time.monotonic()
        self._open = {key: one for key, one in self._open.items() if one.until > now}
        while len(self._open) >= MOST_SESSIONS:
            del self._open[next(iter(self._open))]
        name = secrets.token_urlsafe(32)
        self._open[_hash(name)] = Session()
        response.set_cookie(
            self._cookie, name, path="/", secure=self._secure, httponly=True, samesite="strict", max_age=int(LIFETIME)
        )

    def end(self, request: Request, response: Response) -> None:
        """Ends the session behind a request."""
        self._open.pop(_hash(request.cookies.get(self._cookie, "")), None)
        response.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="strict")


def is_known_host(request: Request) -> bool:
    """Whether the pages were asked for by a name of this machine: another name that leads here is somebody's trick."""
    host = urlsplit(f"//{request.headers.get('Host', '')}").hostname
    server = request.scope.get("server") or ("",)
    return host in LOOPBACK or host == server[0]


def is_same_site(request: Request) -> bool:
    """Whether a form was sent from these pages, as far as the browser tells (Origin, Sec-Fetch-Site)."""
    origin, fetched = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if fetched not in (None, "same-origin", "none"):
        return False
    return origin is None or urlsplit(origin).netloc == request.headers.get("Host", "")


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()

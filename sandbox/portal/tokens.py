"""Who asks: the agent's client id and secret, short-lived access tokens, and the admin of the sandbox."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from sandbox.portal.keepsakes import kept_secret
from sandbox.portal.problems import Refusal

CLIENT_ID = "agent-sandbox"
TOKEN_PATH = "/v1/oauth2/token"  # noqa: S105  an address
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token stands for. `scopes` is None when the agent asked for no part of its rights in particular; `kid` is
    the key that it was asked with, None for the client secret.
    """

    agent_id: str
    scopes: frozenset[str] | None
    kid: str | None
    until: float


class Gate:
    """Secrets live in files of mode 0600; tokens live in memory, hashed, and die with the process.

    `audiences` are what a client assertion may be meant for: the token endpoint under every name that it has. The one
    that is told to agents stays the same wherever the portal listens.
    """

    def __init__(self, data: Path, url: str = "https://localhost") -> None:
        self.secret_file = data / "client-secret"
        self.admin_file = data / "admin-token"
        self.key_user_file = data / "key-user-password"
        self.audience = f"https://portal.example{TOKEN_PATH}"
        self.audiences = frozenset({self.audience, *(f"{name}{TOKEN_PATH}" for name in _names_of(url))})
        self._key_user = kept_secret(self.key_user_file)
        self._secret = kept_secret(self.secret_file)
        self._admin = kept_secret(self.admin_file)
        self._grants: dict[str, Grant] = {}

    def client(self, authorization: str | None) -> str | None:
        """The agent with these HTTP Basic credentials (RFC 6749 section 2.3.1); None when they are wrong."""
        kind, _, encoded = (authorization or "").partition(" ")
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        right = secrets.compare_digest(secret.encode(), self._secret.encode())
        return name if kind.lower() == "basic" and name == CLIENT_ID and right else None

    def token(self, agent: str, scopes: frozenset[str] | None, seconds: float, kid: str | None = None) -> str:
        """A new access token, good for this many seconds."""
        token = secrets.token_urlsafe(32)
        now = time.monotonic()
        self._grants = {known: grant for known, grant in self._grants.items() if grant.until > now}
        self._grants[_hash(token)] = Grant(agent, scopes, kid, now + seconds)
        return token

    def grant(self, authorization: str | None) -> Grant:
        """What a bearer token stands for; raises `Refusal`."""
        kind, _, token = (authorization or "").partition(" ")
        grant = self._grants.get(_hash(token))
        if kind.lower() != "bearer" or grant is None or grant.until <= time.monotonic():
            raise Refusal("token-invalid", "The access token is missing, unknown or expired.")
        return grant

    def expire_tokens(self) -> int:
        """Makes every token invalid at once; how many there were."""
        count = len(self._grants)
        self._grants.clear()
        return count

    def end(self, agent_id: str, kid: str | None = None) -> None:
        """Makes an agent's tokens invalid at once; with `kid` only those that were asked with this key."""
        self._grants = {
            known: grant
            for known, grant in self._grants.items()
            if grant.agent_id != agent_id or kid not in (None, grant.kid)
        }

    def is_key_user(self, password: str) -> bool:
        """Whether this is the key user's password."""
        return secrets.compare_digest(password.encode("utf-8", "replace"), self._key_user.encode())

    def is_admin(self, authorization: str | None) -> bool:
        """Whether this is the sandbox's admin."""
        return secrets.compare_digest((authorization or "").encode(), f"Bearer {self._admin}".encode())


def _names_of(url: str) -> list[str]:
    scheme, _, place = url.partition("://")
    port = place.rpartition(":")[2]
    return [url, *(f"{scheme}://{name}:{port}" for name in LOOPBACK if port.isdigit())]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""Who asks: the agent's client id and secret, short-lived access tokens, and the admin of the sandbox."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
import time
from pathlib import Path

from sandbox.portal.problems import Refusal

CLIENT_ID = "agent-sandbox"


class Gate:
    """Secrets live in files of mode 0600; tokens live in memory, hashed, and die with the process."""

    def __init__(self, data: Path) -> None:
        self.secret_file = data / "client-secret"
        self.admin_file = data / "admin-token"
        self._secret = _kept(self.secret_file)
        self._admin = _kept(self.admin_file)
        self._tokens: dict[str, float] = {}

    def token(self, authorization: str | None, seconds: float) -> str | None:
        """A new access token for HTTP Basic client credentials; None when they are wrong."""
        if self._client(authorization) is None:
            return None
        token = secrets.token_urlsafe(32)
        now = time.monotonic()
        self._tokens = {known: until for known, until in self._tokens.items() if until > now}
        self._tokens[_hash(token)] = now + seconds
        return token

    def agent(self, authorization: str | None) -> str:
        """The agent behind a bearer token; raises `Refusal`."""
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() != "bearer" or self._tokens.get(_hash(token), 0.0) <= time.monotonic():
            raise Refusal("token-invalid", "The access token is missing, unknown or expired.")
        return CLIENT_ID

    def is_admin(self, authorization: str | None) -> bool:
        """Whether this is the sandbox's admin."""
        return secrets.compare_digest((authorization or "").encode(), f"Bearer {self._admin}".encode())

    def _client(self, authorization: str | None) -> str | None:
        kind, _, encoded = (authorization or "").partition(" ")
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        right = secrets.compare_digest(secret.encode(), self._secret.encode())
        return name if kind.lower() == "basic" and name == CLIENT_ID and right else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _kept(file: Path) -> str:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32))
    return file.read_text().strip()

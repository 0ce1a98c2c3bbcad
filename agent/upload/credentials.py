"""How the agent proves to the portal who it is: by a key of its own (RFC 7523), or by client id and secret."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agent.errors import CredentialsRejected, SecretError
from agent.secrets import Secret, Secrets
from agent.texts import Message, message

if TYPE_CHECKING:
    from agent.upload.keys import AgentKey, KeyKind

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFE = 60  # seconds that an assertion is good for
GRANT = {"grant_type": "client_credentials"}


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What the token endpoint is asked with: the form, and for HTTP Basic the name and the secret."""

    form: dict[str, str]
    basic: tuple[str, Secret] | None = None


class Credentials(Protocol):
    """Owes: what it needs is read anew for every request, so that a changed secret or key counts at once."""

    @property
    def agent_id(self) -> str:
        """Who the agent is to the portal."""

    @property
    def way(self) -> Message:
        """In one sentence by what it proves that."""

    def request(self, endpoint: str, now: float) -> TokenRequest:
        """A request for a token at `endpoint`; `now` is the portal's clock. Raises `SecretError`."""

    def rejected(self) -> CredentialsRejected:
        """What a person is told when the portal does not take it."""


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """Client id and secret."""

    agent_id: str
    secret: Callable[[], Secret]

    @property
    def way(self) -> Message:
        """In one sentence."""
        return message("It proves who it is by client id and password.")

    def request(self, endpoint: str, now: float) -> TokenRequest:
        """HTTP Basic (RFC 6749 section 2.3.1)."""
        return TokenRequest(GRANT, (self.agent_id, self.secret()))

    def rejected(self) -> CredentialsRejected:
        """What to do."""
        return CredentialsRejected(
            message("The portal does not accept this agent's client id and password."),
            message(
                "Check client_id in the section [portal], and store the password anew: meter-agent secret set portal"
            ),
        )


@dataclass(frozen=True, slots=True)
class Enrolled:
    """An agent that the portal knows by a key: its id, what assertions are meant for, and the key."""

    agent_id: str
    audience: str
    key: AgentKey

    def request(self, now: float) -> TokenRequest:
        """A client assertion, good once and for a minute."""
        said = assertion(self.key, self.agent_id, self.audience, now)
        return TokenRequest({**GRANT, "client_assertion_type": ASSERTION, "client_assertion": said})


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A key of the agent's own."""

    ring: KeyRing

    @property
    def agent_id(self) -> str:
        """Who the portal said that we are."""
        return self.ring.enrolled().agent_id

    @property
    def way(self) -> Message:
        """In one sentence."""
        return message("It proves who it is by a key of its own ({kid}).", kid=self.ring.enrolled().key.kid[:12])

    def request(self, endpoint: str, now: float) -> TokenRequest:
        """An assertion by the key that is stored now."""
        return self.ring.enrolled().request(now)

    def rejected(self) -> CredentialsRejected:
        """What to do."""
        return CredentialsRejected(
            message("The portal does not accept this agent's key."),
            message("Ask your key user for a new enrolment code, then: meter-agent enroll --replace"),
        )


def assertion(key: AgentKey, issuer: str, audience: str, now: float) -> str:
    """A signed statement of the key's owner, with a `jti` that was never used (RFC 7523 section 3)."""
    claims = {"iss": issuer, "sub": issuer, "aud": audience, "jti": uuid.uuid4().hex}
    return key.signed({**claims, "iat": int(now), "exp": int(now) + LIFE})


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The agent's key in the secret store, and beside it the next one until the portal has registered it.

    A new key is stored before the portal hears of it: a lost answer costs neither the key nor the code.
    """

    secrets: Secrets
    name: str

    @property
    def exists(self) -> bool:
        """Whether the agent was enrolled here."""
        return self.name in self.secrets.names()

    def enrolled(self) -> Enrolled:
        """The key in use; raises `SecretError`."""
        # Loaded only where there is a key, as below: the ciphers take a while to import.
        from agent.upload.keys import AgentKey

        try:
            kept = json.loads(self.secrets.get(self.name).reveal())
            return Enrolled(kept["agent_id"], kept["token_audience"], AgentKey.of(kept["private_key"]))
        except (ValueError, TypeError, KeyError):
            raise SecretError(
                message('The stored key "{name}" is no key of an agent.', name=self.name),
                message("Ask your key user for a new enrolment code, then: meter-agent enroll --replace"),
            ) from None

    def next(self, kind: KeyKind) -> AgentKey:
        """The key that waits for the portal, made now unless one is there."""
        from agent.upload.keys import AgentKey

        if self._next in self.secrets.names():
            try:
                return AgentKey.of(self.secrets.get(self._next).reveal())
            except ValueError:
                self.secrets.remove(self._next)
        key = AgentKey.made(kind)
        self.secrets.set(self._next, key.pem)
        return key

    def keep(self, enrolled: Enrolled) -> None:
        """From now on this is the key in use."""
        kept = {
            "agent_id": enrolled.agent_id,
            "token_audience": enrolled.audience,
            "private_key": enrolled.key.pem,
        }
        self.secrets.set(self.name, json.dumps(kept))
        self.secrets.remove(self._next)

    @property
    def _next(self) -> str:
        return f"{self.name}-next"

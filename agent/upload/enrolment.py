"""Enrolment: a one-time code against an agent with a key of its own, and later another key for the same agent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from agent.upload.call import Call
from agent.upload.credentials import Enrolled, KeyRing, assertion
from agent.upload.https import Connection, parsed
from agent.upload.keys import AgentKey, KeyKind
from agent.upload.refusals import error_of, unreadable
from agent.upload.wire import EnrolmentAnswer, KeyAnswer


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the portal made of a code."""

    agent_id: str
    customer_number: str
    rights: tuple[str, ...]
    kid: str


@dataclass(frozen=True, slots=True)
class Registrar:
    """Brings public keys to the portal. `now` is this machine's clock, seconds since 1970."""

    connection: Connection
    ring: KeyRing
    now: Callable[[], float] = time.time

    async def enrol(self, code: str, kind: KeyKind, name: str) -> Enrolment:
        """A new agent for this code, known by a key that is made here. Raises `PortalError`.

        Asked again with the same code after a lost answer, the portal gives the same one.
        """
        key = self.ring.next(kind)

        def call() -> Call:
            body = {"enrolment_code": code.strip(), "agent_name": name[:60], **self._shown(key)}
            return Call("POST", "enrolments", content=json.dumps(body).encode())

        response = await self.connection.exchange(call())
        if response.status_code == 422 and self.connection.learn_clock(response):
            response = await self.connection.exchange(call())
        if not response.is_success:
            raise error_of(response)
        said = parsed(response, EnrolmentAnswer)
        self.ring.keep(Enrolled(said.agent_id, said.token_audience, key))
        return Enrolment(said.agent_id, said.customer_number, tuple(said.scopes), key.kid)

    async def rotate(self, kind: KeyKind) -> str:
        """Another key for this agent; the thumbprint. The one before goes on for as long as the portal lets it.

        Raises `PortalError`; until the portal has registered the new key, the old one stays in use.
        """
        now, key = self.ring.enrolled(), self.ring.next(kind)
        response = await self.connection.send(self._registration(key))
        if response.status_code == 422 and self.connection.learn_clock(response):
            response = await self.connection.send(self._registration(key))
        if not response.is_success:
            raise error_of(response)
        if parsed(response, KeyAnswer).kid != key.kid:
            raise unreadable("another key was registered")
        self.ring.keep(Enrolled(now.agent_id, now.audience, key))
        return key.kid

    def _registration(self, key: AgentKey) -> Call:
        return Call("POST", "agents/me/keys", content=json.dumps(self._shown(key)).encode())

    def _shown(self, key: AgentKey) -> dict[str, object]:
        """The public part, and the proof that we have the private one."""
        now = self.now() + self.connection.clock_offset
        return {"public_key": key.jwk, "proof": assertion(key, key.kid, self.connection.token_endpoint, now)}

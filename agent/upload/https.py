"""One safe connection to the portal: TLS, token, checked answers; every failure of the way is a `PortalError`.

TLS is verified always; there is nothing to switch that off, and nothing is ever sent in plain text.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from agent.errors import PortalUntrusted
from agent.texts import message
from agent.upload.call import Call
from agent.upload.credentials import Credentials
from agent.upload.refusals import date_of, error_of, is_json, unreadable
from agent.upload.route import Route
from agent.upload.trust import tls_context
from agent.upload.wire import TokenAnswer

if TYPE_CHECKING:
    import httpx

    from agent.upload.transport import Transport

A = TypeVar("A", bound=BaseModel)
REFUSING = (400, 401, 403)  # of the token endpoint (RFC 6749 section 5.2)
MOST_SKEW = 5.0  # seconds; a clock that differs by more is believed to be the reason for a refusal


class Connection:
    """The only way to the portal. A token stays in memory; what it was asked with is read anew each time."""

    def __init__(self, route: Route, credentials: Credentials, agent_version: str) -> None:
        if not route.url.lower().startswith("https://"):
            raise PortalUntrusted(
                message("The portal address {url} is not https; nothing was sent.", url=route.url),
                message("Enter the address with https:// in the section [portal]."),
            )
        self._credentials = credentials
        self._token = ""
        self._token_until = 0.0
        self.token_endpoint = f"{route.url}/v1/oauth2/token"
        self.clock_offset = 0.0  # seconds that the portal's clock is ahead, once it was asked
        self.portal_ahead: int | None = None  # whole seconds, by the Date of its last answer
        self._route, self._agent_version = route, agent_version
        self._tls = tls_context(route.trust)  # a CA file that cannot be used is said before anybody is asked
        self._transport: Transport | None = None

    async def close(self) -> None:
        """Closes the connections."""
        if self._transport is not None:
            await self._transport.close()

    async def ask(self, call: Call, model: type[A]) -> A:
        """The answer to a call; raises the `PortalError` that a refusal means."""
        response = await self.send(call)
        if not response.is_success:
            raise error_of(response)
        return parsed(response, model)

    async def send(self, call: Call) -> httpx.Response:
        """The response to an authorised call, whatever it says; a token that has become invalid is renewed once."""
        for fresh in (False, True):
            bearer = {"Authorization": f"Bearer {await self._bearer(fresh=fresh)}"}
            response = await self.exchange(replace(call, headers={**call.headers, **bearer}))
            if response.status_code != HTTPStatus.UNAUTHORIZED:
                return response
        raise self._credentials.rejected()

    async def _bearer(self, *, fresh: bool) -> str:
        if fresh or time.monotonic() >= self._token_until:
            response = await self._ask_for_token()
            if response.status_code in REFUSING and self.learn_clock(response):
                response = await self._ask_for_token()
            if response.status_code in REFUSING:
                raise self._credentials.rejected()
            if not response.is_success:
                raise error_of(response)
            answer = parsed(response, TokenAnswer)
            self._token = answer.access_token
            self._token_until = time.monotonic() + max(answer.expires_in - 30, answer.expires_in / 2)
        return self._token

    async def _ask_for_token(self) -> httpx.Response:
        asked = self._credentials.request(self.token_endpoint, time.time() + self.clock_offset)
        basic = (asked.basic[0], asked.basic[1].reveal()) if asked.basic else None
        return await self.exchange(Call("POST", "oauth2/token", form=asked.form), basic)

    def learn_clock(self, response: httpx.Response) -> bool:
        """Whether the portal's clock is another one than was thought; from now on it is known.

        What we sign carries a time, and the portal judges that by its own clock.
        """
        told = date_of(response)
        offset = (told - datetime.now(UTC)).total_seconds() if told else self.clock_offset
        if abs(offset - self.clock_offset) <= MOST_SKEW:
            return False
        self.clock_offset = offset
        return True

    async def exchange(self, call: Call, basic: tuple[str, str] | None = None) -> httpx.Response:
        """One HTTP exchange with a bounded answer, without a token; `basic` are name and secret for HTTP Basic."""
        self.portal_ahead = None  # a clock may have been set since the last answer
        if self._transport is None:
            # Loaded with the first question: a service is ready before it has asked anybody, and sooner without.
            from agent.upload.transport import Transport

            self._transport = Transport(self._route, self._tls, self._agent_version, self._heard)
        return await self._transport.exchange(call, basic)

    def _heard(self, date: str | None) -> None:
        self.portal_ahead = clock_offset_of(date, datetime.now(UTC))


def clock_offset_of(told: str | None, now: datetime) -> int | None:
    """The seconds by which the sender's clock is ahead of ours, by its Date header (RFC 9110 section 6.6.1)."""
    try:
        moment = parsedate_to_datetime(told or "")
    except (ValueError, OverflowError):
        return None
    return round((moment - now).total_seconds()) if moment.tzinfo else None


def parsed(response: httpx.Response, model: type[A]) -> A:
    """The body as a checked model; raises `PortalUnavailable` when it is none."""
    if not is_json(response):
        raise unreadable("the answer is not JSON")
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "-"
        raise unreadable(f"{where}: {first['msg']}") from error

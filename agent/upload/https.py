"""One safe connection to the portal: TLS, token, bounded answers; every failure of the way becomes a `PortalError`.

TLS is verified always; there is nothing to switch that off, and nothing is ever sent in plain text.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from agent.errors import PortalError, PortalUnavailable, PortalUnreachable, PortalUntrusted
from agent.texts import message
from agent.upload.credentials import Credentials
from agent.upload.refusals import date_of, error_of, is_json
from agent.upload.route import Proxy, Route, Trust
from agent.upload.trust import connect_error, tls_context
from agent.upload.wire import TokenAnswer

A = TypeVar("A", bound=BaseModel)
MAX_ANSWER = 1024 * 1024  # bytes
# `timeout` is for every single wait. An answer that drips forever is given up after this many of them.
LONGEST_EXCHANGE = 5
REFUSING = (400, 401, 403)  # of the token endpoint (RFC 6749 section 5.2)
MOST_SKEW = 5.0  # seconds; a clock that differs by more is believed to be the reason for a refusal


@dataclass(frozen=True, slots=True)
class Call:
    """One request, relative to the portal's /v1/."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Connection:
    """The only way to the portal. A token stays in memory; what it was asked with is read anew each time."""

    def __init__(self, route: Route, credentials: Credentials, agent_version: str) -> None:
        if not route.url.lower().startswith("https://"):
            raise PortalUntrusted(
                message("The portal address {url} is not https; nothing was sent.", url=route.url),
                message("Enter the address with https:// in the section [portal]."),
            )
        self._credentials = credentials
        self._deadline = LONGEST_EXCHANGE * route.timeout
        self._token = ""
        self._token_until = 0.0
        self.token_endpoint = f"{route.url}/v1/oauth2/token"
        self.clock_offset = 0.0  # seconds that the portal's clock is ahead, once it was asked
        self.portal_ahead: int | None = None  # whole seconds, by the Date of its last answer
        self._client = httpx.AsyncClient(
            base_url=f"{route.url}/v1/",
            verify=tls_context(route.trust),
            timeout=route.timeout,
            proxy=_proxy(route.tunnel),
            trust_env=False,
            follow_redirects=False,
            headers={
                "User-Agent": f"meter-agent/{agent_version}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",  # a few bytes unpacked may become gigabytes
            },
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

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
            if response.status_code != httpx.codes.UNAUTHORIZED:
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
        basic = httpx.BasicAuth(asked.basic[0], asked.basic[1].reveal()) if asked.basic else None
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

    async def exchange(self, call: Call, auth: httpx.BasicAuth | None = None) -> httpx.Response:
        """One HTTP exchange with a bounded answer, without a token."""
        self.portal_ahead = None  # a clock may have been set since the last answer
        headers = dict(call.headers)
        if call.content is not None:
            headers["Content-Type"] = "application/json"
        try:
            request = self._client.build_request(
                call.method, call.path, params=call.params, content=call.content, data=call.form, headers=headers
            )
            async with asyncio.timeout(self._deadline):
                response = await self._client.send(request, stream=True, auth=auth)
                try:
                    self.portal_ahead = clock_offset_of(response.headers.get("Date"), datetime.now(UTC))
                    return await _read(response)
                finally:
                    await response.aclose()
        except httpx.ConnectError as error:
            raise left_nothing(connect_error(error) or broken("EOF")) from error
        except (httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise left_nothing(broken(type(error).__name__)) from error
        except httpx.ProxyError as error:
            raise proxy_refuses(str(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError) as error:
            raise broken(type(error).__name__) from error


def _proxy(proxy: Proxy | None) -> httpx.Proxy | None:
    """The proxy with its credentials; a proxy that is asked over TLS has to be trusted by the system."""
    if proxy is None:
        return None
    auth = (proxy.user, proxy.password.reveal()) if proxy.user is not None and proxy.password is not None else None
    return httpx.Proxy(
        proxy.url, auth=auth, ssl_context=tls_context(Trust()) if proxy.url.startswith("https") else None
    )


def clock_offset_of(told: str | None, now: datetime) -> int | None:
    """The seconds by which the sender's clock is ahead of ours, by its Date header (RFC 9110 section 6.6.1)."""
    try:
        moment = parsedate_to_datetime(told or "")
    except (ValueError, OverflowError):
        return None
    return round((moment - now).total_seconds()) if moment.tzinfo else None


async def _read(response: httpx.Response) -> httpx.Response:
    """The response with its whole body, which is not packed and not longer than `MAX_ANSWER`."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise unreadable("the answer is compressed")
    octets = bytearray()
    async for chunk in response.aiter_raw():
        octets += chunk
        if len(octets) > MAX_ANSWER:
            raise unreadable("the answer is too long")
    return httpx.Response(
        response.status_code, headers=response.headers, content=bytes(octets), request=response.request
    )


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


def left_nothing(error: PortalError) -> PortalError:
    """The error, of a connection that was never made: not one byte of the request has left."""
    error.took_nothing = True
    return error


def broken(why: str) -> PortalUnavailable:
    """The error for a connection that ended before the answer did."""
    return PortalUnavailable(
        message("The connection to the portal broke: {why}.", why=why),
        message("Nothing is lost; it is tried again. If it goes on, check the network and the proxy."),
    )


def proxy_refuses(why: str) -> PortalUnreachable:
    """The error for a proxy that makes no tunnel; nothing goes another way."""
    return PortalUnreachable(
        message("The proxy makes no connection to the portal: {why}.", why=why),
        message("Check proxy, proxy_user and proxy_secret in the section [portal], or ask your administrator."),
    )


def unreadable(why: str) -> PortalUnavailable:
    """The error for an answer that means nothing: no verdict, nothing is settled."""
    return PortalUnavailable(
        message("The portal's answer cannot be understood: {why}.", why=why),
        message("Nothing is lost; it is tried again. If it goes on, check that the address is the portal's."),
    )

"""HTTP to the portal: one request, one bounded answer; every failure of the way becomes a `PortalError`.

Alone at this connection in needing httpx, which takes longer to load than all the rest of it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import httpx

from agent.errors import PortalError, PortalUnavailable, PortalUnreachable
from agent.texts import message
from agent.upload.call import Call
from agent.upload.refusals import unreadable
from agent.upload.route import Proxy, Route, Trust
from agent.upload.trust import connect_error, tls_context

MAX_ANSWER = 1024 * 1024  # bytes
# `timeout` is for every single wait. An answer that drips forever is given up after this many of them.
LONGEST_EXCHANGE = 5


class Transport:
    """The open connections. `heard` is told the header Date of every answer as soon as it begins."""

    def __init__(
        self, route: Route, tls: ssl.SSLContext, agent_version: str, heard: Callable[[str | None], None]
    ) -> None:
        self._deadline = LONGEST_EXCHANGE * route.timeout
        self._heard = heard
        self._client = httpx.AsyncClient(
            base_url=f"{route.url}/v1/",
            verify=tls,
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

    async def exchange(self, call: Call, basic: tuple[str, str] | None = None) -> httpx.Response:
        """The answer to a call; `basic` are name and secret for HTTP Basic."""
        headers = dict(call.headers)
        if call.content is not None:
            headers["Content-Type"] = "application/json"
        try:
            request = self._client.build_request(
                call.method, call.path, params=call.params, content=call.content, data=call.form, headers=headers
            )
            async with asyncio.timeout(self._deadline):
                response = await self._client.send(request, stream=True, auth=basic)
                try:
                    self._heard(response.headers.get("Date"))
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

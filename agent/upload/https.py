"""One safe connection to the portal: TLS, token, bounded answers; every failure of the way becomes a `PortalError`.

TLS is verified always; there is nothing to switch that off, and nothing is ever sent in plain text.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import httpx
import truststore
from pydantic import BaseModel, ValidationError

from agent.errors import (
    ConfigError,
    CredentialsRejected,
    PortalError,
    PortalUnavailable,
    PortalUnreachable,
    PortalUntrusted,
)
from agent.secrets import Secret
from agent.texts import Message, message
from agent.upload.refusals import error_of, is_json
from agent.upload.wire import TokenAnswer

A = TypeVar("A", bound=BaseModel)
MAX_ANSWER = 1024 * 1024  # bytes
# `timeout` is for every single wait. An answer that drips forever is given up after this many of them.
LONGEST_EXCHANGE = 5


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
    """`url` is https; `secret` is revealed only to ask for a token, which stays in memory."""

    def __init__(
        self,
        url: str,
        client_id: str,
        secret: Secret,
        *,
        ca_file: Path | None,
        timeout: float,
        proxy: str | None,
        agent_version: str,
    ) -> None:
        if not url.lower().startswith("https://"):
            raise PortalUntrusted(
                message("The portal address {url} is not https; nothing was sent.", url=url),
                message("Enter the address with https:// in the section [portal]."),
            )
        self._client_id = client_id
        self._secret = secret
        self._deadline = LONGEST_EXCHANGE * timeout
        self._token = ""
        self._token_until = 0.0
        self._client = httpx.AsyncClient(
            base_url=f"{url}/v1/",
            verify=tls_context(ca_file),
            timeout=timeout,
            proxy=proxy,
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
            response = await self._exchange(replace(call, headers={**call.headers, **bearer}))
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return response
        raise rejected_credentials()

    async def _bearer(self, *, fresh: bool) -> str:
        if fresh or time.monotonic() >= self._token_until:
            call = Call("POST", "oauth2/token", form={"grant_type": "client_credentials"})
            response = await self._exchange(call, httpx.BasicAuth(self._client_id, self._secret.reveal()))
            if response.status_code in (400, 401, 403):
                raise rejected_credentials()
            if not response.is_success:
                raise error_of(response)
            answer = parsed(response, TokenAnswer)
            self._token = answer.access_token
            self._token_until = time.monotonic() + max(answer.expires_in - 30, answer.expires_in / 2)
        return self._token

    async def _exchange(self, call: Call, auth: httpx.BasicAuth | None = None) -> httpx.Response:
        """One HTTP exchange with a bounded answer."""
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
                    return await _read(response)
                finally:
                    await response.aclose()
        except httpx.ConnectError as error:
            raise _connect_error(error) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError) as error:
            raise broken(type(error).__name__) from error


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, host names checked, keys of RSA 2048 bits or the like; the system's trust, or this CA alone.

    Raises `ConfigError` for an unusable CA file.
    """
    if ca_file is None:
        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                message("The CA file {file} cannot be used: {why}.", file=str(ca_file), why=str(error)),
                message("Enter the right file at ca_file in the section [portal], or remove that line."),
            ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # OpenSSL's security level 2: at least 112 bits, which is RSA 2048; shorter certificate keys fail the handshake.
    context.set_ciphers("DEFAULT:@SECLEVEL=2")
    return context


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


def rejected_credentials() -> CredentialsRejected:
    """The error for credentials that the portal does not take."""
    return CredentialsRejected(
        message("The portal does not accept this agent's client id and password."),
        message("Check client_id in the section [portal], and store the password anew: meter-agent secret set portal"),
    )


def broken(why: str) -> PortalUnavailable:
    """The error for a connection that ended before the answer did."""
    return PortalUnavailable(
        message("The connection to the portal broke: {why}.", why=why),
        message("Nothing is lost; it is tried again. If it goes on, check the network and the proxy."),
    )


def unreadable(why: str) -> PortalUnavailable:
    """The error for an answer that means nothing: no verdict, nothing is settled."""
    return PortalUnavailable(
        message("The portal's answer cannot be understood: {why}.", why=why),
        message("Nothing is lost; it is tried again. If it goes on, check that the address is the portal's."),
    )


# What OpenSSL and the system's verifier say -> what it means for a person.
TLS_CAUSES: tuple[tuple[str, Message, Message], ...] = (
    (
        r"certificate has expired|not yet valid|CERT_E_EXPIRED",
        message("The portal's certificate is not valid at this time."),
        message("Check this computer's date and time; if they are right, tell your portal's support."),
    ),
    (
        r"Hostname mismatch|IP address mismatch|doesn't match|CN_NO_MATCH",
        message("The portal's certificate is for another name than the address in the config."),
        message("Check url in the section [portal]."),
    ),
    (
        r"key too (weak|small)|EE_KEY_TOO_SMALL|too weak|CA_MD_TOO_WEAK",
        message("The portal's certificate has a key that is too short (less than 2048 bits)."),
        message("Tell your portal's support; no data leaves until the certificate is replaced."),
    ),
    (
        r"UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|no protocols available|alert protocol version",
        message("The portal speaks only an outdated version of TLS (older than 1.2)."),
        message("Tell your portal's support; a proxy in between may also be the cause."),
    ),
    (
        r"WRONG_VERSION_NUMBER|record layer failure|http request",
        message("At the portal's address something answers that does not speak TLS."),
        message("Check url and port in the section [portal], and the proxy."),
    ),
    (
        r"self.signed|unable to get (local )?issuer|UNTRUSTEDROOT|unknown ca",
        message("The portal's certificate comes from an issuer that this computer does not trust."),
        message("If your portal has a CA of its own, enter its file at ca_file in the section [portal]."),
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSL|TLS",
        message("No safe connection to the portal could be made."),
        message("Check the address, the computer's time, and a proxy that opens encrypted connections."),
    ),
)


def _connect_error(error: httpx.ConnectError) -> PortalError:
    text = str(error)
    inner: BaseException | None = error
    seen = 0
    while inner is not None and seen < 8:
        text += f" {inner}"
        inner, seen = inner.__cause__ or inner.__context__, seen + 1
    if "UNEXPECTED_EOF" in text:  # hung up in the middle of the handshake: a portal that restarts does that
        return broken("EOF")
    if "[SSL" in text or "CERTIFICATE" in text or "certificate" in text:
        for pattern, what, remedy in TLS_CAUSES:
            if re.search(pattern, text, re.IGNORECASE):
                return PortalUntrusted(what, remedy)
    return PortalUnreachable(
        message("The portal cannot be reached: {why}.", why=str(error) or type(error).__name__),
        message("Check url in the section [portal], the internet connection, the firewall and the proxy."),
    )

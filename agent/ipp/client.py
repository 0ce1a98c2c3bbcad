"""Asking one printer over IPP: HTTP POST to its port 631, a few requests at most, every answer bounded.

Only Get-Printer-Attributes leaves here; no name, no password, no cookie. Redirects are never followed: the address
asked is the one that was named. How TLS is used with printers: docs/decisions/0006-ipp-second-voice.md.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import httpx

from agent.errors import BadReply, PrinterSilent
from agent.ipp.attributes import IppAnswer
from agent.ipp.codec import MAX_BODY, decode_response, encode_request
from agent.ipp.dialogue import MAX_REQUESTS, Attempt, Reply, next_attempt
from agent.ipp.interpretation import REQUESTED
from agent.printers import Endpoint
from agent.snmp.turns import Leases, Turns
from agent.texts import message

MEDIA_TYPE = "application/ipp"
HEADERS = {
    "Content-Type": MEDIA_TYPE,
    "Accept": MEDIA_TYPE,
    "Accept-Encoding": "identity",  # a few octets unpacked may become gigabytes
    "User-Agent": "meter-agent",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: to connect, for one wait, and for the whole dialogue with one printer."""

    connect: float = 3.0
    wait: float = 5.0
    dialogue: float = 20.0


class IppClient:
    """The `Ipp` port. `port` is the TCP port of all printers (RFC 8010: 631)."""

    def __init__(self, port: int = 631, patience: Patience | None = None, leases: Leases | None = None) -> None:
        self._port = port
        self._patience = patience or Patience()
        self._turns = Turns(leases)
        self._tls = tls_context()

    async def ask(self, endpoint: Endpoint) -> IppAnswer:
        """The printer's attributes; the endpoint's own port is that of SNMP. Raises `PrinterSilent`."""
        here = Endpoint(endpoint.address, self._port)
        try:
            async with self._turns.of(here), asyncio.timeout(self._patience.dialogue), self._http() as http:
                return await self._dialogue(http, endpoint)
        except BadReply as error:
            raise self._silent(endpoint, error.reason) from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError, OSError) as error:
            raise self._silent(endpoint, type(error).__name__) from error

    async def _dialogue(self, http: httpx.AsyncClient, endpoint: Endpoint) -> IppAnswer:
        attempt = Attempt()
        for sent in count(1):
            reply = await self._exchange(http, endpoint, attempt, sent)
            if reply.tells and reply.response:
                return IppAnswer(reply.response.printer, self._uri(endpoint, attempt), sent)
            following = next_attempt(attempt, reply)
            if following is None or sent >= MAX_REQUESTS:
                raise self._silent(endpoint, _reason(reply))
            attempt = following
        raise AssertionError("count never ends")

    async def _exchange(self, http: httpx.AsyncClient, endpoint: Endpoint, attempt: Attempt, number: int) -> Reply:
        """One request and what came back; the number makes sure that it answers this request."""
        requested: Sequence[str] = ("all",) if attempt.everything else REQUESTED
        body = encode_request(attempt.version, number, self._uri(endpoint, attempt), requested)
        url = self._url("https" if attempt.secure else "http", endpoint, attempt)
        try:
            async with http.stream("POST", url, content=body) as answer:
                return await _reply(answer, number)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if attempt.secure:
                raise
            return Reply(0)  # closed without a word: perhaps it only speaks TLS

    def _uri(self, endpoint: Endpoint, attempt: Attempt) -> str:
        return self._url("ipps" if attempt.secure else "ipp", endpoint, attempt)

    def _url(self, scheme: str, endpoint: Endpoint, attempt: Attempt) -> str:
        host = f"[{endpoint.address}]" if ":" in endpoint.address else endpoint.address
        return f"{scheme}://{host}:{self._port}{attempt.path}"

    def _http(self) -> httpx.AsyncClient:
        wait = httpx.Timeout(self._patience.wait, connect=self._patience.connect)
        one = httpx.Limits(max_connections=1)
        return httpx.AsyncClient(
            verify=self._tls, timeout=wait, limits=one, headers=HEADERS, trust_env=False, follow_redirects=False
        )

    def _silent(self, endpoint: Endpoint, why: str) -> PrinterSilent:
        said = message(
            "{address} does not answer IPP at port {port}: {why}.", address=endpoint.address, port=self._port, why=why
        )
        return PrinterSilent(said, message("Check that IPP is switched on in the printer."))


async def _reply(answer: httpx.Response, number: int) -> Reply:
    """What an HTTP response means; raises `BadReply` where its body is not the IPP response to this request."""
    body = await _body(answer)
    if answer.status_code != 200:
        to_tls = answer.status_code == 426 or answer.headers.get("Location", "").lower().startswith("https:")
        return Reply(answer.status_code, to_tls)
    if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise _bad("wrong_content_type")
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise _bad("encoded")
    response = decode_response(body)
    if response.request_id != number:
        raise _bad("other_request")
    return Reply(200, response=response)


async def _body(answer: httpx.Response) -> bytes:
    """The octets as they came, never unpacked; all are taken, so that the connection serves the next request too."""
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > MAX_BODY:
            raise _bad("too_long")
    return bytes(body)


def _bad(reason: str) -> BadReply:
    return BadReply(message("The printer's IPP answer is broken."), reason=reason)


def _reason(reply: Reply) -> str:
    return f"IPP status 0x{reply.response.status:04x}" if reply.response else f"HTTP status {reply.status}"


def tls_context() -> ssl.SSLContext:
    """TLS 1.2 or newer without a check of the certificate: printers sign their own, and nothing secret is said."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

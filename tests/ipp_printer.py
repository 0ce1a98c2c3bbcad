"""Printers and impostors that speak HTTP on loopback: each test says what the next connection gets."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Behaviour = Callable[["Visit"], Awaitable[None]]


@dataclass
class Visit:
    """One request that came in, and the way to answer it."""

    line: str
    headers: dict[str, str]
    body: bytes
    writer: asyncio.StreamWriter
    secure: bool

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def answer(self, body: bytes, *, status: str = "200 OK", kind: str = "application/ipp", **more: str) -> None:
        """A whole HTTP response. An IPP body gets the request's id."""
        if kind == "application/ipp" and len(body) >= 8 and len(self.body) >= 8:
            body = body[:4] + self.body[4:8] + body[8:]
        headers = {"Content-Type": kind, "Content-Length": str(len(body))}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        await self.send(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body)


@dataclass
class Printer:
    """A server on 127.0.0.1; `visits` are the requests it got, `connections` counts what was opened."""

    port: int = 0
    visits: list[Visit] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def printer(behave: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[Printer]:
    """A printer that behaves so for every request until the block ends."""
    me = Printer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *fields = head.strip().split("\r\n")
                headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in fields)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                me.visits.append(Visit(line, headers, body, writer, tls is not None))
                await behave(me.visits[-1])
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, ValueError):
            pass  # the agent has gone, the test is over, or what came is no HTTP (TLS)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    me.port = server.sockets[0].getsockname()[1]
    try:
        yield me
    finally:
        server.close()

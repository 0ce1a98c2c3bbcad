"""The sockets: one UDP endpoint per virtual printer, and a TCP one where it speaks IPP, all in one event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from asyncio import DatagramTransport
from collections.abc import Callable, Sequence
from typing import cast

from sandbox.printers import ipp
from sandbox.printers.device import Device
from sandbox.printers.fleet import FleetError, Loaded

Announce = Callable[[Loaded, str, int], None]


class _Endpoint(asyncio.DatagramProtocol):
    def __init__(self, device: Device) -> None:
        self._device = device
        self._transport: DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(DatagramTransport, transport)  # by isinstance, Python 3.11's own one is none

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._device.answer(data)
        if reply is None or self._transport is None:
            return
        if reply.delay:
            asyncio.get_running_loop().call_later(reply.delay, self._send, reply.octets, addr)
        else:
            self._transport.sendto(reply.octets, addr)

    def _send(self, octets: bytes, addr: tuple[str, int]) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(octets, addr)


async def serve(
    fleet: Sequence[Loaded],
    port: int,
    announce: Announce,
    ready: Callable[[], None],
    stdin: bool,
    ipp_port: int | None = None,
) -> None:
    """Answers for the whole fleet until SIGTERM or SIGINT, or until standard input closes if `stdin`.

    Over IPP only with an `ipp_port`, the same for all. Raises `FleetError` when an address and port cannot be had.
    """
    loop = asyncio.get_running_loop()
    opened: list[DatagramTransport | asyncio.Server] = []
    try:
        for each in fleet:
            transport = await _bound(loop, each, port if each.member.port is None else each.member.port)
            opened.append(transport)
            address, bound = transport.get_extra_info("sockname")[:2]
            announce(each, address, bound)
            if each.ipp and ipp_port:
                opened.append(await _listening(each, address, ipp_port))
        stopped = asyncio.Event()
        _on_signals(loop, stopped)
        if stdin:
            _on_closed_stdin(loop, stopped)
        ready()
        await stopped.wait()
    finally:
        for one in opened:
            one.close()


async def _bound(loop: asyncio.AbstractEventLoop, each: Loaded, port: int) -> DatagramTransport:
    try:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Endpoint(each.device), local_addr=(each.member.address, port)
        )
    except OSError as error:
        raise FleetError(
            f"{each.member.name} cannot listen on {each.member.address}:{port}: {error}. "
            "Where only 127.0.0.1 exists, add --ports; where the port is taken, give another --port."
        ) from error
    return transport


async def _listening(each: Loaded, address: str, port: int) -> asyncio.Server:
    try:
        return await ipp.listen(each.ipp, address, port)
    except OSError as error:
        raise FleetError(f"{each.member.name} cannot listen for IPP on {address}:{port}: {error}") from error


def _on_signals(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stopped.set)
        except NotImplementedError:  # Windows has no signal handlers in its event loop
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))


def _on_closed_stdin(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    def watch() -> None:
        try:
            while os.read(0, 4096):  # not sys.stdin: its lock would hold up the end of the process
                pass
        except OSError:
            pass  # a standard input that cannot be read is a closed one
        if not loop.is_closed():
            loop.call_soon_threadsafe(stopped.set)

    threading.Thread(target=watch, name="stdin", daemon=True).start()

"""One UDP socket for all printers of an address family: who sent a datagram decides whose conversation gets it."""

from __future__ import annotations

import asyncio
import socket
import sys
from dataclasses import dataclass
from typing import Any, Protocol

from agent.printers import Endpoint
from agent.snmp.codec import MAX_DATAGRAM

MOST_AT_ONCE = 64  # datagrams taken before others on the event loop have their turn
IP_RECVERR = 11  # Linux, ip(7): ICMP errors of an unconnected socket are kept for us; Python has no name for it
IPV6_RECVERR = 25


class Listener(Protocol):
    """Somebody who talks with one printer."""

    def heard(self, datagram: bytes) -> None:
        """Something came from the printer's address and port."""

    def refused(self) -> None:
        """The network says that nobody is there, or that there is no way there."""


class Switchboard:
    """Sockets that are open while anybody talks. Every printer has at most one listener at a time.

    The event loop has to be a selector loop: Windows' proactor cannot watch a socket (see `agent.loop`).
    """

    def __init__(self) -> None:
        self._listeners: dict[Any, Listener] = {}  # by the peer as its socket names it
        self._sockets: dict[int, socket.socket] = {}

    def connect(self, endpoint: Endpoint, listener: Listener) -> Line:
        """A line to this endpoint; raises `OSError` when this machine has no such kind of network."""
        place: Any = (endpoint.address, endpoint.port)
        family = socket.AF_INET
        if ":" in endpoint.address:
            family = socket.AF_INET6
            told = socket.getaddrinfo(
                endpoint.address, endpoint.port, family, socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
            )
            place = told[0][4]
        line = Line(self, self._sockets.get(family) or self._opened(family), place)
        self._listeners[place] = listener
        return line

    def hang_up(self, place: object) -> None:
        """Nobody listens to this place any more; the last one out closes the sockets, the next gets a new port."""
        self._listeners.pop(place, None)
        if not self._listeners:
            loop = asyncio.get_running_loop()
            for sock in self._sockets.values():
                loop.remove_reader(sock)
                sock.close()
            self._sockets.clear()

    def _opened(self, family: socket.AddressFamily) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # many printers answer at the same moment
            if sys.platform == "linux":
                six = family == socket.AF_INET6
                level, option = (socket.IPPROTO_IPV6, IPV6_RECVERR) if six else (socket.IPPROTO_IP, IP_RECVERR)
                sock.setsockopt(level, option, 1)
            sock.bind(("", 0))
            asyncio.get_running_loop().add_reader(sock, self._drain, sock)
        except BaseException:
            sock.close()
            raise
        self._sockets[family] = sock
        return sock

    def _drain(self, sock: socket.socket) -> None:
        """Hands out what has come."""
        for _ in range(MOST_AT_ONCE):
            try:
                datagram, place = sock.recvfrom(MAX_DATAGRAM + 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._refusals(sock)
                continue
            listener = self._listeners.get(place)
            if listener is not None:
                listener.heard(datagram)
            if sock.fileno() < 0:
                return  # that was the last answer anybody waited for

    def _refusals(self, sock: socket.socket) -> None:
        """Whom the network's errors are about; only Linux tells."""
        if sys.platform != "linux":
            return
        for _ in range(MOST_AT_ONCE):
            try:
                place = sock.recvmsg(1, 512, socket.MSG_ERRQUEUE)[3]
            except OSError:
                return
            listener = self._listeners.get(place)
            if listener is not None:
                listener.refused()
            if sock.fileno() < 0:
                return


@dataclass(frozen=True, slots=True)
class Line:
    """The way to one printer."""

    board: Switchboard
    sock: socket.socket
    place: Any

    def send(self, datagram: bytes) -> bool:
        """Sends to the printer; False when the network does not take it, as when there is no way there."""
        try:
            self.sock.sendto(datagram, self.place)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Listens no more."""
        self.board.hang_up(self.place)

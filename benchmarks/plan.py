"""What is read from every printer, and how each contender is told to ask for it: the same values, its own best way.

The agent's own question is taken from its profile for the printer that the responder plays. The others get single
objects by GET, and tables by walking their rows, as their users write it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import cast

from agent.printers import Endpoint
from agent.snmp.catalogue import shipped
from agent.snmp.client import SnmpClient
from agent.snmp.conversation import CommunityAccess
from agent.snmp.interpretation import identify
from agent.snmp.pacing import Pace
from agent.snmp.varbinds import Ask, Oid, Varbinds, oid_of

ACCESS = CommunityAccess("v2c", "public")
FIRST = IPv4Address("127.96.0.1")
LIFE_COUNT = oid_of("1.3.6.1.2.1.43.10.2.1.4.1.1")  # prtMarkerLifeCount
SERIAL = oid_of("1.3.6.1.2.1.43.5.1.1.17.1")  # prtGeneralSerialNumber
PAGES = 184_223  # the page count in the responder's table
AT_ONCE = 32  # the agent's default for printers being read at the same time


def address_of(number: int) -> str:
    """The address of the printer with this number (from 0)."""
    return str(FIRST + number)


def serial_of(address: str) -> bytes:
    """The serial number that the responder tells at this address."""
    return b"VNB%08x" % int(IPv4Address(address))


def page_count_of(address: str) -> int:
    """The page count that the responder tells at this address: no two printers have the same."""
    return PAGES ^ (int(IPv4Address(address)) & 0xFFFF)


@dataclass(frozen=True, slots=True)
class Plan:
    """`asks` are the agent's two questions; `datagrams` the requests it sends for them; `values` what came back,
    `told` how many values each question brought."""

    asks: tuple[Ask, ...]
    datagrams: tuple[bytes, ...]
    values: Varbinds
    told: tuple[int, ...]

    def singles(self) -> list[Oid]:
        """Every object that is read and stands in no table."""
        tables = self.subtrees()
        return [oid for oid in self.values if not any(oid[: len(table)] == table for table in tables)]

    def subtrees(self) -> list[Oid]:
        """The tables' row objects of which more than one row or column is read, to be walked whole."""
        rows = {column[:-1] for ask in self.asks for table in ask.tables for column in table.columns}
        return sorted(row for row in rows if sum(oid[: len(row)] == row for oid in self.values) > MOST_SINGLE)


MOST_SINGLE = 2  # up to so many objects of a table are cheaper by GET than by a walk through its columns


def planned(port: int) -> Plan:
    """Reads the first printer once through the agent's client, and notes what it sent and what came back."""
    return asyncio.run(observed(Endpoint(address_of(0), port)))


async def observed(endpoint: Endpoint) -> Plan:
    """The plan for one printer, its datagrams seen by a relay in between."""
    catalogue = shipped()
    async with Relay.to(endpoint) as relay:
        client = SnmpClient([ACCESS], Pace())
        first = (await client.ask(relay.endpoint, catalogue.generic.identify_ask)).varbinds
        identity, _ = identify(catalogue.generic, first)
        read = catalogue.choose(identity, first).read_ask
        second = (await client.ask(relay.endpoint, read)).varbinds
    asks, told = (catalogue.generic.identify_ask, read), (len(first), len(second))
    return Plan(asks, tuple(relay.requests), first.merged(second), told)


class Relay(asyncio.DatagramProtocol):
    """Passes one reader's datagrams on to a printer and the answers back; `requests` are what it has passed on."""

    def __init__(self, printer: Endpoint) -> None:
        self.requests: list[bytes] = []
        self.endpoint = printer
        self._printer = (printer.address, printer.port)
        self._reader: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None

    @staticmethod
    @asynccontextmanager
    async def to(printer: Endpoint) -> AsyncIterator[Relay]:
        """A relay on a port of its own, as long as the block lasts."""
        relay = Relay(printer)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: relay, local_addr=("127.0.0.1", 0)
        )
        relay.endpoint = Endpoint("127.0.0.1", transport.get_extra_info("sockname")[1])
        try:
            yield relay
        finally:
            transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ready."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """From the printer to the reader, from anybody else to the printer."""
        if self._transport is None:
            return
        if addr == self._printer and self._reader is not None:
            self._transport.sendto(data, self._reader)
        else:
            self._reader = addr
            self.requests.append(data)
            self._transport.sendto(data, self._printer)

"""What is read from every printer, and how each contender is told to ask for it: the same values, its own best way.

The agent's own question is taken from its profile for the printer that the responder plays. The others get single
objects by GET, and tables by walking their rows, as their users write it.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address

from agent.printers import Endpoint
from agent.snmp.catalogue import shipped
from agent.snmp.codec import VERSIONS, decode_response, encode_request
from agent.snmp.inquiry import Bounds, Inquiry
from agent.snmp.interpretation import identify
from agent.snmp.varbinds import Ask, Oid, Varbinds, oid_of

COMMUNITY = b"public"
FIRST = IPv4Address("127.96.0.1")
LIFE_COUNT = oid_of("1.3.6.1.2.1.43.10.2.1.4.1.1")  # prtMarkerLifeCount
SERIAL = oid_of("1.3.6.1.2.1.43.5.1.1.17.1")  # prtGeneralSerialNumber
AT_ONCE = 32  # the agent's default for printers being read at the same time


def address_of(number: int) -> str:
    """The address of the printer with this number (from 0)."""
    return str(FIRST + number)


def serial_of(address: str) -> bytes:
    """The serial number that the responder tells at this address."""
    return b"VNB%08x" % int(IPv4Address(address))


@dataclass(frozen=True, slots=True)
class Plan:
    """`asks` are the agent's two questions; `datagrams` the requests it sends for them; `values` what came back."""

    asks: tuple[Ask, ...]
    datagrams: tuple[bytes, ...]
    values: Varbinds

    @property
    def life_count(self) -> int:
        """The page count that every contender has to bring home."""
        return self.values.number(LIFE_COUNT) or 0

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
    """Asks the first printer once, and notes what was sent and what came back."""
    catalogue = shipped()
    sent: list[bytes] = []
    endpoint = Endpoint(address_of(0), port)
    first = _asked(endpoint, catalogue.generic.identify_ask, sent)
    identity, _ = identify(catalogue.generic, first)
    read = catalogue.choose(identity, first).read_ask
    values = first.merged(_asked(endpoint, read, sent))
    return Plan((catalogue.generic.identify_ask, read), tuple(sent), values)


def _asked(endpoint: Endpoint, ask: Ask, sent: list[bytes]) -> Varbinds:
    """One exchange over a plain socket; every request is added to `sent`."""
    inquiry = Inquiry(ask, "v2c", Bounds())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(2)
        line.connect((endpoint.address, endpoint.port))
        while request := inquiry.next_request():
            bulk = request.rows > 0
            riders = request.riders if bulk else 0
            pdu, oids = request.pdu, request.oids
            number = 0x40000000 + len(sent)  # as long as the random ones
            datagram = encode_request(VERSIONS["v2c"], COMMUNITY, pdu, number, oids, first=riders, second=request.rows)
            sent.append(datagram)
            line.send(datagram)
            reply = line.recv(65536)
            inquiry.accept(decode_response(reply), len(reply))
    return inquiry.outcome(len(sent)).varbinds

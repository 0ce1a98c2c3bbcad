"""Who is there at all: one small question to each address of a range, before anybody is asked more.

A silent address costs one datagram a pass and no task, timer or memory of its own. Answers count when they come from
the place that was asked and bear its number; everything else is dropped.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Protocol

from agent.errors import BadReply
from agent.printers import Endpoint
from agent.snmp.codec import (
    GET,
    LEAST_ID,
    MAX_DATAGRAM,
    VERSIONS,
    decode_response,
    encode_head,
    encode_pdu,
    encode_request,
)
from agent.snmp.conversation import CommunityAccess
from agent.snmp.v3_message import decode_message, discovery
from agent.snmp.varbinds import oid_of

SYS_OBJECT_ID = oid_of("1.3.6.1.2.1.1.2.0")  # every SNMP agent has it, and its value is short (RFC 3418)
TICK = 0.005  # seconds between two bursts
MOST_AT_ONCE = 64  # datagrams taken before others on the event loop have their turn
MOST_STRAYS = 20  # answers of one address that are looked at in vain; more is somebody's game
PORTION_SECONDS, SMALLEST_PORTION = 60.0, 64
BUFFER = 1 << 20  # octets of answers that may wait, so that a burst of them is not lost


class Probe(Protocol):
    """One way to ask whether somebody is there."""

    def question(self, number: int) -> bytes:
        """The datagram with this number, LEAST_ID..2^31-1."""

    def number_in(self, datagram: bytes) -> int:
        """The number of the question that a datagram answers; raises `BadReply` when it answers none of this kind."""


class CommunityProbe:
    """GET sysObjectID by a community."""

    def __init__(self, access: CommunityAccess) -> None:
        self._version = VERSIONS[access.version]
        self._community = access.community.encode()
        self._head = encode_head(self._version, self._community)
        self._pdu = encode_pdu(GET, [SYS_OBJECT_ID])

    def question(self, number: int) -> bytes:
        """The request."""
        return encode_request(self._head, self._pdu, number)

    def number_in(self, datagram: bytes) -> int:
        """Its request id, when version and community are ours."""
        response = decode_response(datagram)
        return response.request_id if (response.version, response.community) == (self._version, self._community) else 0


class EngineProbe:
    """Discovery of an SNMPv3 engine (RFC 3414 section 4): says no user's name, and is answered by a Report."""

    def question(self, number: int) -> bytes:
        """The discovery message."""
        return discovery(number)

    def number_in(self, datagram: bytes) -> int:
        """Its msgID."""
        return decode_message(datagram).number


class Sounder:
    """Sounds out IPv4 addresses by these probes, `passes` times, at most `per_second` datagrams a second in all.

    `late` probes are for the last pass alone: for the few that understand nothing else. `timeout` is how long, in
    seconds, an address is given after each question. `portion_seconds` is how long a portion takes that is done as a
    whole or again.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        late: Sequence[Probe],
        per_second: float,
        timeout: float,
        passes: int,
        portion_seconds: float = PORTION_SECONDS,
    ) -> None:
        self._probes = tuple(probes)
        self._late = tuple(late)
        self._per_second = per_second
        self._timeout = timeout
        self._passes = passes
        self._portion_seconds = portion_seconds

    @property
    def rounds(self) -> int:
        """How many questions a silent address gets."""
        return self._passes * len(self._probes) + len(self._late)

    @property
    def portion(self) -> int:
        """How many addresses are searched as a whole."""
        return max(int(self._per_second * self._portion_seconds / max(self.rounds, 1)), SMALLEST_PORTION)

    @property
    def scope(self) -> str:
        """Two octets of a digest of all questions: enough to notice that communities were changed, too little to try
        communities against."""
        digest = blake2b(digest_size=2)
        for probe in self._probes + self._late:
            digest.update(probe.question(LEAST_ID))
        return digest.hexdigest()

    async def sound(self, places: Callable[[], Iterable[Endpoint]], step: Callable[[int], None]) -> list[Endpoint]:
        """Those of the places that answer, in order. `step` hears how many more questions are done.

        An address to which nothing can be sent is silent. Raises `OSError` when there is no socket at all.
        """
        with Round(self._probes + self._late) as everybody:
            for at in range(self._passes):
                last = at == self._passes - 1
                probes = self._probes + self._late if last else self._probes
                begun = everybody.now()
                for probe in probes:
                    await self._ask(everybody, probe, places(), step)
                # Whoever was asked first has had time while the others were asked.
                rest = self._timeout if last else self._timeout - (everybody.now() - begun)
                await asyncio.sleep(max(rest, 0))
        return sorted(everybody.heard)

    async def _ask(
        self, everybody: Round, probe: Probe, places: Iterable[Endpoint], step: Callable[[int], None]
    ) -> None:
        """One question to each place that is still silent, evenly in time."""
        begun, sent = everybody.now(), 0
        for some in _portions(places, max(int(self._per_second * TICK), 1)):
            for place in some:
                if place not in everybody.heard:
                    await everybody.send(probe, place)
                    sent += 1
            step(len(some))
            await asyncio.sleep(max(begun + sent / self._per_second - everybody.now(), 0))


class Round:
    """One sounding under way: the socket, who was heard, and the numbers by which answers are known."""

    def __init__(self, probes: Sequence[Probe]) -> None:
        self.heard: set[Endpoint] = set()
        self._probes = probes
        self._key = secrets.token_bytes(16)
        self._strays: Counter[str] = Counter()
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def __enter__(self) -> Round:
        self._socket.setblocking(False)
        with suppress(OSError):  # the system's own limit has to do
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self._socket.bind(("", 0))
        self._loop.add_reader(self._socket, self._readable)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def now(self) -> float:
        """Seconds on the loop's clock."""
        return self._loop.time()

    async def send(self, probe: Probe, place: Endpoint) -> None:
        """Sends a question; waits while the system has no room, gives an address up that cannot be sent to."""
        datagram = probe.question(self._number(place.address, place.port))
        while True:
            try:
                self._socket.sendto(datagram, (place.address, place.port))
            except BlockingIOError:
                await asyncio.sleep(TICK)
            except OSError:
                return
            else:
                return

    def _number(self, address: str, port: int) -> int:
        """The number of all questions to a place: nobody else can guess it, and nothing need be kept for it."""
        digest = blake2b(f"{address}:{port}".encode(), digest_size=4, key=self._key).digest()
        return LEAST_ID + int.from_bytes(digest, "big") % (2**31 - LEAST_ID)

    def _readable(self) -> None:
        for _ in range(MOST_AT_ONCE):
            try:
                datagram, (address, port) = self._socket.recvfrom(MAX_DATAGRAM + 1)
            except OSError:  # nothing more, or (Windows) word that an earlier datagram was refused
                return
            place = Endpoint(address, port)
            if place in self.heard or self._strays[address] >= MOST_STRAYS:
                continue
            if self._is_answer(datagram, self._number(address, port)):
                self.heard.add(place)
            else:
                self._strays[address] += 1

    def _is_answer(self, datagram: bytes, number: int) -> bool:
        for probe in self._probes:
            with suppress(BadReply):
                if probe.number_in(datagram) == number:
                    return True
        return False


def _portions(places: Iterable[Endpoint], size: int) -> Iterator[list[Endpoint]]:
    some: list[Endpoint] = []
    for place in places:
        some.append(place)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some

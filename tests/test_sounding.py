"""Who is there: one small question to each address; virtual printers, net-snmp, and those who do not play fair."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from agent.errors import BadReply
from agent.printers import Endpoint
from agent.snmp.codec import GET, RESPONSE, decode_response, integer, tlv
from agent.snmp.conversation import CommunityAccess
from agent.snmp.sounding import CommunityProbe, EngineProbe, Probe, Sounder
from agent.snmp.varbinds import Tag
from tests.fleet_process import FleetProcess, printer
from tests.snmpd_process import Snmpd

V2C, V1 = (CommunityProbe(CommunityAccess(version, "public")) for version in ("v2c", "v1"))
READER = {"name": "reader", "authentication": "sha256", "authentication_secret": "long enough"}


def sound(
    places: list[Endpoint],
    early: list[Probe],
    late: list[Probe] | None = None,
    *,
    timeout: float = 0.5,
    passes: int = 2,
) -> list[Endpoint]:
    """Who of these answers; steps are counted to the end."""
    steps: list[int] = []
    sounder = Sounder(early, late or [], 5000, timeout, 2)
    heard = asyncio.run(sounder.sound(lambda: iter(places), steps.append))
    assert sum(steps) == len(places) * sounder.rounds
    return heard


def test_those_who_answer_are_heard_and_the_others_are_silent(tmp_path):
    """Among five hundred addresses the three printers, each by what it understands."""
    lines = [
        printer("one", "127.51.0.7"),
        printer("old", "127.51.0.9", faults={"v1_only": True}),
        printer("safe", "127.51.1.200", user=READER),
        printer("other", "127.51.1.201", community="secret-one"),
    ]
    with FleetProcess(tmp_path, lines) as fleet:
        port = fleet.ports["one"]
        places = [Endpoint(f"127.51.{high}.{low}", port) for high in (0, 1) for low in range(1, 251)]
        assert [place.address for place in sound(places, [V2C])] == ["127.51.0.7"]
        assert [place.address for place in sound(places, [V2C], [V1])] == ["127.51.0.7", "127.51.0.9"]
        everyway = [EngineProbe(), V2C, CommunityProbe(CommunityAccess("v2c", "secret-one"))]
        assert [place.address for place in sound(places, everyway, [V1])] == [
            "127.51.0.7", "127.51.0.9", "127.51.1.200", "127.51.1.201"]  # fmt: skip


def test_net_snmps_agent_reports_to_the_discovery_of_engines(tmp_path):
    """A peer that none of ours wrote, which speaks SNMPv3 and no community."""
    with Snmpd(tmp_path, ["createUser reader SHA-256 long-enough-1", "rouser reader"]) as peer:
        assert sound([peer.endpoint], [V2C, EngineProbe()], timeout=2.0) == [peer.endpoint]
        assert sound([peer.endpoint], [V2C]) == []


class Wire:
    """A socket that notes what comes, and answers as it is told."""

    def __init__(self, answer: Callable[[socket.socket, bytes, object], None]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.place = Endpoint(*self.socket.getsockname())
        self.heard: list[bytes] = []
        self._answer = answer
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError, OSError):
                datagram, peer = self.socket.recvfrom(65535)
                self.heard.append(datagram)
                self._answer(self.socket, datagram, peer)

    def close(self) -> None:
        """Answers no more."""
        self._over.set()
        self._thread.join()
        self.socket.close()


@contextmanager
def wire(answer: Callable[[socket.socket, bytes, object], None]) -> Iterator[Wire]:
    """Somebody at an address, for the length of a block."""
    made = Wire(answer)
    try:
        yield made
    finally:
        made.close()


def response(request: bytes, *, community: bytes = b"public", number: int | None = None) -> bytes:
    """A response to a request, true or not."""
    asked = number_of(request) if number is None else number
    value = tlv(0x30, tlv(Tag.OBJECT_IDENTIFIER, b"\x2b") + tlv(Tag.INTEGER, b"\x01"))
    pdu = tlv(RESPONSE, integer(asked) + integer(0) + integer(0) + tlv(0x30, value))
    return tlv(0x30, integer(1) + tlv(Tag.OCTET_STRING, community) + pdu)


def number_of(request: bytes) -> int:
    """The request id of a request: it is a response but for its tag."""
    at = request.index(bytes([GET]), 10)
    return decode_response(request[:at] + bytes([RESPONSE]) + request[at + 1 :]).request_id


SPEAKERS = {
    "right": (True, lambda sock, said, peer: sock.sendto(response(said), peer)),
    "with another community": (False, lambda sock, said, peer: sock.sendto(response(said, community=b"x"), peer)),
    "with another number": (
        False, lambda sock, said, peer: sock.sendto(response(said, number=number_of(said) ^ 1), peer)),
    "with garbage": (False, lambda sock, said, peer: sock.sendto(b"\x30\x84\xff\xff\xff\xff", peer)),
    "with an echo": (False, lambda sock, said, peer: sock.sendto(said, peer)),
    "with a flood, and right among it": (
        False, lambda sock, said, peer: [sock.sendto(one, peer) for one in [b"x"] * 200 + [response(said)]]),
    "silently": (False, lambda sock, said, peer: None),
}  # fmt: skip


@pytest.mark.parametrize("how", SPEAKERS)
def test_an_answer_bears_the_number_and_the_community_of_its_question(how):
    """Nothing else is believed, and what an address says in vain costs little."""
    is_there, answer = SPEAKERS[how]
    with wire(answer) as peer:
        assert (sound([peer.place], [V2C]) == [peer.place]) is is_there
        assert len(peer.heard) == (1 if is_there else 2)


def test_an_answer_from_another_place_is_nobodys():
    """Who was not asked cannot speak for who was."""
    with wire(lambda *_: None) as other:

        def elsewhere(sock: socket.socket, said: bytes, peer: object) -> None:
            other.socket.sendto(response(said), peer)  # type: ignore[arg-type]

        with wire(elsewhere) as asked:
            assert sound([asked.place], [V2C]) == []


def test_a_late_answer_counts_in_the_next_pass():
    """A printer that is slow to wake is heard all the same."""

    def slowly(sock: socket.socket, said: bytes, peer: object) -> None:
        time.sleep(0.35)
        sock.sendto(response(said), peer)  # type: ignore[arg-type]

    with wire(slowly) as peer:
        assert sound([peer.place], [V2C], timeout=0.25) == [peer.place]


def test_nobody_outside_is_asked_and_nobody_gets_two_questions_at_once():
    """The neighbours of a range hear nothing; inside, a silent address hears each question once a pass."""
    with wire(lambda *_: None) as inside, wire(lambda *_: None) as outside:
        assert sound([inside.place], [V2C, EngineProbe()], [V1]) == []
        assert outside.heard == []
        assert len(inside.heard) == 5  # two ways twice, and SNMPv1 in the last pass


def test_addresses_that_cannot_be_sent_to_are_silent():
    """A broadcast address is refused by the system; everything else goes on."""
    with wire(SPEAKERS["right"][1]) as peer:
        places = [Endpoint("255.255.255.255", 161), Endpoint("0.0.0.0", 0), peer.place]
        assert sound(places, [V2C]) == [peer.place]


def test_nothing_to_ask_is_asked_nothing():
    """No addresses, and no way to ask."""
    assert sound([], [V2C], timeout=0) == []
    with wire(SPEAKERS["right"][1]) as peer:
        assert asyncio.run(Sounder([], [], 10, 0, 2).sound(lambda: [peer.place], lambda _: None)) == []
        assert peer.heard == []


@pytest.mark.parametrize("probe", [V2C, V1, EngineProbe()])
def test_a_probe_knows_its_own_number_only_in_answers(probe):
    """What it sent itself is no answer for a community."""
    question = probe.question(2**24 + 7)
    if isinstance(probe, EngineProbe):
        assert probe.number_in(question) == 2**24 + 7
    else:
        with pytest.raises(BadReply):
            probe.number_in(question)

"""SNMPv3 replies from somebody who means harm: none escapes, none costs much, none is believed without its digest."""

from __future__ import annotations

import asyncio
import os
import random
import time

import pytest

from agent.errors import BadReply, PrinterSilent
from agent.printers import Endpoint
from agent.snmp.access import UserAccess
from agent.snmp.engine import LARGEST, Engine
from agent.snmp.pacing import Pace
from agent.snmp.v3_client import UserClient
from agent.snmp.v3_message import Clock, decode_message, decode_scoped
from agent.snmp.varbinds import Ask, oid_of
from sandbox.printers import ber
from sandbox.printers.device import Device
from sandbox.printers.faults import Faults
from sandbox.printers.mib import Mib, Value
from sandbox.printers.secured import Secured, User

NAME = oid_of("1.3.6.1.2.1.1.5.0")
AUTH, PRIV = "correct horse", "battery staple"
LEVELS = {
    "authPriv": {"authentication": "sha256", "privacy": "aes128"},
    "authNoPriv": {"authentication": "sha512"},
}
MANY = 20_000 if os.environ.get("CI") == "true" else 5_000
PER_EXCHANGE = 25
SIGNED, UNSIGNED = b"\x04\x01\x01\x02\x01\x03", b"\x04\x01\x00\x02\x01\x03"  # msgFlags and msgSecurityModel
COSTLY = 0.05  # seconds of CPU for one datagram


def honest(level: str, name: str = "prn-7", now=time.monotonic, **faults: bool) -> Device:
    facts = LEVELS[level]
    user = User(name="reader", authentication_secret=AUTH, privacy_secret=PRIV if "privacy" in facts else "", **facts)
    mib = Mib({NAME: Value(ber.OCTET_STRING, b"HOST-7")})
    return Device(name, {b"": mib}, Faults(**faults), Secured(name, user, now))


def reader(level: str, **pace: float) -> UserClient:
    facts = LEVELS[level]
    access = UserAccess(
        "reader", authentication_secret=AUTH, privacy_secret=PRIV if "privacy" in facts else "", **facts
    )
    return UserClient(access, Pace(**{"timeout": 0.3, "retries": 1, "max_seconds": 5.0, **pace}))


class Peer(asyncio.DatagramProtocol):
    """Answers each request with what `replies` makes of the request and the honest answer."""

    def __init__(self, device: Device, replies) -> None:
        self.device = device
        self.replies = replies
        self.requests = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.requests += 1
        answer = self.device.answer(data)
        for datagram in self.replies(data, answer.octets if answer else b""):
            self.transport.sendto(datagram, addr)


async def with_peer(device: Device, replies, work):
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(lambda: Peer(device, replies), local_addr=("127.0.0.1", 0))
    try:
        return await work(Endpoint("127.0.0.1", transport.get_extra_info("sockname")[1])), peer
    finally:
        transport.close()


def mutated(chance: random.Random, datagram: bytes) -> bytes:
    """The datagram with some of its octets changed, cut, doubled or grown."""
    octets = bytearray(datagram)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(octets))
        kind = chance.randrange(5)
        if kind == 0:
            octets[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            octets[at] = chance.choice((0, 1, 3, 0x30, 0x7F, 0x80, 0x84, 0xA2, 0xA8, 0xFF))
        elif kind == 2:
            del octets[at : at + chance.randint(1, 30)]
        elif kind == 3:
            octets[at:at] = octets[at : at + chance.randint(1, 30)]
        else:
            octets[at:at] = chance.randbytes(chance.randint(1, 30))
        octets = octets or bytearray(b"\x30")
    return bytes(octets)


@pytest.mark.parametrize("level", LEVELS)
def test_changed_replies_are_never_believed(level):
    """Thousands of replies with changed octets arrive before the true one: what is read is the truth, or nothing."""
    chance, read = random.Random(7), []

    def replies(request, answer):
        changed = (mutated(chance, answer) for _ in range(PER_EXCHANGE))
        return [*(one for one in changed if one != answer), answer]

    async def work(endpoint):
        client = reader(level)
        for _ in range(MANY // PER_EXCHANGE // len(LEVELS) + 1):
            try:
                answer = await client.ask(endpoint, Ask((NAME,)))
            except PrinterSilent:
                continue
            read.append(answer.varbinds.text(NAME))

    _, peer = asyncio.run(with_peer(honest(level), replies, work))
    assert set(read) == {b"HOST-7"}
    assert len(read) > 0.9 * MANY / PER_EXCHANGE / len(LEVELS)
    assert peer.requests * PER_EXCHANGE >= MANY / len(LEVELS)


def samples(level: str) -> list[bytes]:
    """A Report and an answer, as they travel."""
    taken: list[bytes] = []

    def replies(request, answer):
        taken.append(answer)
        return [answer]

    asyncio.run(with_peer(honest(level), replies, lambda endpoint: reader(level).ask(endpoint, Ask((NAME,)))))
    return taken


def test_decoding_raises_nothing_but_bad_reply():
    """Whatever the octets, the frame is read or refused, and no datagram costs more than 50 ms."""
    chance, worst = random.Random(11), 0.0
    seeds = [*samples("authPriv"), *samples("authNoPriv")]
    for _ in range(MANY):
        datagram = mutated(chance, chance.choice(seeds))
        begun = time.process_time()
        try:
            envelope = decode_message(datagram)
            decode_scoped(envelope.content)
        except BadReply:
            pass
        worst = max(worst, time.process_time() - begun)
    assert worst < COSTLY


def crafted() -> dict[str, bytes]:
    """Datagrams made to be costly: long, deep, or full of small things."""
    nested = b"\x05\x00"
    for _ in range(15_000):
        nested = b"\x30\x80" + nested
    nulls = ber.tlv(ber.SEQUENCE, b"\x05\x00" * 7_000)
    oid = ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, b"\x2b" + b"\xff" * 7_000 + b"\x01") + b"\x05\x00")
    numbers = b"\x02\x01\x00" * 3
    pdus = {
        "nested": nested[:16_000],
        "nulls": ber.tlv(0xA8, numbers + nulls),
        "oid": ber.tlv(0xA8, numbers + ber.tlv(ber.SEQUENCE, oid)),
        "many": ber.tlv(0xA8, numbers + ber.tlv(ber.SEQUENCE, ber.tlv(ber.SEQUENCE, b"\x06\x01\x2b\x05\x00") * 2_000)),
    }
    made = {name: framed(pdu) for name, pdu in pdus.items()}
    return {**made, "oversized": framed(ber.tlv(0xA8, numbers + ber.tlv(ber.SEQUENCE, b"\x05\x00" * 30_000)))}


def framed(pdu: bytes, number: int = 5) -> bytes:
    """A PDU in an unproven SNMPv3 message."""
    numbered = ber.tlv(ber.INTEGER, ber.integer(number))
    head = ber.tlv(ber.SEQUENCE, numbered + b"\x02\x02\x20\x00\x04\x01\x00\x02\x01\x03")
    engine = ber.tlv(ber.OCTET_STRING, b"\x80\x00\x1f\x88\x04prn-7")
    who = ber.tlv(ber.OCTET_STRING, ber.tlv(ber.SEQUENCE, engine + b"\x02\x01\x00\x02\x01\x00" + b"\x04\x00" * 3))
    return ber.tlv(ber.SEQUENCE, b"\x02\x01\x03" + head + who + ber.tlv(ber.SEQUENCE, engine + b"\x04\x00" + pdu))


@pytest.mark.parametrize("name", sorted(crafted()))
def test_a_crafted_datagram_costs_little(name):
    """Deep nesting, thousands of nulls, endless identifiers, 60 KB: refused within 50 ms of CPU."""
    datagram = crafted()[name]
    begun = time.process_time()
    with pytest.raises(BadReply):
        decode_scoped(decode_message(datagram).content)
    assert time.process_time() - begun < COSTLY


def test_a_replayed_reply_is_not_taken():
    """Yesterday's reply, true in every octet, comes again in place of today's: it answers another question."""
    before: list[bytes] = []

    def replies(request, answer):
        before.append(answer)
        return [before[1]] if len(before) > 2 else [answer]

    async def work(endpoint):
        client = reader("authPriv")
        await client.ask(endpoint, Ask((NAME,)))
        with pytest.raises(PrinterSilent):
            await client.ask(endpoint, Ask((NAME,)))

    asyncio.run(with_peer(honest("authPriv"), replies, work))


@pytest.mark.parametrize("level", LEVELS)
def test_an_answer_to_another_question_is_not_taken_though_its_digest_is_right(level):
    """The message fits and is signed, the request id inside is another one: it is no answer to this request."""

    async def work(endpoint):
        with pytest.raises(PrinterSilent):
            await reader(level).ask(endpoint, Ask((NAME,)))

    asyncio.run(with_peer(honest(level, wrong_id=True), lambda request, answer: [answer], work))


class Lagging:
    """An engine's clock that is right when a question is judged, and `lag` seconds behind when its answer is signed."""

    def __init__(self) -> None:
        self.lag = 0
        self.calls = 0

    def __call__(self) -> float:
        self.calls += 1
        return 10_000.0 * (self.calls > 1) - (0 if self.calls % 2 else self.lag)


@pytest.mark.parametrize(("lag", "taken"), [(100, True), (149, True), (200, False), (9000, False)])
def test_an_old_answer_is_not_taken_though_its_digest_is_right(lag, taken):
    """What was signed more than 150 seconds before the engine's last word is none (RFC 3414 section 3.2)."""
    clock = Lagging()

    async def work(endpoint):
        client = reader("authNoPriv")
        await client.ask(endpoint, Ask((NAME,)))
        clock.lag = lag
        try:
            return (await client.ask(endpoint, Ask((NAME,)))).varbinds.text(NAME) == b"HOST-7"
        except PrinterSilent:
            return False

    found, _ = asyncio.run(with_peer(honest("authNoPriv", now=clock), lambda request, answer: [answer], work))
    assert found == taken


@pytest.mark.parametrize(
    ("says", "boots", "seconds", "timely"),
    [
        ("the same moment", 5, 1000, True),
        ("within the window", 5, 851, True),
        ("before the window", 5, 849, False),
        ("restarted since", 6, 0, True),
        ("from before a restart", 4, 100_000, False),
        ("restarted so often that its clock says nothing any more", LARGEST, 1000, False),
    ],
)
def test_the_time_window(says, boots, seconds, timely):
    """RFC 3414 section 3.2, 7b, for an engine that proved boots 5 and 1000 seconds."""
    engine = Engine(b"\x80\x00\x1f\x88\x04prn-7", Clock(5, 1000), at=0.0, latest=1000, proven=True)
    assert engine.is_timely(Clock(boots, seconds), 0.0) == timely, says


@pytest.mark.parametrize(
    ("says", "forged"),
    [
        ("another value", lambda answer: answer.replace(b"HOST-7", b"HOST-8")),
        (
            "that it need not prove anything",
            lambda answer: answer.replace(SIGNED, UNSIGNED).replace(b"HOST-7", b"HOST-8"),
        ),
        ("another engine", lambda answer: answer.replace(b"prn-7", b"prn-8").replace(b"HOST-7", b"HOST-8")),
    ],
)
def test_a_forged_reply_is_not_believed(says, forged):
    """The right message and request id, but another value, security level or engine: only the digest decides."""

    def replies(request, answer):
        return [forged(answer), answer] if b"HOST-7" in answer else [answer]

    answer, _ = asyncio.run(
        with_peer(honest("authNoPriv"), replies, lambda place: reader("authNoPriv").ask(place, Ask((NAME,))))
    )
    assert answer.varbinds.text(NAME) == b"HOST-7"
    assert answer.notes


def test_an_engine_that_changes_with_every_answer_comes_to_an_end():
    """Each Report names another engine: after a few the exchange ends with a reason."""
    names = iter(range(1_000_000))

    def replies(request, answer):
        return [honest("authPriv", f"engine-{next(names)}").answer(request).octets]

    async def work(endpoint):
        with pytest.raises(PrinterSilent) as caught:
            await reader("authPriv").ask(endpoint, Ask((NAME,)))
        return caught.value

    error, peer = asyncio.run(with_peer(honest("authPriv"), replies, work))
    assert error.code == "v3_unknown_engine"
    assert peer.requests <= 6


@pytest.mark.parametrize(
    ("says", "counter", "noted"),
    [
        ("that the clock is another one", 2, "engine_restarted"),
        ("that the user is unknown", 3, ""),
        ("something that no standard knows", 77, ""),
    ],
)
def test_an_unproven_report_is_a_hint_only(says, counter, noted):
    """A forged Report in front of an answer of a printer that answered before: the answer is waited for and read."""
    asked: list[bytes] = []
    notes: list[str] = []

    def replies(request, answer):
        asked.append(request)
        if len(asked) != 3:
            return [answer]
        number = decode_message(request).number
        return [forged_report(number, counter), answer]

    async def work(endpoint):
        client, read = reader("authPriv"), []
        for _ in range(4):
            try:
                answer = await client.ask(endpoint, Ask((NAME,)))
            except PrinterSilent as error:
                read.append(error.code)
            else:
                read.append(answer.varbinds.text(NAME))
                notes.extend(answer.notes)
        return read

    read, _ = asyncio.run(with_peer(honest("authPriv"), replies, work))
    assert noted in notes or not noted
    assert read == [b"HOST-7"] * 4


def forged_report(number: int, counter: int) -> bytes:
    """A Report without proof that carries this usmStats counter, from the engine that is asked."""
    oid = ber.tlv(ber.OBJECT_IDENTIFIER, ber.oid((1, 3, 6, 1, 6, 3, 15, 1, 1, counter, 0)))
    bound = ber.tlv(ber.SEQUENCE, ber.tlv(ber.SEQUENCE, oid + ber.tlv(ber.COUNTER32, b"\x01")))
    return framed(ber.tlv(0xA8, b"\x02\x01\x00" * 3 + bound), number)


def test_a_user_who_was_taken_away_is_told_so():
    """A printer that answered this user and refuses it now, without proof as it has to: asked again as often as
    patience says, then refused with the reason."""
    asked: list[bytes] = []

    def replies(request, answer):
        asked.append(request)
        return [answer] if len(asked) <= 2 else [forged_report(decode_message(request).number, 3)]

    async def work(endpoint):
        client = reader("authPriv")
        await client.ask(endpoint, Ask((NAME,)))
        with pytest.raises(PrinterSilent) as caught:
            await client.ask(endpoint, Ask((NAME,)))
        return caught.value

    error, peer = asyncio.run(with_peer(honest("authPriv"), replies, work))
    assert error.code == "v3_unknown_user"
    assert peer.requests == 4

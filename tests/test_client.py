"""Asking printers over real UDP: ordinary, old, broken and hostile ones, and what the agent never does to them."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest
from pysnmp.proto.rfc1902 import OctetString

from agent.errors import PrinterSilent
from agent.printers import Endpoint
from agent.snmp.alarms import Alarms
from agent.snmp.catalogue import shipped
from agent.snmp.client import SnmpClient
from agent.snmp.codec import LEAST_ID, decode_response
from agent.snmp.conversation import CommunityAccess
from agent.snmp.pacing import Pace, Pacer
from agent.snmp.rapport import Rapport
from agent.snmp.request_ids import RequestIds
from agent.snmp.varbinds import Ask, oid_of
from tests.fleet_process import FleetProcess, printer
from tests.test_codec import response_of

GENERIC = shipped().generic
LADDER = (CommunityAccess("v2c", "public"), CommunityAccess("v1", "public"))
FAULTS = {
    "plain": {},
    "v1": {"v1_only": True},
    "no-bulk": {"no_bulk": True},
    "bulk-silent": {"bulk_silent": True},
    "drops": {"drop": 5},
    "silent": {"silent": True},
    "endless": {"endless": True},
    "looping": {"looping": True},
    "out-of-order": {"out_of_order": True},
    "garbage": {"garbage": True},
    "bomb": {"bomb": True},
    "wrong-id": {"wrong_id": True},
    "negative": {"negative": True},
    "huge-strings": {"huge_strings": True},
}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """One printer per fault, all the same device."""
    names = list(FAULTS)
    printers = [printer(name, f"127.32.0.{names.index(name) + 1}", faults=FAULTS[name]) for name in names]
    with FleetProcess(tmp_path_factory.mktemp("fleet"), printers) as process:
        yield {name: Endpoint(f"127.32.0.{at + 1}", process.ports[name]) for at, name in enumerate(names)}


IMPATIENT = {"timeout": 0.5, "least": 0.5}  # for printers that stay silent on purpose: waiting for them proves nothing


def client(**pace: float) -> SnmpClient:
    """A client that a busy machine does not make repeat itself."""
    return SnmpClient(LADDER, Pace(**{"timeout": 5.0, "least": 5.0, "retries": 1, "max_seconds": 30.0, **pace}))


def ask(endpoint: Endpoint, question: Ask = GENERIC.read_ask, **pace: float):
    return asyncio.run(client(**pace).ask(endpoint, question))


def test_an_ordinary_printer_answers_in_few_datagrams(fleet):
    """Identify takes one datagram, the read at most four."""
    assert ask(fleet["plain"], GENERIC.identify_ask).datagrams == 1
    answer = ask(fleet["plain"])
    assert (answer.version, answer.complete, answer.notes) == ("v2c", True, ())
    assert answer.datagrams <= 4


@pytest.mark.parametrize("name", ["v1", "no-bulk", "bulk-silent", "drops"])
def test_a_difficult_printer_is_read_like_an_ordinary_one(fleet, name):
    """v1 only, GETBULK refused or ignored, every fifth request lost: the values are the same, nothing is missing."""

    async def identified_and_read():
        asker = client(retries=3, **IMPATIENT)
        await asker.ask(fleet[name], GENERIC.identify_ask)
        return await asker.ask(fleet[name], GENERIC.read_ask)

    plain, difficult = ask(fleet["plain"]), asyncio.run(identified_and_read())
    assert difficult.complete
    assert dict(difficult.varbinds) == dict(plain.varbinds)
    assert difficult.version == ("v1" if name == "v1" else "v2c")


def test_what_a_printer_speaks_is_remembered(fleet):
    """The second exchange with a v1 printer does not try v2c again, nor GETBULK where it failed."""

    async def twice(name):
        asker = client(**IMPATIENT)
        first = await asker.ask(fleet[name], GENERIC.read_ask)
        second = await asker.ask(fleet[name], GENERIC.read_ask)
        return first.datagrams, second.datagrams

    for name in ("v1", "no-bulk"):
        first, second = asyncio.run(twice(name))
        assert second < first


def test_silence_is_said_so(fleet):
    """No answer in any version: an error with a remedy, within the time that patience allows."""
    with pytest.raises(PrinterSilent) as caught:
        ask(fleet["silent"], **IMPATIENT)
    assert "127.32.0." in str(caught.value.what)
    assert caught.value.remedy is not None


@pytest.mark.parametrize(("name", "note"), [("garbage", "bad_reply"), ("bomb", "bad_reply"), ("wrong-id", "wrong_")])
def test_what_comes_instead_of_an_answer_is_told(fleet, name, note):
    """Garbage is not silence: whoever looks for the reason is not sent to check the cable."""
    with pytest.raises(PrinterSilent) as caught:
        ask(fleet[name], **IMPATIENT)
    assert any(one.startswith(note) for one in caught.value.odd)
    assert "not as SNMP prescribes" in str(caught.value)


def test_a_refused_port_is_silence_at_once():
    """Nobody listens there: ICMP says so, and no time is spent waiting."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.32.9.9", 0))
        port = unused.getsockname()[1]
    begun = time.monotonic()
    with pytest.raises(PrinterSilent):
        ask(Endpoint("127.32.9.9", port), timeout=5.0, retries=3)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("name", ["endless", "looping", "out-of-order", "garbage", "bomb", "wrong-id", "negative",
                                  "huge-strings"])  # fmt: skip
def test_a_hostile_printer_comes_to_an_end(fleet, name):
    """Whatever it does, the exchange ends within its budget with an answer or silence, and no other exception."""
    begun = time.monotonic()
    try:
        answer = ask(fleet[name], max_seconds=5.0, **IMPATIENT)
    except PrinterSilent:
        answer = None
    assert time.monotonic() - begun < 12
    if name == "endless":
        assert answer is not None
        assert not answer.complete
    if name in ("garbage", "bomb", "wrong-id"):
        assert answer is None or not answer.complete or answer.notes


def test_hostile_printers_harm_only_themselves(fleet):
    """Read together with hostile ones, the honest printer is complete."""

    async def together():
        asker = client(max_seconds=5.0, **IMPATIENT)
        asks = [asker.ask(endpoint, GENERIC.read_ask) for endpoint in fleet.values()]
        return dict(zip(fleet, await asyncio.gather(*asks, return_exceptions=True), strict=True))

    answers = asyncio.run(together())
    assert answers["plain"].complete
    assert all(isinstance(answer, PrinterSilent) or hasattr(answer, "varbinds") for answer in answers.values())


class Peer(asyncio.DatagramProtocol):
    """A printer made by the test: `reply` gives the datagrams to send for one request."""

    def __init__(self, reply):
        self.reply = reply
        self.flying = self.most_flying = self.requests = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.requests += 1
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        asyncio.get_running_loop().call_later(0.02, self._answer, data, addr)

    def _answer(self, data, addr):
        self.flying -= 1
        for datagram in self.reply(data):
            self.transport.sendto(datagram, addr)


NAME = oid_of("1.3.6.1.2.1.1.5.0")


def answer_to(request: bytes, text: bytes = b"prn-7", *, shift: int = 0, name=NAME, version=1, **facts) -> bytes:
    """The response to a GET of one object, built from the request's own octets."""
    changed = bytearray(request)
    at = changed.index(0xA0)
    changed[at] = 0xA2
    number = decode_response(bytes(changed)).request_id
    return response_of([(name, OctetString(text))], version, (number + shift) % 2**31, **facts)


async def with_peer(reply, work, kind=Peer):
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(lambda: kind(reply), local_addr=("127.0.0.1", 0))
    try:
        endpoint = Endpoint("127.0.0.1", transport.get_extra_info("sockname")[1])
        return await work(endpoint), peer
    finally:
        transport.close()


@pytest.mark.parametrize(
    ("says", "strays"),
    [
        ("another request id", lambda data: [answer_to(data, b"forged", shift=1)]),
        ("another community", lambda data: [answer_to(data, b"forged", community=b"private")]),
        ("another version", lambda data: [answer_to(data, b"forged", version=0)]),
        ("another object", lambda data: [answer_to(data, b"forged", name=(*NAME[:-2], 6, 0))]),
        ("no SNMP at all", lambda data: [b"hello", b""]),
        ("the request itself", lambda data: [data]),
    ],
)
def test_strays_are_not_taken(says, strays):
    """Only what answers the question counts; the true answer behind the stray is taken."""

    def reply(data):
        return [*strays(data), answer_to(data), answer_to(data, b"second")]

    answer, _ = asyncio.run(with_peer(reply, lambda endpoint: client().ask(endpoint, Ask((NAME,)))))
    assert answer.varbinds.text(NAME) == b"prn-7"
    assert answer.notes


class Impostor(Peer):
    """A printer beside which others answer first, from another port and from another address with its own port."""

    def _answer(self, data, addr):
        port = self.transport.get_extra_info("sockname")[1]
        for place in (("127.0.0.1", 0), ("127.0.0.9", port)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind(place)
                other.sendto(answer_to(data, b"forged"), ("127.0.0.1", addr[1]))
        super()._answer(data, addr)


@pytest.mark.skipif(sys.platform != "linux", reason="addresses of their own need Linux")
def test_an_answer_from_another_place_is_not_taken():
    """A datagram from another port or another address, right in every octet, never reaches the exchange."""
    work = with_peer(lambda data: [answer_to(data)], lambda endpoint: client().ask(endpoint, Ask((NAME,))), Impostor)
    answer, _ = asyncio.run(work)
    assert (answer.varbinds.text(NAME), answer.notes) == (b"prn-7", ())


def test_one_request_in_flight_per_printer():
    """Ten tasks ask one printer at once: it never sees a second request before it has answered the first."""

    async def work(endpoint):
        asker = client()
        return await asyncio.gather(*(asker.ask(endpoint, Ask((NAME,))) for _ in range(10)))

    answers, peer = asyncio.run(with_peer(lambda data: [answer_to(data)], work))
    assert [answer.varbinds.text(NAME) for answer in answers] == [b"prn-7"] * 10
    assert peer.most_flying == 1


def test_a_request_id_is_random_and_used_once():
    """A thousand ids of each of two stocks: all of four octets, spread over the whole range, and not the same."""
    mine, yours = RequestIds(), RequestIds()
    told, others = [[stock.next() for _ in range(1000)] for stock in (mine, yours)]
    assert all(LEAST_ID <= number < 2**31 for number in told + others)
    assert len(set(told + others)) > 1990  # chance repeats one number in a thousand runs
    assert max(told) - min(told) > 2**29


@pytest.mark.parametrize("cancelled", [0, 1])
def test_who_stops_asking_leaves_the_printer_to_others(cancelled):
    """Three tasks ask one printer; the one that talks or the next one that waits is cancelled: the others are told."""

    async def work(endpoint):
        asker = client()
        tasks = [asyncio.create_task(asker.ask(endpoint, Ask((NAME,)))) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[cancelled].cancel()
        async with asyncio.timeout(10):
            return await asyncio.gather(*tasks, return_exceptions=True)

    answers, _ = asyncio.run(with_peer(lambda data: [answer_to(data)], work))
    assert isinstance(answers.pop(cancelled), asyncio.CancelledError)
    assert [answer.varbinds.text(NAME) for answer in answers] == [b"prn-7"] * 2


class Dozing:
    """Somebody who waits for a moment, once."""

    def __init__(self, seconds: float):
        self.due = asyncio.get_running_loop().time() + seconds
        self.awake = asyncio.Event()
        self.rung = []

    def ring(self, now):
        self.rung.append(now - self.due)
        self.due = math.inf
        self.awake.set()


def test_one_alarm_clock_rings_for_all():
    """Everybody is rung for once and not before the moment; who was removed is not; and so in the next loop again."""
    alarms = Alarms()

    async def work():
        soon, later, gone = sleepers = [Dozing(0.05), Dozing(0.15), Dozing(0.05)]
        for sleeper in sleepers:
            alarms.add(sleeper)
        alarms.remove(gone)
        async with asyncio.timeout(10):
            await later.awake.wait()
        alarms.remove(soon)
        alarms.remove(later)
        return [sleeper.rung for sleeper in sleepers]

    for _ in range(2):
        soon, later, gone = asyncio.run(work())
        assert (len(soon), len(later), len(gone)) == (1, 1, 0)
        assert min(soon + later) >= 0


def test_packets_leave_at_the_configured_rate():
    """Fifty turns asked for at the same moment at 100 a second are spread over half a second, in order."""
    pacer = Pacer(100)
    turns = [pacer.turn(1000.0) for _ in range(50)]
    assert turns == sorted(turns)
    assert 0.4 < turns[-1] - turns[0] < 0.5
    assert pacer.turn(2000.0) == 2000.0


def test_patience_follows_the_printer_while_it_is_awake():
    """The first answer may take its time; then a repetition comes soon, later each time; after a minute all is open."""
    rapport, pace = Rapport(), Pace(timeout=2.0, least=0.25)
    assert rapport.patience(100.0, 0, pace) == 1.0
    rapport.heard(100.0, 0.01)
    waits = [rapport.patience(100.1, attempt, pace) for attempt in range(5)]
    assert waits == [0.25, 0.5, 1.0, 2.0, 2.0]
    rapport.heard(101.0, 1.5)
    assert rapport.patience(101.0, 0, pace) > 1.0
    assert rapport.patience(162.0, 0, pace) == 1.0


@pytest.mark.parametrize(("retries", "waits"), [(0, [2.0]), (1, [1.0, 3.0]), (2, [1.0, 2.0, 3.0])])
def test_an_unknown_printer_is_waited_for_as_long_as_the_time_outs_say(retries, waits):
    """A lost first packet is repeated soon, a slow printer is waited for at the end; the sum is the configured one."""
    pace = Pace(timeout=2.0, retries=retries)
    told = [Rapport().patience(0.0, attempt, pace) for attempt in range(retries + 1)]
    assert told == waits
    assert sum(told) == pace.timeout * (retries + 1)


def test_a_lost_packet_costs_little_once_the_printer_was_heard():
    """The second exchange repeats a lost request after a quarter of a second, not after the first patience."""
    lost = []

    def reply(data):
        if len(lost) == 1:
            lost.append(data)
            return []
        lost.append(data)
        return [answer_to(data)]

    async def work(endpoint):
        asker = client(timeout=3.0, least=0.25)
        await asker.ask(endpoint, Ask((NAME,)))
        begun = asyncio.get_running_loop().time()
        answer = await asker.ask(endpoint, Ask((NAME,)))
        return answer.datagrams, asyncio.get_running_loop().time() - begun

    (datagrams, seconds), _ = asyncio.run(with_peer(reply, work))
    assert datagrams == 2
    assert seconds < 1.5


def test_second_and_late_answers_are_no_oddity():
    """A slow network doubles and delays answers: what answers an earlier question is dropped and not reported."""
    before = []

    def reply(data):
        late = [answer_to(old, b"late") for old in before[-2:]]
        before.append(data)
        return [*late, answer_to(data), answer_to(data)]

    async def work(endpoint):
        asker = client()
        return [await asker.ask(endpoint, Ask((NAME,))) for _ in range(4)]

    answers, _ = asyncio.run(with_peer(reply, work))
    assert [(answer.varbinds.text(NAME), answer.notes) for answer in answers] == [(b"prn-7", ())] * 4


def test_a_question_that_cannot_be_encoded_is_an_error_and_no_hang():
    """Whatever goes wrong inside reaches whoever asked, also when the packet waits for its turn."""

    async def work(endpoint):
        asker = SnmpClient(LADDER, Pace(timeout=0.3), Pacer(20))
        await asker.ask(endpoint, Ask((NAME,)))
        async with asyncio.timeout(5):
            with pytest.raises(ValueError, match="arc"):
                await asker.ask(endpoint, Ask(((1, 3, -1),)))

    asyncio.run(with_peer(lambda data: [answer_to(data)], work))


def test_no_more_packets_leave_than_configured():
    """Thirty asks of one packet each, at 100 a second, take as long as that."""

    async def work(endpoint):
        asker = SnmpClient(LADDER, Pace(timeout=2.0), Pacer(100))
        begun = asyncio.get_running_loop().time()
        await asyncio.gather(*(asker.ask(endpoint, Ask((NAME,))) for _ in range(30)))
        return asyncio.get_running_loop().time() - begun

    assert asyncio.run(with_peer(lambda data: [answer_to(data)], work))[0] > 0.27


def test_the_community_is_shown_nowhere():
    """Neither the error nor the access says the community."""
    access = CommunityAccess("v2c", "s3cret")
    with pytest.raises(PrinterSilent) as caught:
        asyncio.run(SnmpClient((access,), Pace(timeout=0.1, retries=0)).ask(Endpoint("127.32.9.8", 9), Ask((NAME,))))
    assert "s3cret" not in repr(access) + str(caught.value) + repr(caught.value)


def test_net_snmp_is_read(tmp_path):
    """net-snmp's own agent, v2c and v1: the same system name, by GET and by walking the whole system group."""
    if shutil.which("snmpd") is None:
        assert os.environ.get("CI") != "true", "net-snmp's snmpd is missing in CI"
        pytest.skip("net-snmp's snmpd is not installed")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "snmpd.conf"
    config.write_text(f"agentaddress udp:127.0.0.1:{port}\nrocommunity public 127.0.0.1\nsysName prn-7\n")
    process = subprocess.Popen(
        ["snmpd", "-f", "-C", "-c", str(config), "-Ln"],
        env={**os.environ, "SNMP_PERSISTENT_DIR": str(tmp_path)},
        stderr=subprocess.DEVNULL,
    )
    try:
        walk = Ask((NAME,), tables=(shipped_table("1.3.6.1.2.1.1"),))
        for version in ("v2c", "v1"):
            asker = SnmpClient((CommunityAccess(version, "public"),), Pace(timeout=1.0, retries=9))
            answer = asyncio.run(patiently(asker, Endpoint("127.0.0.1", port), walk))
            assert answer.complete
            assert answer.varbinds.text(NAME) == b"prn-7"
            assert len(answer.varbinds) > 8
    finally:
        process.terminate()
        process.wait(timeout=10)


def shipped_table(branch: str):
    from agent.snmp.varbinds import Table

    return Table((oid_of(branch),), rows=10)


async def patiently(asker: SnmpClient, endpoint: Endpoint, question: Ask):
    """snmpd needs a moment to listen; a refused port is silence at once."""
    for _ in range(50):
        try:
            return await asker.ask(endpoint, question)
        except PrinterSilent:
            await asyncio.sleep(0.1)
    raise AssertionError("snmpd does not answer")

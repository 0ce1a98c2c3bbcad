"""Whole conversations with printers that lie: they end, every reply costs a moment, and nothing is left of them."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import BadReply
from agent.printers import Endpoint
from agent.snmp.codec import VERSIONS, decode_response, encode_head, encode_request
from agent.snmp.inquiry import Bounds, Inquiry
from agent.snmp.interpretation import identify, interpret
from agent.snmp.profile import Profile
from agent.snmp.recording import parse_recording
from agent.snmp.varbinds import Answer, Varbinds
from sandbox.printers import fleet
from sandbox.printers.device import Device
from sandbox.printers.fleet import Member
from tests.test_profiles import DEVICE_FILES
from tests.test_recordings import CATALOGUE, NOW

REPLIES = 100_000 if os.environ.get("CI") == "true" else 10_000
MOST_DATAGRAMS = 300
QUICK_S = 0.05  # processor time per datagram
GROWTH = 10 * 1024 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0


def profile_of(file: Path) -> Profile:
    """The profile of a device's maker."""
    named = [one for one in CATALOGUE.vendors if file.stem.startswith(one.name.partition("-")[0])]
    return named[0] if named else CATALOGUE.generic


def honest(file: Path, profile: Profile) -> list[bytes]:
    """What the device answers to its profile's question, in the newest version that it speaks."""
    device = fleet.load(Member(name=file.stem, address="127.0.0.1", source=file)).device
    return _told(device, profile, "v2c") or _told(device, profile, "v1")


def _told(device: Device, profile: Profile, version: str) -> list[bytes]:
    inquiry, head = Inquiry(profile.read_ask, version, Bounds()), encode_head(VERSIONS[version], b"public")
    replies: list[bytes] = []
    while (request := inquiry.next_request()) is not None:
        reply = device.answer(encode_request(head, request.octets, 2**30 + len(replies)))
        if reply is None:
            return []
        replies.append(reply.octets)
        inquiry.accept(decode_response(reply.octets), len(reply.octets))
    return replies


def mutated(good: bytes, dice: random.Random) -> bytes:
    """A reply with some octets changed; values more often than the frame, which would only be refused."""
    octets = bytearray(good)
    for _ in range(dice.choice((1, 1, 2, 6))):
        at = dice.randrange(24, len(octets)) if len(octets) > 25 else 0
        match dice.randrange(5):
            case 0 | 1:
                octets[at] = dice.choice((0, 1, 4, 0x41, 0x46, 0x7F, 0x80, 0xFF, dice.randrange(256)))
            case 2:
                octets[at] ^= 1 << dice.randrange(8)
            case 3:
                octets[at : at + 4] = dice.randbytes(4)
            case _:
                octets[at : at + 2] = bytes(reversed(octets[at : at + 2]))
    return bytes(octets)


def lies(replies: list[bytes], dice: random.Random) -> Iterator[bytes]:
    """Replies without end: each an honest one of some request, changed."""
    while True:
        yield mutated(dice.choice(replies), dice)


def converse(profile: Profile, replies: Iterator[bytes], *, bulk: bool) -> tuple[int, float]:
    """One conversation to its end and what is made of it; how many replies it took, and the longest it took for one."""
    inquiry = Inquiry(profile.read_ask, "v2c", Bounds(), bulk=bulk)
    slowest, count = 0.0, 0
    while inquiry.next_request() is not None and count < MOST_DATAGRAMS:
        octets = next(replies)
        count += 1
        begin = time.process_time()
        try:
            response = decode_response(octets)
        except BadReply:
            inquiry.unanswered(speaks=True)
        else:
            if inquiry.answers(response):
                inquiry.accept(response, len(octets))
        slowest = max(slowest, time.process_time() - begin)
    begin = time.process_time()
    answer = inquiry.outcome(count)
    readout = interpret(profile, Endpoint("127.0.0.1"), Varbinds(), answer, NOW)
    assert all(counter.value >= 0 for counter in readout.counters)
    return count, max(slowest, time.process_time() - begin)


def test_a_hundred_thousand_lies_escape_nowhere():
    """Mutated replies through the whole reader: no exception, an end, and each within a moment (the quickest of three
    looks, as the machine has others to serve)."""
    seen = 0
    for place, file in enumerate(DEVICE_FILES):
        profile = profile_of(file)
        replies = honest(file, profile)
        number = 0
        while seen < REPLIES * (place + 1) // len(DEVICE_FILES):
            number += 1
            seeds = [f"{file.stem} {number}"] * 3
            for seed in seeds:
                count, slowest = converse(profile, lies(replies, random.Random(seed)), bulk=number % 3 != 0)
                if slowest < QUICK_S:
                    break
            else:
                pytest.fail(f"{seed}: {slowest:.3f} s for one reply")
            seen += max(count, 1)
    assert seen >= REPLIES


def resident() -> int:
    """Octets of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells the memory so")
def test_a_printer_that_makes_up_texts_does_not_fill_the_memory():
    """Other serial numbers, names and supplies in every reading, each as long as may be: nothing is kept of it."""
    profile = CATALOGUE.generic
    for at in range(20):
        _read_long_texts(profile, at)
    before = resident()
    for at in range(20, 1000):
        _read_long_texts(profile, at)
    assert resident() - before < GROWTH


def _read_long_texts(profile: Profile, at: int) -> None:
    dice = random.Random(at)
    base = [
        (oid, dice.randbytes(1500).hex()) for name, oid in profile.objects.items() if name.startswith(("prt", "sys"))
    ]
    lines = "".join(f"{oid}.1.{at}|4|{text}\n{oid}|4|MFG:{text};SN:{text[:900]}\n" for oid, text in base)
    varbinds = parse_recording(lines).varbinds
    identity, _ = identify(profile, varbinds)
    assert identity.serial_number != "1"
    interpret(profile, Endpoint("127.0.0.1"), Varbinds(), Answer(varbinds, "v2c", 1), NOW)

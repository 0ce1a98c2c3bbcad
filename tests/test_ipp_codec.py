"""IPP messages: what printers sent is understood, and nothing that anybody sends costs more than an error."""

from __future__ import annotations

import json
import os
import random
import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import BadReply
from agent.ipp.attributes import Range, Resolution, Response, Tag, Value, shown, texts
from agent.ipp.codec import MAX_BODY, decode_response, encode_request
from tests.conftest import RECORDINGS
from tests.ipp_messages import attribute, field, response

FILES = sorted(RECORDINGS.glob("ipp_*/*.bin"))
MUTATIONS = 60_000 if os.environ.get("CI") == "true" else 20_000
CUTS = 400 if os.environ.get("CI") == "true" else 40  # per recording
EVERYTHING = response(
    [
        (0x21, "marker-levels", [10, -3, 2**31 - 1]),
        (0x22, "color-supported", True),
        (0x35, "printer-info", struct.pack(">H", 2) + b"de" + struct.pack(">H", 5) + "Büro".encode()),
        (0x31, "printer-current-time", b"\x07\xe4\x03\x12\x0e\x1c\x18\x00+\x00\x00"),
        (0x32, "printer-resolution-default", struct.pack(">iib", 600, 1200, 3)),
        (0x33, "copies-supported", struct.pack(">ii", 1, 999)),
        (
            0x34,
            "media-col-default",
            {"media-size": (0x34, {"x-dimension": (0x21, 21000)}), "sides": (0x44, ["a", "b"])},
        ),
        (0x13, "printer-geo-location", None),
    ]
)


@pytest.mark.recordings
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_recordings_decode_to_what_is_expected(file: Path) -> None:
    """Status, version, groups and every listed value of a real printer's message."""
    expected = json.loads(file.with_suffix(".expected.json").read_text("utf-8"))
    decoded = decode_response(file.read_bytes())
    assert f"0x{decoded.status:04x}" == expected["status"]
    assert "{}.{}".format(*decoded.version) == expected["version"]
    assert [group.tag for group in decoded.groups] == expected["groups"]
    assert len(decoded.printer) == expected["attribute_count"]
    told = {name: [plain(value) for value in decoded.printer[name]] for name in expected["attributes"]}
    assert told == expected["attributes"]


def plain(value: Value) -> object:
    """A value as the expected files write it."""
    if value.tag == Tag.DATE_TIME and isinstance(value.content, bytes):
        return f"dateTime:{value.content.hex()}"
    if value.content is None:
        return {Tag.UNKNOWN: "<unknown>", Tag.NO_VALUE: "<no-value>"}.get(Tag(value.tag))
    return value.content.decode() if isinstance(value.content, bytes) else value.content


def test_every_syntax_is_understood() -> None:
    """Sets, collections in collections, texts with a language, ranges, resolutions and values that are none."""
    told = decode_response(EVERYTHING).printer
    assert [value.content for value in told["marker-levels"]] == [10, -3, 2**31 - 1]
    assert told["color-supported"][0].content is True
    assert texts(told["printer-info"]) == ("Büro",)
    assert told["printer-resolution-default"][0].content == Resolution(600, 1200, 3)
    assert told["copies-supported"][0].content == Range(1, 999)
    assert told["printer-geo-location"][0].content is None
    assert shown(told["media-col-default"][0]) == "34|{media-size=34|{x-dimension=21|21000} sides=44|a,44|b}"


def test_a_value_that_does_not_fit_its_tag_costs_only_itself() -> None:
    """An integer of three octets stays octets; the attribute after it is read."""
    body = response([(0x21, "marker-levels", b"\x00\x00\x05"), (0x44, "marker-types", "toner")])
    told = decode_response(body).printer
    assert told["marker-levels"][0].content == b"\x00\x00\x05"
    assert texts(told["marker-types"]) == ("toner",)


def test_of_an_attribute_that_stands_there_twice_the_first_counts() -> None:
    """A later statement, in the same group or another, changes nothing."""
    once = attribute(0x21, "marker-levels", 5) + attribute(0x21, "marker-levels", 7)
    body = response([])[:-1] + once + b"\x04" + attribute(0x21, "marker-levels", 9) + b"\x03"
    assert [value.content for value in decode_response(body).printer["marker-levels"]] == [5]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "cut_off"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x01", "cut_off"),
        (response([])[:-1] + field(0x21, "", b"\0\0\0\1") + b"\x03", "value_without_name"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x01" + field(0x21, "a", b"\0\0\0\1") + b"\x03", "value_outside_group"),
        (response([])[:-1] + field(0x37, "a", b"") + b"\x03", "outside_collection"),
        (response([])[:-1] + field(0x34, "a", b"") + field(0x34, "b", b""), "name_in_collection"),
        (response([])[:-1] + field(0x34, "a", b"") + field(0x21, "", b"\0\0\0\1"), "member_without_name"),
        (response([])[:-1] + field(0x34, "a", b"") + b"\x03", "group_in_collection"),
        (response([])[:-1] + field(0x34, "a", b"") + (field(0x4A, "", b"m") + field(0x34, "", b"")) * 9, "too_deep"),
        (response([(0x10, "a", [b""] * 20_000)]), "too_many_values"),
        (b"\x02\x00" + b"\x00" * MAX_BODY, "too_long"),
    ],
)
def test_broken_frames_are_named(body: bytes, reason: str) -> None:
    """Each way of being no message has its word for counting."""
    with pytest.raises(BadReply) as caught:
        decode_response(body)
    assert caught.value.reason == reason


def test_every_cut_is_a_broken_message() -> None:
    """A body that ends anywhere before its end is refused, never taken for a shorter one.

    Everywhere in what has every syntax and in the smallest recording; the others share cuts at places by chance, and
    each is cut near its end, where it looks most like a whole one.
    """
    chance = random.Random(8011)
    recorded = sorted((file.read_bytes() for file in FILES), key=len)
    for whole in (EVERYTHING, *recorded[:1]):
        for end in range(len(whole)):
            assert is_broken(whole[:end])
    for body in recorded:
        for end in {len(body) - 1, *(chance.randrange(len(body)) for _ in range(CUTS))}:
            assert is_broken(body[:end])


def is_broken(body: bytes) -> bool:
    try:
        decode_response(body)
    except BadReply:
        return True
    return False


def test_mutated_messages_raise_only_the_declared_error(record_property) -> None:  # type: ignore[no-untyped-def]
    """Octets changed, doubled, removed and filled in at random: a response or `BadReply`, and quickly."""
    chance = random.Random(8010)
    seeds = [*(file.read_bytes() for file in FILES), EVERYTHING]
    began = time.monotonic()
    for _ in range(MUTATIONS):
        body = mutated(chance, bytearray(chance.choice(seeds)[: chance.choice((200, 600, 2000))] + b"\x03"))
        try:
            for group in decode_response(body).groups:
                for values in group.attributes.values():
                    assert all(value.tag for value in values)
        except BadReply:
            continue
    assert time.monotonic() - began < MUTATIONS / 20  # a hang, not a slow machine
    record_property("mutated replies over IPP", MUTATIONS)


def mutated(chance: random.Random, body: bytearray) -> bytes:
    """The body with one to eight small damages."""
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(body))
        match chance.randrange(4):
            case 0:
                body[at] = chance.choice((0, 1, 3, 0x10, 0x21, 0x34, 0x37, 0x4A, 0x7F, 0xFF, chance.randrange(256)))
            case 1:
                del body[at : at + chance.randint(1, 9)]
                body += b"\x03"
            case 2:
                body[at:at] = body[at : at + chance.randint(1, 40)]
            case _:
                body[at : at + 2] = chance.randbytes(2)
    return bytes(body)


@given(st.binary(max_size=400))
def test_chance_raises_only_the_declared_error(noise: bytes) -> None:
    """Whatever the octets after a sound beginning."""
    try:
        assert isinstance(decode_response(response([])[:-1] + noise), Response)
    except BadReply as error:
        assert error.reason


@given(st.lists(st.text("abc-", min_size=1, max_size=20), max_size=6), st.integers(1, 2**31 - 1))
def test_a_request_says_what_is_wanted(requested: list[str], request_id: int) -> None:
    """Version, operation Get-Printer-Attributes, id, and the operation attributes in the order of RFC 8011."""
    body = encode_request((2, 0), request_id, "ipp://192.0.2.7/ipp/print", requested)
    assert struct.unpack(">BBHI", body[:8]) == (2, 0, 0x000B, request_id)
    asked = decode_response(body).groups[0].attributes
    names = ["attributes-charset", "attributes-natural-language", "printer-uri", "requested-attributes"]
    assert list(asked) == names[: 4 if requested else 3]
    assert texts(asked.get("requested-attributes", ())) == tuple(requested)

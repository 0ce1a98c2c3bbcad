"""The codec against an independent one (pysnmp), and against everything that a hostile device may send."""

from __future__ import annotations

import os
import random
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ
from pysnmp.proto import api
from pysnmp.proto.rfc1902 import Counter32, Counter64, Gauge32, Integer32, IpAddress, OctetString, TimeTicks

from agent.errors import BadReply
from agent.snmp import codec
from agent.snmp.codec import (
    GET,
    GET_BULK,
    GET_NEXT,
    decode_response,
    encode_head,
    encode_oid,
    encode_pdu,
    encode_request,
)
from agent.snmp.varbinds import Tag, Value

MUTATIONS = 100_000 if os.environ.get("CI") == "true" else 20_000
arcs = st.integers(0, 2**32 - 1)
oids = st.tuples(st.integers(0, 2), st.integers(0, 39)).flatmap(
    lambda root: st.lists(arcs, max_size=30).map(lambda rest: (*root, *rest))
)
values = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(lambda n: (Integer32(n), Value(Tag.INTEGER, n))),
    st.integers(0, 2**32 - 1).map(lambda n: (Counter32(n), Value(Tag.COUNTER32, n))),
    st.integers(0, 2**32 - 1).map(lambda n: (Gauge32(n), Value(Tag.GAUGE32, n))),
    st.integers(0, 2**32 - 1).map(lambda n: (TimeTicks(n), Value(Tag.TIME_TICKS, n))),
    st.integers(0, 2**64 - 1).map(lambda n: (Counter64(n), Value(Tag.COUNTER64, n))),
    st.binary(max_size=300).map(lambda b: (OctetString(b), Value(Tag.OCTET_STRING, b))),
    st.binary(min_size=4, max_size=4).map(lambda b: (IpAddress(b), Value(Tag.IP_ADDRESS, b))),
    oids.map(lambda oid: (univ.ObjectIdentifier(oid), Value(Tag.OBJECT_IDENTIFIER, oid))),
)


def response_of(pairs, version=1, request_id=7, status=0, index=0, community=b"public") -> bytes:
    """A response as pysnmp encodes it."""
    module = api.PROTOCOL_MODULES[version]
    pdu = module.GetResponsePDU()
    module.apiPDU.set_defaults(pdu)
    module.apiPDU.set_request_id(pdu, request_id)
    module.apiPDU.set_error_status(pdu, status)
    module.apiPDU.set_error_index(pdu, index)
    module.apiPDU.set_varbinds(pdu, pairs)
    message = module.Message()
    module.apiMessage.set_defaults(message)
    module.apiMessage.set_community(message, community)
    module.apiMessage.set_pdu(message, pdu)
    return encoder.encode(message)


@given(st.lists(st.tuples(oids, values), max_size=20), st.integers(0, 2**31 - 1), st.binary(max_size=40))
def test_responses_of_pysnmp_are_read_alike(varbinds, request_id, community):
    """All types, negative and large numbers: what pysnmp encodes, we decode to the same values."""
    octets = response_of([(oid, theirs) for oid, (theirs, _) in varbinds], 1, request_id, community=community)
    response = decode_response(octets)
    assert (response.version, response.community, response.request_id) == (1, community, request_id)
    assert response.varbinds == [(oid, ours) for oid, (_, ours) in varbinds]


@given(
    st.sampled_from([0, 1]),
    st.integers(codec.LEAST_ID, 2**31 - 1),
    st.lists(oids, min_size=1, max_size=30),
    st.integers(0, 60),
)
def test_requests_are_read_alike_by_pysnmp(version, request_id, asked, rows):
    """GET, GETNEXT and GETBULK requests mean to pysnmp what they mean to us."""
    module = api.PROTOCOL_MODULES[version]
    for pdu_type in (GET, GET_NEXT, *((GET_BULK,) if version else ())):
        encoded = encode_pdu(pdu_type, asked, first=1, second=rows)
        octets = encode_request(encode_head(version, b"public"), encoded, request_id)
        message, rest = decoder.decode(octets, asn1Spec=module.Message())
        pdu = module.apiMessage.get_pdu(message)
        assert rest == b""
        assert module.apiPDU.get_request_id(pdu) == request_id
        assert [tuple(oid) for oid, _ in module.apiPDU.get_varbinds(pdu)] == asked
        if pdu_type == GET_BULK:
            bulk = module.apiBulkPDU
            assert (bulk.get_request_id(pdu), bulk.get_non_repeaters(pdu), bulk.get_max_repetitions(pdu)) == (
                request_id,
                1,
                rows,
            )
        else:
            assert module.apiPDU.get_request_id(pdu) == request_id


def test_exceptions_and_errors_are_read():
    """noSuchObject, noSuchInstance, endOfMibView and error status with index."""
    module = api.PROTOCOL_MODULES[1]
    pairs = [
        ((1, 3, 6, 1), module.NoSuchObject()),
        ((1, 3, 6, 2), module.NoSuchInstance()),
        ((1, 3), module.EndOfMibView()),
    ]
    response = decode_response(response_of(pairs))
    assert [value.tag for _, value in response.varbinds] == [
        Tag.NO_SUCH_OBJECT,
        Tag.NO_SUCH_INSTANCE,
        Tag.END_OF_MIB_VIEW,
    ]
    failed = decode_response(response_of([((1, 3, 6, 1), univ.Null(""))], 0, status=2, index=1))
    assert (failed.version, failed.error_status, failed.error_index) == (0, 2, 1)


def message_with(value: bytes, name: bytes = b"\x06\x03\x2b\x06\x01") -> bytes:
    """A response with one varbind whose value is these octets."""
    varbinds = codec.tlv(0x30, codec.tlv(0x30, name + value))
    pdu = codec.tlv(0xA2, b"\x02\x01\x07\x02\x01\x00\x02\x01\x00" + varbinds)
    return codec.tlv(0x30, b"\x02\x01\x01\x04\x06public" + pdu)


def test_a_counter_without_its_leading_zero_is_unsigned():
    """Devices leave the zero octet out; a counter never becomes negative by that."""
    response = decode_response(message_with(b"\x41\x04\xff\xff\xff\xfe"))
    assert response.varbinds[0][1] == Value(Tag.COUNTER32, 2**32 - 2)
    assert decode_response(message_with(b"\x02\x01\xff")).varbinds[0][1] == Value(Tag.INTEGER, -1)


@pytest.mark.parametrize("number", [0, 127, -1, 32_767, 32_768, 2**31 - 1, -(2**31)])
def test_what_comes_again_is_read_alike(number):
    """Whether the decoder remembers a varbind or not, its second reading is its first."""
    datagram = message_with(codec.integer(number))
    first, second = decode_response(datagram), decode_response(datagram)
    assert first == second
    assert first.varbinds == [((1, 3, 6, 1), Value(Tag.INTEGER, number))]


NULL_VARBIND = b"\x30\x07\x06\x03\x2b\x06\x01\x05\x00"
BOMBS = {
    "an identifier of 60,000 parts": message_with(b"\x05\x00", codec.tlv(6, b"\x2b" + b"\x01" * 15_000)),
    "an identifier of 300 parts": message_with(b"\x05\x00", codec.tlv(6, b"\x2b" + b"\x01" * 300)),
    "a part beyond 32 bits": message_with(b"\x05\x00", b"\x06\x07\x2b\x9f\xff\xff\xff\xff\x7f"),
    "a part that never ends": message_with(b"\x05\x00", codec.tlv(6, b"\x2b" + b"\x81" * 2000)),
    "1,500 nulls": codec.tlv(0x30, b"\x02\x01\x01\x04\x00" + codec.tlv(
        0xA2, b"\x02\x01\x07\x02\x01\x00\x02\x01\x00" + codec.tlv(0x30, NULL_VARBIND * 1500))),
    "nested sequences": b"\x30\x82\x3f\x00" * 4000,
    "a huge length": b"\x30\x84\xff\xff\xff\xff\x02",
    "an indefinite length": b"\x30\x80\x02\x01\x01\x00\x00",
    "a length of 126 octets": b"\x30\xfe" + b"\x01" * 200,
    "an integer of 10 octets": message_with(b"\x02\x0a" + b"\x01" * 10),
    "an empty integer": message_with(b"\x02\x00"),
    "an empty counter, which is not 0": message_with(b"\x41\x00"),
    "a counter of 10 octets": message_with(b"\x41\x0a" + b"\x01" * 10),
    "octets behind a value": message_with(b"\x41\x01\x05\x00"),
    "a value that ends behind the message": message_with(b"\x41\x04\x05"),
    "a varbind that ends behind the message": codec.tlv(0x30, b"\x02\x01\x01\x04\x00" + codec.tlv(
        0xA2, b"\x02\x01\x07\x02\x01\x00\x02\x01\x00" + codec.tlv(0x30, b"\x30\x81\x88" + NULL_VARBIND[2:]))),
    "a string of 5,000 octets": message_with(codec.tlv(4, b"x" * 5000)),
    "an unknown type": message_with(b"\x0c\x01x"),
    "nothing": b"",
    "too long": b"\x30" + b"x" * 20_000,
}  # fmt: skip


@pytest.mark.parametrize("octets", BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_refused_at_once(octets):
    """A crafted datagram costs no more than its length: all of them together stay far below a second."""
    begun = time.process_time()
    for _ in range(20):
        with pytest.raises(BadReply):
            decode_response(octets)
    assert time.process_time() - begun < 2.0


@given(st.binary(max_size=400))
def test_arbitrary_octets_never_escape(octets):
    """Whatever comes, it is a response or a BadReply."""
    try:
        decode_response(octets)
    except BadReply as error:
        assert error.reason


def test_mutated_replies_never_escape(record_property):
    """Flipped, cut, doubled and spliced replies of an ordinary printer: a response or a BadReply, nothing else."""
    chance = random.Random(20261123)
    good = [
        response_of([((1, 3, 6, 1, 2, 1, 43, 11, 1, 1, 9, 1, n), Integer32(n)) for n in range(1, 30)]),
        response_of([((1, 3, 6, 1, 2, 1, 1, 1, 0), OctetString(b"HP ETHERNET" * 8)), ((1, 3, 6, 1), Counter64(2**60))]),
        response_of([((1, 3, 6, 1, 2, 1, 1, 2, 0), univ.ObjectIdentifier((1, 3, 6, 1, 4, 1, 11, 2**31)))], 0),
    ]
    refused, dearest = 0, 0.0
    before = most_memory()
    for _ in range(MUTATIONS):
        octets = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(octets) or 1)
            match chance.randrange(4):
                case 0 if octets:
                    octets[min(at, len(octets) - 1)] = chance.randrange(256)
                case 1:
                    del octets[at : at + chance.randint(1, 9)]
                case 2:
                    octets[at:at] = chance.randbytes(chance.randint(1, 9))
                case _:
                    octets += octets[at : at + 40]
        begin = time.process_time()
        try:
            decode_response(bytes(octets))
        except BadReply:
            refused += 1
        dearest = max(dearest, time.process_time() - begin)
    assert 0 < refused < MUTATIONS
    record_property("mutated replies over SNMP", MUTATIONS)
    record_property("milliseconds of CPU for the dearest of them", round(1000 * dearest, 2))
    record_property("MiB of memory more than before", round(most_memory() - before, 1))


def most_memory() -> float:
    """MiB that this process had at most; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("oid", [(1, 3, -1), (1, 3, 2**32), (-1, 3)])
def test_an_identifier_that_is_none_is_refused(oid):
    """An arc is 0..2^32-1 (RFC 2578 section 3.5); a negative one has no end in base 128."""
    with pytest.raises(ValueError, match="arc"):
        encode_oid(oid)


def test_there_is_no_set_request():
    """The agent changes nothing on a printer: the code has no SET."""
    assert not [name for name in vars(codec) if "set" in name.lower() and name.isupper()]
    assert 0xA3 not in [value for value in vars(codec).values() if isinstance(value, int)]

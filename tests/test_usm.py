"""Keys, digests and ciphers of SNMPv3 against the vectors of their standards, and against pysnmp for every pair."""

from __future__ import annotations

import hashlib
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyasn1.type.univ import OctetString
from pysnmp.proto.secmod.rfc3414 import service as pysnmp  # first: the modules it holds import each other in a ring
from pysnmp.proto.secmod.rfc3414.auth.hmacmd5 import HmacMd5
from pysnmp.proto.secmod.rfc3414.auth.hmacsha import HmacSha
from pysnmp.proto.secmod.rfc3414.localkey import hash_passphrase, localize_key
from pysnmp.proto.secmod.rfc7860.auth.hmacsha2 import HmacSha2

from agent.errors import BadReply
from agent.snmp.access import AUTH_FLAG, PRIV_FLAG, UserAccess
from agent.snmp.codec import GET, GET_BULK, encode_pdu, tlv
from agent.snmp.privacy import CIPHERS, AesCfb, DesCbc
from agent.snmp.usm import Keys, hashed, localised, privacy_key
from agent.snmp.v3_message import REPORTABLE, Clock, decode_message
from agent.snmp.v3_session import Session
from agent.snmp.varbinds import oid_of

AUTH, PRIV = "correct horse", "battery staple"
ENGINE = bytes.fromhex("000000000000000000000002")  # of the vectors in RFC 3414 section A.3
REPEATED = b"maplesyrup"
PROTOCOLS = (1, 3, 6, 1, 6, 3, 10, 1, 1)  # snmpAuthProtocols (RFC 3411, RFC 7860 section 8)
OIDS = {
    name: (*PROTOCOLS, last) for last, name in enumerate(("md5", "sha1", "sha224", "sha256", "sha384", "sha512"), 2)
}
DIGESTS = {name: HmacSha2(oid) for name, oid in OIDS.items() if oid[-1] > 3}
DIGESTS |= {"md5": HmacMd5(), "sha1": HmacSha()}
PEERS = {
    "des": pysnmp.des.Des(),
    "3des": pysnmp.des3.Des3(),
    "aes128": pysnmp.aes.Aes(),
    "aes192": pysnmp.aes192.AesBlumenthal192(),
    "aes256": pysnmp.aes256.AesBlumenthal256(),
    "aes192c": pysnmp.aes192.Aes192(),
    "aes256c": pysnmp.aes256.Aes256(),
}
PAIRS = list(product(OIDS, PEERS))
CLOCKS = st.builds(Clock, st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
ENGINES = st.binary(min_size=5, max_size=32)
QUESTION = encode_pdu(GET_BULK, [oid_of("1.3.6.1.2.1.43.11.1.1.9")], second=10)
NUMBER = 2**30 + 7


def user(authentication: str | None, privacy: str | None) -> UserAccess:
    secrets = (AUTH if authentication else "", PRIV if privacy else "")
    return UserAccess("reader", authentication, secrets[0], privacy, secrets[1], context="printing")


@cache
def their_root(secret: str, authentication: str) -> OctetString:
    """A password hashed, as pysnmp does it."""
    return hash_passphrase(secret.encode(), getattr(hashlib, authentication))


@cache
def their_key(authentication: str, privacy: str, engine_id: bytes) -> OctetString:
    """The localised privacy key, as pysnmp makes it."""
    return PEERS[privacy].localize_key(OIDS[authentication], their_root(PRIV, authentication), OctetString(engine_id))


@pytest.mark.parametrize(
    ("name", "root", "local"),
    [
        ("md5", "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
        ("sha1", "9fb5cc0381497b3793528939ff788d5d79145211", "6695febc9288e36282235fc7151f128497b38f3f"),
    ],
)
def test_passwords_become_keys_as_in_rfc_3414(name, root, local):
    """Section A.3: "maplesyrup" as a key, and as the key of one engine."""
    assert hashed(REPEATED, name).hex() == root
    assert localised(bytes.fromhex(root), ENGINE, name).hex() == local


@pytest.mark.parametrize(
    ("name", "octets", "key"),
    [
        ("md5", 32, "526f5eed9fcce26f8964c2930787d82b79eff44a90650ee0a3a40abfac5acc12"),
        ("sha1", 40, "6695febc9288e36282235fc7151f128497b38f3f9b8b6d78936ba6e7d19dfd9cd2d5065547743fb5"),
    ],
)
def test_short_keys_are_continued_as_in_the_draft_for_triple_des(name, octets, key):
    """draft-reeder-snmpv3-usm-3desede-00 section B: the key so far is treated as a password."""
    assert privacy_key(hashed(REPEATED, name), ENGINE, name, octets, "reeder").hex() == key


@pytest.mark.parametrize(
    ("key", "sealed"),
    [
        ("2b7e151628aed2a6abf7158809cf4f3c", "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"),
        (
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            "cdc80d6fddf18cab34c25909c99a417467ce7f7f81173621961a2b70171d3d7a",
        ),
        (
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407b",
        ),
    ],
)
def test_aes_is_that_of_nist(key, sealed):
    """NIST SP 800-38A sections F.3.13 to F.3.17, CFB128: the same reader gives the plain text again and again, however
    long the message before was."""
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    boots, time, salt = 0x00010203, 0x04050607, bytes(range(8, 16))
    cipher = AesCfb(bytes.fromhex(key))
    for size in (32, 1, 17, 16, 0, 31, 32):
        assert cipher.decrypt(bytes.fromhex(sealed)[:size], salt, boots, time) == plain[:size]


def test_des_takes_whole_blocks_only():
    """RFC 3414 section 8.1.1.3: a length that is no multiple of eight cannot be decrypted, and that is no crash."""
    for size in (16, 32):
        assert DesCbc(bytes(range(size))).decrypt(bytes(13), bytes(8), 1, 1) is None


@pytest.mark.parametrize(("authentication", "privacy"), PAIRS)
@settings(max_examples=5, deadline=None)
@given(engine_id=ENGINES)
def test_keys_are_those_of_pysnmp(authentication, privacy, engine_id):
    """Both keys of one user for any engine."""
    root = hashed(PRIV.encode(), authentication)
    theirs = their_root(PRIV, authentication)
    assert root == theirs.asOctets()
    local = localize_key(theirs, OctetString(engine_id), getattr(hashlib, authentication))
    assert localised(root, engine_id, authentication) == local.asOctets()
    _, octets, extension = CIPHERS[privacy]
    ours = privacy_key(root, engine_id, authentication, octets, extension)
    assert ours == their_key(authentication, privacy, engine_id).asOctets()


@pytest.mark.parametrize(("authentication", "privacy"), PAIRS)
@settings(max_examples=25, deadline=None)
@given(plain=st.binary(max_size=400), clock=CLOCKS, engine_id=st.sampled_from([ENGINE, b"\x80\x00\x1f\x88\x04prn-7"]))
def test_what_we_hide_pysnmp_reads_and_the_other_way_round(authentication, privacy, plain, clock, engine_id):
    """Any octets, any clock: nothing is lost either way, and what is hidden is not what was said."""
    keys, peer = Keys(user(authentication, privacy), engine_id), PEERS[privacy]
    key = their_key(authentication, privacy, engine_id)
    sealed, salt = keys.encrypt(plain, *clock)
    read = peer.decrypt_data(key, (*clock, OctetString(salt)), OctetString(sealed))
    assert read[: len(plain)] == plain
    assert not plain or len(plain) < 8 or plain not in sealed
    theirs, their_salt = peer.encrypt_data(key, (*clock, None), plain)
    ours = keys.decrypt(theirs.asOctets(), their_salt.asOctets(), *clock)
    assert ours is not None
    assert ours[: len(plain)] == plain


@pytest.mark.parametrize("privacy", PEERS)
def test_no_salt_comes_twice(privacy):
    """Not for one printer and not for two with the same key (RFC 3826 section 3.1.3)."""
    one, two = Keys(user("sha256", privacy), ENGINE), Keys(user("sha256", privacy), ENGINE)
    salts = [keys.encrypt(b"the same", 1, 1)[1] for keys in (one, two) * 500]
    assert len(set(salts)) == len(salts)


@pytest.mark.parametrize(("authentication", "privacy"), [*PAIRS, *((name, None) for name in DIGESTS)])
@settings(max_examples=10, deadline=None)
@given(clock=CLOCKS, engine_id=st.binary(min_size=5, max_size=32).filter(lambda octets: bytes(4) not in octets))
def test_requests_are_proven_to_pysnmp(authentication, privacy, clock, engine_id):
    """pysnmp agrees with the digest of a whole message, reads what it hides, and finds the request in it."""
    session = Session(user(authentication, privacy), engine_id)
    datagram = session.sealed(QUESTION, NUMBER, clock)
    envelope = decode_message(datagram)
    assert envelope[:5] == (NUMBER, session.flags | REPORTABLE, engine_id, clock, b"reader")
    key = localize_key(their_root(AUTH, authentication), OctetString(engine_id), getattr(hashlib, authentication))
    DIGESTS[authentication].authenticate_incoming_message(key, OctetString(envelope.digest), datagram)
    content = envelope.content
    if privacy:
        theirs = their_key(authentication, privacy, engine_id)
        content = PEERS[privacy].decrypt_data(theirs, (*clock, OctetString(envelope.salt)), OctetString(content))
    assert content.startswith(tlv(0x30, scope(engine_id) + QUESTION[0] + NUMBER.to_bytes(4, "big") + QUESTION[1]))


def scope(engine_id: bytes) -> bytes:
    return tlv(0x04, engine_id) + tlv(0x04, b"printing")


@pytest.mark.parametrize(("authentication", "privacy"), [("sha1", "aes128"), ("md5", "des"), ("sha512", None)])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_changed_octet_is_noticed(authentication, privacy, data):
    """Whichever octet of a signed message is changed: it is not readable, or not proven."""
    session = Session(user(authentication, privacy), ENGINE)
    datagram = bytearray(session.sealed(encode_pdu(GET, [oid_of("1.3.6.1.2.1.1.5.0")]), NUMBER, Clock(3, 99)))
    at = data.draw(st.integers(0, len(datagram) - 1))
    datagram[at] ^= data.draw(st.integers(1, 255))
    try:
        envelope = decode_message(bytes(datagram))
    except BadReply:
        return
    if envelope.flags & AUTH_FLAG:
        assert isinstance(session.opened(bytes(datagram), envelope), str)


def test_without_a_user_nothing_is_signed_or_hidden():
    """noAuthNoPriv: no digest, no salt, no clock."""
    envelope = decode_message(Session(user(None, None), ENGINE).sealed(QUESTION, NUMBER, Clock(3, 99)))
    assert (envelope.digest, envelope.salt, envelope.clock) == (b"", b"", Clock(0, 0))
    assert not envelope.flags & (AUTH_FLAG | PRIV_FLAG)


@pytest.mark.parametrize("size", [0, 1, 11, 13, 20])
def test_a_digest_of_another_length_proves_nothing(size):
    """A shortened digest would be easier to guess (RFC 3414 section 6.3.2)."""
    keys = Keys(user("sha1", "aes128"), ENGINE)
    message = b"before" + bytes(size) + b"after"
    assert not keys.proves(message, len(b"before"), keys.digest(message)[:size] + bytes(max(size - 12, 0)))

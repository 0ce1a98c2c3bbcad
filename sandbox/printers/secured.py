"""The SNMPv3 side of a virtual printer: one user, who has to prove itself and may hide what is said (RFC 3414).

Written apart from the agent's own, with other building blocks: a mistake in one shows as a disagreement of the two.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from pydantic import BaseModel, ConfigDict, Field

from sandbox.printers import ber

REPORT = 0xA8
AUTH, PRIV = 1, 2
WINDOW = 150  # seconds
USM_STATS = (1, 3, 6, 1, 6, 3, 15, 1, 1)
LEVEL, TIME, USER, ENGINE, DIGEST, DECRYPTION = ((*USM_STATS, which, 0) for which in range(1, 7))
CONTEXT = (1, 3, 6, 1, 6, 3, 12, 1, 5, 0)
HASHES = {"md5": 12, "sha1": 12, "sha224": 16, "sha256": 24, "sha384": 32, "sha512": 48}  # octets that travel
V2C_HEAD = b"\x02\x01\x01\x04\x00"  # version and empty community of a v2c message


class User(BaseModel):
    """Who may read, as a fleet file says it. Without `privacy` nothing is hidden, without `authentication` nobody
    has to prove anything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=32)
    authentication: Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"] | None = None
    authentication_secret: str = ""
    privacy: Literal["aes128"] | None = None
    privacy_secret: str = ""
    context: str = ""


class Opened(NamedTuple):
    """A question that may be answered: as a v2c message with an empty community, and how to seal the answer."""

    question: bytes
    sealed: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class _Message:
    number: int
    flags: int
    engine: bytes
    boots: int
    time: int
    user: bytes
    digest: bytes
    digest_at: int
    salt: bytes
    data: bytes


class Secured:
    """The engine: its id and clock, the user's keys, and what it says to those who are not let in."""

    def __init__(self, name: str, user: User, now: Callable[[], float] = time.monotonic) -> None:
        self._user = user
        self._now = now
        self._began = now()
        self._engine = b"\x80\x00\x1f\x88\x04" + name.encode()[:27]  # RFC 3411: format 4, assigned text
        self._boots = 1
        self._counts: dict[tuple[int, ...], int] = {}
        self._auth = self._localised(user.authentication_secret) if user.authentication else b""
        self._priv = self._localised(user.privacy_secret)[:16] if user.privacy else b""

    def opened(self, octets: bytes) -> Opened | bytes | None:
        """The question in a datagram; a Report where it may not be answered; `None` for what is no SNMPv3."""
        try:
            message = _parsed(octets)
            return self._judged(octets, message)
        except ber.Malformed:
            return None

    def _judged(self, octets: bytes, message: _Message) -> Opened | bytes:
        level = (AUTH if self._user.authentication else 0) | (PRIV if self._user.privacy else 0)
        if message.engine != self._engine:
            return self._report(message, ENGINE)
        if message.user != self._user.name.encode():
            return self._report(message, USER)
        if message.flags & 3 != level:
            return self._report(message, LEVEL)
        if level & AUTH and not self._proven(octets, message):
            return self._report(message, DIGEST)
        if level & AUTH and (message.boots != self._boots or abs(message.time - self._time()) > WINDOW):
            return self._report(message, TIME, AUTH)
        scoped = self._crypted(message.data, message, decrypt=True) if level & PRIV else message.data
        if not scoped or scoped[0] != ber.SEQUENCE:
            return self._report(message, DECRYPTION)
        at, end = ber.expected(ber.SEQUENCE, scoped, 0, len(scoped))
        _, at = ber.expected(ber.OCTET_STRING, scoped, at, end)
        start, at = ber.expected(ber.OCTET_STRING, scoped, at, end)
        context = scoped[start:at]
        if context != self._user.context.encode():
            return self._report(message, CONTEXT, level)

        def sealed(answer: bytes) -> bytes:
            begin, _ = ber.expected(ber.SEQUENCE, answer, 0, len(answer))
            return self._sealed(message, level, context, answer[begin + len(V2C_HEAD) :])

        return Opened(ber.tlv(ber.SEQUENCE, V2C_HEAD + scoped[at:end]), sealed)

    def _report(self, message: _Message, counter: tuple[int, ...], level: int = 0) -> bytes:
        self._counts[counter] = self._counts.get(counter, 0) + 1
        value = ber.tlv(ber.COUNTER32, ber.integer(self._counts[counter]))
        bound = ber.tlv(ber.SEQUENCE, ber.tlv(ber.OBJECT_IDENTIFIER, ber.oid(counter)) + value)
        numbers = b"".join(ber.tlv(ber.INTEGER, ber.integer(each)) for each in (0, 0, 0))
        return self._sealed(message, level, b"", ber.tlv(REPORT, numbers + ber.tlv(ber.SEQUENCE, bound)))

    def _sealed(self, asked: _Message, level: int, context: bytes, pdu: bytes) -> bytes:
        """A PDU in a message to the one who asked."""
        named = ber.tlv(ber.OCTET_STRING, self._engine) + ber.tlv(ber.OCTET_STRING, context)
        data, salt, clock = ber.tlv(ber.SEQUENCE, named + pdu), b"", self._time()
        if level & PRIV:
            salt = secrets.token_bytes(8)
            reply = _Message(0, 0, b"", self._boots, clock, b"", b"", 0, salt, b"")
            data = ber.tlv(ber.OCTET_STRING, self._crypted(data, reply, decrypt=False))
        size = HASHES[self._user.authentication] if level & AUTH and self._user.authentication else 0
        blank = self._framed(asked, level, clock, bytes(size), salt, data)
        return self._framed(asked, level, clock, self._digest(blank), salt, data) if size else blank

    def _framed(self, asked: _Message, level: int, clock: int, digest: bytes, salt: bytes, data: bytes) -> bytes:
        head = (
            ber.tlv(ber.INTEGER, ber.integer(asked.number))
            + ber.tlv(ber.INTEGER, ber.integer(65_507))
            + ber.tlv(ber.OCTET_STRING, bytes((level,)))
            + ber.tlv(ber.INTEGER, b"\x03")
        )
        who = (
            ber.tlv(ber.OCTET_STRING, self._engine)
            + ber.tlv(ber.INTEGER, ber.integer(self._boots))
            + ber.tlv(ber.INTEGER, ber.integer(clock))
            + ber.tlv(ber.OCTET_STRING, asked.user)
            + ber.tlv(ber.OCTET_STRING, digest)
            + ber.tlv(ber.OCTET_STRING, salt)
        )
        security = ber.tlv(ber.OCTET_STRING, ber.tlv(ber.SEQUENCE, who))
        return ber.tlv(ber.SEQUENCE, b"\x02\x01\x03" + ber.tlv(ber.SEQUENCE, head) + security + data)

    def _time(self) -> int:
        return int(self._now() - self._began)

    def _hash(self) -> str:
        return self._user.authentication or "sha1"

    def _localised(self, password: str) -> bytes:
        """RFC 3414 appendix A.2: a mebibyte of the password, hashed, and hashed again around the engine's id."""
        octets = password.encode()
        whole = (octets * (2**20 // len(octets) + 1))[: 2**20]
        key = hashlib.new(self._hash(), whole).digest()
        return hashlib.new(self._hash(), key + self._engine + key).digest()

    def _digest(self, blank: bytes) -> bytes:
        return hmac.new(self._auth, blank, self._hash()).digest()[: HASHES[self._hash()]]

    def _proven(self, octets: bytes, message: _Message) -> bool:
        end = message.digest_at + len(message.digest)
        blank = octets[: message.digest_at] + bytes(len(message.digest)) + octets[end:]
        return hmac.compare_digest(self._digest(blank), message.digest)

    def _crypted(self, data: bytes, message: _Message, *, decrypt: bool) -> bytes:
        """RFC 3826: AES-128 in CFB, started from the engine's clock and the salt."""
        if len(message.salt) != 8:
            return b""
        start = message.boots.to_bytes(4, "big") + message.time.to_bytes(4, "big") + message.salt
        cipher = Cipher(algorithms.AES(self._priv), CFB(start))
        work = cipher.decryptor() if decrypt else cipher.encryptor()
        return work.update(data) + work.finalize()


def _parsed(octets: bytes) -> _Message:
    at, end = ber.expected(ber.SEQUENCE, octets, 0, len(octets))
    version, at = _number(octets, at, end)
    if version != 3:
        raise ber.Malformed("not SNMPv3")
    inner, at = ber.expected(ber.SEQUENCE, octets, at, end)
    number, inner = _number(octets, inner, at)
    _, inner = _number(octets, inner, at)
    start, inner = ber.expected(ber.OCTET_STRING, octets, inner, at)
    flags = octets[start] if inner > start else 0
    who, at = ber.expected(ber.OCTET_STRING, octets, at, end)
    who, stop = ber.expected(ber.SEQUENCE, octets, who, at)
    engine, who = _text(octets, who, stop)
    boots, who = _number(octets, who, stop)
    clock, who = _number(octets, who, stop)
    user, who = _text(octets, who, stop)
    digest, who = _text(octets, who, stop)
    digest_at = who - len(digest)
    salt, _ = _text(octets, who, stop)
    data = _text(octets, at, end)[0] if flags & PRIV else octets[at:end]
    if min(boots, clock) < 0:
        raise ber.Malformed("negative clock")
    return _Message(number, flags, engine, boots, clock, user, digest, digest_at, salt, data)


def _number(octets: bytes, at: int, end: int) -> tuple[int, int]:
    start, stop = ber.expected(ber.INTEGER, octets, at, end)
    if stop - start > 5:
        raise ber.Malformed("number")
    return ber.number(octets[start:stop]), stop


def _text(octets: bytes, at: int, end: int) -> tuple[bytes, int]:
    start, stop = ber.expected(ber.OCTET_STRING, octets, at, end)
    return octets[start:stop], stop

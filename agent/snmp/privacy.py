"""Ciphers of SNMPv3: AES in CFB (RFC 3826), DES (RFC 3414 section 8) and triple DES (draft-reeder) in CBC."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from itertools import count
from typing import Literal, NamedTuple, Protocol

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher as Library
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

Extension = Literal["blumenthal", "reeder"]
SALT = 8  # octets of msgPrivacyParameters, in every protocol
BLOCK, AES_BLOCK = 8, 16  # octets of DES and of AES

# For the whole process, from anywhere: no salt may come twice under one key (RFC 3826 section 3.1.3).
_salts = count(secrets.randbits(63))


class Cipher(Protocol):
    """One localised key at work. Owes: no salt is used twice; nothing raises, whatever the octets."""

    def encrypt(self, plain: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        """The encrypted octets and the salt that the other side needs, for an engine with this clock."""

    def decrypt(self, sealed: bytes, salt: bytes, boots: int, time: int) -> bytes | None:
        """The plain octets with the padding; `None` for a length that cannot be. `salt` has 8 octets."""


class AesCfb:
    """AES with 16, 24 or 32 octets of key: engine boots, engine time and salt are where it begins."""

    __slots__ = ("_key", "_reader")

    def __init__(self, key: bytes) -> None:
        self._key = AES(key)
        self._reader = Library(self._key, CFB(bytes(AES_BLOCK))).decryptor()

    def encrypt(self, plain: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        """As long as the plain octets."""
        salt = (next(_salts) % 2**64).to_bytes(SALT, "big")
        return Library(self._key, CFB(_clock(boots, time) + salt)).encryptor().update(plain), salt

    def decrypt(self, sealed: bytes, salt: bytes, boots: int, time: int) -> bytes | None:
        """Any length is possible.

        What CFB goes on from is the ciphertext block before, and nothing else: with the beginning read as a block, one
        reader serves all messages, as long as each ends with a whole block. A new one would cost five times as much.
        """
        beginning, filling = _clock(boots, time) + salt, bytes(-len(sealed) % AES_BLOCK)
        return self._reader.update(beginning + sealed + filling)[AES_BLOCK : AES_BLOCK + len(sealed)]


class DesCbc:
    """DES with a key of 16 octets, or triple DES with 32: the last 8, combined with the salt, are where it begins."""

    __slots__ = ("_before", "_key")

    def __init__(self, key: bytes) -> None:
        # Three times the same key is single DES, which the library does not have by itself.
        self._key = TripleDES(key[:-BLOCK] * (3 if len(key) == 2 * BLOCK else 1))
        self._before = int.from_bytes(key[-BLOCK:], "big")

    def encrypt(self, plain: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        """In whole blocks; what fills the last one is ignored by the other side."""
        salt = boots.to_bytes(4, "big") + (next(_salts) % 2**32).to_bytes(4, "big")
        whole = plain + bytes(-len(plain) % BLOCK)
        return Library(self._key, CBC(self._start(salt))).encryptor().update(whole), salt

    def decrypt(self, sealed: bytes, salt: bytes, boots: int, time: int) -> bytes | None:
        """Whole blocks only."""
        if len(sealed) % BLOCK:
            return None
        return Library(self._key, CBC(self._start(salt))).decryptor().update(sealed)

    def _start(self, salt: bytes) -> bytes:
        return (self._before ^ int.from_bytes(salt, "big")).to_bytes(BLOCK, "big")


class Privacy(NamedTuple):
    """How a privacy protocol is made of a key: octets of key, and how a hash that gives less is continued."""

    made: Callable[[bytes], Cipher]
    octets: int
    extension: Extension


CIPHERS: dict[str, Privacy] = {
    "des": Privacy(DesCbc, 16, "blumenthal"),
    "3des": Privacy(DesCbc, 32, "reeder"),
    "aes128": Privacy(AesCfb, 16, "blumenthal"),
    "aes192": Privacy(AesCfb, 24, "blumenthal"),
    "aes256": Privacy(AesCfb, 32, "blumenthal"),
    "aes192c": Privacy(AesCfb, 24, "reeder"),
    "aes256c": Privacy(AesCfb, 32, "reeder"),
}


def _clock(boots: int, time: int) -> bytes:
    return boots.to_bytes(4, "big") + time.to_bytes(4, "big")

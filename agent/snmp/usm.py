"""How SNMPv3 messages are signed and encrypted for one printer (RFC 3414, RFC 3826, RFC 7860)."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from typing import NamedTuple

from agent.snmp.access import UserAccess
from agent.snmp.privacy import CIPHERS, SALT, Cipher, Extension

MEBIBYTE = 2**20  # octets of a repeated password that are hashed; RFC 3414 section A.2


class _Digest(NamedTuple):
    """An authentication protocol: its hash, and how many octets of the HMAC travel."""

    hash: str
    octets: int


_DIGESTS: dict[str, _Digest] = {
    "md5": _Digest("md5", 12),  # RFC 3414 section 6
    "sha1": _Digest("sha1", 12),  # RFC 3414 section 7
    "sha224": _Digest("sha224", 16),  # RFC 7860 section 4, the four of them
    "sha256": _Digest("sha256", 24),
    "sha384": _Digest("sha384", 32),
    "sha512": _Digest("sha512", 48),
}


class Keys:
    """What one user needs to speak to one engine: localised once, and the keyed hash is begun once."""

    __slots__ = ("_cipher", "_mac", "blank")

    def __init__(self, access: UserAccess, engine_id: bytes) -> None:
        self._cipher: Cipher | None = None
        self._mac: hmac.HMAC | None = None
        self.blank = b""  # what stands where the digest will be while it is computed
        if access.authentication is None:
            return
        name, octets = _DIGESTS[access.authentication]
        self.blank = bytes(octets)
        self._mac = hmac.new(localised(_root(access.authentication_secret, name), engine_id, name), digestmod=name)
        if access.privacy is not None:
            made, size, extension = CIPHERS[access.privacy]
            self._cipher = made(privacy_key(_root(access.privacy_secret, name), engine_id, name, size, extension))

    def digest(self, message: bytes) -> bytes:
        """msgAuthenticationParameters of a whole message in which they are zero (RFC 3414 section 6.3.1)."""
        if self._mac is None:
            return b""
        mac = self._mac.copy()
        mac.update(message)
        return mac.digest()[: len(self.blank)]

    def proves(self, message: bytes, at: int, digest: bytes) -> bool:
        """Whether `digest`, which stands at `at`, is the one of this message."""
        if self._mac is None or len(digest) != len(self.blank):
            return False
        whole = message[:at] + self.blank + message[at + len(digest) :]
        return hmac.compare_digest(self.digest(whole), digest)

    def encrypt(self, plain: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        """The encrypted octets and msgPrivacyParameters, for an engine with this clock; as they are without privacy."""
        return (plain, b"") if self._cipher is None else self._cipher.encrypt(plain, boots, time)

    def decrypt(self, sealed: bytes, salt: bytes, boots: int, time: int) -> bytes | None:
        """The plain octets, with padding behind them where the cipher needs it; `None` when they cannot be had."""
        if self._cipher is None or len(salt) != SALT:
            return None
        return self._cipher.decrypt(sealed, salt, boots, time)


def hashed(secret: bytes, name: str) -> bytes:
    """A mebibyte of the repeated secret, hashed (RFC 3414 section A.2): a key that no engine has yet."""
    return hashlib.new(name, (secret * (MEBIBYTE // len(secret) + 1))[:MEBIBYTE]).digest()


def localised(root: bytes, engine_id: bytes, name: str) -> bytes:
    """The key of this engine alone (RFC 3414 section A.2): one printer's key opens no other."""
    return hashlib.new(name, root + engine_id + root).digest()


@lru_cache(maxsize=64)
def _root(secret: str, name: str) -> bytes:
    """4 to 5 ms, once per user and password."""
    return hashed(secret.encode(), name)


def privacy_key(root: bytes, engine_id: bytes, name: str, size: int, extension: Extension) -> bytes:
    """A localised key of `size` octets. The hash may give less: then it is continued in one of the two known ways."""
    key = localised(root, engine_id, name)
    while len(key) < size:
        if extension == "blumenthal":  # draft-blumenthal-aes-usm-04 section 3.1.2.1
            key += hashlib.new(name, key).digest()
        else:  # draft-reeder-snmpv3-usm-3desede-00 section 2.1: as if the key so far were a password
            key += localised(hashed(key, name), engine_id, name)
    return key[:size]

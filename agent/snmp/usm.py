"""How SNMPv3 messages are signed and encrypted for one printer (RFC 3414, RFC 3826, RFC 7860).

Key derivation and encryption are pysnmp's. The digest is the standard library's: pysnmp looks for the place of a digest
by a run of zero octets, which an engine id may hold as well.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from pyasn1.type.univ import OctetString
from pysnmp.proto.error import ProtocolError, StatusInformation
from pysnmp.proto.secmod.rfc3414 import service as pysnmp  # first: the modules it holds import each other in a ring
from pysnmp.proto.secmod.rfc3414.localkey import hash_passphrase, localize_key

from agent.snmp.access import UserAccess

_PROTOCOLS = (1, 3, 6, 1, 6, 3, 10, 1, 1)  # snmpAuthProtocols (RFC 3411, RFC 7860 section 8)


class _Digest(NamedTuple):
    """An authentication protocol: its hash, how many octets of the HMAC travel, and pysnmp's name for it."""

    hash: Callable[..., Any]
    octets: int
    oid: tuple[int, ...]


_DIGESTS: dict[str, _Digest] = {
    "md5": _Digest(hashlib.md5, 12, (*_PROTOCOLS, 2)),
    "sha1": _Digest(hashlib.sha1, 12, (*_PROTOCOLS, 3)),
    "sha224": _Digest(hashlib.sha224, 16, (*_PROTOCOLS, 4)),
    "sha256": _Digest(hashlib.sha256, 24, (*_PROTOCOLS, 5)),
    "sha384": _Digest(hashlib.sha384, 32, (*_PROTOCOLS, 6)),
    "sha512": _Digest(hashlib.sha512, 48, (*_PROTOCOLS, 7)),
}
# One object each for the whole process: it counts the salts, and no salt may come twice under one key.
_CIPHERS: dict[str, Any] = {
    "des": pysnmp.des.Des(),
    "3des": pysnmp.des3.Des3(),
    "aes128": pysnmp.aes.Aes(),
    "aes192": pysnmp.aes192.AesBlumenthal192(),
    "aes256": pysnmp.aes256.AesBlumenthal256(),
    "aes192c": pysnmp.aes192.Aes192(),
    "aes256c": pysnmp.aes256.Aes256(),
}


class Keys:
    """What one user needs to speak to one engine: localised once, because that and the hashing cost milliseconds."""

    __slots__ = ("_auth", "_cipher", "_digest", "_priv")

    def __init__(self, access: UserAccess, engine_id: bytes) -> None:
        self._digest = _DIGESTS[access.authentication] if access.authentication else None
        self._cipher = _CIPHERS[access.privacy] if access.privacy else None
        self._auth, self._priv = b"", OctetString(b"")
        if self._digest is None:
            return
        engine = OctetString(engine_id)
        root = _root(access.authentication_secret, access.authentication or "")
        self._auth = localize_key(root, engine, self._digest.hash).asOctets()
        if self._cipher is not None:
            root = _root(access.privacy_secret, access.authentication or "")
            self._priv = self._cipher.localize_key(self._digest.oid, root, engine)

    @property
    def blank(self) -> bytes:
        """What stands where the digest will be while it is computed."""
        return bytes(self._digest.octets if self._digest else 0)

    def digest(self, message: bytes) -> bytes:
        """msgAuthenticationParameters of a whole message in which they are zero (RFC 3414 section 6.3.1)."""
        if self._digest is None:
            return b""
        return hmac.new(self._auth, message, self._digest.hash).digest()[: self._digest.octets]

    def proves(self, message: bytes, at: int, digest: bytes) -> bool:
        """Whether `digest`, which stands at `at`, is the one of this message."""
        if self._digest is None or len(digest) != self._digest.octets:
            return False
        whole = message[:at] + bytes(len(digest)) + message[at + len(digest) :]
        return hmac.compare_digest(self.digest(whole), digest)

    def encrypt(self, plain: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        """The encrypted octets and msgPrivacyParameters, for an engine with this clock; as they are without privacy."""
        if self._cipher is None:
            return plain, b""
        sealed, salt = self._cipher.encrypt_data(self._priv, (boots, time, None), plain)
        return sealed.asOctets(), salt.asOctets()

    def decrypt(self, sealed: bytes, salt: bytes, boots: int, time: int) -> bytes | None:
        """The plain octets, with padding behind them where the cipher needs it; `None` when they cannot be had."""
        if self._cipher is None or len(salt) != 8:
            return None
        try:
            plain = self._cipher.decrypt_data(self._priv, (boots, time, OctetString(salt)), OctetString(sealed))
        except (StatusInformation, ProtocolError, ValueError):
            return None
        return bytes(plain)


@lru_cache(maxsize=64)
def _root(secret: str, authentication: str) -> OctetString:
    """A password hashed to a key that no engine has yet (RFC 3414 appendix A.2): 4 to 5 ms, once per user."""
    return hash_passphrase(secret.encode(), _DIGESTS[authentication].hash)

"""The agent's own key: made on this machine, of which the portal learns the public part alone.

EC P-256 or RSA of 2048 bits or more; JWK (RFC 7517) with its thumbprint (RFC 7638), signed texts as JWS (RFC 7515).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

KeyKind = Literal["ec", "rsa"]
RSA_BITS = 3072
LEAST_RSA_BITS = 2048
_SHA256 = hashes.SHA256()


@dataclass(frozen=True, slots=True)
class AgentKey:
    """A private key, which no `repr` shows."""

    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = field(repr=False)

    @staticmethod
    def made(kind: KeyKind = "ec") -> AgentKey:
        """A new key."""
        if kind == "rsa":
            return AgentKey(rsa.generate_private_key(65537, RSA_BITS))
        return AgentKey(ec.generate_private_key(ec.SECP256R1()))

    @staticmethod
    def of(pem: str) -> AgentKey:
        """The key in this PEM text (PKCS 8); raises `ValueError` for another kind of key, a weak one, or none."""
        try:
            private = serialization.load_pem_private_key(pem.encode(), None)
        except (TypeError, UnsupportedAlgorithm) as error:
            raise ValueError("this is no private key") from error
        if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= LEAST_RSA_BITS:
            return AgentKey(private)
        if isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1):
            return AgentKey(private)
        raise ValueError("the key is neither EC P-256 nor RSA of 2048 bits or more")

    @property
    def pem(self) -> str:
        """As it is stored, and nowhere else."""
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self.private.private_bytes(*form).decode()

    @property
    def jwk(self) -> dict[str, str]:
        """The public part, its required members alone."""
        if isinstance(self.private, rsa.RSAPrivateKey):
            numbers = self.private.public_key().public_numbers()
            return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
        point = self.private.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": encoded(point.x.to_bytes(32)), "y": encoded(point.y.to_bytes(32))}

    @property
    def kid(self) -> str:
        """The thumbprint of the public part."""
        return encoded(hashlib.sha256(_json(self.jwk)).digest())

    def signed(self, claims: Mapping[str, object]) -> str:
        """These claims as a compact JWS."""
        header = {"alg": "RS256" if isinstance(self.private, rsa.RSAPrivateKey) else "ES256", "kid": self.kid}
        said = f"{encoded(_json(header))}.{encoded(_json(claims))}"
        return f"{said}.{encoded(self._signature(said.encode()))}"

    def _signature(self, octets: bytes) -> bytes:
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(octets, padding.PKCS1v15(), _SHA256)
        # RFC 7518 section 3.4: the two numbers side by side, not DER.
        pair = utils.decode_dss_signature(self.private.sign(octets, ec.ECDSA(_SHA256)))
        return b"".join(one.to_bytes(32) for one in pair)


def encoded(octets: bytes) -> str:
    """base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _number(value: int) -> str:
    return encoded(value.to_bytes((value.bit_length() + 7) // 8))


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

"""Keys and client assertions as an agent makes them, for tests: good ones, and every kind of wrong one."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

JSON = dict[str, Any]
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
AUDIENCE = "https://portal.example/v1/oauth2/token"
SHA256 = hashes.SHA256()


def encoded(octets: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


@dataclass(frozen=True)
class Key:
    """A private key with the algorithm that it signs by."""

    private: Any
    algorithm: str

    @classmethod
    def made(cls, algorithm: str = "ES256", bits: int = 2048) -> Key:
        """A new key."""
        if algorithm == "ES256":
            return cls(ec.generate_private_key(ec.SECP256R1()), algorithm)
        if algorithm == "EdDSA":
            return cls(ed25519.Ed25519PrivateKey.generate(), algorithm)
        return cls(rsa.generate_private_key(65537, bits), algorithm)

    @property
    def jwk(self) -> JSON:
        """The public part."""
        public = self.private.public_key()
        if self.algorithm == "ES256":
            numbers = public.public_numbers()
            x, y = (encoded(one.to_bytes(32)) for one in (numbers.x, numbers.y))
            return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        if self.algorithm == "EdDSA":
            return {"kty": "OKP", "crv": "Ed25519", "x": encoded(public.public_bytes_raw())}
        numbers = public.public_numbers()
        n, e = (encoded(one.to_bytes((one.bit_length() + 7) // 8)) for one in (numbers.n, numbers.e))
        return {"kty": "RSA", "n": n, "e": e}

    @property
    def kid(self) -> str:
        """RFC 7638 thumbprint."""
        return encoded(hashlib.sha256(json.dumps(self.jwk, sort_keys=True, separators=(",", ":")).encode()).digest())

    def signature(self, signed: bytes) -> bytes:
        """By the key's own algorithm."""
        if self.algorithm == "ES256":
            r, s = utils.decode_dss_signature(self.private.sign(signed, ec.ECDSA(SHA256)))
            return r.to_bytes(32) + s.to_bytes(32)
        if self.algorithm == "EdDSA":
            return bytes(self.private.sign(signed))
        if self.algorithm == "PS256":
            return bytes(self.private.sign(signed, padding.PSS(padding.MGF1(SHA256), 32), SHA256))
        return bytes(self.private.sign(signed, padding.PKCS1v15(), SHA256))

    def assertion(self, subject: str, header: JSON | None = None, **changes: object) -> str:
        """A client assertion of this subject; `changes` are claims, None leaves one out."""
        claims = {
            "iss": subject,
            "sub": subject,
            "aud": AUDIENCE,
            "exp": int(time.time()) + 120,
            "jti": secrets.token_hex(8),
            **changes,
        }
        parts = ({"alg": self.algorithm, **(header or {})}, {k: v for k, v in claims.items() if v is not None})
        signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{encoded(self.signature(signed.encode()))}"

    def registration(self, **changes: object) -> JSON:
        """The body that registers this key, with its proof."""
        return {"public_key": self.jwk, "proof": self.assertion(self.kid), **changes}

    def form(self, agent_id: str, assertion: str | None = None, **fields: str) -> dict[str, str]:
        """The form that asks for a token with this key."""
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": TYPE,
            "client_assertion": assertion or self.assertion(agent_id),
            **fields,
        }

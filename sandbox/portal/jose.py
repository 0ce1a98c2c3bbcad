"""Public keys as JWK (RFC 7517) with their thumbprints (RFC 7638), and signed tokens (RFC 7515) opened with them.

Only asymmetric algorithms, each bound to its kind of key; what a token says of its own algorithm is never enough.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})  # RFC 7518 section 6
MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
LEAST_RSA_BITS, MOST_RSA_BITS = 2048, 8192
LONGEST_TOKEN = 8192

Material = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key; `kid` is its RFC 7638 thumbprint and `jwk` holds the required members alone."""

    kid: str
    jwk: dict[str, str]
    material: Material

    @property
    def kind(self) -> str:
        """What a person calls it."""
        if isinstance(self.material, rsa.RSAPublicKey):
            return f"RSA {self.material.key_size}"
        return "Ed25519" if isinstance(self.material, ed25519.Ed25519PublicKey) else "EC P-256"


def public_key(jwk: object) -> PublicKey:
    """The key in a JWK. Raises `ValueError` for one that is private, weak, of another kind or no key at all."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kty"), str) or jwk["kty"] not in MEMBERS:
        raise ValueError("The key is no JWK of the kinds EC, OKP or RSA.")
    if PRIVATE_MEMBERS & jwk.keys():
        raise ValueError("The key has a private part, which never leaves its machine. Make a new key.")
    members = {name: jwk.get(name) for name in MEMBERS[jwk["kty"]]}
    if not all(isinstance(value, str) for value in members.values()):
        raise ValueError(f"A key of the kind {jwk['kty']} has the members {', '.join(members)}.")
    kept = {name: str(value) for name, value in members.items()}
    material = _material(kept)
    thumbprint = hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).digest()
    return PublicKey(_encoded(thumbprint), kept, material)


def _material(jwk: dict[str, str]) -> Material:
    if jwk["kty"] == "RSA":
        key = rsa.RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"])).public_key()
        if not LEAST_RSA_BITS <= key.key_size <= MOST_RSA_BITS or not 65537 <= key.public_numbers().e < 2**32:
            raise ValueError(f"An RSA key has {LEAST_RSA_BITS} to {MOST_RSA_BITS} bits and an exponent from 65537 on.")
        return key
    if (jwk["kty"], jwk["crv"]) == ("EC", "P-256"):
        return ec.EllipticCurvePublicNumbers(_number(jwk["x"]), _number(jwk["y"]), ec.SECP256R1()).public_key()
    if (jwk["kty"], jwk["crv"]) == ("OKP", "Ed25519"):
        return ed25519.Ed25519PublicKey.from_public_bytes(decoded(jwk["x"]))
    raise ValueError("The curves are P-256 and Ed25519.")


@dataclass(frozen=True, slots=True)
class Token:
    """A compact JWS that nobody has verified yet."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    def is_signed_by(self, key: PublicKey) -> bool:
        """Whether the signature is this key's, by the algorithm that is in the header and fits the key."""
        try:
            _verify(self.header.get("alg"), key.material, self.signature, self.signed)
        except (InvalidSignature, ValueError):
            return False
        return True


def token_of(text: object) -> Token:
    """The parts of a compact JWS; raises `ValueError`. Extensions that must be understood (`crit`) are not."""
    if not isinstance(text, str) or len(text) > LONGEST_TOKEN or text.count(".") != 2 or not text.isascii():
        raise ValueError("It is no compact JWS.")
    header_part, claims_part, signature_part = text.split(".")
    header, claims = _object(header_part), _object(claims_part)
    if "crit" in header or header.get("b64", True) is not True:
        raise ValueError("It has extensions that are not understood.")
    return Token(header, claims, f"{header_part}.{claims_part}".encode(), decoded(signature_part))


def decoded(text: str) -> bytes:
    """Octets from base64url without padding (RFC 7515 section 2); raises `ValueError`."""
    if "=" in text:
        raise ValueError("It is padded.")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("It is no base64url.") from error


def _verify(algorithm: object, key: Material, signature: bytes, signed: bytes) -> None:
    sha256 = hashes.SHA256()
    match algorithm, key:
        case "ES256", ec.EllipticCurvePublicKey() if len(signature) == 64:
            pair = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
            key.verify(utils.encode_dss_signature(*pair), signed, ec.ECDSA(sha256))
        case "EdDSA" | "Ed25519", ed25519.Ed25519PublicKey():
            key.verify(signature, signed)
        case "RS256", rsa.RSAPublicKey():
            key.verify(signature, signed, padding.PKCS1v15(), sha256)
        case "PS256", rsa.RSAPublicKey():
            key.verify(signature, signed, padding.PSS(padding.MGF1(sha256), sha256.digest_size), sha256)
        case _:
            raise InvalidSignature


def _object(part: str) -> dict[str, Any]:
    try:
        content = json.loads(decoded(part))
    except (ValueError, RecursionError) as error:
        raise ValueError("It is no compact JWS.") from error
    if not isinstance(content, dict):
        raise ValueError("It is no compact JWS.")
    return content


def _number(text: str) -> int:
    return int.from_bytes(decoded(text))


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")

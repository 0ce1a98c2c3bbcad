"""Client assertions (RFC 7523 section 3): who signs must have the key, mean this portal, mean now, and say it once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sandbox.portal.jose import PublicKey, Token, token_of
from sandbox.portal.ledger import Ledger

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LEEWAY = 60.0  # seconds that two clocks may differ
LONGEST_LIFE = 300.0  # seconds from now to `exp`
LONGEST_JTI = 128


class AssertionRejected(Exception):
    """An assertion that proves nothing; the message says why, in words for who wrote the client."""


def check(token: Token, keys: Sequence[PublicKey], issuer: str, audiences: frozenset[str], now: dt.datetime) -> None:
    """Everything that one look can tell; what was used before is for `use_once`. Raises `AssertionRejected`."""
    named = token.header.get("kid")
    candidates = [key for key in keys if named in (None, key.kid)]
    if not any(token.is_signed_by(key) for key in candidates):
        raise AssertionRejected("The signature is by no key that is registered and valid.")
    if token.claims.get("iss") != issuer or token.claims.get("sub") != issuer:
        raise AssertionRejected("iss and sub are not both the client's own id.")
    audience = token.claims.get("aud")
    meant = audience[0] if isinstance(audience, list) and len(audience) == 1 else audience
    if not isinstance(meant, str) or meant not in audiences:
        raise AssertionRejected("aud is not this portal's token endpoint, and it alone.")
    _check_times(token, now.timestamp())
    jti = token.claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= LONGEST_JTI or not (jti.isascii() and jti.isprintable()):
        raise AssertionRejected(f"jti is no ASCII text of 1 to {LONGEST_JTI} characters.")


def _check_times(token: Token, now: float) -> None:
    end = _seconds(token, "exp")
    if end is None:
        raise AssertionRejected("exp is missing.")
    if end <= now - LEEWAY:
        raise AssertionRejected("It has expired; compare your clock with the header Date.")
    if end > now + LONGEST_LIFE + LEEWAY:
        raise AssertionRejected(f"exp is more than {LONGEST_LIFE:.0f} seconds away; compare your clock.")
    for name in ("nbf", "iat"):
        start = _seconds(token, name)
        if start is not None and start > now + LEEWAY:
            raise AssertionRejected(f"{name} is in the future; compare your clock with the header Date.")


def _seconds(token: Token, name: str) -> float | None:
    value = token.claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 10**12:
        raise AssertionRejected(f"{name} is no number of seconds.")
    return float(value)


def use_once(ledger: Ledger, token: Token, now: dt.datetime) -> None:
    """Notes that this `jti` is used up, for longer than the assertion lives. Raises `AssertionRejected` for the second.

    To be called inside a transaction.
    """
    ledger.db.execute("DELETE FROM used_assertions WHERE until < ?", (now.timestamp() - 2 * LEEWAY,))
    row = (token.claims["iss"], token.claims["jti"], float(token.claims["exp"]))
    if not ledger.db.execute("INSERT OR IGNORE INTO used_assertions VALUES (?, ?, ?)", row).rowcount:
        raise AssertionRejected("This jti has been used before; every try needs a new one.")


def proven(ledger: Ledger, proof: object, key: PublicKey, audiences: frozenset[str], now: dt.datetime) -> None:
    """That the sender has the private part of `key`: an assertion in the name of its thumbprint.

    To be called inside a transaction. Raises `AssertionRejected`.
    """
    try:
        token = token_of(proof)
    except ValueError as error:
        raise AssertionRejected(str(error)) from error
    check(token, (key,), key.kid, audiences, now)
    use_once(ledger, token, now)

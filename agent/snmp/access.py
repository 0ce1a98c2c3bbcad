"""SNMPv3 users: who asks, how they prove themselves, and how they hide what is said (RFC 3414)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

Authentication = Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
# aes192 and aes256 extend short keys as net-snmp does (draft-blumenthal-aes-usm-04), aes192c and aes256c as Cisco and
# some printers do (draft-reeder-snmpv3-usm-3desede-00).
Privacy = Literal["des", "3des", "aes128", "aes192", "aes256", "aes192c", "aes256c"]
LEAST_SECRET = 8  # octets; RFC 3414 section 11.2
MOST_NAME = 32  # octets of a user name (SnmpAdminString (SIZE(1..32)), RFC 3414 section 5) and of a context name

AUTH_FLAG: Final = 1  # bits of msgFlags, RFC 3412 section 6.4
PRIV_FLAG: Final = 2


@dataclass(frozen=True, slots=True)
class UserAccess:
    """How to speak SNMPv3: the user, how it proves itself and hides what is said, and the context that is asked.

    Secrets have 8 octets or more; privacy needs authentication (there is no security level that hides without
    proving). Raises `ValueError` for anything else. No `repr` shows a secret.
    """

    user: str
    authentication: Authentication | None = None
    authentication_secret: str = field(default="", repr=False)
    privacy: Privacy | None = None
    privacy_secret: str = field(default="", repr=False)
    context: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.user.encode()) <= MOST_NAME or len(self.context.encode()) > MOST_NAME:
            raise ValueError("a user name has 1 to 32 octets, a context name at most 32")
        if self.privacy and not self.authentication:
            raise ValueError("privacy without authentication")
        for protocol, secret in (
            (self.authentication, self.authentication_secret),
            (self.privacy, self.privacy_secret),
        ):
            if protocol and len(secret.encode()) < LEAST_SECRET:
                raise ValueError("a secret of SNMPv3 has 8 octets or more")

    @property
    def version(self) -> Literal["v3"]:
        """What an `Answer` by this access is called."""
        return "v3"

    @property
    def flags(self) -> int:
        """The security level as msgFlags says it (RFC 3412 section 6.4), without reportableFlag."""
        return (AUTH_FLAG if self.authentication else 0) | (PRIV_FLAG if self.privacy else 0)

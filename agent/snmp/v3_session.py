"""One SNMPv3 user with one engine: how its requests are written and its answers opened."""

from __future__ import annotations

from agent.snmp.access import AUTH_FLAG, PRIV_FLAG, UserAccess
from agent.snmp.privacy import SALT
from agent.snmp.usm import Keys
from agent.snmp.v3_message import REPORTABLE, Clock, Envelope, Frame, Scoped, decode_scoped


class Session:
    """One user's way to speak to one engine: requests sealed, answers opened; made once, whatever is asked.

    Not yet judged by it is whether an answer is timely and fits the question.
    """

    __slots__ = ("_frame", "_keys", "context", "engine_id", "flags", "user")

    def __init__(self, access: UserAccess, engine_id: bytes) -> None:
        self.engine_id = engine_id
        self.flags = access.flags
        self.user, self.context = access.user.encode(), access.context.encode()
        self._keys = Keys(access, engine_id)
        digest, salt = len(self._keys.blank), SALT if self.flags & PRIV_FLAG else 0
        self._frame = Frame(self.flags | REPORTABLE, engine_id, self.user, self.context, digest, salt)

    def sealed(self, pdu: tuple[bytes, bytes], number: int, clock: Clock) -> bytes:
        """The message for a request PDU, in parts as of `encode_pdu`; `number` is its msgID and its request id."""
        if not self.flags:
            clock = Clock(0, 0)  # nobody's clock is asked for (RFC 3414 section 3.1, 5)
        content, salt = self._keys.encrypt(self._frame.scoped(pdu, number), *clock)
        whole, at = self._frame.framed(number, clock, salt, content)
        return whole[:at] + self._keys.digest(whole) + whole[at + len(self._keys.blank) :]

    def opened(self, datagram: bytes, envelope: Envelope) -> Scoped | str:
        """The scoped PDU of a message that says it is proven, decrypted where it says it is hidden; in a word why not
        when it is not proven or cannot be. Raises `BadReply` when what was proven cannot be read."""
        if envelope.engine_id != self.engine_id or envelope.user != self.user:
            return "wrong_engine"
        if not self._keys.proves(datagram, envelope.digest_at, envelope.digest):
            return "wrong_digest"
        if not envelope.flags & PRIV_FLAG:
            return decode_scoped(envelope.content)
        content = self._keys.decrypt(envelope.content, envelope.salt, *envelope.clock)
        return "not_decrypted" if content is None else decode_scoped(content)

    def mismatch(self, envelope: Envelope, scoped: Scoped) -> str:
        """In a word, why a message is none of this user's and this engine's, or less secure than it has to be; empty
        when it is as it should be."""
        if envelope.flags & (AUTH_FLAG | PRIV_FLAG) != self.flags:
            return "wrong_security_level"
        if envelope.engine_id != self.engine_id or envelope.user != self.user:
            return "wrong_engine"
        if (scoped.engine_id, scoped.context) != (self.engine_id, self.context):
            return "wrong_context"
        # The number is the request id as well, and inside it is covered by the digest.
        return "" if scoped.response.request_id == envelope.number else "wrong_request_id"

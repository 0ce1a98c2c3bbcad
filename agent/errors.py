"""What can go wrong, one class per thing that a caller does differently.

Every error says what happened, where, and the remedy; the command line shows both and ends with the
class's `exit_code` (2 usage or configuration, 3 portal refused, 4 network, 1 everything else).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from agent.texts import Message


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to correct. `key` is where: the path of a key such as "discovery.ranges[2]", or a place in words;
    `line` where it stands in its file, from 1."""

    key: str | Message
    what: Message
    remedy: Message
    line: int | None = None

    def __str__(self) -> str:
        place = f"line {self.line}, {self.key}" if self.line else self.key
        return f"{place}: {self.what} {self.remedy}"


class AgentError(Exception):
    """An error that a person can do something about; `problems` are its parts where it has several."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: Message, remedy: Message | None = None, problems: Sequence[Problem] = ()) -> None:
        super().__init__(str(what))
        self.what = what
        self.remedy = remedy
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}" if self.remedy else str(self.what)


def in_lines(error: AgentError) -> str:
    """What happened, every problem in a line of its own, and the remedy."""
    return "\n".join([str(error.what), *(f"  {problem}" for problem in error.problems), str(error.remedy or "")])


class ConfigError(AgentError):
    """The config file cannot be used as it is; nothing was started."""

    exit_code = 2


class SheetError(AgentError):
    """A CSV file cannot be used as it is; nothing was taken from it. `problems` name rows and columns."""

    exit_code = 2


class SecretError(AgentError):
    """A secret is missing, readable by others, or unusable; nothing was started."""

    exit_code = 2


class ProfileError(AgentError):
    """A printer profile is wrong; names file and table."""

    exit_code = 2


class StoreError(AgentError):
    """The database could not be read or written. What was not confirmed as stored is not stored."""


class StoreFull(StoreError):
    """No space left for the database; the agent keeps what it has and goes on when there is space."""


class StoreDamaged(StoreError):
    """The database file is not what was written; it was left as it is."""


class StoreBusy(StoreError):
    """Another meter-agent works on the same database."""


class PortalError(AgentError):
    """The portal's answer was not what was asked for.

    `took_nothing` says that it has surely booked nothing of what was sent, or that nothing left at all.
    """

    exit_code = 3
    took_nothing: bool = False


class EquipmentListUnusable(PortalError):
    """The file with the equipment list, in place of a portal, cannot be used; `problems` name rows and columns."""

    exit_code = 2


class PortalUnavailable(PortalError):
    """No answer, or one that says later: nothing is lost, try again after `retry_after` seconds."""

    exit_code = 4

    def __init__(self, what: Message, remedy: Message | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(what, remedy)
        self.retry_after = retry_after


class PortalUnreachable(PortalUnavailable):
    """The portal as a whole is away: no connection, or only a gateway or a notice of maintenance answers.

    That says nothing about what was sent.
    """


class RateLimited(PortalUnavailable):
    """The portal has not looked at the request (429): waiting is all that it wants, and it counts as no try."""

    took_nothing = True


class RequestRefused(PortalError):
    """The portal understands us and will never take this request as it is; `code` names its problem."""

    took_nothing = True

    def __init__(self, what: Message, remedy: Message | None = None, *, code: str) -> None:
        super().__init__(what, remedy)
        self.code = code


class AgentTooOld(PortalError):
    """The portal takes nothing from this version any more: pause until it was updated."""

    took_nothing = True


class PortalUntrusted(PortalError):
    """The connection is not safe (certificate, key size, host name, plain http): nothing was sent."""

    took_nothing = True


class CredentialsRejected(PortalError):
    """The portal does not accept this agent's credentials: pause until a person has acted."""

    took_nothing = True


class RightMissing(PortalError):
    """The key user has not unlocked the area this needs; `area` names it."""

    took_nothing = True

    def __init__(self, what: Message, remedy: Message | None = None, *, area: str) -> None:
        super().__init__(what, remedy)
        self.area = area


class BatchTooLarge(PortalError):
    """The portal takes fewer items at once: halve the batch."""

    took_nothing = True


class NetworkError(AgentError):
    """The local network could not be used (no route, no permission, no such address)."""

    exit_code = 4


class PrinterSilent(NetworkError):
    """The printer gave no valid answer within its budget; `odd` are short words for what came instead of one."""

    odd: Sequence[str] = ()


class PrinterRefuses(PrinterSilent):
    """The printer answers, but not to us: `code` is a short word for why, as in a `Finding`."""

    def __init__(self, what: Message, remedy: Message | None = None, *, code: str) -> None:
        super().__init__(what, remedy)
        self.code = code


class BadReply(AgentError):
    """A datagram or body is not a well-formed answer within the limits; `reason` is a short word for counting."""

    def __init__(self, what: Message, *, reason: str) -> None:
        super().__init__(what)
        self.reason = reason

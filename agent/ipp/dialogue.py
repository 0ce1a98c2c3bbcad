"""What to ask next, decided without asking: the few ways in which printers want one and the same question."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.ipp.attributes import Response

# Where printers and their ancestors listen: the standard's place, HP's and Ricoh's older ones, JetDirect's.
PATHS = ("/ipp/print", "/ipp", "/ipp/printer", "/")
MAX_REQUESTS = 6

# RFC 8011 section 13.1, PWG 5100.12: status codes after which another way of asking may succeed.
BAD_REQUEST, NOT_FOUND, VALUES_NOT_SUPPORTED, INTERNAL_ERROR, VERSION_NOT_SUPPORTED = 0x400, 0x406, 0x40B, 0x500, 0x503
_PICKY = frozenset({BAD_REQUEST, VALUES_NOT_SUPPORTED, INTERNAL_ERROR})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way of asking. `everything` asks for all attributes of a printer that cannot pick out some."""

    secure: bool = False
    path: str = PATHS[0]
    version: tuple[int, int] = (2, 0)
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the HTTP status (0 where the connection was closed without one), whether it sends to TLS,
    and the IPP response of a status 200."""

    status: int
    to_tls: bool = False
    response: Response | None = None

    @property
    def tells(self) -> bool:
        """Whether this is what was asked for."""
        return self.response is not None and self.response.succeeded and bool(self.response.printer)


def next_attempt(attempt: Attempt, reply: Reply) -> Attempt | None:
    """The way to ask after this reply; None where no other way would help.

    Never goes back: TLS stays TLS, an older version stays older, so that every dialogue ends.
    """
    response = reply.response
    if response is None:
        if not attempt.secure and (reply.to_tls or reply.status == 0):
            return replace(attempt, secure=True)
        return _elsewhere(attempt) if reply.status == 404 else None
    if response.status == NOT_FOUND:
        return _elsewhere(attempt)
    if response.status == VERSION_NOT_SUPPORTED and attempt.version > (1, 1):
        return replace(attempt, version=(1, 1))
    spoke_of_nothing = response.succeeded and not response.printer
    if (response.status in _PICKY or spoke_of_nothing) and not attempt.everything:
        return replace(attempt, everything=True)
    return None


def _elsewhere(attempt: Attempt) -> Attempt | None:
    place = PATHS.index(attempt.path) + 1
    return replace(attempt, path=PATHS[place]) if place < len(PATHS) else None

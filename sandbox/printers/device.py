"""One virtual printer: octets in, octets out, no socket and no clock."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

from sandbox.printers.exchange import ANSWER_SIZE, Scope, answer, parse
from sandbox.printers.faults import Faults, hostile, unanswered, walk
from sandbox.printers.mib import Mib
from sandbox.printers.secured import Opened, Secured

LARGEST_REQUEST_ID = 2**31 - 1


class Reply(NamedTuple):
    """One datagram to send back and how long to wait before, in seconds."""

    octets: bytes
    delay: float


class Device:
    """A printer that answers under each of its communities what that community may see; one that is `secured`
    answers only its SNMPv3 user."""

    def __init__(self, name: str, views: Mapping[bytes, Mib], faults: Faults, secured: Secured | None = None) -> None:
        self.name = name
        self._faults = faults
        self._secured = secured
        self._scopes = {community: Scope(mib, walk(mib, faults)) for community, mib in views.items()}
        self._size = faults.answer_size or ANSWER_SIZE
        self._count = 0

    def answer(self, octets: bytes) -> Reply | None:
        """The reply to a datagram; `None` where a printer stays silent (foreign community, SET, nonsense)."""
        if self._secured is None:
            return self._answered(octets)
        opened = None if self._faults.silent else self._secured.opened(octets)
        if not isinstance(opened, Opened):
            return Reply(opened, self._faults.slow / 1000) if opened else None
        reply = self._answered(opened.question)
        return Reply(opened.sealed(reply.octets), reply.delay) if reply else None

    def _answered(self, octets: bytes) -> Reply | None:
        request = parse(octets)
        scope = self._scopes.get(request.community) if request else None
        if request is None or scope is None:
            return None
        self._count += 1
        if unanswered(request, self._count, self._faults):
            return None
        if self._faults.wrong_id:
            request = dataclasses.replace(request, request_id=(request.request_id + 1) % LARGEST_REQUEST_ID)
        sent = hostile(request, self._count, self.name, self._faults) or answer(request, scope, self._size)
        return Reply(sent, self._faults.slow / 1000)

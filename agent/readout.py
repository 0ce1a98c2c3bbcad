"""What one exchange with one printer gave, before anybody judged it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from agent.meters import Counter, Finding
from agent.printers import Endpoint, Identity
from agent.supplies.levels import Supply

Status = Literal["ok", "partial", "asleep", "unreachable", "refused", "not_a_printer"]


@dataclass(frozen=True, slots=True)
class Alert:
    """A row of prtAlertTable (RFC 3805 section 2.2.14): `severity`, `code`, `group`, `training` are its keywords.

    `key` are the numbers of its group, of the row that it is about where it names one, and of its code: the same in
    every language. It is "" for what no list knows. `raised` is sysUpTime when it was raised, in 1/100 s.
    """

    severity: str
    code: str
    description: str
    group: str = ""
    training: str = ""
    key: str = ""
    raised: int | None = None


@dataclass(frozen=True, slots=True)
class Readout:
    """Everything one printer told in one exchange.

    `evidence` maps the dotted OID of every value used to its raw form (`tag|value` as in a snmprec file),
    so that a reading can be proved later. `datagrams` counts requests sent, repetitions included. `uptime` is sysUpTime
    (RFC 3418) in hundredths of a second, None where it is not told.
    """

    endpoint: Endpoint
    status: Status
    read_at: datetime
    identity: Identity = field(default_factory=Identity)
    counters: tuple[Counter, ...] = ()
    supplies: tuple[Supply, ...] = ()
    alerts: tuple[Alert, ...] = ()
    findings: tuple[Finding, ...] = ()
    evidence: dict[str, str] = field(default_factory=dict)
    datagrams: int = 0
    profile: str = ""
    uptime: int | None = None

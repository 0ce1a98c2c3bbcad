"""What a reading rests on beside the printer's own words: the match, people's offsets, and the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.evidence import Evidence
from agent.meters import LastReading


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why it is this equipment, what was added by meter code, what was reported before, and how the clock stood.

    `last` is what the values were judged by, by meter code.

    `clock_offset` is the portal's time less the time of this computer, in seconds (a Date header, RFC 9110 section
    6.6.1, tells whole ones); None where the portal was not asked in this cycle.
    """

    matched_by: tuple[Evidence, ...] = ()
    offsets: Mapping[str, int] = field(default_factory=dict)
    last: Mapping[str, LastReading] = field(default_factory=dict)
    clock_offset: int | None = None


NOTHING_MORE = Grounds()

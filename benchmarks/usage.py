"""What a piece of work cost the process that did it: wall time, CPU of user and kernel, the most memory."""

from __future__ import annotations

import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Usage:
    """From `begin` on: seconds by the clock and seconds of CPU (RUSAGE_SELF: all threads, user and system)."""

    wall: float
    cpu: float

    @staticmethod
    def begin() -> Usage:
        """The present state."""
        return Usage(time.monotonic(), _cpu())

    def report(self, **facts: int) -> str:
        """One JSON line with what was used since the beginning, and other facts."""
        spent = {"wall": time.monotonic() - self.wall, "cpu": _cpu() - self.cpu}
        return json.dumps({**spent, "rss_kib": peak_rss_kib(), **facts})


def peak_rss_kib(process: int | str = "self") -> int:
    """The most memory a process has had since its program began (VmHWM; RUSAGE_SELF also has its parent's)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

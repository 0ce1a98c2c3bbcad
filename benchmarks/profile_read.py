"""Where the CPU time of a reading goes: `python -m benchmarks.profile_read [PART] [PRINTERS] [RESPONDER-DIR]`.

PART is `snmp` (asking and decoding), `interpretation`, `pipeline`, `cycle` or `sweep`. The profiler itself makes
everything about twice as slow and short functions look dearer than they are; `python -m benchmarks` has the true times.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import sys
from pathlib import Path

from agent.loop import run
from benchmarks.contest import ROOT, Contest
from benchmarks.ours import PARTS
from benchmarks.responder import Rig

LINES = 30


def main() -> None:
    """Profiles one part and prints its dearest functions, by their own time and with what they call."""
    part, printers, responder = (*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1 :])
    rig = Rig.of(Path(responder), ROOT / ".bench")
    with rig.printers() as answering:
        job = Contest.at(rig, answering, int(printers)).job()
        profiler = cProfile.Profile()
        profiler.enable()
        told = run(PARTS[part](job))
        profiler.disable()
    print(json.dumps(json.loads(told), indent=1))
    figures = pstats.Stats(profiler).strip_dirs()
    figures.sort_stats("tottime").print_stats(LINES)
    figures.sort_stats("cumulative").print_stats("agent|snmp|codec", LINES)


DEFAULTS = ("snmp", "500", str(ROOT.parent / "shared" / "responder"))

if __name__ == "__main__":
    main()

"""The agent looks for printers: in a range where few answer, or by the names of a fleet that the portal knows.

Run as `python -m benchmarks.search PART` with the job as JSON on standard input; prints what it cost as JSON. Loads
what `discover` without a config file loads: no database and no portal.
"""

from __future__ import annotations

import json
import sys
from ipaddress import IPv4Network
from typing import Any

from agent.clock import SystemClock
from agent.loop import run
from agent.matching import match
from agent.printers import Equipment
from agent.searches import missing, numbers_of
from agent.settings import Settings
from agent.surveying import Accesses, survey_of
from agent.texts import Message
from benchmarks.usage import Usage

Job = dict[str, Any]
PUBLIC = Accesses(("public",))
FASTEST = 10_000  # packets per second


class Unwatched:
    """Progress that nobody looks at."""

    def stage(self, name: Message, total: int | None) -> None:
        """Nothing to show."""

    def step(self, count: int = 1) -> None:
        """Nothing to show."""


def settings_of(job: Job, discovery: dict[str, Any]) -> Settings:
    """The settings of the job: one version, the pace that `discovery` says or the fastest, the rest as it comes."""
    snmp = {"port": job["port"], "versions": ["v2c"], "timeout_seconds": job["timeout"], "retries": job["retries"]}
    return Settings.model_validate({"discovery": {"packets_per_second": FASTEST, **discovery}, "snmp": snmp})


async def sweep(job: Job) -> str:
    """The first half of a cycle over many addresses of which few answer."""
    ranges = [f"{job['first']}-{job['last']}"]
    survey = survey_of(settings_of(job, {"ranges": ranges}), PUBLIC, SystemClock())
    usage = Usage.begin()
    found = await survey.find(Unwatched())
    return usage.report(read=len(found.printers), silent=found.silent)


async def known(job: Job) -> str:
    """A fleet whose addresses the portal has, in a network of 65,534 addresses that may be searched and is not.

    From the portal's list to the matches, at the pace that the agent has when nobody changes it; `read` counts matches
    with the right printer, and none when a search would have followed.
    """
    network = str(IPv4Network(f"{job['addresses'][0]}/16", strict=False))
    pace = Settings().discovery.packets_per_second
    survey = survey_of(settings_of(job, {"ranges": [network], "packets_per_second": pace}), PUBLIC, SystemClock())
    equipments = [
        Equipment(f"{number:018d}", technical_identification_number=address, manufacturer_serial_number=serial)
        for number, (address, serial) in enumerate(zip(job["addresses"], job["serials"], strict=True), 1)
    ]
    usage = Usage.begin()
    found = await survey.call(Unwatched(), numbers_of(equipments))
    matching = match(found.printers, equipments)
    matched = 0 if missing(matching, found) else len(matching.matched)
    return usage.report(read=matched)


PARTS = {"sweep": sweep, "known": known}


def main() -> None:
    """Does the part that is named."""
    print(run(PARTS[sys.argv[1]](json.load(sys.stdin))))


if __name__ == "__main__":
    main()

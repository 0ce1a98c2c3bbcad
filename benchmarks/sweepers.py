"""Other programs search the same addresses: pysnmp by its own API, and fusioninventory-netdiscovery of Debian.

Run as `python -m benchmarks.sweepers` with the job as JSON on standard input, this file searches through pysnmp. It
knows nothing of the agent.
"""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    get_cmd,
)

from benchmarks.responder import pinned
from benchmarks.usage import Usage

SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"
AT_ONCE = 1000  # of pysnmp: fewer wait longer, more need a socket each
PROGRAM = "fusioninventory-netdiscovery"
WORKERS = 64  # the most that its own interface suggests


@dataclass(frozen=True, slots=True)
class Found:
    """What a search cost: seconds by the clock and of CPU, and how many addresses of so many told who they are."""

    addresses: int
    found: int
    wall: float
    cpu: float

    @property
    def seconds_per_thousand(self) -> float:
        """By the clock."""
        return self.wall / self.addresses * 1000


async def by_pysnmp(job: dict[str, Any]) -> str:
    """One GET of sysObjectID to each address, as pysnmp's documentation writes it."""
    engine, gate = SnmpEngine(), asyncio.Semaphore(AT_ONCE)
    community = CommunityData("public", mpModel=1)  # noqa: S508  it searches as the others do

    async def one(address: str) -> bool:
        async with gate:
            place = await UdpTransportTarget.create(
                (address, job["port"]), timeout=job["timeout"], retries=job["retries"]
            )
            wanted = ObjectType(ObjectIdentity(SYS_OBJECT_ID))
            error, status, _, told = await get_cmd(engine, community, place, ContextData(), wanted, lookupMib=False)
            return not error and not status and bool(told)

    usage = Usage.begin()
    found = sum(await asyncio.gather(*map(one, job["addresses"])))
    return usage.report(read=found)


def has_fusion() -> bool:
    """Whether fusioninventory-netdiscovery is installed."""
    return shutil.which(PROGRAM) is not None


def by_fusion(job: dict[str, Any], core: int) -> Found:
    """The same addresses by fusioninventory-netdiscovery, with as many workers as it is good for.

    It tries each address once with this patience, asks the name server and NetBIOS for names, and asks who answers
    some forty objects more. What it takes for a device without SNMP is not counted.
    """
    addresses = job["addresses"]
    command = [PROGRAM, "--first", addresses[0], "--last", addresses[-1], "--port", str(job["port"])]
    command += ["--timeout", "1", "--threads", str(WORKERS), "--credentials", "version:2c,community:public"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(pinned(core, command), capture_output=True, text=True, check=True)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Found(len(addresses), done.stdout.count("<AUTHSNMP>"), wall, cpu)


if __name__ == "__main__":
    print(asyncio.run(by_pysnmp(json.load(sys.stdin))))

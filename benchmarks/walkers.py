"""Other libraries read the same printers: `gufo` (gufo_snmp, Rust) and `aiosnmp`, in an environment of their own.

Run as `walkers.py NAME JOB`, JOB being JSON: addresses, port, at_once, singles, subtrees, life, serials. Imports
nothing of the project but what a reading cost.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.usage import Usage

LIFE_COUNT = "1.3.6.1.2.1.43.10.2.1.4.1.1"
SERIAL = "1.3.6.1.2.1.43.5.1.1.17.1"
ROWS = 40  # max-repetitions: about what an Ethernet frame holds

Values = dict[str, Any]
Reader = Callable[[str, dict[str, Any]], Awaitable[Values]]


async def gufo(address: str, job: dict[str, Any]) -> Values:
    """One GET for the single objects, one bulk walk for each table."""
    from gufo.snmp import SnmpVersion
    from gufo.snmp.aio import SnmpSession

    values: Values = {}
    async with SnmpSession(
        addr=address, port=job["port"], community="public", version=SnmpVersion.v2c, max_repetitions=ROWS
    ) as session:
        values.update(await session.get_many(job["singles"]))
        for subtree in job["subtrees"]:
            async for oid, value in session.getbulk(subtree):
                values[oid] = value
    return values


async def aiosnmp(address: str, job: dict[str, Any]) -> Values:
    """The same through aiosnmp."""
    import aiosnmp as library

    values: Values = {}
    async with library.Snmp(host=address, port=job["port"], community="public", max_repetitions=ROWS) as session:
        varbinds = await session.get(job["singles"])
        for subtree in job["subtrees"]:
            varbinds += await session.bulk_walk(subtree)
        values.update((varbind.oid.lstrip("."), varbind.value) for varbind in varbinds)
    return values


READERS: dict[str, Reader] = {"gufo": gufo, "aiosnmp": aiosnmp}


async def read_all(reader: Reader, job: dict[str, Any]) -> int:
    """How many printers gave the right page count, their own serial number and enough objects."""
    gate = asyncio.Semaphore(job["at_once"])

    async def one(address: str, serial: str) -> bool:
        async with gate:
            values = await reader(address, job)
        told = values.get(SERIAL)
        right = values.get(LIFE_COUNT) == job["life"] and told in (serial, serial.encode())
        return right and len(values) >= job["objects"]

    pairs = zip(job["addresses"], job["serials"], strict=True)
    return sum(await asyncio.gather(*(one(address, serial) for address, serial in pairs)))


async def main() -> None:
    """Warms up with a few printers, reads all, prints what it cost."""
    name, job = sys.argv[1], json.load(sys.stdin)
    reader = READERS[name]
    few = {**job, "addresses": job["addresses"][: job["warm"]], "serials": job["serials"][: job["warm"]]}
    await read_all(reader, few)
    usage = Usage.begin()
    read = await read_all(reader, job)
    print(usage.report(read=read))


if __name__ == "__main__":
    asyncio.run(main())

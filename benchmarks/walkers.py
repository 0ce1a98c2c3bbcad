"""Other libraries read the same printers: `gufo` (gufo_snmp, Rust) and `aiosnmp`, in an environment of their own.

Run as `python -m benchmarks.walkers NAME` with the job as JSON on standard input. Knows nothing of the agent.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import cache
from typing import Any, Protocol

from benchmarks.usage import Usage

LIFE_COUNT = "1.3.6.1.2.1.43.10.2.1.4.1.1"
SERIAL = "1.3.6.1.2.1.43.5.1.1.17.1"
ROWS = 40  # max-repetitions: about what an Ethernet frame holds

Values = dict[str, Any]


class GufoSession(Protocol):
    """What is used of gufo_snmp's session."""

    async def get_many(self, oids: Sequence[str]) -> Values:
        """GET."""

    def getbulk(self, oid: str) -> AsyncIterator[tuple[str, Any]]:
        """A walk by GETBULK."""


Reader = Callable[[str, dict[str, Any]], Awaitable[Values]]


async def gufo(address: str, job: dict[str, Any]) -> Values:
    """One GET for the single objects, one bulk walk for each table."""
    from gufo.snmp import SnmpVersion
    from gufo.snmp.aio import SnmpSession

    session = SnmpSession(
        addr=address, port=job["port"], community="public", version=SnmpVersion.v2c, max_repetitions=ROWS
    )
    async with session:
        return await _gufo_values(session, job)


async def gufo_v3(address: str, job: dict[str, Any]) -> Values:
    """The same in SNMPv3; the password is hashed once for all printers."""
    from gufo.snmp.aio import SnmpSession

    session = SnmpSession(addr=address, port=job["port"], user=_gufo_user(**job["user"]), max_repetitions=ROWS)
    async with session:
        return await _gufo_values(session, job)


@cache
def _gufo_user(user: str, authentication_secret: str, privacy_secret: str, **_: str) -> object:
    from gufo.snmp import Aes128Key, Sha1Key, User
    from gufo.snmp.user import KeyType

    auth = Sha1Key(Sha1Key.get_master_key(authentication_secret.encode()), key_type=KeyType.Master)
    priv = Aes128Key(Sha1Key.get_master_key(privacy_secret.encode()), key_type=KeyType.Master)
    return User(user, auth_key=auth, priv_key=priv)


async def _gufo_values(session: GufoSession, job: dict[str, Any]) -> Values:
    values: Values = dict(await session.get_many(job["singles"]))
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


READERS: dict[str, Reader] = {"gufo": gufo, "gufo_v3": gufo_v3, "aiosnmp": aiosnmp}


async def read_all(reader: Reader, job: dict[str, Any]) -> int:
    """How many printers gave the right page count, their own serial number and enough objects."""
    gate = asyncio.Semaphore(job["at_once"])

    async def one(address: str, life: int, serial: str) -> bool:
        async with gate:
            values = await reader(address, job)
        told = values.get(SERIAL)
        right = values.get(LIFE_COUNT) == life and told in (serial, serial.encode())
        return right and len(values) >= job["objects"]

    return sum(await asyncio.gather(*map(one, job["addresses"], job["lives"], job["serials"])))


async def main() -> None:
    """Warms up with a few printers, reads all, prints what it cost."""
    name, job = sys.argv[1], json.load(sys.stdin)
    reader = READERS[name]
    await read_all(reader, {**job, "addresses": job["addresses"][: job["warm"]]})
    usage = Usage.begin()
    read = await read_all(reader, job)
    print(usage.report(read=read))


if __name__ == "__main__":
    asyncio.run(main())

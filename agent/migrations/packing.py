"""What a printer said for a reading, packed into a few hundred octets: JSON in zlib (RFC 1950) with its checksum."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import TypeAdapter

from agent.grounds import NOTHING_MORE, Grounds
from agent.meters import METER_OF_CODE, Counter, Finding
from agent.printers import Endpoint, Identity
from agent.readout import Readout

LEVEL = 3  # of zlib: the highest would save another tenth for twice the work
WINDOW, MEMORY = 13, 6  # 8 kB hold a whole proof; making zlib's usual tables ready costs more than packing it
REPORTABLE = frozenset(METER_OF_CODE.values())
MOST = 1 << 22  # octets of one proof unpacked; a whole press takes 13 kB


@dataclass(frozen=True, slots=True)
class Counted:
    """One counter as it was computed: `source` names the objects, `profile` what says so, `place` its row.

    `profile` is empty where it is that of the whole readout; all of them are of counters that no portal wants.
    """

    meter: str
    value: int
    unit: str = ""
    source: str = ""
    profile: str = ""
    place: str = ""

    @property
    def origin(self) -> str:
        """As `agent.meters.Counter.origin`."""
        return self.place or self.source


@dataclass(frozen=True, slots=True)
class Said:
    """Who said where what: raw values by OID (`tag|value`), what was counted from them, and what it rests on.

    `counters` are raw; `findings` are all that the readout had to say. Proofs of earlier versions lack the later parts.
    """

    evidence: dict[str, str]
    identity: Identity
    endpoint: Endpoint
    counters: tuple[Counted, ...] = ()
    findings: tuple[Finding, ...] = ()
    uptime: int | None = None
    grounds: Grounds = NOTHING_MORE


_SAID = TypeAdapter(Said)
_GROUNDS = TypeAdapter(Grounds)
_IDENTITY = TypeAdapter(Identity)
_ENDPOINT = TypeAdapter(Endpoint)
_WRITE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def packed(readout: Readout, grounds: Grounds = NOTHING_MORE) -> bytes:
    """The proof of a readout."""
    parts = (
        b'{"evidence":',
        _WRITE(readout.evidence).encode(errors="replace"),
        b',"identity":',
        _IDENTITY.dump_json(readout.identity),
        b',"endpoint":',
        _ENDPOINT.dump_json(readout.endpoint),
        b',"counters":',
        _WRITE([_counted(counter, readout.profile) for counter in readout.counters]).encode(errors="replace"),
        *_further(readout, grounds),
        b"}",
    )
    packing = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW, MEMORY)
    return packing.compress(b"".join(parts)) + packing.flush()


def _counted(counter: Counter, profile: str) -> dict[str, str | int]:
    """The whole way of a counter that a portal may want; of others the value, which tells later what began anew."""
    told: dict[str, str | int] = {"meter": counter.meter, "value": counter.value}
    if counter.meter in REPORTABLE:
        told |= {"unit": counter.unit, "source": counter.source}
        if counter.profile != profile:
            told["profile"] = counter.profile
        if counter.place:
            told["place"] = counter.place
    return told


def _further(readout: Readout, grounds: Grounds) -> Iterator[bytes]:
    """The parts that many proofs do not have."""
    if readout.findings:
        told = [{"code": one.code, "message": one.message.to_json()} for one in readout.findings]
        yield b',"findings":' + _WRITE(told).encode(errors="replace")
    if readout.uptime is not None:
        yield b',"uptime":%d' % readout.uptime
    if grounds != NOTHING_MORE:
        yield b',"grounds":' + _GROUNDS.dump_json(grounds, exclude_defaults=True)


def unpacked(stored: object) -> Said:
    """What `packed` wrote. Raises `ValueError` for anything else."""
    if not isinstance(stored, bytes):
        raise ValueError("not a packed proof")
    unpacking = zlib.decompressobj()
    try:
        said = unpacking.decompress(stored, MOST)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacking.eof:
        raise ValueError("a packed proof without its end")
    return _SAID.validate_json(said)

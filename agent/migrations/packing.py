"""What a printer said for a reading, packed: JSON in zlib (RFC 1950) with its checksum, or how a keyframe differs.

A keyframe is an earlier proof of the same printer, whole; a difference holds the checksum of the whole text as well, so
that damage of either is noticed. The first octet tells the two apart: zlib never begins with `DIFFERS`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from agent.grounds import NOTHING_MORE, Grounds
from agent.meters import METER_OF_CODE, Counter, Finding, LastReading
from agent.migrations.difference import applied, difference
from agent.printers import Endpoint, Identity
from agent.readout import Readout

LEVEL = 9  # of zlib; one proof in a month is packed by itself
REPORTABLE = frozenset(METER_OF_CODE.values())
MOST = 1 << 22  # octets of one proof unpacked; a whole press takes 13 kB
DIFFERS = b"\x01"
CHECK = 4  # octets of a CRC-32


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

    `counters` are raw; `findings` are all that the readout had to say. Proofs of earlier versions lack the later parts,
    and have their `profile` beside them.
    """

    evidence: dict[str, str]
    identity: Identity
    endpoint: Endpoint
    counters: tuple[Counted, ...] = ()
    findings: tuple[Finding, ...] = ()
    uptime: int | None = None
    grounds: Grounds = NOTHING_MORE
    profile: str = ""


_SAID = TypeAdapter(Said)
_GROUNDS = TypeAdapter(Grounds)
_LAST = TypeAdapter(LastReading)
_IDENTITY = TypeAdapter(Identity)
_ENDPOINT = TypeAdapter(Endpoint)
_WRITE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def text_of(readout: Readout, grounds: Grounds = NOTHING_MORE) -> bytes:
    """A proof as JSON, a part in each line: what comes and goes in one shifts nothing in another."""
    parts = (
        b'{"evidence":',
        _WRITE(readout.evidence).encode(errors="replace"),
        b'\n,"identity":',
        _IDENTITY.dump_json(readout.identity),
        b',"endpoint":',
        _ENDPOINT.dump_json(readout.endpoint),
        b',"profile":',
        _WRITE(readout.profile).encode(errors="replace"),
        b'\n,"counters":',
        _WRITE([_counted(counter, readout.profile) for counter in readout.counters]).encode(errors="replace"),
        b"\n",
        *_further(readout, grounds),
        b"}",
    )
    return b"".join(parts)


def packed(text: bytes, keyframe: bytes | None = None) -> bytes:
    """The text of a proof alone, or as the difference to the text of its keyframe."""
    if keyframe is not None:
        return DIFFERS + zlib.crc32(text).to_bytes(CHECK) + difference(text, keyframe)
    return zlib.compress(text, LEVEL)


def is_difference(stored: object) -> bool:
    """Whether it needs its keyframe."""
    return isinstance(stored, bytes) and stored.startswith(DIFFERS)


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
    if readout.uptime is not None:
        yield b',"uptime":%d' % readout.uptime
    if grounds != NOTHING_MORE:
        told = _GROUNDS.dump_python(replace(grounds, last={}), mode="json", exclude_defaults=True)
        if grounds.last:
            told["last"] = {code: _last(last) for code, last in grounds.last.items()}
        yield b',"grounds":' + _WRITE(told).encode(errors="replace")
    yield b"\n"
    if readout.findings:
        found = [{"code": one.code, "message": one.message.to_json()} for one in readout.findings]
        yield b',"findings":' + _WRITE(found).encode(errors="replace")


def _last(last: LastReading) -> dict[str, object]:
    """A value of before; its time in seconds since 1970, where it has no fraction, because numbers differ in less."""
    told: dict[str, object] = _LAST.dump_python(last, mode="json", exclude_defaults=True)
    if not last.read_at.microsecond:
        told["read_at"] = int(last.read_at.timestamp())
    return told


def unpacked(stored: object, keyframe: bytes | None = None) -> bytes:
    """The text that `packed` took. Raises `ValueError` for anything else, and when the keyframe is not that one."""
    if not isinstance(stored, bytes):
        raise ValueError("not a packed proof")
    if is_difference(stored):
        text = applied(stored[1 + CHECK :], keyframe or b"")
        if zlib.crc32(text).to_bytes(CHECK) != stored[1 : 1 + CHECK]:
            raise ValueError("not the difference to this keyframe")
        return text
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(stored, MOST)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacking.eof:
        raise ValueError("a packed proof without its end")
    return text


def said(text: bytes) -> Said:
    """What the text of a proof says. Raises `ValueError` for another text."""
    return _SAID.validate_json(text)

"""What a printer said for a reading, packed into a few hundred octets: JSON in zlib (RFC 1950) with its checksum."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

from pydantic import TypeAdapter

from agent.printers import Endpoint, Identity
from agent.readout import Readout

LEVEL = 3  # of zlib: the highest would save another tenth for twice the work
WINDOW, MEMORY = 13, 6  # 8 kB hold a whole proof; making zlib's usual tables ready costs more than packing it
MOST = 1 << 22  # octets of one proof unpacked; a whole press takes 13 kB


@dataclass(frozen=True, slots=True)
class Said:
    """Who said where what: raw values by OID (`tag|value`)."""

    evidence: dict[str, str]
    identity: Identity
    endpoint: Endpoint


_SAID = TypeAdapter(Said)
_IDENTITY = TypeAdapter(Identity)
_ENDPOINT = TypeAdapter(Endpoint)
_WRITE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def packed(readout: Readout) -> bytes:
    """The proof of a readout."""
    parts = (
        b'{"evidence":',
        _WRITE(readout.evidence).encode(errors="replace"),
        b',"identity":',
        _IDENTITY.dump_json(readout.identity),
        b',"endpoint":',
        _ENDPOINT.dump_json(readout.endpoint),
        b"}",
    )
    packing = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW, MEMORY)
    return packing.compress(b"".join(parts)) + packing.flush()


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

"""The ways in which a virtual printer misbehaves, as a fleet file names them."""

from __future__ import annotations

from functools import cache
from random import Random

from pydantic import BaseModel, ConfigDict, Field

from sandbox.printers import ber
from sandbox.printers.ber import Oid
from sandbox.printers.exchange import (
    GEN_ERR,
    GET_BULK,
    NO_SUCH_OBJECT,
    RESPONSE,
    V1,
    After,
    Request,
    binding,
    enveloped,
    refusal,
    response,
)
from sandbox.printers.mib import Mib, Value
from sandbox.printers.walks import Endless, Looping, OutOfOrder

ENTERPRISES: Oid = (1, 3, 6, 1, 4, 1)
BILLABLE = 1000  # private INTEGERs from here on are taken for counters by the fault `negative`
LONG_STRING = 5000
BOMB_SIZE = 60_000
LARGEST_ANSWER = 65_000  # a UDP datagram over IPv4 takes 65,507 octets


class Faults(BaseModel):
    """What is wrong with a device; nothing by default. Several faults may come together.

    Numbers say how much: `slow` milliseconds of delay, `drop` every n-th request is lost, `asleep` requests that
    stay unanswered at first, `most_names` names of objects in a request that is still answered, `huge_strings` octets
    per string (`true` means 5,000). `seed` changes the random
    octets of `garbage`, which otherwise depend on the device's name and the number of the request alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    silent: bool = False
    v1_only: bool = False
    slow: int = Field(default=0, ge=0, le=600_000)
    drop: int = Field(default=0, ge=0)
    no_bulk: bool = False
    bulk_silent: bool = False
    endless: bool = False
    looping: bool = False
    out_of_order: bool = False
    garbage: bool = False
    bomb: bool = False
    wrong_id: bool = False
    negative: bool = False
    huge_strings: bool | int = Field(default=False, ge=0)
    asleep: int = Field(default=0, ge=0)
    most_names: int = Field(default=0, ge=0)
    seed: int = 0

    def named(self) -> dict[str, object]:
        """The faults that are set, as in a fleet file."""
        return self.model_dump(exclude_defaults=True)

    @property
    def answer_size(self) -> int | None:
        """How large answers may get, `None` for what real printers keep to."""
        return LARGEST_ANSWER if self.huge_strings else None


def altered(values: dict[Oid, Value], faults: Faults) -> dict[Oid, Value]:
    """The device's objects with the faults that lie in the values."""
    if faults.negative:
        values = {arcs: _negative(arcs, value) for arcs, value in values.items()}
    if faults.huge_strings:
        size = LONG_STRING if faults.huge_strings is True else int(faults.huge_strings)
        values = {arcs: _long(value, size) for arcs, value in values.items()}
    return values


def _negative(arcs: Oid, value: Value) -> Value:
    number = value.content
    if not isinstance(number, int) or number <= 0:
        return value
    private = arcs[: len(ENTERPRISES)] == ENTERPRISES and value.tag == ber.INTEGER and number >= BILLABLE
    return Value(ber.INTEGER, -number) if private or value.tag == ber.COUNTER32 else value


def _long(value: Value, size: int) -> Value:
    if value.tag != ber.OCTET_STRING or not isinstance(value.content, bytes):
        return value
    text = value.content or b"?"
    return Value(value.tag, (text * (size // len(text) + 1))[:size])


def walk(mib: Mib, faults: Faults) -> After:
    """The order in which the device's objects follow each other."""
    if faults.endless:
        return Endless(mib)
    if faults.looping:
        return Looping(mib)
    return OutOfOrder(mib) if faults.out_of_order else mib.after


def unanswered(request: Request, count: int, faults: Faults) -> bool:
    """Whether the `count`-th request (from 1) gets no answer at all."""
    return (
        faults.silent
        or count <= faults.asleep
        or (faults.drop > 0 and count % faults.drop == 0)
        or (faults.v1_only and request.version != V1)
        or (faults.bulk_silent and request.kind == GET_BULK)
        or (0 < faults.most_names < len(request.names))
    )


def hostile(request: Request, count: int, name: str, faults: Faults) -> bytes | None:
    """What goes out instead of an honest answer, `None` where the answer is honest."""
    if faults.garbage:
        # The seed is a text, so the octets are the same on every machine and in every run.
        random = Random(f"{name} {faults.seed} {count}")  # noqa: S311 - noise for a test device, not a secret
        return random.randbytes(random.randrange(1, 1400))
    if faults.bomb:
        return BOMBS[count % len(BOMBS)](request)
    if faults.no_bulk and request.kind == GET_BULK:
        return refusal(request, GEN_ERR)
    return None


def _long_identifier(request: Request) -> bytes:
    """An object identifier of 60,000 arcs: costs quadratic decoders seconds."""
    return response(request, [binding(b"\x2b" + b"\x01" * BOMB_SIZE, ber.tlv(ber.NULL, b""))])


def _deep_nesting(request: Request) -> bytes:
    """Some 15,000 SEQUENCEs, one in the other: exhausts the stack of recursive decoders."""
    return response(request, [_nested()])


@cache
def _nested() -> bytes:
    nested = b""
    while len(nested) < BOMB_SIZE:
        nested = ber.tlv(ber.SEQUENCE, nested)
    return nested


def _many_variables(request: Request) -> bytes:
    """Some 7,000 tiny variable bindings nobody asked for."""
    tiny = binding(b"\x2b", NO_SUCH_OBJECT)
    return response(request, [tiny] * (BOMB_SIZE // len(tiny)))


def _lying_length(request: Request) -> bytes:
    """A value that claims two gigabytes and brings none."""
    name = request.names[0] if request.names else b"\x2b\x06"
    inner = ber.tlv(ber.OBJECT_IDENTIFIER, name) + b"\x04\x84\x7f\xff\xff\xff"
    numbers = b"".join(ber.tlv(ber.INTEGER, ber.integer(each)) for each in (request.request_id, 0, 0))
    listed = ber.tlv(ber.SEQUENCE, ber.tlv(ber.SEQUENCE, inner))
    return enveloped(request, ber.tlv(RESPONSE, numbers + listed)) + b"A" * BOMB_SIZE


def _long_number(request: Request) -> bytes:
    """An INTEGER of 60,000 octets: costs seconds to print in decimal."""
    name = request.names[0] if request.names else b"\x2b\x06"
    return response(request, [binding(name, ber.tlv(ber.INTEGER, b"\x7f" * BOMB_SIZE))])


BOMBS = (_long_identifier, _deep_nesting, _many_variables, _lying_length, _long_number)

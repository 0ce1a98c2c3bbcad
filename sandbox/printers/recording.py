"""Recordings of real devices on disk: `OID|tag|value` lines, the snmprec form of snmpsim."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.printers import ber
from sandbox.printers.ber import Oid
from sandbox.printers.mib import Mib, Value, encoded

CONTEXT_MARKS = ("_at_", "@")  # "X_at_Jetdirect.snmprec": what device X answers under the context Jetdirect


@dataclass(frozen=True, slots=True)
class Recording:
    """The objects of a recording and how many of its lines made no sense."""

    values: dict[Oid, Value]
    skipped: int


def load(path: Path) -> Recording:
    """The recording in a file; raises `OSError` when the file cannot be read, never for what stands in it."""
    return parse(path.read_bytes())


def parse(text: bytes) -> Recording:
    """The recording in these octets: unsorted and repeated lines are fine (the first counts), odd ones are skipped."""
    values: dict[Oid, Value] = {}
    skipped = 0
    for line in text.split(b"\n"):
        if not line.strip():
            continue
        try:
            arcs, value = variable(line.removesuffix(b"\r"))
            ber.oid(arcs)
            encoded(value)
        except ValueError:
            skipped += 1
            continue
        values.setdefault(arcs, value)
    return Recording(values, skipped)


def variable(line: bytes) -> tuple[Oid, Value]:
    """One line; raises `ValueError` when it is none."""
    name, form, content = line.split(b"|", 2)
    return arcs_of(name.decode("ascii")), typed(form.decode("ascii"), content)


def typed(form: str, content: bytes) -> Value:
    """The value behind a tag such as `65` or `4x`; raises `ValueError`."""
    tag = int(form.removesuffix("x"))
    if form.endswith("x"):
        return Value(tag, bytes.fromhex(content.decode("ascii")))
    if tag in ber.NUMBERS:
        return Value(tag, int(content))
    if tag == ber.OBJECT_IDENTIFIER:
        return Value(tag, arcs_of(content.decode("ascii")))
    if tag == ber.IP_ADDRESS:
        return Value(tag, _address(content))
    return Value(tag, None if tag == ber.NULL else content)


def arcs_of(text: str) -> Oid:
    """`1.3.6` or `.1.3.6` as arcs; raises `ValueError`."""
    return tuple(map(int, text.strip().removeprefix(".").split(".")))


def _address(content: bytes) -> bytes:
    octets = bytes(int(part) for part in content.split(b"."))
    if len(octets) != 4:
        raise ValueError("no IPv4 address")
    return octets


def context_of(path: Path) -> tuple[str, str] | None:
    """The device's file name and the context when the file holds a context of another recording beside it."""
    for mark in CONTEXT_MARKS:
        device, found, context = path.stem.partition(mark)
        if found and context and path.with_name(device + path.suffix).exists():
            return device, context
    return None


def contexts(path: Path) -> dict[str, Mib]:
    """What the device of this recording answers under its contexts, by their names."""
    found: dict[str, Mib] = {}
    for beside in sorted(path.parent.glob("*" + path.suffix)):
        named = context_of(beside)
        if named and named[0] == path.stem:
            found[named[1]] = Mib(load(beside).values)
    return found


def recordings(folder: Path) -> list[Path]:
    """All recordings below a folder that are devices of their own, sorted by path."""
    return [path for path in sorted(folder.rglob("*.snmprec")) if context_of(path) is None]

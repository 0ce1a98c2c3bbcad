"""A text told by another one that is much like it: what has changed, and of numbers by how much.

Both are cut into lines, and lines at commas. Where a piece ends in another number, the difference is told, which is a
third of what its digits take; elsewhere the piece itself, and what the other text does not have at the end of a line.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

CLOSING = b'"}]'  # what may stand behind a number at the end of a piece
NUMBERED = b"0123456789" + CLOSING
# What a change tells: a number rose or fell; rose by as much as that earlier one, because what is counted is told in
# several places; a piece; and the end of a line, which has so many pieces more or, odd, fewer.
RISE, FALL, SAME, PIECE, END = range(5)
KINDS = 8
MOST_DIGITS = 18
ALONE, WITH_BASE = 1, 2  # the first octet: changes by themselves, or with the other text as deflate's dictionary
MUCH = 64  # octets of pieces, from which on a dictionary is worth its time
MOST = 1 << 22  # octets of changes


def difference(text: bytes, base: bytes) -> bytes:
    """What makes `text` of `base`."""
    lines, known = text.split(b"\n"), base.split(b"\n")
    changes, octets, rises = bytearray(), 0, dict[int, int]()
    _write(changes, len(lines))
    known += [b""] * (len(lines) - len(known))
    for line, before in zip(lines, known, strict=False):
        if line == before:
            changes.append(END)
        else:
            octets += _line(line.split(b","), before.split(b","), changes, rises)
    if octets < MUCH:
        packing = zlib.compressobj(6, zlib.DEFLATED, -12, 4)
    else:
        packing = zlib.compressobj(6, zlib.DEFLATED, -15, 8, zdict=base)
    head = bytes((ALONE if octets < MUCH else WITH_BASE,))
    return head + packing.compress(changes) + packing.flush()


def _line(now: list[bytes], before: list[bytes], changes: bytearray, rises: dict[int, int]) -> int:
    """Adds what is new in one line; how many octets of that are pieces. `rises` numbers the rises told so far."""
    last = octets = 0
    for at, (piece, known) in enumerate(zip(now, before, strict=False)):
        if piece == known:
            continue
        place, last = (at - last) * KINDS, at
        rise = _rise(piece, known)
        if rise is None:
            _write(changes, place + PIECE)
            octets += _add(changes, piece)
        elif rise < 0:
            _write(changes, place + FALL)
            _write(changes, -rise)
        elif rise in rises:
            _write(changes, place + SAME)
            _write(changes, rises[rise])
        else:
            rises[rise] = len(rises)
            _write(changes, place + RISE)
            _write(changes, rise)
    more = len(now) - len(before)
    _write(changes, (2 * more if more >= 0 else -2 * more - 1) * KINDS + END)
    if more > 0:
        octets += _add(changes, b",".join(now[-more:]))
    return octets


def _rise(piece: bytes, known: bytes) -> int | None:
    """By how much the number at the end of a piece rose; None where that is not all that is new."""
    head = piece.rstrip(NUMBERED)
    if not known.startswith(head):
        return None
    new, old = piece[len(head) :], known[len(head) :]
    number, before = new.rstrip(CLOSING), old.rstrip(CLOSING)
    if not number.isdigit() or not before.isdigit() or new[len(number) :] != old[len(before) :]:
        return None
    if (number[0] == 48 and len(number) > 1) or len(number) > MOST_DIGITS or len(before) > MOST_DIGITS:
        return None  # a zero before it would be lost
    return int(number) - int(before)


def _add(changes: bytearray, octets: bytes) -> int:
    _write(changes, len(octets))
    changes += octets
    return len(octets)


def _write(changes: bytearray, number: int) -> None:
    """A number of 0 or more in octets of seven bits, the lowest first (LEB128)."""
    while number > 127:
        changes.append(number & 127 | 128)
        number >>= 7
    changes.append(number)


def applied(told: bytes, base: bytes) -> bytes:
    """The text that `difference` told by this base. Raises `ValueError` for what it cannot have written."""
    changes = _Changes(_unpacked(told, base))
    known, lines = base.split(b"\n"), []
    for at in range(changes.number()):
        lines.append(changes.line(known[at].split(b",") if at < len(known) else [b""]))
    if changes.at != len(changes.told):
        raise ValueError("changes behind the end")
    return b"\n".join(lines)


def _unpacked(told: bytes, base: bytes) -> bytes:
    if told[:1] == bytes((ALONE,)):
        unpacking = zlib.decompressobj(-12)
    elif told[:1] == bytes((WITH_BASE,)):
        unpacking = zlib.decompressobj(-15, zdict=base)
    else:
        raise ValueError("not a difference")
    try:
        changes = unpacking.decompress(told[1:], MOST)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacking.eof:
        raise ValueError("changes without their end")
    return changes


@dataclass(slots=True)
class _Changes:
    """Reads changes one by one."""

    told: bytes
    at: int = 0
    rises: list[int] = field(default_factory=list)

    def line(self, pieces: list[bytes]) -> bytes:
        """A line of these pieces with its changes."""
        place = 0
        while True:
            gap, kind = divmod(self.number(), KINDS)
            if kind == END:
                return self._ended(pieces, gap)
            place += gap
            if place >= len(pieces):
                raise ValueError("a change behind the end of a line")
            pieces[place] = self._piece() if kind == PIECE else _raised(pieces[place], self._by(kind))

    def _ended(self, pieces: Sequence[bytes], count: int) -> bytes:
        more, is_less = divmod(count, 2)
        if is_less:
            return b",".join(pieces[: len(pieces) - more - 1])
        return b",".join((*pieces, self._piece()) if more else pieces)

    def _by(self, kind: int) -> int:
        number = self.number()
        if kind == FALL:
            return -number
        if kind == SAME:
            if number >= len(self.rises):
                raise ValueError("a rise that was not told")
            return self.rises[number]
        if kind != RISE:
            raise ValueError("no change")
        self.rises.append(number)
        return number

    def _piece(self) -> bytes:
        size = self.number()
        piece = self.told[self.at : self.at + size]
        if len(piece) != size:
            raise ValueError("a piece that breaks off")
        self.at += size
        return piece

    def number(self) -> int:
        """What `_write` wrote."""
        value = shift = 0
        while self.at < len(self.told) and shift < 70:
            octet = self.told[self.at]
            self.at += 1
            value |= (octet & 127) << shift
            if octet < 128:
                return value
            shift += 7
        raise ValueError("a number that breaks off")


def _raised(piece: bytes, by: int) -> bytes:
    head = piece.rstrip(NUMBERED)
    whole = piece.rstrip(CLOSING)
    return b"%s%d%s" % (head, int(whole[len(head) :]) + by, piece[len(whole) :])

"""Rows as they stand in the leaves of a table or an index (sqlite.org/fileformat2.html, sections 1.5 to 2.1).

Everything is looked at before it is believed; what does not fit raises `ValueError` or `IndexError`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.salvage.image import HEADER, PAGE

INDEX_INNER, TABLE_INNER, INDEX_LEAF, TABLE_LEAF = 2, 5, 10, 13
KINDS = frozenset((INDEX_INNER, TABLE_INNER, INDEX_LEAF, TABLE_LEAF))
MOST = 1 << 24  # octets of a record: nothing that the agent writes comes near

Value = int | float | str | bytes | None
Pages = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Row:
    """What one cell holds; `rowid` is `None` in an index and in a table without rowids."""

    rowid: int | None
    values: tuple[Value, ...]


def kind_of(number: int, page: bytes) -> int | None:
    """Which kind of page this is; `None` for none of a tree."""
    kind = page[HEADER if number == 1 else 0]
    return kind if kind in KINDS else None


def children(number: int, page: bytes) -> Iterator[int]:
    """The pages below an inner one, in their order."""
    start = HEADER if number == 1 else 0
    for at in _cells(number, page, inner=True):
        yield int.from_bytes(page[at : at + 4])
    yield int.from_bytes(page[start + 8 : start + 12])


def rows(number: int, pages: Pages, *, of_table: bool) -> Iterator[Row | None]:
    """The rows of a page of a table, or else of an index, in their order; `None` for one that is not to be read.

    One `None` more where the cells do not fill the page with what it says is free: then there may have been others.
    """
    page = pages(number)
    inner = kind_of(number, page) in (INDEX_INNER, TABLE_INNER) and not of_table
    used = 0
    for at in _cells(number, page, inner=inner):
        try:
            row, end = _row(page, at + 4 * inner, of_table, pages)
        except (ValueError, IndexError, struct.error, OverflowError):
            yield None
            used = PAGE  # counted already
        else:
            yield row
            used += max(end - at, 4)
    if used < PAGE and used != _filled(number, page):
        yield None


def _filled(number: int, page: bytes) -> int:
    """How many octets cells take by the head of a page and its list of free blocks (section 1.6)."""
    start = HEADER if number == 1 else 0
    free, _, content, fragments = struct.unpack_from(">3HB", page, start + 1)
    filled = int(PAGE - content - fragments)
    for _ in range(PAGE // 4):
        if not free or free > PAGE - 4:
            break
        free, size = struct.unpack_from(">2H", page, free)
        filled -= size
    return filled


def _cells(number: int, page: bytes, *, inner: bool) -> list[int]:
    """Where the cells of a page begin."""
    start = HEADER if number == 1 else 0
    pointers = start + (12 if inner else 8)
    count = min(int.from_bytes(page[start + 3 : start + 5]), (PAGE - pointers) // 2)
    return [at for (at,) in struct.iter_unpack(">H", page[pointers : pointers + 2 * count])]


def _row(page: bytes, at: int, of_table: bool, pages: Pages) -> tuple[Row, int]:
    """A row, and where its cell ends."""
    size, at = _number(page, at)
    rowid = None
    if of_table:
        rowid, at = _number(page, at)
    if not 0 < size <= MOST:
        raise ValueError(size)
    here = _here(size, of_table)
    return Row(rowid, _values(_payload(page, at, size, here, pages))), at + here + 4 * (here < size)


def _here(size: int, of_table: bool) -> int:
    """How many octets of a record stand on its own page (section 1.6)."""
    most = PAGE - 35 if of_table else (PAGE - 12) * 64 // 255 - 23
    if size <= most:
        return size
    least = (PAGE - 12) * 32 // 255 - 23
    here = least + (size - least) % (PAGE - 4)
    return here if here <= most else least


def _payload(page: bytes, at: int, size: int, here: int, pages: Pages) -> bytes:
    """A record with what of it stands on further pages."""
    parts = [page[at : at + here]]
    if len(parts[0]) < here:
        raise ValueError("ends beyond its page")
    following = int.from_bytes(page[at + here : at + here + 4]) if here < size else 0
    missing = size - here
    while missing:
        if not following:
            raise ValueError("its end is missing")
        content = pages(following)
        parts.append(content[4 : 4 + min(missing, PAGE - 4)])
        following, missing = int.from_bytes(content[:4]), missing - len(parts[-1])
    return b"".join(parts)


def _values(record: bytes) -> tuple[Value, ...]:
    """Section 2.1. A record's head and its values have to fill it exactly."""
    head, at = _number(record, 0)
    kinds = []
    while at < head:
        kind, at = _number(record, at)
        kinds.append(kind)
    if at != head:
        raise ValueError("its head does not fit")
    values = []
    for kind in kinds:
        size = _size(kind)
        values.append(_value(kind, record[at : at + size]))
        at += size
    if at != len(record):
        raise ValueError("its values do not fit")
    return tuple(values)


def _size(kind: int) -> int:
    if kind >= 12:
        return (kind - 12) // 2
    if kind in (10, 11) or kind < 0:
        raise ValueError(kind)
    return (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)[kind]


def _value(kind: int, content: bytes) -> Value:
    if kind >= 12:
        return content.decode(errors="replace") if kind % 2 else content
    if kind == 0:
        return None
    if kind == 7:
        (number,) = struct.unpack(">d", content)
        return float(number)
    return kind - 8 if kind in (8, 9) else int.from_bytes(content, signed=True)


def _number(content: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine octets, and where it ends."""
    value = 0
    for place in range(at, at + 8):
        value = (value << 7) | (content[place] & 0x7F)
        if content[place] < 0x80:
            return value, place + 1
    value = (value << 8) | content[at + 8]
    return value - (1 << 64) if value >= 1 << 63 else value, at + 9

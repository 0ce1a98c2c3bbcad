"""The pages of a database file as SQLite sees them: the file, and over it what its write-ahead log has committed.

By the description of the format (sqlite.org/fileformat2.html, sections 1.3 and 4). Nothing is believed of the file that
the agent itself decides when it makes one: how large a page is, and that none of it is reserved.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

PAGE = 4096  # octets, SQLite's own choice since 3.12
HEADER = 100  # octets in front of the first page's content
LOG_MAGIC = (0x377F0682, 0x377F0683)  # the lowest bit: checksums are big-endian
LOG_HEADER = 32
FRAME_HEADER = 24
FREE_TRUNK, FREE_COUNT = 32, 36  # where the header names the list of free pages


class Image:
    """Use it as a context manager. Only reads; raises `OSError` where the file cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            self._logged = dict(committed(path.with_name(path.name + "-wal")))
            self.pages = max(os.fstat(self._file).st_size // PAGE, *self._logged, 0)
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Image:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._file)

    def page(self, number: int) -> bytes:
        """The content of a page, from 1 on; zeros for one that is not there or that the disk no longer gives."""
        if number in self._logged:
            return self._logged[number]
        if not 1 <= number <= self.pages:
            return bytes(PAGE)
        try:
            os.lseek(self._file, (number - 1) * PAGE, os.SEEK_SET)
            return os.read(self._file, PAGE).ljust(PAGE, b"\0")
        except OSError:
            return bytes(PAGE)

    def free(self) -> frozenset[int] | None:
        """The pages without content; `None` where their list does not have as many as the header says."""
        first = self.page(1)
        trunk, count = (int.from_bytes(first[at : at + 4]) for at in (FREE_TRUNK, FREE_COUNT))
        found: set[int] = set()
        while trunk and trunk not in found and len(found) <= count:
            content = self.page(trunk)
            found.add(trunk)
            trunk, leaves = struct.unpack_from(">2I", content)
            found.update(struct.unpack_from(f">{min(leaves, PAGE // 4 - 2)}I", content, 8))
        return frozenset(found) if len(found) == count and not trunk else None


def committed(log: Path) -> Iterator[tuple[int, bytes]]:
    """The newest content of every page in the log up to its last sound commit, as SQLite would apply it."""
    try:
        content = log.read_bytes()
    except OSError:
        return
    if len(content) < LOG_HEADER:
        return
    magic, _, size, _, salt, *told = struct.unpack_from(">4IQ2I", content)
    order = ">" if magic & 1 else "<"
    sums = _sums(content[: LOG_HEADER - 8], order, (0, 0))
    if magic not in LOG_MAGIC or size != PAGE or tuple(told) != sums:
        return
    pending: dict[int, bytes] = {}
    for at in range(LOG_HEADER, len(content) - FRAME_HEADER - PAGE + 1, FRAME_HEADER + PAGE):
        number, commits, mine, *told = struct.unpack_from(">2IQ2I", content, at)
        page = content[at + FRAME_HEADER : at + FRAME_HEADER + PAGE]
        sums = _sums(page, order, _sums(content[at : at + 8], order, sums))
        if mine != salt or tuple(told) != sums:
            return
        pending[number] = page
        if commits:
            yield from pending.items()
            pending.clear()


def _sums(content: bytes, order: str, before: tuple[int, int]) -> tuple[int, int]:
    """The checksum of section 4.2."""
    first, second = before
    for one, other in struct.iter_unpack(f"{order}2I", content):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second

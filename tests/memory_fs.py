"""A file system in memory, for what disks do: `memory_fs.py MOUNT record TRACE` and `memory_fs.py MOUNT fail`.

`record` writes down everything that is done to its files: writes, truncations, syncs and changes of names, in their
order, with the lines that the worker appends to the file `said` in between; the trace is what a crash can cut. It is
written when the file system is unmounted.

`fail` lets operations fail as the last line in its file `orders` says: `write 17 5 2` lets the 17th write from then on
fail with error number 5, and the one after it; `any` stands for every operation that changes something, `none 0 0 0`
ends it. What was counted since the order can be read from the file `counted`.
"""

from __future__ import annotations

import errno
import json
import stat
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import mfusepy

SAID, ORDERS, COUNTED = "/said", "/orders", "/counted"
PAST = 1_700_000_000 * 10**9  # every file's times, in nanoseconds: nothing here depends on them


class MemoryFs(mfusepy.Operations):  # type: ignore[misc]  # mfusepy has no types that mypy takes
    """One flat folder. A file is known by the number of its creation, so that a name may be used again."""

    use_ns = True

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._contents: dict[int, bytearray] = {}

    def does(self, *step: Any) -> None:
        """Called before anything changes; raises what the program is to see."""

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        times = {"st_nlink": 1, "st_uid": 0, "st_gid": 0, "st_mtime": PAST, "st_atime": PAST, "st_ctime": PAST}
        if path == "/":
            return {**times, "st_mode": stat.S_IFDIR | 0o755, "st_size": 4096}
        return {**times, "st_mode": stat.S_IFREG | 0o600, "st_size": len(self._content(path))}

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *(name[1:] for name in self._names)]

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        number = len(self._contents)
        self.does("create", path, number)
        self._contents[number] = bytearray()
        self._names[path] = number
        return 0

    def open(self, path: str, flags: int) -> int:
        self._content(path)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._content(path)[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        content = self._content(path)
        if path in (SAID, ORDERS):
            self.does(path[1:], data.decode())
        else:
            self.does("write", self._names[path], offset, b64encode(data).decode())
        content.extend(bytes(max(offset - len(content), 0)))
        content[offset : offset + len(data)] = data
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        content = self._content(path)
        self.does("truncate", self._names[path], length)
        content.extend(bytes(max(length - len(content), 0)))
        del content[length:]
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self.does("fsync", self._names[path])
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        self.does("fsyncdir")
        return 0

    def unlink(self, path: str) -> int:
        self._content(path)
        self.does("unlink", path)
        del self._names[path]
        return 0

    def rename(self, old: str, new: str) -> int:
        self._content(old)
        self.does("rename", old, new)
        self._names[new] = self._names.pop(old)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 2**20, "f_bfree": 2**20, "f_bavail": 2**20}

    def chmod(self, path: str, mode: int) -> int:
        return 0

    def utimens(self, path: str, times: Any = None) -> int:
        return 0

    def _content(self, path: str) -> bytearray:
        if path not in self._names:
            raise mfusepy.FuseOSError(errno.ENOENT)
        return self._contents[self._names[path]]


class RecordingFs(MemoryFs):
    """Every step goes into the trace."""

    def __init__(self, trace: Path) -> None:
        super().__init__()
        self._file = trace
        self._trace: list[tuple[Any, ...]] = []

    def does(self, *step: Any) -> None:
        self._trace.append(step)

    def destroy(self, path: str) -> None:
        self._file.write_text("\n".join(map(json.dumps, self._trace)), encoding="utf-8")


class FailingFs(MemoryFs):
    """The steps that were ordered to fail do."""

    def __init__(self) -> None:
        super().__init__()
        self._kind, self._first, self._error, self._last = "", 0, 0, 0
        self._counted = 0
        self._contents[0], self._names[COUNTED] = bytearray(b"0"), 0

    def does(self, *step: Any) -> None:
        if step[0] == "orders":
            self._kind, first, error, times = step[1].split()
            self._first, self._error, self._last = int(first), int(error), int(first) + int(times) - 1
            if self._last >= 0:
                self._counted = 0
        elif self._kind in (step[0], "any"):
            self._counted += 1
            self._contents[0][:] = str(self._counted).encode()
            if self._first <= self._counted <= self._last:
                raise mfusepy.FuseOSError(self._error)


if __name__ == "__main__":
    system = RecordingFs(Path(sys.argv[3])) if sys.argv[2] == "record" else FailingFs()
    mfusepy.FUSE(system, sys.argv[1], foreground=True, nothreads=True, fsname="memory")

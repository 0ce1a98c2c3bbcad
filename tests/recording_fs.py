"""A file system in memory that writes down everything that is done to its files: `recording_fs.py MOUNT TRACE`.

The trace is what a crash can cut: writes, truncations, syncs and changes of names, in their order, with the lines that
the worker appends to the file `said` in between. It is written when the file system is unmounted.
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

SAID = "/said"
PAST = 1_700_000_000  # every file's times: nothing here depends on them


class RecordingFs(mfusepy.Operations):  # type: ignore[misc]  # mfusepy has no types that mypy takes
    """One flat folder. A file is known in the trace by the number of its creation, so that a name may be used again."""

    use_ns = True

    def __init__(self, trace: Path) -> None:
        self._file = trace
        self._names: dict[str, int] = {}
        self._contents: dict[int, bytearray] = {}
        self._trace: list[list[Any]] = []

    def destroy(self, path: str) -> None:
        self._file.write_text("\n".join(map(json.dumps, self._trace)), encoding="utf-8")

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        times = {"st_nlink": 1, "st_uid": 0, "st_gid": 0, "st_mtime": PAST, "st_atime": PAST, "st_ctime": PAST}
        if path == "/":
            return {**times, "st_mode": stat.S_IFDIR | 0o755, "st_size": 4096}
        return {**times, "st_mode": stat.S_IFREG | 0o600, "st_size": len(self._content(path))}

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *(name[1:] for name in self._names)]

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        number = len(self._contents)
        self._contents[number] = bytearray()
        self._names[path] = number
        self._trace.append(["create", path, number])
        return 0

    def open(self, path: str, flags: int) -> int:
        self._content(path)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._content(path)[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        content = self._content(path)
        content.extend(bytes(max(offset - len(content), 0)))
        content[offset : offset + len(data)] = data
        if path == SAID:
            self._trace.append(["said", data.decode()])
        else:
            self._trace.append(["write", self._names[path], offset, b64encode(data).decode()])
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        content = self._content(path)
        content.extend(bytes(max(length - len(content), 0)))
        del content[length:]
        self._trace.append(["truncate", self._names[path], length])
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._trace.append(["fsync", self._names[path]])
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        self._trace.append(["fsyncdir"])
        return 0

    def unlink(self, path: str) -> int:
        self._content(path)
        del self._names[path]
        self._trace.append(["unlink", path])
        return 0

    def rename(self, old: str, new: str) -> int:
        self._content(old)
        self._names[new] = self._names.pop(old)
        self._trace.append(["rename", old, new])
        return 0

    def chmod(self, path: str, mode: int) -> int:
        return 0

    def utimens(self, path: str, times: Any = None) -> int:
        return 0

    def _content(self, path: str) -> bytearray:
        if path not in self._names:
            raise mfusepy.FuseOSError(errno.ENOENT)
        return self._contents[self._names[path]]


if __name__ == "__main__":
    mfusepy.FUSE(RecordingFs(Path(sys.argv[2])), sys.argv[1], foreground=True, nothreads=True, fsname="recording")

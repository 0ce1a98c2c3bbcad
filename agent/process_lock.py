"""A lock between processes: free again when the one that holds it ends, however it ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType

from agent.errors import StoreBusy
from agent.store_errors import not_writable
from agent.texts import message

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class ProcessLock:
    """A file beside the database that one process at a time holds; it is free again when that process ends.

    `purpose` tells several such files apart.
    """

    def __init__(self, database: Path, purpose: str = "") -> None:
        self.database = database
        self._suffix = f"{purpose}.lock"
        self._descriptor: int | None = None

    def take(self) -> None:
        """Takes it, or raises `StoreBusy` at once."""
        path = self.database.with_name(self.database.name + self._suffix)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise not_writable(path, error) from error
        try:
            _lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise StoreBusy(
                message("Another meter-agent is working with {file}.", file=str(self.database)),
                message("Wait until it has ended, or stop the service meter-agent first."),
            ) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Gives it back; may be called again. The file stays, so that no two processes lock different files."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> None:
        self.take()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        # flock and not lockf: it also keeps two opens of the same process apart.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

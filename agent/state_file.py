"""A small file in the state folder that service and administrator share, whoever of them makes it first."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def opened(file: Path) -> int:
    """A descriptor for reading and writing; a new file is for its owner alone, and that is the folder's owner.

    As SQLite does with the files that it makes beside a database: what root makes must not shut out the service.
    Raises `OSError`.
    """
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(file, os.O_RDWR)
    if sys.platform != "win32" and os.geteuid() == 0:
        try:
            owner = file.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        except OSError:
            os.close(descriptor)
            raise
    return descriptor

"""The end of the ledger noted beside the database, because a chain cannot show by itself that its last links are gone.

Written after the commit of what it names, so that it is never ahead of a sound database, whatever happens to the power.
It shows a database that lost its end by mistake or is an older copy; not one whose file and this one were both changed.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from agent.state_file import opened

LINE = re.compile(r"([0-9]{20}) ([0-9a-f]{64})\n")
SUFFIX = ".end"


def note(database: Path, position: int, head: bytes) -> None:
    """Notes the last link. One sector, written in place: after a crash it is the old line or the new one.

    Where it cannot be written it stays behind, which shows less and claims nothing wrong.
    """
    with suppress(OSError):
        descriptor = opened(_file(database))
        try:
            os.write(descriptor, f"{position:020d} {head.hex()}\n".encode())
        finally:
            os.close(descriptor)


def noted(database: Path) -> tuple[int, bytes] | None:
    """Place and hash of the last link that was noted; `None` where nothing readable is."""
    try:
        found = LINE.fullmatch(_file(database).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return (int(found[1]), bytes.fromhex(found[2])) if found else None


def forget(database: Path) -> None:
    """Nothing is noted of this database any more."""
    _file(database).unlink(missing_ok=True)


def _file(database: Path) -> Path:
    return database.with_name(database.name + SUFFIX)

"""The errors of the database's driver and of its file, in our words. Nothing above the store sees another one."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from agent.errors import StoreBusy, StoreDamaged, StoreError, StoreFull
from agent.texts import message

DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
UNSUPPORTED = "unsupported file format"  # has no code of its own; nobody but us writes this file
_NEARLY_FULL = 256 * 1024  # bytes; below this an I/O error is most likely one of space


def translate(error: Exception, path: Path) -> StoreError:
    """The driver's error in our words. Nothing above sees another one."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the rest are refinements (sqlite.org/rescode.html)
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _nearly_full(path)):
        return StoreFull(
            message("There is no space left for the database {file}.", file=str(path)),
            message("Free some disk space; nothing that was stored is lost, and the agent goes on by itself."),
        )
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(
            message("The disk failed for the database {file}: {detail}", file=str(path), detail=str(cause)),
            message("Check the disk; what was not confirmed as stored is not stored and will be read again."),
        )
    if code in DAMAGE or isinstance(cause, UnicodeDecodeError) or str(cause) == UNSUPPORTED:
        return damaged(path, str(cause))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(
            message("The database {file} is in use by another program.", file=str(path)),
            message("Try again in a moment; exclude the file from backup and virus scanners if it happens often."),
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return not_writable(path, cause)
    return StoreError(
        message("The database {file} could not be used: {detail}", file=str(path), detail=str(cause)),
        message("Nothing half-done was stored. Send this sentence to your service partner."),
    )


def damaged(path: Path, detail: str) -> StoreDamaged:
    """The error for a file that is not what was written."""
    return StoreDamaged(
        message("The database {file} is damaged: {detail}", file=str(path), detail=detail),
        message(
            "It was left as it is. The service saves what can be read when it starts; so does: meter-agent database"
            " mend"
        ),
    )


def not_writable(path: Path, cause: object) -> StoreError:
    """The error for a place where this user may not write."""
    return StoreError(
        message("{file} cannot be written: {detail}", file=str(path), detail=str(cause)),
        message("Give the user of the agent write access to the folder {folder}.", folder=str(path.parent)),
    )


def _nearly_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _NEARLY_FULL
    except OSError:
        return False

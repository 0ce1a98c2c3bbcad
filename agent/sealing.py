"""A file that only its owner can read: mode 0600 on Linux and macOS, DPAPI on Windows."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import sys
from pathlib import Path

from agent.errors import SecretError
from agent.texts import Message, message

# Bytes that DPAPI adds to a sealed value (keys, salts, checksums); generous.
_SEAL_BYTES = 4096

# CryptProtectData (dpapi.h): no dialogue, and for this machine, because another account stores the secret than
# the service that uses it. Who may read the file is ruled by the folder's access list, which the installer sets.
_UI_FORBIDDEN = 0x1
_LOCAL_MACHINE = 0x4
_ENTROPY = b"meter-agent secret v1"


def read_sealed(file: Path, limit: int) -> bytes | None:
    """At least `limit` + 1 bytes of the file's content if it has so many; `None` when there is no such file.

    Raises `SecretError` when others may read it, when it is no regular file, or belongs to another user.
    """
    try:
        sealed = _read(file, limit + _SEAL_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SecretError(
            message("The secret file {file} cannot be read: {reason}", file=str(file), reason=error.strerror),
            message("Run the command as the user that the service runs as, or as administrator."),
        ) from error
    return _unseal(sealed, file)


def write_sealed(file: Path, value: bytes) -> None:
    """Puts the value in place of the file in one step and waits for the disk. Raises `SecretError`."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(file, _seal(value))
    except OSError as error:
        raise SecretError(
            message("The secret file {file} cannot be written: {reason}", file=str(file), reason=error.strerror),
            message("Run the command as the user that the service runs as, or as administrator."),
        ) from error


def remove_sealed(file: Path) -> None:
    """Deletes the file, if there is one. Raises `SecretError`."""
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise SecretError(
            message("The secret file {file} cannot be deleted: {reason}", file=str(file), reason=error.strerror),
            message("Run the command as the user that the service runs as, or as administrator."),
        ) from error


def _read(file: Path, limit: int) -> bytes:
    # Non-blocking, so that a pipe in the file's place is refused and not waited for. Links are not followed:
    # the file that is judged is the file that is read.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if file.is_symlink():
        raise _refused(file, message("The secret file {file} is a link, not a file.", file=str(file)))
    descriptor = os.open(file, flags)
    try:
        _check(file, os.fstat(descriptor))
        # One read is enough: a regular file gives all it has, up to the limit.
        return os.read(descriptor, limit)
    finally:
        os.close(descriptor)


def _check(file: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _refused(file, message("The secret file {file} is not a regular file.", file=str(file)))
    if sys.platform == "win32":
        return
    if found.st_mode & 0o077:
        raise SecretError(
            message("The secret file {file} is open to other users.", file=str(file)),
            message("Close it with: chmod 600 {file}", file=str(file)),
        )
    if found.st_uid not in (0, os.geteuid()):
        raise _refused(file, message("The secret file {file} belongs to another user.", file=str(file)))


def _refused(file: Path, what: Message) -> SecretError:
    return SecretError(
        what, message("Delete it and store the secret anew with: meter-agent secret set {name}", name=file.name)
    )


def _replace(file: Path, content: bytes) -> None:
    draft = file.parent / f".{file.name}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        draft.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import win32crypt

    def _seal(value: bytes) -> bytes:
        flags = _UI_FORBIDDEN | _LOCAL_MACHINE
        try:
            return bytes(win32crypt.CryptProtectData(value, "meter-agent", _ENTROPY, None, None, flags))
        except win32crypt.error as error:
            raise SecretError(
                message("Windows could not encrypt the secret: {reason}", reason=str(error.strerror)),
                message("Run the command as administrator."),
            ) from error

    def _unseal(sealed: bytes, file: Path) -> bytes:
        try:
            return bytes(win32crypt.CryptUnprotectData(sealed, _ENTROPY, None, None, _UI_FORBIDDEN)[1])
        except win32crypt.error as error:
            raise _refused(
                file, message("The secret file {file} was not encrypted on this computer.", file=str(file))
            ) from error

else:

    def _seal(value: bytes) -> bytes:
        return value

    def _unseal(sealed: bytes, file: Path) -> bytes:
        return sealed

"""Files made once on the first start: written whole or not at all, so that being killed leaves no half of one."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644


def keep(file: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Replaces the file in one step; nobody else can read it before it has its `mode`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    Path(name).chmod(mode)
    Path(name).replace(file)


def kept_secret(file: Path) -> str:
    """The secret in this file, made on first use: 32 random bytes, URL-safe."""
    if not file.exists():
        keep(file, secrets.token_urlsafe(32).encode())
    return file.read_text("ascii").strip()

"""The file system of `memory_fs.py`, mounted for as long as a block lasts."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CI = os.environ.get("CI") == "true"
PROGRAM = Path(__file__).with_name("memory_fs.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROGRAM.parent.parent)}


def _missing() -> str | None:
    if not Path("/dev/fuse").exists() or os.geteuid() != 0:
        return "needs /dev/fuse and the right to mount"
    try:
        import mfusepy  # noqa: F401  it looks for libfuse when it is loaded
    except OSError:
        return "needs the package libfuse3-3"
    return None


MISSING = _missing()
needs_fuse = pytest.mark.skipif(bool(MISSING) and not CI, reason=MISSING or "")  # in CI it is there, or the test fails


@contextmanager
def mounted(folder: Path, *kind: str | Path) -> Iterator[Path]:
    """The mount point, below `folder`."""
    mount = folder / "mount"
    mount.mkdir()
    server = subprocess.Popen([sys.executable, PROGRAM, mount, *kind], env=ENVIRONMENT)
    try:
        deadline = time.monotonic() + 20
        while not mount.is_mount():
            assert server.poll() is None, "the file system did not start"
            assert time.monotonic() < deadline, "the file system is not mounted"
            time.sleep(0.01)
        yield mount
    finally:
        subprocess.run(["umount", mount], check=False)
        server.wait(timeout=60)

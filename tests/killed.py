"""A worker in a process of its own that is killed while it works."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def killed_after(work: Callable[[], None], many: int, seconds: float) -> list[str]:
    """Every whole line that `work`, which goes on for ever, had printed when it was killed.

    That is `seconds` after it has printed the so manieth: at any step of its work, however busy the computer is.
    """
    end, begin = os.pipe()
    child = _forked(work, begin)
    os.close(begin)
    with os.fdopen(end) as output:
        lines = [output.readline() for _ in range(many)]
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        lines += output.readlines()
    os.waitpid(child, 0)
    assert lines[0], "it could not start after a kill"
    return [line.strip() for line in lines if line.endswith("\n")]


def _forked(work: Callable[[], None], output: int) -> int:
    """Forked because a hundred interpreters would take minutes to start."""
    child = os.fork()
    if child:
        return child
    try:
        sys.stdout = os.fdopen(output, "w")
        work()
    finally:
        os._exit(1)

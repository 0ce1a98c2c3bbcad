"""The event loop everything runs on."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

YOUNG = 10_000  # objects
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, run on a selector loop on every system: Windows' default loop cannot watch our sockets."""
    # Looking for garbage was a fifth of the CPU time of reading. What the imports made is none until the end, and what
    # some dozen exchanges hold at the same time goes without being looked for.
    gc.freeze()
    gc.set_threshold(YOUNG)
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(work)

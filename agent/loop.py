"""The event loop everything runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from agent import garbage

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, run on a selector loop on every system: Windows' default loop cannot watch our sockets."""
    # What some dozen exchanges hold at the same time goes without being looked for.
    garbage.spare_what_is_loaded()
    garbage.look_seldom()
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(work)

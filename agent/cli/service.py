"""The service: the agent at work until it is stopped, with nothing loaded that only a person at a terminal needs."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from agent.app import Agent
from agent.language import choose
from agent.log import start_log
from agent.loop import run
from agent.paths import find_config
from service import notify


def agent_of(config: Path | None) -> Agent:
    """The agent of the given or found config file, in the language it names. Raises `ConfigError`."""
    agent = Agent.load(find_config(config).required())
    choose(agent.settings.language)
    return agent


def run_forever(config: Path | None) -> int:
    """The daemon in the foreground: ends within seconds of SIGTERM or Ctrl+C with nothing lost."""
    agent = agent_of(config)
    start_log(agent.settings.log.level, agent.settings.log.file)
    run(_until_stopped(agent))
    return 0


async def _until_stopped(agent: Agent) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows: its event loop knows no signals
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    watchdog = asyncio.create_task(_keep_watchdog_quiet())
    try:
        await agent.run(stop, _say_ready)
    finally:
        notify.stopping()
        watchdog.cancel()


def _say_ready() -> None:
    notify.ready()


async def _keep_watchdog_quiet() -> None:
    interval = notify.watchdog_interval()
    while interval is not None:
        notify.watchdog()
        await asyncio.sleep(interval)

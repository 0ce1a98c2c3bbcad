"""run and check: the agent at work, and whether it could work."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from rich.console import Console

from agent.app import Agent
from agent.cli.person import say
from agent.cli.tables import is_by_hand, print_report
from agent.cli.watch import Watch
from agent.clock import SystemClock
from agent.errors import AgentError
from agent.language import _, choose, show, show_error
from agent.log import start_log
from agent.loop import run
from agent.paths import find_config
from agent.prerequisites import Prerequisites
from agent.report import CycleReport
from agent.salvage.account import SqlSalvages
from agent.texts import message
from service import notify


def agent_of(config: Path | None) -> Agent:
    """The agent of the given or found config file, in the language it names. Raises `ConfigError`."""
    agent = Agent.load(find_config(config).required())
    choose(agent.settings.language)
    return agent


def run_once(config: Path | None) -> int:
    """One cycle with its report and the exit code that says how it went."""
    agent = agent_of(config)
    console = Console()
    with Watch(Console(stderr=True)) as watch:
        report = run(agent.once(watch))
    print_report(console, report)
    return exit_code(report)


def exit_code(report: CycleReport) -> int:
    """0 when everything that is to be sent has arrived, else 1, or the code of the trouble with the portal."""
    if report.trouble is not None:
        sys.stderr.write(show_error(report.trouble) + "\n")
        return report.trouble.exit_code
    # Where a person captures, waiting is how it should be.
    open_states = () if is_by_hand(report) else ("waiting", "rejected", "parked")
    unsettled = [line for line in report.lines if line.entry and line.entry.state in open_states]
    unread = [
        line for line in report.lines if line.readout and line.verdict is None and line.readout.status != "asleep"
    ]
    return 1 if unsettled or unread else 0


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


def check_all(config: Path | None) -> int:
    """Every prerequisite, one line each; 0 when all are met, else the code of the first that is not."""
    try:
        file = find_config(config).required()
        agent = agent_of(file)
    except AgentError as error:
        _say(False, _("Config"), show_error(error))
        return error.exit_code
    _say(True, _("Config"), str(file))
    return run(_check(agent))


async def _check(agent: Agent) -> int:
    code = 0
    async for check in Prerequisites(agent).check():
        detail = show_error(check.trouble) if check.trouble else show(check.detail) if check.detail else ""
        _say(check.ok, show(check.name), detail, hint=check.hint)
        if check.trouble and not code:
            code = check.trouble.exit_code
    return code


def downgrade_database(config: Path | None, version: str) -> int:
    """The database for an older agent; everything in it is kept, until this one or a newer one comes back."""
    with agent_of(config).store(exclusive=True) as store:
        store.downgrade(version)
    said = _("The database is one of version {version} now. Install the older meter-agent before anything else.")
    sys.stdout.write(said.replace("{version}", version) + "\n")
    return 0


def mend_database(config: Path | None) -> int:
    """The inspection of the whole file; what came of it when it had to be made anew."""
    with agent_of(config).store(exclusive=True) as store:
        accounts = SqlSalvages(store).matters(SystemClock().now())
    for account in accounts:
        say(account.told())
    if not accounts:
        say(message("The database is sound."))
    return 0


def _say(ok: bool, name: str, detail: str, *, hint: bool = False) -> None:
    mark = _("note") if hint else _("ok") if ok else _("MISSING")
    first, *rest = detail.split("\n")
    sys.stdout.write(f"{mark:8} {name}{': ' if first else ''}{first}\n")
    for line in rest:
        sys.stdout.write(f"{'':8} {line}\n")
    sys.stdout.flush()

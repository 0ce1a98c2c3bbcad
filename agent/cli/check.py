"""check: whether the agent could work, one line for each prerequisite."""

from __future__ import annotations

import sys
from pathlib import Path

from agent.app import Agent
from agent.cli.service import agent_of
from agent.errors import AgentError
from agent.language import _, show, show_error
from agent.loop import run
from agent.paths import find_config
from agent.prerequisites import Prerequisites


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


def _say(ok: bool, name: str, detail: str, *, hint: bool = False) -> None:
    mark = _("note") if hint else _("ok") if ok else _("MISSING")
    first, *rest = detail.split("\n")
    sys.stdout.write(f"{mark:8} {name}{': ' if first else ''}{first}\n")
    for line in rest:
        sys.stdout.write(f"{'':8} {line}\n")
    sys.stdout.flush()

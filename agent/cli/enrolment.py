"""enroll and rotate-key: the agent's own key, from a one-time code of the key user."""

from __future__ import annotations

import sys
from pathlib import Path
from socket import gethostname
from typing import NoReturn

from agent.app import Agent
from agent.cli.person import say
from agent.cli.service import agent_of
from agent.errors import ConfigError
from agent.language import _
from agent.loop import run
from agent.texts import message
from agent.upload.credentials import ClientSecret
from agent.upload.enrolment import Enrolment, Registrar
from agent.upload.keys import KeyKind


def enroll(config: Path | None, *, kind: KeyKind, replace: bool) -> int:
    """Makes a key and registers its public part with a code, which is asked for, or is the first line of a pipe."""
    agent = agent_of(config)
    if agent.ring().exists and not replace:
        raise ConfigError(
            message("This agent has a key of its own already."),
            message("See that it works with: meter-agent check. Replace it with: meter-agent enroll --replace"),
        )
    done = run(_enrolled(agent, _code(), kind))
    rights = ", ".join(done.rights) or "-"
    say(message("This agent is {agent} now.", agent=done.agent_id))
    say(message("Unlocked areas: {areas}", areas=rights))
    say(message("Key: {kid}", kid=done.kid))
    say(message("Restart the service, then: meter-agent check"))
    return 0


def rotate_key(config: Path | None, *, kind: KeyKind) -> int:
    """Another key in place of the one in use."""
    agent = agent_of(config)
    if not agent.ring().exists:
        _no_token()
    kid = run(_rotated(agent, kind))
    say(message("Key: {kid}", kid=kid))
    say(message("The key before goes on for some days. Restart the service until then."))
    return 0


async def _enrolled(agent: Agent, code: str, kind: KeyKind) -> Enrolment:
    nobody = ClientSecret("", _no_token)  # who is not enrolled yet asks for no token
    async with agent.connection(nobody) as connection:
        return await Registrar(connection, agent.ring()).enrol(code, kind, gethostname())


async def _rotated(agent: Agent, kind: KeyKind) -> str:
    async with agent.connection(agent.credentials()) as connection:
        return await Registrar(connection, agent.ring()).rotate(kind)


def _code() -> str:
    """The code from a person or a pipe: an argument would stand in the shell's history and in lists of processes."""
    if sys.stdin.isatty():
        sys.stdout.write(_("Enrolment code") + ": ")
        sys.stdout.flush()
    code = sys.stdin.readline(200).strip()
    if not code:
        raise ConfigError(
            message("There is no enrolment code."),
            message("Ask your key user to make one in the portal, and enter it here."),
        )
    return code


def _no_token() -> NoReturn:
    raise ConfigError(message("This agent is not enrolled yet."), message("Enrol it with: meter-agent enroll"))

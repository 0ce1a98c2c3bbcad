"""database: the file of readings and orders, for an older agent, and looked through."""

from __future__ import annotations

import sys
from pathlib import Path

from agent.cli.person import say
from agent.cli.service import agent_of
from agent.clock import SystemClock
from agent.language import _
from agent.salvage.account import SqlSalvages
from agent.texts import message


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

"""Who sits at the command line."""

from __future__ import annotations

import getpass


def who() -> str:
    """The name of the user, to be kept with what they decide."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "?"

"""Who sits at the command line, and how a line is said to them."""

from __future__ import annotations

import getpass
import sys

from agent.language import show
from agent.texts import Message


def who() -> str:
    """The name of the user, to be kept with what they decide."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "?"


def say(sentence: Message) -> None:
    """A line of the result, in the person's language."""
    sys.stdout.write(show(sentence) + "\n")


def remark(sentence: Message) -> None:
    """A line beside the result, which goes to standard error: the result may be a file or a pipe."""
    sys.stderr.write(show(sentence) + "\n")

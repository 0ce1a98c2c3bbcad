"""A recording over IPP: the octets of one response as they came (an application/ipp body), in a file."""

from __future__ import annotations

from pathlib import Path

from agent.errors import AgentError
from agent.ipp.attributes import IppAnswer
from agent.ipp.codec import MAX_BODY, decode_response
from agent.texts import message


def load_answer(path: Path) -> IppAnswer:
    """The answer in a file. Raises `AgentError` when it cannot be read, `BadReply` when it is no IPP response."""
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BODY + 1)
    except OSError as error:
        raise AgentError(
            message("The recording {file} cannot be read: {why}.", file=str(path), why=error.strerror),
            message("Check the path and the rights of the file."),
        ) from error
    return IppAnswer(decode_response(body).printer, str(path))

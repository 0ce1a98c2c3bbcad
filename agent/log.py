"""The log: JSON lines for the service, short lines for a terminal, never a secret and never a line break."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from math import isfinite
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

from agent.display import printable
from agent.errors import ConfigError
from agent.secrets import revealed
from agent.texts import message

FILE_BYTES = 10 * 1024 * 1024
FILE_COUNT = 5
TEXT_LIMIT = 1000
BLACK = "█████"

# A community "a" must not make the whole log unreadable; whoever can guess it does not need the log.
_SHORTEST_ANYWHERE = 4

# Frames of a traceback that are kept: the innermost, where it happened.
_FRAMES = 12
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
# They tell of every request and every job; one line per printer and minute says nothing to an administrator.
_TALKATIVE = ("httpx", "httpcore", "alembic", "sqlalchemy", "uvicorn", "asyncio")


def start_log(
    level: str = "info", file: Path | None = None, *, stream: TextIO | None = None, plain: bool | None = None
) -> None:
    """Sends the log of the whole process to `file` (rotating, 10 MiB, 5 older ones kept), else to `stream`.

    `level` is debug, info, warning or error. `stream` is standard error unless given; `plain` lines are the
    default on a terminal, JSON elsewhere. Calling it again replaces what was set up before.
    Raises `ConfigError` when the file cannot be written.
    """
    handler = _handler(file, stream or sys.stderr)
    if plain is None:
        plain = file is None and (stream or sys.stderr).isatty()
    handler.setFormatter(_Plain() if plain else _Json())
    stop_log()
    # A failing log must not print records, unblackened, to standard error.
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else logging.WARNING)


def stop_log() -> None:
    """Closes what `start_log` opened; handlers of others stay."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler.formatter, _Plain | _Json):
            root.removeHandler(handler)
            handler.close()


def blackened(text: str) -> str:
    """The text without any secret revealed in this process, in plain or percent-encoded form.

    A secret of less than four characters is blackened where it stands as a word, not inside of words.
    """
    # The longest first: one secret may be part of another.
    for value in sorted(revealed(), key=len, reverse=True):
        for form in {value, quote_plus(value), quote(value, safe="")}:
            if len(value) >= _SHORTEST_ANYWHERE:
                text = text.replace(form, BLACK)
            else:
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", BLACK, text)
    return text


def _handler(file: Path | None, stream: TextIO) -> logging.Handler:
    if file is None:
        return logging.StreamHandler(stream)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return _RotatingFile(file, maxBytes=FILE_BYTES, backupCount=FILE_COUNT)
    except OSError as error:
        raise ConfigError(
            message("The log file {file} cannot be written: {reason}", file=str(file), reason=error.strerror),
            message("Enter another file in the section [log], or give the user of the service the right to write it."),
        ) from error


class _RotatingFile(RotatingFileHandler):
    """A log names printers and people's host names: not for every user of the machine."""

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptor = os.open(self.baseFilename, flags, 0o640)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="replace")


class _Json(logging.Formatter):
    """One JSON object per line: time (UTC), level, logger, text, what the caller added, and the error if any."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": _clean(_text(record)),
        }
        line.update((_clean(name), _value(value)) for name, value in _extras(record).items())
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = [_told(error) for error in _chain(record.exc_info[1])]
        return json.dumps(line, ensure_ascii=False)


class _Plain(logging.Formatter):
    """Local time, level if it matters, text, and in brackets what the caller added."""

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        level = f"{record.levelname.lower()}: " if record.levelno != logging.INFO else ""
        extras = ", ".join(f"{_clean(name)}={_value(value)}" for name, value in _extras(record).items())
        error = ""
        if record.exc_info and record.exc_info[1] is not None:
            told = [_told(one) for one in _chain(record.exc_info[1])]
            error = " <- ".join(["", *(f"{one['type']}: {one['text']} ({', '.join(one['at'])})" for one in told)])
        return f"{time} {level}{_clean(_text(record))}{f' [{extras}]' if extras else ''}{error}"


def _text(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  a wrong placeholder or a broken __str__ costs its values, not the service
        return record.msg if isinstance(record.msg, str) else type(record.msg).__name__


def _clean(text: str) -> str:
    return printable(blackened(text), TEXT_LIMIT)


def _value(value: object) -> object:
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return value
    return _clean(str(value))


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain and len(chain) < 5:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _told(error: BaseException) -> dict[str, Any]:
    # Places only: source lines and local variables may hold what nobody is to read.
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return {"type": type(error).__name__, "text": _clean(str(error)), "at": [_clean(place) for place in places]}

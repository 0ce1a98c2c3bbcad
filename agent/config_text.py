"""The text of the config file, taken apart into tables; what is wrong with it as a whole is said with its place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from agent.errors import ConfigError
from agent.texts import message

MAX_BYTES = 1024 * 1024


def tables_of(path: Path) -> dict[str, Any]:
    """The tables of this TOML file. Raises `ConfigError`."""
    return _parsed(_text(path), path)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            message("There is no config file {file}.", file=str(path)),
            message("Make a first one with: meter-agent init"),
        ) from None
    except OSError as error:
        raise ConfigError(
            message("The config file {file} cannot be read: {reason}", file=str(path), reason=error.strerror),
            message("Check that the file may be read by the user that the service runs as."),
        ) from error
    if len(octets) > MAX_BYTES:
        raise ConfigError(
            message("The config file {file} is larger than 1 MiB.", file=str(path)),
            message("Check that this is the right file."),
        )
    try:
        # Windows' editor may put a byte order mark in front.
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            message("The config file {file} is not UTF-8 text (line {line}).", file=str(path), line=line),
            message('Save it in your editor with the encoding "UTF-8".'),
        ) from error


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, column, detail = _position(str(error), text)
    except RecursionError:
        line, column, detail = _longest(text), 1, "nested too deeply"
    except ValueError:
        line, column, detail = _longest(text), 1, "a number has too many digits"
    raise ConfigError(
        message(
            "The config file {file} cannot be understood at line {line}, column {column} ({detail}).",
            file=str(path),
            line=line,
            column=column,
            detail=detail,
        ),
        message(
            "Texts stand in quotation marks, lists in square brackets, and a path with backslashes "
            "in single quotation marks: 'C:\\folder\\file'."
        ),
    )


def _position(complaint: str, text: str) -> tuple[int, int, str]:
    """Line and column (from 1) that tomllib names at the end of its message; it has no attributes for them."""
    found = re.fullmatch(r"(?s)(.*) \(at line (\d+), column (\d+)\)", complaint)
    if found:
        return int(found[2]), int(found[3]), found[1]
    lines = text.split("\n")
    return len(lines), len(lines[-1]) + 1, complaint.removesuffix(" (at end of document)")


def _longest(text: str) -> int:
    """The longest line (from 1): there stands what is too deep or too long."""
    lines = text.split("\n")
    return lines.index(max(lines, key=len)) + 1

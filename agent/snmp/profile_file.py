"""A profile's file: its text becomes the form of `agent.snmp.profile`, its mistakes sentences with their lines."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from agent.errors import Problem, ProfileError, in_lines
from agent.problems import key_path, problems_of
from agent.snmp.profile_checks import Mistake
from agent.snmp.toml_places import line_of
from agent.texts import Message, message

P = TypeVar("P", bound=BaseModel)
GUIDE = "docs/profiles.md"
LARGEST = 1024 * 1024  # octets of a file


class ProfileProblems(ProfileError):
    """Everything that is wrong with one profile, so that it can be corrected in one go."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        super().__init__(
            message("The printer profile {file} cannot be used; to correct: {count}.", file=file, count=len(problems)),
            message("Correct the file, or remove it if it is a profile of your own; then run: meter-agent profiles"),
            problems,
        )
        self.file = file

    def __str__(self) -> str:
        return in_lines(self)


def read_text(file: Path) -> str:
    """The text of a profile's file. Raises `ProfileProblems`."""
    try:
        with file.open("rb") as opened:
            octets = opened.read(LARGEST + 1)
    except OSError as error:
        why = message("The file cannot be read: {why}.", why=error.strerror)
        raise ProfileProblems(str(file), [_problem(why, message("Check the rights of the file."))]) from error
    if len(octets) > LARGEST:
        raise ProfileProblems(str(file), [_problem(message("This is too long."), message("Shorten it."))])
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        what = message("This is not written in UTF-8.")
        raise ProfileProblems(
            str(file), [_problem(what, message("Save the file in the encoding UTF-8."), line)]
        ) from error


def parse(text: str, where: str, kind: type[P]) -> P:
    """The profile in a TOML text; `where` names it in errors. Raises `ProfileProblems`."""
    content = _toml(text, where)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        found = problems_of(error, kind, GUIDE)
        raise ProfileProblems(where, _listed(text, found)) from error


def of_mistakes(text: str, where: str, mistakes: Iterable[Mistake]) -> ProfileProblems:
    """The error that names these mistakes with their lines."""
    return ProfileProblems(
        where, _listed(text, ((one.path, Problem(key_path(one.path), one.what, one.remedy)) for one in mistakes))
    )


def _toml(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except (ValueError, RecursionError) as error:  # besides TOMLDecodeError: a number of thousands of digits
        told = str(error)
        at = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", told)
        line = int(at[1]) if at and at[1] else text.count("\n") + 1 if at else None
        why = told[: at.start()] if at else "too many digits" if isinstance(error, ValueError) else "nested too deep"
        what = message("This is not TOML: {why}.", why=why)
        if line is None:  # what is too long or too deep stands in the longest line
            lines = text.splitlines()
            line = lines.index(max(lines, key=len)) + 1
        remedy = message('Texts stand in "…", lists in [ ], a section begins with its [name] on a line of its own.')
        raise ProfileProblems(where, [_problem(what, remedy, line)]) from error


def _problem(what: Message, remedy: Message, line: int | None = None) -> Problem:
    return Problem("-", what, remedy, line)


def _listed(text: str, found: Iterable[tuple[Sequence[str | int], Problem]]) -> list[Problem]:
    """The problems with their lines, in the order of the file, each place once."""
    problems: dict[tuple[int, str], Problem] = {}
    for path, problem in found:
        place = _inside(path)
        line = line_of(text, place) or 1
        key = key_path(place) or "-"
        problems.setdefault((line, key), Problem(key, problem.what, problem.remedy, line))
    return [problems[key] for key in sorted(problems)]


def _inside(path: Sequence[str | int]) -> Sequence[str | int]:
    """The path without what pydantic adds to it: which of the allowed types it tried for a value of `where`."""
    if "where" in path:
        return path[: path.index("where") + 2]
    return [step for step in path if step != "[key]"]

"""What is wrong with a file that people write (config, printer profile): one sentence and one remedy per key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from agent.errors import ConfigError, Problem, in_lines
from agent.texts import Message, message

Location = Sequence[str | int]


class ConfigProblems(ConfigError):
    """Everything that is wrong with one config file, so that it can be corrected in one go."""

    def __init__(self, file: Path, problems: Sequence[Problem]) -> None:
        super().__init__(
            message("The config file {file} cannot be used; to correct: {count}.", file=str(file), count=len(problems)),
            message("Correct the file, then run: meter-agent check"),
            problems,
        )
        self.file = file

    def __str__(self) -> str:
        return in_lines(self)


class Unfit(ValueError):
    """A value that a validator refuses, with its remedy. Never carries the value where that may be a secret."""

    def __init__(self, what: Message, remedy: Message) -> None:
        super().__init__(str(what))
        self.what = what
        self.remedy = remedy

    @staticmethod
    def of(error: ConfigError) -> Unfit:
        """The same refusal, in the form that pydantic collects."""
        return Unfit(error.what, error.remedy or message("See {guide}.", guide="docs/configuration.md"))


def problems_of(
    error: ValidationError, model: type[BaseModel], guide: str = "docs/configuration.md"
) -> list[tuple[Location, Problem]]:
    """Every problem that pydantic found while reading `model`, with its place, in the order of the model's keys.

    `guide` is where the form of the file is explained.
    """
    found = error.errors(include_url=False, include_input=False)
    inside = {details["loc"][:size] for details in found for size in range(len(details["loc"]))}
    # pydantic calls a list with nothing but wrong items too short as well; the items are what is to be corrected.
    return [
        (details["loc"], _problem(details, model, guide))
        for details in found
        if details["type"] != "too_short" or details["loc"] not in inside
    ]


def _problem(details: Mapping[str, Any], model: type[BaseModel], guide: str) -> Problem:
    where: Location = details["loc"]
    context: Mapping[str, Any] = details.get("ctx", {})
    kind: str = details["type"]
    if kind == "extra_forbidden":
        return Problem(key_path(where), *_unknown(where, model))
    refused = context.get("error")
    if isinstance(refused, Unfit):
        return Problem(key_path(where), refused.what, refused.remedy)
    explain = _KINDS.get(kind)
    if explain is not None:
        return Problem(key_path(where), *explain(context, str(where[-1]) if where else ""))
    other = message("The value is not allowed ({detail}).", detail=details["msg"])
    return Problem(key_path(where) or "-", other, message("See {guide}.", guide=guide))


def key_path(where: Location) -> str:
    """The place as a person writes it: ("discovery", "ranges", 2) is "discovery.ranges[2]", counted from 0."""
    path = ""
    for step in where:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def _unknown(where: Location, model: type[BaseModel]) -> tuple[Message, Message]:
    name = str(where[-1])
    allowed = _keys_at(model, where[:-1])
    elsewhere = [section for section, keys in _sections(model).items() if name in keys]
    what = message("This key is not known.")
    if near := get_close_matches(name, allowed, n=1):
        return what, message('Did you mean "{near}"?', near=near[0])
    if "" in elsewhere:
        return what, message("This key stands above the first [section] of the file.")
    if elsewhere:
        return what, message("This key belongs into the section [{section}].", section=elsewhere[0])
    return what, message("Allowed here: {allowed}", allowed=", ".join(allowed))


def _sections(model: type[BaseModel]) -> dict[str, list[str]]:
    sections = {"": list(model.model_fields)}
    for name in model.model_fields:
        if nested := _model_of(model, name):
            sections[name] = list(nested.model_fields)
    return sections


def _keys_at(model: type[BaseModel], where: Location) -> list[str]:
    for step in where:
        if isinstance(step, int):
            continue  # an item of a list has the keys of the list's model
        nested = _model_of(model, step)
        if nested is None:
            return []
        model = nested
    return list(model.model_fields)


def _model_of(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    field = model.model_fields.get(name)
    annotation = field.annotation if field else None
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


Explain = Callable[[Mapping[str, Any], str], tuple[Message, Message]]


def _choice(context: Mapping[str, Any], key: str) -> tuple[Message, Message]:
    choices = ", ".join(f'"{choice}"' for choice in re.findall(r"'([^']*)'", str(context["expected"])))
    return message("This value is not one of the choices."), message("Choose from: {choices}", choices=choices)


def _too_small(context: Mapping[str, Any], key: str) -> tuple[Message, Message]:
    if "gt" in context:
        return message("The number is too small."), message("It must be above {limit}.", limit=_plain(context["gt"]))
    return message("The number is too small."), message("The smallest is {limit}.", limit=_plain(context["ge"]))


def _too_large(context: Mapping[str, Any], key: str) -> tuple[Message, Message]:
    return message("The number is too large."), message("The largest is {limit}.", limit=_plain(context["le"]))


def _plain(number: float) -> str:
    return f"{float(number):g}"


def _number(context: Mapping[str, Any], key: str) -> tuple[Message, Message]:
    return (
        message("This must be a number."),
        message("Write digits without quotation marks, for example: {key} = 5", key=key),
    )


_TEXT = (message("This must be a text."), message('Put it in quotation marks: "…"'))
_FLAG = (
    message("This must be true or false."),
    message("Write true or false, in small letters, without quotation marks."),
)
_LIST = (message("This must be a list."), message('Put it in square brackets: ["…", "…"]'))
_EMPTY = (message("This is empty."), message("Enter a value, or delete the line if the key may be left out."))
_LONG = (message("This is too long."), message("Shorten it."))


def _section(context: Mapping[str, Any], key: str) -> tuple[Message, Message]:
    return message("This is a section, not a value."), message(
        "Begin a line with [{key}] and write its keys below.", key=key
    )


def _missing(context: Mapping[str, Any], key: str) -> tuple[Message, Message]:
    return message("This key is missing."), message('Add a line: {key} = "…"', key=key)


def _form(context: Mapping[str, Any], key: str) -> tuple[Message, Message]:
    return message("This text has not the form that is wanted."), message(
        "Use small letters, digits and underscores only, as in the files that came with the program."
    )


_KINDS: dict[str, Explain] = {
    "missing": _missing,
    "literal_error": _choice,
    "greater_than": _too_small,
    "greater_than_equal": _too_small,
    "less_than_equal": _too_large,
    "int_type": _number,
    "int_parsing": _number,
    "int_from_float": _number,
    "float_type": _number,
    "float_parsing": _number,
    "decimal_type": _number,
    "decimal_parsing": _number,
    "finite_number": _number,
    "string_type": lambda context, key: _TEXT,
    "bool_type": lambda context, key: _FLAG,
    "tuple_type": lambda context, key: _LIST,
    "string_too_short": lambda context, key: _EMPTY,
    "too_short": lambda context, key: _EMPTY,
    "string_too_long": lambda context, key: _LONG,
    "too_long": lambda context, key: _LONG,
    "model_type": _section,
    "dict_type": _section,
    "string_pattern_mismatch": _form,
}

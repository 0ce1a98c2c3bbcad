"""The reader's language: sentences, numbers and times, in German or English."""

from __future__ import annotations

import gettext
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import Literal

from agent.display import printable
from agent.errors import AgentError, Problem
from agent.texts import Message, Value, fill, message

Code = Literal["de", "en"]
DOMAIN = "meter-agent"
LOCALES = Path(__file__).parent / "locale"
VALUE_LIMIT = 1000

_GERMAN_LANGID = 0x07  # LANG_GERMAN, the low ten bits of a LANGID (winnt.h)
# Not strftime's month names: those follow the locale of the process, which the service leaves at "C".
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Language:
    """One reader's language. A sentence without translation is shown in English."""

    code: Code

    def text(self, template: str) -> str:
        """The template in this language, its {names} still in it."""
        return _catalogue(self.code).gettext(template) if template else ""

    def show(self, sentence: Message) -> str:
        """The sentence with its values, each of them harmless (`agent.display`) and at most 1000 characters."""
        return fill(self.text(sentence.template), {name: _fit(value) for name, value in sentence.values.items()})

    def show_error(self, error: AgentError) -> str:
        """What happened and the remedy, in lines of their own; every problem of a config file in one more line."""
        lines = [self.show(error.what)]
        lines += [f"  {self._place(one)}: {self.show(one.what)} {self.show(one.remedy)}" for one in error.problems]
        return "\n".join([*lines, self.show(error.remedy)] if error.remedy else lines)

    def _place(self, problem: Problem) -> str:
        key = self.show(problem.key) if isinstance(problem.key, Message) else printable(problem.key)
        return self.show(message("line {line}, {key}", line=problem.line, key=key)) if problem.line else key

    def number(self, value: float, decimals: int = 0) -> str:
        """The number with separated thousands: "1,234,567.5" or "1.234.567,5"."""
        english = f"{value:,.{decimals}f}"
        return english.translate(str.maketrans(",.", ".,")) if self.code == "de" else english

    def day(self, day: date) -> str:
        """The date: "23.11.2026" or "23 Nov 2026"."""
        if self.code == "de":
            return f"{day.day:02d}.{day.month:02d}.{day.year:04d}"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year:04d}"

    def moment(self, moment: datetime, zone: tzinfo | None = None) -> str:
        """Date and time to the minute in `zone`, this computer's unless given; `moment` has a time zone."""
        if moment.tzinfo is None:
            raise ValueError("a moment without time zone")
        local = moment.astimezone(zone)
        return f"{self.day(local.date())}{',' if self.code == 'en' else ''} {local:%H:%M}"


class _Reader:
    """Who reads what this process writes. One per process, like the terminal it writes to."""

    language = Language("en")


def choose(wanted: Literal["auto", "de", "en"] = "auto", environ: Mapping[str, str] = os.environ) -> Language:
    """Sets the language of this process and returns it: the `wanted` one; "auto" asks the environment.

    That is the first of LC_ALL, LC_MESSAGES and LANG that is set, else on Windows the user's display language.
    Everything that is not German is English.
    """
    _Reader.language = Language(_of_environment(environ) if wanted == "auto" else wanted)
    return _Reader.language


def current() -> Language:
    """The language of this process."""
    return _Reader.language


def show(sentence: Message) -> str:
    """`Language.show` in the language of this process."""
    return _Reader.language.show(sentence)


def show_error(error: AgentError) -> str:
    """`Language.show_error` in the language of this process."""
    return _Reader.language.show_error(error)


def _(template: str) -> str:
    """A literal in the language of this process."""
    return _Reader.language.text(template)


def number(value: float, decimals: int = 0) -> str:
    """`Language.number` in the language of this process."""
    return _Reader.language.number(value, decimals)


def moment(when: datetime, zone: tzinfo | None = None) -> str:
    """`Language.moment` in the language of this process."""
    return _Reader.language.moment(when, zone)


def _of_environment(environ: Mapping[str, str]) -> Code:
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(variable):
            name = value.replace("-", "_").split(".")[0].split("_")[0].lower()
            return "de" if name in ("de", "german") else "en"
    return _of_display()


def _of_display() -> Code:
    if sys.platform == "win32":
        import ctypes

        return "de" if ctypes.windll.kernel32.GetUserDefaultUILanguage() & 0x3FF == _GERMAN_LANGID else "en"
    return "en"


def _fit(value: Value) -> Value:
    return printable(value, VALUE_LIMIT) if isinstance(value, str) else value


@lru_cache(maxsize=2)
def _catalogue(code: Code) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALES, [code], fallback=True)

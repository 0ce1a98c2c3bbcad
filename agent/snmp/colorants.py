"""Which colour a supply has: from the colorant table, else from words; what is not sure is `None`, never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from agent.snmp.supply_profile import compiled

UNNAMED = frozenset({"", "none", "other", "unknown"})
LETTERS = {"c": "cyan", "m": "magenta", "y": "yellow", "k": "black", "bk": "black"}


def in_words(text: str | None, words: Mapping[str, tuple[str, ...]]) -> str | None:
    """The one colour that a text names in any language of `words` (colour -> its phrases); several are none.

    Longer phrases go first, so that *matte black* is not black as well.
    """
    rest = (text or "").casefold()
    found = set()
    for phrase, color in sorted(_phrases(words), key=lambda pair: -len(pair[0])):
        if phrase in rest:  # the ordinary word is not there: no regular expression needed
            rest, times = re.subn(_bounded(phrase), " ", rest)
            found |= {color} if times else set()
    return found.pop() if len(found) == 1 else None


def _phrases(words: Mapping[str, tuple[str, ...]]) -> Iterable[tuple[str, str]]:
    return ((phrase, color) for color, phrases in words.items() for phrase in phrases)


def _bounded(phrase: str) -> str:
    """A word of letters stands alone; Chinese and Japanese have no blanks between words."""
    alone = phrase.isascii() or phrase[0] < "\u2e80"
    return rf"(?<![^\W\d_]){re.escape(phrase)}(?![^\W\d_])" if alone else re.escape(phrase)


def in_letters(text: str | None, patterns: Iterable[str]) -> str | None:
    """The one colour that a letter stands for where one of the patterns finds it (`TK-8527C`, `Toner Low (M)`)."""
    for pattern in patterns:
        found = {LETTERS.get(letter.casefold()) for letter in compiled(pattern).findall(text or "")}
        if len(found) == 1:
            return found.pop()
    return None


def colorant_of(
    named: str | None, description: str | None, words: Mapping[str, tuple[str, ...]], letters: Iterable[str]
) -> tuple[str | None, bool]:
    """The colour, and whether table and description contradict each other (then there is none).

    `named` is prtMarkerColorantValue, which devices may localise; a colour that no list knows stays as it is told.
    """
    told = (named or "").strip().casefold()
    table = None if told in UNNAMED else in_words(told, words) or (told if told.isprintable() else None)
    if table is not None and not in_words(told, words) and len(told.split()) > 2:
        table = None  # a sentence is no colour
    said = in_words(description, words) or in_letters(description, letters)
    if table and said and table != said:
        return None, True
    return table or said, False

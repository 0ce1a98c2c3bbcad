"""Which colour a supply has: from the colorant table, else from words; what is not sure is `None`, never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from agent.snmp.supply_profile import compiled

LONGEST = 255  # octets of a description (RFC 3805); what is longer is not looked through
MOST_KNOWN = 1000  # texts; a device that makes them up cannot fill the memory
LETTERS = {"c": "cyan", "m": "magenta", "y": "yellow", "k": "black", "bk": "black"}


class Lexicon:
    """Words for things in many languages (thing -> its phrases), found in texts without regard to case.

    A phrase of letters stands alone; Chinese and Japanese have no blanks between words. Longer phrases go first, so
    that *matte black* is not black as well.
    """

    def __init__(self, words: Mapping[str, Iterable[str]]) -> None:
        self._known: dict[str, str | None] = {}
        self._things = {phrase.casefold(): thing for thing, phrases in words.items() for phrase in phrases}
        longest = sorted(self._things, key=len, reverse=True)
        letters = "|".join(re.escape(phrase) for phrase in longest if phrase[0] < FIRST_CJK)
        signs = "|".join(re.escape(phrase) for phrase in longest if phrase[0] >= FIRST_CJK)
        alone = rf"(?<![^\W\d_])(?:{letters})(?![^\W\d_])" if letters else ""
        self._pattern = re.compile("|".join(part for part in (alone, signs) if part) or r"(?!)")

    def named_in(self, text: str | None) -> str | None:
        """The one thing that a text names; several are none. Printers share their texts: each is searched once."""
        if not text:
            return None
        text = text[:LONGEST]
        if text not in self._known:
            found = {self._things[phrase] for phrase in self._pattern.findall(text.casefold())}
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[text] = found.pop() if len(found) == 1 else None
        return self._known[text]


FIRST_CJK = "\u2e80"


def in_letters(text: str | None, patterns: tuple[str, ...]) -> str | None:
    """The one colour that a letter stands for where one of the patterns finds it (`TK-8527C`, `Toner Low (M)`)."""
    return _in_letters(text[:LONGEST], patterns) if text else None


@lru_cache(maxsize=MOST_KNOWN)
def _in_letters(text: str, patterns: tuple[str, ...]) -> str | None:
    for pattern in patterns:
        found = {LETTERS.get(letter.casefold()) for letter in compiled(pattern).findall(text)}
        if len(found) == 1:
            return found.pop()
    return None


@lru_cache(maxsize=MOST_KNOWN)
def colorant_of(
    named: str | None, description: str | None, words: Lexicon, letters: tuple[str, ...]
) -> tuple[str | None, bool]:
    """The colour, and whether table and description contradict each other (then there is none).

    `named` is prtMarkerColorantValue, which devices may localise, fill with a sentence or with a letter.
    """
    table = words.named_in(named) or LETTERS.get((named or "").strip().casefold())
    said = words.named_in(description) or in_letters(description, letters)
    if table and said and table != said:
        return None, True
    return table or said, False

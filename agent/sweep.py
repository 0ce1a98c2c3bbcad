"""Searching all addresses of the ranges, portion by portion: a search that was interrupted goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from agent.ports import Clock, Finder, Sounder
from agent.printers import Endpoint

STALE = timedelta(hours=6)  # a search that was interrupted before that begins anew: too much may have changed


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where a search stands: `done` addresses of `scope` from the beginning, and those of them that answered.

    The scope names the addresses and the ways of asking; another scope is another search.
    """

    scope: str
    begun_at: datetime
    done: int = 0
    heard: tuple[Endpoint, ...] = ()


class Bookmarks(Protocol):
    """Owes: what `keep` returned from is there after a restart."""

    def recall(self, scope: str) -> Bookmark | None:
        """Where the search of this scope stands; None when there is none under way."""

    def keep(self, bookmark: Bookmark) -> None:
        """Keeps this in place of what was kept of its scope."""

    def drop(self, scope: str) -> None:
        """The search is over."""


@dataclass(slots=True)
class Notepad:
    """Bookmarks as long as the process lives."""

    kept: dict[str, Bookmark] = field(default_factory=dict)

    def recall(self, scope: str) -> Bookmark | None:
        """What was kept of it."""
        return self.kept.get(scope)

    def keep(self, bookmark: Bookmark) -> None:
        """Keeps it."""
        self.kept[bookmark.scope] = bookmark

    def drop(self, scope: str) -> None:
        """Forgets it."""
        self.kept.pop(scope, None)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One search of everything that `finder` has."""

    finder: Finder
    sounder: Sounder
    bookmarks: Bookmarks
    clock: Clock

    @property
    def scope(self) -> str:
        """The addresses and the ways of asking, in a few signs."""
        return f"{self.finder.scope}.{self.sounder.scope}"

    def begin(self) -> Bookmark:
        """Where the search begins: where it was interrupted, or at the first address."""
        now, kept = self.clock.now(), self.bookmarks.recall(self.scope)
        if kept is None or now - kept.begun_at > STALE or kept.done > self.finder.reach:
            return Bookmark(self.scope, now)
        return kept

    async def heard(self, mark: Bookmark, known: frozenset[Endpoint], step: Callable[[int], None]) -> list[Endpoint]:
        """Who answers, from `mark` on, with those who answered before; nobody who is `known` is asked.

        `step` hears how many more addresses are done. Keeps a bookmark between two portions. Raises `StoreError`.
        """
        heard = [place for place in mark.heard if place not in known]
        step(mark.done)
        for start in range(mark.done, self.finder.reach, self.sounder.portion):
            if start > mark.done:
                self.bookmarks.keep(Bookmark(self.scope, mark.begun_at, start, tuple(heard)))
            stop = min(start + self.sounder.portion, self.finder.reach)
            count = _Share(self.sounder.rounds, step)
            heard += await self.sounder.sound(partial(self._portion, start, stop, known), count.add)
            step(stop - start - count.told)
        return heard

    def _portion(self, start: int, stop: int, known: frozenset[Endpoint]) -> Iterator[Endpoint]:
        """One by one: nobody holds sixty thousand addresses."""
        return (place for place in self.finder.searched(start, stop) if place not in known)


class _Share:
    """Makes addresses of questions: each is asked `rounds` times."""

    def __init__(self, rounds: int, step: Callable[[int], None]) -> None:
        self._rounds = max(rounds, 1)
        self._step = step
        self._asked = 0
        self.told = 0

    def add(self, count: int) -> None:
        """So many more questions are asked."""
        self._asked += count
        more = self._asked // self._rounds - self.told
        self.told += more
        self._step(more)

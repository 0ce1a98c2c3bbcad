"""A sheet read cell by cell: what cannot be understood is collected with its place instead of ending at the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from agent.cells import Unreadable
from agent.errors import Problem
from agent.headings import position_of, row_of
from agent.spreadsheet import Row, Sheet
from agent.texts import Message, message

LONGEST = 255  # characters of a text
T = TypeVar("T")


@dataclass(slots=True)
class SheetReader:
    """`places` says where the columns are that are known (`agent.headings.located`), `spoilt` which rows have a
    problem, by their number."""

    sheet: Sheet
    places: Mapping[str, int]
    problems: list[Problem] = field(default_factory=list)
    spoilt: set[int] = field(default_factory=set)

    def cell(self, row: Row, column: str) -> str:
        """What stands there; nothing where the sheet has no such column."""
        place = self.places.get(column)
        return row.cells[place].strip() if place is not None else ""

    def text(self, row: Row, column: str) -> str:
        """As `cell`; a text that is too long is a problem."""
        text = self.cell(row, column)
        if len(text) > LONGEST:
            self.refuse(row, column, message("The text is longer than 255 characters."), message("Shorten it."))
        return text

    def read(self, row: Row, column: str, decode: Callable[[str], T]) -> T | None:
        """What the text means; `None` for none, and for one that cannot be read, which is a problem."""
        text = self.text(row, column)
        try:
            return decode(text) if text else None
        except Unreadable as error:
            self.refuse(row, column, error.what, error.remedy)
            return None

    def refuse(self, row: Row, column: str, what: Message, remedy: Message) -> None:
        """A problem with this cell; with the row, where the sheet has no such column."""
        place = self.places.get(column)
        self.refuse_at(
            row, row_of(row) if place is None else position_of(row, self.sheet.headings[place]), what, remedy
        )

    def refuse_at(self, row: Row, where: Message, what: Message, remedy: Message) -> None:
        """A problem with this row, at this place in words."""
        self.problems.append(Problem(where, what, remedy))
        self.spoilt.add(row.number)

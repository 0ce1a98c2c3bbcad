"""What a profile may say of counters: where each value stands, and what the values prove of one another."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from agent.problems import Unfit
from agent.snmp.supply_profile import Part, Pattern, compiled
from agent.texts import message

UNITS = frozenset({"impressions", "sheets"})
COLOR_PARTS = ("monochrome", "full_color", "highlight_color", "two_color")
Index = Annotated[str, Field(pattern=r"^(\d+|\*)(\.(\d+|\*))*$")]


class CounterPart(Part):
    """One meter: where its value stands, in which unit, and why we believe it (`source`).

    Terms name an object, a column with a single row, or a record of a blob (`name#1f`). The value is that of the
    `first` term that the device has; or the `sum` of those it has, of which it must have the first, less all of
    `minus`; or the sum `of` other meters, all of them; or the row of `column` whose other columns are as `where` says,
    a value or several, or whose index is one of `at` (`*.20.3`, a star for any number). `rows = "same"` takes several
    rows of one value for the one, `rows = "sum"` adds up whatever rows fit, `rows = "each"` needs exactly one row for
    each of the several values or places, of a sum every term. With `rows = "some"` a row, and in a `sum` a term, may be
    missing; then it is read only where it makes a whole with others, to the page (`[[checks]]`). `scale` makes
    impressions or sheets of other units (0.1 of tenths), rounded down. `unit` is a word or the column that tells it.
    `fallback` marks a value that stands for the meter only
    because nothing better is known; `model` is a regular expression for the only models that it is about, `beside`
    another meter that must be read for this one to make sense. Of `confidence` A adds up or equals a web page, B is
    documented; C is not proven and is read only where colours make the total, functions what a check says.
    """

    meter: str = Field(pattern=r"^[a-z]+(_[a-z0-9]+)*$")
    first: tuple[str, ...] = ()
    sum: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    column: str | None = None
    where: dict[str, int | str | tuple[int | str, ...]] = Field(default_factory=dict)
    at: tuple[Index, ...] = ()
    rows: Literal["one", "same", "sum", "each", "some"] = "one"
    scale: Decimal = Field(default=Decimal(1), gt=0)
    unit: str = "impressions"
    model: Pattern | None = None
    beside: str | None = None
    confidence: Literal["A", "B", "C"] = "B"
    source: str
    fallback: bool = False
    origin: str = ""

    @property
    def names(self) -> set[str]:
        """All object names it rests on."""
        terms = {term.partition("#")[0] for term in (*self.first, *self.sum, *self.minus)}
        column = {self.column} if self.column else set()
        return terms | column | set(self.where) | ({self.unit} - UNITS)

    def about(self, model: str | None) -> bool:
        """Whether it holds for a device of this model."""
        return self.model is None or (model is not None and compiled(self.model).search(model) is not None)

    @model_validator(mode="after")
    def _one_way(self) -> CounterPart:
        several = [value for value in self.where.values() if isinstance(value, tuple)]
        if sum(map(bool, (self.first, self.sum, self.of, self.column))) != 1:
            raise Unfit(message("A counter has exactly one of: first, sum, of, column."), message("Keep one of them."))
        if bool(self.where or self.at) != bool(self.column):
            raise Unfit(
                message("column and where (or at) belong together."),
                message('Write: column = "values", where = {kinds = 101}'),
            )
        if self.minus and not self.sum:
            raise Unfit(message("minus belongs to a sum."), message("Write sum instead of first."))
        if self.rows in ("each", "some") and len(several) + (len(self.at) > 1) != 1 and not self.sum:
            raise Unfit(
                message('rows = "each" or "some" needs exactly one column with several values, or several places.'),
                message("Write where = {kinds = [101, 201]}, or leave rows out."),
            )
        if self.rows == "sum" and len(self.at) > 1:
            raise Unfit(
                message('A sum of several places with rows = "sum" does not notice that one is missing.'),
                message('Write rows = "each" or rows = "some".'),
            )
        return self


class CheckPart(Part):
    """Meters that together make another: `=` where the maker's sum is known to hold, else they are only not more.

    Where a part is not told, the others are checked for not being more.
    """

    whole: str
    parts: tuple[str, ...] = Field(min_length=1)
    relation: Literal["=", "<="] = "<="
    source: str

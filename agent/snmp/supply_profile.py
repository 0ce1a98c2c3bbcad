"""What a profile may say of supplies: how levels are to be read, where names hide, and a maker's own tables.

Part of the profile's form (`agent/snmp/profile.py`); every statement carries its evidence in `source`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agent.problems import Unfit
from agent.supplies.levels import Rounding
from agent.texts import message


class Part(BaseModel):
    """A table of a profile file: nothing in it that is not known, nothing of it changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@lru_cache(maxsize=2000)
def compiled(pattern: str) -> re.Pattern[str]:
    """The regular expression, without regard to case. Raises `Unfit` for what is none."""
    try:
        return re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        what = message("{pattern} is no regular expression: {why}.", pattern=pattern, why=str(error))
        raise Unfit(
            what, message("Signs such as ( [ * + ? . need a backslash before them where they are meant.")
        ) from error


def _pattern(text: str) -> str:
    compiled(text)
    return text


def _one_group(text: str) -> str:
    if compiled(text).groups != 1:
        raise one_group_wanted(text)
    return text


def one_group_wanted(text: str) -> Unfit:
    """The refusal of an expression that does not say which part of the text is wanted."""
    return Unfit(
        message("The expression {text} needs exactly one group.", text=text),
        message("Put the part that is wanted in ( ), and write (?: ) for other brackets."),
    )


Pattern = Annotated[str, AfterValidator(_pattern)]
Extraction = Annotated[str, AfterValidator(_one_group)]
Saying = Literal["low", "empty"]
State = Literal["some_left", "low", "empty"]


class _OfModels(Part):
    """A statement about all devices of the profile, or about those whose model fits a regular expression."""

    model: Pattern | None = None
    source: str

    def about(self, model: str | None) -> bool:
        """Whether it holds for a device of this model."""
        return self.model is None or (model is not None and compiled(self.model).search(model) is not None)


class LevelRule(_OfModels):
    """How the standard levels of these supply types (all when none is named) are meant by this maker.

    `counts = "used"` is a receptacle that tells how full it is, where RFC 3805 has the space left; `step` (percent)
    and `rounding` the resolution; `empty` lists values below zero that mean empty. The first rule that fits counts.
    """

    types: tuple[str, ...] = ()
    counts: Literal["left", "used"] = "left"
    step: float | None = Field(default=None, gt=0, le=100)
    rounding: Rounding | None = None
    empty: tuple[int, ...] = ()


class SupplyName(_OfModels):
    """The type of supplies whose description fits an expression, where the device tells none and no word decides."""

    type: str
    named: Pattern


class SupplyTable(_OfModels):
    """A maker's own table of supplies by its columns; its rows are joined to the standard's by what they say.

    A row is the standard's row of the same description, else the only one of the same type and colour; a row
    that has no such partner is a supply of its own, with the slot `prefix.row`. `colorants`, `types` and `states`
    are words for the numbers in those columns; `type` may be a word. `decides` names whose level counts where both
    tell one.
    """

    prefix: str = Field(pattern=r"^[a-z]+$")
    level: str
    capacity: str | None = None
    description: str | None = None
    colorant: str | None = None
    colorants: dict[int, str] = Field(default_factory=dict)
    type: str
    types: dict[int, str] = Field(default_factory=dict)
    part_number: str | None = None
    serial_number: str | None = None
    status: str | None = None
    states: dict[int, State] = Field(default_factory=dict)
    decides: Literal["vendor", "standard"] = "vendor"

    @property
    def names(self) -> set[str]:
        """All object names it rests on."""
        columns = (self.level, self.capacity, self.description, self.colorant, self.part_number, self.serial_number)
        kind = {self.type} if self.types else set()
        return {name for name in (*columns, self.status) if name} | kind


class SupplyRecord(_OfModels):
    """One supply in a maker's blob of records (`object#id`): a level in percent x `per_percent`, or, coarser, another.

    `fraction` is a level of two octets: what is left and what would be full. `coarse` moves in steps of `step`
    percent, rounded as `rounding` says; `status` has one of `states`. `left` and `used` count in one unit and make the
    capacity together. `named` is how the standard may describe it where it has another type. The record is read only
    where its object is there.
    """

    prefix: str = Field(pattern=r"^[a-z]+$")
    type: str
    colorant: str | None = None
    description: str | None = None
    named: Pattern | None = None
    level: str | None = None
    per_percent: int = Field(default=1, ge=1)
    fraction: bool = False
    left: str | None = None
    used: str | None = None
    unit: str | None = None
    coarse: str | None = None
    step: float = Field(default=10.0, gt=0, le=100)
    rounding: Rounding | None = None
    status: str | None = None
    states: dict[int, State] = Field(default_factory=dict)
    decides: Literal["vendor", "standard"] = "vendor"

    @property
    def names(self) -> set[str]:
        """All object names it rests on."""
        return {term.partition("#")[0] for term in self._terms if term}

    @property
    def _terms(self) -> tuple[str | None, ...]:
        return self.level, self.left, self.used, self.coarse, self.status


class SupplyAlert(Part):
    """What an alert (a keyword of PrtAlertCodeTC) says of supplies of these types; all types when none is named."""

    code: str
    says: Saying
    types: tuple[str, ...] = ()


class SuppliesPart(Part):
    """All that a profile knows of supplies beyond the standard.

    `part_number`, `serial_number` and `colorant` are regular expressions over the description, best first, whose
    group is wanted (of `colorant`: a letter C, M, Y, K); `detail` is what a second row of the same supply
    has in its description and the first has not.
    """

    levels: tuple[LevelRule, ...] = ()
    types: tuple[SupplyName, ...] = ()
    tables: tuple[SupplyTable, ...] = ()
    records: tuple[SupplyRecord, ...] = ()
    alerts: tuple[SupplyAlert, ...] = ()
    part_number: tuple[Extraction, ...] = ()
    serial_number: tuple[Extraction, ...] = ()
    colorant: tuple[Extraction, ...] = ()
    detail: tuple[Pattern, ...] = ()

    @property
    def names(self) -> set[str]:
        """All object names it rests on."""
        tables = {name for table in self.tables for name in table.names}
        return tables | {name for record in self.records for name in record.names}

    def over(self, other: SuppliesPart) -> SuppliesPart:
        """This knowledge before the other's."""
        return SuppliesPart.model_validate(
            {
                name: [
                    one.model_dump() if isinstance(one, Part) else one
                    for part in (self, other)
                    for one in getattr(part, name)
                ]
                for name in type(self).model_fields
            }
        )

"""Printer knowledge as data: which objects to ask for, and what they mean.

A profile is a TOML file in `agent/snmp/profiles/`; its form is the models below. Foreign data enters here (a site
may write profiles of its own), so every mistake is a `ProfileError` that names the file, the place and the remedy.
"""

from __future__ import annotations

import tomllib
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.errors import ProfileError
from agent.snmp.varbinds import Ask, Oid, Table, oid_of
from agent.texts import message


def _oid_text(text: str) -> str:
    if min(oid_of(text)) < 0:
        raise ValueError("an object identifier has no negative parts")
    return text


OidText = Annotated[str, AfterValidator(_oid_text)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AskedTable(_Part):
    """Columns that share an index, how many rows are usual (1..64), and perhaps the most that are wanted."""

    columns: tuple[str, ...] = Field(min_length=1)
    rows: int = Field(default=4, ge=1, le=64)
    most: int | None = Field(default=None, ge=1, le=64)


class AskPart(_Part):
    """Names of objects and tables to fetch in one exchange."""

    objects: tuple[str, ...] = ()
    tables: tuple[AskedTable, ...] = ()


class IdentityPart(_Part):
    """For each part of an identity the objects it may stand in, best first."""

    serial_number: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    manufacturer: tuple[str, ...] = ()
    host_name: tuple[str, ...] = ()
    device_id: tuple[str, ...] = ()


class CounterPart(_Part):
    """One meter: where its value stands, in which unit, and why we believe it (`source`).

    `fallback` marks a value that is shown as the meter only because nothing better is known.
    """

    meter: str
    service: str
    color: str
    size: str
    value: str
    unit: str
    source: str
    fallback: bool = False


class WordsPart(_Part):
    """Integers that stand for words in the MIB."""

    counter_unit: dict[int, str]
    supply_class: dict[int, str]
    supply_type: dict[int, str]
    supply_unit: dict[int, str]
    alert_severity: dict[int, str]


class ManufacturerPart(_Part):
    """A maker: its branches below 1.3.6.1.4.1, and how its name is written (lower case)."""

    name: str
    enterprises: tuple[str, ...]
    written: tuple[str, ...]


class Profile(_Part):
    """A whole profile file."""

    name: str
    version: int = Field(ge=1)
    source: str
    objects: dict[str, OidText]
    identify: AskPart
    doubt: AskPart
    ask: AskPart
    identity: IdentityPart
    counters: tuple[CounterPart, ...]
    words: WordsPart
    manufacturers: tuple[ManufacturerPart, ...]

    @model_validator(mode="after")
    def _names_are_known(self) -> Profile:
        parts = (self.identify, self.doubt, self.ask)
        asked = [name for part in parts for name in part.objects]
        asked += [column for part in parts for table in part.tables for column in table.columns]
        asked += [counter.value for counter in self.counters]
        unknown = sorted({name for name in asked if name not in self.objects})
        if unknown:
            raise ValueError(f"no such name in [objects]: {', '.join(unknown)}")
        return self

    @property
    def label(self) -> str:
        """Name and version as they travel with every value."""
        return f"{self.name}/{self.version}"

    @cached_property
    def oids(self) -> dict[str, Oid]:
        """The object names as identifiers."""
        return {name: oid_of(text) for name, text in self.objects.items()}

    @cached_property
    def identify_ask(self) -> Ask:
        """The first question, the same for every address."""
        return self._ask(self.identify)

    @cached_property
    def doubt_ask(self) -> Ask:
        """The question to what answered and did not say that it is a printer."""
        return self._ask(self.doubt)

    @cached_property
    def read_ask(self) -> Ask:
        """The second question, to a printer."""
        return self._ask(self.ask)

    def _ask(self, part: AskPart) -> Ask:
        tables = tuple(
            Table(tuple(self.oids[name] for name in table.columns), table.rows, table.most) for table in part.tables
        )
        return Ask(tuple(self.oids[name] for name in part.objects), tables)


def parse(text: str, where: str) -> Profile:
    """The profile in a TOML text; `where` names it in errors. Raises `ProfileError`."""
    try:
        content: dict[str, Any] = tomllib.loads(text)
        return Profile.model_validate(content)
    except tomllib.TOMLDecodeError as error:
        raise _wrong(where, "TOML", str(error)) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _wrong(where, ".".join(map(str, first["loc"])) or "-", first["msg"]) from error


def load(path: Path) -> Profile:
    """The profile in a file. Raises `ProfileError`."""
    try:
        return parse(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(str(path), "-", str(error)) from error


def generic() -> Profile:
    """The shipped profile of what the standards promise."""
    file = resources.files("agent.snmp") / "profiles" / "generic.toml"
    return parse(file.read_text("utf-8"), "generic.toml")


def _wrong(where: str, place: str, what: str) -> ProfileError:
    return ProfileError(
        message("The printer profile {file} is wrong at {place}: {what}.", file=where, place=place, what=what),
        message("Correct this place in the file, or remove the file if it is a profile of your own."),
    )

"""Printer knowledge as data: which objects to ask for, and what they mean.

A profile is a TOML file in `agent/snmp/profiles/`; its form is the models below. Foreign data enters here (a site
may write profiles of its own), so every mistake is refused with a sentence and a remedy; `agent.snmp.profile_checks`
finds those that concern several places, `agent.snmp.profile_file` says in which file and line. docs/profiles.md
explains the form to people.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from agent.problems import Unfit
from agent.snmp.colorants import Lexicon
from agent.snmp.counter_profile import CheckPart, CounterPart
from agent.snmp.supply_profile import Part, Pattern, SuppliesPart, SupplyAlert, compiled, one_group_wanted
from agent.snmp.varbinds import Ask, Oid, Table, oid_of
from agent.texts import message

DOTTED = re.compile(r"\.?[0-9]{1,10}(?:\.[0-9]{1,10}){2,127}")


def _oid_text(text: str) -> str:
    """RFC 2578 section 3.5: at most 128 numbers of 0..2^32-1; objects of devices are below 1.3 (iso.org)."""
    if not DOTTED.fullmatch(text) or (oid := oid_of(text))[:2] != (1, 3) or max(oid) >= 2**32:
        raise Unfit(
            message("{text} is no object identifier.", text=text),
            message('Write numbers with dots between them, beginning with 1.3: "1.3.6.1.2.1.43.10.2.1.4"'),
        )
    return text


OidText = Annotated[str, AfterValidator(_oid_text)]


class AskedTable(Part):
    """Columns that share an index, how many rows are usual (1..64), and perhaps the most that are wanted."""

    columns: tuple[str, ...] = Field(min_length=1)
    rows: int = Field(default=4, ge=1, le=64)
    most: int | None = Field(default=None, ge=1, le=64)


class AskPart(Part):
    """Names of objects and tables to fetch in one exchange; rows of the `changing` columns come and go all the time."""

    objects: tuple[str, ...] = ()
    tables: tuple[AskedTable, ...] = ()
    changing: tuple[str, ...] = ()


def _place(text: str) -> str:
    name, _, pattern = text.partition("~")
    groups = compiled(pattern).groups if pattern else 0
    if "@" in name and (not pattern or groups):
        raise Unfit(
            message("{text} needs an expression without a group.", text=text),
            message("Write: values@names~Main, where Main is what the name of the row looks like."),
        )
    if pattern and "@" not in name and groups != 1:
        raise one_group_wanted(pattern)
    return text


Place = Annotated[str, AfterValidator(_place)]


class IdentityPart(Part):
    """For each part of an identity the places it may stand in, best first.

    A place is an object, `device_id.KEY`, `printer_device`, or an object and `~` and a regular expression whose first
    group is wanted (`sysDescr~S/N (\\w+)`). `versions@names~Main` is the row of a table whose name fits.
    """

    serial_number: tuple[Place, ...] = ()
    model: tuple[Place, ...] = ()
    manufacturer: tuple[Place, ...] = ()
    host_name: tuple[Place, ...] = ()
    printer_name: tuple[Place, ...] = ()
    asset_tag: tuple[Place, ...] = ()
    firmware: tuple[Place, ...] = ()
    device_id: tuple[str, ...] = ()


def objects_of(place: str) -> tuple[str, ...]:
    """The objects behind a place of an identity; none for those that are no object."""
    name = place.partition("~")[0]
    return () if name == "printer_device" or name.startswith("device_id.") else tuple(name.split("@"))


class MatchPart(Part):
    """A way in which a device is known to be one of this profile: maker, model (a regular expression), or what answers.

    All that is said must hold; `answers` names objects or branches of which at least one must have a value.
    """

    manufacturer: str | None = None
    model: Pattern | None = None
    answers: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> MatchPart:
        if not (self.manufacturer or self.answers):
            raise Unfit(
                message("This match says neither manufacturer nor answers."), message('Add a line: manufacturer = "…"')
            )
        return self

    @property
    def strength(self) -> int:
        """How much it proves: what answers more than a model, a model more than a maker."""
        return 4 * bool(self.answers) + 2 * bool(self.model) + bool(self.manufacturer)


class CarePart(Part):
    """How models are spared: `never` read beyond the identify question, or never by `bulk` (GETBULK); and `why`."""

    model: Pattern
    never: tuple[Literal["read", "bulk"], ...] = Field(min_length=1)
    why: str


class WordsPart(Part):
    """Integers that stand for words in the MIB, and phrases of many languages that stand for a colour or a type."""

    counter_unit: dict[int, str]
    supply_class: dict[int, str]
    supply_type: dict[int, str]
    supply_unit: dict[int, str]
    supply_name: dict[str, tuple[str, ...]]
    colorant: dict[str, tuple[str, ...]]
    alert_severity: dict[int, str]
    alert_group: dict[int, str]
    alert_training: dict[int, str]
    alert_code: dict[int, str]


class OthersPart(Part):
    """Devices that are no printers: branches of sysObjectID below 1.3.6.1.4.1, and an expression for sysDescr."""

    enterprises: tuple[str, ...] = ()
    words: Pattern | None = None

    def has(self, object_id: str | None, description: str | None) -> bool:
        """Whether a device with this sysObjectID (dotted) and sysDescr is one of them."""
        if any(f"{object_id}.".startswith(f"1.3.6.1.4.1.{one}.") for one in self.enterprises):
            return True
        return bool(self.words and description and compiled(self.words).search(description))


class ManufacturerPart(Part):
    """A maker: its branches below 1.3.6.1.4.1, and how its name is written (lower case)."""

    name: str
    enterprises: tuple[str, ...]
    written: tuple[str, ...]

    def owns(self, object_id: str) -> bool:
        """Whether an object identifier (dotted) stands in one of the branches."""
        return f"{object_id}.".startswith(self._branches)

    @cached_property
    def _branches(self) -> tuple[str, ...]:
        return tuple(f"1.3.6.1.4.1.{branch}." for branch in self.enterprises)


class VendorFile(Part):
    """A vendor's profile: what it knows beyond the generic one, which it is based on.

    `maker` is the manufacturer of a device that says nothing of itself but has this vendor's branch. `based_on` names
    a shipped profile that a site's own file adds to; without it, it is the only shipped one for the same makers.
    """

    name: str = Field(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$")
    version: int = Field(ge=1, le=10**6)
    based_on: str | None = None
    maker: str | None = None
    source: str
    match: tuple[MatchPart, ...] = Field(min_length=1)
    objects: dict[str, OidText] = Field(default_factory=dict)
    ask: AskPart = AskPart()
    identity: IdentityPart = IdentityPart()
    counters: tuple[CounterPart, ...] = ()
    supplies: SuppliesPart = SuppliesPart()
    checks: tuple[CheckPart, ...] = ()
    care: tuple[CarePart, ...] = ()


class Profile(Part):
    """A whole profile: the generic file, or a vendor's file on top of it."""

    name: str
    version: int = Field(ge=1)
    maker: str | None = None
    source: str
    match: tuple[MatchPart, ...] = ()
    objects: dict[str, OidText]
    identify: AskPart
    doubt: AskPart
    ask: AskPart
    identity: IdentityPart
    counters: tuple[CounterPart, ...]
    supplies: SuppliesPart = SuppliesPart()
    checks: tuple[CheckPart, ...] = ()
    care: tuple[CarePart, ...] = ()
    words: WordsPart
    others: OthersPart = OthersPart()
    manufacturers: tuple[ManufacturerPart, ...]
    file: str = ""  # where a site's own profile stands

    @model_validator(mode="after")
    def _names_are_known(self) -> Profile:
        parts = (self.identify, self.doubt, self.ask)
        used: set[str | None] = {name for part in parts for name in part.objects}
        used |= {column for part in parts for table in part.tables for column in table.columns}
        used |= {column for part in parts for column in part.changing}
        used |= {name for counter in self.counters for name in counter.names}
        used |= {name for match in self.match for name in match.answers}
        used |= self.supplies.names
        places = [place for part in IdentityPart.model_fields for place in getattr(self.identity, part)]
        used |= {name for place in places for name in objects_of(place)}
        unknown = sorted(name for name in used if name and name not in self.objects)
        if unknown:
            raise ValueError(f"no such name in [objects]: {', '.join(unknown)}")
        return self

    def with_vendor(self, vendor: VendorFile, file: str = "") -> Profile:
        """This profile with a vendor's knowledge before its own. Raises `ValidationError` for names that do not fit."""
        label = f"{vendor.name}/{vendor.version}"
        below = [counter.model_copy(update={"origin": counter.origin or self.label}) for counter in self.counters]
        own = [counter.model_copy(update={"origin": label}) for counter in vendor.counters]
        places = {
            part: (*getattr(vendor.identity, part), *getattr(self.identity, part)) for part in IdentityPart.model_fields
        }
        merged = self.model_dump() | {
            "name": vendor.name,
            "version": vendor.version,
            "file": file,
            "maker": vendor.maker or self.maker,
            "source": vendor.source,
            "match": [match.model_dump() for match in vendor.match],
            "objects": self.objects | vendor.objects,
            "ask": {
                "objects": (*self.ask.objects, *vendor.ask.objects),
                "tables": [table.model_dump() for table in (*self.ask.tables, *vendor.ask.tables)],
                "changing": (*self.ask.changing, *vendor.ask.changing),
            },
            "identity": places,
            "counters": [counter.model_dump() for counter in (*own, *below)],
            "checks": [check.model_dump() for check in (*vendor.checks, *self.checks)],
            "care": [care.model_dump() for care in (*vendor.care, *self.care)],
            "supplies": vendor.supplies.over(self.supplies).model_dump(),
        }
        return Profile.model_validate(merged)

    @property
    def label(self) -> str:
        """Name and version as they travel with every value."""
        return f"{self.name}/{self.version}"

    @cached_property
    def oids(self) -> dict[str, Oid]:
        """The object names as identifiers."""
        return {name: oid_of(text) for name, text in self.objects.items()}

    @cached_property
    def colorants(self) -> Lexicon:
        """The names of colours in texts."""
        return Lexicon(self.words.colorant)

    def alerts_of(self, code: int) -> Sequence[SupplyAlert]:
        """What an alert with this number says of supplies."""
        return self._alerts.get(self.words.alert_code.get(code), ())

    @cached_property
    def _alerts(self) -> dict[str | None, list[SupplyAlert]]:
        said: dict[str | None, list[SupplyAlert]] = {}
        for alert in self.supplies.alerts:
            said.setdefault(alert.code, []).append(alert)
        return said

    @cached_property
    def supply_names(self) -> Lexicon:
        """The names of types of supplies in texts."""
        return Lexicon(self.words.supply_name)

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

    @cached_property
    def spared_ask(self) -> Ask:
        """The second question to a printer that must not be asked by GETBULK."""
        return replace(self.read_ask, bulk=False)

    def care_of(self, model: str | None, never: Literal["read", "bulk"]) -> CarePart | None:
        """Why a model must not be asked so; None when it may."""
        mine = (care for care in self.care if never in care.never)
        return next((care for care in mine if re.search(care.model, model or "", re.IGNORECASE)), None)

    def _ask(self, part: AskPart) -> Ask:
        tables = tuple(
            Table(tuple(self.oids[name] for name in table.columns), table.rows, table.most) for table in part.tables
        )
        changing = frozenset(self.oids[name] for name in part.changing)
        return Ask(tuple(self.oids[name] for name in part.objects), tables, changing=changing)

"""All profiles: the shipped ones, then the customer's own, and which of them fits a device."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from agent.errors import ProfileError
from agent.printers import Identity
from agent.snmp.profile import MatchPart, Profile, VendorFile
from agent.snmp.toml_places import line_of
from agent.snmp.varbinds import Ask, Oid, Table, Varbinds
from agent.texts import message

P = TypeVar("P", bound=BaseModel)
GENERIC = "generic.toml"


@dataclass(frozen=True)
class Catalogue:
    """`generic` fits every printer; `vendors` know more about theirs, the customer's own before the shipped ones."""

    generic: Profile
    vendors: tuple[Profile, ...] = ()

    def choose(self, identity: Identity, varbinds: Varbinds) -> Profile:
        """The profile that is best proven for a device; the generic one where none is."""
        best, strength = self.generic, 0
        for way in self._ways.get(identity.manufacturer) or self._ways[None]:
            if way.strength > strength and way.fits(identity, varbinds):
                best, strength = way.profile, way.strength
        return best

    @cached_property
    def _ways(self) -> dict[str | None, list[Way]]:
        """By maker what may fit its devices, in the profiles' order; None for all makers that no profile names."""
        every = [(one.manufacturer, Way.of(profile, one)) for profile in self.vendors for one in profile.match]
        makers = {maker for maker, _ in every} | {None}
        return {maker: [way for of, way in every if of in (None, maker)] for maker in makers}

    @cached_property
    def signature_ask(self) -> Ask:
        """The question to a printer that does not say who made it: which maker's branch answers?"""
        named = [(profile, name) for profile in self.vendors for match in profile.match for name in match.answers]
        single = {profile.oids[name] for profile, name in named if name in profile.ask.objects}
        # A walk begins behind its prefix, so a single object would never answer one.
        branches = {profile.oids[name] for profile, name in named} - single
        table = Table(tuple(sorted(branches)), rows=1, most=1)
        return Ask(objects=tuple(sorted(single)), tables=(table,) if branches else ())


@dataclass(frozen=True, slots=True)
class Way:
    """A match of a profile, made ready for being tried on every printer; its maker is looked up before."""

    profile: Profile
    strength: int
    model: re.Pattern[str] | None
    prefixes: tuple[Oid, ...]

    @staticmethod
    def of(profile: Profile, match: MatchPart) -> Way:
        """The way that a match describes."""
        model = re.compile(match.model, re.IGNORECASE) if match.model else None
        return Way(profile, match.strength, model, tuple(profile.oids[name] for name in match.answers))

    def fits(self, identity: Identity, varbinds: Varbinds) -> bool:
        """Whether everything else that the match says holds for a device with these answers."""
        if self.model and not self.model.search(identity.model or ""):
            return False
        return not self.prefixes or any(oid in varbinds or varbinds.has_below(oid) for oid in self.prefixes)


def shipped(own: Path | None = None) -> Catalogue:
    """The profiles in the package and, where that folder exists, the customer's own. Raises `ProfileError`."""
    folder = resources.files("agent.snmp") / "profiles"
    texts = {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".toml")}
    generic = parse(texts.pop(GENERIC), GENERIC, Profile)
    vendors = [_based(generic, text, name) for name, text in sorted(texts.items())]
    return Catalogue(generic, (*_own(generic, own), *vendors))


def _own(generic: Profile, folder: Path | None) -> Sequence[Profile]:
    if folder is None or not folder.is_dir():
        return ()
    files = sorted(folder.glob("*.toml"))
    try:
        return [_based(generic, file.read_text("utf-8"), str(file)) for file in files]
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(str(folder), "-", str(error)) from error


def _based(generic: Profile, text: str, where: str) -> Profile:
    vendor = parse(text, where, VendorFile)
    try:
        return generic.with_vendor(vendor)
    except ValidationError as error:
        raise _of_validation(where, error, text) from error


def parse(text: str, where: str, kind: type[P]) -> P:
    """The profile in a TOML text; `where` names it in errors. Raises `ProfileError`."""
    try:
        content: dict[str, Any] = tomllib.loads(text)
        return kind.model_validate(content)
    except tomllib.TOMLDecodeError as error:
        raise _wrong(where, "TOML", str(error)) from error
    except ValidationError as error:
        raise _of_validation(where, error, text) from error


def _of_validation(where: str, error: ValidationError, text: str) -> ProfileError:
    first = error.errors(include_url=False)[0]
    path, what = first["loc"], first["msg"]
    line = line_of(text, path)
    if line is None and (name := re.search(r"\[objects\]: ([\w.-]+)", what)):
        at = re.search(rf"[\"'](?:[^\"']*\b)?{re.escape(name[1])}\b", text)
        line = text.count("\n", 0, at.start()) + 1 if at else None
    return _wrong(where, ".".join(map(str, path)) or "-", what, line)


def _wrong(where: str, place: str, what: str, line: int | None = None) -> ProfileError:
    remedy = message("Correct this place in the file, or remove the file if it is a profile of your own.")
    if line is None:
        said = message("The printer profile {file} is wrong at {place}: {what}.", file=where, place=place, what=what)
    else:
        said = message(
            "The printer profile {file} is wrong in line {line} ({place}): {what}.",
            file=where,
            line=line,
            place=place,
            what=what,
        )
    return ProfileError(said, remedy)

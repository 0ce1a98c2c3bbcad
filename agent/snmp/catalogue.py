"""All profiles: the shipped ones, then the customer's own, and which of them fits a device."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path

from agent.printers import Identity
from agent.snmp.profile import MatchPart, Profile, VendorFile
from agent.snmp.profile_checks import Mistake, mistakes
from agent.snmp.profile_file import of_mistakes, parse, read_text
from agent.snmp.varbinds import Ask, Oid, Table, Varbinds
from agent.texts import message

GENERIC = "generic.toml"
OWN = 8  # more than any match proves: what the site says of a device counts before what was shipped


@dataclass(frozen=True)
class Catalogue:
    """`generic` fits every printer; `vendors` know more about theirs; `own` are the site's, and win over all others."""

    generic: Profile
    vendors: tuple[Profile, ...] = ()
    own: tuple[Profile, ...] = ()

    @property
    def every(self) -> tuple[Profile, ...]:
        """All profiles, in the order in which they are asked."""
        return (*self.own, self.generic, *self.vendors)

    @cached_property
    def meters(self) -> frozenset[str]:
        """The names of all meters that any profile reads."""
        return frozenset(counter.meter for profile in self.every for counter in profile.counters)

    def choose(self, identity: Identity, varbinds: Varbinds) -> Profile:
        """The profile that is best proven for a device, of the site's own if any fits; else the generic one.

        Where two makers' branches answer and nothing says who made it, none of them is proven.
        """
        best, strength = [self.generic], 0
        for way in self._ways.get(identity.manufacturer) or self._ways[None]:
            if way.strength >= max(strength, 1) and way.fits(identity, varbinds):
                best = [*best, way.profile] if way.strength == strength else [way.profile]
                strength = way.strength
        rivals = {profile.name for profile in best} if strength < OWN else set()
        return self.generic if len(rivals) > 1 else best[0]

    @cached_property
    def _ways(self) -> dict[str | None, list[Way]]:
        """By maker what may fit its devices, in the profiles' order; None for all makers that no profile names.

        What answers proves a shipped profile for devices of no maker, and of the makers that it is for: a network card,
        or what one maker made for another, answers in foreign branches too.
        """
        own = [(one.manufacturer, Way.of(profile, one, OWN)) for profile in self.own for one in profile.match]
        shipped = [(one.manufacturer, Way.of(profile, one)) for profile in self.vendors for one in profile.match]
        makers = {maker for maker, _ in (*own, *shipped)} | {None}
        return {
            maker: [way for of, way in own if of in (None, maker)]
            + [way for of, way in shipped if of == maker or (of is None and way.is_for(maker))]
            for maker in makers
        }

    @cached_property
    def signature_ask(self) -> Ask:
        """The question to a printer that does not say who made it: which maker's branch answers?"""
        named = [
            (profile, name)
            for profile in (*self.own, *self.vendors)
            for match in profile.match
            for name in match.answers
        ]
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
    def of(profile: Profile, match: MatchPart, more: int = 0) -> Way:
        """The way that a match describes; it proves `more` than the match alone."""
        model = re.compile(match.model, re.IGNORECASE) if match.model else None
        return Way(profile, match.strength + more, model, tuple(profile.oids[name] for name in match.answers))

    def is_for(self, maker: str | None) -> bool:
        """Whether devices of this maker may be of the profile, or of no maker that is known."""
        return maker is None or any(match.manufacturer == maker for match in self.profile.match)

    def fits(self, identity: Identity, varbinds: Varbinds) -> bool:
        """Whether everything else that the match says holds for a device with these answers."""
        if self.model and not self.model.search(identity.model or ""):
            return False
        return not self.prefixes or any(oid in varbinds or varbinds.has_below(oid) for oid in self.prefixes)


def shipped(own: Path | None = None) -> Catalogue:
    """The profiles in the package and, where that folder exists, the customer's own. Raises `ProfileError`."""
    known = _packaged()
    return replace(known, own=_own(known, own))


@lru_cache(maxsize=1)
def _packaged() -> Catalogue:
    folder = resources.files("agent.snmp") / "profiles"
    texts = {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".toml")}
    generic = parse(texts.pop(GENERIC), GENERIC, Profile)
    vendors = [generic.with_vendor(parse(text, name, VendorFile)) for name, text in sorted(texts.items())]
    return Catalogue(generic, tuple(vendors))


def _own(known: Catalogue, folder: Path | None) -> tuple[Profile, ...]:
    """The site's own profiles, each on top of a shipped one."""
    if folder is None or not folder.is_dir():
        return ()
    names = {profile.name: profile for profile in known.every}
    own: list[Profile] = []
    for file in sorted(folder.glob("*.toml")):
        text = read_text(file)
        vendor = parse(text, str(file), VendorFile)
        taken = {*names, *(profile.name for profile in own)}
        if vendor.name in taken:
            raise of_mistakes(text, str(file), [_taken(vendor.name)])
        base = _base_of(vendor, known, text, str(file))
        if wrong := mistakes(vendor, base, known.meters):
            raise of_mistakes(text, str(file), wrong)
        own.append(base.with_vendor(vendor, str(file)))
    return tuple(own)


def _taken(name: str) -> Mistake:
    return Mistake(
        ("name",),
        message("There is another profile with the name {name}.", name=name),
        message("Choose another name; to add to that profile, write: based_on = {name}", name=f'"{name}"'),
    )


def _base_of(vendor: VendorFile, known: Catalogue, text: str, where: str) -> Profile:
    """The shipped profile that a site's file adds to: the one it names, else the only one for the same makers."""
    names = {profile.name: profile for profile in known.every}
    makers = {match.manufacturer for match in vendor.match if match.manufacturer}
    fitting = [one for one in known.vendors if makers & {match.manufacturer for match in one.match}]
    if vendor.based_on is None and len(fitting) < 2:
        return fitting[0] if fitting else known.generic
    base = names.get(vendor.based_on or "")
    if base is None:
        what = (
            message("There is no shipped profile {name}.", name=vendor.based_on)
            if vendor.based_on
            else message("Several shipped profiles are for this manufacturer.")
        )
        choices = ", ".join(f'"{one.name}"' for one in (*(fitting or known.vendors), known.generic))
        remedy = message("Say which one yours adds to, based_on = one of: {choices}", choices=choices)
        raise of_mistakes(text, where, [Mistake(("based_on",), what, remedy)])
    return base

"""profiles: what is known of printers, and of one model in particular: what is read, from where, and why."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from agent.cli.jsonl import emit
from agent.cli.readouts import meter_text, unit_text
from agent.cli.service import agent_of
from agent.cli.tables import new_table, row, section
from agent.language import _, number
from agent.paths import find_config
from agent.printers import Identity
from agent.snmp.catalogue import Catalogue, shipped
from agent.snmp.counter_profile import UNITS, CounterPart
from agent.snmp.profile import IdentityPart, Profile
from agent.snmp.varbinds import Varbinds


def show_profiles(config: Path | None, model: str | None, *, as_json: bool) -> int:
    """All profiles with the makers they are for, or everything that is known of one model."""
    known = find_config(config).found is not None or config is not None
    catalogue = shipped(agent_of(config).places.profiles if known else None)
    if model is None:
        _all(catalogue, as_json=as_json)
        return 0
    identity = _identity_of(catalogue.generic, model)
    profile = catalogue.choose(identity, Varbinds())
    if as_json:
        emit(_profile_json(profile, identity.model))
    else:
        _show_model(catalogue, profile, identity)
    return 0


def _identity_of(generic: Profile, text: str) -> Identity:
    """Maker and model in a person's words."""
    lower = text.strip().lower()
    for maker in generic.manufacturers:
        for word in (maker.name.lower(), *maker.written):
            if lower.startswith(word):
                return Identity(manufacturer=maker.name, model=text.strip()[len(word) :].strip() or text)
    return Identity(model=text.strip())


def _makers(profile: Profile) -> list[str]:
    return sorted({match.manufacturer for match in profile.match if match.manufacturer})


def _profile_json(profile: Profile, model: str | None) -> dict[str, object]:
    counters = [one for one in profile.counters if model is None or one.about(model)]
    return {
        "profile": profile.label,
        "file": profile.file or None,
        "makers": _makers(profile),
        "source": profile.source,
        "meters": [
            {
                "meter": one.meter,
                "objects": [profile.objects[name] for name in sorted(one.names)],
                "confidence": one.confidence,
                "fallback": one.fallback,
                "source": one.source,
                "profile": one.origin or profile.label,
            }
            for one in counters
        ],
        "checks": [
            {"whole": one.whole, "relation": one.relation, "parts": list(one.parts), "source": one.source}
            for one in profile.checks
        ],
        "care": [{"model": one.model, "never": list(one.never), "why": one.why} for one in profile.care],
    }


def _all(catalogue: Catalogue, *, as_json: bool) -> None:
    if as_json:
        for profile in catalogue.every:
            emit(_profile_json(profile, None))
        return
    own, came = _list_of(catalogue.own), _list_of((catalogue.generic, *catalogue.vendors))
    section(Console(), _("Profiles of this site; they win"), own)
    section(Console(), _("Profiles that came with the program"), came)
    sys.stdout.write("\n" + _('Everything about one model: meter-agent profiles "Kyocera TASKalfa 3555ci"') + "\n")


def _list_of(profiles: tuple[Profile, ...]) -> Table:
    table = new_table(_("Profile"), _("Makers"), _("Meters"), _("Why we believe it"))
    for profile in profiles:
        meters = number(len({one.meter for one in profile.counters}))
        where = f"{profile.source}\n{profile.file}" if profile.file else profile.source
        row(table, profile.label, ", ".join(_makers(profile)) or _("any"), meters, where)
    return table


def _show_model(catalogue: Catalogue, profile: Profile, identity: Identity) -> None:
    console = Console()
    console.print(_headline(catalogue, profile, identity), style="bold", markup=False, highlight=False)
    section(console, _("Counters, the first that has a value counts"), _counters(profile, identity.model))
    others = sum(not one.about(identity.model) for one in profile.counters)
    if others:
        said = _("{count} more counters are known for other models.").replace("{count}", number(others))
        console.print(said, markup=False)
    section(console, _("Who it is, the best place first"), _identity(profile), counted=False)
    section(console, _("Supplies, beyond the standard's table"), _supplies(profile, identity.model), counted=False)
    section(console, _("What must add up"), _checks(profile))
    spared = new_table(_("Model"), _("Never"), _("Why it is spared"))
    for care in profile.care:
        row(spared, care.model, ", ".join(care.never), care.why)
    section(console, _("Models to be spared"), spared)


def _headline(catalogue: Catalogue, profile: Profile, identity: Identity) -> str:
    name = f"{identity.manufacturer or ''} {identity.model or ''}".strip()
    if profile.file:
        return _("{name}: profile {profile} of this site, {file}").format_map(
            {"name": name, "profile": profile.label, "file": profile.file}
        )
    if profile is not catalogue.generic:
        return _("{name}: profile {profile}").format_map({"name": name, "profile": profile.label})
    if identity.manufacturer is None:
        said = _("{name}: no manufacturer that is known. Name the manufacturer too: Kyocera TASKalfa 3555ci")
        return said.replace("{name}", name)
    return _("{name}: nothing is known beyond the standard.").replace("{name}", name)


def _counters(profile: Profile, model: str | None) -> Table:
    table = new_table(_("Meter"), _("Meaning"), _("Where it stands"), _("Sure"), _("Profile"), _("Why we believe it"))
    for part in profile.counters:
        if part.about(model):
            label = part.origin or profile.label
            row(table, part.meter, _meaning(part), _place(profile, part), _sure(part), label, part.source)
    return table


def _meaning(part: CounterPart) -> str:
    unit = unit_text(part.unit) if part.unit in UNITS else _("unit as the printer says")
    text = f"{meter_text(part.meter)}\n{unit}"
    return "\n".join((text, _("only if nothing better is told"))) if part.fallback else text


def _sure(part: CounterPart) -> str:
    names = {"A": _("proven"), "B": _("documented"), "C": _("only if the colors make the total")}
    return names[part.confidence]


def _place(profile: Profile, part: CounterPart) -> str:
    """The objects with their identifiers, and how they make the value."""
    if part.column:
        rows = [f"{profile.objects[name]} = {_wanted(value)}" for name, value in part.where.items()]
        rows += [f".{place}" for place in part.at]
        how = {
            "one": _("the row where"),
            "same": _("the row where"),
            "sum": _("all rows where"),
            "each": _("one row each where"),
            "some": _("one row each, as far as there are any, where"),
        }[part.rows]
        lines = [profile.objects[part.column], how, *rows]
    elif part.sum:
        terms = [f"+ {_term(profile, term)}" for term in part.sum]
        lines = [*terms, *(f"− {_term(profile, term)}" for term in part.minus)]
    else:
        lines = [*(_term(profile, term) for term in part.first), *(f"+ {meter}" for meter in part.of)]
    return "\n".join([*lines, f"× {part.scale}"] if part.scale != 1 else lines)


def _wanted(value: int | str | tuple[int | str, ...]) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _term(profile: Profile, term: str) -> str:
    name, sign, record = term.partition("#")
    return f"{profile.objects[name]}{sign}{record}"


def _identity(profile: Profile) -> Table:
    names = {
        "manufacturer": _("Manufacturer"),
        "model": _("Model"),
        "serial_number": _("Serial number"),
        "host_name": _("Host name"),
        "printer_name": _("Printer name"),
        "asset_tag": _("Asset tag"),
        "firmware": _("Firmware"),
    }
    table = new_table("", "")
    table.show_header = False
    for part in IdentityPart.model_fields:
        if part in names and (places := getattr(profile.identity, part)):
            row(table, names[part], "\n".join(places))
    return table


def _supplies(profile: Profile, model: str | None) -> Table:
    """Statements that hold for this model, with their reasons."""
    table = new_table(_("What"), _("Why we believe it"))
    supplies = profile.supplies
    for rule in supplies.levels:
        if rule.about(model):
            row(table, _level_rule(", ".join(rule.types) or _("all"), rule.counts, rule.step), rule.source)
    for told in supplies.tables:
        if told.about(model):
            row(table, _("levels in {object}").replace("{object}", profile.objects[told.level]), told.source)
    for record in supplies.records:
        if record.about(model) and (term := record.level or record.coarse or record.status):
            name = record.description or " ".join(filter(None, (record.colorant, record.type)))
            row(table, f"{name}: {_term(profile, term)}", record.source)
    return table


def _level_rule(types: str, counts: str, step: float | None) -> str:
    parts = [types]
    if counts == "used":
        parts.append(_("tells how full it is"))
    if step:
        parts.append(_("in steps of {step} %").replace("{step}", f"{step:g}"))
    return ", ".join(parts)


def _checks(profile: Profile) -> Table:
    table = new_table(_("Whole"), "", _("Parts"), _("Why we believe it"))
    for check in profile.checks:
        relation = "=" if check.relation == "=" else "≥"
        row(table, check.whole, relation, " + ".join(check.parts), check.source)
    return table

"""`python -m sandbox.world`: plans a demonstration world, a fleet of printers and the equipment a portal has for them.

Everything is chosen by the names of the files, nothing by chance: the same sources give the same world.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Network, ip_network
from pathlib import Path

from sandbox import equipment
from sandbox.equipment import LIFE_IS_BILLED, Entry, Record, draw
from sandbox.printers import description, fleet, portrait, recording
from sandbox.printers.faults import Faults
from sandbox.printers.fleet import FleetError, Member
from sandbox.printers.portrait import Portrait

FIRST_NUMBER = 10_004_711
INK = frozenset({"toner", "toner_cartridge", "ink", "ink_cartridge"})
LOW = 10.0  # percent
JUMP = 20_000  # impressions: what a reading has to rise by to be a clear deviation
USER = {  # of the printer that speaks SNMPv3 alone; a made-up world has made-up passwords
    "name": "meter-reader",
    "authentication": "sha256",
    "authentication_secret": "demo-authentication",
    "privacy": "aes128",
    "privacy_secret": "demo-privacy",
}
SILENT = "konica_bizhub_368e"
IPP_ONLY = description.SHIPPED / "ipp" / "hp_officejet_pro_9130.toml"
HISTORIES = {"equal": "equal", "below_last": "above", "deviation": "tiny"}


@dataclass(frozen=True, slots=True)
class Site:
    """One printer of the world: who it is and where it answers."""

    portrait: Portrait
    member: Member

    @property
    def name(self) -> str:
        """The member's name, unique in the fleet."""
        return self.member.name

    @property
    def place(self) -> str:
        """Its literal address as a key user would type it, with the port where it has one of its own."""
        return self.member.address + (f":{self.member.port}" if self.member.port else "")


@dataclass(frozen=True, slots=True)
class World:
    """The plan: what `sandbox.printers` serves, what the portal knows, and which case is where."""

    fleet: list[Record]
    equipment: Record
    about: Record


@dataclass(slots=True)
class _Draft:
    """The world while it is being planned."""

    sites: list[Site]
    now: datetime
    chosen: dict[str, Site] = field(default_factory=dict)
    cases: dict[str, str] = field(default_factory=dict)
    equipments: list[Record] = field(default_factory=list)

    def case_of(self, site: Site) -> str | None:
        return next((case for case, other in self.chosen.items() if other.name == site.name), None)


def plan(
    sources: Sequence[Path], network: IPv4Network, port: int, now: datetime, ports: bool = False, ipp: bool = False
) -> World:
    """The world for these recordings and descriptions; raises `FleetError`, `OSError` or `ValueError`.

    With `ipp` there is one printer more, which is silent over SNMP and named as a host.
    """
    quiet = description.SHIPPED / f"{SILENT}.toml"
    members = fleet.lined_up([*sources, quiet, *([IPP_ONLY] if ipp else [])], network)
    if ports:
        members = fleet.on_ports(members, port)
    silent = len(sources)
    members[silent] = members[silent].model_copy(update={"name": "silent", "faults": Faults(silent=True)})
    sites = [Site(portrait.of(member.source), member) for member in members]
    draft = _Draft(sites[:silent], now)
    _choose(draft)
    _write_equipments(draft)
    _write_strangers(draft, sites[silent])
    for site in sites[silent + 1 :]:
        _write_ipp_only(draft, site)
    served = [_served(site, draft.case_of(site)) for site in sites]
    about = {
        "ranges": _ranges(members, network),
        "port": port,
        "hosts": [site.place for site in sites[silent + 1 :]],
        "targets": [f"{each.address}:{each.port or port}" for each in members],
        "users": [USER] if "v3_only" in draft.chosen else [],
        "cases": dict(sorted(draft.cases.items())),
    }
    return World(served, equipment.seed(draft.equipments), about)


Rule = Callable[[Site], bool]


def _choose(draft: _Draft) -> None:
    """Gives every case that needs a printer one that suits it, the choosy cases first."""
    names = _unique(site.portrait.host_name for site in draft.sites)
    rules: dict[str, tuple[Rule, Rule]] = {  # who can, and who would be best
        "not_a_printer": (lambda site: not site.portrait.is_printer, _any),
        "v1_only": (_speaks_v1, _counts),
        "deviation": (lambda site: _billed(site) and (site.portrait.life_count or 0) > JUMP, _known),
        "two_equipments_one_name": (lambda site: (site.portrait.host_name or "").lower() in names, _counts),
        "low_toner": (_low, _counts),
        "below_last": (_billed, _known),
        "equal": (_billed, _known),
        "unknown_levels": (_vague, _counts),
        "unknown_to_portal": (_known, _counts),
        "v3_only": (_counts, _known),
    }
    for case, (suits, best) in rules.items():
        free = [site for site in draft.sites if draft.case_of(site) is None]
        if case != "not_a_printer":
            free = [site for site in free if site.portrait.is_printer]
        able = [site for site in free if suits(site)] or (_refillable(free) if case == "low_toner" else [])
        if able:
            draft.chosen[case] = min(able, key=lambda site: (not best(site), draw(f"{case} {site.name}", 2**32)))


def _any(_: Site) -> bool:
    return True


def _speaks_v1(site: Site) -> bool:
    return site.portrait.v1_only or (site.member.source.suffix == ".snmprec" and site.portrait.manufacturer == "Canon")


def _counts(site: Site) -> bool:
    return bool(site.portrait.life_count)


def _known(site: Site) -> bool:
    return bool(site.portrait.serial and site.portrait.model)


def _billed(site: Site) -> bool:
    """Whether the plan knows what this device's billing total stands at."""
    known = site.portrait.truth.total is not None or site.portrait.manufacturer in LIFE_IS_BILLED
    return known and (site.portrait.life_count or 0) > 500


def _low(site: Site) -> bool:
    """Whether a toner that can be told from the others is nearly empty, on a device whose pages can be read."""
    toners = (each for each in site.portrait.supplies if each.type in INK and each.colorant)
    return _counts(site) and any(each.percent is not None and each.percent <= LOW for each in toners)


def _vague(site: Site) -> bool:
    return any(each.type in INK and each.level in (-2, -3) for each in site.portrait.supplies)


def _refillable(sites: Iterable[Site]) -> list[Site]:
    return [site for site in sites if _emptied(site)]


def _emptied(site: Site) -> dict[str, str]:
    """The override that makes the first toner of a device nearly empty; nothing where it has no exact level."""
    for each in site.portrait.supplies:
        if each.type in INK and each.colorant and each.percent is not None:
            return {".".join(map(str, each.oid)): f"2|{(each.capacity or 0) * 6 // 100}"}
    return {}


def _unique(said: Iterable[str | None]) -> set[str]:
    """What is said exactly once; capitals make no difference, in host names as in serial numbers."""
    return {word for word, times in Counter(each.lower() for each in said if each).items() if times == 1}


def _served(site: Site, case: str | None) -> Record:
    """The printer as a line of the fleet file."""
    member = site.member
    line: Record = {"name": member.name, "address": member.address, "source": str(member.source.resolve())}
    if member.port:
        line["port"] = member.port
    faults = member.faults.named()
    if case == "v1_only":
        faults["v1_only"] = True
    if faults:
        line["faults"] = faults
    if case == "v3_only":
        line["user"] = USER
    if case == "low_toner" and not _low(site):
        line["set"] = _emptied(site)
    return line


def _write_equipments(draft: _Draft) -> None:
    """One equipment per printer, except those that the portal does not know."""
    names = _unique(site.portrait.host_name for site in draft.sites)
    serials = _unique(site.portrait.serial for site in draft.sites)
    supplied = _supplied(draft)
    for place, site in enumerate(draft.sites):
        case, said = draft.case_of(site), site.portrait
        if case in ("not_a_printer", "unknown_to_portal") or not said.is_printer:
            if case:
                draft.cases[case] = site.place
            continue
        host = said.host_name if said.host_name and said.host_name.lower() in names else None
        entry = Entry(
            number=FIRST_NUMBER + 7 * place,
            portrait=said,
            name=equipment.technical_name(host) if host else site.place,
            history=HISTORIES.get(case or "", "usual"),
            serial=said.serial if said.serial and said.serial.lower() in serials else None,
            automatic_supply=site.name in supplied,
        )
        if case == "two_equipments_one_name":
            entry = _doubled(draft, entry)
        draft.equipments.append(equipment.record(entry, draft.now))
        if case:
            draft.cases[case] = equipment.equipment_number(entry.number)


def _doubled(draft: _Draft, entry: Entry) -> Entry:
    """Adds a second equipment that claims the same name; neither has a serial number that could settle it."""
    bare = Entry(entry.number, entry.portrait, entry.name)
    second = Entry(entry.number + 1, entry.portrait, entry.name)
    draft.equipments.append(equipment.record(second, draft.now))
    draft.cases["two_equipments_one_name_other"] = equipment.equipment_number(second.number)
    return bare


def _supplied(draft: _Draft) -> set[str]:
    """Two printers that no case needs are refilled by the maker's own service."""
    ordinary = [site.name for site in draft.sites if not draft.case_of(site) and site.portrait.supplies]
    return set(sorted(ordinary, key=lambda name: draw(f"automatic {name}", 2**32))[:2])


def _write_strangers(draft: _Draft, silent: Site) -> None:
    """The equipments without a printer that answers: one whose printer is silent, one whose name exists nowhere."""
    number = FIRST_NUMBER + 7 * len(draft.sites)
    for offset, (case, name) in enumerate({"never_answers": silent.place, "no_printer": "PRN-ARCHIV-09"}.items()):
        entry = Entry(number + offset, silent.portrait, name)
        draft.equipments.append(equipment.record(entry, draft.now))
        draft.cases[case] = equipment.equipment_number(entry.number)


def _write_ipp_only(draft: _Draft, site: Site) -> None:
    """The equipment whose printer has SNMP switched off."""
    entry = Entry(FIRST_NUMBER + 7 * len(draft.sites) + 2, site.portrait, site.place, serial=site.portrait.serial)
    draft.equipments.append(equipment.record(entry, draft.now))
    draft.cases["ipp_only"] = equipment.equipment_number(entry.number)


def _ranges(members: Sequence[Member], network: IPv4Network) -> list[str]:
    """What to search to meet every printer: the /24s in use, or the network where it is smaller."""
    if all(each.address == fleet.LOOPBACK for each in members):
        return [f"{fleet.LOOPBACK}/32"]
    size = max(24, network.prefixlen)
    return sorted({str(ip_network(f"{each.address}/{size}", strict=False)) for each in members})


def main(arguments: Sequence[str] | None = None) -> int:
    """Plans and writes the world. Exit code: 0 written, 2 sources or network that make no sense."""
    asked = _parser().parse_args(arguments)
    try:
        sources = recording.recordings(asked.recordings) if asked.recordings else []
        if asked.devices or not asked.recordings:
            sources += description.shipped()
        world = plan(sources, asked.network, asked.port, asked.now, asked.ports, asked.ipp)
        asked.out.mkdir(parents=True, exist_ok=True)
        for name, content in (("fleet", world.fleet), ("equipment", world.equipment), ("world", world.about)):
            _write(asked.out / f"{name}.json", content)
    except (FleetError, OSError, ValueError) as error:
        print(f"The world cannot be planned: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"out": str(asked.out), "printers": len(world.fleet), **world.about}, ensure_ascii=False))
    return 0


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.world",
        description="Plans a world to try meter-agent in: DIR/fleet.json for `python -m sandbox.printers --fleet`, "
        "DIR/equipment.json for the sandbox portal, DIR/world.json with ranges, port and the awkward cases.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the three files go")
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="printers from every *.snmprec below DIR")
    parser.add_argument("--devices", action="store_true", help="the sandbox's own devices too (alone: the default)")
    parser.add_argument("--network", type=IPv4Network, default=IPv4Network("127.20.0.0/22"), help="loopback addresses")
    parser.add_argument("--port", type=int, default=16161, help="UDP port of all printers (default 16161)")
    parser.add_argument("--ports", action="store_true", help="all on 127.0.0.1, on ports from --port upwards")
    parser.add_argument("--ipp", action="store_true", help="one printer more, which speaks IPP only")
    parser.add_argument(
        "--now",
        type=datetime.fromisoformat,
        default=datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0),
        help="the moment the world is planned for (default: today 00:00 UTC)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

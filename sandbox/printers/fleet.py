"""The fleet: which virtual printer answers where, from which source and with which faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from sandbox.printers import description, recording
from sandbox.printers.device import Device
from sandbox.printers.faults import Faults, altered
from sandbox.printers.ipp import Said, attributes, recorded
from sandbox.printers.mib import Mib
from sandbox.printers.secured import Secured, User

NETWORK = IPv4Network("127.20.0.0/16")
LOOPBACK = "127.0.0.1"


class FleetError(Exception):
    """A fleet that cannot be started, in one sentence for the person who asked for it."""


class Member(BaseModel):
    """One line of a fleet file.

    `source` is a recording (`.snmprec`) or a device description (`.toml`), relative to the fleet file. `set`
    replaces single objects: `{"1.3.6.1.2.1.1.5.0": "4|NEW-NAME"}`. `port` is for this printer alone. With a `user` it
    speaks SNMPv3 and nothing else.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    address: str
    source: Path
    port: int | None = Field(default=None, ge=0, le=65_535)
    community: str = "public"
    faults: Faults = Faults()
    set: dict[str, str] = Field(default_factory=dict)
    user: User | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A member that can answer: how many objects it has, how many lines of its recording were skipped.

    `ipp` is what it says over IPP, nothing where it does not speak it.
    """

    member: Member
    device: Device
    objects: int
    skipped: int
    ipp: Said = field(default_factory=dict)


def read(path: Path) -> list[Member]:
    """The members in a fleet file (a JSON list); raises `FleetError`."""
    try:
        members = TypeAdapter(list[Member]).validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FleetError(f"The fleet file {path} cannot be used: {error}") from error
    return [each.model_copy(update={"source": path.parent / each.source}) for each in members]


def addresses(network: IPv4Network) -> Iterator[str]:
    """The addresses of a network from below, without the ones that end in .0 or .255."""
    for address in network:
        if address.packed[-1] not in (0, 255):
            yield str(address)


def lined_up(sources: list[Path], network: IPv4Network) -> list[Member]:
    """One member per source, at the next free address each; raises `FleetError` when the network is too small."""
    free, names = addresses(network), named(sources)
    members = []
    for source in sources:
        address = next(free, None)
        if address is None:
            raise FleetError(f"{len(sources)} printers do not fit into {network}. Give a larger --network.")
        members.append(Member(name=names[source], address=address, source=source))
    return members


def named(sources: list[Path]) -> dict[Path, str]:
    """A name per source: the file's, with its folder where two files have the same one."""
    times = Counter(source.stem for source in sources)
    return {each: each.stem if times[each.stem] == 1 else f"{each.parent.name}/{each.stem}" for each in sources}


def on_ports(members: list[Member], port: int) -> list[Member]:
    """The same members on 127.0.0.1, each with its own port from `port` upwards."""
    return [
        each.model_copy(update={"address": LOOPBACK, "port": port + place if port else 0})
        for place, each in enumerate(members)
    ]


def load(member: Member) -> Loaded:
    """The device of a member; raises `FleetError`."""
    try:
        mib, contexts, own, skipped = _source(member)
        spoken = _spoken(member.source)
    except (OSError, ValueError) as error:
        raise FleetError(f"The source of {member.name}, {member.source}, cannot be used: {error}") from error
    community = b"" if member.user else member.community.encode()
    views = {community: mib}
    for context, beside in contexts.items():
        views[community + b"@" + context.encode()] = beside
    faults = Faults.model_validate({**own.named(), **member.faults.model_dump(exclude_unset=True)})
    altering = (
        {name: Mib(altered(view.values, faults)) for name, view in views.items()} if faults != Faults() else views
    )
    secured = Secured(member.name, member.user) if member.user else None
    return Loaded(member, Device(member.name, altering, faults, secured), len(mib.rows), skipped, spoken)


def _spoken(source: Path) -> Said:
    """What a device says over IPP: by its description, or by the recorded response beside a recording."""
    if source.suffix == ".toml":
        return attributes(description.load(source))
    beside = source.with_suffix(".bin")
    return recorded(beside.read_bytes()) if beside.is_file() else {}


def _source(member: Member) -> tuple[Mib, dict[str, Mib], Faults, int]:
    """The objects, the contexts, the faults of its kind and the skipped lines of a member's source."""
    contexts: dict[str, Mib] = {}
    own, skipped = Faults(), 0
    if member.source.suffix == ".toml":
        described = description.load(member.source)
        values, own = description.objects(described), described.faults
    elif member.source.suffix == ".snmprec":
        recorded = recording.load(member.source)
        values, skipped = recorded.values, recorded.skipped
        contexts = recording.contexts(member.source)
    else:
        raise ValueError("neither .snmprec nor .toml")
    for name, said in member.set.items():
        form, found, content = said.partition("|")
        if not found:
            raise ValueError(f'set {name}: "{said}" is not "tag|value"')
        values[recording.arcs_of(name)] = recording.typed(form, content.encode())
    return Mib(values), contexts, own, skipped

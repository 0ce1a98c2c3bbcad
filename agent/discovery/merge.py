"""Several sightings of one device become one printer, with the reason; two devices never do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.likeness import plain_name
from agent.printers import Endpoint, Identity, Joined, Printer, Sighting
from agent.serials import normal_serial, same_serial


@dataclass(frozen=True, slots=True)
class Identified:
    """A sighting with what the device there said of itself."""

    sighting: Sighting
    identity: Identity

    @property
    def endpoint(self) -> Endpoint:
        """Where it was seen."""
        return self.sighting.endpoint


@dataclass(slots=True)
class _Group:
    """One printer under way: its sightings, and why each further address is one of its own."""

    met: list[Identified] = field(default_factory=list)
    joined: dict[Endpoint, Joined] = field(default_factory=dict)

    def joins(self, one: Identified) -> bool:
        """Takes a sighting in when it is of the same device."""
        same = next((reason for other in self.met if (reason := same_printer(one, other))), None)
        if same is None:
            return False
        self.met.append(one)
        if isinstance(same, Joined):
            self.joined.setdefault(one.endpoint, same)
        return True

    def printer(self) -> Printer:
        """At the lowest of its addresses, with all its names."""
        names = dict.fromkeys(item.sighting.name for item in self.met if item.sighting.name)
        return Printer(
            endpoint=self.met[0].endpoint,
            identity=self.met[0].identity,
            names=tuple(names),
            sightings=tuple(item.sighting for item in self.met),
            joined=tuple(self.joined.values()),
        )


def merge(found: Sequence[Identified]) -> tuple[Printer, ...]:
    """One printer per device, at the lowest of its addresses, with all its names. Order of input does not matter."""
    groups: list[_Group] = []
    near: dict[object, list[int]] = {}  # what it may be recognised by -> the groups that have it, in their order
    for one in sorted(found, key=lambda item: (item.endpoint, item.sighting.name or "")):
        places = sorted({place for key in _looked_up(one) for place in near.get(key, ())})
        place = next((place for place in places if groups[place].joins(one)), None)
        if place is None:
            place = len(groups)
            groups.append(_Group([one]))
        for key in (*_own(one), *one.identity.mac_addresses):
            near.setdefault(key, []).append(place)
    return tuple(group.printer() for group in groups)


def _own(one: Identified) -> list[object]:
    """An address, each network card together with the serial number or with none, and serial number with name."""
    serial = normal_serial(one.identity.serial_number)
    cards = [(mac, serial and serial.lstrip("0")) for mac in one.identity.mac_addresses]
    called = _called(one.identity)
    return [one.endpoint, *cards, *([called] if called else [])]


def _looked_up(one: Identified) -> list[object]:
    """What another sighting of the same printer has among its own: without a serial number any with its card."""
    if normal_serial(one.identity.serial_number) is None:
        return [one.endpoint, *one.identity.mac_addresses]
    return [*_own(one), *((mac, None) for mac in one.identity.mac_addresses)]


def same_printer(one: Identified, other: Identified) -> Joined | bool:
    """One address, or one network card together with one serial number, or one model where a serial number is missing,
    or one serial number, name and model where a network card is missing; with the reason when the addresses differ.

    A serial number alone is not enough: printers exist that all say the same, and an impostor may say any.
    """
    if one.endpoint == other.endpoint:
        return True
    if card := shared_card(one.identity, other.identity):
        return _fits(one.identity, other.identity) and Joined(one.endpoint, "network_card", card)
    if one.identity.mac_addresses and other.identity.mac_addresses:
        return False
    called = _called(one.identity)
    if called is None or called != _called(other.identity):
        return False
    said = f"{one.identity.serial_number}, {one.identity.host_name}"
    return Joined(one.endpoint, "serial_and_name", said)


def _fits(one: Identity, other: Identity) -> bool:
    """Whether two that have one network card are one device: other devices may stand behind the same print server."""
    if one.serial_number and other.serial_number:
        return same_serial(one.serial_number, other.serial_number)
    return one.model == other.model


def shared_card(one: Identity, other: Identity) -> str | None:
    """A MAC address that both devices name."""
    return next((mac for mac in one.mac_addresses if mac in other.mac_addresses), None)


def _called(identity: Identity) -> tuple[str, str, str] | None:
    """Serial number, name and model; None where one of them is missing."""
    serial, name = normal_serial(identity.serial_number), plain_name(identity.host_name or "")
    if serial is None or not name or not identity.model:
        return None
    return serial.lstrip("0"), name, identity.model

"""Several sightings of one device become one printer; two devices never do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.printers import Identity, Printer, Sighting
from agent.serials import normal_serial, same_serial


@dataclass(frozen=True, slots=True)
class Identified:
    """A sighting with what the device there said of itself."""

    sighting: Sighting
    identity: Identity


def merge(found: Sequence[Identified]) -> tuple[Printer, ...]:
    """One printer per device, at the lowest of its addresses, with all its names. Order of input does not matter."""
    groups: list[list[Identified]] = []
    near: dict[object, list[int]] = {}  # what it may be recognised by -> the groups that have it, in their order
    for one in sorted(found, key=lambda item: (item.sighting.endpoint, item.sighting.name or "")):
        places = sorted({place for key in _looked_up(one) for place in near.get(key, ())})
        place = next((place for place in places if any(same_printer(one, other) for other in groups[place])), None)
        if place is None:
            place = len(groups)
            groups.append([])
        groups[place].append(one)
        for key in (*_own(one), *one.identity.mac_addresses):
            near.setdefault(key, []).append(place)
    return tuple(_printer(group) for group in groups)


def _own(one: Identified) -> list[object]:
    """An address, and each network card together with the serial number or with none."""
    serial = normal_serial(one.identity.serial_number)
    return [one.sighting.endpoint, *((mac, serial and serial.lstrip("0")) for mac in one.identity.mac_addresses)]


def _looked_up(one: Identified) -> list[object]:
    """What another sighting of the same printer has among its own: without a serial number any with its card."""
    if normal_serial(one.identity.serial_number) is None:
        return [one.sighting.endpoint, *one.identity.mac_addresses]
    return [*_own(one), *((mac, None) for mac in one.identity.mac_addresses)]


def same_printer(one: Identified, other: Identified) -> bool:
    """One address, or one network card together with one serial number, or one model where a serial number is missing.

    A serial number alone is not enough: printers exist that all say the same, and an impostor may say any.
    """
    if one.sighting.endpoint == other.sighting.endpoint:
        return True
    if not shares_network_card(one.identity, other.identity):
        return False
    if one.identity.serial_number and other.identity.serial_number:
        return same_serial(one.identity.serial_number, other.identity.serial_number)
    return one.identity.model == other.identity.model


def shares_network_card(one: Identity, other: Identity) -> bool:
    """Whether the two devices name a MAC address in common."""
    return bool(set(one.mac_addresses) & set(other.mac_addresses))


def _printer(group: Sequence[Identified]) -> Printer:
    best = group[0]
    names = dict.fromkeys(item.sighting.name for item in group if item.sighting.name)
    return Printer(
        endpoint=best.sighting.endpoint,
        identity=best.identity,
        names=tuple(names),
        sightings=tuple(item.sighting for item in group),
    )

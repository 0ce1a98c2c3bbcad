"""The rules by which a printer answers to a technical identification number, each with its name and strength."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from agent.likeness import Meant, address_in, loose, meant_by, same_mac, same_name, spelled
from agent.printers import Endpoint, Printer
from agent.serials import normal_serial, same_serial


class Strength(IntEnum):
    """How much a rule proves; the stronger wins over the weaker. LIKELY needs the portal's serial number beside it."""

    LIKELY = 1
    GOOD = 2
    EXACT = 3
    CONFIRMED = 4


STRENGTHS = {
    "confirmed": Strength.CONFIRMED,
    "host_name": Strength.EXACT,
    "dns_name": Strength.EXACT,
    "mdns_name": Strength.GOOD,  # anybody may announce any name; DNS and the device itself go before
    "printer_name": Strength.EXACT,
    "address": Strength.EXACT,
    "mac_address": Strength.EXACT,
    "asset_tag": Strength.EXACT,
    "announced_card": Strength.GOOD,
    "serial_as_number": Strength.EXACT,
    "spelling": Strength.GOOD,
    "loose_spelling": Strength.LIKELY,
    "serial_number": Strength.LIKELY,  # it confirms what another rule found, and never stands alone
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a printer is taken for an equipment: the rule, what the portal says, what the device or network says."""

    rule: str
    portal: str
    device: str

    @property
    def strength(self) -> Strength:
        """How much this rule proves."""
        return STRENGTHS[self.rule]


def strength_of(evidence: Iterable[Evidence]) -> Strength:
    """The strength of the strongest of them."""
    return max((one.strength for one in evidence), default=Strength.LIKELY)


def evidence_of(number: str, printer: Printer) -> tuple[Evidence, ...]:
    """Everything that speaks for this printer being meant by a technical identification number."""
    meant = _meant(number, printer)
    exact = tuple(_exact(number, meant, printer))
    if exact:
        return exact
    cards = dict.fromkeys(mac for sighting in printer.sightings for mac in sighting.mac_addresses)
    if told := [mac for mac in cards if same_mac(number, mac)]:
        return tuple(Evidence("announced_card", number, mac) for mac in told)
    names = dict.fromkeys(name for _, name in names_of(printer))
    wanted = spelled(meant.text)
    alike = [Evidence("spelling", number, name) for name in names if same_name(wanted, spelled(name))]
    return tuple(alike or [Evidence("loose_spelling", number, name) for name in names if _loosely(meant.text, name)])


def _meant(number: str, printer: Printer) -> Meant:
    """What the number names; where it says a port that is not this printer's, the number word for word."""
    meant = meant_by(number)
    is_here = meant.port is None or any(place.port == meant.port for place in places_of(printer))
    return meant if is_here else Meant(number)


def places_of(printer: Printer) -> set[Endpoint]:
    """Everywhere that a printer was seen."""
    return {printer.endpoint, *(sighting.endpoint for sighting in printer.sightings)}


def names_of(printer: Printer) -> list[tuple[str, str]]:
    """Every name of a printer with the rule that it stands for."""
    identity = printer.identity
    told = {sighting.name for sighting in printer.sightings if sighting.how != "mdns"}
    announced = {sighting.name for sighting in printer.sightings if sighting.how == "mdns"} - told
    own = [("host_name", identity.host_name), ("printer_name", identity.printer_name)]
    others = [("mdns_name" if name in announced else "dns_name", name) for name in printer.names]
    return [(rule, name) for rule, name in (*own, *others) if name]


def _exact(number: str, meant: Meant, printer: Printer) -> Iterable[Evidence]:
    for rule, name in names_of(printer):
        if same_name(meant.text, name) or (meant.port and same_name(number, name)):
            yield Evidence(rule, number, name)
    tag = printer.identity.asset_tag
    if tag and same_name(number, tag):
        yield Evidence("asset_tag", number, tag)
    if same_address(number, printer):
        yield Evidence("address", number, str(printer.endpoint))
    for mac in printer.identity.mac_addresses:
        if same_mac(number, mac):
            yield Evidence("mac_address", number, mac)
    serial = printer.identity.serial_number_raw
    if same_serial(number, serial) and len(normal_serial(number) or "") >= SHORTEST_SERIAL:
        yield Evidence("serial_as_number", number, serial or "")


SHORTEST_SERIAL = 6  # signs of a serial number that stands in the place of a name


def _loosely(number: str, name: str) -> bool:
    return bool(loose(number)) and loose(number) == loose(name)


def same_address(number: str, printer: Printer) -> bool:
    """Whether the number is one of the printer's addresses, with or without its port."""
    meant = meant_by(number)
    wanted = address_in(meant.text)
    return wanted is not None and any(
        wanted == address_in(place.address) and meant.port in (None, place.port) for place in places_of(printer)
    )

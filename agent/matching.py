"""Which equipment of the portal each printer is: by the technical identification number, every rule named.

Strict on purpose: two answers are no answer. What a rule cannot decide is shown to a person with the candidates.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.meters import Finding
from agent.printers import Equipment, Printer
from agent.serials import normal_serial, same_serial
from agent.texts import Message, message


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a printer is taken for an equipment: the rule, what the portal says, what the device or network says."""

    rule: str
    portal: str
    device: str


@dataclass(frozen=True, slots=True)
class Matched:
    """Exactly one printer answers to the equipment's technical identification number, and nothing contradicts it."""

    equipment: Equipment
    printer: Printer
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """No match for this equipment; `code` is `ambiguous`, `contradicted`, `not_found`, `no_number` or `inactive`.

    `candidates` are the printers that came nearest.
    """

    equipment: Equipment
    code: str
    reason: Finding
    candidates: tuple[Printer, ...] = ()


@dataclass(frozen=True, slots=True)
class Matching:
    """The outcome for both sides; every equipment and every printer stands in exactly one of the lists."""

    matched: tuple[Matched, ...]
    refused: tuple[Refused, ...]
    unclaimed: tuple[Printer, ...]


def match(printers: Sequence[Printer], equipments: Sequence[Equipment]) -> Matching:
    """Pairs printers with equipment. The order of neither list matters for the outcome."""
    street = Directory(printers)
    claims = {equipment.equipment_number: _claims(equipment, street) for equipment in equipments}
    claimed_by: dict[Printer, list[Equipment]] = {}
    for equipment in equipments:
        for printer, _ in claims[equipment.equipment_number] if equipment.active else ():
            claimed_by.setdefault(printer, []).append(equipment)
    outcomes = [_decide(item, claims[item.equipment_number], claimed_by, street) for item in equipments]
    unclaimed = tuple(printer for printer in printers if printer not in claimed_by)
    return Matching(
        tuple(outcome for outcome in outcomes if isinstance(outcome, Matched)),
        tuple(outcome for outcome in outcomes if isinstance(outcome, Refused)),
        unclaimed,
    )


def _decide(
    equipment: Equipment,
    claims: Sequence[tuple[Printer, tuple[Evidence, ...]]],
    claimed_by: dict[Printer, list[Equipment]],
    printers: Directory,
) -> Matched | Refused:
    number = equipment.technical_identification_number
    if not equipment.active:
        return _refused(equipment, "inactive", message("The equipment is no longer in service in the portal."))
    if not number:
        said = message("The portal has no technical identification number for it.")
        return _refused(equipment, "no_number", said, printers)
    if not claims:
        said = message("No printer answers to the technical identification number {number}.", number=number)
        return _refused(equipment, "not_found", said, printers)
    found = tuple(printer for printer, _ in claims)
    if len(found) > 1:
        places = ", ".join(str(printer.endpoint) for printer in found)
        said = message("Several printers answer to {number}: {places}.", number=number, places=places)
        return Refused(equipment, "ambiguous", Finding("ambiguous", said), found)
    printer, evidence = claims[0]
    rivals = [other for other in claimed_by[printer] if other.equipment_number != equipment.equipment_number]
    if rivals:
        return _shared(equipment, printer, rivals)
    return _with_serial(equipment, printer, evidence)


def _shared(equipment: Equipment, printer: Printer, rivals: Sequence[Equipment]) -> Refused:
    others = ", ".join(rival.equipment_number for rival in rivals)
    said = message(
        "The printer at {place} is claimed by other equipment too ({others}); correct the number of one of them.",
        place=str(printer.endpoint),
        others=others,
    )
    return Refused(equipment, "ambiguous", Finding("ambiguous", said), (printer,))


def _with_serial(equipment: Equipment, printer: Printer, evidence: tuple[Evidence, ...]) -> Matched | Refused:
    portal, device = equipment.manufacturer_serial_number, printer.identity.serial_number_raw
    if not portal or not printer.identity.serial_number:
        return Matched(equipment, printer, evidence)
    if same_serial(portal, device):
        return Matched(equipment, printer, (*evidence, Evidence("serial_number", portal, device or "")))
    said = message(
        "The printer's serial number is {device}, the portal's is {portal}: another machine stands behind the name.",
        device=device,
        portal=portal,
    )
    return Refused(equipment, "contradicted", Finding("contradicted", said), (printer,))


class Directory:
    """Printers by everything that a number may mean, so that thousands are matched without comparing all with all."""

    def __init__(self, printers: Sequence[Printer]) -> None:
        self._printers = printers
        self._by_key: dict[str, set[int]] = {}
        for place, printer in enumerate(printers):
            for key in _keys(printer):
                self._by_key.setdefault(key, set()).add(place)

    def candidates(self, number: str) -> list[Printer]:
        """The printers that this number may mean, in their order; a superset of those it does mean."""
        keys = {number.strip(), _first_label(number), _address(number), _plain_mac(number)}
        places = set().union(*(self._by_key.get(key, ()) for key in keys if key))
        return [self._printers[place] for place in sorted(places)]

    def with_serial(self, serial: str | None) -> tuple[Printer, ...]:
        """The printers with this serial number."""
        near = self.candidates(_serial_key(serial)) if normal_serial(serial) else ()
        return tuple(printer for printer in near if same_serial(serial, printer.identity.serial_number_raw))


def _keys(printer: Printer) -> Iterable[str]:
    identity = printer.identity
    for name in filter(None, (identity.host_name, *printer.names)):
        yield _first_label(name)
    for endpoint in {printer.endpoint, *(sighting.endpoint for sighting in printer.sightings)}:
        yield str(endpoint)
        yield _address(endpoint.address) or endpoint.address
    for mac in identity.mac_addresses:
        yield mac.replace(":", "")
    if normal_serial(identity.serial_number_raw):
        yield _serial_key(identity.serial_number_raw)


def _first_label(name: str) -> str:
    """Names that are one (see `same_name`) have the same first label."""
    return _plain(name).partition(".")[0]


def _serial_key(serial: str | None) -> str:
    return f"serial {(normal_serial(serial) or '').lstrip('0')}"


def _address(text: str) -> str | None:
    """The address in its one form; `None` for anything else."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return None


def _claims(equipment: Equipment, printers: Directory) -> Sequence[tuple[Printer, tuple[Evidence, ...]]]:
    number = equipment.technical_identification_number
    if not number:
        return ()
    found = ((printer, tuple(_evidence(number, printer))) for printer in printers.candidates(number))
    return [(printer, evidence) for printer, evidence in found if evidence]


def _evidence(number: str, printer: Printer) -> Iterable[Evidence]:
    identity = printer.identity
    if identity.host_name and same_name(number, identity.host_name):
        yield Evidence("host_name", number, identity.host_name)
    for name in printer.names:
        if same_name(number, name):
            yield Evidence("dns_name", number, name)
    if same_address(number, printer):
        yield Evidence("address", number, str(printer.endpoint))
    for mac in identity.mac_addresses:
        if same_mac(number, mac):
            yield Evidence("mac_address", number, mac)


def same_name(number: str, name: str) -> bool:
    """Whether two host names are one: equal without regard to case, or one is the other with its DNS domain.

    `PRN-7` and `prn-7.example.com` are one; `prn-7.a.example` and `prn-7.b.example` are not: two sites may use
    the same names.
    """
    left, right = _plain(number), _plain(name)
    if not left or not right or _is_address(left) or _is_address(right):
        return False
    return left == right or left.startswith(f"{right}.") or right.startswith(f"{left}.")


def same_address(number: str, printer: Printer) -> bool:
    """Whether the number is one of the printer's addresses, with or without its port."""
    seen = {printer.endpoint, *(sighting.endpoint for sighting in printer.sightings)}
    if number.strip() in map(str, seen):
        return True
    try:
        wanted = ipaddress.ip_address(number.strip())
    except ValueError:
        return False
    return any(wanted == ipaddress.ip_address(endpoint.address) for endpoint in seen)


def same_mac(number: str, mac: str) -> bool:
    """Whether the number is this MAC address, however it is written (colons, dashes, dots, none)."""
    return _plain_mac(number) == mac.replace(":", "")


def _plain_mac(number: str) -> str | None:
    """Twelve signs of a MAC address without what is between them; `None` for anything else."""
    plain = number.strip().lower().translate(str.maketrans("", "", ":-. "))
    return plain if len(plain) == 12 else None


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().rstrip(".").casefold()


def _is_address(text: str) -> bool:
    return _address(text) is not None


def _refused(equipment: Equipment, code: str, said: Message, printers: Directory | None = None) -> Refused:
    near = printers.with_serial(equipment.manufacturer_serial_number) if printers else ()
    return Refused(equipment, code, Finding(code, said), near)

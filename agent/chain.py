"""Why an equipment has its printer or none, step by step: from the number in the portal to the device that answers."""

from __future__ import annotations

from collections.abc import Iterable

from agent.discovery.directory import Lookup
from agent.matching import Matched, Refused
from agent.printers import Printer
from agent.survey import Found
from agent.texts import Message, message


class Places:
    """Who answers where, of everything that was found: made once for all equipment."""

    def __init__(self, found: Found) -> None:
        self.lookups = found.lookups
        self.absent = found.absent
        self.printers = {sighting.endpoint for printer in found.printers for sighting in printer.sightings}
        self.strangers = {sighting.endpoint: one for one in found.strangers for sighting in one.sightings}


def steps_of(match: Matched | Refused, places: Places) -> tuple[Message, ...]:
    """What happened on the way to a match or a refusal, in order; where it broke, the last step says what to do."""
    equipment = match.equipment
    number = equipment.technical_identification_number
    if not equipment.active:
        return (message("The equipment is no longer in service in the portal."),)
    if not number:
        return tuple(_decided(match))
    steps = [message("The technical identification number in the portal is {number}.", number=number)]
    if lookup := places.lookups.get(number):
        steps += [*_looked_up(lookup), *_answers(lookup, places)]
    return (*steps, *_decided(match))


def _looked_up(lookup: Lookup) -> Iterable[Message]:
    asked = ", ".join(lookup.asked)
    places = ", ".join(str(sighting.endpoint) for sighting in lookup.sightings)
    if not lookup.asked:
        yield message("It can be no host name, so no name server was asked.")
    elif places:
        yield message("Asked for as {names}, it leads to {places}.", names=asked, places=places)
    elif not lookup.outside:
        yield message("No name server knows it; asked for as {names}.", names=asked)
    if lookup.outside:
        yield message(
            "It leads to {places}, outside the configured networks, so nothing is asked there. If the printer is there,"
            " enter its network in the section [discovery] under networks.",
            places=", ".join(lookup.outside),
        )


def _answers(lookup: Lookup, places: Places) -> Iterable[Message]:
    """Who answers where the number leads."""
    for place in dict.fromkeys(sighting.endpoint for sighting in lookup.sightings):
        if place in places.printers:
            continue  # the match says what it is
        if place in places.absent:
            yield from (finding.message for finding in places.absent[place].findings)
        elif place in places.strangers:
            said = places.strangers[place].identity.description or "?"
            yield message("What answers at {place} is no printer: {said}", place=str(place), said=said)
        else:
            yield message(
                "Nobody answers SNMP at {place}. Check that the printer is on, and that SNMP is on in it with the"
                " community or user of the config.",
                place=str(place),
            )


def _decided(match: Matched | Refused) -> Iterable[Message]:
    if isinstance(match, Matched):
        yield message("At {place} answers {device}.", place=str(match.printer.endpoint), device=_device(match.printer))
        yield from joined(match.printer)
        for one in match.evidence:
            yield Message(RULES[one.rule].template, {"portal": one.portal, "device": one.device})
        yield from match.changes
        return
    yield match.reason.message
    yield from _near(match)
    if match.remedy is not None:
        yield match.remedy


def _near(match: Refused) -> Iterable[Message]:
    for candidate in match.candidates:
        if candidate.why is not None:
            place, device = str(candidate.printer.endpoint), _device(candidate.printer)
            yield message("Near is {device} at {place}.", device=device, place=place)
            yield candidate.why
            if candidate.remedy is not None:
                yield candidate.remedy


def _device(printer: Printer) -> str:
    identity = printer.identity
    maker, model = identity.manufacturer or "", identity.model or ""
    name = model if model.lower().startswith(maker.lower()) else f"{maker} {model}"
    serial = f" ({identity.serial_number})" if identity.serial_number else ""
    return f"{name.strip() or '?'}{serial}"


def joined(printer: Printer) -> Iterable[Message]:
    """Where else a printer answers, and why that is taken for the same device."""
    for one in printer.joined:
        template = JOINS[one.rule].template
        yield Message(template, {"place": str(one.endpoint), "what": one.what})


JOINS = {
    "network_card": message("{place} is the same device: it has the same network card {what}."),
    "serial_and_name": message("{place} is the same device: it says the same serial number and name ({what})."),
}
RULES = {
    "confirmed": message("A person ({portal}) confirmed that it is this equipment."),
    "host_name": message("It calls itself {device}."),
    "printer_name": message("Its printer name is {device}."),
    "dns_name": message("The name {device} leads to it."),
    "mdns_name": message("It announces itself as {device}."),
    "address": message("Its address is {device}."),
    "mac_address": message("Its network card is {device}."),
    "asset_tag": message("Its asset tag is {device}."),
    "serial_as_number": message("Its serial number is {device}."),
    "serial_number": message("Its serial number is {device}, as in the portal."),
    "spelling": message("Its name is {device}, another spelling of the number."),
    "loose_spelling": message("Its name is {device}, nearly the number."),
}

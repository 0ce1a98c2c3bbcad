"""Why an equipment has its printer or none, step by step: from the number in the portal to the device that answers; and
the other way round, from a device to the equipment that it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.discovery.directory import Lookup
from agent.evidence import names_of
from agent.matching import Matched, Matching, Refused
from agent.printers import Equipment, Printer
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


def steps_back(what: str, found: Found, matching: Matching) -> tuple[Message, ...]:
    """What is known of the device that a person named as `what`, and which equipment it is, or would be and why not."""
    if not found.asked:
        return (message("{what} leads to no address that may be asked.", what=what),)
    steps = [*_silences(found), *_strangers(found)]
    for printer in found.printers:
        told = tuple(_is_there(printer))
        steps += [*told, *_belongs(printer, matching, told)]
    return tuple(steps)


def _silences(found: Found) -> Iterable[Message]:
    heard = {one.endpoint for each in (*found.printers, *found.strangers) for one in each.sightings}
    for place in sorted(found.asked - heard):
        if place in found.absent:
            yield from (finding.message for finding in found.absent[place].findings)
        else:
            yield _nobody(str(place))


def _strangers(found: Found) -> Iterable[Message]:
    for stranger in found.strangers:
        yield _no_printer(str(stranger.endpoint), stranger)


def _is_there(printer: Printer) -> Iterable[Message]:
    yield message("At {place} answers {device}.", place=str(printer.endpoint), device=_device(printer))
    yield from joined(printer)
    for rule, name in dict.fromkeys(names_of(printer)):
        yield Message(RULES[rule].template, {"portal": "", "device": name})
    for mac in printer.identity.mac_addresses:
        yield message("Its network card is {device}.", device=mac)


def _belongs(printer: Printer, matching: Matching, told: Sequence[Message]) -> Iterable[Message]:
    """The equipment that it is, or those that it is near to, or what makes it one; what is `told` already is not
    repeated."""
    for match in matching.matched:
        if match.printer == printer:
            number, equipment = match.equipment.technical_identification_number or "–", _plain(match.equipment)
            yield message("It is equipment {equipment} with the number {number}.", equipment=equipment, number=number)
            yield from (one for one in _proofs(match) if one not in told)
            yield from match.changes
            return
    near = [(one, each) for one in matching.refused for each in one.candidates if each.printer == printer]
    for refused, candidate in near:
        yield message("It may be equipment {equipment}, but is not taken for it:", equipment=_plain(refused.equipment))
        yield from filter(None, (refused.reason.message, candidate.why, candidate.remedy or refused.remedy))
    if not near:
        yield message(
            "No equipment in the portal has its name, address, network card or serial number. To make it one: "
            "meter-agent match write EQUIPMENT {name}",
            name=printer.name or str(printer.endpoint),
        )


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
            yield _no_printer(str(place), places.strangers[place])
        else:
            yield _nobody(str(place))


def _no_printer(place: str, stranger: Printer) -> Message:
    said = stranger.identity.description or "?"
    return message("What answers at {place} is no printer: {said}", place=place, said=said)


def _nobody(place: str) -> Message:
    return message(
        "Nobody answers SNMP at {place}. Check that the printer is on, and that SNMP is on in it with the"
        " community or user of the config.",
        place=place,
    )


def _decided(match: Matched | Refused) -> Iterable[Message]:
    if isinstance(match, Matched):
        yield message("At {place} answers {device}.", place=str(match.printer.endpoint), device=_device(match.printer))
        yield from joined(match.printer)
        yield from _proofs(match)
        yield from match.changes
        return
    yield match.reason.message
    yield from _near(match)
    if match.remedy is not None:
        yield match.remedy


def _proofs(match: Matched) -> Iterable[Message]:
    for one in match.evidence:
        yield Message(RULES[one.rule].template, {"portal": one.portal, "device": one.device})


def _near(match: Refused) -> Iterable[Message]:
    for candidate in match.candidates:
        if candidate.why is not None:
            place, device = str(candidate.printer.endpoint), _device(candidate.printer)
            yield message("Near is {device} at {place}.", device=device, place=place)
            yield candidate.why
            if candidate.remedy is not None:
                yield candidate.remedy


def _plain(equipment: Equipment) -> str:
    return equipment.equipment_number.lstrip("0") or equipment.equipment_number


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
    "announced_card": message("It announces the network card {device}."),
    "asset_tag": message("Its asset tag is {device}."),
    "serial_as_number": message("Its serial number is {device}."),
    "serial_number": message("Its serial number is {device}, as in the portal."),
    "spelling": message("Its name is {device}, another spelling of the number."),
    "loose_spelling": message("Its name is {device}, nearly the number."),
}

"""Whether the device behind a match is the one that was read before, and what is new about it."""

from __future__ import annotations

from collections.abc import Iterable

from agent.evidence import places_of
from agent.likeness import same_name
from agent.printers import Endpoint, Identity, Printer
from agent.serials import normal_serial, same_serial
from agent.texts import Message, message


def is_another(before: Identity, now: Identity) -> bool:
    """Whether surely or possibly another device answers: by the serial numbers, and where one of them is missing by the
    network cards, and where those are not told by the models. Nothing told on either side proves nothing.
    """
    old, new = before.serial_number_raw, now.serial_number_raw
    if normal_serial(old) and normal_serial(new):
        return not same_serial(old, new)
    if before.mac_addresses and now.mac_addresses:
        return not set(before.mac_addresses) & set(now.mac_addresses)
    # Over IPP the same model is often spelled in another way; sysObjectID says that both answers came over SNMP.
    over_snmp = before.sys_object_id and now.sys_object_id
    return bool(over_snmp and before.model and now.model and before.model != now.model)


def changes_of(before: Identity, place: Endpoint | None, printer: Printer) -> Iterable[Message]:
    """What is new about a printer that was read before, last at `place`."""
    now = printer.identity
    if place is not None and place not in places_of(printer):
        said = message(
            "Its address was {old} when it was read last and is {new} now.", old=str(place), new=_at(printer)
        )
        yield said
    old, new = before.host_name, now.host_name
    if old and new and not same_name(old, new):
        yield message("It called itself {old} when it was read last, and {new} now.", old=old, new=new)
    if before.mac_addresses and now.mac_addresses and not set(before.mac_addresses) & set(now.mac_addresses):
        old, new = before.mac_addresses[0], now.mac_addresses[0]
        yield message("Its network card was {old} when it was read last and is {new} now.", old=old, new=new)
    old, new = before.serial_number_raw, now.serial_number_raw
    if normal_serial(old) and normal_serial(new) and not same_serial(old, new):
        yield message("Its serial number was {old} when it was read last and is {new} now.", old=old, new=new)


def _at(printer: Printer) -> str:
    return str(printer.endpoint)

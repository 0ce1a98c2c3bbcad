"""Who a device says it is, from all the places where it may say so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from agent.printers import Identity
from agent.serials import normal_serial
from agent.snmp.octets import device_id, mac_of
from agent.snmp.profile import Profile
from agent.snmp.varbinds import Tag, Varbinds, as_octets, oid_of
from agent.snmp.witness import Witness

PRINTER_DEVICE = oid_of("1.3.6.1.2.1.25.3.1.5")  # hrDevicePrinter, RFC 2790
PRINTER_MIB = oid_of("1.3.6.1.2.1.43")
NETWORK_CARD = re.compile(r"HP ETHERNET MULTI-ENVIRONMENT(?!.*\bPID:HP )")  # it sits in other makers' printers too


def read_identity(profile: Profile, witness: Witness) -> Identity:
    """The identity in these answers; what no place tells stays `None`."""
    keys = _device_id_keys(profile, witness)
    object_id = witness.identifier("sysObjectID")
    description = witness.text("sysDescr")
    named = _first(profile.identity.manufacturer, witness, keys)
    raw_model = _first(profile.identity.model, witness, keys)
    own_words = _first(_own_words(profile.identity.model), witness, keys)
    maker = _manufacturer(profile, [named, own_words], object_id, description)
    serial = _first_serial(profile.identity.serial_number, witness, keys)
    return Identity(
        manufacturer=maker or named or profile.maker,
        model=without_maker(profile, raw_model, maker),
        serial_number=normal_serial(serial),
        serial_number_raw=serial,
        host_name=_first(profile.identity.host_name, witness, keys),
        printer_name=_first(profile.identity.printer_name, witness, keys),
        asset_tag=_first(profile.identity.asset_tag, witness, keys),
        firmware=_first(profile.identity.firmware, witness, keys),
        mac_addresses=_macs(witness),
        sys_object_id=object_id,
        description=description,
    )


def read_serial(profile: Profile, varbinds: Varbinds) -> str | None:
    """The normalised serial number alone, as `read_identity` has it; None where there is none."""
    witness = Witness(varbinds, profile.oids)
    return normal_serial(_first_serial(profile.identity.serial_number, witness, _device_id_keys(profile, witness)))


def identifying_words(profile: Profile, varbinds: Varbinds) -> tuple[frozenset[str], frozenset[str]]:
    """All serial numbers and all names in these answers, those of `read_identity` and what stands in other places."""
    witness = Witness(varbinds, profile.oids)
    keys = _device_id_keys(profile, witness)
    places = profile.identity
    serials = _candidates(places.serial_number, witness, keys)
    names = _candidates((*places.host_name, *places.printer_name, *places.asset_tag), witness, keys)
    return frozenset(serials), frozenset(names)


def is_printer(profile: Profile, witness: Witness, identity: Identity) -> bool:
    """Whether the device is a printer: a Printer-MIB, a printer among its devices, a device id, or a maker of printers.

    A scanner of such a maker has a device table without a printer in it and no Printer-MIB; its switches and cameras
    have their names in the profile.
    """
    if proves_printer(profile, witness):
        return True
    is_other = profile.others.has(identity.sys_object_id, identity.description)
    return not witness.column("hrDeviceType") and identity.manufacturer is not None and not is_other


def proves_printer(profile: Profile, witness: Witness) -> bool:
    """A Printer-MIB or an IEEE 1284 device id, which only printers have, or a printer among the devices: but not of a
    computer, which lists those of others."""
    if witness.has_below(PRINTER_MIB) or _device_id_keys(profile, witness):
        return True
    if not any(value.content == PRINTER_DEVICE for value in witness.column("hrDeviceType").values()):
        return False
    return not profile.others.has(witness.identifier("sysObjectID"), witness.text("sysDescr"))


def _device_id_keys(profile: Profile, witness: Witness) -> Mapping[str, str]:
    for name in profile.identity.device_id:
        keys = device_id(witness.text(name) or "")
        if keys:
            return keys
    return {}


def _candidates(places: Iterable[str], witness: Witness, keys: Mapping[str, str]) -> Iterable[str]:
    return (found for place in places if (found := _at(place, witness, keys)))


def _first(places: Iterable[str], witness: Witness, keys: Mapping[str, str]) -> str | None:
    for place in places:
        if found := _at(place, witness, keys):
            return found
    return None


@lru_cache(maxsize=100)
def _own_words(places: tuple[str, ...]) -> tuple[str, ...]:
    """The places that the printer itself fills: sysDescr is often its network card's."""
    return tuple(place for place in places if not place.startswith("sysDescr"))


def _first_serial(places: Iterable[str], witness: Witness, keys: Mapping[str, str]) -> str | None:
    for place in places:
        found = _at(place, witness, keys)
        if found and normal_serial(found):
            return found
    return None


def _at(place: str, witness: Witness, keys: Mapping[str, str]) -> str | None:
    name, key, pattern = _parsed(place)
    if pattern and "@" in name:
        wanted, _, names = name.partition("@")
        return _named_row(wanted, names, pattern, witness)
    if pattern:
        found = pattern.search(_at(name, witness, keys) or "")
        return found[1].strip() or None if found else None
    if key:
        return keys.get(key)
    if place == "printer_device":
        return _printer_device(witness)
    return witness.said(place)


def _named_row(wanted: str, names: str, pattern: re.Pattern[str], witness: Witness) -> str | None:
    """The text in the first row whose name in another column fits."""
    texts = witness.texts(wanted)
    rows = (index for index, name in witness.texts(names).items() if pattern.search(name))
    return next((texts[index] for index in rows if index in texts), None)


@lru_cache(maxsize=1000)
def _parsed(place: str) -> tuple[str, str | None, re.Pattern[str] | None]:
    """A place of a profile: what stands before its pattern, the key of a device id if it is one, the pattern."""
    name, _, pattern = place.partition("~")
    key = name.removeprefix("device_id.") if name.startswith("device_id.") and not pattern else None
    return name, key, re.compile(pattern, re.IGNORECASE) if pattern else None


def _printer_device(witness: Witness) -> str | None:
    descriptions = witness.texts("hrDeviceDescr")
    types = witness.column("hrDeviceType")
    rows = [index for index, value in types.items() if value.content == PRINTER_DEVICE]
    return next((descriptions[index] for index in rows if index in descriptions), None)


def _manufacturer(
    profile: Profile, own_words: list[str | None], object_id: str | None, description: str | None
) -> str | None:
    """The maker by the printer's own words, then by the branch of its sysObjectID, last by sysDescr.

    sysDescr is often the network card's: a Kyocera behind a JetDirect says HP there.
    """
    return (
        maker_in(profile, own_words)
        or next((maker.name for maker in profile.manufacturers if object_id and maker.owns(object_id)), None)
        or maker_in(profile, [description] if description and not NETWORK_CARD.match(description) else [])
    )


def maker_in(profile: Profile, texts: list[str | None]) -> str | None:
    """The maker that the first of these texts begins with, of those that the profile knows."""
    for text in filter(None, texts):
        lower = text.lower()
        for maker in profile.manufacturers:
            if lower.startswith(maker.written):
                return maker.name
    return None


def is_made_by(profile: Profile, text: str) -> bool:
    """Whether a text begins with a maker of printers."""
    return maker_in(profile, [text]) is not None


def without_maker(profile: Profile, model: str | None, maker: str | None) -> str | None:
    """The model without its maker's name before it."""
    if model is None or maker is None:
        return model
    for name in (maker, *next((m.written for m in profile.manufacturers if m.name == maker), ())):
        if model.lower().startswith(f"{name.lower()} ") and name.lower() in (maker.lower(), "hewlett-packard"):
            return model[len(name) :].strip()
    return model


def _macs(witness: Witness) -> tuple[str, ...]:
    octets = [as_octets(value) for value in witness.column("ifPhysAddress").values() if value.tag == Tag.OCTET_STRING]
    found = [mac_of(content) for content in octets if content]
    return tuple(dict.fromkeys(mac for mac in found if mac))

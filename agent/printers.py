"""Devices on the network and equipment in the portal, before anything is known of how they belong together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from agent.meters import MeasuringPoint

How = Literal["configured", "range", "dns", "mdns", "known"]


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where a device answers: a literal IP address and a UDP port (1..65535)."""

    address: str
    port: int = 161

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return host if self.port == 161 else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One hint that a device answers at an address: where, how it was seen, under which name if any.

    An announcement also says what the machine is and where it stands (`said`), and may tell its network card.
    """

    endpoint: Endpoint
    how: How
    name: str | None = None
    said: str | None = None
    mac_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says of itself. Absent is `None`, never an empty string.

    `serial_number` is normalised for comparing (see `agent.matching`), `serial_number_raw` is what the
    device sent. `host_name` is sysName (RFC 3418), `printer_name` prtGeneralPrinterName (RFC 3805) or
    printer-name (RFC 8011), which people set, and so is `asset_tag` (entPhysicalAssetID, RFC 6933, or a maker's own
    place).
    `mac_addresses` are lower case with colons. `sys_object_id` is dotted (RFC 3418).
    """

    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    serial_number_raw: str | None = None
    host_name: str | None = None
    printer_name: str | None = None
    asset_tag: str | None = None
    firmware: str | None = None
    mac_addresses: tuple[str, ...] = ()
    sys_object_id: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """Why what answers at a second address is the same device: the rule, and what both say."""

    endpoint: Endpoint
    rule: Literal["network_card", "serial_and_name"]
    what: str


@dataclass(frozen=True, slots=True)
class Printer:
    """One device: where it answers, what it says of itself, and the names others have for it.

    `joined` has its further addresses, each with the reason why it is taken for the same device.
    """

    endpoint: Endpoint
    identity: Identity
    names: tuple[str, ...] = ()
    sightings: tuple[Sighting, ...] = ()
    joined: tuple[Joined, ...] = ()

    @property
    def name(self) -> str | None:
        """What to write into the portal for it: the name it calls itself, else the first that others have for it."""
        return self.identity.host_name or next(iter(self.names), None)


@dataclass(frozen=True, slots=True)
class Location:
    """Where the portal says that an equipment stands; empty where it says nothing."""

    building: str = ""
    floor: str = ""
    room: str = ""


@dataclass(frozen=True, slots=True)
class Equipment:
    """A machine as the portal knows it from SAP (equipment master; names as in `docs/words.md`).

    `equipment_number` keeps its leading zeros (EQUNR, 18 characters). `technical_identification_number`
    is the customer's name for it (TIDNR): printer name, host name, DNS name, address.
    """

    equipment_number: str
    description: str = ""
    manufacturer: str | None = None
    model: str | None = None
    manufacturer_serial_number: str | None = None
    technical_identification_number: str | None = None
    third_party: bool = False
    automatic_supply: bool = False
    active: bool = True
    measuring_points: tuple[MeasuringPoint, ...] = field(default=())
    location: Location = Location()


def same_number(one: str, other: str) -> bool:
    """Whether two equipment numbers are one; people and spreadsheets leave SAP's leading zeros away."""
    return one.strip().lstrip("0") == other.strip().lstrip("0")

"""A device described by hand (`devices/*.toml`), and how it expands to the objects of the standard MIBs."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sandbox.printers import ber, recording
from sandbox.printers.ber import Oid
from sandbox.printers.faults import Faults
from sandbox.printers.mib import Value

SHIPPED = Path(__file__).with_name("devices")

SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
INTERFACES: Oid = (1, 3, 6, 1, 2, 1, 2)
HOST: Oid = (1, 3, 6, 1, 2, 1, 25)
PRINTER: Oid = (1, 3, 6, 1, 2, 1, 43)
PORT_MONITOR: Oid = (1, 3, 6, 1, 4, 1, 2699, 1, 2, 1, 2, 1, 1)

PRINTER_STATUS = {"other": 1, "unknown": 2, "idle": 3, "printing": 4, "warmup": 5}
UNITS = {
    "other": 1,
    "unknown": 2,
    "impressions": 7,
    "sheets": 8,
    "hours": 11,
    "thousandths_of_ounces": 12,
    "tenths_of_grams": 13,
    "hundredths_of_fluid_ounces": 14,
    "tenths_of_milliliters": 15,
    "items": 18,
    "percent": 19,
}
SUPPLY_TYPES = {
    "other": 1,
    "toner": 3,
    "waste_toner": 4,
    "ink": 5,
    "ink_cartridge": 6,
    "waste_ink": 8,
    "opc": 9,
    "developer": 10,
    "fuser": 15,
    "cleaner_unit": 18,
    "transfer_unit": 20,
    "toner_cartridge": 21,
    "staples": 32,
}
RECEPTACLES = frozenset({"waste_toner", "waste_ink"})
SEVERITIES = {"other": 1, "critical": 3, "warning": 4, "warning_binary_change_event": 5}
TECHNOLOGIES = {"laser": 4, "led": 3, "ink": 12}
LANGUAGE_CHARSET = 106  # UTF-8, IANA MIBenum


def _known(words: dict[str, int]) -> AfterValidator:
    def check(word: str) -> str:
        if word not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return word

    return AfterValidator(check)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class System(_Table):
    """The system group (RFC 3418). An empty text is served as an empty text."""

    descr: str
    object_id: str
    name: str = ""
    location: str = ""
    contact: str = ""
    services: int = 72
    uptime_s: int = Field(default=864_000, ge=0)


class Interface(_Table):
    """The device's network card (IF-MIB); `mac` as `00:20:6b:00:00:00`."""

    descr: str = "Ethernet"
    mac: str = Field(pattern=r"^([0-9a-f]{2}:){5}[0-9a-f]{2}$")
    speed: int = 1_000_000_000


class Supply(_Table):
    """A row of prtMarkerSuppliesTable; level and capacity as RFC 3805 has them, -1, -2 and -3 included."""

    type: Annotated[str, _known(SUPPLY_TYPES)]
    description: str
    capacity: int
    level: int
    unit: Annotated[str, _known(UNITS)] = "percent"
    colorant: str | None = None


class Alert(_Table):
    """A row of prtAlertTable (RFC 3805 section 2.2.13): group 11 is supplies, code 1104 low, training 5 service."""

    description: str
    code: int
    severity: Annotated[str, _known(SEVERITIES)] = "warning"
    training: int = 3
    group: int = 11
    group_index: int = 1


class Tray(_Table):
    """A row of prtInputTable, capacity and level in sheets."""

    name: str
    capacity: int = 500
    level: int = -3


class Printer(_Table):
    """The parts of Host Resources and Printer MIB that say what the printer is and how it is.

    `name` and `serial` are prtGeneralPrinterName and prtGeneralSerialNumber, left out by devices without them.
    """

    model: str
    serial: str | None = None
    name: str | None = None
    status: Annotated[str, _known(PRINTER_STATUS)] = "idle"
    error_state: str = "0000"
    device_status: Literal[1, 2, 3, 4, 5] = 2
    console: tuple[str, ...] = ("Ready",)
    device_id: str | None = None


class Marker(_Table):
    """prtMarkerTable's only row: the life count in its unit, and the colours of the machine."""

    life_count: int = Field(ge=0)
    power_on_count: int = Field(default=0, ge=0)
    unit: Annotated[str, _known(UNITS)] = "impressions"
    technology: Annotated[str, _known(TECHNOLOGIES)] = "laser"
    colorants: tuple[str, ...] = ("black",)


class Ipp(_Table):
    """What the device says over IPP beside who it is and its supplies: printer-impressions-completed."""

    impressions: int = Field(ge=0)


class Private(_Table):
    """A maker's own objects: snmprec lines below `base`, and where their meaning is known from."""

    base: str
    source: str
    rows: tuple[str, ...]


class Truth(_Table):
    """What a correct reading of this device must give (impressions, lifetime); absent where it does not count it."""

    total: int | None = None
    monochrome: int | None = None
    full_color: int | None = None
    highlight_color: int | None = None


class Description(_Table):
    """A device file. Without `printer` and `marker` it is a device that is no printer."""

    manufacturer: str
    system: System
    interface: Interface
    printer: Printer | None = None
    marker: Marker | None = None
    supplies: tuple[Supply, ...] = ()
    alerts: tuple[Alert, ...] = ()
    trays: tuple[Tray, ...] = ()
    private: tuple[Private, ...] = ()
    ipp: Ipp | None = None
    truth: Truth = Truth()
    faults: Faults = Faults()


def load(path: Path) -> Description:
    """The description in a file; raises `OSError`, or `ValueError` saying what is wrong in it."""
    return Description.model_validate(tomllib.loads(path.read_text("utf-8")))


def shipped() -> list[Path]:
    """The device files that come with the sandbox, sorted by name."""
    return sorted(SHIPPED.glob("*.toml"))


def objects(device: Description) -> dict[Oid, Value]:
    """All objects of the device; raises `ValueError` for words or lines that mean nothing."""
    values = {**_system(device.system), **_interface(device.interface)}
    if device.printer:
        values |= _printer(device.printer, len(device.alerts))
    if device.marker:
        values |= _marker(device.marker)
        values |= _supplies(device.supplies, device.marker.colorants)
    values |= _trays(device.trays)
    values |= _alerts(device.alerts)
    for part in device.private:
        values |= _private(part)
    return values


def _number(value: int) -> Value:
    return Value(ber.INTEGER, value)


def _text(value: str) -> Value:
    return Value(ber.OCTET_STRING, value.encode())


def _scalars(base: Oid, values: Iterable[tuple[int, Value]]) -> dict[Oid, Value]:
    return {(*base, arc, 0): value for arc, value in values}


def _row(entry: Oid, index: Oid, columns: Iterable[tuple[int, Value]]) -> dict[Oid, Value]:
    return {(*entry, column, *index): value for column, value in columns}


def _system(system: System) -> dict[Oid, Value]:
    return _scalars(
        SYSTEM,
        (
            (1, _text(system.descr)),
            (2, Value(ber.OBJECT_IDENTIFIER, recording.arcs_of(system.object_id))),
            (3, Value(ber.TIME_TICKS, system.uptime_s * 100)),
            (4, _text(system.contact)),
            (5, _text(system.name)),
            (6, _text(system.location)),
            (7, _number(system.services)),
        ),
    )


def _interface(interface: Interface) -> dict[Oid, Value]:
    mac = Value(ber.OCTET_STRING, bytes.fromhex(interface.mac.replace(":", "")))
    speed = Value(ber.GAUGE32, interface.speed)
    loop = ((1, _number(2)), (2, _text("lo")), (3, _number(24)), (6, Value(ber.OCTET_STRING, b"")), (8, _number(1)))
    card = ((1, _number(1)), (2, _text(interface.descr)), (3, _number(6)), (5, speed), (6, mac), (8, _number(1)))
    entry = (*INTERFACES, 2, 1)
    return {(*INTERFACES, 1, 0): _number(2), **_row(entry, (1,), card), **_row(entry, (2,), loop)}


def _printer(printer: Printer, alerts: int) -> dict[Oid, Value]:
    state = Value(ber.OCTET_STRING, bytes.fromhex(printer.error_state))
    kind = Value(ber.OBJECT_IDENTIFIER, (*HOST, 3, 1, 5))
    device = ((1, _number(1)), (2, kind), (3, _text(printer.model)), (5, _number(printer.device_status)))
    general = (
        (1, Value(ber.COUNTER32, 3)),
        (2, _number(1)),
        *((arc, _text(said)) for arc, said in ((16, printer.name), (17, printer.serial)) if said is not None),
        (18, _number(0)),
        (19, Value(ber.COUNTER32, alerts)),
    )
    values = {
        **_row((*HOST, 3, 2, 1), (1,), device),
        **_row((*HOST, 3, 5, 1), (1,), ((1, _number(PRINTER_STATUS[printer.status])), (2, state))),
        **_row((*PRINTER, 5, 1, 1), (1,), general),
        **_row((*PRINTER, 7, 1, 1), (1, 1), ((2, _text("en")), (3, _text("US")), (4, _number(LANGUAGE_CHARSET)))),
    }
    for line, shown in enumerate(printer.console, 1):
        values[(*PRINTER, 16, 5, 1, 2, 1, line)] = _text(shown)
    if printer.device_id:
        values[(*PORT_MONITOR, 2, 1)] = _text(printer.model)
        values[(*PORT_MONITOR, 3, 1)] = _text(printer.device_id)
    return values


def _marker(marker: Marker) -> dict[Oid, Value]:
    columns = (
        (2, _number(TECHNOLOGIES[marker.technology])),
        (3, _number(UNITS[marker.unit])),
        (4, Value(ber.COUNTER32, marker.life_count)),
        (5, Value(ber.COUNTER32, marker.power_on_count)),
        (6, _number(len(marker.colorants))),
        (7, _number(0)),
    )
    values = _row((*PRINTER, 10, 2, 1), (1, 1), columns)
    for index, colorant in enumerate(marker.colorants, 1):
        row = ((2, _number(1)), (3, _number(3)), (4, _text(colorant)), (5, _number(256)))
        values |= _row((*PRINTER, 12, 1, 1), (1, index), row)
    return values


def _supplies(supplies: Sequence[Supply], colorants: Sequence[str]) -> dict[Oid, Value]:
    values: dict[Oid, Value] = {}
    for index, supply in enumerate(supplies, 1):
        colorant = colorants.index(supply.colorant) + 1 if supply.colorant else 0
        row = (
            (2, _number(1)),
            (3, _number(colorant)),
            (4, _number(4 if supply.type in RECEPTACLES else 3)),
            (5, _number(SUPPLY_TYPES[supply.type])),
            (6, _text(supply.description)),
            (7, _number(UNITS[supply.unit])),
            (8, _number(supply.capacity)),
            (9, _number(supply.level)),
        )
        values |= _row((*PRINTER, 11, 1, 1), (1, index), row)
    return values


def _trays(trays: Sequence[Tray]) -> dict[Oid, Value]:
    values: dict[Oid, Value] = {}
    for index, tray in enumerate(trays, 1):
        row = (
            (8, _number(UNITS["sheets"])),
            (9, _number(tray.capacity)),
            (10, _number(tray.level)),
            (13, _text(tray.name)),
        )
        values |= _row((*PRINTER, 8, 2, 1), (1, index), row)
    return values


def _alerts(alerts: Sequence[Alert]) -> dict[Oid, Value]:
    values: dict[Oid, Value] = {}
    for index, alert in enumerate(alerts, 1):
        row = (
            (2, _number(SEVERITIES[alert.severity])),
            (3, _number(alert.training)),
            (4, _number(alert.group)),
            (5, _number(alert.group_index)),
            (6, _number(-2)),
            (7, _number(alert.code)),
            (8, _text(alert.description)),
            (9, Value(ber.TIME_TICKS, 4_000_000 + index)),
        )
        values |= _row((*PRINTER, 18, 1, 1), (1, index), row)
    return values


def _private(part: Private) -> dict[Oid, Value]:
    base = recording.arcs_of(part.base)
    values: dict[Oid, Value] = {}
    for line in part.rows:
        name, form, content = line.encode().split(b"|", 2)
        values[(*base, *recording.arcs_of(name.decode()))] = recording.typed(form.decode(), content)
    return values

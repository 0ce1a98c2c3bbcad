"""Equipment master data as SAP would deliver it for a device: names, contract, measuring points, bill of material."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.printers.portrait import Consumable, Portrait

Record = dict[str, Any]  # JSON for the portal; its field names are the portal contract's

CUSTOMER = "0000417300"
DAYS_SINCE_LAST = 30
OWN_BRANDS = frozenset({"Konica Minolta", "Develop"})
LIFE_IS_BILLED = frozenset({"Konica Minolta", "Develop", "Sharp", "Xerox", "HP"})
LIFE_IS_ABOVE = frozenset({"Kyocera", "Copystar", "Lexmark", "Dell", "Toshiba", "Fujifilm"})
COMPONENTS = {
    "toner": "toner",
    "toner_cartridge": "toner",
    "ink": "ink",
    "ink_cartridge": "ink",
    "waste_toner": "waste_toner",
    "waste_ink": "waste_toner",
    "opc": "drum",
    "developer": "developer",
    "fuser": "fuser",
    "transfer_unit": "transfer",
    "staples": "staples",
}
YIELDS = {"toner": 24_000, "ink": 10_000, "waste_toner": 40_000, "drum": 120_000, "developer": 120_000}
BUILDINGS = ("Hauptgebäude", "Werk 2", "Verwaltung")
IMPRESSIONS = 7  # PrtMarkerSuppliesSupplyUnitTC
MOST_TIDNR = 25  # characters, SAP's TechnicalIdentNo


@dataclass(frozen=True, slots=True)
class Entry:
    """What the plan decided for one equipment.

    `history` is how its last reading lies: "usual" (1..3 % below), "equal", "above" or "tiny". `name` is the
    technical identification number.
    """

    number: int
    portrait: Portrait
    name: str
    history: str = "usual"
    serial: str | None = None
    automatic_supply: bool = False


def draw(key: str, choices: int) -> int:
    """A number below `choices` that depends on the key alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % choices


def equipment_number(number: int) -> str:
    """EQUNR: 18 characters with leading zeros."""
    return f"{number:018d}"


def technical_name(host_name: str) -> str:
    """The host name as a key user may have typed it: as it is, in capitals, or with the DNS suffix."""
    way = draw(f"way {host_name}", 3)
    suffixed = f"{host_name.lower()}.corp.example"
    if way == 2 and len(suffixed) <= MOST_TIDNR:
        return suffixed
    return host_name.upper() if way else host_name


def record(entry: Entry, now: datetime) -> Record:
    """The equipment with its measuring points and bill of material."""
    portrait, number = entry.portrait, equipment_number(entry.number)
    model = portrait.model or "Netzwerkdrucker"
    start = now - timedelta(days=400 + draw(f"contract {number}", 700))
    return {
        "equipment_number": number,
        "customer_number": CUSTOMER,
        "description": model,
        "manufacturer": portrait.manufacturer,
        "model": portrait.model,
        "manufacturer_serial_number": entry.serial,
        "technical_identification_number": entry.name,
        "material_number": f"M{draw(f'material {model}', 10**8):08d}",
        "third_party": portrait.manufacturer not in OWN_BRANDS and draw(f"third {number}", 3) == 0,
        "automatic_supply": entry.automatic_supply,
        "location": {
            "building": BUILDINGS[draw(f"building {number}", len(BUILDINGS))],
            "floor": str(draw(f"floor {number}", 5)),
            "room": f"{draw(f'room {number}', 40) + 1:03d}",
        },
        "contract": {
            "contract_number": f"{40_000_000 + draw(f'contract {number}', 10**6):010d}",
            "item": "000010",
            "valid_from": start.date().isoformat(),
            "valid_to": (start + timedelta(days=5 * 365)).date().isoformat(),
            "active": True,
        },
        "status": "active",
        "reading_due_on": (now + timedelta(days=draw(f"due {number}", 14))).date().isoformat(),
        "measuring_points": _measuring_points(entry, now),
        "bill_of_material": bill_of_material(portrait),
    }


def _measuring_points(entry: Entry, now: datetime) -> list[Record]:
    portrait, truth = entry.portrait, entry.portrait.truth
    present = {"total": _billed(portrait)}
    if portrait.color:
        present |= {"black": truth.monochrome, "color": truth.full_color}
    return [_point(entry, place, code, value, now) for place, (code, value) in enumerate(present.items())]


def _billed(portrait: Portrait) -> int | None:
    """What the counter stands at as far as the plan can know; never above what the maker's own total may be."""
    if portrait.truth.total is not None or portrait.life_count is None:
        return portrait.truth.total
    above = portrait.manufacturer in LIFE_IS_ABOVE or portrait.manufacturer is None
    return portrait.life_count * 9 // 10 if above else portrait.life_count


def _point(entry: Entry, place: int, code: str, value: int | None, now: datetime) -> Record:
    number = f"{entry.number % 10**8:08d}"
    last = None if value is None else _last(entry, code, value)
    monthly = max(0, value - last) if value is not None and last is not None else 1_000
    return {
        "measuring_point": f"{number}{place + 1:04d}",
        "meter_code": code,
        "unit": "PAGE",
        "decimals": 0,
        "is_counter": True,
        "counter_overflow_value": None,
        "mandatory": code == "total",
        "annual_estimate": 1_200 if entry.history == "tiny" else max(1_200, monthly * 365 // DAYS_SINCE_LAST),
        "last_reading": None
        if last is None
        else {
            "measurement_document": f"{draw(f'document {number} {code}', 10**10):020d}",
            "value": last,
            "read_at": (now - timedelta(days=DAYS_SINCE_LAST)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "estimated": False,
        },
    }


def _last(entry: Entry, code: str, value: int) -> int:
    match entry.history:
        case "equal":
            return value
        case "above" if code == "total":
            return value + max(50, value // 20)
        case "tiny":
            return value // 100
    share = 970 + draw(f"last {entry.portrait.name}", 20)  # thousandths: one share for all counters keeps their sum
    return value * share // 1000


def bill_of_material(portrait: Portrait) -> list[Record]:
    """What can be ordered for the device: one position per kind and colorant, staples never."""
    wanted: dict[tuple[str, str | None], Consumable | None] = {}
    for each in portrait.supplies:
        component = COMPONENTS.get(each.type)
        if component:
            wanted.setdefault((component, _colorant(each, component, portrait.color)), each)
    if not any(component in ("toner", "ink") for component, _ in wanted):
        wanted[("toner", "black")] = None
    wanted[("staples", None)] = None
    return [_position(portrait, place, *kind, each) for place, (kind, each) in enumerate(wanted.items(), 1)]


def _colorant(supply: Consumable, component: str, color: bool) -> str | None:
    if component in ("toner", "ink") and not supply.colorant and not color:
        return "black"
    return supply.colorant if component in ("toner", "ink", "drum", "developer") else None


def _position(
    portrait: Portrait, place: int, component: str, colorant: str | None, supply: Consumable | None
) -> Record:
    key = f"{portrait.model or portrait.name} {component} {colorant}"
    counted = supply.capacity if supply and supply.unit == IMPRESSIONS and (supply.capacity or 0) > 0 else None
    orderable = component != "staples"
    return {
        "bom_item_number": f"{place * 10:04d}",
        "component_material_number": f"C{draw(key, 10**7):07d}",
        "description": " ".join(word for word in (component.replace("_", " "), colorant, portrait.model) if word)[:40],
        "component_type": component,
        "colorant": colorant,
        "yield_pages": counted or YIELDS.get(component),
        "orderable": orderable,
        "not_orderable_reason": None if orderable else "Heftklammern sind nicht Teil des Vertrags.",
        "max_quantity": 2 if component in ("toner", "ink") else 1,
        "open_order_number": None,
    }


def seed(equipments: Iterable[Record]) -> Record:
    """The portal's starting data."""
    return {"customer_number": CUSTOMER, "equipments": list(equipments)}

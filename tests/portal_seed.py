"""Equipment for a sandbox portal in tests: small, and each test changes what it is about."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

JSON = dict[str, Any]
CUSTOMER = "0000417300"
TONER = "C0000001"
DRUM = "C0000002"
STAPLES = "C0000003"


def stamp(moment: datetime) -> str:
    """As the contract writes moments."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ago(**time: float) -> str:
    """A moment so long ago."""
    return stamp(datetime.now(UTC) - timedelta(**time))


def number_of(number: int) -> str:
    """An equipment number."""
    return f"{number:018d}"


def point_of(number: int, place: int = 1) -> str:
    """The number of an equipment's n-th measuring point."""
    return f"{number:08d}{place:04d}"


def measuring_point(number: int, place: int = 1, code: str = "total", **changes: object) -> JSON:
    """A measuring point whose last reading of 1000 pages is 30 days old; 100 pages a day are usual."""
    last = {"value": 1000, "read_at": ago(days=30), "estimated": False}
    return {
        "measuring_point": point_of(number, place),
        "meter_code": code,
        "unit": "PAGE",
        "mandatory": code == "total",
        "counter_overflow_value": None,
        "annual_estimate": 36_500,
        "last_reading": last,
        **changes,
    }


def equipment(number: int, **changes: object) -> JSON:
    """An equipment with one measuring point, and toner, drum and staples in its bill of material."""
    material = [
        {"bom_item_number": "0010", "component_material_number": TONER, "component_type": "toner", "max_quantity": 2},
        {"bom_item_number": "0020", "component_material_number": DRUM, "component_type": "drum", "max_quantity": 1},
        {
            "bom_item_number": "0030",
            "component_material_number": STAPLES,
            "component_type": "staples",
            "orderable": False,
            "not_orderable_reason": "Nicht Teil des Vertrags.",
        },
    ]
    return {
        "equipment_number": number_of(number),
        "description": "bizhub C301i",
        "manufacturer": "Konica Minolta",
        "model": "bizhub C301i",
        "manufacturer_serial_number": f"AA2M{number:09d}",
        "technical_identification_number": f"PRN-{number}",
        "measuring_points": [measuring_point(number)],
        "bill_of_material": material,
        **changes,
    }


def seed_file(file: Path, *equipments: JSON) -> Path:
    """The seed of one customer with these equipments."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"customer_number": CUSTOMER, "equipments": equipments}), "utf-8")
    return file


def item(number: int, reference: str, value: object, **changes: object) -> JSON:
    """A reading of the total of an equipment, read now."""
    return {
        "client_reference": reference,
        "equipment_number": number_of(number),
        "read_at": ago(),
        "readings": [{"measuring_point": point_of(number), "meter_code": "total", "value": value, "unit": "PAGE"}],
        "source": {"agent_id": "agent-sandbox", "agent_version": "0.1.0", "protocol": "snmp"},
        **changes,
    }


def order(number: int, reference: str, material: str = TONER, position: str = "0010", quantity: object = 1) -> JSON:
    """An order of one material for an equipment."""
    wanted = {
        "bom_item_number": position,
        "component_material_number": material,
        "quantity": quantity,
        "unit": "ST",
    }
    trigger = {"level_percent": 8, "days_left": None, "rule": "below_threshold"}
    return {
        "client_reference": reference,
        "equipment_number": number_of(number),
        "items": [wanted],
        "ship_to": None,
        "trigger": trigger,
    }


def keyed(reference: str) -> dict[str, str]:
    """The Idempotency-Key header of an order."""
    return {"Idempotency-Key": f'"{reference}"'}

"""What SAP delivers to the portal by itself: a customer's equipment with measuring points and bills of material."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, le=2**53 - 1)]


class Delivered(BaseModel):
    """Foreign data: what is missing gets the master record's usual value, what is unknown is dropped."""

    model_config = ConfigDict(extra="ignore")


class LastReading(Delivered):
    """A reading from before the agent's time; it becomes a measurement document of the ledger."""

    value: Count
    read_at: AwareDatetime
    estimated: bool = False


class MeasuringPoint(Delivered):
    """SAP's measuring point; `counter_overflow_value` is the first number that the counter cannot show."""

    measuring_point: Annotated[str, Field(min_length=1, max_length=12)]
    meter_code: Annotated[str, Field(min_length=1, max_length=40)]
    unit: str = "PAGE"
    decimals: Literal[0] = 0
    is_counter: bool = True
    counter_overflow_value: Count | None = None
    mandatory: bool = False
    annual_estimate: Count | None = None
    last_reading: LastReading | None = None


class BomItem(Delivered):
    """A position of the bill of material."""

    bom_item_number: Annotated[str, Field(min_length=1, max_length=8)]
    component_material_number: Annotated[str, Field(min_length=1, max_length=40)]
    description: str = ""
    component_type: Literal[
        "toner", "drum", "developer", "waste_toner", "staples", "fuser", "transfer", "ink", "other"
    ] = "other"
    colorant: Literal["black", "cyan", "magenta", "yellow"] | None = None
    yield_pages: Count | None = None
    orderable: bool = True
    not_orderable_reason: str | None = None
    max_quantity: Annotated[int, Field(ge=1)] = 1


class Location(Delivered):
    """Where the machine stands."""

    building: str | None = None
    floor: str | None = None
    room: str | None = None


class Contract(Delivered):
    """The service contract under which readings and orders are taken."""

    contract_number: str | None = None
    item: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    active: bool = True


class EquipmentSeed(Delivered):
    """An equipment; without a `customer_number` it belongs to the customer of the seed."""

    equipment_number: Annotated[str, Field(min_length=1, max_length=18)]
    customer_number: str | None = None
    description: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    manufacturer_serial_number: Annotated[str, Field(max_length=30)] | None = None
    technical_identification_number: str | None = None
    material_number: str | None = None
    third_party: bool = False
    automatic_supply: bool = False
    location: Location = Location()
    contract: Contract = Contract()
    status: Literal["active", "decommissioned"] = "active"
    reading_due_on: date | None = None
    measuring_points: list[MeasuringPoint] = []
    bill_of_material: list[BomItem] = []

    def master_record(self, customer_number: str) -> dict[str, Any]:
        """The equipment's own fields, as JSON values."""
        record = self.model_dump(mode="json", exclude={"measuring_points", "bill_of_material"})
        return {**record, "customer_number": self.customer_number or customer_number}


class Seed(Delivered):
    """A whole delivery."""

    customer_number: Annotated[str, Field(min_length=1, max_length=10)]
    equipments: list[EquipmentSeed]


def delivered(file: Path) -> Seed:
    """The seed in this file; raises `OSError` or `ValueError`."""
    return Seed.model_validate_json(file.read_bytes())

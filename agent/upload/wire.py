"""What the portal may say: the models through which every answer enters, unknown fields ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, cast, get_args

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from agent.meters import LastReading, MeasuringPoint
from agent.ports import Account
from agent.printers import Equipment, Location
from agent.supplies.orders import BomItem, OrderProgress, OrderStatus, PlacedOrder

LONGEST_TEXT = 2000


def _shortened(value: object) -> object:
    return value[:LONGEST_TEXT] if isinstance(value, str) else value


# Words for people are cut, not refused: one long sentence must not make the verdicts of a whole batch unreadable.
Text = Annotated[str, BeforeValidator(_shortened)]
Number = Annotated[str, Field(min_length=1, max_length=64)]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]


class Answer(BaseModel):
    """Foreign data: checked by type and size, extra fields dropped."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class TokenAnswer(Answer):
    """RFC 6749 section 5.1."""

    access_token: Annotated[str, Field(pattern=r"^[!-~]+$", max_length=8192)]  # what a header can carry
    token_type: Text
    expires_in: Annotated[float, Field(gt=0, le=86_400)] = 300


class EnrolmentAnswer(Answer):
    """A new agent."""

    agent_id: Number
    customer_number: Number
    kid: Number
    token_audience: Text
    scopes: list[Number] = []


class KeyAnswer(Answer):
    """A registered key."""

    kid: Number


class AccountAnswer(Answer):
    """agents/me."""

    agent_id: Number
    customer_number: Number
    scopes: list[Number]
    server_time: AwareDatetime

    def account(self) -> Account:
        """In the core's words."""
        return Account(
            agent_id=self.agent_id,
            customer_number=self.customer_number,
            rights=frozenset(self.scopes),
            server_time=self.server_time,
        )


class LastReadingAnswer(Answer):
    """The newest measurement document of a measuring point."""

    value: Count
    read_at: AwareDatetime
    estimated: bool = False
    measurement_document: Text | None = None


class MeasuringPointAnswer(Answer):
    """A measuring point of an equipment."""

    measuring_point: Number
    meter_code: Number
    unit: Text = "PAGE"
    mandatory: bool = False
    counter_overflow_value: Count | None = None
    annual_estimate: Count | None = None
    last_reading: LastReadingAnswer | None = None

    def point(self) -> MeasuringPoint:
        """In the core's words."""
        last = self.last_reading
        return MeasuringPoint(
            measuring_point=self.measuring_point,
            meter_code=self.meter_code,
            unit=self.unit,
            mandatory=self.mandatory,
            counter_overflow_value=self.counter_overflow_value,
            annual_estimate=self.annual_estimate,
            last_reading=LastReading(last.value, last.read_at, last.estimated, last.measurement_document)
            if last
            else None,
        )


def _said(value: object) -> object:
    """A word about a place; one that is no text must not make the whole list unreadable."""
    return _shortened(value) if isinstance(value, str) else ""


class LocationAnswer(Answer):
    """Where an equipment stands."""

    building: Annotated[str, BeforeValidator(_said)] = ""
    floor: Annotated[str, BeforeValidator(_said)] = ""
    room: Annotated[str, BeforeValidator(_said)] = ""

    def location(self) -> Location:
        """In the core's words."""
        return Location(self.building, self.floor, self.room)


def _told(value: object) -> object:
    return value if isinstance(value, Mapping) else {}


class EquipmentAnswer(Answer):
    """An equipment with its measuring points."""

    equipment_number: Number
    description: Text | None = None
    manufacturer: Text | None = None
    model: Text | None = None
    manufacturer_serial_number: Text | None = None
    technical_identification_number: Text | None = None
    third_party: bool = False
    automatic_supply: bool = False
    status: Text = "active"
    location: Annotated[LocationAnswer, BeforeValidator(_told)] = LocationAnswer()
    measuring_points: list[MeasuringPointAnswer] = []

    def equipment(self) -> Equipment:
        """In the core's words."""
        return Equipment(
            equipment_number=self.equipment_number,
            description=self.description or "",
            manufacturer=self.manufacturer or None,
            model=self.model or None,
            manufacturer_serial_number=self.manufacturer_serial_number or None,
            technical_identification_number=self.technical_identification_number or None,
            third_party=self.third_party,
            automatic_supply=self.automatic_supply,
            active=self.status == "active",
            measuring_points=tuple(point.point() for point in self.measuring_points),
            location=self.location.location(),
        )


class EquipmentPage(Answer):
    """One page of the equipment list."""

    items: list[EquipmentAnswer]
    next_cursor: Text | None = None


class BomItemAnswer(Answer):
    """A position of the bill of material."""

    bom_item_number: Number
    component_material_number: Number
    description: Text = ""
    component_type: Text = "other"
    colorant: Text | None = None
    orderable: bool
    not_orderable_reason: Text | None = None
    max_quantity: Count = 1
    open_order_number: Text | None = None
    yield_pages: Count | None = None

    def item(self) -> BomItem:
        """In the core's words."""
        return BomItem(**self.model_dump())


class BomAnswer(Answer):
    """A bill of material."""

    items: list[BomItemAnswer]


class Problem(Answer):
    """application/problem+json, RFC 9457, with the portal's extensions."""

    code: Text = ""
    type: Text = ""
    title: Text = ""
    detail: Text = ""
    area: Text | None = None
    order_number: Text | None = None
    notification_number: Text | None = None
    retryable: bool = False

    @property
    def slug(self) -> str:
        """The machine-readable name of the problem."""
        return self.code or self.type.rstrip("/").rpartition("/")[2]


class DocumentAnswer(Answer):
    """A booked measurement document."""

    measurement_document: Number


class FindingAnswer(Answer):
    """What the portal noticed about a reading."""

    code: Text
    detail: Text = ""


class ItemAnswer(Answer):
    """The result of one item of a batch."""

    client_reference: Number
    status: int
    measurement_documents: list[DocumentAnswer] = []
    duplicate: bool = False
    findings: list[FindingAnswer] = []
    problem: Problem | None = None


class BatchAnswer(Answer):
    """207: one result per item, in order."""

    items: list[ItemAnswer]


class OrderItemAnswer(Answer):
    """A position of an order."""

    bom_item_number: Number
    delivered_quantity: Count = 0


class OrderAnswer(Answer):
    """An order."""

    order_number: Number
    client_reference: Text | None = None
    status: Text
    items: list[OrderItemAnswer] = []
    tracking: Text | None = None
    created_at: AwareDatetime | None = None

    @property
    def known_status(self) -> OrderStatus:
        """In the core's words. A status that this version does not know is one of an order that goes on."""
        known = get_args(OrderStatus)
        return cast("OrderStatus", self.status) if self.status in known else "in_process"

    def progress(self) -> OrderProgress:
        """What has become of it."""
        delivered = tuple((item.bom_item_number, item.delivered_quantity) for item in self.items)
        return OrderProgress(self.known_status, delivered, self.tracking, self.client_reference)

    def placed(self) -> PlacedOrder | None:
        """The order as whoever placed it; `None` where it is not told when that was."""
        if self.created_at is None:
            return None
        positions = tuple(item.bom_item_number for item in self.items)
        return PlacedOrder(self.order_number, self.client_reference, self.known_status, self.created_at, positions)


class OrderPage(Answer):
    """Orders that match a question."""

    items: list[OrderAnswer]
    next_cursor: Text | None = None


class NotificationAnswer(Answer):
    """A service notification."""

    notification_number: Number
    client_reference: Text | None = None
    status: Text


class NotificationPage(Answer):
    """Service notifications that match a question."""

    items: list[NotificationAnswer]

"""What a body may hold besides the fields that the rules look at: each of its type, or absent; unknown ones ignored."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.portal.problems import Refusal, error_at

M = TypeVar("M", bound=BaseModel)
MOST_ERRORS = 20


class Sent(BaseModel):
    """Foreign data: nothing is converted, unknown fields are dropped."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Source(Sent):
    """Which agent read, and how."""

    agent_id: str = ""
    agent_version: str = ""
    protocol: str = ""


class SentFinding(Sent):
    """What the agent noticed about its reading."""

    code: str = ""
    detail: str = ""


class SentReading(Sent):
    """One counter of an item, besides its value and unit."""

    measuring_point: str = ""
    meter_code: str = ""
    counter_replaced: bool = False


class SentItem(Sent):
    """An item of a batch, besides reference, equipment and time."""

    manufacturer: str = ""
    manufacturer_serial_number: str = ""
    readings: list[SentReading] = []
    source: Source = Source()
    acknowledge_deviation: bool = False
    findings: list[SentFinding] = []
    proof: dict[str, Any] = {}


class ShipTo(Sent):
    """Where an order goes, other than to where the system stands."""

    name: Annotated[str, Field(max_length=80)] = ""
    street: Annotated[str, Field(max_length=80)] = ""
    postal_code: Annotated[str, Field(max_length=10)] = ""
    city: Annotated[str, Field(max_length=80)] = ""
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "DE"


class Trigger(Sent):
    """Why an order was placed."""

    level_percent: Annotated[float | None, Field(ge=0, le=100)] = None
    days_left: float | None = None
    rule: str = ""


class SentOrder(Sent):
    """An order, besides reference, equipment and items."""

    ship_to: ShipTo | None = None
    trigger: Trigger | None = None


def check(model: type[M], body: dict[str, Any]) -> M:
    """The body's fields by this model; raises `Refusal` with the place of each that does not fit."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[:MOST_ERRORS]
        places = [
            "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in one["loc"]) for one in found
        ]
        detail = f"{places[0]}: {found[0]['msg']}."
        raise Refusal("malformed-request", detail, errors=[error_at(place) for place in places]) from None

"""The reading rules of the portal: equal or greater than last time; a clear deviation is a notice, never a refusal."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sandbox.portal.problems import Refusal

DEVIATION_FACTOR = 5
DEVIATION_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A booked reading before or after the new one."""

    value: int
    read_at: dt.datetime
    estimated: bool
    document: str


@dataclass(frozen=True, slots=True)
class Point:
    """A measuring point as the rules see it."""

    measuring_point: str
    unit: str
    overflow: int | None
    annual_estimate: int | None


@dataclass(frozen=True, slots=True)
class New:
    """A value that wants to be booked; `replaced` says that a person knows the counter was changed."""

    value: object
    unit: str
    read_at: dt.datetime
    replaced: bool


def judge(point: Point, new: New, before: Neighbour | None, after: Neighbour | None) -> list[dict[str, Any]]:
    """The findings with which the value is booked; raises `Refusal` when it is not."""
    value = _whole_number(point, new)
    if after is not None and value > after.value and not after.estimated:
        detail = f"{value} is above the later reading {after.value}."
        raise Refusal("reading-above-subsequent", detail, last_reading=_shown(after))
    if before is None:
        return []
    if value < before.value:
        return [_below(point, value, new, before)]
    return _deviation(point, value, new.read_at, before)


def _whole_number(point: Point, new: New) -> int:
    if isinstance(new.value, bool) or not isinstance(new.value, int) or new.value < 0:
        raise Refusal("reading-not-integer", f"{new.value!r} is no whole number of pages.")
    if point.overflow is not None and new.value >= point.overflow:
        raise Refusal("reading-exceeds-overflow", f"{new.value} does not fit a counter of {point.overflow}.")
    if new.unit != point.unit:
        raise Refusal("unit-mismatch", f"The measuring point counts {point.unit}, not {new.unit}.")
    return new.value


def _below(point: Point, value: int, new: New, before: Neighbour) -> dict[str, Any]:
    if before.estimated:
        return _finding("estimate-replaced", "notice", point, f"The estimate {before.value} is replaced.")
    if new.replaced:
        return _finding("counter-replaced", "notice", point, "The counter was replaced.")
    if point.overflow is not None and point.overflow - before.value + value <= _most(point, new.read_at, before):
        return _finding("counter-overflow", "notice", point, "The counter has started again at 0.")
    detail = f"{value} is below the last reading {before.value}."
    raise Refusal("reading-below-last", detail, last_reading=_shown(before))


def _deviation(point: Point, value: int, read_at: dt.datetime, before: Neighbour) -> list[dict[str, Any]]:
    most = _most(point, read_at, before)
    if point.annual_estimate is None or value - before.value <= most:
        return []
    text = f"{value - before.value} pages since the last reading are clearly more than usual."
    return [{**_finding("deviation", "notice", point, text), "expected_max": before.value + int(most)}]


def _most(point: Point, read_at: dt.datetime, before: Neighbour) -> float:
    days = max((read_at - before.read_at).total_seconds() / 86_400, 0.0)
    return max(DEVIATION_FACTOR * (point.annual_estimate or 0) / 365 * days, float(DEVIATION_PAGES))


def _finding(code: str, severity: str, point: Point, detail: str) -> dict[str, Any]:
    return {"code": code, "severity": severity, "measuring_point": point.measuring_point, "detail": detail}


def _shown(neighbour: Neighbour) -> dict[str, Any]:
    return {
        "measurement_document": neighbour.document,
        "value": neighbour.value,
        "read_at": neighbour.read_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "estimated": neighbour.estimated,
    }

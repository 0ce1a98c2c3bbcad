"""The reading rules of the portal: equal or greater than last time; a clear deviation is a notice, never a refusal."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sandbox.portal.moments import stamp
from sandbox.portal.problems import Refusal

DEVIATION_FACTOR = 5  # times what the annual estimate lets expect
DEVIATION_PAGES = 10_000  # a smaller rise is never a deviation
LARGEST = 2**53 - 1  # what every JSON reader keeps exactly (RFC 8259 section 6)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A booked reading before or after the new one."""

    value: int
    read_at: dt.datetime
    estimated: bool
    document: str

    def shown(self) -> dict[str, Any]:
        """In the contract's form."""
        return {
            "measurement_document": self.document,
            "value": self.value,
            "read_at": stamp(self.read_at),
            "estimated": self.estimated,
        }


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The booked readings next to a time: the nearest ones, and the nearest that somebody has read, not estimated."""

    before: Neighbour | None = None
    read_before: Neighbour | None = None
    after: Neighbour | None = None
    read_after: Neighbour | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A measuring point as the rules see it."""

    measuring_point: str
    unit: str
    overflow: int | None
    annual_estimate: int | None
    is_counter: bool = True


@dataclass(frozen=True, slots=True)
class New:
    """A value that wants to be booked.

    `replaced` says that a person knows the counter was changed, `acknowledged` that a person has seen the deviation.
    """

    value: object
    unit: object
    read_at: dt.datetime
    replaced: bool = False
    acknowledged: bool = False


def judge(point: Point, new: New, near: Neighbours) -> list[dict[str, Any]]:
    """The findings with which the value is booked; raises `Refusal` when it is not.

    Only what was read binds: an estimate gives way to a reading, but what was read before and after it still holds.
    """
    value = _whole_number(point, new)
    if not point.is_counter:  # SAP knows measuring points that may fall
        return []
    later = near.read_after
    if later is not None and value > later.value and not started_over(near.read_before, value, later):
        detail = f"{value} is above the later reading {later.value}."
        raise Refusal("reading-above-subsequent", detail, last_reading=later.shown())
    findings = _against_before(point, value, new, near)
    overtaken = near.after
    if overtaken is not None and overtaken.estimated and value > overtaken.value and not findings:
        return [_finding("estimate-replaced", point, f"The later estimate {overtaken.value} is replaced.")]
    return findings


def _against_before(point: Point, value: int, new: New, near: Neighbours) -> list[dict[str, Any]]:
    before, read = near.before, near.read_before
    if read is not None and value < read.value:
        return [_below(point, value, new, read)]
    if before is None:
        return []
    if value < before.value:  # nobody has read that one
        return [_finding("estimate-replaced", point, f"The estimate {before.value} is replaced.")]
    return [] if new.acknowledged else _deviation(point, value, new.read_at, before)


def started_over(before: Neighbour | None, value: int, after: Neighbour) -> bool:
    """Whether the counter is known to have begun anew after this value: it ran over or was replaced in between."""
    return before is not None and after.value < before.value <= value


def _whole_number(point: Point, new: New) -> int:
    if isinstance(new.value, bool) or not isinstance(new.value, int) or new.value < 0:
        raise Refusal("reading-not-integer", "value is no whole number of pages from 0 upwards.")
    if new.value >= (LARGEST + 1 if point.overflow is None else point.overflow):
        raise Refusal("reading-exceeds-overflow", "value is larger than the measuring point's counter can be.")
    if new.unit != point.unit:
        raise Refusal("unit-mismatch", f"The measuring point {point.measuring_point} counts in {point.unit}.")
    return new.value


def _below(point: Point, value: int, new: New, before: Neighbour) -> dict[str, Any]:
    if new.replaced:
        return _finding("counter-replaced", point, "The counter was replaced.", severity="warning")
    if point.overflow is not None and point.overflow - before.value + value <= _most(point, new.read_at, before):
        return _finding(
            "counter-overflow", point, "The counter has run over and started again at 0.", severity="warning"
        )
    detail = f"{value} is below the last reading {before.value}."
    raise Refusal("reading-below-last", detail, last_reading=before.shown())


def _deviation(point: Point, value: int, read_at: dt.datetime, before: Neighbour) -> list[dict[str, Any]]:
    most = _most(point, read_at, before)
    if point.annual_estimate is None or value - before.value <= most:
        return []
    text = f"{value - before.value} pages since the last reading are clearly more than usual."
    return [_finding("deviation", point, text, expected_max=before.value + int(most))]


def _most(point: Point, read_at: dt.datetime, before: Neighbour) -> float:
    """The largest rise in pages that is no clear deviation."""
    days = max((read_at - before.read_at).total_seconds() / 86_400, 0.0)
    return max(DEVIATION_FACTOR * (point.annual_estimate or 0) / 365 * days, float(DEVIATION_PAGES))


def _finding(
    code: str, point: Point, detail: str, *, severity: str = "notice", expected_max: int | None = None
) -> dict[str, Any]:
    return {
        "code": code,
        "severity": severity,
        "measuring_point": point.measuring_point,
        "detail": detail,
        "expected_max": expected_max,
    }

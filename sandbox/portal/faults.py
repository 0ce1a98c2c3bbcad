"""Fault switches: what can go wrong between an agent and a portal, on purpose, countable and repeatable."""

from __future__ import annotations

import datetime as dt
import random
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from sandbox.portal.problems import STATUS

Kind = Literal[
    "latency",
    "latency-after",
    "error-before",
    "error-after",
    "cut-before",
    "cut-after",
    "truncated",
    "wrong-json",
    "web-page",
    "slow-body",
    "wrong-shape",
    "shuffled",
    "mixed",
    "mixed-after",
    "deprecated",
]
MIXED = "sandbox.mixed"  # where a request carries the switch that spoils some of its items
DEFAULT_CODES = {401: "token-invalid", 429: "rate-limited", 503: "maintenance"}


class Fault(BaseModel):
    """One switch; it strikes requests whose path begins with `path` or fits it as a pattern with `*`.

    `next`: this many requests and then never again; `every`: each n-th; `chance`: by lot, from 0 to 1. None of them:
    always. `each` is for mixed and mixed-after: each n-th item of the batch. `days`: until a deprecated resource's
    Sunset. `status` and `code` (a problem's slug) are for error-before and error-after, `retry_after` goes out as it is
    or, with `retry_after_as_date`, as the moment so many seconds from now. `seconds` is the latency, or the pause
    between the pieces of a slow body.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    path: str = ""
    method: str | None = None
    status: Annotated[int, Field(ge=400, le=599)] = 500
    code: str | None = None
    retry_after: int | str | None = None
    retry_after_as_date: bool = False
    seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0
    each: Annotated[int, Field(ge=1)] = 2
    days: Annotated[int, Field(ge=0, le=3650)] = 90
    next: Annotated[int, Field(ge=0)] | None = None
    every: Annotated[int, Field(ge=1)] | None = None
    chance: Annotated[float, Field(ge=0, le=1)] | None = None
    _met: int = PrivateAttr(0)
    _struck: int = PrivateAttr(0)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        """Refuses a problem that the contract does not know, and a date without a number of seconds."""
        if self.code is not None and self.code not in STATUS:
            raise ValueError(f"no such problem: {self.code}")
        if self.retry_after_as_date and not isinstance(self.retry_after, int):
            raise ValueError("retry_after_as_date needs retry_after as a number of seconds")
        return self

    def strikes(self, method: str, path: str, chance: random.Random) -> bool:
        """Whether this request gets the fault; counts it."""
        if self.method not in (None, method) or not (path.startswith(self.path) or fnmatchcase(path, self.path)):
            return False
        self._met += 1
        struck = (
            (self.next is None or self._struck < self.next)
            and (self.every is None or self._met % self.every == 0)
            and (self.chance is None or chance.random() < self.chance)
        )
        self._struck += struck
        return struck

    def problem(self) -> tuple[str, int]:
        """Slug and status of the error that it answers with."""
        if self.code:
            return self.code, STATUS[self.code]
        return DEFAULT_CODES.get(self.status, "internal-error"), self.status

    def wait_header(self, now: dt.datetime) -> dict[str, str]:
        """Retry-After (RFC 9110 section 10.2.3), where there is one."""
        if self.retry_after is None:
            return {}
        if self.retry_after_as_date and isinstance(self.retry_after, int):
            moment = now + dt.timedelta(seconds=self.retry_after)
            return {"Retry-After": format_datetime(moment, usegmt=True)}
        return {"Retry-After": str(self.retry_after)}

    def shown(self) -> dict[str, Any]:
        """The switch with how many requests it met and struck."""
        return {**self.model_dump(exclude_defaults=True), "met": self._met, "struck": self._struck}


class Faults(BaseModel):
    """All switches, with the other settings of a bad day. `seed` makes chance repeat itself."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    switches: list[Fault] = []
    seed: int = 1
    token_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    clock_skew_seconds: Annotated[float, Field(ge=-(10**8), le=10**8)] = 0.0
    future_tolerance_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300
    idempotency_retention_days: Annotated[int, Field(ge=1, le=3650)] = 3650
    key_overlap_days: Annotated[float, Field(ge=0, le=365)] = 7.0
    order_seconds: Annotated[float, Field(ge=0, le=3600)] = 0.0
    enrolment_tries: Annotated[int, Field(ge=1, le=100_000)] = 10
    rate_limit: Annotated[int, Field(ge=1)] | None = None
    rate_limit_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    batch_max_items: Annotated[int, Field(ge=1, le=500)] = 100
    minimum_agent_version: Annotated[str, Field(pattern=r"^\d{1,6}\.\d{1,6}\.\d{1,6}$")] = "0.1.0"
    _chance: random.Random = PrivateAttr(default_factory=lambda: random.Random(1))  # noqa: S311  repeatable on purpose

    def change(self, wanted: dict[str, Any]) -> None:
        """Sets what is named, all or nothing; `switches` replaces the whole list. Raises `ValueError`."""
        checked = Faults.model_validate(wanted)
        for name in wanted:
            setattr(self, name, getattr(checked, name))
        if "seed" in wanted:
            self._chance = random.Random(self.seed)  # noqa: S311  repeatable on purpose

    def striking(self, method: str, path: str) -> Fault | None:
        """The fault that this request gets: the first switch in the list that strikes it."""
        return next((fault for fault in self.switches if fault.strikes(method, path, self._chance)), None)

    def now(self) -> dt.datetime:
        """The portal's clock, which may be wrong."""
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.clock_skew_seconds)

    def shown(self) -> dict[str, Any]:
        """Every setting and switch."""
        return {**self.model_dump(), "switches": [fault.shown() for fault in self.switches]}

"""What a refusal of the portal means: an error for the whole request, or an outcome for one item.

The table is section *Problem types* of the contract: each problem is one thing that the agent does.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from pydantic import ValidationError

from agent.errors import (
    AgentTooOld,
    BatchTooLarge,
    PortalError,
    PortalUnavailable,
    PortalUnreachable,
    RateLimited,
    RequestRefused,
    RightMissing,
)
from agent.texts import message
from agent.upload.envelope import Kept, Rejected
from agent.upload.wire import Problem

if TYPE_CHECKING:
    import httpx

# Problems that time or a person removes: the item is kept. Every other 4xx of an item is final.
PARKING = frozenset({"scope-not-unlocked", "equipment-not-assigned", "contract-inactive", "equipment-unknown"})
# The code of an item that needs neither a person nor a day, only another try.
IN_A_MOMENT = "in-a-moment"
# Who answers so is not the portal, or a portal that is closed.
GATEWAYS = frozenset({502, 503, 504})
# Problems that pass by themselves within minutes, as the statuses 408, 425, 429 and 5xx do.
PASSING = frozenset({"idempotency-request-in-progress", "rate-limited", "maintenance"})


def problem_of(response: httpx.Response) -> Problem:
    """The problem document in a response; an empty one where there is none."""
    if not is_json(response):
        return Problem()
    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:
        return Problem()


def is_json(response: httpx.Response) -> bool:
    """Whether a response says that it is JSON (RFC 8259, RFC 9457): a proxy's page is not the portal's word."""
    kind: str = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def error_of(response: httpx.Response) -> PortalError:
    """The error behind a response that is no success (the table of problem types in the contract)."""
    status, problem = response.status_code, problem_of(response)
    if status == 403 and problem.slug == "scope-not-unlocked":
        area = problem.area or "?"
        return RightMissing(
            message("The area {area} is not unlocked for this agent.", area=area),
            message("Ask your key user to unlock it in the portal under user rights."),
            area=area,
        )
    if status == 413:
        return BatchTooLarge(message("The portal takes fewer items at once."))
    if status == 426:
        return AgentTooOld(
            message("The portal no longer accepts this version of the agent."), message("Install the newest version.")
        )
    if passes(status, problem):
        return _passing(response, problem)
    text = problem.detail or problem.title or problem.slug or "-"
    what = message("The portal refuses (HTTP {status}): {detail}", status=status, detail=text)
    remedy = message("Show this to your portal's support; nothing is lost.")
    if 400 <= status <= 499 and problem.slug:
        return RequestRefused(what, remedy, code=problem.slug)
    return PortalError(what, remedy)


def _passing(response: httpx.Response, problem: Problem) -> PortalUnavailable:
    """The error behind an answer that says later: which of the three decides what it says about the items."""
    kind = PortalUnavailable
    if response.status_code == 429 or problem.slug == "rate-limited":
        kind = RateLimited
    elif response.status_code in GATEWAYS or problem.slug == "maintenance":
        kind = PortalUnreachable
    return kind(
        message("The portal cannot answer now (HTTP {status}).", status=response.status_code),
        message("Nothing is lost; it is tried again."),
        retry_after=wait_of(response),
    )


def wait_of(response: httpx.Response) -> float | None:
    """Seconds that a response tells to wait. A date is measured from the response's own: our clock may be wrong."""
    return retry_after(response.headers.get("Retry-After"), date_of(response) or datetime.now(UTC))


def date_of(response: httpx.Response) -> datetime | None:
    """The portal's clock by the header Date (RFC 9110 section 6.6.1)."""
    try:
        moment = parsedate_to_datetime(response.headers.get("Date", ""))
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110 section 10.2.3: seconds or a date), at most a day."""
    if not header:
        return None
    if re.fullmatch(r"\d{1,9}", header.strip()):
        return min(float(header), 86_400.0)
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), 86_400.0)


def passes(status: int, problem: Problem) -> bool:
    """Whether it is enough to ask again in a moment."""
    return status in (408, 425, 429) or status >= 500 or problem.retryable or problem.slug in PASSING


def refusal(status: int, problem: Problem) -> Rejected | Kept:
    """What an item's problem means: final, or kept until something has changed."""
    code = problem.slug or f"http-{status}"
    detail = problem.detail or problem.title
    if passes(status, problem):
        return Kept(IN_A_MOMENT, detail)
    if code in PARKING:
        return Kept(code, detail, problem.area)
    return Rejected(code, detail)


def unreadable(why: str) -> PortalUnavailable:
    """The error for an answer that means nothing: no verdict, nothing is settled."""
    return PortalUnavailable(
        message("The portal's answer cannot be understood: {why}.", why=why),
        message("Nothing is lost; it is tried again. If it goes on, check that the address is the portal's."),
    )

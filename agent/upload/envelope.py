"""The sealed form of what leaves the house: one reading, order or service notification, its bytes and its reference."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from agent.meters import Finding

Kind = Literal["reading", "order", "notification"]
State = Literal["waiting", "accepted", "rejected", "parked", "quarantined", "discarded"]


@dataclass(frozen=True, slots=True)
class Envelope:
    """One item for the portal. `body` is its canonical JSON, byte for byte what is sent, with the reference inside.

    `slot_key` is what may exist only once: for a reading the equipment and its reporting period, for an order the
    equipment, supply slot and material, for a service
    notification the equipment and the cause. The store refuses a second envelope with the same kind and key.
    """

    reference: str
    kind: Kind
    equipment_number: str
    slot_key: str
    created_at: datetime
    body: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the body, kept beside it so that a damaged row is noticed."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def content(self) -> dict[str, Any]:
        """The body as a value, for showing it."""
        value: dict[str, Any] = json.loads(self.body)
        return value


def new_reference() -> str:
    """A UUID in 32 hexadecimal digits: unique for ever, and short enough for SAP's PurchaseOrderByCustomer (35)."""
    return uuid.uuid4().hex


def canonical(value: object) -> bytes:
    """JSON in one fixed form: sorted keys, no blanks, UTF-8."""
    return _CANONICAL.encode(value).encode()


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The portal has booked it. `receipts` are document or order numbers, `duplicate` says it had it already."""

    receipts: tuple[str, ...]
    duplicate: bool = False
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """The portal will never take this item as it is. `code` is the problem type's last path segment."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Not decided: a person or time has to change something first (missing right, unknown equipment)."""

    code: str
    detail: str
    area: str | None = None


Outcome = Accepted | Rejected | Kept
BY_HAND = "captured by hand"  # the receipt of what a person entered in the portal; the portal's own follow it, if known
NO_VERDICT = "no_verdict"  # the code of the reason that stands with what was sent and not answered


@dataclass(frozen=True, slots=True)
class Entry:
    """An envelope with what has become of it. `not_before` is when it may be tried (again)."""

    envelope: Envelope
    state: State
    attempts: int = 0
    not_before: datetime | None = None
    receipts: tuple[str, ...] = ()
    reasons: tuple[Finding, ...] = ()
    settled_at: datetime | None = None

    @property
    def standing(self) -> Standing:
        """The same without the envelope's bytes."""
        return Standing(self.envelope.reference, self.state, self.receipts, self.reasons)


@dataclass(frozen=True, slots=True)
class Standing:
    """What has become of the envelope with this reference: all that a report of thousands keeps of it."""

    reference: str
    state: State
    receipts: tuple[str, ...] = ()
    reasons: tuple[Finding, ...] = ()

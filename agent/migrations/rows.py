"""Values into columns and rows back into values; a row that is not what was written becomes a finding, no exception."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast, get_args

from sqlalchemy import Row

from agent.meters import Finding
from agent.migrations.sealing import opened, sealed
from agent.texts import Message, message
from agent.upload.envelope import Entry, Envelope, Kind, State

ROW_DAMAGED = "row_damaged"
T = TypeVar("T")
_WRITE = json.JSONEncoder(ensure_ascii=False).encode
_STATES = get_args(State)
_KINDS = get_args(Kind)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # stands for a time that can no longer be read
_MICROSECOND = timedelta(microseconds=1)


def portions(items: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """The items in portions that fit one statement: databases bound how many values it may have."""
    return (items[at : at + size] for at in range(0, len(items), size))


def instant(moment: datetime) -> str:
    """UTC in ISO 8601 with microseconds: sorts as text in the order of time. Raises `ValueError` without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a stored time needs its time zone")
    moment = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return moment.isoformat(timespec="microseconds")


def moment_of(stored: str) -> datetime:
    """What `instant` wrote, or any RFC 3339 time of a body; raises `ValueError`."""
    moment = datetime.fromisoformat(stored)
    if moment.tzinfo is None:
        raise ValueError("a stored time without its time zone")
    return moment.astimezone(UTC)


def moment_shown(stored: str) -> datetime:
    """A stored time for showing: one that can no longer be read is 1970."""
    try:
        return moment_of(stored)
    except ValueError:
        return _LONG_AGO


def microseconds(moment: datetime) -> int:
    """Since 1970. Raises `ValueError` without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a stored time needs its time zone")
    return (moment - _LONG_AGO) // _MICROSECOND


def seconds(moment: datetime) -> int:
    """Whole seconds since 1970. Raises `ValueError` without a zone."""
    return microseconds(moment) // 1_000_000


def moment_at(stored: object) -> datetime:
    """What `microseconds` wrote; raises `ValueError`."""
    if not isinstance(stored, int):
        raise ValueError("not a stored time")
    try:
        return _LONG_AGO + timedelta(microseconds=stored)
    except OverflowError as error:
        raise ValueError("not a stored time") from error


def shown_at(stored: object) -> datetime:
    """A stored time for showing: one that can no longer be read is 1970."""
    try:
        return moment_at(stored)
    except ValueError:
        return _LONG_AGO


def key_of(reference: str) -> bytes:
    """A reference as the key of its row; of what is no reference, a key that no row has."""
    try:
        return bytes.fromhex(reference) if len(reference) == 32 else b""
    except ValueError:
        return b""


def reference_of(stored: object) -> str:
    """The reference of a row."""
    return stored.hex() if isinstance(stored, bytes) else str(stored)


def slot_of(kind: str, slot_key: str) -> bytes:
    """A slot as it stands in its row: 12 octets of a SHA-256."""
    return hashlib.sha256(f"{kind}\0{slot_key}".encode(errors="replace")).digest()[:12]


def sealed_in(envelope: Envelope, read_at: int | None) -> bytes:
    """The sealed bytes of an envelope for its row."""
    return sealed(envelope.reference, envelope.equipment_number, read_at, envelope.slot_key, envelope.body)


def note_json(note: Message) -> str:
    """A message as JSON text."""
    return _WRITE(note.to_json())


def notes_json(notes: Sequence[Message]) -> str:
    """Messages as JSON text."""
    return _WRITE([note.to_json() for note in notes])


def steps_of(stored: str | None) -> tuple[Message, ...]:
    """Stored messages in their order; damaged ones are none."""
    try:
        return tuple(Message.from_json(each) for each in json.loads(stored or "[]"))
    except (ValueError, TypeError, KeyError, AttributeError):
        return ()


def note_of(stored: str | None) -> Message | None:
    """What `note_json` wrote; a damaged one is `None`."""
    try:
        return Message.from_json(json.loads(stored)) if stored else None
    except (ValueError, AttributeError):
        return None


STORED = message("Stored.")  # the first line of a history that has no row of its own


def booked(receipts: Sequence[str]) -> Message:
    """The line of a history whose row has no note: the portal's usual verdict, of which the envelope has everything."""
    return message("The portal has booked it: {receipts}", receipts=", ".join(receipts))


def opened_in(row: Row[*tuple[Any, ...]]) -> tuple[str, bytes]:
    """Slot key and body of a row. Raises `ValueError` when they can no longer be told."""
    return opened(row.sealed, reference_of(row.reference), row.equipment_number, row.read_at)


def findings_json(findings: Sequence[Finding]) -> str | None:
    """Findings as JSON text, None where there are none."""
    return _WRITE([{"code": each.code, "message": each.message.to_json()} for each in findings]) if findings else None


def findings_of(stored: str | None) -> tuple[Finding, ...]:
    """Findings from `findings_json`. Raises `ValueError`, `KeyError` or `TypeError` for a damaged text."""
    if stored is None:
        return ()
    return tuple(Finding(str(each["code"]), Message.from_json(each["message"])) for each in json.loads(stored))


def receipts_json(receipts: Sequence[str]) -> str | None:
    """Receipts as JSON text, None where there are none."""
    return _WRITE(list(receipts)) if receipts else None


def is_of(body: bytes, reference: str) -> bool:
    """Whether a body is what was sealed under this reference."""
    if body.startswith(f'{{"client_reference":"{reference}"'.encode()):
        return True  # as the agent seals it
    try:
        content = json.loads(body)
    except ValueError:
        return True  # it is what was sealed, whatever that was
    # The same bytes under another reference are a damaged reference.
    return not isinstance(content, dict) or content.get("client_reference", reference) == reference


def entry_of(row: Row[Any]) -> Entry:
    """The entry of a row of `envelopes`; what cannot be trusted is marked with a finding `row_damaged`."""
    reference, faults = reference_of(row.reference), list[str]()
    try:
        slot_key, body = opened_in(row)
        if not is_of(body, reference):
            faults.append("reference")
    except ValueError:
        slot_key, body = "", b"{}"
        faults.append("body")

    def read(name: str, default: T, decode: Callable[[Any], T]) -> T:
        stored = getattr(row, name)
        try:
            return decode(stored)
        except (ValueError, TypeError, KeyError, AttributeError):
            faults.append(name)
            return default

    entry = Entry(
        Envelope(
            reference,
            read("kind", "reading", _kind),
            str(row.equipment_number),
            slot_key,
            read("created_at", _LONG_AGO, moment_at),
            body,
        ),
        read("state", "quarantined", _state),
        read("attempts", 0, int),
        read("not_before", None, _moment_or_none),
        read("receipts", (), _receipts),
        read("reasons", (), findings_of),
        read("settled_at", None, _moment_or_none),
    )
    return _marked(entry, faults) if faults else entry


def is_damaged(entry: Entry) -> bool:
    """Whether this entry must not be sent because its row is not what was written."""
    return any(reason.code == ROW_DAMAGED for reason in entry.reasons)


def _marked(entry: Entry, faults: Sequence[str]) -> Entry:
    text = message("This row of the database is damaged ({columns}); it is not sent.", columns=", ".join(faults))
    return Entry(
        entry.envelope,
        entry.state,
        entry.attempts,
        entry.not_before,
        entry.receipts,
        (Finding(ROW_DAMAGED, text), *entry.reasons),
        entry.settled_at,
    )


def _moment_or_none(stored: object) -> datetime | None:
    return None if stored is None else moment_at(stored)


def _receipts(stored: str | None) -> tuple[str, ...]:
    return tuple(str(receipt) for receipt in json.loads(stored)) if stored is not None else ()


def _kind(stored: str) -> Kind:
    if stored not in _KINDS:
        raise ValueError(stored)
    return cast(Kind, stored)


def _state(stored: str) -> State:
    if stored not in _STATES:
        raise ValueError(stored)
    return cast(State, stored)

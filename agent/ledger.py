"""The ledger in the database: links are written in one transaction with what they are about, and can be followed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Connection, Row, insert, select

from agent import chain_end
from agent.migrations.rows import instant, key_of, microseconds, moment_at, moment_of, opened_in, reference_of
from agent.migrations.tables import decisions, envelopes, ledger, proofs
from agent.store import CHAIN_END, Store
from agent.texts import Message, message
from agent.upload.links import Chain, Item, Link, LinkKind, digest, verdict_digest

ENVELOPES = ("adopted", "sealed", "resealed")  # links about an envelope
VERDICTS = ("accepted", "rejected")  # links about what was said of one for good
GONE = ("pruned", "lost")  # links about one that is here no longer


def append(connection: Connection, items: Sequence[Item]) -> None:
    """Adds links behind the last one, in the caller's writing transaction: nobody else can write meanwhile."""
    if not items:
        return
    newest = select(ledger.c.position, ledger.c.hash).order_by(ledger.c.position.desc()).limit(1)
    last = connection.execute(newest).one_or_none()
    chain = Chain(last.position, last.hash) if last else Chain()
    connection.execute(insert(ledger), [_row(chain.added(item)) for item in items])
    connection.info[CHAIN_END] = (chain.position, chain.head)


def decision_digest(row: Row[Any]) -> bytes:
    """The digest of a row of `decisions`, every column of it."""
    return digest(json.dumps(list(row), ensure_ascii=False).encode(errors="replace"))


@dataclass(frozen=True, slots=True)
class Verified:
    """A ledger that was followed: how many links, the hash of the last one, and the first that is broken, if any."""

    links: int
    head: bytes
    broken: int | None = None
    why: Message | None = None


@dataclass(slots=True)
class _Findings:
    """The first thing that is wrong, by its place in the chain."""

    links: int = 0
    place: int | None = None
    why: Message | None = None
    newest: dict[str, Link] = field(default_factory=dict)
    pruned: set[str] = field(default_factory=set)
    decided: dict[str, Link] = field(default_factory=dict)
    verdicts: dict[str, Link] = field(default_factory=dict)

    def note(self, place: int, why: Message) -> None:
        """Keeps the earliest."""
        if self.place is None or place < self.place:
            self.place, self.why = place, why


def verify(store: Store) -> Verified:
    """Follows the chain and compares every link with what it is about. Raises `StoreError` and its subclasses.

    An envelope may be gone only when a link says that it was pruned or lost; one without a link was put in by somebody
    else. The end has to reach as far as was noted beside the database (`agent.chain_end`).
    """
    found, chain = _Findings(), Chain()
    end = chain_end.noted(store.path)  # before the view of the database, which may have grown since
    with store.connect() as connection:
        for link in _links(connection):
            if not chain.follows(link):
                found.note(
                    link.position, message("The link {position} is not what was written.", position=link.position)
                )
            _sort(found, link)
            if end is not None and link.position == end[0] and link.hash != end[1]:
                found.note(link.position, message("The link {position} is another than was noted.", position=end[0]))
        if end is not None and chain.position < end[0]:
            said = message("The ledger ends at {last}, and once had {noted} links.", last=chain.position, noted=end[0])
            found.note(chain.position + 1, said)
        _compare_envelopes(connection, found)
        _compare_decisions(connection, found)
    return Verified(found.links, chain.head, found.place, found.why)


def missing(connection: Connection) -> list[str]:
    """The references of envelopes that have links and no row, though no link says that they went."""
    gone = select(ledger.c.reference).where(ledger.c.kind.in_(GONE))
    linked = select(ledger.c.reference).where(ledger.c.kind.in_(ENVELOPES)).distinct()
    statement = linked.where(ledger.c.reference.not_in(gone), ledger.c.reference.not_in(select(envelopes.c.reference)))
    return [reference_of(reference) for reference in connection.execute(statement).scalars()]


def place_of(store: Store, reference: str) -> Sequence[Link]:
    """The links about the envelope with this reference, in their order."""
    statement = select(ledger).where(ledger.c.reference == key_of(reference)).order_by(ledger.c.position)
    with store.connect() as connection:
        return [
            link
            for link in map(_link_of, connection.execute(statement))
            if link.item.kind in (*ENVELOPES, *VERDICTS, *GONE)
        ]


def _sort(found: _Findings, link: Link) -> None:
    found.links += 1
    if link.item.kind == "decision":
        found.decided[link.item.reference] = link
    elif link.item.kind in GONE:
        found.pruned.add(link.item.reference)
    elif link.item.kind in VERDICTS:
        found.verdicts[link.item.reference] = link
    else:
        found.newest[link.item.reference] = link


def _compare_envelopes(connection: Connection, found: _Findings) -> None:
    rest = dict(found.newest)
    columns = (envelopes.c.reference, envelopes.c.equipment_number, envelopes.c.read_at, envelopes.c.sealed)
    said = (envelopes.c.state, envelopes.c.receipts, envelopes.c.reasons)
    statement = select(*columns, *said, proofs.c.packed).outerjoin(proofs, proofs.c.envelope == envelopes.c.id)
    for row in connection.execute(statement.execution_options(yield_per=500)):
        reference = reference_of(row.reference)
        link = rest.pop(reference, None)
        if link is None:
            found.note(
                found.links + 1, message("The item {id} has no link: it was put in by another way.", id=reference)
            )
        elif not _is(_body_of(row), link.item.body):
            found.note(link.position, message("What leaves of the item {id} was changed.", id=reference))
        elif not _is(row.packed, link.item.proof):
            found.note(link.position, message("The proof of the item {id} was changed.", id=reference))
        _compare_verdict(found, reference, row.state, verdict_digest(row.receipts, row.reasons))
    for reference in rest.keys() - found.pruned:
        found.note(rest[reference].position, message("The item {id} is gone.", id=reference))


def _body_of(row: Row[*tuple[Any, ...]]) -> bytes | None:
    try:
        return opened_in(row)[1]
    except ValueError:
        return None


def _compare_verdict(found: _Findings, reference: str, state: str, told: bytes) -> None:
    """What is booked or rejected is so by a link with these receipts and reasons; what was booked stays so."""
    link = found.verdicts.get(reference)
    if state in VERDICTS:
        if link is None:
            what = message("The answer about the item {id} has no link: it was put in by another way.", id=reference)
            found.note(found.links + 1, what)
        elif (link.item.kind, link.item.body) != (state, told):
            found.note(link.position, message("The answer about the item {id} was changed.", id=reference))
    elif link is not None and link.item.kind == "accepted":
        found.note(link.position, message("The answer about the item {id} was changed.", id=reference))


def _compare_decisions(connection: Connection, found: _Findings) -> None:
    rest = dict(found.decided)
    for row in connection.execute(select(decisions)):
        link = rest.pop(str(row.id), None)
        if link is None:
            found.note(
                found.links + 1, message("The decision {id} has no link: it was put in by another way.", id=row.id)
            )
        elif decision_digest(row) != link.item.body:
            found.note(link.position, message("The decision {id} was changed.", id=row.id))
    for number, link in rest.items():
        found.note(link.position, message("The decision {id} is gone.", id=number))


def _is(content: object, wanted: bytes | None) -> bool:
    if content is None or wanted is None:
        return content is None and wanted is None
    return isinstance(content, bytes) and hashlib.sha256(content).digest() == wanted


def _links(connection: Connection) -> Iterator[Link]:
    statement = select(ledger).order_by(ledger.c.position).execution_options(yield_per=500)
    return map(_link_of, connection.execute(statement))


def _link_of(row: Row[Any]) -> Link:
    reference = reference_of(row.reference)
    if row.kind == "decision":
        reference = _octets(row.reference).decode(errors="replace")
    proof = row.proof and _octets(row.proof)
    return Link(
        row.position,
        Item(cast(LinkKind, row.kind), reference, _octets(row.body), proof, _at(row.at)),
        _octets(row.hash),
    )


def _at(stored: object) -> str:
    """The time of a link as it went into its hash."""
    try:
        return instant(moment_at(stored))
    except ValueError:
        return str(stored)


def _octets(stored: object) -> bytes:
    """One flipped bit in the header of a row is enough to have octets read as text or as a number."""
    return stored if isinstance(stored, bytes) else str(stored).encode(errors="replace")


def _row(link: Link) -> dict[str, Any]:
    item = link.item
    return {
        "position": link.position,
        "kind": item.kind,
        "reference": item.reference.encode() if item.kind == "decision" else key_of(item.reference),
        "body": item.body,
        "proof": item.proof,
        "at": microseconds(moment_of(item.at)),
        "hash": link.hash,
    }

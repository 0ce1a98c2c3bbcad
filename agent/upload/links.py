"""The links of the ledger: each holds the digest of what was sealed or decided and of the link before it (SHA-256).

Who changes, removes or swaps anything that has a link breaks the chain there, and can mend it only by making every
later link anew. What the chain cannot show by itself is a missing end: `Chain.head` is there to be written down.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Literal

# adopted: an envelope of before there was a ledger. resealed: a person's decision changed its bytes.
# accepted, rejected: what the portal, or a person who captures, has said for good. lost: a damaged database took it.
LinkKind = Literal["adopted", "sealed", "resealed", "decision", "pruned", "lost", "accepted", "rejected"]
START = bytes(32)  # stands before the first link
_WRITE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Item:
    """What a link is about: an envelope with its proof, its verdict, or a decision (`reference` is its number then).

    `body` (of a verdict: `verdict_digest`) and `proof` are SHA-256, `at` is the time as it is stored.
    """

    kind: LinkKind
    reference: str
    body: bytes
    proof: bytes | None
    at: str


@dataclass(frozen=True, slots=True)
class Link:
    """An item at its place in the chain, from 1 on without a gap."""

    position: int
    item: Item
    hash: bytes


def digest(content: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(content).digest()


def verdict_digest(receipts: str | None, reasons: str | None) -> bytes:
    """The digest of what was said about an envelope, from the JSON texts of its receipts and reasons."""
    told = [_value(receipts), _value(reasons)]
    return digest(json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="replace"))


def _value(stored: str | None) -> object:
    try:
        return json.loads(stored or "[]")
    except ValueError:
        return str(stored)


def hash_of(previous: bytes, position: int, item: Item) -> bytes:
    """The hash of a link behind the one with the hash `previous`."""
    parts = [position, item.kind, item.reference, item.body.hex(), item.proof.hex() if item.proof else None, item.at]
    return digest(previous + _WRITE(parts).encode(errors="replace"))


@dataclass(slots=True)
class Chain:
    """The end of a chain; it grows link by link, or is followed link by link."""

    position: int = 0
    head: bytes = field(default=START)

    def added(self, item: Item) -> Link:
        """The next link."""
        self.position += 1
        self.head = hash_of(self.head, self.position, item)
        return Link(self.position, item, self.head)

    def follows(self, link: Link) -> bool:
        """Whether this is the next link, as it was written; goes on behind it either way."""
        sound = link.position == self.position + 1 and link.hash == hash_of(self.head, link.position, link.item)
        self.position, self.head = link.position, link.hash
        return sound

"""Serial numbers made comparable: evidence, never a key, because makers and their firmware write them differently."""

from __future__ import annotations

import re
from functools import lru_cache

PLACEHOLDERS = frozenset({"SERIALNUMBER", "SERIAL", "UNKNOWN", "NONE", "NA", "NULL", "NOTSET", "PRIVATE", "XXXXXXXXXX"})


LONG = 64  # signs; longer ones are not kept, else a device that makes them up could fill the memory


def normal_serial(raw: str | None) -> str | None:
    """Upper case letters and digits only; `None` when nothing that could tell two machines apart is left.

    Blanks, dashes and the like go (`VNB-123 45` is `VNB12345`); all zeros, one repeated sign and words such as
    `unknown` are no serial numbers.
    """
    return _kept(raw) if raw is None or len(raw) <= LONG else _normal(raw)


def _normal(raw: str | None) -> str | None:
    if raw is None:
        return None
    plain = re.sub(r"[^0-9A-Z]", "", raw.upper())
    if len(plain) < 4 or len(set(plain)) == 1 or plain in PLACEHOLDERS:
        return None
    return plain


_kept = lru_cache(maxsize=2000)(_normal)


def same_serial(one: str | None, other: str | None) -> bool:
    """Whether two serial numbers name one machine: equal but for leading zeros, which some HP firmware adds."""
    left, right = normal_serial(one), normal_serial(other)
    return left is not None and right is not None and left.lstrip("0") == right.lstrip("0")

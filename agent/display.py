"""Foreign text made fit to be seen: in a terminal, in a log line, on a page."""

from __future__ import annotations

import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
SHORTENED = "\N{HORIZONTAL ELLIPSIS}"

# Cc: C0/C1 controls with line breaks, tab and escape. Cf: bidirectional overrides, zero-width and other format
# characters. Cs: lone surrogates, which no encoder takes. Co, Cn: nobody knows what they show. Zl, Zp: line breaks.
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def printable(text: str, limit: int = 255) -> str:
    """One harmless line of at most `limit` (>= 1) characters, in Unicode normal form C.

    Everything that could move a cursor, turn the writing direction, break the line or hide itself becomes
    U+FFFD; a text that was cut ends with an ellipsis. Applying it twice changes nothing.
    """
    # One base character may carry any number of combining marks, so the work is bounded too. No character of
    # normal form C stands for more than four decomposed ones.
    window = text[: 4 * limit + 4]
    composed = unicodedata.normalize("NFC", window)
    clean = "".join(REPLACEMENT if unicodedata.category(c) in _UNFIT else c for c in composed)
    if len(clean) > limit or len(window) < len(text):
        return clean[: limit - 1] + SHORTENED
    return clean

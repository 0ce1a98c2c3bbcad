"""Octets to text: whatever a device sends becomes readable, nothing ever raises.

Devices declare one character set and send another (roman8 declared, UTF-8 sent), pad with blanks and NULs and put
carriage returns inside. So: two octets per sign where every other one is zero, then valid UTF-8, then the declared
set, then Latin-1, which knows every octet.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

# IANA charset MIBenum (RFC 3808) as printers declare it in prtLocalizationCharacterSet -> Python codec.
CHARSETS = {
    3: "ascii",
    4: "latin-1",
    5: "iso8859-2",
    8: "iso8859-5",
    9: "iso8859-6",
    10: "iso8859-7",
    11: "iso8859-8",
    12: "iso8859-9",
    17: "shift_jis",
    38: "euc_kr",
    106: "utf-8",
    111: "iso8859-15",
    113: "gbk",
    1000: "utf-16-be",  # ISO-10646-UCS-2
    1013: "utf-16-be",
    1014: "utf-16-le",
    1015: "utf-16",
    2004: "hp-roman8",
    2009: "cp850",
    2011: "cp437",
    2025: "gb2312",
    2026: "big5",
    2250: "cp1250",
    2252: "cp1252",
}
PML_STRING = b"\x01\x15"  # HP's PML type prefix of a string; the value follows


# Printers share their short texts, so each is decoded once; long ones are not kept, else a device that makes them up
# could fill the memory.
SHORT = 64
KEPT = 4000


def text_of(octets: bytes, charset: int | None = None) -> str | None:
    """The octets as one line of text without padding and control characters; `None` when nothing is left."""
    return _kept_text(octets, charset) if len(octets) <= SHORT else _text(octets, charset)


def _text(octets: bytes, charset: int | None) -> str | None:
    content = octets.removeprefix(PML_STRING)
    decoded = _decode(content, charset).replace("\x00", " ")
    if decoded.isascii() and decoded.isprintable() and "  " not in decoded:
        return decoded.strip() or None  # the ordinary case, without looking at every sign
    spaced = "".join(" " if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") else sign for sign in decoded)
    return re.sub(r"\s+", " ", spaced).strip() or None


_kept_text = lru_cache(maxsize=KEPT)(_text)


def _decode(content: bytes, charset: int | None) -> str:
    wide = (_wide(content),) if content.count(0) * 2 >= len(content) > 3 else ()
    for codec in (*wide, "utf-8", CHARSETS.get(charset or 0, "latin-1")):
        try:
            return content.decode(codec)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _wide(content: bytes) -> str:
    """The codec of text in two octets per sign, where every other octet is zero and the others are not; else UTF-8."""
    even, odd = content[::2], content[1::2]
    if not any(odd) and even.rstrip(b"\x00") and 0 not in even.rstrip(b"\x00"):
        return "utf-16-le"
    if not any(even) and odd.rstrip(b"\x00") and 0 not in odd.rstrip(b"\x00"):
        return "utf-16-be"
    return "utf-8"


DEVICE_ID = 1024  # signs; what is longer is cut


def device_id(text: str) -> Mapping[str, str]:
    """The keys of an IEEE 1284 device id (`MFG:HP;MDL:…;`), upper case; ragged ones give what they have."""
    return _keys(text[:DEVICE_ID])


@lru_cache(maxsize=500)
def _keys(text: str) -> Mapping[str, str]:
    pairs = (part.split(":", 1) for part in text.split(";") if ":" in part)
    return MappingProxyType({key.strip().upper(): value.strip() for key, value in pairs if value.strip()})


def mac_of(octets: bytes) -> str | None:
    """A MAC address in lower case with colons; `None` for anything that is not six octets of a real card."""
    if len(octets) != 6 or octets in (b"\x00" * 6, b"\xff" * 6) or octets[0] & 1:
        return None
    return octets.hex(":")


@lru_cache(maxsize=64)  # many counters of one printer stand in one blob
def records(octets: bytes) -> Mapping[int, int]:
    """Numbers in a blob of records by id; see `sized_records`."""
    return {name: int.from_bytes(value, "big") for name, value in sized_records(octets).items()}


@lru_cache(maxsize=64)
def sized_records(octets: bytes) -> Mapping[int, bytes]:
    """Values in a blob of records: id (1 octet), 01, length (1), value (big endian); ends at an id of FF.

    Brother's counter and maintenance blobs; lengths differ within one blob. A value of all FF says that the part is
    not there. What does not fit the form ends the list; nothing ever raises.
    """
    found: dict[int, bytes] = {}
    at = 0
    while at + 3 <= len(octets) and octets[at] != 0xFF and octets[at + 1] == 0x01:
        name, size = octets[at], octets[at + 2]
        value = octets[at + 3 : at + 3 + size]
        if len(value) < size or not 1 <= size <= 8:
            break
        if value != b"\xff" * size:
            found.setdefault(name, value)
        at += 3 + size
    return found

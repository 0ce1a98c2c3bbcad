"""Whether what the portal says and what a device says mean the same: names, addresses, network cards, spellings."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

MOST = 200  # signs of a number that are looked at; the portal takes 25
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ẞ": "SS"})
_IN_BRACKETS = re.compile(r"\s*[(\[][^)\]]*[)\]]\s*$")
_BETWEEN = re.compile(r"[\s_-]+")
_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_FOUR = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")  # IPv4 in its one form
_BETWEEN_DIGITS = str.maketrans("", "", ":-. ")
FEW = 2000  # names whose spellings are kept: several rules look at each
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://(?:[^@/]*@)?(\[[^\]]+\]|[^/?#:]+).*$", re.IGNORECASE)
_SHARE = re.compile(r"^\\\\[^\\]+\\([^\\]+)\\?$")
_WITH_PORT = re.compile(r"^(\[[0-9a-f:.]+\]|[^\s:\[\]]+):([0-9]{1,5})$", re.IGNORECASE)
_PADDED = re.compile(r"^[0-9]{3}(?:\.[0-9]{3}){3}$")


@dataclass(frozen=True, slots=True)
class Meant:
    """What a technical identification number names: a name or an address, and the port (1..65535) where it says one."""

    text: str
    port: int | None = None


@lru_cache(maxsize=20_000)
def meant_by(number: str) -> Meant:
    """The host in a web address, the queue in `\\\\server\\queue`, host and port apart; else the number as it is."""
    text = unicodedata.normalize("NFC", number[:MOST]).strip()
    if found := (_URL.match(text) or _SHARE.match(text)):
        return Meant(found[1].strip("[]"))
    if (found := _WITH_PORT.match(text)) and 1 <= int(found[2]) <= 65535:
        return Meant(found[1].strip("[]"), int(found[2]))
    return Meant(text.strip("[]") if text.startswith("[") and ":" in text else text)


def plain_name(name: str) -> str:
    """A host name for comparing: composed letters, no case, no blanks around, no dot at the end."""
    if name.isascii():
        return name.strip().rstrip(".").lower()
    return unicodedata.normalize("NFC", name).strip().rstrip(".").casefold()


def same_name(number: str, name: str) -> bool:
    """Whether two host names are one: equal without regard to case, or one is the other with its DNS domain.

    `PRN-7` and `prn-7.example.com` are one; `prn-7.a.example` and `prn-7.b.example` are not: two sites may use
    the same names.
    """
    left, right = plain_name(number), plain_name(name)
    if not left or not right or address_in(left) or address_in(right):
        return False
    return left == right or left.startswith(f"{right}.") or right.startswith(f"{left}.")


def without_brackets(text: str) -> str:
    """The text without a remark in brackets at its end: `PRN-7 (EG)` is `PRN-7`."""
    return _IN_BRACKETS.sub("", text)


@lru_cache(maxsize=FEW)
def spelled(name: str) -> str:
    """A name as a host could bear it: no remark in brackets, umlauts in two letters, one dash between words."""
    plain = plain_name(without_brackets(unicodedata.normalize("NFC", name)).translate(UMLAUTS))
    return _BETWEEN.sub("-", plain)


@lru_cache(maxsize=FEW)
def loose(name: str) -> str:
    """A name of which only letters and numbers count, `prn-007` as `prn7`; the first label alone."""
    return _BETWEEN.sub("", _ZEROS.sub("", first_label(spelled(name))))


def first_label(name: str) -> str:
    """What stands before the first dot. Names that are one (see `same_name`) have the same."""
    return plain_name(name).partition(".")[0]


def address_in(text: str) -> str | None:
    """The address in its one form; None for anything else.

    `010.000.000.007`, three digits everywhere, is 10.0.0.7: lists are written so to be sorted. Other leading zeros
    could be octal and are nothing.
    """
    text = text.strip()
    if _FOUR.fullmatch(text):
        return text
    if ":" not in text and not text.replace(".", "").isdigit():
        return None  # no address has other signs; asking costs more than all other rules together
    if _PADDED.match(text):
        text = ".".join(str(int(part)) for part in text.split("."))
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def same_mac(number: str, mac: str) -> bool:
    """Whether the number is this MAC address, however it is written (colons, dashes, dots, none)."""
    return plain_mac(number) == mac.replace(":", "")


def plain_mac(number: str) -> str | None:
    """Twelve signs of a MAC address without what is between them; None for anything else."""
    plain = number.strip().lower().translate(_BETWEEN_DIGITS)
    return plain if len(plain) == 12 else None

"""A recording without what names the customer: serial numbers, host names, addresses, people; counters stay.

Texts that reading does not need are not recorded at all. In the others the same word becomes the same substitute
everywhere, however it is written, so that a redacted recording still fits together: its serial number stands in the
Printer-MIB, in the device id and in sysDescr alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from ipaddress import ip_address
from urllib.parse import quote

from agent.printers import Identity
from agent.snmp.octets import CHARSETS, text_of
from agent.snmp.varbinds import Oid, Tag, Value, Varbinds, as_number, as_octets, oid_of

# Never recorded, whatever stands there: sysContact, sysLocation, prtGeneralCurrentOperator, prtGeneralServicePerson,
# prtChannelInformation (queues), prtConsoleDisplayBufferText (whose job it is), ppmPrinterSnmpCommunityName, and
# ppmPortName and ppmPortServiceNameOrURI (PWG 5107.1).
PERSONAL = tuple(
    map(
        oid_of,
        (
            "1.3.6.1.2.1.1.4",
            "1.3.6.1.2.1.1.6",
            "1.3.6.1.2.1.43.5.1.1.4",
            "1.3.6.1.2.1.43.5.1.1.5",
            "1.3.6.1.2.1.43.14.1.1.9",
            "1.3.6.1.2.1.43.16.5.1.2",
            "1.3.6.1.4.1.2699.1.2.1.2.1.1.7",
            "1.3.6.1.4.1.2699.1.2.1.3.1.1.3",
            "1.3.6.1.4.1.2699.1.2.1.3.1.1.4",
        ),
    )
)
SERIAL_COLUMN = oid_of("1.3.6.1.2.1.43.5.1.1.17")
# sysName, prtGeneralPrinterName, ppmPrinterName
NAME_OBJECTS = tuple(map(oid_of, ("1.3.6.1.2.1.1.5", "1.3.6.1.2.1.43.5.1.1.16", "1.3.6.1.4.1.2699.1.2.1.2.1.1.2")))
MAC_COLUMN = oid_of("1.3.6.1.2.1.2.2.1.6")
ALERT_TEXTS = oid_of("1.3.6.1.2.1.43.18.1.1.8")
CHARSET_COLUMN = oid_of("1.3.6.1.2.1.43.7.1.1.4")
ADDRESS = re.compile(rb"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
ADDRESS_6 = re.compile(rb"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}(?:[0-9a-fA-F]{1,4}|(?<=::))(?:%\w+)?(?![\w:])")
MAIL = re.compile(rb"[\w.+\x80-\xff-]+@[\w\x80-\xff-]+(?:\.[\w\x80-\xff-]+)*")
URL = re.compile(rb"\b([A-Za-z][A-Za-z0-9+.-]{1,15}://)[^/:\s;,\"'<>\x00]+")
SHARE = re.compile(rb"\\\\[\w.\x80-\xff-]+")
PHONE = re.compile(rb"(?<!\w)(?:\+\d[\d ()/-]{6,20}\d|0\d{1,5}[ /-]{1,3}\d[\d -]{3,14}\d)")
NAMED_SERIAL = re.compile(r"\b(?:S/?N|SERN?|SERIAL(?: ?(?:NUMBER|NO\.?))?)\s*[:=#]\s*([^\s;,]{4,40})", re.IGNORECASE)
DOCUMENTATION_ADDRESS = bytes((192, 0, 2, 1))  # RFC 5737, for documents
LEAST = 4  # signs of a word that is looked for inside other texts
NETBIOS = 15  # signs of a name that Windows shows

Words = Mapping[bytes, bytes]


def redact(
    varbinds: Varbinds,
    identity: Identity,
    serials: Iterable[str] = (),
    names: Iterable[str] = (),
    needed: Collection[Oid] | None = None,
) -> Varbinds:
    """The same answers without personal objects and with every identifying word replaced.

    `serials` are further serial numbers, those of supplies among them, which lead to who bought them; `names` further
    names of the printer. `needed` are the objects and columns whose texts reading looks at; other texts are left out.
    None keeps them all.
    """
    words = substitutes(varbinds, identity, serials, names)
    replaced = _replacer(words)
    kept = (
        (oid, value)
        for oid, value in varbinds.items()
        if not _below_any(oid, PERSONAL) and (not _is_text(value) or needed is None or _below_any(oid, needed))
    )
    return Varbinds((oid, _redacted(oid, value, words, replaced)) for oid, value in kept)


def cleaner(words: Words) -> Callable[[bytes], bytes]:
    """Takes out of a text these words, and what gives itself away."""
    replaced = _replacer(words)

    def clean(octets: bytes) -> bytes:
        found = replaced(octets)
        return _wide(found, ()) or _without_patterns(found, ())

    return clean


def substitutes(
    varbinds: Varbinds, identity: Identity, more_serials: Iterable[str] = (), more_names: Iterable[str] = ()
) -> dict[bytes, bytes]:
    """What is replaced by what, in every way in which it may be written; in lower case, longer ones first."""
    charset = next(filter(None, map(as_number, varbinds.column(CHARSET_COLUMN).values())), None)
    codecs = tuple(dict.fromkeys(("utf-8", "latin-1", "cp1252", CHARSETS.get(charset or 0, "latin-1"))))
    found: dict[bytes, bytes] = {}
    for number, serial in enumerate(sorted(_serials(varbinds, identity, more_serials)), 1):
        other = _like(serial, number)
        for form, meant in ((serial, other), (_joined(serial), _joined(other))):
            found |= _forms(form, meant, codecs)
    for number, name in enumerate(sorted(_names(varbinds, identity, more_names)), 1):
        found = _forms(name, _named(name, number), codecs) | found
    for number, mac in enumerate(sorted(_macs(varbinds, identity)), 1):
        found |= _forms_of_mac(mac, bytes((2, 0, 0, 0, number >> 8 & 255, number & 255)))
    usable = {word.lower(): other for word, other in found.items() if len(word) >= LEAST}
    return dict(sorted(usable.items(), key=lambda pair: (-len(pair[0]), pair[0])))


def _serials(varbinds: Varbinds, identity: Identity, more: Iterable[str]) -> set[str]:
    """Serial numbers from where they belong, and whatever a text calls one."""
    told = {identity.serial_number_raw, identity.serial_number, *more, *_texts(varbinds, SERIAL_COLUMN)}
    for value in varbinds.values():
        text = text_of(octets) if (octets := as_octets(value)) else None
        told |= {match[1].rstrip(".)") for match in NAMED_SERIAL.finditer(text or "")}
    return {serial for serial in told if serial and any(sign.isalnum() for sign in serial)}


def _names(varbinds: Varbinds, identity: Identity, more: Iterable[str]) -> set[str]:
    """Host and printer names and asset tags, and what is left of them without domain or where Windows cuts them."""
    told = {identity.host_name, *(text for prefix in NAME_OBJECTS for text in _texts(varbinds, prefix))}
    told |= {identity.printer_name, identity.asset_tag, *more}
    whole = {name for name in told if name and not _says_only_model(name, identity)}
    parts = {part for name in whole if "." in name for part in (name.partition(".")[0], name.partition(".")[2])}
    cut = {name[:NETBIOS] for name in whole | parts}
    return {name for name in whole | parts | cut if not _says_only_model(name, identity)}


def _says_only_model(name: str, identity: Identity) -> bool:
    """Whether a printer's name is only that of its kind, as it came from the factory: "SC-T3405 Series"."""
    left = name.casefold()
    for word in (identity.model, identity.manufacturer, "series"):
        left = left.replace((word or "series").casefold(), "")
    kind = f"{identity.manufacturer or ''} {identity.model or ''}".casefold()
    return name.casefold() in kind or not any(sign.isalnum() for sign in left)


def _macs(varbinds: Varbinds, identity: Identity) -> set[bytes]:
    told = {bytes.fromhex(mac.replace(":", "")) for mac in identity.mac_addresses}
    told |= {octets for value in varbinds.column(MAC_COLUMN).values() if (octets := as_octets(value))}
    return {mac for mac in told if len(mac) == 6 and any(mac)}


def _texts(varbinds: Varbinds, prefix: Oid) -> set[str]:
    octets = (as_octets(value) for value in varbinds.column(prefix).values())
    return {text for content in octets if content and (text := text_of(content))}


def _joined(serial: str) -> str:
    return "".join(sign for sign in serial if sign.isalnum())


def _like(serial: str, number: int) -> str:
    """A serial number of the same length and shape: letters become X, digits 0, and the end counts."""
    shape = "".join("0" if sign.isdigit() else "X" if sign.isalpha() else sign for sign in serial)
    count = f"{number:02d}"
    return shape[: -len(count)] + count if len(shape) > len(count) else shape


def _named(name: str, number: int) -> str:
    """Another name, as long as this one where that is possible."""
    other = f"PRINTER{number}" if len(name) > len("PRINTER") else f"P{number}"
    return other.ljust(len(name), "X")


def _forms(word: str, other: str, codecs: Iterable[str]) -> dict[bytes, bytes]:
    """A word as octets in each of these encodings, in two octets per sign, in hexadecimal and in a URL."""
    forms: dict[bytes, bytes] = {}
    for written in {word, word.lower(), word.upper()}:
        for codec in codecs:
            try:
                octets = written.encode(codec)
            except UnicodeEncodeError:
                continue
            forms[octets] = other.encode(codec, "replace")
            forms |= _hexadecimal(octets, other.encode("ascii", "replace"))
        for wide in ("utf-16-le", "utf-16-be"):
            forms[written.encode(wide, "surrogatepass")] = other.encode(wide)
        forms[quote(written, safe="").encode()] = other.encode("ascii", "replace")
    return forms if len(word) >= LEAST else {}


def _forms_of_mac(mac: bytes, other: bytes) -> dict[bytes, bytes]:
    forms = {mac: other, **_hexadecimal(mac, other)}
    forms[mac.hex(".", 2).encode()] = other.hex(".", 2).encode()
    tail = mac[3:].hex()
    if re.search("[a-f]", tail):  # six digits alone may be anything
        forms[tail.encode()] = other[3:].hex().encode()
    plain = [(word.decode(), meant.decode()) for word, meant in forms.items() if word != mac]
    for wide in ("utf-16-le", "utf-16-be"):
        forms |= {word.encode(wide): meant.encode(wide) for word, meant in plain}
    return forms


def _hexadecimal(octets: bytes, other: bytes) -> dict[bytes, bytes]:
    """Octets as people and programs write them down: 4f50, 4f:50, 4f-50, 4f 50."""
    seen = {octets.hex().encode(): other.hex().encode()}
    return seen | {octets.hex(sign).encode(): other.hex(sign).encode() for sign in ":- "}


def _replacer(words: Words) -> Callable[[bytes], bytes]:
    """Puts the substitutes in, whatever the case of letters."""
    if not words:
        return lambda octets: octets
    pattern = re.compile(b"|".join(map(re.escape, words)), re.IGNORECASE)
    return lambda octets: pattern.sub(lambda found: words[found[0].lower()], octets)


def _is_text(value: Value) -> bool:
    return value.tag in (Tag.OCTET_STRING, Tag.OPAQUE)


def _redacted(oid: Oid, value: Value, words: Words, replaced: Callable[[bytes], bytes]) -> Value:
    content = value.content
    if value.tag == Tag.IP_ADDRESS:
        return Value(value.tag, DOCUMENTATION_ADDRESS)
    if not _is_text(value) or not isinstance(content, bytes):
        return value
    if _below_any(oid, (MAC_COLUMN,)) and any(content) and content not in words:
        return Value(value.tag, bytes((2, 0, 0, 0, 0, 255))[: len(content)])
    if _below_any(oid, (SERIAL_COLUMN, *NAME_OBJECTS)) and len((text_of(content) or "").encode()) < LEAST:
        return Value(value.tag, b"X" * len(content))  # too short a word to be looked for elsewhere
    octets = replaced(content)
    return Value(value.tag, _wide(octets, oid) or _without_patterns(octets, oid))


def _wide(octets: bytes, oid: Oid) -> bytes | None:
    """The octets of a text in two octets per sign, without what gives itself away; None for any other."""
    for codec, zeros in (("utf-16-le", octets[1::2]), ("utf-16-be", octets[::2])):
        if len(octets) >= 8 and zeros.count(0) > len(zeros) * 3 // 4:
            text = octets.decode(codec, "replace").encode("utf-8", "replace")
            return _without_patterns(text, oid).decode("utf-8", "replace").encode(codec)
    return None


def _without_patterns(octets: bytes, oid: Oid) -> bytes:
    """Without what gives itself away: addresses, also of mail, hosts in URLs and shares; in alerts phone numbers."""
    octets = URL.sub(rb"\1printer.example", MAIL.sub(b"someone@example.org", octets))
    octets = ADDRESS.sub(b"192.0.2.1", SHARE.sub(rb"\\\\server", octets))
    octets = ADDRESS_6.sub(_other_address, octets)
    return PHONE.sub(b"000000", octets) if _below_any(oid, (ALERT_TEXTS,)) else octets


def _other_address(found: re.Match[bytes]) -> bytes:
    try:
        ip_address(found[0].partition(b"%")[0].decode("ascii"))
    except ValueError:
        return found[0]  # a time of day, a MAC address
    return b"2001:db8::1"  # RFC 3849, for documents


def _below_any(oid: Oid, prefixes: Iterable[Oid]) -> bool:
    return any(oid[: len(prefix)] == prefix for prefix in prefixes)

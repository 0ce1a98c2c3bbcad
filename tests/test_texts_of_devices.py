"""Octets become text, whatever a device sends and whatever character set it declares."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from agent.cli.tables import new_table, row, section
from agent.printers import Endpoint
from agent.snmp.interpretation import identify, interpret
from agent.snmp.octets import CHARSETS, device_id, mac_of, text_of
from agent.snmp.varbinds import Answer, Tag, Value, Varbinds
from tests.test_recordings import CATALOGUE, NOW

CHARSET = (1, 3, 6, 1, 2, 1, 43, 7, 1, 1, 4, 1, 1)
PRINTER = {(1, 3, 6, 1, 2, 1, 43, 5, 1, 1, 1, 1): Value(Tag.COUNTER32, 1)}
TEXTS = ("sysDescr", "sysName", "firstSerialNumber", "firstPrinterName", "ppmPrinterIEEE1284DeviceId", "hpDeviceId")
charsets = st.sampled_from(sorted(CHARSETS)) | st.integers(-(2**31), 2**31 - 1)


@given(st.binary(max_size=300), charsets | st.none())
def test_every_text_is_one_clean_line(octets, charset):
    """No exception, no control signs, no padding, for every declared set; what is left is None or visible."""
    text = text_of(octets, charset)
    assert text is None or (text == text.strip() and text)
    assert not [sign for sign in text or "" if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp")]
    device_id(text or "")


@given(st.dictionaries(st.sampled_from(TEXTS), st.binary(max_size=120)), charsets)
def test_an_identity_is_read_of_any_octets(told, charset):
    """The whole reader with any octets in every text and any declared set: serial number normalised, raw kept."""
    oids = CATALOGUE.generic.oids
    said = {oids[name]: Value(Tag.OCTET_STRING, octets) for name, octets in told.items()}
    varbinds = Varbinds(PRINTER | said | {CHARSET: Value(Tag.INTEGER, charset)})
    identity, prints = identify(CATALOGUE.generic, varbinds)
    assert prints
    assert identity.serial_number is None or (identity.serial_number_raw and identity.serial_number.isalnum())
    interpret(CATALOGUE.choose(identity, varbinds), Endpoint("127.0.0.1"), Varbinds(), Answer(varbinds, "v2c", 1), NOW)


@pytest.mark.parametrize("charset", sorted(CHARSETS))
def test_what_is_declared_is_read_as_declared(charset):
    """A name in the declared set is read as it was meant, where that set has its signs."""
    codec = CHARSETS[charset]
    for name in ("Büro-Drucker", "PRN-7", "打印机二号", "プリンター", "Принтер", "Etage 3"):
        try:
            octets = name.encode(codec)
        except UnicodeEncodeError:
            continue
        try:
            as_utf8 = octets.decode("utf-8")
        except UnicodeDecodeError:
            as_utf8 = None
        assert text_of(octets, charset) in (name, text_of(as_utf8.encode()) if as_utf8 else name)


@pytest.mark.parametrize(
    ("octets", "charset", "text"),
    [
        ("Büro".encode(), 2004, "Büro"),  # roman8 declared, UTF-8 sent
        ("Büro".encode("latin-1"), 106, "Büro"),  # the other way round
        ("PRN-7".encode("utf-16-le"), None, "PRN-7"),
        ("PRN-7".encode("utf-16-be"), 106, "PRN-7"),
        ("PRN-7\0\0".encode("utf-16-le"), None, "PRN-7"),
        ("PRN-7".encode("utf-16"), 1015, "PRN-7"),
        (b"PRN-7\0\0\0\0\0\0", None, "PRN-7"),
        (b"A\0\0\0\0\0", None, "A"),
        (b"\x01\x15VNCRC48198", None, "VNCRC48198"),  # HP's prefix of a string
        (b"  \r\nENERGIESPAREN   \rTROMMEL ERSETZ. ", None, "ENERGIESPAREN TROMMEL ERSETZ."),
        (b"\0\0\0\0", None, None),
        (b"", None, None),
    ],
)
def test_odd_texts(octets, charset, text):
    """Declared wrongly, two octets per sign, padded, prefixed, or nothing at all."""
    assert text_of(octets, charset) == text


@pytest.mark.parametrize(
    ("octets", "mac"),
    [
        ("001ba9010203", "00:1b:a9:01:02:03"),
        ("000000000000", None),
        ("ffffffffffff", None),
        ("01005e000001", None),
        ("001ba90102", None),
        ("", None),
    ],
)
def test_only_the_address_of_a_card_is_one(octets, mac):
    """Six octets of one real card; none of zeros, of everybody, of a group, or of another length."""
    assert mac_of(bytes.fromhex(octets)) == mac


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_identifiers_stay_whole_on_any_screen(width: int):
    """What is searched for, an object or a digest, stands in one piece; a blob is broken and makes no line longer."""
    oid, digest, blob = "1.3.6.1.4.1.18334.1.1.1.5.7.2.1.1.0", "ab" * 32, "4x|" + "cd" * 100
    table = new_table("Object", "Value")
    row(table, oid, blob)
    row(table, "SHA-256", digest)
    screen = io.StringIO()
    section(Console(file=screen, width=width), "Said", table, whole=True)
    shown = screen.getvalue()
    assert oid in shown
    assert digest in shown
    assert "".join(shown.split()).count("cd") == 100, "nothing of the blob is cut off"
    assert max(map(len, shown.splitlines())) <= max(width, len(oid) + len(digest) + 5)

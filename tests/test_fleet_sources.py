"""What virtual printers are made from: device files, recordings of real devices, and the laws of their encoding."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ

from sandbox.printers import ber, description, portrait, recording
from sandbox.printers.fleet import FleetError, addresses, lined_up
from sandbox.printers.mib import Mib, Value

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"


@pytest.mark.parametrize("path", description.shipped(), ids=lambda path: path.stem)
def test_device_file(path: Path) -> None:
    """Each shipped device is consistent: its parts make its total, some object tells it, its life count covers it."""
    device = description.load(path)
    values = description.objects(device)
    truth = device.truth
    if device.marker is None:
        assert not portrait.of(path).is_printer
        return
    parts = [truth.monochrome, truth.full_color, truth.highlight_color]
    assert truth.total is not None
    assert truth.total <= device.marker.life_count <= truth.total * 1.05
    assert {part for part in (truth.total, *parts) if part is not None} <= sums(counters(values))
    if truth.monochrome is not None:
        assert sum(part or 0 for part in parts) == truth.total
    assert all(each.colorant is None or each.colorant in device.marker.colorants for each in device.supplies)
    assert portrait.of(path).serial
    assert "@" not in path.read_text("utf-8"), "no mail addresses in a device file"


def counters(values: dict[tuple[int, ...], Value]) -> set[int]:
    """Everything that may be a page counter."""
    told = {value.content for value in values.values() if isinstance(value.content, int) and value.content > 5}
    return told | set(blob_numbers(values))


def sums(numbers: set[int]) -> set[int]:
    """What one, two or three of these numbers make together: no maker needs more for a total."""
    return {sum(some) for size in (1, 2, 3) for some in combinations(numbers, size)}


def blob_numbers(values: dict[tuple[int, ...], Value]) -> Iterator[int]:
    """The counters in Brother's records: identifier, 01, length 4, value."""
    blob = values.get((1, 3, 6, 1, 4, 1, 2435, 2, 3, 9, 4, 2, 1, 5, 5, 10, 0), Value(4, b"")).content
    assert isinstance(blob, bytes)
    for record in range(0, len(blob) - 6, 7):
        assert blob[record + 1 : record + 3] == b"\x01\x04"
        yield int.from_bytes(blob[record + 3 : record + 7], "big")


def test_a_dozen_makers() -> None:
    """There are at least twelve makers' printers and one device that is no printer."""
    devices = [description.load(path) for path in description.shipped()]
    assert len({each.manufacturer for each in devices if each.marker}) >= 12
    assert any(each.marker is None for each in devices)


ODD = b"1.3.7|2|1\n1.3|4x|zz\n1.3.6.1|99|x\n1|2|5\n\xff|\xff|\xff\n1.3.7|2|2\n\nnonsense\n1.3.6|4|a|b\r\n"


def test_odd_lines() -> None:
    """Lines that make no sense are counted and skipped, the others are kept; of a repeated object the first counts."""
    recorded = recording.parse(ODD)
    assert recorded.skipped == 5
    assert recorded.values[(1, 3, 6)] == Value(ber.OCTET_STRING, b"a|b")
    assert recorded.values[(1, 3, 7)].content == 1


@given(st.binary(max_size=200))
def test_any_file_is_a_recording(content: bytes) -> None:
    """Whatever stands in a file, reading it as a recording never fails, and what it gives can be served."""
    Mib(recording.parse(content).values)


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings of real printers are not beside the project")
def test_real_recordings() -> None:
    """The recordings of real devices parse completely; the one damaged line in them is known."""
    damaged: dict[str, int] = {}
    for path in recording.recordings(RECORDINGS):
        recorded = recording.load(path)
        assert Mib(recorded.values).rows
        if recorded.skipped:
            damaged[path.stem] = recorded.skipped
    assert damaged in ({}, {"okilan_9450g": 1})


@given(st.integers(-(2**63), 2**64))
def test_numbers(value: int) -> None:
    """Numbers are encoded so that pyasn1 understands them, and never in more octets than it uses itself."""
    octets = ber.tlv(ber.INTEGER, ber.integer(value))
    assert decoder.decode(octets) == (value, b"")
    assert len(octets) <= len(encoder.encode(univ.Integer(value)))
    assert ber.number(ber.integer(value)) == value


@given(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_identifiers(first: int, second: int, rest: list[int]) -> None:
    """Object identifiers are encoded as pyasn1 encodes them, and decode to themselves."""
    arcs = (first, second, *rest)
    assert ber.tlv(ber.OBJECT_IDENTIFIER, ber.oid(arcs)) == encoder.encode(univ.ObjectIdentifier(arcs))
    assert ber.arcs(ber.oid(arcs)) == arcs


@given(st.sets(st.lists(st.integers(0, 300), min_size=1, max_size=4).map(lambda tail: (1, 3, *tail))))
def test_walk_order(names: set[tuple[int, ...]]) -> None:
    """Walking any set of objects meets all of them, in the order of their identifiers."""
    mib = Mib({name: Value(ber.INTEGER, 1) for name in names})
    met = []
    row = mib.after(ber.oid((1, 3)))
    while row:
        met.append(ber.arcs(row.name))
        row = mib.after(row.name)
    assert met == sorted(names)


def test_address_plan() -> None:
    """Addresses are handed out from below, never one that ends in .0 or .255; a network too small is refused."""
    network = IPv4Network("127.21.0.254/31")
    assert [*addresses(network)] == ["127.21.0.254"]
    with pytest.raises(FleetError, match="do not fit"):
        lined_up(description.shipped(), network)

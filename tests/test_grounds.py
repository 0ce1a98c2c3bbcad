"""What a reading rests on is kept with it whole, and read back as it was."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

import pytest

from agent.evidence import Evidence
from agent.grounds import NOTHING_MORE, Grounds
from agent.meters import Counter, Finding, LastReading
from agent.migrations.packing import packed, said, text_of, unpacked
from agent.printers import Endpoint, Identity
from agent.readout import Readout
from agent.texts import message
from agent.upload.https import clock_offset_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOTAL = Counter(
    "total", "total", "any", "any", "impressions", 12, "1.3.6.1.2.1.43.10.2.1.4.1.1", "generic/1", "1.3?a=2"
)
OTHER = Counter("report_total", "report", "any", "any", "impressions", 3, "1.3.6.1.4.1.1", "acme/2")
DOUBT = Finding("sum_mismatch", message("Black and color make {sum}, the total is {total}.", sum=7, total=9))
READOUT = Readout(
    Endpoint("10.0.0.1"),
    "ok",
    NOON,
    Identity(serial_number="SN471101"),
    counters=(TOTAL, OTHER),
    findings=(DOUBT,),
    evidence={"1.3.6.1.2.1.43.10.2.1.4.1.1": "65|12"},
    profile="acme/2",
    uptime=8640000,
)
GROUNDS = Grounds(
    matched_by=(Evidence("host_name", "KM-Ä1", "KM-Ä1"),),
    offsets={"total": 5000},
    last={"total": LastReading(5010, NOON - timedelta(days=1), estimated=True, protocol="snmp", origin="1.3?a=2")},
    clock_offset=-3,
)


def test_a_proof_has_everything_that_a_dispute_needs() -> None:
    """Who it is and why, what was counted from what, the doubts, the clock, and what it was judged by."""
    told = said(unpacked(packed(text_of(READOUT, GROUNDS))))
    assert told.grounds == GROUNDS
    assert (told.findings, told.uptime, told.identity) == ((DOUBT,), 8640000, READOUT.identity)
    assert told.profile == "acme/2"
    total, other = told.counters
    assert (total.meter, total.value, total.unit) == ("total", 12, "impressions")
    assert (total.source, total.profile, total.origin) == (TOTAL.source, "generic/1", TOTAL.origin)
    assert (other.meter, other.value) == ("report_total", 3)


def test_a_proof_of_before_is_read() -> None:
    """What an earlier version wrote lacks the later parts, and is a proof all the same."""
    old = zlib.compress(b'{"evidence":{"1.3":"2|5"},"identity":{},"endpoint":{"address":"10.0.0.1"}}')
    told = said(unpacked(old))
    assert (told.evidence, told.counters, told.grounds) == ({"1.3": "2|5"}, (), NOTHING_MORE)


@pytest.mark.parametrize(
    ("told", "offset"),
    [
        ("Mon, 23 Nov 2026 12:00:05 GMT", 5),
        ("Mon, 23 Nov 2026 11:59:00 GMT", -60),
        ("Mon, 23 Nov 2026 13:00:00 +0100", 0),
        (None, None),
        ("", None),
        ("yesterday", None),
        ("Mon, 99 Nov 2026 12:00:05 GMT", None),
        ("Mon, 23 Nov 2026 12:00:05 -0000", None),
        ("Mon, 23 Nov 99999999999999999999 12:00:05 GMT", None),
    ],
)
def test_the_portals_clock(told: str | None, offset: int | None) -> None:
    """By how much the portal's clock is ahead, where it says so in the form of RFC 9110; nothing else is guessed."""
    assert clock_offset_of(told, NOON) == offset

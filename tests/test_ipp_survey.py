"""IPP beside SNMP: printers that speak one or both, found, read and compared over real sockets on loopback."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.discovery.allowed import Allowed
from agent.discovery.finder import NetworkFinder
from agent.discovery.ranges import AddressRanges
from agent.discovery.target import Target
from agent.errors import PrinterRefuses, PrinterSilent
from agent.ipp.client import IppClient, Patience
from agent.meters import LastReading, MeasuringPoint
from agent.printers import Endpoint, Equipment
from agent.readout import Readout
from agent.snmp.catalogue import shipped
from agent.snmp.client import CommunityAccess, SnmpClient
from agent.snmp.manners import Manner
from agent.snmp.pacing import Pace
from agent.snmp.varbinds import Answer
from agent.survey import Found, Survey
from agent.texts import message
from agent.upload.seal import Source, seal_reading
from agent.validation import is_newer, validate
from tests.conftest import RECORDINGS
from tests.fleet_process import FleetProcess
from tests.fleet_process import printer as fleet_printer
from tests.ipp_messages import response
from tests.ipp_printer import Printer, Visit, printer

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
linux = pytest.mark.skipif(sys.platform != "linux", reason="addresses of their own need Linux")


class Clock:
    def now(self) -> datetime:
        return NOW


class Nobody:
    def stage(self, name: object, total: int | None) -> None: ...

    def step(self, count: int = 1) -> None: ...


def saying(impressions: int, **more: Any):
    """A printer that counts this over IPP."""
    said = [(0x41, "printer-device-id", "MFG:Acme;MDL:Laser 9;SN:AC12345;"), (0x23, "printer-state", 3)]
    body = response([*said, (0x21, "printer-impressions-completed", impressions)], **more)

    async def behave(visit: Visit) -> None:
        await visit.answer(body)

    return behave


def survey(finder: NetworkFinder, ipp_port: int | None, known: Sequence[Endpoint] = ()) -> Survey:
    """The real clients, quick to give up."""
    snmp = SnmpClient((CommunityAccess("v2c", "public"),), Pace(timeout=0.2, retries=0))
    ipp = IppClient(ipp_port, Patience(0.5, 0.5, 2)) if ipp_port else None
    return Survey(finder, snmp, shipped(), Clock(), ipp=ipp, known=lambda: frozenset(known))


def hosts(*names: str) -> NetworkFinder:
    return NetworkFinder(Allowed(AddressRanges.parse([])), [Target.parse(name) for name in names], 1)


def look(
    finder: NetworkFinder, *, on: bool = True, known: Sequence[Endpoint] = ()
) -> tuple[Found, list[Readout], Printer]:
    """One survey beside a printer that answers IPP on 127.0.0.1 and is silent over SNMP."""

    async def scene() -> tuple[Found, list[Readout], Printer]:
        async with printer(saying(4711)) as other:
            one = survey(finder, other.port if on else None, known)
            found = await one.find(Nobody())
            read = [await one.read(each.endpoint, found.first[each.endpoint]) for each in found.printers]
            return found, read, other

    return asyncio.run(scene())


def test_a_named_printer_without_snmp_is_found_and_read_by_ipp_in_one_request() -> None:
    """Identity and counter come from the same answer, so it is asked only once."""
    found, (read,), other = look(hosts("127.0.0.1"))
    assert [each.identity.serial_number for each in found.printers] == ["AC12345"]
    assert [(counter.meter, counter.value) for counter in read.counters] == [("total", 4711)]
    assert (len(other.visits), found.silent) == (1, 0)


def test_switched_off_nothing_connects() -> None:
    """The printer stays silent."""
    found, read, other = look(hosts("127.0.0.1"), on=False)
    assert (found.printers, read, other.connections, found.silent) == ((), [], 0, 1)


def test_a_range_is_never_searched_by_ipp_but_a_known_printer_in_it_is_asked() -> None:
    """A silent address of a range gets no TCP connection, unless a printer was read there before."""
    ranges = NetworkFinder(Allowed(AddressRanges.parse(["127.0.0.1"])), (), 1)
    assert look(ranges)[2].connections == 0
    found, _, other = look(ranges, known=[Endpoint("127.0.0.1", 1)])
    assert (len(found.printers), other.connections) == (1, 1)


class Answering:
    """SNMP as one printer gives it: always this silence."""

    def __init__(self, silence: PrinterSilent) -> None:
        self.silence = silence

    async def ask(self, endpoint: Endpoint, ask: object) -> Answer:
        raise self.silence


REFUSAL = PrinterRefuses(message("It spoke SNMPv3 before."), code="v3_downgrade")
SILENCE = PrinterSilent(message("Nothing answers."))


@pytest.mark.parametrize(
    ("says", "silence", "met", "asked"),
    [
        ("nobody has ever heard it", SILENCE, False, 1),
        ("it answered SNMP once and sleeps now", SILENCE, True, 0),
        ("it answers, but not as it has to be asked", REFUSAL, False, 0),
    ],
)
def test_a_printer_that_speaks_snmp_is_never_asked_in_a_weaker_way(
    says: str, silence: PrinterSilent, met: bool, asked: int
) -> None:
    """IPP proves nothing about who answers, so it never stands in for SNMP where that was spoken."""

    async def scene() -> Printer:
        async with printer(saying(4711)) as other:
            one = replace(survey(hosts("127.0.0.1"), other.port), snmp=Answering(silence))
            if met:
                one.manners.heard(Manner(Endpoint("127.0.0.1", 1), "v2c:1", "v2c", "v2c:1", NOW, NOW))
            await one.find(Nobody())
            return other

    assert asyncio.run(scene()).connections == asked, says


@linux
def test_where_both_speak_snmp_counts_and_ipp_contradicts(tmp_path: Path) -> None:
    """The total over SNMP stays, and the difference travels with the reading, both numbers in it."""
    with FleetProcess(tmp_path, [fleet_printer("one", "127.0.0.1")]) as fleet:

        async def scene() -> Readout:
            async with printer(saying(7)) as other:
                one = survey(hosts(f"127.0.0.1:{fleet.ports['one']}"), other.port)
                found = await one.find(Nobody())
                (each,) = found.printers
                return await one.read(each.endpoint, found.first[each.endpoint])

        readout = asyncio.run(scene())
    total = next(counter for counter in readout.counters if counter.meter == "total")
    assert (total.value > 7, total.source.startswith("1.3.6.1.")) == (True, True)
    # The fleet's printer has another serial number than the one on IPP: two machines, whose counts say nothing.
    assert "ipp_identity_differs" in [finding.code for finding in readout.findings]
    point = MeasuringPoint("4711", "total", mandatory=True)
    verdict = validate(Equipment("1", measuring_points=(point,)), readout, {})
    assert verdict.reading is not None
    assert "ipp_identity_differs" in [finding.code for finding in verdict.reading.findings]


def by_ipp(value: int) -> Readout:
    async def scene() -> Readout:
        async with printer(saying(value)) as other:
            readout = await survey(hosts(), other.port).by_ipp(Endpoint("127.0.0.1"))
            assert readout
            return readout

    return asyncio.run(scene())


@pytest.mark.parametrize(
    ("before", "outcome"),
    [
        (None, "quarantined"),
        (LastReading(90, NOW - timedelta(days=30)), "quarantined"),
        (LastReading(90, NOW - timedelta(days=30), protocol="snmp"), "quarantined"),
        (LastReading(90, NOW - timedelta(days=30), protocol="ipp"), "accepted"),
    ],
)
def test_the_first_count_over_ipp_waits_for_a_person(before: LastReading | None, outcome: str) -> None:
    """It may lack copies and need not outlive a restart; once a person has accepted it, it goes like any other."""
    equipment = Equipment("1", measuring_points=(MeasuringPoint("4711", "total", mandatory=True),))
    verdict = validate(equipment, by_ipp(100), {"total": before} if before else {})
    assert verdict.outcome == outcome
    assert verdict.reading is not None
    assert "ipp_count_as_total" in [finding.code for finding in verdict.reading.findings]
    sealed = seal_reading(verdict.reading, Source("agent", "0"), "2026-11-23", held=False, now=NOW)
    assert sealed.content["source"]["protocol"] == "ipp"


def test_the_origin_of_a_booked_value_stays_known() -> None:
    """The portal gives back what was reported; only here is known that it came over IPP. A later value is another."""
    mine = LastReading(100, NOW, protocol="ipp")
    assert is_newer(mine, LastReading(100, NOW, measurement_document="9"))
    assert not is_newer(mine, LastReading(101, NOW))
    assert not is_newer(mine, LastReading(100, NOW + timedelta(seconds=1)))


def agent(*arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    """The command, and the objects on its standard output."""
    done = subprocess.run([sys.executable, "-m", "agent", *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.recordings
def test_a_recorded_answer_is_read_like_a_printer() -> None:
    """`read FILE.bin` prints the object that a live printer would give."""
    code, (read,), _ = agent("read", "--json", str(RECORDINGS / "ipp_gmuth" / "xerox-b210.bin"))
    assert (code, read["status"]) == (0, "partial")
    assert read["identity"]["mac_addresses"] == ["9c:93:4e:ac:2f:55"]
    (toner,) = read["supplies"]
    assert (toner["slot"], toner["colorant"], toner["level"]["percent"]) == ("ipp.1", "black", 62.0)


def test_a_file_that_is_no_answer_is_said_so(tmp_path: Path) -> None:
    """One sentence and exit code 1, no trace of the inside."""
    file = tmp_path / "noise.bin"
    file.write_bytes(b"GIF89a")
    code, read, error = agent("read", "--json", str(file))
    assert (code, read) == (1, [])
    assert "Traceback" not in error

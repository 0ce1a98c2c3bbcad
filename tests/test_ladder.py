"""Which version a printer is asked in, what is remembered of it, and when silence is sleep."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from agent.acquaintances import SqlKeeper
from agent.cycle import Cycle
from agent.errors import PrinterRefuses, PrinterSilent
from agent.memory import SqlMemory
from agent.meters import MeasuringPoint
from agent.ordering import Replenishment
from agent.printers import Endpoint, Equipment
from agent.settings import Settings
from agent.snmp.access import UserAccess
from agent.snmp.ladder import order
from agent.snmp.manners import SLEEPS, Manners
from agent.store import Store
from agent.supplies.policy import OrderRules
from agent.supply_memory import SqlSupplies
from agent.survey import Survey
from agent.surveying import Accesses, rungs_of, survey_of
from agent.upload.courier import Courier
from agent.upload.outbox import SqlOutbox
from agent.upload.seal import Source
from tests.fleet_process import FleetProcess, printer
from tests.test_ordering import Clock, Nobody, Office

AUTH, PRIV, COMMUNITY = "correct horse", "battery staple", "s3cret-floor2"
USER = {"name": "reader", "authentication": "sha256", "authentication_secret": AUTH}
USER |= {"privacy": "aes128", "privacy_secret": PRIV}
READER = UserAccess("reader", "sha256", AUTH, "aes128", PRIV)
ALL = Accesses(communities=("public", COMMUNITY), users=(READER,))
PLACE, OTHER = "127.36.0.1", "127.36.0.2"
RULES = OrderRules(
    armed=False, threshold_percent=10, between_low_readings=timedelta(), max_per_equipment_per_day=1, max_per_day=1
)


@pytest.fixture
def port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((PLACE, 0))
        return free.getsockname()[1]


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "a.sqlite", exclusive=True) as opened:
        yield opened


@contextmanager
def printing(tmp_path, port: int, **facts):
    """A printer at the usual place, or at `address`, until the block ends."""
    one = printer("prn", facts.pop("address", PLACE), port=port, **facts)
    with FleetProcess(tmp_path, [one]):
        yield


def settings_for(port: int, *, address: str = PLACE, timeout: float = 0.2) -> Settings:
    snmp = {"timeout_seconds": timeout, "retries": 1, "port": port}
    discovery = {"ranges": [address], "packets_per_second": 10_000}
    return Settings.model_validate({"snmp": snmp, "discovery": discovery})


def survey(
    store, port: int, clock: Clock, accesses: Accesses = ALL, *, address: str = PLACE, timeout: float = 0.2
) -> Survey:
    """A new process's survey, with what the database remembers."""
    settings = settings_for(port, address=address, timeout=timeout)
    return survey_of(settings, accesses, clock, None, Manners(SqlKeeper(store)))


def look(store, port: int, clock: Clock, accesses: Accesses = ALL, *, address: str = PLACE):
    """One search of a new process, then everything learnt is kept."""
    return asyncio.run(survey(store, port, clock, accesses, address=address).find(Nobody()))


def known(store, port: int, address: str = PLACE):
    return Manners(SqlKeeper(store)).of(Endpoint(address, port))


def test_the_strongest_version_comes_first_and_is_remembered(tmp_path, store, port):
    """A printer that speaks all is asked by SNMPv3; the next process asks it so at once."""
    with printing(tmp_path, port, user=USER):
        assert len(look(store, port, Clock()).printers) == 1
        manner = known(store, port)
        assert (manner.version, manner.access) == ("v3", "v3:1:reader")
        assert len(look(store, port, Clock()).printers) == 1


def test_what_worked_is_asked_alone_and_at_once(tmp_path, store, port):
    """v1 with the second community is found by trying; the next process asks nothing else before it."""
    clock, endpoint = Clock(), Endpoint(PLACE, port)
    with printing(tmp_path, port, community=COMMUNITY, faults={"v1_only": True}):
        assert len(look(store, port, clock).printers) == 1
        assert known(store, port).access == "v1:2"
        again = survey(store, port, clock, timeout=10.0)  # no slow moment of the machine is a repetition
        answer = asyncio.run(again.snmp.ask(endpoint, again.profile.identify_ask))
    assert (answer.version, answer.datagrams) == ("v1", 1)


def test_a_printer_without_bulk_stays_known(tmp_path, store, port):
    """A printer that fails at GETBULK is not asked by it in the next process; its values are the same."""
    clock, endpoint = Clock(), Endpoint(PLACE, port)
    with printing(tmp_path, port, faults={"no_bulk": True}):
        first = survey(store, port, clock)
        found = asyncio.run(first.find(Nobody()))
        readout = asyncio.run(first.read(endpoint, found.first[endpoint]))
        first.manners.flush()
        again = survey(store, port, clock)
        second = asyncio.run(again.read(endpoint, found.first[endpoint]))
    assert known(store, port).no_bulk
    assert second.counters == readout.counters
    assert second.datagrams < readout.datagrams


def test_no_secret_is_kept(tmp_path, store, port):
    """The database knows a place in a list and a user's name, never a community or a password."""
    with printing(tmp_path, port, community=COMMUNITY):
        look(store, port, Clock())
    assert known(store, port).access == "v2c:2"
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("a.sqlite*"))
    assert not [secret for secret in (AUTH, PRIV, COMMUNITY) if secret.encode() in kept]


def test_never_down_from_v3(tmp_path, store, port):
    """It spoke SNMPv3 once: when it speaks only v2c later it is not read, in any process, until a person allows it."""
    clock, endpoint = Clock(), Endpoint(PLACE, port)
    with printing(tmp_path, port, user=USER):
        look(store, port, clock)
    with printing(tmp_path, port):
        for _ in range(3):
            clock.moment += timedelta(days=2)
            found = look(store, port, clock)
            assert not found.printers
            assert found.absent[endpoint].status in ("asleep", "unreachable")
        assert found.absent[endpoint].status == "unreachable"
        assert "not asked in a weaker version" in str(found.absent[endpoint].findings[0].message)
        assert SqlKeeper(store).forget(endpoint)
        assert len(look(store, port, clock).printers) == 1
    assert known(store, port).version == "v2c"


def test_never_down_from_v3_without_a_user(tmp_path, store, port):
    """The user is taken out of the config: the printer is not read by the community instead, and the reason is said."""
    clock, endpoint = Clock(), Endpoint(PLACE, port)
    with printing(tmp_path, port, user=USER):
        look(store, port, clock)
    with printing(tmp_path, port):
        found = look(store, port, clock, Accesses(communities=("public",)))
    assert [finding.code for finding in found.absent[endpoint].findings] == ["v3_not_configured", "remedy"]


def test_never_down_from_v3_at_another_address(tmp_path, store, port):
    """The same serial number answers v2c at another address: refused by name, held to SNMPv3 there too."""
    clock, there = Clock(), Endpoint(OTHER, port)
    with printing(tmp_path, port, user=USER):
        look(store, port, clock)
    with printing(tmp_path, port, address=OTHER):
        first = look(store, port, clock, address=OTHER)
        second = look(store, port, clock, address=OTHER)
        assert not first.printers + second.printers
        assert first.absent[there].findings[0].code == "v3_downgrade"
        assert second.absent[there].status == "unreachable"
        assert SqlKeeper(store).forget(there)
        assert len(look(store, port, clock, address=OTHER).printers) == 1


def test_a_printer_that_moved_frees_its_old_address(tmp_path, store, port):
    """It is met by SNMPv3 elsewhere: whoever answers at its old address is another one and asked as such."""
    clock = Clock()
    with printing(tmp_path, port, user=USER):
        look(store, port, clock)
    with printing(tmp_path, port, address=OTHER, user=USER):
        look(store, port, clock, address=OTHER)
    assert known(store, port) is None
    with printing(tmp_path, port, device="kyocera_taskalfa_3555ci"):
        assert len(look(store, port, clock).printers) == 1


def test_another_printer_inherits_nothing(tmp_path, store, port):
    """Another serial number at the same address: it is not taken for one that fails at GETBULK."""
    clock = Clock()
    with printing(tmp_path, port, faults={"no_bulk": True}):
        first = survey(store, port, clock)
        found = asyncio.run(first.find(Nobody()))
        endpoint = Endpoint(PLACE, port)
        asyncio.run(first.read(endpoint, found.first[endpoint]))
        first.manners.flush()
    before = known(store, port)
    with printing(tmp_path, port, device="kyocera_taskalfa_3555ci"):
        look(store, port, clock)
    after = known(store, port)
    assert before.no_bulk
    assert before.read_at
    assert before.serial_number != after.serial_number
    assert (after.no_bulk, after.read_at) == (False, None)


def test_a_refusal_is_said_and_nothing_is_read(tmp_path, store, port):
    """The password was changed in the printer: unreachable, with the reason and what to do."""
    clock, endpoint = Clock(), Endpoint(PLACE, port)
    with printing(tmp_path, port, user=USER):
        look(store, port, clock)
    with printing(tmp_path, port, user={**USER, "authentication_secret": "another password"}):
        found = look(store, port, clock)
    readout = found.absent[endpoint]
    assert readout.status == "unreachable"
    assert [finding.code for finding in readout.findings] == ["v3_wrong_digest", "remedy"]


def test_a_first_refusal_is_said_to_the_equipment_at_this_address(tmp_path, store, port):
    """Never read before, and the user is not let in: the equipment that is known by this address says why."""
    with printing(tmp_path, port, user={**USER, "name": "somebody"}):
        report, finding = one_cycle(store, port, Clock())
    assert (report.readout.status, finding.code) == ("unreachable", "v3_unknown_user")


def test_a_context_that_is_not_there_is_said(tmp_path, store, port):
    """The printer answers the user, but in another context."""
    with printing(tmp_path, port, user={**USER, "context": "printer"}):
        found = look(store, port, Clock(), Accesses(users=(READER,)))
    assert found.absent[Endpoint(PLACE, port)].findings[0].code == "v3_context"


class Listening:
    """A place where somebody counts what comes and says nothing."""

    def __init__(self, port: int) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((PLACE, port))
        self.sock.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def count(self) -> int:
        count = 0
        while True:
            try:
                self.sock.recv(65_535)
            except BlockingIOError:
                return count
            count += 1


@pytest.mark.parametrize("facts", [{}, {"user": USER}, {"faults": {"v1_only": True}}])
def test_sleep_is_a_state_with_an_age(tmp_path, store, port, facts):
    """Read, then silent: asleep since so many hours, asked once in its own way only; silent after a weekend:
    unreachable."""
    clock, endpoint = Clock(), Endpoint(PLACE, port)
    with printing(tmp_path, port, **facts):
        awake = survey(store, port, clock)
        found = asyncio.run(awake.find(Nobody()))
        assert asyncio.run(awake.read(endpoint, found.first[endpoint])).status in ("ok", "partial")
        awake.manners.flush()
    clock.moment += timedelta(hours=3, minutes=5)
    with Listening(port) as place:
        readout = look(store, port, clock).absent[endpoint]
        assert (readout.status, readout.counters) == ("asleep", ())
        assert str(readout.findings[0].message).endswith("last read 3 h ago.")
        assert place.count() == 2  # one question, one repetition
        clock.moment += SLEEPS
        assert look(store, port, clock).absent[endpoint].status == "unreachable"


def test_a_cycle_says_that_a_printer_sleeps(tmp_path, store, port):
    """Its equipment is not reported with an old number: the outcome says that the printer sleeps, and since when."""
    clock = Clock()
    with printing(tmp_path, port):
        line, finding = one_cycle(store, port, clock)
        assert line.entry is not None
    clock.moment += timedelta(minutes=50)
    line, finding = one_cycle(store, port, clock)
    assert line.entry is None
    assert (line.readout.status, finding.code) == ("asleep", "asleep")
    assert "50 min ago" in str(finding.message)


def one_cycle(store, port: int, clock: Clock):
    """A whole cycle of a new process: the only equipment's line, and what is remembered of it."""
    outbox, memory, office = SqlOutbox(store), SqlMemory(store), Yard(f"{PLACE}:{port}")
    courier = Courier(outbox, office, clock, asyncio.sleep)
    seen, source = survey(store, port, clock), Source("agent", "0")
    ordering = Replenishment(office, outbox, SqlSupplies(store), clock, lambda one: RULES, source, memory.standings)
    cycle = Cycle(seen, office, outbox, memory, ordering, courier, clock, source, lambda now: now.isoformat())
    report = asyncio.run(cycle.run(Nobody()))
    return report.lines[0], memory.outcomes()["1"].finding


class Yard(Office):
    """A portal with one equipment, known by its printer's address."""

    def __init__(self, number: str) -> None:
        super().__init__()
        self.number = number

    async def equipments(self):
        point = MeasuringPoint("47", "total", mandatory=True)
        return [Equipment("1", technical_identification_number=self.number, measuring_points=(point,))]


def test_a_changed_config_is_tried_at_once():
    """A new community or user is tried on known printers too; without a change only what worked is asked for a day."""
    settings, now = settings_for(161), datetime(2026, 11, 23, tzinfo=UTC)
    rungs = rungs_of(settings, ALL)
    assert [rung.key for rung in rungs] == ["v3:1:reader", "v2c:1", "v2c:2", "v1:1", "v1:2"]
    assert order(rungs, None, "", now) == rungs
    manner = manner_of("v2c:2", "v2c", now)
    ways = manner.ways
    assert [rung.key for rung in order(rungs, manner, ways, now)] == ["v2c:2"]
    changed = ["v3:1:reader", "v2c:2", "v2c:1", "v1:1", "v1:2"]
    assert [rung.key for rung in order(rungs, manner, "other", now)] == changed
    assert [rung.key for rung in order(rungs, manner, ways, now + timedelta(days=1))] == changed
    secured = manner_of("v3:1:reader", "v3", now)
    assert {rung.version for rung in order(rungs, secured, "other", now)} == {"v3"}


def manner_of(access: str, version: str, now: datetime):
    from agent.snmp.manners import Manner

    return Manner(Endpoint(PLACE), access, version, "ways", climbed_at=now, answered_at=now)


def test_errors_name_the_printer_and_no_secret(tmp_path, port):
    """What is raised says place and remedy; neither password nor community stand in it or in the accesses."""
    ladder = survey_of(settings_for(port), ALL, Clock()).snmp
    with pytest.raises(PrinterSilent) as caught:
        asyncio.run(ladder.ask(Endpoint(PLACE, port), survey_of(Settings(), ALL, Clock()).profile.identify_ask))
    assert not isinstance(caught.value, PrinterRefuses)
    for secret in (AUTH, PRIV, COMMUNITY):
        assert secret not in f"{caught.value}{caught.value!r}{ALL!r}"

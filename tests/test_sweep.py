"""Searching ranges: what is never asked, and a search that was interrupted and goes on where it was."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.bookmarks import SqlBookmarks
from agent.clock import SystemClock
from agent.discovery.allowed import Allowed
from agent.discovery.excluded import Excluded
from agent.discovery.finder import NetworkFinder
from agent.discovery.ranges import AddressRanges
from agent.discovery.target import Target
from agent.errors import ConfigError
from agent.printers import Endpoint
from agent.searches import REST, Searches
from agent.settings import Settings
from agent.snmp.conversation import CommunityAccess
from agent.snmp.sounding import CommunityProbe, Sounder
from agent.store import Store
from agent.survey import Found
from agent.surveying import Accesses, survey_of
from agent.sweep import STALE, Bookmark, Notepad, Sweep
from agent.texts import Message

IP_PKTINFO = 8  # of Linux; Python 3.11 has no name for it
NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Stopped(Exception):
    """The process ends here."""


class Ear:
    """A `Sounder` that hears the even addresses, and whose process ends before its portion number `last`."""

    rounds, scope = 3, "ear"

    def __init__(self, portion: int, last: int | None = None) -> None:
        self.portion = portion
        self.last = last
        self.asked: list[Endpoint] = []

    async def sound(self, places: Callable[[], Iterable[Endpoint]], step: Callable[[int], None]) -> list[Endpoint]:
        if self.last == 0:
            raise Stopped
        self.last = None if self.last is None else self.last - 1
        portion = list(places())
        self.asked += portion
        for _ in range(self.rounds):
            step(len(portion))
        return [place for place in portion if is_even(place)]


class At:
    """A clock that stands."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment


def is_even(place: Endpoint) -> bool:
    return int(place.address.rpartition(".")[2]) % 2 == 0


def search(sweep: Sweep, known: frozenset[Endpoint] = frozenset()) -> tuple[list[Endpoint], int]:
    """Who is heard, and the steps that were counted."""
    steps: list[int] = []
    return asyncio.run(sweep.heard(sweep.begin(), known, steps.append)), sum(steps)


@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 12), st.sets(st.integers(1, 254), max_size=9))
def test_an_interrupted_search_asks_each_address_once_and_hears_everybody(count, portion, last, known):
    """Wherever it is interrupted, what was done before is not asked again, but for the portion under way."""
    finder = NetworkFinder(Allowed(AddressRanges.of([(1, count)])))
    places = list(finder.searched())
    met = frozenset(Endpoint(f"0.0.0.{low}") for low in known)
    first, second, bookmarks = Ear(portion, last), Ear(portion), Notepad()
    with suppress(Stopped):
        search(Sweep(finder, first, bookmarks, At(NOW)), met)
    heard, steps = search(Sweep(finder, second, bookmarks, At(NOW + STALE)), met)
    assert sorted(heard) == sorted(place for place in places if is_even(place) and place not in met)
    assert steps == len(places)
    again = Counter(first.asked) + Counter(second.asked)
    assert set(again) == set(places) - met
    twice = [place for place, times in again.items() if times > 1]
    assert len(twice) <= portion, "only a portion whose end was not noted"


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("other ranges", lambda sweep: replace(sweep, finder=NetworkFinder(Allowed(AddressRanges.of([(1, 99)]))))),
        ("another port", lambda sweep: replace(sweep, finder=NetworkFinder(sweep.finder._allowed, (), 1161))),
        ("too long ago", lambda sweep: replace(sweep, clock=At(NOW + STALE + timedelta(seconds=1)))),
    ],
)
def test_another_search_begins_at_its_beginning(what, changed):
    """A bookmark is only good for the same addresses, asked in the same ways, not long ago."""
    sweep = Sweep(NetworkFinder(Allowed(AddressRanges.of([(1, 100)]))), Ear(10, 5), Notepad(), At(NOW))
    with pytest.raises(Stopped):
        search(sweep)
    assert sweep.begin().done == 50
    assert changed(sweep).begin().done == 0, what


def test_the_scope_changes_with_a_community_and_tells_it_to_nobody():
    """Two octets: enough to notice that a password was changed, too little to try passwords against."""

    def scope(*communities: str) -> str:
        probes = [CommunityProbe(CommunityAccess("v2c", community)) for community in communities]
        return Sounder(probes, [], 10, 1, 2).scope

    assert scope("public") != scope("secret-one") != scope("public", "secret-one")
    assert len(bytes.fromhex(scope("secret-one"))) == 2


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A database."""
    with Store.open(tmp_path / "agent.db", exclusive=True) as opened:
        yield opened


def test_a_bookmark_outlives_the_process(store):
    """Kept, found again, replaced by another search, dropped; a damaged one is none."""
    mark = Bookmark("scope.one", NOW, 7, (Endpoint("10.0.0.7"), Endpoint("10.0.0.9", 1161)))
    SqlBookmarks(store).keep(mark)
    assert SqlBookmarks(store).recall("scope.one") == mark
    other = replace(mark, scope="scope.two", done=9)
    SqlBookmarks(store).keep(other)
    assert SqlBookmarks(store).recall("scope.one") is None
    assert SqlBookmarks(store).recall("scope.two") == other
    with store.begin() as connection:
        connection.exec_driver_sql("UPDATE searches SET heard = '[1]'")
    assert SqlBookmarks(store).recall("scope.two") is None
    SqlBookmarks(store).drop("scope.two")
    with store.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM searches").scalar() == 0


def test_what_was_searched_in_vain_is_not_searched_again_after_a_restart(store):
    """Not for the same equipment within the rest; one that was interrupted is due again."""
    one, two = frozenset({"1"}), frozenset({"1", "2"})
    first = Searches(diary=SqlBookmarks(store))
    assert first.is_due(one, NOW)
    assert Searches(diary=SqlBookmarks(store)).is_due(one, NOW), "the search has not ended"
    first.ended()
    assert not Searches(diary=SqlBookmarks(store)).is_due(one, NOW + REST / 2)
    assert Searches(diary=SqlBookmarks(store)).is_due(two, NOW + REST / 2)
    assert Searches(diary=SqlBookmarks(store)).is_due(one, NOW + REST)


class Net:
    """A socket that hears everything on its port in 127/8, and notes for whom it was."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self.socket.bind(("0.0.0.0", 0))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.heard: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError, OSError):
                _, extra, _, _ = self.socket.recvmsg(2048, 256)
                self.heard += [socket.inet_ntoa(struct.unpack("=I4s4s", data)[2]) for _, _, data in extra]

    def close(self) -> None:
        """Hears no more."""
        self._over.set()
        self._thread.join()
        self.socket.close()


@contextmanager
def net() -> Iterator[Net]:
    """Ears at every address, for the length of a block."""
    made = Net()
    try:
        yield made
    finally:
        made.close()


class Watcher:
    """Progress that is written down; ends the search after so many steps."""

    def __init__(self, until: int | None = None) -> None:
        self.stages: list[tuple[str, int | None]] = []
        self.steps = 0
        self._until = until

    def stage(self, name: Message, total: int | None) -> None:
        self.stages.append((str(name), total))

    def step(self, count: int = 1) -> None:
        self.steps += count
        if self._until is not None and self.steps >= self._until:
            raise Stopped


@pytest.mark.skipif(sys.platform != "linux", reason="the destination of a datagram is told in Linux' way")
def test_a_search_that_was_stopped_goes_on_over_real_sockets(store):
    """Two hundred addresses in portions of 64: the second process asks only what the first had not done, shows that it
    goes on, and nobody outside the ranges or in the exclusions hears anything in either."""
    with net() as ears:
        settings = Settings.model_validate(
            {
                "discovery": {"ranges": ["127.88.0.1-127.88.0.200"], "exclude": ["127.88.0.50-127.88.0.59"]},
                "snmp": {"port": ears.port, "versions": ["v2c"], "timeout_seconds": 0.1},
            }
        )
        whole = survey_of(settings, Accesses(("public",)), SystemClock())
        sounder = Sounder([CommunityProbe(CommunityAccess("v2c", "public"))], [], 5000, 0.1, 2, 0.001)
        survey = replace(whole, sounder=sounder, bookmarks=SqlBookmarks(store))
        with pytest.raises(Stopped):
            asyncio.run(survey.search(Found(), Watcher(until=100)))
        before = set(ears.heard)
        ears.heard.clear()
        watcher = Watcher()
        found = asyncio.run(survey.search(Found(), watcher))
    assert "127.88.0.1" in before
    assert "127.88.0.1" not in ears.heard
    assert before | set(ears.heard) == {f"127.88.0.{low}" for low in range(1, 201) if not 50 <= low <= 59}
    assert len(before & set(ears.heard)) <= 64
    assert watcher.stages[0] == ("Searching addresses, going on where it was interrupted", 190)
    assert found.silent == 190


EXCLUDED = [
    ("an address", ["10.0.0.7"], {"10.0.0.7", "::ffff:10.0.0.7"}, {"10.0.0.8"}),
    ("a range", ["10.0.0.7-10.0.0.9"], {"10.0.0.7", "10.0.0.9"}, {"10.0.0.10"}),
    ("a network, whole", ["10.0.0.0/30"], {"10.0.0.0", "10.0.0.3"}, {"10.0.0.4"}),
    ("an IPv6 address", ["2001:db8::7"], {"2001:db8::7"}, {"2001:db8::8", "10.0.0.7"}),
    ("an IPv6 network", ["2001:db8::/64"], {"2001:db8::1"}, {"2001:db8:1::1"}),
]


@pytest.mark.parametrize(("what", "texts", "out", "left"), EXCLUDED, ids=[row[0] for row in EXCLUDED])
def test_what_is_excluded_is_in_no_range_and_no_network(what, texts, out, left):
    """Whatever leads there."""
    allowed = Allowed.parse(["10.0.0.1-10.0.0.20"], ["2001:db8::/32"], texts)
    assert not any(address in allowed for address in out)
    assert all(address in allowed for address in left)
    assert not out & set(allowed.searched)


@pytest.mark.parametrize("text", ["10.0.0.1-5", "10.0.0.0/33", "10.1", "a b", "10.0.0.1/24", "::g", ""])
def test_a_mistyped_range_is_not_taken_for_a_name(text):
    """It would be excluded from nothing, without a word."""
    with pytest.raises(ConfigError):
        Excluded.parse([text])


def test_an_excluded_host_is_never_asked_by_whatever_name_or_address():
    """Its addresses are looked up, and neither a search nor a name nor the list of hosts leads there."""
    allowed = Allowed.parse(["127.0.0.1-127.0.0.3"], exclude=["localhost", "no.such.name.invalid"])
    finder = NetworkFinder(allowed, [Target("127.0.0.1"), Target("127.0.0.2")])
    named = asyncio.run(finder.named(["127.0.0.1", "localhost", "127.0.0.3"]))
    assert {sighting.endpoint.address for sighting in named.sightings} == {"127.0.0.2", "127.0.0.3"}
    assert [place.address for place in finder.searched()] == ["127.0.0.2", "127.0.0.3"]
    assert not finder.allows("127.0.0.1")
    assert named.lookups["127.0.0.1"].sightings == ()

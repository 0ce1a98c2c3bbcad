"""`status` says what holds sending back, and what ends it, while another process does the sending."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import CredentialsRejected
from agent.leases import FileLeases
from agent.printers import Endpoint
from agent.texts import Message, message
from agent.upload.pause import PauseNote
from agent.upload.restraint import OPENS_AFTER, Pause
from tests.agent_world import equipment, lines, worlds
from tests.test_courier import World, unavailable
from tests.test_courier import world as world  # a courier with a portal in memory

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
texts = st.builds(Message, st.text(max_size=20), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
times = st.datetimes(timezones=st.just(UTC))


@given(pause=st.builds(Pause, times, texts, st.none() | texts, st.none() | times, st.booleans()))
def test_a_note_is_read_as_it_was_written(tmp_path_factory, pause):
    """Whatever stands in it; and taken back, it is gone."""
    note = PauseNote(tmp_path_factory.mktemp("note") / "a.sqlite")
    note.write(pause)
    assert note.read() == pause
    note.write(None)
    note.write(None)
    assert note.read() is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"at": 1}', b"\xff", b"null", b'{"at": "x", "why": 1}'])
def test_a_torn_note_says_nothing(tmp_path: Path, content: bytes):
    """It is no record: `status` goes on without it."""
    note = PauseNote(tmp_path / "a.sqlite")
    note.file.write_bytes(content)
    assert note.read() is None


def test_a_note_that_cannot_be_written_stops_nothing(tmp_path: Path):
    """It is no record; what the disk has to say shows at the outbox."""
    note = PauseNote(tmp_path / "nowhere" / "a.sqlite")
    note.write(Pause(NOON, message("No.")))
    note.write(None)
    assert note.read() is None


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_makes_belongs_to_the_service(tmp_path: Path):
    """An administrator who runs a command first leaves no file that the service may not write."""
    os.chown(tmp_path, 12345, 12345)
    note = PauseNote(tmp_path / "a.sqlite")
    note.write(Pause(NOON, message("No.")))
    leases = FileLeases(tmp_path / "a.sqlite.asking")
    asyncio.run(leases.take(Endpoint("127.0.0.1")))
    owners = {(file.name, file.stat().st_uid, file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
    assert owners == {("a.sqlite.pause", 12345, 0o600), ("a.sqlite.asking", 12345, 0o600)}


def test_the_courier_tells_what_holds_it_back(world: World):
    """A time that the portal named, a person who has to act, failures in a row; and that it is over."""
    told: list[Pause | None] = []
    world.courier.tell = told.append
    world.readings(1)
    world.clock.at += timedelta(minutes=1)
    world.portal.failing = [unavailable(3600.0)]
    world.deliver()
    (pause,) = told
    assert pause is not None
    assert (pause.until, pause.probing) == (world.clock.at + timedelta(hours=1), False)
    world.clock.at += timedelta(minutes=30)
    world.deliver()
    assert told[-1] is not None
    assert told[-1].until == pause.until, "the same moment, from wherever it is looked at"
    world.clock.at += timedelta(hours=1)
    world.portal.always = unavailable()
    for _ in range(OPENS_AFTER):
        world.deliver()
        world.clock.at += timedelta(hours=1)
    assert told[-1] is not None
    assert (told[-1].until, told[-1].probing) == (None, True)
    world.portal.always = CredentialsRejected(message("No."), message("Enrol anew."))
    world.deliver()
    assert told[-1] is not None
    assert (str(told[-1].remedy), told[-1].until) == ("Enrol anew.", world.clock.at + timedelta(hours=1))
    world.portal.always = None
    world.clock.at += timedelta(hours=2)
    assert world.deliver().accepted == 1
    assert told[-1] is None


def test_status_says_why_nothing_is_sent_and_what_ends_it(tmp_path, fleet):
    """A right that is missing, for how many, and how to go on; a Retry-After, until when."""
    with worlds(tmp_path, fleet) as make:
        one = make(equipment("1"))
        one.portal.admin("PUT", "/admin/scopes", {"scopes": ["equipments:read"]})
        one.agent("run", "--once")
        parked = one.agent("status", LC_ALL="de").stdout
        assert "1 Vorgänge warten auf ein Recht oder eine Änderung im Portal:" in parked
        assert "readings:write" in parked
        assert "meter-agent outbox retry" in parked
        head = lines(one.agent("status", "--json"))[0]
        assert (head["pause"], len(head["parked"])) == (None, 1)
        one.portal.admin("PUT", "/admin/scopes", {"scopes": ["equipments:read", "readings:write"]})
        (entry,) = lines(one.agent("outbox", "list", "--json"))
        one.agent("outbox", "retry", entry["reference"])
        busy = {"kind": "error-before", "status": 503, "retry_after": 7200, "path": "/v1/measurement-document"}
        one.portal.faults(busy)
        one.agent("run", "--once")
        said = one.agent("status").stdout
        assert "ended early" in said
        assert "Nothing is sent until" in said
        head = lines(one.agent("status", "--json"))[0]
        assert datetime.fromisoformat(head["pause"]["until"]) > datetime.now(UTC) + timedelta(hours=1)
        assert head["parked"] == []

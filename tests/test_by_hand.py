"""Without an API, as its user works: equipment list, cycles, exported sheet, and taking back what was captured."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.memory import SqlMemory
from agent.store import Store
from tests.agent_world import NAMES, World, equipment, lines
from tests.hand_world import LIST, HandWorld

KILLS = 20 if os.environ.get("CI") == "true" else 10


@contextlib.contextmanager
def serving(one: HandWorld | World) -> Iterator[subprocess.Popen[bytes]]:
    """The service, from when it says that it is ready until the block ends."""
    address = str(one.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(address)
        notify.settimeout(60)
        service = subprocess.Popen(
            [sys.executable, "-m", "agent", "run", "--config", str(one.config)],
            env={**os.environ, "NOTIFY_SOCKET": address},
            stderr=subprocess.DEVNULL,
        )
        try:
            assert b"READY=1" in notify.recv(1000)
            yield service
        finally:
            service.kill()
            service.wait()


def states(one: HandWorld | World) -> list[str]:
    """The states of everything in the outbox."""
    with Store.open(one.folder / "meter-agent.sqlite", exclusive=False) as store:
        return sorted(entry.state for entry in SqlMemory(store).entries())


def test_from_the_list_to_what_was_captured(tmp_path, fleet):
    """Check, cycle, export for German Excel, saved as ANSI, taken back, explained; the next one is judged by it."""
    one = HandWorld(tmp_path, fleet, "1", "2", "3")
    checked = one.agent("check")
    assert checked.returncode == 0, checked.stdout
    assert "Geräteliste" in checked.stdout
    done = one.agent("run", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 Zählerstände von Hand zu erfassen" in done.stdout
    assert one.agent("outbox", "export", "stand.csv").returncode == 0
    octets = (tmp_path / "stand.csv").read_bytes()
    assert octets.startswith(b"\xef\xbb\xbfReferenz;Equipmentnummer;")
    assert states(one) == ["waiting"] * 3
    again = one.agent("outbox", "export", "stand.csv")
    assert (again.returncode, (tmp_path / "stand.csv").read_bytes()) == (2, octets)
    assert one.agent("outbox", "export", "stand.csv", "--force").returncode == 0
    rows = one.table("stand.csv")
    assert rows[1]["Seriennummer"] == "RVE8Z01846"
    rows[0]["Erfasst am"], rows[0]["Erfasst von"] = "x", "Jürgen Müller"
    rows[1]["Erfasst am"], rows[1]["Gesamt"] = "ja", "214907"
    one.write("stand.csv", rows, "cp1252")
    taken = one.agent("outbox", "import", "stand.csv")
    assert (taken.returncode, "214.907" in taken.stdout) == (0, True), taken.stderr
    assert states(one) == ["accepted"] * 3 + ["waiting"]
    assert "0 Zählerstände als von Hand erfasst" in one.agent("outbox", "import", "stand.csv").stdout
    explained = one.agent("explain", rows[0]["Referenz"]).stdout
    assert "Jürgen Müller hat ihn im Portal von Hand erfasst" in explained
    held = one.agent("run", "--once")
    assert "unter 214907, von Hand erfasst durch" in held.stdout
    assert [row["Equipmentnummer"] for row in one.table(_exported(one, "rest.csv"))] == ["3"]


def _exported(one: HandWorld, name: str) -> str:
    assert one.agent("outbox", "export", name).returncode == 0
    return name


@pytest.mark.parametrize(("encoding", "separator"), [("utf-16", "\t"), ("utf-8", ","), ("cp1252", ";")])
def test_excel_may_save_it_as_it_likes(tmp_path, fleet, encoding, separator):
    """Unicode text, CSV UTF-8, CSV (separated): all are taken back."""
    one = HandWorld(tmp_path, fleet, "1", language="en")
    assert one.agent("run", "--once").returncode == 0
    assert one.agent("outbox", "export", "x.csv", "--separator", "semicolon").returncode == 0
    rows = [row | {"Captured on": "x", "Captured by": "Jörg"} for row in one.table("x.csv")]
    one.write("y.csv", rows, encoding, separator)
    done = one.agent("outbox", "import", "y.csv")
    assert (done.returncode, states(one)) == (0, ["accepted"]), done.stderr


def test_what_is_wrong_with_a_file_is_said(tmp_path, fleet):
    """Nothing is taken, and every mistake has row and column, in the reader's language."""
    one = HandWorld(tmp_path, fleet, "1", "2")
    assert one.agent("outbox", "export", "x.csv").returncode == 0
    assert one.agent("run", "--once").returncode == 0
    rows = [row | {"Erfasst am": "ja"} for row in one.table(_exported(one, "x.csv"))]
    rows[0] |= {"Gesamt": "1.234"}
    rows[1] |= {"Erfasst am": "11/24/2026"}
    one.write("wrong.csv", rows)
    done = one.agent("outbox", "import", "wrong.csv")
    assert (done.returncode, states(one)) == (2, ["waiting"] * 2)
    assert "Zeile 3, Spalte Erfasst am: „11/24/2026“ ist kein Datum" in done.stderr
    rows[1] |= {"Erfasst am": "ja"}
    one.write("wrong.csv", rows)
    done = one.agent("outbox", "import", "wrong.csv", "--sound-only")
    assert "Zeile 2, Spalte Gesamt: „1.234“ ist keine ganze Zahl" in done.stderr
    assert (done.returncode, states(one)) == (1, ["accepted", "waiting"])
    (tmp_path / "book.csv").write_bytes(b"PK\x03\x04workbook")
    book = one.agent("outbox", "import", "book.csv")
    assert (book.returncode, "Arbeitsmappe" in book.stderr) == (2, True)
    assert one.agent("outbox", "import", "nowhere.csv").returncode == 1


def test_a_broken_list_is_said_and_the_last_good_one_used(tmp_path, fleet):
    """Readings do not wait for a typing mistake, and the mistake is no secret."""
    one = HandWorld(tmp_path, fleet, "1")
    one.listed("Equipmentnummer;Zähler;Letzter Stand\r\n1;Gesamt;12.345\r\n")
    broken = one.agent("run", "--once")
    assert (broken.returncode, "Zeile 2, Spalte Letzter Stand" in broken.stderr) == (2, True)
    assert one.agent("check").returncode == 2
    one.listed("Equipmentnummer;Technische Identnummer\r\n1;KMBT5A17C2\r\n", "cp1252")
    assert one.agent("run", "--once").returncode == 0
    (tmp_path / LIST).unlink()
    missing = one.agent("run", "--once")
    assert (missing.returncode, "equipment template" in missing.stderr) == (2, True)
    assert "von Hand zu erfassen" in missing.stdout
    assert one.agent("equipment", "template", LIST).returncode == 0
    assert one.agent("run", "--once").returncode == 0


def test_a_first_list_has_the_printers_that_are_there(tmp_path, fleet):
    """What the list has stays; printers beyond it come as rows that want only their number, and nobody skips one."""
    one = HandWorld(tmp_path, fleet, "1")
    assert one.agent("equipment", "template", "plain.csv").returncode == 0
    assert [row["Equipmentnummer"] for row in one.table("plain.csv")] == ["1"], "before any cycle"
    done = one.agent("equipment", "template", "found.csv", "--search")
    assert done.returncode == 0, done.stderr
    rows = one.table("found.csv")
    told = {(row["Equipmentnummer"], row["Technische Identnummer"], row["Hersteller"]) for row in rows}
    assert told == {("1", NAMES["1"], ""), ("", NAMES["2"], "Kyocera"), ("", NAMES["3"], "HP")}
    (tmp_path / LIST).write_bytes((tmp_path / "found.csv").read_bytes())
    unfinished = one.agent("check")
    assert unfinished.returncode == 2
    assert "Zeile 3, Spalte Equipmentnummer" in unfinished.stdout + unfinished.stderr
    refused = one.agent("equipment", "template", "again.csv")
    assert (refused.returncode, (tmp_path / "again.csv").exists()) == (2, False), "what a person typed is not left out"
    for row in rows:
        row["Equipmentnummer"] = row["Equipmentnummer"] or ("2" if row["Hersteller"] == "Kyocera" else "3")
    one.write(LIST, rows)
    assert "3 Zählerstände von Hand zu erfassen" in one.agent("run", "--once").stdout


def test_a_fall_below_the_lists_last_reading_is_held(tmp_path, fleet):
    """The list's last reading is judged against like a portal's; what is held is not exported."""
    one = HandWorld(tmp_path, fleet)
    head = "Equipmentnummer;Technische Identnummer;Gesamt;Zuletzt gelesen am"
    one.listed(f"{head}\r\n1;KMBT5A17C2;999999999;31.10.2026\r\n")
    assert one.agent("run", "--once").returncode == 0
    assert states(one) == ["quarantined"]
    assert not one.agent("outbox", "export").stdout


def test_the_import_works_beside_the_service(tmp_path, fleet):
    """Without an API the service sends nothing, so nobody has to stop it."""
    one = HandWorld(tmp_path, fleet, "1")
    assert one.agent("run", "--once").returncode == 0
    rows = [row | {"Erfasst am": "ja"} for row in one.table(_exported(one, "x.csv"))]
    one.write("x.csv", rows)
    with serving(one) as service:
        assert one.agent("outbox", "import", "x.csv").returncode == 0
        service.send_signal(signal.SIGTERM)
        assert service.wait(timeout=30) == 0
    assert states(one) == ["accepted"]


def _marked(one: World, name: str) -> None:
    """Exports what the portal does not take, and marks every row."""
    assert one.agent("outbox", "export", name).returncode == 0
    file = one.folder / name
    text = file.read_text("utf-8-sig")
    heads = text.splitlines()[0].split(",")
    rows = [line.split(",") for line in text.splitlines()[1:]]
    for row in rows:
        row[heads.index("Captured on")] = "x"
    file.write_text("\n".join(",".join(row) for row in [heads, *rows]) + "\n", "utf-8")


def test_captured_by_hand_is_never_sent(world):
    """Parked for want of a right, captured by hand, the right comes: only what was not captured is booked."""
    one = world(equipment("1"), equipment("2"), equipment("3"))
    one.portal.admin("PUT", "/admin/scopes", {"scopes": ["equipments:read"]})
    one.agent("run", "--once")
    assert states(one) == ["parked"] * 3
    _marked(one, str(one.folder / "x.csv"))
    text = (one.folder / "x.csv").read_text("utf-8").splitlines()
    (one.folder / "x.csv").write_text("\n".join(text[:3]) + "\n", "utf-8")
    assert one.agent("outbox", "import", str(one.folder / "x.csv")).returncode == 0
    one.portal.admin("PUT", "/admin/scopes", {"scopes": ["equipments:read", "readings:write"]})
    (rest,) = [entry for entry in lines(one.agent("outbox", "list", "--json")) if entry["state"] == "parked"]
    assert one.agent("outbox", "retry", rest["reference"]).returncode == 0
    assert one.agent("run", "--once").returncode == 0
    assert [number for number, _ in one.booked()] == [rest["equipment_number"].lstrip("0")]


def test_while_a_service_may_be_sending_nothing_is_taken(world):
    """With an API, the import waits until nobody sends: what is on its way cannot be captured as well."""
    one = world(equipment("1"))
    one.portal.admin("PUT", "/admin/scopes", {"scopes": ["equipments:read"]})
    one.agent("run", "--once")
    _marked(one, str(one.folder / "x.csv"))
    with serving(one):
        refused = one.agent("outbox", "import", str(one.folder / "x.csv"))
        assert (refused.returncode, "stop the service" in refused.stderr) == (1, True)
    assert one.agent("outbox", "import", str(one.folder / "x.csv")).returncode == 0


def test_killed_at_any_point_an_import_is_whole_or_not_there(tmp_path, world):
    """kill -9 again and again while a sheet is taken back: all rows or none, and then with an API nothing is sent."""
    one = world(equipment("1"), equipment("2"), equipment("3"))
    one.portal.admin("PUT", "/admin/scopes", {"scopes": ["equipments:read"]})
    one.agent("run", "--once")
    sheet = str(tmp_path / "x.csv")
    _marked(one, sheet)
    chance = random.Random(20261124)
    whole = set()
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-m", "agent", "outbox", "import", sheet, "--config", str(one.config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(0.2, 1.2))
        process.kill()
        process.wait()
        whole.add(tuple(states(one)))
    assert whole <= {("parked",) * 3, ("accepted",) * 3}
    assert one.agent("outbox", "import", sheet).returncode == 0
    one.portal.admin("PUT", "/admin/scopes", {"scopes": ["equipments:read", "readings:write"]})
    assert one.agent("run", "--once").returncode == 0
    assert one.booked() == []
    assert states(one) == ["accepted"] * 3


def test_what_may_be_booked_already_is_marked_when_the_api_goes(world):
    """Booked, and the answer lost; then by hand: the sheet says where to look first, and marked there it is done."""
    one = world(equipment("1"))
    one.portal.faults({"kind": "cut-after", "path": "/v1/measurement-document"})
    one.agent("run", "--once")
    assert (states(one), len(one.booked())) == (["waiting"], 1)
    listed = "Equipment number,Technical ID number\r\n1,KMBT5A17C2\r\n"
    Path(one.folder / LIST).write_text(listed, "utf-8")
    one.configure(by_hand__enabled=True)
    warned = one.agent("outbox", "export", str(one.folder / "x.csv"))
    assert "1 of them were sent without an answer" in warned.stderr
    assert "It was sent and may be booked already" in (one.folder / "x.csv").read_text("utf-8-sig")
    _marked(one, str(one.folder / "y.csv"))
    assert one.agent("outbox", "import", str(one.folder / "y.csv")).returncode == 0
    assert (states(one), len(one.booked())) == (["accepted"], 1)


def test_the_api_comes_later(world):
    """By hand first, then with the portal's API: the same equipment, and what was captured is not sent again."""
    one = world(equipment("1"), equipment("2"))
    listed = "Equipment number,Technical ID number\r\n1,KMBT5A17C2\r\n2,KM7C4D1F\r\n"
    Path(one.folder / LIST).write_text(listed, "utf-8")
    one.configure(by_hand__enabled=True)
    assert one.agent("run", "--once").returncode == 0
    _marked(one, str(one.folder / "x.csv"))
    text = (one.folder / "x.csv").read_text("utf-8").splitlines()
    (one.folder / "x.csv").write_text("\n".join(text[:2]) + "\n", "utf-8")
    assert one.agent("outbox", "import", str(one.folder / "x.csv")).returncode == 0
    assert one.booked() == []
    one.configure()
    assert one.agent("run", "--once").returncode == 0
    assert [number for number, _ in one.booked()] == ["2"]

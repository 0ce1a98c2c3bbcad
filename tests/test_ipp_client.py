"""Asking printers over IPP: real servers on loopback, sound ones, odd ones and hostile ones."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.errors import PrinterSilent
from agent.ipp.attributes import IppAnswer, texts
from agent.ipp.client import IppClient, Patience
from agent.ipp.codec import MAX_BODY
from agent.ipp.dialogue import MAX_REQUESTS
from agent.ipp.interpretation import interpret
from agent.printers import Endpoint
from agent.snmp.catalogue import shipped
from tests.ipp_messages import response
from tests.ipp_printer import Behaviour, Printer, Visit, printer

HERE = Endpoint("127.0.0.1")
QUICK = Patience(connect=0.5, wait=0.5, dialogue=1.5)
MODEL = [(0x41, "printer-make-and-model", "Acme Laser 9"), (0x23, "printer-state", 3)]
GOOD = response(MODEL)


def ask(behave: Behaviour, tls: ssl.SSLContext | None = None) -> tuple[IppAnswer | str, Printer]:
    """What the client makes of a printer that behaves so: its answer, or the reason why there is none."""

    async def scene() -> tuple[IppAnswer | str, Printer]:
        async with printer(behave, tls) as other:
            try:
                return await IppClient(other.port, QUICK).ask(HERE), other
            except PrinterSilent as error:
                return str(error.what), other

    return asyncio.run(scene())


async def sound(visit: Visit) -> None:
    await visit.answer(GOOD)


def test_a_printer_is_asked_once_over_one_connection() -> None:
    """One POST to /ipp/print that asks for attributes and names no person."""
    answer, other = ask(sound)
    assert isinstance(answer, IppAnswer)
    assert texts(answer.attributes["printer-make-and-model"]) == ("Acme Laser 9",)
    assert (answer.requests, other.connections, len(other.visits)) == (1, 1, 1)
    visit = other.visits[0]
    assert visit.line == "POST /ipp/print HTTP/1.1"
    assert visit.body[2:4] == b"\x00\x0b"  # Get-Printer-Attributes, nothing else
    assert not {"authorization", "cookie"} & set(visit.headers)
    assert b"requesting-user-name" not in visit.body
    assert visit.headers["accept-encoding"] == "identity"


def test_another_path_version_or_question_is_tried_where_the_printer_says_so() -> None:
    """Not there: the next path. No 2.0: then 1.1. Cannot pick attributes: then all. Over one connection, each once."""

    async def picky(visit: Visit) -> None:
        if visit.path == "/ipp/print":
            await visit.answer(b"gone", status="404 Not Found", kind="text/plain")
        elif visit.body[:2] == b"\x02\x00":
            await visit.answer(response([], status=0x0503, version=0x0101))
        elif b"\x00\x03all" not in visit.body:
            await visit.answer(response([]))
        else:
            await visit.answer(GOOD)

    answer, other = ask(picky)
    assert isinstance(answer, IppAnswer)
    assert (answer.requests, other.connections) == (4, 1)
    assert answer.uri.endswith("/ipp")


def test_a_printer_that_is_never_content_is_left_alone() -> None:
    """At most six requests, whatever it answers."""

    async def never(visit: Visit) -> None:
        await visit.answer(response([], status=0x0406))

    answer, other = ask(never)
    assert "0x0406" in str(answer)
    assert len(other.visits) <= MAX_REQUESTS


@pytest.mark.parametrize(
    ("status", "headers"),
    [("401 Unauthorized", {"WWW_Authenticate": 'Basic realm="printer"'}), ("403 Forbidden", {}), ("500 Oops", {})],
)
def test_a_refusal_is_not_argued_with(status: str, headers: dict[str, str]) -> None:
    """No password is tried, nothing is asked again."""

    async def refusing(visit: Visit) -> None:
        await visit.answer(b"no", status=status, kind="text/html", **headers)

    answer, other = ask(refusing)
    assert f"HTTP status {status[:3]}" in str(answer)
    assert len(other.visits) == 1


def test_a_redirect_is_never_followed() -> None:
    """Another machine on the way of a redirect hears nothing, whatever the scheme."""

    async def scene(scheme: str) -> tuple[int, str]:
        async with printer(sound) as elsewhere:

            async def sending_away(visit: Visit) -> None:
                target = f"{scheme}://127.0.0.2:{elsewhere.port}/ipp/print"
                await visit.answer(b"", status="307 Temporary Redirect", kind="text/html", Location=target)

            async with printer(sending_away) as other:
                with pytest.raises(PrinterSilent) as caught:
                    await IppClient(other.port, QUICK).ask(HERE)
            return elsewhere.connections, str(caught.value.what)

    for scheme in ("http", "https"):
        connections, _ = asyncio.run(scene(scheme))
        assert connections == 0


HOSTILE: dict[str, tuple[str, Behaviour]] = {}


def hostile(reason: str):
    def register(behave: Behaviour) -> Behaviour:
        HOSTILE[behave.__name__] = (reason, behave)
        return behave

    return register


@hostile("too_long")
async def never_ending_body(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(MAX_BODY):
        await visit.send(b"400\r\n" + b"\x00" * 1024 + b"\r\n")


@hostile("TimeoutError")
async def dripping_body(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: 9999\r\n\r\n")
    for _ in range(100):
        await visit.send(b"\x02")
        await asyncio.sleep(0.1)


@hostile("TimeoutError")
async def dripping_head(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\n")
    for place in range(100):
        await visit.send(f"X-{place}: 1\r\n".encode())
        await asyncio.sleep(0.1)


@hostile("TimeoutError|ReadTimeout")
async def silence(visit: Visit) -> None:
    await asyncio.sleep(3)


@hostile("encoded")
async def packed_bomb(visit: Visit) -> None:
    await visit.answer(gzip.compress(b"\x00" * 10_000_000), Content_Encoding="gzip")


@hostile("wrong_content_type")
async def web_page(visit: Visit) -> None:
    await visit.answer(b"<html>" + GOOD, kind="text/html")


@hostile("cut_off")
async def cut_message(visit: Visit) -> None:
    await visit.answer(GOOD[:-10])


@hostile("other_request")
async def answer_to_another_request(visit: Visit) -> None:
    await visit.answer(GOOD[:4] + b"\0\0\0\7" + GOOD[8:], kind="Application/IPP; charset=utf-8")


@hostile("RemoteProtocolError|ReadError|ConnectError|ConnectTimeout|SSL")
async def no_http(visit: Visit) -> None:
    await visit.send(b"220 printer ready\r\n\r\n" * 50)
    visit.writer.close()


@hostile("RemoteProtocolError|ReadError|ConnectError|ConnectTimeout|SSL")
async def endless_header(visit: Visit) -> None:
    await visit.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(300):
        await visit.send(b"x" * 1024)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_servers_cost_a_bounded_time_and_one_error(name: str) -> None:
    """Each ends as a silent printer with its reason, within the budget of seconds."""
    reason, behave = HOSTILE[name]
    began = time.monotonic()
    answer, _ = ask(behave)
    assert isinstance(answer, str)
    assert any(word in answer for word in reason.split("|")), answer
    assert time.monotonic() - began < QUICK.dialogue + 1.5


def test_nobody_there_is_a_silent_printer() -> None:
    """A closed port: one connection refused, no second try."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(PrinterSilent, match=f"port {port}"):
        asyncio.run(IppClient(port, QUICK).ask(HERE))


def test_a_self_signed_certificate_is_good_enough_for_a_printer(tmp_path: Path) -> None:
    """A printer that closes plain connections is asked over TLS at the same address, and only then."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed(tmp_path))
    answer, other = ask(sound, context)
    assert isinstance(answer, IppAnswer)
    assert answer.uri.startswith("ipps://127.0.0.1")
    assert len(other.visits) == 1


def test_a_printer_that_wants_tls_first_says_so_and_gets_it() -> None:
    """426 Upgrade Required: the next request is TLS, on the same port, and never plain again."""

    async def wanting(visit: Visit) -> None:
        await visit.answer(b"", status="426 Upgrade Required", kind="text/plain", Upgrade="TLS/1.2,HTTP/1.1")

    answer, other = ask(wanting)
    assert isinstance(answer, str)  # this one does not speak what it wants
    assert len(other.visits) == 1


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate that nobody vouches for, as printers make it when they are first switched on."""
    certificate, key = folder / "printer.crt", folder / "printer.key"
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=printer -keyout {key} -out {certificate}".split(),
        check=True,
        capture_output=True,
    )
    return certificate, key


def test_one_printer_has_one_request_in_flight() -> None:
    """Two callers at once: the second waits for the first."""

    async def scene() -> int:
        busy, most = 0, 0

        async def slow(visit: Visit) -> None:
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(0.1)
            busy -= 1
            await visit.answer(GOOD)

        async with printer(slow) as other:
            client = IppClient(other.port, QUICK)
            await asyncio.gather(client.ask(HERE), client.ask(HERE), client.ask(HERE))
        return most

    assert asyncio.run(scene()) == 1


PEERS = ("ippeveprinter", "dbus-daemon")
FOUND = {name: shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin") for name in PEERS}
needs_eve = pytest.mark.skipif(
    not all(FOUND.values()) and os.environ.get("CI") != "true", reason="needs packages cups-ipp-utils and dbus"
)
BUS = """<busconfig><type>system</type><listen>unix:path={path}</listen><policy context="default">
<allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>"""


@contextmanager
def program(*command: str, **environment: str) -> Iterator[None]:
    """A program that runs while the block does."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, env={**os.environ, **environment}) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def eve(folder: Path, *options: str) -> Iterator[int]:
    """CUPS' own reference printer on a free port, with a message bus of its own: without one it does not start."""
    missing = [name for name, path in FOUND.items() if path is None]
    assert not missing, f"CI has to have {missing}"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    bus, settings = folder / "bus", folder / "bus.conf"
    settings.write_text(BUS.format(path=bus), "utf-8")
    printer_command = [str(FOUND["ippeveprinter"]), "-p", str(port), "-r", "off", "-n", "localhost"]
    printer_command += ["-d", str(folder), "-K", str(folder), *options, "Test Printer"]
    with program(str(FOUND["dbus-daemon"]), f"--config-file={settings}", "--nofork", "--nopidfile"):
        wait_for(bus.exists)
        with program(*printer_command, DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={bus}"):
            yield port


def wait_for(there: Callable[[], object]) -> None:
    for _ in range(100):
        if there():
            return
        time.sleep(0.05)
    raise AssertionError("it does not come up")


def asked_soon(port: int) -> IppAnswer:
    """The answer of a printer that is being switched on."""
    for _ in range(100):
        try:
            return asyncio.run(IppClient(port).ask(HERE))
        except PrinterSilent:
            time.sleep(0.1)
    raise AssertionError("ippeveprinter does not come up")


@needs_eve
def test_cups_own_printer_is_understood(tmp_path: Path) -> None:
    """An independent implementation of IPP Everywhere: who it is, and its supplies with a waste tank."""
    with eve(tmp_path, "-M", "Acme", "-m", "Laser 9", "-s", "20,10") as port:
        answer = asked_soon(port)
    assert answer.requests == 1
    readout = interpret(shipped().generic, HERE, answer, datetime.now(UTC))
    assert (readout.status, readout.identity.manufacturer, readout.identity.model) == ("partial", "Acme", "Laser 9")
    told = {
        supply.description: (supply.supply_class, supply.colorant, supply.level.percent) for supply in readout.supplies
    }
    assert told["Ink Waste Tank"] == ("receptacle", None, 25.0)
    assert {name: row[:2] for name, row in told.items() if name != "Ink Waste Tank"} == {
        f"{color.title()} Ink": ("consumed", color) for color in ("black", "cyan", "magenta", "yellow")
    }

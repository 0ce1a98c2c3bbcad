"""What the service tells systemd, over a real datagram socket."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import notify

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="systemd is on Linux")


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, dict[str, str]]]:
    if request.param == "abstract" and sys.platform != "linux":
        pytest.skip("abstract sockets are on Linux")
    name = str(tmp_path / "notify") if request.param == "path" else f"@{tmp_path}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        receiver.settimeout(5)
        yield receiver, {"NOTIFY_SOCKET": name}


def test_the_life_of_a_service(listener: tuple[socket.socket, dict[str, str]]) -> None:
    """systemd learns that the service is ready, what it does, that it lives, and that it stops."""
    receiver, environ = listener
    assert notify.ready(environ)
    assert notify.status("Druckerrunde läuft", environ)
    assert notify.watchdog(environ)
    assert notify.stopping(environ)
    assert [receiver.recv(4096).decode() for _ in range(4)] == [
        *("READY=1", "STATUS=Druckerrunde läuft", "WATCHDOG=1", "STOPPING=1"),
    ]


def test_a_status_is_one_line(listener: tuple[socket.socket, dict[str, str]]) -> None:
    """A printer's name in the status cannot tell systemd anything else."""
    receiver, environ = listener
    notify.status("printer\nMAINPID=1\r\x00" + "x" * 1000, environ)
    received = receiver.recv(8192).decode()
    assert received.startswith("STATUS=printer MAINPID=1  xxx")
    assert len(received) == len("STATUS=") + 255


@pytest.mark.parametrize(
    "address", [None, "", "relative", "vsock:2:1", "/nowhere/notify", "@nobody-listens", "/" * 500]
)
def test_without_systemd_nothing_happens(address: str | None) -> None:
    """Started by hand, or where nobody listens, the service runs all the same."""
    environ = {} if address is None else {"NOTIFY_SOCKET": address}
    assert [notify.ready(environ), notify.status("x", environ), notify.watchdog(environ)] == [False, False, False]
    assert notify.stopping(environ) is False


def test_a_full_queue_does_not_hold_the_service_up(listener: tuple[socket.socket, dict[str, str]]) -> None:
    """When systemd does not read, the message is dropped and the service goes on."""
    _, environ = listener
    assert not all(notify.watchdog(environ) for _ in range(100_000))


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "10000000"}, 5.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "77"}, 5.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": ""}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_watchdog_interval(environ: dict[str, str], seconds: float | None) -> None:
    """The service shows signs of life twice as often as systemd demands, and only if it is the one watched."""
    assert notify.watchdog_interval(environ, pid=77) == seconds

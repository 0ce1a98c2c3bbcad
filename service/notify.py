"""Telling systemd how the service is: the sd_notify protocol (sd_notify(3)) over $NOTIFY_SOCKET."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping


def ready(environ: Mapping[str, str] = os.environ) -> bool:
    """Start-up is over. All four return whether a message was handed over; without systemd nothing happens."""
    return _send("READY=1", environ)


def status(text: str, environ: Mapping[str, str] = os.environ) -> bool:
    """One line for `systemctl status`, at most 255 characters; what would end the line becomes a blank."""
    # Each line of the datagram is a variable of its own: a line break in a text could set MAINPID.
    return _send("STATUS=" + re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text)[:255], environ)


def watchdog(environ: Mapping[str, str] = os.environ) -> bool:
    """The service is alive; to be said at least every `watchdog_interval` seconds."""
    return _send("WATCHDOG=1", environ)


def stopping(environ: Mapping[str, str] = os.environ) -> bool:
    """The service has begun to stop."""
    return _send("STOPPING=1", environ)


def watchdog_interval(environ: Mapping[str, str] = os.environ, pid: int | None = None) -> float | None:
    """Seconds between two signs of life: half of what systemd allows. `None`: none are expected of process `pid`.

    From WATCHDOG_USEC and WATCHDOG_PID (sd_watchdog_enabled(3)); `pid` is this process unless given.
    """
    microseconds, watched = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID")
    if not re.fullmatch(r"[0-9]{1,18}", microseconds) or int(microseconds) == 0:
        return None
    if watched is not None and watched != str(os.getpid() if pid is None else pid):
        return None
    return int(microseconds) / 2_000_000


def _send(state: str, environ: Mapping[str, str]) -> bool:
    address = environ.get("NOTIFY_SOCKET", "")
    # "@" stands for the leading NUL of an abstract socket; other kinds (vsock) are for virtual machines.
    if not address.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            # systemd reads promptly; a full queue must not hold the service up.
            channel.setblocking(False)
            channel.sendto(state.encode("utf-8", "replace"), address)
    except OSError:
        return False
    return True

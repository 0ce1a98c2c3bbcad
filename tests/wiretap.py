"""Notes every datagram that leaves a host: run inside its network namespace, `python wiretap.py INTERFACE FILE`.

A line has the address, the port and, in hexadecimal, the content. Where nobody is, none leaves, but the question who
has the address (ARP) does: its port is 0.
"""

from __future__ import annotations

import socket
import struct
import sys
from pathlib import Path

ETH_P_ALL = 3
OUTGOING = 4  # PACKET_OUTGOING of packet(7)
UDP, TCP = 17, 6


def sent(frame: bytes) -> tuple[str, int, bytes] | None:
    """Where an Ethernet frame's datagram (or TCP segment) goes, and what is in it."""
    kind = struct.unpack("!H", frame[12:14])[0]
    if kind == 0x0806:
        is_request = struct.unpack("!H", frame[20:22])[0] == 1
        return (socket.inet_ntop(socket.AF_INET, frame[38:42]), 0, b"") if is_request else None
    if kind == 0x0800:
        header = (frame[14] & 15) * 4
        protocol, address, at = frame[23], socket.inet_ntop(socket.AF_INET, frame[30:34]), 14 + header
    elif kind == 0x86DD:
        protocol, address, at = frame[20], socket.inet_ntop(socket.AF_INET6, frame[38:54]), 54
    else:
        return None
    if protocol not in (UDP, TCP):
        return None
    return address, struct.unpack("!H", frame[at + 2 : at + 4])[0], frame[at + (8 if protocol == UDP else 20) :]


def main() -> None:
    """Until it is ended; "ready" is its first line."""
    interface, file = sys.argv[1:]
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as tap,
        Path(file).open("w", encoding="ascii", buffering=1) as notes,
    ):
        tap.bind((interface, 0))
        notes.write("ready\n")
        while True:
            frame, origin = tap.recvfrom(65535)
            if origin[2] == OUTGOING and (found := sent(frame)):
                address, port, content = found
                notes.write(f"{address} {port} {content.hex() or '-'}\n")


if __name__ == "__main__":
    main()

"""`python -m sandbox.portal`: the sandbox portal as a process of its own, over TLS, on a database in a folder."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import socket
import sys
from pathlib import Path

import uvicorn

from sandbox.portal.app import SCOPES, Portal
from sandbox.portal.certificates import KINDS, ca_file, server_context
from sandbox.portal.faults import Faults
from sandbox.portal.ledger import Ledger
from sandbox.portal.tokens import CLIENT_ID, Gate
from sandbox.portal.wire import CuttableProtocol, Unreliable


def main() -> int:
    """Serves until SIGTERM, SIGINT, or the end of standard input where that is asked for."""
    options = _options()
    data: Path = options.data
    data.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    ledger, faults = Ledger(data / "portal.sqlite"), Faults()
    _prepare(ledger, faults, options)
    gate = Gate(data)
    app = Unreliable(Portal(ledger, gate, faults).app(), faults)
    sock = _listening(options.host, options.port, data / "port")
    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        ssl_context_factory=None
        if options.plain_http
        else lambda *_: server_context(data, options.certificate, options.tls),
    )
    _announce(data, gate, sock.getsockname()[1], plain=options.plain_http)
    asyncio.run(_serve(uvicorn.Server(config), sock, until_stdin_closes=options.until_stdin_closes))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.portal", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the database, the CA and the secrets")
    parser.add_argument("--seed", type=Path, help="equipment as SAP delivers it (JSON); what is there stays")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes the one of last time, or a free one")
    parser.add_argument("--certificate", choices=KINDS, default="good", help="a good or a bad server certificate")
    parser.add_argument("--tls", choices=("1.1", "1.2", "1.3"), help="only this version of TLS")
    parser.add_argument("--plain-http", action="store_true", help="no TLS at all (a fault: the agent refuses it)")
    parser.add_argument("--faults", type=Path, help="fault switches (JSON), as PUT /admin/faults takes them")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input closes")
    return parser.parse_args()


def _prepare(ledger: Ledger, faults: Faults, options: argparse.Namespace) -> None:
    if options.seed:
        ledger.seed(json.loads(options.seed.read_text("utf-8")))
    if options.faults:
        faults.change(json.loads(options.faults.read_text("utf-8")))
    with ledger.transaction() as db:
        if not db.execute("SELECT 1 FROM scopes LIMIT 1").fetchone():
            db.executemany("INSERT INTO scopes VALUES (?, ?)", [(CLIENT_ID, scope) for scope in SCOPES])


def _listening(host: str, port: int, remembered: Path) -> socket.socket:
    """A listening socket: on the port asked for, else the one of last time if it is free, else any."""
    last = int(remembered.read_text()) if not port and remembered.exists() else port
    for wanted in dict.fromkeys((last, port)):
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, wanted))
        except OSError:
            sock.close()
            if wanted == port and port:
                raise
            continue
        sock.listen(128)
        remembered.write_text(str(sock.getsockname()[1]))
        return sock
    raise OSError(f"no free port on {host}")


def _announce(data: Path, gate: Gate, port: int, *, plain: bool) -> None:
    ready = {
        "ready": True,
        "url": f"{'http' if plain else 'https'}://localhost:{port}",
        "ca_file": str(ca_file(data)),
        "client_id": CLIENT_ID,
        "client_secret_file": str(gate.secret_file),
        "admin_token_file": str(gate.admin_file),
    }
    print(json.dumps(ready), flush=True)


async def _serve(server: uvicorn.Server, sock: socket.socket, *, until_stdin_closes: bool) -> None:
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    if until_stdin_closes:
        await asyncio.wait([serving, asyncio.create_task(_end_of_input())], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
    await serving


async def _end_of_input() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(4096):
        pass


if __name__ == "__main__":
    sys.exit(main())

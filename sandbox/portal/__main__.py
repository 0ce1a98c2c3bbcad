"""`python -m sandbox.portal`: the sandbox portal as a process of its own, over TLS, on a database in a folder."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn

from sandbox.portal.agents import Agents
from sandbox.portal.app import portal
from sandbox.portal.areas import SCOPES
from sandbox.portal.bodies import parsed
from sandbox.portal.certificates import KINDS, VERSIONS, ca_file, server_context
from sandbox.portal.faults import Faults
from sandbox.portal.gateway import Gateway
from sandbox.portal.keepsakes import PUBLIC, keep
from sandbox.portal.ledger import Ledger
from sandbox.portal.problems import Refusal
from sandbox.portal.seed import delivered
from sandbox.portal.tokens import CLIENT_ID, Gate
from sandbox.portal.wire import CuttableProtocol, Unreliable

USAGE, NETWORK = 2, 4
SIGNALS = (signal.SIGTERM, signal.SIGINT)
MORE = """When it listens it prints one line of JSON:
  url, ca_file                        what an agent is configured with
  client_id, client_secret_file       the agent that the sandbox begins with
  pages_url, key_user_password_file   the pages for people: equipment, readings, orders, agents and their rights
  admin_token_file                    for /admin: the ledger, fault switches, and what a warehouse or key user does

DIR keeps everything: portal.sqlite (the ledger), ca.pem, the secrets. Start it again and it goes on. The contract
is served at /openapi.yaml.

examples:
  python -m sandbox.world --out DIR                       equipment to begin with, and a fleet of printers for it
  python -m sandbox.portal --data DIR/portal --seed DIR/equipment.json
  python -m sandbox.portal --data DIR/portal --certificate expired
  python -m sandbox.portal --data DIR/portal --faults faults.json --record exchanges.jsonl

A faults file, as PUT /admin/faults takes it (docs/portal.md lists every kind):
  {"switches": [{"kind": "cut-after", "path": "/v1/orders", "method": "POST", "next": 1}], "token_seconds": 5}"""


class Server(uvicorn.Server):
    """uvicorn, which says when it listens, and for which a signal to stop is a clean end."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then says so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Like uvicorn's, but the signal is not raised again afterwards."""
        before = {number: signal.signal(number, self.handle_exit) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves. Exit code: 0 told to stop, 2 a seed or faults that make no sense, 4 an address it cannot have."""
    options = _parser().parse_args(arguments)
    data: Path = options.data
    logging.basicConfig(level=logging.INFO if options.verbose else logging.WARNING, stream=sys.stderr)
    try:
        data.mkdir(parents=True, exist_ok=True)
        ledger, faults = Ledger(data / "portal.sqlite"), Faults()
        if options.seed:
            ledger.seed(delivered(options.seed), faults.now())
        if options.faults:
            faults.change(parsed(options.faults.read_bytes()))
    except (OSError, ValueError, Refusal) as error:
        print(f"The portal cannot start: {error}", file=sys.stderr)
        return USAGE
    Agents(ledger).keep_first(CLIENT_ID, SCOPES, faults.now())
    try:
        sock = _listening(options.host, options.port, data / "port")
    except OSError as error:
        print(f"The portal cannot listen on {options.host} port {options.port}: {error}", file=sys.stderr)
        return NETWORK
    asyncio.run(_serve(_server(options, ledger, faults, sock.getsockname()[1]), sock, options.until_stdin_closes))
    return 0


def _server(options: argparse.Namespace, ledger: Ledger, faults: Faults, port: int) -> Server:
    data: Path = options.data
    url = f"{'http' if options.plain_http else 'https'}://localhost:{port}"
    gate = Gate(data, url)
    ready = {
        "ready": True,
        "url": url,
        "ca_file": str(ca_file(data)),
        "client_id": CLIENT_ID,
        "client_secret_file": str(gate.secret_file),
        "admin_token_file": str(gate.admin_file),
        "pages_url": f"{url}/portal/",
        "key_user_password_file": str(gate.key_user_file),
    }
    context = None if options.plain_http else server_context(data, options.certificate, options.tls)
    config = uvicorn.Config(
        Gateway(Unreliable(portal(ledger, gate, faults, secure=context is not None), faults), faults, options.record),
        http=CuttableProtocol,
        lifespan="off",
        log_config=None,  # the root logger's: standard error
        access_log=options.verbose,
        server_header=False,
        date_header=False,  # the portal's clock may be wrong on purpose
        timeout_graceful_shutdown=3,
        ssl_context_factory=(lambda *_: context) if context else None,
    )
    return Server(config, lambda: print(json.dumps(ready), flush=True))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.portal",
        description="A service portal on this machine that keeps the contract of sandbox/portal/openapi.yaml, "
        "and can be made to fail in every way that a portal fails.",
        epilog=MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the ledger, CA and secrets")
    parser.add_argument("--seed", type=Path, metavar="FILE", help="equipment as SAP delivers it; what is there stays")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port; 0 (default) takes last time's, or a free one")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the program that started this one")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="append every request below /v1 without its secrets"
    )
    parser.add_argument("--verbose", action="store_true", help="log requests to standard error")
    bad = parser.add_argument_group("faults")
    bad.add_argument("--certificate", choices=KINDS, default="good", help="the server's certificate (default: good)")
    bad.add_argument("--tls", choices=tuple(VERSIONS), help="only this version of TLS")
    bad.add_argument("--plain-http", action="store_true", help="no TLS at all")
    bad.add_argument("--faults", type=Path, metavar="FILE", help="fault switches to begin with (JSON)")
    return parser


def _listening(host: str, port: int, remembered: Path) -> socket.socket:
    """A listening socket: on the port asked for, else the one of last time if it is free, else any."""
    if not port:
        with contextlib.suppress(OSError, ValueError, OverflowError):
            return _bound(host, int(remembered.read_text("ascii")))
    sock = _bound(host, port)
    keep(remembered, str(sock.getsockname()[1]).encode(), PUBLIC)
    return sock


def _bound(host: str, port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off only for sockets that say TCP; with it every answer takes 40 ms longer.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":  # elsewhere this would let two programs share a port
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(128)
    except BaseException:
        sock.close()
        raise
    return sock


async def _serve(server: Server, sock: socket.socket, until_stdin_closes: bool) -> None:
    if until_stdin_closes:
        threading.Thread(target=_watch_input, args=(server,), daemon=True).start()
    await server.serve(sockets=[sock])


def _watch_input(server: Server) -> None:
    """Stops the server at the end of standard input; a thread, as not every event loop can wait for that."""
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())

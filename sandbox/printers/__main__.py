"""`python -m sandbox.printers`: starts virtual printers and says where they answer, one JSON line each."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path

from sandbox.printers import description, fleet, recording, server
from sandbox.printers.faults import Faults
from sandbox.printers.fleet import FleetError, Loaded, Member

USAGE, NETWORK = 2, 4
ABOUT = """Starts virtual printers on loopback. They answer SNMP (GET, GETNEXT, GETBULK) like the real ones.
Prints one JSON line per printer, then {"ready": true}, and runs until SIGTERM, SIGINT or a closed standard input."""
MORE = f"""A fleet file is a JSON list:
  [{{"name": "copier", "address": "127.20.0.1", "source": "copier.snmprec", "community": "public",
    "faults": {{"slow": 300, "drop": 5}}, "set": {{"1.3.6.1.2.1.1.5.0": "4|PRN-01"}}}}]
source is a recording (.snmprec) or a device description (.toml), relative to the fleet file.
faults: {", ".join(name for name in Faults.model_fields if name != "seed")}.
user: {{"name": "reader", "authentication": "sha256", "authentication_secret": "…", "privacy": "aes128",
"privacy_secret": "…"}} lets the printer speak SNMPv3 and nothing else.
A recording X_at_C.snmprec beside X.snmprec is what X answers under the community public@C.

examples:
  python -m sandbox.printers --devices
  python -m sandbox.printers --recordings recordings --network 127.20.0.0/22
  python -m sandbox.printers --fleet fleet.json --until-stdin-closes"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the fleet. Exit code: 0 told to stop, 2 a fleet that makes no sense, 4 addresses that cannot be had."""
    asked = _parser().parse_args(arguments)
    try:
        loaded = [fleet.load(member) for member in _members(asked)]
    except FleetError as error:
        print(error, file=sys.stderr)
        return USAGE
    try:
        asyncio.run(server.serve(loaded, asked.port, _announce, _ready, asked.until_stdin_closes, asked.ipp_port))
    except FleetError as error:
        print(error, file=sys.stderr)
        return NETWORK
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.printers",
        description=ABOUT,
        epilog=MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--fleet", type=Path, metavar="FILE", help="a fleet file (JSON)")
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="every *.snmprec below DIR becomes a printer")
    parser.add_argument("--devices", action="store_true", help="the device descriptions that come with the sandbox")
    parser.add_argument(
        "--network",
        type=IPv4Network,
        default=fleet.NETWORK,
        help=f"addresses for --recordings and --devices (default {fleet.NETWORK}, from the first one upwards)",
    )
    parser.add_argument("--port", type=int, default=16161, help="UDP port of all printers (default 16161; 0: any)")
    parser.add_argument("--ipp-port", type=int, help="TCP port of the printers that speak IPP (default: none does)")
    parser.add_argument("--ports", action="store_true", help="all on 127.0.0.1, on ports from --port upwards")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the program that started this one")
    return parser


def _members(asked: argparse.Namespace) -> list[Member]:
    members: list[Member] = fleet.read(asked.fleet) if asked.fleet else []
    sources = description.shipped() if asked.devices else []
    if asked.recordings:
        if not asked.recordings.is_dir():
            raise FleetError(f"There is no folder {asked.recordings}.")
        sources = recording.recordings(asked.recordings) + sources
    members += fleet.lined_up(sources, asked.network)
    if not members:
        raise FleetError("There is no printer to start. Give --fleet FILE, --recordings DIR or --devices.")
    return fleet.on_ports(members, asked.port) if asked.ports else members


def _announce(loaded: Loaded, address: str, port: int) -> None:
    _say(
        {
            "name": loaded.member.name,
            "address": address,
            "port": port,
            "source": str(loaded.member.source),
            "objects": loaded.objects,
            "skipped_lines": loaded.skipped,
            "faults": loaded.member.faults.named(),
        }
    )


def _ready() -> None:
    _say({"ready": True})


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""The demo: a fleet of virtual printers, a sandbox portal, and one cycle of the real agent between them.

The sandbox runs as processes of its own; the agent knows nothing of it but a config file. What it leaves behind (the
portal's ledger, the agent's database) stays in the state folder: a second run shows that nothing is booked twice.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import platformdirs
from rich.console import Console

from agent.app import Agent
from agent.cli.once import exit_code
from agent.cli.orders import explain_order, receipts_of
from agent.cli.tables import print_report
from agent.cli.watch import Watch
from agent.config_template import Entry, first_config
from agent.errors import AgentError, ConfigError
from agent.language import _, current, show
from agent.loop import run
from agent.paths import places_of
from agent.secrets import Secrets
from agent.supply_memory import SqlSupplies
from agent.texts import message

PATIENCE = 90.0  # seconds for a sandbox process to become ready
USUAL_PORT = 16161
OWN_ADDRESSES = sys.platform == "linux"  # all of 127.0.0.0/8 answers locally; elsewhere only 127.0.0.1 does


def run_demo(recordings: Path | None, state: Path | None) -> int:
    """The whole job; 0 only if everything arrived that was to be sent."""
    if recordings is not None and not recordings.is_dir():
        raise ConfigError(
            message("There is no folder {folder} with recordings.", folder=str(recordings)),
            message("Name a folder with --recordings, or leave it out."),
        )
    base = state or platformdirs.user_state_path("meter-agent", appauthor=False) / "demo"
    folder = (base / ("recordings" if recordings else "devices")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    with ExitStack() as stack:
        with Watch(console) as watch:
            watch.stage(message("Starting virtual printers and the sandbox portal"), None)
            plan = _planned(folder, recordings)
            plan["ipp_port"] = _free_ipp_port()
            printers = ["sandbox.printers", "--fleet", str(folder / "fleet.json"), "--port", str(plan["port"])]
            ipp = ["--ipp-port", str(plan["ipp_port"])]
            stack.enter_context(_process([*printers, *ipp] if OWN_ADDRESSES else [*printers, "--ports"]))
            seed = ["--seed", str(folder / "equipment.json")]
            portal = stack.enter_context(_process(["sandbox.portal", "--data", str(folder / "portal"), *seed]))
            agent = Agent.load(_configured(folder, plan, portal))
            report = run(agent.once(watch))
        print_report(console, report)
        _show_delivery(console, agent, portal)
        _where_to_look(console, folder)
        return exit_code(report)


def _planned(folder: Path, recordings: Path | None) -> dict[str, Any]:
    """The plan of the world: which printers, which equipment, and where."""
    command = [sys.executable, "-m", "sandbox.world", "--out", str(folder), "--port", str(_free_port())]
    command += ["--recordings", str(recordings)] if recordings else []
    command += ["--ipp"] if OWN_ADDRESSES else ["--ports"]  # IPP has one port for all, so each needs its own address
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own program
    if done.returncode:
        raise _failed("sandbox.world", done.stderr)
    plan: dict[str, Any] = json.loads((folder / "world.json").read_text("utf-8"))
    return plan


def _free_port() -> int:
    """The usual port, or a free one when another program has it."""
    for port in (USUAL_PORT, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = sock.getsockname()[1]
            return free
    raise _failed("sandbox.printers", "no free port")


def _free_ipp_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def _process(arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A part of the sandbox as a process, from its ready line on until the block ends; never outlives this one."""
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-m", *arguments, "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    impatience = threading.Timer(PATIENCE, process.kill)
    impatience.start()
    try:
        yield _ready(process, arguments[0], impatience)
    finally:
        impatience.cancel()
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _ready(process: subprocess.Popen[str], name: str, impatience: threading.Timer) -> dict[str, Any]:
    for line in process.stdout or ():
        said: dict[str, Any] = json.loads(line)
        if said.get("ready"):
            impatience.cancel()
            return said
    raise _failed(name, process.stderr.read() if process.stderr else "")


def _configured(folder: Path, plan: dict[str, Any], portal: dict[str, Any]) -> Path:
    """The config file and the secret that connect the agent with the sandbox, as a key user would make them."""
    file = folder / "meter-agent.toml"
    entries: dict[str, Entry] = {
        "portal.url": portal["url"],
        "portal.client_id": portal["client_id"],
        "portal.ca_file": portal["ca_file"],
        "discovery.ranges": plan["ranges"] if OWN_ADDRESSES else [],
        "discovery.hosts": plan["hosts"] if OWN_ADDRESSES else plan["targets"],
        "discovery.packets_per_second": 1000,
        "snmp.port": plan["port"],
        "snmp.timeout_seconds": 0.5,
        "snmp.retries": 1,
        "ipp.enabled": OWN_ADDRESSES,
        "ipp.port": plan["ipp_port"],
        "readings.at": ["00:00"],
        "orders.armed": True,
        "orders.minutes_between_low_readings": 0,
        "orders.at_first_sight": True,
        "service_notifications.armed": True,
        "service_notifications.classes": ["marker", "subunit", "service"],
        "service_notifications.lasting_minutes": 0,
    }
    users = "".join(_user_section(place, user) for place, user in enumerate(plan["users"], 1))
    file.write_text(first_config(current().code, entries) + users, encoding="utf-8")
    secrets = Secrets(places_of(file).secrets)
    secrets.set("portal", Path(portal["client_secret_file"]).read_text("utf-8"))
    for place, user in enumerate(plan["users"], 1):
        secrets.set(f"v3-auth-{place}", user["authentication_secret"])
        secrets.set(f"v3-priv-{place}", user["privacy_secret"])
    return file


def _user_section(place: int, user: dict[str, str]) -> str:
    return (
        f'\n[[snmp.users]]\nname = "{user["name"]}"\n'
        f'authentication = "{user["authentication"]}"\nauthentication_secret = "@v3-auth-{place}"\n'
        f'privacy = "{user["privacy"]}"\nprivacy_secret = "@v3-priv-{place}"\n'
    )


def _show_delivery(console: Console, agent: Agent, portal: dict[str, Any]) -> None:
    """The warehouse delivers the first order; its way from the reason to the delivery, as `orders explain` tells it."""
    with agent.store(exclusive=False) as store:
        items = SqlSupplies(store).open_items()
        numbers = receipts_of(store, items)
    shown = next((item for item in items if item.reference in numbers), None)
    if shown is None:
        return
    if shown.status != "delivered":
        command = [sys.executable, "-m", "sandbox.warehouse", "--url", portal["url"], "--ca-file", portal["ca_file"]]
        command += ["--admin-token-file", portal["admin_token_file"], numbers[shown.reference]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own program
        if done.returncode:
            raise _failed("sandbox.warehouse", done.stderr)
        run(agent.follow_orders())
    console.print("\n" + _("One order, from the reason to the delivery:"), markup=False)
    explain_order(agent.places.config, shown.reference)


def _where_to_look(console: Console, folder: Path) -> None:
    config = folder / "meter-agent.toml"
    portal, printers = _("the portal with its ledger"), _("the virtual printers")
    lines = (
        "",
        _("Look further:"),
        f"  meter-agent outbox list --config {config}",
        f"  meter-agent status --config {config}",
        f"  meter-agent orders list --config {config}",
        f"  {folder / 'portal'}  {portal}",
        f"  {folder / 'fleet.json'}  {printers}",
    )
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _failed(name: str, stderr: str) -> AgentError:
    last = stderr.strip().rpartition("\n")[2]
    return AgentError(
        message("The sandbox did not start ({name}): {why}", name=name, why=last or show(message("no message"))),
        message("Close other demos that may be running, and try again."),
    )

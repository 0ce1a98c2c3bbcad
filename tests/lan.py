"""A local network of its own: hosts in network namespaces on one bridge, with real daemons in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NETWORK = "10.77.0.0/16"
TOOLS = ("ip", "unshare", "nsenter", "avahi-daemon", "dnsmasq")


def is_possible() -> bool:
    """Whether this machine can make namespaces and has the daemons."""
    return sys.platform == "linux" and os.geteuid() == 0 and all(shutil.which(tool) for tool in TOOLS)


@dataclass
class Host:
    """One machine of the network: everything started with `start` or `run` sees its network and files alone."""

    name: str
    address: str
    holder: subprocess.Popen[bytes]
    stack: ExitStack = field(default_factory=ExitStack)

    def command(self, *words: str) -> list[str]:
        """The command as it has to be started to run in this host."""
        return ["nsenter", "-t", str(self.holder.pid), "--net", "--mount", "--uts", "--wd=.", *words]

    def run(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return subprocess.run(
            self.command(*words), capture_output=True, text=True, check=False, timeout=timeout, stdin=subprocess.DEVNULL
        )

    def does(self, *words: str) -> None:
        """Runs a command that must succeed."""
        done = self.run(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """Starts a daemon that ends with the network."""
        process = subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.stack.callback(ended, process)
        return process

    def pipe(self, *words: str) -> subprocess.Popen[str]:
        """Starts a program that ends with the network, its standard output to be read."""
        process = subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.stack.callback(ended, process)
        return process

    def datagrams(self) -> int:
        """How many UDP datagrams have reached this host, whether anybody listened or not."""
        heads, values = [
            line.split() for line in self.run("cat", "/proc/net/snmp").stdout.splitlines() if "Udp:" in line
        ][:2]
        counts = dict(zip(heads[1:], map(int, values[1:]), strict=True))
        return counts["InDatagrams"] + counts["NoPorts"] + counts["InErrors"]

    def writes(self, path: str, text: str, folder: Path) -> None:
        """Lays a file of this content over `path`, for this host alone."""
        source = folder / f"{self.name}-{path.strip('/').replace('/', '-')}"
        source.write_text(text, encoding="utf-8")
        self.does("mount", "--bind", str(source), path)


class Lan:
    """Hosts on one bridge; `host` adds one. Names of interfaces are only known inside the namespaces."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = ExitStack()
        self.switch = self._host("switch", "")
        self.count = 0
        self.switch.does("ip", "link", "add", "br0", "type", "bridge")
        self.switch.does("ip", "link", "set", "br0", "up")

    def host(self, name: str, address: str) -> Host:
        """A machine with this name and IPv4 address."""
        made = self._host(name, address)
        self.count += 1
        port = f"v{self.count}"
        peer = ("peer", "name", "eth0", "netns", str(made.holder.pid))
        self.switch.does("ip", "link", "add", port, "type", "veth", *peer)
        self.switch.does("ip", "link", "set", port, "master", "br0", "up")
        made.does("hostname", name)
        made.does("ip", "addr", "add", f"{address}/16", "dev", "eth0")
        made.does("ip", "link", "set", "lo", "up")
        made.does("ip", "link", "set", "eth0", "up")
        made.does("ip", "route", "add", "224.0.0.0/4", "dev", "eth0")
        return made

    def announce(self, host: Host, services: Sequence[str]) -> None:
        """Starts avahi in a host; `services` are the `<service>` elements it announces under the host's name."""
        body = "".join(services)
        host.does("mount", "-t", "tmpfs", "tmpfs", "/run")
        host.does("mount", "-t", "tmpfs", "tmpfs", "/etc/avahi/services")
        conf = "[server]\nuse-ipv6=no\nenable-dbus=no\nallow-interfaces=eth0\n[publish]\npublish-workstation=no\n"
        host.writes("/etc/avahi/avahi-daemon.conf", conf, self.folder)
        text = (
            '<?xml version="1.0" standalone="no"?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">'
            f'<service-group><name replace-wildcards="yes">%h</name>{body}</service-group>'
        )
        file = self.folder / f"{host.name}.service"
        file.write_text(text, encoding="utf-8")
        host.does("cp", str(file), "/etc/avahi/services/printer.service")
        host.does("mkdir", "-p", "/run/avahi-daemon")
        host.start("avahi-daemon", "--no-drop-root", "--no-chroot", "--no-rlimits")

    def answers_snmp(self, host: Host) -> None:
        """Starts net-snmp's agent in a host: a computer that is no printer."""
        config = self.folder / f"{host.name}-snmpd.conf"
        config.write_text(f"agentaddress udp:161\nrocommunity public\nsysName {host.name}\n")
        host.start("snmpd", "-f", "-Ln", "-C", "-c", str(config))

    def prints_by_snmpd(self, host: Host, facts: dict[str, str], *lines: str, transport: str = "udp:161") -> None:
        """Starts net-snmp's agent as a printer with this host name, serial number and page count; `lines` say who may
        ask it, else everybody by `public`."""
        folder = self.folder / f"{host.name}-snmpd"
        folder.mkdir(exist_ok=True)
        values = {
            "1.3.6.1.2.1.25.3.2.1.2.1": "object_id 1.3.6.1.2.1.25.3.1.5",
            "1.3.6.1.2.1.25.3.2.1.3.1": f'octet_str "{facts["model"]}"',
            "1.3.6.1.2.1.43.5.1.1.17.1": f'octet_str "{facts["serial"]}"',
            "1.3.6.1.2.1.43.10.2.1.3.1.1": "integer 7",
            "1.3.6.1.2.1.43.10.2.1.4.1.1": f"counter {facts['pages']}",
        }
        head = [f"agentaddress {transport}", f"sysName {facts['name']}", *(lines or ("rocommunity public",))]
        rows = [f"override .{oid} {value}" for oid, value in values.items()]
        if transport.startswith("udp6"):
            head.append("rocommunity6 public")
        (folder / "snmpd.conf").write_text("\n".join([*head, *rows]) + "\n")
        paths = (f"SNMPCONFPATH={folder}", f"SNMP_PERSISTENT_DIR={folder}/state")
        host.start("env", *paths, "snmpd", "-f", "-Ln")

    def taps(self, host: Host) -> Path:
        """Notes from now on every datagram that leaves a host; the file that has them."""
        file = self.folder / f"{host.name}-tap"
        script = Path(__file__).with_name("wiretap.py")
        host.start(sys.executable, str(script), "eth0", str(file))
        until = time.monotonic() + 20
        while time.monotonic() < until and not (file.exists() and file.read_text()):
            time.sleep(0.05)
        return file

    def serve_names(self, host: Host, names: dict[str, str]) -> None:
        """Starts a name server in a host that knows these names and no others."""
        records = [f"--host-record={name},{address}" for name, address in names.items()]
        host.start(
            "dnsmasq", "--no-daemon", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=", "--local=//", *records
        )

    def _host(self, name: str, address: str) -> Host:
        holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", "--propagation", "private", "sleep", "infinity"]
        )
        self.stack.callback(ended, holder)
        own = Path("/proc/self/ns/net").readlink()
        until = time.monotonic() + 10
        while time.monotonic() < until and Path(f"/proc/{holder.pid}/ns/net").readlink() == own:
            time.sleep(0.01)
        made = Host(name, address, holder)
        self.stack.callback(made.stack.close)
        return made


def ended(process: subprocess.Popen[Any]) -> None:
    """Ends a process that was started here."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def lan(folder: Path) -> Iterator[Lan]:
    """A network for the length of a block."""
    network = Lan(folder)
    try:
        yield network
    finally:
        network.stack.close()


def ipp_service(kind: str, port: int, **txt: str) -> str:
    """A `<service>` element for `announce`."""
    records = "".join(f"<txt-record>{key}={value}</txt-record>" for key, value in txt.items())
    return f"<service><type>{kind}</type><port>{port}</port>{records}</service>"

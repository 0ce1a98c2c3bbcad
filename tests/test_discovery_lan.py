"""Discovery on a network of its own: a real name server, real mDNS responders, net-snmp's agent, virtual printers."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from typing import Any

import pytest

from agent.config_template import first_config
from agent.secrets import Secrets
from tests.agent_world import equipment, lines
from tests.fleet_process import printer
from tests.lan import Host, Lan, ipp_service, is_possible, lan
from tests.portal_process import PortalProcess

pytestmark = pytest.mark.skipif(
    not is_possible() and os.environ.get("CI") != "true", reason="needs root, namespaces, avahi and dnsmasq"
)
PAGES = ipp_service("_ipp._tcp", 631, txtvers="1", rp="ipp/print", ty="Brother DCP-L3550CDW series")


def prints(net: Lan, host: Host, device: str, **facts: Any) -> None:
    """Starts a virtual printer on port 161 of a host."""
    file = net.folder / f"{host.name}-fleet.json"
    file.write_text(json.dumps([printer(host.name, host.address, device, **facts)]))
    process = host.pipe(sys.executable, "-m", "sandbox.printers", "--fleet", str(file), "--port", "161")
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("ready"):
            return
    raise AssertionError(f"no printer on {host.name}")


class Office:
    """The agent's host with a portal in it, and what its user configures."""

    def __init__(self, net: Lan, equipments: list[dict[str, Any]], **settings: Any) -> None:
        self.host = net.host("agent", "10.77.0.2")
        self.folder = net.folder / "office"
        self.folder.mkdir()
        seed = self.folder / "seed.json"
        seed.write_text(json.dumps({"customer_number": "0000417300", "equipments": equipments}))
        self.portal = PortalProcess(self.folder / "portal", "--seed", str(seed), inside=self.host.command())
        net.stack.callback(self.portal.stop)
        entries = {
            "portal.url": self.portal.url,
            "portal.client_id": self.portal.client_id,
            "portal.ca_file": str(self.portal.ca_file),
            "discovery.networks": ["10.77.0.0/24"],
            "discovery.packets_per_second": 1000,
            "snmp.timeout_seconds": 0.5,
            "snmp.retries": 1,
            "readings.at": ["00:00"],
        }
        self.config = self.folder / "meter-agent.toml"
        changed = {key.replace("__", "."): value for key, value in settings.items()}
        self.config.write_text(first_config("en", entries | changed), encoding="utf-8")
        Secrets(self.folder / "secrets").set("portal", self.portal.client_secret)

    def agent(self, *arguments: str) -> Any:
        """One command of the agent."""
        return self.host.run(sys.executable, "-m", "agent", *arguments, "--config", str(self.config))

    def matches(self) -> dict[str, dict[str, Any]]:
        """What `match --json` says, by equipment."""
        done = self.agent("match", "--json")
        assert done.returncode in (0, 1), done.stderr
        return {one["equipment_number"].lstrip("0"): one for one in lines(done) if one["equipment_number"]}


def plain(table: str) -> str:
    """A table's text without its line breaks."""
    return " ".join(table.split())


def wants(number: str, name: str) -> dict[str, Any]:
    """An equipment with this technical identification number."""
    point = equipment("1")["measuring_points"][0] | {"measuring_point": f"{number}0001"}
    return equipment("1") | {
        "equipment_number": number.rjust(18, "0"),
        "technical_identification_number": name,
        "measuring_points": [point],
    }


def test_the_portals_numbers_lead_to_the_printers_without_any_search(tmp_path):
    """By DNS with a search domain, in another spelling, by mDNS and as an address; where a name leads outside, nothing
    is sent, and what is no printer is left alone."""
    with lan(tmp_path) as net:
        names = ("prn-7", "Kopierer Büro (EG)", "km-keller", "10.77.0.10", "prn-9", "nas", "nowhere")
        office = Office(
            net,
            [wants(str(number), name) for number, name in enumerate(names, 1)],
            discovery__search_domains=["site.example"],
            discovery__mdns=True,
        )
        dns, prn, copier = net.host("dns", "10.77.0.3"), net.host("prn-7", "10.77.0.7"), net.host("copier", "10.77.0.8")
        keller, other = net.host("km-keller", "10.77.0.9"), net.host("other", "10.77.0.10")
        trap, nas = net.host("trap", "10.77.9.9"), net.host("nas", "10.77.0.11")
        net.serve_names(
            dns,
            {
                "prn-7.site.example": prn.address, "kopierer-buero.site.example": copier.address,
                "prn-9.site.example": trap.address, "nas.site.example": nas.address,
            },
        )  # fmt: skip
        office.host.writes("/etc/resolv.conf", f"nameserver {dns.address}\noptions timeout:1 attempts:1\n", tmp_path)
        prints(net, prn, "hp_color_laserjet_e57540")
        prints(net, copier, "kyocera_taskalfa_3555ci")
        prints(net, keller, "konica_bizhub_c301i")
        prints(net, other, "lexmark_cx735")
        prints(net, trap, "ricoh_im_c3010")
        net.announce(keller, [PAGES])
        net.answers_snmp(nas)
        before = trap.datagrams()
        found = office.matches()
        told = {number: (one["outcome"], one["target"]) for number, one in found.items()}
        assert told == {
            "1": ("matched", "10.77.0.7"),
            "2": ("matched", "10.77.0.8"),
            "3": ("matched", "10.77.0.9"),
            "4": ("matched", "10.77.0.10"),
            "5": ("not_found", None),
            "6": ("not_found", None),
            "7": ("not_found", None),
        }
        assert trap.datagrams() == before
        office.agent("run", "--once")
        told = {number: office.agent("explain", number).stdout for number in found}
        assert "Asked for as prn-7, prn-7.site.example, it leads to 10.77.0.7." in plain(told["1"])
        assert "outside the configured networks" in plain(told["5"])
        assert "What answers at 10.77.0.11 is no printer" in plain(told["6"])
        assert "No name server knows it; asked for as nowhere, nowhere.site.example." in plain(told["7"])
        assert "match confirm 7 HOST" in plain(told["7"])
        assert trap.datagrams() == before
        rules = {number: [one["rule"] for one in match.get("evidence", [])] for number, match in found.items()}
        assert "dns_name" in rules["1"]
        assert "mdns_name" in rules["3"]
        assert rules["4"] == ["address"]


def test_the_first_config_has_the_own_network_when_somebody_says_so(tmp_path):
    """The network of the computer's card, and neither loopback nor what nobody confirmed."""
    with lan(tmp_path) as net:
        host = net.host("agent", "10.77.0.2")
        for given, ranges in (("--own-network", ["10.77.0.0/16"]), ("--no-own-network", [])):
            file = tmp_path / f"{given}.toml"
            done = host.run(sys.executable, "-m", "agent", "init", given, "--config", str(file))
            assert done.returncode == 0, done.stderr
            assert tomllib.loads(file.read_text("utf-8"))["discovery"]["ranges"] == ranges


def test_a_printer_is_followed_to_its_new_address(tmp_path):
    """The name server says so first; where nobody says anything, it is found by searching, and never twice."""
    with lan(tmp_path) as net:
        office = Office(net, [wants("1", "NPI3C91D4")], discovery__ranges=["10.77.0.0/27"])
        prn = net.host("prn-7", "10.77.0.7")
        prints(net, prn, "hp_color_laserjet_e57540")
        done = office.agent("run", "--once")
        assert done.returncode == 0, done.stdout + done.stderr
        prn.does("ip", "addr", "del", "10.77.0.7/16", "dev", "eth0")
        prn.does("ip", "addr", "add", "10.77.0.17/16", "dev", "eth0")
        prn.address = "10.77.0.17"
        prints(net, prn, "hp_color_laserjet_e57540")
        (match,) = office.matches().values()
        assert (match["outcome"], match["target"]) == ("matched", "10.77.0.17")


def test_another_device_behind_a_known_name_is_held(tmp_path):
    """The printer was exchanged and nobody told the portal: its counter is not taken for the old one's."""
    with lan(tmp_path) as net:
        office = Office(net, [wants("1", "10.77.0.7")])
        prn = net.host("prn-7", "10.77.0.7")
        prints(net, prn, "hp_color_laserjet_e57540")
        done = office.agent("run", "--once")
        assert done.returncode == 0, done.stdout + done.stderr
        prn.stack.close()
        prints(net, prn, "konica_bizhub_c301i")
        (match,) = office.matches().values()
        assert match["outcome"] == "contradicted"
        assert office.agent("match", "confirm", "1", "10.77.0.7").returncode == 0
        (match,) = office.matches().values()
        assert match["outcome"] == "matched"

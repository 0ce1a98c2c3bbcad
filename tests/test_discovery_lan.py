"""Discovery on a network of its own: a real name server, real mDNS responders, net-snmp's agent, virtual printers."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
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
PAGES = ipp_service(
    "_ipp._tcp", 631, txtvers="1", rp="ipp/print", ty="Brother DCP-L3550CDW series", note="ground floor"
)


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
        (told_of,) = [one for one in lines(office.agent("discover", "--json")) if one["target"] == keller.address]
        assert "Brother DCP-L3550CDW series, ground floor" in {seen["said"] for seen in told_of["sightings"]}


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


ALLOWED = {f"10.77.0.{low}" for low in range(1, 31)} - {f"10.77.0.{low}" for low in (4, 5, 6)} - {"10.77.0.12"}
ELSEWHERE = {("10.77.0.3", 53), ("224.0.0.251", 5353)}  # the name server, and mDNS


def test_nothing_outside_the_ranges_ever_receives_a_packet(tmp_path):
    """Every datagram of a search is captured as it leaves: names, announcements and memory lead outside, hosts are
    excluded by address and by name, and communities and users only go where the config allows."""
    with lan(tmp_path) as net:
        wanted = [wants("1", "prn-7"), wants("2", "outside"), wants("3", "10.77.3.3"), wants("4", "camera"),
                  wants("5", "loud")]  # fmt: skip
        office = Office(
            net,
            wanted,
            discovery__ranges=["10.77.0.0/27"],
            discovery__networks=[],
            discovery__exclude=["10.77.0.4-10.77.0.6", "camera.site.example"],
            discovery__search_domains=["site.example"],
            discovery__mdns=True,
            snmp__communities=["public", "@second"],
        )
        Secrets(office.folder / "secrets").set("second", "hidden-word")
        with office.config.open("a", encoding="utf-8") as config:
            config.write('\n[[snmp.users]]\nname = "meter-reader"\n')
        dns, prn, loud = net.host("dns", "10.77.0.3"), net.host("prn-7", "10.77.0.7"), net.host("loud", "10.77.2.2")
        camera = net.host("camera", "10.77.0.12")
        names = {"prn-7": prn.address, "outside": "10.77.9.9", "camera": camera.address}
        net.serve_names(dns, {f"{name}.site.example": address for name, address in names.items()})
        office.host.writes("/etc/resolv.conf", f"nameserver {dns.address}\noptions timeout:1 attempts:1\n", tmp_path)
        prints(net, prn, "hp_color_laserjet_e57540")
        net.announce(loud, [PAGES])
        net.answers_snmp(camera)
        tap = net.taps(office.host)
        done = office.agent("run", "--once")
        assert done.returncode in (0, 1), done.stderr
        office.agent("discover")
        told = [line.split() for line in tap.read_text().splitlines()[1:]]
        places = {(address, int(port)) for address, port, _ in told}
        asked = {address for address, port in places if port in (0, 161)}
        assert asked == ALLOWED - {office.host.address}
        assert {place for place in places if place[1] not in (0, 161) and ":" not in place[0]} <= ELSEWHERE
        for secret in (b"hidden-word", b"meter-reader"):
            heard = {address for address, _, content in told if secret.hex() in content}
            assert heard <= ALLOWED
        assert b"hidden-word".hex() in tap.read_text()


def test_what_is_no_printer_is_left_alone_after_a_search(tmp_path):
    """A computer that answers SNMP is recognised once, and hears nothing more until the next search."""
    with lan(tmp_path) as net:
        office = Office(net, [wants("1", "NPI3C91D4"), wants("2", "nowhere")], discovery__ranges=["10.77.0.0/28"])
        prn, nas = net.host("prn-7", "10.77.0.7"), net.host("nas", "10.77.0.8")
        prints(net, prn, "hp_color_laserjet_e57540")
        net.answers_snmp(nas)
        done = office.agent("run", "--once")
        assert "10.77.0.8" in done.stdout, done.stderr
        before, known = nas.datagrams(), prn.datagrams()
        office.agent("run", "--once")  # searched for equipment 2 in vain not long ago, so not again
        assert prn.datagrams() > known
        assert nas.datagrams() == before


def test_two_sites_with_the_same_names_are_told_apart_by_their_domains(tmp_path):
    """The whole name means one of them; the short one means both, so that nobody is guessed."""
    with lan(tmp_path) as net:
        numbers = ("prn-7.north.example", "PRN-7.South.Example", "prn-7")
        office = Office(
            net,
            [wants(str(place), name) for place, name in enumerate(numbers, 1)],
            discovery__search_domains=["north.example", "south.example"],
        )
        dns, north, south = net.host("dns", "10.77.0.3"), net.host("n7", "10.77.0.7"), net.host("s7", "10.77.0.8")
        net.serve_names(dns, {"prn-7.north.example": north.address, "prn-7.south.example": south.address})
        office.host.writes("/etc/resolv.conf", f"nameserver {dns.address}\noptions timeout:1 attempts:1\n", tmp_path)
        prints(net, north, "hp_color_laserjet_e57540", set={"1.3.6.1.2.1.1.5.0": "4|prn-7"})
        prints(net, south, "konica_bizhub_c301i", set={"1.3.6.1.2.1.1.5.0": "4|prn-7"})
        # Both say prn-7, and each has a better claim by its whole name than by the short one alone.
        found = {number: (one["outcome"], one["target"]) for number, one in office.matches().items()}
        assert found["3"] == ("ambiguous", None)
        plain_names = office.agent("match").stdout
        assert "match confirm 3" in plain(plain_names)


def test_a_renamed_printer_is_shown_and_never_doubled(tmp_path):
    """Its name led to it; after the change nothing is guessed, the same device is named, and a person's word follows
    it to the next address."""
    with lan(tmp_path) as net:
        office = Office(net, [wants("1", "NPI3C91D4")], discovery__ranges=["10.77.0.0/28"])
        prn = net.host("prn-7", "10.77.0.7")
        prints(net, prn, "hp_color_laserjet_e57540")
        assert office.agent("run", "--once").returncode == 0
        prn.stack.close()
        prints(net, prn, "hp_color_laserjet_e57540", set={"1.3.6.1.2.1.1.5.0": "4|prn-neu",
            "1.3.6.1.2.1.43.5.1.1.16.1": "4|prn-neu"})  # fmt: skip
        (match,) = office.matches().values()
        assert match["outcome"] == "not_found"
        (candidate,) = match["candidates"]
        assert candidate["target"] == "10.77.0.7"
        assert "read before" in candidate["detail"]
        assert "match write 1 prn-neu" in candidate["remedy"]
        assert office.agent("match", "confirm", "1", "10.77.0.7").returncode == 0
        prn.does("ip", "addr", "del", "10.77.0.7/16", "dev", "eth0")
        prn.does("ip", "addr", "add", "10.77.0.9/16", "dev", "eth0")
        prn.address = "10.77.0.9"
        prn.stack.close()
        prints(net, prn, "hp_color_laserjet_e57540", set={"1.3.6.1.2.1.1.5.0": "4|prn-neu"})
        (match,) = office.matches().values()
        assert (match["outcome"], match["target"]) == ("matched", "10.77.0.9")
        assert any("10.77.0.7" in change and "10.77.0.9" in change for change in match["changes"])
        assert len(lines(office.agent("discover", "--json"))) == 1


def test_a_printer_with_ipv6_only_is_found_by_its_name(tmp_path):
    """By DNS, inside a network that the config names; a range of IPv6 is never searched."""
    with lan(tmp_path) as net:
        office = Office(
            net, [wants("1", "six.example"), wants("2", "[2001:db8:77::7]")], discovery__networks=["2001:db8:77::/64"]
        )
        dns, prn, other = net.host("dns", "10.77.0.3"), net.host("six", "10.77.0.7"), net.host("out", "10.77.0.8")
        for host, address in ((office.host, "2001:db8:77::2"), (prn, "2001:db8:77::6"), (other, "2001:db8:77::7")):
            host.does("ip", "addr", "add", f"{address}/64", "dev", "eth0", "nodad")
        net.serve_names(dns, {"six.example": "2001:db8:77::6"})
        office.host.writes("/etc/resolv.conf", f"nameserver {dns.address}\noptions timeout:1 attempts:1\n", tmp_path)
        facts = {"name": "six", "model": "Kyocera ECOSYS P6", "serial": "SIX0001", "pages": "1200"}
        net.prints_by_snmpd(prn, facts, transport="udp6:161")
        net.prints_by_snmpd(other, facts | {"name": "seven", "serial": "SEVEN07"}, transport="udp6:161")
        time.sleep(1)
        found = {number: (one["outcome"], one["target"]) for number, one in office.matches().items()}
        assert found == {"1": ("matched", "[2001:db8:77::6]"), "2": ("matched", "[2001:db8:77::7]")}


def test_a_printer_that_speaks_snmpv3_only_is_searched_by_the_second_user(tmp_path):
    """net-snmp's agent as a printer; the first user is unknown to it, a community is not even answered."""
    with lan(tmp_path) as net:
        office = Office(net, [wants("1", "safe-7")], discovery__ranges=["10.77.0.0/28"])
        secrets = Secrets(office.folder / "secrets")
        with office.config.open("a", encoding="utf-8") as config:
            for place, name in enumerate(("stranger", "meter-reader")):
                secrets.set(f"word-{place}", f"long-enough-{place}")
                config.write(
                    f'\n[[snmp.users]]\nname = "{name}"\nauthentication = "sha256"\n'
                    f'authentication_secret = "@word-{place}"\nprivacy = "aes128"\nprivacy_secret = "@word-{place}"\n'
                )
        prn = net.host("safe-7", "10.77.0.7")
        facts = {"name": "safe-7", "model": "Kyocera ECOSYS P6", "serial": "SAFE0007", "pages": "4711"}
        user = "createUser meter-reader SHA-256 long-enough-1 AES long-enough-1"
        net.prints_by_snmpd(prn, facts, user, "rouser meter-reader priv")
        time.sleep(1)
        (match,) = office.matches().values()
        assert (match["outcome"], match["target"]) == ("matched", "10.77.0.7")


@pytest.mark.skipif(shutil.which("ippeveprinter") is None, reason="needs ippeveprinter (cups-ipp-utils)")
def test_a_printer_that_speaks_ipp_alone_is_found_by_its_name(tmp_path):
    """CUPS' own everywhere printer, without SNMP: named by a person it is asked over IPP, and matched by that name."""
    with lan(tmp_path) as net:
        office = Office(net, [wants("1", "eve.site.example")], ipp__enabled=True, ipp__port=8631)
        dns, eve = net.host("dns", "10.77.0.3"), net.host("eve", "10.77.0.7")
        net.serve_names(dns, {"eve.site.example": eve.address})
        office.host.writes("/etc/resolv.conf", f"nameserver {dns.address}\noptions timeout:1 attempts:1\n", tmp_path)
        everywhere(net, eve, 8631)
        (match,) = office.matches().values()
        assert (match["outcome"], match["target"]) == ("matched", "10.77.0.7")
        assert "dns_name" in [one["rule"] for one in match["evidence"]]


def everywhere(net: Lan, host: Host, port: int) -> None:
    """Starts ippeveprinter in a host, with the daemons that it needs for announcing itself; it only starts under a name
    that has addresses of both kinds."""
    host.does("ip", "addr", "add", "2001:db8:77::e/64", "dev", "eth0", "nodad")
    host.writes("/etc/hosts", f"{host.address} {host.name}.local\n2001:db8:77::e {host.name}.local\n", net.folder)
    host.does("mount", "-t", "tmpfs", "tmpfs", "/run")
    host.does("mkdir", "-p", "/run/dbus", "/run/avahi-daemon", f"/run/keys-{host.name}")
    host.start("dbus-daemon", "--system", "--nofork", "--nopidfile")
    host.writes(
        "/etc/avahi/avahi-daemon.conf", "[server]\nuse-ipv6=no\nallow-interfaces=eth0\n", net.folder
    )  # fmt: skip
    waits_for(host, "test", "-S", "/run/dbus/system_bus_socket")
    host.start("avahi-daemon", "--no-drop-root", "--no-chroot", "--no-rlimits")
    waits_for(host, "test", "-S", "/run/avahi-daemon/socket")
    keys = f"/run/keys-{host.name}"
    host.start("ippeveprinter", "-p", str(port), "-n", f"{host.name}.local", "-K", keys, "-d", keys, "-M", "Acme", "-m",
        "Laser 9", "Eve")  # fmt: skip
    waits_for(host, "sh", "-c", f"grep -qi ':{port:04X} ' /proc/net/tcp /proc/net/tcp6")


def waits_for(host: Host, *words: str) -> None:
    """Until a command succeeds in a host."""
    until = time.monotonic() + 20
    while time.monotonic() < until and host.run(*words).returncode:
        time.sleep(0.1)
    assert host.run(*words).returncode == 0, words

"""The virtual printers, asked over real UDP by two foreign clients: net-snmp's tools and pysnmp's message classes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api

from sandbox.printers import description, recording

PROJECT = Path(__file__).parents[1]
SYS_NAME = "1.3.6.1.2.1.1.5.0"
LIFE_COUNT = "1.3.6.1.2.1.43.10.2.1.4.1.1"
LEVELS = "1.3.6.1.2.1.43.11.1.1.9"
KONICA = "konica_bizhub_c301i"
WAIT_S = 30

Endpoint = tuple[str, int]


@contextmanager
def running(*arguments: str) -> Iterator[list[dict[str, Any]]]:
    """The lines that a fleet printed; it runs inside the block and ends with it."""
    command = [sys.executable, "-m", "sandbox.printers", *arguments, "--until-stdin-closes"]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdin
        lines: list[dict[str, Any]] = []
        try:
            for line in process.stdout:
                lines.append(json.loads(line))
                if lines[-1] == {"ready": True}:
                    break
            yield lines
        finally:
            process.stdin.close()
            assert process.wait(WAIT_S) == 0


def endpoints(lines: list[dict[str, Any]]) -> dict[str, Endpoint]:
    return {line["name"]: (line["address"], line["port"]) for line in lines if "name" in line}


RECORDED = """1.3.6.1.2.1.1.5.0|4|RECORDED
.1.3.6.1.2.1.1.1.0|4x|c3bc
1.3.6.1.2.1.1.3.0|67|4294967295
1.3.6.1.2.1.1.5.0|4|SECOND
1.3.6.1.2.1.1.9.0|5|
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.2435.2.3.9.1
1.3.6.1.2.1.4.20.1.1.10.0.0.1|64|10.0.0.1
1.3.6.1.2.1.4.20.1.3.10.0.0.1|64x|ffffff00
1.3.6.1.2.1.31.1.1.1.6.1|70|18446744073709551615
1.3.6.1.2.1.31.1.1.1.15.1|66|1000
1.3.6.1.2.1.43.10.2.1.4.1.1|65|4294967295
this line makes no sense
1.3.6.1.2.1.43.10.2.1.5.1.1|65|6git
"""
FAULTS: dict[str, dict[str, Any]] = {
    "honest": {},
    "silent": {"silent": True},
    "v1_only": {"v1_only": True},
    "slow": {"slow": 400},
    "drop": {"drop": 3},
    "no_bulk": {"no_bulk": True},
    "bulk_silent": {"bulk_silent": True},
    "endless": {"endless": True},
    "looping": {"looping": True},
    "out_of_order": {"out_of_order": True},
    "garbage": {"garbage": True},
    "bomb": {"bomb": True},
    "wrong_id": {"wrong_id": True},
    "negative": {"negative": True},
    "huge_strings": {"huge_strings": 3000},
    "asleep": {"asleep": 2},
}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Endpoint]]:
    """One process with every shipped device, a recording with a context, and one colour copier per fault."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "recorded.snmprec").write_text(RECORDED, "utf-8")
    (folder / "recorded_at_Jetdirect.snmprec").write_text("1.3.6.1.2.1.1.5.0|4|INSIDE\n", "utf-8")
    konica = description.SHIPPED / f"{KONICA}.toml"
    members: list[dict[str, Any]] = [
        {"name": name, "address": "127.0.0.1", "source": str(konica), "faults": faults}
        for name, faults in FAULTS.items()
    ]
    members += [{"name": each.stem, "address": "127.0.0.1", "source": str(each)} for each in description.shipped()]
    members += [
        {"name": "recorded", "address": "127.0.0.1", "source": "recorded.snmprec"},
        {"name": "secret", "address": "127.0.0.1", "source": "recorded.snmprec", "community": "s3cret"},
        {"name": "changed", "address": "127.0.0.1", "source": "recorded.snmprec", "set": {SYS_NAME: "4|CHANGED"}},
    ]
    (folder / "fleet.json").write_text(json.dumps(members), "utf-8")
    with running("--fleet", str(folder / "fleet.json"), "--port", "0") as lines:
        yield endpoints(lines)


@dataclass
class Answer:
    """A decoded answer: `size` in octets on the wire, `status` and `index` as numbers, values by dotted identifier."""

    size: int
    request_id: int
    status: int
    index: int
    rows: list[tuple[str, Any]]

    @property
    def values(self) -> dict[str, Any]:
        return dict(self.rows)


def question(kind: str, *names: str, version: int = 1, community: str = "public", bulk: int = 10) -> bytes:
    """A request as pysnmp encodes it."""
    module = api.PROTOCOL_MODULES[version]
    pdu = getattr(module, f"{kind}PDU")()
    actions = module.apiBulkPDU if kind == "GetBulkRequest" else module.apiPDU
    actions.set_defaults(pdu)
    actions.set_request_id(pdu, 4711)
    if kind == "GetBulkRequest":
        actions.set_non_repeaters(pdu, 0)
        actions.set_max_repetitions(pdu, bulk)
    actions.set_varbinds(pdu, [(name, module.Null("")) for name in names])
    message = module.Message()
    module.apiMessage.set_defaults(message)
    module.apiMessage.set_community(message, community)
    module.apiMessage.set_pdu(message, pdu)
    octets: bytes = encoder.encode(message)
    return octets


def raw(endpoint: Endpoint, octets: bytes, wait_s: float = 5.0) -> bytes | None:
    """The datagram that comes back, `None` for silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(wait_s)
        asking.sendto(octets, endpoint)
        try:
            return asking.recv(65_535)
        except TimeoutError:
            return None


def decoded(octets: bytes, version: int = 1) -> Answer:
    module = api.PROTOCOL_MODULES[version]
    message, rest = decoder.decode(octets, asn1Spec=module.Message())
    assert not rest
    pdu = module.apiMessage.get_pdu(message)
    rows = [(str(name), value) for name, value in module.apiPDU.get_varbinds(pdu)]
    status, index = int(module.apiPDU.get_error_status(pdu)), int(module.apiPDU.get_error_index(pdu, muteErrors=True))
    return Answer(len(octets), int(module.apiPDU.get_request_id(pdu)), status, index, rows)


def ask(
    endpoint: Endpoint, kind: str, *names: str, version: int = 1, community: str = "public", bulk: int = 10
) -> Answer:
    octets = raw(endpoint, question(kind, *names, version=version, community=community, bulk=bulk))
    assert octets is not None
    return decoded(octets, version)


def silence(endpoint: Endpoint, octets: bytes) -> bool:
    return raw(endpoint, octets, wait_s=0.4) is None


def netsnmp(tool: str, *arguments: str) -> str:
    """What a tool of net-snmp prints; skips where it is not installed, except in continuous integration."""
    path = shutil.which(tool)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{tool} (net-snmp) is missing in continuous integration")
        pytest.skip(f"{tool} (net-snmp) is not installed")
    done = subprocess.run([path, "-m", "", "-On", *arguments], capture_output=True, text=True, timeout=WAIT_S)
    return done.stdout + done.stderr


def at(endpoint: Endpoint) -> str:
    return f"{endpoint[0]}:{endpoint[1]}"


def test_snmpget(fleet: dict[str, Endpoint]) -> None:
    """net-snmp reads name, billing total and life count of the colour copier in one request."""
    total = "1.3.6.1.4.1.18334.1.1.1.5.7.2.1.1.0"
    told = netsnmp("snmpget", "-v2c", "-cpublic", at(fleet[KONICA]), SYS_NAME, total, LIFE_COUNT)
    assert 'STRING: "KMBT5A17C2"' in told
    assert "INTEGER: 128431" in told
    assert "Counter32: 128431" in told


@pytest.mark.parametrize(("tool", "version"), [("snmpbulkwalk", "-v2c"), ("snmpwalk", "-v1")])
def test_walk_meets_everything(fleet: dict[str, Endpoint], tool: str, version: str) -> None:
    """A walk from the root meets every object of a device exactly once and in order, by GETBULK or by v1 GETNEXT."""
    device = description.objects(description.load(description.SHIPPED / f"{KONICA}.toml"))
    told = netsnmp(tool, version, "-cpublic", at(fleet[KONICA]), ".1.3")
    met = [
        recording.arcs_of(line.split(" = ")[0]) for line in told.splitlines() if "No more" not in line and " = " in line
    ]
    assert met == sorted(device)


def test_types_survive(fleet: dict[str, Endpoint]) -> None:
    """Every type of a recording arrives as it was recorded; of a repeated object the first line counts."""
    names = ["1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.2.0", "1.3.6.1.2.1.1.3.0", SYS_NAME, "1.3.6.1.2.1.1.9.0"]
    names += ["1.3.6.1.2.1.4.20.1.1.10.0.0.1", "1.3.6.1.2.1.4.20.1.3.10.0.0.1", "1.3.6.1.2.1.31.1.1.1.6.1"]
    names += ["1.3.6.1.2.1.31.1.1.1.15.1", LIFE_COUNT]
    values = ask(fleet["recorded"], "GetRequest", *names).values
    types = "OctetString ObjectIdentifier TimeTicks OctetString Null IpAddress IpAddress Counter64 Gauge32 Counter32"
    assert [type(values[name]).__name__ for name in names] == types.split()
    assert bytes(values[names[0]]) == "ü".encode()
    assert str(values[SYS_NAME]) == "RECORDED"
    assert int(values[names[7]]) == 2**64 - 1
    assert int(values[LIFE_COUNT]) == 2**32 - 1


def test_v1_missing_object(fleet: dict[str, Endpoint]) -> None:
    """Under SNMPv1 one missing object fails the whole GET: noSuchName, and the index says which one."""
    answer = ask(fleet["canon_ir_adv_c3831"], "GetRequest", SYS_NAME, "1.3.6.1.2.1.43.5.1.1.17.1", version=0)
    assert (answer.status, answer.index) == (2, 2)
    assert ask(fleet["canon_ir_adv_c3831"], "GetRequest", SYS_NAME, version=0).status == 0


def test_v1_does_not_know_counter64(fleet: dict[str, Endpoint]) -> None:
    """Under SNMPv1 a 64 bit counter does not exist: GET refuses it, GETNEXT steps over it."""
    wide = "1.3.6.1.2.1.31.1.1.1.6.1"
    assert ask(fleet["recorded"], "GetRequest", wide, version=0).status == 2
    following = ask(fleet["recorded"], "GetNextRequest", "1.3.6.1.2.1.31.1.1.1.6", version=0)
    assert [name for name, _ in following.rows] == ["1.3.6.1.2.1.31.1.1.1.15.1"]


def test_v2c_absence(fleet: dict[str, Endpoint]) -> None:
    """Under v2c what is missing says how: no such object, no such instance, end of the MIB."""
    answer = ask(fleet["recorded"], "GetRequest", "1.3.6.1.2.1.99.1.0", "1.3.6.1.2.1.1.5.7", SYS_NAME)
    assert [type(value).__name__ for _, value in answer.rows] == ["NoSuchObject", "NoSuchInstance", "OctetString"]
    end = ask(fleet["recorded"], "GetNextRequest", "1.3.6.1.6")
    assert type(end.rows[0][1]).__name__ == "EndOfMibView"


def test_silence(fleet: dict[str, Endpoint]) -> None:
    """A foreign community, a SET, another version and nonsense get no answer, and the printer goes on answering."""
    endpoint = fleet["secret"]
    honest = question("GetRequest", SYS_NAME, community="s3cret")
    assert silence(endpoint, question("GetRequest", SYS_NAME))
    assert silence(endpoint, question("SetRequest", SYS_NAME, community="s3cret"))
    assert silence(endpoint, honest.replace(b"\x02\x01\x01", b"\x02\x01\x03", 1))
    assert silence(endpoint, honest[:-4])
    assert silence(endpoint, b"")
    assert raw(endpoint, honest)


def test_answers_fit_one_frame(fleet: dict[str, Endpoint]) -> None:
    """No answer is larger than 1,472 octets: GETBULK is cut short, a GET for more is refused as too big."""
    cut = ask(fleet[KONICA], "GetBulkRequest", "1.3.6.1.2.1.1", bulk=500)
    assert 1200 < cut.size <= 1472
    assert len(cut.rows) > 10
    text = "1.3.6.1.2.1.1.1.0"
    assert ask(fleet["ricoh_im_c3010"], "GetRequest", *[text] * 30).status == 1
    assert ask(fleet["ricoh_im_c3010"], "GetRequest", *[text] * 30, version=0).status == 1


def test_context(fleet: dict[str, Endpoint]) -> None:
    """A context recording beside a device's answers under community@context, and is no device of its own."""
    inside = ask(fleet["recorded"], "GetRequest", SYS_NAME, community="public@Jetdirect")
    assert str(inside.values[SYS_NAME]) == "INSIDE"
    assert str(ask(fleet["recorded"], "GetRequest", SYS_NAME).values[SYS_NAME]) == "RECORDED"


def test_set_overrides(fleet: dict[str, Endpoint]) -> None:
    """A fleet file can replace single objects of a recording."""
    assert str(ask(fleet["changed"], "GetRequest", SYS_NAME).values[SYS_NAME]) == "CHANGED"


def walked(endpoint: Endpoint, root: str, most: int) -> list[str]:
    """The identifiers that a GETNEXT walk of a column meets, at most `most`."""
    met: list[str] = []
    name = root
    while len(met) < most:
        name = ask(endpoint, "GetNextRequest", name).rows[0][0]
        if not name.startswith(root + "."):
            break
        met.append(name)
    return met


def test_fault_silence(fleet: dict[str, Endpoint]) -> None:
    """`silent` never answers, `v1_only` answers v1 alone, `bulk_silent` everything but GETBULK."""
    assert silence(fleet["silent"], question("GetRequest", SYS_NAME))
    assert silence(fleet["v1_only"], question("GetRequest", SYS_NAME))
    assert ask(fleet["v1_only"], "GetRequest", SYS_NAME, version=0).status == 0
    assert silence(fleet["bulk_silent"], question("GetBulkRequest", LEVELS))
    assert ask(fleet["bulk_silent"], "GetNextRequest", LEVELS).status == 0


def test_fault_loss(fleet: dict[str, Endpoint]) -> None:
    """`drop` 3 loses every third request, `asleep` 2 only the first two."""
    asked = question("GetRequest", SYS_NAME)
    assert [silence(fleet["drop"], asked) for _ in range(6)] == [False, False, True, False, False, True]
    assert [silence(fleet["asleep"], asked) for _ in range(4)] == [True, True, False, False]


def test_fault_slow(fleet: dict[str, Endpoint]) -> None:
    """`slow` answers, but not at once."""
    asked = question("GetRequest", SYS_NAME)
    assert raw(fleet["slow"], asked, wait_s=0.05) is None
    assert raw(fleet["slow"], asked) is not None


def test_fault_no_bulk(fleet: dict[str, Endpoint]) -> None:
    """`no_bulk` refuses GETBULK with genErr and answers GETNEXT."""
    assert ask(fleet["no_bulk"], "GetBulkRequest", LEVELS).status == 5
    assert ask(fleet["no_bulk"], "GetNextRequest", LEVELS).status == 0


def test_fault_endless(fleet: dict[str, Endpoint]) -> None:
    """`endless` has one more row whenever one asks, by GETNEXT and by GETBULK; six of them are real."""
    met = walked(fleet["endless"], LEVELS, most=40)
    assert met == [f"{LEVELS}.1.{row}" for row in range(1, 41)]
    bulk = ask(fleet["endless"], "GetBulkRequest", f"{LEVELS}.1.6", bulk=20)
    assert [name for name, _ in bulk.rows] == [f"{LEVELS}.1.{row}" for row in range(7, 27)]


def test_fault_looping(fleet: dict[str, Endpoint]) -> None:
    """`looping` comes back to the first row after the last one."""
    met = walked(fleet["looping"], LEVELS, most=15)
    assert met[:7] == [*(f"{LEVELS}.1.{row}" for row in range(1, 7)), f"{LEVELS}.1.1"]
    assert len(met) == 15


def test_fault_out_of_order(fleet: dict[str, Endpoint]) -> None:
    """`out_of_order` tells every row once, in the wrong order, and finishes."""
    met = walked(fleet["out_of_order"], LEVELS, most=40)
    assert met != sorted(met)
    assert sorted(met) == walked(fleet["honest"], LEVELS, most=40)


def test_fault_nonsense(fleet: dict[str, Endpoint]) -> None:
    """`garbage` sends octets that are no SNMP, `wrong_id` an answer to another question."""
    asked = question("GetRequest", SYS_NAME)
    sent = [raw(fleet["garbage"], asked) for _ in range(3)]
    assert len(set(sent)) == 3
    assert all(octets is not None and not readable(octets) for octets in sent)
    assert ask(fleet["wrong_id"], "GetRequest", SYS_NAME).request_id == 4712


def readable(octets: bytes) -> bool:
    try:
        return bool(decoded(octets))
    except Exception:  # noqa: BLE001 - pyasn1 raises many things; here only whether it understood counts
        return False


def test_fault_bomb(fleet: dict[str, Endpoint]) -> None:
    """`bomb` sends one datagram of some 60,000 octets, each time of another kind."""
    asked = question("GetRequest", SYS_NAME)
    sent = [raw(fleet["bomb"], asked) for _ in range(5)]
    assert all(octets is not None and 55_000 < len(octets) < 65_508 for octets in sent)
    assert len({octets[-40:] for octets in sent if octets}) > 3
    assert raw(fleet["honest"], asked)


def test_fault_values(fleet: dict[str, Endpoint]) -> None:
    """`negative` tells counters as negative INTEGERs, `huge_strings` texts longer than any frame."""
    count = ask(fleet["negative"], "GetRequest", LIFE_COUNT).values[LIFE_COUNT]
    assert (type(count).__name__, int(count)) == ("Integer", -128431)
    assert len(ask(fleet["huge_strings"], "GetRequest", SYS_NAME).values[SYS_NAME]) == 3000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives every 127.x.y.z an address of its own")
def test_own_address(tmp_path: Path) -> None:
    """A folder of recordings becomes printers that answer at neighbouring addresses."""
    for number in range(3):
        (tmp_path / f"{number}.snmprec").write_text(f"{SYS_NAME}|4|P{number}\n", "utf-8")
    arguments = ("--recordings", str(tmp_path), "--network", "127.21.0.0/28", "--port", str(free_port()))
    with running(*arguments) as lines:
        places = endpoints(lines)
        assert [address for address, _ in places.values()] == ["127.21.0.1", "127.21.0.2", "127.21.0.3"]
        assert str(ask(places["2"], "GetRequest", SYS_NAME).values[SYS_NAME]) == "P2"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def started(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox.printers", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=WAIT_S, stdin=subprocess.DEVNULL
    )


def test_ports() -> None:
    """Where only 127.0.0.1 exists, each printer has a port of its own."""
    with running("--devices", "--ports", "--port", "0") as lines:
        places = endpoints(lines)
        assert len(set(places.values())) == len(description.shipped())
        assert {address for address, _ in places.values()} == {"127.0.0.1"}
        assert ask(places[KONICA], "GetRequest", SYS_NAME).status == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals(number: signal.Signals) -> None:
    """The fleet ends in good order when it is told to."""
    command = [sys.executable, "-m", "sandbox.printers", "--devices", "--ports", "--port", "0"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert any(json.loads(line) == {"ready": True} for line in process.stdout)
        process.send_signal(number)
        assert process.wait(WAIT_S) == 0


def broken(member: dict[str, Any]) -> Callable[[Path], list[str]]:
    def write(folder: Path) -> list[str]:
        (folder / "fleet.json").write_text(json.dumps([member]), "utf-8")
        return ["--fleet", str(folder / "fleet.json")]

    return write


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (lambda _: [], "no printer to start"),
        (lambda folder: ["--recordings", str(folder / "nowhere")], "no folder"),
        (lambda folder: ["--fleet", str(folder / "nowhere.json")], "nowhere.json"),
        (broken({"name": "a", "address": "127.0.0.1", "source": "a.snmprec"}), "a.snmprec"),
        (broken({"name": "a", "address": "127.0.0.1", "source": "a.txt", "faults": {"tired": True}}), "tired"),
    ],
)
def test_unusable(tmp_path: Path, arguments: Callable[[Path], list[str]], said: str) -> None:
    """A fleet that makes no sense ends with code 2 and a sentence that names what is wrong."""
    done = started(*arguments(tmp_path))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_taken_port() -> None:
    """A port that somebody else has ends the start with code 4 and names it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        done = started("--devices", "--ports", "--port", str(other.getsockname()[1]))
    assert done.returncode == 4
    assert "--port" in done.stderr


def test_help() -> None:
    """The help names every fault."""
    told = started("--help").stdout
    assert all(fault in told for fault in FAULTS if fault != "honest")

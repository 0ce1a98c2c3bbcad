"""A tool that knows only the contract file asks the sandbox portal thousands of things, and gets what the file says.

schemathesis runs from an environment of its own (`make contract`); the agent's side of the same file is checked by
`PortalProcess` wherever a real agent talks to a portal.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.portal_contract import FILE
from tests.portal_process import ROOT, PortalProcess
from tests.portal_seed import equipment, item, measuring_point, order, seed_file

TOOL = ROOT / ".contract" / "venv" / "bin" / "schemathesis"
CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = os.environ.get("EXAMPLES", "12")  # by operation and phase
LEAST_CASES = 1000
# What the contract's own examples talk about, so that they are answered with more than "unknown".
NUMBER, POINT, MATERIAL = 10004711, "100047110001", "C0330118"

needs_tool = pytest.mark.skipif(
    not TOOL.exists() and not os.environ.get("CI"), reason="schemathesis is not set up: make contract"
)


def example_seed(folder: Path) -> Path:
    """The equipment of the contract's examples, and a few more."""
    point = measuring_point(NUMBER, measuring_point=POINT)
    toner = {
        "bom_item_number": "0010",
        "component_material_number": MATERIAL,
        "component_type": "toner",
        "max_quantity": 2,
    }
    first = equipment(NUMBER, measuring_points=[point], bill_of_material=[toner])
    return seed_file(folder / "seed.json", first, *(equipment(number) for number in range(1, 4)))


@needs_tool
def test_generated_requests(tmp_path: Path) -> None:
    """Right and wrong requests of every operation, alone and in sequences, are answered as the contract describes."""
    report = tmp_path / "report.json"
    with PortalProcess(tmp_path / "data", "--seed", str(example_seed(tmp_path))) as portal:
        portal.faults(token_seconds=86_400, enrolment_tries=100_000)
        with portal.client() as client:
            token = client.headers["Authorization"]
        command = [
            *(str(TOOL), "--config-file", str(CONFIG), "run", str(FILE)),
            *("--url", portal.url, "--tls-verify", str(portal.ca_file), "--header", f"Authorization: {token}"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
            *("--seed", "1", "--max-examples", EXAMPLES, "--no-shrink", "--continue-on-failure"),
            *("--report", "json", "--report-json-path", str(report)),
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=1800)
        assert "Traceback" not in portal.log.read_text()
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2000:]
    cases = done.stdout.partition("Test cases:")[2].split()
    print(f"\nschemathesis: {cases[0]} cases")  # noqa: T201  told by make contract
    assert int(cases[0]) >= LEAST_CASES
    assert json.loads(report.read_text())


def test_a_wrong_agent_is_noticed(tmp_path: Path) -> None:
    """A real agent that sends what the file does not name is found out, whatever the portal answers."""
    portal = PortalProcess(tmp_path / "data", "--seed", str(example_seed(tmp_path)))
    with portal.client(headers={"User-Agent": "meter-agent/0.1.0"}) as agent:
        assert agent.get("/equipments", params={"limit": "2", "include": "measuring_points"}).status_code == 200
        reading = item(1, "right", 1500)
        assert agent.post("/measurement-documents", json=reading).status_code == 201
        assert portal.agent_mistakes() == []
        agent.post("/measurement-documents", json={**reading, "client_reference": "new", "surprise": 1})
        agent.get("/equipments", params={"page": "2"})
        agent.get("/orders", params={"limit": "501"})
        agent.post("/orders", json=order(1, "bare"), headers={"Idempotency-Key": "bare"})
        agent.get("/elsewhere")
    mistakes = " ".join(portal.agent_mistakes())
    for word in ("surprise", "page is no parameter", "501 is greater", "'bare' does not match", "/elsewhere is not in"):
        assert word in mistakes, word
    portal.kill()

"""The sandbox portal as a process of its own, for tests: started as a user starts it, stopped, or killed."""

from __future__ import annotations

import functools
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.portal_contract import Contract, Sent

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0  # seconds to become ready or to end
JSON = dict[str, Any]


@functools.cache
def contract() -> Contract:
    """The contract, read once."""
    return Contract()


class PortalProcess:
    """`python -m sandbox.portal --data DATA_DIR ARGS…`; it listens when the constructor returns.

    `inside` is what starts the command elsewhere. Raises `AssertionError` with its standard error when it does not come
    up. Never outlives the test's process.
    """

    def __init__(self, data_dir: Path, *args: str, inside: Sequence[str] = ()) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir = data_dir
        self.log = data_dir / "stderr.log"
        self.record = data_dir / "exchanges.jsonl"
        command = [
            *inside,
            sys.executable,
            "-m",
            "sandbox.portal",
            "--data",
            str(data_dir),
            "--until-stdin-closes",
            "--record",
            str(self.record),
            *args,
        ]
        with self.log.open("ab") as stderr:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
            )
        self.ready = self._ready()
        self.url: str = self.ready["url"]
        self.ca_file = Path(self.ready["ca_file"])
        self.client_id: str = self.ready["client_id"]
        self.client_secret = Path(self.ready["client_secret_file"]).read_text("ascii").strip()
        self.key_user_password = Path(self.ready["key_user_password_file"]).read_text("ascii").strip()
        self._admin_token = Path(self.ready["admin_token_file"]).read_text("ascii").strip()

    def _ready(self) -> JSON:
        impatience = threading.Timer(PATIENCE, self.process.kill)
        impatience.start()
        try:
            line = self.process.stdout.readline() if self.process.stdout else b""
        finally:
            impatience.cancel()
        if not line:
            self._end()
            raise AssertionError(f"the portal did not start:\n{self.log.read_text('utf-8', 'replace')}")
        said: JSON = json.loads(line)
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
        else:
            self._close()

    def exchanges(self) -> list[JSON]:
        """Every request below /v1 so far, without its secrets, with the status of its answer."""
        lines = self.record.read_text("utf-8").splitlines() if self.record.exists() else []
        return [json.loads(line) for line in lines]

    def agent_mistakes(self) -> list[str]:
        """What the contract says against the requests of real agents; tests' own clients may send what they like."""
        mistakes = []
        for one in self.exchanges():
            if one["headers"].get("user-agent", "").startswith("meter-agent/"):
                body = None if one["body"] is None else one["body"].encode()
                sent = Sent(one["method"], one["path"], one["query"], one["headers"], body)
                where = f"{one['method']} {one['path']}"
                mistakes += [f"{where}: {wrong}" for wrong in contract().request_errors(sent, strict=True)]
        return mistakes

    def context(self) -> ssl.SSLContext:
        """What a strict client trusts: this portal's CA alone, TLS 1.2 or newer, no key below RSA 2048."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=self.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.hostname_checks_common_name = False  # RFC 9525: only what subjectAltName says
        context.set_ciphers("DEFAULT:@SECLEVEL=2")
        return context

    @contextmanager
    def client(self, scope: str | None = None, **options: Any) -> Iterator[httpx.Client]:
        """A strict client below /v1 with a token of its own, which is for the areas in `scope` or for all."""
        usual = {"base_url": f"{self.url}/v1", "verify": self.context(), "timeout": 20, "trust_env": False}
        with httpx.Client(**{**usual, **options}) as client:
            form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
            answer = client.post("/oauth2/token", data=form, auth=(self.client_id, self.client_secret))
            assert answer.status_code == 200, answer.text
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client

    def admin(self, method: str, path: str, json: object = None) -> JSON:
        """An answer of the admin's API (`/admin/…`), which must be a success. Works whatever TLS fault is on."""
        careless = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE
        careless.set_ciphers("DEFAULT:@SECLEVEL=0")
        careless.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        headers = {"Authorization": f"Bearer {self._admin_token}"}
        with httpx.Client(base_url=self.url, verify=careless, timeout=20, trust_env=False) as client:
            answer = client.request(method, path, json=json, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        said: JSON = answer.json()
        return said

    def faults(self, *switches: JSON, **settings: object) -> JSON:
        """Sets the fault switches (none: all off) and other settings."""
        return self.admin("PUT", "/admin/faults", {"switches": list(switches), **settings})

    def ledger(self) -> JSON:
        """All measurement documents, orders, service notifications and accepted submissions."""
        return self.admin("GET", "/admin/ledger")

    def stop(self) -> int:
        """Lets it end cleanly; its exit code. Raises `AssertionError` if a real agent has broken the contract."""
        code = self._close()
        assert self.agent_mistakes() == []
        return code

    def _close(self) -> int:
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        return self._end()

    def kill(self) -> None:
        """Kills it on the spot, as a power cut would."""
        self.process.kill()
        self._end()

    def _end(self) -> int:
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait(PATIENCE)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        return code

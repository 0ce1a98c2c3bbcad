"""The contract file as a judge: every answer of a portal has to be what `openapi.yaml` says, and nothing besides.

The same for requests: what a portal accepts, and what an agent sends.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

FILE = Path(__file__).resolve().parent.parent / "sandbox" / "portal" / "openapi.yaml"
METHODS = ("get", "put", "post", "delete", "patch")
URN, OPEN_URN = "urn:contract", "urn:open-contract"


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one path. `scope` is the area that it needs."""

    method: str
    path: str
    content: dict[str, Any]
    pointer: str

    @property
    def scope(self) -> str | None:
        """The area that has to be unlocked, if any."""
        needed = [scopes for one in self.content.get("security", []) for scopes in one.values()]
        return needed[0][0] if needed and needed[0] else None

    @property
    def problem_codes(self) -> set[str]:
        """The problems that it may answer with."""
        return set(self.content["x-problem-codes"])

    def values(self, path: str) -> dict[str, str] | None:
        """The path's parameters, if it is this operation's."""
        found = re.fullmatch(re.sub(r"\{([^}]+)\}", r"(?P<\1>[^/]+)", self.path), path)
        return None if found is None else {name: unquote(value) for name, value in found.groupdict().items()}

    def answers(self, method: str, path: str) -> bool:
        """Whether a request belongs to it."""
        return method == self.method and self.values(path) is not None


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it went over the wire; header names in small letters."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | None

    @classmethod
    def of(cls, request: httpx.Request) -> Sent:
        """That of an httpx client."""
        query = request.url.query.decode()
        return cls(
            request.method, request.url.raw_path.decode().partition("?")[0], query, request.headers, request.content
        )


class Contract:
    """The file, with closed objects: a field that it does not name is an error here, though agents ignore it."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
        closed = copy.deepcopy(self.content)
        _close(closed["components"])
        _close(closed["paths"])
        self._registry: Registry[Any] = Registry().with_resources(
            (urn, Resource.from_contents(content, default_specification=DRAFT202012))
            for urn, content in ((URN, closed), (OPEN_URN, self.content))
        )

    def operations(self) -> Iterator[Operation]:
        """Everything that the file describes."""
        for path, item in self.content["paths"].items():
            for method in METHODS:
                if method in item:
                    pointer = f"#/paths/{_escaped(path)}/{method}"
                    yield Operation(method.upper(), path, item[method], pointer)

    def errors(self, pointer: str, value: object, urn: str = URN) -> list[str]:
        """What is wrong with a value by the schema at `pointer` (`#/…`)."""
        validator = Draft202012Validator({"$ref": f"{urn}{pointer}"}, registry=self._registry)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation that a request belongs to."""
        return next((one for one in self.operations() if one.answers(method, path)), None)

    def request_errors(self, sent: Sent, *, strict: bool) -> list[str]:
        """What is wrong with a request; `strict` allows no field, parameter or body that the file does not name."""
        operation = self.operation(sent.method, sent.path)
        if operation is None:
            return [f"{sent.method} {sent.path} is not in the contract"]
        wrong = self._parameter_errors(operation, sent, strict=strict)
        body = operation.content.get("requestBody")
        if body is None:
            return wrong + (["there is a body"] if sent.body and strict else [])
        kind = sent.headers.get("content-type", "").partition(";")[0]
        if kind not in body["content"]:
            return [*wrong, f"the body is {kind or 'nothing'}"]
        if sent.body is None:  # not recorded, as it holds secrets
            return wrong
        value = json.loads(sent.body) if kind == "application/json" else dict(parse_qsl(sent.body.decode("ascii")))
        pointer = f"{operation.pointer}/requestBody/content/{_escaped(kind)}/schema"
        return wrong + self.errors(pointer, value, URN if strict else OPEN_URN)

    def _parameter_errors(self, operation: Operation, sent: Sent, *, strict: bool) -> list[str]:
        item = self.content["paths"][operation.path]
        named = [self._resolved(one) for one in (*item.get("parameters", []), *operation.content.get("parameters", []))]
        given = {
            "path": operation.values(sent.path) or {},
            "query": dict(parse_qsl(sent.query, keep_blank_values=True)),
            "header": {name.lower(): value for name, value in sent.headers.items()},
        }
        wrong = []
        for parameter in named:
            name = parameter["name"].lower() if parameter["in"] == "header" else parameter["name"]
            value: object = given[parameter["in"]].get(name)
            if value is None:
                wrong += [f"{name} is missing"] if parameter.get("required") else []
                continue
            schema = self._resolved(parameter["schema"])
            value = int(str(value)) if schema.get("type") == "integer" and str(value).isdigit() else value
            found = Draft202012Validator(schema).iter_errors(value)
            wrong += [f"{name}: {error.message}" for error in found]
        known = {parameter["name"] for parameter in named if parameter["in"] == "query"}
        return wrong + [f"{name} is no parameter" for name in given["query"] if strict and name not in known]

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self.content
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def check(self, response: httpx.Response) -> None:
        """Raises `AssertionError` for an exchange that the contract does not describe. An event hook of httpx.

        A request has to be right only if the portal took it.
        """
        response.read()
        request = response.request
        where = f"{request.method} {request.url.path} {response.status_code}"
        operation = self.operation(request.method, request.url.path)
        if response.is_success and request.method != "HEAD":
            wrong = self.request_errors(_taken(response), strict=False)
            assert not wrong, f"{where} was taken: {wrong}"
        if operation is None:
            assert response.status_code in (404, 405), f"{where} is not in the contract"
            pointer, said = "#/components/schemas/Problem", None
        else:
            pointer, said = self._response(operation, response.status_code)
        for name, header in ((said or {}).get("headers") or {}).items():
            assert name in response.headers or not self._resolved(header).get("required"), f"{where}: no header {name}"
        self._check_body(response, where, pointer, said)
        if response.headers.get("Content-Type") == "application/problem+json":
            problem = response.json()
            assert problem["status"] == response.status_code, where
            assert operation is None or problem["code"] in operation.problem_codes, f"{where}: {problem['code']}"

    def _check_body(self, response: httpx.Response, where: str, pointer: str, said: dict[str, Any] | None) -> None:
        kinds = {"application/problem+json": {}} if said is None else said.get("content", {})
        if not kinds:
            assert not response.content or response.status_code >= 500, f"{where} has a body"
            return
        kind = response.headers["Content-Type"].partition(";")[0]
        assert kind in kinds, f"{where} is {kind}: {response.text[:200]}"
        schema = pointer if said is None else f"{pointer}/content/{_escaped(kind)}/schema"
        wrong = self.errors(schema, response.json())
        assert not wrong, f"{where}: {wrong} in {response.text[:500]}"

    def _response(self, operation: Operation, status: int) -> tuple[str, dict[str, Any]]:
        described = operation.content["responses"]
        key = str(status) if str(status) in described else f"{status // 100}XX"
        assert key in described, f"{operation.method} {operation.path} does not describe {status}"
        said: dict[str, Any] = described[key]
        if "$ref" not in said:
            return f"{operation.pointer}/responses/{key}", said
        name = said["$ref"].rpartition("/")[2]
        return said["$ref"], self.content["components"]["responses"][name]


def _taken(response: httpx.Response) -> Sent:
    """The request, of a batch without the items that were refused."""
    sent = Sent.of(response.request)
    if response.status_code != 207:
        return sent
    pairs = zip(json.loads(sent.body or b"{}")["items"], response.json()["items"], strict=True)
    taken = [item for item, result in pairs if result["status"] < 300]
    valid = {"client_reference": "-", "read_at": "2026-11-23T20:00:00Z", "readings": [{"value": 0}]}
    return replace(sent, body=json.dumps({"items": taken or [valid]}).encode())


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _close(value: object) -> None:
    if isinstance(value, dict):
        if value.get("type") == "object" and isinstance(value.get("properties"), dict):
            value["additionalProperties"] = False
        for inner in value.values():
            _close(inner)
    elif isinstance(value, list):
        for inner in value:
            _close(inner)

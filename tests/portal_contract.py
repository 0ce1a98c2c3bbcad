"""The contract file as a judge: every answer of a portal has to be what `openapi.yaml` says, and nothing besides."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

FILE = Path(__file__).resolve().parent.parent / "sandbox" / "portal" / "openapi.yaml"
METHODS = ("get", "put", "post", "delete", "patch")
URN = "urn:contract"


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

    def answers(self, method: str, path: str) -> bool:
        """Whether a request belongs to it."""
        return method == self.method and bool(re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", self.path), path))


class Contract:
    """The file, with closed objects: a field that it does not name is an error here, though agents ignore it."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
        closed = copy.deepcopy(self.content)
        _close(closed["components"])
        _close(closed["paths"])
        self._registry: Registry[Any] = Registry().with_resource(
            URN, Resource.from_contents(closed, default_specification=DRAFT202012)
        )

    def operations(self) -> Iterator[Operation]:
        """Everything that the file describes."""
        for path, item in self.content["paths"].items():
            for method in METHODS:
                if method in item:
                    pointer = f"#/paths/{_escaped(path)}/{method}"
                    yield Operation(method.upper(), path, item[method], pointer)

    def errors(self, pointer: str, value: object) -> list[str]:
        """What is wrong with a value by the schema at `pointer` (`#/…`)."""
        validator = Draft202012Validator({"$ref": f"{URN}{pointer}"}, registry=self._registry)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def check(self, response: httpx.Response) -> None:
        """Raises `AssertionError` for an answer that the contract does not describe. An event hook of httpx."""
        response.read()
        request = response.request
        where = f"{request.method} {request.url.path} {response.status_code}"
        found = [one for one in self.operations() if one.answers(request.method, request.url.path)]
        if not found:
            assert response.status_code in (404, 405), f"{where} is not in the contract"
            pointer, said = "#/components/responses/Problem", self.content["components"]["responses"]["Problem"]
        else:
            pointer, said = self._response(found[0], response.status_code)
        for name in said.get("headers", {}):
            assert name in response.headers, f"{where} has no header {name}"
        kinds = said.get("content", {})
        if not kinds:
            assert not response.content, f"{where} has a body"
            return
        kind = response.headers["Content-Type"].partition(";")[0]
        assert kind in kinds, f"{where} is {kind}: {response.text[:200]}"
        wrong = self.errors(f"{pointer}/content/{_escaped(kind)}/schema", response.json())
        assert not wrong, f"{where}: {wrong} in {response.text[:500]}"
        if kind == "application/problem+json":
            assert response.json()["status"] == response.status_code, where

    def _response(self, operation: Operation, status: int) -> tuple[str, dict[str, Any]]:
        key = str(status) if str(status) in operation.content["responses"] else "default"
        assert key != "default" or status >= 400, f"{operation.path} does not describe {status}"
        said: dict[str, Any] = operation.content["responses"][key]
        if "$ref" not in said:
            return f"{operation.pointer}/responses/{key}", said
        name = said["$ref"].rpartition("/")[2]
        return said["$ref"], self.content["components"]["responses"][name]


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

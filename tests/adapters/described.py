"""Holds requests and answers against an OpenAPI 3.0 description that nobody here wrote for the purpose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import orjson
import yaml
from jsonschema import Draft202012Validator

Json = Any
METHODS = ("get", "post", "patch", "put", "delete")


@dataclass(frozen=True, slots=True)
class Operation:
    """name: "GET /path/{id}"."""

    name: str
    pattern: re.Pattern[str]
    method: str
    parameters: tuple[Mapping[str, Json], ...]
    body: Mapping[str, Json] | None
    answers: Mapping[str, Mapping[str, Json]]


@dataclass(slots=True)
class Description:
    """base: what stands before its paths. used, undescribed: operations and paths that were asked for."""

    base: str
    operations: list[Operation]
    used: set[str] = field(default_factory=set)
    undescribed: set[tuple[str, str, int]] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path, base: str) -> Description:
        document = yaml.safe_load(path.read_text())
        return cls(base, list(_operations(document)))

    def check(self, request: httpx.Request, answer: httpx.Response) -> None:
        """Raises AssertionError that says what does not fit."""
        path = unquote(request.url.path).removeprefix(self.base)
        operation = self._operation(request.method, path)
        if operation is None or str(answer.status_code) not in operation.answers:
            general = re.sub(r"\d+-(\w+)(,\d+-\w+)*", r"{\1}", path)
            self.undescribed.add((request.method, general, answer.status_code))
            return
        self.used.add(operation.name)
        self._check_parameters(operation, request)
        self._check_body(operation, request)
        content = operation.answers[str(answer.status_code)].get("content")
        _check_content(content, answer.headers.get("content-type", ""), answer.content, operation.name)

    def _operation(self, method: str, path: str) -> Operation | None:
        found = [one for one in self.operations if one.method == method and one.pattern.fullmatch(path)]
        return found[0] if found else None

    def _check_parameters(self, operation: Operation, request: httpx.Request) -> None:
        told = {one["name"]: one for one in operation.parameters}
        for name, value in request.url.params.multi_items():
            whole, _, rest = name.partition("[")
            assert whole in told, f"{operation.name} takes no {name}"
            schema = told[whole]["schema"]
            if rest:
                assert told[whole].get("style") == "deepObject", f"{operation.name}: {name} is no deep object"
                inner = rest.partition("]")[0]
                schema = schema.get("properties", {}).get(inner, schema.get("additionalProperties"))
                assert schema, f"{operation.name} takes no {name}"
            _fits({} if schema is True else schema, _typed(value, schema), f"{operation.name} {name}")

    def _check_body(self, operation: Operation, request: httpx.Request) -> None:
        content = request.read()
        if operation.body is None:
            assert not content, f"{operation.name} takes no body"
        else:
            _check_content(operation.body["content"], request.headers["content-type"], content, operation.name)


def _operations(document: Json) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            told = _plain(item[method], document)
            common = _plain(item.get("parameters", []), document)
            parameters = (*common, *told.get("parameters", []))
            patterns = {one["name"]: one["schema"].get("pattern", "[^/]+") for one in common if one["in"] == "path"}
            pattern = re.sub(r"\{(\w+)\}", lambda match, known=patterns: known[match[1]].strip("^$"), path)
            query = tuple(one for one in parameters if one["in"] == "query")
            yield Operation(
                f"{method.upper()} {path}", re.compile(pattern), method.upper(), query, told.get("requestBody"),
                told["responses"],
            )  # fmt: skip


def _plain(part: Json, document: Json) -> Json:
    """Without references, and with null where OpenAPI 3.0 says nullable."""
    if isinstance(part, list):
        return [_plain(one, document) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        target = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        return _plain(target, document)
    made = {name: _plain(value, document) for name, value in part.items() if name != "nullable"}
    if part.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def _check_content(content: Json, media_type: str, body: bytes, where: str) -> None:
    if content is None:
        assert not body, f"{where}: no body is described"
        return
    kind = media_type.partition(";")[0].strip()
    assert kind in content, f"{where}: {kind} instead of {', '.join(content)}"
    value = orjson.loads(body) if "json" in kind else body.decode()
    _fits(content[kind]["schema"], value, where)


def _fits(schema: Json, value: Json, where: str) -> None:
    faults = sorted(Draft202012Validator(schema).iter_errors(value), key=lambda one: len(one.path))
    assert not faults, f"{where}: {'/'.join(map(str, faults[0].path))}: {faults[0].message[:300]}"


def _typed(text: str, schema: Json) -> object:
    is_number = isinstance(schema, dict) and schema.get("type") == "integer"
    return int(text) if is_number and text.lstrip("-").isdigit() else text


class DescribedTransport(httpx.BaseTransport):
    """Checks what passes through it."""

    def __init__(self, inner: httpx.BaseTransport, description: Description) -> None:
        self._inner, self._description = inner, description

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        answer = self._inner.handle_request(request)
        answer.read()
        self._description.check(request, answer)
        return answer

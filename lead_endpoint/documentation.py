"""The OpenAPI document, and the same as a page that people read: rendered here, without script and without anything
from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from flask import Blueprint, Response

from lead_endpoint import pages
from lead_endpoint.messages import HTML, JSON, Answer
from lead_endpoint.openapi import OPERATIONS, TAGS, Operation, document
from lead_endpoint.public import response

documentation = Blueprint("documentation", __name__)
MOST_DEPTH = 4
MOST_SHOWN = 10**9
"""A bound beyond that is a technical one."""


@documentation.get("/openapi.json")
def openapi() -> Response:
    return response(Answer(200, orjson.dumps(document()), JSON))


@documentation.get("/docs")
def docs() -> Response:
    html, policy = _page()
    return response(Answer(200, html, HTML, (("content-security-policy", policy),)))


@dataclass(frozen=True, slots=True)
class Row:
    """A parameter or field. name: with its place, such as results[].owner_id."""

    name: str
    kind: str
    says: str


@dataclass(frozen=True, slots=True)
class Section:
    """An operation as the page shows it. others: further addresses of it. sent, received: examples as text; "" where
    there is none."""

    operation: Operation
    others: list[str]
    parameters: list[Row]
    fields: list[Row]
    sent: str
    answer: list[Row]
    received: str


@cache
def _page() -> tuple[bytes, str]:
    """The page and its content security policy, which allows its own style by hash and nothing else."""
    style = pages.docs_style()
    shown = [one for one in OPERATIONS if one.same_as is None]
    sections = {tag: [_section(one) for one in shown if one.tag == tag] for tag in TAGS}
    html = pages.docs(info=document()["info"], tags=TAGS, sections=sections, style=style)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return html.encode(), policy


def _section(one: Operation) -> Section:
    described = document()["paths"][one.path][one.method]
    body = next(iter(one.bodies.values()), None)
    answer = described["responses"].get("200", {}).get("content", {}).get(JSON, {}).get("schema", {})
    sent = _resolved({"$ref": f"#/components/schemas/{body.__name__}"}) if body else {}
    return Section(
        operation=one,
        others=[other.path for other in OPERATIONS if other.same_as == one.name],
        parameters=[
            Row(part["name"], f"{_kind(part['schema'])}, in the {part['in']}", part.get("description", ""))
            for part in described["parameters"]
        ],
        fields=list(_rows(sent, "", 0)),
        sent=_text(sent["examples"][0]) if sent else "",
        answer=list(_rows(answer, "", 0)),
        received=_text(_example(answer)) if "$ref" in answer else "",
    )


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Without references, and without null among the options."""
    if "$ref" in schema:
        found: dict[str, Any] = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return _resolved({**found, **{key: value for key, value in schema.items() if key != "$ref"}})
    options = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    return {**_resolved(options[0]), **schema} if options and "properties" not in schema else schema


def _rows(schema: dict[str, Any], prefix: str, depth: int) -> Iterator[Row]:
    """Every field, those of inner objects after their own."""
    found = _resolved(schema)
    if found.get("type") == "array" and depth < MOST_DEPTH:
        yield from _rows(found["items"], f"{prefix}[]." if not prefix else f"{prefix[:-1]}[].", depth + 1)
    for name, field in found.get("properties", {}).items():
        yield Row(f"{prefix}{name}", _kind(field), str(field.get("description", "")))
        if depth < MOST_DEPTH and _inner(field):
            yield from _rows(field, f"{prefix}{name}.", depth + 1)


def _inner(field: dict[str, Any]) -> bool:
    found = _resolved(field)
    return "properties" in found or "properties" in _resolved(found.get("items", {}))


def _kind(schema: dict[str, Any]) -> str:
    found = _resolved(schema)
    if "const" in found:
        return f'"{found["const"]}"'
    if "enum" in found:
        return " | ".join(json.dumps(one) for one in found["enum"])
    name = str(found.get("format") or found.get("type") or "text")
    if name == "array":
        return f"list of {_kind(found['items'])}s" if not _inner(schema) else "list"
    bounds = f" from {found['minimum']} to {found['maximum']}" if found.get("maximum", MOST_SHOWN) < MOST_SHOWN else ""
    optional = " or null" if {"type": "null"} in schema.get("anyOf", []) else ""
    return f"{name}{bounds}{optional}"


def _example(schema: dict[str, Any]) -> object:
    """A value that the schema allows, from the examples that stand with its fields."""
    found = _resolved(schema)
    for key in ("examples", "enum"):
        if found.get(key):
            return found[key][0]
    if "const" in found:
        return found["const"]
    if "properties" in found:
        return {name: _example(field) for name, field in found["properties"].items()}
    if found.get("type") == "array":
        return [_example(found["items"])]
    return _PLAIN.get(str(found.get("format") or found.get("type")))


_PLAIN = {
    "date": "2026-06-01",
    "date-time": "2026-06-01T05:00:00Z",
    "integer": 1,
    "boolean": True,
    "string": "…",
    "object": {},
}

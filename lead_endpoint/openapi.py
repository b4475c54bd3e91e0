"""The OpenAPI document (3.1) of every route, made from the contracts; nothing is written down twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from lead_endpoint import beacon_contracts, contracts, form_contracts, insight_contracts, score_contracts, weekly
from lead_endpoint.contracts import Problem
from lead_endpoint.statics import FILES

JSON, PROBLEM, HTML, FORM = (
    "application/json",
    "application/problem+json",
    "text/html",
    "application/x-www-form-urlencoded",
)
REF = "#/components/schemas/{model}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What comes with a status. content: by media type, a contract; None: text that has none. headers: by name, what
    they say."""

    says: str
    content: Mapping[str, type[BaseModel] | None] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path. scope: what an API key needs for it; None: it is open. bodies: by media type.
    same_as: the operation of which this is a short address. takes_anything: the answer does not depend on it."""

    path: str
    name: str
    summary: str
    replies: Mapping[int, Reply]
    method: str = "get"
    tag: str = "internal"
    scope: str | None = None
    text: str = ""
    query: type[BaseModel] | None = None
    headers: type[BaseModel] | None = None
    bodies: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    same_as: str | None = None
    takes_anything: bool = False


def _error(says: str, **headers: str) -> Reply:
    return Reply(says, {PROBLEM: Problem}, {name.replace("_", "-"): text for name, text in headers.items()})


def _form_error(says: str) -> Reply:
    """A plain HTML form gets a page for the person who filled it in."""
    return Reply(says, {PROBLEM: Problem, HTML: None})


RETRY: Final = {"Retry_After": "Seconds to wait before asking again."}
_UNAVAILABLE = _error("The database cannot be reached.", **RETRY)
_GUARDED: Final = {
    401: _error("No valid API key.", WWW_Authenticate="How to identify oneself (RFC 6750)."),
    403: _error("The key lacks the scope, or covers another organization."),
    422: _error("A parameter is wrong; field names it."),
    503: _error("The database, or with live=1 the CRM, cannot answer now.", **RETRY),
}
_OF_A_CRM: Final = {
    404: _error("This CRM is not connected; detail names those that are."),
    502: _error("With live=1: the CRM refuses, or its settings are wrong."),
}


def _internal(
    path: str,
    name: str,
    summary: str,
    query: type[BaseModel],
    answer: type[BaseModel],
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> list[Operation]:
    """A route about salespeople, under its long address and, where it has one, its short one. headers: its answer's."""
    as_asked = Reply("As asked for.", {JSON: answer}, headers or {})
    replies = dict(sorted({200: as_asked, **_GUARDED, **_OF_A_CRM}.items()))
    more = {"scope": "read", "summary": summary, "query": query, "replies": replies, **more}
    found = [Operation(path=f"/integrations/{{provider}}/salespeople/{path}", name=name, **more)]
    if name != "stats":
        found.append(Operation(path=f"/integrations/{{provider}}/{path}", name=f"{name}_short", same_as=name, **more))
    return found


_OF_A_FORM: Final = {
    404: _error("There is no form with this key."),
    410: _error("The form takes nothing at the moment."),
    429: _error("Far too many requests from one network.", **RETRY),
    503: _UNAVAILABLE,
}
_PAGE_OF_A_FORM: Final = {
    200: Reply("A page.", {HTML: None}, {"Content-Security-Policy": "Which pages may frame it, among others."}),
    404: Reply("There is no form with this key.", {HTML: None}),
    410: Reply("The form takes nothing at the moment.", {HTML: None}),
    429: _error("Far too many requests from one network.", **RETRY),
    503: _UNAVAILABLE,
}
_UNSUBSCRIBING: Final = {
    200: Reply("A page.", {HTML: None}),
    404: Reply("The link is none of ours.", {HTML: None}),
    503: _UNAVAILABLE,
}
_FILES: Final = {
    "widget.js": "The widget, the newest one",
    "widget.v1.js": "The widget, version 1: these bytes for good, to be pinned by their hash",
    "widget.work.v1.js": "What the widget loads where a form asks for a proof of work",
    "touch.js": "What notes where a visitor came from, on pages without a form, the newest one",
    "touch.v1.js": "The same, version 1: these bytes for good, to be pinned by their hash",
    "frame.js": "The script that fits an iframe's height to its form, and says where its visitor came from",
    "form.css": "The style of a form's page",
}
_STATS_TEXT = (
    "What a CRM does not expose is 0, with its name in unavailable. Read from snapshots: the numbers are those of "
    "the workbench. With live=1 the CRM is asked; its failure is an error, never a zero."
)
OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        path="/public/leads",
        method="post",
        name="post_lead",
        tag="public",
        summary="Send a lead",
        text="The lead is on disk before the answer. It is delivered to the CRM at once where that is quick (200), "
        "otherwise afterwards (202). A plain HTML form is answered by a redirect to its thank-you page. "
        "Send again after 503 or a lost answer, with the same Idempotency-Key.",
        query=contracts.LeadQuery,
        headers=contracts.LeadHeaders,
        bodies={JSON: contracts.LeadPayload, FORM: contracts.LeadForm},
        replies={
            200: Reply("Delivered.", {JSON: contracts.LeadDelivered}),
            202: Reply("Accepted; it will be delivered.", {JSON: contracts.LeadAccepted}),
            303: Reply("Accepted from a plain HTML form.", {}, {"Location": "The form's thank-you page."}),
            400: _form_error("The body cannot be read."),
            408: _error("The body did not come within 10 seconds."),
            413: _error("The body is larger than 64 KiB."),
            415: _error("Neither JSON nor a form, or a Content-Encoding."),
            422: Reply(
                "Fields are wrong, or it names no form; errors says which. The attempt is kept.",
                {PROBLEM: form_contracts.LeadProblem, HTML: None},
            ),
            429: _error("Far too many submissions from one network.", **RETRY),
            503: Reply(
                "Not stored. Send it again.", {PROBLEM: Problem, HTML: None}, {"Retry-After": RETRY["Retry_After"]}
            ),
        },
    ),
    Operation(
        path="/public/beacons",
        method="post",
        name="post_beacon",
        tag="public",
        summary="Tell what a visitor does with a form",
        text="The widget does by itself. It is answered at once and the same whatever is sent; what cannot be read, "
        "names no form, or finds no room is dropped and counted in /metrics. Browsers send it as text/plain.",
        bodies={JSON: beacon_contracts.BeaconSent},
        takes_anything=True,
        replies={
            204: Reply("Taken.", {}),
            413: _error("The body is larger than 8 KiB."),
        },
    ),
    Operation(
        path="/public/forms/{key}",
        name="form",
        tag="public",
        summary="A form, for the widget to draw",
        text="What a visitor may see of the version that is published. Pages of other origins may read it where the "
        "form's list has them, or has none. A refusal says why in words for the visitor (`detail`), in a "
        "language of the form.",
        replies={
            200: Reply("The form.", {JSON: form_contracts.FormShown}),
            403: _error("The page of this origin may not show the form."),
            **_OF_A_FORM,
        },
    ),
    Operation(
        path="/public/forms/{key}/challenge",
        name="form_challenge",
        tag="public",
        summary="A challenge for the proof of work",
        text="Where the one that came with the form has grown old. It lasts 20 minutes, and its solution counts once.",
        replies={200: Reply("The challenge.", {JSON: form_contracts.Challenge}), **_OF_A_FORM},
    ),
    Operation(
        path="/forms/{key}",
        name="form_page",
        tag="public",
        summary="A form as a page",
        text="It works without any script. Parameters fill fields in, by name.",
        replies=_PAGE_OF_A_FORM,
    ),
    Operation(
        path="/forms/{key}/embed.html",
        name="form_frame",
        tag="public",
        summary="The same for an iframe",
        replies=_PAGE_OF_A_FORM,
    ),
    *(
        Operation(
            path=f"/{name}",
            name=name.replace(".", "_"),
            tag="public",
            summary=says,
            replies={
                200: Reply("The file.", {FILES[name][0].partition(";")[0]: None}, {"ETag": "Names these bytes."}),
                304: Reply("The browser has it (If-None-Match)."),
            },
        )
        for name, says in _FILES.items()
    ),
    Operation(
        path="/thanks",
        name="thanks",
        tag="public",
        summary="The thank-you page of forms that lead nowhere else",
        query=form_contracts.ThanksQuery,
        replies={200: Reply("A page.", {HTML: None})},
    ),
    Operation(
        path="/public/unsubscribe/{token}",
        name="unsubscribing",
        tag="public",
        summary="The page behind the link of a weekly report's mail",
        text="It has a button; looking at it ends nothing.",
        replies=_UNSUBSCRIBING,
    ),
    Operation(
        path="/public/unsubscribe/{token}",
        method="post",
        name="unsubscribe",
        tag="public",
        summary="End a weekly report by mail",
        text="Mail programs ask for it by themselves (RFC 8058). The body is not looked at, again changes nothing.",
        replies=_UNSUBSCRIBING,
    ),
    *_internal("stats", "stats", "What each salesperson did", contracts.DaysQuery, contracts.Stats, text=_STATS_TEXT),
    *_internal("owners", "owners", "Who owns deals and activities", contracts.OwnersQuery, contracts.Owners),
    *_internal("health", "health", "How the connection is", contracts.SalesQuery, contracts.Health),
    *_internal("raw", "raw", "The counts with their parts", contracts.DaysQuery, contracts.Raw),
    *_internal(
        "debug/deals",
        "debug_deals",
        "The deals behind the counts",
        contracts.DealsQuery,
        contracts.Deals,
        headers={"Link": 'Of the next page, rel="next"; the last page has none.'},
        scope="debug",
        text="The newest first, a page at a time. live=1 reads all of them from the CRM for each page.",
    ),
    Operation(
        path="/ai/score-lead",
        method="post",
        name="score_lead",
        tag="internal",
        summary="How likely a lead is to convert, and why",
        text="By the id of a lead, or by what is known of it. Only where the model in use has shown that it is better "
        "than the base rate; a score is never made up.",
        scope="read",
        query=contracts.OrganizationQuery,
        bodies={JSON: score_contracts.ScoreAsked},
        replies={
            200: Reply("The score.", {JSON: score_contracts.Scored}),
            400: _error("The body cannot be read."),
            404: _error("There is no such lead."),
            409: _error("There is no score; detail says why."),
            413: _error("The body is larger than 64 KiB."),
            415: _error("Neither JSON nor a form."),
            **_GUARDED,
            422: Reply("Fields are wrong; errors says which.", {PROBLEM: score_contracts.ScoreProblem}),
        },
    ),
    Operation(
        path="/analytics/salespeople/insights",
        name="salespeople_insights",
        summary="The coaching notes of a week, with the facts that they rest on",
        text="The newest version of each salesperson's note, as it was written, by the salesperson's id. Each fact has "
        "what recomputes its value.",
        scope="read",
        query=insight_contracts.InsightsQuery,
        replies={
            200: Reply(
                "As asked for.", {JSON: insight_contracts.Insights}, {"Link": "The next page, where there is one."}
            ),
            **_GUARDED,
        },
    ),
    Operation(
        path="/reports/weekly",
        name="weekly_report",
        summary="The weekly report of the organization",
        text="Of a week that is over, as it stood at its end by what is known now. The page is one file without "
        "scripts; its numbers are those of the workbench.",
        scope="read",
        query=weekly.ReportQuery,
        replies={
            200: Reply(
                "The report.",
                {HTML: None, "application/pdf": None},
                {"Content-Security-Policy": "Of the page: no script, nothing that is fetched."},
            ),
            **_GUARDED,
            404: _error("There is no report of that week, or not yet."),
        },
    ),
    Operation(
        path="/metrics",
        name="metrics",
        tag="monitoring",
        summary="Counters of this process and the backlog of leads, for Prometheus",
        scope="metrics",
        query=contracts.OrganizationQuery,
        replies={200: Reply("Prometheus' text format.", {"text/plain": None}), **_GUARDED},
    ),
    Operation(
        path="/healthz",
        name="healthz",
        tag="monitoring",
        summary="Whether the process answers",
        replies={200: Reply("It does.", {JSON: contracts.Working})},
    ),
    Operation(
        path="/readyz",
        name="readyz",
        tag="monitoring",
        summary="Whether a lead could be stored now",
        replies={200: Reply("It could.", {JSON: contracts.Working}), 503: _UNAVAILABLE},
    ),
    Operation(
        path="/openapi.json",
        name="openapi",
        tag="documentation",
        summary="This document",
        replies={200: Reply("OpenAPI 3.1.", {JSON: None})},
    ),
    Operation(
        path="/docs",
        name="docs",
        tag="documentation",
        summary="This document as a page",
        replies={200: Reply("A page.", {HTML: None})},
    ),
)


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1, as JSON holds it."""
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SLMS lead endpoint",
            "version": version("slms"),
            "description": "Leads come in here; integrations read here what salespeople did.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer KEY"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


TAGS: Final = {
    "public": "For websites; no key is needed.",
    "internal": "For integrations; with an API key of the scope named.",
    "monitoring": "For probes and Prometheus.",
    "documentation": "What you read.",
}


def _operation(one: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "tags": [one.tag],
        "parameters": _parameters(one),
        "responses": {str(status): _reply(reply) for status, reply in one.replies.items()},
    }
    if one.text or one.scope:
        found["description"] = f"{one.text} Needs the scope {one.scope}.".strip() if one.scope else one.text
    if one.scope is not None:
        found["security"] = [{"bearer": []}, {"key": []}]
    if one.bodies:
        content = {kind: _body(body, takes_anything=one.takes_anything) for kind, body in one.bodies.items()}
        found["requestBody"] = {"required": not one.takes_anything, "content": content}
    return found


def _parameters(one: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if "{provider}" in one.path:
        found.append(
            {
                "name": "provider",
                "in": "path",
                "required": True,
                "description": "The connected CRM; the answer 404 names it.",
                "schema": {"type": "string", "pattern": "^[a-z]+$", "examples": ["hubspot", "demo"]},
            }
        )
    if "{key}" in one.path:
        found.append(
            {
                "name": "key",
                "in": "path",
                "required": True,
                "description": "The form's key.",
                "schema": {"type": "string", "pattern": form_contracts.KEY_PATTERN},
            }
        )
    if "{token}" in one.path:
        found.append(
            {
                "name": "token",
                "in": "path",
                "required": True,
                "description": "What the link ends with.",
                "schema": {"type": "string", "pattern": "^[1-9][0-9]*-[1-9][0-9]*-[A-Za-z0-9_-]{24}$"},
            }
        )
    for place, model in (("query", one.query), ("header", one.headers)):
        schema = model.model_json_schema(by_alias=True) if model is not None else {"properties": {}}
        for name, described in schema["properties"].items():
            said = {key: value for key, value in described.items() if key not in {"title", "description"}}
            parameter = {"name": name, "in": place, "required": False, "schema": _without_null(said)}
            found.append(parameter | ({"description": described["description"]} if "description" in described else {}))
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is there or not; it cannot be null."""
    kept = {key: value for key, value in schema.items() if not (key == "default" and value is None)}
    options = [one for one in kept.pop("anyOf", []) if one != {"type": "null"}]
    return kept | (options[0] if options else {})


def _body(model: type[BaseModel], *, takes_anything: bool) -> dict[str, Any]:
    examples = model.model_json_schema().get("examples", [])
    named = {f"example{number}": {"value": one} for number, one in enumerate(examples, start=1)}
    schema: dict[str, Any] = {"$ref": REF.format(model=model.__name__)}
    if takes_anything:
        schema = {"anyOf": [schema, {}]}
    return {"schema": schema} | ({"examples": named} if named else {})


def _reply(reply: Reply) -> dict[str, Any]:
    found: dict[str, Any] = {"description": reply.says}
    if reply.content:
        found["content"] = {
            kind: {"schema": {"$ref": REF.format(model=model.__name__)} if model is not None else _free(kind)}
            for kind, model in reply.content.items()
        }
    if reply.headers:
        found["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in reply.headers.items()
        }
    return found


def _free(kind: str) -> dict[str, Any]:
    return {"type": "object"} if kind == JSON else {"type": "string"}


def _schemas() -> dict[str, Any]:
    read = {body for one in OPERATIONS for body in one.bodies.values()}
    written = {
        model
        for one in OPERATIONS
        for reply in one.replies.values()
        for model in reply.content.values()
        if model is not None
    }
    asked = sorted(read, key=lambda model: model.__name__)
    answered = sorted(written, key=lambda model: model.__name__)
    _, found = models_json_schema(
        [*((model, "validation") for model in asked), *((model, "serialization") for model in answered)],
        ref_template=REF,
    )
    schemas: dict[str, Any] = found["$defs"]
    return schemas

"""The OpenAPI document says what the application does: every route, every status, every shape; and it can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, Literal

import jsonschema
import made_forms
import pytest
from axe_core_python.sync_playwright import Axe
from browsing import page_of, served
from databases import CopyOf
from flask import Flask
from made_api import Given, api, failing, new_key, send_lead, with_crm
from made_installation import TODAY, House, demo_house_of
from made_models import with_model
from pydantic import SecretStr
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from adapters.errors import FatalError, RetriableError
from lead_endpoint import create_app
from lead_endpoint.documentation import _example
from lead_endpoint.front import Front
from lead_endpoint.openapi import OPERATIONS, Operation, document
from ops import coaching_week
from ops import unsubscribing as links
from ops.services import Services
from snapshots import form_versions, report_archive
from snapshots.api_keys import SCOPES
from snapshots.database import Database
from snapshots.forms import list_forms
from snapshots.model_versions import list_versions
from snapshots.organizations import create_organization, delete_organization
from snapshots.report_archive import Readership

NO_SERVER = "postgresql://nobody@127.0.0.1:1/nothing"
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as made:
        yield made


@pytest.fixture(scope="module")
def app(house: House) -> Flask:
    return create_app(house.services)


# --- routes ----------------------------------------------------------------------------------------------------------


def test_every_route_stands_in_the_document_and_no_other(app: Flask) -> None:
    there = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(one.path, one.method) for one in OPERATIONS} == there


def test_a_route_that_is_not_documented_is_noticed(app: Flask, house: House) -> None:
    other = create_app(house.services)
    other.add_url_rule("/secret", view_func=lambda: "")
    with pytest.raises(AssertionError):
        test_every_route_stands_in_the_document_and_no_other(other)


def test_the_document_is_valid_openapi() -> None:
    assert document()["openapi"] == "3.1.0"
    names = [one.name for one in OPERATIONS]
    assert len(set(names)) == len(names)
    for path, methods in document()["paths"].items():
        for described in methods.values():
            inside = {part["name"] for part in described["parameters"] if part["in"] == "path"}
            assert inside == set(re.findall(r"{(\w+)}", path))
            assert described["summary"]
    for schema in document()["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(document())
    named = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', text))
    assert named <= set(document()["components"]["schemas"])
    assert set(document()["components"]["schemas"]) <= named


def test_examples_of_leads_are_valid_and_accepted(app: Flask) -> None:
    examples = document()["components"]["schemas"]["LeadPayload"]["examples"]
    for one in examples:
        validator("LeadPayload").validate(one)
        found = app.test_client().post("/public/leads", json=one, headers={"Prefer": "respond-async"})
        assert found.status_code == 202


@pytest.mark.parametrize(
    "name", ["Stats", "Owners", "Health", "Raw", "Deals", "LeadDelivered", "LeadAccepted", "Problem", "FormShown"]
)
def test_the_examples_that_the_page_shows_are_valid(name: str) -> None:
    validator(name).validate(_example({"$ref": f"#/components/schemas/{name}"}))


def validator(name: str) -> jsonschema.Draft202012Validator:
    resource = Resource.from_contents(document(), default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:api", resource)
    schema = {"$ref": f"urn:api#/components/schemas/{name}"}
    return jsonschema.Draft202012Validator(schema, registry=registry)


# --- every documented status is given, with what is documented -------------------------------------------------------


def of(found: Any) -> Given:
    return Given(found.status_code, {name.lower(): text for name, text in found.headers.items()}, found.data)


def unreachable(services: Services) -> Services:
    return replace(services, database_url=NO_SERVER, database=Database(NO_SERVER))


def with_settings(services: Services, **settings: object) -> Services:
    return replace(services, settings=services.settings.model_copy(update=settings))


def internal(house: House, one: Operation, status: int) -> Given:
    """A guarded route, asked so that it gives this status."""
    path = one.path.replace("{provider}", "hubspot" if status == 404 else "demo")
    services = house.services
    if status in {502, 503} and "{provider}" in one.path:
        error = FatalError("It refuses.") if status == 502 else RetriableError("It is busy.", wait_s=3)
        return of(api(with_crm(services, failing(error)), house.organization_id).get(path, {"live": "1"}))
    asked = api(services, house.organization_id, scopes=("live",) if status == 403 else SCOPES)
    if status == 401:
        asked = replace(asked, key="guess")
    if status == 503:
        asked = replace(api(unreachable(services)), key=asked.key)
    if one.name == "salespeople_insights" and status == 200:
        coaching_week.write_weekly(services, house.organization_id, TODAY)
    first_of_several_pages = {"limit": "1"}  # where there are pages; others do not look at it
    if one.name == "weekly_report" and status == 404:
        return of(asked.get(path, {"week": "9999-W01"}))
    return of(asked.get(path, {"org_id": "0"} if status == 422 else first_of_several_pages))


def open_route(house: House, one: Operation, status: int) -> Given:
    services = unreachable(house.services) if status == 503 else house.services
    headers = {"If-None-Match": "*"} if status == 304 else {}
    return of(create_app(services).test_client().get(one.path, headers=headers))


def of_a_form(house: House, one: Operation, status: int) -> Given:
    """A form's route, of a form that is there, made up, or has nothing published."""
    services = unreachable(house.services) if status == 503 else house.services
    services = with_settings(services, secret_key=SecretStr("s" * 32))
    if status == 429:
        services = with_settings(services, lead_rate_per_minute=0.001, lead_rate_burst=1.0)
    key = list_forms(house.database, house.organization_id)[0].key
    if status in {404, 429}:
        key = f"{house.organization_id}-{'0' * 32}"
    if status == 410:
        key = form_versions.create_form(house.database, house.organization_id, "New", {}, by="ann@example.com").key
    if status == 403:
        draft = made_forms.definition(domains=["https://www.example.com"])
        key = made_forms.made_form(house.database, house.organization_id, draft, "Elsewhere").key
    client = create_app(services).test_client()
    for number in range(12 if status == 429 else 0):
        client.get(one.path.replace("{key}", f"{house.organization_id}-{number:08d}"))
    origin = {"Origin": "https://shop.example"} if status == 403 else {}
    return of(client.get(one.path.replace("{key}", key), headers=origin))


def unsubscribing(house: House, one: Operation, status: int) -> Given:
    """The link of a recipient of weekly reports; for 404 one with another signature."""
    services = unreachable(house.services) if status == 503 else house.services
    services = with_settings(services, secret_key=SecretStr("s" * 32))
    added = report_archive.add_recipient(
        house.database,
        house.organization_id,
        Readership("organization"),
        "email",
        f"{one.method}{status}@a.example",
        by="ann",
    )
    token = links.token(services.settings, links.Named(house.organization_id, added))
    if status == 404:
        token = token[:-24] + "x" * 24
    ask = getattr(create_app(services).test_client(), one.method)
    return of(ask(one.path.replace("{token}", token)))


JSON_TYPE, FORM_TYPE = {"Content-Type": "application/json"}, {"Content-Type": "application/x-www-form-urlencoded"}
LEAD_BODIES: dict[int, tuple[bytes | None, dict[str, str]]] = {
    200: (b'{"email": "grace@example.com"}', JSON_TYPE),
    202: (b'{"email": "ada@example.com"}', {**JSON_TYPE, "Prefer": "respond-async"}),
    303: (b"email=ada%40example.com", FORM_TYPE),
    400: (b"{", JSON_TYPE),
    408: (None, JSON_TYPE),
    413: (b" " * 65537, JSON_TYPE),
    415: (b"<lead/>", {"Content-Type": "text/xml"}),
    422: (b'{"email": "ada"}', JSON_TYPE),
    429: (b'{"email": "ada@example.com"}', {**JSON_TYPE, "Prefer": "respond-async"}),
    503: (b'{"email": "ada@example.com"}', JSON_TYPE),
}


def lead(house: House, _: Operation, status: int) -> Given:
    """A lead, sent so that it is answered with this status."""
    body, headers = LEAD_BODIES[status]
    services = unreachable(house.services) if status == 503 else with_settings(house.services, lead_wait_s=30.0)
    if status == 429:
        services = with_settings(services, lead_rate_per_minute=0.001, lead_rate_burst=1.0)
    app = create_app(services)
    front = Front(app.extensions["slms"], app, body_s=0.01 if status == 408 else 10.0)
    for _ in range(12 if status == 429 else 0):
        send_lead(front, body, headers)
    return send_lead(front, body, headers)


def beacon(house: House, one: Operation, status: int) -> Given:
    app = create_app(house.services)
    found = app.test_client().post(one.path, data=b" " * (8193 if status == 413 else 1))
    app.extensions["slms"].close()
    return of(found)


def scored(house: House, one: Operation, status: int) -> Given:
    """A score, of an organization that has a model, or for 409 of one that has none."""
    if status in {401, 403, 503}:
        services = unreachable(house.services) if status == 503 else house.services
        key = new_key(house.services, house.organization_id, *(("live",) if status == 403 else SCOPES))
        key = "guess" if status == 401 else key
        return of(replace(api(services), key=key).post(one.path, {"source": "Website"}))
    body, headers = SCORE_BODIES[status]
    if status == 409:  # gone afterwards: with two organizations a plain form would have to name its own
        other = create_organization(house.database, "Without a model").organization_id
        given = of(api(house.services, other).post(one.path, body, **headers))
        delete_organization(house.database, other)
        return given
    if not list_versions(house.database, house.organization_id, "lead"):
        with_model(house.services, house.organization_id)
    return of(api(house.services, house.organization_id).post(one.path, body, **headers))


SCORE_BODIES: dict[int, tuple[Any, dict[str, str]]] = {
    200: ({"source": "Referral"}, {}),
    400: (b"{", {"Content_Type": "application/json"}),
    404: ({"lead_id": 10**15}, {}),
    409: ({"source": "Referral"}, {}),
    413: (b" " * 65537, {"Content_Type": "application/json"}),
    415: (b"<lead/>", {"Content_Type": "text/xml"}),
    422: ({"email": "nobody", "visits": "many"}, {}),
}


def asked_for(house: House, one: Operation, status: int) -> Given:
    way: Callable[[House, Operation, int], Given] = lead if one.bodies else internal if one.scope else open_route
    if one.name == "score_lead":
        way = scored
    if one.name == "post_beacon":
        way = beacon
    if "{key}" in one.path:
        way = of_a_form
    if "{token}" in one.path:
        way = unsubscribing
    return way(house, one, status)


STATUSES = [(one, status) for one in OPERATIONS for status in one.replies]


@pytest.mark.parametrize(("one", "status"), STATUSES, ids=lambda value: getattr(value, "name", str(value)))
def test_every_documented_status_is_given_as_documented(house: House, one: Operation, status: int) -> None:
    given, reply = asked_for(house, one, status), one.replies[status]
    assert given.status == status, given.body
    kind = given.headers.get("content-type", "").partition(";")[0]
    assert kind in reply.content or (not reply.content and not given.body)
    for name in reply.headers:
        assert given.headers[name.lower()]
    model = reply.content.get(kind)
    if model is not None:
        validator(model.__name__).validate(json.loads(given.body))


@pytest.mark.parametrize("status", [400, 422, 503])
def test_a_plain_form_is_answered_with_a_page(house: House, status: int) -> None:
    services = unreachable(house.services) if status == 503 else house.services
    body = b"&".join([b"a=1"] * 201) if status == 400 else b"email=nobody"
    app = create_app(services)
    given = send_lead(Front(app.extensions["slms"], app), body, FORM_TYPE)
    assert (given.status, given.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "text/html" in next(one for one in OPERATIONS if one.bodies).replies[status].content


def test_what_is_not_there_has_the_same_shape(app: Flask) -> None:
    client = app.test_client()
    for found in (client.get("/nowhere"), client.post("/healthz"), client.get("/public/leads")):
        assert found.content_type == "application/problem+json"
        validator("Problem").validate(found.json)


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_shows_every_operation(app: Flask) -> None:
    html = app.test_client().get("/docs").text
    for one in OPERATIONS:
        assert f'id="{one.same_as or one.name}"' in html
        assert one.path in html


def test_the_page_asks_nobody_for_anything(app: Flask) -> None:
    found = app.test_client().get("/docs")
    assert "<script" not in found.text
    assert not re.search(r"(src|href)=[\"'](?!#|/openapi\.json)", found.text)
    assert not re.search(r"https?://|url\(|@import|\son\w+=", found.text)
    policy = found.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_the_page_can_be_read_by_everyone(house: House, chromium: str) -> None:
    """No violation of WCAG A and AA, nothing wider than the screen, nothing held back by the policy."""
    with served(create_app(house.services)) as address, page_of(chromium) as page:
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        for width, scheme in zip((1280, 380), SCHEMES, strict=True):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.goto(f"{address}/docs")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert complaints == []
            found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
            assert [violation["id"] for violation in found["violations"]] == [], (width, scheme)

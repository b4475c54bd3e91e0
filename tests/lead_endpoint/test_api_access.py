"""Who may use the internal routes, and that nobody sees another organization's people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from databases import CopyOf
from made_api import GUARDED, LONG, SALES_ROUTES, SCOPE_OF, Api, api, new_key
from made_installation import NOW, House, demo_house_of
from sqlalchemy import text

from lead_endpoint import create_app
from ops.services import Services
from ops.settings import Settings
from snapshots.api_keys import SCOPES, create_api_key, list_api_keys, revoke_api_key
from snapshots.database import Database
from snapshots.organizations import connect_crm, create_organization

ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}


@pytest.fixture(scope="module")
def house(copy_of: CopyOf) -> Iterator[House]:
    with demo_house_of(copy_of) as made:
        yield made


@pytest.fixture(scope="module")
def outsider(house: House) -> int:
    """Another organization with a CRM of the same kind, of which nothing was read."""
    other = create_organization(house.database, "Outsiders").organization_id
    connect_crm(house.database, other, provider="demo", name="Demo CRM", settings={})
    return other


@pytest.fixture
def fresh(database: Database, tmp_path: Path) -> Services:
    """An installation in which no key was ever made."""
    settings = Settings(_env_file=None, slms_home=tmp_path)
    return Services(settings=settings, database_url=database.url, database=database, now=lambda: NOW)


def acme(services: Services, name: str = "Acme") -> int:
    made = create_organization(services.database, name).organization_id
    connect_crm(services.database, made, provider="demo", name="Demo CRM", settings={})
    return made


# --- with a key ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", GUARDED)
def test_a_key_opens_the_routes_of_its_scope_and_no_others(house: House, route: str) -> None:
    scope = SCOPE_OF[route]
    assert api(house.services, house.organization_id, scopes=(scope,)).get(route).status_code == 200
    others = tuple(one for one in SCOPES if one != scope)
    refused = api(house.services, house.organization_id, scopes=others).get(route)
    assert (refused.status_code, refused.content_type) == (403, "application/problem+json")
    assert scope in refused.json["detail"]
    assert f'error="insufficient_scope", scope="{scope}"' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize("route", SALES_ROUTES)
def test_asking_the_crm_needs_a_scope_of_its_own(house: House, route: str) -> None:
    found = api(house.services, house.organization_id, scopes=("read", "debug")).get(route, {"live": "1"})
    assert found.status_code == 403
    assert 'scope="live"' in found.headers["WWW-Authenticate"]


@pytest.mark.parametrize("route", GUARDED)
def test_without_a_valid_key_nothing_is_shown(house: House, route: str) -> None:
    key = new_key(house.services, house.organization_id)
    client = create_app(house.services).test_client()
    wrong = [
        {},
        {"Authorization": f"Bearer {key}x"},
        {"Authorization": f"Bearer {str(key)[:-1]}"},
        {"Authorization": f"Basic {key}"},
        {"Authorization": "Bearer"},
        {"Authorization": str(key)},
        {"X-API-Key": "slms_1_" + "A" * 43},
        {"X-API-Key": ""},
        {"X-API-Key": "¹²³"},
        {"X-API-Key": f"{house.organization_id}-{'0' * 32}"},
    ]
    for headers in wrong:
        found = client.get(route, headers=headers)
        assert (found.status_code, found.content_type) == (401, "application/problem+json"), headers
        assert found.headers["WWW-Authenticate"].startswith('Bearer realm="slms"')
        assert "owner" not in found.text


@pytest.mark.parametrize(
    "headers", [{"X-API-Key": "{}"}, {"Authorization": "bearer {}"}, {"Authorization": "BEARER  {}"}]
)
def test_a_key_comes_in_either_header(house: House, headers: dict[str, str]) -> None:
    key = new_key(house.services, house.organization_id)
    sent = {name: text.format(key) for name, text in headers.items()}
    assert create_app(house.services).test_client().get(f"{LONG}/owners", headers=sent).status_code == 200


def test_a_key_that_was_revoked_or_has_ended_opens_nothing(house: House) -> None:
    database, organization_id = house.database, house.organization_id
    ended = create_api_key(database, organization_id, name="ended", scopes=SCOPES, expires_at=NOW)
    lasting = create_api_key(
        database, organization_id, name="lasting", scopes=SCOPES, expires_at=NOW + timedelta(seconds=1)
    )
    client = create_app(house.services).test_client()
    assert Api(client, ended).get(f"{LONG}/owners").status_code == 401
    assert Api(client, lasting).get(f"{LONG}/owners").status_code == 200
    revoke_api_key(database, organization_id, list_api_keys(database, organization_id)[-1].key_id, now=NOW)
    refused = Api(client, lasting).get(f"{LONG}/owners")
    assert (refused.status_code, 'error="invalid_token"' in refused.headers["WWW-Authenticate"]) == (401, True)


def test_the_key_itself_is_not_in_the_database(house: House) -> None:
    key = create_api_key(house.database, house.organization_id, name="hashed", scopes=SCOPES, expires_at=None)
    with house.database.as_owner() as connection:
        rows = connection.execute(text("SELECT row_to_json(k)::text FROM api_keys k")).scalars().all()
    assert rows
    assert not any(key[-43:] in row for row in rows)


# --- other organizations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", GUARDED)
def test_a_key_shows_its_own_organization_and_refuses_to_name_another(house: House, outsider: int, route: str) -> None:
    inside, outside = (api(house.services, one) for one in (house.organization_id, outsider))
    assert inside.get(route, {"org_id": house.organization_id}).status_code == 200
    assert outside.get(route, {"org_id": outsider}).status_code == 200
    there = outside.get(route, {"org_id": house.organization_id})
    nowhere = outside.get(route, {"org_id": 999_999})
    assert (there.status_code, there.json["field"]) == (403, "org_id")
    same = ("status", "title", "detail", "field")
    assert [there.json[name] for name in same] == [nowhere.json[name] for name in same]


@pytest.mark.parametrize("route", SALES_ROUTES)
def test_an_outsider_sees_nobody_of_the_organization(house: House, outsider: int, route: str) -> None:
    inside, outside = (api(house.services, one) for one in (house.organization_id, outsider))
    names = [row["name"] for row in inside.ask(f"{LONG}/owners")]
    found = outside.get(route)
    assert found.status_code == 200
    assert not any(name in found.text for name in names)
    for query in ({"owner_id": inside.ask(f"{LONG}/owners")[0]["id"]}, {"days": 366}):
        assert not any(name in outside.get(route, query).text for name in names)


def test_an_outsider_is_told_of_his_own_connections_alone(house: House, outsider: int) -> None:
    connect_crm(house.database, outsider, provider="csv", name="Secret export", settings={"path": "/nowhere"})
    found = api(house.services, house.organization_id).get("/integrations/csv/salespeople/stats")
    assert found.status_code == 404
    assert "connected: demo." in found.json["detail"]


# --- before there is a key -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", GUARDED)
def test_before_the_first_key_this_machine_is_served(fresh: Services, route: str) -> None:
    acme(fresh)
    client = create_app(fresh).test_client()
    assert client.get(route).status_code == 200
    assert client.get(route, base_url="http://127.0.0.1:8000").status_code == 200
    assert client.get(route, base_url="http://[::1]:8000", environ_base={"REMOTE_ADDR": "::1"}).status_code == 200


@pytest.mark.parametrize("route", GUARDED)
def test_before_the_first_key_nobody_else_is_served(fresh: Services, route: str) -> None:
    acme(fresh)
    client = create_app(fresh).test_client()
    assert client.get(route, environ_base=ELSEWHERE).status_code == 401
    assert client.get(route, base_url="http://leads.example.com").status_code == 401
    assert client.get(route, base_url="http://127.0.0.1.example.com").status_code == 401
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert client.get(route, headers={name: "127.0.0.1"}).status_code == 401, name
    assert client.get(route, headers={"X-Forwarded-For": "127.0.0.1"}, environ_base=ELSEWHERE).status_code == 401


@pytest.mark.parametrize("route", GUARDED)
def test_once_a_key_was_made_this_machine_needs_one_too(fresh: Services, route: str) -> None:
    organization_id = acme(fresh)
    new_key(fresh, organization_id)
    client = create_app(fresh).test_client()
    assert client.get(route).status_code == 401
    key_id = list_api_keys(fresh.database, organization_id)[0].key_id
    revoke_api_key(fresh.database, organization_id, key_id, now=NOW)
    assert client.get(route).status_code == 401


def test_a_wrong_key_is_wrong_before_the_first_key_too(fresh: Services) -> None:
    acme(fresh)
    found = create_app(fresh).test_client().get(f"{LONG}/stats", headers={"X-API-Key": "guess"})
    assert found.status_code == 401


@pytest.mark.parametrize("route", GUARDED)
def test_without_a_key_the_default_organization_is_read(fresh: Services, route: str) -> None:
    mine, other = acme(fresh), acme(fresh, "Outsiders")
    undecided = create_app(fresh).test_client().get(route)
    assert (undecided.status_code, undecided.json["field"]) == (422, "org_id")
    assert "DEFAULT_ORGANIZATION" in undecided.json["detail"]
    named = replace(fresh, settings=fresh.settings.model_copy(update={"default_organization": "Acme"}))
    client = create_app(named).test_client()
    assert client.get(route).status_code == 200
    assert client.get(route, query_string={"org_id": mine}).status_code == 200
    assert client.get(route, query_string={"org_id": other}).status_code == 403


# --- metrics ---------------------------------------------------------------------------------------------------------


def test_metrics_show_the_backlog_of_this_moment(fresh: Services) -> None:
    settings = fresh.settings.model_copy(update={"lead_wait_s": 0.0})
    services = replace(fresh, settings=settings)
    create_organization(services.database, "Acme")
    client = create_app(services).test_client()
    assert 'slms_leads{state="pending"} 0.0' in client.get("/metrics").text
    assert client.post("/public/leads", json={"email": "ada@example.com"}).status_code == 202
    assert client.post("/public/leads", json={"email": "eve@example.com", "_gotcha": "x"}).status_code == 202
    assert client.post("/public/leads", json={"email": "nobody"}).status_code == 422
    found = client.get("/metrics")
    assert found.content_type.startswith("text/plain; version=")
    lines = dict(line.rsplit(" ", 1) for line in found.text.splitlines() if not line.startswith("#"))
    states = {
        name: lines[f'slms_leads{{state="{name}"}}'] for name in ("pending", "delivered", "parked", "quarantined")
    }
    assert states == {"pending": "1.0", "delivered": "0.0", "parked": "0.0", "quarantined": "1.0"}
    assert float(lines["slms_oldest_pending_seconds"]) > 0
    assert lines['slms_leads_accepted_total{state="pending"}'] == "1.0"
    assert lines['slms_submissions_refused_total{reason="email"}'] == "1.0"


def test_metrics_name_no_organization_and_no_person(fresh: Services) -> None:
    acme(fresh, "Secret Ltd")
    client = create_app(fresh).test_client()
    client.post("/public/leads", json={"email": "ada@example.com", "name": "Ada"}, headers={"Prefer": "respond-async"})
    found = client.get("/metrics").text
    assert not any(word in found for word in ("Secret", "organization_id", "ada@", "Ada"))

"""The sandbox keeps what Pipedrive documents: maxima, strict types, prices, refusals; so that no adapter passes by its
leniency."""

from __future__ import annotations

import httpx
import pytest
from made_loopback import on_loopback
from made_pipedrive import FREE, NOW, TOKEN, made_server, made_world

from adapters.sandbox import Clock, Fault, Mishap, SandboxTransport, World
from adapters.sandbox.pipedrive import PipedriveServer, Plan
from ops.sandbox import FakeCrm, make

USERS, PERSONS = "/api/v1/users/me", "/api/v2/persons"


@pytest.fixture
def server() -> PipedriveServer:
    return made_server(made_world(), plan=FREE)


def client(server: PipedriveServer, token: str = TOKEN) -> httpx.Client:
    headers = {"x-api-token": token}
    return httpx.Client(transport=SandboxTransport(server), base_url="https://api.pipedrive.com", headers=headers)


@pytest.mark.parametrize(
    "query",
    [
        "limit=501", "limit=0", "updated_since=2026-01-01T00:00:00.5Z", "updated_since=2026-01-01", "cursor=abc",
        "sort_by=name", "ids=" + ",".join(map(str, range(101))), "owner_id=me",
    ],
)  # fmt: skip
def test_a_list_beyond_the_documented_bounds_is_refused(server: PipedriveServer, query: str) -> None:
    refused = client(server).get(f"{PERSONS}?{query}")
    assert (refused.status_code, refused.json()["success"]) == (400, False)


def test_a_list_gives_a_hundred_by_default_and_pages_by_its_cursor(server: PipedriveServer) -> None:
    api, seen, cursor = client(server), list[int](), ""
    while True:
        body = api.get(PERSONS, params={"limit": 7, **({"cursor": cursor} if cursor else {})}).json()
        seen += [one["id"] for one in body["data"]]
        cursor = body["additional_data"]["next_cursor"]
        if cursor is None:
            break
    assert seen == [row.row_id for row in server.world.live("contact")]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": ""}, {"name": "A", "owner_id": "1"}, {"name": "A", "org_id": 999_999}, {"name": "A", "no_such": 1},
        {"name": "A", "emails": "a@b.example"}, {"name": "A", "emails": [{"value": "no address"}]},
        {"name": "A", "custom_fields": {"slms_lead_id": 5}}, {"name": "A", "custom_fields": {"unheard": "x"}},
    ],
)  # fmt: skip
def test_what_a_person_cannot_be_is_refused(server: PipedriveServer, body: dict[str, object]) -> None:
    assert client(server).post(PERSONS, json=body).status_code == 400


def test_addresses_are_not_unique_and_an_update_replaces_them_all(server: PipedriveServer) -> None:
    api = client(server)
    body = {"name": "A B", "emails": [{"value": "a@b.example", "primary": True}, {"value": "c@d.example"}]}
    first, second = (api.post(PERSONS, json=body).json()["data"] for _ in range(2))
    assert first["id"] != second["id"]
    changed = api.patch(f"{PERSONS}/{first['id']}", json={"emails": [{"value": "c@d.example", "primary": True}]})
    assert [one["value"] for one in changed.json()["data"]["emails"]] == ["c@d.example"]


def test_the_search_lags_and_the_list_does_not() -> None:
    world = made_world()
    world.lag_s = 30.0
    api = client(made_server(world, plan=FREE))
    api.post(PERSONS, json={"name": "A", "emails": [{"value": "new@x.example", "primary": True}]})
    search = {"term": "NEW@x.example", "fields": "email", "exact_match": "true"}

    def found() -> int:
        return len(api.get(f"{PERSONS}/search", params=search).json()["data"]["items"])

    assert found() == 0
    assert (
        api.get(PERSONS, params={"sort_by": "id", "sort_direction": "desc", "limit": 1}).json()["data"][0]["name"]
        == "A"
    )
    world.clock.advance(31)
    assert found() == 1


def test_each_call_has_its_price_and_the_day_ends_at_midnight() -> None:
    server = made_server(World(Clock(NOW)), plan=Plan(daily=35))
    api = client(server)
    assert [api.get(path).status_code for path in ("/api/v1/users", PERSONS, USERS, PERSONS)] == [200, 200, 200, 429]
    assert api.get(USERS).headers["x-daily-ratelimit-token-remaining"] == "1"
    server.world.clock.advance(12 * 3600)
    assert api.get(PERSONS).status_code == 200


def test_who_goes_on_after_being_refused_is_shut_out_by_a_web_page() -> None:
    server = made_server(World(Clock(NOW)), plan=Plan(burst=20))
    api = client(server)
    answers = [api.get(USERS) for _ in range(45)]
    assert [one.status_code for one in answers] == [200] * 20 + [429] * 21 + [403] * 4
    assert answers[-1].text.startswith("<!DOCTYPE html>")
    assert answers[25].headers["x-ratelimit-reset"] == "2"
    server.world.clock.advance(61)
    assert api.get(USERS).status_code == 200


def test_searches_have_a_limit_of_their_own(server: PipedriveServer) -> None:
    api = client(made_server(made_world()))
    found = [api.get(f"{PERSONS}/search?term=ab&exact_match=true").status_code for _ in range(11)]
    assert found == [200] * 10 + [429]


def test_deleted_deals_are_listed_for_thirty_days_and_archived_ones_apart(server: PipedriveServer) -> None:
    api, deals = client(server), server.world.live("deal")
    server.world.archive(deals[0])
    server.world.update(deals[1], {"is_archived": True})

    def ids(query: str) -> set[int]:
        return {one["id"] for one in api.get(f"/api/v2/deals{query}").json()["data"]}

    assert deals[0].row_id in ids("?status=deleted") - ids("")
    assert deals[1].row_id in ids("/archived") - ids("")
    server.world.clock.advance(31 * 86_400)
    assert ids("?status=deleted") == set()


def test_a_refused_token_and_an_unknown_path_are_told_in_pipedrive_s_words(server: PipedriveServer) -> None:
    refused = client(server, "wrong").get(USERS)
    assert (refused.status_code, refused.json()["error"]) == (401, "unauthorized access")
    assert refused.headers["x-401-by-gw"] == "1"
    assert client(server).get("/api/v2/nothing").json()["errorCode"] == 404


def test_a_merge_keeps_the_one_that_the_body_names(server: PipedriveServer) -> None:
    lost, kept, *_ = server.world.live("contact")
    merged = client(server).put(f"/api/v1/persons/{lost.row_id}/merge", json={"merge_with_id": kept.row_id}).json()
    assert merged["data"]["id"] == kept.row_id
    assert client(server).get(f"{PERSONS}/{lost.row_id}").status_code == 404


def test_faults_reach_a_client_over_a_socket_as_well(server: PipedriveServer) -> None:
    with on_loopback(server) as address, httpx.Client(headers={"x-api-token": TOKEN}) as api:
        for mishap in (Mishap.CUT, Mishap.LOST_AFTER):
            server.faults.plan(Fault(mishap=mishap))
            with pytest.raises(httpx.TransportError):
                api.get(f"{address}{USERS}")
        server.faults.plan(Fault(mishap=Mishap.LOGIN_PAGE))
        assert api.get(f"{address}{USERS}").text.startswith("<!DOCTYPE html>")
        server.faults.plan(Fault(mishap=Mishap.STATUS, status=403))
        assert api.get(f"{address}{USERS}").headers["content-type"].startswith("text/html")


def test_the_command_makes_an_account_that_lacks_what_is_asked_for() -> None:
    server, settings = make(
        FakeCrm(vendor="pipedrive", deals=10, activities=5, without=("deals:read",)), now=lambda: NOW
    )
    assert settings["CRM_PROVIDER"] == "pipedrive"
    assert isinstance(server, PipedriveServer)
    api = client(server, settings["PIPEDRIVE_API_TOKEN"])
    assert api.get("/api/v2/deals").status_code == 403
    assert api.get("/api/v1/leads").json()["data"]

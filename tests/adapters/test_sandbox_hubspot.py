"""The sandbox keeps what HubSpot documents: caps, maxima, conflicts; so that no adapter passes by its leniency."""

from __future__ import annotations

import httpx
import pytest
from made_hubspot import NOW, TOKEN, made_server, made_world
from made_loopback import on_loopback

from adapters.sandbox import Clock, Fault, Mishap, SandboxTransport, World, live_on, seeded
from adapters.sandbox.hubspot import HubSpotServer, Plan
from ops.sandbox import FakeCrm, UnknownVendorError, make


@pytest.fixture
def server() -> HubSpotServer:
    return made_server(made_world())


def client(server: HubSpotServer, token: str = TOKEN) -> httpx.Client:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(transport=SandboxTransport(server), base_url="https://api.hubapi.com", headers=headers)


def search(server: HubSpotServer, **body: object) -> httpx.Response:
    return client(server).post("/crm/v3/objects/deals/search", json=body)


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201}, {"limit": 200, "after": "9900"}, {"sorts": ["createdate", "amount"]},
        {"filterGroups": [{"filters": []}] * 6}, {"filterGroups": [{"filters": [{}] * 7}]},
        {"filterGroups": [{"filters": [{"propertyName": "no_such", "operator": "EQ", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "amount", "operator": "ALMOST", "value": "1"}]}]},
        {"properties": ["x" * 3_000]},
    ],
)  # fmt: skip
def test_a_search_beyond_the_documented_bounds_is_refused(server: HubSpotServer, body: dict[str, object]) -> None:
    refused = search(server, **body)
    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")


def test_lists_give_at_most_a_hundred_and_half_of_that_with_history(server: HubSpotServer) -> None:
    api = client(server)
    assert api.get("/crm/v3/objects/deals?limit=101").status_code == 400
    assert api.get("/crm/v3/objects/deals?limit=51&propertiesWithHistory=dealstage").status_code == 400
    assert api.get("/crm/v3/objects/deals?limit=50&propertiesWithHistory=dealstage").status_code == 200
    assert len(api.get("/crm/v3/objects/deals").json()["results"]) == 10


def test_searches_have_a_limit_of_their_own_and_tell_nothing_of_it(server: HubSpotServer) -> None:
    found = [search(server, limit=1) for _ in range(6)]
    assert [one.status_code for one in found] == [200] * 5 + [429]
    assert found[-1].json()["policyName"] == "SECONDLY"
    assert not [name for name in found[0].headers if "ratelimit" in name or name == "retry-after"]
    assert client(server).get("/crm/v3/owners").headers["x-hubspot-ratelimit-remaining"] == "189"
    server.world.clock.advance(1.0)
    assert search(server, limit=1).status_code == 200


def test_the_day_ends_at_midnight() -> None:
    server = made_server(World(Clock(NOW)), plan=Plan(daily=2))
    api = client(server)
    assert [api.get("/crm/v3/owners").status_code for _ in range(3)] == [200, 200, 429]
    server.world.clock.advance(12 * 3600)
    assert api.get("/crm/v3/owners").status_code == 200


def test_addresses_are_unique_whatever_their_case_and_second_ones_too(server: HubSpotServer) -> None:
    row = server.world.create("contact", {"email": "a@b.example", "other_emails": "c@d.example;e@f.example"})
    for email in ("A@B.example", "e@f.example"):
        refused = client(server).post("/crm/v3/objects/contacts", json={"properties": {"email": email}})
        assert refused.status_code == 409
        assert refused.json()["message"].endswith(f"Existing ID: {row.row_id}")


def test_an_unknown_property_is_ignored_when_read_and_refused_when_written(server: HubSpotServer) -> None:
    api = client(server)
    assert api.get("/crm/v3/objects/contacts?limit=1&properties=no_such").status_code == 200
    refused = api.post("/crm/v3/objects/contacts", json={"properties": {"no_such": "1"}})
    assert refused.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"


def test_both_kinds_of_paths_lead_to_the_same(server: HubSpotServer) -> None:
    api = client(server)
    for old, dated in (
        ("/crm/v3/objects/deals", "/crm/objects/2026-03/deals"), ("/crm/v3/owners", "/crm/owners/2026-03"),
        ("/crm/v3/pipelines/deals", "/crm/pipelines/2026-03/deals"), ("/crm/v3/objects/0-3", "/crm/v3/objects/deals"),
    ):  # fmt: skip
        assert api.get(old).json() == api.get(dated).json()
    assert api.get("/crm/v3/objects/0-421?limit=1").json() == api.get("/crm/objects/v3/0-421?limit=1").json()


def test_the_same_seed_makes_the_same_world_and_time_stands_still() -> None:
    first, second = seeded(3, NOW), seeded(3, NOW)
    assert first.rows == second.rows
    assert seeded(4, NOW).rows != first.rows
    assert first.clock.now() == NOW
    live_on(first, seed=1, deeds=20)
    live_on(second, seed=1, deeds=20)
    assert first.rows == second.rows
    assert first.clock.now() > NOW


def test_an_answer_can_be_lost_before_and_after_it_was_done(server: HubSpotServer) -> None:
    for mishap, made in ((Mishap.LOST_BEFORE, 0), (Mishap.LOST_AFTER, 1)):
        before = len(server.world.live("contact"))
        server.faults.plan(Fault(mishap=mishap))
        with pytest.raises(httpx.RemoteProtocolError):
            client(server).post("/crm/v3/objects/contacts", json={"properties": {"email": "lost@x.example"}})
        assert len(server.world.live("contact")) == before + made
    assert [one.status for one in server.log] == [0, 0]


def test_faults_reach_a_client_over_a_socket_as_well(server: HubSpotServer) -> None:
    with on_loopback(server) as address, httpx.Client(headers={"authorization": f"Bearer {TOKEN}"}) as api:
        for mishap in (Mishap.CUT, Mishap.LOST_AFTER):
            server.faults.plan(Fault(mishap=mishap))
            with pytest.raises(httpx.TransportError):
                api.get(f"{address}/crm/v3/owners")
        server.faults.plan(Fault(mishap=Mishap.LOGIN_PAGE))
        assert api.get(f"{address}/crm/v3/owners").text.startswith("<!DOCTYPE html>")
        server.faults.plan(Fault(mishap=Mishap.DRIP, seconds=0.0001))
        assert api.get(f"{address}/crm/v3/owners").json()["results"]


def test_the_command_makes_an_account_that_lacks_what_is_asked_for() -> None:
    server, settings = make(
        FakeCrm(vendor="hubspot", deals=5, activities=5, without=("crm.objects.deals.read",)), now=lambda: NOW
    )
    assert settings["CRM_PROVIDER"] == "hubspot"
    assert isinstance(server, HubSpotServer)
    assert client(server, settings["HUBSPOT_API_KEY"]).get("/crm/v3/objects/deals").status_code == 403
    with pytest.raises(UnknownVendorError, match="hubspot"):
        make(FakeCrm(vendor="fax"), now=lambda: NOW)

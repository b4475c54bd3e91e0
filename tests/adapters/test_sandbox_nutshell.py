"""The sandbox keeps what is known of Nutshell: pages, refusals, events; so that no adapter passes by its leniency."""

from __future__ import annotations

from itertools import pairwise

import httpx
import pytest
from made_loopback import on_loopback
from made_nutshell import API_KEY, EMAIL, FREE, NOW, made_server, made_world

from adapters.sandbox import Fault, Mishap, SandboxTransport, World
from adapters.sandbox.nutshell import NutshellServer
from ops.sandbox import FakeCrm, UnknownVendorError, make


@pytest.fixture
def server() -> NutshellServer:
    return made_server(made_world(), plan=FREE)


def client(server: NutshellServer, email: str = EMAIL, api_key: str = API_KEY) -> httpx.Client:
    return httpx.Client(
        transport=SandboxTransport(server), base_url="https://app.nutshell.com/rest/", auth=(email, api_key)
    )


@pytest.mark.parametrize("query", ["page[page]=-1", "page[limit]=0", "page[limit]=10001", "page[page]=x"])
def test_a_page_beyond_bounds_is_refused_with_a_list_of_errors(server: NutshellServer, query: str) -> None:
    refused = client(server).get(f"contacts?{query}")
    assert (refused.status_code, refused.json()["errors"][0]["status"]) == (400, "400")


def test_pages_begin_at_zero_and_end_with_an_empty_one(server: NutshellServer) -> None:
    api, pages = client(server), []
    while rows := api.get("leads", params={"page[page]": len(pages), "page[limit]": 5}).json()["leads"]:
        pages.append([row["id"] for row in rows])
    ids = [one for page in pages for one in page]
    assert len(ids) == len(set(ids)) == len(server.world.live("deal"))
    newest = api.get("leads", params={"sort": "-createdTime", "page[limit]": 1}).json()["leads"]
    assert newest[0]["id"] == ids[-1]


@pytest.mark.parametrize(
    ("path", "status"), [("nothing", 404), ("contacts/1-contacts", 404), ("contacts/1-leads", 404), ("users", 401)]
)
def test_what_is_refused_or_not_there_is_a_web_page(server: NutshellServer, path: str, status: int) -> None:
    api = client(server, api_key="wrong" if status == 401 else API_KEY)
    refused = api.get(path)
    assert (refused.status_code, refused.text[:15]) == (status, "<!DOCTYPE html>")


def test_the_limit_is_120_in_a_minute() -> None:
    server = made_server(made_world())
    api = client(server)
    assert [api.get("stages").status_code for _ in range(121)] == [200] * 120 + [429]
    server.world.clock.advance(60.0)
    assert api.get("stages").status_code == 200


def test_following_previous_reads_the_whole_feed_and_following_next_does_not(server: NutshellServer) -> None:
    api = client(server)
    page = api.get("events", params={"limit": 10, "filters[payload][]": "leads"}).json()
    assert api.get(page["meta"]["next"]).json()["events"] == []
    seen = [one["id"] for one in page["events"]]
    while True:
        page = api.get(page["meta"]["previous"]).json()
        assert page["events"][0]["id"] == seen[-1]  # one row overlaps
        if len(page["events"]) == 1:
            break
        seen += [one["id"] for one in page["events"][1:]]
    assert len(seen) == len(set(seen)) == len([one for one in server.feed.events if one["payloadType"] == "leads"])
    assert seen == sorted(seen, key=lambda one: -int(one.partition("-")[0]))


def test_the_feed_of_one_lead_tells_its_stages_in_order(server: NutshellServer) -> None:
    [deal] = [row for row in server.world.live("deal") if len(row.history) > 5][:1]
    told = client(server).get("events", params={"entity_id": f"{deal.row_id}-leads"}).json()["events"]
    moves = [one["changes"][0] for one in reversed(told) if one["action"] == "stagechange"]
    assert moves[0]["oldValue"] is None
    for before, after in pairwise(moves):
        assert before["newValue"] == after["oldValue"]
    shown = client(server).get(f"leads/{deal.row_id}-leads").json()["leads"][0]
    assert shown["links"]["stage"] == moves[-1]["newValue"]["id"]


def test_the_feed_of_a_copied_world_is_the_same_feed(server: NutshellServer) -> None:
    copied = made_server(made_world(), plan=FREE)
    for one in (server, copied):
        one.feed.catch_up()
    assert server.feed.events == copied.feed.events


def test_a_contact_that_is_created_twice_is_two_contacts(server: NutshellServer) -> None:
    body = {"contacts": [{"name": "Ada", "emails": [{"value": "A@b.example"}]}]}
    api = client(server)
    ids = {api.post("contacts", json=body).json()["contacts"][0]["id"] for _ in range(2)}
    assert len(ids) == 2
    assert {one["id"] for one in api.get("contacts", params={"email": "a@B.example"}).json()["contacts"]} == ids
    both = api.get(f"contacts/{','.join([*sorted(ids), '999999-contacts'])}").json()["contacts"]
    assert {one["id"] for one in both} == ids


def test_one_contact_is_created_per_request_and_patches_have_their_media_type(server: NutshellServer) -> None:
    api, row = client(server), server.world.live("contact")[0]
    refused = api.post("contacts", json={"contacts": [{"name": "A"}, {"name": "B"}]})
    assert (refused.status_code, "only create one" in refused.json()["errors"][0]["title"]) == (400, True)
    patch = [{"op": "replace", "path": "/contacts/0/name", "value": "Ada B"}]
    assert api.patch(f"contacts/{row.row_id}-contacts", json=patch).status_code == 415
    headers = {"content-type": "application/json-patch+json"}
    assert api.patch(f"contacts/{row.row_id}-contacts", json=patch, headers=headers).status_code == 204
    assert (row.fields["first_name"], row.fields["last_name"]) == ("Ada", "B")
    odd = [{"op": "replace", "path": "/contacts/0/no such field", "value": "x"}]
    assert api.patch(f"contacts/{row.row_id}-contacts", json=odd, headers=headers).status_code == 400


def test_a_deleted_record_leaves_the_lists_and_stays_in_the_trash(server: NutshellServer) -> None:
    api, row = client(server), server.world.live("deal")[0]
    assert api.delete(f"leads/{row.row_id}-leads").status_code == 204
    listed = api.get("leads", params={"page[limit]": 1000}).json()["leads"]
    assert f"{row.row_id}-leads" not in {one["id"] for one in listed}
    assert api.get(f"leads/{row.row_id}-leads").json()["leads"][0]["deletedTime"]
    told = api.get("events/deleted", params={"filter[types]": "leads"}).json()["events"]
    assert told[0]["links"]["payloads"] == [f"{row.row_id}-leads"]


def test_the_journal_tells_what_was_done_in_order() -> None:
    world = World(made_world().clock, merges_to_new_id=False)
    first, second = (world.create("contact", {"email": f"{name}@x.example"}) for name in "ab")
    world.update(first, {"email": "c@x.example"})
    world.restore(world.archive(first))
    world.merge(first, second)
    world.purge(first)
    told = [(one.row_id, one.what) for one in world.journal]
    a, b = first.row_id, second.row_id
    assert told == [
        (a, "created"), (b, "created"), (a, "updated"), (a, "archived"), (a, "restored"), (a, "updated"),
        (b, "merged"), (a, "purged"),
    ]  # fmt: skip
    assert world.journal[6].into == a


def test_faults_reach_a_client_over_a_socket_as_well(server: NutshellServer) -> None:
    with on_loopback(server) as address, httpx.Client(auth=(EMAIL, API_KEY)) as api:
        for mishap in (Mishap.CUT, Mishap.LOST_AFTER):
            server.faults.plan(Fault(mishap=mishap))
            with pytest.raises(httpx.TransportError):
                api.get(f"{address}/rest/users")
        assert api.get(f"{address}/rest/leads", params={"page[limit]": 2}).json()["meta"]["count"] == 2


def test_the_command_makes_an_account_that_lacks_what_is_asked_for() -> None:
    server, settings = make(FakeCrm(vendor="nutshell", deals=5, activities=5, without=("accounts",)), now=lambda: NOW)
    assert settings["CRM_PROVIDER"] == "nutshell"
    assert isinstance(server, NutshellServer)
    api = client(server, settings["NUTSHELL_EMAIL"], settings["NUTSHELL_API_KEY"])
    assert [api.get(path).status_code for path in ("accounts", "leads")] == [403, 200]
    assert settings["NUTSHELL_LEAD_ID_FIELD"] in server.custom
    with pytest.raises(UnknownVendorError, match="nutshell"):
        make(FakeCrm(vendor="fax"), now=lambda: NOW)

"""HubSpot's own Python client drives the sandbox through every call that the adapter makes, and parses each answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from hubspot import HubSpot as ForeignClient
from hubspot.crm.associations import v4 as associations
from hubspot.crm.contacts import ApiException
from hubspot.crm.contacts import models as contacts
from hubspot.crm.deals import models as deals
from hubspot.crm.objects import models as objects
from made_hubspot import TOKEN, made_adapter, made_server, made_world
from made_loopback import on_loopback

from adapters.base import ContactInput
from adapters.hubspot.objects import ACTIVITIES, COMPANIES, CONTACTS, DEALS, LEADS
from adapters.records import ActivityKind, Kind
from adapters.sandbox.hubspot import HubSpotServer, Plan


@dataclass
class Account:
    server: HubSpotServer
    client: ForeignClient


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    # The sandbox's clock stands still here, so that its seconds never pass.
    server = made_server(made_world(), plan=Plan(burst=10_000, searches=10_000))
    with on_loopback(server) as address:
        yield Account(server, ForeignClient(access_token=TOKEN, host=address))


def filters(objects_module, **values):
    return objects_module.PublicObjectSearchRequest(
        filter_groups=[
            {"filters": [{"propertyName": name, "operator": "GTE", "value": value} for name, value in values.items()]}
        ],
        sorts=["hs_object_id"], limit=5, properties=["createdate"],
    )  # fmt: skip


def test_owners_active_and_archived_are_parsed(account: Account) -> None:
    for archived in (False, True):
        page = account.client.crm.owners.owners_api.get_page(limit=2, archived=archived)
        assert page.results
        assert all(isinstance(one.created_at, datetime) and one.id and one.archived is archived for one in page.results)
        assert all(one.user_id_including_inactive for one in page.results)
    page = account.client.crm.owners.owners_api.get_page(limit=2, archived=False)
    following = account.client.crm.owners.owners_api.get_page(limit=2, after=page.paging.next.after)
    assert {one.id for one in page.results}.isdisjoint(one.id for one in following.results)
    assert page.results[0].teams[0].name


def test_pipelines_and_stages_are_parsed(account: Account) -> None:
    found = account.client.crm.pipelines.pipelines_api.get_all("deals").results
    assert len(found) == len(account.server.world.live("pipeline"))
    assert {stage.metadata["isClosed"] for one in found for stage in one.stages} == {"true", "false"}
    [leads] = account.client.crm.pipelines.pipelines_api.get_all("leads").results
    assert {stage.label for stage in leads.stages} == {"New", "Working", "Qualified", "Unqualified"}


@pytest.mark.parametrize("facts", [COMPANIES, CONTACTS, LEADS, DEALS, *ACTIVITIES], ids=lambda facts: facts.noun)
def test_every_object_is_listed_searched_and_read_in_batches(account: Account, facts) -> None:
    basic, search, batch = (
        getattr(account.client.crm.objects, name) for name in ("basic_api", "search_api", "batch_api")
    )
    page = basic.get_page(
        facts.name, limit=5, properties=list(facts.asked), associations=list(facts.links),
        properties_with_history=list(facts.history) or None, archived=False,
    )  # fmt: skip
    assert len(page.results) == 5
    assert all(isinstance(one.created_at, datetime) and not one.archived for one in page.results)
    assert set(page.results[0].properties) >= set(facts.asked)
    archived = basic.get_page(facts.name, archived=True)
    assert all(one.archived and isinstance(one.archived_at, datetime) for one in archived.results)
    found = search.do_search(facts.name, filters(objects, **{facts.modified: "0"}))
    assert found.total >= len(found.results) == 5
    ids = [{"id": one.id} for one in found.results]
    wanted = objects.BatchReadInputSimplePublicObjectId(
        inputs=ids, properties=["hs_object_id"], properties_with_history=list(facts.history)
    )
    read = batch.read(facts.name, wanted)
    assert [one.id for one in read.results] == [one["id"] for one in ids]
    assert read.status == "COMPLETE"


def test_a_batch_with_a_lost_record_tells_it(account: Account) -> None:
    gone = account.server.world.after("deal", 0, archived=True)
    inputs = [{"id": str(next(iter(gone)).row_id)}, {"id": str(account.server.world.live("deal")[0].row_id)}]
    wanted = deals.BatchReadInputSimplePublicObjectId(
        inputs=inputs, properties=["dealname"], properties_with_history=["dealstage"]
    )
    read = account.client.crm.deals.batch_api.read(wanted)
    assert len(read.results) == 1
    assert read.num_errors == 1
    assert read.results[0].properties_with_history["dealstage"][0].timestamp


def test_associations_are_read_in_batches(account: Account) -> None:
    deal = next(row for row in account.server.world.live("deal") if row.links.get("contact"))
    wanted = associations.BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": str(deal.row_id)}])
    read = account.client.crm.associations.v4.batch_api.get_page("deals", "contacts", wanted)
    assert [to.to_object_id for to in read.results[0].to] == [str(one) for one in deal.links["contact"]]
    listed = account.client.crm.deals.basic_api.get_by_id(str(deal.row_id), associations=["contacts"])
    assert [one.id for one in listed.associations["contacts"].results] == [str(one) for one in deal.links["contact"]]


def test_a_contact_is_created_found_by_address_updated_merged_and_archived(account: Account) -> None:
    api = account.client.crm.contacts.basic_api
    made = api.create(contacts.SimplePublicObjectInputForCreate(
        properties={"email": "foreign@example.org", "firstname": "F"}, associations=[]))  # fmt: skip
    assert made.properties["email"] == "foreign@example.org"
    assert api.get_by_id("foreign@example.org", id_property="email", properties=["firstname"]).id == made.id
    changed = contacts.SimplePublicObjectInput(properties={"lastname": "Client"})
    assert api.update(made.id, changed).properties["lastname"] == "Client"
    with pytest.raises(ApiException) as refused:
        api.create(contacts.SimplePublicObjectInputForCreate(
            properties={"email": "FOREIGN@example.org"}, associations=[]))  # fmt: skip
    assert refused.value.status == 409
    assert re.search(rf"Existing ID: {made.id}", refused.value.body)
    other = api.create(contacts.SimplePublicObjectInputForCreate(
        properties={"email": "second@example.org"}, associations=[]))  # fmt: skip
    merged = api.merge(contacts.PublicMergeInput(primary_object_id=made.id, object_id_to_merge=other.id))
    assert merged.id not in {made.id, other.id}
    api.archive(merged.id)
    with pytest.raises(ApiException) as lost:
        api.get_by_id(merged.id)
    assert lost.value.status == 404


def test_errors_are_parsed_by_the_client_s_model(account: Account) -> None:
    account.server.scopes.discard("crm.objects.deals.read")
    try:
        with pytest.raises(ApiException) as refused:
            account.client.crm.contacts.search_api.do_search(filters(contacts, no_such_property="1"))
        assert refused.value.status == 400
        with pytest.raises(Exception, match="MISSING_SCOPES"):
            account.client.crm.deals.basic_api.get_page()
    finally:
        account.server.scopes.add("crm.objects.deals.read")
    error = account.client.crm.contacts.basic_api.api_client.deserialize(Body(refused.value.body), "Error")
    assert error.category == "VALIDATION_ERROR"
    assert error.correlation_id


@dataclass
class Body:
    """What the client's parser looks at."""

    data: str


def test_the_adapter_makes_no_call_that_the_foreign_client_did_not_make(account: Account) -> None:
    """Every kind of request in our log has its like in the client's, but for those that it has no method for."""
    test_owners_active_and_archived_are_parsed(account)
    test_pipelines_and_stages_are_parsed(account)
    test_every_object_is_listed_searched_and_read_in_batches(account, DEALS)
    test_associations_are_read_in_batches(account)
    test_a_contact_is_created_found_by_address_updated_merged_and_archived(account)
    foreign = {shape(one.method, one.path) for one in account.server.log}
    server = made_server(made_world())
    adapter = made_adapter(server)
    for kind in adapter.capabilities.kinds:
        cursor = [*adapter.changes(kind, None)][-1].cursor
        list(adapter.changes(kind, cursor))
        adapter.expected_count(kind)
    list(adapter.search_deals())
    adapter.count_activity(kind=ActivityKind.CALL)
    adapter.list_owners()
    adapter.check()
    adapter.upsert_contact(ContactInput(email="a@example.org", first_name="A"))
    adapter.upsert_contact(ContactInput(email="a@example.org", first_name="B"))
    ours = {shape(one.method, one.path) for one in server.log}
    assert ours - foreign == {
        "GET /account-info/v3/details", "GET /account-info/v3/api-usage/daily/private-apps",
        "POST /oauth/v2/private-apps/get/access-token-info",
    }  # fmt: skip
    assert Kind.DEAL in adapter.capabilities.kinds


def shape(method: str, path: str) -> str:
    """The call without what it names: objects are one, ids and addresses too."""
    path = re.sub(r"/crm/(?:v3/objects|objects/v3)/[^/]+", "/crm/v3/objects/T", path)
    path = re.sub(r"/associations/[^/]+/[^/]+", "/associations/T/T", path)
    return f"{method} {re.sub(r'/objects/T/(?!search|batch|merge)[^/]+', '/objects/T/ID', path).rstrip('/')}"

"""simple-salesforce drives the sandbox through every call of the adapter; the adapter reads what it parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import requests
from made_loopback import on_loopback
from made_salesforce import SECRET, made_adapter, made_server, made_world
from requests.adapters import HTTPAdapter
from simple_salesforce import (
    Salesforce as ForeignClient,
)
from simple_salesforce import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
    format_soql,
)
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceRefusedRequest
from test_salesforce_log_in import PEM

from adapters.base import ContactInput
from adapters.records import ActivityKind, Deal, Kind
from adapters.salesforce import reading
from adapters.salesforce.access import exposed
from adapters.salesforce.client import without_attributes
from adapters.salesforce.objects import BESIDE, HISTORY, OBJECTS
from adapters.salesforce.reading import OrgFacts
from adapters.sandbox.salesforce import SalesforceServer
from adapters.sandbox.salesforce.values import id_of

VERSION = "62.0"


class ToLoopback(HTTPAdapter):
    """The client insists on https and on Salesforce's hosts."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._netloc = urlsplit(address).netloc

    def send(self, request, *args, **kwargs):
        parts = urlsplit(request.url)
        request.url = parts._replace(scheme="http", netloc=self._netloc).geturl()
        return super().send(request, *args, **kwargs)


@dataclass
class Account:
    server: SalesforceServer
    session: requests.Session
    client: ForeignClient


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    server = made_server(made_world(), batch=5, daily=10**6)
    server.jobs.takes_s = 0.0
    with on_loopback(server) as address:
        session = requests.Session()
        session.mount("https://", ToLoopback(address))
        client = ForeignClient(
            consumer_key="client", consumer_secret=SECRET, domain="acme.my", session=session, version=VERSION
        )
        yield Account(server, session, client)


def test_it_logs_in_with_client_credentials_and_with_a_signed_assertion(account: Account) -> None:
    before = account.server.logins
    ForeignClient(
        username="ada@acme.example", consumer_key="client", privatekey=PEM, domain="acme.my", session=account.session
    )
    assert account.server.logins == before + 1
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid_client"):
        ForeignClient(consumer_key="client", consumer_secret="wrong", domain="acme.my", session=account.session)


def test_a_refused_token_is_parsed(account: Account) -> None:
    stranger = ForeignClient(
        instance_url="https://acme.my.salesforce.com", session_id="old", session=account.session, version=VERSION
    )
    with pytest.raises(SalesforceExpiredSession):
        stranger.query("SELECT Id FROM User")


def test_who_and_what_there_is_is_parsed(account: Account) -> None:
    client = account.client
    assert client.is_sandbox()
    assert client.oauth2("userinfo")["user_id"] == id_of("005", 7)
    assert client.describe()["sobjects"]
    assert client.Opportunity.describe()["keyPrefix"] == "006"
    assert {one["name"] for one in client.Contact.describe()["fields"]} >= {"Id", "Email", "SLMS_Lead_Id__c"}
    assert client.limits()["DailyApiRequests"]["Max"] == 10**6
    assert client.api_usage["api-usage"].total == 10**6
    batch = {"batchRequests": [{"method": "GET", "url": f"v{VERSION}/sobjects/{name}/describe"} for name in BESIDE]}
    told = client.restful("composite/batch", method="POST", json=batch)
    assert [one["statusCode"] for one in told["results"]] == [200] * len(BESIDE)
    record_type = client.query("SELECT Id FROM RecordType WHERE SobjectType = 'Opportunity' LIMIT 1")["records"][0]
    path = f"ui-api/object-info/Opportunity/picklist-values/{record_type['Id']}/StageName"
    assert [one["value"] for one in client.restful(path)["values"]] == ["New", "Qualified", "Offer", "Won", "Lost"]
    with pytest.raises(SalesforceResourceNotFound):
        client.Nothing__c.describe()


@pytest.mark.parametrize("name", [*(facts.name for facts in OBJECTS), *BESIDE])
def test_every_object_is_queried_page_by_page_with_what_was_deleted(account: Account, name: str) -> None:
    facts = next((one for one in OBJECTS if one.name == name), None)
    there = {one["name"] for one in getattr(account.client, name).describe()["fields"]}
    fields = [one for one in (facts.asked if facts is not None else BESIDE[name]) if one in there]
    found = account.client.query_all(f"SELECT {', '.join(fields)} FROM {name} ORDER BY Id", include_deleted=True)
    assert found["totalSize"] == len(found["records"]) > 0
    assert len({one["Id"] for one in found["records"]}) == found["totalSize"]
    assert all(set(fields) < one.keys() and one["attributes"]["type"] == name for one in found["records"])
    counted = account.client.query(f"SELECT COUNT() FROM {name}", include_deleted=True)
    assert counted["totalSize"] == found["totalSize"]
    if facts is not None:
        for row in found["records"]:
            raw = without_attributes(row)
            assert reading.record(facts, raw, OrgFacts()).external_id == row["Id"]


def test_what_it_parsed_is_the_same_deal_as_ours(account: Account) -> None:
    adapter = made_adapter(account.server)
    ours = {one.external_id: one for one in adapter.search_deals()}
    facts = next(one for one in OBJECTS if one.kind is Kind.DEAL)
    fields = exposed(adapter._client).fields(facts)
    for row in account.client.query_all_iter(f"SELECT {', '.join(fields)} FROM Opportunity"):
        wanted = format_soql("SELECT Id, StageName, Amount, CloseDate, CreatedDate FROM OpportunityHistory "
                             "WHERE OpportunityId = {}", row["Id"])  # fmt: skip
        history = [without_attributes(one) for one in account.client.query_all(wanted)["records"]]
        deal = reading.record(facts, without_attributes(row) | {HISTORY: history}, adapter._org(adapter._look()))
        assert isinstance(deal, Deal)
        mine = ours[deal.external_id]
        assert (deal.stage_id, deal.amount_minor, deal.closed_at) == (mine.stage_id, mine.amount_minor, mine.closed_at)


def test_a_bulk_query_is_made_and_fetched(account: Account) -> None:
    tables = list(account.client.bulk2.Contact.query("SELECT Id, LastName, Email FROM Contact", max_records=7, wait=0))
    assert len(tables) > 1
    rows = [line for table in tables for line in table.splitlines()[1:]]
    assert len(rows) >= len(account.server.world.live("contact"))
    assert all(table.startswith('"Id","LastName","Email"') for table in tables)


def test_a_contact_is_created_found_updated_upserted_and_deleted(account: Account) -> None:
    contacts, key = account.client.Contact, f"foreign-{len(account.server.log)}"
    made = contacts.create({"LastName": "Client", "Email": "o'foreign@example.org"})
    assert (made["success"], made["errors"]) == (True, [])
    found = account.client.query(format_soql("SELECT Id FROM Contact WHERE Email = {}", "O'Foreign@example.org"))
    assert [one["Id"] for one in found["records"]] == [made["id"]]
    assert contacts.update(made["id"], {"FirstName": "Foreign"}) == 204
    assert contacts.get(made["id"])["FirstName"] == "Foreign"
    assert contacts.upsert(f"SLMS_Lead_Id__c/{key}", {"LastName": "Upserted"}) == 201
    assert contacts.upsert(f"SLMS_Lead_Id__c/{key}", {"LastName": "Again"}) == 200
    account.server.world.create("contact", {"last_name": "Twin", "slms_lead_id": key})
    with pytest.raises(SalesforceMoreThanOneRecord):
        contacts.upsert(f"SLMS_Lead_Id__c/{key}", {"LastName": "Which"})
    assert contacts.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        contacts.get(made["id"])
    gone = f"SELECT Id, IsDeleted FROM Contact WHERE Id = '{made['id']}'"
    assert account.client.query(gone)["totalSize"] == 0
    assert account.client.query_all(gone, include_deleted=True)["records"][0]["IsDeleted"] is True


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nothing FROM Contact", "INVALID_FIELD"), ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Id FORM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE Id = 'x' OR Id = 'y' AND Id = 'z'", "(MALFORMED_QUERY|INVALID_QUERY_FILTER)"),
    ],
)  # fmt: skip
def test_refused_queries_are_parsed(account: Account, soql: str, code: str) -> None:
    with pytest.raises(SalesforceMalformedRequest, match=code):
        account.client.query(soql)


def test_a_used_up_quota_is_parsed() -> None:
    server = made_server(made_world(), daily=1)
    with on_loopback(server) as address:
        session = requests.Session()
        session.mount("https://", ToLoopback(address))
        client = ForeignClient(consumer_key="client", consumer_secret=SECRET, domain="acme.my", session=session)
        client.query("SELECT Id FROM User LIMIT 1")
        with pytest.raises(SalesforceRefusedRequest, match="REQUEST_LIMIT_EXCEEDED"):
            client.query("SELECT Id FROM User LIMIT 1")


def test_the_adapter_makes_no_call_that_the_foreign_client_did_not_make(account: Account) -> None:
    test_it_logs_in_with_client_credentials_and_with_a_signed_assertion(account)
    test_who_and_what_there_is_is_parsed(account)
    test_every_object_is_queried_page_by_page_with_what_was_deleted(account, "Contact")
    account.client.query("SELECT Id FROM User")
    test_a_bulk_query_is_made_and_fetched(account)
    test_a_contact_is_created_found_updated_upserted_and_deleted(account)
    foreign = {shape(one.method, one.path) for one in account.server.log}
    server = made_server(made_world(), daily=10**6)
    adapter = made_adapter(server, bulk_from=10)
    for kind in adapter.capabilities.kinds:
        cursor = [*adapter.changes(kind, None)][-1].cursor
        list(adapter.changes(kind, cursor))
        adapter.expected_count(kind)
    list(adapter.search_deals())
    adapter.count_activity(kind=ActivityKind.CALL)
    adapter.list_owners()
    adapter.check()
    for lead_id_field in ("SLMS_Lead_Id__c", None):
        writer = made_adapter(server, lead_id_field=lead_id_field)
        for name in ("A", "B"):
            email = f"{lead_id_field}@example.org"
            writer.upsert_contact(ContactInput(email=email, first_name=name, key=f"lead-{lead_id_field}"))
    ours = {shape(one.method, one.path) for one in server.log}
    assert ours - foreign == {"GET /services/data"}
    assert len(ours) > 8


def shape(method: str, path: str) -> str:
    """The call without what it names."""
    path = re.sub(r"/v\d+\.0/", "/v/", path)
    path = re.sub(r"/jobs/query/[^/]+", "/jobs/query/ID", path)
    path = re.sub(r"/picklist-values/[^/]+", "/picklist-values/ID", path)
    path = re.sub(r"/sobjects/[^/]+/(?!describe)[^/]+$", "/sobjects/T/ID", path)
    return f"{method} {re.sub(r'/SLMS_Lead_Id__c/[^/]+', '/FIELD/VALUE', path).rstrip('/')}"

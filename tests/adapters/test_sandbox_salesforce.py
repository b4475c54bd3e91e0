"""The sandbox keeps what Salesforce documents, and its answers have the described shapes; so that no adapter passes by
its leniency."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from jsonschema import Draft202012Validator
from made_loopback import on_loopback
from made_salesforce import NOW, SECRET, made_adapter, made_server, made_world

from adapters.base import ContactInput
from adapters.errors import CrmError
from adapters.records import ActivityKind
from adapters.sandbox import Clock, Fault, Mishap, SandboxTransport, World
from adapters.sandbox.salesforce import SalesforceServer
from adapters.sandbox.salesforce.values import id_of, number_of
from ops.sandbox import FakeCrm, make

DATA = "/services/data/v62.0"


@pytest.fixture
def server() -> SalesforceServer:
    return made_server(made_world())


def client(server: SalesforceServer) -> httpx.Client:
    api = httpx.Client(transport=SandboxTransport(server), base_url="https://acme.my.salesforce.com")
    form = {"grant_type": "client_credentials", "client_id": "client", "client_secret": SECRET}
    token = api.post("/services/oauth2/token", data=form).json()["access_token"]
    api.headers["authorization"] = f"Bearer {token}"
    return api


def found(api: httpx.Client, soql: str, verb: str = "query") -> dict[str, Any]:
    return api.get(f"{DATA}/{verb}", params={"q": soql}).json()


def code(answer: httpx.Response) -> str:
    return answer.json()[0]["errorCode"]


# --- SOQL ---


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("Name = 'Acme'", [1]), ("Name = 'aCME'", [1]), ("Name != 'Acme'", [2, 3, 4]), ("Name LIKE 'a%'", [1, 4]),
        ("Name IN ('Acme', 'Zwölf')", [1, 2]), ("Name NOT IN ('Acme')", [2, 3, 4]), ("NumberOfEmployees > 5", [2]),
        ("NumberOfEmployees = null", [3, 4]), ("NumberOfEmployees != null AND Name = 'Acme'", [1]),
        ("(Name = 'Acme' OR Name = 'Zwölf') AND NumberOfEmployees < 5", [1]), ("NOT Name = 'Acme'", [2, 3, 4]),
        ("Name = 'O\\'Neill \\\\ \\n'", [3]), ("IsDeleted = false", [1, 2, 3, 4]), ("Name LIKE 'a_ber'", [4]),
        ("CreatedDate >= 2026-03-10T12:00:00Z AND CreatedDate < 2026-03-10T12:00:01.000+0000", [1, 2, 3, 4]),
        ("CreatedDate > 2026-03-10T12:00:00.000Z", []),
    ],
)  # fmt: skip
def test_conditions_find_what_they_say(where: str, numbers: list[int]) -> None:
    world = World(Clock(NOW + timedelta(milliseconds=400)))
    sizes = {"Acme": 4, "Zwölf": 9, "O'Neill \\ \n": None, "amber": None}
    rows = [world.create("company", {"name": name, "employees": size}) for name, size in sizes.items()]
    told = found(client(made_server(world)), f"SELECT Id FROM Account WHERE {where} ORDER BY Id")
    assert [one["Id"] for one in told["records"]] == [id_of("001", rows[number - 1].row_id) for number in numbers]


@pytest.mark.parametrize(
    ("soql", "expected"),
    [
        ("SELECT Nothing FROM Account", "INVALID_FIELD"), ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Id", "MALFORMED_QUERY"), ("SELECT Id FROM Account WHERE", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Name = Acme", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'a' OR Name = 'b' AND Name = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'it's'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE Id = 'nobody'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Account LIMIT 5 ORDER BY Id", "MALFORMED_QUERY"),
    ],
)  # fmt: skip
def test_a_wrong_query_is_refused_in_salesforce_s_words(server: SalesforceServer, soql: str, expected: str) -> None:
    answer = client(server).get(f"{DATA}/query", params={"q": soql})
    assert (answer.status_code, code(answer)) == (400, expected)


def test_rows_come_in_order_and_in_batches(server: SalesforceServer) -> None:
    server = made_server(server.world, batch=4)
    api = client(server)
    told = found(api, "SELECT Id, Name FROM Account ORDER BY Name DESC, Id LIMIT 10")
    names = [one["Name"] for one in told["records"]]
    assert (told["totalSize"], told["done"], len(names)) == (10, False, 4)
    rest = api.get(told["nextRecordsUrl"]).json()
    names += [one["Name"] for one in rest["records"]]
    assert names == sorted(names, reverse=True)
    server.world.clock.advance(16 * 60)
    assert code(api.get(rest["nextRecordsUrl"])) == "INVALID_QUERY_LOCATOR"


def test_a_plain_query_shows_neither_deleted_rows_nor_old_activities() -> None:
    world = World(Clock(NOW))
    world.archive(world.create("company", {"name": "Gone"}))
    world.create("call", {"at": NOW - timedelta(days=400), "status": "done"})
    api = client(made_server(world))
    for name in ("Account", "Task"):
        soql = f"SELECT COUNT() FROM {name}"
        assert (found(api, soql)["totalSize"], found(api, soql, "queryAll")["totalSize"]) == (0, 1)
    world.clock.advance(timedelta(days=16).total_seconds())
    assert found(api, "SELECT COUNT() FROM Account", "queryAll")["totalSize"] == 0


def test_a_merged_row_is_deleted_and_names_its_survivor_but_deals_cannot_be_merged() -> None:
    world = World(Clock(NOW), merges_to_new_id=False)
    for kind in ("contact", "company"):
        kept, lost = (world.create(kind, {"name": name, "last_name": name}) for name in "AB")
        world.merge(kept, lost)
        prefix, name = {"contact": ("003", "Contact"), "company": ("001", "Account")}[kind]
        soql = f"SELECT Id, MasterRecordId FROM {name} WHERE IsDeleted = true"
        [row] = found(client(made_server(world)), soql, "queryAll")["records"]
        assert (row["Id"], row["MasterRecordId"]) == (id_of(prefix, lost.row_id), id_of(prefix, kept.row_id))
    soql = "SELECT MasterRecordId FROM Opportunity"
    assert code(client(made_server(world)).get(f"{DATA}/query", params={"q": soql})) == "INVALID_FIELD"


def test_a_currency_and_a_record_type_are_there_only_in_orgs_that_have_them() -> None:
    api = client(made_server(made_world(), is_multi_currency=False, has_record_types=False))
    there = {one["name"] for one in api.get(f"{DATA}/sobjects/Opportunity/describe").json()["fields"]}
    assert not there & {"CurrencyIsoCode", "RecordTypeId"}


def test_ids_have_a_suffix_that_tells_capitals_and_both_forms_are_one() -> None:
    assert id_of("001", 7) == "001000000000007AAA"
    assert id_of("00Q", 7) == "00Q000000000007EAA"
    assert number_of(id_of("00Q", 7)) == number_of("00Q000000000007") == 7


# --- records ---


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"Email": "a@b.example"}, "REQUIRED_FIELD_MISSING"), ({"LastName": "x" * 81}, "STRING_TOO_LONG"),
        ({"LastName": "A", "Email": "nothing"}, "INVALID_EMAIL_ADDRESS"),
        ({"LastName": "A", "Nothing": "1"}, "INVALID_FIELD"),
        ({"LastName": "A", "CreatedDate": "2026-01-01"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ],
)  # fmt: skip
def test_a_wrong_contact_is_refused(server: SalesforceServer, body: dict[str, str], expected: str) -> None:
    answer = client(server).post(f"{DATA}/sobjects/Contact", json=body)
    assert (answer.status_code, code(answer)) == (400, expected)


def test_addresses_are_unique_to_nobody_and_external_ids_are(server: SalesforceServer) -> None:
    api = client(server)
    for _ in range(2):
        assert api.post(f"{DATA}/sobjects/Contact", json={"LastName": "A", "Email": "a@b.example"}).status_code == 201
    body = {"LastName": "A", "SLMS_Lead_Id__c": "one"}
    made = api.post(f"{DATA}/sobjects/Contact", json=body)
    again = api.post(f"{DATA}/sobjects/Contact", json=body)
    assert (again.status_code, code(again)) == (400, "DUPLICATE_VALUE")
    assert again.json()[0]["message"].endswith(made.json()["id"][:15])


def test_an_upsert_takes_the_id_from_its_address_alone(server: SalesforceServer) -> None:
    api, path = client(server), f"{DATA}/sobjects/Contact/SLMS_Lead_Id__c/one%2Ftwo"
    assert code(api.patch(path, json={"LastName": "A", "SLMS_Lead_Id__c": "one/two"})) == "INVALID_FIELD"
    told = [api.patch(path, json={"LastName": "A"}) for _ in range(2)]
    assert [one.status_code for one in told] == [201, 200]
    assert [one.json()["created"] for one in told] == [True, False]
    assert code(api.patch(f"{DATA}/sobjects/Contact/Email/a", json={"LastName": "A"})) == "NOT_FOUND"


def test_a_duplicate_rule_answers_with_the_key_that_is_misspelt() -> None:
    server = made_server(made_world(), has_duplicate_rule=True)
    api, body = client(server), {"LastName": "Of a kind", "FirstName": "One"}
    first = api.post(f"{DATA}/sobjects/Contact", json=body).json()["id"]
    told = api.post(f"{DATA}/sobjects/Contact", json=body).json()[0]
    [result] = told["duplicateResut"]["matchResults"]
    assert (result["entityType"], result["matchRecords"][0]["record"]["Id"]) == ("Contact", first)


# --- limits and log-in ---


def test_the_quota_is_over_24_rolling_hours_and_refused_with_403(server: SalesforceServer) -> None:
    server = made_server(server.world, daily=2)
    api = client(server)
    told = [api.get(f"{DATA}/limits") for _ in range(3)]
    assert [one.status_code for one in told] == [200, 200, 403]
    assert code(told[2]) == "REQUEST_LIMIT_EXCEEDED"
    assert "retry-after" not in told[2].headers
    assert told[0].headers["sforce-limit-info"] == "api-usage=1/2"
    server.world.clock.advance(24 * 3600)
    assert api.get(f"{DATA}/limits").status_code == 200


def test_without_a_token_only_the_versions_are_told(server: SalesforceServer) -> None:
    api = httpx.Client(transport=SandboxTransport(server), base_url="https://acme.my.salesforce.com")
    refused = api.get(f"{DATA}/query", params={"q": "SELECT Id FROM User"})
    assert (refused.status_code, code(refused)) == (401, "INVALID_SESSION_ID")
    assert {"version": "62.0"}.items() <= api.get("/services/data/").json()[31].items()


def test_faults_reach_a_client_over_a_socket_as_well(server: SalesforceServer) -> None:
    with on_loopback(server) as address, httpx.Client() as api:
        server.faults.plan(Fault(mishap=Mishap.CUT))
        with pytest.raises(httpx.TransportError):
            api.get(f"{address}/services/data/")
        server.faults.plan(Fault(mishap=Mishap.LOGIN_PAGE))
        assert api.get(f"{address}/services/data/").text.startswith("<!DOCTYPE html>")


def test_the_command_makes_an_org_that_lacks_what_is_asked_for() -> None:
    wanted = FakeCrm(vendor="salesforce", deals=5, activities=5, without=("Opportunity",))
    server, given = make(wanted, now=lambda: NOW)
    assert isinstance(server, SalesforceServer)
    assert given["CRM_PROVIDER"] == "salesforce"
    adapter = made_adapter(
        server, client_id=given["SALESFORCE_CLIENT_ID"], client_secret=given["SALESFORCE_CLIENT_SECRET"]
    )
    assert {check.name for check in adapter.check() if not check.ok} == {"right Read on Opportunity"}


# --- the described shapes ---


class Checking(httpx.BaseTransport):
    """Every answer is compared with its description on its way."""

    def __init__(self, server: SalesforceServer, definitions: dict[str, Any]) -> None:
        self._inner, self._definitions, self.seen = SandboxTransport(server), definitions, Counter[str]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        name = described(request.method, request.url.path, answer.status_code)
        if name is not None:
            self.check(name, orjson.loads(answer.read()))
        return answer

    def check(self, name: str, body: object) -> None:
        self.seen[name] += 1
        Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": self._definitions}).validate(body)


def described(method: str, path: str, status: int) -> str | None:
    if path.endswith("/token"):
        return "token" if status == 200 else "tokenError"
    if status == 300:
        return "multipleChoices"
    if status >= 400:
        return "errors"
    if "/jobs/query" in path:
        return None if path.endswith("/results") else "bulkJob"
    if "/query" in path:
        return "query"
    return "saveResult" if "/sobjects/Contact" in path and method in {"POST", "PATCH"} and status != 204 else None


@pytest.fixture
def definitions(shared_data: Path) -> dict[str, Any]:
    """Of Salesforce's answers, as its documents describe them."""
    return orjson.loads((shared_data.parent / "crm/specs/salesforce/schemas.json").read_bytes())["$defs"]


def test_every_answer_that_the_adapter_gets_has_its_described_shape(definitions: dict[str, Any]) -> None:
    server = made_server(made_world(), batch=9)
    transport = Checking(server, definitions)
    adapter = made_adapter(server, transport=transport)
    for bulk_from in (10, 10**6):
        one = made_adapter(server, transport=transport, bulk_from=bulk_from)
        for kind in one.capabilities.kinds:
            list(one.changes(kind, None))
    adapter.check()
    list(adapter.search_deals())
    adapter.count_activity(kind=ActivityKind.EMAIL)
    lead = ContactInput(email="a@b.example", last_name="A", key="one")
    adapter.upsert_contact(lead)
    made_adapter(server, transport=transport, lead_id_field=None).upsert_contact(
        ContactInput(email="c@d.example", last_name="C")
    )
    with pytest.raises(CrmError):
        adapter.upsert_contact(ContactInput(email="nothing", last_name="A"))
    with pytest.raises(CrmError):
        made_adapter(server, transport=transport, client_secret="wrong").list_owners()
    assert set(transport.seen) == {"token", "tokenError", "query", "saveResult", "errors", "bulkJob"}


def test_answers_to_duplicates_have_their_described_shape(definitions: dict[str, Any]) -> None:
    server = made_server(made_world(), has_duplicate_rule=True)
    for number in range(2):
        server.world.create("contact", {"last_name": f"N{number}", "slms_lead_id": "one", "email": "x@y.example"})
    transport = Checking(server, definitions)
    api = client(server)
    transport.check("errors", api.post(f"{DATA}/sobjects/Contact", json={"LastName": "N0"}).json())
    path = f"{DATA}/sobjects/Contact/SLMS_Lead_Id__c/one"
    transport.check("multipleChoices", api.patch(path, json={"LastName": "B"}).json())


def test_an_answer_of_another_shape_is_noticed(definitions: dict[str, Any]) -> None:
    transport = Checking(made_server(made_world()), definitions)
    for name, body in (
        ("query", {"totalSize": 1, "done": False, "records": []}),
        ("query", {"totalSize": 1, "done": True, "records": [{"Id": "1"}]}),
        ("errors", {"message": "not a list"}), ("token", {"access_token": "x", "token_type": "Bearer"}),
    ):  # fmt: skip
        with pytest.raises(Exception, match=r"required|is not|does not match"):
            transport.check(name, body)

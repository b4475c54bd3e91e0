"""Leads become contacts of Salesforce: one each, though it keeps no address unique, whatever answer is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Barrier
from typing import Any

import httpx
import pytest
import stamina
from made_salesforce import made_adapter, made_server, made_world

from adapters.base import ContactInput, FieldPolicy
from adapters.errors import ConflictError, MissingScopeError, RetriableError, SkippableError, UnsureError
from adapters.salesforce.reading import NOBODY
from adapters.sandbox import Fault, Mishap, Row, SandboxTransport, Size
from adapters.sandbox.salesforce import SalesforceServer
from adapters.sandbox.salesforce.values import id_of

ADA = ContactInput(email="ada@new.example", first_name="Ada", last_name="King", phone="+44 1", key="lead-1")
CREATES = r"(POST .*/sobjects/Contact$|PATCH .*/SLMS_Lead_Id__c/)"
FEW = Size(owners=2, companies=3, contacts=4, deals=2, activities=2, leads=2, days=5)


def made(**org: Any) -> SalesforceServer:
    return made_server(made_world(size=FEW), **org)


@pytest.fixture
def server() -> SalesforceServer:
    return made()


@pytest.fixture(params=[True, False], ids=["external id", "plain field"])
def either(request: pytest.FixtureRequest) -> SalesforceServer:
    """An org whose field for the lead's id is an external id, and one where it is any text."""
    return made(lead_id_is_external=request.param)


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


def held(server: SalesforceServer, email: str) -> list[Row]:
    return [row for row in server.world.live("contact") if row.fields.get("email") == email]


def id_of_row(row: Row) -> str:
    return id_of("003", row.row_id)


def test_eight_workers_that_race_make_one_contact(either: SalesforceServer) -> None:
    adapters, start = [made_adapter(either) for _ in range(8)], Barrier(8)

    def write(number: int) -> str:
        start.wait()
        lead = replace(ADA, phone=f"+44 {number}", key=f"lead-{number}")
        return adapters[number].upsert_contact(lead).outcome

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(write, range(8)))
    assert outcomes.count("created") == 1
    assert len(held(either, "ada@new.example")) == 1


@pytest.mark.parametrize("mishap", [Mishap.LOST_BEFORE, Mishap.LOST_AFTER, Mishap.CUT])
def test_a_lost_answer_to_a_create_makes_no_second_contact(either: SalesforceServer, mishap: Mishap) -> None:
    either.faults.plan(Fault(mishap=mishap, route=CREATES))
    adapter = made_adapter(either)
    with suppress(UnsureError):
        adapter.upsert_contact(ADA)
    result = adapter.upsert_contact(ADA)
    [row] = held(either, "ada@new.example")
    assert result.external_id == id_of_row(row)
    assert row.fields["slms_lead_id"] == "lead-1"


def test_a_create_without_an_answer_is_looked_for_at_once(server: SalesforceServer) -> None:
    adapter = made_adapter(server, lead_id_field=None)
    server.faults.plan(Fault(mishap=Mishap.LOST_AFTER, route=CREATES))
    result = adapter.upsert_contact(ADA)
    [row] = held(server, "ada@new.example")
    assert result.external_id == id_of_row(row)


def test_a_create_that_may_yet_happen_is_unsure(server: SalesforceServer) -> None:
    server.faults.plan(Fault(mishap=Mishap.STATUS, status=503, route=CREATES))
    with pytest.raises(UnsureError):
        made_adapter(server, lead_id_field=None).upsert_contact(ADA)
    assert held(server, "ada@new.example") == []


def test_a_create_by_an_external_id_is_simply_sent_again(server: SalesforceServer) -> None:
    for mishap in (Mishap.STATUS, Mishap.LOST_AFTER):
        server.faults.plan(Fault(mishap=mishap, route=CREATES))
        email = f"{mishap}@new.example"
        made_adapter(server).upsert_contact(replace(ADA, email=email, key=f"lead-{mishap}"))
        assert len(held(server, email)) == 1


def test_a_lead_without_an_address_is_found_by_its_id(server: SalesforceServer) -> None:
    adapter, nameless = made_adapter(server), replace(ADA, email=None)
    server.faults.plan(Fault(mishap=Mishap.LOST_AFTER, route=CREATES))
    first = adapter.upsert_contact(nameless)
    assert adapter.upsert_contact(nameless).external_id == first.external_id
    assert len([row for row in server.world.live("contact") if row.fields.get("slms_lead_id") == "lead-1"]) == 1


def test_a_process_killed_after_any_request_leaves_what_the_next_one_finishes(either: SalesforceServer) -> None:
    for requests in range(1, 7):
        email = f"killed{requests}@new.example"
        lead = replace(ADA, email=email, key=f"lead-{requests}")
        with suppress(KeyboardInterrupt):
            made_adapter(either, transport=Dying(either, after=requests)).upsert_contact(lead)
        made_adapter(either).upsert_contact(lead)
        [row] = held(either, email)
        assert row.fields["last_name"] == "King"


class Dying(SandboxTransport):
    """The process is gone with the answer to its nth request."""

    def __init__(self, server: SalesforceServer, *, after: int) -> None:
        super().__init__(server)
        self._left = after

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        self._left -= 1
        if self._left <= 0:
            raise KeyboardInterrupt
        return answer


def test_of_several_contacts_with_one_address_the_oldest_is_taken(server: SalesforceServer) -> None:
    oldest = server.world.create("contact", {"email": "ada@new.example", "last_name": "First"})
    server.world.clock.advance(60)
    server.world.create("contact", {"email": "ada@new.example", "last_name": "Second"})
    assert made_adapter(server).upsert_contact(ADA).external_id == id_of_row(oldest)


def test_the_id_of_a_merged_contact_leads_to_the_survivor(server: SalesforceServer) -> None:
    adapter = made_adapter(server)
    first = adapter.upsert_contact(ADA)
    other, last = (
        server.world.create("contact", {"email": f"{name}@new.example", "last_name": name}) for name in ("kept", "last")
    )
    [lost] = held(server, "ada@new.example")
    server.world.merge(last, server.world.merge(other, lost))
    again = adapter.upsert_contact(replace(ADA, external_id=first.external_id, key=None))
    assert again.external_id == id_of_row(last)
    assert last.fields["email"] == "last@new.example"


def test_an_address_that_was_corrected_since_does_not_make_a_second_contact(server: SalesforceServer) -> None:
    adapter = made_adapter(server)
    made_ = adapter.upsert_contact(ADA)
    [row] = held(server, "ada@new.example")
    server.world.update(row, {"email": "ada.king@new.example"})
    again = adapter.upsert_contact(replace(ADA, external_id=made_.external_id, phone="+44 2"))
    assert again.external_id == made_.external_id
    assert (row.fields["email"], row.fields["phone"]) == ("ada.king@new.example", "+44 2")


def test_each_field_follows_its_policy(server: SalesforceServer) -> None:
    row = server.world.create(
        "contact", {"email": "ada@new.example", "first_name": "A", "last_name": "K", "phone": "1"}
    )
    policies = {"first_name": FieldPolicy.IF_EMPTY, "phone": FieldPolicy.APPEND}
    result = made_adapter(server).upsert_contact(
        replace(ADA, phone="2", fields={"Topic__c": "Fair"}, policies=policies, key=None)
    )
    assert result.changed == ("Topic__c", "last_name", "phone")
    assert [row.fields[name] for name in ("first_name", "last_name", "phone", "topic")] == ["A", "King", "1; 2", "Fair"]


def test_a_contact_of_whom_no_name_is_known_gets_one_with_the_next_lead(server: SalesforceServer) -> None:
    adapter = made_adapter(server)
    adapter.upsert_contact(ContactInput(email="ada@new.example"))
    [row] = held(server, "ada@new.example")
    assert row.fields["last_name"] == NOBODY
    adapter.upsert_contact(replace(ADA, policies={"last_name": FieldPolicy.IF_EMPTY}))
    assert row.fields["last_name"] == "King"


def test_the_source_goes_where_the_settings_say_and_nowhere_else(server: SalesforceServer) -> None:
    made_adapter(server).upsert_contact(replace(ADA, source="Fair"))
    [row] = held(server, "ada@new.example")
    assert row.fields.get("lead_source") is None
    result = made_adapter(server, source_field="LeadSource").upsert_contact(replace(ADA, source="Fair"))
    assert (result.changed, row.fields["lead_source"]) == (("source",), "Fair")


def test_a_company_is_named_only_where_there_is_one_of_that_name(server: SalesforceServer) -> None:
    acme, *_ = (server.world.create("company", {"name": name}) for name in ("Acme", "Twice", "Twice"))
    adapter = made_adapter(server)
    for company, links in (("Nowhere", []), ("Twice", []), ("Acme", [acme.row_id])):
        adapter.upsert_contact(replace(ADA, company=company))
        [row] = held(server, "ada@new.example")
        assert row.links.get("company", []) == links


@pytest.mark.parametrize(
    "contact",
    [
        replace(ADA, email="not an address"), replace(ADA, fields={"No_Such__c": "x"}),
        replace(ADA, last_name="x" * 81),
    ],
)  # fmt: skip
def test_a_contact_that_salesforce_refuses_is_skipped_with_its_words(
    server: SalesforceServer, contact: ContactInput
) -> None:
    with pytest.raises(SkippableError, match=r"invalid|No such column|too large"):
        made_adapter(server).upsert_contact(contact)


@pytest.mark.parametrize(("email", "is_taken"), [(None, True), ("other@new.example", False)])
def test_a_duplicate_rule_leads_to_the_same_person_or_to_a_decision(email: str | None, is_taken: bool) -> None:
    server = made(has_duplicate_rule=True)
    row = server.world.create("contact", {"email": email, "first_name": "Ada", "last_name": "King"})
    adapter = made_adapter(server)
    if is_taken:
        assert adapter.upsert_contact(ADA).external_id == id_of_row(row)
        assert row.fields["email"] == "ada@new.example"
    else:
        with pytest.raises(ConflictError, match=id_of_row(row)):
            adapter.upsert_contact(ADA)


def test_a_duplicate_rule_that_finds_a_lead_is_for_a_person() -> None:
    server = made(has_duplicate_rule=True)
    server.world.create("lead", {"email": "ada@new.example", "first_name": "Ada", "last_name": "King"})
    with pytest.raises(ConflictError):
        made_adapter(server).upsert_contact(ADA)


def test_a_unique_field_that_another_contact_holds_leads_to_it(server: SalesforceServer) -> None:
    row = server.world.create("contact", {"last_name": "King", "slms_lead_id": "lead-1"})
    server.faults.plan(
        Fault(mishap=Mishap.EDIT, route=CREATES, edit=lambda: server.world.update(row, {"slms_lead_id": "lead-2"}))
    )
    server.world.update(row, {"slms_lead_id": None})
    result = made_adapter(server).upsert_contact(replace(ADA, key=None, fields={"SLMS_Lead_Id__c": "lead-2"}))
    assert result.external_id == id_of_row(row)


def test_without_the_right_to_write_it_is_named(server: SalesforceServer) -> None:
    server.hidden.add("Contact:create")
    with pytest.raises(MissingScopeError) as error:
        made_adapter(server, lead_id_field=None).upsert_contact(ADA)
    assert error.value.scope == "Create on Contact"


def test_nothing_is_written_once_somebody_else_has_taken_over(server: SalesforceServer) -> None:
    with pytest.raises(RetriableError):
        made_adapter(server).upsert_contact(replace(ADA, may_write=lambda: False))
    assert held(server, "ada@new.example") == []


@pytest.mark.parametrize(
    "text", ["שָׁלוֹם", "👩‍👩‍👧", "e\u0301\u0301", "a\tb\nc", "' OR Name != '", "back\\slash", "ada+tag"]
)
def test_any_text_arrives_as_it_was_written(server: SalesforceServer, text: str) -> None:
    email = "ada+o'tag@new.example"
    result = made_adapter(server).upsert_contact(replace(ADA, email=email, last_name=text, company=text))
    [row] = held(server, email)
    assert (result.external_id, row.fields["last_name"]) == (id_of_row(row), text)
    again = made_adapter(server).upsert_contact(replace(ADA, email=email, last_name=text, company=text))
    assert again.outcome == "exists"

"""Leads become contacts of HubSpot: one each, whoever else writes and whatever answer is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Barrier

import httpx
import pytest
import stamina
from made_hubspot import made_adapter, made_server, made_world

from adapters.base import ContactInput, FieldPolicy
from adapters.errors import ConflictError, MissingScopeError, RetriableError, SkippableError, UnsureError
from adapters.sandbox import Fault, Mishap, Row, SandboxTransport
from adapters.sandbox.hubspot import ALL_SCOPES, HubSpotServer

ADA = ContactInput(email="ada@new.example", first_name="Ada", last_name="King", phone="+44 1", key="lead-1")


@pytest.fixture
def server() -> HubSpotServer:
    return made_server(made_world())


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


def held(server: HubSpotServer, email: str) -> list[Row]:
    return [row for row in server.world.live("contact") if row.fields.get("email") == email]


def test_eight_workers_that_race_make_one_contact(server: HubSpotServer) -> None:
    adapters, start = [made_adapter(server) for _ in range(8)], Barrier(8)

    def write(number: int) -> str:
        start.wait()
        return adapters[number].upsert_contact(replace(ADA, phone=f"+44 {number}")).outcome

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(write, range(8)))
    assert outcomes.count("created") == 1
    assert len(held(server, "ada@new.example")) == 1


def test_a_contact_that_turns_up_between_looking_and_creating_is_updated(server: HubSpotServer) -> None:
    def somebody_else() -> None:
        server.world.create("contact", {"email": "ada@new.example", "first_name": "Augusta", "last_name": None})

    server.faults.plan(Fault(mishap=Mishap.EDIT, route="POST /crm/v3/objects/contacts$", edit=somebody_else))
    result = made_adapter(server).upsert_contact(replace(ADA, policies={"first_name": FieldPolicy.IF_EMPTY}))
    [row] = held(server, "ada@new.example")
    assert (result.outcome, result.external_id) == ("updated", str(row.row_id))
    assert (row.fields["first_name"], row.fields["last_name"]) == ("Augusta", "King")


@pytest.mark.parametrize("mishap", [Mishap.LOST_BEFORE, Mishap.LOST_AFTER, Mishap.CUT, Mishap.STATUS])
def test_a_lost_answer_to_a_create_makes_no_second_contact(server: HubSpotServer, mishap: Mishap) -> None:
    server.faults.plan(Fault(mishap=mishap, route="POST /crm/v3/objects/contacts$"))
    result = made_adapter(server).upsert_contact(ADA)
    [row] = held(server, "ada@new.example")
    assert result.external_id == str(row.row_id)
    assert row.fields["slms_lead_id"] == "lead-1"


def test_a_process_killed_after_any_request_leaves_what_the_next_one_finishes(server: HubSpotServer) -> None:
    for requests in range(1, 6):
        email = f"killed{requests}@new.example"
        server.world.create("contact", {"email": email, "last_name": "Old"}) if requests > 3 else None
        dying = made_adapter(server, transport=Dying(server, after=requests))
        with suppress(KeyboardInterrupt):
            dying.upsert_contact(replace(ADA, email=email))
        made_adapter(server).upsert_contact(replace(ADA, email=email))
        [row] = held(server, email)
        assert row.fields["last_name"] == "King"


class Dying(SandboxTransport):
    """The process is gone with the answer to its nth request."""

    def __init__(self, server: HubSpotServer, *, after: int) -> None:
        super().__init__(server)
        self._left = after

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        self._left -= 1
        if self._left <= 0:
            raise KeyboardInterrupt
        return answer


def test_without_an_address_a_lost_create_is_unsure_and_not_repeated(server: HubSpotServer) -> None:
    server.faults.plan(Fault(mishap=Mishap.LOST_AFTER, route="POST /crm/v3/objects/contacts$"))
    before = len(server.world.live("contact"))
    with pytest.raises(UnsureError):
        made_adapter(server).upsert_contact(replace(ADA, email=None))
    assert len(server.world.live("contact")) == before + 1


def test_a_contact_known_by_a_second_address_keeps_its_first(server: HubSpotServer) -> None:
    row = server.world.create("contact", {"email": "first@new.example", "other_emails": "ada@new.example"})
    result = made_adapter(server).upsert_contact(ADA)
    assert result.external_id == str(row.row_id)
    assert (row.fields["email"], row.fields["first_name"]) == ("first@new.example", "Ada")


@pytest.mark.parametrize("resolves", [True, False])
def test_the_address_of_a_merged_contact_leads_to_the_survivor(server: HubSpotServer, resolves: bool) -> None:
    server.resolves_merged = resolves
    adapter = made_adapter(server)
    first = adapter.upsert_contact(ADA)
    other = server.world.create("contact", {"email": "kept@new.example", "first_name": "Kept"})
    lost = server.world.get("contact", int(first.external_id))
    assert lost is not None
    survivor = server.world.merge(other, lost)
    again = adapter.upsert_contact(replace(ADA, external_id=first.external_id))
    assert again.external_id == str(survivor.row_id)
    assert survivor.fields["email"] == "kept@new.example"


def test_an_address_that_was_corrected_since_does_not_make_a_second_contact(server: HubSpotServer) -> None:
    adapter = made_adapter(server)
    made = adapter.upsert_contact(ADA)
    row = server.world.get("contact", int(made.external_id))
    assert row is not None
    server.world.update(row, {"email": "ada.king@new.example"})
    again = adapter.upsert_contact(replace(ADA, external_id=made.external_id, phone="+44 2"))
    assert again.external_id == made.external_id
    assert (row.fields["email"], row.fields["phone"]) == ("ada.king@new.example", "+44 2")
    assert held(server, "ada@new.example") == []


def test_each_field_follows_its_policy(server: HubSpotServer) -> None:
    row = server.world.create(
        "contact", {"email": "ada@new.example", "first_name": "A", "last_name": "K", "phone": "1"}
    )
    policies = {"first_name": FieldPolicy.IF_EMPTY, "phone": FieldPolicy.APPEND}
    result = made_adapter(server).upsert_contact(
        replace(ADA, phone="2", fields={"lead_source": "Fair"}, policies=policies, key=None)
    )
    assert result.changed == ("last_name", "lead_source", "phone")
    assert [row.fields[name] for name in ("first_name", "last_name", "phone", "lead_source")] == [
        "A", "King", "1; 2", "Fair",
    ]  # fmt: skip


def test_the_source_goes_where_the_settings_say_and_nowhere_else(server: HubSpotServer) -> None:
    made_adapter(server).upsert_contact(replace(ADA, source="Fair"))
    [row] = held(server, "ada@new.example")
    assert "lead_source" not in row.fields
    result = made_adapter(server, source_property="lead_source").upsert_contact(replace(ADA, source="Fair"))
    assert (result.changed, row.fields["lead_source"]) == (("source",), "Fair")


@pytest.mark.parametrize(
    "contact", [replace(ADA, email="not an address"), replace(ADA, fields={"no_such_property": "x"})]
)
def test_a_contact_that_hubspot_refuses_is_skipped_with_its_words(server: HubSpotServer, contact: ContactInput) -> None:
    with pytest.raises(SkippableError, match=r"invalid|does not exist"):
        made_adapter(server).upsert_contact(contact)


def test_a_conflict_that_names_nobody_is_for_a_person(server: HubSpotServer) -> None:
    server.faults.plan(Fault(mishap=Mishap.STATUS, status=409, route="POST /crm/v3/objects/contacts$"))
    with pytest.raises(ConflictError):
        made_adapter(server).upsert_contact(ADA)


def test_without_the_right_to_write_the_scope_is_named(server: HubSpotServer) -> None:
    server.scopes = set(ALL_SCOPES - {"crm.objects.contacts.write"})
    with pytest.raises(MissingScopeError) as error:
        made_adapter(server).upsert_contact(ADA)
    assert error.value.scope == "crm.objects.contacts.write"


def test_nothing_is_written_once_somebody_else_has_taken_over(server: HubSpotServer) -> None:
    with pytest.raises(RetriableError):
        made_adapter(server).upsert_contact(replace(ADA, may_write=lambda: False))
    assert held(server, "ada@new.example") == []


@pytest.mark.parametrize("text", ["שָׁלוֹם", "👩‍👩‍👧", "e\u0301\u0301", "x" * 10_000, "a\tb\nc", "' OR 1=1 --", "ada+tag"])
def test_any_text_arrives_as_it_was_written(server: HubSpotServer, text: str) -> None:
    result = made_adapter(server).upsert_contact(replace(ADA, email="ada+tag@new.example", last_name=text))
    row = server.world.get("contact", int(result.external_id))
    assert row is not None
    assert (row.fields["last_name"], row.fields["email"]) == (text, "ada+tag@new.example")
    assert made_adapter(server).upsert_contact(replace(ADA, email="ada+tag@new.example", last_name=text)).outcome == (
        "exists"
    )

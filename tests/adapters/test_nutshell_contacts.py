"""Leads become people of Nutshell: one each, whoever else writes and whatever answer is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Barrier, BrokenBarrierError

import httpx
import pytest
import stamina
from made_nutshell import FREE, made_adapter, made_server, made_world

from adapters.base import ContactInput, FieldPolicy, MemoryLock
from adapters.errors import ConflictError, MissingScopeError, RetriableError, SkippableError, UnsureError
from adapters.nutshell.contacts import LOOKUP_LAG, FieldNames
from adapters.sandbox import Fault, Mishap, Row, SandboxTransport
from adapters.sandbox.nutshell import NutshellServer

ADA = ContactInput(email="ada@new.example", first_name="Ada", last_name="King", phone="+44 1", key="lead-1")
CREATE = "POST /rest/contacts$"


@pytest.fixture
def server() -> NutshellServer:
    return made_server(made_world(), plan=FREE)


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


def held(server: NutshellServer, email: str) -> list[Row]:
    return [row for row in server.world.live("contact") if row.fields.get("email") == email]


def api_id(row: Row) -> str:
    return f"{row.row_id}-contacts"


@pytest.mark.parametrize("lag_s", [0.0, 30.0])
def test_eight_workers_that_race_make_one_person(server: NutshellServer, lag_s: float) -> None:
    server.world.lag_s = lag_s
    lock, start, looking = MemoryLock(), Barrier(8), Looking(server)
    made = [made_adapter(server, lock=lock, transport=looking) for _ in range(1 if lag_s else 8)]
    adapters = made * (8 // len(made))

    def write(number: int) -> str:
        start.wait()
        return adapters[number].upsert_contact(replace(ADA, phone=f"+44 {number}")).outcome

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(write, range(8)))
    assert outcomes.count("created") == 1
    assert len(held(server, "ada@new.example")) == 1


class Looking(SandboxTransport):
    """Nobody has an answer to a look before all have looked; or, where they wait for one another, for a moment."""

    def __init__(self, server: NutshellServer) -> None:
        super().__init__(server)
        self._all = Barrier(8)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        if "email" in request.url.params:
            with suppress(BrokenBarrierError):
                self._all.wait(timeout=0.3)
        return answer


@pytest.mark.parametrize("mishap", [Mishap.LOST_AFTER, Mishap.CUT])
def test_a_create_whose_answer_is_lost_is_found_and_not_repeated(server: NutshellServer, mishap: Mishap) -> None:
    server.faults.plan(Fault(mishap=mishap, route=CREATE))
    result = made_adapter(server).upsert_contact(ADA)
    [row] = held(server, "ada@new.example")
    assert (result.external_id, row.fields["SLMS lead"]) == (api_id(row), "lead-1")


@pytest.mark.parametrize("mishap", [Mishap.LOST_BEFORE, Mishap.STATUS, Mishap.LOGIN_PAGE])
def test_a_create_that_nobody_knows_of_is_unsure(server: NutshellServer, mishap: Mishap) -> None:
    """It is looked for once more: that it is not found does not mean that it is not there."""
    server.faults.plan(Fault(mishap=mishap, route=CREATE))
    with pytest.raises(UnsureError):
        made_adapter(server).upsert_contact(ADA)
    assert sum(one.method == "POST" for one in server.log) == 1
    assert made_adapter(server).upsert_contact(ADA).outcome == "created"


def test_a_create_that_a_lagging_search_hides_is_unsure_and_found_after_the_lag(server: NutshellServer) -> None:
    server.world.lag_s = LOOKUP_LAG.total_seconds()
    server.faults.plan(Fault(mishap=Mishap.LOST_AFTER, route=CREATE))
    with pytest.raises(UnsureError):
        made_adapter(server).upsert_contact(ADA)
    assert made_adapter(server).capabilities.lookup_lag_s == LOOKUP_LAG.total_seconds()
    server.world.clock.advance(LOOKUP_LAG.total_seconds())
    assert made_adapter(server).upsert_contact(ADA).outcome == "exists"
    assert len(held(server, "ada@new.example")) == 1


def test_a_person_that_was_just_created_is_known_before_a_search_shows_it(server: NutshellServer) -> None:
    server.world.lag_s = LOOKUP_LAG.total_seconds()
    adapter = made_adapter(server)
    created = adapter.upsert_contact(ADA)
    again = adapter.upsert_contact(replace(ADA, last_name="Lovelace"))
    assert (again.outcome, again.external_id) == ("updated", created.external_id)


def test_an_earlier_delivery_s_id_is_asked_for_before_the_search(server: NutshellServer) -> None:
    server.world.lag_s = LOOKUP_LAG.total_seconds()
    created = made_adapter(server).upsert_contact(ADA)
    again = made_adapter(server).upsert_contact(replace(ADA, external_id=created.external_id))
    assert (again.outcome, again.external_id) == ("exists", created.external_id)


def test_a_process_killed_after_any_request_leaves_what_the_next_one_finishes(server: NutshellServer) -> None:
    for requests in range(1, 6):
        email = f"killed{requests}@new.example"
        if requests > 2:
            server.world.create("contact", {"email": email, "last_name": "Old"})
        dying = made_adapter(server, transport=Dying(server, after=requests))
        with suppress(KeyboardInterrupt):
            dying.upsert_contact(replace(ADA, email=email))
        made_adapter(server).upsert_contact(replace(ADA, email=email))
        [row] = held(server, email)
        assert row.fields["last_name"] == "King"


class Dying(SandboxTransport):
    """The process is gone with the answer to its nth request."""

    def __init__(self, server: NutshellServer, *, after: int) -> None:
        super().__init__(server)
        self._left = after

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        self._left -= 1
        if self._left <= 0:
            raise KeyboardInterrupt
        return answer


def test_without_an_address_a_lost_create_is_unsure_and_not_repeated(server: NutshellServer) -> None:
    server.faults.plan(Fault(mishap=Mishap.LOST_AFTER, route=CREATE))
    before = len(server.world.live("contact"))
    with pytest.raises(UnsureError):
        made_adapter(server).upsert_contact(replace(ADA, email=None))
    assert len(server.world.live("contact")) == before + 1


def test_of_several_people_with_an_address_the_one_with_it_first_is_meant(server: NutshellServer) -> None:
    server.world.create("contact", {"email": "other@new.example", "other_emails": "ada@new.example"})
    row = server.world.create("contact", {"email": "ada@new.example"})
    assert made_adapter(server).upsert_contact(ADA).external_id == api_id(row)


def test_several_people_with_the_same_address_are_for_a_person_to_decide(server: NutshellServer) -> None:
    first, second = (server.world.create("contact", {"email": "ada@new.example"}) for _ in range(2))
    with pytest.raises(ConflictError, match=f"{api_id(first)}, {api_id(second)}"):
        made_adapter(server).upsert_contact(ADA)
    chosen = made_adapter(server).upsert_contact(replace(ADA, external_id=api_id(second)))
    assert chosen.external_id == api_id(second)


def test_a_person_known_by_a_second_address_keeps_its_first(server: NutshellServer) -> None:
    row = server.world.create("contact", {"email": "first@new.example", "other_emails": "ada@new.example"})
    assert made_adapter(server).upsert_contact(ADA).external_id == api_id(row)
    assert (row.fields["email"], row.fields["first_name"]) == ("first@new.example", "Ada")


def test_a_person_that_was_merged_or_deleted_is_searched_for_like_any_other(server: NutshellServer) -> None:
    adapter = made_adapter(server)
    first = adapter.upsert_contact(ADA)
    other = server.world.create("contact", {"email": "kept@new.example", "first_name": "Kept"})
    lost = server.world.get("contact", int(first.external_id.partition("-")[0]))
    assert lost is not None
    survivor = server.world.merge(other, lost)
    again = adapter.upsert_contact(replace(ADA, external_id=first.external_id))
    assert again.external_id == api_id(survivor)
    server.world.archive(survivor)
    anew = adapter.upsert_contact(replace(ADA, external_id=api_id(survivor)))
    assert (anew.outcome, survivor.is_live) == ("created", False)


def test_each_field_follows_its_policy(server: NutshellServer) -> None:
    row = server.world.create(
        "contact", {"email": "ada@new.example", "first_name": "A", "last_name": "K", "phone": "1", "Lead source": "Web"}
    )
    policies = {"first_name": FieldPolicy.IF_EMPTY, "phone": FieldPolicy.APPEND, "Lead source": FieldPolicy.APPEND}
    result = made_adapter(server).upsert_contact(
        replace(ADA, phone="2", fields={"Lead source": "Fair"}, policies=policies, key=None)
    )
    assert result.changed == ("Lead source", "last_name", "phone")
    assert [row.fields[name] for name in ("name", "phone", "Lead source")] == ["A King", "1\n2", "Web; Fair"]
    assert made_adapter(server).upsert_contact(replace(ADA, phone="2", policies=policies)).changed == ("SLMS lead",)


def test_a_number_that_is_written_differently_is_the_same_number(server: NutshellServer) -> None:
    row = server.world.create(
        "contact", {"email": "ada@new.example", "first_name": "Ada", "last_name": "King", "phone": "+1 734-123-4567"}
    )
    assert made_adapter(server).upsert_contact(replace(ADA, phone="(734) 123 4567", key=None)).outcome == "exists"
    assert made_adapter(server).upsert_contact(replace(ADA, phone="734 123 4568", key=None)).changed == ("phone",)
    assert row.fields["phone"] == "734 123 4568"


def test_a_name_is_the_same_wherever_nutshell_takes_it_apart(server: NutshellServer) -> None:
    contact = replace(ADA, first_name="Ludwig", last_name="van Beethoven")
    adapter = made_adapter(server)
    made = adapter.upsert_contact(contact)
    [row] = held(server, "ada@new.example")
    assert row.fields["last_name"] == "Beethoven"
    assert adapter.upsert_contact(contact).outcome == "exists"
    assert adapter.upsert_contact(replace(contact, first_name="L.")).outcome == "updated"
    assert (row.fields["name"], made.outcome) == ("L. van Beethoven", "created")


def test_an_address_that_stands_in_for_a_name_gives_way_to_one(server: NutshellServer) -> None:
    adapter = made_adapter(server)
    adapter.upsert_contact(ContactInput(email="ada@new.example"))
    [row] = held(server, "ada@new.example")
    assert row.fields["name"] == "ada@new.example"
    policies = dict.fromkeys(("first_name", "last_name"), FieldPolicy.IF_EMPTY)
    adapter.upsert_contact(replace(ADA, policies=policies))
    assert row.fields["name"] == "Ada King"


def test_company_and_source_go_where_the_settings_say_and_nowhere_else(server: NutshellServer) -> None:
    lead = replace(ADA, source="Fair", company="Analytical")
    made_adapter(server).upsert_contact(lead)
    [row] = held(server, "ada@new.example")
    assert row.fields.get("Lead source") is None
    fields = FieldNames(source="Lead source", company="Company")
    result = made_adapter(server, fields=fields).upsert_contact(lead)
    assert result.changed == ("company", "source")
    assert (row.fields["Lead source"], row.fields["Company"]) == ("Fair", "Analytical")
    assert made_adapter(server, fields=fields).upsert_contact(lead).outcome == "exists"


@pytest.mark.parametrize("contact", [replace(ADA, email="not an address"), replace(ADA, fields={"no such field": "x"})])
def test_a_person_that_nutshell_refuses_is_skipped_with_its_words(
    server: NutshellServer, contact: ContactInput
) -> None:
    with pytest.raises(SkippableError, match=r"not a valid|no field"):
        made_adapter(server).upsert_contact(contact)


def test_a_person_that_goes_while_being_updated_is_tried_again(server: NutshellServer) -> None:
    row = server.world.create("contact", {"email": "ada@new.example"})
    gone = Fault(mishap=Mishap.EDIT, route="PATCH", edit=lambda: server.world.archive(row))
    server.faults.plan(gone)
    with pytest.raises(RetriableError, match="deleted or merged"):
        made_adapter(server).upsert_contact(ADA)
    assert made_adapter(server).upsert_contact(ADA).outcome == "created"


def test_without_the_right_to_write_it_is_named(server: NutshellServer) -> None:
    server.faults.plan(Fault(mishap=Mishap.STATUS, status=403, route=CREATE))
    with pytest.raises(MissingScopeError) as error:
        made_adapter(server).upsert_contact(ADA)
    assert error.value.scope == "to create and edit people"


def test_nothing_is_written_once_somebody_else_has_taken_over(server: NutshellServer) -> None:
    with pytest.raises(RetriableError):
        made_adapter(server).upsert_contact(replace(ADA, may_write=lambda: False))
    assert held(server, "ada@new.example") == []


@pytest.mark.parametrize("text", ["שָׁלוֹם", "👩‍👩‍👧", "e\u0301\u0301", "x" * 10_000, "a\tb\nc", "' OR 1=1 --", "ada+tag"])
def test_any_text_arrives_as_it_was_written(server: NutshellServer, text: str) -> None:
    lead = replace(ADA, email="ada+tag@new.example", last_name=text)
    made_adapter(server).upsert_contact(lead)
    [row] = held(server, "ada+tag@new.example")
    assert row.fields["name"] == f"Ada {text}"
    assert made_adapter(server).upsert_contact(lead).outcome == "exists"

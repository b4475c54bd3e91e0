"""Leads become persons of Pipedrive: one each, though nothing there is unique, searches lag and answers get lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Barrier

import httpx
import pytest
import stamina
from made_pipedrive import FREE, made_adapter, made_server, made_world

from adapters.base import ContactInput, FieldPolicy, MemoryLock
from adapters.errors import MissingScopeError, RetriableError, SkippableError, UnsureError
from adapters.sandbox import Fault, Mishap, Row, SandboxTransport
from adapters.sandbox.pipedrive import ALL_RIGHTS, PipedriveServer

ADA = ContactInput(email="ada@new.example", first_name="Ada", last_name="King", phone="+44 1", key="lead-1")
CREATE = "POST /api/v2/persons$"


@pytest.fixture
def server() -> PipedriveServer:
    return made_server(made_world(), plan=FREE)


@pytest.fixture(autouse=True)
def _retries_do_not_sleep() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4):
        yield


def held(server: PipedriveServer, email: str) -> list[Row]:
    return [row for row in server.world.live("contact") if row.fields.get("email") == email]


def sent(server: PipedriveServer, method: str) -> list[str]:
    return [one.path for one in server.log if one.method == method]


def test_eight_workers_that_race_make_one_person(server: PipedriveServer) -> None:
    server.world.lag_s = 30.0
    lock = MemoryLock()
    adapters, start = [made_adapter(server, lock=lock) for _ in range(8)], Barrier(8)

    def write(number: int) -> str:
        start.wait()
        return adapters[number].upsert_contact(replace(ADA, phone=f"+44 {number}", company="Nova")).outcome

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(write, range(8)))
    assert outcomes.count("created") == 1
    assert len(held(server, "ada@new.example")) == 1
    assert len([row for row in server.world.live("company") if row.fields["name"] == "Nova"]) == 1


def test_looking_and_creating_happen_under_one_hold_of_the_lock(server: PipedriveServer) -> None:
    """So that of two who look, the second sees what the first has made. Threads alone seldom meet in time."""
    lock = Watched()

    class Watching(SandboxTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            watched.append((request.method, lock.holds))
            return super().handle_request(request)

    watched: list[tuple[str, int]] = []
    made_adapter(server, lock=lock, transport=Watching(server)).upsert_contact(ADA)
    assert [method for method, _ in watched] == ["GET", "GET", "POST"]
    assert {holds for _, holds in watched} == {1}
    assert lock.names == [lock.names[0]]


class Watched(MemoryLock):
    """Tells how often it is held, and by what names it was."""

    def __init__(self) -> None:
        super().__init__()
        self.holds, self.names = 0, list[str]()

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        self.names.append(name)
        self.holds += 1
        yield
        self.holds -= 1


def test_who_was_made_just_now_is_found_though_the_search_does_not_show_him(server: PipedriveServer) -> None:
    server.world.lag_s = 3_600.0
    first = made_adapter(server).upsert_contact(ADA)
    again = made_adapter(server).upsert_contact(ADA)
    assert (again.outcome, again.external_id) == ("exists", first.external_id)


@pytest.mark.parametrize("mishap", [Mishap.LOST_AFTER, Mishap.CUT])
@pytest.mark.parametrize("lag_s", [0.0, 60.0])
def test_a_lost_answer_to_a_create_is_looked_into_and_makes_no_second_person(
    server: PipedriveServer, mishap: Mishap, lag_s: float
) -> None:
    server.world.lag_s = lag_s
    server.faults.plan(Fault(mishap=mishap, route=CREATE))
    result = made_adapter(server).upsert_contact(ADA)
    [row] = held(server, "ada@new.example")
    assert (result.outcome, result.external_id) == ("created", str(row.row_id))
    assert row.fields["slms_lead_id"] == "lead-1"


@pytest.mark.parametrize("mishap", [Mishap.LOST_BEFORE, Mishap.STATUS, Mishap.LOGIN_PAGE])
def test_a_create_of_which_nothing_is_seen_is_unsure_and_sent_no_second_time(
    server: PipedriveServer, mishap: Mishap
) -> None:
    server.faults.plan(Fault(mishap=mishap, route=CREATE))
    with pytest.raises(UnsureError):
        made_adapter(server).upsert_contact(ADA)
    assert sent(server, "POST") == ["/api/v2/persons"]
    assert made_adapter(server).upsert_contact(ADA).outcome == "created"
    assert len(held(server, "ada@new.example")) == 1


def test_without_an_address_the_lead_s_own_id_shows_what_a_lost_create_did(server: PipedriveServer) -> None:
    server.faults.plan(Fault(mishap=Mishap.LOST_AFTER, route=CREATE))
    before = len(server.world.live("contact"))
    assert made_adapter(server).upsert_contact(replace(ADA, email=None)).outcome == "created"
    assert made_adapter(server).upsert_contact(replace(ADA, email=None)).outcome == "exists"
    assert len(server.world.live("contact")) == before + 1


def test_a_throttled_create_is_sent_again(server: PipedriveServer) -> None:
    server.faults.plan(Fault(mishap=Mishap.THROTTLED, route=CREATE))
    assert made_adapter(server).upsert_contact(ADA).outcome == "created"
    assert len(held(server, "ada@new.example")) == 1


def test_a_process_killed_after_any_request_leaves_what_the_next_one_finishes(server: PipedriveServer) -> None:
    for requests in range(1, 7):
        email = f"killed{requests}@new.example"
        if requests > 3:
            server.world.create("contact", {"email": email, "last_name": "Old"})
        with suppress(KeyboardInterrupt):
            made_adapter(server, transport=Dying(server, after=requests)).upsert_contact(replace(ADA, email=email))
        made_adapter(server).upsert_contact(replace(ADA, email=email))
        [row] = held(server, email)
        assert row.fields["last_name"] == "King"


class Dying(SandboxTransport):
    """The process is gone with the answer to its nth request."""

    def __init__(self, server: PipedriveServer, *, after: int) -> None:
        super().__init__(server)
        self._left = after

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        self._left -= 1
        if self._left <= 0:
            raise KeyboardInterrupt
        return answer


def test_of_several_persons_with_one_address_the_oldest_is_the_one(server: PipedriveServer) -> None:
    first, _ = (server.world.create("contact", {"email": "Ada@new.example", "first_name": name}) for name in "AB")
    result = made_adapter(server).upsert_contact(replace(ADA, policies={"first_name": FieldPolicy.IF_EMPTY}))
    assert (result.outcome, result.external_id) == ("updated", str(first.row_id))
    assert (first.fields["first_name"], first.fields["last_name"]) == ("A", "King")


def test_what_the_search_finds_is_looked_at_before_it_is_believed(server: PipedriveServer) -> None:
    server.world.lag_s = 3_600.0
    server.world.clock.advance(7_200)
    old = next(row for row in server.world.live("contact") if row.fields.get("email"))
    email = old.text("email")
    server.world.update(old, {"email": "somebody.else@new.example"})
    result = made_adapter(server).upsert_contact(replace(ADA, email=email))
    assert (result.outcome, result.external_id == str(old.row_id)) == ("created", False)


def test_a_second_address_is_found_and_all_are_kept(server: PipedriveServer) -> None:
    row = server.world.create("contact", {"email": "first@new.example", "other_emails": "ada@new.example;x@y.example"})
    result = made_adapter(server).upsert_contact(ADA)
    assert result.external_id == str(row.row_id)
    assert (row.fields["email"], row.fields["other_emails"]) == ("first@new.example", "ada@new.example;x@y.example")


def test_an_address_that_was_corrected_since_does_not_make_a_second_person(server: PipedriveServer) -> None:
    adapter = made_adapter(server)
    made = adapter.upsert_contact(ADA)
    [row] = held(server, "ada@new.example")
    server.world.update(row, {"email": "ada.king@new.example"})
    again = adapter.upsert_contact(replace(ADA, external_id=made.external_id, phone="+44 2"))
    assert again.external_id == made.external_id
    assert (row.fields["email"], row.fields["phone"]) == ("ada.king@new.example", "+44 2")


def test_a_person_who_was_merged_is_found_by_the_address_that_the_survivor_keeps(server: PipedriveServer) -> None:
    adapter = made_adapter(server)
    first = adapter.upsert_contact(ADA)
    kept = server.world.create("contact", {"email": "kept@new.example", "first_name": "Kept"})
    server.world.merge(kept, held(server, "ada@new.example")[0])
    again = adapter.upsert_contact(replace(ADA, external_id=first.external_id))
    assert again.external_id == str(kept.row_id)
    assert kept.fields["email"] == "kept@new.example"


def test_each_field_follows_its_policy_and_numbers_are_added_to(server: PipedriveServer) -> None:
    row = server.world.create(
        "contact", {"email": "ada@new.example", "first_name": "A", "last_name": "K", "phone": "1", "other_phones": "2"}
    )
    policies = {"first_name": FieldPolicy.IF_EMPTY, "phone": FieldPolicy.APPEND}
    contact = replace(ADA, phone="3", fields={"lead_source": "Fair"}, policies=policies, key=None)
    result = made_adapter(server).upsert_contact(contact)
    assert result.changed == ("last_name", "lead_source", "phone")
    names = ("first_name", "last_name", "phone", "other_phones", "lead_source")
    assert [row.fields[name] for name in names] == ["A", "King", "1", "2;3", "Fair"]
    assert made_adapter(server).upsert_contact(contact).outcome == "exists"
    made_adapter(server).upsert_contact(replace(contact, phone="4", policies={}))
    assert [row.fields[name] for name in ("phone", "other_phones")] == ["4", "2;3"]


def test_a_company_is_linked_by_its_name_made_where_there_is_none_and_never_exchanged(server: PipedriveServer) -> None:
    known = server.world.create("company", {"name": "Nova GmbH"})
    adapter = made_adapter(server)
    adapter.upsert_contact(replace(ADA, company="nova gmbh"))
    [row] = held(server, "ada@new.example")
    assert row.links["company"] == [known.row_id]
    assert adapter.upsert_contact(replace(ADA, company="Else")).outcome == "exists"
    adapter.upsert_contact(replace(ADA, email="bob@new.example", company="Else"))
    [other] = held(server, "bob@new.example")
    made = server.world.get("company", other.links["company"][0])
    assert made is not None
    assert made.fields["name"] == "Else"


def test_a_person_without_a_name_is_called_by_the_address_until_there_is_one(server: PipedriveServer) -> None:
    adapter = made_adapter(server)
    adapter.upsert_contact(ContactInput(email="ada@new.example"))
    [row] = held(server, "ada@new.example")
    assert row.fields["first_name"] == "ada@new.example"
    careful = dict.fromkeys(("first_name", "last_name"), FieldPolicy.IF_EMPTY)
    adapter.upsert_contact(replace(ADA, policies=careful))
    assert (row.fields["first_name"], row.fields["last_name"]) == ("Ada", "King")


def test_the_source_goes_where_the_settings_say_and_nowhere_else(server: PipedriveServer) -> None:
    made_adapter(server).upsert_contact(replace(ADA, source="Fair"))
    [row] = held(server, "ada@new.example")
    assert "lead_source" not in row.fields
    result = made_adapter(server, source_field="lead_source").upsert_contact(replace(ADA, source="Fair"))
    assert (result.changed, row.fields["lead_source"]) == (("source",), "Fair")


@pytest.mark.parametrize("contact", [replace(ADA, email="not an address"), replace(ADA, fields={"no_such": "x"})])
def test_a_contact_that_pipedrive_refuses_is_skipped_with_its_words(
    server: PipedriveServer, contact: ContactInput
) -> None:
    with pytest.raises(SkippableError, match=r"not a valid address|does not exist"):
        made_adapter(server).upsert_contact(contact)


def test_without_the_right_to_write_the_right_is_named(server: PipedriveServer) -> None:
    server.rights = set(ALL_RIGHTS - {"contacts:full"})
    with pytest.raises(MissingScopeError) as error:
        made_adapter(server).upsert_contact(ADA)
    assert error.value.scope == "contacts:full"


def test_nothing_is_written_once_somebody_else_has_taken_over(server: PipedriveServer) -> None:
    with pytest.raises(RetriableError):
        made_adapter(server).upsert_contact(replace(ADA, company="Nova", may_write=lambda: False))
    assert sent(server, "POST") == []


def test_a_dry_run_writes_nothing_and_names_the_difference(server: PipedriveServer) -> None:
    result = made_adapter(server).upsert_contact(replace(ADA, company="Nova"), dry_run=True)
    assert result.outcome == "created"
    assert {"company", "email", "first_name", "last_name", "phone"} <= set(result.changed)
    assert not {"POST", "PATCH"} & {one.method for one in server.log}


@pytest.mark.parametrize("text", ["שָׁלוֹם", "👩‍👩‍👧", "e\u0301\u0301", "x" * 10_000, "a\tb\nc", "' OR 1=1 --", "ada+tag"])
def test_any_text_arrives_as_it_was_written(server: PipedriveServer, text: str) -> None:
    contact = replace(ADA, email="ada+tag@new.example", last_name=text)
    result = made_adapter(server).upsert_contact(contact)
    row = server.world.get("contact", int(result.external_id))
    assert row is not None
    assert (row.fields["last_name"], row.fields["email"]) == (text, "ada+tag@new.example")
    assert made_adapter(server).upsert_contact(contact).outcome == "exists"

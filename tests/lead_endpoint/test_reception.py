"""What a sender is answered, what is set aside for a person, and what is kept of what is refused."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, MutableMapping
from dataclasses import replace
from typing import Any

import made_forms
import pytest
from hostile_adapter import capable
from hostile_crm import is_silent, refuses
from sqlalchemy import text
from world import World, request, services_for, world_of

from lead_endpoint import create_app
from lead_endpoint.front import Front
from lead_endpoint.messages import Answer, Request
from lead_endpoint.parts import Parts
from lead_endpoint.reception import MOST_BYTES
from snapshots import api_keys, form_versions
from snapshots.database import Database
from snapshots.form_finder import FormFinder
from snapshots.forms import list_forms
from snapshots.intake import Form
from snapshots.organizations import create_organization

ADA = {"email": "ada@example.com"}


def said(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.body)
    return found


def headers(answer: Answer) -> dict[str, str]:
    return dict(answer.all_headers())


def refused(world: World) -> list[dict[str, Any]]:
    with world.database.as_app(world.organization_id) as connection:
        found = connection.execute(text("SELECT * FROM refused_submissions ORDER BY refused_id")).mappings()
        return [dict(row) for row in found]


def form_post(body: bytes, **more: str) -> Request:
    given = request(body, **more)
    return replace(given, headers={**given.headers, "content-type": "application/x-www-form-urlencoded"})


def publish(world: World, definition: dict[str, Any]) -> int:
    version = made_forms.publish(world.database, world.organization_id, definition)
    world.parts.desk.forms._known.clear()
    return version


@pytest.fixture
def patient(database: Database, organization: int) -> Iterator[World]:
    """A sender waits for the CRM there."""
    with world_of(database, organization, capable(upserts=True)) as made:
        made.parts.close()
        made.parts = Parts(lambda: services_for(database, made.adapter, lead_wait_s=5.0))
        yield made


# --- accepted --------------------------------------------------------------------------------------------------------


def test_a_lead_that_is_delivered_while_its_sender_waits_is_answered_by_what_the_crm_did(patient: World) -> None:
    words = []
    for company in (None, "Analytical Engines", None):
        answer = patient.post(ADA | ({"company": company} if company else {}), prefer="")
        words.append(said(answer)["status"])
        assert answer.status == 200
        assert said(answer)["crm_contact_id"] == "C1"
        assert said(answer)["email"] == "ada@example.com"
    assert words == ["ok", "updated", "exists"]


def test_asked_to_respond_later_it_does(patient: World) -> None:
    answer = patient.post(ADA, prefer="respond-async")
    assert answer.status == 202
    assert said(answer).keys() == {"status", "lead_id", "email"}
    assert headers(answer)["preference-applied"] == "respond-async"
    assert patient.crm.ledger == []


def test_a_crm_that_is_slow_is_not_waited_for(database: Database, organization: int) -> None:
    with world_of(database, organization, deadline_s=1.0) as world:
        world.parts.close()
        world.parts = Parts(lambda: services_for(database, world.adapter, lead_wait_s=0.1))
        world.crm.faults.append(is_silent(applies=False))
        answer = world.post(ADA, prefer="", key="slow")
        assert (answer.status, said(answer)["status"]) == (202, "accepted")
        world.parts.close()  # ends what has begun
        world.finish()


def test_a_crm_that_refuses_is_no_matter_of_the_sender(patient: World) -> None:
    patient.crm.faults.append(refuses(503))
    answer = patient.post(ADA, prefer="", key="one")
    assert answer.status == 202
    patient.finish()


def test_only_so_many_senders_wait_and_the_rest_are_accepted_at_once(patient: World) -> None:
    at_once = patient.parts.desk.at_once
    for _ in range(at_once.slots):
        assert at_once.reserve()
    assert patient.post(ADA, prefer="").status == 202
    for _ in range(at_once.slots):
        at_once.give_back()
    assert patient.post({"email": "bo@example.com"}, prefer="").status == 200


def test_every_place_is_given_back(patient: World) -> None:
    for number in range(3 * patient.parts.desk.at_once.slots):
        assert patient.post({"email": f"lead.{number}@example.com"}, prefer="").status == 200
    assert patient.post({"email": "no address"}, prefer="").status == 422
    assert patient.parts.desk.at_once._free._value == patient.parts.desk.at_once.slots


def test_a_replay_hears_what_the_first_one_heard(patient: World) -> None:
    first, second = (patient.post(ADA, prefer="", key="one") for _ in range(2))
    assert (first.status, first.body) == (second.status, second.body)
    assert len(patient.crm.ledger) == 1
    patient.check(is_drained=True)


def test_a_replay_while_the_first_is_on_its_way_waits_for_the_same_outcome(patient: World) -> None:
    patient.deadline_s = 5.0
    going_on = threading.Event()
    from hostile_crm import Fault

    def answer_later(at: Any, status: int, content: dict[str, Any]) -> None:
        going_on.wait(5)
        at.say(status, content)

    patient.crm.faults.append(Fault("waits", applies=True, answer=answer_later))
    found: list[Answer] = []
    threads = [threading.Thread(target=lambda: found.append(patient.post(ADA, prefer="", key="one"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    going_on.set()
    for thread in threads:
        thread.join()
    assert {one.status for one in found} == {200}
    assert len({one.body for one in found}) == 1
    assert len(patient.crm.ledger) == 1


def test_a_key_with_another_body_is_refused_and_stores_nothing(world: World) -> None:
    assert world.post(ADA, key="one").status == 202
    answer = world.post({"email": "eve@example.com"}, key="one")
    assert (answer.status, said(answer)["field"]) == (422, "Idempotency-Key")
    assert len(world.rows()) == 1


def test_without_a_key_equal_bodies_are_two_leads(world: World) -> None:
    assert {world.post(ADA).status for _ in range(2)} == {202}
    assert len(world.rows()) == 2


@pytest.mark.parametrize("key", ["x" * 256, "two words", "ümlaut", "tab\tkey"])
def test_a_key_that_is_none_is_refused_by_name(world: World, key: str) -> None:
    answer = world.parts.desk.handle_from_thread(request(ADA, key=key))
    assert (answer.status, said(answer)["field"]) == (422, "Idempotency-Key")


def test_a_key_in_a_form_is_a_key(world: World) -> None:
    for _ in range(2):
        answer = world.parts.desk.handle_from_thread(form_post(b"email=ada%40example.com&_idempotency_key=one"))
        assert answer.status == 303
    assert [row["idempotency_key"] for row in world.rows()] == ["one"]


# --- plain forms -----------------------------------------------------------------------------------------------------


def test_a_plain_form_leads_to_the_page_of_thanks_and_never_where_the_request_alone_says(world: World) -> None:
    places = ["https://evil.example/", "//evil.example", "/\\evil.example", "https:evil.example", "javascript:alert(1)",
              "https://ok.example/thanks\r\nSet-Cookie: a=b", "https://ok.example@evil.example/"]  # fmt: skip
    from urllib.parse import quote

    for place in places:
        body = f"email=ada%40example.com&_next={quote(place)}".encode()
        answer = world.parts.desk.handle_from_thread(form_post(body, referer=place))
        assert (answer.status, headers(answer)["location"]) == (303, "/thanks")
    own = ["https://ok.example/thanks", "https://ok.example/danke"]
    publish(world, made_forms.definition(redirects=own, thank_you={"url": own[0]}))
    for place in places:
        body = f"email=ada%40example.com&_next={quote(place)}".encode()
        answer = world.parts.desk.handle_from_thread(form_post(body))
        assert headers(answer)["location"] == "https://ok.example/thanks"
    chosen = form_post(b"email=ada%40example.com&_next=https://ok.example/danke")
    assert headers(world.parts.desk.handle_from_thread(chosen))["location"] == "https://ok.example/danke"


def test_a_person_who_filled_a_form_in_wrongly_sees_a_page_and_a_program_sees_json(world: World) -> None:
    page = world.parts.desk.handle_from_thread(form_post(b"email=%3Cscript%3E"))
    assert (page.status, page.content_type) == (422, "text/html; charset=utf-8")
    assert b"<script>" not in page.body
    program = world.parts.desk.handle_from_thread(form_post(b"email=no", accept="application/json"))
    assert (program.status, program.content_type) == (422, "application/problem+json")


# --- set aside -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"_gotcha": "buy"}, "spam"),
        ({"organization_id": 999_999}, "organization"),
        ({"organization_id": "x"}, "organization"),
    ],
)
def test_what_looks_wrong_is_accepted_and_set_aside(world: World, body: dict[str, object], reason: str) -> None:
    answer = world.post(ADA | body)
    assert answer.status == 202
    [row] = world.rows()
    assert (row["state"], row["reason"]) == ("quarantined", reason)
    assert row["detail"]


def test_an_organization_that_agrees_is_fine(world: World) -> None:
    world.post(ADA | {"organization_id": world.organization_id})
    world.post(ADA | {"organization_id": str(world.organization_id), "_gotcha": ""})
    assert {row["state"] for row in world.rows()} == {"pending"}


def test_leads_of_a_paused_form_are_kept_for_later(world: World) -> None:
    form = made_forms.default_form(world.database, world.organization_id)
    form_versions.set_status(world.database, world.organization_id, form.form_id, "paused", by="ann@example.com")
    assert world.post(ADA).status == 202
    assert [(row["state"], row["reason"]) for row in world.rows()] == [("quarantined", "paused")]


def test_over_the_limit_leads_are_set_aside_and_far_over_it_the_sender_is_told_to_wait(world: World) -> None:
    limit = world.parts.desk.reception.limit
    limit.per_minute, limit.burst = 60.0, 2.0
    answers = [world.post({"email": f"lead.{number}@example.com"}) for number in range(23)]
    assert [one.status for one in answers[:20]] == [202] * 20
    assert answers[-1].status == 429
    assert int(headers(answers[-1])["retry-after"]) >= 1
    assert [row["reason"] for row in world.rows()] == [None, None, *["rate"] * 18]


def test_a_forged_hop_is_in_the_same_limit(world: World) -> None:
    limit = world.parts.desk.reception.limit
    limit.per_minute, limit.burst = 60.0, 2.0
    for number in range(5):
        world.post(ADA, x_forwarded_for=f"203.0.{number}.1")
    assert [row["reason"] for row in world.rows()] == [None, None, "rate", "rate", "rate"]


def test_made_up_keys_of_one_network_are_not_all_looked_up_and_hold_up_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, looked_up = world.parts.desk, list[str | None]()
    desk.reception.limit.per_minute, desk.reception.limit.burst = 60.0, 2.0
    desk.reception.rules = replace(desk.reception.rules, proxies=1)
    find = FormFinder.find

    def noted(finder: FormFinder, key: str | None) -> Form | None:
        looked_up.append(key)
        return find(finder, key)

    monkeypatch.setattr(FormFinder, "find", noted)
    made_up = [
        world.post({**ADA, "form": f"{world.organization_id:06d}-{number:08d}"}, x_forwarded_for="203.0.113.9")
        for number in range(30)
    ]
    assert [one.status for one in made_up] == [422] * 20 + [429] * 10
    assert int(headers(made_up[-1])["retry-after"]) >= 1
    assert len(looked_up) == 20
    assert world.post(ADA, x_forwarded_for="198.51.100.7").status == 202


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b'{"email": "no"}', 422, "email"),
        (b'{"phone": "call me"}', 422, "phone"),
        (b"{}", 422, "email"),
        (b"{", 400, None),
        (b"\x00\xff", 400, None),
    ],
)
def test_what_is_refused_names_the_field_and_is_kept_as_it_was_sent(
    world: World, body: bytes, status: int, field: str | None
) -> None:
    answer = world.parts.desk.handle_from_thread(request(body))
    assert (answer.status, said(answer).get("field")) == (status, field)
    assert answer.content_type == "application/problem+json"
    assert said(answer)["correlation_id"] == headers(answer)["x-correlation-id"]
    [kept] = refused(world)
    assert (bytes(kept["body"]), kept["field"], kept["network"]) == (body, field, "127.0.0.0/24")
    assert kept["reason"]
    assert world.rows() == []


def test_other_encodings_of_the_content_are_refused_unread(world: World) -> None:
    answer = world.parts.desk.handle_from_thread(request(b"\x1f\x8b", content_encoding="gzip"))
    assert (answer.status, said(answer)["field"]) == (415, "Content-Encoding")


def test_a_body_over_64_kib_is_refused(world: World) -> None:
    big = b'{"email": "ada@example.com", "x": "' + b"y" * MOST_BYTES + b'"}'
    assert world.parts.desk.handle_from_thread(request(big)).status == 413
    assert world.rows() == []


# --- forms -----------------------------------------------------------------------------------------------------------


def test_every_organization_has_a_default_form_from_the_start(database: Database) -> None:
    made = create_organization(database, "New").organization_id
    [form] = list_forms(database, made)
    assert form.is_default
    assert form.status == "published"
    create_organization(database, "New")
    assert list_forms(database, made) == [form]


def test_the_only_organization_takes_leads_that_name_no_form(world: World) -> None:
    assert world.post(ADA).status == 202


def test_with_several_organizations_a_form_must_be_named(world: World, other_organization: int) -> None:
    answer = world.post(ADA)
    assert (answer.status, said(answer)["field"]) == (422, "form")
    theirs = list_forms(world.database, other_organization)[0].key
    assert world.post(ADA | {"form": theirs}).status == 202
    by_query = replace(request(ADA), query={"form": theirs})
    assert world.parts.desk.handle_from_thread(by_query).status == 202
    assert world.rows() == [], "leads of the other organization are not ours"


def test_the_default_organization_takes_what_names_no_form(world: World, other_organization: int) -> None:
    world.parts.desk.forms.default_organization = "Acme"
    world.parts.desk.forms._known.clear()
    assert world.post(ADA).status == 202
    assert len(world.rows()) == 1


def test_a_default_organization_that_does_not_exist_takes_nothing(world: World) -> None:
    world.parts.desk.forms.default_organization = "Nobody"
    assert world.post(ADA).status == 422


@pytest.mark.parametrize(
    "key", ["nonsense", "1-" + "0" * 32, "999999999999999999-" + "a" * 32, "1-x'; DROP TABLE", "x" * 60_000]
)
def test_an_unknown_form_is_refused_and_nothing_is_remembered_of_its_length(world: World, key: str) -> None:
    answer = world.post(ADA | {"form": key})
    assert (answer.status, said(answer)["field"]) == (422, "form")
    assert sum(len(one) for one in world.parts.desk.forms._known) < 200


def test_only_what_a_form_names_goes_to_the_crm(world: World) -> None:
    publish(world, made_forms.definition(*made_forms.mapped("budget")))
    evil = {"owner_id": "7", "status": "won", "lead_key": "x", "crm_budget": "stolen", "organization": "2"}
    world.accept("ada@example.com", budget="12", **evil)
    world.finish()
    assert world.crm.contacts["C1"] == {"email": "ada@example.com", "crm_budget": "12"}
    assert world.rows()[0]["extra"].keys() == {"budget", *evil}


# --- the front -------------------------------------------------------------------------------------------------------


def front_of(world: World, *, body_s: float = 5.0) -> Front:
    return Front(world.parts, create_app(world.parts.services), body_s=body_s)


def ask(
    front: Front,
    *chunks: bytes,
    method: str = "POST",
    path: str = "/public/leads",
    given: dict[str, str] | None = None,
    ends: bool = True,
) -> tuple[int, dict[str, str], bytes]:
    """A request whose body comes in pieces. ends: whether the last one comes."""
    sent: list[MutableMapping[str, Any]] = []
    incoming = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if ends:
        incoming.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> MutableMapping[str, Any]:
        if incoming:
            return incoming.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    known = {"content-type": "application/json", "prefer": "respond-async"} | (given or {})
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "scheme": "http", "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in known.items()],
    }  # fmt: skip
    asyncio.run(front(scope, receive, send))
    start = sent[0]
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return start["status"], {n.decode(): v.decode() for n, v in start["headers"]}, body


def test_the_front_puts_a_body_together(world: World) -> None:
    status, found, body = ask(front_of(world), b'{"email": "ada@', b'example.com"}')
    assert (status, json.loads(body)["status"]) == (202, "accepted")
    assert int(found["content-length"]) == len(body)


@pytest.mark.parametrize("given", [{"content-length": str(MOST_BYTES + 1)}, {"content-length": "many"}, {}])
def test_the_front_takes_no_more_than_it_must(world: World, given: dict[str, str]) -> None:
    chunks = [b"x" * 16_384] * 1000
    status, found, _ = ask(front_of(world), *chunks, given=given, ends=False)
    assert (status, found["connection"]) == (413, "close")


def test_the_front_does_not_wait_for_a_body_that_does_not_end(world: World) -> None:
    status, found, _ = ask(front_of(world, body_s=0.05), b'{"email"', ends=False)
    assert (status, found["connection"]) == (408, "close")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/healthz", 200), ("GET", "/readyz", 200), ("GET", "/thanks", 200), ("GET", "/public/leads", 405),
     ("DELETE", "/public/leads", 405), ("GET", "/nothing", 404), ("POST", "/public/leads/", 404)],
)  # fmt: skip
def test_everything_else_goes_to_flask_in_the_one_shape_of_errors(
    world: World, method: str, path: str, status: int
) -> None:
    found, said_headers, body = ask(front_of(world), method=method, path=path)
    assert found == status
    if status >= 400:
        assert said_headers["content-type"] == "application/problem+json"
        assert json.loads(body)["status"] == status


def test_flask_alone_gives_the_same_answers(world: World) -> None:
    app = create_app(world.parts.services)
    app.extensions["slms"] = world.parts
    answer = app.test_client().post("/public/leads", json=ADA, headers={"prefer": "respond-async"})
    assert (answer.status_code, answer.get_json()["status"]) == (202, "accepted")
    assert app.test_client().post("/public/leads", data=b"x" * (MOST_BYTES + 1)).status_code == 413


# --- API keys --------------------------------------------------------------------------------------------------------


def test_an_api_key_has_known_scopes_and_is_no_form_key(database: Database, organization: int) -> None:
    for scopes in ([], ["everything"], ["read", "write"]):
        with pytest.raises(ValueError, match="Scopes are"):
            api_keys.create_api_key(database, organization, name="x", scopes=scopes, expires_at=None)
    from datetime import UTC, datetime

    form_key = list_forms(database, organization)[0].key
    assert api_keys.find_api_key(database, form_key, now=datetime.now(UTC)) is None

"""What looks odd waits for a person and is never refused; what people do is never taken for odd."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import made_forms
import pytest
from altcha import v1 as altcha
from hostile_adapter import capable
from sqlalchemy import text
from world import World, request, world_of

from lead_endpoint.messages import Answer, Request
from lead_endpoint.seals import TOKEN_LASTS, Seals
from snapshots.database import Database
from snapshots.lead_actions import LeadActions
from snapshots.slices import Role, Viewer

ADA = {"email": "ada@example.com"}
EMAIL: dict[str, Any] = {"name": "email", "kind": "email"}
OURS = "https://www.example.com"


@pytest.fixture
def world(database: Database, organization: int) -> Iterator[World]:
    with world_of(database, organization, capable(upserts=True)) as made:
        yield made


def publish(world: World, *, domains: tuple[str, ...] = (), **protection: object) -> int:
    draft = made_forms.only(EMAIL, domains=domains, protection=protection)
    version = made_forms.publish(world.database, world.organization_id, draft)
    world.parts.desk.forms._known.clear()
    return version


def reason(world: World) -> str | None:
    """Why the newest lead waits for a person; None: it does not."""
    with world.database.as_app(world.organization_id) as connection:
        row = connection.execute(
            text("SELECT state, reason, detail FROM received_leads ORDER BY lead_id DESC LIMIT 1")
        ).one()
    assert (row.state == "quarantined") == (row.reason is not None) == (row.detail is not None)
    return str(row.reason) if row.reason else None


def after(world: World, body: dict[str, object], **headers: str) -> str | None:
    """Why this lead waits for a person, once it is accepted, as it always is."""
    answer = world.post(body, **headers)
    assert answer.status == 202, answer
    return reason(world)


def token(world: World, *, age: timedelta = timedelta(minutes=1), key: str | None = None) -> str:
    guard = world.parts.desk.reception.guard
    return guard.seals.token(key or form_key(world), guard.now() - age)


def form_key(world: World) -> str:
    return made_forms.default_form(world.database, world.organization_id).key


def asked(world: World, path: str = "", **headers: str) -> Answer:
    given = Request("GET", f"/public/forms/{form_key(world)}{path}", headers, b"", "127.0.0.1", {})
    window = world.parts.window
    return window.challenge(form_key(world), given) if path else window.definition(form_key(world), given)


def solved(challenge: dict[str, Any]) -> str:
    options = altcha.Challenge(
        challenge["algorithm"], challenge["challenge"], challenge["maxnumber"], challenge["salt"],
        challenge["signature"],
    )  # fmt: skip
    found = altcha.solve_challenge(options.challenge, options.salt, options.algorithm, options.max_number)
    assert found is not None
    solution = {name: challenge[name] for name in ("algorithm", "challenge", "salt", "signature")}
    return base64.b64encode(json.dumps({**solution, "number": found.number}).encode()).decode()


# --- people ----------------------------------------------------------------------------------------------------------


def test_a_plain_form_that_was_copied_is_never_set_aside_for_having_neither_token_nor_version(world: World) -> None:
    publish(world, needs_token=True, least_fill_s=10, proof_of_work="suspicious")
    assert after(world, ADA) is None
    assert after(world, ADA | {"_gotcha": ""}, origin="null") is None


@pytest.mark.parametrize("age", [timedelta(seconds=2), timedelta(hours=1), TOKEN_LASTS])
def test_a_person_who_takes_from_two_seconds_to_a_day_is_believed(world: World, age: timedelta) -> None:
    version = publish(world)
    age -= timedelta(seconds=1) if age == TOKEN_LASTS else timedelta()
    body = ADA | {"_version": version, "_token": token(world, age=age), "_filled_ms": 2000}
    assert after(world, body, origin="https://anywhere.example") is None


# --- token and time --------------------------------------------------------------------------------------------------


def test_a_token_counts_for_its_form_its_time_and_this_installation_alone(world: World) -> None:
    seals, now = world.parts.desk.reception.guard.seals, made_forms.AT
    made = seals.token("1-aaaaaaaa", now)
    shown, _, signature = made.partition(".")
    assert seals.age(made, "1-aaaaaaaa", now + timedelta(hours=1)) == timedelta(hours=1)
    assert seals.age(made, "1-aaaaaaaa", now - timedelta(seconds=30)) == timedelta()
    odd = [
        f"{int(shown) - 1}.{signature}", f"{shown}.{signature[:-1]}A", f"{shown}.", signature, "", ".", "1" * 40, "٣.x",
        f"-{made}",
    ]  # fmt: skip
    assert [seals.age(one, "1-aaaaaaaa", now) for one in odd] == [None] * len(odd)
    assert seals.age(made, "1-bbbbbbbb", now) is None
    assert seals.age(made, "1-aaaaaaaa", now + TOKEN_LASTS + timedelta(seconds=1)) is None
    assert seals.age(made, "1-aaaaaaaa", now - timedelta(minutes=2)) is None
    assert Seals(lambda: b"another key" * 3).age(made, "1-aaaaaaaa", now) is None


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"_version": 1}, "token"),
        ({"_version": 1, "_token": "made up"}, "token"),
        ({"_token": "1.x"}, "token"),
        ({"_filled_ms": 1999}, "quick"),
        ({"_filled_ms": 2000}, None),
        ({"_filled_ms": "soon"}, None),
        ({"_gotcha": "x"}, "spam"),
        ({"_organization": "999"}, "organization"),
    ],
)
def test_what_a_program_gets_wrong_is_seen(world: World, given: dict[str, object], why: str | None) -> None:
    publish(world)
    assert after(world, ADA | given) == why


def test_the_time_is_that_of_the_token_whatever_the_browser_says(world: World) -> None:
    publish(world)
    quick = token(world, age=timedelta(seconds=1))
    assert after(world, ADA | {"_token": quick, "_filled_ms": 60_000}) == "quick"
    assert after(world, ADA | {"_token": token(world, key="1-other-form")}) == "token"
    assert after(world, ADA | {"_token": token(world, age=TOKEN_LASTS + timedelta(hours=1))}) == "token"


def test_a_form_may_go_without_tokens(world: World) -> None:
    version = publish(world, needs_token=False, least_fill_s=0)
    assert after(world, ADA | {"_version": version, "_token": "made up"}) is None
    assert after(world, ADA | {"_version": version, "_token": token(world, age=timedelta())}) is None


# --- proof of work ---------------------------------------------------------------------------------------------------


def test_where_a_form_always_asks_for_work_a_solution_counts_once_and_for_its_form(world: World) -> None:
    publish(world, proof_of_work="always")
    challenge = json.loads(asked(world).body)["proof_of_work"]
    solution = solved(challenge)
    assert after(world, ADA) == "proof"
    assert after(world, ADA | {"_altcha": "nonsense"}) == "proof"
    assert after(world, ADA | {"_altcha": base64.b64encode(b'{"number": 1}').decode()}) == "proof"
    assert after(world, ADA | {"_altcha": solution}) is None
    assert after(world, ADA | {"_altcha": solution}) == "proof"
    seals, now = world.parts.desk.reception.guard.seals, world.parts.desk.reception.guard.now()
    other = solved(seals.challenge("1-of-another", now))
    assert after(world, ADA | {"_altcha": other}) == "proof"
    late = solved(seals.challenge(form_key(world), now - timedelta(minutes=21)))
    assert after(world, ADA | {"_altcha": late}) == "proof"


def test_a_lead_that_is_sent_again_with_its_solution_stays_one_lead(world: World) -> None:
    publish(world, proof_of_work="always")
    body = ADA | {"_altcha": solved(json.loads(asked(world, "/challenge").body))}
    first, second = (world.post(body, key="one") for _ in range(2))
    assert (first.status, first.body) == (second.status, second.body)
    assert reason(world) is None


def test_browsers_compute_where_something_was_odd_and_nobody_else_does(world: World) -> None:
    publish(world, proof_of_work="suspicious")
    assert json.loads(asked(world).body)["proof_of_work"] is None
    assert after(world, ADA | {"_gotcha": "x"}) == "spam"
    challenge = json.loads(asked(world).body)["proof_of_work"]
    assert challenge is not None
    assert after(world, ADA | {"_filled_ms": 10, "_altcha": solved(challenge)}) is None


def test_work_outweighs_a_number_of_submissions_and_not_the_trap(world: World) -> None:
    publish(world, proof_of_work="suspicious")
    limit = world.parts.desk.reception.limit
    limit.per_minute, limit.burst = 60.0, 2.0
    reasons = [after(world, {"email": f"{number}@example.com"}) for number in range(4)]
    assert reasons == [None, None, "rate", "rate"]
    challenge = json.loads(asked(world).body)["proof_of_work"]
    assert after(world, ADA | {"_altcha": solved(challenge)}) is None
    again = json.loads(asked(world, "/challenge").body)
    assert after(world, ADA | {"_gotcha": "x", "_altcha": solved(again)}) == "spam"


def test_what_is_near_its_limit_has_to_compute_before_it_is_over_it(world: World) -> None:
    publish(world, proof_of_work="suspicious")
    limit = world.parts.desk.reception.limit
    limit.per_minute, limit.burst = 1.0, 4.0
    assert after(world, ADA) is None
    assert json.loads(asked(world).body)["proof_of_work"] is None
    assert after(world, ADA) is None
    assert json.loads(asked(world).body)["proof_of_work"] is not None


# --- where it comes from, and the address ----------------------------------------------------------------------------


def test_a_page_that_is_not_on_the_list_of_a_form_is_noticed(world: World) -> None:
    publish(world, domains=(OURS,))
    assert after(world, ADA, origin=OURS) is None
    assert after(world, ADA, origin="https://leads.example.org", host="leads.example.org") is None
    assert after(world, ADA, origin="https://evil.example") == "origin"
    assert after(world, ADA, origin="https://public.example.org", host="10.0.0.7:8000") == "origin"
    reception = world.parts.desk.reception
    reception.guard = replace(reception.guard, host="public.example.org")
    assert after(world, ADA, origin="https://public.example.org", host="10.0.0.7:8000") is None
    assert after(world, ADA, origin="https://[", host="x") == "origin"


@pytest.mark.parametrize("domain", ["mailinator.com", "Mailinator.COM", "x.mailinator.com"])
def test_an_address_that_is_thrown_away_is_noted_where_the_form_says_so_and_goes_its_way(
    world: World, domain: str
) -> None:
    publish(world)
    assert after(world, {"email": f"ada@{domain}"}) is None
    publish(world, check_disposable=False)
    assert after(world, {"email": f"ada@{domain}"}) is None
    assert after(world, {"email": "ada@mailinator.example"}) is None
    assert [row["flags"] for row in world.rows()] == [["disposable"], [], []]


def test_whoever_is_set_aside_is_answered_like_everybody(world: World) -> None:
    publish(world)
    fine, odd = world.post(ADA), world.post(ADA | {"_gotcha": "x", "_token": "made up"})
    assert (fine.status, fine.headers) == (odd.status, odd.headers)
    assert json.loads(fine.body).keys() == json.loads(odd.body).keys()


def test_what_is_set_aside_is_sent_on_by_one_click(world: World) -> None:
    publish(world)
    lead_id = UUID(json.loads(world.post(ADA | {"_token": "made up"}).body)["lead_id"])
    viewer = Viewer(organization_id=world.organization_id, role=Role.ADMIN)
    assert LeadActions(database=world.database, viewer=viewer, who="ann@example.com").replay(lead_id, fence=0)
    world.drain()
    assert reason(world) is None
    assert world.crm.contacts["C1"]["email"] == "ada@example.com"


# --- who may read an answer ------------------------------------------------------------------------------------------

LISTED = ("https://www.example.com", "https://shop.example.com:8443", "http://localhost:3000")
ORIGINS = [
    ("https://www.example.com", True), ("https://shop.example.com:8443", True), ("http://localhost:3000", True),
    ("http://www.example.com", False), ("https://www.example.com:443", False), ("https://www.example.com:8443", False),
    ("https://example.com", False), ("https://evil-www.example.com", False),
    ("https://www.example.com.evil.org", False), ("https://www.exämple.com", False),
    ("https://WWW.example.com", False), ("https://www.example.com/", False), ("https://www.example.com, x", False),
    ("https://xn--www-example-x.com", False), ("https://user@www.example.com", False),
    ("null", False), ("", False), ("*", False), ("file://", False), ("chrome-extension://abc", False),
]  # fmt: skip


@pytest.mark.parametrize("domains", [LISTED, ()])
def test_exactly_the_pages_of_a_form_may_read_what_it_answers(world: World, domains: tuple[str, ...]) -> None:
    publish(world, domains=domains)
    for origin, is_listed in ORIGINS:
        is_allowed = is_listed if domains else origin not in {"", "null"}
        definition, *others = readable(world, origin)
        assert others == [[origin] * is_allowed] * 4, origin
        # A page that may not show the form reads why, and nothing of the form.
        assert definition == [origin] * (origin not in {"", "null"}), origin
        shown = world.parts.window.definition(form_key(world), Request("GET", "", {"origin": origin}, b"", "127.0.0.1"))
        assert (b"steps" in shown.body) == (is_allowed or origin in {"", "null"}), origin


def readable(world: World, origin: str) -> list[list[str]]:
    """For whom each of the answers says that it may be read."""
    window, key = world.parts.window, form_key(world)
    get = Request("GET", "", {"origin": origin, "host": "leads.example.org"}, b"", "127.0.0.1", {})
    answers = [
        window.definition(key, get), window.challenge(key, get), window.preflight(key, get, "GET"),
        world.parts.desk.handle_from_thread(request(ADA, origin=origin)),
        world.parts.desk.handle_from_thread(request({"email": "no"}, origin=origin)),
    ]  # fmt: skip
    found = [answer.all_headers() for answer in answers]
    assert all(("vary", "Origin") in headers for headers in found)
    assert not any(name == "access-control-allow-credentials" for headers in found for name, _ in headers)
    return [[value for name, value in headers if name == "access-control-allow-origin"] for headers in found]

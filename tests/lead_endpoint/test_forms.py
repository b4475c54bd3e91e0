"""A submission is held against the version of the form that was filled in, and its answers reach the CRM as that form
says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import made_forms
import psycopg
import pytest
from hostile_adapter import capable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from world import World, request, world_of

from lead_endpoint import answers, submission
from lead_endpoint.messages import Answer
from snapshots import form_versions
from snapshots.database import Database
from snapshots.delivery import contact_input
from snapshots.form_definition import Definition
from snapshots.forms import mapped_fields

ADA = {"email": "ada@example.com"}
EMAIL: dict[str, Any] = {"name": "email", "kind": "email"}
COLOURS = [{"value": "red", "label": "Red"}, {"value": "blue", "label": "Blue"}]


@pytest.fixture
def world(database: Database, organization: int) -> Iterator[World]:
    with world_of(database, organization, capable(upserts=True)) as made:
        yield made


def publish(world: World, *fields: dict[str, Any], **changes: Any) -> int:
    """The default form, with these fields after the e-mail address."""
    version = made_forms.publish(world.database, world.organization_id, made_forms.only(EMAIL, *fields, **changes))
    world.parts.desk.forms._known.clear()
    return version


def said(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.body)
    return found


def wrong(answer: Answer) -> dict[str, str]:
    """What is wrong, by field."""
    assert answer.status == 422, answer
    return {one["field"]: one["message"] for one in said(answer)["errors"]}


def stored(world: World) -> dict[str, Any]:
    """The newest lead."""
    with world.database.as_app(world.organization_id) as connection:
        row = connection.execute(text("SELECT * FROM received_leads ORDER BY lead_id DESC LIMIT 1")).mappings().one()
    return dict(row)


# --- versions --------------------------------------------------------------------------------------------------------


def test_a_submission_is_held_against_the_version_that_was_filled_in(world: World) -> None:
    first = publish(world)
    second = publish(world, {"name": "budget", "is_required": True})
    assert world.post(ADA | {"_version": first, "_token": _token(world)}).status == 202
    assert stored(world)["form_version"] == first
    assert wrong(world.post(ADA | {"_version": second, "_token": _token(world)})) == {"budget": "Please fill this in."}
    assert world.post(ADA | {"_version": second, "budget": "12", "_token": _token(world)}).status == 202
    assert stored(world)["form_version"] == second


def test_an_earlier_version_opens_no_door_that_was_closed_since(world: World) -> None:
    left = "https://left.example/x"
    draft = made_forms.only(EMAIL, redirects=[left], thank_you={"url": left})
    first = made_forms.publish(world.database, world.organization_id, draft)
    publish(world, protection={"proof_of_work": "always"}, domains=["https://own.example"])
    said = ADA | {"_version": first, "_token": _token(world)}
    assert world.post(said).status == 202
    assert (stored(world)["form_version"], stored(world)["reason"]) == (first, "proof")
    assert world.post(said, origin="https://elsewhere.example").status == 202
    assert stored(world)["reason"] == "origin"
    plain = replace(request({}), body=f"email=ada%40example.com&_version={first}&_next={left}".encode())
    plain = replace(plain, headers={**plain.headers, "content-type": "application/x-www-form-urlencoded"})
    assert dict(world.parts.desk.handle_from_thread(plain).headers)["location"] == "/thanks"


def test_without_a_version_that_there_is_the_present_one_counts(world: World) -> None:
    publish(world)
    second = publish(world, {"name": "budget", "is_required": True})
    for version in (None, 0, 4, 99, "x", "-1", 10**12, [1], True):
        body = ADA | ({} if version is None else {"_version": version, "_token": _token(world)})
        assert wrong(world.post(body)).keys() == {"budget"}, version
        assert world.post(body | {"budget": "12"}).status == 202
        assert stored(world)["form_version"] == second


def test_a_version_that_was_published_a_moment_ago_counts_before_the_form_is_looked_up_again(world: World) -> None:
    """Another process may have shown it already."""
    publish(world, {"name": "budget", "is_required": True})
    world.post(ADA)
    made_forms.publish(world.database, world.organization_id, made_forms.only(EMAIL))
    assert world.post(ADA | {"_version": 3, "_token": _token(world)}).status == 202
    assert stored(world)["form_version"] == 3


def test_submissions_keep_the_version_that_they_answered(world: World) -> None:
    first = publish(world, {"name": "budget", "label": "Your budget"})
    world.post(ADA | {"budget": "12"})
    publish(world, {"name": "budget", "label": "What you pay"})
    assert stored(world)["form_version"] == first
    form = made_forms.default_form(world.database, world.organization_id)
    kept = {one.version: one for one in form_versions.versions(world.database, world.organization_id, form.form_id)}
    assert kept[first].definition.fields[1].label == "Your budget"


def test_nobody_of_the_program_may_change_a_version(world: World) -> None:
    version = publish(world)
    for session in (world.database.as_app(world.organization_id), world.database.as_worker()):
        with pytest.raises(Exception, match="permission denied"), session as connection:
            connection.execute(text("UPDATE form_versions SET definition = '{}' WHERE version = :v"), {"v": version})


def test_a_form_that_was_never_published_keeps_what_comes_for_a_person(world: World) -> None:
    made = form_versions.create_form(world.database, world.organization_id, "New", {}, by=made_forms.BY)
    assert world.post(ADA | {"form": made.key, "anything": "goes"}).status == 202
    row = stored(world)
    assert (row["state"], row["reason"], row["detail"]) == (
        "quarantined",
        "paused",
        "The form has no published version.",
    )


def test_a_version_that_this_program_cannot_read_loses_no_lead(world: World) -> None:
    with psycopg.connect(world.database.url) as connection:
        connection.execute("SET ROLE slms_worker")
        connection.execute(
            "INSERT INTO form_versions (organization_id, form_id, version, definition, published_by) "
            "SELECT organization_id, form_id, 99, '{\"steps\": \"of tomorrow\"}', 'x' FROM forms"
        )
        connection.execute("UPDATE forms SET published_version = 99")
    assert world.post(ADA).status == 202
    assert (stored(world)["state"], stored(world)["reason"]) == ("quarantined", "paused")


# --- what is asked ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ({"kind": "number"}, ["1", "-2.5", "1e3", 7, 0], ["one", "1,5", "nan", "inf", "1_0", "1 2"]),
        ({"kind": "number", "limits": {"least": 1, "most": 5}}, ["1", "5.0"], ["0.99", "6"]),
        ({"kind": "date"}, ["2026-02-28"], ["2026-02-29", "28.2.2026", "20260228", "2026-W09-6"]),
        ({"kind": "date", "limits": {"least": "2026-01-01"}}, ["2026-01-01"], ["2025-12-31"]),
        ({"kind": "select", "options": COLOURS}, ["red"], ["green", "red, blue", "Red"]),
        ({"kind": "multi_select", "options": COLOURS}, ["red", "blue, red", ["red", "blue"]], ["green", ["red", "x"]]),
        ({"kind": "checkbox"}, ["yes", "on", True, "no", False], []),
        ({"kind": "email"}, ["bo@example.com"], ["bo", "bo@", "a@b@c.de"]),
        ({"kind": "phone"}, ["+49 30 901820", "01234"], ["12", "none"]),
        ({"limits": {"shortest": 2, "longest": 4}}, ["ab", "äöüß"], ["a", "abcde"]),
        ({"limits": {"form": "digits"}}, ["0123"], ["12a", "١٢"]),
        ({"limits": {"form": "letters"}}, ["Ada Łovelace-O’Neill"], ["Ada1", "a_b"]),
        ({"limits": {"form": "url"}}, ["https://example.com/x"], ["example.com", "javascript:alert(1)", "https://a b"]),
        ({"kind": "long_text"}, ["two\nlines", {"any": "thing"}], []),
    ],
)  # fmt: skip
def test_each_kind_takes_what_it_is_for(field: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    definition = Definition.model_validate(made_forms.only(EMAIL, {"name": "asked", **field}))
    for value in [*good, *bad]:
        found = answers.read(definition, submission.texts_of(ADA | {"asked": value}), None)
        assert [one.field for one in found.wrong] == ["asked"] * (value in bad), value


def test_everything_that_is_wrong_is_told_at_once_and_the_attempt_is_kept(world: World) -> None:
    publish(world, {"name": "budget", "kind": "number", "is_required": True}, {"name": "terms", "is_required": True})
    answer = world.post({"email": "ada", "budget": "much"})
    assert wrong(answer).keys() == {"email", "budget", "terms"}
    assert said(answer)["field"] == "email"
    with world.database.as_app(world.organization_id) as connection:
        kept = connection.execute(text("SELECT field, reason, body FROM refused_submissions")).mappings().one()
    assert kept["field"] == "email"
    assert "budget: Please enter a number." in kept["reason"]
    assert json.loads(bytes(kept["body"])) == {"email": "ada", "budget": "much"}


def test_a_field_that_was_not_shown_is_not_needed_and_what_is_sent_for_it_does_not_count(world: World) -> None:
    kind = {"name": "kind", "kind": "select", "options": COLOURS}
    shade = {
        "name": "shade", "is_required": True, "show_if": {"field": "kind", "is_any_of": ["blue"]},
        "properties": {"demo": "crm_shade"},
    }  # fmt: skip
    publish(world, kind, shade)
    assert world.post(ADA | {"kind": "red", "shade": "navy"}).status == 202
    assert "shade" not in stored(world)["extra"]
    assert b"navy" in bytes(stored(world)["body"])
    assert wrong(world.post(ADA | {"kind": "blue"})).keys() == {"shade"}
    assert world.post(ADA | {"kind": "blue", "shade": "navy"}).status == 202
    assert stored(world)["extra"]["shade"] == "navy"


def test_what_is_wrong_is_told_in_the_language_of_the_visitor(world: World) -> None:
    publish(world, {"name": "budget", "is_required": True}, translations={"de": {"words": {"number": "Zahl!"}}})
    assert wrong(world.post(ADA | {"_language": "de"})) == {"budget": "Bitte ausfüllen."}
    assert wrong(world.post(ADA | {"_language": "fr"})) == {"budget": "Please fill this in."}


def test_a_consent_is_kept_word_for_word_with_its_version_and_time(world: World) -> None:
    consent = {"name": "news", "kind": "consent", "label": "", "consent_text": "Send me news.", "consent_version": 3}
    translated = {"de": {"fields": {"news": {"consent_text": "Schickt mir Neues."}}}}
    publish(world, consent, translations=translated)
    world.post(ADA | {"news": "on"})
    [kept] = stored(world)["consents"]
    assert kept.pop("at").endswith("+00:00")
    assert kept == {"field": "news", "text": "Send me news.", "version": 3, "language": "en"}
    world.post(ADA | {"news": "yes", "_language": "de"})
    assert stored(world)["consents"][0]["text"] == "Schickt mir Neues."
    for unticked in ({}, {"news": "no"}, {"news": ""}):
        world.post(ADA | unticked)
        assert stored(world)["consents"] is None


def test_a_consent_that_is_needed_is_needed(world: World) -> None:
    consent = {"name": "terms", "kind": "consent", "label": "", "consent_text": "I agree.", "is_required": True}
    publish(world, consent)
    assert wrong(world.post(ADA | {"terms": "no"})) == {"terms": "Please fill this in."}


def test_a_hidden_field_has_its_own_value_where_nothing_is_sent(world: World) -> None:
    publish(world, {"name": "region", "kind": "hidden", "default": "north"})
    world.post(ADA)
    assert stored(world)["extra"] == {"region": "north"}
    world.post(ADA | {"region": "south"})
    assert stored(world)["extra"] == {"region": "south"}


def test_a_number_without_a_country_is_read_as_the_form_says(world: World) -> None:
    publish(world, {"name": "phone", "kind": "phone", "country": "DE"})
    world.post(ADA | {"phone": "030 901820"})
    assert stored(world)["phone"] == "+4930901820"


def test_what_the_script_says_of_the_visit_is_kept(world: World) -> None:
    visit = {"_visit": "abcdefghij_KLMNOP-123", "_source": "Newsletter", "_campaign": "spring"}
    world.post(ADA | visit)
    row = stored(world)
    assert (row["visit"], row["source"], row["campaign"]) == (visit["_visit"], "Newsletter", "spring")
    for odd in ("short", "x" * 41, "spaces are not here", 5):
        world.post(ADA | {"_visit": odd})
        assert stored(world)["visit"] is None


def test_a_form_s_own_source_counts_where_the_page_says_none(world: World) -> None:
    draft = made_forms.definition(source="Demo request", campaign="spring")
    made_forms.publish(world.database, world.organization_id, draft)
    world.post(ADA)
    row = stored(world)
    assert (row["source"], row["campaign"]) == ("Demo request", "spring")
    world.post(ADA | {"_source": "Partner page"})
    assert stored(world)["source"] == "Partner page"


# --- what reaches the CRM --------------------------------------------------------------------------------------------

MAPPED: list[dict[str, Any]] = [
    {"name": "budget", "properties": {"demo": "crm_budget", "hubspot": "hs_budget"}, "policy": "append"},
    {"name": "team", "properties": {"hubspot": "hs_team"}},
    {"name": "company", "properties": {"demo": "company"}, "policy": "overwrite"},
    {"name": "evil", "properties": {"demo": "email"}},
    {"name": "note"},
]
NAMES = ["budget", "team", "company", "evil", "note", "crm_budget", "hs_team", "owner_id", "__proto__", "email", "name"]
MAPPING = Definition.model_validate(made_forms.only(EMAIL, *MAPPED))


@given(
    st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=12), st.text(max_size=8) | st.integers(), max_size=12),
    st.sampled_from(["demo", "hubspot", "nutshell"]),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_only_what_the_form_maps_is_ever_delivered(posted: dict[str, Any], provider: str) -> None:
    fields = posted | ADA
    read = answers.read(MAPPING, submission.texts_of(fields), None)
    person = submission.person(fields, phone_region=None, said=read.texts)
    row = {name: getattr(person, name) for name in ("email", "phone", "first_name", "last_name", "company", "extra")}
    stored_fields = MAPPING.model_dump(mode="json")["steps"][0]["fields"]
    found = contact_input(row | {"lead_id": UUID(int=1)}, mapped_fields(stored_fields, provider))
    allowed = {one.properties[provider] for one in MAPPING.fields if provider in one.properties} - {"email", "company"}
    assert found.fields.keys() <= allowed
    assert found.email == person.email
    assert set(found.fields.values()) <= {*person.extra.values()}


def test_the_name_of_a_property_can_be_mended_for_leads_that_wait(world: World) -> None:
    publish(
        world, {"name": "budget", "properties": {"demo": "crm_budgte"}}, {"name": "old", "properties": {"demo": "o"}}
    )
    world.post(ADA | {"budget": "12", "old": "1", "owner_id": "7"})
    publish(world, {"name": "budget", "properties": {"demo": "crm_budget"}})
    [claim] = world.claim()
    assert claim.contact.fields == {"crm_budget": "12", "o": "1"}


def _token(world: World) -> str:
    """Of the default form, shown an hour ago."""
    from datetime import timedelta

    guard, form = world.parts.desk.reception.guard, made_forms.default_form(world.database, world.organization_id)
    return guard.seals.token(form.key, guard.now() - timedelta(hours=1))


def test_a_program_names_the_source_in_a_plain_field_unless_the_form_asks_for_it(world: World) -> None:
    made_forms.publish(world.database, world.organization_id, made_forms.only({"name": "email", "kind": "email"}))
    world.parts.desk.forms._known.clear()
    world.post({"email": "ada@example.com", "source": "Referral", "campaign": "Spring"})
    asks = made_forms.only({"name": "email", "kind": "email"}, {"name": "source", "kind": "text"})
    made_forms.publish(world.database, world.organization_id, asks)
    world.parts.desk.forms._known.clear()
    world.post({"email": "bob@example.com", "source": "a friend"})
    with world.database.as_app(world.organization_id) as connection:
        rows = connection.execute(text("SELECT email, source, campaign FROM received_leads ORDER BY email")).all()
    assert [tuple(row) for row in rows] == [("ada@example.com", "Referral", "Spring"), ("bob@example.com", None, None)]

"""Drafts are edited by one at a time, versions never change, and every change is written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import made_forms
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_forms import AT, BY
from sqlalchemy import text

from snapshots import audit, form_versions
from snapshots.database import Database, migrate
from snapshots.form_definition import DEFAULT, Definition, faults
from snapshots.form_versions import DraftChanged, DraftHasFaults, FormSummary
from snapshots.forms import list_forms, send_to

PHONE = made_forms.only({"name": "phone", "kind": "phone"})
EMAIL = made_forms.only({"name": "email", "kind": "email"})


@pytest.fixture
def form(database: Database, organization: int) -> FormSummary:
    return form_versions.create_form(database, organization, "Website", PHONE, by=BY)


def summary(database: Database, organization: int, form_id: int) -> FormSummary:
    found = form_versions.list_forms(database, organization, archived=True)
    return next(one for one in found if one.form_id == form_id)


def save(database: Database, organization: int, form: FormSummary, draft: dict[str, Any], revision: int) -> int:
    return form_versions.save_draft(
        database, organization, form.form_id, draft, expected_revision=revision, by="bo@example.com"
    )


def publish(database: Database, organization: int, form: FormSummary, revision: int) -> int:
    return form_versions.publish(database, organization, form.form_id, expected_revision=revision, by=BY, now=AT)


def test_every_organization_has_a_default_form_that_is_published(database: Database, organization: int) -> None:
    [form] = form_versions.list_forms(database, organization)
    assert (form.status, form.published_version, form.is_default) == ("published", 1, True)
    assert not form.has_unpublished_changes
    [version] = form_versions.versions(database, organization, form.form_id)
    assert version.definition == Definition.model_validate(DEFAULT)
    assert [field.name for field in version.definition.fields] == ["email", "name", "phone", "company", "message"]


def test_a_new_form_is_a_draft_until_it_is_published(database: Database, organization: int, form: FormSummary) -> None:
    assert (form.status, form.published_version, form.has_unpublished_changes) == ("draft", None, True)
    assert publish(database, organization, form, form.draft_revision) == 1
    now = summary(database, organization, form.form_id)
    assert (now.status, now.published_version, now.has_unpublished_changes) == ("published", 1, False)
    [version] = form_versions.versions(database, organization, form.form_id)
    assert (version.published_at, version.published_by) == (AT, BY)


def test_who_saves_what_somebody_else_changed_meanwhile_is_told(
    database: Database, organization: int, form: FormSummary
) -> None:
    assert save(database, organization, form, EMAIL, 1) == 2
    with pytest.raises(DraftChanged) as told:
        save(database, organization, form, PHONE, 1)
    assert told.value.revision == 2
    with pytest.raises(DraftChanged):
        publish(database, organization, form, 1)
    draft = form_versions.get_draft(database, organization, form.form_id)
    assert (draft.revision, draft.definition) == (2, EMAIL)


def test_a_draft_with_faults_is_kept_and_not_published(
    database: Database, organization: int, form: FormSummary
) -> None:
    revision = save(database, organization, form, {"steps": [{"fields": [{"name": "A"}]}]}, 1)
    with pytest.raises(DraftHasFaults) as told:
        publish(database, organization, form, revision)
    assert {one.place for one in told.value.faults} >= {"steps.0.fields.0.name", "steps.0.fields.0.kind"}
    assert form_versions.versions(database, organization, form.form_id) == []


def test_versions_stay_and_one_can_be_made_the_draft_again(
    database: Database, organization: int, form: FormSummary
) -> None:
    assert publish(database, organization, form, 1) == 1
    assert publish(database, organization, form, save(database, organization, form, EMAIL, 1)) == 2
    before = form_versions.versions(database, organization, form.form_id)
    assert [one.version for one in before] == [2, 1]
    revision = form_versions.restore(database, organization, form.form_id, 1, by=BY)
    assert summary(database, organization, form.form_id).has_unpublished_changes
    assert publish(database, organization, form, revision) == 3
    after = form_versions.versions(database, organization, form.form_id)
    assert after[1:] == before
    assert after[0].definition == before[1].definition
    with pytest.raises(LookupError):
        form_versions.restore(database, organization, form.form_id, 9, by=BY)


def test_what_is_published_as_it_is_makes_no_further_version(
    database: Database, organization: int, form: FormSummary
) -> None:
    publish(database, organization, form, 1)
    revision = save(database, organization, form, {**PHONE, "title": "  "}, 1)
    assert not summary(database, organization, form.form_id).has_unpublished_changes
    assert publish(database, organization, form, revision) == 1
    assert len(form_versions.versions(database, organization, form.form_id)) == 1


_BOTH_WAIT = text(
    "SELECT count(*) >= 2 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def test_two_who_publish_the_same_draft_at_once_make_one_version(
    database: Database, organization: int, form: FormSummary
) -> None:
    publish(database, organization, form, 1)
    revision = save(database, organization, form, EMAIL, 1)
    with ThreadPoolExecutor(2) as pool:
        with database.as_app(organization) as holder:
            holder.execute(text("SELECT FROM forms WHERE form_id = :form FOR UPDATE"), {"form": form.form_id})
            both = [pool.submit(publish, database, organization, form, revision) for _ in range(2)]
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as looking:
                while not looking.execute(_BOTH_WAIT).scalar_one():
                    assert not any(one.done() for one in both)
        assert [one.result(10) for one in both] == [2, 2]
    assert len(form_versions.versions(database, organization, form.form_id)) == 2


def test_a_form_is_paused_archived_and_taken_back(database: Database, organization: int, form: FormSummary) -> None:
    def to(status: Any) -> str:
        form_versions.set_status(database, organization, form.form_id, status, by=BY)
        return summary(database, organization, form.form_id).status

    for status in ("published", "paused"):
        with pytest.raises(ValueError, match="Publish it first"):
            to(status)
    publish(database, organization, form, 1)
    with pytest.raises(ValueError, match="pause it instead"):
        to("draft")
    assert [to(status) for status in ("paused", "published", "archived")] == ["paused", "published", "archived"]
    assert form.form_id not in {one.form_id for one in form_versions.list_forms(database, organization)}
    assert form.form_id in {one.form_id for one in list_forms(database, organization)}
    assert to("published") == "published"
    default = list_forms(database, organization)[0]
    with pytest.raises(ValueError, match="cannot be archived"):
        form_versions.set_status(database, organization, default.form_id, "archived", by=BY)


def test_a_copy_is_a_draft_of_its_own_with_a_key_of_its_own(
    database: Database, organization: int, form: FormSummary
) -> None:
    publish(database, organization, form, 1)
    send_to(database, organization, form.form_id, 7)
    copy = form_versions.duplicate(database, organization, form.form_id, by=BY)
    assert (copy.name, copy.status, copy.published_version) == ("Copy of Website", "draft", None)
    assert copy.key != form.key
    assert form_versions.get_draft(database, organization, copy.form_id).definition == PHONE
    assert {one.form_id: one.connection_id for one in list_forms(database, organization)}[copy.form_id] == 7


@pytest.mark.parametrize("name", ["", "  ", "\x00", "x" * 121])
def test_a_form_has_a_name(database: Database, organization: int, form: FormSummary, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        form_versions.rename(database, organization, form.form_id, name, by=BY)
    form_versions.rename(database, organization, form.form_id, " New \n name ", by=BY)
    assert summary(database, organization, form.form_id).name == "New name"


@pytest.mark.parametrize("odd", ["\x00nul", "\ud800half", "\udfff\x00"])
def test_what_no_database_can_hold_is_mended_in_a_draft(
    database: Database, organization: int, form: FormSummary, odd: str
) -> None:
    revision = save(database, organization, form, {**PHONE, "title": odd}, 1)
    assert publish(database, organization, form, revision) == 1


def test_a_draft_that_is_too_large_is_refused(database: Database, organization: int, form: FormSummary) -> None:
    with pytest.raises(ValueError, match="too large"):
        save(database, organization, form, {"title": "x" * 600_000}, 1)


def test_each_change_is_in_the_audit_log_with_before_and_after(
    database: Database, organization: int, form: FormSummary
) -> None:
    publish(database, organization, form, save(database, organization, form, EMAIL, 1))
    form_versions.set_status(database, organization, form.form_id, "paused", by=BY)
    form_versions.rename(database, organization, form.form_id, "Contact", by=BY)
    form_versions.restore(database, organization, form.form_id, 1, by=BY)
    send_to(database, organization, form.form_id, 7, by=BY)
    entries = audit.list_entries(database, organization, subject="form")
    mine = [one for one in reversed(entries) if one.subject_id == str(form.form_id)]
    assert [one.action for one in mine] == [
        "created", "changed draft", "published", "set to paused", "renamed", "restored version 1", "sent elsewhere",
    ]  # fmt: skip
    assert mine[0].before is None
    assert (mine[1].by, mine[1].after) == ("bo@example.com", EMAIL)
    assert (mine[3].before, mine[3].after) == ({"status": "published"}, {"status": "paused"})
    assert (mine[4].before, mine[4].after) == ({"name": "Website"}, {"name": "Contact"})


def test_an_hour_of_editing_is_one_change_and_the_publication_says_what_became_of_it(
    database: Database, organization: int, form: FormSummary
) -> None:
    revision = 1
    for title in ("A", "B", "C"):
        revision = save(database, organization, form, {**EMAIL, "title": title}, revision)
    publish(database, organization, form, revision)
    entries = audit.list_entries(database, organization, subject="form")
    mine = [one for one in reversed(entries) if one.subject_id == str(form.form_id)]
    assert [one.action for one in mine] == ["created", "changed draft", "published"]
    assert mine[2].after is not None
    assert mine[2].after["title"] == "C"
    assert mine[2].after["steps"] == EMAIL["steps"]


def test_an_outsider_sees_and_changes_nothing(
    database: Database, organization: int, other_organization: int, form: FormSummary
) -> None:
    publish(database, organization, form, 1)
    theirs = other_organization
    assert form.form_id not in {one.form_id for one in form_versions.list_forms(database, theirs, archived=True)}
    assert form_versions.versions(database, theirs, form.form_id) == []
    asked: list[Callable[[], object]] = [
        lambda: form_versions.get_draft(database, theirs, form.form_id),
        lambda: save(database, theirs, form, EMAIL, 1),
        lambda: publish(database, theirs, form, 1),
        lambda: form_versions.restore(database, theirs, form.form_id, 1, by=BY),
        lambda: form_versions.rename(database, theirs, form.form_id, "x", by=BY),
        lambda: form_versions.duplicate(database, theirs, form.form_id, by=BY),
        lambda: form_versions.set_status(database, theirs, form.form_id, "paused", by=BY),
        lambda: send_to(database, theirs, form.form_id, None),
    ]
    for one in asked:
        with pytest.raises(LookupError):
            one()
    assert summary(database, organization, form.form_id).status == "published"


# --- definitions -----------------------------------------------------------------------------------------------------


def test_what_a_form_was_before_versions_is_its_first_version(new_database: Callable[[], str]) -> None:
    url = new_database()
    mapped = [{"name": "budget", "property": "hs_budget", "policy": "append"}, {"name": "Not One", "property": "x"}]
    migrate(url, "0005_crm_changes")
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO organizations (name, time_zone) VALUES ('Acme', 'UTC')")
        connection.execute("INSERT INTO crm_connections (organization_id, provider, name) VALUES (1, 'hubspot', 'H')")
        connection.execute(
            "INSERT INTO forms (organization_id, key, name, is_default, is_active, fields, thank_you_urls, "
            "phone_region) VALUES (1, '1-00000000', 'Website', true, false, %s, '{https://ok.example/thanks}', 'DE'), "
            "(1, '1-00000001', 'Plain', false, true, '[]', '{}', NULL)",
            (json.dumps(mapped),),
        )
    migrate(url)
    database = Database(url)
    website, plain = form_versions.list_forms(database, 1)
    assert (website.status, website.published_version, website.has_unpublished_changes) == ("paused", 1, False)
    [version] = form_versions.versions(database, 1, website.form_id)
    fields = {field.name: field for field in version.definition.fields}
    assert fields.keys() == {"email", "name", "phone", "company", "message", "budget"}
    assert fields["phone"].country == "DE"
    assert (fields["budget"].properties, fields["budget"].policy) == ({"hubspot": "hs_budget"}, "append")
    assert version.definition.thank_you.url == "https://ok.example/thanks"
    assert version.definition.redirects == ("https://ok.example/thanks",)
    assert plain.status == "published"
    [version] = form_versions.versions(database, 1, plain.form_id)
    assert version.definition == Definition.model_validate(DEFAULT)
    with database.as_app(1) as connection:
        assert connection.execute(text("SELECT draft FROM forms WHERE key = '1-00000001'")).scalar_one()["title"]
    database.close()


PARTS = st.sampled_from(["steps", "fields", "name", "kind", "x"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(PARTS, one)
)


@given(ANY_JSON)
def test_whatever_is_in_a_draft_its_faults_are_told(draft: object) -> None:
    for fault in faults(draft):
        assert fault.message
